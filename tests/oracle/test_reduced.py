"""Reduced searches lose nothing, on random programs; and the tests of them notice faults."""

from __future__ import annotations

from collections import Counter

import pytest

from modelcheck import (
    Channel,
    ModelError,
    System,
    UsageError,
    Verdict,
    always,
    atomic,
    cells,
    check,
    process,
    state,
)
from modelcheck.check import tables_of
from modelcheck.explore.reduction.audit import Unsound
from modelcheck.language.local import Fails
from oracle.faults import FAULTS, caught, planted
from oracle.reduced import TooLarge, case, one, opened
from oracle.run import quiet
from oracle.stubborn import audit

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


IGNORED = "steps are ignored"
WAITING = "what says that a step waits can be caught"
#: Random programs show them too seldom.
UNSEEN = ("nothing is visible", "no other step is visible")

#: The first program that shows a fault, where none of the first few does.
FIRST = {"operations: all that was seen is not needed": 59}


def agree(first, count, natively):
    """Compare some programs; return how often each verdict came, and the share of states left."""
    verdicts, full, fewer = Counter(), 0, 0
    for seed in range(first, first + count):
        _, outcome, wrong = one((seed, natively))
        assert not wrong, f"seed {seed}: {wrong}"
        verdicts[outcome.verdict] += 1
        full, fewer = full + outcome.full, fewer + outcome.reduced
    return verdicts, fewer / full


@pytest.mark.parametrize("block", range(4))
def test_the_reference_engine_loses_nothing(block):
    """The same deadlocks, final states, failures, answers, verdicts, and lengths of traces."""
    verdicts, share = agree(7_000_000 + 30 * block, 30, natively=False)
    assert verdicts["holds"] > 5
    assert share < 0.8


def test_the_native_engine_loses_nothing():
    """The same, with one worker and with two, which share even the smallest levels."""
    pytest.importorskip("numba")
    verdicts, share = agree(7_100_000, 25, natively=True)
    assert verdicts["holds"] > 5
    assert share < 0.8


@pytest.mark.long
@pytest.mark.parametrize("block", range(100))
def test_neither_engine_loses_anything_of_ten_thousand_programs(block):
    """The same on ten thousand programs."""
    verdicts, share = agree(7_200_000 + 100 * block, 100, natively=True)
    assert verdicts["holds"] > 5
    assert share < 1


def audited(seed):
    """Hold the sets grown in a random program against their definition; return how many."""
    program, memory = case(seed)
    try:
        with quiet(), opened(program) as model:
            return tables_of(model, memory, lambda _, tables: audit(tables))
    except (TooLarge, ModelError, UsageError, Fails, TypeError):  # not a program to compare
        return 0


def test_sets_are_stubborn_by_their_definition():
    """By brute force: steps outside a set, in any order, neither disturb it nor are disturbed."""
    assert sum(map(audited, range(7_300_000, 7_300_015))) > 1000


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in (IGNORED, WAITING, *UNSEEN)])
def test_faults_are_noticed(fault):
    """Each fault planted in the reduction gives a mismatch within a hundred programs."""
    assert caught(fault, range(FIRST.get(fault, 0), 100), lambda seed: one((seed, False))[2]) >= 0


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.startswith(("conflicts", "nothing"))])
def test_the_definition_notices_faults(fault):
    """The brute force tells a set that is not stubborn from one that is."""
    with planted(fault), pytest.raises(Unsound):
        list(map(audited, range(7_300_000, 7_300_100)))


def test_a_budget_that_cuts_a_reduced_search_is_told():
    """Whatever budget of states cuts the search, the verdict is incomplete or violated."""
    for seed in range(7_400_000, 7_400_006):
        program, memory = case(seed)
        try:
            with quiet(), opened(program) as model:
                whole = check(model, memory=memory, engine="reference", reduction=True, audit=True)
                for most in range(1, min(whole.states, 40)):
                    part = check(
                        model,
                        memory=memory,
                        engine="reference",
                        reduction=True,
                        audit=True,
                        max_states=most,
                    )
                    assert part.verdict is not Verdict.HOLDS
        except ModelError:
            pass


