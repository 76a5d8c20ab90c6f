"""The native explorer's room: a memory budget that bites, and everything that grows mid-run."""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path

import pytest
from commandline import COMMAND, ROOT, environment

from modelcheck import check
from modelcheck.explore import native
from modelcheck.loading import find

pytestmark = pytest.mark.skipif(not native.available(), reason="these searches need numba")

HUGE = Path(__file__).with_name("huge.py")

#: What Python, numba and LLVM take before a search begins, and what a table may overshoot.
OVERHEAD_MIB = 80


@pytest.fixture(autouse=True, scope="module")
def compiled():
    """What these searches call is compiled: a compiler's memory would count as theirs."""
    for name in ("huge", "wide"):
        for workers in ("1", "2"):
            words = [f"{HUGE}:{name}", "--engine", "native", "--workers", workers]
            subprocess.run(
                [*COMMAND, "check", *words, "--max-states", "300000", "-q"],
                cwd=ROOT, env=environment(), capture_output=True, timeout=300, check=False,
            )  # fmt: skip


def peak_of(*args):
    """What a check says, its exit status, and the most memory that its process ever had, in MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    words = [*COMMAND, "check", *map(str, args), "--json", "-"]
    script = "import os, resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); "
    script += "sys.exit(done.returncode)"
    done = subprocess.run(
        [COMMAND[0], "-c", script, *words],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert before >= 0
    *complaint, peak = done.stderr.split()
    assert not complaint, done.stderr
    return json.loads(done.stdout), done.returncode, int(peak) / 1024


@pytest.mark.parametrize("name", ["huge", "wide"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_memory_budget_ends_a_huge_search_cleanly(name, workers):
    """With 200 MiB a search is incomplete, says so, and its process took hardly more."""
    found, status, peak = peak_of(
        f"{HUGE}:{name}", "--max-memory", 200, "--workers", workers, "--engine", "native"
    )
    assert (found["verdict"], status) == ("incomplete", 3)
    assert found["reason"] == "the budget of 200 MiB of memory was used up"
    assert found["states"] > 10_000
    assert peak < 200 + OVERHEAD_MIB


@pytest.mark.parametrize("way", ["--bitstate", "--hash-compact=40"])
def test_a_memory_budget_for_searches_that_may_miss_states(way):
    """They end as cleanly, having met more states in the same room."""
    found, status, peak = peak_of(f"{HUGE}:huge", "--max-memory", 200, way, "--timeout", 20)
    assert (found["verdict"], status) == ("incomplete", 3)
    assert "budget" in found["reason"]
    assert peak < 200 + OVERHEAD_MIB


@pytest.mark.parametrize("workers", [1, 2])
def test_ids_pass_eight_bits_mid_run(workers, monkeypatch):
    """Values and local states outgrow their bits while the search runs; the count is exact."""
    monkeypatch.setattr(native.load(), "WIDE", 2)
    model = find(f"{HUGE}:growing")[0]
    found = check(model(most=300, many=300), engine="native", workers=workers)
    assert (found.verdict, found.states, found.transitions) == ("holds", 301 * 301, 2 * 300 * 301)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_ids_pass_sixteen_bits_mid_run(workers, monkeypatch):
    """The same with 70,001 values and local states."""
    monkeypatch.setattr(native.load(), "WIDE", 2)
    model = find(f"{HUGE}:jumping")[0]
    found = check(model(most=70_000), engine="native", workers=workers)
    assert (found.verdict, found.states) == ("holds", 1 + 2 * 70_001)


@pytest.mark.parametrize("way", [{"hash_compact": 40}, {"bitstate": True}])
def test_ids_pass_their_bits_in_searches_that_keep_hashes(way):
    """A search whose states grow wider begins anew, and comes to the same counts."""
    found = check(find(f"{HUGE}:growing")[0](most=300, many=300), **way)
    assert found.states == 301 * 301


@pytest.mark.parametrize("workers", [1, 2])
def test_tables_grow_mid_run(workers, monkeypatch):
    """States, parts and hash tables that begin tiny grow many times; the counts are exact."""
    engine = native.load()
    monkeypatch.setattr(engine, "WIDE", 2)
    grown, grow = [], engine.Storage._grow_states
    make = engine.Storage._make
    monkeypatch.setattr(
        engine.Storage,
        "_grow_states",
        lambda self, room: (grown.append(self.used), grow(self, room))[1],
    )
    monkeypatch.setattr(engine.Storage, "_make", lambda self, states, subs: make(self, 64, 64))
    model = find(f"{HUGE}:huge")[0]
    whole = check(model(n=4, many=9), engine="native", workers=workers)
    assert (whole.verdict, whole.states) == ("holds", 4**9)
    assert whole.transitions == 9 * 4**9
    assert len(grown) > 1
    long = check(find(f"{HUGE}:wide")[0](n=2, many=16), engine="native", workers=workers)
    assert (long.states, long.transitions) == (2**16, 16 * 2**16)
