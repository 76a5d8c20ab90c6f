"""What commands write and say: tables, pictures in each format, walks, files that are broken."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys

import pytest
from commandline import CLASSIC, KINDS, models, run, run_json

from modelcheck.cli.streams import EachLineOnce

PETERSON = CLASSIC / "peterson.py"
LOST = CLASSIC / "lost_update.py"


def test_a_file_that_cannot_be_loaded_does_not_lose_the_others(tmp_path, monkeypatch):
    """In a folder it is a row with its error; the rest is checked, and the end is exit code 2."""
    monkeypatch.chdir(tmp_path)
    models(tmp_path / "a.py", "1 / 0")
    models(tmp_path / "b.py", KINDS.partition("@model(")[0])
    models(tmp_path / "c.py", "def f(:\n")
    done = run("check", ".")
    assert done.exit_code == 2
    rows = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if line}
    assert {**rows, "good": "holds", "a.py": "error", "c.py": "error"} == rows
    assert done.stdout.endswith("1 of 3 models as expected, 2 with an error\n")
    assert "a.py: " in done.stderr
    assert "ZeroDivisionError" in done.stderr
    found = {r["model"]: r for r in run_json(".")}
    assert (found["good"]["verdict"], found[None]["verdict"]) == ("holds", "error")
    assert found[None]["file"].endswith("c.py")
    listed = run("list", ".")
    assert (listed.exit_code, "good" in listed.stdout) == (2, True)
    assert "syntax error" in listed.stderr


def test_a_named_model_is_not_missed_behind_a_broken_file(tmp_path, monkeypatch):
    """Where it might stand in the file that cannot be loaded, that is the error."""
    monkeypatch.chdir(tmp_path)
    models(tmp_path / "a.py", "1 / 0")
    models(tmp_path / "b.py", KINDS)
    assert "ZeroDivisionError" in run("check", ".:absent").stderr
    assert run("check", ".:good").exit_code == 2
    done = run("check", "b.py:good", "a.py")
    assert (done.exit_code, "1 of 2 models as expected, 1 with an error" in done.stdout) == (
        2,
        True,
    )


def test_a_table_says_what_each_model_is_where_there_is_room(monkeypatch):
    """The first line of its docstring: whole in a pipe, cut or left out on a terminal."""
    heading, first, *_ = run("check", PETERSON).stdout.splitlines()
    summary = "Mutual exclusion with three shared bits."
    assert heading.endswith("what it is")
    assert first.endswith(f"  {summary}")
    other = first.removesuffix(summary).rstrip()
    left = heading.index("what it is")
    for room, shown in ((60, summary), (30, f"{summary[:29]}…"), (19, ""), (-50, "")):
        monkeypatch.setattr("modelcheck.cli.printing._width", lambda room=room: left + room)
        first = run("check", PETERSON).stdout.splitlines()[1]
        assert re.sub(r"\d\.\d\d", "", first).endswith(re.sub(r"\d\.\d\d", "", shown or other[40:]))


def test_no_expectation_is_said_and_not_failed():
    """A word speaks of the defaults: with other parameters a twin may well hold."""
    done = run("check", f"{LOST}:lost_update", "-p", "n=1")
    assert done.exit_code == 0
    assert "lost_update(n=1): holds (no expectation for these parameters)" in done.stdout
    several = run("check", LOST, "-p", "n=1")
    assert several.exit_code == 0
    assert several.stdout.endswith("1 of 2 models as expected, 1 without an expectation\n")
    found = run_json(f"{LOST}:lost_update", "-p", "n=1")
    assert (found["expected"], found["as_expected"]) == (None, None)


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("--svg", "x.txt", "cannot be written as .txt: use .svg, .png, .pdf, or a folder"),
        ("--svg", "x.dot", "cannot be written as .dot"),
        ("--dot", "x.svg", "cannot be written as .svg: use .dot, .gv, or a folder"),
        ("--json", "new/", "it is a folder"),
    ],
)
@pytest.mark.parametrize("command", ["check", "simulate"])
def test_a_wrong_suffix_is_refused_before_the_search(command, option, given, said, tmp_path):
    """An SVG under another name would open nowhere; a file that others keep there is left alone."""
    done = run(command, f"{LOST}:lost_update", option, f"{tmp_path}/{given}")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_format_that_nothing_here_makes_is_refused(tmp_path, monkeypatch):
    """A PNG or PDF needs a converter: it is looked for before the search, and named."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr("modelcheck.show.engines.find_spec", lambda name: None)
    for suffix, said in ((".png", "librsvg2-bin"), (".pdf", "pip install svg2pdf-py")):
        done = run("check", f"{LOST}:lost_update", "--svg", tmp_path / f"x{suffix}")
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="needs rsvg-convert")
@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_a_picture_in_another_format(suffix, magic, tmp_path):
    """A file's suffix is its format, with the text beside it."""
    path = tmp_path / f"x{suffix}"
    assert run("check", f"{LOST}:lost_update", "--svg", path).exit_code == 0
    assert path.read_bytes().startswith(magic)
    assert "Replay token" in path.with_suffix(".txt").read_text("utf-8")


