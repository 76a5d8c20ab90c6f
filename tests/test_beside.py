"""Two traces side by side: a counterexample, and the same schedule in another model."""

from __future__ import annotations

import re

import pytest
from commandline import CLASSIC, models, run
from show.browser import PHONE, Page, chromium

from modelcheck import check, replay
from modelcheck.loading import find
from modelcheck.results.beside import follow

PETERSON = f"{CLASSIC}/peterson.py"
UPDATES = f"{CLASSIC}/lost_update.py"


def beside(broken: str, repaired: str):
    """The counterexample of one model, and what the other did on its schedule."""
    [model], [other] = find(broken), find(repaired)
    trace = check(model).trace
    return trace, follow(trace, other), other


def test_the_repaired_twin_parts_where_its_guard_is_false():
    """Peterson's lock lets the second one wait at the very step that lets it in when swapped."""
    trace, found, other = beside(f"{PETERSON}:peterson_swapped", f"{PETERSON}:peterson")
    assert [bool(why) for why in found.parted] == [False, False, True, True, False, False]
    assert found.first == 3
    assert found.parted[3] == (
        "user[1] cannot step here: it waits at `until not s.wants[other] or s.turn == me`, "
        "and sees wants[0] = True, turn = 0"
    )
    assert replay(other, found.trace.token).states == found.trace.states
    assert not all(p.label == "critical" for p in found.trace.final)
    assert len(trace) == 6


def test_a_model_follows_its_own_counterexample():
    """Step by step, to the same states, whatever kind of violation it ends in."""
    for target in (f"{PETERSON}:peterson_swapped", f"{CLASSIC}/filter_lock.py:filter_lock_short",
                   f"{CLASSIC}/philosophers.py:greedy_philosophers"):  # fmt: skip
        trace, found, _ = beside(target, target)
        assert found.parted == ("",) * len(trace)
        assert found.at == tuple(range(len(trace) + 1))
        assert found.trace.states == trace.states


def test_processes_of_other_names_go_by_their_order():
    """The atomic twin's `add` stands beside the load; nothing is left to stand by the store."""
    trace, found, _ = beside(f"{UPDATES}:lost_update", f"{UPDATES}:atomic_update")
    assert [step.process for step in found.trace.steps] == ["add[0]", "add[1]"]
    assert found.at == (0, 1, 2, 2, 2)
    assert found.parted[2] == "add[1] has finished, or has not started"


TWINS = """
@process
def short(s):
    yield s.x.add(1)
    yield s.y.set(1)

@process
def long(s):
    yield s.x.add(1)
    yield label("barrier")
    yield s.y.set(1)

@process
def chooser(s):
    seen = yield choose(1, 2, 3)
    yield s.x.set(seen)

@always
def y_is_not_set(s):
    return s.y == 0

@always
def not_three(s):
    return s.x != 3

@model(expect="violated", by="y_is_not_set")
def without():
    s = S()
    return System(s, [short(s).named("p")], [y_is_not_set])

@model
def with_fence():
    s = S()
    return System(s, [long(s).named("p")])

@model
def nobody():
    return System(S(), [])

@model(expect="violated", by="not_three")
def chosen():
    s = S()
    return System(s, [chooser(s)], [not_three])
"""


@pytest.fixture
def twins(tmp_path):
    """A file of twins."""
    return models(tmp_path / "twins.py", TWINS)


def test_steps_that_only_the_twin_has_are_taken_on_the_way(twins):
    """A barrier that was put in is walked over, and stands beside the step behind it."""
    _, found, _ = beside(f"{twins}:without", f"{twins}:with_fence")
    assert found.at == (0, 1, 3)
    assert found.parted == ("", "")
    _, back, _ = beside(f"{twins}:without", f"{twins}:nobody")
    assert back.parted == ("there is no p here",) * 2
    assert back.first == 1


def test_of_several_outcomes_the_same_is_taken(twins):
    """A choice falls as it did in the counterexample."""
    trace, found, _ = beside(f"{twins}:chosen", f"{twins}:chosen")
    assert trace.states[-1]["x"] == 3
    assert found.trace.states == trace.states


