"""Rows 1 to 3: walkers keep interrupts off; who frees a table waits for interrupts, or does not.

`updater` is ``"munmap"``, ``"collapse"`` or ``"split"``; `look` is ``"gup"`` (take a reference) or
``"lookup"`` (use the entry in place). A split frees nothing, and "gup" checks a huge pmd again: it
needs nobody to wait for it then. A collapse loses more than a table: it checks that nobody has the
page pinned, and a walk still on its way pins it afterwards. Linux had that race until commit
70cbc3cc78a9 ("mm: gup: fix the fast GUP race against THP collapse").
"""

from protocol import (
    clear_and_flush,
    harm,
    invalidate_by_ipi,
    invalidate_serialized,
    irqs_off,
    system,
)

from modelcheck import model


@model
def row01_irqs_off_flush_by_ipi(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """Interrupts off, flush by IPI (x86)."""
    return system(irqs_off, invalidate_by_ipi, walkers=walkers, updater=updater, look=look)


@model(expect=harm)
def row02_irqs_off_broadcast_flush(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """Interrupts off, broadcast flush, nothing else: freed while walked."""
    return system(irqs_off, clear_and_flush, walkers=walkers, updater=updater, look=look)


@model(expect="violated", by="no_walker_takes_a_table_for_a_page")
def row02_split_under_a_lookup(walkers: int = 2):
    """The same for a THP split: the entry in use turns from a huge page into a table's address."""
    return system(irqs_off, clear_and_flush, walkers=walkers, updater="split", look="lookup")


@model(expect="violated", by="a_pinned_page_is_never_copied_away")
def row02_collapse_under_gup(walkers: int = 2):
    """The same for a THP collapse: the page is pinned after the check that nobody has it pinned."""
    return system(irqs_off, clear_and_flush, walkers=walkers, updater="collapse")


@model
def row03_irqs_off_serialized(walkers: int = 2, updater: str = "munmap", look: str = "gup"):
    """Interrupts off, broadcast flush, serialize_against_pte_lookup (powerpc before the patch)."""
    return system(irqs_off, invalidate_serialized, walkers=walkers, updater=updater, look=look)
