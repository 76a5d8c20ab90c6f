"""The syntax tree of a function is found wherever Python found its source."""

from __future__ import annotations

import ast
import importlib
import sys
import zipfile

import pytest

from modelcheck.language.source import tree_of

SOURCE = """
def plain(s):
    yield s.x

def deco(f):
    return f

@deco
@deco
def decorated(s):
    yield s.x
"""


def told(function, **options):
    tree = tree_of(function.__code__, function.__globals__, **options)
    return None if tree is None else (tree.name, ast.unparse(tree.body[0]))


@pytest.mark.parametrize("name", ["plain", "decorated"])
@pytest.mark.parametrize("archive", [False, True])
def test_a_function_has_its_tree(name, archive, tmp_path, monkeypatch):
    """In a file or an archive, with decorators or without."""
    module = f"found_{name}_{archive}".lower()
    if archive:
        with zipfile.ZipFile(tmp_path / "models.zip", "w") as packed:
            packed.writestr(f"{module}.py", SOURCE)
    else:
        (tmp_path / f"{module}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path / "models.zip" if archive else tmp_path)
    function = getattr(importlib.import_module(module), name)
    monkeypatch.delitem(sys.modules, module)
    assert told(function) == (name, "yield s.x")


def test_a_fresh_tree_is_its_own():
    """One that is rewritten must not be what another one finds."""
    code, space = told.__code__, globals()
    assert tree_of(code, space) is tree_of(code, space)
    assert tree_of(code, space, fresh=True) is not tree_of(code, space)


@pytest.mark.filterwarnings("error")
def test_what_is_wrong_elsewhere_in_the_file_hides_no_function(tmp_path):
    """A warning of the compiler's, or an edit since that does not parse yet."""
    file, space = tmp_path / "edited.py", {}
    exec(compile(SOURCE, file, "exec"), space)
    file.write_text(f"{SOURCE}\nodd = '\\d'\n")
    assert told(space["plain"]) == ("plain", "yield s.x")
    file.write_text(f"{SOURCE}\nwhile True\n")
    assert told(space["decorated"]) == ("decorated", "yield s.x")
    file.write_text("\ndef plain(s):\n    yield (s.x\n")
    assert told(space["plain"]) is None


def test_without_source_there_is_no_tree():
    """Nor is the text of another file taken for it."""
    space = {"__name__": __name__, "__loader__": __loader__}
    exec(compile("def told(f):\n    yield 1\n", "generated.py", "exec"), space)
    assert told(space["told"]) is None
