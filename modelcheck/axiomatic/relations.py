"""An exact algebra of binary relations over the events ``0 .. n-1``.

A set of events is an integer (bit `i` is event `i`); a relation is a row of such sets, one for each
event: its successors. Relations are values: no operation changes one. Nothing here knows a memory
model. Neighbours: `execution` builds the base relations, `models` combines them.

The operators have Python's precedence, which is the usual one of the literature:
``a | b >> c & d`` is a ∪ ((b ; c) ∩ d). Only ``-`` (difference) binds tighter than ``>>``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def members(events: int) -> Iterator[int]:
    """Return the members of a set, smallest first.

    Examples
    --------
    >>> list(members(0b1101))
    [0, 2, 3]
    """
    while events:
        low = events & -events
        yield low.bit_length() - 1
        events ^= low


def event_set(events: Iterable[int]) -> int:
    """Return the set of these events.

    Examples
    --------
    >>> bin(event_set([0, 2]))
    '0b101'
    """
    result = 0
    for event in events:
        result |= 1 << event
    return result


class Relation:
    """A binary relation over the events ``0 .. n-1``; two of them combine only with equal `n`.

    Examples
    --------
    >>> po = Relation.of(3, [(0, 1), (1, 2)])
    >>> (po >> po).pairs(), po.plus().pairs()
    ([(0, 2)], [(0, 1), (0, 2), (1, 2)])
    >>> po.is_acyclic(), (po | po.inverse()).cycle()
    (True, [0, 1])
    """

    __slots__ = ("rows",)

    def __init__(self, rows: Sequence[int]):
        self.rows = rows

    @classmethod
    def of(cls, n: int, pairs: Iterable[tuple[int, int]]) -> Relation:
        """Return the relation that holds these pairs."""
        rows = [0] * n
        for a, b in pairs:
            rows[a] |= 1 << b
        return cls(rows)

    @classmethod
    def empty(cls, n: int) -> Relation:
        """Return the relation that holds nowhere."""
        return cls([0] * n)

    @classmethod
    def product(cls, n: int, first: int, second: int) -> Relation:
        """Return the pairs of an event in `first` and one in `second`."""
        return cls([second if first >> i & 1 else 0 for i in range(n)])

    @classmethod
    def identity(cls, n: int, events: int = -1) -> Relation:
        """Return the identity on `events`: ``[S]`` in the literature."""
        return cls([1 << i & events for i in range(n)])

    def __or__(self, other: Relation) -> Relation:
        return Relation([a | b for a, b in zip(self.rows, other.rows, strict=True)])

    def __and__(self, other: Relation) -> Relation:
        return Relation([a & b for a, b in zip(self.rows, other.rows, strict=True)])

    def __sub__(self, other: Relation) -> Relation:
        return Relation([a & ~b for a, b in zip(self.rows, other.rows, strict=True)])

    def __rshift__(self, other: Relation) -> Relation:
        """Return the composition: first this, then `other`."""
        theirs = other.rows
        rows = []
        for row in self.rows:
            result = 0
            while row:
                low = row & -row
                result |= theirs[low.bit_length() - 1]
                row ^= low
            rows.append(result)
        return Relation(rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Relation):
            return NotImplemented
        return list(self.rows) == list(other.rows)

    def __hash__(self) -> int:
        return hash(tuple(self.rows))

    def __bool__(self) -> bool:
        return any(self.rows)

    def __contains__(self, pair: tuple[int, int]) -> bool:
        return bool(self.rows[pair[0]] >> pair[1] & 1)

    def __repr__(self) -> str:
        return f"Relation.of({len(self.rows)}, {self.pairs()})"

    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs, sorted."""
        return [(a, b) for a, row in enumerate(self.rows) for b in members(row)]

    def between(self, first: int, second: int) -> Relation:
        """Return the pairs from `first` to `second`: ``[first] ; r ; [second]``."""
        return Relation([row & second if first >> i & 1 else 0 for i, row in enumerate(self.rows)])

    def start(self, events: int) -> Relation:
        """Return the pairs that begin in `events`: ``[events] ; r``."""
        return Relation([row if events >> i & 1 else 0 for i, row in enumerate(self.rows)])

    def end(self, events: int) -> Relation:
        """Return the pairs that end in `events`: ``r ; [events]``."""
        return Relation([row & events for row in self.rows])

    def inverse(self) -> Relation:
        """Return the pairs turned round."""
        rows = [0] * len(self.rows)
        for i, row in enumerate(self.rows):
            bit = 1 << i
            while row:
                low = row & -row
                rows[low.bit_length() - 1] |= bit
                row ^= low
        return Relation(rows)

    def plus(self) -> Relation:
        """Return the transitive closure."""
        rows = list(self.rows)
        for k in range(len(rows)):
            through = rows[k]
            if through:
                rows = [row | through if row >> k & 1 else row for row in rows]
        return Relation(rows)

    def opt(self) -> Relation:
        """Return the reflexive closure: ``r?``."""
        return Relation([row | 1 << i for i, row in enumerate(self.rows)])

    def star(self) -> Relation:
        """Return the reflexive and transitive closure."""
        return self.plus().opt()

    def complement(self) -> Relation:
        """Return the pairs that are not related."""
        every = (1 << len(self.rows)) - 1
        return Relation([every & ~row for row in self.rows])

    def without_identity(self) -> Relation:
        """Return the pairs of different events."""
        return Relation([row & ~(1 << i) for i, row in enumerate(self.rows)])

    def domain(self) -> int:
        """Return the set of the events that a pair begins with."""
        return event_set(i for i, row in enumerate(self.rows) if row)

    def range(self) -> int:
        """Return the set of the events that a pair ends with."""
        result = 0
        for row in self.rows:
            result |= row
        return result

    def is_irreflexive(self) -> bool:
        """Return whether no event is related to itself."""
        return not any(row >> i & 1 for i, row in enumerate(self.rows))

    def is_acyclic(self) -> bool:
        """Return whether no event is related to itself by the transitive closure."""
        rows = self.rows
        live = [i for i, row in enumerate(rows) if row]
        while live:
            mask = 0
            for i in live:
                mask |= 1 << i
            rest = [i for i in live if rows[i] & mask]
            if len(rest) == len(live):
                return False
            live = rest
        return True

    def path(self, start: int, goal: int) -> list[int] | None:
        """Return a shortest path of at least one step with both ends; None if there is none."""
        before: dict[int, int] = {}
        frontier = [start]
        while frontier:
            reached = []
            for event in frontier:
                for successor in members(self.rows[event]):
                    if successor == goal:
                        return _walk_back(before, start, event) + [goal]
                    if successor not in before:
                        before[successor] = event
                        reached.append(successor)
            frontier = reached
        return None

    def cycle(self) -> list[int]:
        """Return the events of a shortest cycle, in order; empty if the relation is acyclic."""
        found = [path for i in range(len(self.rows)) if (path := self.path(i, i))]
        return min(found, key=len)[:-1] if found else []


def _walk_back(before: dict[int, int], start: int, event: int) -> list[int]:
    path = [event]
    while event != start:
        event = before[event]
        path.append(event)
    return path[::-1]


def union(relations: Sequence[Relation]) -> Relation:
    """Return the union of at least one relation.

    Examples
    --------
    >>> union([Relation.of(2, [(0, 1)]), Relation.of(2, [(1, 0)])]).pairs()
    [(0, 1), (1, 0)]
    """
    rows = list(relations[0].rows)
    for relation in relations[1:]:
        rows = [a | b for a, b in zip(rows, relation.rows, strict=True)]
    return Relation(rows)
