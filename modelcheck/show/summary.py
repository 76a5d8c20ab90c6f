"""A result in a few lines of text, and many results in a table."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from modelcheck.show.svg import fit
from modelcheck.show.text import clean, columns, short_place, show_value
from modelcheck.show.words import counted

if TYPE_CHECKING:
    from modelcheck.show.trace import Violation


def summary_text(result: Any) -> str:
    """Return the verdict, the counts, what was never taken, and the counterexample in words."""
    lines = [verdict_line(result), "  " + counts_line(result)]
    cut = result.violation is not None and result.trace is not None or bool(result.reason)
    missing = "none found so far" if cut else "none found"
    if result.evidence is not None:
        found = {True: "found in an execution", False: missing}
        seen = result.evidence.witnesses
        lines += [f"  witness {clean(n)}: {found[t is not None]}" for n, t in seen.items()]
    lines += [f"  witness {clean(n)}: {_witness(t, missing)}" for n, t in result.witnesses.items()]
    lines += [f"  never taken: {line}" for line in never_taken(result)]
    lines += [checkpoint_line(result)] * bool(result.checkpoint)
    lines += [f"  warning: {clean(warning)}" for warning in result.warnings]
    if result.trace is not None and result.violation is not None:
        from modelcheck.show.narrative import narrative

        lines += ["", narrative(result.trace).rstrip()]
    elif result.evidence is not None and result.evidence.story:
        lines += ["", *_why(result), safe_lines(result.evidence.story)]
    elif result.evidence is not None:
        for found in result.evidence.forbidden:
            lines += ["", f"What would break {clean(found.property)} is {safe_lines(found.why)}"]
    return "\n".join(lines)


def _why(result: Any) -> list[str]:
    """Return what a violation over executions is about, where its name does not say it."""
    said = clean(result.violation.message)
    if said in ("", clean(result.violation.property)):
        return []
    return [f"{said[:1].upper()}{said[1:]}.", ""]


def result_html(result: Any) -> str:
    """Return verdict and counts as HTML, with the picture of the counterexample in it."""
    lines = summary_text(evolve(result, trace=None)).rstrip()
    drawn = result.to_svg() if result.trace is not None else ""
    return f"<pre style='white-space:pre-wrap'>{html.escape(lines)}</pre>\n{drawn}"


def title_of(result: Any) -> str:
    """Return the model's name with its parameters: ``filter_lock(n=4)``."""
    shown = parameters_text(result.parameters)
    return clean(result.model) + (f"({shown})" if shown else "")


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """Return parameters on one line: ``n=4, ordered=True``."""
    return ", ".join(f"{clean(k)}={show_value(v, 40)}" for k, v in parameters.items())


def verdict_line(result: Any) -> str:
    """Return one line: the model, the verdict, and whether it was expected."""
    said = f"{title_of(result)}: {result.verdict}"
    if result.violation is not None:
        said += f": {what_is_violated(result.violation)}"
        if result.trace is not None:
            said += f", after {counted(len(result.trace), 'step', 'steps')}"
    elif result.reason:
        said += f": {clean(result.reason)}"
    if result.verdict != "holds" or result.expected != "holds":
        said += f" ({expectation(result)})"
    return said


def what_is_violated(violation: Violation) -> str:
    """Return the violation in a few words: the kind and the property."""
    if violation.kind.value == "deadlock":
        return "deadlock"
    return f"{violation.kind.value} {clean(violation.property)}"


def expectation(result: Any) -> str:
    """Return how the verdict compares with the expected one."""
    if result.expected is None:
        under = f" under {clean(result.memory_model)}" * (result.memory_model != "sc")
        return f"no expectation for these parameters{under}"
    if result.ok:
        return "as expected"
    by = f" by {clean(result.expected_by)}" if result.expected_by else ""
    return f"expected: {result.expected}{by}"


