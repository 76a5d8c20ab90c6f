"""Searches that may miss states: level by level, of what lies behind only bits are kept.

A violation that such a search finds is real: it stands in a state that was reached step by step.
Neither states nor parents are kept, so a trace costs a second search up to its depth, in the same
order, which notes each state's parent in a temporary file, and the steps are then held against the
tables. The set starts small. Hashes cannot be moved to a larger table, so a set that is full is
thrown away and the search begins anew with a larger one: it costs a fifth more in the end.
Neighbours: `compact` has the kernels, `modelcheck.explore.lossy` the words.
"""

from __future__ import annotations

import tempfile
from typing import IO, Any

import numpy as np

from modelcheck.errors import ModelError, UsageError
from modelcheck.explore.budget import Meter, resident_mib
from modelcheck.explore.lossy import Lossy
from modelcheck.explore.native import compact, shapes
from modelcheck.explore.native.compact import COUNTERS, CURSOR, FULL, NEW, Level, Visited
from modelcheck.explore.native.flat import FlatTables
from modelcheck.explore.native.layout import Packing, sizes_of, widths_for
from modelcheck.explore.native.shapes import CHECKED, DONE, MISS, ROOM, TRANSITIONS, WITNESS
from modelcheck.explore.search import Found, Move, Search, successor
from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind
from modelcheck.watchdog import INTERRUPTED, interruption, reason_of

#: States expanded between two looks at the budget.
STRIDE = 1 << 18

#: How many bytes the first set takes, and by how much a full one grows.
FIRST, GROWTH = 1 << 24, 8

#: How full a set may get before a larger one takes its place: of hashes, of bits. A set that cannot
#: grow any more may be filled further.
LOAD, LAST_LOAD = (0.75, 0.06), (0.9, 1.0)

#: The share of the memory budget that the set may take; the rest is for the levels.
SHARE = 0.7

#: A place in a level: its depth and the index in it.
Place = tuple[int, int]


class _Anew(Exception):
    """The search must begin anew: with wider states, or with a larger set."""


