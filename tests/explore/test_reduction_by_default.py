"""Reduction where nobody asked for it: in large searches, and while it is worth it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import CLASSIC

from modelcheck import System, Verdict, cells, check, process, replay, state
from modelcheck.explore import auto
from modelcheck.explore.native import reduced as native_reduced
from modelcheck.loading import load

HUGE = Path(__file__).with_name("huge.py")


def model(file):
    """The model of a file that bears its name."""
    [found] = [m for m in load(CLASSIC / f"{file}.py") if m.name == file]
    return found


philosophers, leader, filter_lock = map(model, ("philosophers", "leader", "filter_lock"))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """What counts as a large search is said by a constant: here, 20 states."""
    monkeypatch.setattr(auto, "LARGE", 20)


@pytest.mark.parametrize("engine", ["native", "auto"])
def test_a_large_search_is_reduced(engine):
    """Philosophers: nearly all is put off."""
    full = check(philosophers(n=5), engine=engine, reduction=False)
    result = check(philosophers(n=5), engine=engine)
    assert result.verdict is full.verdict is Verdict.HOLDS
    assert result.reduction is not None
    assert result.states < full.states


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_small_one_is_not(engine, monkeypatch):
    """Its counts are those of all states."""
    monkeypatch.setattr(auto, "LARGE", 10_000)
    result = check(philosophers(n=5), engine=engine)
    assert result.reduction is None
    assert result.states == check(philosophers(n=5), reduction=False).states


def test_one_that_puts_off_little_is_given_up(monkeypatch):
    """It goes on as the search of everything that it began as, with all of its counts."""
    monkeypatch.setattr(native_reduced, "JUDGED", 1)
    monkeypatch.setattr(native_reduced, "FIRST_LOOK", 1)
    full = check(filter_lock(n=3), engine="native", reduction=False)
    result = check(filter_lock(n=3), engine="native")
    assert result.reduction is None
    assert (result.states, result.transitions) == (full.states, full.transitions)
    assert result.levels == full.levels
    assert result.coverage == full.coverage


@state
class Counters:
    own: object
    shared: int = 0


@process
def counter(s, i):
    """Much that concerns nobody, and then steps that are all in each other's way."""
    for k in range(6):
        yield s.own[i].set(k)
    seen = yield s.shared
    yield s.shared.set(seen + 1)


def test_one_with_far_fewer_states_is_not_given_up(monkeypatch):
    """However few of those states put something off."""
    monkeypatch.setattr(auto, "LARGE", 2000)
    monkeypatch.setattr(native_reduced, "JUDGED", 1)
    s = Counters(own=cells(5, 0))
    system = System(s, [counter(s, i) for i in range(5)])
    full = check(system, engine="native", reduction=False)
    result = check(system, engine="native")
    assert result.reduction is not None
    assert 2 * result.reduction.reduced < result.states < full.states / 20
    monkeypatch.setattr(native_reduced, "FEWER", 10**9)
    assert check(system, engine="native").reduction is None


@pytest.mark.parametrize("engine", ["native", "auto"])
def test_a_violation_is_a_shortest_one(engine):
    """Whether the search of everything finds it or the reduced one does."""
    full = check(philosophers(n=5, ordered=False), engine=engine, reduction=False)
    result = check(philosophers(n=5, ordered=False), engine=engine)
    assert result.verdict is Verdict.VIOLATED
    assert len(result.trace) == len(full.trace)
    assert result.trace_is_shortest


@pytest.mark.parametrize("how", [{"hash_compact": 64}, {"bitstate": True}])
def test_where_states_are_hashed_it_is_off(how):
    """The two do not go together, and nobody asked for both."""
    assert check(philosophers(n=5), max_memory_mib=1000, **how).reduction is None


def test_witnesses_that_were_found_are_kept():
    """They are those of the search of everything: shortest ones."""
    full = check(leader(n=4), engine="native", reduction=False)
    result = check(leader(n=4), engine="native")
    assert result.reduction is not None
    assert set(result.witnesses) == set(full.witnesses)
    assert None not in result.witnesses.values()


def test_the_reference_explorer_searches_everything():
    """It is what the others are held against."""
    assert check(philosophers(n=5), engine="reference").reduction is None


def test_rounds_that_would_be_gone_through_again_and_again_are_given_up():
    """Counters that go round for ever: each way round ignores the others, and then the next."""
    [huge] = [m for m in load(HUGE) if m.name == "huge"]
    result = check(huge(n=8, many=4), engine="native")
    assert result.reduction is None
    assert result.states == 8**4


def test_one_that_begins_anew_too_often_is_given_up(monkeypatch):
    """A run that rests on too little says nothing, and costs what it costs."""
    monkeypatch.setattr(native_reduced, "FIRST_LOOK", 1)
    assert check(leader(n=4), engine="native").reduction.runs > 1
    monkeypatch.setattr(native_reduced, "RUNS", 1)
    assert check(leader(n=4), engine="native").reduction is None


def alike(name, **parameters):
    """A model of specs/symmetric."""
    [found] = [m for m in load(CLASSIC.parent / "symmetric" / "alike.py") if m.name == name]
    return found(**parameters)


@pytest.mark.parametrize("engine", ["native", "auto"])
def test_a_large_search_of_orbits_is_reduced(engine):
    """Symmetry and reduction go together without being asked for."""
    full = check(alike("modest_round_table", n=7), engine=engine, reduction=False)
    result = check(alike("modest_round_table", n=7), engine=engine)
    assert result.verdict is full.verdict is Verdict.HOLDS
    assert result.reduction is not None
    assert result.orbits is not None
    assert result.states < full.states


def test_one_of_orbits_that_puts_off_little_is_given_up(monkeypatch):
    """It goes on as it began, with all of its counts."""
    monkeypatch.setattr(native_reduced, "JUDGED", 1)
    monkeypatch.setattr(native_reduced, "FIRST_LOOK", 1)
    full = check(alike("filter_lock_in_any_order", n=3), engine="native", reduction=False)
    result = check(alike("filter_lock_in_any_order", n=3), engine="native")
    assert result.reduction is None
    assert (result.states, result.transitions) == (full.states, full.transitions)
    assert (result.levels, result.orbits) == (full.levels, full.orbits)
    assert result.coverage == full.coverage


@pytest.mark.parametrize("engine", ["native", "auto"])
def test_a_violation_among_orbits_has_a_real_and_shortest_trace(engine):
    """Its processes are real ones: it can be replayed."""
    table = alike("round_table", n=5)
    full = check(table, engine=engine, reduction=False)
    result = check(table, engine=engine)
    assert result.verdict is Verdict.VIOLATED
    assert len(result.trace) == len(full.trace)
    assert result.trace_is_shortest
    assert len(replay(table, result.trace.token)) == len(result.trace)


@pytest.mark.parametrize("large", [2, 10])
def test_witnesses_among_orbits_are_kept(large, monkeypatch):
    """Those found before and after the search began anew are paths of real processes."""
    monkeypatch.setattr(auto, "LARGE", large)
    model = alike("peterson_alike")
    full = check(model, engine="native", reduction=False)
    result = check(model, engine="native")
    assert result.reduction is not None
    for name, trace in full.witnesses.items():
        again = replay(model, result.witnesses[name].token)
        assert len(again) == len(result.witnesses[name]) >= len(trace)
