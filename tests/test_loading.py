"""Loading: which models a path names, and what goes wrong in files that are no models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import CLASSIC, models

from modelcheck.check import check
from modelcheck.errors import ModelError, UsageError
from modelcheck.loading import find, load, split

MODEL = """
@model
def m():
    s = S()
    return System(s, [adder(s)])
"""


def names(path) -> list[str]:
    """The names of the models at a path."""
    return [model.name for model in find(str(path))]


def test_models_come_in_the_order_of_the_file_and_files_in_theirs():
    """A table reads as the files do."""
    assert names(CLASSIC / "philosophers.py") == ["philosophers", "greedy_philosophers"]
    assert names(CLASSIC)[:3] == ["bounded_buffer", "hungry_consumer", "filter_lock"]


def test_a_name_picks_one_model():
    """PATH:NAME is that model and no other."""
    assert names(f"{CLASSIC}/peterson.py:peterson_swapped") == ["peterson_swapped"]
    with pytest.raises(UsageError, match="no model 'nobody'; it has peterson, peterson_swapped"):
        find(f"{CLASSIC}/peterson.py:nobody")


@pytest.mark.parametrize(
    "name", ["sp ace.py", "co:lon.py", "ünïcödé.py", "new\nline.py", "-dash.py"]
)
def test_a_path_may_have_any_character(tmp_path, name):
    """Blanks, colons and letters of any script in a path are part of it."""
    file = models(tmp_path / "fol:der x" / name, MODEL)
    assert names(file) == names(f"{file}:m") == names(file.parent) == ["m"]


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("a.py:m", ("a.py", "m")),
        ("a.py", ("a.py", None)),
        ("a:b.py:m", ("a:b.py", "m")),
        ("a.py:no-name", ("a.py:no-name", None)),
    ],
)
def test_a_target_is_split_at_its_last_colon(target, parts):
    """What follows it is a model's name if it can be one."""
    assert split(target) == parts


def test_a_name_that_is_none_is_told_so_where_the_file_exists(tmp_path):
    """`file.py:` and `file.py:no-name` complain of the name, not of the path."""
    file = models(tmp_path / "m.py", MODEL)
    for name in ("", "no-name", "1"):
        with pytest.raises(UsageError, match=f"has no model '{name}'"):
            find(f"{file}:{name}")


@pytest.mark.parametrize("path", ["", "missing.py", "missing", "missing.py:m", "x" * 5000])
def test_a_path_that_leads_nowhere_is_an_error(path, tmp_path, monkeypatch):
    """The empty path is not the working directory: it is a script's unset variable."""
    monkeypatch.chdir(tmp_path)
    models(tmp_path / "m.py", MODEL)
    with pytest.raises(UsageError, match="there is no file or folder"):
        find(path)


@pytest.mark.parametrize("content", ["", "x = 1\n", "from modelcheck import model\n"])
def test_a_file_without_a_model_is_an_error(content, tmp_path):
    """Somebody named it, so it is not passed over."""
    file = tmp_path / "m.py"
    file.write_text(content)
    with pytest.raises(UsageError, match="defines no model"):
        load(file)


def test_what_is_no_python_file_is_an_error(tmp_path):
    """Neither text files nor devices are run."""
    (tmp_path / "m.txt").write_text("x")
    for path in (tmp_path / "m.txt", Path(os.devnull)):
        with pytest.raises(UsageError, match="is not a Python file"):
            load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x = 1\ndef (", "syntax error"),
        (b"x = 1\n1 / 0", "ZeroDivisionError"),
        (b"x = 1\nraise SystemExit(0)", "SystemExit: 0"),
        (b"x = 1\nimport nowhere_at_all", "ModuleNotFoundError"),
        (b"x = 1\nfrom . import y", "ImportError"),
        (b"x = 1\nclass E(BaseException): pass\nraise E('odd')", "E: odd"),
        (b"def f():\n    f()\nf()", "RecursionError"),
        (b'x = "\xff"', "syntax error"),
        (b"x = 1\0", "null byte"),
    ],
)
def test_a_file_that_cannot_be_loaded_names_the_line(content, said, tmp_path):
    """Whatever it raises becomes a model error that says where."""
    file = tmp_path / "m.py"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=said) as caught:
        load(file)
    assert caught.value.file == str(file)
    assert caught.value.line in range(1, 4)


