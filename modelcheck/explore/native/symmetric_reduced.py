"""The native search with partial-order reduction, up to symmetry.

See `modelcheck.explore.reduction.orbits` for why the two go together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelcheck.explore.budget import Meter
from modelcheck.explore.native import closure, orbits, reduced
from modelcheck.explore.native.reduced import ReducedSearch
from modelcheck.explore.native.symmetric import SymmetricSearch
from modelcheck.explore.orbits import Canonical
from modelcheck.explore.search import Search
from modelcheck.tables.tables import State, Tables


class SymmetricReducedSearch(SymmetricSearch, ReducedSearch):
    """One run of a reduced search of orbits."""

    def _learn(self, agent: int, state: State) -> None:
        super()._learn(agent, state)
        tables: Any = self.tables
        for learned in tables.learned_too:
            self.flat.add_agent_path(*learned)
            self.relations.note(*learned)
        tables.learned_too.clear()

    def _successors(self, mine: Any, begin: Any, edges: Any) -> int:
        return int(
            orbits.successors(
                self.storage.packing.arrays, self.flat.tries(), self.flat.agents(),
                self.storage.store, mine, self.masks, begin, edges, self.storage.used,
                self.group.arrays(),
            )
        )  # fmt: skip

    def _ignored(self) -> tuple[Any, Any]:
        """Return a state of each part that is never left and never takes all steps, and the rest."""
        count = self.storage.used
        begin, edges = self._edges()
        parts = closure.components(begin, edges, count)
        sources, targets = np.repeat(np.arange(count), np.diff(begin)), edges.astype(np.int64)
        number = int(parts.max()) + 1
        settled = np.zeros(number, np.bool_)
        settled[parts[sources[parts[sources] != parts[targets]]]] = True
        first = np.full(number, count, np.int64)
        np.minimum.at(first, parts, np.arange(count))
        found: dict[int, int] = {}
        for part in np.flatnonzero(~settled):
            members = np.flatnonzero(parts == part)
            missing = self._enabled(members) & ~self.masks[members]
            if np.all(missing):
                found[int(first[part])] = int(missing[0])
        states = np.array(sorted(found), np.int64)
        return states, np.array([found[int(s)] for s in states], np.uint64)


def explore(tables: Tables, meter: Meter, canonical: Canonical, workers: int = 1) -> Search:
    """Search orbits natively with reduction; agents are at most `reduced.MOST_AGENTS`."""

    def make(tables: Tables, meter: Meter, workers: int) -> ReducedSearch:
        return SymmetricReducedSearch(tables, meter, canonical, workers)

    return reduced.explore(tables, meter, workers, make)
