"""The kernel's memory barriers: fences of a kind, whose meaning is the memory model's business.

Source: ``Documentation/memory-barriers.txt``, ``include/asm-generic/barrier.h``. Under sequential
consistency they order nothing, but each is a step, so that models and traces show where they stand.
"""

from __future__ import annotations

from modelcheck.language.steps import Fence, Step


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
