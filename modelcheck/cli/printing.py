"""Results as the command line prints them: one at length, several as a table.

Standard output only; what is an error goes to standard error, in `modelcheck.cli.commands`. What
each part of the text says is decided in `modelcheck.show`.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence

from attrs import evolve

from modelcheck.cli.outputs import Outcome, shown_path
from modelcheck.results.result import Result
from modelcheck.show.summary import (
    HEADINGS,
    plain_table,
    safe_lines,
    summary_text,
    table_row,
    title_of,
)
from modelcheck.show.text import clean
from modelcheck.verdict import Verdict


def say(text: str) -> None:
    """Print lines that are safe already; what cannot be encoded, `modelcheck.cli.streams` mends."""
    sys.stdout.write(text + "\n")


def print_outcomes(outcomes: Sequence[Outcome], asked: int) -> None:
    """Print one result at length, or several as a table with what was not expected below."""
    if asked == 1:
        if outcomes[0].result is not None:
            _print_one(outcomes[0].result)
        return
    rows = [(*HEADINGS, "what it is"), *map(_row, outcomes)]
    say(plain_table(rows, width=_width()))
    for outcome in outcomes:
        cut = outcome.result is not None and outcome.result.verdict is Verdict.INCOMPLETE
        if outcome.result is not None and not outcome.result.ok and not cut:
            say("\n" + summary_text(_without_token(outcome.result)))
            _say_replay(outcome.result)
    say("\n" + _tally(outcomes, asked))


def _print_one(result: Result) -> None:
    from modelcheck.show.table import write_table

    say(summary_text(_without_token(result)))
    if result.trace is not None and result.violation is not None:
        say("")
        sys.stdout.flush()
        write_table(evolve(result.trace, token=""), sys.stdout)
        _say_replay(result)


def print_walk(result: Result) -> None:
    """Print a random walk as a table, with what it met."""
    from modelcheck.show.table import write_table

    assert result.trace is not None
    told = f": {clean(result.reason)}" * bool(result.reason)
    say(f"{title_of(result)}: {result.verdict}{told}")
    sys.stdout.flush()
    write_table(evolve(result.trace, token=""), sys.stdout)
    _say_replay(result)


def _without_token(result: Result) -> Result:
    """Return the result without its token: it is said once, with the command that takes it."""
    if result.trace is None:
        return result
    return evolve(result, trace=evolve(result.trace, token=""))


def _say_replay(result: Result) -> None:
    """Print the command that shows a result's trace again."""
    if result.token:
        target = shlex.quote(f"{shown_path(result.file)}:{result.model}")
        dashes = "-- " if target.startswith("-") else ""
        say(safe_lines(f"\nreplay it: modelcheck replay {dashes}{target} {result.token}"))


def _row(outcome: Outcome) -> tuple[str, ...]:
    title = clean(outcome.title)
    if outcome.result is None:
        what = clean(getattr(outcome.error, "what", str(outcome.error)))
        return (title, "error", "", "", "", "", "", what, "")
    summary = clean(outcome.model.summary) if outcome.model is not None else ""
    return (title, *table_row(outcome.result)[1:], summary)


def _width() -> int | None:
    """Return how many columns a table may have: as the terminal, or as it likes."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _tally(outcomes: Sequence[Outcome], asked: int) -> str:
    """Return the last line: how many models are as expected."""
    results = [o.result for o in outcomes if o.result is not None]
    good = sum(r.ok for r in results if r.expected is not None)
    said = f"{good} of {asked} models as expected"
    errors = sum(o.error is not None for o in outcomes)
    cut = sum(r.verdict is Verdict.INCOMPLETE for r in results)
    left = asked - len(outcomes)
    silent = sum(r.expected is None for r in results)
    if silent:
        said += f", {silent} without an expectation"
    for number, what in ((errors, "with an error"), (cut, "incomplete"), (left, "not checked")):
        if number:
            said += f", {number} {what}"
    return said


__all__ = ["print_outcomes", "print_walk", "say"]
