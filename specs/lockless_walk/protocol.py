"""Lockless page-table walks against those who free, collapse or split tables: the shared part.

One mm, one pmd, the page-table page below it, and the pages that they map. Each walker and the
updater is a thread on a CPU of its own. The rows of the catalogue, in the files beside this one,
put these pieces together; each differs by its walk or by its way to invalidate the pmd.

Sources: mm/gup.c, mm/khugepaged.c, mm/huge_memory.c, mm/memory.c and
arch/powerpc/mm/book3s64/pgtable.c of Linux 5.4, before gup_pte_range() checked the pmd again; and
the patch "powerpc/mm: Adds counting method to monitor lockless pgtable walks" with its review.
"""

from dataclasses import dataclass

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
    smp_rmb,
    smp_wmb,
    try_get_page,
)


@state
class Mm:
    """What everybody shares: the mm_struct with its page tables, and the machine below."""

    cpu: object  # mm_cpumask(mm): every CPU runs a thread of this mm
    nr_walkers: int = 0  # mm->context.lockless_pgtbl_walk_count
    pmd: Pmd = Pmd.TABLE
    table: object = PageTable  # the page-table page, in use or deposited
    page: object = Page  # what the pte maps
    huge_page: object = Page  # what the pmd maps where it is huge
    ipis: int = 0  # how many CPUs were interrupted; only the rows about costs count
    overflow: bool = True  # a perf counter overflows once; only row 14 has somebody to tell


def mm_cpumask(mm):
    """Return the CPUs that run threads of this mm."""
    return mm.cpu.values()


# Down the page tables: get_user_pages_fast() pins the page that it finds ...


def gup_pgd_range(mm):
    """Return the page found, with a reference taken, or None (mm/gup.c).

    The pmd holds the table's address: READ_ONCE() orders the loads through it.
    """
    pmd = yield READ_ONCE(mm.pmd, mm.table)
    with label("below the pmd"):
        if pmd is Pmd.NONE:
            return None
        if pmd is Pmd.HUGE:
            return (yield from gup_huge_pmd(mm, pmd))
        return (yield from gup_pte_range(mm))


def gup_huge_pmd(mm, orig):
    """Take a reference to the huge page; keep it only if the pmd is as it was."""
    head = mm.huge_page
    if not (yield try_get_page(head)):
        return None
    if (yield READ_ONCE(mm.pmd)) is not orig:
        yield put_page(head)
        return None
    return head


def gup_pte_range(mm):
    """Read the pte, take a reference to its page; keep it only if the pte is as it was."""
    pte = yield ptep_get(mm.table)
    if pte is not Pte.PRESENT:
        return None
    head = mm.page
    if not (yield try_get_page(head)):
        return None
    if (yield ptep_get(mm.table)) is not pte:
        yield put_page(head)
        return None
    return head


# ... and users of __find_linux_pte() get a pointer to the entry, and use it while protected.


def find_linux_pte(mm):
    """Return which entry maps the address: the pmd itself, one in the table, or None."""
    pmd = yield READ_ONCE(mm.pmd, mm.table)
    return {Pmd.NONE: None, Pmd.HUGE: "pmd", Pmd.TABLE: "table"}[pmd]


def use_pte(mm, ptep):
    """Read the entry as what it was when it was found; return it, or None where it is empty."""
    with label("below the pmd"):
        if ptep == "table":
            entry = yield ptep_get(mm.table)
        else:
            entry = yield READ_ONCE(mm.pmd).named("READ_ONCE(*(pte_t *)pmd)")
        return None if entry in (Pte.NONE, Pmd.NONE) else entry


def look_up(mm):
    """Find the entry and use it, as hash_page_mm() and KVM do (arch/powerpc)."""
    ptep = yield from find_linux_pte(mm)
    if ptep is None:
        return None
    return (yield from use_pte(mm, ptep))


LOOKS = {"gup": gup_pgd_range, "lookup": look_up}


# Ways to walk: what stands around the look down, as functions of (mm, cpu, look).


def irqs_off(mm, cpu, look):
    """Walk as __get_user_pages_fast() did before the patch."""
    flags = yield local_irq_save(cpu)
    got = yield from look(mm)
    yield local_irq_restore(cpu, flags)
    return got


def start_lockless_pgtbl_walk(mm):
    """Count a walker in."""
    yield atomic_inc(mm.nr_walkers)
    yield smp_mb()


def end_lockless_pgtbl_walk(mm):
    """Count a walker out."""
    yield smp_mb()
    yield atomic_dec(mm.nr_walkers)


