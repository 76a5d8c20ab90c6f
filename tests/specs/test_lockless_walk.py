"""The lockless page-table walk: every row's verdict and counts, and that each part is needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelcheck import System, Verdict, check, process
from modelcheck.axiomatic.models import MODELS
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    Pmd,
    Pte,
    atomic_dec,
    atomic_inc,
    do_nothing,
    flush_tlb_broadcast,
    flush_tlb_local,
    interrupts,
    local_irq_restore,
    local_irq_save,
    page_allocator,
    pte_free,
    ptep_get,
    put_page,
    set_pte,
    smp_call_function_many,
    smp_mb,
    try_get_page,
)
from modelcheck.litmus.run import result_of, run
from modelcheck.litmus.test import read
from modelcheck.loading import load

FOLDER = Path(__file__).resolve().parents[2] / "specs" / "lockless_walk"

FREED = "no_walker_touches_a_freed_table"
TABLE = "no_walker_takes_a_table_for_a_page"
MOVED = "a_pinned_page_is_never_copied_away"
FLAG = "the_interrupt_flag_is_restored"
UNINITIALISED = "no_walker_sees_an_uninitialised_pte"
UPDATERS = ["munmap", "collapse", "split"]
SKIPPED = "an_ipi_is_skipped"
GONE = "references_are_taken_on_mapped_or_pinned_pages"

# Row: what is violated, if anything; after how many steps with 1 and with 2 walkers; states and
# transitions with 1 walker; and with 2.
ROWS = {
    "row01_irqs_off_flush_by_ipi": (None, (None, None), (98, 170), (1636, 4238)),
    "row02_irqs_off_broadcast_flush": (FREED, (8, 8), (61, 99), (266, 543)),
    "row02_split_under_a_lookup": (TABLE, (8, 8), (38, 58), (177, 382)),
    "row02_collapse_under_gup": (MOVED, (10, 10), (91, 150), (451, 983)),
    "row03_irqs_off_serialized": (None, (None, None), (105, 186), (1547, 4086)),
    "row04_counting": (None, (None, None), (224, 413), (6698, 18680)),
    "row04_count_read_without_acquire": (None, (None, None), (295, 568), (7825, 22014)),
    "row05_counting_without_irqs_off": (FREED, (16, 20), (217, 377), (4928, 12509)),
    "row06_count_read_before_clear": (FREED, (13, 13), (193, 333), (1614, 3724)),
    "row04_with_parts": (None, (None, None), (224, 413), (6698, 18680)),
    "row07_splitter_without_mb": (None, (None, None), (208, 382), (6442, 17944)),
    "row07_splitter_with_xchg": (None, (None, None), (208, 382), (6442, 17944)),
    "row08_walker_without_mb": (None, (None, None), (203, 372), (5560, 15408)),
    "row10_end_before_last_use": (FREED, (15, 15), (134, 237), (1228, 2987)),
    "row11_flags_by_pointer": (FLAG, (10, 10), (127, 198), (560, 1164)),
    "row12_tracking_compiled_out": (FREED, (12, 12), (114, 199), (735, 1701)),
    "row13_count_left_over": (SKIPPED, (None, None), (225, 415), (6661, 18586)),
    "row13_count_left_negative": (FREED, (13, 13), (178, 304), (1234, 2794)),
    "row14_nested_walk": (None, (None, None), (1764, 3414), (46568, 132093)),
    "row15_serialized_with_irqs_off": ("deadlock", (10, 10), (62, 96), (62, 96)),
    "row16_disable_and_enable": (FLAG, (6, 6), (32, 44), (102, 186)),
    "row17_generic": (None, (None, None), (224, 413), (6698, 18680)),
    "row17_generic_untracked": (None, (None, None), (150, 266), (3969, 10606)),
    "row18_irqs_off_before_the_count": (None, (None, None), (174, 317), (3732, 10047)),
    "row20_split_without_wmb": (None, (None, None), (82, 134), (1304, 3325)),
    "row20_split_with_wmb": (None, (None, None), (90, 149), (1368, 3501)),
    "row21_deferred_free": (None, (None, None), (92, 170), (856, 2267)),
    "row21_deferred_free_irqs_on": (FREED, (9, 10), (69, 118), (399, 908)),
    "row22_reads_ahead": (None, (None, None), (105, 186), (1547, 4086)),
    "row23_no_recheck": (GONE, (10, 10), (58, 91), (296, 648)),
    "row23_recheck": (None, (None, None), (72, 121), (1056, 2724)),
    "row04_ipis": (None, (None, None), (295, 547), (7715, 21556)),
}


@cache
def rows():
    """Return the models by name, in the order of the table."""
    return {model.name: model for model in load(FOLDER)}


@cache
def protocol():
    """Return the names of protocol.py, for systems that no row builds."""
    any_row = next(iter(rows().values()))
    return SimpleNamespace(**any_row.function.__globals__["system"].__globals__)


def built(name, **scene):
    """Return a row's system, with those parameters that it has."""
    model = rows()[name]
    return model(**{k: v for k, v in scene.items() if k in model.parameters})


