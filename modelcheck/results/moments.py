"""What a trace's states look like from within: each process's place and locals, each property.

The search has asked most of this already. What it has not (a ``sometimes`` property after its first
witness) is asked here, unless the question would change what a local state is: then a replay, which
may begin anew, is the one to answer it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from modelcheck.explore.search import Move, successor
from modelcheck.language.learner import Learner
from modelcheck.language.local import LocalState
from modelcheck.language.model import System
from modelcheck.results.tracing import UNTOLD, status
from modelcheck.show.trace import Moment, Property
from modelcheck.tables.tables import Property as Asked
from modelcheck.tables.tables import State, Tables


def moments(
    learner: Learner, moves: Sequence[Move], processes: Sequence[str]
) -> tuple[Moment, ...]:
    """Return a moment for each state on a path, of the processes named. Cost: linear.

    The state after a step that failed is none that a property is asked in.
    """
    tables = learner.result
    agents = [n for n, agent in enumerate(tables.agents) if agent.name in set(processes)]
    return tuple(
        Moment(
            tuple(status(tables, state, n, n == failed) for n in agents),
            {tables.agents[n].name: _variables(tables, n, state) for n in agents},
            {} if failed is not None else _answers(learner, state),
        )
        for state, failed in _states(tables, moves)
    )


def properties_of(system: System) -> tuple[Property, ...]:
    """Return a system's properties as a trace tells of them."""
    return tuple(
        Property(
            p.name,
            p.kind,
            p.function.__code__.co_filename,
            p.function.__code__.co_firstlineno,
            (inspect.getdoc(p.function) or "").split("\n")[0],
        )
        for p in system.properties
    )


def _states(tables: Tables, moves: Sequence[Move]) -> Iterator[tuple[State, int | None]]:
    """Go over the states of a path; with that after a failed step comes the agent that failed."""
    state = tables.initial
    yield state, None
    for agent, which in moves:
        outcome = tables.leaf(agent, state).outcomes[which]
        state = successor(state, outcome.writes)
        yield state, agent if outcome.failure else None


def _variables(tables: Tables, agent: int, state: State) -> dict[str, Any]:
    """Return a process's local variables, but for parts of the state that it was given."""
    local: LocalState = tables.value(tables.agents[agent].slot, state)
    return {
        name: value
        for name, value in local.variables().items()
        if not hasattr(type(value), "__modelcheck_key__")
    }


def _answers(learner: Learner, state: State) -> dict[str, bool]:
    found = {}
    at_end: bool | None = None
    for prop in learner.result.properties:
        if prop.kind == "at_end":
            at_end = _surely_ended(learner, state) if at_end is None else at_end
            if not at_end:
                continue
        said = _answer(learner, prop, state)
        if said is not None:
            found[prop.name] = said
    return found


def _answer(learner: Learner, prop: Asked, state: State) -> bool | None:
    """Return whether a property holds in a state; None where asking would need a new beginning."""
    observed = dict(learner.shape.observed)
    try:
        return learner.result.holds(prop, state).holds
    except UNTOLD:
        learner.shape.observed.clear()
        learner.shape.observed.update(observed)
        return None


def _surely_ended(learner: Learner, state: State) -> bool:
    """Tell as `has_ended` does; False where a step that no search came to cannot be looked at."""
    try:
        return has_ended(learner, state)
    except UNTOLD:
        return False


def has_ended(learner: Learner, state: State) -> bool:
    """Tell whether a state is a proper end: nobody can step, and everybody may rest."""
    tables = learner.result
    rests = all(agent.may_rest[state[agent.slot]] for agent in tables.agents)
    return rests and not any(tables.leaf(n, state).outcomes for n in range(len(tables.agents)))


__all__ = ["has_ended", "moments", "properties_of"]