def a_process_that_goes_round():
    """One process never stops and disturbs nobody; another breaks the invariant in time."""

    @state
    class Shared:
        mine: int = 0
        x: int = 0

    @process(daemon=True)
    def round_and_round(s):
        while True:
            yield s.mine.set(1)
            yield s.mine.set(0)

    @process
    def breaks(s):
        yield s.x.set(1)
        yield s.x.set(2)

    @always
    def small(s):
        return s.x < 2

    s = Shared()
    return System(s, [round_and_round(s), breaks(s)], [small])


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_no_step_is_ignored(engine):
    """Where a process could go round for ever the others step all the same."""
    result = check(a_process_that_goes_round(), engine=engine, reduction=True, audit=True)
    assert result.verdict is Verdict.VIOLATED
    assert len(result.trace) == 2


def test_steps_that_are_ignored_are_noticed():
    """Without looking for ignored steps the violation would be missed."""
    with planted(IGNORED):
        result = check(a_process_that_goes_round(), engine="reference", reduction=True)
    assert result.verdict is Verdict.HOLDS


def test_successors_that_are_no_edges_any_more_are_noticed(monkeypatch):
    """A noted successor that is put off by now would lead out of a part that nothing leads out of.

    The seeds are of programs in which a large run, mended, puts off what it took.
    """
    reduced = pytest.importorskip("modelcheck.explore.native.reduced")
    seeds = (550_000_088, 550_000_118)
    assert [one((seed, True), in_turn=True)[2] for seed in seeds] == ["", ""]
    monkeypatch.setattr(reduced.ReducedSearch, "_forget_children", lambda *_: None)
    for seed in seeds:
        assert one((seed, True), in_turn=True)[2].startswith("what is ignored")


def two_writes():
    """An invariant that only one of two orders breaks."""

    @state
    class Shared:
        x: int = 0
        y: int = 0

    @process
    def writes_x(s):
        yield s.x.set(1)

    @process
    def writes_y(s):
        yield s.y.set(1)

    @always
    def x_first(s):
        return s.y <= s.x

    s = Shared()
    return System(s, [writes_x(s), writes_y(s)], [x_first])


@pytest.mark.parametrize("fault", UNSEEN)
def test_visible_steps_that_are_left_out_are_noticed(fault):
    """Where other visible steps do not come along the violation is missed; else it is found."""
    with planted(fault):
        assert check(two_writes(), engine="reference", reduction=True).holds
    result = check(two_writes(), engine="reference", reduction=True, audit=True)
    assert result.verdict is Verdict.VIOLATED


def a_receiver_that_catches():
    """Only where a message has not been sent yet could the receiver make something of that."""

    @state
    class Shared:
        x: int = 0
        link: object = Channel(capacity=1)

    @process
    def sends(s):
        yield s.link.send(1)

    @process
    def comes_later(s):
        def catches():
            try:
                s.link.recv()
            except BaseException:
                s.x = 2

        yield s.x.set(1)
        yield atomic(catches)

    @always
    def caught_nothing(s):
        return s.x < 2

    s = Shared()
    return System(s, [sends(s), comes_later(s)], [caught_nothing])


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_an_audit_does_not_take_for_granted_what_waits(engine):
    """A step that is said to wait without being learned is looked at by the audit."""
    options = {"engine": engine, "reduction": True}
    assert check(a_receiver_that_catches(), audit=True, **options).verdict is Verdict.HOLDS
    with planted(WAITING):
        assert check(a_receiver_that_catches()).verdict is Verdict.VIOLATED
        assert check(a_receiver_that_catches(), **options).verdict is Verdict.HOLDS
        with pytest.raises(Unsound, match="never learned"):
            check(a_receiver_that_catches(), audit=True, **options)


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_coverage_counts_the_last_run_alone(engine):
    """Each transition is of one step, and counted once, though the search ran several times."""

    @state
    class Shared:
        x: int = 0
        flags = cells([0, 0])

    @process
    def worker(s, me):
        yield s.flags[me].set(1)
        yield s.flags[me].set(2)
        yield s.x.add(1)

    s = Shared()
    result = check(
        System(s, [worker(s, 0), worker(s, 1)], []), engine=engine, reduction=True, audit=True
    )
    assert sum(c.taken for c in result.coverage) == result.transitions