class LossySearch:
    """One search; `run` takes it to its end."""

    def __init__(self, tables: Tables, meter: Meter, lossy: Lossy):
        self.tables, self.meter, self.lossy = tables, meter, lossy
        self.stride = min(STRIDE, max(64, (meter.budget.states or STRIDE * 8) // 8))
        self.bytes = self._affordable(FIRST)
        self.linked: IO[bytes] | None = None  # where parents are noted, in a search for a trace
        self._begin()

    # Beginning, and beginning anew.

    def _affordable(self, wanted: int) -> int:
        """Return how many bytes the set may take, of those wanted."""
        free = (self.meter.memory_mib - resident_mib()) * SHARE * 2**20
        return max(min(wanted, int(free)), 1 << 16)

    def _begin(self) -> None:
        """Stand before the first level, with an empty set."""
        tables = self.tables
        self.search = Search(tables, engine="native", store=self.lossy.name)
        self.packing = Packing(widths_for(sizes_of(self.tables), slack=2))
        self.flat = FlatTables(tables)
        self.flat.use_layout(self.packing.arrays)
        self.flat.add_everything()
        self.mine = np.zeros(COUNTERS, np.int64)
        self.mine[[shapes.FAIL_AT, shapes.STUCK_STATE]] = -1
        self.visited = self._empty_set()
        words = self.packing.arrays.words
        self.here = np.zeros((0, words), np.uint64)
        self.following = np.zeros((1 << 14, words), np.uint64)
        self.links = np.zeros(len(self.following) if self.linked else 0, np.uint64)
        self.following[0] = self._packed(tables.initial)
        self.mine[NEW] = 1
        self.states = 1
        first, second = compact.hashes(self.following[0])
        compact.add(self.visited, self.mine, first, second)
        roots = self.flat.property_root
        ends = [(roots + i, i) for i, p in enumerate(tables.properties) if p.kind == "at_end"]
        self.at_end = np.array(ends, np.int64).reshape(-1, 2)
        self.witnesses: dict[int, Place] = {}
        self.violation: tuple[Kind, Place, int | None, Move | None] | None = None
        self.rows = self._property_rows()

    def _empty_set(self) -> Visited:
        last = self._affordable(self.bytes * GROWTH) < self.bytes * 2
        load = (LAST_LOAD if last or self.linked else LOAD)[0 if self.lossy.bits else 1]
        missed = np.zeros(1, np.float64)
        one32, one64 = np.zeros(1, np.uint32), np.zeros(1, np.uint64)
        if not self.lossy.bits:
            bits = np.zeros(max(2, self.bytes // 8), np.uint64)
            return Visited(
                one32, np.zeros(1, np.uint8), 0, bits, int(load * 64 * len(bits)), missed
            )
        high = {40: np.uint8, 48: np.uint16, 64: np.uint32}[self.lossy.bits]
        size = min(self.bytes * 8 // self.lossy.bits, 2**32 - 1)
        mask = (1 << (self.lossy.bits - 32)) - 1
        return Visited(
            np.zeros(size, np.uint32), np.zeros(size, high), mask, one64, int(load * size), missed
        )

    def _packed(self, state: State) -> Any:
        layout = self.packing.arrays
        words = [0] * layout.words
        for slot, value in enumerate(state):
            words[int(layout.word[slot])] |= value << int(layout.shift[slot])
        return np.array(words, np.uint64)

    def _state(self, words: Any) -> State:
        layout = self.packing.arrays
        return tuple(
            int(words[w]) >> int(s) & int(m)
            for w, s, m in zip(layout.word, layout.shift, layout.mask, strict=True)
        )

    # The search.

    def run(self) -> Search:
        """Search to the end, the first violation, or a budget."""
        while True:
            try:
                self._levels()
                break
            except _Anew:
                self._begin()
            except KeyboardInterrupt as error:
                self.search.reason = reason_of(error)
                break
            except ModelError:
                if self.violation is None:  # a violation found before is not lost
                    raise
                break
        return self._told()

    def _levels(self) -> None:
        """Go over all levels, to the first violation or until a budget is used up."""
        search, mine = self.search, self.mine
        self._examine()
        while self.violation is None and not search.reason and mine[NEW]:
            search.levels.append(int(mine[NEW]))
            self._next_level()
            while mine[CURSOR] < len(self.here) and not search.reason:
                self._expand(len(self.here))
                self._look_at_budget()
            self._examine()
            self._judge()

    def _next_level(self) -> None:
        """Make the level that was found the one to expand."""
        mine = self.mine
        self._write_links()
        self.here = self.following[: int(mine[NEW])].copy()
        mine[[NEW, CURSOR, CHECKED]] = 0
        mine[shapes.FAIL_AT] = -1

    def _expand(self, last: int) -> None:
        """Run the kernel once; see to what it stopped for."""
        mine, before = self.mine, int(self.mine[NEW])
        level = Level(
            self.here, self.following, self.links, self.flat.visits.data,
            min(last, int(mine[CURSOR]) + self.stride), self.tables.check_deadlock,
        )  # fmt: skip
        why = compact.expand(
            self.packing.arrays, self.flat.tries(), self.flat.agents(), self.at_end, self.visited,
            level, mine,
        )  # fmt: skip
        self.states += int(mine[NEW]) - before
        if why == MISS:
            self._learn(int(mine[shapes.AGENT]), self._state(self.here[int(mine[CURSOR])]))
        elif why == ROOM:
            self._grow_level(int(mine[shapes.AGENT]))
        elif why == FULL:
            self._grow_set()

    def _grow_level(self, wanted: int) -> None:
        room = len(self.following) * 2 + wanted + compact.PENDING
        mib = room * 8 * self.following.shape[1] / 2**20
        self.search.reason = self.meter.room_for(mib)
        if not self.search.reason:
            self.following = np.concatenate(
                [self.following, np.zeros((room, self.following.shape[1]), np.uint64)]
            )
            if self.linked:
                self.links = np.concatenate([self.links, np.zeros(room, np.uint64)])

    def _grow_set(self) -> None:
        """Begin anew with a larger set; where there is no room for one, that is the end."""
        wanted = self._affordable(self.bytes * GROWTH)
        if wanted < 2 * self.bytes or self.linked:
            self.search.reason = self.meter.room_for(float("inf"))
            return
        self.bytes = wanted
        del self.visited  # before there is a larger one
        raise _Anew

    def _learn(self, agent: int, state: State) -> None:
        """Have Python learn a path that the kernel missed."""
        if agent < 0:
            self.tables.holds(self.tables.properties[-1 - agent], state)
            self.flat.add_property_path(-1 - agent, state)
            return
        self.tables.leaf(agent, state)
        if not self.packing.holds(sizes_of(self.tables)):
            raise _Anew  # the hashes are of states packed more narrowly
        self.flat.add_agent_path(agent, state)

    def _look_at_budget(self) -> None:
        search, limit = self.search, self.meter.budget.states
        self.meter.tell(
            self.states, int(self.mine[TRANSITIONS]), len(search.levels) - 1, len(self.here),
            int(self.mine[CURSOR]),
        )  # fmt: skip
        if search.reason or self.linked:
            if interruption.is_set():
                search.reason = INTERRUPTED
            return
        if limit is not None and self.states > limit:
            search.reason = self.meter.exceeded(limit)
        else:
            search.reason = self.meter.exceeded_time_or_memory()

    # Properties.

    def _property_rows(self) -> Any:
        rows = [
            (self.flat.property_root + index, index, int(prop.kind == "always"))
            for index, prop in enumerate(self.tables.properties)
            if prop.kind in ("always", "sometimes")
        ]
        return np.array(rows, np.int64).reshape(-1, 3)

    def _examine(self) -> None:
        """Hold the states of the next level against the properties."""
        mine, depth = self.mine, len(self.search.levels)
        while mine[CHECKED] < mine[NEW] and len(self.rows):
            why = compact.examine(
                self.packing.arrays, self.flat.tries(), self.flat.roots.data, self.rows,
                self.following, mine, int(mine[NEW]),
            )  # fmt: skip
            if why == DONE:
                break
            at = int(mine[CHECKED])
            index = int(self.rows[mine[shapes.AGENT], 1])
            if why == MISS:
                self._learn(-1 - index, self._state(self.following[at]))
            elif why == WITNESS:
                self.witnesses[index] = depth, at
                self.rows = self.rows[self.rows[:, 1] != index]
            else:
                if mine[shapes.FAIL_AT] < 0 or at < mine[shapes.FAIL_AT]:
                    self.violation = Kind.INVARIANT, (depth, at), index, None
                self.rows = self.rows[self.rows[:, 2] == 0]  # the level may have witnesses still

    def _judge(self) -> None:
        """Decide what the level violates: a state of its own first, then what it found first."""
        mine, depth = self.mine, len(self.search.levels) - 1
        if mine[shapes.STUCK_STATE] >= 0:
            prop = int(mine[shapes.STUCK_PROPERTY])
            kind = Kind.DEADLOCK if prop < 0 else Kind.FINAL
            place = depth, int(mine[shapes.STUCK_STATE])
            self.violation = kind, place, None if prop < 0 else prop, None
        elif mine[shapes.FAIL_AT] >= 0 and self.violation is None:
            state, agent, which = (
                int(mine[k]) for k in (shapes.FAIL_STATE, shapes.FAIL_AGENT, shapes.FAIL_WHICH)
            )
            outcome = self.tables.leaf(agent, self._state(self.here[state])).outcomes[which]
            assert outcome.failure is not None
            self.violation = outcome.failure.kind, (depth, state), None, (agent, which)

    # The result, and its traces.

    def _told(self) -> Search:
        """Return the search with what was found, in the shape that every explorer gives it."""
        search = self.search
        search.states, search.transitions = self.states, int(self.mine[TRANSITIONS])
        self.flat.give_back_visits()
        search.missed = self._missed()
        search.shortest = False  # a state that was missed may have been nearer
        if not search.reason and self.violation is None:
            search.reason = self.lossy.told(search.states, search.missed)
        try:
            self._add_paths(search)
        except KeyboardInterrupt:
            found = self.violation is not None
            search.reason = INTERRUPTED + " while the trace of a violation was made" * found
        search.seconds = self.meter.total()
        return search

    def _missed(self) -> float:
        """Return how many states are expected to have been taken for others."""
        if not self.lossy.bits:
            return float(self.visited.missed[0])
        return float(self.mine[compact.COMPARED]) * 2.0**-self.lossy.bits

    def _add_paths(self, search: Search) -> None:
        violation, witnesses = self.violation, dict(self.witnesses)
        places = [*witnesses.values(), *([violation[1]] if violation else [])]
        paths = self._paths(places)
        for index, place in witnesses.items():
            search.witnesses[index] = paths[place]
        if violation is not None:
            kind, place, prop, move = violation
            path = (*paths[place], move) if move else paths[place]
            search.found = Found(kind, path, prop)
            _verify(self.tables, search.found)

    def _paths(self, places: list[Place]) -> dict[Place, tuple[Move, ...]]:
        """Return the moves to each place: by a second search that notes parents."""
        deepest = max((depth for depth, _ in places), default=0)
        if deepest == 0:
            return dict.fromkeys(places, ())
        # A search that was cut may have expanded only a part of its last level.
        upto = {len(self.search.levels): int(self.mine[CURSOR])}
        del self.visited, self.here, self.following  # before there are new ones
        try:
            with tempfile.TemporaryFile(prefix="modelcheck-") as file:
                self.linked, self.offsets = file, [0]
                self._begin()
                for depth in range(1, deepest + 1):
                    self.search.levels.append(int(self.mine[NEW]))
                    self._next_level()
                    self._expand_for_links(upto.get(depth, len(self.here)))
                self._write_links()
                return {place: self._path(file, place) for place in places}
        except OSError as error:
            raise UsageError(
                f"something was found at depth {deepest}, and its trace could not be made: the "
                f"temporary file for it could not be written ({error.strerror}). Give room for 8 "
                "bytes a state, with the environment variable TMPDIR."
            ) from None

    def _expand_for_links(self, last: int) -> None:
        while self.mine[CURSOR] < last:
            self._expand(last)
            self._look_at_budget()
            if self.search.reason:
                raise KeyboardInterrupt

    def _write_links(self) -> None:
        if self.linked:
            content: Any = self.links[: int(self.mine[NEW])]
            self.linked.write(memoryview(content).cast("B") if len(content) else b"")
            self.offsets.append(self.offsets[-1] + 8 * len(content))

    def _path(self, file: IO[bytes], place: Place) -> tuple[Move, ...]:
        depth, index = place
        moves = []
        while depth > 0:
            file.seek(self.offsets[depth] + 8 * index)
            link = int.from_bytes(file.read(8), "little")
            moves.append((link >> 20 & 0xFFF, link & 0xFFFFF))
            depth, index = depth - 1, link >> 32
        return tuple(reversed(moves))


def _verify(tables: Tables, found: Found) -> None:
    """Take a violation's steps once more, in Python: whatever a set forgot, it must be real."""
    state, failure = tables.initial, None
    for agent, which in found.path:
        assert failure is None
        outcome = tables.leaf(agent, state).outcomes[which]
        state, failure = successor(state, outcome.writes), outcome.failure
    if found.kind in (Kind.ASSERTION, Kind.EXCEPTION):
        assert failure is not None
    elif found.property is not None:
        assert not tables.holds(tables.properties[found.property], state).holds
    else:
        assert not any(tables.leaf(a, state).outcomes for a in range(len(tables.agents)))


def explore(tables: Tables, meter: Meter, lossy: Lossy) -> Search:
    """Search with a visited set that may miss states."""
    return LossySearch(tables, meter, lossy).run()
