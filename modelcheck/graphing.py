"""State graphs of models: which states there are, what joins them, and where a counterexample runs."""

from __future__ import annotations

from typing import Any

from modelcheck.check import check, tables_of
from modelcheck.explore.graph import Graph, state_graph, states_on
from modelcheck.language.learner import Learner
from modelcheck.language.local import LocalState
from modelcheck.language.model import Model, System
from modelcheck.replay import decode
from modelcheck.show.stategraph import LIMIT, Edge, Node, StateGraph
from modelcheck.show.text import show_value
from modelcheck.tables.tables import State, Tables

#: States explored for a picture, at most; beyond, only what lies near the beginning and the trace.
EXPLORED = 5_000


def graph_of(model: Model | System, *, memory: str = "sc", limit: int = EXPLORED) -> StateGraph:
    """Return the state graph of a model, with its counterexample on it where it has one.

    Parameters
    ----------
    limit : int
        How many states to explore at most. A larger model's graph holds the first ones and the whole
        trace, and its `note` says so.
    """
    system = model() if isinstance(model, Model) else model
    result = check(system, memory=memory, max_states=max(limit, 100_000))
    moves = decode(result.token).moves if result.token else ()

    def build(learner: Learner, tables: Tables) -> StateGraph:
        path = states_on(tables, moves)
        graph = state_graph(tables, limit, path)
        kind = result.violation.kind.value if result.violation else ""
        note = "" if graph.complete else (
            f"Only {len(graph.states):,} states are explored here: the first ones, and all of the trace."
        )  # fmt: skip
        nodes = [
            Node(number, _label(tables, state), _node_kind(number, state, path, kind))  # type: ignore[arg-type] # one of the literals
            for number, state in enumerate(graph.states)
        ]
        edges = list(_edges(tables, graph, path, moves))
        if any(target == -1 for _, _, target in graph.transitions):
            nodes.append(Node(-1, "failed", "violation"))
        return StateGraph(tuple(nodes), tuple(edges), note)

    return tables_of(system, memory, build)


def _node_kind(number: int, state: State, path: list[State], kind: str) -> str:
    if len(path) > 1 and state == path[-1] and kind not in ("assertion", "exception"):
        return "deadlock" if kind == "deadlock" else "violation"
    if number == 0:
        return "initial"
    return "trace" if len(path) > 1 and state in path else "plain"


def _edges(tables: Tables, graph: Graph, path: list[State], moves: Any) -> Any:
    taken = {(path[i], move) for i, move in enumerate(moves)}
    for source, (agent, which), target in graph.transitions:
        state = graph.states[source]
        who = tables.agents[agent]
        local: LocalState = tables.value(who.slot, state)
        yield Edge(source, target, local.label, who.name, (state, (agent, which)) in taken)


def _label(tables: Tables, state: State) -> str:
    """Return a state's text: shared values, then where each process stands."""
    lines = []
    for index, slot in enumerate(tables.slots):
        value = tables.value(index, state)
        if slot.process:
            where = f"{value.line}: {value.label}" if value.status == "running" else value.status
            lines.append(f"{slot.name} @ {where}")
        else:
            lines.append(f"{slot.name} = {show_value(value)}")
    return "\n".join(lines)


__all__ = ["EXPLORED", "LIMIT", "graph_of"]
