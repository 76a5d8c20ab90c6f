"""The command line: exit codes, tables, parameters, and the commands beside `check`."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import (
    CLASSIC,
    COMMAND,
    KINDS,
    PARAMETERS,
    ROOT,
    environment,
    execute,
    models,
    run,
    run_json,
)

from modelcheck.loading import load

PETERSON = CLASSIC / "peterson.py"
LOST = CLASSIC / "lost_update.py"


@pytest.fixture
def kinds(tmp_path) -> Path:
    """A file with a model of each outcome."""
    return models(tmp_path / "kinds.py", KINDS)


# Exit codes and tables


@pytest.mark.parametrize(
    ("name", "code", "verdict"),
    [
        ("good", 0, "holds"),
        ("broken", 0, "violated"),
        ("surprising", 1, "violated"),
        ("disappointing", 1, "holds"),
        ("cannot_be_built", 2, "error"),
    ],
)
def test_an_exit_code_and_an_object_for_one_model(name, code, verdict, kinds):
    """One model gives one object, and the exit code says whether it is as expected."""
    done = run("check", f"{kinds}:{name}", "--json", "-")
    assert done.exit_code == code
    assert json.loads(done.stdout)["verdict"] == verdict
    assert run("check", f"{kinds}:{name}").exit_code == code
    assert run("check", f"{kinds}:{name}", "--quiet").stdout == ""


def test_a_budget_that_bites_is_exit_code_3(kinds):
    """A search that was cut is neither a pass nor a violation."""
    done = run("check", f"{kinds}:good", "--max-states", 2)
    assert done.exit_code == 3
    assert "incomplete: the budget of 2 states was used up (expected: holds)" in done.stdout
    assert run("check", f"{kinds}:good", "--max-states", 3).exit_code == 0


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--timeout", "1e-9", "1e-09 seconds"), ("--max-memory", "0.5", "0.5 MiB of memory")],
)
def test_time_and_memory_are_budgets_too(option, value, said):
    """Each says in words what was used up."""
    done = run("check", f"{CLASSIC}/filter_lock.py:filter_lock", option, value)
    assert done.exit_code == 3
    assert f"the budget of {said} was used up" in done.stdout


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["good", "broken"], 0),
        (["good", "surprising"], 1),
        (["surprising", "cannot_be_built"], 2),
    ],
)
def test_the_worst_of_several_models_counts(names, code, kinds):
    """Errors before violations, and all models are checked whatever happens to one."""
    done = run("check", *(f"{kinds}:{name}" for name in names))
    assert done.exit_code == code
    assert all(re.search(rf"^{name} ", done.stdout, re.M) for name in names)


def test_several_models_are_a_table_with_what_was_not_expected_below(kinds):
    """Each is held against its `expect`; only a surprise is told at length."""
    done = run("check", kinds)
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["model", "verdict"]
    assert [line.split()[:2] for line in lines[1:6]] == [
        ["good", "holds"], ["broken", "violated"], ["surprising", "violated"],
        ["disappointing", "holds"], ["cannot_be_built", "error"],
    ]  # fmt: skip
    assert "EXPECTED: holds" in lines[3]
    assert "EXPECTED: violated" in lines[4]
    assert lines[-1] == "2 of 5 models as expected, 1 with an error"
    assert done.stdout.count("surprising: violated") == 1
    assert "broken: violated" not in done.stdout
    assert "cannot be built: KeyError: 'oh'" in done.stderr
    assert f"{kinds}:{error_line(kinds)}:" in done.stderr


def error_line(file: Path) -> int:
    """The line of a file that raises."""
    return 1 + [i for i, t in enumerate(file.read_text().splitlines()) if "raise KeyError" in t][0]


def test_json_is_a_list_where_several_models_were_found(kinds, tmp_path):
    """It goes by the number of models: a folder with one model gives an object."""
    assert [r["model"] for r in run_json(kinds)] == [m.name for m in load(kinds)]
    one = models(tmp_path / "folder" / "m.py", KINDS.partition("@model(")[0])
    assert run_json(one.parent)["model"] == run_json(one)["model"] == "good"
    assert [r["model"] for r in run_json(one, one)] == ["good", "good"]


def test_an_error_has_the_fields_of_a_result(kinds):
    """A script may read any field without asking first; those of an error are null."""
    found = {r["model"]: r for r in run_json(kinds)}
    good, bad = found["good"], found["cannot_be_built"]
    fields = {"parameters", "expected", "property", "kind", "states", "transitions", "depth"}
    fields |= {"seconds", "memory_model", "engine", "trace", "token"}
    assert fields <= set(good) & set(bad)
    assert {bad[field] for field in fields} == {None}
    assert (bad["verdict"], bad["file"], bad["line"]) == ("error", str(kinds), error_line(kinds))


# Human output


def test_the_token_is_said_once_with_the_command_that_takes_it(monkeypatch):
    """The last line can be copied into a shell; nothing else carries the token."""
    monkeypatch.chdir(ROOT)
    done = run("check", "specs/classic/lost_update.py:lost_update")
    last = done.stdout.splitlines()[-1]
    assert done.stdout.count("mc1.") == 1
    command = shlex.split(last.removeprefix("replay it: modelcheck "))
    assert command[:2] == ["replay", "specs/classic/lost_update.py:lost_update"]
    again = run(*command)
    assert again.exit_code == 0
    assert "mc1." not in again.stdout
    assert again.stdout.splitlines()[0] in done.stdout


def test_a_surprise_in_a_table_can_be_replayed(kinds):
    """Below its story stands the command, once."""
    done = run("check", kinds)
    [line] = [t for t in done.stdout.splitlines() if t.startswith("replay it: ")]
    assert run(*shlex.split(line)[3:]).exit_code == 0


@pytest.mark.parametrize("name", ["sp ace  two.py", "qu'ote.py", "co:lon.py", "ünï.py", "-dash.py"])
def test_the_replay_line_is_quoted_for_a_shell(name, tmp_path, monkeypatch):
    """A path with blanks or quotes, or that begins with a dash, is copied as it is."""
    monkeypatch.chdir(tmp_path)
    models(tmp_path / name, KINDS)
    done = run("check", "--", f"{name}:surprising")
    assert done.exit_code == 1
    assert run(*shlex.split(done.stdout.splitlines()[-1])[3:]).exit_code == 0


def test_models_of_one_name_are_told_apart(tmp_path, monkeypatch):
    """In tables, lists and file names the file is added where a name alone would not do."""
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        models(tmp_path / folder / "m.py", KINDS)
    done = run("check", "a", "b", "--svg", "out")
    assert "a/m.py:good" in done.stdout
    assert "b/m.py:good" in done.stdout
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {
        f"{folder}_m-{name}.{kind}"
        for folder in "ab" for name in ("broken", "surprising") for kind in ("svg", "txt")
    }  # fmt: skip
    assert "a/m.py:good" in run("list", ".").stdout


def test_nothing_is_coloured_in_a_pipe():
    """No escape sequence leaves the program unless a terminal reads it."""
    for command in ("check", "simulate"):
        done = execute(command, f"{LOST}:lost_update", env=environment(TERM="xterm-256color"))
        assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("no_color", [False, True])
def test_colours_are_for_terminals_that_want_them(no_color):
    """A terminal gets colours, unless NO_COLOR is set."""
    import pty

    outer, inner = pty.openpty()
    extra = {"NO_COLOR": "1"} if no_color else {}
    env = environment(TERM="xterm-256color", **extra)
    command = [*COMMAND, "check", f"{LOST}:lost_update"]
    with subprocess.Popen(command, stdout=inner, stderr=inner, env=env) as process:
        os.close(inner)
        output = b""
        while True:
            try:
                chunk = os.read(outer, 4096)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            output += chunk
    os.close(outer)
    assert process.returncode == 0
    assert bool(re.search(rb"\x1b\[[\d;]*3[1-7]m", output)) is not no_color


# Parameters


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ("n=3", "n", 3),
        ("b=false", "b", False),
        ("b=1", "b", True),
        ("t=5", "t", "5"),
        ("t=", "t", ""),
        ("t=a=b", "t", "a=b"),
        ("c=BLUE", "c", "BLUE"),
        ("f=2.25", "f", 2.25),
        ("pair=(3, 4)", "pair", [3, 4]),
        ("free=None", "free", None),
        ("free=7", "free", 7),
        ("free=word", "free", "word"),
    ],
)
def test_a_parameter_is_read_after_the_type_of_its_default(given, name, value, tmp_path):
    """Whole numbers, truth values, text, enums, fractions, tuples, and what has no type."""
    file = models(tmp_path / "m.py", PARAMETERS)
    assert run_json(f"{file}:par", "-p", given)["parameters"][name] == value


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("n=x", "'x' is not a whole number"),
        ("n=1.5", "not a whole number"),
        ("n=", "not a whole number"),
        ("b=maybe", "neither true nor false"),
        ("c=GREEN", "none of RED, BLUE"),
        ("n", "write NAME=VALUE"),
        ("=3", "has a parameter ''"),
        ("zz=1", "has a parameter 'zz'; there is b, c, f, free, n, pair, t"),
        ("n=" + "(" * 5000, "parameter n of par"),
        ("n=" + "-" * 100_000 + "1", "parameter n of par"),
        ("n=" + "9" * 5000, "parameter n of par"),
    ],
)
def test_a_wrong_parameter_is_a_usage_error(given, said, tmp_path):
    """It names the parameter, the value and what it could be."""
    file = models(tmp_path / "m.py", PARAMETERS)
    done = run("check", f"{file}:par", "-p", given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_parameter_without_a_default_must_be_given(tmp_path):
    """The error says which; with several models it is the error of that one only."""
    file = models(tmp_path / "m.py", PARAMETERS)
    assert "needs a value for m" in run("check", f"{file}:needs").stderr
    assert run("check", f"{file}:needs", "-p", "m=2").exit_code == 0
    assert run("check", file).exit_code == 2
    assert run("check", file, "-p", "m=1", "-p", "n=1").exit_code == 0


def test_a_parameter_goes_to_the_models_that_have_it():
    """With a folder, `-p` reaches those that know the name."""
    found = run_json(CLASSIC, "-p", "n=2")
    assert {r["parameters"].get("n") for r in found} == {2, None}


@pytest.mark.parametrize(
    "options",
    [
        ["--timeout", "0"], ["--timeout", "-1"], ["--timeout", "nan"], ["--timeout", "soon"],
        ["--max-states", "0"], ["--max-memory", "nan"], ["--memory", "imaginary"], ["--nonsense"],
    ],
)  # fmt: skip
def test_an_option_of_no_sense_is_refused_before_the_search(options):
    """It is one usage error, not one for each model."""
    done = run("check", CLASSIC, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) <= 4


# The other commands


def test_list_names_models_parameters_and_expectations():
    """One line a model, in the order of the files."""
    lines = run("list", CLASSIC).stdout.splitlines()
    assert lines[0].split() == ["model", "expects", "parameters", "what", "it", "is"]
    assert len(lines) == 14
    assert re.search(r"^philosophers +holds +n=5, ordered=True +Nobody starves", lines[12])


def test_list_of_nothing_is_an_error(tmp_path):
    """An empty folder is more likely a wrong path than an answer."""
    for command in ("list", "check"):
        done = run(command, tmp_path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "there is no model in" in done.stderr


def test_simulate_is_repeatable():
    """The same seed takes the same walk; another one takes another."""
    walks = [
        run("simulate", f"{PETERSON}:peterson", "--seed", seed, "--steps", 30) for seed in (1, 1, 2)
    ]
    assert walks[0].stdout == walks[1].stdout != walks[2].stdout
    assert {walk.exit_code for walk in walks} == {3}
    assert walks[0].stdout.count("mc1.") == 1


def test_simulate_finds_what_lies_on_its_way():
    """A violation on the walk is one: 0 where it is expected."""
    done = run("simulate", f"{LOST}:lost_update", "--seed", 1, "-p", "n=4")
    assert done.exit_code == 0
    assert "violated" in done.stdout
    assert run("simulate", f"{LOST}:lost_update", "--seed", 1, "--quiet").stdout == ""


@pytest.mark.parametrize("command", ["simulate", "replay", "graph"])
def test_commands_for_one_model_say_which_there_are(command):
    """A file of several is not enough."""
    more = {"replay": ["mc1.x"], "graph": ["-o", "x.dot"]}.get(command, [])
    done = run(command, PETERSON, *more)
    assert done.exit_code == 2
    assert "say which one, PATH:NAME, of peterson, peterson_swapped" in done.stderr


@pytest.mark.parametrize(
    "token", ["", "mc1.", "mc1.abc", "hello", "mc2.eNo", "x" * 10_000, "mc1.\x1b[31m"]
)
def test_a_token_that_is_none_is_refused_on_one_line(token):
    """It is quoted, shortened and escaped."""
    done = run("replay", f"{PETERSON}:peterson", "--", token)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is no replay token" in done.stderr
    assert len(done.stderr) < 250
    assert "\x1b" not in done.stderr


def test_a_token_of_another_model_is_refused():
    """It names both."""
    token = run_json(f"{PETERSON}:peterson_swapped")["token"]
    done = run("replay", f"{PETERSON}:peterson", token)
    assert done.exit_code == 2
    assert "for the model 'peterson_swapped', not for 'peterson'" in done.stderr


def test_replay_draws_the_trace_too(tmp_path):
    """The picture is the one that `check` drew."""
    target = f"{LOST}:lost_update"
    found = run_json(target, "--svg", tmp_path / "a.svg")
    assert run("replay", target, found["token"], "--svg", tmp_path / "b.svg").exit_code == 0
    assert (tmp_path / "a.svg").read_text("utf-8") == (tmp_path / "b.svg").read_text("utf-8")


def test_graph_writes_the_format_of_the_suffix(tmp_path):
    """DOT needs nothing but Python; folders on the way are made."""
    path = tmp_path / "new" / "g.dot"
    done = run("graph", f"{PETERSON}:peterson", "-o", path)
    assert done.exit_code == 0
    assert "26 states, 44 transitions" in done.stdout
    assert path.read_text("utf-8").startswith("digraph")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("x.bmp", "as .bmp: use .dot, .gv, .svg, .png, .pdf"),
        (".", "it is a folder"),
        ("x", "without a suffix: use .dot"),
        ("file/x.dot", "is no folder"),
    ],
)
def test_graph_refuses_what_it_cannot_write(output, said, tmp_path, monkeypatch):
    """A suffix that nothing draws, a folder, a path below a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    done = run("graph", f"{PETERSON}:peterson", "-o", output)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-p", "n=2", "-p", "n=3"), "-p n=3: n has a value already"),
        (("--html", ""), "--html wants the name of a file or folder"),
        (("--memory", "sc,tso", "--checkpoint", "c"), "--checkpoint is for one search"),
        (("--memory", "sc,tso", "--resume", "c"), "--resume is for one search"),
    ],
)
def test_options_that_would_take_back_one_another_are_refused(options, said):
    """Nothing that was asked for is left out silently, and no search writes over another one's."""
    done = run("check", f"{CLASSIC / 'lost_update.py'}:lost_update", *options)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("graphviz", ("graph", "peterson.py:peterson", "-o", "x.dot")),
        ("networkx", ("check", "peterson.py:peterson", "--export", "graphml:x.graphml")),
    ],
)
def test_a_package_that_lacks_is_told_before_the_search(missing, words, tmp_path, monkeypatch):
    """A long search would be lost; the model's file is not even there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    done = run(*words)
    assert done.exit_code == 2
    assert f"need the package {missing}: pip install" in done.stderr


def test_help_and_version_need_no_model():
    """Every command explains itself."""
    assert run("--version").stdout.startswith("modelcheck ")
    for command in ([], ["check"], ["list"], ["simulate"], ["replay"], ["graph"]):
        done = run(*command, "--help")
        assert done.exit_code == 0
        assert done.stdout.startswith("Usage:")


def test_the_start_loads_nothing_heavy():
    """Neither the terminal's library nor the picture's is imported for a table in a pipe."""
    code = (
        "import sys; from modelcheck.cli.commands import main\n"
        f"try: main(['check', {str(PETERSON)!r}])\n"
        "except SystemExit as end: print(end.code)\n"
        "print(sorted({'rich', 'graphviz', 'networkx', 'numpy', 'asyncio'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["0", "[]"]


@pytest.mark.parametrize("module", ["modelcheck", "modelcheck.cli", "modelcheck.cli.commands"])
def test_python_runs_it_as_a_module(module, tmp_path):
    """Under each name with all commands and the same status; none does nothing and succeeds."""
    words = [sys.executable, "-W", "ignore", "-m", module]
    done = subprocess.run([*words, "check", tmp_path / "none.py"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no file or folder" in done.stderr
    done = subprocess.run([*words, "repair", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.startswith("Usage:")) == (0, True)
