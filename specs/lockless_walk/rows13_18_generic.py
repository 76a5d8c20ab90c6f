"""Rows 13 to 18: a count that is not zeroed, nesting, and the review's generic functions."""

from protocol import (
    LOOKS,
    PROPERTIES,
    Mm,
    an_ipi_is_skipped,
    clear_and_flush,
    counted,
    flag_restored,
    invalidate_by_ipi,
    invalidate_counting,
    invalidate_serialized,
    munmap,
    nobody_walks_so_the_count_is_zero,
    serialize_against_pte_lookup,
    system,
    the_count_is_never_negative,
    walker,
)

from modelcheck import System, at_end, model, process
from modelcheck.kernel import (
    Page,
    atomic_dec,
    atomic_inc,
    cpus,
    interrupt,
    interrupts,
    local_irq_disable,
    local_irq_enable,
    local_irq_restore,
    local_irq_save,
    page_allocator,
    put_page,
    smp_mb,
)

ABOUT_THE_COUNT = [nobody_walks_so_the_count_is_zero, the_count_is_never_negative]


@model(expect="violated", by="an_ipi_is_skipped")
def row13_count_left_over(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """init_new_context() does not zero the count, left over from before: safe, and never skips."""
    return system(
        counted, invalidate_counting, [an_ipi_is_skipped], ABOUT_THE_COUNT,
        walkers=walkers, updater=updater, look=look, left_over=1,
    )  # fmt: skip


@model(expect="violated", by="no_walker_touches_a_freed_table")
def row13_count_left_negative(walkers: int = 2, updater: str = "munmap"):
    """The same with a negative leftover: with one walker the count is zero."""
    return system(
        counted, invalidate_counting, [an_ipi_is_skipped], ABOUT_THE_COUNT,
        walkers=walkers, updater=updater, left_over=-1,
    )  # fmt: skip


def nested_walk(mm):
    """Return an interrupt handler that walks, whatever it preempts: perf's read_user_stack()."""

    def handler(cpu, found):
        got = yield from counted(mm, cpu, LOOKS["gup"])
        if isinstance(got, Page):
            yield put_page(got)

    return handler


@model
def row14_nested_walk(walkers: int = 1):
    """A walk in an interrupt handler, on the CPU of a walk that it preempts."""
    mm = Mm(cpus(walkers + 1))
    *own, last = mm.cpu
    return System(
        mm,
        [
            *(walker(mm, cpu, counted, LOOKS["gup"]).on(cpu) for cpu in own),
            munmap(mm, last, invalidate_counting).named("updater").on(last),
            *interrupts(mm.cpu),
            interrupt(own[0], "perf", nested_walk(mm), lambda: mm.overflow, clears=mm.overflow),
            page_allocator(mm.page),
        ],
        [*PROPERTIES, flag_restored(True), an_ipi_is_skipped],
    )


@process
def splitter(mm, cpu, irqs_on):
    """Clear the pmd, and wait for every CPU to take an interrupt."""
    if not irqs_on:
        yield local_irq_disable(cpu)
    yield from clear_and_flush(mm)
    yield from serialize_against_pte_lookup(mm, cpu)
    if not irqs_on:
        yield local_irq_enable(cpu)


@at_end
def interrupts_are_on(s):
    return all(cpu.irqs_enabled for cpu in s.cpu)


@model(expect=lambda irqs_on: "holds" if irqs_on else "violated", by="deadlock")
def row15_serialized_with_irqs_off(irqs_on: bool = False):
    """Two splitters send the IPI with interrupts disabled: each waits for the other."""
    mm = Mm(cpus(2))
    splitters = [splitter(mm, cpu, irqs_on).on(cpu) for cpu in mm.cpu]
    return System(mm, [*splitters, *interrupts(mm.cpu)], [interrupts_are_on])


def irqs_disabled_and_enabled(mm, cpu, look):
    """Walk as get_user_pages_fast() did: it does not remember whether interrupts were on."""
    yield local_irq_disable(cpu)
    got = yield from look(mm)
    yield local_irq_enable(cpu)
    return got


@model(
    expect=lambda irqs_on, **others: "holds" if irqs_on else "violated",
    by="the_interrupt_flag_is_restored",
)
def row16_disable_and_enable(walkers: int = 2, updater: str = "munmap", irqs_on: bool = False):
    """local_irq_disable() and local_irq_enable(), called with interrupts off already."""
    return system(
        irqs_disabled_and_enabled, invalidate_by_ipi,
        walkers=walkers, updater=updater, irqs_on=irqs_on,
    )  # fmt: skip


def registered(mm, cpu, look):
    """Walk between the review's generic functions, with the pointer mended."""
    yield atomic_inc(mm.nr_walkers)
    yield smp_mb()
    flags = yield local_irq_save(cpu)
    got = yield from look(mm)
    yield local_irq_restore(cpu, flags)
    yield smp_mb()
    yield atomic_dec(mm.nr_walkers)
    return got


def registered_untracked(mm, cpu, look):
    """The same with tracking compiled out: barriers and interrupts only."""
    yield smp_mb()
    flags = yield local_irq_save(cpu)
    got = yield from look(mm)
    yield local_irq_restore(cpu, flags)
    yield smp_mb()
    return got


@model
def row17_generic(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """register_ and deregister_lockless_page_table_walker() with tracking."""
    return system(
        registered, invalidate_counting, [an_ipi_is_skipped],
        walkers=walkers, updater=updater, look=look,
    )  # fmt: skip


FLUSHES = {
    "ipi": invalidate_by_ipi,
    "broadcast": clear_and_flush,
    "serialized": invalidate_serialized,
}


@model(
    expect=lambda flush, **others: "violated" if flush == "broadcast" else "holds",
    by="no_walker_touches_a_freed_table",
)
def row17_generic_untracked(walkers: int = 2, updater: str = "munmap", flush: str = "ipi"):
    """The same without tracking: as rows 1 to 3, by the kind of flush."""
    return system(registered_untracked, FLUSHES[flush], walkers=walkers, updater=updater)


def irqs_off_first(mm, cpu, look):
    """Disable interrupts, then count: the order that the review did not take."""
    flags = yield local_irq_save(cpu)
    yield atomic_inc(mm.nr_walkers)
    yield smp_mb()
    got = yield from look(mm)
    yield smp_mb()
    yield atomic_dec(mm.nr_walkers)
    yield local_irq_restore(cpu, flags)
    return got


@model
def row18_irqs_off_before_the_count(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """The interrupt flag first: an interrupt between count and flag cannot come."""
    return system(
        irqs_off_first, invalidate_counting, [an_ipi_is_skipped],
        walkers=walkers, updater=updater, look=look,
    )  # fmt: skip
