"""get_user_pages_fast() down four levels of page tables, against those who unmap, free or collapse.

A walker reads pgd, pud, pmd and pte without a lock, interrupts off, takes a reference to the page
with ``try_get`` and reads pmd and pte again. Source: mm/gup.c of Linux 6.1 (``gup_pte_range``,
whose comment tells why the pmd is read again: commit 70cbc3cc78a9), mm/mmu_gather.c, mm/memory.c
(``zap_pte_range``, ``free_pgtables``, ``pmd_install``), mm/khugepaged.c (``collapse_huge_page``).

How page-table pages are freed (`free`): ``"ipi"``, the flush itself interrupts every CPU (x86);
``"rcu"``, behind a grace period that waits for code with interrupts off (arm64, powerpc);
``"sync"``, after ``tlb_remove_table_sync_one``; ``"at once"``, after a broadcast flush: nobody
waited.
"""

from functools import partial

from modelcheck import System, always, label, model, process, sometimes, state
from modelcheck.kernel import (
    MmuGather,
    Page,
    Pte,
    Rcu,
    Report,
    Table,
    Use,
    atomic_inc,
    atomic_read,
    call_rcu,
    cpus,
    entry_get,
    entry_get_and_clear,
    flush_tlb_broadcast,
    flush_tlb_by_ipi,
    free_tables,
    interrupts,
    leads_to,
    local_irq_restore,
    local_irq_save,
    page_allocator,
    populate,
    put_page,
    rcu_callbacks,
    refcount_inc_not_zero,
    set_entry,
    tlb_finish_mmu,
    tlb_remove_table_sync_one,
    try_get_page,
)


@state
class Mm:
    """An mm_struct with the tables on the way to one address, the machine, and RCU."""

    cpu: object
    pgd: object = Table
    pud: object = Table
    pmd: object = Table
    pte: object = Table
    page: object = Page
    huge_page: object = Page
    rcu: object = Rcu


def mapped(n):
    """Return an mm of `n` CPUs in which the page is mapped."""
    page = Page()
    pte = Table(leads_to(page))
    pmd = Table(leads_to(pte))
    pud = Table(leads_to(pmd))
    return Mm(cpus(n), pgd=Table(leads_to(pud)), pud=pud, pmd=pmd, pte=pte, page=page)


def unmapped(n):
    """Return one in which the way ends at the pud: the tables below it were never written."""
    pud, pmd, pte = Table(), Table(Pte.UNINITIALISED), Table(Pte.UNINITIALISED)
    return Mm(cpus(n), pgd=Table(leads_to(pud)), pud=pud, pmd=pmd, pte=pte)


# The walk. What a row changes about it are its last two steps: `take` and `recheck`.


def take_reference(page):
    """Take a reference unless the page is free; fully ordered (``try_grab_folio``)."""
    return (yield try_get_page(page))


def unchanged(pmd_table, pte_table, pte):
    """Tell whether pmd and pte are as they were; the reference was taken before."""
    if (yield entry_get(pmd_table)) is not pte_table:
        return False
    return (yield entry_get(pte_table)) is pte


def gup_pgd_range(mm, take, recheck):
    """Go down level by level; return the page, with a reference, or None."""
    pud_table = yield entry_get(mm.pgd)
    if pud_table is None:
        return None
    pmd_table = yield entry_get(pud_table)
    if not isinstance(pmd_table, Table):
        return None
    pte_table = yield entry_get(pmd_table)
    if not isinstance(pte_table, Table):
        return None  # empty, or a huge page: gup_huge_pmd() is another story
    return (yield from gup_pte_range(pmd_table, pte_table, take, recheck))


def gup_pte_range(pmd_table, pte_table, take, recheck):
    """Take a reference to the page that the pte maps; keep it only if nothing has changed."""
    page = yield entry_get(pte_table)
    if not isinstance(page, Page):
        return None
    if not (yield from take(page)):
        return None
    if not (yield from recheck(pmd_table, pte_table, page)):
        yield put_page(page)
        return None
    return page


@process
def walker(mm, cpu, irqs_off, take, recheck):
    """A thread that pins the page for a while."""
    flags = (yield local_irq_save(cpu)) if irqs_off else None
    with label("walking"):
        got = yield from gup_pgd_range(mm, take, recheck)
    if irqs_off:
        yield local_irq_restore(cpu, flags)
    if got is not None:
        yield put_page(got)
    del got


# Flushes, and ways to free page-table pages, as functions of (mm, cpu) and (mm, cpu, tables).


def interrupt_all(mm, cpu):
    yield from flush_tlb_by_ipi(cpu, mm.cpu.values())


def broadcast(mm, cpu):
    yield flush_tlb_broadcast(mm.cpu.values())


