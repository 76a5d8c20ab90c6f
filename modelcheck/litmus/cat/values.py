"""The values of the cat language, and its operators on them.

A set of events is an `int`, a relation a `Relation`; other sets (of relations, of sets, of tags)
are `frozenset`. One event and one pair are what a match on a set of events or a relation gives.
``0`` is the empty relation and the empty set of anything: `NOTHING`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from modelcheck.axiomatic.relations import Relation, event_set, members


class One(NamedTuple):
    """One event."""

    event: int


class Pair(NamedTuple):
    """One pair of a relation."""

    first: int
    second: int


class TagValue(NamedTuple):
    """A tag such as ``'once``."""

    name: str


class Nothing:
    """What ``0`` and ``{}`` stand for."""

    def __repr__(self) -> str:
        return "0"


NOTHING = Nothing()

#: What an expression may give.
Value = Any


class Mistake(Exception):
    """An operator on what it is not made for; the message says which."""


class Undefined(Mistake):
    """A name that nothing defines: what `try` guards against."""


def kind(value: Value) -> str:
    """Return the kind of a value, for errors."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int):
        return "set"
    if isinstance(value, Relation):
        return "relation"
    return {
        Nothing: "nothing", frozenset: "set of values", One: "event", Pair: "pair",
        TagValue: "tag", tuple: "tuple",
    }.get(type(value), "function")  # fmt: skip


def as_set(value: Value) -> int:
    """Return a value as a set of events."""
    if isinstance(value, int):
        return value
    if isinstance(value, Nothing):
        return 0
    if isinstance(value, One):
        return 1 << value.event
    raise Mistake(f"a set of events is wanted, this is a {kind(value)}")


def as_relation(value: Value, n: int) -> Relation:
    """Return a value as a relation."""
    if isinstance(value, Relation):
        return value
    if isinstance(value, Nothing):
        return Relation.empty(n)
    if isinstance(value, Pair):
        return Relation.of(n, [value])
    raise Mistake(f"a relation is wanted, this is a {kind(value)}")


def as_values(value: Value) -> frozenset[Value]:
    """Return the members of any set."""
    if isinstance(value, frozenset):
        return value
    if isinstance(value, Nothing):
        return frozenset()
    if isinstance(value, int):
        return frozenset(One(i) for i in members(value))
    if isinstance(value, Relation):
        return frozenset(Pair(a, b) for a, b in value.pairs())
    raise Mistake(f"a set is wanted, this is a {kind(value)}")


def binary(operator: str, a: Value, b: Value, n: int) -> Value:
    """Return the result of an operator with two operands."""
    if operator == ";":
        return as_relation(a, n) >> as_relation(b, n)
    if operator == "product":
        return Relation.product(n, as_set(a), as_set(b))
    if operator == "++":
        return added(a, b, n)
    if isinstance(a, Nothing) and isinstance(b, Nothing):
        return NOTHING
    if isinstance(a, int) or isinstance(b, int):
        return _ON_SETS[operator](as_set(a), as_set(b))
    if isinstance(a, frozenset) or isinstance(b, frozenset):
        return _ON_VALUES[operator](as_values(a), as_values(b))
    return _ON_RELATIONS[operator](as_relation(a, n), as_relation(b, n))


_ON_SETS: dict[str, Callable[[int, int], int]] = {
    "|": lambda a, b: a | b,
    "&": lambda a, b: a & b,
    "\\": lambda a, b: a & ~b,
}
_ON_RELATIONS: dict[str, Callable[[Relation, Relation], Relation]] = {
    "|": lambda a, b: a | b,
    "&": lambda a, b: a & b,
    "\\": lambda a, b: a - b,
}
_ON_VALUES: dict[str, Callable[[frozenset[Value], frozenset[Value]], frozenset[Value]]] = {
    "|": lambda a, b: a | b,
    "&": lambda a, b: a & b,
    "\\": lambda a, b: a - b,
}


def added(element: Value, whole: Value, n: int) -> Value:
    """Return a set with one more member: ``element ++ whole``."""
    if isinstance(element, One):
        return as_set(whole) | 1 << element.event
    if isinstance(element, Pair):
        return as_relation(whole, n) | Relation.of(n, [element])
    return as_values(whole) | {element}


def unary(operator: str, a: Value, n: int) -> Value:
    """Return the result of an operator with one operand."""
    if operator == "~":
        if isinstance(a, Relation | Nothing):
            return as_relation(a, n).complement()
        return ((1 << n) - 1) & ~as_set(a)
    if operator == "[]":
        return Relation.identity(n, as_set(a))
    return _ON_ONE[operator](as_relation(a, n))


_ON_ONE: dict[str, Callable[[Relation], Relation]] = {
    "*": Relation.star,
    "+": Relation.plus,
    "?": Relation.opt,
    "^-1": Relation.inverse,
}


def set_of(items: list[Value], n: int) -> Value:
    """Return ``{a, b}``: a set of events, a relation, or a set of other values."""
    if not items:
        return NOTHING
    if all(isinstance(item, One) for item in items):
        return event_set(item.event for item in items)
    if all(isinstance(item, Pair) for item in items):
        return Relation.of(n, items)
    return frozenset(items)


def taken_apart(value: Value, n: int) -> tuple[Value, Value] | None:
    """Return one member and the rest of a set; None if it is empty."""
    if isinstance(value, Nothing):
        return None
    if isinstance(value, int):
        if not value:
            return None
        first = next(members(value))
        return One(first), value & ~(1 << first)
    if isinstance(value, Relation):
        pairs = value.pairs()
        return (Pair(*pairs[0]), Relation.of(n, pairs[1:])) if pairs else None
    values = as_values(value)
    if not values:
        return None
    chosen = min(values, key=repr)
    return chosen, values - {chosen}


def equal(a: Value, b: Value, n: int) -> bool:
    """Return whether two values are the same."""
    if isinstance(a, Nothing) or isinstance(b, Nothing):
        return not _truth(a) and not _truth(b)
    if isinstance(a, int) or isinstance(b, int):
        return as_set(a) == as_set(b)
    return bool(a == b)


def _truth(value: Value) -> bool:
    return not isinstance(value, Nothing) and bool(value)


def is_empty(value: Value) -> bool:
    """Return whether a set or relation has no member."""
    return not _truth(value)


__all__ = ["NOTHING", "Mistake", "One", "Pair", "TagValue", "Undefined", "Value"]
