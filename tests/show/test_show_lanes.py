"""The lanes picture: well-formed whatever it shows, complete, and as wide as it says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from attrs import evolve
from hypothesis import given, settings

from modelcheck.show.lanes import lanes_svg
from modelcheck.show.layout import plan, rows
from modelcheck.show.palette import ROOT
from modelcheck.show.trace import ProcessStatus

from . import samples, snapshot
from .strategies import traces

SVG = "{http://www.w3.org/2000/svg}"


def parsed(trace):
    """The picture's root element."""
    return ET.fromstring(lanes_svg(trace))


def texts(root):
    """All text that is drawn, tooltips not included."""
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", samples.ALL)
def test_pictures_are_as_they_were(name):
    """The SVG of each sample equals its snapshot."""
    snapshot.check(f"{name}.lanes.svg", lanes_svg(samples.ALL[name]()))


def test_hostile_texts_stay_text():
    """Markup in values makes no element, attribute, handler or reference of its own."""
    root = parsed(samples.hostile())
    allowed = {"svg", "g", "title", "desc", "style", "rect", "circle", "path", "text", "tspan"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == allowed
    assert not [a for e in root.iter() for a in e.attrib if a.startswith("on") or "href" in a]
    assert any("<script>alert(" in text for text in texts(root))


def test_the_picture_says_what_it_is_to_who_cannot_see_it():
    """It has the role of an image, with a title and a description."""
    root = parsed(samples.lockless_walk())
    named = {element.get("id"): element.text for element in root if element.get("id")}
    ids = root.get("aria-labelledby").split()
    assert root.get("role") == "img"
    assert "Invariant violated: no_use_after_free" in named[ids[0]]
    assert "15. walker[0]: READ_ONCE(mm.ptes[0])" in named[ids[1]]


def test_the_picture_needs_nothing_from_elsewhere():
    """No reference to a network, a font or a script; the style is the picture's own."""
    svg = lanes_svg(samples.lockless_walk())
    assert re.findall(r"https?://[^\"']*", svg) == ["http://www.w3.org/2000/svg"]
    assert "@import" not in svg
    assert "url(" not in svg
    style = (
        svg.partition("<style>")[2]
        .partition("</style>")[0]
        .replace("@media (prefers-color-scheme:dark){", "")
    )
    selectors = [s for rule in style.split("}") for s in rule.partition("{")[0].split(",")]
    assert all(s.strip().startswith(f".{ROOT} ") for s in selectors if s.strip())


@pytest.mark.parametrize(("steps", "processes"), [(0, 1), (1, 1), (200, 6), (60, 12), (40, 14)])
def test_every_step_has_a_box_however_many(steps, processes):
    """Each step is a group with a tooltip, and each process has a header and a final place."""
    root = parsed(samples.long_values(steps, processes))
    kinds = [group.get("class") for group in root.iter(f"{SVG}g")]
    assert kinds.count("step") == steps
    assert kinds.count("standing") == processes
    assert kinds.count("lane") == processes + 1
    assert all(group.find(f"{SVG}title") is not None for group in root.iter(f"{SVG}g"))


def test_a_violated_initial_state_is_a_picture_too():
    """A trace without a step shows the banner and the places."""
    trace = samples.lost_update()
    empty = evolve(trace, steps=(), states=trace.states[:1])
    assert any(text.startswith("Violated at the end") for text in texts(parsed(empty)))


@pytest.mark.parametrize("letters", [30, 400, 2_000])
def test_the_whole_token_is_in_the_picture(letters):
    """A long one takes several lines, in order, none of which is cut."""
    token = "mc1." + "".join(str(i % 10) for i in range(letters))
    found = texts(parsed(evolve(samples.lost_update(), token=token)))
    after = [text.removeprefix("replay token ") for text in found if set(text) & set("m0123456789")]
    assert token in "".join(after)
    assert not any("…" in text for text in after[-3:])


def test_lanes_of_one_long_name_keep_their_numbers():
    """What is cut is the name: the heads of two instances differ."""
    script = samples.Script("m.py", {"x": 0})
    names = [f"{'walker_' * 9}[{i}]" for i in range(2)]
    for name in names:
        script.step(name, 3, "x", reads=["x"])
    final = tuple(ProcessStatus(name, "finished") for name in names)
    heads = [text for text in texts(parsed(script.trace("m", final))) if text.startswith("walker")]
    assert [head.partition("…")[2] for head in heads] == ["[0]", "[1]"] * 2  # above and below


def test_a_walk_is_headed_as_one():
    """Neither a witness nor a counterexample."""
    found = texts(parsed(evolve(samples.witness(), shows="random walk")))
    assert "Random walk" in found
    assert any(text.startswith("random walk, ") for text in found)


def test_a_witness_is_not_red():
    """Without a violation the banner is green and nothing is marked as bad."""
    svg = lanes_svg(samples.witness()).partition("</style>")[2]
    assert "fgoodwash" in svg
    assert "sbad" not in svg


@pytest.mark.parametrize("name", samples.ALL)
def test_nothing_lies_outside_and_no_rows_overlap(name):
    """All boxes lie within the picture; each row begins where the one before has ended."""
    trace = samples.ALL[name]()
    root = parsed(trace)
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert x >= 0
        assert x + float(rect.get("width")) <= width
        assert y + float(rect.get("height")) <= height
    planned = plan(trace)
    placed = rows(trace, planned, 0)
    ends = [row.y + row.height for row in placed]
    assert all(row.y >= end for row, end in zip(placed[1:], ends, strict=False))


def test_lanes_do_not_overlap():
    """The memory lies between the processes and every column ends before the next begins."""
    planned = plan(samples.long_values(1, 5))
    lanes = sorted([*planned.lanes.values(), planned.memory], key=lambda lane: lane.x)
    assert lanes[3] is planned.memory
    assert all(a.x + a.width < b.x for a, b in zip(lanes, lanes[1:], strict=False))


def test_what_is_read_names_who_wrote_it():
    """The number of the writing step stands beside the value that another step reads."""
    svg = lanes_svg(samples.lockless_walk())
    row = svg[svg.index("15. walker[0]: READ_ONCE(mm.ptes[0])") :]
    assert ">FREED<" in row
    assert ">14<" in row


@settings(deadline=None)
@given(traces())
def test_any_trace_is_well_formed(trace):
    """No name, label, message or value breaks the XML."""
    assert parsed(trace).tag == f"{SVG}svg"