def at_once(mm, cpu, tables):
    yield from free_tables(tables)


def behind_a_grace_period(mm, cpu, tables):
    yield call_rcu(mm.rcu, free_tables, tables)


def synchronized(mm, cpu, tables):
    yield from tlb_remove_table_sync_one(cpu, mm.cpu.values())
    yield from free_tables(tables)


WAYS = {
    "ipi": (interrupt_all, at_once),
    "rcu": (broadcast, behind_a_grace_period),
    "sync": (broadcast, synchronized),
    "at once": (broadcast, at_once),
}


# Who changes the page tables.


@process
def munmap(mm, cpu, flush, free):
    """Unmap the page and free the tables on the way: zap_pte_range(), then free_pgtables()."""
    tlb = MmuGather()
    yield entry_get_and_clear(mm.pte)
    tlb = tlb.with_page(mm.page)
    yield set_entry(mm.pmd, None)
    tlb = tlb.with_table(mm.pte)
    yield set_entry(mm.pud, None)
    tlb = tlb.with_table(mm.pmd)
    yield from tlb_finish_mmu(tlb, partial(flush, mm, cpu), partial(free, mm, cpu))


@process
def dontneed(mm, cpu, flush, free):
    """Unmap the page and keep the tables (MADV_DONTNEED): nobody waits for walks."""
    yield entry_get_and_clear(mm.pte)
    tlb = MmuGather().with_page(mm.page)
    yield from tlb_finish_mmu(tlb, partial(flush, mm, cpu), partial(free, mm, cpu))


@process
def collapse(mm, cpu, flush, free, clear=entry_get_and_clear):
    """Replace the table by a huge page: clear and flush the pmd, check the count, copy, free."""
    yield clear(mm.pmd)
    yield from flush(mm, cpu)
    count = yield atomic_read(mm.page.refcount)
    if count != 1:
        yield from populate(mm.pmd, mm.pte)  # somebody has it pinned: put the table back
        return
    with label("copying"):
        yield set_entry(mm.pte, None)
        yield put_page(mm.page)
    yield from free(mm, cpu, (mm.pte,))
    yield from populate(mm.pmd, mm.huge_page)


@process
def collapse_with_a_store(mm, cpu, flush, free):
    """The same, where a plain store clears the pmd."""
    yield from collapse.function(mm, cpu, flush, free, lambda table: set_entry(table, None))


@process
def fault(mm, cpu, flush, free, install=populate):
    """Make the tables on the way to the page, from the top: __pmd_alloc(), __pte_alloc()."""
    yield set_entry(mm.pmd, None)
    yield from install(mm.pud, mm.pmd)
    yield set_entry(mm.pte, None)
    yield from install(mm.pmd, mm.pte)
    yield from install(mm.pte, mm.page)


def install_without_wmb(table, value):
    yield set_entry(table, value)


@process
def fault_without_wmb(mm, cpu, flush, free):
    yield from fault.function(mm, cpu, flush, free, install_without_wmb)


# Properties.


def tables(s):
    return [s.pgd, s.pud, s.pmd, s.pte]


@always
def no_walker_touches_a_freed_table(s):
    return all(table.report is not Report.USE_AFTER_FREE for table in tables(s))


@always
def no_walker_sees_an_uninitialised_entry(s):
    return all(table.report is not Report.UNINITIALISED for table in tables(s))


def pinned(w):
    """Return the page that a walker has got and holds, or None."""
    return w.local.get("got")


@always
def a_pinned_page_is_the_one_that_was_mapped(s):
    return all(pinned(w) is None or s.page.use is Use.LIVE for w in s.walker)


@always
def a_pinned_page_is_never_copied_away(s):
    return not any(u.at("copying") and s.pte.entry is None for u in s.updater) or not any(
        pinned(w) is not None for w in s.walker
    )


@sometimes
def a_walk_succeeds(s):
    return any(pinned(w) is not None for w in s.walker)


@sometimes
def a_walk_gives_up(s):
    return any(w.local.get("got", "still walking") is None for w in s.walker)


PROPERTIES = [
    no_walker_touches_a_freed_table,
    no_walker_sees_an_uninitialised_entry,
    a_pinned_page_is_the_one_that_was_mapped,
    a_walk_succeeds,
    a_walk_gives_up,
]


