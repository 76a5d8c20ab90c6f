"""Slots: the places that make up a global state, each with its dictionary of values.

A global state is a tuple of small integers, one a slot; slot *i* holds the id of its value in
``slots[i].domain``. Ids are dense, in the order in which values were first seen, and never change.
Neighbours: `modelcheck.tables.values` says when two values are the same one.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from attrs import define, field

from modelcheck.errors import ModelError
from modelcheck.tables.values import key_of

#: How many different values one slot may take before the model is called unbounded.
MAX_VALUES = 100_000


class Unbounded(ModelError):
    """A location or a process that takes more different values than any finite protocol would."""


@define(eq=False)
class Domain:
    """The values of one slot, by id and by key.

    Examples
    --------
    >>> domain = Domain("count")
    >>> [domain.intern(v) for v in (7, "a", 7, True, 1)]
    [0, 1, 0, 2, 3]
    >>> domain.values[1]
    'a'
    """

    name: str
    limit: int = MAX_VALUES
    values: list[Any] = field(factory=list)
    ids: dict[Hashable, int] = field(factory=dict)

    def intern(self, value: Any) -> int:
        """Return the id of `value`, giving it a new one if it was never seen. Cost: one hash."""
        return self.intern_keyed(key_of(value), value)

    def intern_keyed(self, key: Hashable, value: Any) -> int:
        """Return the id of the value whose key is `key`; `value` is kept if the key is new."""
        found = self.ids.get(key)
        if found is not None:
            return found
        if len(self.values) >= self.limit:
            raise Unbounded(
                f"{self.name} has taken {self.limit:,} different values, the last {value!r}",
                "A counter that only grows, or a collection that is never emptied, makes a state "
                "space without end. Bound it (modulo, a bounded Channel, a guard), or raise "
                "max_values if the protocol really needs so many.",
            )
        self.ids[key] = new = len(self.values)
        self.values.append(value)
        return new


@define(eq=False)
class Slot:
    """One place of the global state: its name and its domain.

    A process's slot (`process` true) holds local states, and so does that of a store buffer; any
    other holds a shared value. `memory` slots were added by a memory model: no part of what the
    user declared; `hidden` ones are shown in no trace, `lane` is what pictures call a store buffer.
    """

    name: str
    domain: Domain
    process: bool = False
    memory: bool = False
    hidden: bool = False
    lane: str = ""
