"""The files that the command line writes: where they go, and disks that do not take them."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import xml.dom.minidom
from pathlib import Path

import pytest
from commandline import (
    CLASSIC,
    COMMAND,
    environment,
    execute,
    run,
)

PETERSON = CLASSIC / "peterson.py"
LOST = CLASSIC / "lost_update.py"


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