def system(walkers, updater, free, **walk):
    """Return walkers and an updater, each on a CPU of its own, RCU, and the page allocator.

    `walk` is what a row changes of the walk: `irqs_off`, `take`, `recheck`.
    """
    how = {"irqs_off": True, "take": take_reference, "recheck": unchanged, **walk}
    flush, free_pages = WAYS[free]
    mm = (unmapped if updater in (fault, fault_without_wmb) else mapped)(walkers + 1)
    *own, last = mm.cpu
    also = [a_pinned_page_is_never_copied_away] * (updater in (collapse, collapse_with_a_store))
    return System(
        mm,
        [
            *(walker(mm, cpu, **how).on(cpu) for cpu in own),
            updater(mm, last, flush, free_pages).named("updater").on(last),
            *interrupts(mm.cpu),
            *([rcu_callbacks(mm.rcu, mm.cpu.values())] if free == "rcu" else []),
            *([page_allocator(mm.page)] if updater in (munmap, dontneed) else []),
        ],
        [*PROPERTIES, *also],
    )


# The rows.


@model(
    expect=lambda free: "violated" if free == "at once" else "holds",
    by="no_walker_touches_a_freed_table",
)
def gup_fast(walkers: int = 1, free: str = "ipi"):
    """Against munmap(): pages and tables go once the flush is done; `free` waits for walks."""
    return system(walkers, munmap, free)


@model
def gup_fast_rcu(walkers: int = 1):
    """The same where tables are freed by call_rcu(): interrupts off is a read-side section."""
    return system(walkers, munmap, "rcu")


@model
def gup_fast_sync(walkers: int = 1):
    """The same where every CPU is interrupted between flush and free."""
    return system(walkers, munmap, "sync")


@model(expect="violated", by="no_walker_touches_a_freed_table")
def gup_fast_freed_at_once(walkers: int = 1):
    """A broadcast flush, and nobody waits: the walk goes on in a freed table."""
    return system(walkers, munmap, "at once")


@model(expect="violated", by="no_walker_touches_a_freed_table")
def gup_fast_irqs_on(walkers: int = 1):
    """Interrupts on: no grace period waits for the walk."""
    return system(walkers, munmap, "rcu", irqs_off=False)


@model
def gup_fast_dontneed(walkers: int = 1):
    """Against MADV_DONTNEED, which waits for nobody: what saves it is reading the pte again."""
    return system(walkers, dontneed, "rcu")


def believed(pmd_table, pte_table, pte):
    """Recheck nothing."""
    yield from ()
    return True


@model(expect="violated", by="a_pinned_page_is_the_one_that_was_mapped")
def gup_fast_no_recheck(walkers: int = 1):
    """The same without: the page was freed and reused before the reference was taken."""
    return system(walkers, dontneed, "rcu", recheck=believed)


def get_page(page):
    """Take a reference without a look at the count."""
    yield atomic_inc(page.refcount)
    return True


@model(expect="violated", by="a_pinned_page_is_the_one_that_was_mapped")
def gup_fast_get_without_try(walkers: int = 1):
    """No try: a reference to a page that is free revives it."""
    return system(walkers, dontneed, "rcu", take=get_page, recheck=believed)


@model
def gup_fast_collapse(walkers: int = 1):
    """Against a THP collapse whose flush interrupts nobody: reading the pmd again saves it."""
    return system(walkers, collapse, "rcu")


def pte_unchanged(pmd_table, pte_table, pte):
    """Read the pte again, not the pmd: gup_pte_range() before commit 70cbc3cc78a9."""
    return (yield entry_get(pte_table)) is pte


@model(expect="violated", by="a_pinned_page_is_never_copied_away")
def gup_fast_collapse_pmd_not_rechecked(walkers: int = 1):
    """Only the pte is read again: fast GUP against a THP collapse, before that commit."""
    return system(walkers, collapse, "rcu", recheck=pte_unchanged)


@model(
    expect={"sc": "holds", "else": "violated"},
    by="a_pinned_page_is_never_copied_away",
)
def gup_fast_collapse_with_a_store(walkers: int = 1):
    """The pmd is cleared by a plain store: reading the count may pass it."""
    return system(walkers, collapse_with_a_store, "rcu")


def relaxed_reference(page):
    """Take a reference as refcount_inc_not_zero() would: it orders no loads."""
    return (yield refcount_inc_not_zero(page.refcount))


@model(expect={"wmm": "violated", "else": "holds"}, by="a_pinned_page_is_never_copied_away")
def gup_fast_relaxed_reference(walkers: int = 1):
    """The pmd is read again, but perhaps before the reference was taken."""
    return system(walkers, collapse, "rcu", take=relaxed_reference)


@model
def gup_fast_fault(walkers: int = 1):
    """Tables made from the top while somebody walks: smp_wmb() before each is hooked in."""
    return system(walkers, fault, "rcu")


@model(
    expect={"pso": "violated", "wmm": "violated", "else": "holds"},
    by="no_walker_sees_an_uninitialised_entry",
)
def gup_fast_fault_without_wmb(walkers: int = 1):
    """The same without: a table is seen before what was written there."""
    return system(walkers, fault_without_wmb, "rcu")
