"""Lockless page-table walks against those who free, collapse and split page tables: the shared part.

One mm, one pmd, the page-table page below it, and the pages that they map. Each walker and the updater
is a thread on a CPU of its own. The rows of the catalogue, in the files beside this one, put these pieces
together; each differs by the walk that it takes or by its way to invalidate the pmd.

Sources: mm/gup.c, mm/khugepaged.c, mm/huge_memory.c, mm/memory.c and arch/powerpc/mm/book3s64/pgtable.c of
Linux 5.4, and the patch "powerpc/mm: Adds counting method to monitor lockless pgtable walks".
"""

from modelcheck import System, always, at_end, label, process, sometimes, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    Page,
    PageTable,
    Pmd,
    Pte,
    Report,
    Use,
    atomic_dec,
    atomic_inc,
    atomic_read,
    cpus,
    do_nothing,
    flush_tlb_broadcast,
    flush_tlb_by_ipi,
    interrupts,
    local_irq_disable,
    local_irq_enable,
    local_irq_restore,
    local_irq_save,
    page_allocator,
    pte_free,
    ptep_get,
    put_page,
    set_pte,
    smp_call_function_many,
    smp_mb,
    smp_wmb,
    try_get_page,
)


@state
class Mm:
    """What everybody shares: the mm_struct with its page tables, and the machine below."""

    nr_walkers: int = 0  # mm->context.lockless_pgtbl_walk_count
    pmd: Pmd = Pmd.TABLE
    table: object = PageTable  # the page-table page, in use or deposited
    page: object = Page  # what the pte maps
    huge_page: object = Page  # what the pmd maps when it is huge
    cpu: object = ()  # mm_cpumask(mm): every CPU here runs a thread of this mm


def mm_cpumask(mm):
    """Return the CPUs that run threads of this mm."""
    return mm.cpu.values()


# The walk: mm/gup.c.


def gup_pgd_range(mm):
    """Walk down and take a reference to the page found; return how many, one or none."""
    pmd = yield READ_ONCE(mm.pmd)
    if pmd is Pmd.NONE:
        return 0
    if pmd is Pmd.HUGE:
        return (yield from gup_huge_pmd(mm, pmd))
    return (yield from gup_pte_range(mm))


def gup_huge_pmd(mm, orig):
    """Take a reference to the huge page; keep it only if the pmd is as it was."""
    head = mm.huge_page
    if not (yield try_get_page(head)):
        return 0
    if (yield READ_ONCE(mm.pmd)) is not orig:
        yield put_page(head)
        return 0
    return 1


def gup_pte_range(mm):
    """Read the pte, take a reference to its page; keep it only if the pte is as it was."""
    pte = yield ptep_get(mm.table)
    if pte is not Pte.PRESENT:
        return 0
    head = mm.page
    if not (yield try_get_page(head)):
        return 0
    if (yield ptep_get(mm.table)) is not pte:
        yield put_page(head)
        return 0
    return 1


# Ways to walk: what stands around it. Each is a function of mm and cpu that returns the references taken.


def irqs_off(mm, cpu):
    """Walk as __get_user_pages_fast() did before the patch."""
    flags = yield local_irq_save(cpu)
    nr = yield from gup_pgd_range(mm)
    yield local_irq_restore(cpu, flags)
    return nr


def start_lockless_pgtbl_walk(mm):
    """Count a walker in."""
    yield atomic_inc(mm.nr_walkers)
    yield smp_mb()


def end_lockless_pgtbl_walk(mm):
    """Count a walker out."""
    yield smp_mb()
    yield atomic_dec(mm.nr_walkers)


def counted(mm, cpu):
    """Walk as __get_user_pages_fast() does with the patch."""
    yield from start_lockless_pgtbl_walk(mm)
    flags = yield local_irq_save(cpu)
    nr = yield from gup_pgd_range(mm)
    yield local_irq_restore(cpu, flags)
    yield from end_lockless_pgtbl_walk(mm)
    return nr


def find_linux_pte(mm):
    """Return where the entry is that maps the address: the pmd itself, the table, or nowhere."""
    pmd = yield READ_ONCE(mm.pmd)
    return {Pmd.NONE: None, Pmd.HUGE: "pmd", Pmd.TABLE: "table"}[pmd]


def use_pte(mm, ptep):
    """Read the entry that was found, as what it was when it was found; take no reference."""
    if ptep == "table":
        pte = yield ptep_get(mm.table)
        return int(pte is Pte.PRESENT)
    hugepte = yield READ_ONCE(mm.pmd).named("READ_ONCE(*(pte_t *)pmd)")
    return int(hugepte is Pmd.HUGE)


def hash_page(mm, cpu):
    """Look up the entry for a fault or a guest, as users of __find_linux_pte() do with the patch."""
    flags = yield local_irq_save(cpu)
    yield from start_lockless_pgtbl_walk(mm)
    ptep = yield from find_linux_pte(mm)
    nr = (yield from use_pte(mm, ptep)) if ptep else 0
    yield from end_lockless_pgtbl_walk(mm)
    yield local_irq_restore(cpu, flags)
    return nr


@process
def walker(mm, cpu, walk, irqs_on=True, pins=True):
    """A thread that needs the page: it walks, uses what it got, and lets go."""
    if not irqs_on:
        yield local_irq_disable(cpu)
    nr = yield from walk(mm, cpu)
    with label("returned"):
        if nr and pins:
            yield put_page(mm.page).named(f"use and put_page({mm.page})")
        if not irqs_on:
            yield local_irq_enable(cpu)


# The other side: how a pmd is invalidated. When such a function returns, no walk that saw the old pmd
# may still go on.


