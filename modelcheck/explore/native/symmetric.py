"""The native search up to symmetry: what drives its kernels.

Same order and same counts as `modelcheck.explore.reference.explore` with canonical forms.
"""

from __future__ import annotations

from math import factorial, prod
from typing import Any

import numpy as np

from modelcheck.explore.budget import Meter
from modelcheck.explore.native import orbits
from modelcheck.explore.native.arrays import Growing
from modelcheck.explore.native.engine import NativeSearch
from modelcheck.explore.native.orbits import Group
from modelcheck.explore.orbits import Canonical
from modelcheck.explore.search import Move, Orbits, successor
from modelcheck.tables.symmetry import ALL, Symmetry
from modelcheck.tables.tables import State, Tables

#: States weighed in one go.
STRIDE = 1 << 16


class FlatGroup:
    """A symmetry as arrays, which follow it as it learns."""

    def __init__(self, symmetry: Symmetry):
        self.symmetry = symmetry
        count, slots = len(symmetry.slots), len(symmetry.slots[0])
        self.to = np.array(symmetry.slots, np.int32)
        self.base = np.zeros((count, slots), np.int64)
        self.color_base = np.zeros(slots, np.int64)
        self.images, self.colors = Growing(np.int32), Growing(np.int32)
        self.room = np.zeros(slots, np.int64)
        self.known = np.zeros(slots, np.int64)
        self.changes = self.to != np.arange(slots)
        self.active = np.zeros((count, slots), np.int32)
        self.active_count = np.zeros(count, np.int32)
        factors = symmetry.factors
        self.ring = np.array([f.kind != ALL for f in factors], np.bool_)
        self.size = np.array([f.size for f in factors], np.int32)
        self.first = np.array([f.generators[0] for f in factors], np.int32)
        self.owned_count = np.array([len(f.owned[0]) for f in factors], np.int32)
        owned = [[slot for slots in f.owned for slot in slots] for f in factors]
        self.owned = np.array([slot for slots in owned for slot in slots] or [0], np.int32)
        self.owned_base = np.cumsum([0, *map(len, owned)])[:-1].astype(np.int64)
        self.update()

    def update(self) -> None:
        """Take over what was learned since."""
        symmetry = self.symmetry
        for slot, colors in enumerate(symmetry.colors):
            before, now = int(self.known[slot]), len(colors)
            if now == before:
                continue
            if now > self.room[slot]:
                self._move(slot, before, now)
            at = int(self.color_base[slot])
            self.colors.data[at + before : at + now] = colors[before:now]
            for generator, images in enumerate(symmetry.images):
                new, at = images[slot][before:now], int(self.base[generator, slot])
                self.images.data[at + before : at + now] = new
                if new != list(range(before, now)):
                    self.changes[generator, slot] = True
            self.known[slot] = now
        for generator, changes in enumerate(self.changes):
            active = np.flatnonzero(changes)
            self.active[generator, : len(active)] = active
            self.active_count[generator] = len(active)

    def _move(self, slot: int, before: int, now: int) -> None:
        """Give a slot's values more room."""
        self.room[slot] = room = 1 << max(3, (now - 1).bit_length())
        places = [(self.colors, self.color_base, slot)]
        places += [(self.images, self.base[g], slot) for g in range(len(self.base))]
        for growing, base, which in places:
            old, new = int(base[which]), growing.extend(room)
            growing.data[new : new + before] = growing.data[old : old + before]
            base[which] = new

    def arrays(self) -> Group:
        """Return the arrays for the kernels; valid until the next update."""
        return Group(
            self.to, self.base, self.images.data, self.active, self.active_count, self.color_base,
            self.colors.data, self.ring, self.size, self.first, self.owned, self.owned_base,
            self.owned_count,
        )  # fmt: skip


def _different(rows: Any) -> tuple[Any, Any]:
    """Return the different rows of numbers from 0 up, and how often each is there.

    Rows are told apart by one number where there is room for it, which takes a tenth of the time.

    Examples
    --------
    >>> rows, counts = _different(np.array([[2, 0], [1, 3], [2, 0]]))
    >>> rows.tolist(), counts.tolist()
    ([[1, 3], [2, 0]], [1, 2])
    """
    sizes = [int(most) + 1 for most in rows.max(axis=0)]
    if prod(sizes) >= 2**63:
        return np.unique(rows, axis=0, return_counts=True)
    numbers = np.zeros(len(rows), np.int64)
    for column, size in zip(rows.T, sizes, strict=True):
        numbers = numbers * size + column
    _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    return rows[first], counts


class SymmetricSearch(NativeSearch):
    """One search of orbits."""

    def __init__(self, tables: Tables, meter: Meter, canonical: Canonical, workers: int = 1):
        super().__init__(tables, meter, workers)
        self.canonical = canonical
        self.group = FlatGroup(canonical.symmetry)

    def run(self) -> Any:
        """Search to the end, and weigh what was found."""
        search = super().run()
        search.orbits = Orbits(self.canonical.symmetry.order, self._weight())
        return search

    def _weight(self) -> int:
        """Return how many states the orbits stand for."""
        order, weight = self.canonical.symmetry.order, 0
        for first in range(0, self._states, STRIDE):
            last = min(first + STRIDE, self._states)
            found = orbits.stabilizers(
                self.storage.packing.arrays, self.storage.store, self.group.arrays(), first, last
            )
            there = np.flatnonzero(found.any(axis=0))
            rows, counts = _different(found[:, there])
            factorials = [factorial(length) for length in (there[1:] - 1).tolist()]
            for (size, *ties), count in zip(rows.tolist(), counts.tolist(), strict=True):
                for one, many in zip(factorials, ties, strict=True):
                    size *= one**many
                weight += order // size * count
        return weight

    def _learn(self, agent: int, state: State) -> None:
        super()._learn(agent, state)
        self.group.update()

    def _reached(self, state: State, writes: tuple[tuple[int, int], ...]) -> State:
        return self.canonical(successor(state, writes))

    def _kernel(self, work: Any, mine: Any) -> int:
        return int(
            orbits.expand(
                self.storage.packing.arrays, self.flat.tries(), self.flat.agents(), self.at_end,
                self.storage.store, mine, work, self.group.arrays(),
            )
        )  # fmt: skip

    def _choose_path(self) -> None:
        """Leave the path that was found first: its agents are not those of the real path."""

    def _path_to_witness(self, index: int) -> tuple[Move, ...]:
        return self.path_to(index)

    def _predecessor(self, bounds: tuple[int, int], index: int) -> Any:
        return orbits.predecessor(
            self.storage.packing.arrays, self.flat.tries(), self.flat.agents(),
            self.storage.store, bounds, index, self.group.arrays(),
        )  # fmt: skip
