"""Small generator programs that axiomatic models tell apart."""

from __future__ import annotations

from modelcheck import System, at_end, atomic, cells, model, process, sometimes, state, until
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    atomic_inc,
    cmpxchg,
    cmpxchg_acquire,
    cmpxchg_relaxed,
    mutex_lock,
    mutex_unlock,
    rcu_dereference,
    rcu_read_lock,
    rcu_read_unlock,
    smp_load_acquire,
    smp_mb,
    smp_mb__after_atomic,
    smp_rmb,
    smp_store_release,
    smp_wmb,
    spin_lock,
    spin_trylock,
    spin_unlock,
    srcu_read_lock,
    srcu_read_unlock,
    synchronize_rcu,
    synchronize_srcu,
)

ONE = 1


@state
class Shared:
    x: int = 0
    y: int = 0
    a: int = 0
    b: int = 0
    n: int = 0
    lock: bool = False
    srcu: int = 0
    table = cells(2, 0)


@at_end
def not_both(s):
    return not (s.a == 1 and s.b == 1)


@at_end
def not_stale(s):
    return not (s.a == 1 and s.b == 0)


@at_end
def two(s):
    return s.n == 2


@process
def load_store(s, source, target, result, how):
    """A load, then a store that depends on it in some way, or not."""
    value = yield READ_ONCE(source)
    if how == "data":
        yield WRITE_ONCE(target, (value ^ value) + 1)
    elif how == "addr":
        yield WRITE_ONCE(s.table[value & 0], 7)
        yield WRITE_ONCE(target, 1)
    elif how == "ctrl":
        if value == 1:
            yield WRITE_ONCE(target, 1)
    elif how == "ctrl-else":
        if value != 1:
            pass
        else:
            yield WRITE_ONCE(target, 1)
    elif how == "ternary":
        yield (WRITE_ONCE(target, 1) if value == 1 else smp_rmb())
    elif how == "join":
        if value == 1:
            pass
        yield WRITE_ONCE(target, 1)
    elif how == "assigned":
        stored = 0
        if value == 1:
            stored = 1
        if stored:
            yield WRITE_ONCE(target, 1)
    elif how == "is":
        if value is ONE:
            yield WRITE_ONCE(target, 1)
    elif how == "and":
        if value and value < 2:
            yield WRITE_ONCE(target, 1)
    elif how == "early return":
        if value != 1:
            return
        yield WRITE_ONCE(target, 1)
    elif how == "release":
        yield smp_store_release(target, 1)
    elif how == "helper":
        yield from _store_if(value, target)
    else:
        yield WRITE_ONCE(target, 1)
    yield result.set(value)


def _store_if(value, target):
    if value == 1:
        yield WRITE_ONCE(target, 1)


@model
def load_buffering(how: str = "none"):
    s = Shared()
    first = load_store(s, s.x, s.y, s.a, how)
    return System(s, [first, load_store(s, s.y, s.x, s.b, how)], [not_both])


@process
def publish(s, how):
    yield WRITE_ONCE(s.x, 1)
    if how == "release":
        yield smp_store_release(s.y, 1)
    else:
        if how != "none":
            yield smp_wmb()
        yield WRITE_ONCE(s.y, 1)


@process
def read_both(s, how):
    if how == "acquire":
        flag = yield smp_load_acquire(s.y)
    elif how == "reached":
        flag = yield rcu_dereference(s.y, s.x)
    else:
        flag = yield READ_ONCE(s.y)
    if how == "rmb":
        yield smp_rmb()
    value = yield READ_ONCE(s.x)
    yield s.a.set(flag)
    yield s.b.set(value)


@model
def message_passing(writer: str = "wmb", reader: str = "rmb"):
    s = Shared()
    return System(s, [publish(s, writer), read_both(s, reader)], [not_stale])


@process
def fails_to_swap(s, order):
    form = {"full": cmpxchg, "acquire": cmpxchg_acquire, "relaxed": cmpxchg_relaxed}[order]
    seen = yield form(s.y, 5, 6)
    yield s.a.set(seen)
    seen = yield READ_ONCE(s.x)
    yield s.b.set(1 - seen)


