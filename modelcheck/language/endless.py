"""Errors for processes whose local states have no end: what grows, and at which line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelcheck.errors import ModelError
from modelcheck.language.source import shown
from modelcheck.tables.slots import Domain, Unbounded

if TYPE_CHECKING:
    from modelcheck.language.local import LocalState
    from modelcheck.language.process import Process


def unbounded(domain: Domain, local: LocalState) -> Unbounded:
    """Return the error that names the local variable which grows, or the calls that do."""
    taken: dict[str, set[str]] = {}
    for other in domain.values:
        if other.spot == local.spot:
            for name, value in other.variables().items():
                taken.setdefault(name, set()).add(shown(value))
    name, values = max(taken.items(), key=lambda item: len(item[1]), default=("?", set()))
    last, calls = shown(local.variables().get(name)), len(local.frames)
    grows = f"its variable {name!r} alone took {len(values):,} values, the last {last}"
    if 1 < calls > len(values):
        grows = f"it stands in {calls:,} calls, each in the one before it"
    return Unbounded(
        f"{domain.name} has {domain.limit:,} different local states; at this line {grows}",
        "A counter or list that only grows makes a state space without end, as does a function "
        "that calls itself without end. Bound it, or "
        "raise max_values if the protocol really needs so many.",
        file=local.file,
        line=local.line,
    )


def too_deep(process: Process, local: LocalState) -> ModelError:
    """Return what it means that one of two runs to `local` ended in a RecursionError."""
    return ModelError(
        f"{process.group} came to `{local.label}` with so many calls in each other that Python's "
        "stack ends here: RecursionError",
        "A function that calls itself without end makes a state space without end: write a loop, "
        "or bound it. If it has an end, raise sys.setrecursionlimit(...).",
        file=local.file,
        line=local.line,
    )