def test_a_step_in_a_comprehension_is_told_how_to_write(tmp_path):
    """Python's own words say what is wrong, and not what to do."""
    file = tmp_path / "m.py"
    file.write_text("def p(s):\n    seen = [(yield x) for x in s.a]\n")
    with pytest.raises(ModelError, match="'yield' inside list comprehension") as caught:
        load(file)
    assert "Write a loop" in caught.value.remedy
    assert caught.value.line == 2


def test_an_error_in_a_neighbour_names_the_neighbour(tmp_path):
    """The line at fault may be in a file that the model imports."""
    file = models(tmp_path / "m.py", "import broken_neighbour\n")
    (tmp_path / "broken_neighbour.py").write_text("\n\n1 / 0\n")
    with pytest.raises(ModelError, match="ZeroDivisionError") as caught:
        load(file)
    assert caught.value.file == str(tmp_path / "broken_neighbour.py")
    assert caught.value.line == 3


def test_ctrl_c_while_a_file_is_loaded_is_no_error_of_the_file(tmp_path):
    """It ends the command, so it goes on its way."""
    file = models(tmp_path / "m.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load(file)


def test_a_folder_passes_over_what_is_no_model(tmp_path):
    """Hidden files, files that have nothing to do with us, dead links and pipes are not run."""
    models(tmp_path / "deep" / "er" / "m.py", MODEL)
    (tmp_path / "other.py").write_text("raise RuntimeError('says modelcheck, does not import it')")
    (tmp_path / ".hidden.py").write_text("import modelcheck\n1 / 0")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "x.py").write_text("import modelcheck\n1 / 0")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "helper.py").write_text("import modelcheck\n")
    (tmp_path / "dead.py").symlink_to("nowhere.py")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.py")
    assert names(tmp_path) == ["m"]


def test_a_file_that_two_paths_lead_to_is_loaded_once(tmp_path):
    """A link in a folder does not make a second model; a link by itself is as good as the file."""
    file = models(tmp_path / "m.py", MODEL)
    (tmp_path / "z_link.py").symlink_to(file)
    assert names(tmp_path) == ["m"]
    assert names(tmp_path / "z_link.py") == ["m"]


def test_two_folders_may_have_neighbours_of_the_same_name(tmp_path):
    """Each file sees the neighbour beside it, also when its code runs later."""
    body = """
    import neighbour

    @process
    def p(s):
        yield s.x.set(1).named(neighbour.WORD)

    @model
    def m():
        import late_neighbour
        s = S()
        return System(s, [p(s).named(late_neighbour.WORD)], [small])
    """
    for folder in ("a", "b"):
        models(tmp_path / folder / "m.py", body)
        (tmp_path / folder / "neighbour.py").write_text(f"WORD = 'early_{folder}'")
        (tmp_path / folder / "late_neighbour.py").write_text(f"WORD = 'late_{folder}'")
    path, before = list(sys.path), set(sys.modules)
    found = load(tmp_path)
    assert [m.function.__globals__["neighbour"].WORD for m in found] == ["early_a", "early_b"]
    assert (sys.path, set(sys.modules)) == (path, before)


def test_a_namespace_package_beside_a_file_is_a_neighbour_too(tmp_path):
    """A folder without `__init__.py` has no file, and still belongs to its own folder only."""
    for folder in ("a", "b"):
        models(tmp_path / folder / "m.py", "import parts_of_it.words\n" + MODEL)
        (tmp_path / folder / "parts_of_it").mkdir()
        (tmp_path / folder / "parts_of_it" / "words.py").write_text(f"WORD = {folder!r}")
    found = [load(tmp_path / folder / "m.py")[0] for folder in ("a", "b")]
    assert [m.function.__globals__["parts_of_it"].words.WORD for m in found] == ["a", "b"]


