"""The native search: drives the kernel, learns what it misses, grows what is full.

One worker gives the same results as `modelcheck.explore.reference`, in the same order. Several give
the same counts and the same verdict, and a counterexample of the same length: they share one
visited set, and all of a level is done before the next begins. (Large runs with reduction are
mended, see `reduced`: how many states they store depends on who learned what first.)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcheck.errors import ModelError, UsageError
from modelcheck.explore.budget import Meter
from modelcheck.explore.checkpoint import Keeper, Reader
from modelcheck.explore.native import calls, shapes
from modelcheck.explore.native.arrays import Full
from modelcheck.explore.native.backwards import Natively
from modelcheck.explore.native.crew import Crew
from modelcheck.explore.native.flat import FlatTables
from modelcheck.explore.native.layout import Packing
from modelcheck.explore.native.shapes import CURSOR, TRANSITIONS, Scratch, Work
from modelcheck.explore.native.snapshot import restore, take
from modelcheck.explore.native.storage import MOST, TOO_MANY, Storage, scratch
from modelcheck.explore.search import AT_REST, Found, Move, Search, successor
from modelcheck.explore.switches import FEW, choose, fewest
from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind
from modelcheck.watchdog import Ended, interruption, reason_of

#: States expanded between two looks at the budget, for each worker.
STRIDE = 1 << 18

#: Seconds between two looks at time and memory while Python learns path after path.
LOOK_S = 0.005

#: A level of fewer states is expanded by one worker: the others would cost more than they bring.
WIDE = 1 << 12


class NativeSearch:
    """One search; `run` takes it to its end."""

    def __init__(
        self, tables: Tables, meter: Meter, workers: int = 1, keeper: Keeper | None = None
    ):
        self.tables, self.meter, self.workers, self.keeper = tables, meter, workers, keeper
        self.search = Search(tables, engine="native")
        self.crew = Crew(workers)
        self.flat = FlatTables(tables)
        self.storage = Storage(tables, workers)
        self._rooms: tuple[Packing | None, list[Scratch]] = None, []
        self.bounds = [0]  # where each level begins in the store
        self.most = min(meter.budget.states or MOST, MOST)
        self.stride = min(STRIDE, max(64, self.most // 8))
        ends = [(self.flat.property_root + i, i) for i, p in self._properties("at_end")]
        self.at_end = np.array(ends, np.int64).reshape(-1, 2)
        self.rows = self._property_rows()
        self.left = _NONE  # states put off by workers, and not expanded since
        self._next_look = 0.0  # when the budget is due to be looked at
        self._kept = False  # whether the last checkpoint is written
        self.taken_before = 0  # transitions of explorers before this one
        self.large: int | None = None  # from how many states on another search is to be tried
        self.is_large = False  # whether it was left for that; it can be gone on with
        self.unseen = False  # whether some of the last level was not expanded
        self.end = 0  # the state in which the violation's path ends
        self._broken = False  # whether an error of the model ended the search

    def _properties(self, kind: str) -> list[tuple[int, Any]]:
        return [(i, p) for i, p in enumerate(self.tables.properties) if p.kind == kind]

    # The search.

    def begin(self) -> None:
        """Start from the initial state."""
        self.flat.use_layout(self.storage.packing.arrays)
        self.flat.add_everything()
        self.storage.add(np.array([self.tables.initial], np.int64))
        if self.keeper is not None:
            self._keep(finished=False)
            if self.keeper.failure:  # better now than after hours
                raise UsageError(self.keeper.failure)

    def go_on(self, reader: Reader) -> None:
        """Start from a checkpoint."""
        restore(self, reader)
        self.rows = self._property_rows()

    def go_on_from(self, search: Search, states: Sequence[State]) -> None:
        """Start from what another explorer has found: all states of all levels, in order."""
        self.search.witnesses.update(search.witnesses)
        self.taken_before = search.transitions
        self.rows = self._property_rows()
        self.flat.use_layout(self.storage.packing.arrays)
        self.flat.add_everything()
        step = 1 << 14
        for first in range(0, len(states), step):
            self.storage.add(np.array(states[first : first + step], np.int64))
        self.search.levels = list(search.levels)
        self.bounds = [int(b) for b in np.cumsum([0, *search.levels])]
        self.storage.shared[CURSOR] = self.bounds[-1]
        self.storage.mine[0][shapes.CHECKED] = len(states)

    def run(self) -> Search:
        """Search to the end, the first violation, or a budget."""
        search, storage = self.search, self.storage
        try:
            if search.levels and self.keeper is not None:  # perhaps amid a level
                self._level(self.bounds[-2], self.bounds[-1])
            self._examine()
            while search.found is None and not search.reason:
                first, last = self.bounds[-1], storage.used
                if first == last or self.meter.deep(len(search.levels)):
                    break
                self.is_large = self.large is not None and last >= self.large
                if self.is_large:
                    break
                search.levels.append(last - first)
                self.bounds.append(last)
                self._level(first, last)
        except Full as full:
            search.reason, self._kept = search.reason or str(full), True
            self._judge()
        except KeyboardInterrupt as error:
            search.reason = search.reason or reason_of(error)
            if isinstance(error, Ended):  # any other may have come in the midst of our own code
                self._examine_what_is_there()
            else:
                self._kept = True  # the last checkpoint stays
        except ModelError:
            self._broken = True
            self._examine_what_is_there()
            if search.found is None:  # a violation found before is not lost
                raise
        if self.keeper is not None and not self._kept:
            with contextlib.suppress(KeyboardInterrupt):  # the checkpoint before stays
                self._keep(finished=not search.reason)
        self._choose_path()
        search.shortest = not self.unseen or search.found is None or search.found.kind in AT_REST
        search.states = self._states
        search.transitions = self.transitions()
        search.seconds = self.meter.total()
        self.flat.give_back_visits()
        return search

    def transitions(self) -> int:
        """Return how many transitions were taken, by explorers before this one too."""
        return self.taken_before + sum(int(m[TRANSITIONS]) for m in self.storage.mine)

    def _keep(self, finished: bool) -> None:
        """Write a checkpoint."""
        assert self.keeper is not None
        self.keeper.save(*take(self), self.meter.total(), finished)

    def _level(self, first: int, last: int) -> None:
        """Expand all states of a level, and examine those found."""
        shared = self.storage.shared
        self.unseen = True
        self._expand_listed(self.left)
        while shared[CURSOR] < last and not self.search.reason:
            self._expand_some(last)
            self._look_at_budget(last - first)
        self.unseen = bool(self.search.reason)
        self._examine()
        if self.search.reason and self._states == self.most and self._has_failed():
            self._look_at_rest(last)
        self._judge()

    def _expand_some(self, last: int) -> None:
        if self.workers > 1 and last - int(self.storage.shared[CURSOR]) >= WIDE:
            self._expand_together(last)
        else:
            self._expand_alone(last)

    def _has_failed(self) -> bool:
        """Tell whether the level violates something one step further on."""
        return self.search.found is not None or any(
            m[shapes.FAIL_AT] >= 0 for m in self.storage.mine
        )

    def _look_at_rest(self, last: int) -> None:
        """After a violation: look for one of the level itself, beyond the budget of states."""
        search, reason = self.search, self.search.reason
        search.reason = self.meter.exceeded_time_or_memory()
        while self.storage.shared[CURSOR] < last and not search.reason:
            self._expand_some(last)
            cut: str = search.reason  # what it ran into
            search.reason = cut or self.meter.exceeded_time_or_memory()
        self.unseen = bool(search.reason)
        search.reason = reason

    def _examine_what_is_there(self) -> None:
        """After an interruption or an error: what was found by then is not lost."""
        with contextlib.suppress(ModelError, KeyboardInterrupt):
            self._examine()
        self._judge()

    @property
    def _states(self) -> int:
        """How many states count: the kernel is a stride ahead of the budget."""
        return min(self.storage.used, self.most)

    def _work(self, visits: Any, last: int, margin: int, order: Any, deferred: Any) -> Work:
        deadlock, room = bool(self.tables.check_deadlock), self._room(0)
        return Work(visits, order, deferred, last, margin, deadlock, _NO_MASKS, room, _NO_CHILDREN)

    def _room(self, worker: int) -> Scratch:
        """Return a worker's room, the same as long as states are packed in the same way."""
        packing = self.storage.packing
        if self._rooms[0] is not packing:
            agents = len(self.tables.agents)
            rooms = [scratch(packing.arrays, agents) for _ in range(self.workers)]
            self._rooms = packing, rooms
        return self._rooms[1][worker]

    def _expand_alone(self, last: int) -> None:
        """Expand states in order with one worker, learning each path as it comes."""
        storage = self.storage
        self._go_on(min(last, int(storage.shared[CURSOR]) + self.stride), _NONE)

    def _go_on(self, last: int, order: Any) -> None:
        """Run the kernel alone, up to `last`; see to what it stopped for.

        `order` lists the states to expand; if it is empty, they are those from the cursor on.
        """
        storage, mine = self.storage, self.storage.mine[0]
        why = self._kernel(self._work(self.flat.visits.data, last, 0, order, _NONE), mine)
        if why == shapes.MISS:
            at = int(storage.shared[CURSOR])
            self._learn_all(int(mine[shapes.AGENT]), int(order[at]) if len(order) else at)
        elif why == shapes.ROOM:
            self._grow()

    def _learn_all(self, first: int, index: int) -> None:
        """Learn what a state needs of `first` (an agent, or a property) and the agents after it.

        In the order in which the kernel would ask, with one coming and going for all of them.
        """
        state = self.storage.state(index)
        later = range(first + 1, len(self.tables.agents)) if first >= 0 else ()
        for agent in (first, *later):
            if agent != first and self.tables.knows(agent, state):
                continue
            if self.keeper is not None:  # a question that is cut short cannot be asked again
                self.search.reason = self.meter.exceeded_time_or_memory()
                if self.search.reason:
                    return
            try:
                self._learn(agent, state)
            except (ModelError, Ended):
                self._expand_before(agent, index)
                raise

    def _expand_before(self, agent: int, index: int) -> None:
        """Expand a state by the agents before one that cannot be learned; they violate it first."""
        mine, state = self.storage.mine[0], self.storage.state(index)
        for before in range(agent):
            for which, outcome in enumerate(self.tables.leaf(before, state).outcomes):
                if outcome.failure is None:
                    reached = self._reached(state, outcome.writes)
                    self.storage.add(np.array([reached], np.int64))
                elif mine[shapes.FAIL_AT] < 0:
                    mine[shapes.FAIL_AT] = self.storage.used
                    mine[shapes.FAIL_STATE] = index
                    mine[shapes.FAIL_AGENT], mine[shapes.FAIL_WHICH] = before, which

    def _reached(self, state: State, writes: tuple[tuple[int, int], ...]) -> State:
        """Return what is stored for the state that some writes lead to."""
        return successor(state, writes)

    def _grow(self) -> None:
        """Make room, if the memory budget allows."""
        # The kernel says how many successors it wants room for.
        self._reserve(int(self.storage.mine[0][shapes.AGENT]) + shapes.PENDING)

    def _reserve(self, states: int) -> None:
        """Make room for so many more states, a little if not much; else say why there is none."""
        for sparing in (False, True):
            growth_mib = self.storage.growth_mib(states, sparing)
            self.search.reason = self.meter.room_for(growth_mib) if growth_mib else ""
            if not self.search.reason:
                self.storage.reserve(states, sparing)
                return

    def _expand_together(self, last: int) -> None:
        """Expand states with all workers; learn what they put off, and expand that alone."""
        storage, begun = self.storage, int(self.storage.shared[CURSOR])
        upto = min(last, begun + self.stride * self.workers)
        margin = self.workers * (2 * shapes.CHUNK + shapes.PENDING + 2 * shapes.MANY)
        self._reserve(2 * margin)
        if self.search.reason:
            return
        storage.share()
        works = [
            self._work(
                np.zeros(max(1, self.flat.visits.used), np.int64),
                upto,
                margin,
                _NONE,
                np.empty(upto - begun + shapes.BLOCK, np.int64),
            )._replace(scratch=self._room(worker))
            for worker in range(self.workers)
        ]
        for mine in storage.mine:
            mine[shapes.DEFERRED] = 0
        self.crew.each(lambda i: self._kernel(works[i], storage.mine[i]), range(self.workers))
        storage.settle()
        for work in works:
            self.flat.visits.data[: len(work.visits)] += work.visits
        storage.shared[CURSOR] = min(int(storage.shared[CURSOR]), upto)
        put_off = np.sort(
            np.concatenate(
                [
                    w.deferred[: int(m[shapes.DEFERRED])]
                    for w, m in zip(works, storage.mine, strict=True)
                ]
            )
        )
        self._expand_listed(put_off)

    def _expand_listed(self, indices: Any) -> None:
        """Expand some states with one worker; `left` are those that a budget prevented."""
        shared = self.storage.shared
        done, shared[CURSOR] = int(shared[CURSOR]), 0
        while shared[CURSOR] < len(indices) and not self.search.reason:
            self._go_on(len(indices), indices)
        self.left = indices[int(shared[CURSOR]) :]
        shared[CURSOR] = done

    def _kernel(self, work: Work, mine: Any) -> int:
        return int(
            calls.expand(
                self.storage.packing.arrays, self.flat.tries(), self.flat.agents(), self.at_end,
                self.storage.store, mine, work,
            )
        )  # fmt: skip

    def _look_at_budget(self, width: int) -> None:
        """Tell how far the search is and end it where a budget is used up.

        Cost: a look at the clock; the rest, reading the memory in use above all, at intervals.
        """
        storage, states, now = self.storage, self.storage.used, time.perf_counter()
        if states <= self.most and now < self._next_look and not interruption.is_set():
            return
        self._next_look = now + LOOK_S
        expanded = int(storage.shared[CURSOR]) - self.bounds[-2]
        self.meter.tell(states, self.transitions(), len(self.bounds) - 2, width, expanded)
        if states > self.most:
            if self.keeper is not None:
                self._keep(finished=False)
            self._kept = True
            self.search.reason = self.meter.exceeded(self.most) or TOO_MANY
        elif not self.search.reason:
            self.search.reason = self.meter.exceeded_time_or_memory()
        if not self.search.reason and self.keeper is not None and self.keeper.due():
            self._keep(finished=False)

    def _learn(self, agent: int, state: State) -> None:
        """Have Python learn a path that the kernel missed; then the widths may have to grow."""
        if agent < 0:
            self.tables.holds(self.tables.properties[-1 - agent], state)
            self.flat.add_property_path(-1 - agent, state)
            return
        self.tables.leaf(agent, state)
        if not self.storage.fits():
            lacking = self.meter.room_for(self.storage.repacking_mib())
            if lacking:
                raise Full(lacking)
            self.storage.repack()
            self.flat.use_layout(self.storage.packing.arrays)
        self.flat.add_agent_path(agent, state)

    # Properties.

    def _property_rows(self) -> Any:
        """Return what `kernel.examine` needs of the properties looked at in every state."""
        rows = [
            (self.flat.property_root + index, index, int(prop.kind == "always"))
            for index, prop in enumerate(self.tables.properties)
            if prop.kind == "always"
            or (prop.kind == "sometimes" and index not in self.search.witnesses)
        ]
        return np.array(rows, np.int64).reshape(-1, 3)

    def _examine(self) -> None:
        """Hold the states found since against the properties; note witnesses and a violation."""
        mine, storage, last = self.storage.mine[0], self.storage, self._states
        while mine[shapes.CHECKED] < last and len(self.rows):
            room = scratch(storage.packing.arrays)
            why = calls.examine(
                storage.packing.arrays, self.flat.tries(), self.flat.roots.data, self.rows,
                storage.store, mine, last, room,
            )  # fmt: skip
            if why == shapes.DONE:
                break
            index, at = int(self.rows[mine[shapes.AGENT], 1]), int(mine[shapes.CHECKED])
            if why == shapes.MISS:
                self._learn(-1 - index, storage.state(at))
            elif why == shapes.WITNESS:
                self.search.witnesses[index] = self._path_to_witness(at)
                self.rows = self.rows[self.rows[:, 1] != index]
            else:
                fail_at = int(mine[shapes.FAIL_AT])
                if fail_at < 0 or at < fail_at:
                    self.end = at
                    self.search.found = Found(Kind.INVARIANT, self.path_to(at), index)
                self.rows = self.rows[self.rows[:, 2] == 0]  # the level may have witnesses still

    def _judge(self) -> None:
        """Decide what the level violates: a state of its own first, then what it found first."""
        stuck = [m for m in self.storage.mine if m[shapes.STUCK_STATE] >= 0]
        failed = [m for m in self.storage.mine if m[shapes.FAIL_AT] >= 0]
        if stuck:
            first = min(stuck, key=lambda m: int(m[shapes.STUCK_STATE]))
            prop = int(first[shapes.STUCK_PROPERTY])
            self.end = int(first[shapes.STUCK_STATE])
            path = self.path_to(self.end)
            kind = Kind.DEADLOCK if prop < 0 else Kind.FINAL
            self.search.found = Found(kind, path, None if prop < 0 else prop)
        elif failed and self.search.found is None:
            first = min(failed, key=lambda m: int(m[shapes.FAIL_STATE]))
            state, agent, which = (
                int(first[k]) for k in (shapes.FAIL_STATE, shapes.FAIL_AGENT, shapes.FAIL_WHICH)
            )
            failure = self.tables.leaf(agent, self.storage.state(state)).outcomes[which].failure
            assert failure is not None
            self.end = state
            self.search.found = Found(failure.kind, (*self.path_to(state), (agent, which)))

    def _choose_path(self) -> None:
        """Give the violation the path with the fewest changes of process."""
        complete = not (self.unseen or self._broken or self.search.reason)
        choose(self.search, Natively(self), self.end, complete)

    def _path_to_witness(self, index: int) -> tuple[Move, ...]:
        """Return the path with the fewest changes of process, if there are few states before it."""
        level = int(np.searchsorted(self.bounds, index, side="right")) - 1
        path = None
        if self.bounds[level] <= FEW:
            path = fewest(self.tables, Natively(self), [(index, None)], level)
        return self.path_to(index) if path is None else path

    def path_to(self, index: int) -> tuple[Move, ...]:
        """Return the moves that first led to a stored state.

        Its parent is the first state of the level before that leads to it: looked for, not stored.
        Cost: at most one pass over the levels before.
        """
        moves: list[Move] = []
        while index > 0:
            level = int(np.searchsorted(self.bounds, index, side="right")) - 1
            parent, agent, which = self._predecessor(self._bounds_before(level), index)
            moves.append((int(agent), int(which)))
            index = int(parent)
        return tuple(reversed(moves))

    def _predecessor(self, bounds: tuple[int, int], index: int) -> Any:
        """Return the first state within bounds that leads to another one, with the move."""
        found, packing = np.array([*bounds, 0], np.int64), self.storage.packing.arrays
        goal = np.zeros(packing.words, np.uint64)
        calls.predecessor(
            packing, self.flat.tries(), self.flat.agents(), self.storage.store, index, goal, found,
            scratch(packing),
        )  # fmt: skip
        return found

    def _bounds_before(self, level: int) -> tuple[int, int]:
        """Return where the states of the level before stand, and so every parent."""
        return self.bounds[level - 1], self.bounds[level]


_NONE = np.zeros(0, np.int64)
_NO_MASKS = np.zeros(0, np.uint64)
_NO_CHILDREN = np.zeros(0, np.uint32)


def explore(tables: Tables, meter: Meter, workers: int = 1, keeper: Keeper | None = None) -> Search:
    """Search all reachable states natively; see `modelcheck.explore.reference.explore`."""
    search = NativeSearch(tables, meter, workers, keeper)
    if keeper is not None and keeper.resumes:
        assert keeper.reader is not None
        search.go_on(keeper.reader)
    else:
        search.begin()
    return search.run()
