"""The blocks of code in a document: how they are found, run, and held against what they show."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path
from typing import Any

from attrs import frozen
from commandline import run

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@frozen
class Block:
    """One fenced block: its language, its text, and the line where it begins."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str:
        """The file that it is: `# name.py` on its first line; empty where it is none."""
        named = re.match(r"# (\w+\.py)\n", self.text)
        return named[1] if named else ""


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = path.read_text("utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


def sessions(text: str) -> list[tuple[str, str]]:
    """The commands of a console block (lines after `$`), each with the output below it."""
    parts = re.split(r"^\$ ", text, flags=re.M)[1:]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def run_console(text: str) -> None:
    """Run each command and compare its output; `...` stands for any text."""
    for command, shown in sessions(text):
        program, *arguments = shlex.split(command)
        assert program == "modelcheck", command
        done = run(*arguments)
        assert "Traceback" not in done.stderr
        want = shown.rstrip() + ("\n..." if not shown.rstrip().endswith("...") else "")
        got = done.stdout.rstrip() + "\n..."
        assert doctest.OutputChecker().check_output(want, got, OPTIONS), (command, done.stdout)


def run_examples(text: str, names: dict[str, Any], where: str) -> None:
    """Run the examples of a `pycon` block, with the names of those before it."""
    test = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    said: list[str] = []
    failures = doctest.DocTestRunner(optionflags=OPTIONS).run(
        test, out=said.append, clear_globs=False
    )
    names.update(test.globs)
    assert failures.failed == 0, "".join(said)
