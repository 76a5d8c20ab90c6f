"""Programs whose numbers of executions are known: written after the tests of GenMC's own suite."""

from __future__ import annotations

from modelcheck import System, cells, process, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    mutex_lock,
    mutex_unlock,
    smp_load_acquire,
    smp_mb,
    smp_store_release,
)


@state
class Shared:
    x: int = 0
    y: int = 0
    z: int = 0
    lock: bool = False
    a = cells(16, 0)


@process
def stores(s, value):
    yield s.x.set(value)


@process
def loads(s):
    yield s.x


def readers(n):
    s = Shared()
    return System(s, [stores(s, 1), *(loads(s) for _ in range(n))])


@process
def last_zero(s, n):
    for i in range(n, -1, -1):
        seen = yield smp_load_acquire(s.a[i])
        if seen == 0:
            break


@process
def copies(s, i):
    seen = yield smp_load_acquire(s.a[i - 1])
    yield smp_store_release(s.a[i], seen + 1)


def lastzero(n):
    s = Shared()
    return System(s, [last_zero(s, n), *(copies(s, i) for i in range(1, n + 1))])


@process
def adds(s, names):
    for name in names:
        yield getattr(s, name).add(1)


def ainc(n):
    s = Shared()
    return System(s, [adds(s, "x") for _ in range(n)])


def binc(n):
    s = Shared()
    return System(s, [adds(s, "xy") for _ in range(n)])


def cinc(n):
    s = Shared()
    return System(s, [adds(s, "xyz") for _ in range(n)])


def wainc(n):
    s = Shared()
    return System(s, [stores(s, 1), *(adds(s, "x") for _ in range(n))])


@process
def increments(s):
    seen = yield s.x
    yield s.x.set(seen + 1)


def inc(n):
    s = Shared()
    return System(s, [increments(s) for _ in range(n)])


@process
def locked(s):
    yield mutex_lock(s.lock)
    seen = yield s.x
    yield s.x.set(seen + 1)
    yield mutex_unlock(s.lock)


def lockinc(n):
    s = Shared()
    return System(s, [locked(s) for _ in range(n)])


@process
def buffers(s, i, n):
    yield s.a[i].set(1)
    yield s.a[(i + 1) % n]


def sb_cycle(n):
    s = Shared()
    return System(s, [buffers(s, i, n) for i in range(n)])


@process
def swaps(s, expected, new):
    yield s.x.cas(expected, new)


def wcas(n):
    s = Shared()
    return System(s, [stores(s, 1), *(swaps(s, 1, 2) for _ in range(n))])


def casrot(n):
    s = Shared()
    return System(s, [swaps(s, i, i + 1) for i in range(n)])


@process
def reads_and_stores(s, value):
    yield s.x
    yield s.x.set(value)


def rw(n):
    s = Shared()
    return System(s, [reads_and_stores(s, i) for i in range(n)])


@process
def swaps_and_stores(s, value):
    yield s.x.cas(0, 1)
    yield s.x.set(value)


def casw(n):
    s = Shared()
    return System(s, [swaps_and_stores(s, i + 3) for i in range(n)])


@process
def locked_twice(s):
    yield mutex_lock(s.lock)
    for name in "xy":
        seen = yield getattr(s, name)
        yield getattr(s, name).set(seen + 1)
    yield mutex_unlock(s.lock)


def lock2inc(n):
    s = Shared()
    return System(s, [locked_twice(s) for _ in range(n)])


@process
def acquires(s):
    yield smp_load_acquire(s.x)


@process
def releases(s, value):
    yield smp_store_release(s.x, value)


def n_writers(n):
    s = Shared()
    return System(s, [*(releases(s, i) for i in range(n)), acquires(s)])


@process
def watches(s, value, name):
    yield smp_store_release(s.x, value)
    yield smp_load_acquire(getattr(s, name))
    yield smp_load_acquire(s.x)


@process
def stores_both(s, value):
    yield smp_store_release(s.y, value)
    yield smp_store_release(s.z, value)


def coa(n):
    s = Shared()
    watching = [watches(s, 1, "y"), watches(s, 2, "z")]
    return System(s, [*watching, *(stores_both(s, i) for i in range(n - 1))])


@process
def sieves(s, n):
    for i in range(n):
        if not (yield smp_load_acquire(s.a[i])):
            yield smp_store_release(s.a[i], 1)
            for j in range(2 * i + 2, n, i + 2):
                yield smp_store_release(s.a[j], 2)


def eratosthenes(n):
    s = Shared()
    return System(s, [sieves(s, n), sieves(s, n)])


@state
class Flags:
    flag = cells(2, 0)
    turn: int = 0
    x: int = 0
    y: int = 0
    b = cells(3, 0)


def assume(true):
    """End the execution where something is not so: it is not counted."""
    assert true, "what was assumed"


@process
def petersons(s, me):
    """Peterson's lock with a release for each store: right under sc alone."""
    yield smp_store_release(s.flag[me], 1)
    yield smp_store_release(s.turn, 1 - me)
    if (yield smp_load_acquire(s.flag[1 - me])) == 1:
        assume((yield smp_load_acquire(s.turn)) != 1 - me)
    yield smp_store_release(s.x, me)
    yield smp_load_acquire(s.x)
    yield smp_store_release(s.flag[me], 0)


def peterson(n):
    s = Flags()
    return System(s, [petersons(s, me) for me in range(n)])


@process
def szymanskis(s, me):
    """Szymanski's lock for two, once, with a full barrier behind each store."""
    mine, other = s.flag[me], s.flag[1 - me]
    yield WRITE_ONCE(mine, 1)
    yield smp_mb()
    assume((yield READ_ONCE(other)) < 3)
    yield WRITE_ONCE(mine, 3)
    yield smp_mb()
    if (yield READ_ONCE(other)) == 1:
        yield WRITE_ONCE(mine, 2)
        yield smp_mb()
        assume((yield READ_ONCE(other)) == 4)
    yield WRITE_ONCE(mine, 4)
    yield smp_mb()
    assume((yield READ_ONCE(other)) < 2)
    yield WRITE_ONCE(s.x, me)
    yield READ_ONCE(s.x)
    assert (yield READ_ONCE(s.x)) == me
    yield smp_mb()
    if (yield READ_ONCE(other)) >= 2:
        assume((yield READ_ONCE(other)) > 3)
    yield WRITE_ONCE(mine, 0)


def szymanski(n):
    s = Flags()
    return System(s, [szymanskis(s, me) for me in range(n)])


@process
def lamports(s, me, n):
    """Lamport's fast lock, taken once and given back; every wait is an assumption."""
    while True:
        yield s.b[me].set(1)
        yield s.x.set(me)
        if (yield s.y) != 0:
            yield s.b[me].set(0)
            assume((yield s.y) == 0)
            continue
        yield s.y.set(me)
        if (yield s.x) != me:
            yield s.b[me].set(0)
            for j in range(1, n + 1):
                assume((yield s.b[j]) == 0)
            if (yield s.y) != me:
                assume((yield s.y) == 0)
                continue
        break
    yield s.y.set(0)
    yield s.b[me].set(0)


def lamport(n):
    s = Flags()
    return System(s, [lamports(s, me, n) for me in range(1, n + 1)])


@state
class Table:
    slot = cells(128, 0)


@process
def inserts(s, thread):
    for m in range(1, 5):
        w = m * 11 + thread
        h = w * 7 % 128
        for _ in range(128):
            if (yield s.slot[h].cas(0, w)) == 0:
                break
            h = (h + 1) % 128


def indexer(n):
    s = Table()
    return System(s, [inserts(s, thread) for thread in range(n)])
