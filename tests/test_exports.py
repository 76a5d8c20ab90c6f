"""`--export` and `--html`: each format is what its readers expect, and says what the trace says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from commandline import CLASSIC, ROOT, models, run
from hypothesis import given, settings
from show import samples
from show.strategies import traces

from modelcheck.check import check, replay
from modelcheck.cli.exports import FORMATS
from modelcheck.errors import UsageError
from modelcheck.loading import find
from modelcheck.show.itf import itf
from modelcheck.show.jsonform import trace_document

PETERSON = f"{CLASSIC}/peterson.py:peterson_swapped"

MANY = """
@model
def fine():
    s = S()
    return System(s, [adder(s)], [small])

@model
def crowded():
    s = S()
    return System(s, [adder(s), adder(s)], [small])

@model(expect="violated", by="small")
def meant():
    s = S()
    return System(s, [adder(s, by=2)], [small])

@model
def wrong():
    s = S()
    return System(s, [adder])

@model(expect="violated")
def whole():
    s = S()
    return System(s, [adder(s)], [small])
"""


@pytest.fixture
def many(tmp_path, monkeypatch):
    """A folder with a file of five models, each with another outcome; it is the working one."""
    models(tmp_path / "many.py", MANY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def schema():
    """The documented schema of a trace, which is itself a valid one."""
    read = json.loads((ROOT / "docs" / "trace.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(read)
    return jsonschema.Draft202012Validator(read)


@pytest.mark.parametrize("name", samples.ALL)
def test_a_trace_fits_its_schema(schema, name):
    """The samples, the hostile one too, are as `docs/trace.schema.json` says."""
    schema.validate(json.loads(json.dumps(trace_document(samples.ALL[name]()))))


@given(trace=traces())
@settings(max_examples=30, deadline=None)
def test_any_trace_fits_its_schema(schema, trace):
    """So is any trace; the schema is not vacuous, since it forbids what it does not name."""
    document = json.loads(json.dumps(trace_document(trace)))
    schema.validate(document)
    with pytest.raises(jsonschema.ValidationError):
        schema.validate({**document, "more": 1})


def test_a_checked_trace_fits_its_schema(schema, tmp_path):
    """What the command writes fits, moments and properties included."""
    run("check", PETERSON, "--export", f"trace:{tmp_path}/t.json")
    document = json.loads((tmp_path / "t.json").read_text("utf-8"))
    schema.validate(document)
    assert len(document["moments"]) == len(document["states"]) == 7
    assert document["moments"][-1]["answers"]["mutual_exclusion"] is False
    assert [p["kind"] for p in document["properties"]] == ["always", "sometimes"]


def test_itf_has_the_states_as_its_readers_expect(tmp_path):
    """Variables, a state each with its index, integers as text, and each process as a record."""
    run("check", PETERSON, "--export", f"itf:{tmp_path}/t.itf.json")
    read = json.loads((tmp_path / "t.itf.json").read_text("utf-8"))
    assert read["#meta"]["format"] == "ITF"
    assert set(read["vars"]) == {"turn", "wants[0]", "wants[1]", "user[0]", "user[1]"}
    assert [s["#meta"]["index"] for s in read["states"]] == list(range(7))
    for state in read["states"]:
        assert set(state) == {"#meta", *read["vars"]}
    last = read["states"][-1]
    assert (last["turn"], last["wants[0]"]) == ({"#bigint": "0"}, True)
    assert last["user[1]"]["at"] == "critical"
    assert last["user[1]"]["locals"] == {"me": {"#bigint": "1"}, "other": {"#bigint": "0"}}


FORMS = {"#bigint": str, "#tup": list, "#set": list, "#map": list, "#unserializable": str}


def is_expression(value) -> bool:
    """Tell whether a value is an expression of ADR 15: a bool, a text, a list, a form, a record."""
    if isinstance(value, bool | str):
        return True
    if isinstance(value, list):
        return all(map(is_expression, value))
    if not isinstance(value, dict):
        return False
    if len(value) == 1 and next(iter(value)).startswith("#"):
        [(form, content)] = value.items()
        parts = content if isinstance(content, list) else []
        return isinstance(content, FORMS[form]) and all(map(is_expression, parts))
    return all(not name.startswith("#") and is_expression(part) for name, part in value.items())


@given(trace=traces())
@settings(max_examples=30, deadline=None)
def test_any_trace_is_itf(trace):
    """Whatever the values are, each becomes an expression that the format has."""
    read = json.loads(json.dumps(itf(trace)))
    for state in read["states"]:
        assert all(is_expression(v) for name, v in state.items() if name != "#meta")


def test_graphml_is_the_whole_state_graph(tmp_path):
    """Read back by networkx it has every state and transition, and the counterexample's edges."""
    networkx = pytest.importorskip("networkx")
    run("check", PETERSON, "--export", f"graphml:{tmp_path}/g.graphml")
    graph = networkx.read_graphml(tmp_path / "g.graphml", force_multigraph=True)
    full = check(find(f"{CLASSIC}/peterson.py:peterson")[0])
    run("check", f"{CLASSIC}/peterson.py:peterson", "--export", f"graphml:{tmp_path}/f.graphml")
    whole = networkx.read_graphml(tmp_path / "f.graphml", force_multigraph=True)
    assert (len(whole), whole.number_of_edges()) == (full.states, full.transitions)
    assert sum(bool(d["on_trace"]) for *_, d in graph.edges(data=True)) == 6
    assert [d["kind"] for _, d in graph.nodes(data=True)].count("violation") == 1


