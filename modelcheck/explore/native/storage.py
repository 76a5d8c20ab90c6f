"""The visited set of a native search: makes room, packs anew, and hands the kernel its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelcheck.explore.budget import available_mib
from modelcheck.explore.native import calls
from modelcheck.explore.native.arrays import Full, reserved
from modelcheck.explore.native.layout import Packing, packed, sizes_of
from modelcheck.explore.native.shapes import (
    ALLOCATED,
    CURSOR,
    END,
    FAIL_AT,
    FULL,
    MINE,
    NEXT,
    PENDING,
    RECENT,
    SHARED,
    SPARE,
    STUCK_STATE,
    SUB_FULL,
    SUBS,
    UNSETTLED,
    WALKING,
    Layout,
    Scratch,
    Store,
    Walking,
)
from modelcheck.tables.tables import State, Tables

#: Places of a hash table that the upper 32 bits of a hash can tell apart.
PLACES = 2**32

#: States that there is ever room for: what fills the largest table.
MOST = PLACES // 100 * 85

#: Parts of longer states: their table has two places for each.
MOST_SUBS = PLACES // 2

TOO_MANY = "more states were found than 32-bit indices can name"

#: From the counters of one worker to those of the next: they share no cache line.
APART = 4 * MINE

#: Room for so many states costs next to nothing. So much or more is made where it can grow without
#: being copied.
SPACIOUS = 1 << 20

#: Room becomes so many times larger: each table is filled anew, and at first time counts for more
#: than memory. From so many states on it grows by a half, and from so many on by a quarter only.
QUICKLY, HALF, QUARTER = 6, 1 << 22, 1 << 24


class Storage:
    """Packed states in the order of finding, with their hash table.

    Between two calls of the kernel, states are at 0 .. `used` - 1 without gaps.
    """

    def __init__(self, tables: Tables, workers: int):
        self.tables = tables
        self.packing = packed(self.tables)
        self.shared = np.zeros(SHARED, np.int64)
        self.mine = list(np.zeros((workers, APART), np.int64)[:, :MINE])
        for counters in self.mine:
            counters[[SPARE, FAIL_AT, STUCK_STATE]] = -1
        self.dead: list[int] = []  # ids of parts that stand for nothing, left by other workers
        self._make(1 << 14, 1 << 10)

    def _make(self, states: int, subs: int) -> None:
        self._space: Any = None  # reserved, the states being its beginning; None: not so
        self.store = Store(
            np.zeros(states, np.uint64),
            np.zeros(_table_size(states), np.uint32),
            np.zeros(subs, np.uint64),
            np.zeros(2 * subs, np.uint32),
            self.shared,
        )
        self.own_all()

    def refill(  # noqa: PLR0913  the arrays of a store, with how much of each is in use
        self, packing: Packing, states: Any, used: int, subs: Any, parts: int, dead: list[int]
    ) -> None:
        """Take over states of an earlier search, in order, and make their tables anew."""
        self.packing, self.dead, self._space = packing, dead, None
        self.mine[0][NEXT], self.shared[SUBS] = used, parts
        table = np.zeros(_table_size(len(states)), np.uint32)
        sub_table = np.zeros(2 * len(subs), np.uint32)
        calls.rehash(states, 0, used, table, _NOTHING)
        calls.rehash(subs, 0, parts, sub_table, np.array(dead, np.int64))
        self.store = Store(states, table, subs, sub_table, self.shared)
        self.own_all()

    @property
    def used(self) -> int:
        """How many states there are."""
        return int(self.mine[0][NEXT])

    def bytes(self) -> int:
        """Return how many bytes the arrays take."""
        return sum(a.nbytes for a in self.store)

    def own_all(self) -> None:
        """Let the first worker put new states wherever there is room: it works alone."""
        self.mine[0][END] = len(self.store.states)

    def share(self) -> None:
        """Let workers take places in chunks."""
        self.shared[ALLOCATED] = self.used
        for counters in self.mine:
            counters[NEXT] = counters[END] = self.used

    def settle(self) -> None:
        """After workers shared the store: close the gaps that they left."""
        taken = int(self.shared[ALLOCATED])
        gaps = sorted((int(m[NEXT]), int(m[END])) for m in self.mine)
        holes = [place for first, last in gaps for place in range(first, last)]
        final, open_places = taken - len(holes), set(holes)
        sources = [place for place in range(final, taken) if place not in open_places]
        targets = [place for place in holes if place < final]
        if sources:
            calls.move(self.store, np.array(sources, np.int64), np.array(targets, np.int64))
        self.mine[0][NEXT] = final
        self.own_all()

    # Room.

    def growth_mib(self, states: int, sparing: bool = False) -> float:
        """Return about how much memory `reserve` takes for good, in MiB; 0 if none."""
        room, parts = self._rooms(states, sparing)
        places, more = room - len(self.store.states), parts - len(self.store.subs)
        return (places * (8 + 4 / FULL) + more * (8 + 2 * 4)) / 2**20

    def reserve(self, states: int, sparing: bool = False) -> None:
        """Make room for so many more states, and for their parts where they have several words.

        By as little as is sensible if `sparing`. Raises `Full` where 32-bit numbers name no more;
        what is there stays as it is.
        """
        room, parts = self._rooms(states, sparing)
        if self.used + states > room:
            raise Full(TOO_MANY)
        if self._parts_wanted(states) > SUB_FULL * parts:
            raise Full("states have more different parts than 32-bit numbers can name")
        if room > len(self.store.states):
            self._grow_states(room)
        if parts > len(self.store.subs):
            self._grow_subs(parts)

    def _rooms(self, states: int, sparing: bool) -> tuple[int, int]:
        """Return for how many states, and for how many parts, there is to be room for so many more.

        Less than that takes where 32-bit numbers name no more.
        """
        room, parts = len(self.store.states), len(self.store.subs)
        while self.used + states > room and room < MOST:
            room = self._next_room(room, sparing)
        while self._parts_wanted(states) > SUB_FULL * parts and parts < MOST_SUBS:
            parts = min(parts * (4 if parts < 1 << 18 and not sparing else 2), MOST_SUBS)
        return room, parts

    def _parts_wanted(self, states: int) -> int:
        """Return how many parts there may be with so many more states."""
        words = self.packing.arrays.words
        return int(self.shared[SUBS]) + 4 * words * states if words > 1 else 0

    def _next_room(self, now: int, sparing: bool) -> int:
        """Return for how many states there is to be room after room for so many."""
        used = self.used
        # A new table costs time, and room costs memory: large ones grow by less.
        if sparing:
            room = used + used // 4
        elif used < HALF:
            room = max(QUICKLY * now, SPACIOUS)
        else:
            room = int(used * (1.5 if used < QUARTER else 1.25))
        # More than there is now in any case: whoever asks for room may want it at once.
        return min(max(room, used + (1 << 17), now + now // 4), MOST)

    def _grow_states(self, room: int) -> None:
        used = self.used
        old, subs, sub_table = self.store.states, self.store.subs, self.store.sub_table
        # Never more at once than what comes out: the old table goes before the states are copied,
        # if they are, the old states before the new table is made.
        del self.store
        states = self._longer(old, used, room)
        del old
        table = np.zeros(_table_size(room), np.uint32)
        calls.rehash(states, 0, used, table, _NOTHING)
        self.store = Store(states, table, subs, sub_table, self.shared)
        self.own_all()

    def _longer(self, states: Any, used: int, room: int) -> Any:
        """Return an array with the states that are in use, and room for so many."""
        if self._space is not None and room <= len(self._space):
            return self._space[:room]  # they are there already
        self._space = None
        if room >= SPACIOUS:
            most = int(min(MOST, available_mib() * 2**20 / 8))
            self._space = reserved(most) if room <= most else None
        longer = np.zeros(room, np.uint64) if self._space is None else self._space[:room]
        longer[:used] = states[:used]
        return longer

    def _grow_subs(self, room: int) -> None:
        used = int(self.shared[SUBS])
        states, table, old = self.store.states, self.store.table, self.store.subs
        del self.store  # as above
        subs = np.zeros(room, np.uint64)
        subs[:used] = old[:used]
        del old
        sub_table = np.zeros(2 * room, np.uint32)
        spare = [*self.dead, *(int(m[SPARE]) for m in self.mine if m[SPARE] >= 0)]
        calls.rehash(subs, 0, used, sub_table, np.array(spare, np.int64))
        self.store = Store(states, table, subs, sub_table, self.shared)

    def fits(self) -> bool:
        """Tell whether the layout has bits for all values that each slot has taken."""
        return self.packing.holds(sizes_of(self.tables))

    def repacking_mib(self) -> float:
        """Return about how much memory `repack` takes for a while, in MiB."""
        parts = len(self.store.subs) if self.packing.arrays.words > 1 else 0
        return (self.used * 1.2 * (8 + 4 / FULL) + parts * (8 + 2 * 4)) / 2**20

    def repack(self) -> None:
        """Pack all states anew, in the same order, with bits for the values that each slot takes.

        Raises `Full` where the new parts are too many; all is then as before.
        """
        packing, old, used, space = self.packing, self.store, self.used, self._space
        shared, mine = self.shared.copy(), [m.copy() for m in self.mine]
        try:
            self._repack(packing.arrays, old, used)
        except Full:
            self.packing, self.store, self._space = packing, old, space
            for counters, before in zip([self.shared, *self.mine], [shared, *mine], strict=True):
                counters[:] = before
            raise

    def _repack(self, old_layout: Any, old: Store, used: int) -> None:
        self.packing = packed(self.tables)
        self.mine[0][NEXT] = 0
        self.shared[SUBS] = 0
        self.dead = []
        for counters in self.mine:
            counters[SPARE] = -1
        cursor = int(self.shared[CURSOR])
        self._make(max(int(used * 1.2), 1 << 14), max(len(old.subs), 1 << 10))
        if old_layout.words == self.packing.arrays.words == 1:
            calls.repack(old_layout, self.packing.arrays, old.states, used, self.store.states)
            calls.rehash(self.store.states, 0, used, self.store.table, _NOTHING)
            self.mine[0][NEXT] = used
            self.shared[CURSOR] = cursor
            return
        step = 1 << 16
        for first in range(0, used, step):
            self.add(_vectors(old_layout, old, first, min(first + step, used)))
        self.shared[CURSOR] = cursor

    # States.

    def add(self, vectors: Any) -> None:
        """Add states given as value ids, one a row."""
        self.reserve(len(vectors))
        arrays = self.packing.arrays
        calls.add_vectors(arrays, self.store, self.mine[0], vectors, scratch(arrays))

    def state(self, index: int) -> State:
        """Return a stored state as a tuple of value ids."""
        layout = self.packing.arrays
        if layout.words == 1:  # each path learned asks for one: without a kernel it takes a third
            return tuple(((self.store.states[index] >> layout.shift) & layout.mask).tolist())
        return tuple(_vectors(layout, self.store, index, index + 1)[0].tolist())


_NOTHING = np.zeros(0, np.int64)


def scratch(layout: Layout, agents: int = 0) -> Scratch:
    """Return room for a worker's kernels; that for `kernel.expand` only where there are agents.

    The latter serves one packing: it remembers states that are in the set.
    """
    words, joins = layout.words, len(layout.left)
    pending = PENDING if agents else 0
    recent = np.zeros(RECENT if agents else 0, np.uint64)
    recent[:1] = 1  # zero belongs in place 0, and may not be in the set; one belongs elsewhere
    return Scratch(
        words=np.empty(words, np.uint64),
        changed=np.empty(words, np.uint64),
        ids=np.empty(words + joins + 1, np.uint64),
        made=np.empty(words + joins + 1, np.uint64),
        leaves=np.empty(agents, np.int64),
        whose=np.empty(agents, np.int64),
        pending=np.empty(pending, np.uint64),
        probes=np.empty(pending, np.uint64),
        owners=np.empty(pending, np.uint32),
        recent=recent,
    )


def room_to_walk(states: int, room: int) -> Walking:
    """Return room for a walk over a graph, at its beginning, and for so many states to be found."""
    counters = np.zeros(WALKING, np.int64)
    counters[UNSETTLED] = states
    return Walking(
        number=np.zeros(states, np.uint32),
        pending=np.empty(states, np.uint32),
        path=np.empty(states, np.uint32),
        agent=np.empty(states, np.uint8),
        outcome=np.empty(states, np.int32),
        above=np.empty(states, np.bool_),
        left=np.empty(states, np.bool_),
        taken=np.empty(states, np.uint64),
        first=np.empty(states, np.uint32),
        counters=counters,
        states=np.empty(room, np.int64),
        lacking=np.empty(room, np.uint64),
    )


def _vectors(layout: Layout, store: Store, first: int, last: int) -> Any:
    """Return stored states as value ids, one a row."""
    found = np.empty((last - first, len(layout.word)), np.int64)
    calls.vectors_of(layout, store, first, found, scratch(layout))
    return found


def _table_size(states: int) -> int:
    """Return the size of a hash table that is full with so many states."""
    return min(int(states / FULL) + 64, PLACES)
