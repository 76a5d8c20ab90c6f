"""C litmus tests: from the parts of the file to a test that runs."""

from __future__ import annotations

import re

from modelcheck.litmus.cparse import CParser, Process
from modelcheck.litmus.csem import Compiler
from modelcheck.litmus.scan import Source
from modelcheck.litmus.test import (
    Litmus,
    Parts,
    expected_result,
    read_init,
    read_question,
)

BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
PROCESS = re.compile(r"(?:void\s*\*?\s*|static\s+)*P\d+\s*\(")
BRACES = re.compile(r"[{}]|//[^\n]*|/\*.*?\*/", re.DOTALL)


def read_program(parts: Parts, unroll: int) -> Litmus:
    """Return the test whose parts were found."""
    source = parts.source
    init = read_init(parts)
    at = parts.program
    processes: list[Process] = []
    while (start := _next_process(source, at)) is not None:
        at = _end(source, start)
        process = CParser(source, start, at).process()
        if process.number != len(processes):
            source.fail(
                start,
                f"P{process.number} stands where P{len(processes)} should",
                "Processes are numbered 0, 1, 2, ... in order.",
            )
        processes.append(process)
    if not processes:
        source.fail(at, "no process", "A C test has processes `P0(int *x) { ... }`.")
    threads = tuple(
        Compiler(process, source, unroll).program(init.registers.get(process.number, {}))
        for process in processes
    )
    question = read_question(parts, _skip(source.text, at), init, len(processes))
    expected = expected_result(source.text)
    return Litmus(
        "C", parts.name, source.file, source, init.locations, threads, question, expected,
        tuple(processes), init.registers,
    )  # fmt: skip


def _skip(text: str, at: int) -> int:
    """Return the position after blanks and comments of any style."""
    while True:
        blank = BLANK.match(text, at)
        if blank:
            at = blank.end()
        elif text.startswith("(*", at):
            at = _after_comment(text, at)
        else:
            return at


def _after_comment(text: str, at: int) -> int:
    depth = 0
    for match in re.compile(r"\(\*|\*\)").finditer(text, at):
        depth += 1 if match.group() == "(*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def _next_process(source: Source, at: int) -> int | None:
    at = _skip(source.text, at)
    return at if PROCESS.match(source.text, at) else None


def _end(source: Source, start: int) -> int:
    """Return the position after the braces that open next."""
    depth = 0
    for match in BRACES.finditer(source.text, start):
        if match.group() == "{":
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if depth == 0:
                return match.end()
    return source.fail(start, "this process is never closed", "Its body ends with `}`.")


__all__ = ["read_program"]
