"""Programs whose numbers of executions are known: written after the tests of GenMC's own suite."""

from __future__ import annotations

from modelcheck import System, cells, process, state
from modelcheck.kernel import mutex_lock, mutex_unlock, smp_load_acquire, smp_store_release


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
