"""Stubborn sets held against their definition by brute force, on the full graph of small models."""

from __future__ import annotations

from typing import Any

from modelcheck.explore.reduction.relations import LocalStep, Relations
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.explore.search import successor
from modelcheck.tables.tables import State, Tables
from modelcheck.tables.tries import Leaf
from oracle.compare import need, same
from oracle.reduced import everything

#: So many states are gone through from where a set was grown, and so many sets are looked at.
AROUND, SETS = 300, 400


def audit(tables: Tables, relations_class: Any = Relations) -> int:
    """Hold the sets grown from every enabled step against the definition; return how many.

    The tables are complete before. Raises `oracle.compare.Mismatch`.
    """
    everything(tables)
    watched = [prop for prop in tables.properties if prop.kind != "at_end"]
    relations = relations_class(tables, watched)
    looked_at = 0
    seen, order = {tables.initial}, [tables.initial]
    for state in order:
        leaves = [tables.leaf(agent, state) for agent in range(len(tables.agents))]
        enabled = [agent for agent, leaf in enumerate(leaves) if leaf.outcomes]
        if len(enabled) > 1:
            for seed in enabled:
                closure = Closure(relations, state, leaves)
                chosen = closure.grown(seed, len(enabled) + 1)
                if len(chosen) < len(enabled):
                    hold(tables, watched, state, chosen, closure.members)
                    looked_at += 1
            if looked_at > SETS:
                return looked_at
        for leaf in leaves:
            for outcome in leaf.outcomes:
                after = successor(state, outcome.writes)
                if outcome.failure is None and after not in seen:
                    seen.add(after)
                    order.append(after)
    return looked_at


def hold(
    tables: Tables, watched: Any, start: State, chosen: list[int], members: set[LocalStep]
) -> None:
    """Take steps outside a set from a state on, in all orders; its members must not care.

    Those that were enabled stay so, on their paths, and commute with every step outside; no other
    is enabled; and if one of them changes an answer, no step outside does.
    """
    leaves = {agent: tables.leaf(agent, start) for agent in chosen}
    seen, order = {start}, [start]
    inside_seen = outside_seen = False
    for state in order:
        inside_seen |= any(_seen(tables, watched, state, leaf) for leaf in leaves.values())
        for agent, who in enumerate(tables.agents):
            here, leaf = (agent, state[who.slot]), tables.leaf(agent, state)
            if here in members:
                need(not leaf.outcomes or agent in leaves, "a member was enabled from outside")
                if agent in leaves:
                    need(leaf is leaves[agent], "a member was led off its path", start, state)
                continue
            need(agent not in leaves, "a member was moved from outside", start, state)
            outside_seen |= _seen(tables, watched, state, leaf)
            for outcome in leaf.outcomes:
                for inside in leaves.values():
                    _commute(tables, state, inside, agent, leaf, outcome)
                after = successor(state, outcome.writes)
                if outcome.failure is None and after not in seen and len(seen) < AROUND:
                    seen.add(after)
                    order.append(after)
    need(not (inside_seen and outside_seen), "visible steps in and outside of a set", start)


def _commute(  # noqa: PLR0913  a step outside a set, and one inside
    tables: Tables, state: State, inside: Leaf, agent: int, leaf: Leaf, outcome: Any
) -> None:
    for first in inside.outcomes:
        if first.failure is not None:
            continue
        between = successor(state, first.writes)
        slot = tables.agents[agent].slot
        same("the local state of a step outside", state[slot], between[slot])
        need(tables.leaf(agent, between) is leaf, "a step outside was led off its path", state)
        if outcome.failure is None:
            other = successor(successor(state, outcome.writes), first.writes)
            same("the state after both", other, successor(between, outcome.writes))


def _seen(tables: Tables, watched: Any, state: State, leaf: Leaf) -> bool:
    """Tell whether a step changes the answer of a property."""
    return any(
        tables.holds(prop, state).holds
        != tables.holds(prop, successor(state, outcome.writes)).holds
        for prop in watched
        for outcome in leaf.outcomes
        if outcome.failure is None
    )
