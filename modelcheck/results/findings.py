"""From what a search found to a result in the user's words.

Neighbours: `tracing` has its paths, `tokens` what stands for one; `modelcheck.check` searches.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType
from typing import Any

from attrs import evolve

from modelcheck.explore.coverage import taken
from modelcheck.explore.lossy import probability
from modelcheck.explore.search import Move, Search
from modelcheck.language.context import is_ours
from modelcheck.language.frames import yields_of
from modelcheck.language.learner import Learner
from modelcheck.language.local import Fails, LocalState
from modelcheck.language.model import Model, System
from modelcheck.language.views import never_there
from modelcheck.results.moments import moments, properties_of
from modelcheck.results.result import Result, StepCoverage
from modelcheck.results.tokens import Token, checksums, parameter_text, portable
from modelcheck.results.tracing import build_trace, violation_of
from modelcheck.show.trace import ProcessStatus, Trace, Violation
from modelcheck.tables.tables import Tables
from modelcheck.verdict import Expectation, Kind, Verdict

#: So many values of one location are named when a search was cut.
MANY_VALUES = 1_000


def result_of(system: System, learner: Learner, search: Search) -> Result:
    """Return a search's findings in the user's words."""
    reason = search.reason or learner.memory.bound
    names = [p.name for p in system.properties]
    tables = search.tables
    violation, trace = None, None
    if search.found is not None:
        violation = violation_of(learner.result, search.found, names)
        trace = trace_of(system, learner, search.found.path, violation)
    missing = [
        p
        for i, p in enumerate(tables.properties)
        if p.kind == "sometimes" and i not in search.witnesses
    ]
    if violation is None and not reason and missing:
        every = ", ".join(p.name for p in missing)
        violation = Violation(
            Kind.UNREACHABLE,
            missing[0].name,
            f"no reachable state makes {every} true",
            missing[0].file,
            missing[0].line,
        )
    verdict = Verdict.INCOMPLETE if reason else Verdict.HOLDS
    verdict = Verdict.VIOLATED if violation else verdict
    expected = held_against(system, learner.memory.name, verdict, violation)
    return Result(
        model=system.name,
        parameters=system.parameters,
        verdict=verdict,
        expected=expected.verdict,
        states=search.states,
        transitions=search.transitions,
        levels=tuple(search.levels),
        seconds=search.seconds,
        memory_model=learner.memory.name,
        engine=search.engine,
        file=system.file,
        expected_by=expected.by,
        violation=violation,
        trace=trace,
        witnesses={
            p.name: (
                trace_of(system, learner, search.witnesses[i]) if i in search.witnesses else None
            )
            for i, p in enumerate(tables.properties)
            if p.kind == "sometimes"
        },
        coverage=_coverage(system, tables),
        warnings=_warnings(learner, search, violation, trace),
        reason="" if violation else reason,
        trace_is_shortest=trace is not None
        and (not trace.steps or (search.shortest and not learner.memory.bound)),
        reduction=search.reduction,
        orbits=search.orbits,
        storage=search.store,
        omission=None if search.missed is None else probability(search.missed),
    )


def _warnings(
    learner: Learner, search: Search, violation: Violation | None, trace: Trace | None
) -> tuple[str, ...]:
    """Return what a user should know beside the verdict."""
    if trace is not None and not trace.steps:
        return ()  # nothing is shorter than no step
    if violation is not None and search.missed is not None:
        return (f"{search.store} may miss states: a shorter counterexample may exist",)
    if violation is not None and search.reduction is not None and not search.reduction.shortest:
        return ("the first counterexample that the reduced search found: a shorter one may exist",)
    if violation is not None and search.reduction is not None and not search.shortest:
        return ("the search for a shorter counterexample was cut: a shorter one may exist",)
    if violation is not None and not search.shortest:
        why = f" ({search.reason})" if search.reason else ", by an error of the model"
        return (f"the search was cut{why}: a counterexample one step shorter may exist",)
    bound = learner.memory.bound
    if violation is not None:
        return (f"{bound}: a shorter counterexample may exist",) if bound else ()
    if search.reason or bound:
        return tuple(_growing(search.tables))
    never = [
        f"{p.name} was never evaluated: no run comes to a proper end"
        for p in search.tables.properties
        if p.kind == "at_end" and p.trie.root is None
    ]
    nobody = () if search.tables.agents else ("no process takes part: there is nothing to search",)
    return (*nobody, *never_there(learner), *never)


def _growing(tables: Tables) -> list[str]:
    """Return warnings for the location and the process that took most values, if many."""
    said = []
    for process in (False, True):
        slots = [s for s in tables.slots if s.process is process]
        most = max(slots, key=lambda s: len(s.domain.values), default=None)
        if most is not None and len(most.domain.values) >= MANY_VALUES:
            what = "local states" if process else "values"
            many = f"{len(most.domain.values):,} different {what}"
            said.append(f"{most.name} has taken {many}: does it grow without end?")
    return said


def trace_of(
    system: System, learner: Learner, moves: Sequence[Move], violation: Violation | None = None
) -> Trace:
    """Return the trace of some moves, whatever they lead to, with a token."""
    tables = learner.result
    trace = build_trace(
        tables,
        moves,
        violation,
        model=system.name,
        parameters=system.parameters,
        memory_model=learner.memory.name,
    )
    named, spawned = portable(tables, moves)
    token = Token(
        system.name,
        {k: parameter_text(v) for k, v in system.parameters.items()},
        learner.memory.name,
        violation.kind.value if violation else "",
        violation.property if violation else "",
        named,
        checksums(tables, moves),
        spawned,
    )
    seen = moments(learner, moves, trace.processes)
    return evolve(trace, token=token.encode(), properties=properties_of(system), moments=seen)


def ended_at_start(system: System, learner: Learner, reason: str, seconds: float) -> Result:
    """Return the result of a search that was ended before its first state was looked at."""
    expected = held_against(system, learner.memory.name, Verdict.INCOMPLETE, None)
    result = nothing_searched(system, learner.memory.name, expected, seconds)
    return evolve(result, reason=reason)


def failed_at_start(system: System, learner: Learner, fails: Fails, seconds: float) -> Result:
    """Return the result of a model one of whose processes fails before its first step."""
    failure = fails.failure
    violation = Violation(
        failure.kind, failure.message, failure.message, failure.file, failure.line
    )
    trace = Trace(
        model=system.name,
        parameters=system.parameters,
        memory_model=learner.memory.name,
        processes=tuple(a.name for a in learner.result.agents),
        states=({r.name: r.initial for r in system.refs},),
        steps=(),
        final=tuple(
            ProcessStatus(a.name, "failed", "", failure.file, failure.line)
            if number == fails.agent
            else ProcessStatus(a.name, "not started")
            for number, a in enumerate(learner.result.agents)
        ),
        violation=violation,
    )
    expected = held_against(system, learner.memory.name, Verdict.VIOLATED, violation)
    result = nothing_searched(system, learner.memory.name, expected, seconds)
    return evolve(
        result,
        verdict=Verdict.VIOLATED,
        violation=violation,
        trace=trace,
        trace_is_shortest=True,
    )


def nothing_searched(
    model: Model | System, memory: str, expected: Expectation, seconds: float = 0.0
) -> Result:
    """Return an incomplete result without a single state."""
    return Result(
        model=model.name,
        parameters=model.parameters,
        verdict=Verdict.INCOMPLETE,
        expected=expected.verdict,
        states=0,
        transitions=0,
        levels=(),
        seconds=seconds,
        memory_model=memory,
        engine="reference",
        file=model.file,
        expected_by=expected.by,
    )


def held_against(
    system: System, memory: str, verdict: Verdict, violation: Violation | None
) -> Expectation:
    """Return what to hold a verdict against."""
    expected = system.expects(memory)
    if violation is None:
        return expected.held_against(verdict)
    return expected.held_against(verdict, violation.kind, violation.property)


def _coverage(system: System, tables: Tables) -> tuple[StepCoverage, ...]:
    """Return how often each `yield` of the user's code was taken, never-taken ones included.

    A `yield` is its place in the source: the compiler may make several copies of one.
    """
    counts: dict[Any, list[Any]] = {}
    positions: dict[int, list[Any]] = {}
    codes = dict.fromkeys(p.function.__code__ for p in system.processes)
    for agent, local_id, states, transitions in taken(tables):
        local: LocalState = tables.domains[tables.agents[agent].slot].values[local_id]
        if local.spot is None:
            continue
        code, offset = local.spot
        codes[code] = None
        name, spot = code.co_name, _position(code, offset, positions)
        if is_ours(code.co_filename):  # placed where the user called for it, perhaps several times
            name, spot = local.function, (local.line, spot)
        mark = (local.file, name, spot)
        row = counts.setdefault(mark, [local.line, local.label, 0, 0])
        row[2] += states
        row[3] += transitions
    for code in codes:
        if not is_ours(code.co_filename):
            for offset, line in yields_of(code):
                mark = (code.co_filename, code.co_name, _position(code, offset, positions))
                counts.setdefault(mark, [line, "", 0, 0])
    rows = [
        StepCoverage(file, line, name, label, states, transitions)
        for (file, name, _), (line, label, states, transitions) in counts.items()
    ]
    return tuple(sorted(rows, key=lambda r: (r.file, r.line)))


def _position(code: CodeType, offset: int, known: dict[int, list[Any]]) -> Any:
    """Return the source position of an instruction: line, end line, column, end column.

    `known` has all positions of codes, by identity: equal ones may stand in two places.
    """
    if id(code) not in known:
        known[id(code)] = [*code.co_positions()]
    positions = known[id(code)]
    return positions[offset // 2] if offset // 2 < len(positions) else None
