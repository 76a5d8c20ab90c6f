"""check, simulate and replay: arguments, budgets, results."""

from __future__ import annotations

import pytest
from language.small import marked

from modelcheck import (
    ModelError,
    System,
    UsageError,
    Verdict,
    always,
    check,
    choose,
    model,
    process,
    replay,
    simulate,
    sometimes,
    state,
)


@state
class Shared:
    x: int = 0
    y: int = 0


@process
def walker(s):
    v = yield choose(1, 2, 3)  # choose
    yield s.x.set(v)  # store
    if v > 5:
        yield s.y.set(1)  # never


@always
def below_three(s):
    return s.x < 3


@sometimes
def two(s):
    return s.x == 2


@model
def walk(bound: int = 4):
    """Walk."""
    s = Shared()

    @always
    def bounded(s):
        return s.x < bound

    return System(s, [walker(s)], [bounded, two])


def test_a_complete_search_tells_its_numbers():
    """States, transitions, levels, depth, coverage of every yield, witnesses."""
    result = check(walk)
    assert (result.verdict, result.ok, result.exit_code) == (Verdict.HOLDS, True, 0)
    assert (result.states, result.transitions, result.levels, result.depth) == (7, 6, (1, 3, 3), 2)
    assert (result.memory_model, result.reason, result.violation, result.trace) == (
        "sc",
        "",
        None,
        None,
    )
    assert len(result.witnesses["two"]) == 2
    rows = {row.line: (row.states, row.taken) for row in result.coverage}
    code = walker.function
    assert rows == {
        marked(code, "# choose"): (1, 3),
        marked(code, "# store"): (3, 3),
        marked(code, "# never"): (0, 0),
    }


def test_a_violation_has_a_trace_and_a_token_that_replays():
    """The token gives the same trace again, from the model or from a system of it."""
    result = check(walk(bound=3))
    assert (result.verdict, result.violation.property, result.exit_code) == (
        "violated",
        "bounded",
        1,
    )
    again = replay(walk, result.token)
    assert repr(again.steps) == repr(result.trace.steps)
    assert (again.states, again.violation) == (result.trace.states, result.violation)


def test_a_token_of_another_model_is_refused():
    """By the names of both."""

    @model
    def other():
        return System(Shared(), [])

    with pytest.raises(UsageError, match="is for the model 'walk', not for 'other'"):
        replay(other, check(walk(bound=3)).token)


@pytest.mark.parametrize("states", [1, 2, 6])
def test_a_budget_of_states_makes_it_incomplete(states):
    """A cut search never holds, and says why it was cut; a violation found before counts."""
    result = check(walk, max_states=states)
    assert result.verdict is Verdict.INCOMPLETE
    assert result.exit_code == 3
    assert str(states) in result.reason
    assert result.states == states
    assert check(walk, max_states=7).holds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_states": 0}, "max_states is 0"),
        ({"timeout_s": -1}, "timeout_s is -1"),
        ({"max_states": "many"}, "max_states is 'many'; a budget is a number"),
        ({"max_memory_mib": 0.0}, "max_memory_mib is 0.0"),
        ({"memory": "x86"}, "no memory model 'x86'; there is sc"),
    ],
)
def test_arguments_that_cannot_be_are_usage_errors(options, words):
    """Each names the argument and its value."""
    with pytest.raises(UsageError, match=words):
        check(walk, **options)


@pytest.mark.parametrize("thing", [3, None, "walk", walker, Shared])
def test_only_a_model_can_be_checked(thing):
    """Anything else is named in the error."""
    with pytest.raises(UsageError, match="which is no model"):
        check(thing)


def test_progress_is_told_now_and_then():
    """At least once, with the numbers so far."""
    told = []
    check(walk, progress=told.append)
    assert all(p.states >= 1 for p in told)


def test_a_walk_is_the_same_for_the_same_seed():
    """A random walk never holds: it is incomplete, or has found a violation."""
    one, two_ = simulate(walk, seed=5), simulate(walk, seed=5)
    assert one.verdict is Verdict.INCOMPLETE
    assert repr(one.trace.steps) == repr(two_.trace.steps)
    assert "random walk of 2 steps (seed 5)" in one.reason
    found = {simulate(walk(bound=3), seed=seed).verdict for seed in range(20)}
    assert found == {Verdict.INCOMPLETE, Verdict.VIOLATED}
    assert len(simulate(walk, steps=1).trace) == 1
    with pytest.raises(UsageError, match="steps is -1"):
        simulate(walk, steps=-1)


def test_a_process_that_fails_at_once_fails_a_walk_too():
    """Before the first step there is no state to walk from."""

    @process
    def fails(s):
        raise ValueError("at once")
        yield s.x

    s = Shared()
    for result in (simulate(System(s, [fails(s)])), check(System(s, [fails(s)]))):
        assert result.violation.message == "ValueError: at once"
        assert result.verdict is Verdict.VIOLATED


def test_errors_of_the_model_are_raised_and_not_results():
    """A model that breaks a rule of the language raises; it has no verdict."""

    @process
    def wrong(s):
        yield 3

    s = Shared()
    for call in (check, simulate):
        with pytest.raises(ModelError, match="yielded 3"):
            call(System(s, [wrong(s)]))


def test_the_reason_of_unreachable_names_every_missing_witness():
    """All `sometimes` without a witness are named, the first is the violated one."""

    @sometimes
    def four(s):
        return s.x == 4

    @sometimes
    def five(s):
        return s.x == 5

    s = Shared()
    result = check(System(s, [walker(s)], [two, four, five]))
    assert result.violation.property == "four"
    assert result.violation.message == "no reachable state makes four, five true"
    cut = check(System(s, [walker(s)], [four]), max_states=2)
    assert cut.verdict is Verdict.INCOMPLETE
