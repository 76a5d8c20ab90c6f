"""Page tables of several levels: shadows at every level, and freeing through an mmu_gather."""

from __future__ import annotations

import pytest

from modelcheck import System, always, at_end, check, process, sometimes, state
from modelcheck.kernel import (
    MmuGather,
    Page,
    Pte,
    Report,
    Table,
    Use,
    cpus,
    entry_get,
    entry_get_and_clear,
    flush_tlb_local,
    free_tables,
    leads_to,
    populate,
    set_entry,
    table_free,
    tlb_fill,
    tlb_finish_mmu,
)
from modelcheck.memory import MODELS


@state
class Mm:
    cpu: object
    pmd: object
    pte: object
    page: object


def mapped():
    page = Page()
    pte = Table(leads_to(page))
    return Mm(cpus(1), Table(leads_to(pte)), pte, page)


@process
def walk(mm):
    table = yield entry_get(mm.pmd)
    if isinstance(table, Table):
        yield entry_get(table)
        assert table is mm.pte


@process
def frees(mm):
    yield set_entry(mm.pmd, None)
    yield table_free(mm.pte)


def test_a_walk_goes_where_the_entries_lead_and_is_reported_where_a_table_is_gone():
    """The table that was read through is the one whose shadow tells."""
    mm = mapped()

    @sometimes
    def reported(s):
        return s.pte.report is Report.USE_AFTER_FREE

    @always
    def only_there(s):
        return s.pmd.report is Report.NONE

    assert check(System(mm, [walk(mm), frees(mm)], [reported, only_there])).holds


@process
def installs(mm, ordered):
    yield set_entry(mm.pte, None)
    if ordered:
        yield from populate(mm.pmd, mm.pte)
    else:
        yield set_entry(mm.pmd, mm.pte)


@pytest.mark.parametrize("memory", list(MODELS))
@pytest.mark.parametrize("ordered", [True, False])
def test_what_is_hooked_in_was_written_before(memory, ordered):
    """`populate` has the barrier; loads through the entry stay behind it under every model."""
    pte = Table(Pte.UNINITIALISED)
    mm = Mm(cpus(1), Table(), pte, Page())

    @always
    def initialised(s):
        return s.pte.report is Report.NONE

    result = check(System(mm, [walk(mm), installs(mm, ordered)], [initialised]), memory=memory)
    assert result.holds is (ordered or memory in ("sc", "tso"))


@process
def unmaps(mm, gather):
    tlb = MmuGather()
    found = yield entry_get_and_clear(mm.pte)
    assert found is not None
    tlb = tlb.with_page(mm.page).with_table(mm.pte)
    if gather:
        yield from tlb_finish_mmu(tlb, lambda: flush(mm), free_tables)
    else:
        yield from free_tables(tlb.tables)


def flush(mm):
    yield flush_tlb_local(mm.cpu[0])


def test_a_gather_flushes_before_it_frees():
    """Pages and tables live until no TLB has a translation; then both are gone."""
    mm = mapped()

    @always
    def in_no_tlb(s):
        return s.page.use is Use.LIVE or not s.cpu[0].tlb

    @at_end
    def gone(s):
        return (s.page.use, s.pte.use, s.page.refcount) == (Use.FREED, Use.FREED, 0)

    assert check(System(mm, [unmaps(mm, True)], [in_no_tlb, gone])).holds


def test_a_table_is_freed_once():
    """Freeing it again is a violation."""

    @process
    def twice(mm):
        yield table_free(mm.pte)
        yield table_free(mm.pte)

    mm = mapped()
    assert "freed twice" in check(System(mm, [twice(mm)], [])).violation.message


def test_a_tlb_fills_with_the_page_that_is_mapped_or_not_at_all():
    """The hardware's walk caches a page; an empty entry leaves the TLB as it is."""
    mm = mapped()

    @process
    def touches(mm):
        yield tlb_fill(mm.cpu[0], mm.pte)

    @process
    def clears(mm):
        yield set_entry(mm.pte, None)

    @sometimes
    def filled(s):
        return s.cpu[0].tlb not in (True, False, None)

    @sometimes
    def not_filled(s):
        return s.touches.done and s.cpu[0].tlb is True

    assert check(System(mm, [touches(mm), clears(mm)], [filled, not_filled])).holds
