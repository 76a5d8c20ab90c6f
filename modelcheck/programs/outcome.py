"""A check of a generator program under an axiomatic model: its `Result`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from attrs import evolve, frozen

from modelcheck.axiomatic.constraints import Model
from modelcheck.axiomatic.execution import Execution
from modelcheck.errors import ModelError, UsageError
from modelcheck.explore.budget import Meter
from modelcheck.language.local import Fails
from modelcheck.language.model import System
from modelcheck.litmus.explain import explain
from modelcheck.memory import AXIOMATIC
from modelcheck.programs.asking import Asking
from modelcheck.programs.search import End, Executions, ProgramSearch
from modelcheck.programs.story import drawn, story, why
from modelcheck.results.result import Result
from modelcheck.show.execution import Evidence, Forbidden
from modelcheck.show.trace import Violation
from modelcheck.verdict import Expectation, Kind, Verdict

#: So many forbidden final states are looked at, to say why a property holds.
MOST_FORBIDDEN = 500

#: What a check may want to know of the expectation: the verdict and what was violated.
Expected = Callable[[System, str, Verdict, Violation | None], Expectation]


def model_named(memory: str) -> Model:
    """Return the axiomatic model of a name, or of a cat file.

    Raises
    ------
    UsageError
        Where there is none.
    """
    from modelcheck.axiomatic.models import MODELS

    if memory.endswith(".cat"):
        from modelcheck.litmus.cat import load

        return load(memory, "C", ())
    if memory not in AXIOMATIC:
        raise UsageError(f"there is no axiomatic memory model {memory!r}")
    return MODELS[memory.removeprefix("axiomatic-")]


@frozen(eq=False)
class Verdicts:
    """What was found, in the user's words: a violation with the execution that shows it."""

    violation: Violation | None
    shown: Execution | None
    witnesses: dict[str, End | None]
    asking: Asking | None = None


def check_program(system: System, memory: str, meter: Meter, expected: Expected) -> Result:
    """Return the result of a check of all executions that the model allows.

    Raises
    ------
    ModelError
        Where the program does something that cannot be followed, or that the model does not know.
    """
    model = model_named(memory)
    try:
        asking = Asking(system, memory)
    except Fails as fails:
        return _failed_at_start(system, memory, fails, expected)
    search = ProgramSearch(system, model, meter.exceeded)
    found = _explored(search)
    verdicts = _verdicts(system, asking, found)
    asking.audit()
    return _result(system, memory, found, verdicts, expected)


def _explored(search: ProgramSearch) -> Executions:
    """Return all executions: one by one where the model allows that, else enumerated."""
    from modelcheck.programs.trust import PORF_ACYCLIC, NotHere, explore

    if search.model.name in PORF_ACYCLIC:
        try:
            return explore(search)
        except NotHere:
            search.found = Executions()
    return search.run()


def _verdicts(system: System, asking: Asking, found: Executions) -> Verdicts:
    witnesses: dict[str, End | None] = {}
    violation, shown = _first_failure(found)
    if violation is None:
        violation, shown = _deadlock(system, found)
    for index, prop in enumerate(system.properties):
        code = prop.function.__code__
        place = (code.co_filename, code.co_firstlineno)
        ends = sorted(found.ends.values(), key=_size)
        if prop.kind == "sometimes":
            witnesses[prop.name] = next((e for e in ends if asking.answer(index, e).holds), None)
            continue
        for end in ends:
            if violation is None and not end.stuck:
                answer = asking.answer(index, end)
                if not answer.holds:
                    violation = Violation(Kind.FINAL, prop.name, answer.message, *place)
                    shown = end.execution
    if violation is None:
        violation, shown = _flag(found)
    if violation is None and not found.reason and found.cut_at is None:
        violation = _unreachable(system, witnesses)
    return Verdicts(violation, shown, witnesses, asking)


def _size(end: End) -> int:
    return end.execution.skeleton.n


def _first_failure(found: Executions) -> tuple[Violation | None, Execution | None]:
    for failure, execution in found.failed.items():
        name = "assertion" if failure.kind is Kind.ASSERTION else "exception"
        said = failure.message
        return Violation(failure.kind, said or name, said, failure.file, failure.line), execution
    return None, None


def _deadlock(system: System, found: Executions) -> tuple[Violation | None, Execution | None]:
    stuck = [end for end in found.ends.values() if end.stuck]
    if not stuck or not system.deadlock:
        return None, None
    end = min(stuck, key=_size)
    trace: Any = end.execution.skeleton.traces[end.stuck[0]]
    said = f"{system.processes[end.stuck[0]].group} waits for ever at `{trace.waiting.text}`"
    return Violation(Kind.DEADLOCK, "deadlock", said), end.execution


