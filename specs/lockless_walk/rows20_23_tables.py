"""Rows 20 to 23: publishing a table, freeing one later, reading ahead, and the recheck."""

from protocol import (
    BEFORE_SPLIT,
    Pte,
    clear_and_flush,
    counted,
    invalidate_counting,
    invalidate_serialized,
    irqs_off,
    mm_cpumask,
    system,
    the_pmd_changes_during_a_walk,
)
from rows13_18_generic import irqs_off_first, registered

from modelcheck import model, process
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    Pmd,
    pte_free,
    ptep_get,
    put_page,
    set_pte,
    synchronize_sched,
    try_get_page,
)


@process
def split_without_wmb(mm, cpu, invalidate):
    """Fill the table and publish it, with nothing between: the stores may pass each other."""
    yield from invalidate(mm, cpu)
    yield set_pte(mm.table, Pte.PRESENT)
    yield WRITE_ONCE(mm.pmd, Pmd.TABLE)


BEFORE_SPLIT.append(split_without_wmb)


@model(
    expect={"pso": "violated", "wmm": "violated", "else": "holds"},
    by="no_walker_sees_an_uninitialised_pte",
)
def row20_split_without_wmb(walkers: int = 2, look: str = "gup"):
    """A THP split without the smp_wmb() before pmd_populate()."""
    return system(
        irqs_off, invalidate_serialized, walkers=walkers, updater=split_without_wmb, look=look
    )


@model
def row20_split_with_wmb(walkers: int = 2, look: str = "gup"):
    """The same with it, as it is."""
    return system(irqs_off, invalidate_serialized, walkers=walkers, updater="split", look=look)


@process
def munmap_deferred(mm, cpu, invalidate):
    """Free the table behind a grace period: tlb_remove_table(), call_rcu_sched() (mm/memory.c)."""
    yield set_pte(mm.table, Pte.NONE)
    yield from invalidate(mm, cpu)
    yield put_page(mm.page)
    yield from synchronize_sched(cpu, mm_cpumask(mm))
    yield pte_free(mm.table)


@model
def row21_deferred_free(walkers: int = 2, look: str = "gup"):
    """Tables freed through call_rcu_sched(); walkers keep interrupts off."""
    return system(irqs_off, clear_and_flush, walkers=walkers, updater=munmap_deferred, look=look)


def unprotected(mm, cpu, look):
    """Walk with interrupts on."""
    return (yield from look(mm))


@model(expect="violated", by="no_walker_touches_a_freed_table")
def row21_deferred_free_irqs_on(walkers: int = 2, look: str = "gup"):
    """The same with interrupts on: a grace period ends in the midst of the walk."""
    return system(unprotected, clear_and_flush, walkers=walkers, updater=munmap_deferred, look=look)


WALKS = {"plain": irqs_off, "registered": registered, "irqs off first": irqs_off_first}


def reads_ahead(walk, irqs_order_loads, **others):
    """Return what row 22 expects: reads from before local_irq_save(), unless something drops them.

    The review's barrier stands in front of local_irq_save(), where it does not help.
    """
    safe = irqs_order_loads or walk == "irqs off first"
    return "holds" if safe else {"wmm": "violated", "else": "holds"}


@model(expect=reads_ahead, by="no_walker_touches_a_freed_table")
def row22_reads_ahead(
    walkers: int = 2, walk: str = "plain", look: str = "gup", irqs_order_loads: bool = False
):
    """The pmd is read ahead of local_irq_save(), and an IPI is answered in between."""
    return system(
        WALKS[walk], invalidate_serialized,
        walkers=walkers, updater="munmap", look=look, irqs_order_loads=irqs_order_loads,
    )  # fmt: skip


def gup_without_recheck(mm):
    """Take the reference and believe it."""
    pmd = yield READ_ONCE(mm.pmd, mm.table)
    if pmd is not Pmd.TABLE:
        return None
    pte = yield ptep_get(mm.table)
    if pte is Pte.PRESENT and (yield try_get_page(mm.page)):
        return mm.page
    return None


def recheck_left_out(mm, cpu, look):
    """Walk as with the patch, but look down without checking the entry again."""
    return (yield from counted(mm, cpu, gup_without_recheck))


@model(expect="violated", by="references_are_taken_on_mapped_or_pinned_pages")
def row23_no_recheck(walkers: int = 2):
    """A reference without a recheck, against an unmapping that waits for nobody."""
    return system(recheck_left_out, invalidate_counting, walkers=walkers, updater="dontneed")


@model
def row23_recheck(walkers: int = 2):
    """The same with the recheck: safe."""
    return system(
        counted, invalidate_counting, (), [the_pmd_changes_during_a_walk],
        walkers=walkers, updater="dontneed",
    )  # fmt: skip
