"""The state graph: quoted DOT, the readable part of a large one, clear errors without an engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcheck.errors import ModelcheckError, UsageError
from modelcheck.show import engines
from modelcheck.show.stategraph import (
    Edge,
    Node,
    StateGraph,
    neighbourhood,
    render,
    to_dot,
    to_networkx,
)

from . import snapshot
from .samples import HOSTILE
from .strategies import texts

needs_engine = pytest.mark.skipif(
    shutil.which("dot") is None and engines._graphviz_pure() is None, reason="no Graphviz here"
)


def lost_update():
    """The states of the lost update, by hand."""
    nodes = (
        Node("0", "count = 0\nworker[0] at 14\nworker[1] at 14", "initial"),
        Node("1", "count = 0\nworker[0] at 15\nworker[1] at 14", "trace"),
        Node("2", "count = 0\nworker[0] at 15\nworker[1] at 15", "trace"),
        Node("3", "count = 1\nworker[1] at 15", "trace"),
        Node("4", "count = 1", "violation"),
        Node("5", "<stuck \\n>", "deadlock"),
        Node("6", "count = 2"),
    )
    edges = (
        Edge("0", "1", "seen = count", "worker[0]", True),
        Edge("1", "2", "seen = count", "worker[1]", True),
        Edge("2", "3", "count := seen + 1", "worker[0]", True),
        Edge("3", "4", "count := seen + 1", "worker[1]", True),
        Edge("1", "6", "count := seen + 1", "worker[0]"),
        Edge("6", "5", '<b>"quoted"</b>', "worker[1]"),
    )
    return StateGraph(nodes, edges, "All 7 states.")


def chain(count, trace=0):
    """States in a row, the first few of them on the trace."""
    nodes = tuple(Node(i, f"x = {i}", "initial" if i == 0 else "plain") for i in range(count))
    edges = tuple(Edge(i, i + 1, "add", "p", i < trace) for i in range(count - 1))
    return StateGraph(nodes, edges)


def test_dot_is_as_it_was():
    """The DOT of a small graph equals its snapshot."""
    snapshot.check("stategraph.dot", to_dot(lost_update()))


def unquoted(dot):
    """DOT without its quoted strings."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', "Q", dot)


@settings(deadline=None)  # the first one imports graphviz
@given(st.lists(texts, min_size=1, max_size=4), texts, texts)
def test_any_text_is_quoted_in_dot(labels, label, process):
    """No label ends its quotes, becomes HTML or names a port."""
    nodes = tuple(Node(i, text) for i, text in enumerate(labels))
    edges = (Edge(0, len(labels) - 1, label, process),)
    bare = unquoted(to_dot(StateGraph(nodes, edges, label)))
    assert '"' not in bare
    assert not re.search(r"=<", bare)
    assert set(re.findall(r"n\d+", bare)) == {f"n{i}" for i in range(len(labels))}


def test_a_small_graph_is_shown_whole():
    """Nothing is left out below the limit, and the note stays as it was."""
    graph = lost_update()
    assert neighbourhood(graph, 7) is graph


def test_of_a_large_graph_the_trace_and_its_surroundings_are_left():
    """The trace is kept, then what is nearest; the note says so in words."""
    small = neighbourhood(chain(1000, trace=5), 10)
    assert [node.id for node in small.nodes] == list(range(10))
    assert small.nodes[-1].label == "x = 9\n… 1 more edge"
    assert small.note == (
        "Shown are 10 of 1,000 states: the trace and its neighbourhood, up to 4 steps away."
    )
    assert len(small.edges) == 9


def test_of_a_trace_longer_than_the_limit_the_end_is_left():
    """The violation is at the end, so that is what stays."""
    small = neighbourhood(chain(1000, trace=500), 10)
    assert [node.id for node in small.nodes] == list(range(491, 501))
    assert small.note == "Shown are 10 of 1,000 states: the end of the trace."


