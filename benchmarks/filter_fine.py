"""The filter lock, local assignments and tests as steps of their own: `peers/filter_fine.pml`."""

from modelcheck import System, cells, label, model, process, state, until


@state
class Filter:
    level: object
    last: object
    inside: int = 0


@process
def user(s, me, n):
    """Twelve places; each `label` is a local statement that other tools count as a step."""
    while True:
        yield label("k = 1")
        k = 1
        while True:
            yield label("k < n?")
            if k == n:
                break
            yield s.level[me].set(k)
            yield s.last[k].set(me)
            yield label("j = 0")
            j = 0
            while True:
                yield label("j < n?")
                if j == n:
                    break
                yield until(lambda: j == me or s.level[j] < k or s.last[k] != me)
                yield label("j++")
                j += 1
            k += 1
        yield s.inside.add(1)
        alone = yield s.inside
        assert alone == 1
        yield s.inside.add(-1)
        yield s.level[me].set(0)


@model
def filter_fine(n: int = 3):
    """At most one of n processes is inside."""
    s = Filter(level=cells(n, 0), last=cells(n, 0))
    return System(s, [user(s, me, n) for me in range(n)])
