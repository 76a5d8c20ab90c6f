"""Two processes add one to a counter by a load and a store: an update can be lost."""

from modelcheck import System, at_end, model, process, state


@state
class Shared:
    count: int = 0


@process
def load_then_store(s):
    """Add one, in two steps."""
    seen = yield s.count
    yield s.count.set(seen + 1)


@process
def add(s):
    """Add one, in one step."""
    yield s.count.add(1)


def counts(n):
    """All `n` updates must have arrived when everybody is done."""

    @at_end
    def all_counted(s):
        return s.count == n

    return all_counted


@model(expect="violated", by="all_counted")
def lost_update(n: int = 2):
    """A load and a store: somebody else may store in between."""
    s = Shared()
    return System(s, [load_then_store(s) for _ in range(n)], [counts(n)])


@model
def atomic_update(n: int = 2):
    """An atomic read-modify-write: nothing is lost."""
    s = Shared()
    return System(s, [add(s) for _ in range(n)], [counts(n)])
