"""The candidate executions of a program: traces of each thread, and rf and co of each location.

A search may want only the executions whose final state makes a proposition true (or false). What
cannot lead there is left out as early as the registers, or the last writes, tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from attrs import frozen

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


def skeletons(traces: Traces, wish: Wish) -> Iterator[tuple[Skeleton, Known]]:
    """Return the combinations of a trace of each thread in which each value read is written."""
    threads = traces.threads
    initial = frozenset(traces.init.items())
    # What the threads from k on can still write, whatever trace they take.
    later: list[frozenset[tuple[str, Value]]] = [frozenset()]
    for choices in reversed(threads):
        later.append(later[-1].union(*(t.gives for t in choices)))
    later.reverse()
    wanted = [
        sorted(name for p, name in wish.registers if p == proc) for proc in range(len(threads))
    ]

    def extend(
        k: int,
        chosen: list[Trace],
        needs: frozenset[tuple[str, Value]],
        gives: frozenset[tuple[str, Value]],
        known: Known,
    ) -> Iterator[tuple[Skeleton, Known]]:
        if k == len(threads):
            wish.check_time()
            yield Skeleton(traces.init, chosen), known
            return
        for trace in threads[k]:
            needed, given = needs | trace.needs, gives | trace.gives
            if not needed <= given | later[k + 1]:
                continue
            now = known
            if wanted[k]:
                now = {**known, **{(k, r): trace.registers.get(r, 0) for r in wanted[k]}}
                if wish.decide(now) is False:
                    continue
            yield from extend(k + 1, [*chosen, trace], needed, given, now)

    yield from extend(0, [], frozenset(), initial, {})


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
