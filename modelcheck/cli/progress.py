"""A progress line on a terminal, for searches that take longer than a second; nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


def line(progress: Progress) -> str:
    """Return how far a search is, in one line.

    Examples
    --------
    >>> line(Progress(states=1200, transitions=3000, depth=9, frontier=80, seconds=2.0))
    '1,200 states, 600 states/s, depth 9, 80 in this level, 2 s'
    """
    rate = progress.states / progress.seconds if progress.seconds else 0.0
    return (
        f"{progress.states:,} states, {rate:,.0f} states/s, depth {progress.depth}, "
        f"{progress.frontier:,} in this level, {progress.seconds:.0f} s"
    )
