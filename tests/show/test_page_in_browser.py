"""The page in a browser: steps, keys, fragments, values that are attacks, speed, sizes, colours."""

from __future__ import annotations

import pytest
from commandline import CLASSIC, ROOT

from modelcheck import graph_of
from modelcheck.check import check
from modelcheck.loading import find, load
from modelcheck.show.stategraph import Edge, Node, StateGraph
from show import samples
from show.browser import PHONE, Page, chromium
from show.test_show_html import wide_trace

SLOWEST_MS = 150
"""A step may take so long to be shown, most of the time: a shared machine has bad moments."""


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests of this file."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pages, each written once."""
    folder = tmp_path_factory.mktemp("pages")
    models = {model.name: model for model in load(CLASSIC)}
    made = {
        "peterson": check(models["peterson_swapped"]),
        "buffer": check(models["hungry_consumer"]),
        "holds": check(models["atomic_update"]),
        "wide": wide_trace(),
        "wake_up": check(find(f"{ROOT}/examples/06_wake_up.py:lost_wake_up")[0], memory="tso"),
        **{name: make() for name, make in samples.ALL.items()},
    }
    made["buffers"] = samples.store_buffering("tso")
    for name in ("peterson_swapped", "lost_update"):
        result = check(models[name])
        page = result.to_html(graph_of(models[name], result=result))
        (folder / f"{name}.html").write_text(page, encoding="ascii")
    hostile = StateGraph((Node(0, "<b>&\n</script>"),), (Edge(0, 0, "<i>", "<u>"),), "<p>")
    graph = check(models["lost_update"]).to_html(hostile)
    (folder / "hostile_graph.html").write_text(graph, encoding="ascii")
    (folder / "no_graph.html").write_text(made["holds"].to_html("Too <b>many</b>."))
    for name, result in made.items():
        (folder / f"{name}.html").write_text(result.to_html(), encoding="ascii")
    return folder


@pytest.fixture
def show(browser, folder):
    """Open a page by its name; at the end of the test it must not have complained or loaded."""
    opened = []

    def show(name, fragment="", **more):
        page = Page(browser, (folder / f"{name}.html").as_uri() + fragment, **more)
        opened.append(page)
        return page

    yield show
    for page in opened:
        page.context.close()
        assert page.complaints == []
        assert len(page.requests) == 1, page.requests


def test_the_last_state_of_a_counterexample_comes_first(show):
    """What is wrong is what one wants to see: the failing step, its property, its source line."""
    page = show("peterson")
    assert page.count() == "6 / 6"
    assert page.texts(".properties .false .name") == ["mutual_exclusion"]
    assert page.texts(".properties .true .name") == ["somebody_enters"]
    assert page.text(".line.taken code").strip().startswith("yield until(")
    assert page.text(".story li.now").startswith("It runs until not s.wants[other]")


def test_keys_walk_through_the_trace(show):
    """Arrows step, page keys go by turns, Home and End to the ends, and no key leads beyond."""
    page = show("peterson", "#step-0")
    seen = []
    for key in ("ArrowRight", "j", "ArrowLeft", "PageDown", "PageDown", "PageUp", "End",
                "ArrowRight", "Home", "k"):  # fmt: skip
        page.press(key)
        seen.append(page.count().split(" ")[0])
    assert seen == ["1", "2", "1", "2", "5", "2", "6", "6", "0", "0"]


def test_the_mouse_walks_too(show):
    """A click on a step, on a sentence, on a mark of a property, on a button."""
    page = show("peterson")
    page.page.locator('.row[data-index="3"]').click()
    assert page.count() == "3 / 6"
    page.page.locator(".story li[data-index='2'] a").click()
    assert page.count() == "2 / 6"
    page.page.locator(".strip").first.locator("i").nth(5).click()
    assert page.count() == "5 / 6"
    page.page.locator("#back").click()
    assert page.count() == "4 / 6"
    page.page.locator("input[type=range]").fill("1")
    assert page.count() == "1 / 6"


