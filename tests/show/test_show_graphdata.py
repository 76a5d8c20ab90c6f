"""The state graph of a page: everything is where Graphviz put it, and belongs to what it says."""

from __future__ import annotations

import json
import re

import pytest
from commandline import CLASSIC

from modelcheck import check, graph_of
from modelcheck.loading import load
from modelcheck.show import engines
from modelcheck.show.graphdata import graph_data, no_graph
from modelcheck.show.stategraph import Edge, Node, StateGraph
from show import samples

MODELS = {model.name: model for model in load(CLASSIC)}

DOT, PURE = engines.shutil.which("dot"), engines._graphviz_pure()
no_dot = pytest.mark.skipif(DOT is None, reason="needs a dot on the PATH")
no_wheel = pytest.mark.skipif(PURE is None, reason="graphviz-pure has no wheel for this machine")


@pytest.fixture(
    params=[
        pytest.param(DOT, id="dot", marks=no_dot),
        pytest.param(PURE, id="graphviz-pure", marks=no_wheel),
    ]
)
def engine(request, monkeypatch):
    """Each of the two engines, where it is installed."""
    monkeypatch.setattr(engines, "program", lambda: request.param)
    engines.layout.cache_clear()
    yield request.param
    engines.layout.cache_clear()


def distance(box, x, y):
    """How far a point is from a node's box, in points."""
    across = max(abs(x - box["x"]) - box["w"] / 2, 0)
    down = max(abs(y - box["y"]) - box["h"] / 2, 0)
    return (across**2 + down**2) ** 0.5


@pytest.mark.parametrize("name", ["peterson_swapped", "lost_update", "bounded_buffer"])
def test_each_edge_is_drawn_from_its_source_to_its_target(name, engine):
    """Its line begins at one box, and its tip touches the other; no two boxes lie on each other."""
    graph = graph_of(MODELS[name])
    data = graph_data(graph)
    assert len(data["edges"]) == len(graph.edges)
    for edge in data["edges"]:
        points = [
            tuple(map(float, p.split(","))) for p in re.findall(r"[\d.-]+,[\d.-]+", edge["path"])
        ]
        tip = tuple(map(float, edge["tip"].split(" ")[0].split(",")))
        assert distance(data["nodes"][edge["from"]], *points[0]) < 2
        assert distance(data["nodes"][edge["to"]], *tip) < 2
    places = {(node["x"], node["y"]) for node in data["nodes"]}
    assert len(places) == len(graph.nodes)
    assert all(
        0 <= n["x"] <= data["width"] and 0 <= n["y"] <= data["height"] for n in data["nodes"]
    )


def test_paths_are_the_counterexample_and_the_witnesses():
    """Each leads along edges of the graph, as many as the trace has steps, to where it ends."""
    result = check(MODELS["peterson_swapped"])
    data = graph_data(graph_of(MODELS["peterson_swapped"], result=result))
    traces = [result.trace, *result.witnesses.values()]
    assert [len(path) - 1 for path in data["paths"]] == [len(trace) for trace in traces]
    edges = {(edge["from"], edge["to"]) for edge in data["edges"]}
    for path in data["paths"]:
        assert set(zip(path, path[1:], strict=False)) <= edges
    wrong, right = (path[-1] for path in data["paths"])
    assert data["nodes"][wrong]["kind"] == "violation"
    assert data["nodes"][right]["kind"] == "plain"
    on = {(edge["from"], edge["to"]) for edge in data["edges"] if edge["on"]}
    assert on == set(zip(data["paths"][0], data["paths"][0][1:], strict=False))


def test_a_path_that_fails_ends_in_the_failure():
    """The last step of a failing assertion leads to the node that says so."""
    data = graph_data(graph_of(MODELS["filter_lock_short"], limit=40))
    [path] = data["paths"]
    assert data["nodes"][path[-1]]["lines"] == ["failed"]


def test_hostile_texts_are_texts(engine):
    """Nothing in a label ends a string, is markup for Graphviz, or is lost on its way."""
    nodes = tuple(Node(i, text) for i, text in enumerate(samples.HOSTILE))
    edges = tuple(Edge(0, i, text, text) for i, text in enumerate(samples.HOSTILE))
    data = graph_data(StateGraph(nodes, edges, "x"))
    assert len(data["nodes"]) == len(data["edges"]) == len(samples.HOSTILE)
    assert [edge["to"] for edge in data["edges"]] == list(range(len(nodes)))
    assert any("<script>" in line for node in data["nodes"] for line in node["lines"])
    json.dumps(data)


def test_where_there_is_no_graph_it_says_why(monkeypatch):
    """A text instead; and without any Graphviz the error says what to install."""
    assert no_graph("Too many.")["note"] == "Too many."
    monkeypatch.setattr(engines, "program", lambda: None)
    engines.layout.cache_clear()
    with pytest.raises(engines.UsageError, match=r"pip install 'modelcheck\[graph\]'"):
        graph_data(graph_of(MODELS["lost_update"]))
