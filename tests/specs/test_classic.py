"""The classic protocols: exact counts, verdicts and the length of each shortest counterexample."""

from __future__ import annotations

import pytest
from commandline import CLASSIC

from modelcheck.check import check
from modelcheck.loading import load
from modelcheck.verdict import Verdict

MODELS = {model.name: model for model in load(CLASSIC)}

HOLDING = [
    ("atomic_update", {"n": 1}, 2, 1),
    ("atomic_update", {"n": 2}, 4, 4),
    ("atomic_update", {"n": 5}, 32, 80),
    ("bounded_buffer", {"items": 1}, 18, 26),
    ("bounded_buffer", {"items": 2}, 301, 666),
    ("bounded_buffer", {"items": 3}, 3_984, 10_278),
    ("filter_lock", {"n": 2}, 50, 86),
    ("filter_lock", {"n": 3}, 1_515, 3_596),
    ("filter_lock", {"n": 4}, 81_016, 251_386),
    ("leader", {"n": 2}, 14, 16),
    ("leader", {"n": 3}, 35, 56),
    ("leader", {"n": 5}, 272, 735),
    ("leader", {"n": 7}, 2_381, 9_128),
    ("leader", {"n": 9}, 21_338, 105_651),
    ("lost_update", {"n": 1}, 3, 2),
    ("peterson", {}, 26, 44),
    ("philosophers", {"n": 2}, 8, 10),
    ("philosophers", {"n": 3}, 26, 51),
    ("philosophers", {"n": 5}, 242, 805),
    ("philosophers", {"n": 7}, 2_186, 10_199),
    ("philosophers", {"n": 10}, 59_048, 393_650),
]

BROKEN = [
    ("filter_lock_short", {"n": 2}, "assertion", "assert alone == 1", 3),
    ("filter_lock_short", {"n": 3}, "assertion", "assert alone == 1", 15),
    ("greedy_philosophers", {"n": 3}, "deadlock", "deadlock", 3),
    ("greedy_philosophers", {"n": 5}, "deadlock", "deadlock", 5),
    ("hungry_consumer", {"items": 1}, "deadlock", "deadlock", 6),
    ("hungry_consumer", {"items": 2}, "deadlock", "deadlock", 12),
    ("lost_update", {"n": 2}, "final", "all_counted", 4),
    ("lost_update", {"n": 4}, "final", "all_counted", 8),
    ("peterson_swapped", {}, "invariant", "mutual_exclusion", 6),
    ("philosophers", {"n": 5, "ordered": False}, "deadlock", "deadlock", 5),
]


@pytest.mark.parametrize(("name", "parameters", "states", "transitions"), HOLDING)
def test_a_model_that_holds_has_its_exact_counts(name, parameters, states, transitions):
    """Every state is found once: the counts are those of the same protocol in other checkers."""
    result = check(MODELS[name](**parameters))
    found = (result.verdict, result.states, result.transitions, sum(result.levels))
    assert found == (Verdict.HOLDS, states, transitions, states)


@pytest.mark.parametrize(("name", "parameters", "kind", "what", "steps"), BROKEN)
def test_a_broken_twin_has_its_shortest_counterexample(name, parameters, kind, what, steps):
    """What is violated is what was broken, in no more steps than it takes."""
    result = check(MODELS[name](**parameters))
    assert result.ok
    assert result.violation is not None
    assert (result.violation.kind, result.violation.property) == (kind, what)
    assert len(result.trace) == steps


@pytest.mark.parametrize("n", [2, 3, 4, 6, 8])
def test_the_philosophers_have_as_many_states_as_counted_by_hand(n):
    """A fork is free or with one of its neighbours: 3^n ways, less one that the order excludes."""
    assert check(MODELS["philosophers"](n=n)).states == 3**n - 1


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_atomic_updates_have_as_many_states_as_counted_by_hand(n):
    """A state is the set of those that have added: 2^n of them, each with a step for each other."""
    result = check(MODELS["atomic_update"](n=n))
    assert (result.states, result.transitions) == (2**n, n * 2 ** (n - 1))


def test_one_alone_loses_no_update():
    """The lost update says nothing of one process: what it finds is no surprise."""
    result = check(MODELS["lost_update"](n=1))
    assert (result.verdict, result.expected, result.ok) == (Verdict.HOLDS, None, True)


def test_every_model_is_as_expected_and_takes_all_its_steps():
    """With their defaults all hold or break as they say; only noting an error is never needed."""
    idle = {}
    for model in MODELS.values():
        result = check(model)
        assert result.ok, model.name
        assert not result.warnings, model.name
        if result.holds:
            idle[model.name] = [c.function for c in result.coverage if c.taken == 0]
    assert {name: where for name, where in idle.items() if where} == {
        "bounded_buffer": ["consumer"]
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "n", "states", "transitions"),
    [("philosophers", 13, 1_594_322, 13_817_453), ("leader", 12, 575_747, 3_811_179)],
)
def test_the_large_ones_have_their_exact_counts(name, n, states, transitions):
    """The sizes at which other checkers are measured, counted without error."""
    result = check(MODELS[name](n=n), reduction=False)
    assert (result.verdict, result.states, result.transitions) == ("holds", states, transitions)
