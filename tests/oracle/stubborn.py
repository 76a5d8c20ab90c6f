"""Stubborn sets held against their definition by brute force, on the full graph of small models."""

from __future__ import annotations

from typing import Any

from modelcheck.explore.reduction.audit import Audit
from modelcheck.explore.reduction.relations import Relations
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.explore.search import successor
from modelcheck.tables.tables import Tables
from oracle.reduced import everything

#: So many states are gone through from where a set was grown, and so many sets are looked at.
AROUND, SETS = 300, 400


def audit(tables: Tables, relations_class: Any = Relations) -> int:
    """Hold the sets grown from every enabled step against the definition; return how many.

    The tables are complete before. Raises `Unsound`.
    """
    everything(tables)
    watched = [prop for prop in tables.properties if prop.kind != "at_end"]
    relations = relations_class(tables, watched)
    looked_at = 0
    judge = Audit(relations, around=AROUND)
    seen, order = {tables.initial}, [tables.initial]
    for state in order:
        leaves = [tables.leaf(agent, state) for agent in range(len(tables.agents))]
        enabled = [agent for agent, leaf in enumerate(leaves) if leaf.outcomes]
        if len(enabled) > 1:
            for seed in enabled:
                closure = Closure(relations, state, leaves)
                chosen = closure.grown(seed, len(enabled) + 1)
                if len(chosen) < len(enabled):
                    judge.hold(state, chosen, closure.members)
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
