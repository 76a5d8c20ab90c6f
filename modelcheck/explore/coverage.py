"""Coverage: how often each local state's step was taken, from the counters on the leaves.

A rendezvous is a step of the sender's that moves the receiver too: it counts for both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from modelcheck.tables.tables import Agent, Tables
from modelcheck.tables.tries import Branch, Leaf, Node


def taken(tables: Tables) -> Iterator[tuple[int, int, int, int]]:
    """Go over (agent, local state id, states in which the step was taken, transitions)."""
    counts: Counter[tuple[int, int]] = Counter()
    transitions: Counter[tuple[int, int]] = Counter()
    agents = {agent.slot: number for number, agent in enumerate(tables.agents)}
    for number, agent in enumerate(tables.agents):
        for local, trie in enumerate(agent.tries):
            counts[number, local] += 0
            for leaf, read in _leaves(trie.root, agents):
                own = {(number, local)}
                for outcome in leaf.outcomes:
                    movers = own | {(agents[s], read[s]) for s, _ in outcome.writes if s in read}
                    transitions.update(dict.fromkeys(movers, leaf.visits))
                movers = own.union(
                    (agents[s], read[s]) for o in leaf.outcomes for s, _ in o.writes if s in read
                )
                counts.update(dict.fromkeys(movers, leaf.visits))
    for (number, local), states in counts.items():
        yield number, local, states, transitions[number, local]


def leaves(tables: Tables) -> Iterator[Leaf]:
    """Go over all that was learned of steps."""
    for agent in tables.agents:
        yield from leaves_of(agent)


def leaves_of(agent: Agent) -> Iterator[Leaf]:
    """Go over all that was learned of an agent's steps."""
    for trie in agent.tries:
        for leaf, _ in _leaves(trie.root, {}):
            yield leaf


def forget(tables: Tables) -> None:
    """Count from nothing: for a search that begins anew with tables that another has used."""
    for leaf in leaves(tables):
        leaf.visits = 0


def _leaves(root: Node | None, agents: Mapping[int, int]) -> Iterator[tuple[Leaf, dict[int, int]]]:
    """Go over the leaves below a node, each once, with the local states of others that it read.

    Views may share a leaf; but what is read as it is, and not through a view, is the same on all
    the paths that lead there.
    """
    seen: set[int] = set()
    waiting: list[tuple[Any, dict[int, int]]] = [(root, {})]
    while waiting:
        node, read = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Branch):
            known = node.view is None and node.slot in agents
            for value, child in node.children.items():
                waiting.append((child, {**read, node.slot: value} if known else read))
        elif isinstance(node, Leaf):
            yield node, read