def clear_and_flush(mm):
    """Clear the pmd and flush its translations, with a broadcast: nobody is interrupted."""
    yield WRITE_ONCE(mm.pmd, Pmd.NONE)
    yield flush_tlb_broadcast(mm_cpumask(mm))


def invalidate_by_ipi(mm, cpu):
    """Invalidate as x86 does: the flush itself waits for an interrupt on every CPU."""
    yield WRITE_ONCE(mm.pmd, Pmd.NONE)
    yield from flush_tlb_by_ipi(cpu, mm_cpumask(mm))


def serialize_against_pte_lookup(mm, cpu):
    """Wait until every CPU has had its interrupts enabled (powerpc, before the patch)."""
    yield smp_mb()
    yield from smp_call_function_many(cpu, mm_cpumask(mm), do_nothing)


def serialize_against_counted(mm, cpu):
    """Wait only if a walk is running (powerpc, with the patch)."""
    yield smp_mb()
    if (yield from running_lockless_pgtbl_walk(mm)):
        yield from smp_call_function_many(cpu, mm_cpumask(mm), do_nothing)
    else:
        yield label("no walk is running: no IPI")


def running_lockless_pgtbl_walk(mm):
    """Return the number of walks."""
    return (yield atomic_read(mm.nr_walkers))


# Who changes the page tables. Each is given its way to invalidate the pmd.


@process
def munmap(mm, cpu, invalidate):
    """Unmap the page and free the page-table page: zap_pte_range(), free_pte_range() (mm/memory.c)."""
    yield set_pte(mm.table, Pte.NONE)
    yield from invalidate(mm, cpu)
    yield put_page(mm.page)
    yield pte_free(mm.table)


@process
def collapse(mm, cpu, invalidate):
    """Replace the page-table page by a huge page: collapse_huge_page() (mm/khugepaged.c)."""
    yield from invalidate(mm, cpu)  # pmdp_collapse_flush
    page_count = yield atomic_read(mm.page.refcount)  # __collapse_huge_page_isolate
    if page_count != 1:
        yield WRITE_ONCE(mm.pmd, Pmd.TABLE)  # somebody holds the page: put the table back
        return
    yield set_pte(mm.table, Pte.NONE)  # __collapse_huge_page_copy
    yield put_page(mm.page)
    yield pte_free(mm.table)
    yield smp_wmb()
    yield WRITE_ONCE(mm.pmd, Pmd.HUGE)


@process
def split(mm, cpu, invalidate):
    """Replace the huge mapping by a page-table page: __split_huge_pmd_locked() (mm/huge_memory.c)."""
    yield from invalidate(mm, cpu)  # pmdp_invalidate
    yield set_pte(mm.table, Pte.PRESENT)
    yield smp_wmb()
    yield WRITE_ONCE(mm.pmd, Pmd.TABLE)  # pmd_populate


UPDATERS = {"munmap": munmap, "collapse": collapse, "split": split}


# Properties.


@always
def no_walker_touches_a_freed_table(s):
    return s.table.report is not Report.USE_AFTER_FREE


@always
def no_walker_sees_an_uninitialised_pte(s):
    return s.table.report is not Report.UNINITIALISED


@always
def no_walker_takes_a_table_for_a_page(s):
    return all(w.local.get("hugepte") is not Pmd.TABLE for w in s.walker)


@always
def references_are_taken_on_mapped_or_pinned_pages(s):
    """Who got the page from a walk holds the page that was mapped there, not somebody else's."""
    holders = [w for w in s.walker if w.at("returned") and w.local.get("nr")]
    return not holders or s.page.use is Use.LIVE or not s.walker[0].local.get("pins", True)


@always
def a_pinned_page_is_never_copied_away(s):
    """A collapse moves the contents to another page: not while somebody writes to the old one."""
    moving = any(u.at("collapse") for u in s.updater) and s.table.pte is Pte.NONE
    return not (moving and any(w.at("returned") and w.local.get("nr") for w in s.walker))


@always
def a_freed_page_is_in_no_tlb(s):
    return s.page.use is Use.LIVE or not any(cpu.tlb for cpu in s.cpu)


@always
def the_interrupt_flag_is_restored(s):
    """After a walk the flag is as before; and in the end it is on."""
    return all(
        not (w.at("returned") and s.cpu[i].task_irqs_enabled() != w.local.get("irqs_on"))
        and not (w.done and not s.cpu[i].task_irqs_enabled())
        for i, w in enumerate(s.walker)
    )


@always
def the_count_is_never_negative(s):
    return s.nr_walkers >= 0


@at_end
def nobody_walks_so_the_count_is_zero(s):
    return s.nr_walkers == 0


@sometimes
def a_walk_succeeds(s):
    return any(w.local.get("nr") == 1 for w in s.walker)


@sometimes
def a_walk_gives_up(s):
    return any(w.local.get("nr") == 0 for w in s.walker)


@sometimes
def the_pmd_changes_during_a_walk(s):
    walking = any(w.at("gup_pte_range", "gup_huge_pmd", "use_pte") for w in s.walker)
    return walking and s.pmd is Pmd.NONE


@sometimes
def an_ipi_is_skipped(s):
    return any(u.at("no walk is running: no IPI") for u in s.updater)


ALWAYS = [
    no_walker_touches_a_freed_table,
    no_walker_sees_an_uninitialised_pte,
    no_walker_takes_a_table_for_a_page,
    references_are_taken_on_mapped_or_pinned_pages,
    a_pinned_page_is_never_copied_away,
    a_freed_page_is_in_no_tlb,
    the_interrupt_flag_is_restored,
    the_count_is_never_negative,
    nobody_walks_so_the_count_is_zero,
]
MOVES = [a_walk_succeeds, a_walk_gives_up, the_pmd_changes_during_a_walk]
