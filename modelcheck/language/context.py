"""What is going on now: whether a process's own code runs, or a step is taken.

The same name means two things. In a process's code ``mm.pmd`` is a *reference*, to be put into a
step; in a guard, an `atomic` function or a property it is the plain value. Which of the two is
decided here: while an `Evaluation` is active, names are values. It is a context variable, so two
checks in two threads do not meet.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from contextlib import AbstractContextManager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field

from modelcheck.errors import ModelError
from modelcheck.watchdog import look

if TYPE_CHECKING:
    from modelcheck.language.refs import Ref

PACKAGE = str(Path(__file__).resolve().parent.parent)


class Evaluation(Protocol):
    """What loads and stores mean while names are plain values."""

    def load(self, ref: Ref) -> Any:
        """Return the plain value of `ref`."""

    def store(self, ref: Ref, value: Any) -> None:
        """Make `value` the value of `ref`."""


@define(eq=False)
class Run:
    """One run of a process's generator: which steps its code made.

    `made` remembers every step object made and not yielded yet, so that one that is dropped is
    found: a forgotten `yield`.
    """

    made: list[tuple[weakref.ref[Any], str, int, str]] = field(factory=list)


_evaluation: ContextVar[Evaluation | None] = ContextVar("evaluation", default=None)
_run: ContextVar[Run | None] = ContextVar("run", default=None)

_errors: ContextVar[list[ModelError] | None] = ContextVar("errors", default=None)

#: One thread at a time runs a user's code: what functions captured is exchanged in place meanwhile.
_turn = threading.RLock()

active = _evaluation.get
running = _run.get

#: Code of ours that calls user code on behalf of nobody: above it stands the caller of a check.
BOUNDARIES: set[CodeType] = set()


#: Code of ours that shows the user's objects, for labels and messages.
SHOWING: set[CodeType] = set()


def note(error: ModelError) -> ModelError:
    """Return `error`, remembered: the user's code may catch it, and must not go on regardless."""
    errors = _errors.get()
    if errors is not None:
        errors.append(error)
    return error


class _Inside:
    """While inside, the user's code runs, and names are what one of two variables makes them.

    At the end the first `ModelError` noted inside is raised, whatever became of it there. A class,
    since the user's code is run some times for each path learned: a generator takes twice as long.
    """

    __slots__ = ("_errors", "_held", "_set", "_wanted")

    def __init__(self, variable: ContextVar[Any], value: Any, other: ContextVar[Any]):
        self._errors: list[ModelError] = []
        self._wanted = ((variable, value), (other, None), (_errors, self._errors))
        self._set: list[tuple[ContextVar[Any], Any]] = []
        self._held = False

    def __enter__(self) -> None:
        self._held = _turn.acquire()
        try:
            for variable, value in self._wanted:
                self._set.append((variable, variable.set(value)))
            look(entering=True)
        except BaseException:
            self._leave()
            raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                look()
        finally:
            self._leave()
        if self._errors and (error is None or isinstance(error, Exception)):
            raise self._errors[0] from None

    def _leave(self) -> None:
        while self._set:
            variable, token = self._set.pop()
            variable.reset(token)
        if self._held:
            self._held = False
            _turn.release()

    def __del__(self) -> None:
        """Leave, if Ctrl-C came in the midst of entering or leaving."""
        # It may have come before anything was set; by now it may be another thread.
        with suppress(AttributeError, RuntimeError, ValueError):
            self._leave()


def evaluating(evaluation: Evaluation) -> AbstractContextManager[None]:
    """While inside, names are plain values, loaded from and stored to `evaluation`."""
    return _Inside(_evaluation, evaluation, _run)


def running_process(run: Run) -> AbstractContextManager[None]:
    """While inside, a process's own code runs and names are references."""
    return _Inside(_run, run, _evaluation)


@lru_cache(maxsize=4096)
def is_ours(file: str) -> bool:
    """Tell whether a file belongs to modelcheck itself, or is what attrs wrote for it."""
    return file.startswith((PACKAGE + os.sep, "<attrs generated"))


def rendering() -> bool:
    """Tell whether the caller's caller's caller shows something for modelcheck's own ends.

    That is: before a function of the user's there stands one of ours, or `shown`, which may call
    the user's own ``__repr__``.
    """
    frame: FrameType | None = sys._getframe(3)
    if frame is not None and is_ours(frame.f_code.co_filename):
        return True
    while frame is not None and frame.f_code not in SHOWING:
        frame = None if frame.f_code in BOUNDARIES else frame.f_back
    return frame is not None


def user_line(depth: int = 1) -> tuple[str, int]:
    """Return file and line of the nearest caller outside modelcheck.

    ``("", 0)`` where a step runs by itself: it has a place of its own.
    """
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and is_ours(frame.f_code.co_filename):
        if frame.f_code in BOUNDARIES:
            return "", 0
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)
