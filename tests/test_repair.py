"""Minimal repairs: exactly the sets that checking each of them gives, whatever is carried over."""

from __future__ import annotations

import json
import sys
from itertools import combinations
from pathlib import Path

import pytest
from commandline import models, run
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcheck import (
    ModelError,
    System,
    UsageError,
    always,
    at_end,
    check,
    fence,
    label,
    model,
    process,
    repair,
    replay,
    sometimes,
    state,
    until,
)
from modelcheck.verdict import ExitCode, Verdict

NAMES = ("a", "b", "c")
SETS = [frozenset(c) for size in range(4) for c in combinations(NAMES, size)]


@state
class Place:
    x: int = 0
    y: int = 0


def judged(verdicts):
    """Return a model with three parts whose verdict is what `verdicts` says of each set.

    Beside ``"holds"`` and ``"violated"`` there is ``"unreachable"`` (a witness is never reached)
    and ``"large"`` (it holds, in more than 50 states). Each part is a step on the way.
    """

    @process
    def worker(s, parts):
        verdict = verdicts[parts]
        for _ in sorted(parts):
            yield fence("mb")
        for n in range(60 if verdict == "large" else 1):
            yield s.y.set(n + 1)
        yield s.x.set(2 if verdict == "violated" else 1 if verdict != "unreachable" else 0)

    @always
    def small(s):
        return s.x < 2

    @sometimes
    def written(s):
        return s.x > 0

    @model(toggles=NAMES)
    def judge(a: bool = True, b: bool = True, c: bool = True):
        s = Place()
        present = frozenset(n for n, there in zip(NAMES, (a, b, c), strict=True) if there)
        return System(s, [worker(s, present)], [small, written])

    return judge


def least(sets):
    """Return those sets that contain no other."""
    return {s for s in sets if not any(other < s for other in sets)}


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.sampled_from(["holds", "violated", "unreachable"])] * 8))
def test_the_minimal_sets_are_those_of_checking_every_set(verdicts):
    """Whatever holds, monotone or not: minimal, failing and breaking sets are as by brute force."""
    each = dict(zip(SETS, verdicts, strict=True))
    found = repair(judged(each))["sc"]
    held = {s for s in SETS if each[s] == "holds"}
    bad = set(SETS) - held
    assert set(found.minimal) == least(held)
    assert {f.parts for f in found.failing} == {s for s in bad if not any(s < b for b in bad)}
    assert {(s, m.parts) for s, m in found.breaking} == {
        (s, m) for s in held for m in bad if s < m and len(m) == len(s) + 1
    }
    assert set(found.sets) == set(SETS)
    assert found.undecided == found.unsure == ()
    assert (found.verdict is Verdict.HOLDS) == (bool(held) and not found.breaking)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.sampled_from(["holds", "violated", "unreachable"])] * 8))
def test_without_verifying_the_minimal_sets_are_the_same(verdicts):
    """What is taken for granted is never what a minimal set rests on."""
    each = dict(zip(SETS, verdicts, strict=True))
    found = repair(judged(each), verify=False)["sc"]
    assert set(found.minimal) == least({s for s in SETS if each[s] == "holds"})
    assert all(each[s] == "holds" or any(m <= s for m in found.minimal) or s in found.sets
               for s in SETS)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.sampled_from(["holds", "violated", "large"])] * 8))
def test_a_budget_gives_no_wrong_minimal_set(verdicts):
    """A set is minimal only if it is with any verdict of the undecided ones; else it is unsure."""
    each = dict(zip(SETS, verdicts, strict=True))
    found = repair(judged(each), max_states=50)["sc"]
    held = {s for s in SETS if each[s] == "holds"}
    large = {s for s in SETS if each[s] == "large"}
    assert {f.parts for f in found.undecided} == large
    assert set(found.minimal) == {s for s in held if not any(o < s for o in held | large)}
    assert set(found.unsure) == least(held) - set(found.minimal)
    if large:
        assert found.verdict is not Verdict.HOLDS
        assert all("50 states" in f.reason for f in found.undecided)


@process
def user(s, me, parts):
    """Peterson's lock with barriers that may be left out."""
    mine, other = (s.x, s.y) if me == 0 else (s.y, s.x)
    yield mine.set(1)
    if "between" in parts:
        yield fence("wmb")
    yield s.turn.set(1 - me)
    if "before_look" in parts:
        yield fence("mb")
    yield until(lambda: other == 0 or s.turn == me)
    yield label("critical")
    yield mine.set(0)


@state
class Lock:
    x: int = 0
    y: int = 0
    turn: int = 0


@always
def mutual_exclusion(s):
    return sum(u.at("critical") for u in s.user) < 2


@model(toggles=["between", "before_look", "spare"])
def lock(between: bool = True, before_look: bool = True, spare: bool = False):
    """Peterson's lock, once each; `spare` is a part that nobody needs."""
    s = Lock()
    named = {"between": between, "before_look": before_look, "spare": spare}
    parts = frozenset(n for n, there in named.items() if there)
    return System(s, [user(s, me, parts) for me in (0, 1)], [mutual_exclusion])