def takes(name, *parameters):
    """Tell whether a row has all these parameters."""
    return set(parameters) <= set(rows()[name].parameters)


def test_every_row_is_in_the_table():
    """No model in the folder goes without its expected verdict and counts here."""
    assert list(rows()) == list(ROWS)


@pytest.mark.parametrize("walkers", [1, 2])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_its_verdict_and_its_counts(name, walkers):
    """Each row is as the catalogue says, for the right reason, with exact numbers."""
    broken, lengths, *counts = ROWS[name]
    result = check(built(name, walkers=walkers))
    assert result.ok
    assert (result.violation.property if result.violation else None) == broken
    assert (len(result.trace) if result.trace else None) == lengths[walkers - 1]
    assert (result.states, result.transitions) == counts[walkers - 1]
    assert result.warnings == ()
    if result.holds:
        assert None not in result.witnesses.values()


@pytest.mark.parametrize(
    "name", [n for n, row in ROWS.items() if row[0] is None and takes(n, "updater", "look")]
)
@pytest.mark.parametrize("look", ["gup", "lookup"])
@pytest.mark.parametrize("updater", ["munmap", "collapse", "split"])
def test_a_safe_row_is_safe_against_every_updater(name, updater, look):
    """What holds does so for all ways to change the tables and both ways to use them."""
    result = check(rows()[name](updater=updater, look=look))
    assert result.holds, result.violation
    assert result.warnings == ()


HARM = {
    ("munmap", "gup"): FREED,
    ("munmap", "lookup"): FREED,
    ("collapse", "gup"): MOVED,
    ("collapse", "lookup"): FREED,
    ("split", "gup"): None,
    ("split", "lookup"): TABLE,
}


#: Rows that use the entry in one way only.
IN_PLACE = {"row10_end_before_last_use": "lookup"}


@pytest.mark.parametrize(
    ("name", "updater", "look"),
    [
        (name, updater, look)
        for name, row in ROWS.items()
        for updater, look in HARM
        if row[0] == FREED
        and takes(name, "updater")
        and (takes(name, "look") or look == IN_PLACE.get(name))
    ],
)
def test_what_goes_wrong_depends_on_who_changes_the_tables(name, updater, look):
    """Freed under a lookup, copied away under a pin, a table for a page; "gup" survives a split."""
    result = check(built(name, updater=updater, look=look))
    assert (result.violation.property if result.violation else None) == HARM[updater, look]
    assert result.ok
    assert result.expected_by == (HARM[updater, look] or "")


#: The rows whose verdict depends on the memory model: the first one under which it is violated.
WEAK = {
    "row04_count_read_without_acquire": ("wmm", MOVED),
    "row07_splitter_without_mb": ("tso", FREED),
    "row08_walker_without_mb": ("wmm", FREED),
    "row20_split_without_wmb": ("pso", UNINITIALISED),
    "row22_reads_ahead": ("wmm", FREED),
}
MEMORY = ["sc", "tso", "pso", "wmm"]


@pytest.mark.parametrize("memory", MEMORY[1:])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_under_weak_memory(name, memory):
    """What SC finds is found; five rows are broken by weak memory alone, from one model on."""
    broken = ROWS[name][0]
    first, by = WEAK.get(name, ("", None))
    if first and MEMORY.index(memory) >= MEMORY.index(first):
        broken = by
    result = check(built(name, walkers=1), memory=memory)
    assert (result.violation.property if result.violation else None) == broken
    assert result.ok


