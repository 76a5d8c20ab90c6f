"""The command line: options, exit codes, JSON, files, and what hostile surroundings do to it."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import xml.dom.minidom
from pathlib import Path
from textwrap import dedent

import pytest
from commandline import (
    CLASSIC,
    COMMAND,
    KINDS,
    ROOT,
    counting_to,
    environment,
    execute,
    models,
    run,
    run_json,
)

from modelcheck.loading import load

PETERSON = CLASSIC / "peterson.py"
LOST = CLASSIC / "lost_update.py"

ENDLESS = """
from pathlib import Path

def begun():
    Path(__file__).with_name("begun").touch()

@process
def clock(s, i):
    # It looks at its neighbour: were they independent, a reduced search would end at once.
    while True:
        for v in range(6):
            yield s.cells[i].set(v)
            yield s.cells[i - 1]

@state
class Cells:
    cells: object

@model
def first():
    s = S()
    return System(s, [adder(s)], [small])

@model
def big(n: int = 9):
    begun()
    s = Cells(cells=cells(n, 0))
    return System(s, [clock(s, i) for i in range(n)])

@model
def after_it():
    s = S()
    return System(s, [adder(s)], [small])

@model
def never_built():
    begun()
    while True:
        pass
"""

ESC = "\x1b[31m\x07\r\n<b>&\"'[bold]{}|\\`\u202e\ud800"

HOSTILE = f"""
ESC = {ESC!a}

@state
class Words:
    x: str = ESC
    y: object = 0

@process
def talker(s, k):
    yield s.x.swap(ESC + str(k))
    yield label("at" + ESC)
    yield s.y.set(10 ** 6000).named(ESC)
    yield s.y.set(("x" * 100_000, ESC))
    assert False, "said" + ESC

@sometimes
def zero(s):
    return s.y == 0

@model
def hostile(par: str = ESC, huge: int = 10 ** 50):
    '''Doc \\x1b[31m red <b>.'''
    s = Words()
    return System(s, [talker(s, 1), talker(s, 2)], [zero])
"""


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

PARAMETERS = """
from enum import Enum

class Color(Enum):
    RED = 1
    BLUE = 2

@model
def par(n: int = 2, b: bool = True, t: str = "abc", c: Color = Color.RED, f: float = 1.5,
        pair: tuple = (1, 2), free=None):
    s = S()
    return System(s, [adder(s) for _ in range(n)])

@model
def needs(m, n: int = 2):
    s = S()
    return System(s, [adder(s) for _ in range(m)])
