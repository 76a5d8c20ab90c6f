"""Budgets: limits on a search. Once one bites, the verdict is *incomplete*, never *holds*."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from attrs import define, field, frozen

#: The reason of a search that Ctrl-C ended.
INTERRUPTED = "interrupted"


@frozen
class Budget:
    """How much a search may use; None is no limit.

    `memory_mib` bounds the resident memory of the whole Python process.
    """

    states: int | None = None
    seconds: float | None = None
    memory_mib: float | None = None


@frozen
class Progress:
    """How far a search has come; what a progress display gets."""

    states: int
    transitions: int
    depth: int
    frontier: int
    seconds: float
    final: bool = False


@define
class Meter:
    """Watches a budget and reports progress. Cost: looked at every thousand states or so.

    Examples
    --------
    >>> meter = Meter(Budget(states=10))
    >>> meter.exceeded(9), meter.exceeded(10)
    ('', 'the budget of 10 states was used up')
    """

    budget: Budget
    report: Callable[[Progress], None] | None = None
    started: float = field(factory=time.perf_counter)

    def elapsed(self) -> float:
        """Return the seconds since the search started."""
        return time.perf_counter() - self.started

    def exceeded(self, states: int) -> str:
        """Return in words which limit is reached; empty if none is."""
        limit = self.budget
        if limit.states is not None and states >= limit.states:
            return f"the budget of {limit.states:,} states was used up"
        return self.exceeded_time_or_memory()

    def exceeded_time_or_memory(self) -> str:
        """Return in words whether time or memory is used up; empty if neither is."""
        limit = self.budget
        if limit.seconds is not None and self.elapsed() >= limit.seconds:
            return f"the budget of {limit.seconds:g} seconds was used up"
        if limit.memory_mib is not None and resident_mib() >= limit.memory_mib:
            return f"the budget of {limit.memory_mib:g} MiB of memory was used up"
        return ""

    def tell(self, states: int, transitions: int, depth: int, frontier: int) -> None:
        """Report progress, if anybody listens."""
        if self.report is not None:
            self.report(Progress(states, transitions, depth, frontier, self.elapsed()))


def resident_mib() -> float:
    """Return the resident memory of this process in MiB (0 where the system does not tell)."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:  # no procfs: the peak is the nearest thing
        import resource
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)