def _left_out(result: Any) -> str:
    said = ""
    if result.reduction is not None:
        said = f", reduced: steps put off in {counted(result.reduction.reduced, 'state', 'states')}"
        audited = result.reduction.audited
        said += f", audited in {audited:,}" * bool(audited)
    if result.orbits is not None:
        said += f", symmetry: they stand for {counted(result.orbits.stand_for, 'state', 'states')}"
    return said


def counts_line(result: Any) -> str:
    """Return the numbers of the search in one line."""
    if result.evidence is not None:
        return (
            f"{counted(result.states, 'final state', 'final states')}, "
            f"{counted(result.evidence.executions, 'execution', 'executions')} of "
            f"{result.evidence.candidates:,} candidates, {result.seconds:.2f} s "
            f"(memory model {clean(result.memory_model)}, axiomatic)"
        )
    rate = result.transitions / result.seconds if result.seconds >= FOR_A_RATE_S else 0
    speed = f", {rate:,.0f} transitions/s" if rate else ""
    return (
        f"{counted(result.states, 'state', 'states')}, "
        f"{counted(result.transitions, 'transition', 'transitions')}, depth {result.depth}, "
        f"{result.seconds:.2f} s{speed} "
        f"(memory model {result.memory_model}, {result.engine} engine{_left_out(result)})"
    )


def checkpoint_line(result: Any) -> str:
    """Return where an incomplete search can be gone on with."""
    mib = result.checkpoint_bytes / 2**20
    return f"  checkpoint: {clean(result.checkpoint)} ({mib:,.1f} MiB); --resume goes on with it"


def never_taken(result: Any) -> list[str]:
    """Return the places whose step was never taken, if the search was complete."""
    if result.reason or result.violation is not None:
        return []
    return [
        f"{short_place(c.file, c.line)} in {clean(c.function)}"
        + (f": {clean(c.label)}" if c.label else "")
        for c in result.coverage
        if c.taken == 0
    ]


def _witness(trace: Any, missing: str) -> str:
    return missing if trace is None else f"found after {counted(len(trace), 'step', 'steps')}"


#: In less time a rate says how long Python took to start, not how fast a search is.
FOR_A_RATE_S = 0.5

HEADINGS = ("model", "verdict", "", "states", "transitions", "depth", "seconds", "what")


def table_row(result: Any) -> tuple[str, ...]:
    """Return the cells of one result; `HEADINGS` names them."""
    what = ""
    if result.violation is not None:
        what = what_is_violated(result.violation)
    elif result.reason:
        what = clean(result.reason)
    return (
        clean(result.model),
        str(result.verdict),
        "as expected" if result.ok else expectation(result).replace("expected", "EXPECTED", 1),
        f"{result.states:,}",
        f"{result.transitions:,}",
        str(result.depth),
        f"{result.seconds:.2f}",
        what,
    )


#: A last column of fewer columns of text than this says nothing.
NARROWEST = 20


def plain_table(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return rows as aligned columns, numbers to the right, for pipes and files.

    Parameters
    ----------
    width : int, optional
        So wide it may be: the last column is cut to what is left, or left out. The others are not.

    Examples
    --------
    >>> print(plain_table([("a", "12"), ("bb", "3")]))
    a   12
    bb   3
    """
    widths = [max(columns(row[i]) for row in rows) for i in range(len(rows[0]))]
    if width is not None:
        left = width - sum(widths[:-1]) - 2 * len(widths[:-1])
        if left < NARROWEST:
            return plain_table([row[:-1] for row in rows])
        widths[-1] = min(widths[-1], left)
        rows = [(*row[:-1], fit(row[-1], left)) for row in rows]
    return "\n".join(
        "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _padded(cell: str, width: int) -> str:
    blank = " " * (width - columns(cell))
    return blank + cell if _is_number(cell) else cell + blank


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdigit()


def safe_lines(text: str) -> str:
    r"""Return lines of any origin as a terminal may have them; their blanks stay.

    Examples
    --------
    >>> print(safe_lines("lock.py:7: no\x1b[31m step\n  yield one"))
    lock.py:7: no\x1b[31m step
      yield one
    """
    return "\n".join(" ".join(map(clean, line.split(" "))) for line in text.split("\n"))
