"""The state graph as lists of integers, for pictures and for graph libraries."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from modelcheck.explore.search import Move, successor
from modelcheck.tables.tables import State, Tables


@frozen
class Graph:
    """States in breadth-first order, and transitions (source, move, target) between their indices.

    A failing outcome leads to the target -1. `complete`: every reachable state is here.
    """

    states: tuple[State, ...]
    transitions: tuple[tuple[int, Move, int], ...]
    complete: bool


def state_graph(tables: Tables, limit: int, must_have: Iterable[State] = ()) -> Graph:
    """Return the first `limit` states and what joins them; `must_have` states come in any case."""
    index = {tables.initial: 0}
    for state in must_have:
        index.setdefault(state, len(index))
    order, complete = list(index), True
    transitions = []
    for source, state in enumerate(order):  # `order` grows while it is gone over
        for agent in range(len(tables.agents)):
            for which, outcome in enumerate(tables.leaf(agent, state).outcomes):
                if outcome.failure is not None:
                    transitions.append((source, (agent, which), -1))
                    continue
                reached = successor(state, outcome.writes)
                if reached not in index:
                    if len(order) >= limit:
                        complete = False
                        continue
                    index[reached] = len(order)
                    order.append(reached)
                transitions.append((source, (agent, which), index[reached]))
    return Graph(tuple(order), tuple(transitions), complete)


def states_on(tables: Tables, moves: Iterable[Move]) -> list[State]:
    """Return the states on a path; a failing last move adds none."""
    states = [tables.initial]
    for agent, which in moves:
        outcome = tables.leaf(agent, states[-1]).outcomes[which]
        if outcome.failure is None:
            states.append(successor(states[-1], outcome.writes))
    return states