def test_a_limit_below_one_is_refused():
    """A picture of nothing is a mistake of the caller."""
    with pytest.raises(UsageError, match="at most 0 nodes"):
        neighbourhood(chain(3), 0)


@needs_engine
@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("dot", b"digraph")]
)
def test_each_format_can_be_written(tmp_path, suffix, start):
    """The suffix chooses the format, and hostile labels do no harm."""
    nodes = tuple(Node(i, text) for i, text in enumerate(HOSTILE))
    graph = StateGraph(nodes, (Edge(0, 1, HOSTILE[3], HOSTILE[0]),), HOSTILE[5])
    path = tmp_path / f"graph.{suffix}"
    assert render(graph, path) is graph
    assert path.read_bytes().startswith(start)


@needs_engine
def test_what_was_drawn_is_told(tmp_path):
    """A graph above the limit is cut before it is laid out."""
    drawn = render(chain(100, trace=3), tmp_path / "graph.svg", limit=10)
    assert len(drawn.nodes) == 10
    assert "10 of 100 states" in (tmp_path / "graph.svg").read_text("utf-8")


def test_an_unknown_suffix_is_refused(tmp_path):
    """The error names the suffixes that there are."""
    with pytest.raises(UsageError, match=r"use one of \.dot, \.svg, \.png, \.pdf"):
        render(lost_update(), tmp_path / "graph.bmp")


@pytest.mark.parametrize(("suffix", "package"), [("svg", "graphviz-pure"), ("pdf", "svg2pdf-py")])
def test_without_an_engine_the_error_says_what_to_install(tmp_path, monkeypatch, suffix, package):
    """No traceback from a missing program: a sentence with the package's name."""
    monkeypatch.setattr(engines.shutil, "which", lambda *_, **__: None)
    with pytest.raises(UsageError, match=f"pip install .*{package}"):
        render(lost_update(), tmp_path / f"graph.{suffix}")
    render(lost_update(), tmp_path / "graph.dot")  # which needs none


@pytest.mark.parametrize(("name", "use"), [("graphviz", to_dot), ("networkx", to_networkx)])
def test_without_its_package_the_error_says_what_to_install(monkeypatch, name, use):
    """Both packages are extras, and the error names the extra."""
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"{name}: pip install 'modelcheck\[graph\]'"):
        use(lost_update())


def test_networkx_has_all_states_and_transitions():
    """Nodes and edges keep their fields as attributes."""
    graph = to_networkx(lost_update())
    assert graph.number_of_nodes() == 7
    assert graph.number_of_edges() == 6
    assert graph.nodes["4"]["kind"] == "violation"
    assert [p for *_, p in graph.edges(data="process")].count("worker[1]") == 3


def test_a_pdf_without_its_text_is_refused(monkeypatch):
    """The converter leaves out text in a font that it does not find, so that is looked for."""
    converter = pytest.importorskip("svg2pdf_py")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">x</text></svg>'
    monkeypatch.setattr(converter, "svg_to_pdf", lambda *_: b"%PDF no such thing")
    with pytest.raises(UsageError, match="install one"):
        engines.svg_to_pdf(svg)


def test_an_engine_that_fails_is_named(monkeypatch):
    """What a failing engine said is in the error, and its exit code."""
    failed = subprocess.CompletedProcess([], 3, b"", b"bad graph")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setattr(engines.shutil, "which", lambda *_, **__: "dot")
    with pytest.raises(ModelcheckError, match="dot failed with exit code 3: bad graph"):
        engines.image("digraph {}", "svg")


def test_a_layout_that_takes_too_long_is_ended(monkeypatch):
    """The error says how long it was given and what to do."""

    def never(*_, **__):
        raise subprocess.TimeoutExpired("dot", 1)

    monkeypatch.setattr(subprocess, "run", never)
    monkeypatch.setattr(engines.shutil, "which", lambda *_, **__: "dot")
    with pytest.raises(ModelcheckError, match="draw fewer states"):
        engines.image("digraph {}", "svg")
