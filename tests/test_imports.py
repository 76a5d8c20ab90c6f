"""Imports point one way, and `import modelcheck` is light: both read from the source by `ast`.

`MAY_IMPORT` is the architecture in one table. A new layer or module gets its row there, or the test
fails.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelcheck

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "modelcheck"

WORDS = {"errors", "verdict", "watchdog"}
MAY_IMPORT = {
    "errors": set(),
    "verdict": set(),
    "watchdog": set(),
    "tables": WORDS | {"tables"},
    "language": WORDS | {"tables", "language"},
    "memory": WORDS | {"tables", "language", "memory"},
    "kernel": WORDS | {"tables", "language", "kernel"},
    "explore": WORDS | {"tables", "explore"},
    "show": WORDS | {"show"},
    "results": WORDS | {"tables", "language", "memory", "explore", "show", "results", "check"},
    "axiomatic": WORDS | {"axiomatic"},
    "litmus": WORDS | {"axiomatic", "litmus", "show"},
    "programs": WORDS
    | {
        "tables",
        "language",
        "memory",
        "kernel",
        "explore",
        "axiomatic",
        "litmus",
        "results",
        "show",
    }
    | {"programs"},
    "loading": WORDS | {"language", "loading"},
}
ABOVE_ALL = {
    *("__init__", "__main__", "check", "cli", "pytest_plugin", "progress"),
    *("costs", "repair", "postponed", "testing"),
}

HEAVY = {"numba", "numpy", "networkx", "graphviz", "rich", "hypothesis", "pytest"}
# Only pytest imports the plugin, whose items have to derive from pytest's classes.
# The native explorer is itself imported inside the function that needs it.
HEAVY_ALLOWED = {("modelcheck/pytest_plugin.py", "pytest")} | {
    (f"modelcheck/explore/native/{name}.py", package)
    for name in (
        "arrays",
        "backwards",
        "closure",
        "ignoring",
        "compact",
        "components",
        "emit",
        "engine",
        "flat",
        "kernel",
        "layout",
        "lossy",
        "objects",
        "orbits",
        "passes",
        "shapes",
        "snapshot",
        "reduced",
        "relations",
        "storage",
        "symmetric",
        "symmetric_reduced",
        "visited",
    )
    for package in ("numba", "numpy")
}


def dotted(path: Path) -> list[str]:
    """The parts of the module's full name, `__init__` included."""
    return list(path.relative_to(ROOT).with_suffix("").parts)


def imports(tree: ast.AST, module: list[str]) -> Iterator[tuple[int, str]]:
    """Every import below `tree`: its line and the full dotted name, `package.name` for `from`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = module[: -node.level] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def layer(name: str) -> str | None:
    """The layer of modelcheck that a dotted name belongs to; None for other packages."""
    parts = name.split(".")
    if parts[0] != "modelcheck":
        return None
    below = parts[1] if len(parts) > 1 else "__init__"
    # What is neither a layer nor a module on top is a public name: it comes from `__init__`.
    return below if below in MAY_IMPORT or below in ABOVE_ALL else "__init__"


def wrong_directions(source: str, path: Path) -> list[str]:
    """The imports in a module of modelcheck that its layer may not make."""
    module = dotted(path)
    own = module[1]
    if own in ABOVE_ALL:
        return []
    if own not in MAY_IMPORT:
        return [f"{path.relative_to(ROOT)}: {own} is in no layer; give it a row in MAY_IMPORT"]
    return [
        f"{path.relative_to(ROOT)}:{line}: {own} imports {name}"
        for line, name in imports(ast.parse(source), module)
        if layer(name) not in MAY_IMPORT[own] | {None}
    ]


def run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no function bodies, no type checking."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from run_at_import(child)


def heavy_imports(source: str, path: Path) -> list[str]:
    """The heavy packages that a module imports as soon as it is imported itself."""
    where = path.relative_to(ROOT).as_posix()
    return [
        f"{where}:{line}: {name} belongs inside the function that needs it"
        for node in run_at_import(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line, name in imports(node, dotted(path))
        if name.split(".")[0] in HEAVY and (where, name.split(".")[0]) not in HEAVY_ALLOWED
    ]


def foreign_imports(source: str, path: Path) -> list[str]:
    """The imports in a spec or example besides the standard library, neighbors and public names."""
    top = ROOT / path.relative_to(ROOT).parts[0]
    folders = [parent for parent in path.parents if parent == top or top in parent.parents]
    neighbors = {top.name} | {entry.stem for folder in folders for entry in folder.iterdir()}
    public = {"modelcheck"} | {f"modelcheck.{name}" for name in modelcheck.__all__}

    def fits(name: str) -> bool:
        first, *rest = name.split(".")
        if first == "modelcheck":
            private = any(part.startswith("_") for part in rest)
            return name in public or (rest[0] == "kernel" and not private)
        return first in neighbors or first in sys.stdlib_module_names

    return [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for line, name in imports(ast.parse(source), dotted(path))
        if not fits(name)
    ]


def offences(check, *folders: str) -> list[str]:
    """What `check` finds in every Python file below the folders."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [found for path in paths for found in check(path.read_text("utf-8"), path)]


