"""A progress line for searches that take longer than a second: on a terminal, below a cell.

`check` shows it in a notebook, the command line on a terminal; nobody else gets one unasked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from modelcheck.explore.budget import Progress
from modelcheck.show.text import clean

#: Shown only after this many seconds: most models are done by then.
PATIENCE_S = 1.0


@contextmanager
def on_terminal(name: str, *, silent: bool = False) -> Iterator[Callable[[Progress], None] | None]:
    """Give a progress function that keeps one line on standard error up to date; None in a pipe."""
    if silent or not sys.stderr.isatty():
        yield None
        return
    status: Any = None

    def tell(progress: Progress) -> None:
        nonlocal status
        if progress.seconds < PATIENCE_S:
            return
        if status is None:
            from rich.console import Console

            status = Console(stderr=True).status("")
            status.start()
        from rich.text import Text

        status.update(Text(clean(f"{name}: {line(progress)}")))

    try:
        yield tell
    finally:
        if status is not None:
            status.stop()


@contextmanager
def below_cell(name: str) -> Iterator[Callable[[Progress], None] | None]:
    """Give a progress function that keeps one line below a notebook's cell; None elsewhere."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:  # IPython on a terminal has none
        yield None
        return
    display = import_module("IPython.display").display
    handle: Any = None

    def tell(progress: Progress) -> None:
        nonlocal handle
        if progress.seconds < PATIENCE_S:
            return
        told = clean(f"{name}: {line(progress)}")
        if handle is None:
            handle = display({"text/plain": told}, raw=True, display_id=True)
        else:
            handle.update({"text/plain": told}, raw=True)

    try:
        yield tell
    finally:
        if handle is not None:
            handle.update({"text/plain": ""}, raw=True)


def line(progress: Progress) -> str:
    """Return how far a search is, in one line.

    There is no estimate of the end: how many states a model has is known when all were found, and
    levels grow and shrink as they like. How much of a level is done is known.

    Examples
    --------
    >>> line(Progress(1200, 3000, 9, 80, 2.0, expanded=20, memory_mib=99.6))
    '1,200 states, 600 states/s, depth 9 (25% of 80 states), 100 MiB, 2 s'
    """
    rate = progress.states / progress.seconds if progress.seconds else 0.0
    share = progress.expanded / progress.frontier if progress.frontier else 1.0
    return (
        f"{progress.states:,} states, {rate:,.0f} states/s, depth {progress.depth} "
        f"({share:.0%} of {progress.frontier:,} states), {progress.memory_mib:,.0f} MiB, "
        f"{_duration(progress.seconds)}"
    )


def _duration(seconds: float) -> str:
    """Return seconds as people say them.

    Examples
    --------
    >>> _duration(59), _duration(3725)
    ('59 s', '1:02:05')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
