"""Locks of the kernel, as few steps as show what they order: taking one is one step.

Sources: ``include/linux/spinlock.h``, ``rwlock.h``, ``seqlock.h``, ``completion.h``;
``Documentation/memory-barriers.txt``: taking a lock is an acquire, giving it back a release, and
neither is more. A lock is any location of the state: a spinlock or mutex holds whether it is taken,
a reader-writer lock how many readers have it (-1: a writer), a seqcount a number, a completion how
often it was completed. Nobody is told who holds one, as in C, and to give back one that is not held
is no mistake of its own: a model that is to show it says ``assert (yield s.lock)`` before it.
Neighbours: `barriers`, `cpu`, `softirqs`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from modelcheck.kernel.atomics import READ_ONCE, WRITE_ONCE, location
from modelcheck.kernel.barriers import smp_rmb, smp_wmb
from modelcheck.kernel.cpu import Where, local_irq_restore, local_irq_save
from modelcheck.kernel.softirqs import local_bh_disable, local_bh_enable
from modelcheck.language.refs import Ref
from modelcheck.language.steps import Load, Step, Store, Update
from modelcheck.language.turn import Turn

Steps = Generator[Any, Any, Any]


class _Take(Step):
    """A read-modify-write that waits until a test of the old value is passed; an acquire."""

    def __init__(self, ref: Ref, test: Callable[[Any], bool], new: Callable[[Any], Any], text: str):
        super().__init__(text)
        self.ref, self.test, self.new = ref, test, new

    def perform(self, turn: Turn) -> Any:
        turn.memory.modify_when(turn, self.ref, self.test, self.new, "acquire")


class _Try(_Take):
    """The same, without waiting; results in whether it was taken."""

    def perform(self, turn: Turn) -> Any:
        return turn.memory.modify_if(turn, self.ref, self.test, self.new, "acquire")[0]


def _free(held: Any) -> bool:
    return not held


def _taken(held: Any) -> bool:
    return True


def spin_lock(lock: Any) -> Step:
    """Return the step that waits until a lock is free and takes it: an acquire."""
    ref = location(lock, "spin_lock")
    step = _Take(ref, _free, _taken, f"spin_lock({ref})")
    step.primitive = "spin_lock"
    return step


def spin_trylock(lock: Any) -> Step:
    """Return the step that takes a lock if it is free; results in whether it did."""
    ref = location(lock, "spin_trylock")
    step = _Try(ref, _free, _taken, f"spin_trylock({ref})")
    step.primitive = "spin_trylock"
    return step


def spin_unlock(lock: Any) -> Step:
    """Return the step that gives a lock back: a release. Whether it is held is not asked."""
    ref = location(lock, "spin_unlock")
    step = Store(ref, False, f"spin_unlock({ref})", "release")
    step.primitive = "spin_unlock"
    return step


def spin_is_locked(lock: Any) -> Step:
    """Return the step that tells whether a lock is taken, by whomever; it orders nothing."""
    ref = location(lock, "spin_is_locked")
    step = Load(ref, f"spin_is_locked({ref})", "relaxed")
    step.primitive = "spin_is_locked"
    return step


def spin_lock_irqsave(where: Where, lock: Any) -> Steps:
    """Disable interrupts, take a lock, and return the old flag."""
    flags = yield local_irq_save(where)
    yield spin_lock(lock)
    return flags


def spin_unlock_irqrestore(where: Where, lock: Any, flags: bool) -> Steps:
    """Give a lock back, and put the flag back."""
    yield spin_unlock(lock)
    yield local_irq_restore(where, flags)


def spin_lock_bh(where: Where, lock: Any) -> Steps:
    """Disable softirqs, and take a lock."""
    yield local_bh_disable(where)
    yield spin_lock(lock)


def spin_unlock_bh(where: Where, lock: Any) -> Steps:
    """Give a lock back, and enable softirqs."""
    yield spin_unlock(lock)
    yield local_bh_enable(where)


def mutex_lock(lock: Any) -> Step:
    """Return the step that waits for a mutex and takes it: an acquire."""
    ref = location(lock, "mutex_lock")
    return _Take(ref, _free, _taken, f"mutex_lock({ref})")


def mutex_unlock(lock: Any) -> Step:
    """Return the step that gives a mutex back: a release."""
    ref = location(lock, "mutex_unlock")
    return Store(ref, False, f"mutex_unlock({ref})", "release")


def read_lock(lock: Any) -> Step:
    """Return the step that waits until no writer has a lock, and becomes one more reader."""
    ref = location(lock, "read_lock")
    return _Take(ref, lambda n: n >= 0, lambda n: n + 1, f"read_lock({ref})")


def read_unlock(lock: Any) -> Step:
    """Return the step by which a reader leaves: a release."""
    ref = location(lock, "read_unlock")
    return Update(ref, _less, (), f"read_unlock({ref})").results_in("none").ordered("release")


def _less(n: int) -> int:
    return n - 1


def write_lock(lock: Any) -> Step:
    """Return the step that waits until nobody has a lock, and takes it for a writer."""
    ref = location(lock, "write_lock")
    return _Take(ref, lambda n: n == 0, lambda n: -1, f"write_lock({ref})")


def write_unlock(lock: Any) -> Step:
    """Return the step by which a writer gives a lock back: a release."""
    ref = location(lock, "write_unlock")
    return Store(ref, 0, f"write_unlock({ref})", "release")


# Sequence counts: the number is odd while somebody writes.


def write_seqcount_begin(sequence: Any) -> Steps:
    """Make a count odd, before what is written."""
    now = yield READ_ONCE(sequence)
    yield WRITE_ONCE(sequence, now + 1)
    yield smp_wmb()


def write_seqcount_end(sequence: Any) -> Steps:
    """Make a count even, behind what was written."""
    yield smp_wmb()
    now = yield READ_ONCE(sequence)
    yield WRITE_ONCE(sequence, now + 1)


def read_seqcount_begin(sequence: Any) -> Steps:
    """Wait until nobody writes; return the count, for `read_seqcount_retry`."""
    start = yield READ_ONCE(sequence)
    while start % 2:
        start = yield READ_ONCE(sequence)
    yield smp_rmb()
    return start


def read_seqcount_retry(sequence: Any, start: int) -> Steps:
    """Return whether somebody wrote since `start`: what was read is to be read again."""
    yield smp_rmb()
    return (yield READ_ONCE(sequence)) != start


# Completions.


def complete(completion: Any) -> Step:
    """Return the step that lets one waiter go on: a release."""
    ref = location(completion, "complete")
    step = Update(ref, lambda n: n + 1, (), f"complete({ref})")
    return step.results_in("none").ordered("release")


def wait_for_completion(completion: Any) -> Step:
    """Return the step that waits until somebody has completed: an acquire."""
    ref = location(completion, "wait_for_completion")
    return _Take(ref, lambda n: n > 0, lambda n: n - 1, f"wait_for_completion({ref})")
