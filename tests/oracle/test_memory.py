"""The memory models agree with the brute force on random programs, with every engine."""

from __future__ import annotations

from random import Random

import pytest

from oracle.memory import MODELS, Op, Program, outcomes
from oracle.memory_compare import WAYS, compare, found_within, random_program


@pytest.mark.parametrize("block", range(10))
def test_random_programs_have_the_same_outcomes(block):
    """All outcomes and no others under each model, each a superset of the stronger one's."""
    for number in range(15):
        allowed = compare(random_program(Random(1_000 * block + number)))
        assert allowed["sc"] <= allowed["tso"] <= allowed["pso"] <= allowed["wmm"], number


@pytest.mark.parametrize("model", MODELS[1:])
@pytest.mark.parametrize("block", range(4))
def test_random_programs_are_searched_alike_by_both_engines(block, model):
    """Verdicts are the same, with and without reduction; without, so are states and levels."""
    told = 0
    for number in range(25):
        ways = list(WAYS) if number % 5 == 0 else ["reference", "native"]
        program = random_program(Random(77_000 + 1_000 * block + number))
        told += compare(program, ways, [model])[model]
    assert told > 25


@pytest.mark.long
@pytest.mark.parametrize("block", range(40))
def test_more_random_programs_have_the_same_outcomes(block):
    """Some thousands of programs."""
    for number in range(100):
        allowed = compare(random_program(Random(10_000_000 + 1_000 * block + number)))
        assert allowed["sc"] <= allowed["tso"] <= allowed["pso"] <= allowed["wmm"], number


@pytest.mark.parametrize("model", MODELS[1:])
def test_a_bound_that_is_not_reached_loses_nothing(model):
    """With the shortest buffers: nothing is made up, and what is lost is told; often nothing is."""
    exact = 0
    for number in range(150):
        program = random_program(Random(55_000 + number))
        truth = outcomes(program, model)
        found, _, bound = found_within(program, model, buffer=1)
        assert found <= truth, number
        assert bound or found == truth, number
        exact += not bound
    assert 20 < exact < 150


def test_random_programs_show_what_each_model_adds():
    """Among them are programs that tell each model from the next stronger one."""
    apart = dict.fromkeys(MODELS[1:], 0)
    for number in range(150):
        program = random_program(Random(number))
        found = [len(outcomes(program, model)) for model in MODELS]
        for stronger, model, name in zip(found, found[1:], MODELS[1:], strict=False):
            apart[name] += model > stronger
    assert min(apart.values()) >= 5


def test_a_value_is_coherent_after_a_successful_exchange():
    """What a CPU overwrote by a compare-and-exchange is no stale value for it any more."""
    exchange = Op("cas", "x", 1, new=3)
    first = (Op("load", "x"), Op("store", "x", 2), exchange, Op("load", "x", 0, "acquire"))
    second = (Op("cas", "x", 0, new=3), Op("store", "x", 1), Op("load", "x"))
    assert compare(Program((first, second), (0, 1))) == dict.fromkeys(MODELS, 18)
