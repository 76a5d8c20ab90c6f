"""What does the patch buy? IPIs on the way to a freed table, with the count and without.

modelcheck cost specs/lockless_walk/rows_costs.py:row04_ipis -p walkers=2 --of ipis
"""

from protocol import (
    clear_and_flush,
    counted,
    irqs_off,
    mm_cpumask,
    running_lockless_pgtbl_walk,
    serialize_against_pte_lookup,
    smp_mb,
    system,
)

from modelcheck import label, model


def interrupt_all(mm, cpu):
    """Interrupt every CPU but this one, wait, and count them."""
    yield from serialize_against_pte_lookup(mm, cpu)
    yield mm.ipis.add(len(mm_cpumask(mm)) - 1)


def invalidate_always(mm, cpu):
    """Invalidate as before the patch."""
    yield from clear_and_flush(mm)
    yield from interrupt_all(mm, cpu)


def invalidate_if_walking(mm, cpu):
    """Invalidate as with the patch."""
    yield from clear_and_flush(mm)
    yield smp_mb()
    if (yield from running_lockless_pgtbl_walk(mm)):
        yield from interrupt_all(mm, cpu)
    else:
        yield label("no walk is running: no IPI")


@model
def row04_ipis(walkers: int = 2, updater: str = "munmap", look: str = "gup", counting: bool = True):
    """Rows 3 and 4 with the CPUs counted that the updater interrupts."""
    walk = counted if counting else irqs_off
    invalidate = invalidate_if_walking if counting else invalidate_always
    return system(walk, invalidate, walkers=walkers, updater=updater, look=look)