def test_a_file_in_a_package_may_import_from_it(tmp_path):
    """Relative imports mean what they mean elsewhere, also in two packages of one name."""
    before = set(sys.modules)
    for first in (3, 4):
        inner = tmp_path / str(first) / "protocols" / "inner"
        inner.mkdir(parents=True)
        for folder in (inner, inner.parent):
            (folder / "__init__.py").touch()
        (inner.parent / "start.py").write_text(f"FIRST = {first}\n")
        body = """
        from ..start import FIRST

        @model
        def m():
            s = S()
            return System(s, [adder(s, FIRST)], [always(lambda s: s.x in (0, FIRST))])
        """
        [found] = find(str(models(inner / "spec_m.py", body)))
        assert check(found).holds
        assert found.function.__globals__["FIRST"] == first
    assert {n for n in sys.modules if n.startswith("protocols")} <= before


def test_python_that_drops_asserts_is_refused(tmp_path):
    """Under ``python -O`` a failing `assert` is not there: nothing may be said to hold."""
    body = """
    @process
    def asserts(s):
        assert (yield s.x) == 1

    @model
    def m():
        s = S()
        return System(s, [asserts(s)])
    """
    file = models(tmp_path / "m.py", body)
    for way in (["-m", "modelcheck", "check", str(file)], ["-c", "import m; m.m()"]):
        done = subprocess.run(
            [sys.executable, "-O", *way],
            capture_output=True, text=True, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "-O (or PYTHONOPTIMIZE), which drops every `assert`" in done.stderr


def test_our_own_modules_are_nobodys_neighbours():
    """A spec that lies beside the package does not take the package's modules away with it."""
    import modelcheck
    from modelcheck.loading import _lies_in, beside

    here = Path(modelcheck.__file__).resolve().parent.parent
    sys.modules.pop("modelcheck.kernel.barriers", None)
    with beside(here / "spec.py"):
        import modelcheck.kernel.barriers
    assert sys.modules["modelcheck.kernel.barriers"] is modelcheck.kernel.barriers
    fake = type(sys)("fake")
    fake.__file__ = str(here / ".venv" / "lib" / "site-packages" / "fake.py")
    assert not _lies_in(fake, here)


def test_an_import_leaves_no_compiled_files(tmp_path):
    """A folder of specs is as clean after a check as before."""
    models(tmp_path / "m.py", "import plain_neighbour\n" + MODEL)
    (tmp_path / "plain_neighbour.py").write_text("")
    load(tmp_path)
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_change_within_a_second_is_seen(tmp_path):
    """Python takes a file of the same size and second for the same; a model checker must not."""
    file = models(tmp_path / "m.py", "@model\ndef m():\n    return System(S(x=1), [], [small])\n")
    assert check(load(file)[0]).holds
    stat = file.stat()
    file.write_text(file.read_text().replace("S(x=1)", "S(x=3)"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not check(load(file)[0]).holds


def test_a_file_may_make_models_in_a_loop(tmp_path):
    """Thousands of models are no problem, though they all have the name of their function."""
    body = """
    def made(k):
        @model
        def m(by: int = k):
            s = S()
            return System(s, [adder(s, by)])
        return m

    for k in range(10_000):
        globals()[f"m{k}"] = made(k)
    """
    found = load(models(tmp_path / "m.py", body))
    assert [m.parameters["by"] for m in found] == list(range(10_000))


def test_an_imported_model_belongs_to_its_own_file(tmp_path):
    """A file that imports a model from another does not define it."""
    models(tmp_path / "original.py", MODEL)
    models(tmp_path / "user.py", "from original import m\n@model\ndef mine():\n    return m()\n")
    assert names(tmp_path / "user.py") == ["mine"]
