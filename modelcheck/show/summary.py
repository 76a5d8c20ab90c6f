"""A result in a few lines of text, and many results in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelcheck.show.narrative import narrative
from modelcheck.show.text import clean, short_place
from modelcheck.show.words import counted, headline

if TYPE_CHECKING:
    from modelcheck.show.trace import Violation


def summary_text(result: Any) -> str:
    """Return the verdict, the counts, what was never taken, and the counterexample in words."""
    lines = [verdict_line(result), "  " + counts_line(result)]
    lines += [f"  witness {n}: {_witness(t)}" for n, t in result.witnesses.items()]
    lines += [f"  never taken: {line}" for line in never_taken(result)]
    lines += [f"  warning: {warning}" for warning in result.warnings]
    if result.trace is not None and result.violation is not None:
        lines += ["", narrative(result.trace).rstrip()]
    return "\n".join(lines)


def title_of(result: Any) -> str:
    """Return the model's name with its parameters: ``filter_lock(n=4)``."""
    shown = ", ".join(f"{k}={getattr(v, 'name', v)!s}" for k, v in result.parameters.items())
    return f"{result.model}({shown})" if shown else result.model


def verdict_line(result: Any) -> str:
    """Return one line: the model, the verdict, and whether it was expected."""
    said = f"{title_of(result)}: {result.verdict}"
    if result.violation is not None:
        said += f": {what_is_violated(result.violation)}"
        if result.trace is not None:
            said += f", after {counted(len(result.trace), 'step', 'steps')}"
    elif result.reason:
        said += f": {result.reason}"
    if result.verdict != "holds" or not result.ok:
        said += f" ({expectation(result)})"
    return said


def what_is_violated(violation: Violation) -> str:
    """Return the violation in a few words: the kind and the property."""
    if violation.kind.value == "deadlock":
        return "deadlock"
    return f"{violation.kind.value} {clean(violation.property)}"


def expectation(result: Any) -> str:
    """Return how the verdict compares with the expected one."""
    if result.ok:
        return "as expected"
    by = f" by {result.expected_by}" if result.expected_by else ""
    return f"expected: {result.expected}{by}"


def counts_line(result: Any) -> str:
    """Return the numbers of the search in one line."""
    rate = result.transitions / result.seconds if result.seconds > 0.05 else 0
    speed = f", {rate:,.0f} transitions/s" if rate else ""
    return (
        f"{result.states:,} states, {result.transitions:,} transitions, depth {result.depth}, "
        f"{result.seconds:.2f} s{speed} (memory model {result.memory_model}, {result.engine} engine)"
    )


def never_taken(result: Any) -> list[str]:
    """Return the places whose step was never taken, if the search was complete."""
    if result.reason or result.violation is not None:
        return []
    return [
        f"{short_place(c.file, c.line)} in {c.function}"
        + (f": {clean(c.label)}" if c.label else "")
        for c in result.coverage
        if c.taken == 0
    ]


def _witness(trace: Any) -> str:
    return "none found" if trace is None else f"found after {counted(len(trace), 'step', 'steps')}"


def headline_of(result: Any) -> str:
    """Return the violation in one sentence."""
    return headline(result.violation)


HEADINGS = ("model", "verdict", "", "states", "transitions", "depth", "seconds", "what")


def table_row(result: Any) -> tuple[str, ...]:
    """Return the cells of one result; `HEADINGS` names them."""
    what = ""
    if result.violation is not None:
        what = what_is_violated(result.violation)
    elif result.reason:
        what = result.reason
    return (
        result.model,
        str(result.verdict),
        "as expected" if result.ok else expectation(result).upper(),
        f"{result.states:,}",
        f"{result.transitions:,}",
        str(result.depth),
        f"{result.seconds:.2f}",
        what,
    )


def plain_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns, numbers to the right, for pipes and files.

    Examples
    --------
    >>> print(plain_table([("a", "12"), ("bb", "3")]))
    a   12
    bb   3
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if _is_number(cell) else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdigit()
