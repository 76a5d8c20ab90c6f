"""What a search is asked for: the engine, how exact, how reduced; what does not go together."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from modelcheck.errors import UsageError
from modelcheck.explore import native
from modelcheck.explore.checkpoint import Keeper
from modelcheck.explore.lossy import Lossy
from modelcheck.tables.symmetry import Symmetry

ENGINES = ("auto", "reference", "native")


@frozen
class Plan:
    """How to search.

    `workers` are threads of the native explorer: more than one give the same counts and verdict;
    which of several properties that are violated as near is named may change from run to run.
    `store` is what an inexact visited set is made of, None for the exact one. `keeper` writes
    checkpoints. `say` is told in words when something takes a while for another reason than the
    model. With `reduction`, steps that need not be taken are left out (docs/reduction.md), from the
    start; with None, once a search has proved to be large, and as long as it is worth its while. A
    violation is then looked for once more without, for a shortest counterexample, if it is to
    `shorten`. With `audit`, what a reduction from the start took for granted is looked at again.
    With `symmetry`, states are explored up to it (docs/symmetry.md).
    """

    engine: str = "auto"
    workers: int = 1
    store: Lossy | None = None
    keeper: Keeper | None = None
    say: Callable[[str], None] | None = None
    reduction: bool | None = None
    audit: bool = False
    shorten: bool = True
    symmetry: Symmetry | None = None

    def __attrs_post_init__(self) -> None:
        """Raise `UsageError` for an engine that is not there, or what it cannot do."""
        if self.engine not in ENGINES:
            raise UsageError(f"there is no engine {self.engine!r}; there is {', '.join(ENGINES)}")
        if self.workers < 1:
            raise UsageError(f"{self.workers} workers cannot search; give 1 or more")
        if self.engine == "native" and not native.available():
            raise UsageError(
                "the native engine needs numba: pip install numba, or use engine='auto'"
            )
        if self.keeper is not None:
            self._only_native("checkpoints are")
        if self.store is not None:
            self._only_native(f"{self.store.name} is")
            if self.keeper is not None or self.workers > 1:
                what = "checkpoints" if self.keeper is not None else "several workers"
                raise UsageError(
                    f"{self.store.name} does not go with {what} yet; the exact search does"
                )
        if self.audit and not self.reduction:
            raise UsageError("an audit looks again at a reduced search: ask for reduction too")
        if self.reduction and (self.keeper is not None or self.store is not None):
            what = "checkpoints" if self.store is None else self.store.name
            raise UsageError(f"partial-order reduction does not go with {what} yet: leave one out")

    def _only_native(self, what: str) -> None:
        if self.in_python:
            why = "" if native.available() else ", which needs numba: pip install numba"
            raise UsageError(f"{what} a matter of the native engine{why}")

    @property
    def in_python(self) -> bool:
        """Whether there is nothing but plain Python to search with."""
        return self.engine == "reference" or not native.available()

    @property
    def native_at_once(self) -> bool:
        """Whether plain Python is not even to begin."""
        return self.engine == "native" or self.keeper is not None or self.store is not None
