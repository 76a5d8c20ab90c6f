"""A state graph as the page draws it: boxes, lines and texts, each with its place.

Graphviz says where everything goes when the page is made; the page only draws, so it needs neither
a layout engine of its own (a megabyte of code in each file) nor more rights than it has.
Neighbours: `stategraph` writes the DOT, `engines` runs Graphviz, `page/graph.js` draws.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import evolve

from modelcheck.show.engines import layout
from modelcheck.show.stategraph import Edge, Node, StateGraph, edge_text, node_lines, to_dot
from modelcheck.show.text import clean

SHOWN = 60
"""States drawn on a page unless the caller says otherwise."""

Point = tuple[float, float]


def graph_data(graph: StateGraph) -> dict[str, Any]:
    """Return the graph for the page. Raises what `modelcheck.show.engines.layout` does."""
    laid = json.loads(layout(to_dot(evolve(graph, note=""), numbered=True)))
    _, _, width, height = map(float, laid["bb"].split(","))
    places = {found["name"]: found for found in laid["objects"] if "pos" in found}
    numbers = {node.id: n for n, node in enumerate(graph.nodes)}
    lines = {found["id"]: found for found in laid.get("edges", ())}
    return {
        "width": round(width),
        "height": round(height),
        "note": clean(graph.note),
        "nodes": [
            _node(node, places[f"n{n}"], height) for n, node in enumerate(graph.nodes)
        ],
        "edges": [
            _edge(edge, lines[f"e{n}"], height)
            | {"from": numbers[edge.source], "to": numbers[edge.target]}
            for n, edge in enumerate(graph.edges)
        ],
        "paths": [[numbers.get(node, -1) for node in path] for path in graph.paths],
    }  # fmt: skip


def no_graph(why: str) -> dict[str, Any]:
    """Return what a page shows instead of a graph: why there is none."""
    empty: dict[str, Any] = {"nodes": [], "edges": [], "paths": []}
    return {"width": 0, "height": 0, "note": clean(why), **empty}


def _node(node: Node, place: dict[str, Any], height: float) -> dict[str, Any]:
    x, y = map(float, place["pos"].split(","))
    return {
        "x": round(x, 1),
        "y": round(height - y, 1),
        "w": round(float(place["width"]) * 72, 1),
        "h": round(float(place["height"]) * 72, 1),
        "kind": node.kind,
        "lines": node_lines(node),
    }


def _edge(edge: Edge, place: dict[str, Any], height: float) -> dict[str, Any]:
    tip, points = _points(place["pos"], height)
    text = place.get("lp")
    x, y = map(float, text.split(",")) if text else (0.0, height)
    return {
        "path": _path(points),
        "tip": _tip(points[-1], tip or points[-1]),
        "text": edge_text(edge),
        "x": round(x, 1),
        "y": round(height - y, 1),
        "process": clean(edge.process),
        "on": edge.on_trace,
        "move": edge.move,
    }


def _points(told: str, height: float) -> tuple[Point | None, list[Point]]:
    """Return where an arrow's tip is, and the points of its curve, y downward."""
    tip, points = None, []
    for word in told.replace("\\\n", "").split():
        end = word.startswith("e,")
        x, y = map(float, word.removeprefix("e,").split(","))
        if end:
            tip = (x, height - y)
        else:
            points.append((x, height - y))
    return tip, points


def _path(points: Sequence[Point]) -> str:
    first, *rest = (f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{first}C{' '.join(rest)}"


def _tip(base: Point, tip: Point) -> str:
    """Return the corners of an arrow's head between the end of its line and its tip."""
    (x, y), (u, v) = base, tip
    across, down = (v - y) * 0.4, (x - u) * 0.4
    corners = ((u, v), (x + across, y + down), (x - across, y - down))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)


__all__ = ["SHOWN", "graph_data", "no_graph"]
