"""The lockless walk under axiomatic models: the page's table, and the minimal sets of barriers."""

from __future__ import annotations

import re

import pytest
from commandline import ROOT

from modelcheck import check, repair
from modelcheck.loading import load

SPEC = ROOT / "specs" / "walk_executions" / "walk_barriers.py"
MODELS = {model.name: model for model in load(SPEC)}
EVERY = (
    "sc", "tso", "pso", "wmm", "axiomatic-sc", "x86-tso", "ra", "rc11", "lkmm", "power", "armv8",
)  # fmt: skip

#: The rows of the page's table in order.
ROWS = (
    "counting", "count_read_first", "splitter_without_mb", "splitter_with_xchg",
    "walker_without_mb", "walk_ends_without_mb", "ends_before_last_use", "count_left_negative",
    "split_with_wmb", "split_without_wmb",
)  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_row_is_as_expected_under_every_model(name):
    """States or executions: each model of the folder expects what is found."""
    assert [m for m in EVERY if not check(MODELS[name], memory=m).ok and m != "ra"] == []


def test_the_page_has_the_verdicts():
    """The table of the page is what runs give under lkmm, power and armv8."""
    text = (ROOT / "docs" / "lockless-walk.md").read_text("utf-8")
    table = text.partition("| row | variant | lkmm |")[2].partition("\n\n")[0]
    told = [re.findall(r"violated|holds", line)[-3:] for line in table.splitlines()[2:]]
    found = [
        [check(MODELS[name], memory=m).verdict.value for m in ("lkmm", "power", "armv8")]
        for name in ROWS
    ]
    assert told == found
    assert sorted(ROWS) == sorted(MODELS)


@pytest.mark.parametrize("memory", ["lkmm", "power"])
def test_both_barriers_of_the_walker_are_needed_where_loads_may_pass_stores(memory):
    """Row 9's barrier is in every minimal set, with the first one and one of the splitter's."""
    found = repair(MODELS["counting"], memory=memory)[memory]
    walker = {"walker_mb", "walker_second_mb"}
    assert {frozenset(s) for s in found.minimal} == {
        frozenset(walker | {"splitter_mb"}),
        frozenset(walker | {"xchg_for_store"}),
    }
