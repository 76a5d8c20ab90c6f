"""`modelcheck explore`: walks, why not, nearest states, and who may ask."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from commandline import CLASSIC, COMMAND, environment, models
from show.browser import PHONE, Page, chromium

from modelcheck import check, replay
from modelcheck.errors import ModelError, UsageError
from modelcheck.loading import find
from modelcheck.results.exploring import Explorer

pytest.importorskip("werkzeug")

PETERSON = f"{CLASSIC}/peterson.py:peterson_swapped"


def explorer(target: str = PETERSON, **parameters) -> Explorer:
    """An explorer of a model."""
    return Explorer(find(target)[0], parameters)


def walk(where: Explorer, *wanted: str):
    """The view after steps of these processes, in this order."""
    view = where.view(())
    for name in wanted:
        [choice] = [c for c in view.choices if c.process == name]
        view = where.view((*view.moves, choice.move))
    return view


def test_a_walk_offers_each_step_that_can_be_taken():
    """At first both users can step; the preview says what a step would write."""
    view = explorer().view(())
    assert [(c.process, c.label) for c in view.choices] == [
        ("user[0]", "turn := 1"),
        ("user[1]", "turn := 0"),
    ]
    assert [(w.name, w.old, w.new) for w in view.choices[0].writes] == [("turn", 0, 1)]
    assert view.waiting == ()
    assert len(view.trace) == 0


def test_why_not_names_the_guard_and_the_values():
    """Of a process that cannot step: the condition's source, its line, what it reads."""
    one, other = "user[0]", "user[1]"
    view = walk(explorer(), one, one, other, other)
    [waiting] = view.waiting
    assert waiting.process == other
    assert waiting.label == "until not s.wants[other] or s.turn == me"
    assert waiting.line == 34
    assert {(r.name, r.value) for r in waiting.reads} == {("wants[0]", True), ("turn", 0)}
    assert [c.process for c in view.choices] == [one]


def test_the_nearest_violation_is_as_far_as_the_shortest_counterexample():
    """From the beginning it is the counterexample; from later on what is left of a way there."""
    where = explorer()
    shortest = check(where.model).trace
    found = where.violation(())
    assert len(found.moves) == len(shortest) == 6
    assert where.view(found.moves).trace.moments[-1].answers["mutual_exclusion"] is False
    later = where.violation(found.moves[:4])
    assert len(later.moves) == 6


@pytest.mark.parametrize(
    ("target", "steps"),
    [
        ("philosophers.py:greedy_philosophers", 5),  # a deadlock
        ("filter_lock.py:filter_lock_short", 15),  # an assertion
        ("lost_update.py:lost_update", 4),  # at the end
        ("peterson.py:peterson", None),
        ("philosophers.py:philosophers", None),
        ("lost_update.py:atomic_update", None),
    ],
)
def test_every_kind_of_violation_is_found(target, steps):
    """As near as the checker finds it, and none where the model holds."""
    found = explorer(f"{CLASSIC}/{target}").violation(())
    assert (found.moves and len(found.moves)) == steps
    assert found.reason == ""


def test_nothing_comes_after_a_step_that_failed():
    """The walk ends there: no choice, and a search says why it finds nothing."""
    where = explorer(f"{CLASSIC}/filter_lock.py:filter_lock_short")
    moves = where.violation(()).moves
    view = where.view(moves)
    assert view.choices == view.waiting == ()
    assert "the last step failed" in where.violation(moves).reason


def test_a_typed_predicate_is_a_property():
    """It sees values, places and local variables; the nearest state where it is true is found."""
    where = explorer()
    found = where.satisfying((), "s.turn == 1 and s.wants[0]")
    assert len(found.moves) == 2
    found = where.satisfying((), 'all(p.at("critical") for p in s.user)')
    assert len(found.moves) == 6
    assert where.satisfying((), "s.turn == 7").moves is None
    with pytest.raises(UsageError, match="no expression of Python"):
        where.satisfying((), "s.turn =")
    with pytest.raises(UsageError, match="no expression of Python"):
        where.satisfying((), "1) + (import os")
    with pytest.raises(ModelError):
        where.satisfying((), "s.nonsense")