def test_junit_counts_what_is_not_as_expected(many):
    """Two failures, one error, and the story of each as its text."""
    done = run("check", "many.py", "--export", "junit:out/junit.xml")
    assert done.exit_code == 2
    suite = ElementTree.parse(many / "out" / "junit.xml").getroot().find("testsuite")
    assert [suite.get(k) for k in ("tests", "failures", "errors")] == ["5", "2", "1"]
    cases = {case.get("name"): case for case in suite}
    assert [child.tag for child in cases["fine"]] == [child.tag for child in cases["meant"]] == []
    assert "Turn 1. adder[0] starts." in cases["crowded"].find("failure").text
    assert "expected: violated" in cases["whole"].find("failure").get("message")
    assert "adder is not called" in cases["wrong"].find("error").text


def test_sarif_places_a_violation_in_the_file(many):
    """A result for each model that is not as expected, at its line, with the steps as a flow."""
    run("check", "many.py", "--export", "sarif:run.sarif")
    log = json.loads((many / "run.sarif").read_text("utf-8"))
    [tool] = log["runs"]
    found = {r["ruleId"]: r for r in tool["results"]}
    assert set(found) == {"modelcheck/invariant", "modelcheck/error", "modelcheck/unexpected"}
    assert {rule["id"] for rule in tool["tool"]["driver"]["rules"]} == set(found)
    crowded = found["modelcheck/invariant"]
    place = crowded["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "many.py"
    source = (many / "many.py").read_text("utf-8").splitlines()
    assert source[place["region"]["startLine"] - 1] == "@always"
    [flow] = crowded["codeFlows"][0]["threadFlows"]
    assert [step["executionOrder"] for step in flow["locations"]] == [1, 2, 3, 4]
    assert "reads x = 0" in flow["locations"][0]["location"]["message"]["text"]


def test_sarif_places_each_step_in_the_file(tmp_path, monkeypatch):
    """At its own line; a store that leaves a buffer, at the line that stored it."""
    monkeypatch.chdir(tmp_path)
    body = """
    @process
    def sets(s):
        yield s.x.set(1)

    @process
    def sees(s):
        assert (yield s.x) == 0, "seen"

    @model
    def seen():
        s = S()
        return System(s, [sets(s), sees(s)])
    """
    (tmp_path / "a b").mkdir()
    file = models(tmp_path / "a b" / "m#.py", body)
    run("check", str(file), "--memory", "tso", "--export", "sarif:run.sarif")
    [result] = json.loads((tmp_path / "run.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert result["message"]["text"] == "seen: assertion seen."
    lines = file.read_text("utf-8").splitlines()
    [flow] = result["codeFlows"][0]["threadFlows"]
    places = [step["location"]["physicalLocation"] for step in flow["locations"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"a%20b/m%23.py"}
    stood = [lines[place["region"]["startLine"] - 1].strip() for place in places]
    store, load = "yield s.x.set(1)", 'assert (yield s.x) == 0, "seen"'
    assert stood == [store, store, load]


def test_a_sarif_alert_stays_the_same_while_lines_move(many):
    """The fingerprint is of the model and the violation, not of the line."""
    marks = []
    for text in (MANY, "\n\n\n" + MANY):
        models(many / "many.py", text)
        run("check", "many.py:crowded", "--export", "sarif:run.sarif")
        [result] = json.loads((many / "run.sarif").read_text("utf-8"))["runs"][0]["results"]
        marks.append(result["partialFingerprints"])
    assert marks[0] == marks[1]


def outcome_of_test(path) -> int:
    """The exit status of pytest for one file."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path.name]
    return subprocess.run(command, cwd=path.parent, capture_output=True, check=False).returncode


def test_a_regression_test_fails_until_the_schedule_is_gone(many):
    """The exported test fails on the broken model, passes on a mended one, and sees a relapse."""
    run("check", "many.py:crowded", "--export", "test:test_crowded.py")
    test = many / "test_crowded.py"
    broken = (many / "many.py").read_text("utf-8")
    assert outcome_of_test(test) == 1
    mended = broken.replace("[adder(s), adder(s)]", "[adder(s)]")
    (many / "many.py").write_text(mended, encoding="utf-8")
    assert outcome_of_test(test) == 0
    otherwise = broken.replace("seen = yield s.x", "seen = yield s.x\n    yield s.y.set(1)")
    (many / "many.py").write_text(otherwise, encoding="utf-8")
    assert outcome_of_test(test) == 1


def test_the_regression_test_of_a_twin_wants_it_broken(many):
    """What is broken on purpose must stay so, step by step."""
    run("check", "many.py", "--export", "test:out/")
    assert {path.name for path in (many / "out").iterdir()} == {"test_crowded.py", "test_meant.py"}
    test = many / "out" / "test_meant.py"
    assert outcome_of_test(test) == 0
    text = (many / "many.py").read_text("utf-8").replace("by=2", "by=3")
    (many / "many.py").write_text(text, encoding="utf-8")
    assert outcome_of_test(test) == 1


def graph_in(page: Path) -> dict:
    """The state graph that a page knows."""
    [data] = re.findall(r'id="data">(.*?)</script>', page.read_text("ascii"))
    return json.loads(data)["graph"]


def test_a_page_has_the_state_graph_of_a_small_model(tmp_path):
    """All of its states; of a larger one why not, or as many as are asked for; with 0 nothing."""
    page, small, large = (
        tmp_path / "page.html",
        "peterson.py:peterson",
        "filter_lock.py:filter_lock",
    )
    wanted = [
        (small, [], 26, ""),
        (small, ["--html-states", "0"], None, ""),
        (large, [], 0, "The state graph has more than 60 states: --html-states N"),
        (large, ["--html-states", "20"], 20, "Shown are 20 of 1,515 states"),
    ]
    for target, more, nodes, note in wanted:
        run("check", f"{CLASSIC}/{target}", "-q", "--html", str(page), *more)
        graph = graph_in(page)
        assert (graph and len(graph["nodes"])) == nodes
        assert graph is None or graph["note"].startswith(note)


def test_a_page_is_written_also_where_no_graph_can_be(tmp_path, monkeypatch):
    """A package that is missing costs the graph, and the page says which."""

    def missing(name):
        raise UsageError(f"state graphs need the package {name}")

    monkeypatch.setattr("modelcheck.show.stategraph.package", missing)
    page = tmp_path / "page.html"
    done = run("check", f"{CLASSIC}/peterson.py:peterson", "--html", str(page))
    assert done.exit_code == 0
    assert graph_in(page)["note"].endswith("state graphs need the package graphviz")
    monkeypatch.setattr("modelcheck.show.engines.program", lambda: None)
    run("check", f"{CLASSIC}/peterson.py:peterson", "--html", str(page))
    assert graph_in(page)["note"].startswith("No Graphviz was found")


def test_html_writes_a_page_for_each_model(many):
    """A folder gets a page a model; one model gets the file that was named."""
    run("check", "many.py", "--html", "pages/")
    pages = {path.name for path in (many / "pages").iterdir()}
    assert pages == {"fine.html", "crowded.html", "meant.html", "whole.html"}
    done = run("check", "many.py:crowded", "--html", "one.html")
    assert "1 model written as html: one.html" in done.stdout
    assert (many / "one.html").read_text("ascii").startswith("<!DOCTYPE html>")


def test_simulate_and_replay_write_their_trace(many):
    """A walk and a replayed token are written in the formats that are of one trace."""
    run("simulate", "many.py:crowded", "--html", "walk.html", "--export", "mermaid:walk.mmd")
    assert "adder[0]" in (many / "walk.html").read_text("ascii")
    assert (many / "walk.mmd").read_text("utf-8").startswith("sequenceDiagram")
    token = check(find("many.py:crowded")[0]).token
    run("replay", "many.py:crowded", token, "--export", "text:a.txt", "--export", "itf:a.json")
    told = (many / "a.txt").read_text("utf-8")
    assert told == str(replay(find("many.py:crowded")[0], token))
    done = run("replay", "many.py:crowded", token, "--export", "junit:x.xml")
    assert done.exit_code == 2
    assert "a trace can be written as html, svg, text, mermaid, trace, itf" in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nonsense:x", "there is no format 'nonsense'; there is html, svg"),
        ("html", "write FORMAT:FILE"),
        ("html:", "write FORMAT:FILE"),
        ("junit:.", "it is a folder"),
        ("itf:many.py/x.json", "is no folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_search(many, given, said):
    """An unknown format, or a place where nothing can be written, ends the command at once."""
    done = run("check", "many.py", "--export", given)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "states" not in done.stdout


def test_every_format_writes_something(many):
    """Each name that the help lists makes a file of the violated model."""
    for name, form in FORMATS.items():
        file = f"out.{name}{form.suffix}"
        run("check", "many.py:crowded", "--quiet", "--export", f"{name}:{file}")
        assert (many / file).stat().st_size > 100, name
