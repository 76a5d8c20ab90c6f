"""The native search with partial-order reduction.

For each level it is decided first which agents to expand in each state (`closure.choose`), then the
kernel of the unreduced search expands those. Several workers share both. See
`modelcheck.explore.reduction.search` for the runs, and why the last is sound.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import evolve

from modelcheck.errors import ModelError
from modelcheck.explore import coverage
from modelcheck.explore.budget import Meter
from modelcheck.explore.native import calls, shapes
from modelcheck.explore.native.arrays import Full
from modelcheck.explore.native.engine import STRIDE, NativeSearch
from modelcheck.explore.native.engine import explore as plain
from modelcheck.explore.native.relations import FlatRelations
from modelcheck.explore.native.shapes import CURSOR, MINE, Walking
from modelcheck.explore.native.storage import room_to_walk
from modelcheck.explore.reduction.audit import Audit, spread
from modelcheck.explore.reduction.ignoring import bits
from modelcheck.explore.reduction.relations import Relations
from modelcheck.explore.reduction.search import MOST_AGENTS
from modelcheck.explore.search import Move, Reduction, Search
from modelcheck.tables.tables import Property, State, Tables
from modelcheck.watchdog import reason_of

#: How many states are looked at without reduction, to learn from.
AHEAD = 1 << 17

#: How many states are chosen for before their choices are looked at again; and how many times as
#: many before the next time.
FIRST_LOOK, LONGER = 1 << 12, 4

#: A run of more states is not begun anew where choices rested on too little, but mended.
MEND_FROM = 1 << 17

#: Why a run ends that is to be begun anew; never told.
STALE = "its choices rested on too little"

#: Why a run ends that is not worth its while; never told.
GIVEN_UP = "it is not worth its while"

#: It is not where, of so many states or more, it puts nothing off in over half of them, and has not
#: so many times fewer than the search of everything had at the same depth; where it has so many
#: levels that are no wider than that, each of which costs a call; or where it had to look for
#: ignored steps so often that it went through each state so many times.
JUDGED, FEWER, LEVELS, WIDTH, WALKED = 1 << 16, 2, 1 << 11, 16, 8

#: Nor is it where so many runs rested on too little, each.
RUNS = 8

#: What is noted of each state: its mask, what was chosen, a successor.
NOTED_BYTES = 20

#: What looking for ignored steps takes at most, for each state.
WALKING_BYTES = 31

#: States are settled in one more pass where the last one settled one in so many of those left.
FEW_SETTLED = 8

#: Fewer states than these are decided by one worker.
WIDE = 1 << 10

_NONE = np.zeros(0, np.int64)
_NO_MASKS = np.zeros(0, np.uint64)


class ReducedSearch(NativeSearch):
    """One run of a reduced search."""

    def __init__(
        self, tables: Tables, meter: Meter, workers: int = 1, known: Relations | None = None
    ):
        super().__init__(tables, meter, workers)
        self.known = known or Relations(tables)
        self.masks = np.zeros(1 << 14, np.uint64)
        self.chosen = np.zeros(1 << 14, np.uint64)  # the masks, but for what was ignored
        self.children = np.zeros(1 << 14, np.uint32)  # of each state a successor; none: not wanted
        self.caught_up: int | None = None  # how much had been learned when ignored steps were taken
        self.looked_at = 0  # how much had been learned when choices were last looked at
        self.flat_relations: FlatRelations | None = None
        self.in_order = True
        self.put_off = 0  # in how many states
        self.due = FIRST_LOOK  # once there are so many states, choices are looked at again
        self.instead_of: list[int] | None = None  # see `explore`
        self.given_up = False
        self.walked = 0  # how many states were gone through in looking for ignored steps
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
                super().run()
                if search.found is not None or search.reason:
                    break
                if not self._catch_up() and not self._mended(self.storage.used):
                    break
            if self.stale and search.reason == STALE:
                search.reason = ""
        except KeyboardInterrupt as error:
            search.reason = search.reason or reason_of(error)
        except Full as full:
            search.reason = search.reason or str(full)
        search.seconds = self.meter.total()  # looking again, and for ignored steps, included
        return search

    def _mended(self, last: int) -> bool:
        """Look again at the choices for the first states; tell whether steps were taken anew.

        A small run that rests on too little is begun anew: `stale`. In a large one, the steps of
        what is chosen now are taken too. What was taken before, and would not be now, led to states
        that can really be reached: they are stored, and the steps that lead to them are no part of
        the graph any more (`masks`), in which nothing may be ignored.
        """
        again = self._look_again(last)
        caught_up = self.caught_up is None or self.caught_up == self.known.grown
        if self.search.reason or self.stale or (len(again) == 0 and caught_up):
            return False
        if last <= MEND_FROM:
            self.stale = True
            return False
        if len(again):
            self.chosen[:last] = again
        before = self.masks[:last].copy()
        self.caught_up = None
        lacking = np.flatnonzero(self.chosen[:last] & ~before)
        self.masks[lacking] = self.chosen[lacking] & ~before[lacking]
        self.in_order = self.in_order and len(lacking) == 0
        self._take(lacking)
        self.masks[:last] = self.chosen[:last]
        self._forget_children(before & ~self.chosen[:last] != 0)
        return not self.search.reason

    def _forget_children(self, which: Any) -> None:
        """Forget the successors noted of some of the first states: perhaps no edges any more."""
        if len(self.children):
            self.children[: len(which)][which] = 0

    def _take(self, states: Any) -> None:
        """Take the steps in `masks` from some states that have been expanded before."""
        cursor = int(self.storage.shared[CURSOR])
        self._expand_listed(states)
        self.storage.shared[CURSOR] = cursor
        self._examine()
        self._judge()

    def _look_again(self, last: int) -> Any:
        """Return what is to be chosen by now for the first states; nothing if it is the same.

        If it is, so is all that follows from it: the run is the one that begins with all this. In a
        large run what was chosen stays where it is still enough, though more was known by now that
        another choice might be made: that is known in half the time.
        """
        relations = self.known
        if relations.grown == self.looked_at:
            return _NO_MASKS
        put_off = self.put_off
        while not self.search.reason:
            grown, differs = relations.grown, False
            self.relations.renew()
            self.search.reason = self.meter.room_for(_mib(2 * last))  # twice: `_mended` copies
            if self.search.reason:
                break
            again = self.chosen[:last].copy()
            first, size = 0, FIRST_LOOK
            while first < last and not self.search.reason:
                upto = min(last, first + size)
                self._choose(_NONE, first, upto, again, _NO_MASKS, again=last > MEND_FROM)
                differs = differs or bool((again[first:upto] != self.chosen[first:upto]).any())
                if differs and last <= MEND_FROM:
                    self.stale = True
                    return _NO_MASKS
                first, size = upto, 2 * size
            self.looked_at = grown
            if relations.grown == grown:
                self.put_off = put_off
                return again if differs else _NO_MASKS
        return _NO_MASKS

    def _is_worth_it(self, states: int) -> bool:
        """Tell whether a run may be quicker than a search of everything, as far as it has come."""
        if states >= JUDGED and 2 * self.put_off < states and not self._has_fewer():
            return False
        narrow = len(self.search.levels) > LEVELS + states // WIDTH
        return not narrow and self.walked <= WALKED * (states + JUDGED)

    def _has_fewer(self) -> bool:
        """Tell whether there are far fewer states than without, as deep as both searches went."""
        own, other = self.search.levels, self.instead_of or []
        depth = min(len(own), len(other))
        return FEWER * sum(own[:depth]) <= sum(other[:depth])

    def _level(self, first: int, last: int) -> None:
        if self.instead_of is not None and not self._is_worth_it(first):
            self.given_up, self.search.reason = True, GIVEN_UP
            return
        if last >= self.due:
            self.due = LONGER * last
            self._mended(first)
            if self.stale:
                self.search.reason = self.search.reason or STALE
                return
        if last > len(self.masks):
            room = max(last, 2 * len(self.masks))
            mib = room * NOTED_BYTES / 2**20
            self.search.reason = self.search.reason or self.meter.room_for(mib)
            if self.search.reason:
                return
            self.masks, self.chosen = _longer(self.masks, room), _longer(self.chosen, room)
            if len(self.children):
                self.children = _longer(self.children, room)
        self._choose(_NONE, first, last, self.masks, _NO_MASKS)
        self.chosen[first:last] = self.masks[first:last]
        if not self.search.reason:
            super()._level(first, last)

    def _work(self, visits: Any, last: int, margin: int, order: Any, deferred: Any) -> Any:
        work = super()._work(visits, last, margin, order, deferred)
        if margin:  # what workers find together may be moved: where it is cannot be noted
            return work._replace(masks=self.masks)
        return work._replace(masks=self.masks, children=self.children)

    def _choose(  # noqa: PLR0913  a range of states, and the arrays of a choice
        self, order: Any, first: int, last: int, masks: Any, seeds: Any, again: bool = False
    ) -> None:
        """Decide for a range of states which agents to expand; `again`: see `closure.choose`."""
        at = first
        while at < last and not self.search.reason:
            upto = min(last, at + self.stride)
            parts = self.workers if upto - at >= WIDE * self.workers else 1
            bounds = [at + (upto - at) * part // parts for part in range(parts + 1)]
            ranges = list(zip(bounds, bounds[1:], strict=False))
            while ranges:
                jobs = [
                    (counters(begin), self.relations.scratch(worker), self._room(worker))
                    for worker, (begin, _) in enumerate(ranges)
                ]
                one = self._chosen(order, masks, seeds, again)
                whys = self.crew.each(one, [*zip(ranges, jobs, strict=True)])
                ranges = self._next(order, ranges, jobs, whys)
            at = upto
            self.search.reason = self.meter.exceeded_time_or_memory()

    def _chosen(self, order: Any, masks: Any, seeds: Any, again: bool) -> Any:
        storage, relating = self.storage, self.relations.arrays()
        layout, tries, agents = storage.packing.arrays, self.flat.tries(), self.flat.agents()

        def one(part: tuple[tuple[int, int], Any]) -> int:
            (_, last), (mine, scratch, room) = part
            return calls.choose(
                layout, tries, agents, relating, storage.store, mine, scratch, room, order, last,
                masks, seeds, again,
            )  # fmt: skip

        return one

    def _next(self, order: Any, ranges: Any, jobs: Any, whys: list[int]) -> list[tuple[int, int]]:
        """See to what kernels stopped for; return what is left to do."""
        left = []
        self.put_off += sum(int(mine[shapes.PUT_OFF]) for mine, _, _ in jobs)
        for (_, end), (mine, scratch, _), why in zip(ranges, jobs, whys, strict=True):
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
        self.walked += self.storage.used
        states, ignored = self._ignored()
        if len(states) == 0 or self.search.reason:
            return False
        self.in_order = False
        if self.caught_up is None:
            self.caught_up = self.known.grown
        self.relations.renew()
        extra = np.zeros(self.storage.used, np.uint64)
        self._choose(states, 0, len(states), extra, ignored)
        before = self.masks[states]
        self.masks[states] = extra[states] & ~before
        self._take(states[self.masks[states] != 0])
        self.masks[states] |= before
        return True

    def _ignored(self) -> tuple[Any, Any]:
        """Return a state of each part that is never left and ignores agents, and these as bits.

        None where a budget is used up first.
        """
        count, room = self.storage.used, 1 << 16
        self.search.reason = self.meter.room_for(count * WALKING_BYTES / 2**20)
        while not self.search.reason:
            walking = room_to_walk(count, room)
            self._settle(walking)
            self._until_done(calls.ignored, walking, count, STRIDE)
            found = int(walking.counters[shapes.FOUND])
            if found <= room:
                order = np.argsort(walking.states[:found])
                return walking.states[order], walking.lacking[order]
            room = found
        return _NONE, _NO_MASKS

    def _settle(self, walking: Walking) -> None:
        """Leave out what need not be walked over, in passes for as long as each finds much."""
        numbers, count = walking.counters, self.storage.used
        before, found = 0, count
        while FEW_SETTLED * found >= count - before > 0 and not self.search.reason:
            before, numbers[shapes.UNSETTLED] = int(numbers[shapes.SETTLED]), count
            self._until_done(calls.settle, walking, self.children, STRIDE // shapes.PENDING)
            found = int(numbers[shapes.SETTLED]) - before

    def _until_done(self, kernel: Any, walking: Walking, *limits: Any) -> None:
        """Call a kernel that stops now and then, unless a budget ends it."""
        mine, why = counters(), shapes.ROOM
        while why == shapes.ROOM and not self.search.reason:
            why = kernel(
                self.storage.packing.arrays, self.flat.tries(), self.flat.agents(),
                self.storage.store, mine, self.masks, self._room(0), walking, *limits,
            )  # fmt: skip
            self.search.reason = self.meter.exceeded_time_or_memory()

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

    def _choose_path(self) -> None:
        """Leave the path that was found first: others may have been left out."""

    def _path_to_witness(self, index: int) -> tuple[Move, ...]:
        return self.path_to(index)

    def _bounds_before(self, level: int) -> tuple[int, int]:
        first, last = super()._bounds_before(level)
        return (first if self.in_order else 0), last


def _mib(masks: int) -> float:
    """Return how many MiB so many masks take."""
    return masks * 8 / 2**20


def _longer(noted: Any, room: int) -> Any:
    """Return what is noted of states with room for so many."""
    grown = np.zeros(room, noted.dtype)
    grown[: len(noted)] = noted
    return grown


def counters(begin: int = 0) -> Any:
    """Return counters for a kernel of its own, which begins at a state and has no spare part."""
    mine = np.zeros(MINE, np.int64)
    mine[shapes.CHECKED], mine[shapes.SPARE] = begin, -1
    return mine


class _LookingAhead(NativeSearch):
    """A search of everything, which tells relations what is learned."""

    def __init__(self, tables: Tables, meter: Meter, relations: Relations):
        super().__init__(tables, meter)
        self.relations = relations
        self.contradiction: ModelError | None = None  # between two paths of one form

    def _learn(self, agent: int, state: State) -> None:
        before = self.tables.learned
        try:
            super()._learn(agent, state)
        finally:  # there may be no room for what was learned: it is learned all the same
            if agent >= 0 and self.tables.learned != before:
                self._note(agent, state)

    def _note(self, agent: int, state: State) -> None:
        try:
            self.relations.note(agent, state)
        except ModelError as error:
            self.contradiction = error
            raise


def _look_ahead(tables: Tables, meter: Meter, relations: Relations) -> None:
    """Learn from some states of the search of everything.

    A run that rests on too little is begun anew; so it goes for each little more that is learned.
    Whatever this finds, a reduced run is the one to tell; but for two paths of one form that do
    different things: they are learned by now, and nothing can be said of them.
    """
    ahead = _LookingAhead(tables, meter.bounded(sys.maxsize, AHEAD), relations)
    ahead.rows = ahead.rows[:0]
    ahead.begin()
    with contextlib.suppress(ModelError):
        ahead.run()
    if ahead.contradiction is not None:
        raise ahead.contradiction


def explore(  # noqa: PLR0913  one keyword for each way to search
    tables: Tables,
    meter: Meter,
    workers: int = 1,
    make: Callable[..., ReducedSearch] | None = None,
    *,
    audited: bool = False,
    witnesses: dict[int, tuple[Move, ...]] | None = None,
    instead_of: list[int] | None = None,
) -> Search | None:
    """Search natively with reduction; see `modelcheck.explore.reduction.search.explore`.

    Without it where there are more agents than a set of bits can name. `make` makes a run. Where it
    is made `instead_of` a search of everything, with such levels so far, it is given up if that is
    not worth its while, and None returned.
    """
    if len(tables.agents) > MOST_AGENTS and make is None:
        return plain(tables, meter, workers)
    runs = 0
    relations = Relations(tables)
    witnesses = witnesses or {}
    while True:
        runs += 1
        coverage.forget(tables)
        run = (make or ReducedSearch)(tables, meter, workers, relations)
        run.instead_of = instead_of
        run.search.witnesses.update(witnesses)
        run.rows = run._property_rows()
        run.begin()
        search = run.run()
        search.reduction = run.reduction(runs)
        witnesses = search.witnesses
        if run.given_up or (instead_of is not None and run.stale and runs >= RUNS):
            return None
        if search.found is not None or search.reason or not run.stale:
            if audited and search.found is None and not search.reason:
                search.reduction = evolve(search.reduction, audited=run.audit())
            return search
        if make is None and instead_of is None and runs == 1 and run.storage.used > FIRST_LOOK:
            _look_ahead(tables, meter, relations)
