"""Page tables of several levels, `mm_cpumask`, TLBs that fill, and freeing through `mmu_gather`.

A page-table page of any level is a `Table`: the one entry on the way to the address that a model is
about. An entry is empty (None), leads to a `Table` of the next level or to a `Page`, or was never
written (`Pte.UNINITIALISED`). Whoever touches one that was freed is reported, as in `paging`.

Sources: ``mm/gup.c``, ``mm/mmu_gather.c``, ``include/asm-generic/tlb.h``, ``arch/x86/mm/tlb.c``.
Neighbours: `paging` (pages, flushes, the end of a page's use), `rcu` (`call_rcu`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

from attrs import evolve, frozen

from modelcheck.kernel.atomics import READ_ONCE, WRITE_ONCE, xchg
from modelcheck.kernel.barriers import smp_mb, smp_wmb
from modelcheck.kernel.cpu import Cpu
from modelcheck.kernel.ipi import do_nothing, smp_call_function_many
from modelcheck.kernel.paging import (
    Free,
    Page,
    Pte,
    Report,
    Use,
    flush_tlb_by_ipi,
    put_page,
)
from modelcheck.language.cells import leaves
from modelcheck.language.refs import Ref
from modelcheck.language.state import state
from modelcheck.language.steps import Step, Update
from modelcheck.language.turn import Turn

Steps = Generator[Any, Any, Any]


@frozen(repr=False)
class Entry:
    """An entry that is present: the address of a `Table` or a `Page`. Made by `leads_to`."""

    target: Any

    def __repr__(self) -> str:
        return _name(self.target)


def leads_to(target: Any) -> Entry:
    """Return what an entry holds that leads to a part, to begin with: ``Table(leads_to(page))``."""
    return Entry(target)


@state
class Table:
    """A page-table page of some level, with the one entry that anybody looks at."""

    entry: Any = None
    use: Any = Use.LIVE
    report: Any = Report.NONE  # the first bad access


def _name(part: Any) -> str:
    """Return the name of a table or a page."""
    return str(part.use).rpartition(".")[0]


class _EntryGet(Step):
    """A load of an entry, checked against the page's shadow; what it leads to stays behind it."""

    def __init__(self, table: Table, text: str):
        super().__init__(text)
        self.entry: Ref = table.entry
        self.use: Ref = table.use
        self.report: Ref = table.report

    def perform(self, turn: Turn) -> Any:
        value = turn.memory.load(turn, self.entry)
        if turn.load(self.use) is not Use.LIVE:
            turn.store(self.report, Report.USE_AFTER_FREE)
        elif value is Pte.UNINITIALISED:
            turn.store(self.report, Report.UNINITIALISED)
        if not isinstance(value, Entry):
            return value
        turn.memory.refresh(turn, leaves(value.target))
        return value.target


def entry_get(table: Table) -> Step:
    """Return the step that loads an entry (``pudp_get``, ``pmdp_get_lockless``, ``ptep_get``).

    Its result is the `Table` or `Page` that the entry leads to, None, or `Pte.UNINITIALISED`. It is
    a ``READ_ONCE``: loads through the pointer that it holds stay behind it.
    """
    return _EntryGet(table, f"READ_ONCE(*{_name(table)})")


def set_entry(table: Table, value: Any) -> Step:
    """Return the step that stores an entry (``set_pud``, ``set_pmd``, ``set_pte_at``): plain."""
    holds = Entry(value) if isinstance(value, (Table, Page)) else value
    return WRITE_ONCE(table.entry, holds).named(f"set_entry({_name(table)}, {_shown(value)})")  # type: ignore[no-any-return] # named() returns the step itself


def entry_get_and_clear(table: Table) -> Step:
    """Return the step that takes an entry out by ``xchg`` (``native_ptep_get_and_clear``, x86)."""
    return xchg(table.entry, None).named(f"get_and_clear({_name(table)})")  # type: ignore[no-any-return] # named() returns the step itself


