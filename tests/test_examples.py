"""Every example runs, as a script and under the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest
from commandline import ROOT, environment

from modelcheck.check import check, replay
from modelcheck.loading import load
from modelcheck.show.narrative import narrative

FILES = sorted((ROOT / "examples").glob("*.py"))
MODELS = [model for file in FILES for model in load(file)]


def test_there_are_examples():
    """The folder holds lessons, and each file is one: it has a docstring and a model."""
    assert FILES
    for file in FILES:
        assert file.read_text("utf-8").lstrip().startswith(('"""', 'r"""')), file.name
        assert any(model.file == str(file) for model in MODELS), file.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_example_runs_as_a_script(file, tmp_path):
    """Run from anywhere it ends well and says nothing on standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(file)],
        capture_output=True, text=True, cwd=tmp_path, env=environment(), timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_an_example_is_as_expected(model):
    """Each model does what it says it does, and its counterexample replays."""
    result = check(model)
    assert result.ok, str(result)
    if result.token:
        assert narrative(replay(model, result.token)) == narrative(result.trace)
