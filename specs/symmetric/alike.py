"""Protocols whose processes are alike, explored up to symmetry (docs/symmetry.md).

The filter lock (Peterson 1981) with a wait over all others in one step, and with one that looks at
them one by one in any order; Peterson's lock for two; philosophers round a table, none of them
first (Dijkstra 1971); walkers without names, who are counted in and out.
"""

from modelcheck import (
    System,
    always,
    at_end,
    atomic,
    cells,
    choose,
    label,
    model,
    names,
    process,
    sometimes,
    state,
    symmetric,
    until,
)


@state
class Filter:
    level: object
    last: object
    inside: int = 0


def wait_for_all(s, me, users, k):
    """Wait until nobody else is as high, or somebody came after: one look at all of them."""
    yield until(lambda: s.last[k] != me or all(s.level[j] < k for j in users if j != me))


def wait_for_each(s, me, users, k):
    """Wait for one after the other, in any order."""
    left = frozenset(users) - {me}
    while left:
        j = yield choose(left)
        yield until(lambda: s.level[j] < k or s.last[k] != me)
        left = left - {j}


@process
def user(s, me, users, levels, wait):
    """Climb the levels, enter, leave; for ever."""
    while True:
        for k in range(1, levels + 1):
            yield s.level[me].set(k)
            yield s.last[k].set(me)
            yield from wait(s, me, users, k)
        yield s.inside.add(1)
        alone = yield s.inside
        assert alone == 1
        yield s.inside.add(-1)
        yield s.level[me].set(0)


def filter_with(n, levels, wait):
    """Return the system of n users that are alike."""
    users = names(n, "u")
    s = Filter(level=cells(users, 0), last=cells(n, None))
    return System(s, symmetric(user(s, me, users, levels, wait) for me in users))


@model(expect={"sc": "holds", "else": "violated"}, by="assertion")
def filter_lock_alike(n: int = 3):
    """At most one of n users is inside; a wait is one look at all others."""
    return filter_with(n, n - 1, wait_for_all)


@model(expect={"sc": "holds", "else": "violated"}, by="assertion")
def filter_lock_in_any_order(n: int = 3):
    """The same with waits that look at the others one by one, in any order."""
    return filter_with(n, n - 1, wait_for_each)


@model(expect="violated", by="assertion")
def filter_lock_alike_short(n: int = 3):
    """One level too few: two can be inside."""
    return filter_with(n, n - 2, wait_for_all)


@state
class Peterson:
    wants: object
    turn: object = None


@process
def rival(s, me, users):
    """Enter and leave the critical section for ever."""
    (other,) = (u for u in users if u != me)
    while True:
        yield s.wants[me].set(True)
        yield s.turn.set(other)
        yield until(lambda: not s.wants[other] or s.turn == me)
        yield label("critical")
        yield s.wants[me].set(False)


@always
def mutual_exclusion(s):
    return sum(p.at("critical") for p in s.rival) <= 1


@sometimes
def somebody_enters(s):
    return any(p.at("critical") for p in s.rival)


@model(expect={"sc": "holds", "else": "violated"}, by="mutual_exclusion")
def peterson_alike():
    """Peterson's lock; at first it is nobody's turn."""
    users = names(2, "u")
    s = Peterson(wants=cells(users, False))
    return System(
        s, symmetric(rival(s, me, users) for me in users), [mutual_exclusion, somebody_enters]
    )


@state
class Table:
    taken: object


def take(s, *forks):
    """Return the step that waits for forks and takes them."""

    def pick_up():
        for fork in forks:
            s.taken[fork] = True

    free = atomic(pick_up, when=lambda: not any(s.taken[fork] for fork in forks))
    return free.named(f"take {' and '.join(map(str, forks))}")


@process
def greedy(s, me):
    """Take the fork on the left, then the one on the right; put both down."""
    while True:
        yield take(s, me)
        yield take(s, me + 1)
        yield s.taken[me].set(False)
        yield s.taken[me + 1].set(False)


@process
def modest(s, me):
    """Take both forks at once, or none."""
    while True:
        yield take(s, me, me + 1)
        yield s.taken[me].set(False)
        yield s.taken[me + 1].set(False)


@model(expect="violated", by="deadlock")
def round_table(n: int = 5):
    """Philosophers on a ring, all alike: each can hold one fork and wait for the next."""
    seats = names(n, "seat", ring=True)
    s = Table(taken=cells(seats, False))
    return System(s, symmetric(greedy(s, me) for me in seats))


@model
def modest_round_table(n: int = 5):
    """Where both forks are taken at once nobody waits for ever."""
    seats = names(n, "seat", ring=True)
    s = Table(taken=cells(seats, False))
    return System(s, symmetric(modest(s, me) for me in seats))


@state
class Mm:
    walkers: int = 0
    mapped: bool = True
    freed: bool = False


@process
def walker(mm):
    """A lockless walk that is counted: the table must not be freed below it."""
    yield mm.walkers.add(1)
    mapped = yield mm.mapped
    if mapped:
        freed = yield mm.freed
        assert not freed, "a walk in a freed table"
    yield mm.walkers.add(-1)


@process
def unmapper(mm):
    """Unmap, wait for the walks that may have seen the table, free it."""
    yield mm.mapped.set(False)
    yield until(lambda: mm.walkers == 0)
    yield mm.freed.set(True)


@process
def hasty_unmapper(mm):
    """Free the table without waiting."""
    yield mm.mapped.set(False)
    yield mm.freed.set(True)


@at_end
def nobody_walks(s):
    return s.walkers == 0


@model(expect={"sc": "holds", "else": "violated"}, by="assertion")
def counted_walkers(n: int = 3):
    """Walkers without names: any of them is like the next."""
    mm = Mm()
    return System(mm, [*symmetric(walker(mm) for _ in range(n)), unmapper(mm)], [nobody_walks])


@model(expect="violated", by="assertion")
def uncounted_walkers(n: int = 3):
    """Nobody waits for the walkers."""
    mm = Mm()
    every = [*symmetric(walker(mm) for _ in range(n)), hasty_unmapper(mm)]
    return System(mm, every, [nobody_walks])
