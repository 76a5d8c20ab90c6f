"""Searches that are cut, kept in a file, and gone on with, against the same ones left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelcheck import check
from modelcheck.verdict import Verdict
from oracle.compare import _coverage, _lengths, same

PARTS = ("verdict", "states", "transitions", "levels")


def hold_against(model: Any, file: Path, cuts: tuple[int, ...], workers: int = 1) -> int:
    """Cut a search after so many states each time and go on; return how often it was cut.

    Raises `oracle.compare.Mismatch` where it then differs from a search that was left alone.
    """
    whole = check(model, engine="native", workers=workers)
    if whole.states == 0:  # it fails before its first step: there is nothing to keep
        return 0
    file.unlink(missing_ok=True)
    how: dict[str, Any] = {"checkpoint": file}
    many = 0
    for cut in cuts:
        part = check(model, max_states=cut, workers=workers, checkpoint_every_s=0, **how)
        how = {"resume": file}
        many += part.verdict is Verdict.INCOMPLETE
    last = check(model, workers=workers, **how)
    again = check(model, workers=workers, resume=file)
    for other, said in ((last, "resumed"), (again, "finished and resumed")):
        for part in PARTS:
            same(f"the {said} search's {part}", getattr(whole, part), getattr(other, part))
        same(f"the {said} search's length", len(whole.trace or ()), len(other.trace or ()))
        if workers == 1:
            same(f"the {said} search's token", whole.token, other.token)
        if workers == 1 or not whole.violation:
            same(f"the {said} search's witnesses", _lengths(whole), _lengths(other))
            same(f"the {said} search's coverage", _coverage(whole), _coverage(other))
    return many
