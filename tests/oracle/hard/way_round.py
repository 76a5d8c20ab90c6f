"""Processes that go round for ever while others wait for their turn, alike or not."""

from modelcheck import (
    System,
    always,
    cells,
    choose,
    model,
    names,
    process,
    sometimes,
    state,
    symmetric,
)


@state
class Shared:
    a: object
    x: int = 0


@process
def chooser(s, me):
    """Turn one's own cell for ever; sometimes say so."""
    while True:
        yield s.a[me].update(lambda a: (a + 1) % 2)
        if (yield choose(False, True)):
            yield s.x.set(1)


@process
def turner(s, me):
    """Turn one's own cell for ever."""
    while True:
        yield s.a[me].update(lambda a: 1 - a)


@process
def failing(s):
    """Fail with the second step."""
    yield s.x.set(1)
    raise ValueError("found")


@sometimes
def x_is_set(s):
    """Somebody says so."""
    return s.x == 1


@always
def two_turned_at_most(s):
    """All three are never turned at once while x is set."""
    return s.x == 0 or sum(s.a.values()) < 3


@model(expect="violated", by="two_turned_at_most")
def choosers(n: int = 3):
    """They exchange their parts on the way round."""
    users = names(n, "u")
    s = Shared(a=cells(users, 0))
    return System(s, symmetric(chooser(s, me) for me in users), [x_is_set, two_turned_at_most])


@model(expect="violated", by="exception")
def busy(n: int = 2):
    """They are busy for ever, and another one fails."""
    users = names(n, "u")
    s = Shared(a=cells(users, 0))
    return System(s, [*symmetric(turner(s, me) for me in users), failing(s)])