def populate(table: Table, value: Any) -> Steps:
    """Hook in what was made before: ``smp_wmb``, then the entry (``pmd_install``, mm/memory.c)."""
    yield smp_wmb()
    yield set_entry(table, value)


def _shown(value: Any) -> str:
    return _name(value) if isinstance(value, (Table, Page)) else str(value)


def table_free(table: Table) -> Step:
    """Return the step that frees a page-table page: from here on it may be anybody's."""
    return Free(f"table_free({_name(table)})", table.use)


# Who has loaded the page tables, and what a TLB holds.


def cpumask_set_cpu(bit: Any) -> Step:
    """Return the step that sets a CPU's bit of a mask (a cell): an atomic that orders nothing."""
    step = Update(bit, lambda old: True, (), f"cpumask_set_cpu({bit})")
    return step.results_in("none").ordered("relaxed")


class _Fill(_EntryGet):
    """The end of a hardware walk: the last entry is loaded, and cached where it is a page."""

    def __init__(self, cpu: Cpu, table: Table):
        super().__init__(table, f"TLB of {cpu} fills from {_name(table)}")
        self.tlb: Ref = cpu.tlb

    def perform(self, turn: Turn) -> Any:
        found = super().perform(turn)
        if isinstance(found, Page):
            turn.store(self.tlb, found)
        return found


def tlb_fill(cpu: Cpu, table: Table) -> Step:
    """Return the step in which the MMU loads the last entry and caches it in the CPU's TLB."""
    return _Fill(cpu, table)


def flush_tlb_mm(cpu: Cpu, mask: Sequence[Any], cpus: Sequence[Cpu]) -> Steps:
    """Interrupt and flush every CPU in ``mm_cpumask`` (``flush_tlb_mm_range``, arch/x86/mm/tlb.c).

    The full barrier synchronizes with ``switch_mm``: the mask is read behind the stores to the page
    tables.
    """
    yield smp_mb()
    yield from flush_tlb_mm_unordered(cpu, mask, cpus)


def flush_tlb_mm_unordered(cpu: Cpu, mask: Sequence[Any], cpus: Sequence[Cpu]) -> Steps:
    """Do the same without the barrier."""
    targets: tuple[Cpu, ...] = ()
    for bit, other in zip(mask, cpus, strict=True):
        if other is not cpu and (yield READ_ONCE(bit)):
            targets = (*targets, other)
    yield from flush_tlb_by_ipi(cpu, targets)


# Freeing.


@frozen
class MmuGather:
    """What was unhooked and is freed only after the TLBs were flushed (``struct mmu_gather``)."""

    pages: tuple[Page, ...] = ()
    tables: tuple[Table, ...] = ()

    def with_page(self, page: Page) -> MmuGather:
        """Return the same with one page more (``tlb_remove_page``)."""
        return evolve(self, pages=(*self.pages, page))

    def with_table(self, table: Table) -> MmuGather:
        """Return the same with one page-table page more (``tlb_remove_table``)."""
        return evolve(self, tables=(*self.tables, table))


def tlb_finish_mmu(
    tlb: MmuGather,
    flush: Callable[[], Steps],
    free: Callable[[tuple[Table, ...]], Steps],
) -> Steps:
    """Flush, then let go of pages and page-table pages (``tlb_finish_mmu``, mm/mmu_gather.c)."""
    yield from flush()
    for page in tlb.pages:
        yield put_page(page)
    yield from free(tlb.tables)


def free_tables(tables: Iterable[Table]) -> Steps:
    """Free page-table pages at once: enough where the flush itself has interrupted every CPU."""
    for table in tables:
        yield table_free(table)


def tlb_remove_table_sync_one(cpu: Cpu, mask: Iterable[Cpu]) -> Steps:
    """Interrupt every CPU: walks with interrupts off are over (mm/mmu_gather.c)."""
    yield from smp_call_function_many(cpu, mask, do_nothing)