def test_each_step_has_its_fragment(show):
    """The address names the state, leads back to it, and takes nonsense for nothing said."""
    page = show("peterson", "#step-4")
    assert page.count() == "4 / 6"
    page.press("ArrowRight")
    assert page.page.url.endswith("#step-5")
    page.page.evaluate("location.hash = '#step-2'")
    page.page.locator("#count", has_text="2 / 6").wait_for()
    assert show("peterson", "#step-99").count() == "6 / 6"
    assert show("peterson", "#nonsense").count() == "6 / 6"
    assert show("peterson", "#trace-9-step-1").count() == "6 / 6"


def test_witnesses_can_be_walked_through_as_well(show):
    """The traces of a result are tabs, with fragments of their own."""
    page = show("peterson")
    page.page.get_by_role("tab", name="Witness: somebody_enters").click()
    assert page.count() == "0 / 3"
    page.press("End")
    assert page.page.url.endswith("#trace-2-step-3")
    assert page.text(".banner") == "Witness"
    assert show("peterson", "#trace-2-step-2").count() == "2 / 3"


def test_variables_are_filtered_hidden_and_pinned(show):
    """The three views, the filter, and a pin that outlives both."""
    page = show("peterson", "#step-1")
    names = "table.variables th"
    assert page.texts(names) == ["turn", "wants[0]", "wants[1]"]
    assert page.texts("table.variables tr.changed td.value") == ["0 \u2192 1"]
    page.press("3")
    assert page.texts(names) == ["turn"]
    page.press("1", "/")
    page.page.keyboard.type("WANTS")
    assert page.texts(names) == ["wants[0]", "wants[1]"]
    page.page.get_by_label("pin wants[1]").click()
    assert page.texts(names) == ["wants[1]", "wants[0]"]
    page.page.locator("#filter").fill("turn")
    assert page.texts(names) == ["wants[1]", "turn"]
    page.page.locator("#filter").press("Escape")
    page.press("ArrowRight")
    assert page.count() == "2 / 6"
    assert page.texts(names) == ["wants[1]", "turn"]


def test_changes_inside_a_value_are_told(show):
    """Of a long value the parts that changed, came and went."""
    page = show("long_values", "#step-1")
    [change] = page.texts("tr.changed td.value .part")
    assert change.endswith("+ 'VM_HUGEPAGE'")
    page = show("buffer", "#step-4")
    assert page.texts("tr.changed td.value") == ["{('a', 0)}\n+ ('a', 0)"]


def test_reads_from_arrows_are_drawn(show):
    """An arrow for each value read that some step wrote; those of the step shown stand out."""
    page = show("peterson", "#step-6")
    assert page.page.locator("svg.arcs g").count() == 2
    assert page.page.locator("svg.arcs g.strong").count() == 2
    page.press("ArrowLeft")
    assert page.page.locator("svg.arcs g.strong").count() == 0


def test_the_state_graph_is_a_view_with_the_trace_on_it(show):
    """A key or a tab shows it; the state shown stands out; a click goes there; witnesses too."""
    page = show("peterson_swapped", "#step-2")
    node = "svg.states .node"
    assert page.page.locator(node).count() == 0  # not drawn before it is looked at
    page.press("g")
    assert page.page.locator(node).count() == 50
    assert page.page.locator(f"{node}.been").count() == 3
    here = page.page.locator(f"{node}.here")
    assert here.text_content().startswith("turn = 0")
    assert page.page.locator("svg.states .edge.on").count() == 6
    page.press("End")
    assert "violation" in here.get_attribute("class")
    shown, box = here.bounding_box(), page.page.locator(".states-box .scroll").bounding_box()
    for side, size in (("x", "width"), ("y", "height")):
        assert box[side] <= shown[side] <= box[side] + box[size] - shown[size]
    page.page.locator(f"{node}.initial").click()
    assert page.count() == "0 / 6"
    page.page.get_by_role("tab", name="Witness: somebody_enters").click()
    page.press("End")
    assert page.page.locator(f"{node}.been").count() == 4
    width = page.page.locator("svg.states").bounding_box()["width"]
    page.page.locator("#larger").click()
    assert page.page.locator("svg.states").bounding_box()["width"] == pytest.approx(width * 1.25, 1)
    page.page.locator("#view-lanes").click()
    assert not page.page.locator("svg.states").is_visible()


