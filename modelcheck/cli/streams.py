"""Standard output and error as the command line needs them: no write to them is ever refused.

A character that the encoding lacks is written in ASCII, a reader that leaves (``| head``) takes
nothing of the exit status with it, a closed stream swallows what it gets, and what a model prints
does not get in between.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

#: What our own signs become where they cannot be written; anything else becomes an escape.
ASCII = {"→": "->", "…": "...", "·": "-"}

ERRORS = "modelcheck.ascii"

#: Different lines that a model may print while it is checked.
MOST_LINES = 1_000


def in_ascii(error: UnicodeError) -> tuple[str, int]:
    r"""Return ASCII for what cannot be encoded: an error handler for `codecs`.

    Examples
    --------
    >>> codecs.register_error(ERRORS, in_ascii)
    >>> "0 → 1, é".encode("ascii", ERRORS)
    b'0 -> 1, \\xe9'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    text = "".join(ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in bad)
    return text, error.end


def prepare() -> None:
    """Make standard output and error take everything."""
    codecs.register_error(ERRORS, in_ascii)
    # A stream is None where the shell closed it.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 # for good
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 # for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


@contextmanager
def until_closed() -> Iterator[None]:
    """While inside, standard output may be closed by its reader: the rest is then dropped.

    Any other failure to write (a full disk) is an `OSError`.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # What is buffered would be tried again, in vain, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


class EachLineOnce(io.TextIOBase):
    """A stream that passes each different line on once: for code that runs many times over.

    A process is run anew for each path that is learned, and prints what it printed before.
    """

    def __init__(self, stream: Any):
        self.stream, self.begun, self.left_out = stream, "", 0
        self.seen: set[str] = set()

    def write(self, text: str) -> int:
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            self._pass(line)
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def finish(self) -> None:
        """Pass on a line without an end, and say what was left out."""
        if self.begun:
            self._pass(self.begun)
        if self.left_out:
            self.stream.write(
                f"modelcheck: {self.left_out:,} more lines that the model printed are left out: "
                "its code runs once for each path, so each line is shown once\n"
            )

    def _pass(self, line: str) -> None:
        if line in self.seen or len(self.seen) >= MOST_LINES:
            self.left_out += 1
            return
        self.seen.add(line)
        self.stream.write(line + "\n")


@contextmanager
def kept_ours(*, each_line_once: bool = False) -> Iterator[None]:
    """While inside, whatever is printed goes to standard error, subprocesses' output included.

    `each_line_once` leaves out lines that were printed before; subprocesses' are not looked at.
    """
    printed = EachLineOnce(sys.stderr)
    with redirect_stdout(printed if each_line_once else sys.stderr):
        try:
            ours = os.dup(1) if sys.__stdout__ and sys.__stdout__.fileno() == 1 else None
            if ours is not None:
                os.dup2(2, 1)
        except OSError:  # no such streams
            ours = None
        try:
            yield
        finally:
            printed.finish()
            if ours is not None:
                os.dup2(ours, 1)
                os.close(ours)


__all__ = ["EachLineOnce", "in_ascii", "kept_ours", "prepare", "until_closed"]
