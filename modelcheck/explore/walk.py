"""A seeded random walk: for models too large to search, and for a first look at any.

A walk proves nothing; it finds what lies on its way.
"""

from __future__ import annotations

import random

from modelcheck.explore.budget import Meter
from modelcheck.explore.search import Found, Move, Search, successor
from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind


def walk(tables: Tables, meter: Meter, seed: int, steps: int) -> tuple[Search, tuple[Move, ...]]:
    """Take up to `steps` random steps from the initial state; stop at a violation or at rest.

    Returns
    -------
    Search and moves
        `found` if something was violated; the moves taken, a failing one included. The same seed
        gives the same walk. `states` counts distinct states met.
    """
    search = Search(tables, engine="walk")
    chance = random.Random(seed)
    state, moves = tables.initial, list[Move]()
    seen = {state}
    _look(search, state, moves)
    while search.found is None and len(moves) < steps:
        search.reason = meter.exceeded(len(seen))
        options = _options(tables, state)
        if search.reason or not options:
            break
        # First a process, then one of its outcomes: a choose() of many does not crowd others out.
        agent = chance.choice(sorted({a for a, _ in options}))
        move = chance.choice([m for m in options if m[0] == agent])
        outcome = tables.leaf(agent, state).outcomes[move[1]]
        moves.append(move)
        search.transitions += 1
        if outcome.failure is not None:
            search.found = Found(outcome.failure.kind, tuple(moves))
            break
        state = successor(state, outcome.writes)
        seen.add(state)
        _look(search, state, moves)
    search.states, search.levels = len(seen), [1] * (len(moves) + 1)
    search.seconds = meter.elapsed()
    return search, tuple(moves)


def _options(tables: Tables, state: State) -> list[Move]:
    return [
        (number, which)
        for number in range(len(tables.agents))
        for which in range(len(tables.leaf(number, state).outcomes))
    ]


def _look(search: Search, state: State, moves: list[Move]) -> None:
    """Hold the state against every property."""
    tables = search.tables
    stuck = not _options(tables, state)
    resting = all(agent.may_rest[state[agent.slot]] for agent in tables.agents)
    for index, prop in enumerate(tables.properties):
        if prop.kind == "sometimes":
            if index not in search.witnesses and tables.holds(prop, state).holds:
                search.witnesses[index] = tuple(moves)
        elif (prop.kind == "always" or (stuck and resting)) and not tables.holds(prop, state).holds:
            kind = Kind.INVARIANT if prop.kind == "always" else Kind.FINAL
            search.found = search.found or Found(kind, tuple(moves), index)
    if stuck and not resting and tables.check_deadlock:
        search.found = search.found or Found(Kind.DEADLOCK, tuple(moves))
