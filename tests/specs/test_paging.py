"""Lockless walks of several levels, TLBs against mm_cpumask: verdicts, counts, what breaks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from modelcheck import check
from modelcheck.loading import load
from modelcheck.memory import MODELS

SPECS = Path(__file__).resolve().parents[2] / "specs"

FREED = "no_walker_touches_a_freed_table"
REUSED = "a_pinned_page_is_the_one_that_was_mapped"
MOVED = "a_pinned_page_is_never_copied_away"
FRESH = "no_walker_sees_an_uninitialised_entry"
IN_A_TLB = "a_freed_page_is_in_no_tlb"

# Row: what is violated from which memory model on, if anything; states and transitions of the whole
# search under sc where it holds there, and under wmm where it holds there.
ROWS = {
    "gup_fast": ("", None, (148, 271), (393, 862)),
    "gup_fast_rcu": ("", None, (199, 400), (658, 1482)),
    "gup_fast_sync": ("", None, (178, 346), (535, 1176)),
    "gup_fast_freed_at_once": (FREED, "sc", None, None),
    "gup_fast_irqs_on": (FREED, "sc", None, None),
    "gup_fast_dontneed": ("", None, (163, 323), (281, 588)),
    "gup_fast_no_recheck": (REUSED, "sc", None, None),
    "gup_fast_get_without_try": (REUSED, "sc", None, None),
    "gup_fast_collapse": ("", None, (232, 484), (615, 1357)),
    "gup_fast_collapse_pmd_not_rechecked": (MOVED, "sc", None, None),
    "gup_fast_collapse_with_a_store": (MOVED, "tso", (232, 484), None),
    "gup_fast_relaxed_reference": (MOVED, "wmm", (232, 484), None),
    "gup_fast_fault": ("", None, (59, 97), (268, 638)),
    "gup_fast_fault_without_wmb": (FRESH, "pso", (41, 64), None),
    "switch_mm": ("", None, (70, 106), (94, 155)),
    "switch_mm_flush_without_mb": (IN_A_TLB, "tso", (63, 94), None),
    "switch_mm_without_mb": (IN_A_TLB, "wmm", (61, 90), None),
}


@cache
def models():
    found = [*load(SPECS / "gup_fast"), *load(SPECS / "tlb")]
    return {model.name: model for model in found}


def test_the_table_has_every_model():
    """No row is left out."""
    assert set(ROWS) == set(models())


@pytest.mark.parametrize("memory", list(MODELS))
@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_verdict_and_counts(row, memory):
    """Broken ones break by their own property, from the memory model on that lets them."""
    broken, since, under_sc, under_wmm = ROWS[row]
    result = check(models()[row], memory=memory)
    order = list(MODELS)
    fails = since is not None and order.index(memory) >= order.index(since)
    assert result.ok
    assert (result.violation.property if fails else result.violation) == (broken if fails else None)
    counts = {"sc": under_sc, "wmm": under_wmm}.get(memory)
    assert counts in (None, (result.states, result.transitions))


def test_the_page_has_every_verdict():
    """`docs/paging.md` says of each model and memory model what `ROWS` says."""
    told = {}
    for line in (SPECS.parent / "docs" / "paging.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 2 + len(MODELS) and cells[0].startswith("`"):
            told[cells[0].strip("`")] = [cell.strip("*") for cell in cells[2:]]
    order = list(MODELS)
    starts = {
        row: order.index(since) if since else len(order) for row, (_, since, *_) in ROWS.items()
    }
    assert told == {
        row: ["violated" if n >= start else "holds" for n in range(len(order))]
        for row, start in starts.items()
    }


@pytest.mark.parametrize(("free", "holds"), [("rcu", True), ("sync", True), ("at once", False)])
def test_two_walkers_come_to_the_same(free, holds):
    """With another walk going on nothing changes."""
    assert check(models()["gup_fast"](walkers=2, free=free)).holds is holds
