"""Running a litmus test under a model: its final states, or only its verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from time import monotonic

from attrs import define, field, frozen

from modelcheck.axiomatic.candidates import Known, OutOfTime, Wish, executions, skeletons
from modelcheck.axiomatic.constraints import Constraint, Judgement, Model, judge
from modelcheck.axiomatic.execution import Execution, Skeleton, Trace, Value
from modelcheck.axiomatic.values import Domain, Thread, Traces, all_traces
from modelcheck.errors import UsageError
from modelcheck.litmus.condition import Place, Proposition
from modelcheck.litmus.machine import run_all
from modelcheck.litmus.test import Execute, Litmus

State = tuple[tuple[Place, Value], ...]


@define(eq=False)
class Outcome:
    """What a test gives under a model.

    In a whole run, ``states`` are the final states and ``positive`` and ``negative`` count the
    executions whose final state satisfies the condition's proposition, or does not. After a run
    for the verdict they are 0 or 1: whether there is such an execution.
    """

    test: Litmus
    model: str
    states: set[State] = field(factory=set)
    positive: int = 0
    negative: int = 0
    flags: set[str] = field(factory=set)
    reads_from: set[int] = field(factory=set)  # one number for each way that all reads go
    candidates: int = 0
    seconds: float = 0.0
    whole: bool = True  # every execution was counted, not only what the verdict needs
    cut: bool = False  # a loop went round more often than the bound allows
    complete: bool = True  # the time was enough
    faults: set[str] = field(factory=set)  # allowed executions that do something without meaning
    positive_witness: Execution | None = None
    negative_witness: Execution | None = None
    forbidden: tuple[Execution, Constraint] | None = None  # of the condition, and by what

    @property
    def observation(self) -> str:
        """Return ``Never``, ``Sometimes`` or ``Always``, as herd7 does (also for no execution)."""
        if not self.positive:
            return "Never"
        return "Sometimes" if self.negative else "Always"

    @property
    def verdict(self) -> str:
        """Return the observation, or ``DEADLOCK`` where there is no execution at all."""
        return self.observation if self.positive or self.negative else "DEADLOCK"

    @property
    def race(self) -> bool:
        """Return whether some execution has a data race."""
        return "data-race" in self.flags

    @property
    def ok(self) -> bool:
        """Return whether the condition holds with its quantifier."""
        quantifier = self.test.question.quantifier
        if quantifier == "exists":
            return self.positive > 0
        return self.positive == 0 if quantifier == "~exists" else self.negative == 0


@frozen(eq=False)
class Found:
    """An execution that the search came upon, and what the model says of it."""

    execution: Execution
    known: Known
    judgement: Judgement


def run(
    test: Litmus, model: Model, *, timeout_s: float | None = None, verdict_only: bool = False
) -> Outcome:
    """Return what the test gives under the model.

    Parameters
    ----------
    timeout_s : float, optional
        Seconds after which the search ends; the outcome is then not ``complete``.
    verdict_only : bool
        Look for one execution that satisfies the proposition and one that does not (and for a data
        race), instead of counting all: large tests take milliseconds instead of hours.
    """
    refuse(test, model)
    start = monotonic()
    deadline = None if timeout_s is None else start + timeout_s
    outcome = Outcome(test, model.name, whole=not verdict_only)
    try:
        traces = _traces(test, deadline, model.coherent)
        search = Search(test, model, traces, outcome, deadline)
        if verdict_only:
            search.verdict()
        else:
            search.whole()
    except OutOfTime:
        outcome.complete = False
    outcome.seconds = monotonic() - start
    return outcome


def refuse(test: Litmus, model: Model) -> None:
    """Raise `UsageError` if the model says nothing about tests of this architecture."""
    if model.architectures and test.arch not in model.architectures:
        raise UsageError(
            f"{test.file}: the model {model.name} says nothing about {test.arch} tests; it is for "
            f"{', '.join(model.architectures)}"
        )


def _traces(test: Litmus, deadline: float | None, coherent: bool) -> Traces:
    threads = [_thread(t, p, deadline) for p, t in enumerate(test.threads)]
    return all_traces(test.init, threads, coherent=coherent)


def _refuse_events(test: Litmus, model: Model, skeleton: Skeleton) -> None:
    """Raise `UsageError` if the test does what the model gives no meaning to."""
    if unknown := sorted(skeleton.tags() & model.meaningless):
        raise UsageError(f"{test.file}: the model {model.name} gives {unknown[0]} no meaning")


def _thread(execute: Execute, proc: int, deadline: float | None) -> Thread:
    def traces(domain: Domain, free: bool) -> tuple[list[Trace], bool]:
        found = []
        branched = False
        for trace, machine in run_all(execute, proc, domain, free):
            found.append(trace)
            branched |= machine.branched
            if deadline is not None and monotonic() > deadline:
                raise OutOfTime
        return found, branched

    return traces


class Search:
    """The search of one test under one model."""

    def __init__(
        self, test: Litmus, model: Model, traces: Traces, outcome: Outcome, deadline: float | None
    ):
        self.test, self.model, self.traces, self.outcome = test, model, traces, outcome
        self.deadline = deadline
        self.proposition = test.question.proposition
        self.filter = test.question.filter
        self.observed = test.question.observed()
        self.last_read = {p.name for p in self.proposition.places() if p.proc is None}

    def _wish(self, target: bool | None) -> Wish:
        """Return the wish for executions where the proposition has this value."""
        read = list(self.proposition.places())
        if self.filter is not None:
            read += self.filter.places()
        if self.outcome.whole:  # states are wanted: every observed place is read
            read += self.observed

        def decide(known: Known) -> bool | None:
            state = Partial(known, self.traces.init)
            if self.filter is not None and self.filter.holds(state) is False:
                return False
            if target is None:
                return None
            value = self.proposition.holds(state)
            return None if value is None else value is target

        return Wish(
            decide,
            frozenset((p.proc, p.name) for p in read if p.proc is not None),
            frozenset(p.name for p in read if p.proc is None),
            self.deadline,
        )

    def _judged(self, target: bool | None, coherent: bool | None = None) -> Iterator[Found]:
        wish = self._wish(target)
        model = self.model
        coherent = model.coherent if coherent is None else coherent
        for skeleton, known in skeletons(self.traces, wish, atomic=coherent):
            prepared = None
            is_prepared = False
            for execution, final in executions(
                skeleton, known, wish, coherent=coherent, own_locks=model.own_locks
            ):
                if not is_prepared:
                    _refuse_events(self.test, model, skeleton)
                    skeleton.observed = frozenset(self.last_read)
                    prepared, is_prepared = model.prepare(skeleton), True
                self.outcome.candidates += 1
                for judgement in judge(model, execution, prepared):
                    yield Found(execution, final, judgement)

    def _allowed(self, found: Found) -> bool:
        """Return whether an execution is allowed and counts."""
        if found.judgement.broken is not None:
            return False
        traces = found.execution.skeleton.traces
        if faults := [t.fault for t in traces if t.fault]:
            self.outcome.faults.update(faults)
            return False
        if any(trace.cut for trace in traces):
            self.outcome.cut = True
            return False
        return True

    def _truth(self, known: Known) -> bool:
        return bool(self.proposition.holds(Partial(known, self.traces.init)))

    def whole(self) -> None:
        """Count every execution."""
        outcome = self.outcome
        for found in self._judged(None):
            if not self._allowed(found):
                if found.judgement.broken is not None and outcome.forbidden is None:
                    self._note_forbidden(found)
                continue
            state = Partial(found.known, self.traces.init)
            outcome.states.add(tuple((place, state[place]) for place in self.observed))
            outcome.flags.update(found.judgement.flags)
            outcome.reads_from.add(_reads_from(found.execution, self.last_read))
            self._count(found)

    def _count(self, found: Found) -> None:
        outcome = self.outcome
        if self._truth(found.known):
            outcome.positive += 1
            outcome.positive_witness = outcome.positive_witness or found.execution
        else:
            outcome.negative += 1
            outcome.negative_witness = outcome.negative_witness or found.execution

    def _note_forbidden(self, found: Found) -> None:
        broken = found.judgement.broken
        if broken is not None and self._truth(found.known):
            self.outcome.forbidden = (found.execution, broken)

    def verdict(self) -> None:
        """Find out whether executions of either kind exist, and whether one has a data race."""
        outcome = self.outcome
        for target in (True, False):
            for found in self._judged(target):
                if self._allowed(found):
                    outcome.flags.update(found.judgement.flags)
                    self._count(found)
                    break
                if target and outcome.forbidden is None:
                    self._note_forbidden(found)
        if self._may_race():
            self._find_race()

    def _find_race(self) -> None:
        """Look at every execution until one has a data race."""
        for found in self._judged(None):
            if "data-race" in self.outcome.flags:
                return
            if self._allowed(found):
                self.outcome.flags.update(found.judgement.flags)

    def _may_race(self) -> bool:
        """Return whether some thread makes a plain access (one without annotation)."""
        return self.test.arch == "C" and any(
            event.kind != "F" and not event.tags
            for traces in self.traces.threads
            for trace in traces
            for event in trace.events
        )


def why_forbidden(test: Litmus, model: Model) -> tuple[Execution, Constraint] | None:
    """Return an execution that satisfies the proposition, and the axiom that forbids it.

    None if there is no such candidate at all (no write gives a value that must be read), or if the
    model allows one.
    """
    for coherent in (True, False):
        traces = _traces(test, None, coherent and model.coherent)
        search = Search(test, model, traces, Outcome(test, model.name, whole=False), None)
        for found in search._judged(True, coherent and model.coherent):
            broken = found.judgement.broken
            return None if broken is None else (found.execution, broken)
    return None


def _reads_from(execution: Execution, observed: Collection[str]) -> int:
    """Return a number that two executions share if all reads, the last ones included, agree.

    A last read is that of a location in the condition, after all has ended.
    """
    s = execution.skeleton
    last = [
        i
        for i, row in enumerate(execution.co.rows)
        if not row and s.events[i].kind == "W" and s.events[i].loc in observed
    ]
    return hash((*map(id, s.traces), *execution.rf.rows, *last))


class Partial(Mapping[Place, Value]):
    """What is known of a final state, seen through places; untouched locations keep their value."""

    def __init__(self, known: Known, init: Mapping[str, Value]):
        self.known, self.init = known, init

    def __getitem__(self, place: Place) -> Value:
        key = (place.proc, place.name)
        if place.proc is None and key not in self.known and place.name not in self.init:
            return 0
        return self.known[key]

    def __iter__(self) -> Iterator[Place]:
        return (Place(proc, name) for proc, name in self.known)

    def __len__(self) -> int:
        return len(self.known)


def result_of(outcome: Outcome) -> str:
    """Return the verdict with the race flag, as ``Result:`` comments write it."""
    return outcome.verdict + (" DATARACE" if outcome.race else "")


def matches(expected: str, outcome: Outcome) -> bool:
    r"""Return whether an outcome is as a ``Result:`` comment promises.

    Examples
    --------
    >>> from modelcheck.litmus.test import parse
    >>> test = parse("C t\n{}\nP0(int *x) {}\nexists (x=1)")
    >>> matches("Never", Outcome(test, "lkmm", negative=1))
    True
    """
    return expected == result_of(outcome)


__all__ = ["Outcome", "Proposition", "matches", "refuse", "result_of", "run", "why_forbidden"]
