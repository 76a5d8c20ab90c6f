"""The native search with partial-order reduction, up to symmetry.

See `modelcheck.explore.reduction.orbits` for why the two go together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelcheck.explore.budget import Meter
from modelcheck.explore.native import orbits, reduced
from modelcheck.explore.native.components import components
from modelcheck.explore.native.reduced import ReducedSearch, counters
from modelcheck.explore.native.symmetric import SymmetricSearch
from modelcheck.explore.orbits import Canonical
from modelcheck.explore.reduction.relations import Relations
from modelcheck.explore.search import Search
from modelcheck.tables.tables import State, Tables


class SymmetricReducedSearch(SymmetricSearch, ReducedSearch):
    """One run of a reduced search of orbits.

    `known` is what other runs have found out; it lasts from run to run.
    """

    def __init__(
        self,
        tables: Tables,
        meter: Meter,
        canonical: Canonical,
        workers: int = 1,
        known: Relations | None = None,
    ):
        super().__init__(tables, meter, canonical, workers)
        self.known = known or self.known

    def _learn(self, agent: int, state: State) -> None:
        super()._learn(agent, state)
        tables: Any = self.tables
        for learned in tables.learned_too:
            self.flat.add_agent_path(*learned)
            self.relations.note(*learned)
        tables.learned_too.clear()

    def _edges(self) -> tuple[Any, Any]:
        """Return where the states that each state was expanded to begin in a list, and the list."""
        count, mine = self.storage.used, counters()
        begin = np.zeros(count + 1, np.int64)
        edges = np.zeros(2 * count + 64, np.uint32)
        while True:
            used = orbits.successors(
                self.storage.packing.arrays, self.flat.tries(), self.flat.agents(),
                self.storage.store, mine, self.masks, begin, edges, count, self.group.arrays(),
            )  # fmt: skip
            if used >= 0:
                return begin, edges[: int(used)]
            edges = np.zeros(2 * len(edges), np.uint32)

    def _ignored(self) -> tuple[Any, Any]:
        """Return a state of each part that is never left and never takes all steps.

        With each the agents that it did not take, as bits.
        """
        count = self.storage.used
        begin, edges = self._edges()
        parts = components(begin, edges, count)
        sources, targets = np.repeat(np.arange(count), np.diff(begin)), edges.astype(np.int64)
        left = np.zeros(int(parts.max()) + 1, np.bool_)
        left[parts[sources[parts[sources] != parts[targets]]]] = True
        order = np.argsort(parts, kind="stable")
        bounds = np.searchsorted(parts[order], np.arange(len(left) + 1))
        lacking = {
            int(order[bounds[part]]): lacks
            for part in np.flatnonzero(~left)
            if (lacks := self._lacks(order[bounds[part] : bounds[part + 1]]))
        }
        states = sorted(lacking)
        return np.array(states, np.int64), np.array([lacking[s] for s in states], np.uint64)

    def _lacks(self, members: Any) -> int:
        """Return what the first of some states did not take; 0 if one of them took all."""
        first = -1
        for state in map(int, members):
            lacks = self._enabled_in(self.storage.state(state)) & ~int(self.masks[state])
            if not lacks:
                return 0
            first = lacks if first < 0 else first
        return first

    def _enabled_in(self, state: State) -> int:
        agents = range(len(self.tables.agents))
        return sum(1 << agent for agent in agents if self.tables.leaf(agent, state).outcomes)


def explore(tables: Tables, meter: Meter, canonical: Canonical, workers: int = 1) -> Search:
    """Search orbits natively with reduction; agents are at most `MOST_AGENTS`."""

    def make(tables: Tables, meter: Meter, workers: int, known: Relations) -> ReducedSearch:
        return SymmetricReducedSearch(tables, meter, canonical, workers, known)

    found = reduced.explore(tables, meter, workers, make)
    assert found is not None  # that is for those that may give up
    return found
