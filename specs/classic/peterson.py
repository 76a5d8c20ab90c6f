"""Peterson's lock for two processes.

G. L. Peterson, Myths about the mutual exclusion problem, 1981.
"""

from modelcheck import System, always, cells, label, model, process, sometimes, state, until


@state
class Peterson:
    wants = cells(2, False)
    turn: int = 0


@process
def user(s, me):
    """Enter and leave the critical section for ever."""
    other = 1 - me
    while True:
        yield s.wants[me].set(True)
        yield s.turn.set(other)
        yield until(lambda: not s.wants[other] or s.turn == me)
        yield label("critical")
        yield s.wants[me].set(False)


@process
def hasty_user(s, me):
    """Give way before saying that one wants to enter: too late."""
    other = 1 - me
    while True:
        yield s.turn.set(other)
        yield s.wants[me].set(True)
        yield until(lambda: not s.wants[other] or s.turn == me)
        yield label("critical")
        yield s.wants[me].set(False)


@always
def mutual_exclusion(s):
    return sum(p.at("critical") for p in s.user) <= 1


@sometimes
def somebody_enters(s):
    return any(p.at("critical") for p in s.user)


@model(expect={"sc": "holds", "else": "violated"}, by="mutual_exclusion")
def peterson():
    """Mutual exclusion with three shared bits."""
    s = Peterson()
    return System(s, [user(s, 0), user(s, 1)], [mutual_exclusion, somebody_enters])


@model(expect="violated", by="mutual_exclusion")
def peterson_swapped():
    """The two first stores in the wrong order: both get in."""
    s = Peterson()
    users = [hasty_user(s, me).named("user") for me in (0, 1)]
    return System(s, users, [mutual_exclusion, somebody_enters])
