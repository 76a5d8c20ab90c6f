"""What no form of an orbit is asked of one process, a property sees of it all the same.

With ``y == 1`` a search up to symmetry meets only states whose first user is not at ``a``. A step
of that user may be taken for one that no property sees, and the state that breaks it be left out.
"""

from modelcheck import System, always, atomic, label, model, process, state, symmetric, until


@state
class Turns:
    m: int = 0
    z: int = 0
    y: int = 0


@process
def user(s):
    """While its variable is 3, at a, and y is 1: what is to be seen, in one order of the steps."""
    i = 0
    while True:
        with label("b"):
            yield until(lambda: s.z == 0)
        i = 3
        yield s.m.set(1)
        with label("a"):
            yield atomic(lambda: None)
            i = 4
            yield s.m.set(0)
        i = 0  # noqa: F841  properties look at it

        def saw_it():
            if s.m == 1:
                s.z = 1

        yield atomic(saw_it)


@process
def reader(s):
    """Once somebody saw it, tell so for a moment."""
    yield until(lambda: s.z == 1)
    yield s.y.set(1)
    yield s.y.set(2)


@always
def seen_by_both(s):
    """Asked of both users in every state where y is not 1."""
    return not (
        s.y == 1
        and any(
            (p.at("a") and p.local.get("i", 0) == 3) or (p.at("b") and p.local.get("i", 0) == 5)
            for p in s.user
        )
    )


@always
def seen_by_one(s):
    """Asked of one user alone where y is 1."""
    return not (s.y == 1 and any(p.at("a") and p.local.get("i", 0) == 3 for p in s.user))


def turns(prop):
    """Return two users, a reader, and what must not be seen."""
    s = Turns()
    return System(s, [*symmetric(user(s) for _ in range(2)), reader(s)], [prop], deadlock=False)


@model(expect="violated", by="seen_by_both")
def turns_seen_by_both():
    """The property asks of one more place."""
    return turns(seen_by_both)


@model(expect="violated", by="seen_by_one")
def turns_seen_by_one():
    """The property asks of one place."""
    return turns(seen_by_one)
