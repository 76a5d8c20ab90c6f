"""Partial-order reduction up to symmetry, in plain Python.

A stubborn set of a canonical form is one for each state of its orbit, with the names changed. So
what is explored are the orbits of a reduced graph, and all that holds of that one holds here. Two
things need care. What is known of one process must be known of all: paths are learned with their
images. And on a way round through forms processes change their numbers: which of them is never
asked there cannot be told from the numbers, so in a part that is never left some state takes all
steps.

Source: E. A. Emerson, S. Jha, D. Peled, Combining Partial Order and Symmetry Reductions (TACAS
1997).
"""

from __future__ import annotations

from typing import Any

from modelcheck.explore.orbits import Canonical
from modelcheck.explore.reduction.ignoring import ignored
from modelcheck.explore.reduction.search import Run
from modelcheck.tables.tables import State


class OrbitRun(Run):
    """One run over orbits."""

    def __init__(self, canonical: Canonical, *parts: Any):
        self.canonical = canonical
        super().__init__(*parts)

    def _note(self, agent: int, state: State) -> None:
        """Tell the relations of a path that was learned, and of its images."""
        tables: Any = self.tables
        for learned in ((agent, state), *tables.learned_too):
            self.relations.note(*learned)
        tables.learned_too.clear()

    def _form(self, state: State) -> State:
        return self.canonical(state)

    def _wanting(self) -> list[tuple[int, int]]:
        pairs = zip(self.enabled, self.taken, strict=True)
        whole = [-1 if enabled == taken else 0 for enabled, taken in pairs]
        found = ignored(self.edges, self.enabled, whole)
        return [(at, agents & ~self.taken[at]) for at, agents in found]

    def settle(self) -> None:
        super().settle()
        self.search.orbits = self.canonical.orbits(self.states)
