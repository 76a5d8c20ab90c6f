"""Events, traces of one thread, and candidate executions of a whole program.

A *trace* is what one thread does once the values of its reads are chosen. A *skeleton* is a trace
of each thread, with all that does not depend on who reads from whom: program order, dependencies,
fences. An *execution* is a skeleton with reads-from and coherence order. Events are numbered: the
initial writes first (one for each location), then each thread's in program order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from attrs import define, field, frozen

from modelcheck.axiomatic.relations import Relation, members

#: A value of a register or location: a number, or the name of the location that it points to.
Value = int | str


@define(eq=False)
class Event:
    """What a thread does to memory, or a fence.

    Masks are sets of events of the same thread, numbered within their trace.
    """

    kind: str  # "R", "W" or "F"
    loc: str | None = None
    value: Value = 0
    tags: frozenset[str] = frozenset()
    statement: int = 0  # events of one statement are ordered only where one feeds the other
    line: int = 0  # in the litmus file
    fed_by: int = 0  # earlier events of the same statement that this one depends on
    addr: int = 0  # the reads that the address comes from
    data: int = 0  # the reads that the stored value comes from
    ctrl: int = 0  # the reads that decided whether this event happens
    picked_addr: int = 0  # the reads that decided which of several values is in the address
    picked_data: int = 0  # ... and in the stored value
    rmw: int | None = None  # of the write of a read-modify-write: its read
    proc: int | None = None


@define(eq=False)
class Trace:
    """One run of one thread, with the values that its reads were given."""

    events: list[Event]
    registers: dict[str, Value]
    cut: bool = False  # a loop was left because the bound on its rounds was reached
    fault: str = ""  # why the thread cannot go on: what it would do has no meaning
    needs: frozenset[tuple[str, Value]] = field(init=False)
    gives: frozenset[tuple[str, Value]] = field(init=False)
    claims: Counter[tuple[str, Value]] = field(init=False)  # what read-modify-writes read
    supplies: Counter[tuple[str, Value]] = field(init=False)  # what writes write, each counted

    def __attrs_post_init__(self) -> None:
        self.needs = frozenset(
            (e.loc, e.value) for e in self.events if e.kind == "R" and e.loc and not e.tags & LOCKS
        )
        self.gives = frozenset(
            (e.loc, e.value) for e in self.events if e.kind == "W" and e.loc and not e.tags & LOCKS
        )
        written = [e for e in self.events if e.kind == "W" and e.loc and not e.tags & LOCKS]
        self.supplies = Counter((e.loc or "", e.value) for e in written)
        sources = [self.events[e.rmw] for e in written if e.rmw is not None]
        self.claims = Counter((e.loc or "", e.value) for e in sources)


#: The events of spin locks: the read and the write of a lock, the unlock, reads of a lock that is
#: held (LF) or free (RU).
LOCKS = frozenset({"LKR", "LKW", "UL", "LF", "RU"})


class Skeleton:
    """A trace of each thread and the initial writes: all that rf and co do not change."""

    def __init__(self, init: dict[str, Value], traces: Sequence[Trace]):
        self.traces = traces
        self.observed: frozenset[str] = frozenset()  # locations whose final value is asked for
        self.events = [Event("W", loc, value, INIT) for loc, value in init.items()]
        self.offsets = []
        for proc, trace in enumerate(traces):
            self.offsets.append(len(self.events))
            for event in trace.events:
                event.proc = proc
            self.events += trace.events
        self.n = len(self.events)
        self.every = (1 << self.n) - 1
        self.IW = (1 << len(init)) - 1
        self._tagged = self._collect_tags()

    def _collect_tags(self) -> dict[str, int]:
        tagged: dict[str, int] = {}
        for i, event in enumerate(self.events):
            for tag in event.tags:
                tagged[tag] = tagged.get(tag, 0) | 1 << i
        return tagged

    def tagged(self, *tags: str) -> int:
        """Return the events that bear one of the tags."""
        result = 0
        for tag in tags:
            result |= self._tagged.get(tag, 0)
        return result

    def tags(self) -> set[str]:
        """Return every tag that an event bears."""
        return set(self._tagged)

    def _kind(self, kind: str) -> int:
        return sum(1 << i for i, event in enumerate(self.events) if event.kind == kind)

    @cached_property
    def R(self) -> int:
        """Return the reads."""
        return self._kind("R")

    @cached_property
    def W(self) -> int:
        """Return the writes, the initial ones included."""
        return self._kind("W")

    @cached_property
    def M(self) -> int:
        """Return the memory accesses."""
        return self.R | self.W

    def _lifted(self, name: str) -> Relation:
        """Return a dependency, which events store as masks of what they depend on."""
        rows = [0] * self.n
        for offset, trace in zip(self.offsets, self.traces, strict=True):
            for i, event in enumerate(trace.events):
                for source in members(getattr(event, name)):
                    rows[offset + source] |= 1 << offset + i
        return Relation(rows)

    @cached_property
    def addr(self) -> Relation:
        """Return the address dependencies."""
        return self._lifted("addr")

    @cached_property
    def data(self) -> Relation:
        """Return the data dependencies."""
        return self._lifted("data")

    @cached_property
    def ctrl(self) -> Relation:
        """Return the control dependencies."""
        return self._lifted("ctrl")

    @cached_property
    def picked_addr(self) -> Relation:
        """Return the reads that picked an address, as the flags of a conditional select do."""
        return self._lifted("picked_addr")

    @cached_property
    def picked_data(self) -> Relation:
        """Return the reads that picked a stored value."""
        return self._lifted("picked_data")

    @cached_property
    def po(self) -> Relation:
        """Return program order."""
        rows = [0] * self.n
        for offset, trace in zip(self.offsets, self.traces, strict=True):
            after = 0  # the events of later statements
            feeds: dict[int, int] = {}
            pending = 0
            statement = None
            for i in range(len(trace.events) - 1, -1, -1):
                event = trace.events[i]
                if event.statement != statement:
                    after |= pending
                    pending, feeds, statement = 0, {}, event.statement
                fed = feeds.get(i, 0)
                rows[offset + i] = after | fed
                for source in members(event.fed_by):
                    feeds[source] = feeds.get(source, 0) | fed | 1 << offset + i
                pending |= 1 << offset + i
        return Relation(rows)

    @cached_property
    def internal(self) -> Relation:
        """Return the pairs of events of the same thread (`int`); initial writes are in none."""
        return self._classes([event.proc for event in self.events])

    @cached_property
    def external(self) -> Relation:
        """Return the pairs of events of different threads (`ext`)."""
        every, IW = self.every, self.IW
        return Relation(
            [every & ~row & ~(IW if IW >> i & 1 else 0) for i, row in enumerate(self.internal.rows)]
        )

    @cached_property
    def same_loc(self) -> Relation:
        """Return the pairs of events that name the same location (`loc`)."""
        return self._classes([event.loc for event in self.events])

    def _classes(self, keys: Sequence[object]) -> Relation:
        classes: dict[object, int] = {}
        for i, key in enumerate(keys):
            if key is not None:
                classes[key] = classes.get(key, 0) | 1 << i
        return Relation([0 if key is None else classes[key] for key in keys])

    @cached_property
    def po_loc(self) -> Relation:
        """Return program order between accesses of the same location."""
        return (self.po & self.same_loc).between(self.M, self.M)

    @cached_property
    def rmw(self) -> Relation:
        """Return the read-modify-writes: from the read to the write of each."""
        pairs = [
            (offset + event.rmw, offset + i)
            for offset, trace in zip(self.offsets, self.traces, strict=True)
            for i, event in enumerate(trace.events)
            if event.rmw is not None
        ]
        return Relation.of(self.n, pairs)

    def fencerel(self, fences: int) -> Relation:
        """Return the pairs with one of the fences between them."""
        if not fences:
            return Relation.empty(self.n)
        return self.po.end(fences) >> self.po

    def identity(self, events: int = -1) -> Relation:
        """Return the identity on the events."""
        return Relation.identity(self.n, events)

    def product(self, first: int, second: int) -> Relation:
        """Return the pairs of an event in `first` and one in `second`."""
        return Relation.product(self.n, first, second)

    def empty(self) -> Relation:
        """Return the empty relation."""
        return Relation.empty(self.n)


INIT = frozenset({"IW"})


@frozen(eq=False, slots=False)
class Execution:
    """A candidate execution: a skeleton, reads-from and coherence order."""

    skeleton: Skeleton
    rf: Relation
    co: Relation

    @cached_property
    def fr(self) -> Relation:
        """Return from-reads: from a read to the writes that overwrite what it read."""
        return self.rf.inverse() >> self.co

    @cached_property
    def rfe(self) -> Relation:
        """Return reads-from between different threads."""
        return self.rf & self.skeleton.external

    @cached_property
    def rfi(self) -> Relation:
        """Return reads-from within a thread."""
        return self.rf & self.skeleton.internal

    @cached_property
    def coe(self) -> Relation:
        """Return coherence order between different threads."""
        return self.co & self.skeleton.external

    @cached_property
    def fre(self) -> Relation:
        """Return from-reads between different threads."""
        return self.fr & self.skeleton.external

    @cached_property
    def com(self) -> Relation:
        """Return communication: rf, co and fr."""
        return self.rf | self.co | self.fr


__all__ = ["LOCKS", "Event", "Execution", "Skeleton", "Trace", "Value"]
