"""The three lectures run as they stand in a Jupyter kernel, and so do rich displays."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from commandline import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

LECTURES = sorted((ROOT / "docs" / "lectures").glob("*.ipynb"))

#: What the text of a lecture says of its outputs.
SAID = {
    "1-interleavings": ["{2: 6, ", "{2: 12, ", "<summary>26 states</summary>"],
    "2-state-explosion": ["[4, 16, 64, 256, 1024, 4096]", "[4, 7, 10, 13, 16, 19]"],
    "3-weak-memory": [
        "True     False    holds     holds     holds     violated",
        "data = 0 (stale: memory has 42)",
    ],
}

#: A kernel that a test starts needs no more than this for a cell.
PATIENCE_S = 120


def run(book: Any, **more: Any) -> Any:
    """The notebook with its outputs, from a kernel of its own."""
    nbclient.NotebookClient(book, timeout=PATIENCE_S, kernel_name="python3", **more).execute()
    return book


def told(*codes: str) -> list[Any]:
    """The outputs of some cells, each a list, run one after the other in one kernel."""
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    book = run(nbformat.v4.new_notebook(cells=cells), allow_errors=True)
    return [cell["outputs"] for cell in book["cells"]]


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_runs(path):
    """Each cell runs, so each `assert` holds; results show themselves, and what the text says."""
    book = run(nbformat.read(path, as_version=4))
    shown = [output for cell in book["cells"] for output in cell.get("outputs", ())]
    kinds = [output.get("data", {}) for output in shown]
    html = [data["text/html"] for data in kinds if "text/html" in data]
    assert html
    texts = [output.get("text", "") for output in shown]
    texts += [text for data in kinds for kind, text in data.items() if kind.startswith("text/")]
    assert [said for said in SAID[path.stem] if not any(said in text for text in texts)] == []
    assert all("<svg" in text or "holds" in text for text in html)
    assert not any("ipykernel" in text for text in html)  # a cell's file has no name that one knows


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_has_a_solution_for_each_exercise(path):
    """The code of solutions is folded on the page, and no other is."""
    cells = nbformat.read(path, as_version=4)["cells"]
    text = [cell["source"] for cell in cells]
    at = next(n for n, source in enumerate(text) if source.startswith("## Solutions"))
    asked = re.findall(r"^(\d)\. \*\*", "\n".join(text[:at]), re.M)
    solved = re.findall(r"^\*\*(\d)\.\*\*", "\n".join(text[at:]), re.M)
    assert asked == solved == ["1", "2", "3", "4"]
    for n, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            assert ("hide-cell" in cell["metadata"].get("tags", ())) == (n > at)


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_is_kept_without_what_a_run_leaves(path):
    """No output, no count of executions, and small: a change of it can be read."""
    nbformat.validate(nbformat.read(path, as_version=4))
    cells = json.loads(path.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert path.stat().st_size < 30_000


COUNTING = """
from modelcheck import System, cells, check, model, process, state

@state
class S:
    x: object

@process
def adder(s, me, steps):
    for _ in range(steps):
        yield s.x[me].add(1)

@model
def counters(n: int = 2, steps: int = 3):
    s = S(x=cells(n, 0))
    return System(s, [adder(s, me, steps) for me in range(n)])
"""


def test_a_notebook_shows_what_a_model_is_and_how_far_a_search_is():
    """A model draws its states where they are few; a long search has a line, and leaves none."""
    small, large, long, quiet, wrong = told(
        COUNTING + "counters",
        COUNTING.replace("steps: int = 3", "steps: int = 9") + "counters",
        "check(counters(n=6, steps=9), engine='reference', timeout_s=3).reason",
        "check(counters(n=6, steps=9), engine='reference', timeout_s=2, progress=False).reason",
        "check(counters, max_states=-1)",
    )
    assert "<summary>16 states</summary><svg" in small[0]["data"]["text/html"]
    assert small[0]["data"]["text/plain"] == "<Model counters: expects holds>"
    assert "It has more than 60 states" in large[0]["data"]["text/html"]
    line, said = long
    assert line["data"]["text/plain"] == ""  # where it was; it is gone now
    assert line["output_type"] == "display_data"
    assert "3 s" in said["data"]["text/plain"]
    assert len(quiet) == 1
    [error] = wrong
    assert error["traceback"][0].startswith("UsageError: ")
    assert len(error["traceback"]) == 1
