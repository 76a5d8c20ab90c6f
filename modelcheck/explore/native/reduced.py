"""The native search with partial-order reduction.

For each level it is decided first which agents to expand in each state (`closure.choose`), then the
kernel of the unreduced search expands those. Several workers share both. See
`modelcheck.explore.reduction.search` for the runs, and why the last is sound.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from attrs import evolve

from modelcheck.explore import coverage
from modelcheck.explore.budget import Meter
from modelcheck.explore.native import closure, shapes
from modelcheck.explore.native.engine import NativeSearch
from modelcheck.explore.native.engine import explore as plain
from modelcheck.explore.native.relations import FlatRelations
from modelcheck.explore.native.shapes import CURSOR, MINE
from modelcheck.explore.reduction.audit import Audit, spread
from modelcheck.explore.reduction.ignoring import bits
from modelcheck.explore.reduction.relations import Relations
from modelcheck.explore.search import Move, Reduction, Search
from modelcheck.tables.tables import Property, State, Tables
from modelcheck.watchdog import reason_of

#: Agents that a set of bits can name.
MOST_AGENTS = 64

#: How many states are chosen for before their choices are looked at again; and how many times as
#: many before the next time.
FIRST_LOOK, LONGER = 1 << 12, 4

#: Why a run ends that is to be begun anew; never told.
STALE = "its choices rested on too little"

#: Fewer states than these are decided by one worker.
WIDE = 1 << 10

_NONE = np.zeros(0, np.int64)


class ReducedSearch(NativeSearch):
    """One run of a reduced search."""

    def __init__(
        self, tables: Tables, meter: Meter, workers: int = 1, known: Relations | None = None
    ):
        super().__init__(tables, meter, workers)
        self.known = known or Relations(tables)
        self.masks = np.zeros(1 << 14, np.uint64)
        self.chosen = np.zeros(1 << 14, np.uint64)  # the masks, but for what was ignored
        self.caught_up: int | None = None  # how much had been learned when ignored steps were taken
        self.looked_at = 0  # how much had been learned when choices were last looked at
        self.flat_relations: FlatRelations | None = None
        self.in_order = True
        self.put_off = 0  # in how many states
        self.due = FIRST_LOOK  # once there are so many states, choices are looked at again
        self.stale = False  # whether a choice rested on too little: the run is worth nothing

    def begin(self) -> None:
        """Start from the initial state."""
        super().begin()
        self.known.watch(self._watched())
        self.flat_relations = FlatRelations(self.flat, self.known)
        self.looked_at = self.known.grown

    def _watched(self) -> list[Property]:
        numbers = set(self.rows[:, 1].tolist())
        return [p for number, p in enumerate(self.tables.properties) if number in numbers]

    @property
    def relations(self) -> FlatRelations:
        """The relations, once the search has begun."""
        assert self.flat_relations is not None
        return self.flat_relations

    def run(self) -> Search:
        """Search; then take the steps that are ignored for ever, until there are none."""
        search = self.search
        try:
            while True:
                search.transitions = 0  # the workers' counters go on
                super().run()
                if search.found is not None or search.reason or not self._catch_up():
                    break
            if search.found is None and not search.reason:
                self.stale |= self.caught_up not in (None, self.known.grown)
                self._look_again(self.storage.used)
            if self.stale and search.reason == STALE:
                search.reason = ""
        except KeyboardInterrupt as error:
            search.reason = search.reason or reason_of(error)
        return search

    def _look_again(self, last: int) -> None:
        """Find out whether the choices for the first states would be the same by now.

        If all are, so is all that follows from them: the run is the one that begins with all this.
        """
        relations = self.known
        if self.stale or relations.grown == self.looked_at:
            return
        grown, put_off = relations.grown, self.put_off
        self.relations.renew()
        first, size = 0, FIRST_LOOK
        while first < last and not self.search.reason and not self.stale:
            upto = min(last, first + size)
            again = np.zeros(upto, np.uint64)
            self._choose(_NONE, first, upto, again, np.zeros(0, np.uint64))
            differs = again[first:] != self.chosen[first:upto]
            self.stale = bool(differs.any()) or relations.grown != grown
            first, size = upto, 2 * size
        self.put_off, self.looked_at = put_off, grown

    def _level(self, first: int, last: int) -> None:
        if last >= self.due:
            self.due = LONGER * last
            self._look_again(first)
            if self.stale:
                self.search.reason = self.search.reason or STALE
                return
        if last > len(self.masks):
            grown = np.zeros(max(last, 2 * len(self.masks)), np.uint64)
            grown[: len(self.masks)] = self.masks
            self.masks = grown
            self.chosen = np.concatenate([self.chosen, np.zeros_like(grown[len(self.chosen) :])])
        self._choose(_NONE, first, last, self.masks, np.zeros(0, np.uint64))
        self.chosen[first:last] = self.masks[first:last]
        if not self.search.reason:
            super()._level(first, last)

    def _work(self, visits: Any, last: int, margin: int, order: Any, deferred: Any) -> Any:
        work = super()._work(visits, last, margin, order, deferred)
        return work._replace(masks=self.masks)

    def _choose(self, order: Any, first: int, last: int, masks: Any, seeds: Any) -> None:
        """Decide for a range of states which agents to expand."""
        at = first
        while at < last and not self.search.reason:
            upto = min(last, at + self.stride)
            parts = self.workers if upto - at >= WIDE * self.workers else 1
            bounds = [at + (upto - at) * part // parts for part in range(parts + 1)]
            ranges = list(zip(bounds, bounds[1:], strict=False))
            with ThreadPoolExecutor(parts) as pool:
                while ranges:
                    jobs = [
                        (_counters(begin), self.relations.scratch(worker))
                        for worker, (begin, _) in enumerate(ranges)
                    ]
                    whys = list(
                        pool.map(self._chosen(order, masks, seeds), ranges, jobs)
                        if parts > 1
                        else map(self._chosen(order, masks, seeds), ranges, jobs)
                    )
                    ranges = self._next(order, ranges, jobs, whys)
            at = upto
            self.search.reason = self.meter.exceeded_time_or_memory()

    def _chosen(self, order: Any, masks: Any, seeds: Any) -> Any:
        storage, relating = self.storage, self.relations.arrays()
        layout, tries, agents = storage.packing.arrays, self.flat.tries(), self.flat.agents()

        def one(span: tuple[int, int], job: Any) -> int:
            mine, scratch = job
            return int(
                closure.choose(
                    layout, tries, agents, relating, storage.store, mine, scratch, order, span[1],
                    masks, seeds,
                )
            )  # fmt: skip

        return one

    def _next(self, order: Any, ranges: Any, jobs: Any, whys: list[int]) -> list[tuple[int, int]]:
        """See to what kernels stopped for; return what is left to do."""
        left = []
        self.put_off += sum(int(mine[closure.PUT_OFF]) for mine, _ in jobs)
        for (_, end), (mine, scratch), why in zip(ranges, jobs, whys, strict=True):
            at = int(mine[shapes.CHECKED])
            if why == shapes.DONE:
                continue
            left.append((at, end))
            if why == shapes.MISS:
                index = int(order[at]) if len(order) else at
                self._learn(int(mine[shapes.AGENT]), self.storage.state(index))
            else:
                self.relations.fetch(int(scratch.wanted[0]), int(scratch.wanted[1]))
        return left

    def _learn(self, agent: int, state: State) -> None:
        before = self.tables.learned
        super()._learn(agent, state)
        if self.tables.learned == before:
            return
        if agent < 0:
            self.relations.watch(self._watched())
        else:
            self.relations.note(agent, state)

    def _examine(self) -> None:
        rows = len(self.rows)
        super()._examine()
        if len(self.rows) != rows:
            self.relations.watch(self._watched())

    def _catch_up(self) -> bool:
        """Where steps are ignored for ever, take them; tell whether there were any."""
        states, ignored = self._ignored()
        if len(states) == 0:
            return False
        self.in_order = False
        if self.caught_up is None:
            self.caught_up = self.known.grown
        self.relations.renew()
        extra = np.zeros(self.storage.used, np.uint64)
        self._choose(states, 0, len(states), extra, ignored)
        before = self.masks[states]
        self.masks[states] = extra[states] & ~before
        self._expand_listed(states[self.masks[states] != 0])
        self.masks[states] |= before
        self.storage.shared[CURSOR] = self.bounds[-1]
        self._examine()
        self._judge()
        return True

    def _ignored(self) -> tuple[Any, Any]:
        """Return a state of each part that is never left and ignores agents, and these as bits."""
        count = self.storage.used
        begin, edges = self._edges()
        parts = closure.components(begin, edges, count)
        sources = np.repeat(np.arange(count), np.diff(begin))
        targets = edges.astype(np.int64)
        number = int(parts.max()) + 1
        is_left = np.zeros(number, np.bool_)
        is_left[parts[sources[parts[sources] != parts[targets]]]] = True
        together = np.zeros(number, np.uint64)
        np.bitwise_or.at(together, parts, self.masks[:count])
        first = np.full(number, count, np.int64)
        np.minimum.at(first, parts, np.arange(count))
        candidates = np.flatnonzero(~is_left)
        states = first[candidates]
        enabled = self._enabled(states)
        ignored = enabled & ~together[candidates]
        wanting = np.flatnonzero(ignored)
        order = np.argsort(states[wanting])
        return states[wanting][order], ignored[wanting][order]

    def _edges(self) -> tuple[Any, Any]:
        """Return where the states that each state was expanded to begin in a list, and the list."""
        count = self.storage.used
        scratch = np.zeros(MINE, np.int64)
        scratch[shapes.SPARE] = -1
        begin = np.zeros(count + 1, np.int64)
        edges = np.zeros(2 * count + 64, np.uint32)
        while True:
            used = self._successors(scratch, begin, edges)
            if used >= 0:
                return begin, edges[: int(used)]
            edges = np.zeros(2 * len(edges), np.uint32)

    def _successors(self, mine: Any, begin: Any, edges: Any) -> int:
        """Write down where the chosen steps lead; return how many, below 0 without the room."""
        return int(
            closure.successors(
                self.storage.packing.arrays, self.flat.tries(), self.flat.agents(),
                self.storage.store, mine, self.masks, begin, edges, self.storage.used,
            )
        )  # fmt: skip

    def _enabled(self, states: Any) -> Any:
        """Return the agents that can step in some states, as bits."""
        return np.array([self._enabled_in(self.storage.state(int(s))) for s in states], np.uint64)

    def _enabled_in(self, state: State) -> int:
        agents = range(len(self.tables.agents))
        return sum(1 << agent for agent in agents if self.tables.leaf(agent, state).outcomes)

    def reduction(self, runs: int) -> Reduction:
        """Say what was put off."""
        return Reduction(self.put_off, self.storage.used, runs)

    def audit(self) -> int:
        """Look again at some states of a search that has ended; return at how many."""
        numbers = spread(self.storage.used)
        judge = Audit(self.known)
        chosen = [bits(int(self.chosen[number])) for number in numbers]
        judge.look([self.storage.state(number) for number in numbers], chosen)
        return judge.looked_at

    def _bounds_before(self, level: int) -> tuple[int, int]:
        first, last = super()._bounds_before(level)
        return (first if self.in_order else 0), last


def _counters(begin: int) -> Any:
    mine = np.zeros(MINE, np.int64)
    mine[shapes.CHECKED] = begin
    return mine


def explore(
    tables: Tables,
    meter: Meter,
    workers: int = 1,
    make: Callable[..., ReducedSearch] | None = None,
    audited: bool = False,
) -> Search:
    """Search natively with reduction; see `modelcheck.explore.reduction.search.explore`.

    Without it where there are more agents than a set of bits can name. `make` makes a run.
    """
    if len(tables.agents) > MOST_AGENTS and make is None:
        return plain(tables, meter, workers)
    runs = 0
    relations = Relations(tables)
    witnesses: dict[int, tuple[Move, ...]] = {}
    while True:
        runs += 1
        coverage.forget(tables)
        run = (make or ReducedSearch)(tables, meter, workers, relations)
        run.search.witnesses.update(witnesses)
        run.rows = run._property_rows()
        run.begin()
        search = run.run()
        search.reduction = run.reduction(runs)
        witnesses = search.witnesses
        if search.found is not None or search.reason or not run.stale:
            if audited and search.found is None and not search.reason:
                search.reduction = evolve(search.reduction, audited=run.audit())
            return search