def test_the_command_says_where_they_part(tmp_path):
    """A line a step, why the other model did not take it, and a page with both."""
    page = tmp_path / "page.html"
    done = run(
        "compare", f"{PETERSON}:peterson_swapped", f"{PETERSON}:peterson", "--html", str(page)
    )
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "peterson_swapped, 6 steps; beside it peterson"
    assert lines[2] == "      there after wants[0] := True"
    assert lines[5] == "   3. user[1]: wants[1] := True (peterson.py:33)"
    assert lines[6].startswith("      user[1] cannot step here: it waits at")
    assert lines[8] == "      not yet"
    assert lines[-1] == "peterson takes 4 of these 6 steps, and 5 of its own."
    assert page.read_text("ascii").startswith("<!DOCTYPE html>")


SWAPS = """
@process
def swapper(s):
    seen, touched = yield atomic(lambda: (s.x, s.y))
    if (yield s.x.cas(seen, 9).named("swap")) == seen:
        yield label("after")

@process
def toucher(s, back):
    yield s.y.set(1).named("touch")
    yield s.x.set(back).named("put back")

@always
def nothing_came_between(s):
    return s.x != 9 or s.swapper.done or s.swapper.local.touched == s.y or s.toucher.running

@model
def untagged():
    s = S()
    return System(s, [swapper(s), toucher(s, 0)], [nothing_came_between])

@model
def tagged():
    s = S()
    return System(s, [swapper(s), toucher(s, 4)], [nothing_came_between])
"""


def test_a_step_that_does_something_else_is_told(tmp_path):
    """The twin takes the same steps, but swaps nothing where the other does."""
    file = models(tmp_path / "swaps.py", SWAPS)
    lines = run("compare", f"{file}:untagged", f"{file}:tagged").stdout.splitlines()
    assert [line.split(" (")[0] for line in lines[2:-1]] == [
        "   2. toucher: touch",
        "   3. toucher: put back",
        "      there it changes x, here nothing",
        "   4. swapper: swap",
        "      there it changes nothing, here x",
    ]
    assert lines[-1] == "tagged takes 4 of these 4 steps."


def test_steps_of_its_own_are_told(twins):
    """A barrier that only the twin has."""
    lines = run("compare", f"{twins}:without", f"{twins}:with_fence").stdout.splitlines()
    assert "      there after barrier" in lines
    assert lines[-1] == "with_fence takes 2 of these 2 steps, and 1 of its own."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([f"{PETERSON}:peterson", f"{PETERSON}:peterson"], "there is no counterexample to follow"),
        ([f"{PETERSON}:peterson_swapped", f"{PETERSON}:pet"], "pet"),
        (
            [f"{PETERSON}:peterson_swapped", f"{PETERSON}:peterson", "-p", "n=2"],
            "no model here has",
        ),
    ],
)
def test_what_cannot_be_compared_is_told(arguments, said):
    """A model that holds, a model that is not there, a parameter that neither has."""
    done = run("compare", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_both_are_on_the_page_and_move_together(tmp_path):
    """The step beside the one shown stands out, why there is none is told, on a phone too."""
    page_file = tmp_path / "page.html"
    run("compare", f"{PETERSON}:peterson_swapped", f"{PETERSON}:peterson", "--html", str(page_file))
    with chromium() as browser:
        page = Page(browser, page_file.as_uri() + "#step-2")
        now = "#other a.row.now"
        assert page.page.locator("#other a.row").count() == 10
        assert page.page.locator(now).get_attribute("data-index") == "4"
        assert not page.page.locator("#parted").is_visible()
        page.press("ArrowRight")
        assert page.text("#parted").startswith("peterson: user[1] cannot step here: it waits at")
        assert page.page.locator("a.row.alone").count() == 2
        page.page.locator("#other a.row[data-index='5']").click()
        assert page.count() == "5 / 6"
        page.page.get_by_role("tab", name=re.compile("^peterson$")).click()
        assert not page.page.locator("#other").is_visible()
        assert page.complaints == []
        phone = Page(browser, page_file.as_uri() + "#step-3", size=PHONE)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert phone.page.locator("#other").is_visible()
