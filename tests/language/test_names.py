"""Names: what can be done with them, and what cannot."""

from __future__ import annotations

import pytest

from modelcheck import ModelError, System, cells, check, names, process, state, symmetric


def test_names_are_told_apart_by_equality_alone():
    """Two calls give the same names; other kinds, counts and rings are others."""
    users = names(3)
    assert users[1] == names(3)[1] != users[0]
    assert users[0] != names(4)[0]
    assert users[0] != names(3, "q")[0]
    assert users[0] != names(3, ring=True)[0]
    assert users[0] != 0
    assert {users[0]: "a"}[names(3)[0]] == "a"
    assert users[2] in users
    assert 2 not in users


@pytest.mark.parametrize(
    "use",
    [
        lambda a, b: a < b,
        lambda a, b: max(a, b),
        lambda a, b: sorted([b, a]),
        lambda a, b: a + 1,
        lambda a, b: a * 2,
        lambda a, b: [1, 2, 3][a],
        lambda a, b: int(a),
        lambda a, b: range(a),
        lambda a, b: 1 - a,
    ],
)
def test_names_are_not_numbers(use):
    """Order and arithmetic are refused, with what to do."""
    users = names(3)
    with pytest.raises(ModelError, match="names are not numbers"):
        use(users[0], users[1])


def test_on_a_ring_there_are_neighbours_and_no_first():
    """`me + 1` goes round."""
    ring = names(3, "seat", ring=True)
    assert [n + 1 for n in ring] == [ring[1], ring[2], ring[0]]
    assert [n - 1 for n in ring] == [ring[2], ring[0], ring[1]]
    with pytest.raises(ModelError, match="names have no first"):
        sorted(ring)


@pytest.mark.parametrize("count", [0, -1, True, "3", 2.0])
def test_there_is_a_whole_number_of_names(count):
    """One or more."""
    with pytest.raises(ModelError, match="has no size"):
        names(count)


def test_a_kind_is_a_word():
    """It begins each name's text."""
    assert repr(names(2, "cpu")) == "names(cpu0, cpu1)"
    with pytest.raises(ModelError, match="no word"):
        names(2, "a b")


def test_cells_for_names():
    """An array with a cell for each, of values or parts."""

    @state
    class Part:
        v: int = 7

    users = names(2)
    array, parts = cells(users, 5), cells(users, Part)
    assert list(array.keys()) == list(users)
    assert array[users[1]].initial == 5
    assert parts[users[0]].v.initial == 7
    assert parts[users[0]] is not parts[users[1]]


def test_symmetric_wants_processes():
    """Anything else is refused where it is written."""
    with pytest.raises(ModelError, match="which is no process"):
        symmetric([1])


def test_names_in_messages_of_violations_and_values():
    """They show as they are called."""

    @state
    class S:
        owner: object = None

    def p(s, me):
        yield s.owner.set(me)
        raise ValueError(f"it is {me}")

    users = names(2, "u")
    s = S()
    result = check(System(s, symmetric(process(p)(s, me) for me in users)))
    assert result.violation.message in (
        "ValueError: it is u0", "ValueError: it is u1",
    )  # fmt: skip
    assert result.trace.states[-1]["owner"] in users
