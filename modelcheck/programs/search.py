"""All executions of a generator program under an axiomatic model: final states, failures, flags.

Neighbours: `threads` gives the traces of each process, `modelcheck.axiomatic` their combinations
and what a model says of them; `outcome` makes a result of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any

from attrs import define, field, frozen

from modelcheck.axiomatic.candidates import OutOfTime, Wish, executions, skeletons
from modelcheck.axiomatic.constraints import Constraint, Judgement, Model, judge
from modelcheck.axiomatic.execution import Execution, Skeleton, Trace
from modelcheck.axiomatic.values import Traces, all_traces
from modelcheck.errors import ModelError, UsageError
from modelcheck.language.model import System
from modelcheck.programs.events import Memory
from modelcheck.programs.follow import Follower
from modelcheck.programs.owner import Owner
from modelcheck.programs.targets import Target, target_of
from modelcheck.programs.threads import Final, Program, ProgramTrace
from modelcheck.programs.tracked import boxed, unboxed
from modelcheck.tables.tries import Failure
from modelcheck.tables.values import key_of

#: A budget is looked at once in so many candidates.
OFTEN = 64

#: The final values of all locations, as keys that tell types apart.
StateKey = tuple[Any, ...]


@frozen(eq=False)
class End:
    """A final state: values by location, which processes have finished, and one way to get there.

    ``stuck`` are the numbers of the processes that are blocked for good and should not be.
    """

    values: dict[str, Any]
    finished: tuple[bool, ...]
    stuck: tuple[int, ...]
    execution: Execution


@define(eq=False)
class Executions:
    """What was found: ends by their keys, failed runs, flags, and how many executions there are."""

    ends: dict[StateKey, End] = field(factory=dict)
    failed: dict[Failure, Execution] = field(factory=dict)
    flags: dict[str, Execution] = field(factory=dict)
    count: int = 0
    candidates: int = 0
    forbidden: dict[StateKey, tuple[End, Constraint]] = field(factory=dict)
    cut_at: tuple[str, int] | None = None
    reason: str = ""  # why the search ended early
    seconds: float = 0.0


class ProgramSearch:
    """The search of one system under one model."""

    def __init__(
        self, system: System, model: Model, budget: Callable[[int], str] = lambda states: ""
    ):
        self.system, self.model, self.budget = system, model, budget
        self.target = _target(system, model)
        self.owner = Owner(system)
        follower, memory = Follower(), Memory(model.name, self.target)
        _refuse_guards(system, model.name)
        self.programs = [
            Program(process, number, memory, follower, self.owner)
            for number, process in enumerate(system.processes)
        ]
        self.init = {ref.name: boxed(ref.initial) for ref in system.refs}
        self.found = Executions()
        self._asked = 0

    def run(self) -> Executions:
        """Return all that the model allows, and one execution of each state that it forbids."""
        start = monotonic()
        try:
            for execution, judgement in self.judged(self.traces()):
                self.note(execution, judgement)
        except OutOfTime:
            pass
        self.found.seconds = monotonic() - start
        return self.found

    def check(self) -> None:
        """Raise `OutOfTime` where the budget is used up."""
        self._asked += 1
        if self._asked % OFTEN == 0:
            self.found.reason = self.budget(len(self.found.ends))
            if self.found.reason:
                raise OutOfTime

    def traces(self) -> Traces:
        """Return the traces of each process that can be a part of an execution."""
        threads = [
            lambda domain, free, p=program: p.traces(domain, free, self.check)
            for program in self.programs
        ]
        made = all_traces(self.init, threads, coherent=self.model.coherent)
        # What a loop does beyond its rounds may serve reads of others, where a load may pass a
        # later store: no execution that has the loop's beginning alone need show that.
        cut = [trace.stopped_at for traces in made.threads for trace in _programs(traces)]
        self.found.cut_at = next(filter(None, cut), None)
        return Traces(self._init(made.init), made.threads)

    def _init(self, init: dict[str, Any]) -> dict[str, Any]:
        """Return initial values, those of locks as the enumeration knows them."""
        for name, uses in self.owner.uses.items():
            if "lock" in uses and unboxed(init[name]):
                raise ModelError(
                    f"the lock {name} is held at the beginning, by nobody",
                    "Let a process take it first.",
                    file=uses["lock"][0],
                    line=uses["lock"][1],
                )
        return init

    def judged(self, traces: Traces) -> Iterator[tuple[Execution, Judgement]]:
        """Return every candidate execution with what the model says of it."""
        model, wish = self.model, _Watched(self.check)
        for skeleton, known in skeletons(traces, wish, atomic=model.coherent):
            prepared: Any = None
            ready = False
            for execution, _ in executions(
                skeleton, known, wish, coherent=model.coherent, own_locks=model.own_locks
            ):
                if not ready:
                    self._refuse_events(skeleton)
                    skeleton.observed = frozenset()
                    prepared, ready = model.prepare(skeleton), True
                self.found.candidates += 1
                for judgement in judge(model, execution, prepared):
                    yield execution, judgement

    def _refuse_events(self, skeleton: Skeleton) -> None:
        if unknown := sorted(skeleton.tags() & self.model.meaningless):
            raise UsageError(
                f"{self.system.name}: the model {self.model.name} gives {unknown[0]} no meaning"
            )

    def note(self, execution: Execution, judgement: Judgement) -> None:
        """Keep what an execution shows."""
        if judgement.broken is not None:
            end = self.end_of(execution)
            if end is not None:
                self.found.forbidden.setdefault(state_key(end), (end, judgement.broken))
            return
        traces = _traces_of(execution)
        cut = [trace.stopped_at for trace in traces if trace.cut]
        self._note_failures(execution, traces)
        if cut or any(trace.ended_by_failure for trace in traces):
            self.found.cut_at = self.found.cut_at or (cut[0] if cut else None)
            return
        end = self.end_of(execution)
        if end is None:
            return
        for name in judgement.flags:
            self.found.flags.setdefault(name, execution)
        self.found.count += 1
        self.found.ends.setdefault(state_key(end), end)

    def _note_failures(self, execution: Execution, traces: Sequence[ProgramTrace]) -> None:
        """Keep one execution for each failure: every beginning of a run is one that can be."""
        for trace in traces:
            for failure in trace.failures:
                if failure not in self.found.failed:
                    self.found.failed[failure] = execution

    def end_of(self, execution: Execution) -> End | None:
        """Return the final state; None where a process that waits could go on."""
        traces = _traces_of(execution)
        values = final_values(execution)
        final = Final(self.owner, values)
        stuck = []
        for number, trace in enumerate(traces):
            if trace.waiting is not None:
                if not final.blocks(trace.waiting):
                    return None
                if not trace.rests:
                    stuck.append(number)
        return End(values, tuple(t.finished for t in traces), tuple(stuck), execution)


class _Watched(Wish):
    """A wish for all executions, which looks at the budget now and then."""

    def __init__(self, check: Callable[[], None]):
        super().__init__()
        object.__setattr__(self, "_check", check)

    def check_time(self) -> None:
        self._check()  # type: ignore[attr-defined] # set above: the base class is frozen


def _target(system: System, model: Model) -> Target:
    target = target_of(model.name, model.architectures)
    if target is None:
        raise UsageError(
            f"{system.name}: the model {model.name} is about {', '.join(model.architectures)} "
            "alone, and programs are not translated to that"
        )
    return target


def _refuse_guards(system: System, name: str) -> None:
    for process in system.processes:
        if process.guard is not None:
            code = process.function.__code__
            raise ModelError(
                f"{process.group} runs on a CPU with interrupts, which the memory model {name} "
                "does not know",
                "Say it as processes of their own, with loads, stores and fences.",
                file=code.co_filename,
                line=code.co_firstlineno,
            )


def _programs(traces: Sequence[Trace]) -> Sequence[ProgramTrace]:
    return traces  # type: ignore[return-value] # made by `Program`


def _traces_of(execution: Execution) -> Sequence[ProgramTrace]:
    return execution.skeleton.traces  # type: ignore[return-value] # made by `Program`


def final_values(execution: Execution) -> dict[str, Any]:
    """Return the value that each location has in the end, as the user wrote it."""
    values: dict[str, Any] = {}
    for i, event in enumerate(execution.skeleton.events):
        if event.proc is None and event.loc is not None:
            values[event.loc] = None  # in the order of declaration
        if event.kind == "W" and event.loc is not None and not execution.co.rows[i]:
            lock = event.tags & {"LKW", "UL"}
            values[event.loc] = "LKW" in lock if lock else unboxed(event.value)
    return values


def state_key(end: End) -> StateKey:
    """Return what tells a final state from others."""
    return (tuple((name, key_of(value)) for name, value in sorted(end.values.items())),
            end.finished, end.stuck)  # fmt: skip


__all__ = ["End", "Executions", "ProgramSearch", "final_values", "state_key"]
