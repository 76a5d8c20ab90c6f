"""Rich displays: what a notebook shows of results, traces, models and state graphs."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from commandline import CLASSIC

from modelcheck import check, model
from modelcheck.loading import load
from modelcheck.results.graph import graph_of
from modelcheck.show import stategraph
from show import samples
from show.browser import chromium
from show.test_show_html import Reader

MODELS = {made.name: made for made in load(CLASSIC)}


def well_formed(fragment: str) -> ElementTree.Element:
    """The fragment as XML, which ours is: every element is closed, every value escaped."""
    closed = fragment.replace("<br>", "<br/>")
    return ElementTree.fromstring(f"<div>{closed}</div>")


@pytest.mark.parametrize("name", samples.ALL)
def test_a_trace_shows_its_picture_and_its_page(name):
    """One picture, one frame, and values that are attacks are only text, twice escaped."""
    told = samples.ALL[name]()._repr_html_()
    read = well_formed(told)
    tags = [element.tag.rpartition("}")[2] for element in read.iter()]
    assert (tags.count("svg"), tags.count("iframe")) == (1, 1)
    assert "script" not in tags
    frame = dict(Reader(told).elements)["iframe"]
    assert frame["sandbox"] == "allow-scripts"
    assert frame["srcdoc"] == samples.ALL[name]().to_html()


def test_a_result_shows_its_verdict():
    """The verdict and the numbers come first; what holds without a witness has no frame."""
    told = check(MODELS["peterson_swapped"])._repr_html_()
    text = "".join(well_formed(told).itertext())
    assert "peterson_swapped: violated: invariant mutual_exclusion" in text
    holds = check(MODELS["atomic_update"])._repr_html_()
    assert "atomic_update(n=2): holds" in holds
    assert "<iframe" not in holds


def test_a_model_shows_its_parameters():
    """What a model is, what it expects, its parameters with their defaults, escaped."""

    @model(expect="violated")
    def tricky(n: str = "<b>&"):
        """Ask <i>it</i>."""

    text = "".join(well_formed(tricky._repr_html_()).itertext())
    assert text == "tricky: Ask <i>it</i>.expectsviolatedn'<b>&'"


def test_a_state_graph_draws_itself(monkeypatch):
    """An SVG where Graphviz is there, nothing where it is not."""
    graph = graph_of(MODELS["peterson"])
    assert ElementTree.fromstring(graph._repr_svg_()).tag.endswith("svg")

    def refuse(*_):
        raise stategraph.UsageError("no Graphviz")

    monkeypatch.setattr(stategraph, "image", refuse)
    assert graph._repr_svg_() is None


def test_the_page_works_within_a_frame(tmp_path):
    """In a frame that may run scripts and nothing else, the steps and their keys work."""
    page = tmp_path / "notebook.html"
    told = check(MODELS["peterson_swapped"])._repr_html_().replace("<details>", "<details open>")
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8>{told}", encoding="utf-8")
    with chromium() as browser:
        opened = browser.new_page()
        complaints = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.goto(page.as_uri())
        frame = opened.frame_locator("iframe")
        opened.locator("iframe").scroll_into_view_if_needed()
        frame.locator("#back").click()
        assert frame.locator("#count").inner_text() == "5 / 6"
        frame.locator("#back").press("ArrowLeft")
        assert frame.locator("#count").inner_text() == "4 / 6"
        assert complaints == []
