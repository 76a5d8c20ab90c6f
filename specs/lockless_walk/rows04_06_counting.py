"""Rows 4 to 6: walkers are counted, and who frees a table interrupts them only if there are any."""

from protocol import (
    COLLAPSES,
    an_ipi_is_skipped,
    clear_and_flush,
    collapse,
    counted,
    end_lockless_pgtbl_walk,
    harm,
    interrupt_all_if,
    invalidate_counting,
    running_lockless_pgtbl_walk,
    start_lockless_pgtbl_walk,
    system,
)

from modelcheck import model, process
from modelcheck.kernel import smp_mb


def patched(walk=counted, invalidate=invalidate_counting, **parameters):
    """Return the system with the patch, but for the function that a row gives."""
    return system(walk, invalidate, also=[an_ipi_is_skipped], **parameters)


@model
def row04_counting(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """Counting as posted, interrupts off too; IPI only if the count is not zero."""
    return patched(walkers=walkers, updater=updater, look=look)


@process
def unlocked_collapse(mm, cpu, invalidate):
    """Collapse without an acquire between the count and what depends on it."""
    yield from collapse.function(mm, cpu, invalidate, locked=False)


COLLAPSES.append(unlocked_collapse)


@model(expect={"wmm": "violated", "else": "holds"}, by="a_pinned_page_is_never_copied_away")
def row04_count_read_without_acquire(walkers: int = 2):
    """Where the IPI is skipped, nothing but a lock keeps what is read later behind the count."""
    return patched(walkers=walkers, updater=unlocked_collapse)


def counted_only(mm, cpu, look):
    """Walk with interrupts on: whoever counts needs no local_irq_save(), one might think."""
    yield from start_lockless_pgtbl_walk(mm)
    got = yield from look(mm)
    yield from end_lockless_pgtbl_walk(mm)
    return got


@model(expect=harm)
def row05_counting_without_irqs_off(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """Counting instead of interrupts off: the IPI is answered in mid-walk."""
    return patched(walk=counted_only, walkers=walkers, updater=updater, look=look)


def invalidate_count_first(mm, cpu):
    """Read the count, then clear the pmd: a walk may start in between."""
    running = yield from running_lockless_pgtbl_walk(mm)
    yield smp_mb()
    yield from clear_and_flush(mm)
    yield from interrupt_all_if(running, mm, cpu)


@model(expect=harm)
def row06_count_read_before_clear(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """The splitter reads the count before it clears the pmd."""
    return patched(invalidate=invalidate_count_first, walkers=walkers, updater=updater, look=look)