"""


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


# Files


def test_svg_and_text_are_written_for_what_is_violated(tmp_path):
    """One model's files have the name given; several models' are named after them."""
    run("check", f"{PETERSON}:peterson_swapped", "--svg", tmp_path / "one.svg")
    several = run("check", CLASSIC, "--svg", tmp_path / "all", "--dot", tmp_path / "dots")
    assert "5 counterexamples written as SVG and text" in several.stdout
    assert "13 state graphs written as DOT" in several.stdout
    for path in (tmp_path / "one.svg", *(tmp_path / "all").glob("*.svg")):
        xml.dom.minidom.parse(str(path))
        assert "Replay token: mc1." in path.with_suffix(".txt").read_text("utf-8")
    assert len(list((tmp_path / "all").glob("*.svg"))) == 5
    assert len(list((tmp_path / "dots").glob("*.dot"))) == 13


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("new/deep/x.svg", ["new/deep/x.svg", "new/deep/x.txt"]),
        ("folder/", ["folder/lost_update.svg", "folder/lost_update.txt"]),
        ("bare", ["bare/lost_update.svg", "bare/lost_update.txt"]),
    ],
)
def test_where_the_files_of_one_model_go(given, expected, tmp_path, monkeypatch):
    """Folders are made; a name without a suffix is one."""
    monkeypatch.chdir(tmp_path)
    assert run("check", f"{LOST}:lost_update", "--svg", given).exit_code == 0
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert found == expected
    assert "<svg" in (tmp_path / expected[0]).read_text("utf-8")


def test_where_the_files_of_several_models_go(tmp_path, monkeypatch):
    """A name with a suffix is taken as their beginning, one without as a folder."""
    monkeypatch.chdir(tmp_path)
    run("check", PETERSON, "--dot", "x.dot")
    run("check", PETERSON, "--dot", "folder")
    assert sorted(p.name for p in tmp_path.glob("x*")) == [
        "x-peterson.dot",
        "x-peterson_swapped.dot",
    ]
    assert len(list((tmp_path / "folder").iterdir())) == 2


def test_no_counterexample_is_no_error(tmp_path):
    """What holds has no picture, and it is said."""
    done = run("check", f"{PETERSON}:peterson", "--svg", tmp_path / "x.svg")
    assert done.exit_code == 0
    assert "no counterexample to draw" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--json", "--svg", "--dot"])
def test_a_path_that_cannot_be_written_is_refused_before_the_search(option, tmp_path):
    """A search of an hour whose result has no place is worth an early complaint."""
    (tmp_path / "file").write_text("")
    done = run("check", PETERSON, option, tmp_path / "file" / "below")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot be written" in done.stderr


def test_all_files_that_cannot_be_written_are_refused_at_once(tmp_path):
    """Who mends the first complaint should not meet the next one after another start."""
    (tmp_path / "file").write_text("")
    long, below = tmp_path / f"{'x' * 300}.html", tmp_path / "file" / "below.xml"
    done = run("check", PETERSON, "--json", tmp_path, "--html", long, "--export", f"junit:{below}")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"modelcheck: {tmp_path} cannot be written: it is a folder, and a file is needed",
        f"{long} cannot be written: {os.strerror(errno.ENAMETOOLONG)}",
        f"{below} cannot be written: {tmp_path / 'file'} is no folder",
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_look_whether_a_file_can_be_written_changes_nothing(tmp_path):
    """Before the search the old file is as it was: the search may end without a new one."""
    old = tmp_path / "old.json"
    old.write_text("old")
    done = run("check", PETERSON, "--json", old, "--svg", tmp_path / "x.txt")
    assert (done.exit_code, old.read_text()) == (2, "old")
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused_before_the_search(tmp_path):
    """A file that may be written to is no help: the new one is made beside it."""
    old = tmp_path / "old.json"
    old.write_text("old")
    tmp_path.chmod(0o555)
    done = run("check", PETERSON, "--json", old)
    tmp_path.chmod(0o755)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no permission" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_costs_its_own_file_alone(tmp_path):
    """The verdict is printed, every other file is written, and the exit status is 2."""
    done = run(
        "check", f"{LOST}:lost_update", "--json", "/dev/full", "--svg", tmp_path / "x.svg",
        "--export", "text:/dev/full", "--html", tmp_path / "x.html",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "lost_update(n=2): violated" in done.stdout
    assert done.stderr.count("/dev/full cannot be written") == 2
    assert {p.name for p in tmp_path.iterdir()} == {"x.svg", "x.txt", "x.html"}


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs /dev/null")
def test_beside_a_device_no_text_is_written(tmp_path):
    """There a picture has no neighbor: `/dev/null.txt` would be a surprise."""
    (tmp_path / "x.svg").symlink_to("/dev/null")
    run("check", f"{LOST}:lost_update", "--svg", tmp_path / "x.svg")
    assert [p.name for p in tmp_path.iterdir()] == ["x.svg"]


def test_a_folder_is_no_file_for_json(tmp_path):
    """JSON is one file."""
    done = run("check", PETERSON, "--json", tmp_path)
    assert done.exit_code == 2
    assert "it is a folder" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_loses_the_file_but_not_the_table():
    """What was found is printed before files are written."""
    done = execute("check", f"{PETERSON}:peterson", "--json", "/dev/full")
    assert done.returncode == 2
    assert b"peterson: holds" in done.stdout
    assert b"No space left on device" in done.stderr
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "check", PETERSON], stdout=full, stderr=subprocess.PIPE, env=environment()
        )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"No space left on device" in done.stderr


def test_two_runs_may_write_into_one_folder(tmp_path):
    """Every file is whole at the end, and nothing else is left behind."""
    options = [
        "--svg",
        tmp_path / "out",
        "--dot",
        tmp_path / "out",
        "--json",
        tmp_path / "all.json",
    ]
    command = [*COMMAND, "check", PETERSON, LOST, *options, "--quiet"]
    runs = [subprocess.Popen(list(map(str, command)), env=environment()) for _ in range(3)]
    assert [process.wait(60) for process in runs] == [0, 0, 0]
    assert len(json.loads((tmp_path / "all.json").read_text())) == 4
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [
        "atomic_update.dot", "lost_update.dot", "lost_update.svg", "lost_update.txt",
        "peterson.dot", "peterson_swapped.dot", "peterson_swapped.svg", "peterson_swapped.txt",
    ]  # fmt: skip
    for path in (tmp_path / "out").glob("*.svg"):
        xml.dom.minidom.parse(str(path))


def test_a_link_is_written_through(tmp_path):
    """The file behind a link is what was meant; the link stays one."""
    (tmp_path / "link.json").symlink_to("real.json")
    run("check", PETERSON, "--json", tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())


# Standard output is ours alone

NOISY = """
import os
print("noise at import")
os.system("echo noise of a child")