@pytest.mark.long
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize(("updater", "look"), [(u, k) for u in UPDATERS for k in ("gup", "lookup")])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_as_expected_in_every_scene_under_every_model(name, updater, look, memory):
    """Verdicts by memory model hold for all updaters and both ways to use an entry."""
    if not takes(name, "updater", "look"):
        pytest.skip("it has one scene")
    result = check(built(name, walkers=1, updater=updater, look=look), memory=memory)
    assert result.verdict is result.expected


@pytest.mark.parametrize(
    ("walk", "broken"), [("plain", FREED), ("registered", FREED), ("irqs off first", None)]
)
def test_a_barrier_in_front_of_local_irq_save_is_too_early(walk, broken):
    """Row 22: the review's smp_mb() does not keep the reads behind local_irq_save()."""
    result = check(built("row22_reads_ahead", walkers=1, walk=walk), memory="wmm")
    assert (result.violation.property if result.violation else None) == broken
    safe = built("row22_reads_ahead", walkers=1, walk=walk, irqs_order_loads=True)
    assert check(safe, memory="wmm").holds


@pytest.mark.parametrize("flush", ["ipi", "broadcast", "serialized"])
@pytest.mark.parametrize("memory", MEMORY)
def test_without_tracking_it_is_the_flush_that_counts(flush, memory):
    """Row 17 without tracking is as rows 1 to 3."""
    result = check(built("row17_generic_untracked", walkers=1, flush=flush), memory=memory)
    assert result.ok
    assert result.holds == (flush != "broadcast")


def test_two_splitters_with_interrupts_on_do_not_wait_for_each_other():
    """Row 15 with interrupts on holds."""
    assert check(built("row15_serialized_with_irqs_off", irqs_on=True)).holds


@pytest.mark.parametrize("irqs_on", [True, False])
def test_the_pointer_for_flags_breaks_either_caller(irqs_on):
    """Row 11 loses the flag of a caller with interrupts on, and enables them for one without."""
    result = check(rows()["row11_flags_by_pointer"](irqs_on=irqs_on))
    assert result.violation.property == FLAG
    flags = [s.label for s in result.trace.steps if s.label.startswith("local_irq_restore")]
    assert flags == [f"local_irq_restore(cpu[0], {not irqs_on})"]


@pytest.mark.parametrize("irqs_on", [True, False])
def test_a_walk_that_passes_the_flags_suits_either_caller(irqs_on):
    """Row 11 with the flags themselves instead of their address keeps the flag."""
    p = protocol()
    scene = {"walkers": 1, "updater": "munmap", "irqs_on": irqs_on}
    assert check(p.system(p.counted, p.invalidate_counting, **scene)).holds


# Mutations: ways to walk and to invalidate that lack one part, or have it in the wrong place.


def walk_without_flags(mm, cpu, look):
    """Disable interrupts and never put the flag back."""
    yield local_irq_save(cpu)
    return (yield from look(mm))


def walk_unprotected(mm, cpu, look):
    return (yield from look(mm))


def walk_restored_first(mm, cpu, look):
    """Restore the flag before the walk: an empty section."""
    flags = yield local_irq_save(cpu)
    yield local_irq_restore(cpu, flags)
    return (yield from look(mm))


def walk_counted_late(mm, cpu, look):
    """Count in only after the walk."""
    flags = yield local_irq_save(cpu)
    got = yield from look(mm)
    yield atomic_inc(mm.nr_walkers)
    yield smp_mb()
    yield atomic_dec(mm.nr_walkers)
    yield local_irq_restore(cpu, flags)
    return got


def walk_never_counted_out(mm, cpu, look):
    yield atomic_inc(mm.nr_walkers)
    flags = yield local_irq_save(cpu)
    got = yield from look(mm)
    yield local_irq_restore(cpu, flags)
    return got


def walk_counted_out_twice(mm, cpu, look):
    got = yield from protocol().counted(mm, cpu, look)
    yield atomic_dec(mm.nr_walkers)
    return got


def walk_counted_inside(mm, cpu, look):
    """Disable interrupts first, then count: the order that the review did not take."""
    flags = yield local_irq_save(cpu)
    yield from protocol().start_lockless_pgtbl_walk(mm)
    got = yield from look(mm)
    yield from protocol().end_lockless_pgtbl_walk(mm)
    yield local_irq_restore(cpu, flags)
    return got


def mask(mm):
    return mm.cpu.values()


