"""The learner: what steps and properties mean, in Python, for tables to remember.

It builds the tables of a system and answers their questions by running generators. What it finds
out late about the *shape* of the state (a process that is spawned, a local variable that a property
reads although the process needs it no more) it keeps in a `Shape` and asks for a restart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from types import CodeType
from typing import Any

from attrs import define, field

from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.audit import Audit, Performed, report_of
from modelcheck.language.captures import check_captures
from modelcheck.language.children import Spawn
from modelcheck.language.endless import unbounded
from modelcheck.language.holders import Reach
from modelcheck.language.local import (
    ABSENT,
    FINISHED,
    RAISED,
    Fails,
    LocalState,
    Run,
    failure_of,
)
from modelcheck.language.model import System
from modelcheck.language.outside import Outside
from modelcheck.language.parked import Parked
from modelcheck.language.process import Process, started_by
from modelcheck.language.refs import Ref, model_error
from modelcheck.language.source import shown
from modelcheck.language.steps import Either
from modelcheck.language.turn import STATUS, Blocked, MemoryModel, Turn
from modelcheck.language.views import check_property
from modelcheck.language.waiting import looked, waits_for
from modelcheck.tables.slots import MAX_VALUES, Domain, Slot, Unbounded
from modelcheck.tables.tables import Agent, Property, Restart, Tables
from modelcheck.tables.tries import Answer, Outcome, Recorder, Trie
from modelcheck.tables.values import key_of

#: How many instances of one spawned process may be there at once.
MAX_SPAWNED = 32


@define
class Spawned:
    """A slot for processes of one kind (same function, same arguments) that are spawned."""

    key: Hashable
    process: Process
    detached: bool


@define
class Shape:
    """What a search has found out about the shape of the state; survives a restart."""

    observed: dict[CodeType, frozenset[str]] = field(factory=dict)
    spawned: list[Spawned] = field(factory=list)
    needs: list[Hashable] = field(factory=list)  # what the memory model keeps beside memory
    outside: Outside = field(factory=Outside)


class Learner:
    """The meaning of one system under one memory model (a `modelcheck.tables.tables.Learner`)."""

    def __init__(self, system: System, memory: MemoryModel, shape: Shape, max_values: int):
        self.system, self.memory, self.shape = system, memory, shape
        self.reach = Reach()
        self.asked: set[tuple[int, str | int]] = set()
        #: Variables that no function seemed to have, and the property that asked.
        self.asked_variables: set[tuple[int, str]] = set()
        self.seen_places: set[tuple[int, str | int]] = set()
        self._limit = max_values
        self._processes = [*system.processes, *(s.process for s in shape.spawned)]
        self.groups = _groups(self._processes)
        self.unborn = started_by(system.processes) if system.properties else frozenset()
        self._names = _names(self.groups)
        self._parked = Parked(shape.observed)
        self._audit = Audit(self)

    # Building.

    def tables(self) -> Tables:
        """Return tables that know the initial state and nothing else."""
        properties = [p.function for p in self.system.properties]
        self.shape.outside.watch_model(self.system.processes, properties)
        shared = [Slot(r.name, Domain(r.name, self._limit)) for r in self.system.refs]
        first = len(shared)
        slots = list(shared)
        agents = []
        for index, name in enumerate(self._names):
            slots.append(Slot(name, Domain(f"process {name}", self._limit), process=True))
            agents.append(Agent(name, first + index, late=self._late(index)))
        self.extras = self.memory.begin(self)
        self.extra_slots = {}
        for extra in self.extras:
            self.extra_slots[extra.need] = len(slots)
            if extra.drains:
                agents.append(Agent(extra.name, len(slots), late=extra.name))
            domain = Domain(extra.name, self._limit)
            slots.append(Slot(extra.name, domain, extra.drains, True, extra.hidden, extra.lane))
        asked = [
            Property(
                p.name, p.kind, p.function.__code__.co_filename, p.function.__code__.co_firstlineno
            )
            for p in self.system.properties
        ]
        self.result = tables = Tables(slots, agents, asked, (), self, self.system.deadlock)
        initial = [
            s.domain.intern(r.initial) for s, r in zip(shared, self.system.refs, strict=True)
        ]
        for agent in range(len(self._processes)):
            started = agent < len(self.system.processes)
            initial.append(self.start(first + agent) if started else self.absent(first + agent))
        for slot, extra in enumerate(self.extras, len(initial)):
            initial.append(self.intern_extra(slot, extra.value))
        tables.initial = tuple(initial)
        return tables

    def _late(self, agent: int) -> str:
        """Return a spawned process's name for tokens, which no order of finding changes."""
        index = agent - len(self.system.processes)
        if index < 0:
            return ""
        told = [f"{s.process.describe()}{'~' * s.detached}" for s in self.shape.spawned]
        return f"{told[index]}#{told[:index].count(told[index])}"

    def start(self, slot: int) -> int:
        """Return the id of the first local state of the process in `slot`. May raise `Fails`."""
        agent = slot - len(self.system.refs)
        run = Run(self._processes[agent], self.shape.observed)
        try:
            run.send(None)
        except Fails as fails:
            raise Fails(fails.failure, agent) from None
        return self._intern(agent, run.local(None, None))

    def absent(self, slot: int) -> int:
        """Return the id of "no process here"."""
        return self._intern(slot - len(self.system.refs), ABSENT)

    def finished(self, slot: int) -> int:
        """Return the id of "the process has ended"."""
        return self._intern(slot - len(self.system.refs), FINISHED)

    def _intern(self, agent: int, local: LocalState) -> int:
        if local is FINISHED and self._detached(agent):
            local = ABSENT  # nobody will join it: its place is free
        who = self.result.agents[agent]
        domain = self.result.domains[who.slot]
        try:
            ident = domain.intern_keyed(local.key, local)
        except Unbounded:
            raise unbounded(domain, local) from None
        if ident == len(who.tries):
            process = self._processes[agent]
            who.tries.append(Trie())
            who.may_rest.append(local.status != "running" or process.daemon or local.end)
            places: tuple[str | int, ...] = (*local.places, local.line)
            self.seen_places.update((agent, p) for p in places)
        return ident

    def _detached(self, agent: int) -> bool:
        extra = agent - len(self.system.processes)
        return extra >= 0 and self.shape.spawned[extra].detached

    # What memory models ask.

    def need(self, need: Hashable) -> int:
        """Return the slot that the memory model added for a need; may raise `Restart`."""
        slot = self.extra_slots.get(need)
        if slot is None:
            self.shape.needs.append(need)
            raise Restart
        return slot

    def need_of(self, agent: int) -> Any:
        """Return the need that an agent which is no process was added for."""
        slot = self.slot_of(agent)
        return self.extras[slot - len(self.system.refs) - len(self._processes)].need

    def intern_extra(self, slot: int, value: Any) -> int:
        """Return the id of a value of a slot that the memory model added."""
        domain = self.result.domains[slot]
        if not isinstance(value, LocalState):
            return domain.intern(value)
        ident = domain.intern_keyed(value.key, value)
        who = self.result.agents[self.agent_of(slot)]
        if ident == len(who.tries):
            who.tries.append(Trie())
            who.may_rest.append(True)  # where a store waits, the buffer can step
        return ident

    def _drain(self, agent: int, recorder: Recorder) -> tuple[Outcome, ...]:
        """Return the outcome of a store buffer's step."""
        turn = Turn(self, agent, recorder, ())
        try:
            self.memory.drain(turn)
        except Blocked:
            return ()
        return (turn.outcome(None),)

    # What turns and views ask.

    def domain(self, slot: int) -> Domain:
        """Return the values of a slot."""
        return self.result.domains[slot]

    def owns(self, ref: Ref) -> bool:
        """Tell whether a reference belongs to this system's state."""
        refs = self.system.refs
        return 0 <= ref.slot < len(refs) and refs[ref.slot] is ref

    def process(self, agent: int) -> Process:
        """Return the process of an agent."""
        return self._processes[agent]

    def agent_of(self, slot: int) -> int:
        """Return the agent whose local state is in a slot."""
        first = len(self.system.refs)
        if slot - first < len(self._processes):
            return slot - first
        return next(a for a, agent in enumerate(self.result.agents) if agent.slot == slot)

    def is_process(self, agent: int) -> bool:
        """Tell whether an agent is a process, and not a store buffer."""
        return agent < len(self._processes)

    def slot_of(self, agent: int) -> int:
        """Return the slot of an agent's local state."""
        return self.result.agents[agent].slot

    def processes(self) -> range:
        """Return the agents that are processes."""
        return range(len(self._processes))

    def process_name(self, agent: int) -> str:
        """Return a process's name, also while tables are being built."""
        return self._names[agent]

    def name_of(self, agent: int) -> str:
        """Return an agent's name."""
        return self.result.agents[agent].name

    def place(self, agent: int, local: int) -> tuple[str, int]:
        """Return file and line of a local state's pending step."""
        here: LocalState = self.result.domains[self.slot_of(agent)].values[local]
        return here.file, here.line

    def guard_slots(self, agent: int, recorder: Recorder) -> frozenset[int]:
        """Return the slots that the guard of the whole process reads in the recorder's state."""
        guard = self._processes[agent].guard if self.is_process(agent) else None
        if guard is None:
            return frozenset()
        Turn(self, agent, recorder, ()).test(guard, coherent=True)
        return frozenset(read.slot for read in recorder.path)

    def waits_for(self, agent: int, recorder: Recorder) -> frozenset[int]:
        """Return the slots for whose values the blocked step of an agent waits."""
        if not self.is_process(agent):
            return frozenset(range(len(recorder.state)))
        return waits_for(self, agent, recorder)

    def process_slots(self) -> Iterator[tuple[int, int]]:
        """Go over (agent, slot) of all processes."""
        return ((a, self.slot_of(a)) for a in range(len(self._processes)))

    def keep_variable(self, code: CodeType, name: str) -> None:
        """Note that a property reads a variable of `code`: keep it even where it is dead.

        Raises `Restart` where local states were told apart without it until now.
        """
        kept = self.shape.observed.get(code, frozenset())
        if name not in kept and name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            self.shape.observed[code] = kept | {name}
            raise Restart

    def free_slot(self, process: Process, detached: bool, turn: Turn) -> tuple[str, int]:
        """Return name and slot for a process to be spawned; may raise `Restart`."""
        if process.group in self.system.names:
            raise model_error(
                f"{process.group!r} is both a spawned process and a name of the state",
                "Properties could not tell them apart: rename one, or use worker(...).named('w').",
            )
        key = key_of((process, detached))
        alike = [i for i, s in enumerate(self.shape.spawned) if s.key == key]
        base = len(self.system.processes)
        for index in alike:
            slot = self.slot_of(base + index)
            if turn.read_slot(slot, STATUS) == "absent":
                return self._names[base + index], slot
        if len(alike) >= MAX_SPAWNED:
            raise Unbounded(
                f"{len(alike)} processes {process.describe()} have been spawned and are still "
                "there",
                "Join the ones that have ended (`yield child.join()`), spawn them detached, or "
                "wait before spawning more.",
                file=process.function.__code__.co_filename,
                line=process.function.__code__.co_firstlineno,
            )
        self.shape.spawned.append(Spawned(key, process, detached))
        raise Restart

    # Learning.

    def advance(self, agent: int, local: LocalState, result: Any, run: Run | None = None) -> int:
        """Return the id of the local state after `local` when its step results in `result`."""
        process = self._processes[agent]
        run = run or self._parked.run(agent, process, local)
        result = run.own(result)
        try:
            run.send(result)
        except Fails:
            self._again(process, local, result, None)
            raise
        if run.ended:
            self._again(process, local, result, run)
        ident = self._intern(agent, run.local(local, result))
        if not run.ended:
            self._parked.put(agent, self.result.domains[self.slot_of(agent)].values[ident], run)
        return ident

    def forget_runs(self) -> None:
        """Let go of the runs kept for going on from."""
        self._parked.clear()

    def _again(self, process: Process, local: LocalState, result: Any, first: Run | None) -> None:
        """Repeat the last advance of a process: nothing later would find that it was a chance."""
        run = Run.replay(process, local, self.shape.observed)
        try:
            run.send(result)
        except Fails:
            same = first is None
        else:
            same = first is not None and run.ended
        if not same:
            raise ModelError(
                f"{process.group} is not a function of what it read: after `{local.label}` with "
                f"result {shown(result)} it ended in two different ways",
                "It depends on something outside the model: a clock, a random number, a global "
                "variable. Put that into the state, or use choose().",
                file=local.file,
                line=local.line,
            )

    def step(self, agent: int, recorder: Recorder) -> tuple[Outcome, ...]:
        """Return all outcomes of the pending step; see `modelcheck.tables.tables.Learner`."""
        if not self.is_process(agent):
            return self._drain(agent, recorder)
        outcomes = self.perform(agent, recorder)
        self._audit.note(Performed(("step", agent), recorder, outcomes))
        return outcomes

    def perform(self, agent: int, recorder: Recorder, twice: bool = True) -> tuple[Outcome, ...]:
        """Return all outcomes of a process's pending step, and take no note of it.

        The user's functions are run `twice`, unless the caller compares what they do himself.
        """
        slot = self.slot_of(agent)
        local: LocalState = recorder.peek(slot)
        if local.status != "running":
            return ()
        process = self._processes[agent]
        run = self._parked.run(agent, process, local)
        assert run.step is not None
        self._watch(run)
        outcomes: list[Outcome] = []
        done = self._perform_all(agent, local, run, recorder, outcomes)
        if twice and (run.step.calls_user or process.guard is not None):
            self._perform_again(agent, local, run, recorder, report_of(recorder, done, outcomes))
        if run.step.calls_user and run.key() != local.key:
            raise ModelError(
                f"`{local.label}` changed a local variable of {process.group}",
                "A condition or atomic function is run again and again: let it return the value, "
                "`v = yield atomic(f)`.",
                file=local.file,
                line=local.line,
            )
        for turn, result in done:
            ident: Any = run if turn is done[0][0] else None
            try:
                turn.writes.setdefault(slot, self.advance(agent, local, result, ident))
            except Fails as fails:
                outcomes.append(turn.outcome(result, fails.failure))
            else:
                outcomes.append(turn.outcome(result))
        if not done:
            self._parked.put(agent, local, run)  # blocked here: it may go on in another state
        return tuple(outcomes)

    def _watch(self, run: Run) -> None:
        """Remember the global objects that a process's functions can see."""
        for generator in run.chain():
            frame = generator.gi_frame
            assert frame is not None  # it is suspended
            self.shape.outside.watch(generator.gi_code, frame.f_globals)
        for part in vars(run.step).values():
            self.shape.outside.watch_function(part, cells=False)
        if isinstance(run.step, Spawn | Either):
            check_captures(run.step, run.suspension().frames, self.shape.outside.known)

    def _perform_all(
        self, agent: int, local: LocalState, run: Run, recorder: Recorder, outcomes: list[Outcome]
    ) -> list[tuple[Turn, Any]]:
        """Perform the step under every series of choices; return the turns that went through."""
        assert run.step is not None
        guard = self._processes[agent].guard
        done, waiting = [], []
        for turn in Turn.every(self, agent, recorder):
            turn.discards = run.discards
            try:
                if guard is not None and not turn.test(guard, coherent=True)[0]:
                    continue
                result = run.step.perform(turn)
                if not turn.blocked:  # an atomic function may have caught it
                    done.append((turn, result))
            except Blocked:
                pass
            except (ModelError, Restart):
                raise
            except Fails as fails:
                outcomes.append(turn.outcome(None, fails.failure))
            except RAISED as error:
                if not turn.blocked:
                    failure = failure_of(error, (local.file, local.line))
                    outcomes.append(turn.outcome(None, failure))
            if turn.blocked:
                waiting.append(turn)
        if done:
            outcomes.extend(looked(self, agent, recorder, waiting))
        return done

    def _perform_again(
        self, agent: int, local: LocalState, run: Run, recorder: Recorder, first: Any
    ) -> None:
        """Perform the step once more: the user's functions must do the same in the same state."""
        again, outcomes = recorder.anew(), list[Outcome]()
        done = self._perform_all(agent, local, run, again, outcomes)
        if report_of(again, done, outcomes) != first:
            raise ModelError(
                f"`{local.label}` of {self._processes[agent].group} did two different things in "
                "one and the same state",
                "It depends on something outside the model: a clock, a random number, a global "
                "variable, the order of a set (write sorted(...)); or it changes something other "
                "than shared state. Put that into the state, or use choose().",
                file=local.file,
                line=local.line,
            )

    def property(self, index: int, recorder: Recorder) -> Answer:
        """Return a property's answer; run twice, since it must be a function of the state."""
        answer = Answer(*check_property(self, index, recorder))
        performed = Performed(("property", index), recorder, answer)
        self._audit.ask_again(performed)
        self._audit.note(performed)
        return answer

    def audit(self) -> None:
        """Raise `ModelError` where something outside the model changed what the model does."""
        self._audit.at_end()


def _groups(processes: list[Process]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for agent, process in enumerate(processes):
        groups.setdefault(process.group, []).append(agent)
    return groups


def _names(groups: dict[str, list[int]]) -> list[str]:
    """Return each agent's name: the function's, with an index where there are several."""
    named = {}
    for name, agents in groups.items():
        for index, agent in enumerate(agents):
            named[agent] = f"{name}[{index}]" if len(agents) > 1 else name
    return [named[agent] for agent in sorted(named)]


# An error in what they do for a step that runs no code of the user's is the pending step's.
context.BOUNDARIES.update(f.__code__ for f in (Learner.step, Learner.property, Learner.start))

__all__ = ["MAX_VALUES", "Learner", "Shape"]
