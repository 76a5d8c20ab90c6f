"""An execution graph as the literature draws it: a column a thread, program order downwards.

Graphs here are plain data. Communication (rf, co, fr), dependencies and fences have their colours;
the cycle that forbids an execution is drawn thick and red. Neighbours: `engines` lays it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise
from typing import Any

from attrs import field, frozen

from modelcheck.errors import UsageError
from modelcheck.show.engines import image
from modelcheck.show.text import clean

COLORS = {
    "rf": "#b25000", "co": "#1d5fc2", "fr": "#0a7c6c", "po": "#566270", "rmw": "#7b3fc4",
    "addr": "#a8307f", "data": "#a8307f", "ctrl": "#a8307f",
}  # fmt: skip
"""Of edges, by what they are; any other name is a fence or a relation of the model."""

OTHER = "#56740b"
BAD = "#b3201a"
FONT = "Helvetica,Arial,Liberation Sans,DejaVu Sans,Noto Sans"


@frozen
class EventNode:
    """An event; `thread` is None for an initial write."""

    id: int
    thread: int | None
    label: str
    on_cycle: bool = False


@frozen
class EventEdge:
    """A pair of a relation; `on_cycle` says that it is a part of why the execution is forbidden."""

    source: int
    target: int
    relation: str
    on_cycle: bool = False


@frozen
class EventGraph:
    """Events and the relations between them, with a heading and a note in words."""

    title: str
    events: tuple[EventNode, ...]
    edges: tuple[EventEdge, ...]
    note: str = ""
    threads: tuple[str, ...] = ()  # the names of the columns; P0, P1, ... where there are none


@frozen
class Forbidden:
    """A final state that would break a property, and why the model forbids it.

    `why` names the axiom and the steps that break it; `graph` has them marked.
    """

    property: str
    why: str
    graph: EventGraph


@frozen
class Evidence:
    """What a check over executions found, as plain data.

    `executions` counts those that the model allows and in which everything has ended, `candidates`
    those that were looked at. `story` and `graph` show the execution of a violation; `witnesses`
    tell, for each ``sometimes`` property, an execution that makes it true, or are None. `forbidden`
    has, for properties that hold, an execution that would break one, and the axiom against it.
    """

    executions: int
    candidates: int
    flags: tuple[str, ...] = ()
    story: str = ""
    graph: EventGraph | None = None
    witnesses: Mapping[str, str | None] = field(factory=dict)
    forbidden: tuple[Forbidden, ...] = ()


def execution_dot(graph: EventGraph) -> str:
    """Return the graph in Graphviz's language, quoted by the `graphviz` package."""
    dot = _package("graphviz").Digraph("execution")
    dot.attr(rankdir="TB", nodesep="0.7", ranksep="0.45", bgcolor="white")
    dot.attr(fontname=FONT, fontsize="12", labelloc="t", label=_label(graph))
    dot.attr("node", shape="plaintext", fontname=FONT, fontsize="11", margin="0.05,0.03")
    dot.attr("edge", fontname=FONT, fontsize="9", arrowsize="0.7")
    threads = sorted({e.thread for e in graph.events if e.thread is not None})
    for event in graph.events:
        _node(dot, event)
    columns = [[e.id for e in graph.events if e.thread == thread] for thread in threads]
    _columns(dot, graph, dict(zip(threads, columns, strict=True)))
    below = {pair for column in columns for pair in pairwise(column)}
    column_of = {event.id: event.thread for event in graph.events}
    for edge in graph.edges:
        order = edge.relation == "po"
        down = order or column_of[edge.source] is None
        _edge(dot, edge, constraint=down, straight=order and (edge.source, edge.target) in below)
    return str(dot.source)


def _columns(dot: Any, graph: EventGraph, columns: Mapping[int, list[int]]) -> None:
    """Put the threads from left to right, a heading over each.

    Not as clusters: those Graphviz orders as it likes, and crashes over labels between them.
    Invisible edges hold the headings in a row, and the events of a thread in order below its own
    where no edge that is drawn does.
    """
    with dot.subgraph() as row:
        row.attr(rank="same")
        for thread in columns:
            name = _name_of(graph, thread)
            row.node(f"p{thread}", label=name, group=f"p{thread}", shape="box", height="0.3",
                     style="rounded,filled", fillcolor="#eef1f4", color="#c9d1d9")  # fmt: skip
        for one, other in pairwise(columns):
            row.edge(f"p{one}", f"p{other}", style="invis")
    ordered = {(e.source, e.target) for e in graph.edges if e.relation == "po"}
    for thread, column in columns.items():
        dot.edge(f"p{thread}", f"e{column[0]}", style="invis", weight="20")
        for one, other in pairwise(column):
            if (one, other) not in ordered:
                dot.edge(f"e{one}", f"e{other}", style="invis", weight="20")


def _name_of(graph: EventGraph, thread: int) -> str:
    name = clean(graph.threads[thread]) if graph.threads else f"P{thread}"
    return str(_package("graphviz").escape(name))


def execution_svg(graph: EventGraph) -> str:
    """Return the graph as SVG. Raises `UsageError` where no Graphviz is installed."""
    return image(execution_dot(graph), "svg").decode("utf-8")


def _label(graph: EventGraph) -> str:
    lines = [graph.title, *(line.removesuffix(":") for line in graph.note.splitlines())]
    return str(_package("graphviz").escape("\n".join(map(clean, lines))))


def _node(dot: Any, event: EventNode) -> None:
    color = BAD if event.on_cycle else "#17202b"
    label = _package("graphviz").escape(clean(event.label))
    column = {} if event.thread is None else {"group": f"p{event.thread}"}
    dot.node(f"e{event.id}", label=label, fontcolor=color, **column)


def _edge(dot: Any, edge: EventEdge, *, constraint: bool, straight: bool) -> None:
    color = BAD if edge.on_cycle else COLORS.get(edge.relation, OTHER)
    dot.edge(
        f"e{edge.source}",
        f"e{edge.target}",
        label=_package("graphviz").escape(f" {clean(edge.relation)}"),
        color=color,
        fontcolor=color,
        penwidth="2.4" if edge.on_cycle else "1.0",
        constraint=str(constraint).lower(),
        weight="20" if straight else "1",
    )


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(
            "pictures of executions need pip install 'modelcheck[graph]' (the package graphviz)"
        ) from None


__all__ = [
    "EventEdge",
    "EventGraph",
    "EventNode",
    "Evidence",
    "Forbidden",
    "execution_dot",
    "execution_svg",
]
