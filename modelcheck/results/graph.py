"""State graphs of models: the states, what joins them, and where a counterexample runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

from modelcheck.check import check, tables_of
from modelcheck.errors import ModelcheckError
from modelcheck.explore.graph import Graph, state_graph, states_on
from modelcheck.explore.search import Move
from modelcheck.language.learner import Learner
from modelcheck.language.local import LocalState
from modelcheck.language.model import Model, System
from modelcheck.results.result import Result
from modelcheck.results.tokens import check_moves, decode
from modelcheck.show.stategraph import LIMIT, Edge, Node, StateGraph
from modelcheck.show.text import show_value
from modelcheck.show.trace import Trace, Violation
from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind

#: States explored for a picture, at most; beyond, only what lies near the beginning and the trace.
EXPLORED = 5_000

#: States of a model that draws itself in a notebook, and seconds that finding them may take.
INLINE, INLINE_S = 60, 2.0


def graph_of(
    model: Model | System,
    *,
    memory: str = "sc",
    buffer: int | None = None,
    limit: int = EXPLORED,
    result: Result | None = None,
) -> StateGraph:
    """Return the state graph of a model, with its counterexample on it where it has one.

    Parameters
    ----------
    limit : int
        How many states to explore at most. A larger model's graph holds the first ones and the
        whole trace, and its `note` says so.
    result : Result, optional
        What a check or a random walk found, if it is known: its trace is the one shown.
    """
    system = model() if isinstance(model, Model) else model
    found = result or check(system, memory=memory, buffer=buffer, max_states=max(limit, 100_000))
    tokens = [decode(trace.token) for trace in traces_of(found) if trace.token]

    def build(learner: Learner, tables: Tables) -> StateGraph:
        walks = [check_moves(tables, token) for token in tokens]
        moves = walks[0] if walks and found.token else ()
        return drawn(tables, moves, found.violation if found.token else None, limit, walks)

    if found.violation is not None and not found.token and found.trace is not None:
        # A process failed before its first step: there is no state to explore from.
        text = "\n".join(f"{k} = {show_value(v)}" for k, v in found.trace.states[0].items())
        return StateGraph((Node(0, f"{text}\nfailed".lstrip(), "violation"),), (), "")
    return tables_of(system, memory, build, buffer)


def drawn(
    tables: Tables,
    moves: Sequence[Move],
    violation: Violation | None,
    limit: int,
    walks: Sequence[Sequence[Move]] = (),
) -> StateGraph:
    """Return the first `limit` states and what joins them, with some moves as the trace on it.

    `walks` become the graph's `paths`, as far as their states are in it.
    """
    path = states_on(tables, moves)
    graph = state_graph(tables, limit, path)
    many = f"{len(graph.states):,} states"
    note = f"Only {many} are explored here: the first ones, and all of the trace."
    kinds = _kinds(tables.initial, path, violation)
    nodes = [
        Node(number, _label(tables, state), kinds.get(state, "plain"))
        for number, state in enumerate(graph.states)
    ]
    edges = tuple(_edges(tables, graph, path, moves))
    if any(target == -1 for _, _, target in graph.transitions):
        nodes.append(Node(-1, "failed", "violation"))
    index = {state: number for number, state in enumerate(graph.states)}
    paths = tuple(_numbers(tables, walk, index) for walk in walks)
    return StateGraph(tuple(nodes), edges, "" if graph.complete else note, paths)


def _numbers(
    tables: Tables, walk: Sequence[Move], index: Mapping[State, int]
) -> tuple[int | str, ...]:
    """Return the node of each state of a walk: -1 where it failed, "" where it is not drawn."""
    states = states_on(tables, walk)
    failed = [-1] * (len(walk) + 1 - len(states))
    return (*(index.get(state, "") for state in states), *failed)


def traces_of(result: Result) -> list[Trace]:
    """Return the traces of a result: its counterexample if it has one, then its witnesses."""
    found = [result.trace, *result.witnesses.values()]
    return [trace for trace in found if trace is not None]


def picture(model: Model) -> str:
    """Return a model's state graph as a fragment of HTML, folded; why not where there is none.

    Costs a search of `INLINE` states at most: a model shows itself whenever its name ends a cell.
    """
    try:
        system = model()
        found = check(system, max_states=INLINE + 1, timeout_s=INLINE_S, progress=False)
        graph = None if found.reason else graph_of(system, limit=INLINE, result=found)
    except ModelcheckError:  # told where the model is checked
        return ""
    if graph is None or graph.note:
        part = f"<code>graph_of({escape(model.name)})</code>"
        return f"<p>It has more than {INLINE} states: {part} draws those that matter.</p>"
    svg = graph._repr_svg_()
    if svg is None:
        return ""
    states = "1 state" if len(graph.nodes) == 1 else f"{len(graph.nodes)} states"
    return f"<details><summary>{states}</summary>{svg[svg.index('<svg') :]}</details>"


def _kinds(
    initial: State, path: list[State], violation: Violation | None
) -> dict[State, Literal["initial", "trace", "violation", "deadlock"]]:
    """Return how to mark the states that are not like the others."""
    kinds: dict[State, Any] = dict.fromkeys(path, "trace")
    kinds[initial] = "initial"
    if violation is not None and violation.kind not in (Kind.ASSERTION, Kind.EXCEPTION):
        kinds[path[-1]] = "deadlock" if violation.kind is Kind.DEADLOCK else "violation"
    return kinds


def _edges(tables: Tables, graph: Graph, path: list[State], moves: Any) -> Any:
    taken = {(path[i], move) for i, move in enumerate(moves)}
    for source, (agent, which), target in graph.transitions:
        state = graph.states[source]
        who = tables.agents[agent]
        local: LocalState = tables.value(who.slot, state)
        move = agent, which
        yield Edge(source, target, local.label, who.name, (state, move) in taken, move)


def _label(tables: Tables, state: State) -> str:
    """Return a state's text: shared values, then where each process stands."""
    lines = []
    for index, slot in enumerate(tables.slots):
        value = tables.value(index, state)
        if slot.hidden and state[index] == tables.initial[index]:
            continue
        if slot.process:
            where = f"{value.line}: {value.label}" if value.status == "running" else value.status
            lines.append(f"{slot.name} @ {where}")
        else:
            lines.append(f"{slot.name} = {show_value(value)}")
    return "\n".join(lines)


__all__ = ["EXPLORED", "LIMIT", "drawn", "graph_of", "picture", "traces_of"]