@model
def failing_cas(order: str = "full"):
    s = Shared()
    return System(s, [publish(s, "wmb"), fails_to_swap(s, order)], [not_both])


@process
def publish_cell(s):
    yield WRITE_ONCE(s.table[1], 1)
    yield smp_wmb()
    yield WRITE_ONCE(s.x, 1)


@process
def read_cell(s, tracked):
    index = yield READ_ONCE(s.x)
    value = yield READ_ONCE(s.table[index] if tracked else s.table[1])
    yield s.a.set(index)
    yield s.b.set(value)


@model
def through_a_pointer(tracked: bool = True):
    s = Shared()
    return System(s, [publish_cell(s), read_cell(s, tracked)], [not_stale])


@process
def update(s, wait):
    yield WRITE_ONCE(s.x, 1)
    if wait == "rcu":
        yield synchronize_rcu()
    elif wait == "srcu":
        yield synchronize_srcu(s.srcu)
    yield WRITE_ONCE(s.y, 1)


@process
def read_side(s, flavour):
    index = 0
    if flavour == "rcu":
        yield rcu_read_lock()
    else:
        index = yield srcu_read_lock(s.srcu)
    first = yield READ_ONCE(s.y)
    second = yield READ_ONCE(s.x)
    if flavour == "rcu":
        yield rcu_read_unlock()
    else:
        yield srcu_read_unlock(s.srcu, index)
    yield s.a.set(first)
    yield s.b.set(second)


@model
def grace_period(flavour: str = "rcu", wait: str = "rcu"):
    s = Shared()
    return System(s, [update(s, wait), read_side(s, flavour)], [not_stale])


@process
def increment(s, how):
    if how == "spin":
        yield spin_lock(s.lock)
    elif how == "mutex":
        yield mutex_lock(s.lock)
    elif how == "try" and not (yield spin_trylock(s.lock)):
        return
    seen = yield s.n
    yield s.n.set(seen + 1)
    if how in ("spin", "try"):
        yield spin_unlock(s.lock)
    elif how == "mutex":
        yield mutex_unlock(s.lock)


@sometimes
def one_gave_up(s):
    return s.n == 1


@model
def counter(how: str = "spin"):
    s = Shared()
    properties = [one_gave_up] if how == "try" else [two]
    return System(s, [increment(s, how), increment(s, how)], properties)


@process
def takes_and_keeps(s):
    yield spin_lock(s.lock)


@model(expect="deadlock")
def lock_never_given_back():
    s = Shared()
    return System(s, [takes_and_keeps(s), increment(s, "spin")])


@process
def waits_for(s, source, target):
    yield until(lambda: source == 1)
    yield WRITE_ONCE(target, 1)


@model(expect="deadlock")
def each_waits():
    s = Shared()
    return System(s, [waits_for(s, s.x, s.y), waits_for(s, s.y, s.x)])


@process
def asserts(s, how):
    yield until(lambda: s.y == 1)
    if how == "rmb":
        yield smp_rmb()
    seen = yield READ_ONCE(s.x)
    assert seen == 1, f"saw {seen}"


@model
def asserted(how: str = "rmb"):
    s = Shared()
    return System(s, [publish(s, "wmb"), asserts(s, how)])


@process
def store_load(s, mine, other, result, how):
    if how == "atomic":
        yield atomic_inc(mine)
        yield smp_mb__after_atomic()
    elif how == "atomic alone":
        yield atomic_inc(mine)
    else:
        yield WRITE_ONCE(mine, 1)
        if how == "mb":
            yield smp_mb()
    seen = yield READ_ONCE(other)
    yield result.set(1 - seen)


@model
def store_buffering(how: str = "none"):
    s = Shared()
    first = store_load(s, s.x, s.y, s.a, how)
    return System(s, [first, store_load(s, s.y, s.x, s.b, how)], [not_both])


@process
def sums(s):
    yield atomic(lambda: s.x + s.y)


@model
def several_at_once():
    s = Shared()
    return System(s, [sums(s)])