def test_the_graph_of_a_walk_is_the_whole_of_a_small_model():
    """In the same order whatever the walk; of a large model it is what lies near the walk."""
    where = explorer()
    moves = where.violation(()).moves
    start, end = where.graph(()), where.graph(moves)
    assert start.nodes == end.nodes
    assert len(end.nodes) == 50
    assert len(end.paths[0]) == len(moves) + 1
    large = explorer(f"{CLASSIC}/filter_lock.py:filter_lock_short")
    near = large.graph(large.violation(()).moves)
    assert len(near.nodes) == 60
    assert "Shown are 60 of" in near.note
    assert len(set(near.paths[0])) == 16


@pytest.mark.parametrize(
    ("target", "parameters", "reduced"),
    [("philosophers.py:philosophers", {"n": 4}, True), ("peterson.py:peterson", {}, None),
     ("lost_update.py:atomic_update", {"n": 3}, None)],
)  # fmt: skip
def test_what_is_left_out_is_what_a_reduced_search_leaves_out(target, parameters, reduced):
    """Taking only what is said to be enough, from the first state on, gives its states."""
    where = explorer(f"{CLASSIC}/{target}", **parameters)
    result = check(where.model(**parameters), reduction=True, engine="reference")
    seen, waiting = {}, [()]
    while waiting:
        moves = waiting.pop()
        view = where.view(moves)
        found = where.pruning(moves)
        assert found.reason == ""
        assert {c.move[0] for c in view.choices} == {*found.enough, *found.postponed}
        for choice in view.choices:
            if choice.move[0] in found.enough:
                longer = (*moves, choice.move)
                after = where.view(longer)
                key = str(after.trace.states[-1]), str(after.trace.moments[-1].standing)
                if key not in seen:
                    seen[key] = longer
                    waiting.append(longer)
    assert 0 < len(seen) <= result.states
    if reduced:
        assert len(seen) < check(where.model(**parameters)).states


def test_what_is_left_out_of_a_large_model_is_not_known(monkeypatch):
    """It would rest on too little, so it is not told."""
    monkeypatch.setattr("modelcheck.results.pruning.KNOWN", 20)
    found = explorer().pruning(())
    assert found.enough == found.postponed == ()
    assert found.reason == "the model has more than 20 states"


def test_moves_that_lead_nowhere_are_refused():
    """A move that cannot be taken names its place in the walk."""
    with pytest.raises(UsageError, match="step 2 cannot be taken"):
        explorer().view([(0, 0), (0, 9)])
    with pytest.raises(UsageError, match="step 1 cannot be taken"):
        explorer().view([(-1, 0)])


def test_a_shared_walk_is_the_same_walk():
    """The token of a walk leads there again, for `replay` too; of another model it is refused."""
    where = explorer()
    view = walk(where, "user[0]", "user[1]", "user[1]")
    assert where.of_token(view.trace.token).moves == view.moves
    assert replay(where.model, view.trace.token).states == view.trace.states
    with pytest.raises(UsageError, match="of the model 'peterson_swapped'"):
        explorer(f"{CLASSIC}/peterson.py:peterson").of_token(view.trace.token)
    fewer = explorer(f"{CLASSIC}/philosophers.py:philosophers", n=2).view(())
    with pytest.raises(UsageError, match="other parameters"):
        explorer(f"{CLASSIC}/philosophers.py:philosophers", n=3).of_token(fewer.trace.token)


@contextmanager
def served(target: str, *more: str):
    """A server in a process of its own; gives the process and its address."""
    command = [*COMMAND, "explore", target, "--no-browser", *more]
    pipe = subprocess.PIPE
    server = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment())
    try:
        line = server.stdout.readline()
        yield server, re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", line)[0]
    finally:
        server.terminate()
        server.communicate(timeout=20)


@pytest.fixture(scope="module")
def address():
    """The address of one server for the tests that only ask."""
    with served(PETERSON) as (_, address):
        yield address


