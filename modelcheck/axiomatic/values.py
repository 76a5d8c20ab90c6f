"""Which values locations can have, and the traces of each thread over them.

Values are found by a least fixpoint in which conditions are taken both ways: a cycle through
control flow alone can support a value that no run from the initial state reaches. Values that no trace
writes are then taken away again, down to the greatest fixpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from modelcheck.axiomatic.execution import LOCKS, Trace, Value

#: What a thread can do over a domain of values; in free mode conditions go both ways. The second
#: result says whether any condition was met.
Thread = Callable[[Mapping[str, Sequence[Value]], bool], tuple[list[Trace], bool]]


@frozen(eq=False)
class Traces:
    """The traces of each thread, and the initial values of all locations that they touch."""

    init: dict[str, Value]
    threads: tuple[tuple[Trace, ...], ...]


def all_traces(init: Mapping[str, Value], threads: Sequence[Thread]) -> Traces:
    """Return the traces of each thread that can be a part of an execution.

    Every execution in which values do not come out of nothing (through data alone) is made of them.
    """
    domain: dict[str, list[Value]] = {loc: [value] for loc, value in init.items()}
    runs: list[tuple[list[Trace], bool] | None] = [None] * len(threads)
    touched: list[set[str]] = [set() for _ in threads]
    changed: set[str] | None = None
    rounds = 0
    while changed is None or changed:
        grown: set[str] = set()
        for i, thread in enumerate(threads):
            if changed is None or touched[i] & changed:
                runs[i] = thread(domain, True)
        for i, run in enumerate(runs):
            assert run is not None
            for trace in run[0]:
                _collect(trace, domain, grown, touched[i])
        changed = grown
        rounds += 1
        if rounds > _most_writes(runs) + 1:
            break  # only a value that feeds itself through data grows further
    final = []
    for thread, run in zip(threads, runs, strict=True):
        assert run is not None
        final.append(thread(domain, False)[0] if run[1] else run[0])
    whole = {loc: init.get(loc, 0) for loc in domain}
    return Traces(whole, _supported(whole, final))


def _collect(
    trace: Trace, domain: dict[str, list[Value]], grown: set[str], touched: set[str]
) -> None:
    for event in trace.events:
        loc = event.loc
        if loc is None:
            continue
        values = domain.get(loc)
        if values is None:
            values = domain[loc] = [0]
        if event.kind == "R":
            touched.add(loc)
        elif event.kind == "W" and event.value not in values and not event.tags & LOCKS:
            values.append(event.value)
            grown.add(loc)


def _most_writes(runs: Sequence[tuple[list[Trace], bool] | None]) -> int:
    return sum(
        max((sum(e.kind == "W" for e in trace.events) for trace in run[0]), default=0)
        for run in runs
        if run is not None
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


__all__ = ["Thread", "Traces", "all_traces"]
