"""The watchdog: Ctrl-C and budgets reach a search while the user's own code runs.

A process that never comes to its next `yield`, a condition or a property that never returns: an
explorer cannot look at its budget there. So while a search runs, each change between our code and
the user's is a place to stop at (`look`), and on the main thread a timer looks several times a
second: an `Ended` is raised in the midst of the user's code, and in nothing of ours, which it could
leave half done. On other threads, and where the user's code is deep in C, only `look` is left.
"""

from __future__ import annotations

import gc
import os
import signal
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from attrs import define, field

#: The reason of a search that Ctrl-C ended.
INTERRUPTED = "interrupted"

#: Seconds between two looks.
TICK_S = 0.1

#: The user's code is named as what did not return after so many seconds; told of after `SLOW_S`.
LONG_S, SLOW_S = 0.2, 5.0

#: Seconds for a step to say, at the end of a trace, whether it can be taken.
PATIENCE_S = 1.0

_PACKAGE = str(Path(__file__).resolve().parent) + os.sep
_RUNS_USERS_CODE = tuple(
    _PACKAGE + layer + os.sep for layer in ("language", "tables", "memory", "kernel")
)
#: Not the user's: the standard library and what it generates, as the classes of named tuples.
_PYTHON = (sysconfig.get_path("stdlib") + os.sep, "<frozen ", "<attrs generated")

#: Set by whoever handles Ctrl-C: an exception alone can be lost, in a destructor or a compiler.
interruption = threading.Event()


class Ended(KeyboardInterrupt):
    """The user's code was ended. No `Exception`: it passes through the user's ``except``."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


def reason_of(error: KeyboardInterrupt) -> str:
    """Return why a search ends that was interrupted."""
    return error.reason if isinstance(error, Ended) else INTERRUPTED


@define(eq=False)
class Guard:
    """One search that is watched: what it may not exceed, and whether it is to end."""

    exceeded: Callable[[], str]
    say: Callable[[str], None] | None = None
    patience_s: float = float("inf")  # for one stay in the user's code
    due: str = ""
    #: When the user's code was last entered; it cannot have been before there was this guard.
    entered: float = field(factory=time.perf_counter)
    looked: float = field(factory=time.perf_counter)

    def tick(self, now: float) -> None:
        """Look at the budget."""
        self.looked = now
        self.due = self.due or self.exceeded()

    def reason(self, frame: FrameType) -> str:
        """Return why to end, and the line that is running where it has been for long."""
        ran = time.perf_counter() - self.entered
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if ran < LONG_S:
            return self.due
        return f"{self.due}; {place} had run for {ran:.1f} s and not come to an end"

    def tell(self, frame: FrameType) -> None:
        """Say, once, that something takes long."""
        ran = time.perf_counter() - self.entered
        if self.say is not None and ran >= SLOW_S:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            self.say(f"{place} has been running for {ran:.0f} s: does it ever end? Ctrl-C ends it")
            self.say = None


_local = threading.local()


def look(entering: bool = False) -> None:
    """Raise `Ended` if the search of this thread is to end. Cost: 0.2 µs."""
    guard: Guard | None = getattr(_local, "guard", None)
    if guard is None:
        return
    now = time.perf_counter()
    if now - guard.looked > TICK_S:
        guard.tick(now)
    if guard.due:
        raise Ended(guard.due)
    if entering:
        guard.entered = now


def is_watched() -> bool:
    """Tell whether a search of this thread looks at `interruption` by itself."""
    return getattr(_local, "guard", None) is not None


@contextmanager
def watching(
    exceeded: Callable[[], str],
    say: Callable[[str], None] | None = None,
    patience_s: float = float("inf"),
) -> Iterator[None]:
    """While inside, a search runs that ends where `exceeded` tells a reason.

    `patience_s` ends one stay in the user's code after so many seconds, and nothing else.
    A first Ctrl-C then sets `interruption`, and raises only inside the user's code: an exception in
    the midst of numba's own is lost there or leaves it unusable, one in ours may lose what was
    found. A second Ctrl-C raises at once.
    """
    outer = getattr(_local, "guard", None)
    _local.guard = Guard(exceeded, say, patience_s)
    try:
        with _signals():
            yield
    finally:
        _local.guard = outer


@contextmanager
def _signals() -> Iterator[None]:
    """Install the handlers, where this is the main thread and nobody else has theirs there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    mine = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    timed = (
        hasattr(signal, "setitimer")
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    )
    if mine:
        signal.signal(signal.SIGINT, interrupt)
    if timed:
        signal.signal(signal.SIGALRM, _alarm)
        signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)
    try:
        yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            interruption.clear()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle SIGINT: end a search soon, keeping what it found; the second time, at once."""
    first = not interruption.is_set()
    interruption.set()
    guard: Guard | None = getattr(_local, "guard", None)
    if not first or guard is None:
        raise KeyboardInterrupt
    guard.due = INTERRUPTED
    _end_users_code(guard, frame)


def _alarm(number: int, frame: FrameType | None) -> None:
    guard: Guard | None = getattr(_local, "guard", None)
    if guard is not None:
        guard.tick(time.perf_counter())
        _end_users_code(guard, frame)


def _end_users_code(guard: Guard, frame: FrameType | None) -> None:
    users = users_frame(frame)
    if users is None:
        return
    if guard.due or time.perf_counter() - guard.entered > guard.patience_s:
        raise Ended(guard.reason(users))
    guard.tell(users)


def _is_pythons(frame: FrameType, file: str) -> bool:
    """Tell whether a frame is the standard library's: its files, and what a named tuple is made by.

    (``dis`` makes many. Their code is called ``<string>``, as code of a user's may be, which is in
    a module that has a name.)
    """
    if file == "<string>":
        return str(frame.f_globals.get("__name__", "namedtuple_")).startswith("namedtuple_")
    return file.startswith(_PYTHON) and f"{os.sep}site-packages{os.sep}" not in file


def users_frame(frame: Any) -> FrameType | None:
    """Return the innermost frame of the user's code that a model's step or property runs.

    None where an explorer runs, or nothing of ours: the frames further out are the caller's.
    """
    found: FrameType | None = None
    collecting = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in collecting:  # it may come in the midst of our own code
            return None
        file: str = frame.f_code.co_filename
        if file.startswith(_PACKAGE):
            if not file.startswith(_RUNS_USERS_CODE):
                return None
            if found is not None:
                return found
        elif found is None and not _is_pythons(frame, file):
            found = frame
        frame = frame.f_back
    return None
