"""Memory models on the command line."""

from __future__ import annotations

import json

import pytest
from commandline import CLASSIC, run

FENCES = CLASSIC / "peterson_fences.py"


def test_several_memory_models_give_a_row_each():
    """Each row names its model, and is held against what is expected under it."""
    done = run("check", f"{FENCES}:peterson_stores_unordered", "--memory", "sc,tso,pso")
    assert done.exit_code == 0
    rows = [line.split()[:3] for line in done.stdout.splitlines()[1:4]]
    assert rows == [
        ["peterson_stores_unordered,", "sc", "holds"],
        ["peterson_stores_unordered,", "tso", "holds"],
        ["peterson_stores_unordered,", "pso", "violated"],
    ]
    assert "3 of 3 models as expected" in done.stdout


def test_json_names_the_memory_model():
    """One object a model and memory model."""
    done = run("check", f"{FENCES}:peterson_fenced", "--memory", "sc,tso", "--json", "-")
    assert [r["memory_model"] for r in json.loads(done.stdout)] == ["sc", "tso"]


def test_a_bound_that_is_reached_is_told():
    """Incomplete, with the bound and how to raise it; `--buffer` sets it."""
    done = run("check", f"{FENCES}:peterson_fenced", "--memory", "tso", "--buffer", 1)
    assert done.exit_code == 3
    assert "--buffer 2" in done.stdout
    assert (
        run("check", f"{FENCES}:peterson_fenced", "--memory", "tso", "--buffer", 3).exit_code == 0
    )


@pytest.mark.parametrize("command", ["check", "simulate", "graph"])
def test_an_unknown_memory_model_is_an_error(command, tmp_path):
    """The known ones are named, also where one of several is wrong."""
    options = ["-o", tmp_path / "x.dot"] if command == "graph" else []
    memory = "sc,alpha" if command == "check" else "alpha"
    done = run(command, f"{FENCES}:peterson_fenced", "--memory", memory, *options)
    assert done.exit_code == 2
    assert "there is sc, tso, pso, wmm" in done.stderr


def test_an_axiomatic_model_has_no_walk():
    """`simulate` says that such a model knows executions, not states, and who takes it."""
    done = run("simulate", f"{FENCES}:peterson_fenced", "--memory", "lkmm")
    assert done.exit_code == 2
    assert "only `check` and `repair` take one" in done.stderr
