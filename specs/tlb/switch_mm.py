"""switch_mm() against a TLB flush: who sets its bit in mm_cpumask, and who reads the mask.

A CPU that loads page tables sets its bit, then walks them and fills its TLB. A CPU that unmaps a
page clears the pte, reads the mask, and interrupts those whose bit is set. Each stores one thing
and loads the other: without a full barrier on both sides the CPU is not interrupted, and keeps a
translation to a page that is freed. Linux had that hole until commit 71b3c126e611 ("x86/mm: Add
barriers and document switch_mm()-vs-flush synchronization"), whose comments tell it.
"""

from modelcheck import System, always, cells, model, process, sometimes, state
from modelcheck.kernel import (
    Cpu,
    MmuGather,
    Page,
    Table,
    Use,
    cpumask_set_cpu,
    flush_tlb_mm,
    flush_tlb_mm_unordered,
    free_tables,
    interrupts,
    leads_to,
    local_irq_restore,
    local_irq_save,
    set_entry,
    smp_mb,
    tlb_fill,
    tlb_finish_mmu,
)


@state
class Mm:
    """An mm_struct with one page mapped, and the CPUs, none of which has loaded it yet."""

    cpu: object
    cpumask: object
    pte: object
    page: object


def loaded_nowhere(n):
    page = Page()
    return Mm(
        cells([Cpu(tlb=None) for _ in range(n)]), cells(n, False), Table(leads_to(page)), page
    )


@process
def switches(mm, number, barrier):
    """switch_mm_irqs_off(), then user code that touches the page (arch/x86/mm/tlb.c)."""
    cpu = mm.cpu[number]
    flags = yield local_irq_save(cpu)
    yield cpumask_set_cpu(mm.cpumask[number])
    if barrier:
        yield smp_mb().named("load_cr3(): a full barrier")
    yield local_irq_restore(cpu, flags)
    yield tlb_fill(cpu, mm.pte)


@process
def unmaps(mm, cpu, flush):
    """Clear the pte, flush, free the page: zap_pte_range() through an mmu_gather."""
    yield set_entry(mm.pte, None)
    tlb = MmuGather().with_page(mm.page)
    ways = mm.cpumask.values(), mm.cpu.values()
    yield from tlb_finish_mmu(tlb, lambda: flush(cpu, *ways), free_tables)


@always
def a_freed_page_is_in_no_tlb(s):
    return s.page.use is Use.LIVE or all(cpu.tlb in (None, False) for cpu in s.cpu)


@sometimes
def a_cpu_outside_the_mask_is_not_interrupted(s):
    return s.unmaps.done and not any(s.cpumask.values())


@sometimes
def a_translation_is_flushed(s):
    return any(cpu.tlb is False for cpu in s.cpu)


def system(walkers, flush, barrier):
    mm = loaded_nowhere(walkers + 1)
    *own, last = mm.cpu
    return System(
        mm,
        [
            *(switches(mm, n, barrier).on(cpu) for n, cpu in enumerate(own)),
            unmaps(mm, last, flush).on(last),
            *interrupts(mm.cpu),
        ],
        [
            a_freed_page_is_in_no_tlb,
            a_cpu_outside_the_mask_is_not_interrupted,
            a_translation_is_flushed,
        ],
    )


@model
def switch_mm(walkers: int = 1):
    """A full barrier on both sides."""
    return system(walkers, flush_tlb_mm, barrier=True)


@model(expect={"sc": "holds", "else": "violated"}, by="a_freed_page_is_in_no_tlb")
def switch_mm_flush_without_mb(walkers: int = 1):
    """Reading the mask passes the store that clears the pte: the hole that x86 had."""
    return system(walkers, flush_tlb_mm_unordered, barrier=True)


@model(expect={"wmm": "violated", "else": "holds"}, by="a_freed_page_is_in_no_tlb")
def switch_mm_without_mb(walkers: int = 1):
    """Setting a bit is a locked instruction on x86; elsewhere it orders nothing."""
    return system(walkers, flush_tlb_mm, barrier=False)
