"""Which steps partial-order reduction leaves out in a state, and on what grounds.

The whole state space is explored first, so that the choice rests on everything that there is to
know; a search makes the same choice once it has learned as much. Neighbours:
`modelcheck.explore.reduction.stubborn` makes it, `results.exploring` asks.
"""

from __future__ import annotations

from attrs import frozen

from modelcheck.explore.graph import state_graph
from modelcheck.explore.reduction.relations import Relations
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.tables.tables import Property, State, Tables

#: States explored for it, at most.
KNOWN = 20_000


@frozen
class Pruning:
    """What a reduced search takes in one state.

    `enough` are the agents whose steps it takes, `postponed` those that can step and have to wait.
    `reason` says why nothing could be found out; it is empty where something was.
    """

    enough: tuple[int, ...] = ()
    postponed: tuple[int, ...] = ()
    reason: str = ""


def pruning(tables: Tables, state: State) -> Pruning:
    """Return what reduction leaves out in a state.

    Cost: an exploration of the model, of `KNOWN` states at most.

    Raises
    ------
    modelcheck.tables.tables.Restart
        Where learning changed the shape of the state; build new tables and call again.
    """
    graph = state_graph(tables, KNOWN)
    if not graph.complete:
        return Pruning(reason=f"the model has more than {KNOWN:,} states")
    leaves = [tables.leaf(agent, state) for agent in range(len(tables.agents))]
    enabled = [agent for agent, leaf in enumerate(leaves) if leaf.outcomes]
    relations = Relations(tables, _watched(tables, graph.states))
    chosen = Closure(relations, state, leaves).smallest(enabled) if enabled else []
    waiting = tuple(agent for agent in enabled if agent not in chosen)
    return Pruning(tuple(chosen), waiting)


def _watched(tables: Tables, states: tuple[State, ...]) -> list[Property]:
    """Return the properties whose answers matter in every state; no witness that is found."""
    found = []
    for prop in tables.properties:
        if prop.kind == "at_end":
            continue
        answers = [tables.holds(prop, state).holds for state in states]
        if prop.kind == "always" or not any(answers):
            found.append(prop)
    return found


__all__ = ["Pruning", "pruning"]
