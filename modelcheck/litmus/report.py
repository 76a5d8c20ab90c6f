"""A litmus file from path to report: plain data that can go from one process to another."""

from __future__ import annotations

from typing import Any

from attrs import asdict, evolve, frozen

from modelcheck.axiomatic.constraints import Model
from modelcheck.errors import ModelcheckError, UsageError
from modelcheck.litmus.explain import explain, explanation_text, graph
from modelcheck.litmus.herd import herd_text, state_text
from modelcheck.litmus.run import Outcome, matches, result_of, run, why_forbidden
from modelcheck.litmus.test import Litmus, read
from modelcheck.show.execution import execution_svg
from modelcheck.verdict import ExitCode


@frozen
class Wanted:
    """What the user asks of each test."""

    model: str | None = None  # a built-in model or a .cat file; None: that of the architecture
    timeout_s: float | None = None
    whole: bool = True  # count every execution, unless that takes too long
    svg: bool = False
    why: bool = False
    unroll: int = 2
    variants: tuple[str, ...] = ()


@frozen
class Report:
    """What came out of one file."""

    file: str
    name: str = ""
    arch: str = ""
    model: str = ""
    condition: str = ""
    quantifier: str = ""
    verdict: str = ""
    expected: str | None = None
    as_expected: bool | None = None  # None: nothing was expected
    ok: bool = False  # the condition holds with its quantifier
    positive: int = 0
    negative: int = 0
    states: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    whole: bool = True
    complete: bool = True
    cut: bool = False
    faults: tuple[str, ...] = ()  # why allowed executions were left out
    seconds: float = 0.0
    text: str = ""  # as herd7 prints it
    why: str = ""
    svg: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Return 0 as expected, 1 not, 2 error, 3 incomplete.

        Without a ``Result:`` comment, `forall` and `~exists` are expected to hold. Where executions
        were left out, only those that were found can show that something is not as expected.
        """
        if self.error:
            return ExitCode.ERROR
        if not self.complete:
            return ExitCode.INCOMPLETE
        if self.as_expected is None:
            fine = self.ok or self.quantifier == "exists"
        else:
            fine = self.as_expected
        if (self.cut or self.faults) and not fine and not self._refuted():
            return ExitCode.INCOMPLETE
        if not fine:
            return ExitCode.VIOLATED
        partial = self.cut or self.faults and self.as_expected is None
        return ExitCode.INCOMPLETE if partial else ExitCode.OK

    def _refuted(self) -> bool:
        """Return whether the executions that were found show that it is not as expected."""
        if self.expected is None:
            return not self.ok
        verdict, _, race = self.expected.partition(" ")
        counter = {"Never": self.positive, "Always": self.negative, "Sometimes": 0}
        return bool(
            counter.get(verdict, self.positive + self.negative)
            or "data-race" in self.flags
            and not race
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        fields = asdict(self)
        del fields["svg"]
        return {**fields, "exit_code": int(self.exit_code)}


def find_model(name: str | None, test: Litmus, variants: tuple[str, ...] = ()) -> Model:
    """Return a built-in model, or that of a .cat file.

    Raises
    ------
    UsageError
        If there is no such model.
    LitmusError
        If the file cannot be read.
    """
    from modelcheck.axiomatic.models import MODELS, NATIVE

    name = name or NATIVE[test.arch]
    if name in MODELS:
        return MODELS[name]
    if name.endswith(".cat"):
        from modelcheck.litmus.cat import load

        return load(name, test.arch, variants)
    raise UsageError(f"there is no model {name!r}; there is {', '.join(MODELS)}, or FILE.cat")


def report(path: str, wanted: Wanted) -> Report:
    """Return the report of a file; errors in it are a part of the report."""
    try:
        test = read(path, unroll=wanted.unroll)
        model = find_model(wanted.model, test, wanted.variants)
        return _report(path, test, model, wanted)
    except (ModelcheckError, OSError) as error:
        return Report(path, error=str(error))


def _report(path: str, test: Litmus, model: Model, wanted: Wanted) -> Report:
    outcome = run(test, model, timeout_s=wanted.timeout_s, verdict_only=True)
    notes = []
    if wanted.whole and outcome.complete:
        left = None if wanted.timeout_s is None else max(0.01, wanted.timeout_s - outcome.seconds)
        whole = run(test, model, timeout_s=left)
        whole.seconds += outcome.seconds
        if whole.complete:
            outcome = whole
        else:
            outcome.seconds = whole.seconds
            notes.append(
                f"{test.name}: only the verdict was found; counting all executions takes longer "
                f"than {wanted.timeout_s:g} s"
            )
    found = _plain(path, outcome)
    notes += [f"{test.name}: left out executions in which {fault}" for fault in outcome.faults]
    if wanted.why or wanted.svg:
        found = _explained(found, outcome, test, model, wanted)
    return evolve(found, notes=tuple(notes))


def _plain(path: str, outcome: Outcome) -> Report:
    test = outcome.test
    result = result_of(outcome)
    return Report(
        file=path,
        name=test.name,
        arch=test.arch,
        model=outcome.model,
        condition=test.question.text(),
        quantifier=test.question.quantifier,
        verdict=result if outcome.complete else "incomplete",
        expected=test.expected,
        as_expected=None if test.expected is None else matches(test.expected, outcome),
        ok=outcome.ok,
        positive=outcome.positive,
        negative=outcome.negative,
        states=tuple(state_text(state) for state in sorted(outcome.states, key=str)),
        flags=tuple(sorted(outcome.flags)),
        whole=outcome.whole and outcome.complete,
        complete=outcome.complete,
        cut=outcome.cut,
        faults=tuple(sorted(outcome.faults)),
        seconds=outcome.seconds,
        text=herd_text(outcome),
    )


def _explained(
    found: Report, outcome: Outcome, test: Litmus, model: Model, wanted: Wanted
) -> Report:
    """Return the report with the picture and the words: a witness, or why there is none."""
    witness = outcome.positive_witness
    if witness is not None:
        text = f"{outcome.model} allows it: {test.question.proposition.text()}"
        drawn = graph(test.name, witness, None, text)
    elif (forbidden := why_forbidden(test, model)) is not None:
        execution, broken = forbidden
        explanation = explain(execution, broken)
        text = explanation_text(execution, explanation)
        drawn = graph(test.name, execution, explanation, f"{outcome.model}: {text.splitlines()[0]}")
    else:
        text = "no candidate execution has this outcome: no write gives a value that must be read"
        return evolve(found, why=text)
    return evolve(found, why=text, svg=execution_svg(drawn) if wanted.svg else "")


__all__ = ["Report", "Wanted", "find_model", "report"]
