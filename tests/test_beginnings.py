"""The first minutes: a first model that runs, what is installed, what a shell completes."""

from __future__ import annotations

import ast
import os

import pytest
from click.shell_completion import ShellComplete
from commandline import CLASSIC, run, run_json

from modelcheck.cli import main
from modelcheck.cli.beginnings import SHELLS
from modelcheck.cli.completion import model_names


def test_a_new_file_runs(tmp_path, monkeypatch):
    """Both models are as expected, and the broken one shows a lost sale in a few steps."""
    monkeypatch.chdir(tmp_path)
    done = run("new", "models/My-first.py")
    assert done.exit_code == 0
    assert "modelcheck check models/My-first.py" in done.stdout
    holds, broken = run_json("models/My-first.py")
    assert (holds["model"], holds["verdict"], holds["as_expected"]) == ("my_first", "holds", True)
    assert holds["witnesses"] == {"the_flight_is_full": 4}
    assert (broken["kind"], broken["property"]) == ("final", "every_seat_is_accounted_for")
    assert broken["as_expected"]
    assert len(broken["trace"]) == 6
    text = (tmp_path / "models" / "My-first.py").read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)).count("models/My-first.py") == 3


def test_its_own_commands_run(tmp_path, monkeypatch):
    """Every command that the new file's docstring names can be carried out."""
    monkeypatch.chdir(tmp_path)
    run("new", "first.py")
    docstring = ast.get_docstring(ast.parse((tmp_path / "first.py").read_text("utf-8")))
    commands = [
        line.split("#")[0].split() for line in docstring.splitlines() if line.startswith("    ")
    ]
    assert len(commands) == 3
    for _, *arguments in commands:
        assert run(*arguments).exit_code == 0, arguments
    assert (tmp_path / "page.html").exists()


@pytest.mark.parametrize("name", ["class.py", "é.py", "1.py", "list.py"])
def test_a_name_that_is_none_in_python_is_replaced(tmp_path, name):
    """Whatever the file is called, what is written is a model that holds, and its twin."""
    assert run("new", tmp_path / name).exit_code == 0
    assert [r["as_expected"] for r in run_json(tmp_path / name)] == [True, True]


def test_an_existing_file_is_never_overwritten(tmp_path):
    """What is there stays there; other suffixes are refused."""
    file = tmp_path / "mine.py"
    file.write_text("mine", encoding="utf-8")
    done = run("new", file)
    assert (done.exit_code, file.read_text("utf-8")) == (2, "mine")
    assert "is there already" in done.stderr
    assert "end it with .py" in run("new", tmp_path / "model.txt").stderr


def test_the_doctor_tells_what_is_here():
    """Versions, the engine and where its code is kept, cores: and it is no failure to lack some."""
    done = run("doctor")
    assert done.exit_code == 0
    for word in ("modelcheck", "Python", "numba", "Graphviz", "cores", "free memory"):
        assert any(line.startswith(word) for line in done.stdout.splitlines()), word


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(shell):
    """The script calls modelcheck back through the variable that it looks at."""
    done = run("completion", shell)
    assert done.exit_code == 0
    assert "_MODELCHECK_COMPLETE" in done.stdout


def completions(*words: str) -> list[str]:
    """What any shell is offered for the last word: a kind and a value each."""
    asked = ShellComplete(main, {}, "modelcheck", "_MODELCHECK_COMPLETE")
    offered = asked.get_completions(list(words[:-1]), words[-1])
    return [f"{item.type},{item.value}" for item in offered]


def test_commands_files_and_models_are_completed():
    """A command by its beginning; a file by the shell itself; a model after the colon."""
    assert completions("repl") == ["plain,replay"]
    assert completions("check", "spe") == ["file,spe"]
    file = os.path.relpath(CLASSIC / "peterson.py")
    assert completions("check", f"{file}:peterson_") == [f"plain,{file}:peterson_swapped"]


def test_completing_runs_no_code(tmp_path):
    """The file is read, not imported: a tabulator has no effects."""
    file = tmp_path / "m.py"
    file.write_text(
        "import modelcheck\nraise SystemExit\n"
        "@modelcheck.model(expect='holds')\ndef a(): ...\ndef b(): ...\n",
        encoding="utf-8",
    )
    assert model_names(str(file)) == ["a"]
    assert model_names(str(tmp_path / "none.py")) == []