def counted(mm, cpu, look):
    """Walk as __get_user_pages_fast() does with the patch."""
    yield from start_lockless_pgtbl_walk(mm)
    flags = yield local_irq_save(cpu)
    got = yield from look(mm)
    yield local_irq_restore(cpu, flags)
    yield from end_lockless_pgtbl_walk(mm)
    return got


@process
def walker(mm, cpu, walk, look, irqs_on=True):
    """A thread that needs the page: it walks, uses what it got, and lets go."""
    if not irqs_on:
        yield local_irq_disable(cpu)
    got = yield from walk(mm, cpu, look)
    if isinstance(got, Page):
        yield put_page(got)
    del got  # properties see it as long as it is there
    if not irqs_on:
        with label("returned to a caller with interrupts off"):
            yield local_irq_enable(cpu)


# The other side: how a pmd is invalidated, as functions of (mm, cpu). When one returns, no walk
# that saw the old pmd may still go on.


def clear_and_flush(mm, cpu=None):
    """Clear the pmd and flush it from all TLBs with a broadcast: no CPU takes an interrupt."""
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


def running_lockless_pgtbl_walk(mm):
    """Return the number of walks."""
    return (yield atomic_read(mm.nr_walkers))


def serialize_if_walking(mm, cpu):
    """Wait only if a walk is running (powerpc, with the patch)."""
    yield smp_mb()
    running = yield from running_lockless_pgtbl_walk(mm)
    yield from interrupt_all_if(running, mm, cpu)


def interrupt_all_if(running, mm, cpu):
    """Interrupt every CPU and wait, unless nobody walks."""
    if running:
        yield from smp_call_function_many(cpu, mm_cpumask(mm), do_nothing)
    else:
        yield label("no walk is running: no IPI")


def invalidate_serialized(mm, cpu):
    """Invalidate as powerpc does before the patch."""
    yield from clear_and_flush(mm)
    yield from serialize_against_pte_lookup(mm, cpu)


def invalidate_counting(mm, cpu):
    """Invalidate as powerpc does with the patch."""
    yield from clear_and_flush(mm)
    yield from serialize_if_walking(mm, cpu)


# Who changes the page tables. Each is given its way to invalidate the pmd.


@process
def munmap(mm, cpu, invalidate):
    """Unmap the page, free the table: zap_pte_range() and free_pte_range() (mm/memory.c)."""
    yield set_pte(mm.table, Pte.NONE)
    yield from invalidate(mm, cpu)
    yield put_page(mm.page)
    yield pte_free(mm.table)


@process
def collapse(mm, cpu, invalidate, locked=True):
    """Replace the table by a huge page: collapse_huge_page() (mm/khugepaged.c).

    Of the lock of the ptes only the order that taking it brings is modelled.
    """
    yield from invalidate(mm, cpu)  # pmdp_collapse_flush
    if locked:
        yield smp_rmb().named("spin_lock(pte_ptl): an acquire")
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
    """Replace the huge mapping by a table: __split_huge_pmd_locked() (mm/huge_memory.c)."""
    yield from invalidate(mm, cpu)  # pmdp_invalidate
    yield set_pte(mm.table, Pte.PRESENT)
    yield smp_wmb()
    yield WRITE_ONCE(mm.pmd, Pmd.TABLE)  # pmd_populate


@process
def dontneed(mm, cpu, invalidate):
    """Unmap the page and keep the table, as MADV_DONTNEED does: zap_pte_range() (mm/memory.c).

    The pmd stays, so nobody waits for walks.
    """
    yield set_pte(mm.table, Pte.NONE)
    yield flush_tlb_broadcast(mm_cpumask(mm))
    yield put_page(mm.page)


UPDATERS = {"munmap": munmap, "collapse": collapse, "split": split, "dontneed": dontneed}


# Properties.


@always
def no_walker_touches_a_freed_table(s):
    return s.table.report is not Report.USE_AFTER_FREE


@always
def no_walker_sees_an_uninitialised_pte(s):
    return s.table.report is not Report.UNINITIALISED


@always
def no_walker_takes_a_table_for_a_page(s):
    return all(w.local.get("got") is not Pmd.TABLE for w in s.walker)


def harm(updater, look):
    """Return what a row is violated by that lets walks go on too long.

    A lookup minds all that is freed or changed below it. "gup" checks a huge pmd again, so a split
    does it no harm; but under a collapse it pins a page that is being copied away.
    """
    if updater == "split":
        return no_walker_takes_a_table_for_a_page if look == "lookup" else "holds"
    if (updater, look) == ("collapse", "gup"):
        return a_pinned_page_is_never_copied_away
    return no_walker_touches_a_freed_table