def test_imports_point_one_way():
    """No module of modelcheck imports a layer that it must not know of, not even in a function."""
    assert offences(wrong_directions, "modelcheck") == []


def test_heavy_packages_are_imported_where_they_are_needed():
    """No module of modelcheck imports a heavy package at module level."""
    assert offences(heavy_imports, "modelcheck") == []


def test_specs_and_examples_use_public_names():
    """A model needs the public names, the kernel vocabulary and the standard library, no more."""
    assert offences(foreign_imports, "specs", "examples") == []


def test_the_command_line_does_not_load_what_one_command_needs():
    """Every check pays for what the command line imports: litmus tests are not among that."""
    program = "import sys, modelcheck.cli; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(run.stdout.split())
    assert not loaded & (HEAVY | {"modelcheck.litmus", "modelcheck.axiomatic", "multiprocessing"})


def test_import_modelcheck_loads_nothing_heavy():
    """A fresh interpreter that has imported modelcheck has loaded none of the heavy packages."""
    program = "import sys, modelcheck; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(run.stdout.split()) == set()


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("explore/bfs.py", "from modelcheck.language import process"),
        ("explore/bfs.py", "from modelcheck import process"),
        ("explore/bfs.py", "import modelcheck"),
        ("explore/bfs.py", "def f():\n    from ..language.step import Step"),
        ("explore/bfs.py", "from .. import show"),
        ("explore/reduce/audit.py", "from ...memory import tso"),
        ("language/__init__.py", "from ..memory import sc"),
        ("show/text.py", "import modelcheck.tables.slots as slots"),
        ("errors.py", "from .verdict import Kind"),
        ("kernel/irq.py", "from modelcheck.memory import sc"),
        ("tables/slots.py", "from modelcheck.check import check"),
        ("stray.py", ""),
    ],
)
def test_a_wrong_direction_is_found(where, source):
    """Each way of writing a forbidden import is seen for what it is."""
    assert len(wrong_directions(source, PACKAGE / where)) == 1


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("explore/bfs.py", "from ..tables import slots; from . import walk; import heapq"),
        ("explore/__init__.py", "from .bfs import search; from modelcheck.verdict import Verdict"),
        ("kernel/irq.py", "from modelcheck.language.step import Step"),
        ("cli.py", "from modelcheck.show import text; from modelcheck import check"),
    ],
)
def test_a_right_direction_passes(where, source):
    """Neighbors, lower layers and the standard library are free to use."""
    assert wrong_directions(source, PACKAGE / where) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy as np", 1),
        ("try:\n    from rich.table import Table\nexcept ImportError:\n    pass", 1),
        ("class A:\n    import networkx", 1),
        ("def f():\n    import graphviz", 0),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import networkx", 0),
    ],
)
def test_a_heavy_import_is_found(source, found):
    """What runs at import counts, inside `try` and classes too; function bodies do not."""
    assert len(heavy_imports(source, PACKAGE / "show" / "text.py")) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import modelcheck\nfrom enum import Enum\nfrom modelcheck.kernel import smp_mb", 0),
        ("from specs import other", 0),
        ("from modelcheck.language import process", 1),
        ("from modelcheck import not_a_public_name", 1),
        ("from modelcheck.kernel import _post", 1),
        ("import numpy", 1),
    ],
)
def test_a_foreign_import_in_a_spec_is_found(source, found):
    """A spec that reaches behind the public names, or beyond the standard library, is told."""
    assert len(foreign_imports(source, ROOT / "specs" / "imagined.py")) == found