@process
def noisy(s):
    print("noise of a process")
    yield s.x.set(1)

@model
def m():
    print("noise of a model")
    s = S()
    return System(s, [noisy(s)], [small])
"""


def test_json_on_standard_output_is_nothing_but_json(tmp_path):
    """What models print, and what their child processes print, goes to standard error."""
    file = models(tmp_path / "m.py", NOISY)
    done = execute("check", file, "--json", "-")
    assert json.loads(done.stdout)["verdict"] == "holds"
    for noise in (b"at import", b"of a child", b"of a process", b"of a model"):
        assert b"noise " + noise in done.stderr


def test_what_a_process_prints_is_shown_once(tmp_path):
    """Its code runs for each path anew; the repetition is left out, and it is said why."""
    done = run("check", models(tmp_path / "m.py", NOISY))
    assert done.stderr.count("noise of a process\n") == 1
    assert "more lines that the model printed are left out: its code runs once for each path" in (
        done.stderr
    )


@pytest.mark.parametrize(
    "arguments",
    [["missing.py"], ["m.py:nobody"], ["m.py", "-p", "zz=1"], ["m.py", "--memory", "none"],
     ["broken.py"], ["m.py", "--svg", "m.py/below"]],
)  # fmt: skip
def test_errors_too_are_json_on_standard_output(arguments, tmp_path, monkeypatch):
    """A command that cannot be carried out says so in an object, and on standard error."""
    monkeypatch.chdir(tmp_path)
    models(tmp_path / "m.py", NOISY)
    models(tmp_path / "broken.py", "1 / 0")
    done = run("check", *arguments, "--json", "-")
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert (found["verdict"], found["states"]) == ("error", None)
    assert "modelcheck: " in done.stderr
    assert found["error"].splitlines()[0] in done.stderr


@pytest.mark.parametrize("command", ["check", "list"])
def test_a_reader_that_leaves_changes_nothing(command, kinds):
    """`| head` gets its lines: no traceback, and a violation is still no success."""
    arguments = ["check", f"{kinds}:surprising"] if command == "check" else ["list", LOST]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], stdout=writer, stderr=subprocess.PIPE, env=environment()
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (int(command == "check"), b"")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_error(closed):
    """Where a shell closed a stream, there is nobody to tell and nothing to fail."""
    command = shlex.join([*COMMAND, "check", str(PETERSON)])
    done = subprocess.run(["sh", "-c", f"{command} {closed}"], env=environment(), check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("variables", "arrow"),
    [
        ({"LC_ALL": "C"}, "→"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "->"),
        ({"PYTHONIOENCODING": "ascii"}, "->"),
        ({"PYTHONIOENCODING": "latin-1"}, "->"),
        ({"PYTHONIOENCODING": "utf-8"}, "→"),
    ],
)
def test_any_encoding_will_do(variables, arrow, tmp_path):
    """Where there is no arrow it is drawn in ASCII, and what is written to files stays UTF-8."""
    svg = tmp_path / "x.svg"
    done = execute("check", f"{LOST}:lost_update", "--svg", svg, env=environment(**variables))
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"count: 0 {arrow} 1" in done.stdout.decode("utf-8")
    assert "→" in svg.read_text("utf-8")


# Interruption


def interrupted(arguments, how: signal.Signals, begun: Path):
    """Run a command and interrupt it once it has begun; also where we run with SIGINT ignored."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    until = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(2.0)  # the model is built by then, and the search under way
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_tells_how_far_it_came(how, tmp_path):
    """Ctrl-C, or the end of a job's time: earlier results stay, the search is incomplete."""
    file = models(tmp_path / "m.py", ENDLESS)
    targets = [f"{file}:{name}" for name in ("first", "big", "after_it")]
    code, out, err = interrupted(["check", *targets], how, tmp_path / "begun")
    assert (code, err) == (3, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert re.search(r"first +holds +as expected +3 ", rows["first"])
    assert re.search(r"big +incomplete .*interrupted", rows["big"])
    assert "after_it" not in rows
    assert out.endswith("1 of 3 models as expected, 1 incomplete, 1 not checked\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["big", "never_built"])
def test_an_interrupted_search_is_json_too(name, tmp_path):
    """Also where the model was still being built."""
    file = models(tmp_path / "m.py", ENDLESS)
    target = f"{file}:{name}"
    code, out, err = interrupted(
        ["check", target, "--json", "-"], signal.SIGINT, tmp_path / "begun"
    )
    found = json.loads(out)
    assert (code, err) == (3, "")
    assert (found["verdict"], found["reason"]) == ("incomplete", "interrupted")
    assert (found["states"] > 0) == (name == "big")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(
    "arguments",
    [["graph", "never_built", "-o", "x.dot"], ["simulate", "big", "--steps", "999999999"]],
)
def test_other_commands_are_interrupted_quietly(arguments, tmp_path):
    """No traceback, and exit code 3."""
    file = models(tmp_path / "m.py", ENDLESS)
    arguments[1] = f"{file}:{arguments[1]}"
    code, out, err = interrupted(arguments, signal.SIGINT, tmp_path / "begun")
    assert (code, out, err) == (3, "", "modelcheck: interrupted\n")


# Hostile models


@pytest.mark.parametrize("command", ["list", "check", "simulate", "graph"])
def test_hostile_words_reach_no_output_as_they_are(command, tmp_path):
    """Escape sequences, bells, markup and lone surrogates in values, labels and documentation."""
    file = models(tmp_path / "m.py", HOSTILE)
    extra = {"graph": ["-o", tmp_path / "g.dot"], "check": ["--svg", tmp_path / "x.svg"]}
    extra["check"] += ["--dot", tmp_path / "d.dot", "--json", tmp_path / "j.json"]
    done = run(command, f"{file}:hostile", *extra.get(command, []))
    assert done.exit_code == (1 if command in ("check", "simulate") else 0)
    written = [p.read_bytes() for p in tmp_path.iterdir() if p != file and p.is_file()]
    for content in (done.stdout_bytes, done.stderr_bytes, *written):
        text = content.decode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    if command == "check":
        xml.dom.minidom.parse(str(tmp_path / "x.svg"))
        assert json.loads((tmp_path / "j.json").read_text())["trace"]


def test_a_hostile_parameter_or_error_is_quoted(tmp_path):
    """What comes in on the command line, or out of the user's own errors, is escaped as well."""
    file = models(
        tmp_path / "m.py", PARAMETERS + "\n@model\ndef bad():\n    raise ValueError('\\x1b[31m')\n"
    )
    for arguments in (["-p", f"t={ESC[:-1]}"], ["-p", f"n={ESC[:-1]}"], ["-p", f"{ESC[:-1]}=1"]):
        done = run("check", f"{file}:par", *arguments)
        assert not re.search("[\x07\x1b\u202e]", done.stdout + done.stderr)
    assert "\\x1b[31m" in run("check", f"{file}:bad").stderr


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return System(S(), [])", 0, "1 state, 0 transitions"),
        ("return System({}, [])", 0, "1 state, 0 transitions"),
        ("s = S(); return System(s, [idle(s)])", 0, "1 state, 0 transitions"),
        ("s = S(); return System(s, [idle(s).named(f'p{i}') for i in range(100)])", 0, "1 state"),
        ("s = S(); return System(s, [fails(s)])", 1, "assertion at once, after 0 steps"),
        ("s = S(x=3); return System(s, [adder(s)], [small])", 1, "invariant small, after 0 steps"),
        ("s = S(); return System(s, [leaves(s)])", 1, "exception SystemExit: 0, after 1 step"),
        ("import sys; sys.exit(0)", 2, "cannot be built: SystemExit: 0"),
        ("return None", 2, "returned None"),
        ("return m()", 2, "RecursionError"),
    ],
)
def test_odd_models_are_told_from_wrong_ones(body, code, said, tmp_path):
    """Nothing to do, nothing at all, a hundred processes; and code that ends the program."""
    processes = """
    @process
    def idle(s):
        return
        yield

    @process
    def fails(s):
        assert False, "at once"
        yield

    @process
    def leaves(s):
        yield s.x
        raise SystemExit(0)

    """
    file = models(tmp_path / "m.py", dedent(processes) + f"@model\ndef m():\n    {body}\n")
    done = run("check", file)
    assert done.exit_code == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_our_own_faults_are_neither_a_pass_nor_a_violation(monkeypatch):
    """Exit code 1 is a violation's; an exception of ours is an error, with its traceback."""
    monkeypatch.setattr("modelcheck.cli.printing.plain_table", lambda *_, **__: 1 / 0)
    done = run("check", PETERSON)
    assert done.exit_code == 2
    assert "this is a bug in modelcheck" in done.stderr
    assert "ZeroDivisionError" in done.stderr


