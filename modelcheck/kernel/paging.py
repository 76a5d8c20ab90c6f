"""Paging as far as a lockless walk sees it: one pmd, the page-table page below it, pages, TLBs.

Page-table pages and pages know whether they are still in use: the checker's shadow memory, as KASAN
and KMSAN keep it. It is coherent whatever the memory model, so a bad access is found although the
accessing CPU's loads may be stale. Neighbours: `modelcheck.kernel.atomics` (reference counts),
`modelcheck.kernel.ipi` (flushes by interrupt).

Its assertions are part of a model: PYTEST_DONT_REWRITE keeps their words.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from enum import Enum
from typing import Any

from modelcheck.kernel.atomics import WRITE_ONCE, atomic_inc_not_zero
from modelcheck.kernel.cpu import Cpu
from modelcheck.kernel.ipi import smp_call_function_many
from modelcheck.language.process import process
from modelcheck.language.refs import Ref
from modelcheck.language.state import state
from modelcheck.language.steps import Step, atomic
from modelcheck.language.turn import Turn


class Pmd(Enum):
    """What a pmd entry holds: nothing, a huge page, or a pointer to a page-table page."""

    NONE = "none"
    HUGE = "huge"
    TABLE = "table"

    def __repr__(self) -> str:
        return self.name


class Pte(Enum):
    """What a pte holds; a fresh page-table page has not been written at all."""

    NONE = "none"
    PRESENT = "present"
    UNINITIALISED = "uninitialised"

    def __repr__(self) -> str:
        return self.name


class Use(Enum):
    """What a page is in use for: what it was for at first, nothing, or somebody else's purpose."""

    LIVE = "live"
    FREED = "freed"
    REUSED = "reused"

    def __repr__(self) -> str:
        return self.name


class Report(Enum):
    """What the checker's KASAN and KMSAN have found so far."""

    NONE = "none"
    USE_AFTER_FREE = "use after free"
    UNINITIALISED = "uninitialised"

    def __repr__(self) -> str:
        return self.name


def _name(ref: Ref) -> str:
    """Return the name of the part that a field belongs to, as the state's locations spell it."""
    return ref.name.rpartition(".")[0] or ref.name


# Page-table pages.


@state
class PageTable:
    """A page-table page with the one pte that anybody looks at."""

    pte: Any = Pte.PRESENT
    use: Any = Use.LIVE
    report: Any = Report.NONE  # the first bad access


class _PteGet(Step):
    """A load of the pte, checked against the page's shadow."""

    def __init__(self, table: PageTable):
        super().__init__(f"ptep_get({table.pte})")
        self.pte: Ref = table.pte
        self.use: Ref = table.use
        self.report: Ref = table.report

    def perform(self, turn: Turn) -> Any:
        value = turn.memory.load(turn, self.pte)
        if turn.load(self.use) is not Use.LIVE:
            turn.store(self.report, Report.USE_AFTER_FREE)
        elif value is Pte.UNINITIALISED:
            turn.store(self.report, Report.UNINITIALISED)
        return value


def ptep_get(table: PageTable) -> Step:
    """Return the step ``READ_ONCE(*ptep)`` (include/linux/pgtable.h); its result is the pte."""
    return _PteGet(table)


def set_pte(table: PageTable, value: Pte) -> Step:
    """Return the step that stores the pte (``set_pte_at``, ``pte_clear``): a plain store."""
    return WRITE_ONCE(table.pte, value)


class Free(Step):
    """The end of a page-table page's use, of any level: at once, as its shadow knows it."""

    def __init__(self, text: str, use: Ref):
        super().__init__(text)
        self.use = use

    def perform(self, turn: Turn) -> None:
        assert turn.load(self.use) is Use.LIVE, "the page-table page is freed twice"
        turn.store(self.use, Use.FREED)


def pte_free(table: PageTable) -> Step:
    """Return the step that frees a page-table page (``pte_free``, asm/pgalloc.h).

    From here on it may be anybody's. Who touches it reports a use after free; that somebody really
    reuses it would add nothing to find, only states.
    """
    use: Ref = table.use
    return Free(f"pte_free({_name(use)})", use)


# Pages.


@state
class Page:
    """A page of memory: its reference count, one for the mapping at first, and its use."""

    refcount: Any = 1
    use: Any = Use.LIVE


def try_get_page(page: Page) -> Step:
    """Return the step that takes a reference unless the page is free; results in whether it did.

    Models ``try_get_compound_head`` (mm/gup.c), a ``page_cache_add_speculative``.
    """
    return atomic_inc_not_zero(page.refcount).named(f"try_get_page({_name(page.refcount)})")  # type: ignore[no-any-return] # named() returns the step itself


class _PutPage(Step):
    """Drop a reference; the last frees the page: a step of its own would show nobody more."""

    def __init__(self, page: Page):
        super().__init__(f"put_page({_name(page.refcount)})")
        self.refcount: Ref = page.refcount
        self.use: Ref = page.use

    def perform(self, turn: Turn) -> None:
        # put_page_testzero() is an atomic_dec_and_test()
        count = turn.memory.modify(turn, self.refcount, lambda count: count - 1, "full")
        assert count > 0, "VM_BUG_ON_PAGE(page_ref_count(page) == 0)"
        if count == 1:
            turn.store(self.use, Use.FREED)


def put_page(page: Page) -> Step:
    """Return the step that drops a reference and frees the page with the last one (linux/mm.h)."""
    return _PutPage(page)


@process(daemon=True)
def page_allocator(page: Page) -> Any:
    """Hand the page to somebody else once it is free (``alloc_pages``, mm/page_alloc.c)."""

    def alloc() -> None:
        page.refcount, page.use = 1, Use.REUSED

    while True:
        yield atomic(alloc, when=lambda: page.use == Use.FREED).named(
            f"alloc_page({_name(page.refcount)})"
        )


# TLBs.


class _FlushTlb(Step):
    """Drop the translations of some CPUs' TLBs at once."""

    def __init__(self, cpus: Iterable[Cpu], text: str):
        super().__init__(text)
        self.tlbs: tuple[Ref, ...] = tuple(cpu.tlb for cpu in cpus)

    def perform(self, turn: Turn) -> None:
        for tlb in self.tlbs:
            turn.store(tlb, False)


def flush_tlb_local(cpu: Cpu) -> Step:
    """Return the step that drops this CPU's translation (x86 ``invlpg``)."""
    return _FlushTlb([cpu], f"invlpg({cpu})")


def flush_tlb_func(cpu: Cpu) -> Generator[Any, Any, None]:
    """Flush the CPU that this runs on (``flush_tlb_func_remote``, arch/x86/mm/tlb.c)."""
    yield flush_tlb_local(cpu)


def flush_tlb_by_ipi(cpu: Cpu, mask: Iterable[Cpu]) -> Generator[Any, Any, None]:
    """Flush this CPU, interrupt the others and wait (``flush_tlb_mm_range``, arch/x86/mm/tlb.c).

    Each of them has had interrupts enabled when this returns.
    """
    yield flush_tlb_local(cpu)
    yield from smp_call_function_many(cpu, mask, flush_tlb_func)


def flush_tlb_broadcast(mask: Iterable[Cpu]) -> Step:
    """Return the step that flushes all CPUs over the bus: no interrupt is taken anywhere.

    Models ``tlbie`` (arch/powerpc/mm/book3s64/radix_tlb.c) and ``TLBI ...IS`` (arm64). That is the
    flush alone, without ``ptesync`` or ``dsb`` around it: a model that relies on one says `smp_mb`.
    """
    return _FlushTlb(mask, "tlbie")
