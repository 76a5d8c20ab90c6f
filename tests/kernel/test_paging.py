"""Paging: pages and page-table pages that know when they are touched too late, and TLB flushes."""

from __future__ import annotations

from modelcheck import System, always, at_end, check, process, sometimes, state
from modelcheck.kernel import (
    Page,
    PageTable,
    Pte,
    Report,
    Use,
    cpus,
    flush_tlb_broadcast,
    flush_tlb_by_ipi,
    interrupts,
    local_irq_disable,
    page_allocator,
    pte_free,
    ptep_get,
    put_page,
    set_pte,
    try_get_page,
)


@state
class Memory:
    table: object = PageTable
    page: object = Page


@process
def reader(s):
    yield ptep_get(s.table)


@process
def freer(s):
    yield pte_free(s.table)


def test_a_read_after_free_is_reported_and_one_before_it_is_not():
    """The shadow of a page-table page tells the two orders apart."""
    s = Memory()

    @sometimes
    def reported(s):
        return s.table.report is Report.USE_AFTER_FREE

    @sometimes
    def in_time(s):
        return s.reader.done and s.freer.done and s.table.report is Report.NONE

    assert check(System(s, [reader(s), freer(s)], [reported, in_time])).holds


def test_a_read_of_a_fresh_table_is_reported():
    """A pte that nobody has written yet is not data."""
    s = Memory(table=PageTable(pte=Pte.UNINITIALISED))

    @process
    def filler(s):
        yield set_pte(s.table, Pte.PRESENT)

    @always
    def initialised(s):
        return s.table.report is not Report.UNINITIALISED

    result = check(System(s, [reader(s), filler(s)], [initialised]))
    assert [step.process for step in result.trace.steps] == ["reader"]


def test_freeing_a_table_twice_is_an_assertion():
    """The second `pte_free` fails in the process that calls it."""
    s = Memory()
    result = check(System(s, [freer(s), freer(s)]))
    assert "the page-table page is freed twice" in result.violation.message


@process
def getter(s):
    got = yield try_get_page(s.page)
    if got:
        yield put_page(s.page)


@process
def owner(s):
    yield put_page(s.page)


def test_the_last_reference_frees_the_page():
    """Whoever drops it, the page is free in the end, and a late getter does not revive it."""
    s = Memory()

    @at_end
    def free(s):
        return s.page.refcount == 0 and s.page.use is Use.FREED

    @sometimes
    def too_late(s):
        return s.getter.done and s.owner.done and s.page.refcount == 0

    assert check(System(s, [getter(s), owner(s)], [free, too_late])).holds


def test_a_free_page_may_be_somebody_elses_at_any_time():
    """With an allocator about, a late getter gets a reference: to a page that is not its own."""
    s = Memory()

    @sometimes
    def reused_under_it(s):
        return s.getter.local.get("got") is True and s.page.use is Use.REUSED

    assert check(System(s, [getter(s), owner(s), page_allocator(s.page)], [reused_under_it])).holds


def test_one_reference_too_few_is_an_assertion():
    """`put_page` on a free page is the kernel's VM_BUG_ON_PAGE."""
    s = Memory()
    result = check(System(s, [owner(s), owner(s)]))
    assert "page_ref_count" in result.violation.message


@state
class Machine:
    cpu: object


@process
def by_ipi(m):
    yield from flush_tlb_by_ipi(m.cpu[0], m.cpu)


@process
def broadcast(m):
    yield flush_tlb_broadcast(m.cpu)


@process
def deaf(m):
    yield local_irq_disable(m.cpu[1])


@at_end
def all_flushed(s):
    return not any(cpu.tlb for cpu in s.cpu)


def test_a_flush_by_ipi_waits_for_every_cpu():
    """It empties all TLBs; where one CPU keeps interrupts off it never comes back."""
    m = Machine(cpus(2))
    assert check(System(m, [by_ipi(m).on(m.cpu[0]), *interrupts(m.cpu)], [all_flushed])).holds
    m = Machine(cpus(2))
    tasks = [by_ipi(m).on(m.cpu[0]), deaf(m).on(m.cpu[1])]
    assert check(System(m, [*tasks, *interrupts(m.cpu)])).violation.property == "deadlock"


def test_a_broadcast_flush_waits_for_nobody():
    """One step empties all TLBs, whether or not interrupts are enabled; no handler ever runs."""
    m = Machine(cpus(2))

    @always
    def no_interrupt(s):
        return all(cpu.handlers == () for cpu in s.cpu)

    tasks = [broadcast(m).on(m.cpu[0]), deaf(m).on(m.cpu[1])]
    result = check(System(m, [*tasks, *interrupts(m.cpu)], [all_flushed, no_interrupt]))
    assert result.holds
    assert result.states == 4
