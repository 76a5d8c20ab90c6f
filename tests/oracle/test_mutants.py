"""Mutants of the catalogue lose nothing by reduction and symmetry; a hidden fault is noticed."""

from __future__ import annotations

from collections import Counter
from unittest import mock

import pytest

from modelcheck.tables.closing import ClosedTables
from oracle.mutants import case, corpus, one

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def agree(first, count):
    """Compare some mutants; return how often each verdict came."""
    verdicts = Counter()
    for seed in range(first, first + count):
        _, outcome, wrong = one((seed, True))
        assert not wrong, f"seed {seed}, of {case(seed)[0]}: {wrong}"
        verdicts[outcome.verdict] += 1
    return verdicts


@pytest.mark.parametrize("block", range(3))
def test_mutants_lose_nothing(block):
    """Each held against searches of everything, the engines taking turns."""
    verdicts = agree(9_000_000 + 40 * block, 40)
    assert verdicts["not a program"] + verdicts["too large"] < 28


@pytest.mark.long
@pytest.mark.parametrize("block", range(10))
def test_many_mutants_lose_nothing(block):
    """A thousand more."""
    agree(9_100_000 + 100 * block, 100)


def test_there_is_much_to_change():
    """The hard models are there, the catalogue, the examples, and what rows of it import."""
    assert len(corpus()) > 100
    parts = {origin.part.name for origin in corpus()}
    assert {"turns.py", "alike.py", "protocol.py", "philosophers.py", "03_deadlock.py"} <= parts


def itself_alone(self, slot, values):
    """What a property tells apart, asked along its own paths and no image of them."""
    return [(slot, values)]


def test_a_fault_that_random_programs_do_not_show_is_noticed():
    """Asked along its own paths alone, a property of equal processes misses what breaks it."""
    seed = 13
    assert not one((seed, False))[2]
    with mock.patch.object(ClosedTables, "images", itself_alone):
        assert "the answers" in one((seed, False))[2]