def test_texts_of_a_graph_stay_in_their_boxes(show):
    """Whatever fonts there are, no line of a state is wider than its box, or sticks out of it."""
    page = show("lost_update", "#step-0")
    page.press("g")
    out = page.page.evaluate("""() => [
        ...document.querySelectorAll("svg.states .node")].filter((node) => {
        const box = node.querySelector("rect").getBBox();
        return [...node.querySelectorAll("text")].some((text) => {
            const inner = text.getBBox();
            return inner.x < box.x || inner.x + inner.width > box.x + box.width
                || inner.y < box.y || inner.y + inner.height > box.y + box.height + 1;
        });
    }).length""")
    assert out == 0


def test_a_hostile_graph_is_text_and_a_missing_one_says_why(show):
    """Labels full of markup are read; where there is no graph stands why."""
    page = show("hostile_graph")
    page.press("g")
    assert page.page.locator("svg.states .node text").first.text_content() == "<b>&"
    assert page.text("#graph-note") == "<p>"
    assert page.page.locator("#app b b, #app svg.states i").count() == 0
    assert show("no_graph").page.locator("#graph-note").count() == 0  # nothing to walk through


def test_a_page_without_a_graph_has_no_view_of_it(show):
    """No tab, and the key does nothing."""
    page = show("peterson")
    page.press("g")
    assert page.page.locator("#view-graph").count() == 0
    assert page.page.locator(".lanes").is_visible()


def test_a_buffer_s_step_has_no_line_and_a_store_says_that_it_waits(show):
    """What is nobody's source has no place; a store nobody sees stands in the buffer's lane."""
    page = show("wake_up")
    boxes = page.texts("a.row .box")
    assert "asleep := True" in page.texts("a.row .cell")
    assert "asleep := True still waits" in page.texts("a.row .cell")
    assert "line" in boxes[0]
    assert "becomes visible" in boxes[-1].replace("\n", " ")
    assert "line" not in boxes[-1]


def test_store_buffers_have_lanes(show):
    """What is stored, what waits unseen, and what becomes visible stand in the buffer's lane."""
    page = show("buffers", "#step-3")
    assert page.texts(".head.store") == ["memory", "left's store buffer"]
    lane = page.page.locator(".head.store").nth(1).bounding_box()
    shown = ['[data-index="1"] .cell', '[data-index="3"] .access.idle', '[data-index="4"] .box']
    for place in shown:
        box = page.page.locator(f".row{place}").bounding_box()
        assert lane["x"] - 2 <= box["x"] < lane["x"] + lane["width"], place
    assert "still waits" in page.text(".row[data-index='3'] .access.idle")


def test_the_source_follows_the_chosen_process(show):
    """The tab of a process shows where it stands; the marks say who is about to run what."""
    page = show("peterson", "#step-1")
    assert page.text(".line.here").split()[0] == "32"
    page.page.locator("#code [role=tab]").nth(0).click()
    page.page.locator("#code [role=tab]").nth(1).click()
    assert page.page.locator("#code [aria-selected=true]").inner_text() == "user[1]"
    page.press("End")
    marks = page.page.locator(".line .marks i")
    assert marks.count() == 2
    assert {marks.nth(i).get_attribute("title") for i in (0, 1)} == {
        f"user[{i}] is about to run this" for i in (0, 1)
    }


def test_the_source_of_a_buffer_s_step_is_the_line_that_stored(show):
    """The buffer has no code of its own: what becomes visible was stored somewhere."""
    page = show("wake_up")
    assert page.text("#code [aria-selected=true]").endswith("'s store buffer")
    assert "queue.asleep, True" in page.text("#code .line.here.taken")


def test_values_that_are_attacks_stay_text(show):
    """Names, labels, values and sources full of markup and script do nothing but be read."""
    page = show("hostile", "#step-1")
    for _ in range(len(samples.HOSTILE)):
        page.press("ArrowRight")
    assert page.page.evaluate("document.querySelectorAll('#app script, #app b script').length") == 0
    assert page.page.title().startswith("<script>alert(1)</script>")
    assert any("<script>alert(1)</script>" in text for text in page.texts("td.value"))