def invalidate_without_wait(mm, cpu):
    """Send the IPIs, and go on at once."""
    yield from protocol().clear_and_flush(mm)
    yield smp_mb()
    yield from smp_call_function_many(cpu, mask(mm), do_nothing, wait=False)


def flush_by_ipi_without_wait(mm, cpu):
    def flush(target):
        yield flush_tlb_local(target)

    yield WRITE_ONCE(mm.pmd, Pmd.NONE)
    yield from smp_call_function_many(cpu, mask(mm), flush, wait=False)
    yield flush_tlb_local(cpu)


def invalidate_serialized_first(mm, cpu):
    """Wait for the walks, then clear the pmd."""
    yield from protocol().serialize_against_pte_lookup(mm, cpu)
    yield from protocol().clear_and_flush(mm)


def invalidate_all_but_one(mm, cpu):
    """Interrupt only some of the CPUs: the mask lacks the first."""
    yield from protocol().clear_and_flush(mm)
    yield smp_mb()
    yield from smp_call_function_many(cpu, mask(mm)[1:], do_nothing)


def invalidate_without_flush(mm, cpu):
    yield WRITE_ONCE(mm.pmd, Pmd.NONE)
    yield from protocol().serialize_against_pte_lookup(mm, cpu)


def invalidate_flushed_last(mm, cpu):
    """Serialize between clearing and flushing, as radix__pmdp_collapse_flush() does."""
    yield WRITE_ONCE(mm.pmd, Pmd.NONE)
    yield from protocol().serialize_if_walking(mm, cpu)
    yield flush_tlb_broadcast(mask(mm))


def invalidate_where_count_is_zero(mm, cpu):
    """Interrupt everybody only if nobody walks: the test the wrong way round."""
    yield from protocol().clear_and_flush(mm)
    yield smp_mb()
    running = yield from protocol().running_lockless_pgtbl_walk(mm)
    yield from protocol().interrupt_all_if(not running, mm, cpu)


MUTANTS = [
    # What rows 1 and 3 need.
    (walk_unprotected, "invalidate_by_ipi", FREED),
    (walk_restored_first, "invalidate_by_ipi", FREED),
    (walk_unprotected, "invalidate_serialized", FREED),
    (walk_restored_first, "invalidate_serialized", FREED),
    (walk_without_flags, "invalidate_serialized", FLAG),
    ("irqs_off", flush_by_ipi_without_wait, "a_freed_page_is_in_no_tlb"),
    ("irqs_off", invalidate_without_wait, FREED),
    ("irqs_off", invalidate_serialized_first, FREED),
    ("irqs_off", invalidate_all_but_one, FREED),
    ("irqs_off", invalidate_without_flush, "a_freed_page_is_in_no_tlb"),
    # What row 4 needs.
    ("irqs_off", "invalidate_counting", FREED),
    (walk_counted_late, "invalidate_counting", FREED),
    (walk_never_counted_out, "invalidate_counting", "nobody_walks_so_the_count_is_zero"),
    (walk_counted_out_twice, "invalidate_counting", "the_count_is_never_negative"),
    ("counted", invalidate_where_count_is_zero, FREED),
    ("counted", "clear_and_flush", FREED),
    # What makes no difference.
    ("counted", "invalidate_serialized", None),
    ("counted", "invalidate_by_ipi", None),
    ("counted", invalidate_flushed_last, None),
    (walk_counted_inside, "invalidate_counting", None),
]


def part(named):
    return getattr(protocol(), named) if isinstance(named, str) else named


def name_of(thing):
    return getattr(thing, "__name__", str(thing))


@pytest.mark.parametrize(("walk", "invalidate", "broken"), MUTANTS, ids=name_of)
def test_every_part_is_needed(walk, invalidate, broken):
    """Take one part away, or move it, and the property that it is there for fails."""
    system = protocol().system(part(walk), part(invalidate), walkers=1, updater="munmap")
    result = check(system)
    assert (result.violation.property if result.violation else None) == broken


def with_updater(updater, walk="irqs_off", look="gup"):
    """Return a system with one walker and an updater that is not in protocol.py."""
    p = protocol()
    mm = p.before_split(p.cpus(2)) if updater is split_published_first else p.Mm(p.cpus(2))
    walker = p.walker(mm, mm.cpu[0], part(walk), p.LOOKS.get(look, look))
    return System(
        mm,
        [
            walker.on(mm.cpu[0]),
            updater(mm, mm.cpu[1]).named("updater").on(mm.cpu[1]),
            *interrupts(mm.cpu),
            page_allocator(mm.page),
        ],
        [f for f in p.PROPERTIES if f.kind != "sometimes"] + [p.flag_restored(True)],
    )


