"""The candidate executions of a program: traces of each thread, and rf and co of each location.

A search may want only the executions whose final state makes a proposition true (or false). What
cannot lead there is left out as early as the registers, or the last writes, tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from attrs import frozen

from modelcheck.axiomatic.chains import Chains, Net
from modelcheck.axiomatic.communication import Choice, locations
from modelcheck.axiomatic.execution import Execution, Skeleton, Trace, Value
from modelcheck.axiomatic.relations import Relation
from modelcheck.axiomatic.values import Traces

#: The final values of locations (process None) and registers that are known so far.
Known = dict[tuple[int | None, str], Value]


class OutOfTime(Exception):
    """The deadline has passed."""


@frozen(eq=False)
class Wish:
    """Which executions a search is after.

    ``decide`` tells whether what is known of a final state makes it wanted (True), unwanted
    (False), or leaves it open (None).
    """

    decide: Callable[[Known], bool | None] = lambda known: None
    registers: frozenset[tuple[int, str]] = frozenset()
    locations: frozenset[str] = frozenset()
    deadline: float | None = None

    def check_time(self) -> None:
        """Raise `OutOfTime` if the deadline has passed."""
        if self.deadline is not None and monotonic() > self.deadline:
            raise OutOfTime


@frozen(eq=False)
class Chosen:
    """Traces of the first threads: what they read, write, and read to replace."""

    traces: tuple[Trace, ...]
    needs: frozenset[tuple[str, Value]]
    gives: frozenset[tuple[str, Value]]
    claims: Counter[tuple[str, Value]]
    supplies: Counter[tuple[str, Value]]
    known: Known


@frozen(eq=False)
class Later:
    """What the threads that have no trace yet can write at most, whatever trace they take."""

    gives: frozenset[tuple[str, Value]]
    supplies: Counter[tuple[str, Value]]


def skeletons(
    traces: Traces, wish: Wish, *, atomic: bool = True
) -> Iterator[tuple[Skeleton, Known]]:
    """Return the combinations of a trace of each thread in which each value read is written.

    With ``atomic``, no more read-modify-writes read a value than it is written: each replaces a
    write of its own.
    """
    threads = traces.threads
    later = _later(threads)
    wanted = [
        sorted(name for p, name in wish.registers if p == proc) for proc in range(len(threads))
    ]

    chains = Chains(traces.init, threads) if atomic else None

    def fitting(k: int, nets: tuple[Net, ...]) -> Iterator[tuple[Trace, tuple[Net, ...]]]:
        if chains is None or not chains.locations:
            yield from ((trace, nets) for trace in threads[k])
            return
        for number, after in chains.choices(k, nets):
            yield threads[k][number], after

    def extend(k: int, chosen: Chosen, nets: tuple[Net, ...]) -> Iterator[tuple[Skeleton, Known]]:
        wish.check_time()
        if k == len(threads):
            yield Skeleton(traces.init, chosen.traces), chosen.known
            return
        for trace, after in fitting(k, nets):
            known = chosen.known
            if wanted[k]:
                known = {**known, **{(k, r): trace.registers.get(r, 0) for r in wanted[k]}}
            more = _with(chosen, trace, known, later[k + 1], atomic)
            if more is not None and (not wanted[k] or wish.decide(known) is not False):
                yield from extend(k + 1, more, after)

    initial = frozenset(traces.init.items())
    first = Chosen((), frozenset(), initial, Counter(), Counter(initial), {})
    yield from extend(0, first, chains.start if chains is not None else ())


def _later(threads: Sequence[Sequence[Trace]]) -> list[Later]:
    """Return for each thread what it and those after it can write; last, nothing."""
    later = [Later(frozenset(), Counter())]
    for choices in reversed(threads):
        most: Counter[tuple[str, Value]] = Counter()
        for trace in choices:
            most |= trace.supplies
        gives = later[-1].gives.union(*(t.gives for t in choices))
        later.append(Later(gives, later[-1].supplies + most))
    return later[::-1]


def _with(chosen: Chosen, trace: Trace, known: Known, later: Later, atomic: bool) -> Chosen | None:
    """Return the choice with one more trace; None if it cannot become a whole one."""
    needs, gives = chosen.needs | trace.needs, chosen.gives | trace.gives
    if not needs <= gives | later.gives:
        return None
    claims, supplies = chosen.claims, chosen.supplies
    if trace.claims or claims:
        claims = claims + trace.claims
        supplies = supplies + trace.supplies
        if atomic and any(n > supplies[c] + later.supplies[c] for c, n in claims.items()):
            return None
    elif trace.supplies:
        supplies = supplies + trace.supplies
    return Chosen((*chosen.traces, trace), needs, gives, claims, supplies, known)


def executions(
    s: Skeleton, known: Known, wish: Wish, *, coherent: bool, own_locks: bool = False
) -> Iterator[tuple[Execution, Known]]:
    """Return the executions of a skeleton that may be wanted."""
    found = locations(s)
    # Where little can be chosen comes first: if nothing can, there is nothing to enumerate.
    names = sorted(found, key=lambda loc: (loc not in wish.locations, loc))
    options: list[list[Choice]] = []
    for name in names:
        choices = list(found[name].choices(coherent, own_locks=own_locks))
        if name in wish.locations:
            choices = [
                c for c in choices if wish.decide({**known, (None, name): c.final}) is not False
            ]
        if not choices:
            return
        options.append(choices)
    yield from _products(s, names, options, known, wish)


def _products(
    s: Skeleton, names: Sequence[str], options: Sequence[list[Choice]], known: Known, wish: Wish
) -> Iterator[tuple[Execution, Known]]:
    rf_rows, co_rows = [0] * s.n, [0] * s.n

    def extend(k: int, known: Known) -> Iterator[tuple[Execution, Known]]:
        if k == len(names):
            wish.check_time()
            if wish.decide(known) is not False:
                yield Execution(s, Relation(list(rf_rows)), Relation(list(co_rows))), known
            return
        watched = names[k] in wish.locations
        for choice in options[k]:
            now = known
            if watched:
                now = {**known, (None, names[k]): choice.final}
                if wish.decide(now) is False:
                    continue
            for write in choice.co:
                rf_rows[write] = 0
            for write, read in choice.rf:
                rf_rows[write] |= 1 << read
            later = 0
            for write in reversed(choice.co):
                co_rows[write] = later
                later |= 1 << write
            yield from extend(k + 1, now)

    yield from extend(0, known)


__all__ = ["Known", "OutOfTime", "Wish", "executions", "skeletons"]
