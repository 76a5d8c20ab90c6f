"""Processes as threads of events: each run again for every series of values that it may read.

A run that cannot go on ends *blocked*; whether it stays so is a matter of the final memory
(`Final`). Neighbours: `events` has what a step does there, `search` puts the threads together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from attrs import define, evolve, field, frozen

from modelcheck.axiomatic.execution import Trace
from modelcheck.axiomatic.values import Domain
from modelcheck.language import context
from modelcheck.language.local import Fails, Run
from modelcheck.language.process import Process
from modelcheck.language.refs import Ref
from modelcheck.language.steps import Either, Step, Until
from modelcheck.language.turn import Waits
from modelcheck.litmus.machine import Machine
from modelcheck.programs.events import Blocked, Memory, Thread
from modelcheck.programs.follow import Follower, Stop
from modelcheck.programs.owner import Owner
from modelcheck.programs.tracked import plain, testing
from modelcheck.tables.tries import Failure


@define(eq=False)
class ProgramTrace(Trace):
    """One run of a process, and how it ended.

    `waiting` is the step that it is blocked at, `failures` are assertions that failed on the way
    (the run may have gone on) or the exception that ended it.
    """

    waiting: Step | None = field(default=None, kw_only=True)
    rests: bool = field(default=False, kw_only=True)  # to be blocked is a proper end
    failures: tuple[Failure, ...] = field(default=(), kw_only=True)
    labels: tuple[str, ...] = field(default=(), kw_only=True)  # the step of each event
    stopped_at: tuple[str, int] | None = field(default=None, kw_only=True)

    @property
    def finished(self) -> bool:
        """Return whether the process came to its end."""
        return self.waiting is None and not self.cut and not self.ended_by_failure

    ended_by_failure: bool = field(default=False, kw_only=True)


class Final(Waits):
    """A turn in a final memory: asks whether a step that was blocked still is."""

    notes: list[str]

    def __init__(self, owner: Owner, values: Mapping[str, Any]):
        self.owner, self.values, self.notes = owner, values, []
        self.memory = self

    def blocks(self, step: Step) -> bool:
        """Return whether the step cannot be taken."""
        try:
            with testing():
                step.perform(self)  # type: ignore[arg-type] # a turn for steps that may wait
        except Blocked:
            return True
        return False

    def block(self) -> NoReturn:
        """Say so."""
        raise Blocked

    def load(self, turn: Any, ref: Ref | None = None, order: str = "") -> Any:
        """Return the value in memory."""
        return self.values[(ref or turn).name]

    def store(self, *unused: Any) -> None:
        """Do nothing: only what may wait is asked about."""

    fence = store

    def within(self, step: Step) -> NoReturn:
        """Never asked: a condition that calls a step was refused."""
        raise AssertionError(step)

    def modify_if(
        self,
        turn: Any,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> tuple[bool, Any]:
        """Return whether the value in memory passes."""
        return test(self.values[ref.name]), self.values[ref.name]

    def test(self, condition: Callable[[], Any], coherent: bool = False) -> tuple[bool, Any]:
        """Return whether the condition is true in memory."""
        value = self.owner.ask(condition, self)
        return bool(plain(value)), value


@frozen(eq=False)
class Program:
    """A process as a thread: gives all runs of it over a domain of values."""

    process: Process
    number: int
    memory: Memory
    follower: Follower
    owner: Owner
    seen: dict[tuple[int, ...], tuple[Any, ...]] = field(factory=dict)

    def traces(
        self, domain: Domain, free: bool, check: Callable[[], None]
    ) -> tuple[list[Trace], bool]:
        """Return every run; and that a free one is not all."""
        found: dict[Any, Trace] = {}
        for trace in self._runs(domain, free):
            check()
            if trace is not None:
                found.setdefault(_signature(trace), trace)
        return list(found.values()), True  # only a run that is not free may wait or fail

    def _runs(self, domain: Domain, free: bool) -> Iterator[Trace | None]:
        path: list[list[int]] = []
        while True:
            machine = Machine(self.number, domain, path, free)
            yield self._run(machine)
            while path and path[-1][0] + 1 == path[-1][1]:
                path.pop()
            if not path:
                return
            path[-1][0] += 1

    def _run(self, machine: Machine) -> Trace | None:
        follower = self.follower
        follower.begin_run(machine)
        turn = Thread(self.memory, machine, follower, self.owner)
        run = self.started()
        end: dict[str, Any] = {}
        try:
            result: Any = None
            while True:
                run.send(result)
                if run.ended:
                    break
                assert run.step is not None
                result = self._taken(run, turn)
        except Blocked:
            if machine.free:
                return None
            end = {"waiting": turn.step, "rests": self.rests(turn.step)}
        except Stop:
            if follower.stopped_at is None:
                end = {"ended_by_failure": True}
        except Fails as fails:
            follower.failures.append(fails.failure)
            end = {"ended_by_failure": True}
        if end.get("ended_by_failure") and machine.free:
            follower.failures.clear()
        return ProgramTrace(
            machine.events,
            {},
            cut=follower.stopped_at is not None,
            failures=tuple(follower.failures),
            labels=tuple(turn.labels),
            stopped_at=follower.stopped_at,
            **end,
        )

    def started(self) -> Run:
        """Return a new run of the process, rewritten."""
        function: Any = self.follower.followed(self.process.function)  # type: ignore[arg-type] # a generator function
        return Run(evolve(self.process, function=function), {})

    def rests(self, step: Step) -> bool:
        """Return whether the process may wait at a step for ever."""
        return self.process.daemon or (isinstance(step, Until) and step.end)

    def _taken(self, run: Run, turn: Thread) -> Any:
        """Perform the pending step; raise `Blocked`, with its events taken back, where it waits."""
        step, machine = run.step, turn.machine
        assert step is not None
        turn.step, turn.place = step, place_of(run)
        machine.line = turn.place[1]
        if isinstance(step, Either):
            turn.refuse("either(...) chooses among steps")
        locks = step.primitive == "spin_lock" and self.memory.target.kernel
        if locks and not machine.free and machine.choose(2) == 1:
            raise Blocked
        before = len(machine.events)
        outside = machine.ctrl
        machine.ctrl |= self.follower.ctrl_of(step)
        try:
            with testing():
                return step.perform(turn)  # type: ignore[arg-type] # a turn of another kind
        except Blocked:
            del machine.events[before:], turn.labels[before:]
            raise
        finally:
            machine.ctrl = outside | turn.waited


def place_of(run: Run) -> tuple[str, int]:
    """Return file and line of the user's code where a run is suspended."""
    place = ("", 0)
    for generator in run.chain():
        frame = generator.gi_frame
        assert frame is not None  # it is suspended
        file = generator.gi_code.co_filename
        if not context.is_ours(file) or not place[0]:
            place = (file, frame.f_lineno)
    return place


def _signature(trace: Trace) -> Any:
    events = tuple(
        (e.kind, e.loc, e.value, e.tags, e.addr, e.data, e.ctrl, e.rmw, e.line)
        for e in trace.events
    )
    if not isinstance(trace, ProgramTrace):
        return events
    waiting = None if trace.waiting is None else (type(trace.waiting), trace.waiting.text)
    return events, waiting, trace.failures, trace.cut, trace.ended_by_failure


__all__ = ["Final", "Program", "ProgramTrace", "place_of"]
