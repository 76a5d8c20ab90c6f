"""Room in the native explorer: what made it hang, or answer otherwise, once."""

from __future__ import annotations

import pytest
from commandline import CLASSIC

from modelcheck import System, always, cells, check, choose, process, sometimes, state
from modelcheck.explore import budget
from modelcheck.explore.native import engine as searching
from modelcheck.explore.native import storage
from modelcheck.loading import load

philosophers = load(CLASSIC / "philosophers.py")[0]


@state
class Wide:
    x: int = 0
    a = cells(4, 0)
    b = cells(70, 0)


@process
def cell(s, index, n):
    value = yield choose(range(n))
    yield s.a[index].set(value)


@process
def one(s, n):
    value = yield choose(range(n))
    yield s.x.set(value)


@process
def stores(s, value):
    yield s.x.set(value)


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_any_number_of_workers_finds_room(workers):
    """A level of thousands of states is expanded by as many workers as one asks for."""
    s = Wide()
    result = check(System(s, [cell(s, i, 7) for i in range(4)]), engine="native", workers=workers)
    assert (result.verdict, result.states) == ("holds", (1 + 7 + 7) ** 4)


@pytest.mark.parametrize("n", [254, 255, 400])
def test_states_of_several_words_find_room(n):
    """Hundreds of successors of one state, of more than 64 bits each."""
    s = Wide()
    result = check(System(s, [one(s, n)]), engine="native")
    assert (result.verdict, result.states) == ("holds", 2 * n + 1)


def test_the_first_violation_stays_the_first():
    """A witness found after a violation in the same level does not bring another one up."""

    @always
    def none_stored(s):
        return s.x == 0

    @sometimes
    def two_stored(s):
        return s.x == 2

    first = []
    for engine in ("reference", "native"):
        s = Wide()
        system = System(s, [stores(s, v) for v in (1, 2, 3)], [none_stored, two_stored])
        first.append(check(system, engine=engine).trace.steps[0].process)
    assert first == ["stores[0]", "stores[0]"]


@process
def cell_far(s, index, n):
    value = yield choose(range(n))
    yield s.b[index].set(value)


@pytest.mark.parametrize(
    ("constant", "most", "said"),
    [
        ("storage.MOST", 1 << 14, "more states"),
        ("storage.MOST_SUBS", 1 << 12, "more different parts"),
        ("arrays.MOST", 100, "learned tables"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_numbers_cannot_name_ends_the_search(constant, most, said, workers, monkeypatch):
    """More states, parts or table entries than there are numbers: incomplete, with the reason."""
    whole = f"modelcheck.explore.native.{constant}"
    monkeypatch.setattr(whole, most)
    s = Wide()
    processes = [cell_far(s, i, 25) for i in range(4)]
    result = check(System(s, processes), engine="native", workers=workers)
    assert result.verdict == "incomplete"
    assert said in result.reason
    assert 0 < result.states <= (1 << 17)


ENGINES = pytest.mark.parametrize("engine", ["reference", "native"])


@ENGINES
@pytest.mark.parametrize("n", [300, pytest.param(70_000, marks=pytest.mark.long)])
def test_ids_past_8_and_16_bits(n, engine):
    """So many values of one location, and local states of one process, learned in mid-run."""
    s = Wide()
    result = check(System(s, [one(s, n)]), engine=engine)
    assert (result.verdict, result.states, result.transitions) == ("holds", 2 * n + 1, 2 * n)


@pytest.mark.long
@ENGINES
def test_a_location_that_counts_past_16_bits(engine):
    """One value a level, and all tables grow as it goes."""

    @process
    def counts(s):
        while True:
            yield s.x.update(lambda x: (x + 1) % 70_000)

    s = Wide()
    result = check(System(s, [counts(s)]), engine=engine)
    assert (result.verdict, result.states, result.depth) == ("holds", 70_000, 69_999)


@pytest.mark.parametrize("given", [True, False])
def test_states_grow_in_place_where_the_system_can(given, monkeypatch):
    """Or they are copied, where it gives no addresses without memory behind them."""
    monkeypatch.setattr(storage, "SPACIOUS", 1 << 14)
    if not given:
        monkeypatch.setattr(storage, "reserved", lambda count: None)
    whole = check(philosophers(n=10), engine="native", reduction=False)
    assert (whole.states, whole.transitions) == (59_048, 393_650)


def test_states_outgrow_what_was_reserved(monkeypatch):
    """More memory became free since: they are copied then."""
    monkeypatch.setattr(storage, "SPACIOUS", 1 << 14)
    monkeypatch.setattr(storage, "available_mib", lambda: 0.3)
    whole = check(philosophers(n=10), engine="native", reduction=False)
    assert (whole.states, whole.transitions) == (59_048, 393_650)


def test_where_memory_is_short_room_grows_by_little(monkeypatch):
    """What a sixfold step is too much for is still searched to its end."""
    asked = []

    def room_for(self, mib):
        asked.append(mib)
        return "too much" if mib > 2 else ""

    monkeypatch.setattr(budget.Meter, "room_for", room_for)
    whole = check(philosophers(n=10), engine="native", reduction=False)
    assert (whole.states, whole.transitions, whole.reason) == (59_048, 393_650, "")
    assert max(asked) > 2, "the large step was asked for first"


def test_a_reduced_search_that_numbers_cannot_name_ends_incomplete(monkeypatch):
    """It met that while it took steps that were ignored."""

    @process
    def goes_round(s):
        while True:
            yield s.x.set(1)
            yield s.x.set(0)

    make = storage.Storage._make
    monkeypatch.setattr(storage, "MOST", 4)
    monkeypatch.setattr(searching, "MOST", 4)
    monkeypatch.setattr(storage.Storage, "_make", lambda self, _, subs: make(self, 4, subs))
    s = Wide()
    found = check(System(s, [goes_round(s), cell(s, 0, 3)]), engine="native", reduction=True)
    assert (found.verdict, "32-bit" in found.reason) == ("incomplete", True)