@process
def munmap_freed_first(mm, cpu):
    """Free the table, then invalidate the pmd that points to it."""
    yield pte_free(mm.table)
    yield from protocol().invalidate_serialized(mm, cpu)


@process
def split_published_first(mm, cpu):
    """Show the table before it is filled."""
    yield from protocol().invalidate_serialized(mm, cpu)
    yield WRITE_ONCE(mm.pmd, Pmd.TABLE)
    yield set_pte(mm.table, Pte.PRESENT)


@process
def zap(mm, cpu):
    """Unmap the page and keep the table, as MADV_DONTNEED does: nobody waits for walks then."""
    yield set_pte(mm.table, Pte.NONE)
    yield flush_tlb_broadcast(mask(mm))
    yield put_page(mm.page)


@process
def munmap_serialized(mm, cpu):
    """Unmap page and table and wait for walks: no walk can be late."""
    yield set_pte(mm.table, Pte.NONE)
    yield from protocol().invalidate_serialized(mm, cpu)
    yield put_page(mm.page)
    yield pte_free(mm.table)


def gup_without_recheck(mm):
    """Take the reference and believe it."""
    pmd = yield READ_ONCE(mm.pmd)
    if pmd is not Pmd.TABLE:
        return None
    pte = yield ptep_get(mm.table)
    if pte is Pte.PRESENT and (yield try_get_page(mm.page)):
        return mm.page
    return None


@pytest.mark.parametrize(
    ("updater", "look", "broken"),
    [
        (munmap_freed_first, "gup", FREED),
        (split_published_first, "gup", "no_walker_sees_an_uninitialised_pte"),
        (zap, "gup", None),
        (zap, gup_without_recheck, GONE),
        (munmap_serialized, gup_without_recheck, None),
    ],
    ids=name_of,
)
def test_the_order_of_an_updater_and_the_recheck_are_needed(updater, look, broken):
    """A table freed or shown too early is found; the recheck guards against a mere unmapping."""
    result = check(with_updater(updater, look=look))
    assert (result.violation.property if result.violation else None) == broken


def test_a_flag_that_is_lost_hangs_the_next_ipi():
    """Without the property on the flag, row 11 ends in a deadlock: the IPI is never answered."""
    row = rows()["row11_flags_by_pointer"]
    system = row(walkers=1)
    system.properties = []
    result = check(system)
    assert result.verdict is Verdict.VIOLATED
    assert result.violation.property == "deadlock"


def test_the_story_of_row_5():
    """The counterexample is the catalogue's: the IPI is answered in the middle of the walk."""
    steps = check(rows()["row05_counting_without_irqs_off"](walkers=1)).trace.steps
    told = [(step.process, step.label) for step in steps]
    read = told.index(("walker", "READ_ONCE(pmd)"))
    asked = told.index(("updater", "send_call_function_ipi(cpu[0], do_nothing)"))
    came = told.index(("call_function_interrupt[0]", "interrupt call_function_interrupt on cpu[0]"))
    freed = told.index(("updater", "pte_free(table)"))
    assert read < asked < came < freed < told.index(("walker", "ptep_get(table.pte)"))


@pytest.mark.parametrize(("name", "found"), [("with", "Never"), ("without", "Sometimes")])
def test_the_end_of_a_walk_needs_a_barrier_under_the_kernel_s_own_model(name, found):
    """Row 9: a load passes the atomic_dec() behind it, which no store buffer shows."""
    test = read(FOLDER / f"row09_end_{name}_mb.litmus")
    assert result_of(run(test, MODELS["lkmm"])) == found == test.expected


@pytest.mark.long
@pytest.mark.parametrize(("reduction", "states"), [(False, 792_624), (True, 558_738)])
def test_four_walkers_under_tso_are_searched_whole(reduction, states):
    """The documentation's scale test: row 1, on x86's memory model."""
    [row] = [m for m in load(FOLDER) if m.name == "row01_irqs_off_flush_by_ipi"]
    result = check(row(walkers=4), memory="tso", reduction=reduction)
    assert (result.holds, result.states) == (True, states)
