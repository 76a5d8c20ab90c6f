"""Independence by value: steps on one location that commute, and those that only seem to."""

from __future__ import annotations

import pytest
from commandline import CLASSIC
from language.small import run

from modelcheck import Channel, Verdict, at_end, atomic, cells, check, either, sometimes, state
from modelcheck.loading import load


@state
class Shared:
    x: int = 0
    y: int = 0
    a = cells(4, 0)
    link = Channel(3)
    back = Channel(1)


def states(*functions, **options):
    """How many states are stored with reduction, and without; the verdicts agree."""
    options["engine"] = "reference"
    plain = run(Shared(), *functions, **options)
    fewer = run(Shared(), *functions, reduction=True, audit=True, **options)
    assert plain.verdict == fewer.verdict
    return fewer.states, plain.states


def test_a_sender_and_a_receiver_take_turns_in_one_order():
    """Three messages through a channel for three: each is received as soon as it is sent."""

    def sends(s):
        for message in (1, 2, 3):
            yield s.link.send(message)

    def receives(s):
        for _ in range(3):
            yield s.link.recv()

    assert states(sends, receives) == (7, 10)


def test_two_senders_do_not_commute():
    """The order of their messages is seen: all orders are there at the end."""

    def sends(message):
        def p(s):
            yield s.link.send(message)

        return p

    assert states(sends(1), sends(2)) == (5, 5)


def test_increments_nobody_looks_at_commute():
    """Three processes add up: 4 states in one order instead of 8."""

    def counts(s):
        yield s.x.add(1)

    assert states(counts, counts, counts) == (4, 8)


def test_increments_with_results_do_not_commute():
    """Who got which number is a difference."""

    @sometimes
    def first_was_second(s):
        return s.a[0] == 1

    @sometimes
    def second_was_second(s):
        return s.a[1] == 1

    def counts(i):
        def p(s):
            before = yield s.x.add(1)
            yield s.a[i].set(before)

        return p

    options = {"properties": [first_was_second, second_was_second], "reduction": True}
    assert run(Shared(), counts(0), counts(1), engine="reference", audit=True, **options).holds


def test_a_load_between_increments_is_seen():
    """A reader sees 0, 1 and 2, whatever the order of those that add."""

    @sometimes
    def saw_one(s):
        return s.y == 1

    def counts(s):
        yield s.x.add(1)

    def reads(s):
        x = yield s.x
        yield s.y.set(x)

    options = {"properties": [saw_one], "reduction": True, "audit": True}
    assert run(Shared(), counts, counts, reads, engine="reference", **options).holds


@pytest.mark.parametrize("memory", ["tso", "pso", "wmm"])
def test_increments_wait_for_buffers_elsewhere(memory):
    """Under other memory models an increment is more than that."""

    @at_end
    def both(s):
        return s.x == 2

    def counts(s):
        yield s.y.set(1)
        yield s.x.add(1)

    options = {"properties": [both], "memory": memory, "reduction": True, "audit": True}
    assert run(Shared(), counts, counts, engine="reference", **options).holds


def test_who_looks_at_the_length_is_no_mere_receiver():
    """A step that receives and then sees how much is left depends on the sender."""

    @sometimes
    def two_left(s):
        return s.y == 2

    def sends(s):
        for message in (1, 2, 3):
            yield s.link.send(message)

    def receives(s):
        def look():
            s.link.recv()
            s.y = len(s.link)

        yield atomic(look)

    def other(s):
        yield s.a[0].set(1)

    options = {"properties": [two_left], "reduction": True, "audit": True}
    assert run(Shared(), receives, sends, other, **options).holds


def test_a_receiver_that_could_do_something_else_is_not_waiting():
    """Where the channel is empty `either` takes its other way: the sender disturbs that."""

    @sometimes
    def other_way(s):
        return s.y == 1 and len(s.link) == 1

    def sends(s):
        yield s.link.send(1)

    def chooses(s):
        yield either(s.link.recv(), s.y.set(1))

    options = {"properties": [other_way], "reduction": True, "audit": True}
    assert run(Shared(), sends, chooses, **options).holds


def test_a_function_that_catches_the_waiting_waits_all_the_same():
    """What cannot be taken is not taken, whatever an atomic function makes of that."""

    def receives(s):
        def catches():
            try:
                s.link.recv()
            except BaseException:
                s.x = 1

        yield atomic(catches)

    def raises(s):
        def catches():
            try:
                s.link.recv()
            except BaseException:
                raise ValueError from None

        yield atomic(catches)

    for engine in ("reference", "native"):
        for function in (receives, raises):
            for reduced in (False, True):
                result = run(Shared(), function, engine=engine, reduction=reduced)
                assert (result.violation.kind.value, result.states) == ("deadlock", 1)


@pytest.mark.parametrize(("engine", "workers"), [("reference", 1), ("native", 1), ("native", 2)])
def test_leader_election_is_a_line(engine, workers):
    """61 states for a ring of twelve, of 575,747: every message in one order."""
    (model,) = load(CLASSIC / "leader.py")
    result = check(model(n=12), engine=engine, workers=workers, reduction=True, audit=True)
    assert (result.verdict, result.states, result.transitions) == (Verdict.HOLDS, 61, 60)
    assert result.reduction.audited == 61
