"""The blocks of code in a document: how they are found, run, and held against what they show."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from commandline import COMMAND, ROOT, environment, run

from modelcheck import ModelError, check

#: Languages of blocks that are there to be looked at; `sh` sets up a machine.
SHOWN = {"c", "sh", "text", "toml", "yaml"}

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
        named = re.match(r"# (\w+\.py)(, continued)?\n", self.text)
        return named[1] if named else ""

    @property
    def continues(self) -> bool:
        """Whether it is the next part of its file: `# name.py, continued`."""
        return self.text.startswith(f"# {self.file}, continued\n")


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
        said = run_command(command)
        want = shown.rstrip() + ("\n..." if not shown.rstrip().endswith("...") else "")
        got = said.rstrip() + "\n..."
        assert matches(want, got), (command, said)


def matches(want: str, got: str) -> bool:
    """Tell whether a text is what a page shows; `...` stands for any text."""
    return doctest.OutputChecker().check_output(want, got, OPTIONS)


def run_command(command: str) -> str:
    """Run a command that a page shows, in the current directory; return what it prints."""
    program, *arguments = shlex.split(command)
    if program == "pytest":
        line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(line, capture_output=True, text=True, env=environment(), check=False)
        return done.stdout
    assert program == "modelcheck", command
    if arguments[0] == "explore":
        return run_server([*located(arguments), "--no-browser"])
    ran = run(*located(arguments))
    assert "Traceback" not in ran.stderr
    # A usage or model error goes to standard error, and is what such a command is there to show.
    return ran.stdout if ran.exit_code != 2 else ran.stdout + ran.stderr


def located(arguments: list[str]) -> list[str]:
    """Arguments with the project's files where they are: a page runs in a folder of its own."""
    return [
        re.sub(r"^(?=(specs|examples|benchmarks|tests/litmus)/)", f"{ROOT}/", word)
        for word in arguments
    ]


def run_server(arguments: list[str]) -> str:
    """Start a server, read the line that it says, end it."""
    line = [*COMMAND, *arguments]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        return server.stdout.readline() if server.stdout else ""
    finally:
        server.terminate()
        server.communicate(timeout=20)


def run_module(path: Path) -> None:
    """Run a file as a module: the language looks functions up in their source."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def run_page(page: Path, folder: Path) -> int:
    """Run each block of a page, in the current directory `folder`; return how many ran."""
    names: dict[str, Any] = {}
    ran = 0
    for block in blocks(page):
        place = f"{page.name}:{block.line}"
        if block.language == "python":
            path = folder / (block.file or f"line{block.line}.py")
            before = path.read_text("utf-8") + "\n\n" if block.continues else ""
            path.write_text(before + block.text, encoding="utf-8")
            run_module(path)
        elif block.language == "pycon":
            run_examples(block.text, names, place)
        elif block.language == "console":
            run_console(block.text)
        else:
            assert block.language in SHOWN, place
            continue
        ran += 1
    return ran


def run_examples(text: str, names: dict[str, Any], where: str) -> None:
    """Run the examples of a `pycon` block, with the names of those before it."""
    test = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    said: list[str] = []
    failures = doctest.DocTestRunner(optionflags=OPTIONS).run(
        test, out=said.append, clear_globs=False
    )
    names.update(test.globs)
    assert failures.failed == 0, "".join(said)


#: What stands before a piece of process code that is run by itself.
MISTAKE = """
import random, threading
from modelcheck import System, atomic, cells, choose, label, process, state, until

"""


def message_of(code: str, shared: str, folder: Path) -> str:
    """Return the error of a model whose one process is `p` in `code`; without the place."""
    path = folder / "mistake.py"
    text = f"{MISTAKE}{shared}\n\n@process\n{code}\n\ns = Shared()\nsystem = System(s, [p(s)])\n"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("mistake", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ModelError) as caught:
        check(module.system, max_values=300)
    return f"{caught.value.what}\n{caught.value.remedy}"
