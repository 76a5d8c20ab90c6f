"""A seeded random walk: for models too large to search, and for a first look at any.

A walk proves nothing; it finds what lies on its way.
"""

from __future__ import annotations

import random

from modelcheck.explore.budget import Meter
from modelcheck.explore.search import Found, Move, Search, successor
from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind
from modelcheck.watchdog import reason_of


def walk(tables: Tables, meter: Meter, seed: int, steps: int) -> tuple[Search, tuple[Move, ...]]:
    """Take up to `steps` random steps from the initial state; stop at a violation or at rest.

    Returns
    -------
    Search and moves
        `found` if something was violated; the moves taken, a failing one included. The same seed
        gives the same walk. `states` counts distinct states met.
    """
    search = Search(tables, engine="walk")
    moves, seen = list[Move](), {tables.initial}
    try:
        _go(search, meter, random.Random(seed), steps, moves, seen)
    except KeyboardInterrupt as error:
        search.reason = reason_of(error)
    search.states, search.levels = len(seen), [1] * (len(moves) + 1)
    search.seconds = meter.elapsed()
    return search, tuple(moves)


def _go(  # noqa: PLR0913  a walk's parts, kept by the caller where it is interrupted
    search: Search,
    meter: Meter,
    chance: random.Random,
    steps: int,
    moves: list[Move],
    seen: set[State],
) -> None:
    """Walk; `moves` and `seen` grow."""
    tables, state = search.tables, search.tables.initial
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


def _options(tables: Tables, state: State) -> list[Move]:
    return [
        (number, which)
        for number in range(len(tables.agents))
        for which in range(len(tables.leaf(number, state).outcomes))
    ]


def _look(search: Search, state: State, moves: list[Move]) -> None:
    """Hold the state against every property."""
    tables = search.tables
    _look_for(search, state, moves, ("always", "sometimes"))
    if search.found is not None or _options(tables, state):
        return
    if all(agent.may_rest[state[agent.slot]] for agent in tables.agents):
        _look_for(search, state, moves, ("at_end",))
    elif tables.check_deadlock:
        search.found = Found(Kind.DEADLOCK, tuple(moves))


def _look_for(search: Search, state: State, moves: list[Move], kinds: tuple[str, ...]) -> None:
    """Hold the state against the properties of some kinds, up to the first that is violated."""
    for index, prop in enumerate(search.tables.properties):
        if prop.kind not in kinds or index in search.witnesses:
            continue
        holds = search.tables.holds(prop, state).holds
        if prop.kind == "sometimes":
            if holds:
                search.witnesses[index] = tuple(moves)
        elif not holds:
            kind = Kind.INVARIANT if prop.kind == "always" else Kind.FINAL
            search.found = Found(kind, tuple(moves), index)
            return
