"""What partial-order reduction does along a trace, and why, in words.

For each state of a trace: the processes whose steps are taken, those that wait, and for each that
is taken beside the first, the condition that asked for it. Neighbours: `explore.reduction.explain`
finds it, `cli.explain` prints it, docs/reduction.md has the conditions.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from modelcheck.check import replay, tables_of
from modelcheck.explore.budget import Budget, Meter
from modelcheck.explore.graph import states_on
from modelcheck.explore.reduction.explain import Decision, Link, Why, decide
from modelcheck.explore.reduction.search import Run, last_run
from modelcheck.explore.search import Move
from modelcheck.language.model import Model, System
from modelcheck.results.tokens import check_moves, decode
from modelcheck.tables.tables import State, Tables

#: Without a violation or a token, so many steps of the reduced search are told.
STEPS = 20


@frozen
class Postponed:
    """What the reduced search does in one state of a trace.

    `step` is what the trace then does, empty in its last state; `on_the_way` tells whether that is
    among what is taken. `reasons` has a sentence for each process taken beside the first.
    """

    step: str
    on_the_way: bool
    taken: tuple[str, ...]
    postponed: tuple[str, ...]
    reasons: tuple[str, ...]


def explain_reduction(
    model: Model | System, token: str = "", *, memory: str = "sc", max_states: int | None = None
) -> list[Postponed]:
    """Return what a reduced search does in each state of a trace.

    Parameters
    ----------
    token : str
        The trace's token, with its parameters and memory model; without one the counterexample of
        the reduced search is told, or if there is none the first steps that it takes.
    max_states : int, optional
        A budget for the search that teaches the tables; what it did not come to is not known.
    """
    content = decode(token) if token else None
    if content is not None:
        replay(model, token)  # says what is wrong with it
        memory = content.memory_model
        if isinstance(model, Model):
            model = model(**{k: model.parse(k, v) for k, v in content.parameters.items()})

    def told(_: Any, tables: Tables) -> list[Postponed]:
        run = last_run(tables, Meter(Budget(max_states)))
        if content is not None:
            return _along(run, check_moves(tables, content))
        found = run.search.found
        return _along(run, found.path if found is not None else _first_steps(run))

    return tables_of(model, memory, told)


def _first_steps(run: Run) -> list[Move]:
    """Return the moves that the reduced search takes first, from each state on."""
    moves: list[Move] = []
    at, seen = 0, {0}
    while len(moves) < STEPS and at < len(run.chosen) and run.chosen[at]:
        agent = run.chosen[at][0]
        outcomes = run.tables.leaf(agent, run.states[at]).outcomes
        if outcomes[0].failure is not None or not run.edges[at] or run.edges[at][0] in seen:
            break
        moves.append((agent, 0))
        at = run.edges[at][0]
        seen.add(at)
    return moves


def _along(run: Run, moves: Any) -> list[Postponed]:
    tables, moves = run.tables, list(moves)
    states = [*states_on(tables, [m for m in moves if not _fails(tables, moves, m)])]
    return [
        _told(run, state, moves[number] if number < len(moves) else None)
        for number, state in enumerate(states)
    ]


def _fails(tables: Tables, moves: list[Move], move: Move) -> bool:
    """Tell whether a move is the last of its trace, and fails."""
    if move is not moves[-1]:
        return False
    state = states_on(tables, moves[:-1])[-1]
    return tables.leaf(move[0], state).outcomes[move[1]].failure is not None


def _told(run: Run, state: State, move: Move | None) -> Postponed:
    tables, relations = run.tables, run.relations
    leaves = run.leaves(state)
    at = run.index.get(state)
    decision = decide(relations, state, leaves, run.taken[at] if at is not None else 0)
    return Postponed(
        _step(tables, move[0], state) if move is not None else "",
        move is None or move[0] in decision.taken,
        tuple(_step(tables, agent, state) for agent in decision.taken),
        tuple(_step(tables, agent, state) for agent in decision.postponed),
        tuple(_reasons(tables, decision)),
    )


def _reasons(tables: Tables, decision: Decision) -> list[str]:
    return [
        f"{tables.agents[agent].name} too: " + "; ".join(_link(tables, link) for link in links)
        for agent, links in decision.links.items()
    ]


def _link(tables: Tables, link: Link) -> str:
    one, other = _local(tables, *link.step), _local(tables, *link.by)
    slots = ", ".join(tables.slots[slot].name for slot in link.slots)
    if link.why is Why.CONFLICT:
        return f"{one} and {other} do not commute: both touch {slots or 'the same'}"
    if link.why is Why.VISIBLE:
        return f"{one} may change what a property sees, as {other} may"
    if link.why is Why.UNBLOCKS:
        return f"{one} may let {other} go on" + (f", by {slots}" if slots else "")
    if link.why is Why.COMES_FIRST:
        return f"{one} may lead to {other}"
    return f"otherwise every state in reach would put {one} off"


def _step(tables: Tables, agent: int, state: State) -> str:
    return _local(tables, agent, state[tables.agents[agent].slot])


def _local(tables: Tables, agent: int, local: int) -> str:
    """Return an agent's name and what its step is called."""
    who = tables.agents[agent]
    label = getattr(tables.domains[who.slot].values[local], "label", "")
    return f"{who.name} `{label}`" if label else who.name


__all__ = ["Postponed", "explain_reduction"]
