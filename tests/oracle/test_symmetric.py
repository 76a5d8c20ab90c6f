"""Searches up to symmetry lose nothing, on random programs; and the tests of them notice faults."""

from __future__ import annotations

from collections import Counter
from unittest import mock

import pytest

from modelcheck import (
    ModelError,
    System,
    always,
    atomic,
    cells,
    check,
    choose,
    names,
    process,
    sometimes,
    spawn,
    state,
    symmetric,
    until,
)
from modelcheck.explore.orbits import Canonical
from modelcheck.explore.reduction.orbits import OrbitRun
from modelcheck.tables import closing
from oracle.alike import load_source
from oracle.compare import Mismatch
from oracle.symmetric import case, compare_model, one

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def agree(first, count, natively):
    """Compare some programs; return how often each verdict came, and the share of states left."""
    verdicts, full, orbits = Counter(), 0, 0
    for seed in range(first, first + count):
        _, outcome, wrong = one((seed, natively))
        assert not wrong, f"seed {seed}: {wrong}"
        verdicts[outcome.verdict] += 1
        full, orbits = full + outcome.full, orbits + outcome.orbits
    return verdicts, orbits / full


def test_a_witness_may_have_been_asked_of_more_states_up_to_symmetry():
    """A dead variable tells states apart once it was read: 2,401 instead of 625 here.

    The one program of ten thousand that shows it; verdict, witnesses and all else agree.
    """
    model = load_source(case(95120000433)[0])
    alike, plain = check(model), check(model, symmetry=False)
    assert (plain.states, alike.orbits.stand_for) == (5**4, 7**4)
    assert plain.witnesses.keys() == alike.witnesses.keys() == {"prop4"}
    assert not one((95120000433, True))[2]


@pytest.mark.parametrize("block", range(4))
def test_the_reference_engine_loses_nothing(block):
    """Every orbit once, of the right size; the same verdicts, deadlocks, answers and lengths.

    Programs that treat their processes otherwise are refused, and no others.
    """
    verdicts, share = agree(8_000_000 + 40 * block, 40, natively=False)
    assert verdicts["compared"] > 20
    assert verdicts["refused"] > 1
    assert verdicts["refused though straight"] == 0
    assert share < 0.4


def test_the_native_engine_loses_nothing():
    """The same, with one worker and with two, with reduction and without."""
    verdicts, share = agree(8_100_000, 40, natively=True)
    assert verdicts["compared"] > 20
    assert share < 0.4


@pytest.mark.long
@pytest.mark.parametrize("block", range(10))
def test_many_programs_lose_nothing(block):
    """A thousand more, natively too."""
    verdicts, _ = agree(8_200_000 + 100 * block, 100, natively=True)
    assert verdicts["refused though straight"] == 0


def no_images(self, state, blocks):
    """Canonical forms where names that look alike stay in the order that they have."""
    yield state


FAULTS = {
    "nothing is refused": (closing._Closing, "_refuse", lambda *_: None, 8_000_012),
    "ties are not broken": (Canonical, "_images", no_images, 8_000_002),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_noticed(fault):
    """Some program comes out otherwise than without symmetry."""
    where, name, planted, seed = FAULTS[fault]
    assert not one((seed, False))[2]
    with mock.patch.object(where, name, planted):
        assert one((seed, False))[2]


@state
class Shared:
    a: object
    x: int = 0


@state
class Nursery:
    a: object
    b: object
    x: int = 0
    y: int = 0


def crooked_in_an_image_only():
    """A model that is not symmetric; the fault shows in no state with the names sorted.

    The looker asks the second user only where the first has stepped. No more than two users step,
    and in a canonical form one that has not comes first.
    """
    users = names(3, "u")
    s = Shared(a=cells(users, 0))

    def user(s, me):
        yield atomic(lambda: s.a.__setitem__(me, 1), when=lambda: sum(s.a[j] for j in users) < 2)

    def looker(s):
        first, second, _ = users
        if (yield until(lambda: "late" if s.a[first] and s.a[second] else "early")) == "late":
            yield s.x.set(1)

    @always
    def never(s):
        return s.x == 0

    every = [*symmetric(process(user)(s, me) for me in users), process(looker)(s)]
    return System(s, every, [never], deadlock=False)


def test_a_path_that_is_not_closed_would_lose_a_violation():
    """Closed, it is refused; with what images read besides left out, it would seem to hold."""
    assert check(crooked_in_an_image_only(), symmetry=False).violation
    with pytest.raises(ModelError, match="breaks the symmetry"):
        check(crooked_in_an_image_only())
    with mock.patch.object(closing._Closing, "_reads_more", return_value=False):
        assert check(crooked_in_an_image_only()).holds


def children_in_any_order():
    """What one process may do is to be known of all, in whichever order they come to do it."""

    def child(s, me):
        yield s.a[me].set(1)
        yield s.x.update(lambda x: (x + 1) % 3)

    def worker(s, me):
        yield until(lambda: s.a[me] == 1)
        yield s.b[me].set(me)
        yield s.y.set(1)

    def starts(s, users):
        left, children = frozenset(users), []
        while left:
            j = yield choose(left)
            left = left - {j}
            children.append((yield spawn(process(child)(s, j))))
        while children:
            yield children.pop().join()
        yield s.y.set(2)

    @always
    def not_all_at_once(s):
        return not (s.y == 1 and s.x == 2 and sum(s.a.values()) == 3)

    @sometimes
    def all_and_none_counted(s):
        return s.y == 1 and s.x == 0 and sum(s.a.values()) == 3

    users = names(3, "u")
    s = Nursery(a=cells(users, 0), b=cells(users, None))
    every = [process(starts)(s, users), *symmetric(process(worker)(s, me) for me in users)]
    return System(s, every, [not_all_at_once, all_and_none_counted])


def test_paths_are_learned_with_their_images(monkeypatch):
    """With reduction. Otherwise what another process may do would be unknown, and be left out."""
    compare_model(children_in_any_order(), natively=False)
    made = closing._Closing.__init__
    monkeypatch.setattr(closing._Closing, "__init__", lambda self, s, _: made(self, s, False))
    with pytest.raises(Mismatch, match="at rest"):
        compare_model(children_in_any_order(), natively=False)


def busy_for_ever():
    """Users go round for ever, and another process fails with its first step."""
    users = names(2, "u")
    s = Shared(a=cells(users, 0))

    def user(s, me):
        while True:
            yield s.a[me].update(lambda a: 1 - a)

    def fails(s):
        yield s.x.set(1)
        raise ValueError("found")

    return System(s, [*symmetric(process(user)(s, me) for me in users), process(fails)(s)])


def test_a_step_that_all_put_off_would_be_lost():
    """Unless some state of a part that is never left takes all steps."""
    assert check(busy_for_ever(), reduction=True, engine="reference").violation
    with mock.patch.object(OrbitRun, "_wanting", return_value=[]):
        assert check(busy_for_ever(), reduction=True, engine="reference").holds
