"""A counterexample carried over: tried, step by step, on a variant of the model it was found in.

What is told of a variant is what *its* tables say along a path of its own: a violation found this
way is one, whatever the path was guessed from. Where none is found, nothing is known. Neighbours:
`modelcheck.repair` spares searches with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelcheck.explore.search import Found, Move, successor
from modelcheck.language.local import LocalState
from modelcheck.results.tracing import shared
from modelcheck.show.text import same, show_value
from modelcheck.show.trace import Trace, TraceStep
from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind

#: Paths that are followed at once: a step may go several ways that look the same.
MOST = 64

#: Characters of a value that are compared.
LONGEST = 2_000

Paths = dict[State, tuple[Move, ...]]


def carried(tables: Tables, trace: Trace) -> Found | None:
    """Return a violation that the steps of `trace` lead to in other tables, or None.

    A step of the trace that cannot be taken here, by the same process and with the same effect (or,
    where it has none, under the same name), is left out: it may belong to a part that is not there.
    Cost: linear in the length of the trace.

    Raises
    ------
    modelcheck.tables.tables.Restart
        Where learning changed the shape of the state; build new tables and call again.
    """
    paths: Paths = {tables.initial: ()}
    if found := _invariant(tables, tables.initial, ()):
        return found
    for step, before, after in zip(trace.steps, trace.states, trace.states[1:], strict=False):
        effect = _changed(before, after)
        onward: Paths = {}
        for state, path in paths.items():
            taken: Paths = {}
            for reached in _taken(tables, state, path, step, effect):
                if isinstance(reached, Found):
                    return reached
                taken.setdefault(*reached)
            for pair in (taken or {state: path}).items():
                onward.setdefault(*pair)
        paths = dict(list(onward.items())[:MOST])
    return next(filter(None, (_at_rest(tables, *pair) for pair in paths.items())), None)


def _taken(
    tables: Tables,
    state: State,
    path: tuple[Move, ...],
    step: TraceStep,
    effect: Mapping[str, str],
) -> Iterator[Found | tuple[State, tuple[Move, ...]]]:
    """Yield where a step of a trace leads from a state here, and the violations there."""
    before = shared(tables, state)
    for number, agent in enumerate(tables.agents):
        local: LocalState = tables.value(agent.slot, state)
        if agent.name != step.process or not (effect or local.label == step.label):
            continue
        for which, outcome in enumerate(tables.leaf(number, state).outcomes):
            moves = (*path, (number, which))
            if outcome.failure is not None:
                yield Found(outcome.failure.kind, moves)
                continue
            reached = successor(state, outcome.writes)
            if _changed(before, shared(tables, reached)) == effect:
                yield _invariant(tables, reached, moves) or (reached, moves)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Return the locations that differ, with their new values as text.

    A value may hold parts of the state, which are other objects in another variant.
    """
    return {
        name: show_value(value, LONGEST)
        for name, value in after.items()
        if name not in before or not same(before[name], value)
    }


def _invariant(tables: Tables, state: State, path: tuple[Move, ...]) -> Found | None:
    for index, prop in enumerate(tables.properties):
        if prop.kind == "always" and not tables.holds(prop, state).holds:
            return Found(Kind.INVARIANT, path, index)
    return None


def _at_rest(tables: Tables, state: State, path: tuple[Move, ...]) -> Found | None:
    """Return what is wrong with a state in which nobody can step."""
    if any(tables.leaf(number, state).outcomes for number in range(len(tables.agents))):
        return None
    if not all(agent.may_rest[state[agent.slot]] for agent in tables.agents):
        return Found(Kind.DEADLOCK, path) if tables.check_deadlock else None
    for index, prop in enumerate(tables.properties):
        if prop.kind == "at_end" and not tables.holds(prop, state).holds:
            return Found(Kind.FINAL, path, index)
    return None


__all__ = ["carried"]