LONG = counting_to(5_000)


def test_a_counterexample_of_thousands_of_steps_is_shown(tmp_path):
    """Text, SVG, JSON and the token take seconds, and a shell takes the token."""
    file = models(tmp_path / "m.py", LONG)
    started = time.perf_counter()
    done = execute("check", file, "--svg", tmp_path / "x.svg", "--json", tmp_path / "x.json")
    assert done.returncode == 1
    found = json.loads((tmp_path / "x.json").read_text())
    assert len(found["trace"]) == 5_000
    xml.dom.minidom.parse(str(tmp_path / "x.svg"))
    again = execute("replay", f"{file}:m", found["token"])
    piped = execute("replay", f"{file}:m", "-", input=found["token"].encode() + b"\n")
    assert (again.returncode, again.stdout) == (0, piped.stdout)
    assert time.perf_counter() - started < 60


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


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("delay_s", [0.08, 0.16, 0.24])
def test_an_interrupt_while_the_program_is_loaded_is_no_traceback(delay_s):
    """Ctrl-C in the midst of the imports ends it as later: status 3 and one word.

    The first hundredths of a second are Python's own, and no part of this.
    """
    words = [*COMMAND, "check", str(CLASSIC / "philosophers.py")]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    late = (
        "import runpy, signal, sys, threading, time; import _modelcheck_main\n"
        f"threading.Timer({delay_s}, signal.raise_signal, [signal.SIGINT]).start()\n"
        "sys.argv = sys.argv[1:]; _modelcheck_main.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", late, "modelcheck", *words[3:], "--timeout", "60", "-p", "n=9"],
        env=fixed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 3


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
