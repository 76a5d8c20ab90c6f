"""The nearest state of a kind: breadth-first from any state, for walks by hand."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from modelcheck.explore.budget import Meter
from modelcheck.explore.search import Move, successor
from modelcheck.tables.tables import State, Tables

#: How many states are expanded between two looks at the clock.
STRIDE = 256


@frozen
class Nearest:
    """The moves that lead there, or None and why (empty: there is no such state)."""

    moves: tuple[Move, ...] | None
    states: int
    reason: str = ""


def nearest(
    tables: Tables, start: State, is_goal: Callable[[State], bool], meter: Meter, *, failing: bool
) -> Nearest:
    """Return a shortest way from `start` to a state for which `is_goal`, not `start` itself.

    Parameters
    ----------
    failing : bool
        Whether a step that fails counts as a goal too; the last move is then that step.

    Raises
    ------
    modelcheck.tables.tables.Restart
        Where learning changed the shape of the state; build new tables and call again.
    """
    parents: dict[State, tuple[State, Move] | None] = {start: None}
    order = [start]
    for count, state in enumerate(order):  # `order` grows while it is gone over
        if count % STRIDE == 0 and (reason := meter.exceeded(len(parents))):
            return Nearest(None, len(parents), reason)
        for agent in range(len(tables.agents)):
            for which, outcome in enumerate(tables.leaf(agent, state).outcomes):
                if outcome.failure is not None:
                    if failing:
                        moves = (*_way(parents, state), (agent, which))
                        return Nearest(moves, len(parents))
                    continue
                reached = successor(state, outcome.writes)
                if reached in parents:
                    continue
                parents[reached] = (state, (agent, which))
                if is_goal(reached):
                    return Nearest(_way(parents, reached), len(parents))
                order.append(reached)
    return Nearest(None, len(parents))


def _way(parents: dict[State, tuple[State, Move] | None], state: State) -> tuple[Move, ...]:
    """Return the moves from the start to a state."""
    moves = []
    while (step := parents[state]) is not None:
        state, move = step
        moves.append(move)
    return tuple(reversed(moves))
