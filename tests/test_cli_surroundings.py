"""The command line in hostile surroundings: streams, interruptions, models that say anything."""

from __future__ import annotations

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
    PARAMETERS,
    counting_to,
    environment,
    execute,
    models,
    run,
)

from modelcheck.cli.commands import main

PETERSON = CLASSIC / "peterson.py"
LOST = CLASSIC / "lost_update.py"

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
def test_a_reader_that_leaves_changes_nothing(command, tmp_path):
    """`| head` gets its lines: no traceback, and a violation is still no success."""
    kinds = models(tmp_path / "kinds.py", KINDS)
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


@pytest.mark.parametrize("place", ["make_context", "invoke"])
def test_an_interrupt_before_a_command_is_none_of_clicks(place, monkeypatch):
    """Click would end with 1, which says that a model is violated."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(main), place, interrupted)
    done = run("check", PETERSON)
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.strip() == "modelcheck: interrupted"


# Hostile models

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
