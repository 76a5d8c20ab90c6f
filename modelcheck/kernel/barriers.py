"""The kernel's memory barriers: fences of a kind, whose meaning is the memory model's business.

Source: ``Documentation/memory-barriers.txt``, ``include/asm-generic/barrier.h``. Under sequential
consistency they order nothing, but each is a step, so that models and traces show where they stand.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from modelcheck.kernel.atomics import WRITE_ONCE, load_of, location, shown
from modelcheck.language.refs import check_value
from modelcheck.language.steps import Fence, Load, Step, Store


def smp_mb() -> Step:
    """Return the full barrier: everything before it comes before everything after it."""
    return Fence("mb", "smp_mb()")


def smp_rmb() -> Step:
    """Return the read barrier: loads before it come before loads after it."""
    return Fence("rmb", "smp_rmb()")


def smp_wmb() -> Step:
    """Return the write barrier: stores before it come before stores after it."""
    return Fence("wmb", "smp_wmb()")


def barrier() -> Step:
    """Return the compiler barrier: nothing to a CPU."""
    return Fence("barrier", "barrier()")


def smp_mb__before_atomic() -> Step:
    """Return the barrier that makes a relaxed atomic after it ordered with all before."""
    return Fence("before_atomic", "smp_mb__before_atomic()")


def smp_mb__after_atomic() -> Step:
    """Return the barrier that makes a relaxed atomic before it ordered with all after."""
    return Fence("after_atomic", "smp_mb__after_atomic()")


def smp_mb__after_spinlock() -> Step:
    """Return the full barrier for behind a `spin_lock`: what is before that comes before it."""
    return _behind("smp_mb__after_spinlock")


def smp_mb__after_unlock_lock() -> Step:
    """Return the full barrier for behind a `spin_lock` that follows a `spin_unlock`."""
    return _behind("smp_mb__after_unlock_lock")


def smp_mb__after_srcu_read_unlock() -> Step:
    """Return the full barrier for behind a `srcu_read_unlock`."""
    return _behind("smp_mb__after_srcu_read_unlock")


def _behind(name: str) -> Step:
    """Return a full barrier, which the kernel's own model takes for less where it stands alone."""
    step = Fence("mb", f"{name}()")
    step.primitive = name
    return step


# Accesses that order.


def smp_load_acquire(ref: Any) -> Step:
    """Return the step that loads a location; what follows stays behind it."""
    ref = location(ref, "smp_load_acquire")
    return Load(ref, f"smp_load_acquire({ref})", "acquire")


def smp_store_release(ref: Any, value: Any) -> Step:
    """Return the step that stores a location; it stays behind what comes before."""
    ref = location(ref, "smp_store_release")
    check_value(value, "smp_store_release(...)")
    return Store(ref, value, f"smp_store_release({ref}, {shown(value)})", "release")


def smp_store_mb(ref: Any, value: Any) -> Generator[Any, Any, None]:
    """Store a location, then do a full barrier: two steps, ``yield from smp_store_mb(x, 1)``."""
    yield WRITE_ONCE(ref, value)
    yield smp_mb()


def atomic_read_acquire(counter: Any) -> Step:
    """Return the step that loads an atomic_t; what follows stays behind it."""
    ref = location(counter, "atomic_read_acquire")
    return Load(ref, f"atomic_read_acquire({ref})", "acquire")


def atomic_set_release(counter: Any, value: Any) -> Step:
    """Return the step that stores an atomic_t; it stays behind what comes before."""
    ref = location(counter, "atomic_set_release")
    check_value(value, "atomic_set_release(...)")
    return Store(ref, value, f"atomic_set_release({ref}, {shown(value)})", "release")


def rcu_assign_pointer(pointer: Any, value: Any) -> Step:
    """Return the step that publishes a pointer: what it points to was stored before."""
    ref = location(pointer, "rcu_assign_pointer")
    check_value(value, "rcu_assign_pointer(...)")
    return Store(ref, value, f"rcu_assign_pointer({ref}, {shown(value)})", "release")


def rcu_dereference(pointer: Any, *reached: Any) -> Step:
    """Return the step that loads a pointer; loads of what is reached through it stay behind.

    Parameters
    ----------
    reached : locations, parts or arrays
        What the pointer may lead to. Without any, nothing is ordered: a hardware that orders the
        loads through a pointer orders only those.
    """
    return load_of("rcu_dereference", pointer, reached)
