"""The stand-alone page: what its data says, and that nothing in it can become markup or network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from attrs import evolve
from commandline import CLASSIC
from hypothesis import given, settings

from modelcheck.check import check, replay
from modelcheck.loading import load
from modelcheck.show.listing import Listings
from modelcheck.show.pagedata import trace_data
from modelcheck.show.trace import Moment, ProcessStatus
from show import samples
from show.strategies import traces

MODELS = {model.name: model for model in load(CLASSIC)}


class Reader(HTMLParser):
    """Notes the elements of a page, their attributes, and the text in each script and style."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = dict(attrs).get("type") or tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, "") + data


def data_of(text: str) -> dict:
    """What a page knows."""
    return json.loads(Reader(text).texts["application/json"])


@pytest.fixture(scope="module")
def swapped():
    """The result of Peterson's lock with its stores in the wrong order."""
    return check(MODELS["peterson_swapped"])


ELEMENTS = ["html", "head", "meta", "meta", "meta", "meta", "meta", "title", "style", "body"]
ELEMENTS += ["noscript", "pre", "div", "script", "script"]


@pytest.mark.parametrize("name", samples.ALL)
def test_a_page_has_our_elements_and_no_others(name):
    """Whatever the values hold, the markup is that of the template, and it loads nothing."""
    text = samples.ALL[name]().to_html()
    read = Reader(text)
    assert [tag for tag, _ in read.elements] == ELEMENTS
    assert not [k for _, a in read.elements for k in a if k in ("src", "href", "style", "onload")]
    assert text.isascii()


@given(traces())
@settings(max_examples=40, deadline=None)
def test_any_trace_has_a_page(trace):
    """For any trace the page is whole, its data is JSON, and nothing ends the script early."""
    text = trace.to_html()
    assert [tag for tag, _ in Reader(text).elements] == ELEMENTS
    told = data_of(text)["traces"][0]
    assert len(told["states"]) == len(told["moments"]) == len(trace) + 1
    assert len(told["steps"]) == len(told["changes"]) == len(trace)


