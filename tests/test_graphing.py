"""State graphs of models: all states or the first ones, with the counterexample marked."""

from __future__ import annotations

from collections import Counter

import pytest
from commandline import CLASSIC, FAILS_AT_ONCE, counting_to, models, run

from modelcheck.check import check
from modelcheck.loading import find, load
from modelcheck.results.graph import graph_of
from modelcheck.show.stategraph import to_dot

MODELS = {model.name: model for model in load(CLASSIC)}


def kinds(graph) -> Counter:
    """How many nodes are marked as what."""
    return Counter(node.kind for node in graph.nodes)


@pytest.mark.parametrize("name", ["peterson", "atomic_update", "bounded_buffer", "philosophers"])
def test_the_graph_of_a_model_that_holds_has_the_counted_states(name):
    """Nodes and edges are the states and transitions of the search."""
    result, graph = check(MODELS[name]), graph_of(MODELS[name])
    assert (len(graph.nodes), len(graph.edges)) == (result.states, result.transitions)
    assert kinds(graph) == {"initial": 1, "plain": result.states - 1}
    assert graph.note == ""


@pytest.mark.parametrize(
    ("name", "kind", "ends"),
    [
        ("lost_update", "violation", 1),
        ("peterson_swapped", "violation", 1),
        ("greedy_philosophers", "deadlock", 1),
        ("filter_lock_short", "violation", 1),
    ],
)
def test_the_counterexample_is_marked(name, kind, ends):
    """Its edges are on the trace, in order, and lead from the initial state to the marked one."""
    result, graph = check(MODELS[name]), graph_of(MODELS[name])
    on_trace = [edge for edge in graph.edges if edge.on_trace]
    assert len(on_trace) == len(result.trace)
    assert kinds(graph)[kind] == ends
    last = {edge.target for edge in on_trace} - {edge.source for edge in on_trace}
    assert [node.kind for node in graph.nodes if node.id in last] == [kind]


def test_a_large_graph_keeps_the_whole_trace_and_says_what_it_is():
    """Of too many states come the first ones and those on the way to the violation."""
    result = check(MODELS["filter_lock_short"])
    graph = graph_of(MODELS["filter_lock_short"], limit=20)
    assert sum(edge.on_trace for edge in graph.edges) == len(result.trace)
    assert graph.note.startswith("Only 20 states are explored here")


def test_a_state_violated_at_the_start_is_marked(tmp_path):
    """The initial state may be the one that is wrong, or one in which nobody can go on."""
    body = """
    @process
    def stuck(s):
        yield until(lambda: s.x == 7)

    @model
    def at_once():
        s = S(x=5)
        return System(s, [adder(s)], [small])

    @model
    def stands_still():
        s = S()
        return System(s, [stuck(s)])

    @model
    def nothing():
        return System({}, [])
    """
    wrong, still, nothing = load(models(tmp_path / "m.py", body))
    assert kinds(graph_of(wrong))["violation"] == 1
    assert kinds(graph_of(still)) == {"deadlock": 1}
    assert kinds(graph_of(nothing)) == {"initial": 1}


def test_a_process_that_fails_before_its_first_step_is_one_state(tmp_path, monkeypatch):
    """There is nothing to explore, and it is said in the only node."""
    [model] = find(str(models(tmp_path / "m.py", FAILS_AT_ONCE)))
    [node] = graph_of(model).nodes
    assert (node.kind, node.label) == ("violation", "x = 0\ny = 0\nfailed")
    monkeypatch.chdir(tmp_path)
    assert run("graph", "m.py:at_once", "-o", "m.dot").stdout == "1 state, 0 transitions: m.dot\n"


def test_a_witness_that_is_missing_marks_nothing(tmp_path):
    """An unreachable `sometimes` has no trace, so the graph is that of a model that holds."""
    body = """
    @sometimes
    def never(s):
        return s.x == 9

    @model
    def m():
        s = S()
        return System(s, [adder(s)], [never])
    """
    [model] = find(str(models(tmp_path / "m.py", body)))
    assert kinds(graph_of(model)) == {"initial": 1, "plain": 2}


def test_a_long_counterexample_is_marked_whole(tmp_path):
    """Every one of thousands of steps of a trace is an edge on it."""
    [model] = find(str(models(tmp_path / "m.py", counting_to(3000))))
    dot = to_dot(graph_of(model))
    assert dot.count("penwidth=2.6 weight=8") == 3000
