"""Peterson's lock where stores wait in buffers: which barriers it needs.

Between the two stores, which pass each other where buffers are not first-in first-out, and between
the stores and the look at the other process.
"""

from peterson import Peterson, mutual_exclusion, somebody_enters

from modelcheck import System, fence, label, model, process, until


@process
def user(s, me, between):
    """Enter and leave the critical section for ever, with barriers."""
    other = 1 - me
    while True:
        yield s.wants[me].set(True)
        yield fence(between)
        yield s.turn.set(other)
        yield fence("mb")
        yield until(lambda: not s.wants[other] or s.turn == me)
        yield label("critical")
        yield s.wants[me].set(False)


def system(between):
    """Return two users with a barrier of some kind between their first stores."""
    s = Peterson()
    return System(s, [user(s, me, between) for me in (0, 1)], [mutual_exclusion, somebody_enters])


@model
def peterson_fenced():
    """With barriers between the stores, and behind them, it holds everywhere."""
    return system("wmb")


@model(expect={"pso": "violated", "wmm": "violated", "else": "holds"}, by="mutual_exclusion")
def peterson_stores_unordered():
    """A full barrier behind both stores is enough on x86; not where the stores pass each other."""
    return system("barrier")
