"""Domains: values and their ids."""

from __future__ import annotations

import pytest

from modelcheck.tables.slots import Domain, Slot, Unbounded


def test_ids_are_dense_and_stay():
    """A value gets the next id at its first visit and the same one ever after."""
    domain = Domain("x")
    assert [domain.intern(v) for v in ("a", "b", "a", None, "b")] == [0, 1, 0, 2, 1]
    assert domain.values == ["a", "b", None]


def test_values_of_different_types_are_different():
    """1, True and 1.0 are three values; nan is one."""
    domain = Domain("x")
    assert [domain.intern(v) for v in (1, True, 1.0, float("nan"), float("nan"))] == [0, 1, 2, 3, 3]


def test_a_key_of_ones_own():
    """`intern_keyed` keeps the first value of a key."""
    domain = Domain("x")
    assert [domain.intern_keyed(k, v) for k, v in [("k", 1), ("k", 2), ("m", 3)]] == [0, 0, 1]
    assert domain.values == [1, 3]


def test_a_limit_is_told_with_the_last_value():
    """One value too many names the slot, the limit, the value and the way out."""
    domain = Domain("count", limit=2)
    assert (domain.intern(1), domain.intern(2), domain.intern(1)) == (0, 1, 0)
    with pytest.raises(Unbounded, match="count has taken 2 different values, the last 3") as caught:
        domain.intern(3)
    assert "Bound it" in caught.value.remedy
    assert domain.values == [1, 2]


def test_a_slot_is_a_name_with_a_domain():
    """A process's slot says so; slots are told apart by identity."""
    slot = Slot("p", Domain("process p"), process=True)
    assert (slot.name, slot.process, Slot("x", Domain("x")).process) == ("p", True, False)
    assert slot != Slot("p", slot.domain, process=True)
