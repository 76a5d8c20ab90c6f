"""The graph of states as a picture: DOT, SVG, PNG, PDF, or a networkx graph.

Graphs here are plain data, so that any explorer can make one. A large graph is cut to the trace and
its neighbourhood before it is drawn, and its note says so in words: layout takes seconds from some
hundred nodes on, and nobody reads more. Neighbours: `engines` finds a Graphviz that can lay it out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from attrs import evolve, frozen

from modelcheck.errors import UsageError
from modelcheck.show.engines import FORMATS, image
from modelcheck.show.palette import PROCESS_COLORS
from modelcheck.show.text import clean, cut

LIMIT = 250
"""Nodes drawn unless the caller says otherwise."""

FONT = "Helvetica,Arial,Liberation Sans,DejaVu Sans,Noto Sans"
"""Fonts by name: the way to PDF knows no other, and leaves out text in a font it does not find."""

LINES = 14  # lines of a node's label
WIDTH = 48  # characters of a line

Kind = Literal["initial", "violation", "deadlock", "trace", "plain"]

_NODE_STYLES: dict[str, dict[str, str]] = {
    "initial": {"fillcolor": "#e3edfb", "color": "#1d5fc2", "penwidth": "2.2"},
    "violation": {"fillcolor": "#fbdcda", "color": "#b3201a", "penwidth": "2.6"},
    "deadlock": {"fillcolor": "#fdeccf", "color": "#a85b00", "penwidth": "2.6", "peripheries": "2"},
    "trace": {"fillcolor": "#fff6d6", "color": "#8a6400", "penwidth": "1.8"},
    "plain": {},
}


@frozen
class Node:
    """One state. `id` is unique in its graph; `label` may have several lines."""

    id: str | int
    label: str
    kind: Kind = "plain"


@frozen
class Edge:
    """One transition from a node's id to another's."""

    source: str | int
    target: str | int
    label: str = ""
    process: str = ""
    on_trace: bool = False
    move: tuple[int, int] | None = None  # what an explorer is told to take it


@frozen
class StateGraph:
    """States and transitions; `note` says in words what is shown, or left out.

    `paths` are walks through it, each the ids of its nodes in order: of a result's counterexample,
    where it has one, then of its witnesses.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    note: str = ""
    paths: tuple[tuple[str | int, ...], ...] = ()

    def _repr_svg_(self) -> str | None:
        """The picture for a notebook; None, so that the text shows, where nothing can draw it."""
        try:
            return image(to_dot(neighbourhood(self)), "svg").decode("utf-8")
        except UsageError:
            return None


def neighbourhood(graph: StateGraph, limit: int = LIMIT) -> StateGraph:
    """The graph itself if it has at most `limit` nodes, else the trace and what lies nearest to it.

    Marked nodes and those on the trace come first (of a longer trace its end), without any the
    initial ones; then nodes by their distance from them, in either direction. Nodes that have edges
    to what is left out say how many. Deterministic. The note is extended by what was done.

    Examples
    --------
    >>> nodes = tuple(Node(i, f"x = {i}", "initial" if i == 0 else "plain") for i in range(1000))
    >>> edges = tuple(Edge(i, i + 1, "add") for i in range(999))
    >>> small = neighbourhood(StateGraph(nodes, edges), limit=10)
    >>> print(len(small.nodes), small.nodes[-1].label, "|", small.note)
    10 x = 9
    … 1 more edge | Shown are 10 of 1,000 states: those within 9 steps of the initial state.
    """
    if limit < 1:
        raise UsageError(f"a state graph of at most {limit} nodes cannot be drawn; give 1 or more")
    if len(graph.nodes) <= limit:
        return graph
    seeds, seeds_name = _seeds(graph)
    adjacent = _adjacent(graph.edges)
    cut_trace = len(seeds) > limit
    chosen, distance = _nearest(seeds[-limit:], adjacent, limit)
    hidden = {node: sum(n not in chosen for n in adjacent[node]) for node in chosen}
    nodes = tuple(_with_hidden(n, hidden[n.id]) for n in graph.nodes if n.id in chosen)
    edges = tuple(e for e in graph.edges if e.source in chosen and e.target in chosen)
    where = f"the end of {seeds_name}" if cut_trace else _within(distance, seeds_name)
    note = f"Shown are {len(nodes):,} of {len(graph.nodes):,} states: {where}."
    return StateGraph(nodes, edges, f"{graph.note} {note}".strip(), graph.paths)


