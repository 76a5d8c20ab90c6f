"""Of the shortest counterexamples, the one with the fewest changes of process."""

from __future__ import annotations

import pytest
from commandline import CLASSIC
from language.small import run

from modelcheck import System, always, at_end, cells, check, process, replay, sometimes, state
from modelcheck.explore import auto, native, switches
from modelcheck.loading import find, load
from modelcheck.watchdog import interruption

WAYS = [
    {"engine": "reference"},
    {"engine": "native"},
    {"engine": "native", "workers": 2},
    {"engine": "reference", "reduction": True},
    {"engine": "native", "reduction": True},
]
NAMES = ["reference", "native", "two workers", "reduced", "reduced natively"]


@state
class Shared:
    x: int = 0
    y: int = 0
    a = cells(6, 0)


def sets(*indices):
    def p(s):
        for i in indices:
            yield s.a[i].set(1)

    return p


def who(trace):
    return [step.process.split("[")[0] for step in trace.steps]


@always
def fewer_than_three(s):
    return sum(s.a) < 3


@pytest.fixture(autouse=True)
def narrow_levels_are_shared(monkeypatch):
    """With two workers, both take part."""
    if native.available():
        monkeypatch.setattr(native.load(), "WIDE", 2)


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
def test_the_lost_update_is_told_in_three_turns(way):
    """One loads, the other loads and stores, the first stores: breadth first had four turns."""
    [model] = find(f"{CLASSIC}/lost_update.py:lost_update")
    trace = check(model, **way).trace
    assert [step.process[-2] for step in trace.steps] == ["0", "1", "1", "0"]
    assert trace.switches == 2
    assert replay(model, trace.token) == trace


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
def test_another_state_of_the_level_is_gone_to(way):
    """The state found first needs both processes; one that the second reaches alone is as near."""
    found = run(Shared(), sets(0), sets(1, 2, 3), properties=[fewer_than_three], **way)
    assert (len(found.trace), found.trace.switches) == (3, 0)
    assert found.trace_is_shortest


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
def test_another_step_that_fails_alike_is_gone_to(way):
    """Of two steps that fail at the same line, that of the process that did all else itself."""

    def helped(s):
        yield s.x.set(1)

    def fails(s):
        for _ in range(2):
            yield s.y.add(1)
        seen = yield s.y
        other = yield s.x
        assert seen < 2, "too many"
        yield s.x.set(other)

    found = run(Shared(), helped, fails, **way)
    assert (found.violation.kind, found.trace.switches) == ("assertion", 0)


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
def test_another_end_is_gone_to(way):
    """Of the final states of one level, that with the fewest changes, first agents first."""

    @at_end
    def never(s):
        return False

    found = run(Shared(), sets(0, 1), sets(2, 3), properties=[never], **way)
    assert who(found.trace) == ["p", "p", "p", "p"]
    assert [step.process for step in found.trace.steps] == sorted(
        step.process for step in found.trace.steps
    )
    assert found.trace.switches == 1


def test_another_property_is_not_what_was_found():
    """A path that violates something else, however straight, is no counterexample to this."""

    @always
    def not_both(s):
        return not (s.a[0] and s.a[1])

    @always
    def not_two(s):
        return not s.a[2]

    found = run(Shared(), sets(0), sets(1, 2), properties=[not_both, not_two], engine="reference")
    assert (found.violation.property, found.trace.switches) == ("not_both", 1)


def witness(way):
    """The witness of a lost update by two processes that say when they are done."""

    def adds(i):
        def p(s):
            seen = yield s.x
            yield s.x.set(seen + 1)
            yield s.a[i].set(1)

        return p

    @sometimes
    def lost(s):
        return s.x == s.a[0] == s.a[1] == 1

    found = run(Shared(), adds(0), adds(1), properties=[lost], **way)
    assert found.holds
    assert len(found.witnesses["lost"]) == 6
    return found.witnesses["lost"]


@pytest.mark.parametrize("way", WAYS[:3], ids=NAMES[:3])
def test_a_witness_is_reached_with_the_fewest_changes(way):
    """Of the paths to the state found first, the best is told."""
    assert witness(way).switches == 2


@pytest.mark.parametrize("way", WAYS[:2], ids=NAMES[:2])
def test_a_witness_far_away_keeps_its_first_path(way, monkeypatch):
    """A known limit: no search goes over many states again for a witness."""
    for module in (auto.reference, native.load()):
        monkeypatch.setattr(module, "FEW", 3)
    assert witness(way).switches > 2


@pytest.mark.parametrize("way", WAYS[:3], ids=NAMES[:3])
def test_too_many_steps_leave_the_first_path(way, monkeypatch):
    """A known limit: beyond so many steps on shortest paths, the first is told, and replays."""
    monkeypatch.setattr(switches, "MOST", 3)
    [model] = find(f"{CLASSIC}/lost_update.py:lost_update")
    found = check(model, **way)
    assert (len(found.trace), found.trace.switches) == (4, 3)
    assert found.trace_is_shortest
    assert replay(model, found.trace.token) == found.trace


@pytest.mark.parametrize("way", WAYS[:3], ids=NAMES[:3])
def test_ctrl_c_while_a_path_is_chosen_loses_nothing(way, monkeypatch):
    """The first path is told, of a violation as sure as before."""
    choose = switches.choose

    def interrupted(*args):
        interruption.set()
        try:
            choose(*args)
        finally:
            interruption.clear()

    for module in (auto.reference, native.load()):
        monkeypatch.setattr(module, "choose", interrupted)
    [model] = find(f"{CLASSIC}/lost_update.py:lost_update")
    found = check(model, **way)
    assert (found.verdict, len(found.trace), found.trace.switches) == ("violated", 4, 3)


@process
def load_then_store(s, again):
    for _ in range(again):
        seen = yield s.x
        yield s.x.set(seen + 1)


def test_every_way_to_search_tells_the_same():
    """One token for engines, workers, a change of engine, reduction: nothing hangs on the order."""

    @always
    def small(s):
        return s.x < 4 or s.y == 0

    @process
    def watches(s):
        yield s.y.set(1)

    def system():
        s = Shared()
        return System(s, [*(load_then_store(s, 2) for _ in range(3)), watches(s)], [small])

    tokens = {check(system(), **way).token for way in WAYS for _ in range(2)}
    assert len(tokens) == 1


def test_symmetry_tells_the_same():
    """Where orbits stand for few states, the path is that of the search without symmetry."""
    for model in load(CLASSIC.parent / "symmetric"):
        plain = check(model, symmetry=False, max_states=20_000)
        if plain.trace is not None:
            assert {check(model, **way).token for way in WAYS} == {plain.token}


def test_symmetry_keeps_its_path_where_orbits_stand_for_many(monkeypatch):
    """A known limit: the path made from orbits may change processes more often."""
    monkeypatch.setattr(auto, "PLAIN", 10)
    [model] = find(f"{CLASSIC.parent}/symmetric/alike.py:filter_lock_alike_short")
    found, plain = check(model), check(model, symmetry=False)
    assert len(found.trace) == len(plain.trace)
    assert found.trace.switches > plain.trace.switches