def test_the_policy_admits_our_style_and_script_alone(swapped):
    """The content security policy names the hashes of what stands there, and allows no loading."""
    read = Reader(swapped.to_html())
    metas = [attributes for tag, attributes in read.elements if tag == "meta"]
    [policy] = [a["content"] for a in metas if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    for directive, text in (("style-src", "style"), ("script-src", "module")):
        digest = hashlib.sha256(read.texts[text].encode()).digest()
        assert f"{directive} 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    assert "fetch(" not in read.texts["module"]
    assert "require-trusted-types-for 'script'" in policy


def test_the_script_makes_no_markup_of_a_text():
    """No way from a text to markup or code, and no way to the network, is used in the script."""
    folder = files("modelcheck.show") / "page"
    scripts = [file for file in folder.iterdir() if file.name.endswith(".js")]
    assert len(scripts) > 5
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|fetch\("
    forbidden += r"|XMLHttp|WebSocket|import\(|setAttribute\(\"style"
    for file in [*scripts, *(f for f in folder.iterdir() if f.name.endswith(".css"))]:
        text = file.read_text("utf-8")
        asks = ["fetch("] if file.name == "explore.js" else []  # only in a page that is served
        assert re.findall(forbidden, text) == asks, file.name
        assert text.isascii(), file.name  # else its hash would not be that of what is sent
        assert "url(" not in text


def test_the_page_says_what_each_property_is_in_each_state(swapped):
    """An invariant is evaluated everywhere, a witness too after it was found."""
    [told, witness] = data_of(swapped.to_html())["traces"]
    answers = {p["name"]: p["answers"] for p in told["properties"]}
    assert answers["mutual_exclusion"] == [True] * 6 + [False]
    assert answers["somebody_enters"] == [False] * 4 + [True] * 3
    assert witness["name"] == "Witness: somebody_enters"
    assert not witness["bad"]


def test_an_at_end_property_is_asked_at_the_end():
    """Before the end it has no answer."""
    [told] = data_of(check(MODELS["lost_update"]).to_html())["traces"]
    assert [p["answers"] for p in told["properties"]] == [[None] * 4 + [False]]


def test_places_and_locals_are_those_of_each_state(swapped):
    """Each process's pending line, status and local variables follow the trace."""
    told = data_of(swapped.to_html())["traces"][0]
    first = [told["places"][n] for n in told["moments"][0]]
    last = [told["places"][n] for n in told["moments"][-1]]
    assert [p["label"] for p in first] == ["turn := 1", "turn := 0"]
    assert [p["label"] for p in last] == ["critical", "critical"]
    assert first[1]["locals"] == {"me": "1", "other": "0"}


def test_source_lines_are_those_of_the_file(swapped):
    """The listing has the file's own lines, in pieces, around what the trace uses."""
    data = data_of(swapped.to_html())
    [file] = data["files"]
    assert file["name"] == "classic/peterson.py"
    source = (CLASSIC / "peterson.py").read_text("utf-8").splitlines()
    shown = ["".join(text for _, text in pieces) for pieces in file["lines"]]
    assert shown == source[file["first"] - 1 :][: len(shown)]
    step = data["traces"][0]["steps"][0]
    assert "s.turn.set(other)" in shown[step["line"] - file["first"]]


def test_a_page_names_no_folder_of_this_machine(swapped):
    """Of a file's path its name and its folder's are told: a page is made to be sent away."""
    text = swapped.to_html()
    assert str(CLASSIC) not in text
    assert "classic/peterson.py" in data_of(text)["files"][0]["name"]


def test_nested_changes_are_told_apart():
    """Added, changed and removed parts of a value are separate."""
    told = trace_data(samples.long_values(), "x", Listings())
    parts = [change["parts"] for changes in told["changes"] for change in changes]
    assert [["[7]", "7", "8"]] in parts
    assert [[".flags", "", "'VM_HUGEPAGE'"]] in parts
    assert [[".flags", "'VM_HUGEPAGE'", ""]] in parts


def test_a_trace_that_nobody_looked_into_still_has_its_places():
    """Without moments the pending step of each process is taken from the trace's own steps."""
    told = trace_data(samples.lost_update(), "x", Listings())
    labels = [[told["places"][n]["label"] for n in moment] for moment in told["moments"]]
    assert labels[0] == ["seen = count", "seen = count"]
    assert labels[2] == ["count := seen + 1", "count := seen + 1"]
    assert labels[4] == ["", ""]


def test_store_buffers_get_lanes_of_their_own():
    """Each has a column between memory and the process that stores, with what it holds."""
    told = trace_data(samples.store_buffering("tso"), "x", Listings())
    assert [p["name"] for p in told["processes"]] == ["left", "right", "left's store buffer"]
    assert [store["name"] for store in told["stores"]] == ["memory", "left's store buffer"]
    assert told["columns"] == [("process", 0), ("store", 1), ("store", 0), ("process", 1)]
    put, own, missed, drained, late = told["steps"]
    assert [(one["store"], one["name"], one["sort"]) for one in put["held"]] == [(1, "x", "write")]
    assert own["own"] == {"x": 1}
    assert [(one["store"], one["from"], one["sort"]) for one in missed["held"]] == [(1, 1, "idle")]
    assert drained["remarks"] == ["stored by left in step 1"]
    assert (late["held"], late["from"]) == ([], {"x": 4})
    places = [told["places"][moment[2]]["locals"] for moment in told["moments"]]
    assert places == [{}, *[{"1. x": "1"}] * 3, {}, {}]


def test_a_replayed_trace_has_the_same_page(swapped):
    """The page of a token is the counterexample's own."""
    again = replay(MODELS["peterson_swapped"], swapped.token)
    now, then = data_of(again.to_html())["traces"][0], data_of(swapped.to_html())["traces"][0]
    assert now == then


def test_a_result_without_a_trace_has_a_page():
    """A model that holds and has no witness: its verdict and numbers, nothing to walk through."""
    data = data_of(check(MODELS["atomic_update"]).to_html())
    assert (data["about"]["verdict"], data["traces"]) == ("holds", [])


def test_what_repeats_is_written_once():
    """A trace of 200 steps and 60 variables stays below a megabyte."""
    trace = wide_trace()
    assert len(trace.to_html()) < 1_000_000


def wide_trace(steps: int = 200, variables: int = 60):
    """A long trace of many variables, of which each step changes one."""
    names = [f"table.entry[{i}]" for i in range(variables)]
    script = samples.Script("specs/wide.py", dict.fromkeys(names, (0, ("free", 0))))
    for i in range(steps):
        name, read = names[i * 7 % variables], names[i * 3 % variables]
        script.step(
            f"worker[{i * i % 5}]",
            10 + i % 9,
            f"{name} := fill({i})",
            reads=[read],
            writes={name: (i, ("used", i % 3))},
            locals={"i": i},
        )
    workers = [f"worker[{i}]" for i in range(5)]
    final = tuple(ProcessStatus(w, "ready", "loop", "specs/wide.py", 3) for w in workers)
    moments = [
        Moment(final, {w: {"i": i, "w": w} for w in workers}, {"safe": i < steps})
        for i in range(steps + 1)
    ]
    return evolve(script.trace("wide", final), moments=tuple(moments))
