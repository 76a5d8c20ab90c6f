"""Locations that only read-modify-writes write: which traces of several threads fit together.

There, in a coherent model with atomicity, writes form one chain from the initial value: each
read-modify-write reads the write just before its own, and no two read the same. So, counted with
multiplicity, what is written (the initial value included) is what is read by them and one value
more, the final one. Threads that cannot come to that are left out before they are combined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modelcheck.axiomatic.execution import LOCKS, Trace, Value
from modelcheck.axiomatic.relations import members

#: A multiset of values as sorted pairs: what is written, less what is read to be replaced.
Net = tuple[tuple[Value, int], ...]

#: With more sums than this of the threads that come later, nothing is left out early.
MOST_SUMS = 5_000


class Chains:
    """Which traces of each thread can be a part of chains, given what those before come to."""

    def __init__(self, init: Mapping[str, Value], threads: Sequence[Sequence[Trace]]):
        self.threads = threads
        self.locations = _pure(threads)
        self.start = tuple(((init[loc], 1),) for loc in self.locations)
        self._nets = [
            [[_net(trace, loc) for trace in traces] for loc in self.locations] for traces in threads
        ]
        self._later = [self._sums(index) for index in range(len(self.locations))]
        self._sum: dict[tuple[Net, Net], Net] = {}
        self._fits: dict[tuple[int, int, Net], bool] = {}
        self._allowed: dict[tuple[int, int, Net], int] = {}

    def _sums(self, index: int) -> list[set[Net] | None]:
        """Return for each thread what it and those after it can come to; last, nothing."""
        later: list[set[Net] | None] = [{()}]
        for nets in reversed(self._nets):
            after = later[-1]
            made: set[Net] | None = None
            if after is not None and len(after) * len(set(nets[index])) <= MOST_SUMS:
                made = {_added(a, b) for a in after for b in set(nets[index])}
            later.append(made)
        return later[::-1]

    def choices(self, k: int, so_far: tuple[Net, ...]) -> Iterator[tuple[int, tuple[Net, ...]]]:
        """Return the traces of a thread that fit, and what they make of what was there before."""
        mask = (1 << len(self.threads[k])) - 1
        for index, net in enumerate(so_far):
            mask &= self._mask(k, index, net)
        for number in members(mask):
            yield (
                number,
                tuple(
                    self._plus(net, self._nets[k][index][number])
                    for index, net in enumerate(so_far)
                ),
            )

    def _mask(self, k: int, index: int, net: Net) -> int:
        """Return the set of the traces of a thread that fit as far as one location goes."""
        key = (k, index, net)
        if key not in self._allowed:
            mask = 0
            for number, own in enumerate(self._nets[k][index]):
                if self._can_end(k + 1, index, self._plus(net, own)):
                    mask |= 1 << number
            self._allowed[key] = mask
        return self._allowed[key]

    def _can_end(self, k: int, index: int, net: Net) -> bool:
        """Return whether the threads from `k` on can leave exactly one value over."""
        key = (k, index, net)
        if key not in self._fits:
            later = self._later[index][k]
            self._fits[key] = later is None or any(_is_one(_added(net, s)) for s in later)
        return self._fits[key]

    def _plus(self, a: Net, b: Net) -> Net:
        if not b:
            return a
        key = (a, b)
        if key not in self._sum:
            self._sum[key] = _added(a, b)
        return self._sum[key]


def _pure(threads: Sequence[Sequence[Trace]]) -> list[str]:
    """Return the locations that are written, and by read-modify-writes alone."""
    written: dict[str, bool] = {}
    for traces in threads:
        for trace in traces:
            for event in trace.events:
                if event.kind != "W" or event.loc is None:
                    continue
                fused = event.rmw is not None and trace.events[event.rmw].loc == event.loc
                plain = not event.tags & LOCKS
                written[event.loc] = written.get(event.loc, True) and fused and plain
    return sorted(loc for loc, pure in written.items() if pure)


def _net(trace: Trace, loc: str) -> Net:
    counts: dict[Value, int] = {}
    for (place, value), number in trace.supplies.items():
        if place == loc:
            counts[value] = counts.get(value, 0) + number
    for (place, value), number in trace.claims.items():
        if place == loc:
            counts[value] = counts.get(value, 0) - number
    return _sorted(counts)


def _added(a: Net, b: Net) -> Net:
    counts = dict(a)
    for value, number in b:
        counts[value] = counts.get(value, 0) + number
    return _sorted(counts)


def _sorted(counts: Mapping[Value, int]) -> Net:
    return tuple(sorted(((v, n) for v, n in counts.items() if n), key=str))


def _is_one(net: Net) -> bool:
    return len(net) == 1 and net[0][1] == 1


__all__ = ["Chains", "Net"]
