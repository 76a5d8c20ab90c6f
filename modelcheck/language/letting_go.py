"""Closing the generators that runs of processes leave behind, at a quiet moment or never.

To close a generator runs the user's code: a ``finally``, which may yield, or an ``except`` that
swallows what closes it. `modelcheck.language.local` keeps each generator here while its run is
there; whatever that code does then is no part of the model, and never seen.
"""

from __future__ import annotations

import atexit
import ctypes
import sys
from typing import Any

from modelcheck.language import context

#: How often a generator may refuse to be closed before it is left alone.
CLOSINGS = 100
#: Generators of the runs that are there, by the run. Python's garbage collector closes a generator
#: that it collects together with its run, in an order of its own: it must never find one.
_OPEN: dict[int, Any] = {}
#: Generators of runs that are gone, not closed yet.
_TO_CLOSE: list[Any] = []


def hold(run: Any, generator: Any) -> None:
    """Keep the generator of a run until the run lets go of it."""
    _OPEN[id(run)] = generator


def let_go(run: Any) -> None:
    """Leave a run's generator to be closed later.

    Closing runs the user's code, and a run may go in the midst of anything: the garbage collector
    comes when it likes, in a context variable's own code too.
    """
    generator = _OPEN.pop(id(run), None)
    if generator is None or generator.gi_frame is None:
        return
    if sys.is_finalizing():
        _never_close(generator)
    else:
        _TO_CLOSE.append(generator)


def close_left() -> None:
    """Close the generators that runs left behind: a ``finally`` that yields objects to it."""
    while _TO_CLOSE:
        generator = _TO_CLOSE.pop()
        for _ in range(CLOSINGS):
            try:
                with context.running_process(context.Run()):
                    generator.close()
            except BaseException:  # whatever the user's code does here is not part of the model
                continue
            break
        else:
            _never_close(generator)


def _never_close(generator: Any) -> None:
    """Keep a generator for good, also when the interpreter ends and empties all modules.

    It would be closed there, and user code that swallows what closes it would loop for ever once
    every call in it fails.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(generator))


@atexit.register
def _leave_open() -> None:
    """Close what runs left behind, and see that nothing closes the generators of the others."""
    close_left()
    for generator in _OPEN.values():
        _never_close(generator)
