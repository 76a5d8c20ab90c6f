"""Who reads from whom, and in which order writes to a location take effect, for one location.

With ``coherent``, only what coherence and atomicity of the location allow is given: in a coherence
order with positions 0 (the initial write), 1, 2, ..., each access of a thread has a position (a
read, that of its write), and along program order positions do not fall, rise into a write, and rise
from a write. That is the same as no cycle in po-loc, rf, co and fr.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations

from attrs import frozen

from modelcheck.axiomatic.execution import LOCKS, Skeleton, Value
from modelcheck.axiomatic.relations import members


@frozen(eq=False)
class Choice:
    """A choice of rf and co for one location."""

    rf: tuple[tuple[int, int], ...]  # (write, read)
    co: tuple[int, ...]  # the writes in order, the initial one first
    final: Value


class Location:
    """The accesses of one location in a skeleton."""

    def __init__(self, s: Skeleton, init: int, accesses: list[int]):
        self.s, self.init = s, init
        self.rows = s.po.rows
        self.reads = [i for i in accesses if s.events[i].kind == "R"]
        self.writes = [i for i in accesses if s.events[i].kind == "W"]
        self.is_lock = any(s.events[i].tags & LOCKS for i in accesses)
        self.offset = {i: s.offsets[s.events[i].proc or 0] for i in accesses}

    def choices(self, coherent: bool, *, own_locks: bool = False) -> Iterator[Choice]:
        """Return every choice of rf and co; with `own_locks` no rf for the events of a lock."""
        for order in self._orders(coherent):
            position = {write: k for k, write in enumerate(order)}
            final = self.s.events[order[-1]].value
            sources: Iterable[tuple[tuple[int, int], ...]]
            if own_locks and self.is_lock:
                sources = [()]
            elif coherent:
                sources = self._coherent_sources(order, position)
            else:
                sources = self._any_sources(0, [])
            for rf in sources:
                yield Choice(rf, order, final)

    # Coherence orders

    def _orders(self, coherent: bool) -> Iterator[tuple[int, ...]]:
        if self.is_lock:
            yield from self._lock_orders()
        elif coherent:
            after = self._forced()
            if after is not None:
                yield from self._extend((self.init,), self.writes, after)
        else:
            for order in permutations(self.writes):
                yield (self.init, *order)

    def _extend(
        self, placed: tuple[int, ...], left: list[int], after: dict[int, int]
    ) -> Iterator[tuple[int, ...]]:
        """Return the orders that begin with `placed`; `after` tells what must follow a write."""
        if not left:
            yield placed
        for write in left:
            if not any(after[other] >> write & 1 for other in left):
                rest = [other for other in left if other != write]
                yield from self._extend((*placed, write), rest, after)

    def _forced(self) -> dict[int, int] | None:
        """Return for each write those that must follow it; None if one must precede the initial.

        What must follow is what follows in program order, and what the reads with a single possible
        source have seen: it spares most orders of locations with many writes.
        """
        rows, mask = self.rows, sum(1 << w for w in self.writes)
        after = {w: rows[w] & mask for w in self.writes}
        after[self.init] = mask
        sources: dict[int, int] = {}
        for read in self.reads:
            found = self._candidates(read, (self.init, *self.writes))
            if len(found) != 1:
                continue
            source = sources[read] = found[0]
            after[source] |= rows[read] & mask
            for write in self.writes:
                if write != source and rows[write] >> read & 1:
                    after[write] |= 1 << source
            for earlier, seen in sources.items():
                if seen != source and rows[earlier] >> read & 1:
                    after[seen] |= 1 << source
        if any(row >> self.init & 1 for row in after.values()):
            return None
        return {w: after[w] for w in self.writes}

    def _lock_orders(self) -> Iterator[tuple[int, ...]]:
        """Return the orders in which the lock can pass from one critical section to the next."""
        sections = self._sections()
        if sections is None:
            return
        for order in permutations(sections):
            flat = tuple(event for section in order for event in section)
            held_forever = any(len(section) == 1 for section in order[:-1])
            if not held_forever and self._respects_po(flat):
                yield (self.init, *flat)

    def _sections(self) -> list[tuple[int, ...]] | None:
        """Return (lock, unlock) or (lock,) for each lock; None if a thread locks twice."""
        events = self.s.events
        sections: list[tuple[int, ...]] = []
        held: dict[int | None, int] = {}
        for i in self.writes:
            proc = events[i].proc
            if "LKW" in events[i].tags:
                if proc in held:
                    return None
                held[proc] = i
            elif proc in held:
                sections.append((held.pop(proc), i))
        return sections + [(i,) for i in held.values()]

    def _respects_po(self, order: tuple[int, ...]) -> bool:
        later = 0
        for write in reversed(order):
            if any(self.rows[other] >> write & 1 for other in members(later)):
                return False
            later |= 1 << write
        return True

    # Sources of reads

    def _candidates(self, read: int, order: tuple[int, ...]) -> list[int]:
        events = self.s.events
        event = events[read]
        if "LKR" in event.tags:
            return [w for k, w in enumerate(order[:-1]) if self._reads_for(order[k + 1], read)]
        if "LF" in event.tags:
            return [w for w in order if "LKW" in events[w].tags]
        if "RU" in event.tags:
            return [w for w in order if "LKW" not in events[w].tags]
        return [w for w in order if events[w].value == event.value]

    def _reads_for(self, write: int, read: int) -> bool:
        """Return whether the read belongs to the same read-modify-write as the write."""
        rmw = self.s.events[write].rmw
        return rmw is not None and self.offset[write] + rmw == read

    def _coherent_sources(
        self, order: tuple[int, ...], position: dict[int, int]
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        bounds = []
        for read in self.reads:
            after = [position[w] for w in order[1:] if self.rows[w] >> read & 1]
            before = [position[w] for w in order[1:] if self.rows[read] >> w & 1]
            low, high = max(after, default=0), min(before, default=len(order))
            found = [w for w in self._candidates(read, order) if low <= position[w] < high]
            found = [w for w in found if self._atomic(read, w, order, position)]
            if not found:
                return
            bounds.append(found)
        yield from self._assign(0, [], bounds, position)

    def _atomic(
        self, read: int, source: int, order: tuple[int, ...], position: dict[int, int]
    ) -> bool:
        """Return whether no other thread writes between what the read reads and its own write."""
        for write in order[1:]:
            if self._reads_for(write, read):
                between = order[position[source] + 1 : position[write]]
                proc = self.s.events[read].proc
                return all(self.s.events[w].proc == proc for w in between)
        return True

    def _assign(
        self, k: int, chosen: list[int], bounds: list[list[int]], position: dict[int, int]
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        """Return the choices of a source for each read, such that reads in po do not go back."""
        if k == len(self.reads):
            yield tuple(zip(chosen, self.reads, strict=True))
            return
        read = self.reads[k]
        low = 0
        for other, source in zip(self.reads, chosen, strict=False):
            if self.rows[other] >> read & 1:
                low = max(low, position[source])
        for source in bounds[k]:
            if position[source] >= low:
                yield from self._assign(k + 1, [*chosen, source], bounds, position)

    def _any_sources(self, k: int, chosen: list[int]) -> Iterator[tuple[tuple[int, int], ...]]:
        if k == len(self.reads):
            yield tuple(zip(chosen, self.reads, strict=True))
            return
        for source in self._candidates(self.reads[k], (self.init, *self.writes)):
            yield from self._any_sources(k + 1, [*chosen, source])


def locations(s: Skeleton) -> dict[str, Location]:
    """Return each location of a skeleton with its accesses."""
    accesses: dict[str, list[int]] = {}
    init: dict[str, int] = {}
    for i, event in enumerate(s.events):
        if event.loc is None:
            continue
        if event.proc is None:
            init[event.loc] = i
            accesses[event.loc] = []
        elif event.kind != "F":
            accesses[event.loc].append(i)
    return {loc: Location(s, init[loc], found) for loc, found in accesses.items()}


__all__ = ["Choice", "Location", "locations"]