def test_a_walk_is_written_like_a_counterexample(tmp_path):
    """JSON, SVG and DOT show the walk, also where it met nothing; and it is called a walk."""
    target = f"{PETERSON}:peterson"
    files = {kind: tmp_path / f"x.{kind}" for kind in ("json", "svg", "dot")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    done = run("simulate", target, "--seed", 3, "--steps", 9, *options)
    assert done.exit_code == 3
    assert "Random walk\n" in done.stdout
    assert "1 trace written as SVG and text" in done.stdout
    found = json.loads(files["json"].read_text())
    assert (found["verdict"], len(found["trace"])) == ("incomplete", 9)
    assert "random walk, 9 steps" in files["svg"].read_text("utf-8")
    assert files["dot"].read_text("utf-8").startswith("digraph")
    piped = run("simulate", target, "--seed", 3, "--steps", 9, "--json", "-")
    assert json.loads(piped.stdout)["trace"] == found["trace"]
    missing = run("simulate", f"{PETERSON}:nobody", "--json", "-")
    assert (missing.exit_code, json.loads(missing.stdout)["verdict"]) == (2, "error")
    assert "Path, after 9 steps" in run("replay", target, found["token"]).stdout


def test_a_library_fails_in_the_name_of_its_caller(tmp_path, monkeypatch):
    """What the user's code asks of a library is the user's fault, what ours asks of it is ours."""
    file = models(tmp_path / "m.py", "@model\ndef m():\n    import json; json.loads('x')\n")
    done = run("check", file)
    assert "m cannot be built: JSONDecodeError" in done.stderr
    assert f"{file}:{len(file.read_text().splitlines())}:" in done.stderr
    library = eval(compile("lambda *_: 1 / 0", json.__file__, "eval"))  # a frame of its own
    monkeypatch.setattr(sys.modules["modelcheck.check"], "explore", library)
    done = run("check", f"{PETERSON}:peterson")
    assert done.exit_code == 2
    assert "this is a bug in modelcheck" in done.stderr


def test_a_stream_passes_each_line_once(monkeypatch):
    """In order, put together from any pieces; and no more different ones than are remembered."""
    monkeypatch.setattr("modelcheck.cli.streams.MOST_LINES", 3)
    below = io.StringIO()
    stream = EachLineOnce(below)
    for text in ("a\nb", "c\na\n", "a\nbc\nd\ne\n", "bc"):
        assert stream.write(text) == len(text)
    stream.finish()
    lines = below.getvalue().splitlines()
    assert lines[:3] == ["a", "bc", "d"]
    assert lines[3].startswith("modelcheck: 5 more lines that the model printed are left out")
    assert len(lines) == 4


def test_what_was_written_is_told_by_its_name(tmp_path):
    """Of several models the files are named after them: what is told can be opened, or listed."""
    done = run("check", LOST, "--svg", tmp_path / "x.svg", "--html", tmp_path / "y.html")
    assert f"SVG and text: {tmp_path / 'x-lost_update.svg'}\n" in done.stdout
    assert f"2 models written as html: {tmp_path / 'y-*.html'}\n" in done.stdout
    assert len(list(tmp_path.glob("y-*.html"))) == 2
    done = run("check", LOST, "--svg", tmp_path / "new")
    assert (tmp_path / "new" / "lost_update.svg").exists()
