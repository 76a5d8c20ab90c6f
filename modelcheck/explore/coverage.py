"""Coverage: how often each local state's step was taken, from the counters on the leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelcheck.tables.tables import Tables
from modelcheck.tables.tries import Branch, Leaf, Node


def taken(tables: Tables) -> Iterator[tuple[int, int, int, int]]:
    """Go over (agent, local state id, states in which the step was taken, transitions)."""
    for number, agent in enumerate(tables.agents):
        for local, trie in enumerate(agent.tries):
            leaves = list(_leaves(trie.root))
            visits = sum(leaf.visits for leaf in leaves)
            yield number, local, visits, sum(leaf.visits * len(leaf.outcomes) for leaf in leaves)


def _leaves(root: Node | None) -> Iterator[Leaf]:
    """Go over the leaves below a node, each once, though views may share them."""
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Branch):
            waiting.extend(node.children.values())
        elif isinstance(node, Leaf):
            yield node
