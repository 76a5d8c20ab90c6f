"""Which values locations can have, and the traces of each thread over them.

Values are found by a least fixpoint in which conditions are taken both ways: a cycle through
control flow alone can support a value that no run from the initial state reaches. Values that no
trace writes are then taken away again, down to the greatest fixpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from modelcheck.axiomatic.execution import LOCKS, Trace, Value


@frozen(eq=False)
class Domain:
    """The values that a thread's reads may return.

    ``others`` holds what other threads may have written. What the thread itself wrote last (or the
    initial value) comes to that; with ``coherent`` nothing older can be read.
    """

    init: Mapping[str, Value]
    others: Mapping[str, Sequence[Value]]
    coherent: bool = True

    def values(self, loc: str, own: Sequence[Value]) -> list[Value]:
        """Return the values for a read; `own` are the thread's writes so far, in order."""
        first = self.init.get(loc, 0)
        found = [own[-1] if own else first] if self.coherent else [first, *own]
        found += self.others.get(loc, ())
        return list(dict.fromkeys(found)) if len(found) > 1 else found


#: More writes than any program has.
MANY = 1 << 30

#: What a thread can do over a domain of values; in free mode conditions go both ways. The second
#: result says whether any condition was met.
Thread = Callable[[Domain, bool], tuple[list[Trace], bool]]


@frozen(eq=False)
class Traces:
    """The traces of each thread, and the initial values of all locations that they touch."""

    init: dict[str, Value]
    threads: tuple[tuple[Trace, ...], ...]


def all_traces(
    init: Mapping[str, Value], threads: Sequence[Thread], *, coherent: bool = True
) -> Traces:
    """Return the traces of each thread that can be a part of an execution.

    Every execution in which values do not come out of nothing (through data alone) is made of them.
    With ``coherent``, no trace reads what the thread itself has overwritten.
    """
    written: list[dict[str, list[Value]]] = [{} for _ in threads]
    touched: list[set[str]] = [set() for _ in threads]
    runs: list[tuple[list[Trace], bool]] = [([], False)] * len(threads)
    changed: list[set[str] | None] = [None] * len(threads)  # by the other threads; None: at first
    rounds = 0
    chains = _Chains(init) if coherent else None
    while any(c is None or c & touched[i] for i, c in enumerate(changed)):
        grown: list[set[str]] = [set() for _ in threads]
        for i, thread in enumerate(threads):
            news = changed[i]
            if news is None or news & touched[i]:
                runs[i] = thread(_domain(init, written, i, coherent), True)
        if chains is not None:
            chains.look([traces for traces, _ in runs])
        for i, (traces, _) in enumerate(runs):
            _collect(traces, written[i], grown[i], touched[i], chains)
        changed = [
            set().union(*(g for j, g in enumerate(grown) if j != i or not coherent))
            for i in range(len(threads))
        ]
        rounds += 1
        if rounds > _most_writes(runs) + 1:
            break  # only a value that feeds itself through data grows further
    final = [
        thread(_domain(init, written, i, coherent), False)[0] if runs[i][1] else runs[i][0]
        for i, thread in enumerate(threads)
    ]
    locations = dict.fromkeys(init) | dict.fromkeys(loc for t in touched for loc in sorted(t))
    whole = {loc: init.get(loc, 0) for loc in locations}
    return Traces(whole, _supported(whole, final))


def _domain(
    init: Mapping[str, Value], written: Sequence[dict[str, list[Value]]], i: int, coherent: bool
) -> Domain:
    others: dict[str, list[Value]] = {}
    for j, values in enumerate(written):
        if j != i or not coherent:
            for loc, found in values.items():
                others.setdefault(loc, []).extend(found)
    return Domain(init, others, coherent)


def _collect(
    traces: Sequence[Trace],
    written: dict[str, list[Value]],
    grown: set[str],
    touched: set[str],
    chains: _Chains | None,
) -> None:
    for trace in traces:
        for event in trace.events:
            loc = event.loc
            if loc is None:
                continue
            touched.add(loc)
            if event.kind == "W" and not event.tags & LOCKS:
                values = written.setdefault(loc, [])
                if event.value not in values and (chains is None or chains.can(loc, event.value)):
                    values.append(event.value)
                    grown.add(loc)


class _Chains:
    """How many writes a value needs that read-modify-writes make of one another.

    Each of them reads another write of the location, and coherence lets none come round to itself:
    a value that only a chain of more writes makes than the location has is never there.
    """

    def __init__(self, init: Mapping[str, Value]):
        self.init = init
        self.needed: dict[tuple[str, Value], int] = {}
        self.writes: dict[str, int] = {}

    def look(self, runs: Sequence[Sequence[Trace]]) -> None:
        """Note what the threads do now: the fewest writes for a value, the most of a location."""
        self.writes = {}
        for traces in runs:
            most: dict[str, int] = {}
            for trace in traces:
                counts: dict[str, int] = {}
                for event in trace.events:
                    if event.kind == "W" and event.loc is not None:
                        counts[event.loc] = counts.get(event.loc, 0) + 1
                most = {loc: max(most.get(loc, 0), counts.get(loc, 0)) for loc in most | counts}
            for loc, number in most.items():
                self.writes[loc] = self.writes.get(loc, 0) + number
        while self._shortened(runs):
            pass

    def _shortened(self, runs: Sequence[Sequence[Trace]]) -> bool:
        """Look at each write once; return whether some value needs fewer writes than was known."""
        better = False
        for traces in runs:
            for trace in traces:
                for event in trace.events:
                    if event.kind != "W" or event.loc is None:
                        continue
                    steps = 1
                    source = None if event.rmw is None else trace.events[event.rmw]
                    first = self.init.get(event.loc, 0)
                    chained = source is not None and source.loc == event.loc
                    if source is not None and chained and source.value != first:
                        steps = self.needed.get((event.loc, source.value), MANY) + 1
                    key = (event.loc, event.value)
                    if steps < self.needed.get(key, MANY):
                        self.needed[key] = steps
                        better = True
        return better

    def can(self, loc: str, value: Value) -> bool:
        """Return whether the location has as many writes as the value needs."""
        return self.needed.get((loc, value), MANY) <= self.writes.get(loc, 0)


def _most_writes(runs: Sequence[tuple[list[Trace], bool]]) -> int:
    return sum(
        max((sum(e.kind == "W" for e in trace.events) for trace in traces), default=0)
        for traces, _ in runs
    )


def _supported(
    init: Mapping[str, Value], threads: Sequence[Sequence[Trace]]
) -> tuple[tuple[Trace, ...], ...]:
    """Return the traces whose reads are all served by a write of some trace that is left."""
    left = [list(traces) for traces in threads]
    while True:
        given = set(init.items())
        for traces in left:
            for trace in traces:
                given |= trace.gives
        kept = [[trace for trace in traces if trace.needs <= given] for traces in left]
        if sum(map(len, kept)) == sum(map(len, left)):
            return tuple(tuple(traces) for traces in kept)
        left = kept


__all__ = ["Domain", "Thread", "Traces", "all_traces"]
