"""Lesson 4: messages and choices. A sender over a channel that may lose messages, with retries.

    modelcheck check examples/04_messages.py

`choose` stands for what nobody controls: the network keeps a message or drops it, and both are
explored. `either` waits for whichever of several steps comes first. A daemon need not end.
"""

from modelcheck import (
    Channel,
    System,
    always,
    check,
    choose,
    either,
    model,
    process,
    sometimes,
    state,
)

MESSAGES = 2


@state
class Link:
    sent = Channel(1)
    arrived = Channel(1)
    acknowledged = Channel(1)
    received: tuple = ()


@process(daemon=True)
def network(s):
    """Carry each message over, or lose it."""
    while True:
        message = yield s.sent.recv()
        if (yield choose("deliver", "lose")) == "deliver":
            yield s.arrived.send(message)


@process
def sender(s, retries):
    """Send each message until it is acknowledged, but at most so often."""
    for number in range(MESSAGES):
        for _ in range(retries):
            yield s.sent.send(number)
            which, answer = yield either(s.acknowledged.recv(), choose("timeout"))
            if which == 0 and answer == number:
                break


@process(daemon=True)
def careful_receiver(s):
    """Take a message once; acknowledge it each time."""
    while True:
        number = yield s.arrived.recv()
        yield s.received.update(lambda got: got if number in got else (*got, number))
        yield s.acknowledged.send(number)


@process(daemon=True)
def hasty_receiver(s):
    """Take every message as a new one."""
    while True:
        number = yield s.arrived.recv()
        yield s.received.update(lambda got: (*got, number))
        yield s.acknowledged.send(number)


@always
def no_duplicates(s):
    return len(set(s.received)) == len(s.received)


@sometimes
def all_arrive(s):
    return len(s.received) == MESSAGES


@model
def lossy_link(retries: int = 2):
    """Duplicates are recognised by their number."""
    s = Link()
    return System(
        s, [sender(s, retries), network(s), careful_receiver(s)], [no_duplicates, all_arrive]
    )


@model(expect="violated", by="no_duplicates")
def duplicating_link(retries: int = 2):
    """A retry after a timeout is taken for a new message."""
    s = Link()
    return System(s, [sender(s, retries), network(s), hasty_receiver(s)], [no_duplicates])


if __name__ == "__main__":
    print(check(lossy_link))
    print(check(duplicating_link))
