"""What watched properties can tell apart, read off their tries.

Neighbours: `relations` asks it which steps are visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from modelcheck.explore.reduction.ignoring import bits
from modelcheck.tables.tables import Property, Tables
from modelcheck.tables.tries import Branch


class Watching:
    """Some properties, as far as they have learned by now."""

    def __init__(self, tables: Tables, properties: Sequence[Property] = ()):
        self.tables, self.properties = tables, list(properties)
        self._reads: dict[Branch, int] = {}
        for prop in self.properties:
            _note_slots(prop.trie.root, self._reads)
        self._alike: dict[tuple[int, int, int], bool] = {}

    @cached_property
    def slots(self) -> set[int]:
        """The slots that they read, and the images of these."""
        read = {slot for mask in self._reads.values() for slot in bits(mask)}
        return {at for slot in read for at, _ in self.tables.images(slot, ())}

    def asks_as(self, other: Watching) -> bool:
        """Tell whether the same questions are known of the same properties."""
        return self.properties == other.properties and self._reads == other._reads

    def alike(self, slot: int, value: int, other: int) -> bool:
        """Tell whether no property can tell two values of a slot apart.

        It is asked along the ways that it goes with these values itself: where it looks at a
        process's variable only at some places, elsewhere it is not asked for it. And it is asked
        for all images: up to symmetry, what it looks at is known of states that stand for others.
        """
        if value == other:
            return True
        found = self._alike.get((slot, value, other))
        if found is None:
            found = self._alike[slot, value, other] = all(
                self._go_the_same_way(at, *values)
                for at, values in self.tables.images(slot, (value, other))
            )
        return found

    def _go_the_same_way(self, slot: int, value: int, other: int) -> bool:
        values = self.tables.domains[slot].values
        one, two = values[value], values[other]
        waiting: list[Any] = [prop.trie.root for prop in self.properties]
        while waiting:
            node = waiting.pop()
            if not self._reads.get(node, 0) >> slot & 1:
                continue  # neither it nor anything below it reads the slot
            if node.slot != slot:
                waiting += _below(node)
                continue
            if node.view is None:
                return False
            seen = node.view.observe(one)
            if seen != node.view.observe(two):
                return False
            waiting.append(node.seen.get(seen))
        return True


def _note_slots(root: Any, slots: dict[Branch, int]) -> None:
    """Write down which slots each branch of a trie reads, it and those below it, as bits."""
    order, waiting = list[Branch](), [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Branch):
            order.append(node)
            waiting += _below(node)
    for node in reversed(order):
        mask = 1 << node.slot
        for child in _below(node):
            mask |= slots.get(child, 0)
        slots[node] = mask


def _below(node: Branch) -> Iterable[Any]:
    """Return what a branch leads to, each once."""
    return (node.children if node.view is None else node.seen).values()