def _flag(found: Executions) -> tuple[Violation | None, Execution | None]:
    for name, execution in sorted(found.flags.items()):
        return Violation(Kind.FLAG, name, _FLAGS.get(name, "the memory model says so")), execution
    return None, None


_FLAGS = {
    "data-race": "two accesses of one location are not ordered, one of them is a write, and one is "
    "plain (`yield x`, `yield x.set(v)`): use READ_ONCE and WRITE_ONCE, or order them",
}


def _unreachable(system: System, witnesses: dict[str, End | None]) -> Violation | None:
    for prop in system.properties:
        if prop.kind == "sometimes" and witnesses[prop.name] is None:
            code = prop.function.__code__
            said = f"no final state makes {prop.name} true"
            place = (code.co_filename, code.co_firstlineno)
            return Violation(Kind.UNREACHABLE, prop.name, said, *place)
    return None


def _result(
    system: System, memory: str, found: Executions, verdicts: Verdicts, expected: Expected
) -> Result:
    reason = found.reason
    if not reason and found.cut_at is not None:
        file, line = found.cut_at
        reason = (
            f"the loop at {file}:{line} may go round more often than is looked at: wait with "
            "until(...), or bound it"
        )
    violation = verdicts.violation
    verdict = Verdict.INCOMPLETE if reason else Verdict.HOLDS
    verdict = Verdict.VIOLATED if violation else verdict
    expectation = expected(system, memory, verdict, violation)
    result = Result(
        model=system.name,
        parameters=system.parameters,
        verdict=verdict,
        expected=expectation.verdict,
        states=len(found.ends),
        transitions=found.candidates,
        levels=(),
        seconds=found.seconds,
        memory_model=memory,
        engine="axiomatic",
        file=system.file,
        expected_by=expectation.by,
        violation=violation,
        reason="" if violation else reason,
    )
    return evolve(result, evidence=_evidence(result, system, found, verdicts))


def _evidence(result: Result, system: System, found: Executions, verdicts: Verdicts) -> Evidence:
    names = process_names(system)
    files = [p.function.__code__.co_filename for p in system.processes]
    witnesses = {
        name: None if end is None else story(end.execution, names, files)
        for name, end in verdicts.witnesses.items()
    }
    evidence = Evidence(
        found.count,
        found.candidates,
        tuple(sorted(found.flags)),
        witnesses=witnesses,
        forbidden=_forbidden(system, result.memory_model, found, verdicts, names),
    )
    if verdicts.shown is None or result.violation is None:
        return evidence
    said = f"{result.violation.kind.value} {result.violation.property}"
    note = f"{result.memory_model} allows it: {said}"
    picture = drawn(result.model, verdicts.shown, None, names, note)
    return evolve(evidence, story=story(verdicts.shown, names, files), graph=picture)


def _forbidden(
    system: System, memory: str, found: Executions, verdicts: Verdicts, names: list[str]
) -> tuple[Forbidden, ...]:
    """Return, for each property that holds at the end, an execution that would break it."""
    told = []
    for index, prop in enumerate(system.properties):
        if prop.kind != "at_end" or verdicts.violation is not None or verdicts.asking is None:
            continue
        for key, (end, broken) in islice(found.forbidden.items(), MOST_FORBIDDEN):
            if key in found.ends or end.stuck or not _breaks(verdicts.asking, index, end):
                continue
            explanation = explain(end.execution, broken)
            said = why(end.execution, explanation, names)
            picture = drawn(system.name, end.execution, explanation, names, f"{memory}: {said}")
            told.append(Forbidden(prop.name, said, picture))
            break
    return tuple(told)


def _breaks(asking: Asking, index: int, end: End) -> bool:
    """Return whether a property is false in a state that cannot be; it may not be made for it."""
    try:
        return not asking.answer(index, end).holds
    except ModelError:
        return False


def process_names(system: System) -> list[str]:
    """Return the processes' names: the function's, with an index where there are several."""
    groups = [p.group for p in system.processes]
    return [
        f"{g}[{groups[:i].count(g)}]" if groups.count(g) > 1 else g for i, g in enumerate(groups)
    ]


def _failed_at_start(system: System, memory: str, fails: Fails, expected: Expected) -> Result:
    failure = fails.failure
    violation = Violation(
        failure.kind, failure.message, failure.message, failure.file, failure.line
    )
    found = Executions()
    return _result(system, memory, found, Verdicts(violation, None, {}), expected)


__all__ = ["check_program", "model_named", "process_names"]
