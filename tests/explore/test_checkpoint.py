"""Checkpoints: whatever ends a search, it can be gone on with, and only if it is the same one."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from commandline import CLASSIC, COMMAND, HEAD, ROOT, environment, execute, models, run
from killing import torment
from oracle.generate import random_program
from oracle.printing import load, unload
from oracle.resumed import hold_against

from modelcheck import System, cells, check, choose, process, state
from modelcheck.explore import checkpoint as files
from modelcheck.explore import native
from modelcheck.explore.checkpoint import Reader, locked

pytestmark = [
    pytest.mark.skipif(not native.available(), reason="checkpoints need numba"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@state
class Wide:
    x: int = 0
    y: int = 0
    b = cells(70, 0)


@process
def cell(s, index, n):
    value = yield choose(range(n))
    yield s.b[index].set(value)
    yield s.x.set(value)
    yield s.y.set(value)


def wide(n=6, many=4):
    """A state of several words, which are joined in a tree."""
    s = Wide()
    return System(s, [cell(s, 17 * i, n) for i in range(many)])


MODEL = """
@process
def user(s, by):
    for _ in range(9):
        yield s.x.update(lambda x: (x + by) % 7)
    yield s.y.add(1)

LIMIT = 3

@always
def low(s):
    return s.y <= 3 and s.y <= LIMIT

@sometimes
def all_ended(s):
    return s.y == 3

@model
def m(by: int = 1):
    s = S()
    return System(s, [user(s, i * by) for i in (1, 2, 3)], [low, all_ended])
"""


@pytest.fixture
def file(tmp_path) -> Path:
    """Where the checkpoint of a test is."""
    return tmp_path / "search.checkpoint"


@pytest.fixture
def cut(tmp_path, file):
    """A model's file, with the checkpoint of a search of it that was cut."""
    path = models(tmp_path / "m.py", MODEL)
    done = run("check", path, "--checkpoint", file, "--max-states", 100)
    assert done.exit_code == 3
    assert f"checkpoint: {os.path.realpath(file)} (0." in done.stdout
    return path


def refused(*args):
    """What a command that is refused says."""
    done = run("check", *args)
    assert done.exit_code == 2, done.output
    return done.stderr


# Going on


