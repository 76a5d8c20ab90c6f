"""The filter lock for n processes: n-1 levels, at each of which at least one process waits.

Peterson 1981; Herlihy and Shavit, The Art of Multiprocessor Programming, section 2.4.
"""

from modelcheck import System, cells, model, process, state, until


@state
class Filter:
    level: object
    last: object
    inside: int = 0


@process
def user(s, me, n):
    """Climb all levels, enter, leave; for ever."""
    while True:
        for k in range(1, n):
            yield s.level[me].set(k)
            yield s.last[k].set(me)
            for j in range(n):
                yield until(lambda: j == me or s.level[j] < k or s.last[k] != me)
        yield s.inside.add(1)
        alone = yield s.inside
        assert alone == 1
        yield s.inside.add(-1)
        yield s.level[me].set(0)


@model(expect={"sc": "holds", "else": "violated"}, by="assertion")
def filter_lock(n: int = 3):
    """At most one of n processes is inside."""
    s = Filter(level=cells(n, 0), last=cells(n, 0))
    return System(s, [user(s, me, n) for me in range(n)])


@process
def impatient_user(s, me, n):
    """Skip the last level."""
    while True:
        for k in range(1, n - 1):
            yield s.level[me].set(k)
            yield s.last[k].set(me)
            for j in range(n):
                yield until(lambda: j == me or s.level[j] < k or s.last[k] != me)
        yield s.inside.add(1)
        alone = yield s.inside
        assert alone == 1
        yield s.inside.add(-1)
        yield s.level[me].set(0)


@model(expect="violated", by="assertion")
def filter_lock_short(n: int = 3):
    """One level too few: two can be inside."""
    s = Filter(level=cells(n, 0), last=cells(n, 0))
    return System(s, [impatient_user(s, me, n) for me in range(n)])
