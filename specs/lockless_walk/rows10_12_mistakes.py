"""Rows 10 to 12: the mistakes that a patch like this invites, two of them the review's own."""

from protocol import (
    end_lockless_pgtbl_walk,
    find_linux_pte,
    harm,
    invalidate_counting,
    start_lockless_pgtbl_walk,
    system,
    use_pte,
)

from modelcheck import choose, model
from modelcheck.kernel import atomic_dec, atomic_inc, local_irq_restore, local_irq_save, smp_mb


def ended_early(mm, cpu, look):
    """Look an entry up, and count oneself out before using it; interrupts stay off throughout."""
    flags = yield local_irq_save(cpu)
    yield from start_lockless_pgtbl_walk(mm)
    ptep = yield from find_linux_pte(mm)
    yield from end_lockless_pgtbl_walk(mm)
    got = (yield from use_pte(mm, ptep)) if ptep else None
    yield local_irq_restore(cpu, flags)
    return got


@model(expect=lambda updater: harm(updater, look="lookup"))
def row10_end_before_last_use(walkers: int = 2, updater: str = "munmap"):
    """end_lockless_pgtbl_walk() before the last use of the pte."""
    return system(ended_early, invalidate_counting, walkers=walkers, updater=updater)


def register_lockless_page_table_walker(mm, cpu, tracking=True):
    """Count in, then disable interrupts, as in the review; return the flags."""
    if tracking:
        yield atomic_inc(mm.nr_walkers)
    yield smp_mb()
    return (yield local_irq_save(cpu))


def deregister_lockless_page_table_walker(mm, cpu, flags, tracking=True):
    """Restore the flags, then count out."""
    yield local_irq_restore(cpu, flags)
    yield smp_mb()
    if tracking:
        yield atomic_dec(mm.nr_walkers)


def flags_by_pointer(mm, cpu, look):
    """Walk as in the review: ``local_irq_restore(flags)`` where flags is an ``unsigned long *``."""
    yield from register_lockless_page_table_walker(mm, cpu)
    got = yield from look(mm)
    pointer = yield choose(True, False).named("the interrupt bit of the address &flags")
    yield from deregister_lockless_page_table_walker(mm, cpu, pointer)
    return got


@model(expect="violated", by="the_interrupt_flag_is_restored")
def row11_flags_by_pointer(walkers: int = 2, updater: str = "munmap", irqs_on: bool = True):
    """The review's deregister passes the pointer flags to local_irq_restore."""
    return system(
        flags_by_pointer, invalidate_counting, walkers=walkers, updater=updater, irqs_on=irqs_on
    )


def tracking_compiled_out(mm, cpu, look):
    """Walk as in the review, where ``#ifdef LOCKLESS_PAGE_TABLE_WALK_TRACKING`` is never true.

    The count itself is compiled out too: the splitter gets its zero from a stub.
    """
    flags = yield from register_lockless_page_table_walker(mm, cpu, tracking=False)
    got = yield from look(mm)
    yield from deregister_lockless_page_table_walker(mm, cpu, flags, tracking=False)
    return got


@model(expect=harm)
def row12_tracking_compiled_out(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """The #ifdef lacks its CONFIG_ prefix, while the splitter still trusts the count."""
    return system(
        tracking_compiled_out, invalidate_counting, walkers=walkers, updater=updater, look=look
    )
