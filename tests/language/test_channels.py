"""Channels: bounded queues, rendezvous, use inside atomic steps, guards and properties."""

from __future__ import annotations

import pytest
from language.small import count, message, run

from modelcheck import (
    Channel,
    ModelError,
    System,
    always,
    at_end,
    atomic,
    cells,
    either,
    process,
    state,
    until,
)


@state
class Shared:
    got: tuple = ()
    two = Channel(2)
    full = Channel(1, ["old"])
    meet = Channel(0)
    lanes = cells(2, Channel(1))


def orders(*functions, shared=None):
    """Return every final value of `got`, and (states, transitions)."""
    values = set()

    @at_end
    def note(s):
        values.add(s.got)
        return True

    return values, count(run(shared or Shared(), *functions, properties=[note]))


def note(s, item):
    """Append an item to `got`."""
    return s.got.update(lambda got: (*got, item))


def test_messages_arrive_in_order_and_a_full_channel_makes_its_sender_wait():
    """Counted by hand: a buffer of two between three sends and three receives."""

    def sender(s):
        for i in range(3):
            yield s.two.send(i)

    def receiver(s):
        seen = []
        for _ in range(3):
            seen.append((yield s.two.recv()))
        yield s.got.set(tuple(seen))

    values, numbers = orders(sender, receiver)
    assert values == {(0, 1, 2)}
    # (sent, received) at most two apart: 3 + 3 + 2 + 1 states, 5 sends, 5 receives, a last store.
    assert numbers == (10, 11)


def test_an_empty_channel_makes_its_receiver_wait():
    """Nobody sends: a deadlock that names the receiver."""

    def receiver(s):
        yield s.two.recv()

    assert message(run(Shared(), receiver)) == "deadlock: receiver can never go on"


def test_a_full_channel_can_start_full():
    """Initial messages are there before the first step; a send to it waits."""

    def sender(s):
        yield s.full.send("new")

    def receiver(s):
        assert (yield s.full.recv()) == "old"

    assert count(run(Shared(), sender, receiver)) == (3, 2)
    assert message(run(Shared(), sender)) == "deadlock: sender can never go on"


def test_try_recv_never_waits():
    """It gives the first message, or None."""

    def p(s):
        assert (yield s.full.try_recv()) == "old"
        assert (yield s.full.try_recv()) is None
        yield s.full.send(None)

    assert count(run(Shared(), p)) == (4, 3)


def test_each_cell_may_be_a_channel_of_its_own():
    """An array of channels: what goes into one does not come out of another."""

    def p(s):
        yield s.lanes[1].send("b")
        assert (yield s.lanes[0].try_recv()) is None
        assert (yield s.lanes[-1].recv()) == "b"

    assert run(Shared(), p).holds


def test_a_rendezvous_is_one_step_of_two_processes():
    """The sender moves both; the receiver alone is blocked."""

    def sender(s):
        yield s.meet.send("hello")

    def receiver(s):
        item = yield s.meet.recv()
        yield note(s, item)

    assert orders(sender, receiver) == ({("hello",)}, (3, 2))
    result = run(Shared(), sender)
    assert message(result) == "deadlock: sender can never go on"


def test_a_rendezvous_tells_whom_it_moved():
    """The trace names the receiver that the sender's step moved."""

    def sender(s):
        yield s.meet.send(1)

    def receiver(s):
        assert not (yield s.meet.recv())

    result = run(Shared(), sender, receiver)
    assert message(result).startswith("assertion")
    assert [t.process for t in result.trace.steps] == ["sender"]


def test_any_sender_meets_any_receiver():
    """Two senders and two receivers: all four pairs are explored, in every order."""
    pairs = set()

    @process
    def sender(s, me):
        yield s.meet.send(me)

    @process
    def receiver(s, me):
        item = yield s.meet.recv()
        yield note(s, (me, item))

    @at_end
    def noted(s):
        pairs.add(s.got)
        return True

    s = Shared()
    system = [sender(s, "a"), sender(s, "b"), receiver(s, 1), receiver(s, 2)]
    result = run(s, *system, properties=[noted])
    assert result.holds
    expected = {((1, x), (2, y)) for x, y in ("ab", "ba")}
    assert pairs == expected | {(two, one) for one, two in expected}


def test_a_receiver_of_a_rendezvous_may_choose():
    """A receive in an `either` meets a sender, or the other step is taken."""

    def sender(s):
        yield either(s.meet.send(1), s.two.send(2))

    def receiver(s):
        got = yield either(s.two.recv(), s.meet.recv())
        yield note(s, got)

    assert orders(sender, receiver)[0] == {((0, 2),), ((1, 1),)}


