"""Rows 7 and 8: the barriers of the patch, taken away one by one.

Row 9, the walker's ``smp_mb()`` before ``atomic_dec()``, is not here: it keeps loads before a later
store, and no memory model of modelcheck lets a load pass a later store.
"""

from protocol import (
    an_ipi_is_skipped,
    clear_and_flush,
    counted,
    end_lockless_pgtbl_walk,
    flush_tlb_broadcast,
    interrupt_all_if,
    invalidate_counting,
    mm_cpumask,
    running_lockless_pgtbl_walk,
    system,
)

from modelcheck import model
from modelcheck.kernel import Pmd, atomic_inc, local_irq_restore, local_irq_save, xchg


def from_(weakest_that_holds_no_more):
    """Return what a row expects that fails from a memory model on, where a late walk does harm."""

    def expect(updater, look, memory):
        harmless = (updater, look) == ("split", "gup")
        weak = ["sc", "tso", "pso", "wmm"]
        broken = weak.index(memory) >= weak.index(weakest_that_holds_no_more)
        return "violated" if broken and not harmless else "holds"

    return expect


def invalidate_without_mb(mm, cpu):
    """Clear the pmd with a plain store and read the count: the load may pass the store."""
    yield from clear_and_flush(mm)
    running = yield from running_lockless_pgtbl_walk(mm)
    yield from interrupt_all_if(running, mm, cpu)


@model(expect=from_("tso"), by="no_walker_touches_a_freed_table")
def row07_splitter_without_mb(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """No smp_mb() between clearing the pmd and reading the count."""
    return system(
        counted, invalidate_without_mb, [an_ipi_is_skipped],
        walkers=walkers, updater=updater, look=look,
    )  # fmt: skip


def invalidate_with_xchg(mm, cpu):
    """Clear the pmd with an xchg(), which is fully ordered, instead of a store and a barrier."""
    yield xchg(mm.pmd, Pmd.NONE)
    yield flush_tlb_broadcast(mm_cpumask(mm))
    running = yield from running_lockless_pgtbl_walk(mm)
    yield from interrupt_all_if(running, mm, cpu)


@model
def row07_splitter_with_xchg(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """An xchg() clears the pmd; no smp_mb()."""
    return system(
        counted, invalidate_with_xchg, [an_ipi_is_skipped],
        walkers=walkers, updater=updater, look=look,
    )  # fmt: skip


def counted_without_mb(mm, cpu, look):
    """Walk as with the patch, without a barrier behind atomic_inc()."""
    yield atomic_inc(mm.nr_walkers)
    flags = yield local_irq_save(cpu)
    got = yield from look(mm)
    yield local_irq_restore(cpu, flags)
    yield from end_lockless_pgtbl_walk(mm)
    return got


@model(expect=from_("wmm"), by="no_walker_touches_a_freed_table")
def row08_walker_without_mb(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """No smp_mb() behind atomic_inc(): on x86 that is locked, elsewhere it orders nothing."""
    return system(
        counted_without_mb, invalidate_counting, [an_ipi_is_skipped],
        walkers=walkers, updater=updater, look=look,
    )  # fmt: skip
