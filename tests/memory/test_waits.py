"""Waits that a stale value lets through may look anew, and wait for ever: no deadlock is hidden."""

from __future__ import annotations

import pytest

from modelcheck import System, at_end, check, either, process, replay, state, until
from modelcheck.memory import MODELS


@state
class Shared:
    x: int = 0


@process
def waits_for_zero(s, end=False):
    yield until(lambda: s.x == 0, end=end)


@process
def sets_one(s):
    yield s.x.set(1)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("reduction", [False, True])
@pytest.mark.parametrize("memory", MODELS)
def test_a_stale_value_hides_no_deadlock(memory, engine, reduction):
    """A wait that only a stale value lets through may look anew first, and wait for ever.

    By hand, under `wmm`: the process waits or is through while nothing is stored, while the store
    waits, and when it is visible (six states); in the last it may also have looked, and seen 1.
    """
    s = Shared()
    system = System(s, [waits_for_zero(s), sets_one(s)])
    result = check(system, memory=memory, engine=engine, reduction=reduction, audit=reduction)
    assert result.violation.kind == "deadlock"
    steps = [(step.process, step.note) for step in result.trace.steps]
    if memory == "wmm":
        assert steps[-1] == ("waits_for_zero", "looks, and goes on waiting")
    assert replay(system, result.token).states == result.trace.states
    if not reduction:
        assert result.states == {"sc": 4, "wmm": 7}.get(memory, 6)


@process
def waits_for_zero_or_five(s):
    yield either(until(lambda: s.x == 0), until(lambda: s.x == 5))


def test_a_choice_that_looks_and_goes_on_waiting_went_no_way():
    """The trace says that it looked, and not which way it went."""
    s = Shared()
    result = check(System(s, [waits_for_zero_or_five(s), sets_one(s)]), memory="wmm")
    assert result.violation.kind == "deadlock"
    assert result.trace.steps[-1].note == "looks, and goes on waiting"


def test_a_stale_value_hides_no_end():
    """The same of a wait at a declared end: what must be true at the end is asked there."""
    s = Shared()
    wrong = at_end(lambda s: s.waits_for_zero.done)
    system = System(s, [waits_for_zero(s, end=True), sets_one(s)], [wrong])
    for memory in MODELS:
        assert check(system, memory=memory).violation.kind == "final"