def to_dot(graph: StateGraph, *, numbered: bool = False) -> str:
    """The graph in Graphviz's language, quoted by the `graphviz` package.

    Node names are ours (``n0``): a user's text would be read as ``node:port``. Labels are escaped,
    so that neither a backslash nor ``<...>`` in a value means anything to Graphviz. `numbered`
    edges have ids (``e0``), for who wants to know where each of them went.
    """
    dot = package("graphviz").Digraph("states")
    dot.attr(rankdir="TB", nodesep="0.25", ranksep="0.35", bgcolor="white")
    dot.attr(fontname=FONT, fontsize="11", labelloc="b", labeljust="l")
    if graph.note:
        dot.attr(label=_label([clean(graph.note)], justify="l"))
    common = {"fontname": FONT, "fontsize": "10"}
    dot.attr(
        "node",
        shape="box",
        style="rounded,filled",
        fillcolor="white",
        color="#8a96a3",
        fontcolor="#17202b",
        margin="0.12,0.06",
        **common,
    )
    dot.attr("edge", color="#8a96a3", arrowsize="0.7", **{**common, "fontsize": "9"})
    names = {node.id: f"n{i}" for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        dot.node(
            names[node.id], label=_label(node_lines(node), justify="l"), **_NODE_STYLES[node.kind]
        )
    for n, (edge, color) in enumerate(zip(graph.edges, _edge_colors(graph.edges), strict=True)):
        width = {"penwidth": "2.6"} if edge.on_trace else {"penwidth": "0.9"}
        weight = {"weight": "8"} if edge.on_trace else {}
        weight |= {"id": f"e{n}"} if numbered else {}
        label = _label([f" {edge_text(edge)}"])  # a blank: Graphviz sets it close to the edge
        ends = names[edge.source], names[edge.target]
        dot.edge(*ends, label=label, color=color, fontcolor=color, **width, **weight)
    return str(dot.source)


def render(graph: StateGraph, path: str | Path, limit: int = LIMIT) -> StateGraph:
    """Write the graph to a file, in the format of its suffix: .dot, .gv, .svg, .png or .pdf.

    Returns
    -------
    StateGraph
        What was drawn: at most `limit` nodes, with a note that says what was left out. DOT is text
        for other programs and is never cut.

    Raises
    ------
    UsageError
        If the suffix is another, or no engine here makes the format: it says what to install.
    """
    path = Path(path)
    suffix = path.suffix.lower().lstrip(".")
    if suffix in ("dot", "gv"):
        path.write_text(to_dot(graph), encoding="utf-8")
        return graph
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in ("dot", *FORMATS))
        raise UsageError(f"a state graph cannot be written as {path.name!r}: use one of {known}")
    drawn = neighbourhood(graph, limit)
    path.write_bytes(image(to_dot(drawn), suffix))
    return drawn


def to_networkx(graph: StateGraph) -> Any:
    """The graph as a `networkx.MultiDiGraph`, with the fields of nodes and edges as attributes."""
    found = package("networkx").MultiDiGraph(note=graph.note)
    for node in graph.nodes:
        found.add_node(node.id, label=node.label, kind=node.kind)
    for edge in graph.edges:
        found.add_edge(
            edge.source,
            edge.target,
            label=edge.label,
            process=edge.process,
            on_trace=edge.on_trace,
        )
    return found


