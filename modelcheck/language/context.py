"""What is going on right now: is a process's own code running, or is a step being taken?

The same name means two things. In a process's code ``mm.pmd`` is a *reference*, to be put into a
step; in a guard, an `atomic` function or a property it is the plain value. Which of the two is
decided here: while an `Evaluation` is active, names are values. It is a context variable, so two
checks in two threads do not meet.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field

if TYPE_CHECKING:
    from modelcheck.language.state import Ref

PACKAGE = str(Path(__file__).resolve().parent.parent)


class Evaluation(Protocol):
    """What loads and stores mean while names are plain values."""

    def load(self, ref: Ref) -> Any:
        """Return the plain value of `ref`."""

    def store(self, ref: Ref, value: Any) -> None:
        """Make `value` the value of `ref`."""


@define(eq=False)
class Run:
    """One run of a process's generator: which steps its code made since it last yielded.

    `made` remembers every step object made, so that one made and dropped is found: a forgotten
    `yield`.
    """

    made: list[tuple[weakref.ref[Any], str, int, str]] = field(factory=list)


_evaluation: ContextVar[Evaluation | None] = ContextVar("evaluation", default=None)
_run: ContextVar[Run | None] = ContextVar("run", default=None)

active = _evaluation.get
running = _run.get


@contextmanager
def evaluating(evaluation: Evaluation) -> Iterator[None]:
    """While inside, names are plain values, loaded from and stored to `evaluation`."""
    token = _evaluation.set(evaluation)
    try:
        yield
    finally:
        _evaluation.reset(token)


@contextmanager
def running_process(run: Run) -> Iterator[None]:
    """While inside, a process's own code runs and names are references."""
    token, outer = _run.set(run), _evaluation.set(None)
    try:
        yield
    finally:
        _run.reset(token)
        _evaluation.reset(outer)


def is_ours(file: str) -> bool:
    """Tell whether a file belongs to modelcheck itself."""
    return file.startswith(PACKAGE)


def user_line(depth: int = 1) -> tuple[str, int]:
    """Return file and line of the nearest caller outside modelcheck."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)
