"""Producers and consumers over a bounded channel: nothing is lost, nothing comes twice."""

from modelcheck import Channel, System, always, at_end, model, process, sometimes, state


@state
class Buffer:
    items = Channel(2)
    received: frozenset = frozenset()
    doubled: bool = False


@process
def producer(s, mine):
    """Send each item; wait where the buffer is full."""
    for item in mine:
        yield s.items.send(item)


@process
def consumer(s, many):
    """Take `many` items and note each."""
    for _ in range(many):
        item = yield s.items.recv()
        before = yield s.received.update(lambda got: got | {item})
        if item in before:
            yield s.doubled.set(True)


@always
def never_twice(s):
    return not s.doubled


@always
def bounded(s):
    return len(s.items) <= 2


@sometimes
def full(s):
    return s.items.full


def everything(n):
    """All items arrive."""

    @at_end
    def all_received(s):
        return len(s.received) == n

    return all_received


@model
def bounded_buffer(items: int = 2):
    """Two producers, two consumers, as many items taken as sent."""
    s = Buffer()
    work = [producer(s, (("a", i), ("b", i))) for i in range(items)]
    takers = [consumer(s, items), consumer(s, items)]
    return System(s, work + takers, [never_twice, bounded, full, everything(2 * items)])


@model(expect="violated", by="deadlock")
def hungry_consumer(items: int = 2):
    """One consumer wants an item more than there are: it waits for ever."""
    s = Buffer()
    work = [producer(s, (("a", i), ("b", i))) for i in range(items)]
    return System(s, [*work, consumer(s, 2 * items + 1)], [never_twice, bounded])
