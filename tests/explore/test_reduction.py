"""Partial-order reduction against the search without it."""

from __future__ import annotations

import time

import pytest
from commandline import CLASSIC
from language.small import run

from modelcheck import (
    Channel,
    ModelError,
    System,
    Verdict,
    always,
    at_end,
    atomic,
    cells,
    check,
    choose,
    either,
    label,
    process,
    sometimes,
    state,
    until,
)
from modelcheck.check import tables_of
from modelcheck.explore import auto
from modelcheck.explore.budget import Budget, Meter
from modelcheck.explore.native import reduced as native_reduced
from modelcheck.explore.native.arrays import Full
from modelcheck.explore.native.engine import NativeSearch
from modelcheck.explore.native.ignoring import MOST
from modelcheck.explore.native.shapes import PENDING, SUBS
from modelcheck.loading import load

ENGINES = ["reference", "native"]


@state
class Shared:
    x: int = 0
    y: int = 0
    stop: bool = False
    a = cells(4, 0)


def reduced(shared, *functions, **options):
    """The result with reduction, held against the one without."""
    plain = run(shared, *functions, engine="reference", **options)
    results = [
        run(shared, *functions, engine=e, reduction=True, audit=True, **options) for e in ENGINES
    ]
    assert {r.verdict for r in results} == {plain.verdict}
    if plain.holds:
        assert len({(r.states, r.transitions) for r in results}) == 1
        assert results[0].states <= plain.states
    if plain.trace is not None:
        assert {len(r.trace) for r in results} == {len(plain.trace)}
    return results[0], plain


def own_cell(i):
    def p(s):
        for value in (1, 2, 3):
            yield s.a[i].set(value)

    return p


def test_steps_that_have_nothing_to_do_with_each_other_are_taken_in_one_order():
    """Four processes of three steps: 4 * 3 + 1 states instead of 4 ** 4."""
    result, plain = reduced(Shared(), *(own_cell(i) for i in range(4)))
    assert (result.states, plain.states) == (13, 256)


def asks(kind, reads):
    def asked(s):
        return len([read(s) for read in reads]) >= 0

    return kind(asked)


@pytest.mark.parametrize(
    ("properties", "states"),
    [
        ([], 7),
        ([asks(at_end, [lambda s: s.a[0], lambda s: s.a[1]])], 7),
        ([asks(always, [lambda s: s.y])], 7),
        ([asks(always, [lambda s: s.a[0]])], 7),
        ([asks(always, [lambda s: s.a[0], lambda s: s.a[1]])], 16),
        ([asks(sometimes, [lambda s: s.a[0], lambda s: s.a[1]])], 7),
    ],
    ids=["deadlock", "at the end", "another location", "one of them", "both", "found at once"],
)
def test_each_question_pays_for_what_it_needs(properties, states):
    """Two processes of three steps: only an invariant that sees both needs all interleavings.

    Deadlocks and final states need no order; a witness none once it is found.
    """
    result, plain = reduced(Shared(), own_cell(0), own_cell(1), properties=properties)
    assert (result.states, plain.states) == (states, 16)


def test_a_failing_step_alone_costs_nothing():
    """An assertion that no other step can disturb is found on the one way through."""

    def fails(s):
        x = yield s.x
        assert x == 1

    result, _ = reduced(Shared(), own_cell(0), own_cell(1), fails)
    assert result.violation.kind.value == "assertion"


def test_a_process_that_never_rests_hides_nobody():
    """Another would block it, but only a step that is learned late shows that it could."""

    def spins(s):
        while True:
            yield until(lambda: not s.stop)
            yield s.y.update(lambda y: 1 - y)

    def stops(s):
        yield s.x.set(1)
        yield s.stop.set(True)

    result, _ = reduced(Shared(), spins, stops)
    assert result.violation.kind.value == "deadlock"


def test_an_invariant_sees_all_that_it_could_without():
    """Two writes in either order; only one order breaks the invariant."""

    @always
    def x_first(s):
        return s.y <= s.x

    def writes(name):
        def p(s):
            yield getattr(s, name).set(1)

        return p

    result, _ = reduced(Shared(), writes("x"), writes("y"), properties=[x_first])
    assert result.violation.property == "x_first"


def test_a_witness_is_found_where_there_is_one():
    """In one interleaving only."""

    @sometimes
    def between(s):
        return s.x == 1 and s.y == 0 and s.a[0] == 2

    def first(s):
        yield s.x.set(1)
        yield s.y.set(1)
        yield s.x.set(2)

    result, _ = reduced(Shared(), first, own_cell(0), properties=[between])
    assert result.holds