@pytest.fixture(scope="module")
def lock_repairs():
    return repair(lock, memory=["sc", "tso", "pso"])


def test_the_barriers_of_peterson(lock_repairs):
    """None under SC, the one before the look under TSO, and both where stores pass each other."""
    needed = {u.memory_model: [set(s) for s in u.minimal] for u in lock_repairs.under}
    assert needed == {
        "sc": [set()],
        "tso": [{"before_look"}],
        "pso": [{"between", "before_look"}],
    }
    assert lock_repairs.exit_code is ExitCode.OK
    left = {u.memory_model: {u.left_out(f.parts) for f in u.failing} for u in lock_repairs.under}
    assert left == {
        "sc": set(), "tso": {("before_look",)}, "pso": {("between",), ("before_look",)}
    }  # fmt: skip


def test_every_verdict_is_that_of_a_check(lock_repairs):
    """Each set, searched or not, has the verdict that `check` gives it; most are not searched."""
    for under in lock_repairs.under:
        assert len(under.sets) == 8
        for parts, found in under.sets.items():
            built = lock(**{t.name: t.name in parts for t in under.toggles})
            assert check(built, memory=under.memory_model).verdict is found.verdict
    assert [u.searched for u in lock_repairs.under] == [8, 5, 4]


def test_carried_counterexamples_replay(lock_repairs):
    """The token of a violation that no search found shows it again, in the model of its own set."""
    carried = [f for u in lock_repairs.under for f in u.sets.values() if f.carried]
    assert carried
    for found in carried:
        trace = replay(lock, found.trace.token)
        assert trace.violation.property == found.violation.property == "mutual_exclusion"
        assert {n for n, there in trace.parameters.items() if there} == found.parts


def test_the_largest_failing_sets_have_shortest_counterexamples(lock_repairs):
    """Nothing larger fails, so they come from a search: as many steps as `check` finds."""
    for under in lock_repairs.under:
        for found in under.failing:
            built = lock(**{t.name: t.name in found.parts for t in under.toggles})
            assert len(check(built, memory=under.memory_model).trace) == len(found.trace)
            assert not found.carried


def test_a_part_may_have_two_values_of_any_kind():
    """A mapping declares the value without the part and the one with it; parameters fix others."""

    @process
    def add(s, how):
        if how == "xchg":
            yield s.x.add(1)
        else:
            seen = yield s.x
            yield s.x.set(seen + 1)

    @at_end
    def nothing_lost(s):
        return s.x == 2

    @model(toggles={"one": ("store", "xchg"), "two": ("store", "xchg")})
    def counting(one: str = "xchg", two: str = "xchg", spare: bool = False):
        s = Place()
        return System(s, [add(s, one), add(s, two)], [nothing_lost])

    found = repair(counting)["sc"]
    assert found.minimal == (frozenset({"one", "two"}),)
    fixed = repair(counting, parameters={"one": "store"})
    assert fixed["sc"].minimal == ()
    assert fixed.exit_code is ExitCode.VIOLATED
    assert [t.name for t in repair(counting, toggles=["one", "spare"])["sc"].toggles] == [
        "one", "spare"
    ]  # fmt: skip
    with pytest.raises(UsageError, match="every toggle of model counting has a value already"):
        repair(counting, parameters={"one": "xchg", "two": "xchg"})


def test_an_interruption_ends_it_and_decides_nothing(monkeypatch):
    """What Ctrl-C ended, and all after it, is incomplete."""

    def interrupted(memory, parts):
        if len(parts) == 2:
            monkeypatch.setattr(checking, "explore", stop)

    def stop(*args):
        search = whole(*args)
        search.reason, search.found = "interrupted", None
        return search

    checking = sys.modules["modelcheck.check"]
    whole = checking.explore
    each = dict.fromkeys(SETS, "violated") | {frozenset(NAMES): "holds"}
    found = repair(judged(each), memory=["sc", "tso"], asked=interrupted)
    assert found.exit_code is ExitCode.INCOMPLETE
    assert len(found["sc"].undecided) == 7
    assert len(found["tso"].undecided) == 8
    assert found["sc"].unsure == (frozenset(NAMES),)


@pytest.mark.parametrize(
    ("toggles", "said"),
    [
        (["d"], "has no parameter 'd' to toggle; it has a, n"),
        (["n"], "the parameter 'n' of model m is 2, and a toggle is a bool"),
        ({"n": (1, 1)}, "has the values (1, 1): give two different"),
        ("a", "give a list of names, ['a']"),
    ],
)
def test_what_is_no_toggle_is_refused(toggles, said):
    """A mistake in the declaration is told with its file and line; one in the call, in words."""

    def m(a: bool = True, n: int = 2):
        return System(Place(), [])

    with pytest.raises(ModelError) as declared:
        model(m, toggles=toggles)
    assert said in str(declared.value)
    assert declared.value.file == __file__
    with pytest.raises(UsageError) as asked:
        repair(model(m), toggles=toggles)
    assert said in str(asked.value)


