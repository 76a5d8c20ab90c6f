"""Coverage: each `yield` that was taken is counted, for whoever moved."""

from __future__ import annotations

import pytest

from modelcheck import Channel, System, check, choose, either, process, spawn, state


@state
class Shared:
    meet: Channel = Channel(0)
    queue: Channel = Channel(1)
    x: int = 0


def covered(*processes, engine):
    """(label, states, taken) of each `yield`, in the order of the source."""
    s = Shared()
    result = check(System(s, [p(s) for p in processes], deadlock=False), engine=engine)
    return [(c.label, c.states, c.taken) for c in result.coverage], str(result)


ENGINES = pytest.mark.parametrize("engine", ["reference", "native"])


@ENGINES
def test_a_rendezvous_counts_for_both(engine):
    """Sender and receiver each take one step, in one state."""

    @process
    def sends(s):
        yield s.meet.send(1)

    @process
    def receives(s):
        yield s.meet.recv()

    found, text = covered(sends, receives, engine=engine)
    assert found == [("meet.send(1)", 1, 1), ("meet.recv()", 1, 1)]
    assert "never taken" not in text


@ENGINES
def test_a_rendezvous_with_several_counts_for_each_that_moved(engine):
    """The sender has two partners to choose from, one of which waits in an `either` twice."""

    @process
    def sends(s):
        yield s.meet.send(1)

    @process
    def receives(s):
        yield s.meet.recv()

    @process
    def receives_either(s):
        yield either(s.meet.recv(), s.meet.recv())

    found, _ = covered(sends, receives, receives_either, engine=engine)
    assert found == [
        ("meet.send(1)", 1, 3),
        ("meet.recv()", 1, 1),
        ("either(meet.recv(), meet.recv())", 1, 2),
    ]


@ENGINES
def test_a_rendezvous_that_never_takes_place_is_told(engine):
    """Nobody sends: the receiver's step was never taken."""

    @process
    def receives(s):
        yield s.meet.recv()

    found, text = covered(receives, engine=engine)
    assert found == [("meet.recv()", 0, 0)]
    assert "never taken" in text


@ENGINES
def test_the_other_steps_count_for_who_takes_them(engine):
    """A queue looked at while empty, a choice of two, a child, and a step that fails."""

    @process
    def child(s):
        yield s.x.set(0)

    @process
    def parent(s):
        yield s.queue.try_recv()
        yield choose(0, 1)
        made = yield spawn(child(s))
        yield made.join()
        yield s.x.add(1)
        raise KeyError("the step before fails")

    found, text = covered(parent, engine=engine)
    assert [(states, taken) for _, states, taken in found] == [
        (1, 1), (1, 1), (1, 2), (1, 1), (1, 1), (1, 1),
    ]  # fmt: skip
    assert "never taken" not in text