def test_a_final_state_is_judged_as_without():
    """The two orders of a read-modify-write in two steps end differently."""

    @at_end
    def both_counted(s):
        return s.x == 2

    def counts(s):
        x = yield s.x
        yield s.x.set(x + 1)

    result, _ = reduced(Shared(), counts, counts, properties=[both_counted])
    assert result.violation.kind.value == "final"


def test_an_assertion_is_found_behind_independent_work():
    """The failing step's own reads count."""

    def works(s):
        while True:
            yield s.a[1].update(lambda v: (v + 1) % 4)

    def sets(s):
        yield s.a[2].set(1)
        yield s.x.set(1)

    def looks(s):
        x = yield s.x
        assert x == 0

    result, _ = reduced(Shared(), works, sets, looks)
    assert result.violation.kind.value == "assertion"


@pytest.mark.parametrize("count", [2, 4, 6])
def test_processes_that_go_round_independently_add_up(count):
    """Their states would multiply if one went round again after each step of another."""

    def goes_round(i):
        def p(s):
            while True:
                for step in range(12):
                    yield s.a[i].set(step)

        return p

    result = run(Wide(), *(goes_round(i) for i in range(count)), reduction=True)
    assert result.states <= 2 * 12 * count
    native = run(Wide(), *(goes_round(i) for i in range(count)), reduction=True, engine="native")
    assert native.states <= 2 * 12 * count


def test_a_variable_that_is_looked_at_only_at_a_place_matters_only_there():
    """Elsewhere its steps are unseen, and where it is dead there it is not kept."""

    def counts(s):
        for w in range(4):
            yield s.a[0].set(w)
        w = yield s.x
        yield label("there")
        yield s.a[0].set(w)

    def other(s):
        for value in (1, 2, 3):
            yield s.y.set(value)

    @always
    def small_there(s):
        return s.y < 4 and (not s.counts.at("there") or s.counts.local.w < 4)

    @always
    def small(s):
        return s.y < 4 and (not s.counts.running or s.counts.local.get("w", 0) < 4)

    result, plain = reduced(Shared(), counts, other, properties=[small_there])
    everywhere, _ = reduced(Shared(), counts, other, properties=[small])
    assert result.states < 0.6 * plain.states
    assert result.states < everywhere.states


def test_the_time_told_is_that_of_all_of_a_reduced_search(monkeypatch):
    """What it takes to look for ignored steps included."""
    catch_up = native_reduced.ReducedSearch._catch_up

    def slowly(self):
        time.sleep(0.2)
        return catch_up(self)

    monkeypatch.setattr(native_reduced.ReducedSearch, "_catch_up", slowly)
    assert run(Shared(), own_cell(0), engine="native", reduction=True).seconds >= 0.2


def test_a_lock_leaves_what_it_must():
    """A lock of three processes: every order of entering, one order of the rest."""

    def uses(i):
        def p(s):
            def enter():
                s.x = 1

            yield s.a[i].set(1)
            yield atomic(enter, when=lambda: s.x == 0)
            yield s.y.add(1)
            yield s.y.add(-1)
            yield s.x.set(0)
            yield s.a[i].set(2)

        return p

    result, plain = reduced(Shared(), *(uses(i) for i in range(3)))
    assert result.states < plain.states / 3


@pytest.mark.parametrize(("engine", "workers"), [("reference", 1), ("native", 1), ("native", 2)])
def test_ordered_philosophers_are_few(engine, workers):
    """436 states for thirteen of them, of 1,594,322."""
    (model,) = (m for m in load(CLASSIC / "philosophers.py") if m.name == "philosophers")
    result = check(model(n=13), engine=engine, workers=workers, reduction=True, audit=True)
    assert (result.verdict, result.states, result.transitions) == (Verdict.HOLDS, 436, 591)


@pytest.mark.parametrize("engine", ENGINES)
def test_symmetric_philosophers_deadlock_soon(engine):
    """The shortest way there, n steps, is found among few states."""
    (model,) = (m for m in load(CLASSIC / "philosophers.py") if m.name == "greedy_philosophers")
    result = check(model(n=10), engine=engine, reduction=True, audit=True)
    assert (result.violation.kind.value, len(result.trace)) == ("deadlock", 10)
    assert result.states < 2_000 < 3**10 - 1


def test_a_shorter_way_is_looked_for_among_so_many_states(monkeypatch):
    """Forty philosophers have 3^40 states: their deadlock is told, though not called nearest."""
    monkeypatch.setattr(auto, "SHORTER", 1_000)
    monkeypatch.setattr(auto, "SHORTER_TIMES", 1)
    (model,) = (m for m in load(CLASSIC / "philosophers.py") if m.name == "greedy_philosophers")
    result = check(model(n=40), reduction=True)
    assert (result.violation.kind.value, len(result.trace)) == ("deadlock", 40)
    assert result.states < 1_000
    assert not result.trace_is_shortest


