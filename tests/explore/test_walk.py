"""Random walks: the same seed, the same walk; bounded; never a proof."""

from __future__ import annotations

import pytest

from modelcheck import (
    Kind,
    System,
    UsageError,
    Verdict,
    always,
    at_end,
    choose,
    process,
    simulate,
    sometimes,
    state,
    until,
)


@state
class Shared:
    x: object = 0


@process
def add(s, times):
    for _ in range(times):
        yield s.x.add(1)


@process
def flip(s):
    while True:
        yield s.x.update(lambda old: 1 - old)


@always
def below_3(s):
    return s.x < 3


@at_end
def ends_at_9(s):
    return s.x == 9


@sometimes
def x_is_1(s):
    return s.x == 1


def system(*processes, properties=(), **options):
    s = Shared()
    return System(s, [p(s) for p in processes], properties, **options)


def path(result):
    return [(step.process, step.result) for step in result.trace.steps]


def test_the_same_seed_is_the_same_walk():
    """A walk is a function of the model and the seed."""
    one, two, other = (
        simulate(system(lambda s: add(s, 9), lambda s: add(s, 9)), seed=seed) for seed in (5, 5, 6)
    )
    assert path(one) == path(two) != path(other)
    assert one.token == two.token != other.token


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_walk_takes_as_many_steps_as_it_may(steps):
    """An endless model is walked for exactly the number of steps asked for."""
    result = simulate(system(flip), steps=steps)
    assert len(result.trace) == steps
    assert len(result.trace.states) == steps + 1
    assert result.verdict is Verdict.INCOMPLETE


def test_a_walk_never_holds():
    """Not even one that has seen everything."""
    result = simulate(system(lambda s: add(s, 1)), steps=50)
    assert (result.verdict, len(result.trace), result.states) == (Verdict.INCOMPLETE, 1, 2)
    assert "random walk" in result.reason


def test_a_walk_finds_a_violation_on_its_way():
    """It ends where the invariant is false."""
    result = simulate(system(lambda s: add(s, 2), lambda s: add(s, 2), properties=[below_3]))
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 3)
    assert [s["x"] for s in result.trace.states] == [0, 1, 2, 3]


def test_a_walk_finds_a_deadlock_and_a_wrong_end():
    """Where nobody can step it judges as a search does."""
    deadlock = simulate(system(lambda s: process(_wait)(s), lambda s: add(s, 2)))
    assert (deadlock.violation.kind, len(deadlock.trace)) == (Kind.DEADLOCK, 2)
    final = simulate(system(lambda s: add(s, 2), properties=[ends_at_9]))
    assert (final.violation.kind, len(final.trace)) == (Kind.FINAL, 2)
    off = simulate(system(lambda s: process(_wait)(s), deadlock=False, properties=[ends_at_9]))
    assert off.violation is None


def _wait(s):
    yield until(lambda: s.x == 99)


def test_a_walk_finds_a_failing_step():
    """An assertion of a process ends the walk, its last step included."""

    @process
    def p(s):
        yield s.x.add(1)
        raise AssertionError("no")

    result = simulate(system(p))
    assert (result.violation.kind, len(result.trace)) == (Kind.ASSERTION, 1)


def test_a_walk_notes_witnesses():
    """What `sometimes` asks for is noted where it is first met; not to meet it is no violation."""
    met = simulate(system(lambda s: add(s, 2), properties=[x_is_1]))
    assert len(met.witnesses["x_is_1"]) == 1
    missed = simulate(system(lambda s: add(s, 2), properties=[x_is_1]), steps=0)
    assert (missed.witnesses["x_is_1"], missed.violation) == (None, None)


def test_processes_are_drawn_before_their_outcomes():
    """A choice among a thousand does not keep the other process from its turn."""

    @process
    def chooser(s):
        while True:
            yield choose(range(1000))

    result = simulate(system(chooser, flip), steps=200)
    turns = sum(step.process == "flip" for step in result.trace.steps)
    assert 60 < turns < 140


def test_a_walk_reaches_every_branch_by_some_seed():
    """Twenty seeds see all three results of a choice."""

    @process
    def p(s):
        v = yield choose(0, 1, 2)
        yield s.x.set(v)

    ends = {simulate(system(p), seed=seed).trace.states[-1]["x"] for seed in range(20)}
    assert ends == {0, 1, 2}


def test_a_walk_of_negative_length_is_refused():
    """The number of steps is 0 or more."""
    with pytest.raises(UsageError, match="steps is -1"):
        simulate(system(flip), steps=-1)


def test_a_walk_ends_in_time():
    """A timeout ends it, and is the reason given."""
    result = simulate(system(flip), steps=10**7, timeout_s=0.05)
    assert "seconds" in result.reason
    assert len(result.trace) < 10**7