def test_a_rendezvous_respects_the_receivers_guard():
    """A process that waits for a condition besides its step is not met before."""

    @process
    def sender(s):
        yield s.meet.send(1)

    @process
    def receiver(s):
        item = yield s.meet.recv()
        assert item == 1

    @process
    def opener(s):
        yield note(s, "open")

    s = Shared()
    guarded = receiver(s).waiting_for(lambda: s.got == ("open",))
    assert count(run(s, sender(s), guarded, opener(s))) == (3, 2)
    s = Shared()
    shut = receiver(s).waiting_for(lambda: s.got == ("open",))
    assert message(run(s, sender(s), shut)).startswith("deadlock")


def test_inside_atomic_a_channel_acts_at_once():
    """Sends and receives are part of the one step; a later one sees an earlier one."""

    def p(s):
        def move():
            item = s.full.recv()
            s.two.send(item)
            s.two.send(s.two[0] + "er")
            return len(s.two), s.two.full, s.full.try_recv(), list(s.two)

        assert (yield atomic(move)) == (2, True, None, ["old", "older"])

    assert count(run(Shared(), p)) == (2, 1)


def test_inside_atomic_a_blocked_channel_blocks_the_whole_step():
    """Nothing of it happens, also where the code around it catches exceptions."""

    def p(s):
        def both():
            s.two.send(1)
            try:
                s.lanes[0].recv()
            except Exception:
                return "caught"

        assert (yield atomic(both)) is None

    def helper(s):
        yield until(lambda: not s.two)
        yield s.lanes[0].send(1)

    assert run(Shared(), p, helper).holds
    assert message(run(Shared(), p)) == "deadlock: p can never go on"


def test_in_guards_and_properties_a_channel_is_the_sequence_of_its_messages():
    """Length, items, membership, truth, equality, `full`, `messages`."""

    def p(s):
        yield until(lambda: len(s.full) == 1 and s.full[0] == "old" and "old" in s.full)
        yield until(lambda: s.full and not s.two and s.full.full and not s.two.full)
        yield until(lambda: s.full == ["old"] and s.full == ("old",) and s.full != s.two)
        yield until(
            lambda: [*s.full] == ["old"] and s.full.messages == ("old",) and s.full == s.full
        )
        yield s.two.send("x")

    @always
    def seen(s):
        return s.full == ["old"] and len(s.two) <= 1 and s.two in ([], ["x"]) and s.full != 3

    assert count(run(Shared(), p, properties=[seen])) == (6, 5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Channel(), "has no capacity"),
        (lambda: Channel(2, 3), "was given no messages"),
        (lambda: Channel(-1), "has no capacity"),
        (lambda: Channel(True), "has no capacity"),
        (lambda: Channel("2"), "has no capacity"),
        (lambda: Channel(1, [1, 2]), "was given 2 messages"),
        (lambda: Channel(1, [[]]), "it can change"),
        (lambda: Channel(0).try_recv(), "a rendezvous holds no message"),
    ],
)
def test_channels_that_cannot_be(make, words):
    """A capacity is a number from 0; initial messages fit in and are immutable."""
    with pytest.raises(ModelError, match=words) as caught:
        make()
    assert caught.value.file == __file__
    assert caught.value.remedy


def test_a_rendezvous_inside_atomic_is_refused():
    """It is a step of two processes, so it cannot be part of another step."""

    def p(s):
        yield atomic(lambda: s.meet.send(1))

    with pytest.raises(ModelError, match="a rendezvous is a step of two processes") as caught:
        run(Shared(), p)
    assert caught.value.line == p.__code__.co_firstlineno + 1


def test_a_condition_only_looks_at_a_channel():
    """A receive in a guard, or in a property, is refused."""

    def p(s):
        yield until(lambda: s.full.recv() == "old")

    def idle(s):
        yield s.got

    @always
    def takes(s):
        return s.full.recv() == "old"

    with pytest.raises(ModelError, match="was called inside a condition"):
        run(Shared(), p)
    with pytest.raises(ModelError, match="a property called"):
        run(Shared(), idle, properties=[takes])


def test_channels_by_name_in_a_mapping_state():
    """A channel may be a name of the state by itself."""
    ch = Channel(1)

    @process
    def p():
        yield ch.send(1)

    @always
    def small(s):
        return len(s.ch) <= 1

    assert run({"ch": ch}, p(), properties=[small]).states == 2
    assert [r.name for r in System({"ch": ch}, []).refs] == ["ch"]