@state
class Wide:
    a = cells(6, 0)


@state
class Posted:
    y: int = 0
    z: int = 0
    box = Channel(6)
    flags = cells(2, 0)


def posts(me, put):
    """A process that sends thrice, with something else to do before and after.

    What it does second conflicts with what the other does first: a first run rests on too little.
    """

    def p(s):
        yield s.flags[me].set(3)
        yield s.flags[1 - me]
        for i in range(3):
            yield s.flags[me].set(i)
            yield atomic(lambda: put(s))
            if (yield s.y) < 3:
                yield s.y.set(me)

    return p


@pytest.mark.parametrize("most", [8, 12, 20])
def test_two_paths_of_one_form_that_differ_are_the_models_error_ahead_too(
    most, monkeypatch, tmp_path
):
    """Whichever run meets the second path, and be it the one that only looks ahead."""
    monkeypatch.setattr(native_reduced, "FIRST_LOOK", 2)
    hidden = tmp_path / "hidden"
    hidden.write_text("")

    def put(s):
        s.box.send(1)
        with hidden.open("a") as file:
            file.write("x")
        if hidden.stat().st_size > most:
            s.z = 1

    with pytest.raises(ModelError, match="different things"):
        run(Posted(), posts(0, put), posts(1, put), engine="native", reduction=True)


def test_what_was_learned_ahead_without_room_for_it_is_known(monkeypatch):
    """Where looking ahead runs out of memory, what it learned last does not surprise the next."""
    monkeypatch.setattr(native_reduced, "FIRST_LOOK", 2)
    ended = []
    plain = NativeSearch._learn

    def learn(self, agent, state):
        plain(self, agent, state)
        if isinstance(self, native_reduced._LookingAhead) and self.tables.learned > 30:
            ended.append(agent)
            raise Full("no room")

    monkeypatch.setattr(NativeSearch, "_learn", learn)
    processes = [posts(me, lambda s: s.box.send(1)) for me in (0, 1)]
    result = run(Posted(), *processes, engine="native", reduction=True)
    assert ended
    assert result.verdict is Verdict.HOLDS


def test_looking_for_the_way_to_a_state_stores_nothing():
    """What was put off leads to states that are not stored: their parts are not to be, either.

    There is no room for them: this once wrote beyond the end of an array.
    """

    def ways(_, tables):
        run_of = native_reduced.ReducedSearch(tables, Meter(Budget()))
        run_of.begin()
        run_of.run()
        assert run_of.storage.packing.arrays.words > 1
        assert run_of.put_off > 0
        run_of.in_order = False
        before = int(run_of.storage.shared[SUBS])
        for number in range(run_of.storage.used):
            run_of.path_to(number)
        return before, int(run_of.storage.shared[SUBS])

    @state
    class Long:
        c = cells(80, 0)

    def climbs(i):
        def p(s):
            for value in (1, 2, 3):
                yield s.c[i].set(value)

        return p

    s = Long()
    model = System(s, [process(climbs(i))(s) for i in (0, 40, 79)])
    before, after = tables_of(model, "sc", ways)
    assert after == before


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_learned_of_a_known_form_makes_no_choice_wrong(engine):
    """The audit grows another set by then: that a step elsewhere is blocked was not known."""

    @state
    class Sent:
        x: int = 1
        y: int = 0
        c = Channel(0)

    @process
    def either_way(s):
        yield s.y.cas(1, 1)
        yield either(s.c.recv(), s.c.send(0))
        yield s.c.send(2)

    @process
    def takes(s):
        asked = [lambda i=i: s.x != i for i in range(2)]
        yield until(asked[0])
        yield s.c.recv()
        yield choose(1, 1)
        yield s.c.send(0)

    s = Sent()
    system = System(s, [either_way(s), takes(s), either_way(s)], deadlock=False)
    result = check(system, engine=engine, reduction=True, audit=True)
    assert result.verdict is Verdict.HOLDS
    assert result.reduction.audited == result.states


def test_settling_looks_at_its_budget(monkeypatch):
    """However few states need a look-up: each that leads on by a noted successor takes no time."""
    looks = []
    kernel = native_reduced.calls.settle

    def settle(*arguments):
        looks.append(arguments)
        return kernel(*arguments)

    def p(s):
        for _ in range(39):
            yield s.x.update(lambda x: x * 2 % 1009 + 1)

    monkeypatch.setattr(native_reduced.calls, "settle", settle)
    monkeypatch.setattr(native_reduced, "STRIDE", PENDING)  # a batch at a time
    result = run(Shared(x=1), p, p, p, engine="native", reduction=True)
    assert result.states > 2 * MOST
    assert len(looks) > result.states // MOST