@pytest.mark.parametrize("workers", [1, 2])
def test_random_programs_that_are_cut_and_resumed(workers, file, monkeypatch):
    """Cut three times, a search finds the same as one left alone: counts, trace, coverage."""
    monkeypatch.setattr(native.load(), "WIDE", 2)
    cuts = 0
    for seed in range(7_000_000, 7_000_020):
        model, _, _ = load(random_program(Random(seed)))
        try:
            whole = check(model, max_states=2_000)
            at = sorted(Random(seed).sample(range(1, max(whole.states, 5)), 3))
            if not whole.reason:
                cuts += hold_against(model, file, tuple(at), workers)
        finally:
            unload(model)
    assert cuts > 20


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 2)])
def test_states_of_several_words_and_other_workers(before, after, file, monkeypatch):
    """The number of workers may change, and long states keep their parts."""
    monkeypatch.setattr(native.load(), "WIDE", 2)
    whole = check(wide(), engine="native", reduction=False)
    check(wide(), checkpoint=file, max_states=whole.states // 3, workers=before)
    check(wide(), resume=file, max_states=whole.states // 2, workers=after)
    last = check(wide(), resume=file, workers=before)
    for part in ("verdict", "states", "transitions", "levels", "coverage"):
        assert getattr(last, part) == getattr(whole, part)


def test_what_workers_put_off_is_not_lost(file, monkeypatch):
    """A budget that bites while put-off states are expanded leaves them in the checkpoint."""
    engine = native.load()
    monkeypatch.setattr(engine, "WIDE", 2)
    whole = check(wide(), engine="native", reduction=False)
    go_on, rounds = engine.NativeSearch._go_on, []

    def stop(self, last, order):
        go_on(self, last, order)
        if len(order) > 3 and not rounds:
            rounds.append(len(order))
            self.search.reason = "enough"

    monkeypatch.setattr(engine.NativeSearch, "_go_on", stop)
    part = check(wide(), checkpoint=file, workers=2)
    assert (part.reason, part.verdict) == ("enough", "incomplete")
    assert Reader(file).count("left") > 0
    last = check(wide(), resume=file)
    assert (last.verdict, last.states, last.transitions) == (
        "holds", whole.states, whole.transitions,
    )  # fmt: skip


def test_a_finished_search_can_be_asked_again(cut, file):
    """Resumed, it says the same at once; a new search may take its place, not that of a cut one."""
    assert "has not come to its end" in refused(cut, "--checkpoint", file)
    first = json.loads(run("check", cut, "--resume", file, "--json", "-").stdout)
    again = json.loads(run("check", cut, "--resume", file, "--json", "-").stdout)
    assert first["verdict"] == "holds"
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert again["seconds"] >= first["seconds"]
    assert run("check", cut, "--checkpoint", file).exit_code == 0


def test_a_resumed_search_is_written_elsewhere(cut, file, tmp_path):
    """With both options one file is read and the other written."""
    before, other = file.read_bytes(), tmp_path / "other.checkpoint"
    done = run("check", cut, "--resume", file, "--checkpoint", other, "--max-states", 200)
    assert done.exit_code == 3
    assert file.read_bytes() == before
    assert run("check", cut, "--resume", other).exit_code == 0


# Whatever ends it


def test_killed_searches_are_resumed():
    """Killed at random moments and amid writing, a search ends as one left alone."""
    assert torment("holds", 3, seed=7) >= 1
    assert torment("holds", 2, seed=7, workers=2, amid_writing=True) >= 1


@pytest.mark.long
@pytest.mark.parametrize("name", ["holds", "violated"])
@pytest.mark.parametrize("workers", [1, 2])
def test_fifty_killed_searches(name, workers):
    """The same, fifty times."""
    assert torment(name, 50, seed=workers, workers=workers) >= 1


def _default_signals():
    """Whoever runs these tests in the background may have had Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.long  # on a busy machine a moment after the start may be too soon
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_is_written(number, file, tmp_path):
    """Ctrl-C and SIGTERM leave a checkpoint of all that was found, and no other file.

    Where they come in the midst of a question to the model, the checkpoint before is left.
    """
    words = [*COMMAND, "check", f"{CLASSIC}/filter_lock.py:filter_lock", "-p", "n=6"]
    process = subprocess.Popen(
        [*words, "--checkpoint", str(file), "--json", "-"],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=_default_signals,
    )  # fmt: skip
    while not file.exists():
        time.sleep(0.01)
    time.sleep(1)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    found = json.loads(said)
    assert (process.returncode, found["reason"]) == (3, "interrupted")
    assert found["states"] > 1
    assert Reader(file).count("states") in (found["states"], 1)
    assert found["checkpoint"] == os.path.realpath(file)
    assert os.listdir(tmp_path) == [file.name]


def test_interrupted_amid_writing(cut, file, monkeypatch):
    """A second Ctrl-C while a checkpoint is written leaves the one before, and a result."""
    before = file.read_bytes()

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_write_part", interrupt)
    done = run("check", cut, "--resume", file, "--max-states", 200)
    assert done.exit_code == 3
    assert "200 states" in done.stdout
    assert file.read_bytes() == before
    assert not file.with_name(file.name + ".part").exists()


def test_a_full_disk_does_not_end_a_search(tmp_path, file):
    """A checkpoint that cannot be written is told as a warning; the file is the one before."""
    path, whole = models(tmp_path / "m.py", MODEL), tmp_path / "whole"
    # Not in this process: compiled code is kept on a disk too, and is to be there already.
    execute("check", path, "--checkpoint", whole, "--checkpoint-every", 0)
    limit = Reader(whole).path.stat().st_size - 10_000

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = execute(
        "check", path, "--checkpoint", file, "--checkpoint-every", 0, preexec_fn=small_files
    )
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "m(by=1): holds" in said
    assert "could not be written: File too large" in said
    assert Reader(file).count("states") < Reader(whole).count("states")
    assert not file.with_name(file.name + ".part").exists()
    assert run("check", path, "--resume", file).exit_code == 0


def test_a_checkpoint_that_cannot_be_written_at_all(cut, tmp_path):
    """That is told before the search, not after it."""
    assert "No such file or directory" in refused(cut, "--checkpoint", tmp_path / "no" / "file")
    assert "is no regular file" in refused(cut, "--checkpoint", tmp_path)
    assert "is no regular file" in refused(cut, "--checkpoint", "/dev/full")
    assert "wants the name of a file" in refused(cut, "--checkpoint", "")


def test_two_runs_on_one_file(cut, file):
    """The second is refused at once, and nothing is left once the first has ended."""
    with locked(file):
        assert "is being written by another run" in refused(cut, "--resume", file)
    assert run("check", cut, "--resume", file).exit_code == 0
    assert not file.with_name(file.name + ".lock").exists()


# What is refused


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("range(9)", "range(8)", "the code of the process user differs"),
        ("% 7", "% 8", "the code of the process user differs"),
        ("s.y.add(1)", "s.y.add(2)", "the code of the process user differs"),
        ("in range(9)", "in many()", "the code of the process user differs"),
        ("s.y <= 3", "s.y <= 2", "the code of the property low differs"),
        ("s.y == 3", "s.y == 1", "the code of the property all_ended differs"),
        ("def low", "def lower", "the code of the property low is gone"),
        ("low, all_ended]", "low]", "the code of the property all_ended is gone"),
        ("x: int = 0", "x: int = 1", "the initial values differ: 'x = 1' is new; 'x = 0' was"),
        ("y: int = 0", "y: int = 0; z: int = 0", "the locations differ: 'z' is new"),
        ("(1, 2, 3)", "(1, 2)", "the code of the process user differs"),
        ("[low, all_ended])", "[low, all_ended], deadlock=False)", "the deadlock check differ"),
        ("LIMIT = 3", "LIMIT = 4", "the code of the property low differs"),
        ("def m(", "def n(", "the model was m then and is n now"),
        ("by: int = 1", "by: int = 2", "the parameter by was 1 then and is 2 now"),
    ],
)
def test_a_changed_model_is_refused_by_name(old, new, said, cut, file):
    """Whatever was changed is named; what was learned is compared, not only the source."""
    text = (HEAD + MODEL).replace(old, new)
    if new == "def lower":
        text = text.replace("[low,", "[lower,")
    cut.write_text(text + "\ndef many():\n    return range(9)\n")
    complaint = refused(cut, "--resume", file)
    assert said in complaint
    assert "Traceback" not in complaint


def test_what_does_not_matter_may_change(cut, file):
    """Comments, lines and names nobody asks for are not part of a model."""
    cut.write_text("# a comment\n\n\n" + HEAD + MODEL.replace("    for _", "    # here\n    for _"))
    assert run("check", cut, "--resume", file).exit_code == 0


def test_other_options_are_refused(cut, file):
    """The reference explorer keeps nothing, models share no file, and budgets must have room."""
    assert "native engine" in refused(cut, "--resume", file, "--engine", "reference")
    assert "is for one model, and there are 2" in refused(cut, cut, "--resume", file)
    assert "does not go with checkpoints" in refused(cut, "--resume", file, "--hash-compact", "40")
    assert "MiB of memory was used up" in refused(cut, "--resume", file, "--max-memory", 1)


def test_foreign_torn_and_altered_files(cut, file, tmp_path):
    """Every file that is no whole checkpoint is refused in words, wherever it was altered."""
    content = file.read_bytes()
    bad = tmp_path / "bad"
    for text in (b"", b"x" * 1000, b"\x80\x04K\x01.", files.MAGIC[:-1]):
        bad.write_bytes(text)
        assert "is no checkpoint of modelcheck" in refused(cut, "--resume", bad)
    for length in [*range(len(files.MAGIC), len(content), 97), len(content) - 1]:
        bad.write_bytes(content[:length])
        assert "is damaged: it is torn" in refused(cut, "--resume", bad)
    chance = Random(5)
    for place in (chance.randrange(len(files.MAGIC), len(content)) for _ in range(60)):
        bad.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        assert "is damaged" in refused(cut, "--resume", bad)
    bad.write_bytes(content + b"more")
    assert "is damaged" in refused(cut, "--resume", bad)


def altered(reader: Reader, file: Path, **changes) -> None:
    """Write a checkpoint again with other entries in its header, and with correct sums."""
    parts = {name: reader.array(name) for name, *_ in reader.header.pop("parts")}
    files.write(file, {**reader.header, **changes}, parts)


def test_other_versions_are_refused_by_name(cut, file):
    """A checkpoint of another format, modelcheck or Python says which."""
    identity = Reader(file).header["identity"]
    for changes, said in (
        ({"format": 99}, "has format 99; this modelcheck reads format 1"),
        ({"identity": {**identity, "version of Python": "cpython-27"}}, "Python was cpython-27"),
        ({"identity": {**identity, "version of modelcheck": "0.0"}}, "modelcheck was 0.0"),
    ):
        before = file.read_bytes()
        altered(Reader(file), file, **changes)
        assert said in refused(cut, "--resume", file)
        file.write_bytes(before)


@pytest.mark.parametrize(
    "broken",
    [
        {"bounds": [0, 5, 3]}, {"bounds": []}, {"levels": "x"}, {"cursor": 10**12},
        {"widths": [1]}, {"groups": [[0]]}, {"groups": 1}, {"witnesses": [[0]]}, {"checked": None},
    ],
)  # fmt: skip
def test_numbers_that_fit_no_search_are_refused(broken, cut, file):
    """A file that is whole, and yet not a checkpoint of this model, is no traceback."""
    search = Reader(file).header["search"]
    altered(Reader(file), file, search={**search, **broken})
    assert "is damaged" in refused(cut, "--resume", file)


def test_nothing_in_a_checkpoint_is_executed():
    """It is read as JSON and numbers: no pickle, no eval, in any module that reads it."""
    for module in ("modelcheck.explore.checkpoint", "modelcheck.explore.native.snapshot",
                   "modelcheck.tables.history"):  # fmt: skip
        text = Path(sys.modules[module].__file__).read_text()
        assert not any(word in text for word in ("pickle", "eval(", "exec(", "marshal", "np.load"))


@pytest.mark.parametrize(
    ("variable", "said"), [("BY", "the process user["), ("MOST", "the property low (")]
)
def test_what_no_digest_sees_is_found_when_it_is_learned_again(
    variable, said, tmp_path, file, monkeypatch
):
    """A model that behaves otherwise is refused at the first step that differs, with its line."""
    body = MODEL.replace("(x + by) % 7", "(x + int(environ['BY'])) % 7")
    body = body.replace("LIMIT = 3", "from os import environ").replace(
        "LIMIT", "int(environ['MOST'])"
    )
    path = models(tmp_path / "m.py", body)
    monkeypatch.setenv("BY", "1")
    monkeypatch.setenv("MOST", "3")
    assert run("check", path, "--checkpoint", file, "--max-states", 100).exit_code == 3
    monkeypatch.setenv(variable, "-1")
    complaint = refused(path, "--resume", file)
    assert said in complaint
    assert f"{path}:" in complaint
    assert "reads, writes or decides otherwise" in complaint
    monkeypatch.setenv(variable, {"BY": "1", "MOST": "3"}[variable])
    assert run("check", path, "--resume", file).exit_code == 0