def test_nothing_to_toggle_and_too_much_are_refused():
    """A model without parts is told how to declare them; thousands of sets are not begun."""
    with pytest.raises(UsageError, match="nothing to toggle: declare"):
        repair(model(lambda_free))
    names = [f"p{n}" for n in range(13)]
    made: dict = {"System": System}
    exec(f"def wide({', '.join(f'{n}=True' for n in names)}): return System({{}}, [])", made)
    with pytest.raises(UsageError, match="13 toggles, that is 8,192 sets"):
        repair(model(made["wide"]), toggles=names)
    with pytest.raises(UsageError, match="give a @model function"):
        repair(lock())


def lambda_free(n: int = 1):
    return System({}, [])


FILE = """
@state
class Flags:
    x: int = 0
    y: int = 0
    entered: int = 0

@process
def side(s, mine, other, mb):
    yield mine.set(1)
    if mb:
        yield fence("mb")
    if (yield other) == 0:
        yield s.entered.add(1)

@always
def one_enters(s):
    return s.entered < 2

@model(toggles=["left", "right"])
def dekker(left: bool = True, right: bool = True, limit: int = 2):
    s = Flags()
    return System(s, [side(s, s.x, s.y, left), side(s, s.y, s.x, right)], [one_enters])
"""


@pytest.fixture
def dekker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models(tmp_path / "dekker.py", FILE)
    return "dekker.py:dekker"


def test_the_command_prints_the_tables(dekker):
    """What is needed, what goes wrong without, with a token that replays, and how it is known."""
    done = run("repair", dekker, "--memory", "sc,tso")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "dekker(limit=2): which of left, right are needed?"
    assert lines[3:5] == ["sc            nothing", "tso           left + right"]
    assert "  tso: right: invariant one_enters, after 9 steps" in lines
    token = lines[lines.index("  tso: right: invariant one_enters, after 9 steps") + 1].strip()
    again = run("replay", dekker, token)
    assert "Invariant violated: one_enters, after 9 steps." in again.stdout
    assert "  tso: 4 sets, 3 searched, 1 by a counterexample of a larger set" in lines
    assert "  tso: adding a part never breaks what holds: every set was looked at" in lines


def test_the_command_writes_markdown_and_json(dekker):
    """Tables for a page, and all of it for a program."""
    told = run("repair", dekker, "--memory", "tso", "--markdown").stdout
    assert "| tso | left + right |" in told
    assert "| tso | right | invariant one_enters | 9 |" in told
    data = json.loads(run("repair", dekker, "--memory", "tso", "--json", "-").stdout)
    [under] = data["repairs"]
    assert under["minimal"] == [["left", "right"]]
    assert [f["left_out"] for f in under["failing"]] == [["right"], ["left"]]
    assert len(under["sets"]) == 4
    assert under["verified"] is True
    assert data["parameters"] == {"limit": 2}
    assert run("repair", dekker, "--memory", "tso", "--json", "a/b.json", "-q").stdout == ""
    written = json.loads(Path("a/b.json").read_text("utf-8"))
    assert written["repairs"][0]["minimal"] == [["left", "right"]]


def test_the_exit_status(dekker):
    """0 where it can be repaired, 1 where it cannot, 2 for a mistake, 3 where a budget bites."""
    assert run("repair", dekker, "--memory", "tso", "-p", "right=true").exit_code == 0
    cannot = run("repair", dekker, "--memory", "tso", "-p", "right=false")
    assert cannot.exit_code == 1
    assert "tso           no set of them" in cannot.stdout
    cut = run("repair", dekker, "--memory", "tso", "--max-states", "3")
    assert cut.exit_code == 3
    assert "tso           incomplete" in cut.stdout
    both = run("repair", dekker, "-p", "left=true", "--toggle", "left")
    assert both.exit_code == 2
    assert "left is both a --toggle and fixed with -p" in both.stderr
    assert run("repair", dekker, "--memory", "arm").exit_code == 2
    assert run("repair", dekker, "--toggle", "limit").exit_code == 2


def test_a_part_that_breaks_is_told(tmp_path, monkeypatch):
    """Where more is not better the command says so, and exits with 1."""
    monkeypatch.chdir(tmp_path)
    models(
        tmp_path / "twice.py",
        """
        @model(toggles=["one", "two"])
        def twice(one: bool = False, two: bool = False):
            s = S()
            return System(s, [adder(s) for there in (one, two) if there], [small])
        """,
    )
    done = run("repair", "twice.py")
    assert done.exit_code == 1
    assert "sc            nothing" in done.stdout
    assert "one holds, and adding two breaks it: invariant small" in done.stdout
    granted = run("repair", "twice.py", "--no-verify")
    assert "taken to hold because a smaller one does" in granted.stdout