def status(url: str, body: object = None, **headers: str) -> tuple[int, str]:
    """The status and the text of an answer."""
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=20) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_key_is_needed(address):
    """Without it, or with another, or with a part of it, there is nothing."""
    base, key = address.rstrip("/").rsplit("/", 1)
    assert status(address)[0] == 200
    for path in ("/", f"/{key}", f"/{key[:-1]}/", f"/{key}x/", f"/{'é' * 3}/", "/view"):
        assert status(base + urllib.request.quote(path))[0] == 404
    assert status(f"{base}/wrong/view", {"moves": []})[0] == 404


def test_other_sites_are_refused(address):
    """A page of another origin, or under another name for this machine, gets nothing."""
    view, asked = address + "view", {"moves": []}
    assert status(view, asked)[0] == 200
    assert status(view, asked, Origin="https://example.org")[0] == 404
    assert status(view, asked, Origin="null")[0] == 404
    assert status(view, asked, Sec_Fetch_Site="cross-site")[0] == 404
    assert status(address, Host="attacker.example")[0] == 404
    own = address.rsplit("/", 2)[0]
    assert status(view, asked, Origin=own, Sec_Fetch_Site="same-origin")[0] == 200


def test_answers_may_not_be_kept_or_framed(address):
    """No cache, no frame, no referrer with the key, no other origin that reads."""
    with urllib.request.urlopen(address, timeout=20) as got:
        headers = got.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "body",
    [7, None, [], {}, {"moves": 3}, {"moves": [[0]]}, {"moves": [["a", 0]]}, {"moves": [[0, 99]]}],
)
def test_nonsense_is_answered_with_an_error(address, body):
    """Whatever is asked, the server says what is wrong and goes on."""
    code, text = status(address + "view", {"nothing": 1} if body is None else body)
    assert code == 400
    assert json.loads(text)["error"]
    assert status(address + "view", {"moves": []})[0] == 200


def test_the_server_listens_on_this_machine_alone(address):
    """It is bound to the loopback address."""
    assert address.startswith("http://127.0.0.1:")


