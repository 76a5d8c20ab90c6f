"""Tries as arrays: what was learned, in the form that the kernel walks.

Paths are added one by one, as Python learns them; nothing is ever removed. Node 0 means "never
learned". Neighbours: `modelcheck.tables.tries` has the originals.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from modelcheck.explore.native.arrays import Growing
from modelcheck.explore.native.shapes import Agents, Layout, Tries
from modelcheck.tables.tables import State, Tables
from modelcheck.tables.tries import Answer, Branch, Leaf, Trie


class FlatTables:
    """The arrays of one model's tables."""

    def __init__(self, tables: Tables):
        self.tables = tables
        self.slot, self.data, self.size = Growing(np.int32), Growing(np.int64), Growing(np.int32)
        self.children = Growing(np.int32, 4096)
        self.visits, self.first, self.count = (
            Growing(np.int64),
            Growing(np.int32),
            Growing(np.int32),
        )
        self.failing, self.begin, self.deltas = (
            Growing(np.bool_),
            Growing(np.int32),
            Growing(np.int32),
        )
        self.where, self.keep, self.put = Growing(np.int32), Growing(np.uint64), Growing(np.uint64)
        self.roots, self.rest = Growing(np.int32), Growing(np.bool_)
        self.base = np.zeros(len(tables.agents), np.int64)
        self.local_count = np.zeros(len(tables.agents), np.int64)
        self.slots = np.array([a.slot for a in tables.agents], np.int32)
        self._node(-1)  # number 0: never learned
        self._numbers: dict[int, int] = {}  # by identity; the tries keep the nodes alive
        self._leaves: list[Leaf] = []
        self.property_root = self.roots.extend(len(tables.properties))
        self._layout: Layout | None = None
        self._tries: Tries | None = None  # as handed out last
        self._agents: Agents | None = None

    def _node(self, slot: int) -> int:
        self.data.append(0)
        self.size.append(0)
        return self.slot.append(slot)

    def use_layout(self, layout: Layout) -> None:
        """Say how states are packed; all outcomes are put into that form anew."""
        self._layout = layout
        self.where.used = self.keep.used = self.put.used = 0
        self.begin.used = self.deltas.used = self.failing.used = self.first.used = 0
        for number, leaf in enumerate(self._leaves):
            self._add_outcomes(number, leaf)

    def add_agent_path(self, agent: int, state: State) -> None:
        """Copy the path that `state` takes through the agent's pending step."""
        who = self.tables.agents[agent]
        self.add_locals()
        local = state[who.slot]
        self._add(who.tries[local], state, int(self.base[agent]) + local)

    def add_property_path(self, index: int, state: State) -> None:
        """Copy the path that `state` takes through a property."""
        self._add(self.tables.properties[index].trie, state, self.property_root + index)

    def add_everything(self) -> None:
        """Copy all that was learned before."""
        self.add_locals()
        for agent, who in enumerate(self.tables.agents):
            for local, trie in enumerate(who.tries):
                self._add_trie(trie, int(self.base[agent]) + local)
        for index, prop in enumerate(self.tables.properties):
            self._add_trie(prop.trie, self.property_root + index)

    def add_locals(self) -> None:
        """Make room for local states that are new."""
        for agent, who in enumerate(self.tables.agents):
            known, now = int(self.local_count[agent]), len(who.tries)
            if now == known:
                continue
            room = 1 << max(3, (now - 1).bit_length())
            if known == 0 or room != 1 << max(3, (known - 1).bit_length()):
                old = int(self.base[agent])
                self.base[agent] = new = self.roots.extend(room)
                self.rest.extend(self.roots.used - self.rest.used)
                self.roots.data[new : new + known] = self.roots.data[old : old + known]
            start = int(self.base[agent])
            self.rest.extend(max(0, self.roots.used - self.rest.used))
            self.rest.data[start : start + now] = who.may_rest
            self.local_count[agent] = now

    def _add(self, trie: Trie, state: State, root: int) -> None:
        node: Any = trie.root
        number = self._number(node)
        self.roots.data[root] = number
        while isinstance(node, Branch):
            value = state[node.slot]
            node = node.children[value]
            child = self._number(node)
            self._set_child(number, value, child)
            number = child

    def _add_trie(self, trie: Trie, root: int) -> None:
        if trie.root is None:
            return
        self.roots.data[root] = self._number(trie.root)
        waiting: list[Any] = [trie.root]
        seen = set()
        while waiting:
            node = waiting.pop()
            if not isinstance(node, Branch) or id(node) in seen:
                continue
            seen.add(id(node))
            number = self._number(node)
            for value, child in node.children.items():
                self._set_child(number, value, self._number(child))
                waiting.append(child)

    def _number(self, node: Any) -> int:
        found = self._numbers.get(id(node))
        if found is not None:
            return found
        number = self._numbers[id(node)] = self._node(node.slot)
        if isinstance(node, Leaf):
            self.data.data[number] = len(self._leaves)
            self._leaves.append(node)
            self.visits.append(0)
            self.count.append(len(node.outcomes))
            self._add_outcomes(len(self._leaves) - 1, node)
        elif isinstance(node, Answer):
            self.data.data[number] = int(node.holds)
        return number

    def _set_child(self, number: int, value: int, child: int) -> None:
        size = int(self.size.data[number])
        if value >= size:
            room = 1 << max(2, value.bit_length())
            old, new = int(self.data.data[number]), self.children.extend(room)
            self.children.data[new : new + size] = self.children.data[old : old + size]
            self.data.data[number], self.size.data[number] = new, room
        self.children.data[int(self.data.data[number]) + value] = child

    def _add_outcomes(self, number: int, leaf: Leaf) -> None:
        """Put a leaf's outcomes into packed form: what to keep and what to put, a word each."""
        if number >= self.first.used:
            self.first.append(0)
        self.first.data[number] = self.begin.used
        for outcome in leaf.outcomes:
            self.failing.append(outcome.failure is not None)
            self.begin.append(self.where.used)
            changes = self._changes(outcome.writes) if self._fits(outcome.writes) else {}
            if self._one_word():
                changes = changes or {0: (0, 0)}  # the kernel finds it by the outcome's number
            self.deltas.append(len(changes))
            for word, (mask, bits) in sorted(changes.items()):
                self.where.append(word)
                self.keep.append(~mask & 0xFFFFFFFFFFFFFFFF)
                self.put.append(bits)

    def _one_word(self) -> bool:
        return self._layout is not None and self._layout.words == 1

    def _fits(self, writes: tuple[tuple[int, int], ...]) -> bool:
        """Tell whether the writes can be packed; if not, a wider layout is on its way."""
        return self._layout is not None and all(v <= int(self._layout.mask[s]) for s, v in writes)

    def _changes(self, writes: tuple[tuple[int, int], ...]) -> dict[int, tuple[int, int]]:
        layout = self._layout
        assert layout is not None
        changes: dict[int, tuple[int, int]] = {}
        for slot, value in writes:
            word, shift = int(layout.word[slot]), int(layout.shift[slot])
            mask, bits = changes.get(word, (0, 0))
            changes[word] = (mask | int(layout.mask[slot]) << shift, bits | value << shift)
        return changes

    def leaf(self, number: int) -> Leaf:
        """Return the leaf that the kernel knows by a number."""
        return self._leaves[number]

    def leaves(self) -> int:
        """Return how many leaves there are."""
        return len(self._leaves)

    def tries(self) -> Tries:
        """Return the arrays for the kernel; valid until something is added."""
        parts = (
            self.slot, self.data, self.size, self.children, self.first, self.count,
            self.failing, self.begin, self.deltas, self.where, self.keep, self.put,
        )  # fmt: skip
        self._tries = _unless_same(self._tries, Tries(*(part.data for part in parts)))
        return self._tries

    def agents(self) -> Agents:
        """Return the agents' arrays for the kernel."""
        parts = self.slots, self.base, self.local_count, self.roots.data, self.rest.data
        self._agents = _unless_same(self._agents, Agents(*parts))
        return self._agents

    def give_back_visits(self) -> None:
        """Add the kernel's counts to the leaves, and begin again from zero."""
        for leaf, visits in zip(self._leaves, self.visits.data[: self.visits.used], strict=True):
            leaf.visits += int(visits)
        self.visits.data[:] = 0


T = TypeVar("T", bound=tuple[Any, ...])


def _unless_same(kept: T | None, made: T) -> T:
    """Return a tuple that is known already where it has the same arrays: calls know it again."""
    same = kept is not None and all(a is b for a, b in zip(kept, made, strict=True))
    return kept if same and kept is not None else made
