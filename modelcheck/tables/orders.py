"""Sets in another order than the one that they happen to have: what depends on it then shows.

A step or property is evaluated twice, the second time with sets turned round. One that goes over
them in a way that matters answers otherwise, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelcheck.tables.chance import by_chance
from modelcheck.tables.values import treat_as


class Turned(frozenset):  # type: ignore[type-arg] # of whatever
    """A frozen set that is gone over backwards; else equal to a plain one in all it does."""

    def __iter__(self) -> Iterator[Any]:
        return iter([*frozenset.__iter__(self)][::-1])

    def __repr__(self) -> str:
        return f"frozenset({{{', '.join(map(repr, self))}}})"


def _same_kind(name: str) -> Any:
    """Return a method of sets whose result is turned too."""
    original = getattr(frozenset, name)

    def method(self: Turned, *others: Any) -> Any:
        found = original(self, *others)
        return Turned(found) if type(found) is frozenset else found

    method.__name__ = name
    return method


for _name in [
    "__and__", "__or__", "__sub__", "__xor__", "__rand__", "__ror__", "__rsub__", "__rxor__",
    "union", "intersection", "difference", "symmetric_difference", "copy",
]:  # fmt: skip
    setattr(Turned, _name, _same_kind(_name))

treat_as(Turned, frozenset)


def turned(value: Any) -> Any:
    """Return `value` with each frozen set whose order is a chance in another order.

    Looks into tuples, and not into objects; a value without such a set is returned itself.

    Examples
    --------
    >>> one = frozenset({"a", "b"})
    >>> [*turned(one)] == [*one][::-1], turned((1, one)) == (1, one), turned((1,))
    (True, True, (1,))
    """
    if type(value) is frozenset and by_chance(value):
        return Turned(value)
    if type(value) is tuple and any(type(part) in (tuple, frozenset) for part in value):
        parts = tuple(map(turned, value))
        if any(new is not old for new, old in zip(parts, value, strict=True)):
            return parts
    return value
