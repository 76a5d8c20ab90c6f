"""Object code of kernels: kept and loaded without numba, and never more than it claims to be."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from commandline import CLASSIC

from modelcheck import check
from modelcheck.explore import auto, native
from modelcheck.loading import load

SEARCH = f"""
import sys
from modelcheck import check
from modelcheck.loading import load
model, = [m for m in load({str(CLASSIC / "philosophers.py")!r}) if m.name == "philosophers"]
result = check(model, engine="native", workers={{workers}})
print(result.states, "numba" in sys.modules)
"""


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """A folder of its own for compiled code."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return native.folder()


def searched(workers: int = 1) -> str:
    """What a new interpreter prints that searches natively."""
    code = SEARCH.format(workers=workers)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def entry(kernel):
    """A kernel of this test as the explorer would call one."""
    from modelcheck.explore.native.objects import Entry

    made = Entry("kernel", kernel.__name__)
    setattr(import_module("modelcheck.explore.native.kernel"), kernel.__name__, kernel)
    return made


def test_a_kernel_is_compiled_once_and_then_needs_no_numba(kept):
    """The first search compiles and keeps; the next ones load; a damaged file is made anew."""
    assert not native.compiled()
    assert searched() == "242 True"
    assert native.compiled()
    assert searched(workers=2) == "242 False"
    for file in kept.glob("add_vectors_*.object"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    assert searched() == "242 True"
    assert searched() == "242 False"


def test_code_is_for_the_kinds_of_its_arguments(kept):
    """The same kernel for other arrays is other code; numbers, tuples and shapes come through."""
    from numba import njit

    from modelcheck.explore.native.shapes import Layout

    @njit(error_model="numpy")
    def sample(layout, rows, flag):
        total = layout.words + (100 if flag else 0)
        for i in range(rows.shape[0]):
            for j in range(rows.shape[1]):
                total += (i + 1) * rows[i, j]
        return total + len(layout.left)

    run, none = entry(sample), np.zeros(0, np.int32)
    layout = Layout(none, none, none, 7, np.zeros(3, np.int32), none)
    rows = np.arange(6).reshape(2, 3)
    for kind in (np.int64, np.int32, np.uint8):
        assert run(layout, rows.astype(kind), False) == 7 + 3 + 3 + 2 * 12
        assert run(layout, rows.astype(kind), True) == 107 + 3 + 3 + 2 * 12
    assert len(list(kept.glob("sample_*.object"))) == 3


def test_code_that_cannot_stand_alone_is_not_kept(kept):
    """A kernel that allocates needs numba when it runs: numba calls it."""
    from numba import njit

    @njit
    def allocates(numbers):
        return np.empty(len(numbers) + 1, np.int64).size

    assert entry(allocates)(np.zeros(4, np.int64)) == 5
    assert not list(kept.glob("allocates_*"))


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_no_kernel_leaves_its_arrays(workers):
    """With numba looking at every index, searches of one and of several words come to their end."""
    code = """
import sys
from modelcheck.explore.native import objects, emit
emit.object_code = lambda *arguments: None
objects._read = lambda file: None
sys.path.insert(0, "tests")
from modelcheck import check
from modelcheck.explore import native
native.load().WIDE = 2
from test_native_room import Wide, cell
from modelcheck import System
from modelcheck.loading import load
s = Wide()
many = System(s, [cell(s, i, 3) for i in range(4)])
models = {m.name: m for m in load(sys.argv[1])}
for model in (many, models["philosophers"], models["greedy_philosophers"]):
    print(check(model, engine="native", workers=int(sys.argv[2])).states)
"""
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, str(CLASSIC / "philosophers.py"), str(workers)],
        capture_output=True,
        text=True,
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": here},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == [str((1 + 3 + 3) ** 4), "242"]


@pytest.mark.parametrize(
    ("kernel", "how"),
    [
        ("expand", {"engine": "native"}),
        ("choose", {"engine": "native", "reduction": True}),
        ("compact.expand", {"bitstate": True}),
    ],
)
def test_that_something_is_compiled_is_said_before(kernel, how, monkeypatch):
    """Whichever kernel is lacking; and nothing is said where none is."""
    [model] = [m for m in load(CLASSIC / "philosophers.py") if m.name == "philosophers"]
    for lacking, times in ((kernel, 1), ("none", 0)):
        monkeypatch.setattr(native, "compiled", lambda name, lacking=lacking: name != lacking)
        said = []
        check(model(n=5), say=said.append, **how)
        assert sum("compiling" in text for text in said) == times


def test_that_reduction_is_compiled_is_said_where_a_search_proves_large(monkeypatch):
    """With symmetry or without: what the search of everything needed was there."""
    monkeypatch.setattr(auto, "LARGE", 1 << 8)
    monkeypatch.setattr(
        native, "compiled", lambda name: name not in ("choose", "orbits.successors")
    )
    for path, name, n in (
        ("classic/philosophers.py", "philosophers", 7),
        ("symmetric/alike.py", "filter_lock_alike", 4),
    ):
        [model] = [m for m in load(CLASSIC.parent / path) if m.name == name]
        said = []
        check(model(n=n), say=said.append, engine="native")
        assert sum("compiling" in text for text in said) == 1