def pinned(w):
    """Return the page that a walker has got and holds, or None."""
    got = w.local.get("got")
    return got if isinstance(got, Page) else None


@always
def references_are_taken_on_mapped_or_pinned_pages(s):
    """Who got a page from a walk holds the one that was mapped, not one that has gone since."""
    return all(pinned(w) is None or pinned(w).use is Use.LIVE for w in s.walker)


@always
def a_pinned_page_is_never_copied_away(s):
    """A collapse moves the contents to another page: not while somebody may write here."""
    moving = s.updater.running and s.table.pte is Pte.NONE
    return not (moving and any(pinned(w) is s.page for w in s.walker))


@always
def a_freed_page_is_in_no_tlb(s):
    return s.page.use is Use.LIVE or not any(cpu.tlb for cpu in s.cpu)


def flag_restored(irqs_on):
    """Return the property that after a walk the flag is as it was before: `irqs_on`."""

    @always
    def the_interrupt_flag_is_restored(s):
        for w, cpu in zip(s.walker, s.cpu, strict=False):
            returned = w.done if irqs_on else w.at("returned to a caller with interrupts off")
            if returned and cpu.task_irqs_enabled() != irqs_on:
                return False
        return True

    return the_interrupt_flag_is_restored


@always
def the_count_is_never_negative(s):
    return s.nr_walkers >= 0


@at_end
def nobody_walks_so_the_count_is_zero(s):
    return s.nr_walkers == 0


@sometimes
def a_walk_succeeds(s):
    return any(w.local.get("got") is not None for w in s.walker)


@sometimes
def a_walk_gives_up(s):
    return any(w.local.get("got", "still walking") is None for w in s.walker)


@sometimes
def the_pmd_changes_during_a_walk(s):
    return s.pmd is Pmd.NONE and any(w.at("below the pmd") for w in s.walker)


@sometimes
def an_ipi_is_skipped(s):
    return any(u.at("no walk is running: no IPI") for u in s.updater)


PROPERTIES = [
    no_walker_touches_a_freed_table,
    no_walker_sees_an_uninitialised_pte,
    no_walker_takes_a_table_for_a_page,
    references_are_taken_on_mapped_or_pinned_pages,
    a_freed_page_is_in_no_tlb,
    the_count_is_never_negative,
    nobody_walks_so_the_count_is_zero,
    a_walk_succeeds,
    a_walk_gives_up,
    the_pmd_changes_during_a_walk,
]


@dataclass(frozen=True)
class Scene:
    """Who is there: how many walkers, and by name in `UPDATERS` and `LOOKS` what they do."""

    walkers: int
    updater: str
    look: str = "gup"
    irqs_on: bool = True  # in the walkers' callers
    left_over: int = 0  # what the count is at first
    irqs_order_loads: bool = True  # a CPU forgets what it read ahead when it takes an interrupt


def system(walk, invalidate, also=(), without=(), **scene):
    """Return walkers and an updater, each on a CPU of its own, with interrupt handlers there.

    `walk` and `invalidate` are the two functions in which the rows differ, `also` are properties
    besides `PROPERTIES`, `without` some of those that the row cannot have, and `scene` are the
    fields of `Scene`. An `updater` may also be the process function itself.
    """
    here = Scene(**scene)
    updater = UPDATERS.get(here.updater, here.updater)
    start = before_split if here.updater in BEFORE_SPLIT else Mm
    mm = start(cpus(here.walkers + 1), nr_walkers=here.left_over)
    *own, last = mm.cpu
    if here.updater in COLLAPSES:
        also = [a_pinned_page_is_never_copied_away, *also]
    return System(
        mm,
        [
            *(walker(mm, cpu, walk, LOOKS[here.look], here.irqs_on).on(cpu) for cpu in own),
            updater(mm, last, invalidate).named("updater").on(last),
            *interrupts(mm.cpu, orders=here.irqs_order_loads),
            page_allocator(mm.page),
        ],
        [*(p for p in PROPERTIES if p not in without), flag_restored(here.irqs_on), *also],
    )


#: Updaters that copy the page away.
COLLAPSES = ["collapse"]

#: Updaters that find the pmd huge.
BEFORE_SPLIT = ["split"]


def before_split(cpu, **fields):
    """Return an mm whose pmd is huge, with an empty table deposited; the ptes will map its page."""
    page, table = Page(), PageTable(pte=Pte.UNINITIALISED)
    return Mm(cpu, pmd=Pmd.HUGE, table=table, page=page, huge_page=page, **fields)
