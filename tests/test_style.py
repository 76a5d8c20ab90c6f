"""House rules that no linter knows."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MACHINE_PATH = re.compile(r"(?<![\w.~<])/(?:home|root|Users|tmp|work|workspace)/\w")
LEFT_TO_DO = re.compile(r"\b(?:TO[D]O|FIX[M]E)\b")
SILENCED = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[\w, -]*\])?)"
)


@cache
def files() -> list[Path]:
    """The files that git tracks or would track: all that is not ignored."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("only a git checkout knows which files belong to it")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in names.split("\0") if name]
    return sorted(path for path in paths if path.is_file())


def found(pattern: re.Pattern[str]) -> list[str]:
    """The lines of all text files in which the pattern occurs."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]


def silenced_without_reason(source: str) -> list[int]:
    """The lines whose `noqa` or `type: ignore` stands in a comment without one word of reason."""
    return [
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
        and SILENCED.search(token.string)
        and not re.search(r"\b[a-zA-Z]{3,}\b", SILENCED.sub("", token.string))
    ]


def test_no_file_names_a_place_on_one_machine():
    """A path below someone's home or a temporary folder works on one machine only."""
    assert found(MACHINE_PATH) == []


def test_nothing_is_left_to_do():
    """Work that is left over belongs in an issue, not in a comment."""
    assert found(LEFT_TO_DO) == []


def test_every_test_says_what_it_shows():
    """Every test function has a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in files()
        if path.name.startswith("test_") and path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_every_silenced_check_has_its_reason():
    """Whoever silences a lint or type error says why on the same line."""
    bare = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files()
        if path.suffix == ".py"
        for line in silenced_without_reason(path.read_text("utf-8"))
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("cd /{}/someone/modelcheck", True),
        ("file = '/{}/x.svg'", True),
        ("#!/usr/bin/env bash", False),
        ("https://example.org/{}/page", False),
        ("specs/{}/walk.py", False),
    ],
)
@pytest.mark.parametrize("folder", ["home", "tmp"])
def test_a_machine_path_is_told_from_others(line, is_found, folder):
    """Absolute paths below such folders are meant; addresses and relative paths are not."""
    assert bool(MACHINE_PATH.search(line.format(folder))) == is_found


@pytest.mark.parametrize(
    ("comment", "is_bare"),
    [
        ("noqa", True),
        ("noqa: E501", True),
        ("noqa: E501, B018 #", True),
        ("noqa: E501  the table reads better in one line", False),
        ("type: ignore[misc]", True),
        ("type: ignore[misc]  # noqa: E501", True),
        ("type: ignore[misc]  # attrs makes it", False),
        ("an ordinary comment", False),
    ],
)
def test_a_reason_is_told_from_a_code(comment, is_bare):
    """The names of rules are no reason, with or without decoration."""
    assert bool(silenced_without_reason(f"x = 1  # {comment}\n")) == is_bare
