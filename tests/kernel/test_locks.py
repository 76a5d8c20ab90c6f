"""Locks keep what they promise under every memory model, and nothing less than they do would."""

from __future__ import annotations

import pytest

from modelcheck import System, at_end, check, process, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    complete,
    cpus,
    interrupt,
    mutex_lock,
    mutex_unlock,
    read_lock,
    read_seqcount_begin,
    read_seqcount_retry,
    read_unlock,
    smp_rmb,
    spin_lock,
    spin_lock_irqsave,
    spin_trylock,
    spin_unlock,
    spin_unlock_irqrestore,
    wait_for_completion,
    write_lock,
    write_seqcount_begin,
    write_seqcount_end,
    write_unlock,
)
from modelcheck.memory import MODELS

WEAK = pytest.mark.parametrize("memory", list(MODELS))


@state
class Shared:
    lock: object = False
    readers: int = 0
    count: int = 0
    x: int = 0
    y: int = 0
    raised: bool = True
    cpu = cpus(2)


@at_end
def nothing_is_lost(s):
    return s.count == 2


@process
def increments(s, lock, unlock):
    """Count up by a load and a store, between taking a lock and giving it back."""
    yield lock()
    now = yield READ_ONCE(s.count)
    yield WRITE_ONCE(s.count, now + 1)
    yield unlock()


@WEAK
@pytest.mark.parametrize(
    ("lock", "unlock"),
    [
        (spin_lock, spin_unlock),
        (mutex_lock, mutex_unlock),
        (write_lock, write_unlock),
        (write_lock, lambda lock: WRITE_ONCE(lock, 0)),
    ],
)
def test_a_lock_excludes(lock, unlock, memory):
    """No increment is lost; one is from pso on where the lock is given back by a plain store."""
    s = Shared(lock=0) if lock is write_lock else Shared()
    both = [increments(s, lambda: lock(s.lock), lambda: unlock(s.lock)) for _ in range(2)]
    result = check(System(s, both, [nothing_is_lost]), memory=memory)
    plain = unlock not in (spin_unlock, mutex_unlock, write_unlock)
    assert result.holds == (not plain or memory in ("sc", "tso"))


@WEAK
def test_readers_share_and_a_writer_is_alone(memory):
    """Two readers may be inside at once; a reader never sees half of what is written."""

    @process
    def reads(s):
        yield read_lock(s.lock)
        x = yield READ_ONCE(s.x)
        y = yield READ_ONCE(s.y)
        assert x == y
        yield read_unlock(s.lock)

    @process
    def writes(s):
        yield write_lock(s.lock)
        yield WRITE_ONCE(s.x, 1)
        yield WRITE_ONCE(s.y, 1)
        yield write_unlock(s.lock)

    s = Shared(lock=0)
    assert check(System(s, [reads(s), reads(s), writes(s)]), memory=memory).holds


@WEAK
def test_trylock_does_not_wait(memory):
    """It tells whether it took the lock."""

    @process
    def tries(s):
        first = yield spin_trylock(s.lock)
        second = yield spin_trylock(s.lock)
        assert first
        assert not second

    s = Shared()
    assert check(System(s, [tries(s)]), memory=memory).holds


@WEAK
@pytest.mark.parametrize("save", [True, False])
def test_a_lock_shared_with_a_handler_needs_interrupts_off(save, memory):
    """`spin_lock` alone deadlocks with the handler of its own CPU; `spin_lock_irqsave` does not."""
    s = Shared()

    @process
    def task(s):
        if save:
            flags = yield from spin_lock_irqsave(s.cpu[0], s.lock)
            yield from spin_unlock_irqrestore(s.cpu[0], s.lock, flags)
        else:
            yield spin_lock(s.lock)
            yield spin_unlock(s.lock)

    def handler(cpu, found):
        yield spin_lock(s.lock)
        yield spin_unlock(s.lock)

    device = interrupt(s.cpu[0], "device", handler, lambda: s.raised, clears=s.raised)
    result = check(System(s, [task(s).on(s.cpu[0]), device]), memory=memory)
    assert (result.violation.property if result.violation else None) == (
        None if save else "deadlock"
    )


@WEAK
@pytest.mark.parametrize("ordered", [True, False])
def test_a_seqcount_shows_no_half_of_a_write(ordered, memory):
    """A reader that need not retry has read one version; without its barriers, not under wmm."""

    @process
    def writes(s):
        yield from write_seqcount_begin(s.count)
        yield WRITE_ONCE(s.x, 1)
        yield WRITE_ONCE(s.y, 1)
        yield from write_seqcount_end(s.count)

    @process
    def reads(s):
        yield READ_ONCE(s.y)
        if ordered:
            start = yield from read_seqcount_begin(s.count)
        else:
            start = yield READ_ONCE(s.count)
        x = yield READ_ONCE(s.x)
        y = yield READ_ONCE(s.y)
        if ordered:
            again = yield from read_seqcount_retry(s.count, start)
        else:
            again = (yield READ_ONCE(s.count)) != start
        assert again or start % 2 or x == y

    s = Shared()
    result = check(System(s, [writes(s), reads(s)]), memory=memory)
    assert result.holds == (ordered or memory != "wmm")


@WEAK
def test_who_waits_for_a_completion_sees_what_was_done(memory):
    """`complete` is a release, waiting an acquire; a plain flag is neither."""

    @process
    def works(s):
        yield WRITE_ONCE(s.x, 1)
        yield complete(s.count)

    @process
    def waits(s):
        yield READ_ONCE(s.x)
        yield wait_for_completion(s.count)
        seen = yield READ_ONCE(s.x)
        assert seen == 1

    s = Shared()
    assert check(System(s, [works(s), waits(s)]), memory=memory).holds


def test_a_read_barrier_alone_is_no_lock():
    """The counter without any lock loses an increment under sequential consistency."""
    s = Shared()
    both = [increments(s, smp_rmb, smp_rmb) for _ in range(2)]
    assert not check(System(s, both, [nothing_is_lost])).holds


@pytest.mark.parametrize("asked", [True, False])
def test_a_lock_that_nobody_holds_can_be_given_back(asked):
    """It is a store; a model for which it is a mistake asks."""

    @process
    def gives_back(s):
        if asked:
            assert (yield s.lock)
        yield spin_unlock(s.lock)

    s = Shared()
    result = check(System(s, [gives_back(s)]))
    assert result.holds == (not asked)
