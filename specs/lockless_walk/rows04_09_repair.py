"""Rows 4 to 9 as one model, each of whose parts may be left out, to ask which are needed.

    modelcheck repair specs/lockless_walk/rows04_09_repair.py --memory sc,tso,pso,wmm

finds all minimal sets of them for each memory model.
"""

from protocol import (
    Pmd,
    an_ipi_is_skipped,
    atomic_dec,
    atomic_inc,
    clear_and_flush,
    flush_tlb_broadcast,
    harm,
    interrupt_all_if,
    local_irq_restore,
    local_irq_save,
    mm_cpumask,
    running_lockless_pgtbl_walk,
    smp_mb,
    system,
)

from modelcheck import model
from modelcheck.kernel import xchg


def walk_with(irqs_off, first_mb, second_mb):
    """Return the patch's walk with only those of its parts that are asked for."""

    def walk(mm, cpu, look):
        yield atomic_inc(mm.nr_walkers)
        if first_mb:
            yield smp_mb()
        flags = (yield local_irq_save(cpu)) if irqs_off else None
        got = yield from look(mm)
        if irqs_off:
            yield local_irq_restore(cpu, flags)
        if second_mb:
            yield smp_mb()
        yield atomic_dec(mm.nr_walkers)
        return got

    return walk


def invalidate_with(splitter_mb, clears_with_xchg):
    """Return the patch's way to invalidate with only those of its parts that are asked for."""

    def invalidate(mm, cpu):
        if clears_with_xchg:
            yield xchg(mm.pmd, Pmd.NONE)
            yield flush_tlb_broadcast(mm_cpumask(mm))
        else:
            yield from clear_and_flush(mm)
        if splitter_mb:
            yield smp_mb()
        running = yield from running_lockless_pgtbl_walk(mm)
        yield from interrupt_all_if(running, mm, cpu)

    return invalidate


def needed(updater, look, memory, **parts):
    """Return what the model expects with some of its parts: the table of the documentation."""
    clear_before_count = memory == "sc" or parts["splitter_mb"] or parts["xchg_for_store"]
    count_before_reads = memory != "wmm" or parts["walker_mb"]
    if parts["irqs_off"] and clear_before_count and count_before_reads:
        return "holds"
    return harm(updater, look)


@model(
    expect=needed,
    toggles=["irqs_off", "walker_mb", "walker_second_mb", "splitter_mb", "xchg_for_store"],
)
def row04_with_parts(  # noqa: PLR0913  a parameter for each part
    walkers: int = 2,
    updater: str = "munmap",
    look: str = "gup",
    irqs_off: bool = True,
    walker_mb: bool = True,
    walker_second_mb: bool = True,
    splitter_mb: bool = True,
    xchg_for_store: bool = False,
):
    """The patch, each part of which may be left out: interrupts off, three barriers; an xchg()."""
    return system(
        walk_with(irqs_off, walker_mb, walker_second_mb),
        invalidate_with(splitter_mb, xchg_for_store),
        [an_ipi_is_skipped], walkers=walkers, updater=updater, look=look,
    )  # fmt: skip