def test_the_policy_keeps_the_page_from_markup_and_network(browser, folder):
    """Even a script that got in could neither make markup of a text nor load anything."""
    page = Page(browser, (folder / "peterson.html").as_uri())
    said = page.page.evaluate("""() => {
        const tried = {};
        try { document.body.innerHTML = "<b>x</b>"; tried.markup = "done"; }
        catch (error) { tried.markup = error.name; }
        return fetch("https://example.org/").then(() => ({ ...tried, fetch: "done" }),
            (error) => ({ ...tried, fetch: error.name }));
    }""")
    page.context.close()
    assert said == {"markup": "TypeError", "fetch": "TypeError"}


def test_a_long_wide_trace_stays_quick(show):
    """Of 200 steps and 60 variables each step is shown at once, and the page opens in no time."""
    page = show("wide", "#step-100")
    page.press("1")
    assert page.page.locator("table.variables tr").count() == 60
    assert page.page.locator("a.row").count() == 201
    times = page.page.evaluate("""async () => {
        const times = [];
        for (let i = 0; i < 12; i++) {
            const start = performance.now();
            document.getElementById(i % 4 ? "on" : "turn-back").click();
            document.body.getBoundingClientRect();
            times.push(performance.now() - start);
            await new Promise(requestAnimationFrame);
        }
        return times;
    }""")
    assert sorted(times)[len(times) // 2] < SLOWEST_MS, times
    opened = page.page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    assert opened < 3_000


@pytest.mark.parametrize("name", ["peterson", "lockless_walk", "long_values", "wide", "hostile"])
def test_a_phone_scrolls_down_and_not_across(show, name):
    """On a narrow screen nothing sticks out, and the bar can be reached with a thumb."""
    page = show(name, size=PHONE, has_touch=True)
    across = "[document.documentElement.scrollWidth, innerWidth]"
    width, room = page.page.evaluate(across)
    assert width <= room
    bar = page.page.locator(".bar").bounding_box()
    assert bar["y"] + bar["height"] == pytest.approx(PHONE[1], abs=2)
    before = page.count()
    page.page.locator("#back").tap()
    assert page.count() != before or before.startswith("0 ")


def test_dark_where_the_system_is_dark(show):
    """The colours follow the system, and the button or a key changes them."""
    background = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(255, 255, 255)", "rgb(14, 20, 27)"
    assert show("peterson").page.evaluate(background) == light
    page = show("peterson", color_scheme="dark")
    assert page.page.evaluate(background) == dark
    page.press("t")
    assert page.page.evaluate(background) == light
    page.page.locator("#theme").click()
    assert page.page.evaluate(background) == dark


def test_paper_has_the_whole_story_in_light(show):
    """Printed, even from a dark screen, it is light, has no controls, and every step shows."""
    page = show("peterson", color_scheme="dark")
    page.page.emulate_media(media="print", color_scheme="dark")
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert not page.page.locator(".bar").is_visible()
    box, inner = page.page.evaluate(
        "[document.querySelector('.scroll').clientHeight, "
        "document.querySelector('.lanes').scrollHeight]"
    )
    assert box >= inner - 2


def test_the_help_lists_the_keys(show):
    """A question mark opens the list, and Escape closes it."""
    page = show("peterson")
    page.press("?")
    assert "step back, step on" in page.text("dialog")
    page.press("Escape", "ArrowLeft")
    assert page.count() == "5 / 6"


def test_a_model_that_holds_has_a_page_without_steps(show):
    """Its verdict and numbers, and nothing to walk through."""
    page = show("holds")
    assert page.text(".verdict") == "holds"
    assert page.page.locator(".bar").count() == 0


def test_without_script_the_story_can_be_read(browser, folder):
    """Where script is off, as in some mail programs, the page is the narrative."""
    page = Page(browser, (folder / "peterson.html").as_uri(), java_script_enabled=False)
    assert "Turn 1. user[0] starts." in page.text("noscript pre")
    page.context.close()
