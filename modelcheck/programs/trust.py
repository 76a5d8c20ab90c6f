"""All executions of a program one by one, each once: TruSt, for models without load buffering.

Events are added one after the other, in an order that only depends on the graph so far; a read is
tried with every write there is, a write at every place in coherence order, and a write that is
added may be what an earlier read should have read (a *backward revisit*: what came after that read
is forgotten, unless the write depends on it). A revisit is done only where what it forgets was
added in the one way that the algorithm calls maximal, so no graph is met twice and none is kept:
memory does not grow with their number.

It is complete where program order and reads-from have no cycle, a prefix of a consistent graph is
consistent, and an event can always be added: `sc`, `x86-tso`, `ra`, `rc11`.

Source: Kokologiannakis, Marmanis, Gladstein, Vafeiadis, "Truly Stateless, Optimal Dynamic Partial
Order Reduction", POPL 2022, algorithms 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from attrs import evolve, field, frozen

from modelcheck.axiomatic.candidates import OutOfTime
from modelcheck.axiomatic.constraints import Judgement, Model, judge
from modelcheck.axiomatic.execution import Event, Execution, Skeleton
from modelcheck.axiomatic.relations import Relation
from modelcheck.axiomatic.values import Domain
from modelcheck.language.local import Fails
from modelcheck.language.refs import Ref
from modelcheck.language.steps import Choose, Either
from modelcheck.litmus.machine import Machine
from modelcheck.programs.events import Blocked, Thread
from modelcheck.programs.follow import Stop
from modelcheck.programs.search import Executions, ProgramSearch
from modelcheck.programs.targets import Access
from modelcheck.programs.threads import Program, ProgramTrace, place_of
from modelcheck.programs.tracked import Tracked, testing, unboxed

#: The models that it is complete for, by the names that they have for litmus tests.
PORF_ACYCLIC = frozenset({"sc", "x86-tso", "ra", "rc11"})

#: An event: its thread and its number there. An initial write is in thread -1, by location.
Id = tuple[int, Any]


class NotHere(Exception):
    """The program has a choice of its own: executions have to be enumerated in another way."""


class Waiting(BaseException):
    """The thread wants to read, and nobody has said yet which value."""


class Replayed(Thread):
    """A turn whose reads get recorded values, as far as there are any."""

    values: Sequence[Any] = ()
    taken = 0

    def reads(self, ref: Ref, access: Access) -> Any:
        """Return the next recorded value; where there is none, the run stops at this read."""
        self.owner.note(ref, self.place, "read")
        self.fences(access.before)
        known = self.taken < len(self.values)
        value = self.values[self.taken] if known else 0
        bit = self._emit(Event("R", ref.name, value, access.read))
        if not known:
            raise Waiting
        self.taken += 1
        self.fences(access.after)
        self.last_read = bit
        return Tracked(unboxed(value), bit)

    def choose(self, options: Sequence[Any]) -> Any:
        """Refuse: a choice is no event."""
        raise NotHere


class Replays:
    """The runs of all threads by the values of their reads, each found once."""

    def __init__(self, programs: Sequence[Program]):
        self.programs = programs
        self._known: dict[tuple[int, tuple[Any, ...]], ProgramTrace] = {}

    def trace(self, thread: int, values: tuple[Any, ...]) -> ProgramTrace:
        """Return what a thread does with these values; at most its last event is a read without."""
        key = (thread, values)
        if key not in self._known:
            self._known[key] = self._run(self.programs[thread], values)
        return self._known[key]

    def _run(self, program: Program, values: tuple[Any, ...]) -> ProgramTrace:
        machine = Machine(program.number, Domain({}, {}), [], False)
        follower = program.follower
        follower.begin_run(machine)
        turn = Replayed(program.memory, machine, follower, program.owner)
        turn.values = values
        run = program.started()
        end: dict[str, Any] = {}
        try:
            result: Any = None
            while True:
                run.send(result)
                if run.ended:
                    break
                assert run.step is not None
                if isinstance(run.step, Choose | Either):
                    raise NotHere
                turn.step, turn.place = run.step, place_of(run)
                machine.line = turn.place[1]
                with testing():
                    result = run.step.perform(turn)  # type: ignore[arg-type] # a turn of another kind
        except Waiting:
            pass
        except Blocked:
            end = {"waiting": turn.step, "rests": program.rests(turn.step)}
        except Stop:
            end = {"ended_by_failure": follower.stopped_at is None}
        except Fails as fails:
            follower.failures.append(fails.failure)
            end = {"ended_by_failure": True}
        return ProgramTrace(
            machine.events, {}, cut=follower.stopped_at is not None,
            failures=tuple(follower.failures), labels=tuple(turn.labels),
            stopped_at=follower.stopped_at, **end,
        )  # fmt: skip


@frozen(eq=False)
class Graph:
    """An execution so far: events in the order of adding, who reads from whom, coherence order."""

    order: tuple[Id, ...]
    counts: tuple[int, ...]  # events of each thread
    rf: Mapping[Id, Id]
    co: Mapping[str, tuple[Id, ...]]
    labels: Mapping[Id, Event]  # what each event was when it was added
    made: dict[int, ProgramTrace] = field(factory=dict, init=False)


class Trust:
    """The exploration of one program under one model."""

    def __init__(self, search: ProgramSearch, on_graph: Callable[[Execution, Judgement], None]):
        self.model: Model = search.model
        self.init, self.check = search.init, search.check
        self.replays = Replays(search.programs)
        self.on_graph = on_graph
        self.threads = len(search.programs)

    def run(self) -> None:
        """Visit every execution once; raise `OutOfTime` where the budget is used up."""
        co: dict[str, tuple[Id, ...]] = {loc: ((-1, loc),) for loc in self.init}
        waiting = [self._visit(Graph((), (0,) * self.threads, {}, co, {}))]
        while waiting:  # a stack of what recursion would hold
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
            else:
                waiting.append(self._visit(following))

    def _visit(self, g: Graph) -> Iterator[Graph]:
        """Go over the graphs that come directly after one."""
        self.check()
        added = self._next(g)
        if added is None:
            execution = self.execution(g)
            for judgement in self._judged(execution):
                self.on_graph(execution, judgement)
            return
        event = self._trace(g, added[0]).events[added[1]]
        grown = evolve_added(g, added, event)
        if event.kind == "R":
            for write in g.co[str(event.loc)]:
                yield from self._consistent(evolve(grown, rf={**g.rf, added: write}))
        elif event.kind == "W":
            yield from self._placed(grown, added, event)
            for read in self._revisited(grown, added):
                restricted = self._restricted(grown, read, added)
                yield from self._placed(restricted, added, event)
        else:
            yield from self._consistent(grown)

    def _next(self, g: Graph) -> Id | None:
        """Return the next event of the first thread that has one."""
        for thread in range(self.threads):
            if g.counts[thread] < len(self._trace(g, thread).events):
                return (thread, g.counts[thread])
        return None

    def _trace(self, g: Graph, thread: int) -> ProgramTrace:
        """Return what a thread does, given what its reads in the graph return."""
        if thread not in g.made:
            reads = [(thread, i) for i in range(g.counts[thread]) if (thread, i) in g.rf]
            values = tuple(self.value(g, g.rf[read]) for read in reads)
            g.made[thread] = self.replays.trace(thread, values)
        return g.made[thread]

    def event(self, g: Graph, number: Id) -> Event:
        """Return an event of the graph."""
        return g.labels[number]

    def value(self, g: Graph, write: Id) -> Any:
        """Return what a write writes."""
        if write[0] < 0:
            return self.init[write[1]]
        return self.event(g, write).value

    # Coherence

    def _placed(self, g: Graph, write: Id, event: Event) -> Iterator[Graph]:
        """Go over the places that a write can take; of a read-modify-write it is one."""
        before = g.co[str(event.loc)]
        places = range(1, len(before) + 1)
        if event.rmw is not None:
            source = g.rf[write[0], event.rmw]
            places = range(before.index(source) + 1, before.index(source) + 2)
        for place in places:
            order = (*before[:place], write, *before[place:])
            yield from self._consistent(evolve(g, co={**g.co, str(event.loc): order}))

    def _consistent(self, g: Graph) -> Iterator[Graph]:
        if any(j.broken is None for j in self._judged(self.execution(g))):
            yield g

    def _judged(self, execution: Execution) -> Sequence[Judgement]:
        return judge(self.model, execution, self.model.prepare(execution.skeleton))

    def execution(self, g: Graph) -> Execution:
        """Return the graph as the model sees it."""
        traces = [
            evolve_cut(self._trace(g, thread), g.counts[thread]) for thread in range(self.threads)
        ]
        s = Skeleton(self.init, traces)
        locations = {loc: i for i, loc in enumerate(self.init)}

        def number(i: Id) -> int:
            return locations[i[1]] if i[0] < 0 else s.offsets[i[0]] + i[1]

        rf, co = [0] * s.n, [0] * s.n
        for read, write in g.rf.items():
            rf[number(write)] |= 1 << number(read)
        for order in g.co.values():
            later = 0
            for write in reversed(order):
                co[number(write)] = later
                later |= 1 << number(write)
        return Execution(s, Relation(rf), Relation(co))

    # Backward revisits

    def _revisited(self, g: Graph, write: Id) -> Iterator[Id]:
        """Go over the earlier reads that the write may serve, where that was not done before."""
        loc = self.event(g, write).loc
        prefix = self._prefix(g, write)
        for read in g.rf:
            if read in prefix or self.event(g, read).loc != loc:
                continue
            at = g.order.index(read)
            deleted = [d for d in g.order[at:] if d not in prefix]
            if all(self._maximal(g, d, prefix) for d in deleted):
                yield read

    def _prefix(self, g: Graph, last: Id) -> set[Id]:
        """Return what comes before an event by program order and reads-from, and itself."""
        found: set[Id] = set()
        waiting = [last]
        while waiting:
            event = waiting.pop()
            if event in found or event[0] < 0:
                continue
            found.add(event)
            if event[1] > 0:
                waiting.append((event[0], event[1] - 1))
            if event in g.rf:
                waiting.append(g.rf[event])
        return found

    def _maximal(self, g: Graph, event: Id, prefix: set[Id]) -> bool:
        """Return whether an event looks as if it had been added to what was there, greedily."""
        previous = prefix | set(g.order[: g.order.index(event) + 1])
        it = self.event(g, event)
        if it.kind == "F":
            return True
        if it.kind == "W":
            if any(w == event and r in previous for r, w in g.rf.items()):
                return False
            top = event
        else:
            top = g.rf[event]
        order = g.co[str(it.loc)]
        later = order[order.index(top) + 1 :]
        return not any(w in previous for w in later)

    def _restricted(self, g: Graph, read: Id, write: Id) -> Graph:
        """Return the graph in which the read reads the write, without what came after the read.

        The read keeps its place among the events: a write that one before it reads is there by a
        revisit, and is not forgotten as if it had been added by itself.
        """
        prefix = self._prefix(g, write)
        at = g.order.index(read)
        order = tuple(e for k, e in enumerate(g.order) if k <= at or e in prefix)
        there = set(order)
        counts = tuple(sum(e[0] == t for e in order) for t in range(self.threads))
        rf = {r: w for r, w in g.rf.items() if r in there} | {read: write}
        co = {
            loc: tuple(w for w in ws if w[0] < 0 or w in there) for loc, ws in g.co.items()
        }  # fmt: skip
        labels = {e: g.labels[e] for e in order}
        return Graph(order, counts, rf, co, labels)


def evolve_added(g: Graph, added: Id, event: Event) -> Graph:
    """Return the graph with one more event, which reads and writes nothing yet."""
    counts = list(g.counts)
    counts[added[0]] += 1
    labels = {**g.labels, added: event}
    return evolve(g, order=(*g.order, added), counts=tuple(counts), labels=labels)


def evolve_cut(trace: ProgramTrace, events: int) -> ProgramTrace:
    """Return the beginning of a trace: what is in the graph of it."""
    if events == len(trace.events):
        return trace
    return ProgramTrace(trace.events[:events], {}, labels=trace.labels[:events])


def explore(search: ProgramSearch) -> Executions:
    """Return every execution of a search, met once; raise `NotHere` where the program chooses."""
    start = monotonic()

    def note(execution: Execution, judgement: Judgement) -> None:
        search.found.candidates += 1
        search.note(execution, judgement)

    with suppress(OutOfTime):
        Trust(search, note).run()
    search.found.seconds = monotonic() - start
    return search.found


__all__ = ["PORF_ACYCLIC", "NotHere", "Trust", "explore"]
