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
from modelcheck.explore.search import Move, Search
from modelcheck.tables.tables import State, Tables

#: What looking for ignored steps takes at most, for each state and for each step between two.
STATE_BYTES, EDGE_BYTES = 80, 32


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
        self.children = self.children[:0]  # `_ignored` has all edges

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

        With each the agents that it did not take, as bits. None where there is no room to look.
        """
        count = self.storage.used
        edges_mib = self.transitions() * EDGE_BYTES / 2**20
        self.search.reason = self.meter.room_for(count * STATE_BYTES / 2**20 + edges_mib)
        if self.search.reason:
            return np.zeros(0, np.int64), np.zeros(0, np.uint64)
        begin, edges = self._edges()
        parts = components(begin, edges, count)
        sources, targets = np.repeat(np.arange(count), np.diff(begin)), edges.astype(np.int64)
        left = np.zeros(int(parts.max()) + 1, np.bool_)
        left[parts[sources[parts[sources] != parts[targets]]]] = True
        lacking = self._lacking()
        order = np.argsort(parts, kind="stable")
        begins = np.searchsorted(parts[order], np.arange(len(left)))
        took_all = np.minimum.reduceat((lacking != 0)[order].astype(np.int8), begins) == 0
        states = np.sort(order[begins[~left & ~took_all]])
        return states, lacking[states]

    def _lacking(self) -> Any:
        """Return the agents that can step in each state and were not expanded there, as bits."""
        enabled = np.zeros(self.storage.used, np.uint64)
        why = orbits.enabled(
            self.storage.packing.arrays, self.flat.tries(), self.flat.agents(),
            self.storage.store, enabled,
        )  # fmt: skip
        assert why == 0, "what to expand was chosen where it was not known who can step"
        return enabled & ~self.masks[: len(enabled)]


def explore(  # noqa: PLR0913  one keyword for each way to search
    tables: Tables,
    meter: Meter,
    canonical: Canonical,
    workers: int = 1,
    *,
    witnesses: dict[int, tuple[Move, ...]] | None = None,
    instead_of: list[int] | None = None,
) -> Search | None:
    """Search orbits natively with reduction; see `reduced.explore`.

    Agents are at most `MOST_AGENTS`.
    """

    def make(tables: Tables, meter: Meter, workers: int, known: Relations) -> ReducedSearch:
        return SymmetricReducedSearch(tables, meter, canonical, workers, known)

    return reduced.explore(tables, meter, workers, make, witnesses=witnesses, instead_of=instead_of)