def test_a_changed_model_refuses_a_shared_walk(tmp_path):
    """The model is read anew when its file changes, and the link then says which step differs."""
    text = "@model\ndef m():\n    s = S()\n    return System(s, [adder(s), adder(s)], [small])\n"
    file = models(tmp_path / "m.py", text)
    with served(f"{file}:m") as (_, address):
        answer = json.loads(status(address + "view", {"moves": [[0, 0], [0, 0]]})[1])
        token = answer["data"]["traces"][0]["token"]
        assert status(f"{address}?walk={token}")[0] == 200
        file.write_text(file.read_text("utf-8").replace("seen + by", "seen + by + 0 * 1 + 1"))
        code, said = status(f"{address}?walk={token}")
        assert code == 400
        assert "has changed since this token was made: step 2 of 2 differs" in said


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests of this file."""
    with chromium() as running:
        yield running


def settled(page: Page, count: str) -> None:
    """Wait until the page is where it should be."""
    page.page.locator("#count", has_text=re.compile(f"^{count}$")).wait_for()


def test_a_walk_in_the_browser(browser, address):
    """Choose steps, see why not, look for a state, go back and walk on from there, share it."""
    page = Page(browser, address)
    assert page.count() == "0 / 0"
    page.page.locator(".choices button", has_text="user[0]").click()
    settled(page, "1 / 1")
    assert page.text(".counts") == "1 step (memory model sc)"
    page.page.locator("#violation").click()
    settled(page, "6 / 6")
    assert page.text(".banner") == "Here the walk stands"
    assert page.texts(".properties .false .name") == ["mutual_exclusion"]
    page.press("ArrowLeft", "ArrowLeft", "ArrowLeft")
    page.page.locator("#from-here").click()
    settled(page, "3 / 3")
    page.page.locator("#predicate").fill("s.wants[0] and s.wants[1]")
    page.page.locator("#find").click()
    page.page.locator("#answer", has_text="the nearest such state").wait_for()
    page.page.locator("#share").click()
    link = page.text("#answer")
    steps = page.count()
    page.context.close()
    assert page.complaints == []
    again = Page(browser, link)
    assert again.count() == steps
    again.context.close()


def test_the_state_graph_follows_the_walk_and_leads(browser, address):
    """It is asked for when it is looked at; each step moves on it, and a click walks to a state."""
    page = Page(browser, address)
    page.page.locator("#view-graph").click()
    page.page.locator("svg.states .node.here.initial").wait_for()
    assert page.page.locator("svg.states .node").count() == 50
    page.page.locator(".choices button", has_text="user[0]").click()
    settled(page, "1 / 1")
    assert page.page.locator("svg.states .node.been").count() == 2
    far = page.page.locator("svg.states .node", has_text="user[1] @ 35: critical").first
    wanted = far.text_content()
    far.dispatch_event("click")
    page.page.locator("svg.states .node.here", has_text="user[1] @ 35: critical").wait_for()
    assert page.page.locator("svg.states .node.here").text_content() == wanted
    steps = page.count().split(" / ")[1]
    assert page.page.locator("svg.states .node.been").count() == int(steps) + 1
    page.context.close()
    assert page.complaints == []


def test_a_twin_walks_along(browser):
    """Each step is followed in the other model, beside it, and what it cannot follow is told."""
    with served(PETERSON, "--beside", f"{CLASSIC}/peterson.py:peterson") as (_, address):
        page = Page(browser, address)
        assert page.page.locator("#other").is_visible()
        page.page.locator("#violation").click()
        settled(page, "6 / 6")
        assert page.page.locator("a.row.alone").count() == 2
        page.press("ArrowLeft", "ArrowLeft")
        assert page.text("#parted").startswith("peterson: user[1] cannot step here")
        page.context.close()
        assert page.complaints == []


def test_what_reduction_leaves_out_is_marked(browser):
    """The steps left out are said to be, and on what grounds; they can be taken all the same."""
    with served(f"{CLASSIC}/philosophers.py:philosophers") as (_, address):
        page = Page(browser, address)
        assert page.page.locator(".choices .pruned").count() == 0
        page.page.locator("#reduction").click()
        page.page.locator("#pruned").wait_for()
        marked = page.page.locator(".choices .pruned")
        assert 0 < marked.count() < page.page.locator(".choices button").count()
        assert "left out by reduction" in marked.first.inner_text()
        assert "strong stubborn set" in page.text("#pruned")
        marked.first.click()
        settled(page, "1 / 1")
        page.page.locator("#pruned").wait_for()
        page.context.close()
        assert page.complaints == []


def test_a_wrong_predicate_is_told(browser, address):
    """What Python or the model says of it stands on the page, as text."""
    page = Page(browser, address)
    page.page.locator("#predicate").fill("s.<b>")
    page.page.locator("#find").click()
    page.page.wait_for_selector("#answer.bad")
    assert "'s.<b>' is no expression of Python" in page.text("#answer")
    page.context.close()


def test_a_server_that_has_gone_is_told(browser):
    """The page says so, and keeps the walk that it has."""
    with served(PETERSON) as (server, address):
        page = Page(browser, address)
        page.page.locator(".choices button").first.click()
        settled(page, "1 / 1")
        server.terminate()
        server.wait(timeout=20)
        page.page.locator(".choices button").first.click()
        page.page.wait_for_selector("#answer.bad")
        assert "does not answer" in page.text("#answer")
        assert page.count() == "1 / 1"
        page.context.close()


def test_hostile_names_are_text_here_too(browser, tmp_path):
    """Labels and values full of markup, in choices and in why not, are only read."""
    text = """
    @process
    def tricky(s):
        yield label("<script>alert(1)</script>")
        yield s.x.set("<img src=x onerror=alert(1)>")
        yield until(lambda: s.x == "</script><b>")

    @model
    def m():
        s = S()
        return System(s, [tricky(s)])
    """
    with served(f"{models(tmp_path / 'm.py', text)}:m") as (_, address):
        page = Page(browser, address, size=PHONE)
        for count in ("1 / 1", "2 / 2"):
            page.page.locator(".choices button").first.click()
            settled(page, count)
        assert "</script><b>" in page.text(".waiting")
        assert page.page.locator("#app img, #app script").count() == 0
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.context.close()
        assert page.complaints == []
