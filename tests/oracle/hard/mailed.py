"""Sends and increments that commute by value, among processes that are alike."""

from modelcheck import Channel, System, at_end, cells, model, names, process, state, symmetric


@state
class Mailed:
    a: object
    done: int = 0
    got: int = 0
    box: object = Channel(capacity=2)


@process
def sender(s, me):
    """Send through the channel that all share, and count."""
    yield s.a[me].set(1)
    yield s.box.send(1)
    yield s.done.add(1)


@process
def receiver(s, n):
    """Receive and count all."""
    for _ in range(n):
        yield s.box.recv()
        yield s.got.add(1)


@at_end
def all_arrived(s):
    """Nothing is lost."""
    return s.got == len(s.a) == s.done


@model(expect="holds")
def mailed(n: int = 3):
    """Processes that send through one channel and count, until somebody has received all."""
    users = names(n, "u")
    s = Mailed(a=cells(users, 0))
    return System(s, [*symmetric(sender(s, me) for me in users), receiver(s, n)], [all_arrived])