def graphml(graph: StateGraph) -> str:
    """The graph as GraphML, for Gephi, yEd and the like; the whole of it, however large."""
    networkx = package("networkx")
    plain = networkx.MultiDiGraph(note=clean(graph.note))
    for node in graph.nodes:
        label = "\n".join(map(clean, node.label.splitlines()))
        plain.add_node(f"s{node.id}", label=label, kind=node.kind)
    for number, edge in enumerate(graph.edges):
        told = {"label": clean(edge.label), "process": clean(edge.process)}
        ends = f"s{edge.source}", f"s{edge.target}"
        plain.add_edge(*ends, key=number, **told, on_trace=edge.on_trace)
    return "\n".join(networkx.generate_graphml(plain, prettyprint=True)) + "\n"


def package(name: str) -> Any:
    """A package that only state graphs need."""
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(
            f"state graphs need the package {name}: pip install 'modelcheck[graph]'"
        ) from None


def _seeds(graph: StateGraph) -> tuple[list[str | int], str]:
    """The nodes to keep first, in order, and what to call them."""
    on_trace = [end for e in graph.edges if e.on_trace for end in (e.source, e.target)]
    marked = [node.id for node in graph.nodes if node.kind in ("trace", "violation", "deadlock")]
    if on_trace or marked:
        initial = [node.id for node in graph.nodes if node.kind == "initial"]
        return list(dict.fromkeys([*initial, *on_trace, *marked])), "the trace"
    initial = [node.id for node in graph.nodes if node.kind == "initial"]
    return initial or [graph.nodes[0].id], "the initial state"


def _adjacent(edges: Iterable[Edge]) -> dict[str | int, list[str | int]]:
    found: dict[str | int, list[str | int]] = defaultdict(list)
    for edge in edges:
        found[edge.source].append(edge.target)
        found[edge.target].append(edge.source)
    return found


def _nearest(
    seeds: list[str | int], adjacent: dict[str | int, list[str | int]], limit: int
) -> tuple[set[str | int], int]:
    """At most `limit` nodes, breadth first from the seeds, and the largest distance among them."""
    chosen, level, distance = set(seeds), list(seeds), 0
    while level and len(chosen) < limit:
        following: list[str | int] = []
        for neighbour in (n for node in level for n in adjacent[node]):
            if neighbour not in chosen and len(chosen) < limit:
                chosen.add(neighbour)
                following.append(neighbour)
        level, distance = following, distance + bool(following)
    return chosen, distance


def _within(distance: int, seeds_name: str) -> str:
    steps = "1 step" if distance == 1 else f"{distance} steps"
    if seeds_name == "the trace":
        return f"the trace and its neighbourhood, up to {steps} away" if distance else "the trace"
    return f"those within {steps} of {seeds_name}"


def _with_hidden(node: Node, hidden: int) -> Node:
    more = f"… {hidden} more edge{'s' * (hidden != 1)}"
    return evolve(node, label=f"{node.label}\n{more}") if hidden else node


def node_lines(node: Node) -> list[str]:
    """The lines of a node's text as they are shown: safe, and not too long."""
    lines = [cut(clean(line), WIDTH) for line in node.label.splitlines()] or [""]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"… {len(lines) - LINES + 1} more lines"]
    return lines


def _label(lines: list[str], justify: str = "n") -> str:
    """The lines as one escaped label, each ended as Graphviz justifies it."""
    graphviz = package("graphviz")
    # Without an end the one line of an edge is centred; a sole trailing \n would make room for two.
    if len(lines) == 1 and justify == "n":
        return str(graphviz.escape(lines[0]))
    ended = (str(graphviz.escape(line)) + f"\\{justify}" for line in lines)
    return str(graphviz.nohtml("".join(ended)))


def edge_text(edge: Edge) -> str:
    """The text of an edge as it is shown: whose step, and which."""
    return cut(clean(f"{edge.process}: {edge.label}" if edge.process else edge.label), WIDTH)


def _edge_colors(edges: tuple[Edge, ...]) -> list[str]:
    """A colour a process where it is on the trace or where few processes are; else grey."""
    processes = list(dict.fromkeys(edge.process for edge in edges if edge.process))
    colors = {name: PROCESS_COLORS[i % len(PROCESS_COLORS)] for i, name in enumerate(processes)}
    return [colors.get(edge.process, "#5b6875") for edge in edges]
