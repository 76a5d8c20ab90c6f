"""Lockless page-table walk, counted: its barriers, as programs small enough for axiomatic models.

What `specs/lockless_walk` has with CPUs, interrupts and TLBs is here what its memory accesses say
alone: a walker counts itself in, reads the pmd, uses the table that it finds and counts itself out;
who takes the table away clears the pmd, reads the count, and frees the table at once where nobody
walks. (Where somebody does, it would send an IPI and wait: that way is safe and not modelled.) The
rows are those of `docs/lockless-walk.md`. Source: the counting method of "powerpc/mm: Adds counting
method to track lockless pagetable walks" (linux-mm, 2019), and its review.
"""

from modelcheck import System, at_end, model, process, sometimes, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    atomic_dec,
    atomic_inc,
    atomic_read,
    smp_mb,
    smp_wmb,
    xchg,
)

TABLE, FREED, UNINITIALISED = 1, 1, 0

#: The models in which a load may pass a later store.
LOAD_BUFFERING = ("lkmm", "power", "armv8")


@state
class Mm:
    nr_walkers: int = 0  # mm->lockless_pgtbl_nr_walkers
    pmd: int = TABLE
    table: int = 0  # FREED once it was given back
    pte: int = UNINITIALISED
    used: int = 0  # what the walker found where it used the table
    walked: bool = False
    skipped: bool = False  # nobody was walking: no IPI


@process
def walker(mm, first_mb, second_mb, ends_early):
    """A walk; `ends_early` counts out before the last use."""
    yield atomic_inc(mm.nr_walkers)
    if first_mb:
        yield smp_mb()
    pmd = yield READ_ONCE(mm.pmd)
    if ends_early:
        yield smp_mb()
        yield atomic_dec(mm.nr_walkers)
    used = 0
    if pmd == TABLE:
        used = yield READ_ONCE(mm.table)
    if not ends_early:
        if second_mb:
            yield smp_mb()
        yield atomic_dec(mm.nr_walkers)
    yield mm.used.set(used)
    yield mm.walked.set(pmd == TABLE)


@process
def splitter(mm, mb, exchange, reads_first):
    """Take the table away; `reads_first` reads the count before the pmd is cleared."""
    count = 0
    if reads_first:
        count = yield atomic_read(mm.nr_walkers)
    if exchange:
        yield xchg(mm.pmd, 0)
    else:
        yield WRITE_ONCE(mm.pmd, 0)
    if mb:
        yield smp_mb()
    if not reads_first:
        count = yield atomic_read(mm.nr_walkers)
    if count == 0:
        yield WRITE_ONCE(mm.table, FREED)
    yield mm.skipped.set(count == 0)


@at_end
def no_walk_of_a_freed_table(s):
    return s.used != FREED


@sometimes
def an_ipi_is_skipped(s):
    return s.skipped


def _walk(walk=(True, True, False), split=(True, False, False), count=0):
    mm = Mm(nr_walkers=count)
    properties = [no_walk_of_a_freed_table, an_ipi_is_skipped]
    return System(mm, [walker(mm, *walk), splitter(mm, *split)], properties)


#: Release-acquire alone knows no full barrier: what is expected of barriers is not of it.
BARRIERS = {"ra": None, "else": "holds"}


@model(expect=BARRIERS, toggles=["walker_mb", "walker_second_mb", "splitter_mb", "xchg_for_store"])
def counting(
    walker_mb: bool = True,
    walker_second_mb: bool = True,
    splitter_mb: bool = True,
    xchg_for_store: bool = False,
):
    """Row 4: counting as posted, its barriers as parts that may be left out."""
    walk = (walker_mb, walker_second_mb, False)
    return _walk(walk, (splitter_mb, xchg_for_store, False))


@model(expect="violated", by="no_walk_of_a_freed_table")
def count_read_first():
    """Row 6: the count is read before the pmd is cleared."""
    return _walk(split=(True, False, True))


@model(expect={"sc": "holds", "axiomatic-sc": "holds", "else": no_walk_of_a_freed_table})
def splitter_without_mb():
    """Row 7: no smp_mb() between clearing the pmd and reading the count."""
    return _walk(split=(False, False, False))


@model(expect={**BARRIERS, "rc11": no_walk_of_a_freed_table})
def splitter_with_xchg():
    """Row 7: an xchg() clears the pmd; no smp_mb(). C11's orders no relaxed load behind it."""
    return _walk(split=(False, True, False))


@model(
    expect={
        **dict.fromkeys(("wmm", "rc11", "ra", *LOAD_BUFFERING), no_walk_of_a_freed_table),
        "else": "holds",
    }
)
def walker_without_mb():
    """Row 8: no smp_mb() behind atomic_inc(): locked on x86, elsewhere it orders nothing."""
    return _walk((False, True, False))


@model(expect={**dict.fromkeys(LOAD_BUFFERING, no_walk_of_a_freed_table), **BARRIERS})
def walk_ends_without_mb():
    """Row 9: no smp_mb() before the atomic_dec() that ends the walk."""
    return _walk((True, False, False))


@model(expect="violated", by="no_walk_of_a_freed_table")
def ends_before_last_use():
    """Row 10: the walk is counted out before its last use of the table."""
    return _walk((True, True, True))


@model(expect="violated", by="no_walk_of_a_freed_table")
def count_left_negative():
    """Row 13: a count that was not zeroed for a new mm, and is -1."""
    return _walk(count=-1)


@process
def split_thp(mm, wmb):
    """THP split: the ptes are filled, then the table is published (`pmd_populate`)."""
    yield WRITE_ONCE(mm.pte, 1)
    if wmb:
        yield smp_wmb()
    yield WRITE_ONCE(mm.pmd, TABLE)


@process
def reads_pte(mm):
    """A walk that reaches the pte through the pmd: an address dependency."""
    pmd = yield READ_ONCE(mm.pmd, mm.pte)
    if pmd == TABLE:
        pte = yield READ_ONCE(mm.pte)
        yield mm.walked.set(True)
        yield mm.used.set(1 - pte)


@at_end
def no_uninitialised_pte(s):
    return s.used == 0


def _split(wmb):
    mm = Mm(pmd=0)
    return System(mm, [split_thp(mm, wmb), reads_pte(mm)], [no_uninitialised_pte])


@model(expect={"rc11": no_uninitialised_pte, "else": "holds"})
def split_with_wmb():
    """Row 20: as it is. C11 knows no address dependency."""
    return _split(True)


@model(
    expect={
        **dict.fromkeys(("pso", "wmm", "rc11", *LOAD_BUFFERING), no_uninitialised_pte),
        "else": "holds",
    }
)
def split_without_wmb():
    """Row 20: no smp_wmb() before pmd_populate()."""
    return _split(False)
