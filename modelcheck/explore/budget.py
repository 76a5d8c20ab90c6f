"""Budgets: limits on a search. Once one bites, the verdict is *incomplete*, never *holds*."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from attrs import define, evolve, field, frozen

from modelcheck.watchdog import INTERRUPTED, interruption

#: The share of the free memory that a search may use where no budget is given.
SHARE = 0.8


@frozen
class Budget:
    """How much a search may use; None is no limit.

    `memory_mib` bounds the resident memory of the whole Python process; None is most of what was
    free when the search began, since a machine that swaps finishes nothing. `depth` is the number
    of levels expanded: a bound that the caller knows of and draws its own conclusions from.
    """

    states: int | None = None
    seconds: float | None = None
    memory_mib: float | None = None
    depth: int | None = None


@frozen
class Progress:
    """How far a search has come; what a progress display gets.

    `expanded` of the `frontier` states at this depth have been gone on from. How many states there
    are in all nobody knows before the end.
    """

    states: int
    transitions: int
    depth: int
    frontier: int
    seconds: float
    expanded: int = 0
    memory_mib: float = 0.0


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
    spent_s: float = 0.0  # by earlier runs of a search that is gone on with
    memory_mib: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.memory_mib = self.budget.memory_mib or resident_mib() + SHARE * available_mib()

    def room_for(self, mib: float) -> str:
        """Return in words that so much more memory would be too much; empty if it would not."""
        if resident_mib() + mib < self.memory_mib:
            return ""
        return self._memory_text()

    def _memory_text(self) -> str:
        said = f"the budget of {self._told_mib()} MiB of memory was used up"
        return said if self.budget.memory_mib else f"{said} ({SHARE:.0%} of what was free)"

    def _told_mib(self) -> str:
        """Return the budget as given, or a default without its fraction."""
        given = self.budget.memory_mib
        return f"{given:g}" if given else f"{self.memory_mib:,.0f}"

    def bounded(self, depth: int, states: int) -> Meter:
        """Return a meter of the same budget, begun then, for so many levels and states at most."""
        most = min(states, self.budget.states or states)
        budget = evolve(self.budget, depth=depth, states=most)
        return evolve(self, budget=budget, started=self.started)

    def deep(self, levels: int) -> bool:
        """Tell whether so many levels are all that is wanted."""
        return self.budget.depth is not None and levels >= self.budget.depth

    def elapsed(self) -> float:
        """Return the seconds since this run started: what the budget counts."""
        return time.perf_counter() - self.started

    def total(self) -> float:
        """Return the seconds of the whole search, earlier runs included."""
        return self.spent_s + self.elapsed()

    def exceeded(self, states: int) -> str:
        """Return in words which limit is reached; empty if none is."""
        limit = self.budget
        if limit.states is not None and states >= limit.states:
            return f"the budget of {limit.states:,} states was used up"
        return self.exceeded_time_or_memory()

    def exceeded_time(self) -> str:
        """Return in words whether time is used up, or Ctrl-C was pressed; empty if neither."""
        limit = self.budget
        if interruption.is_set():
            return INTERRUPTED
        if limit.seconds is not None and self.elapsed() >= limit.seconds:
            return f"the budget of {limit.seconds:g} seconds was used up"
        return ""

    def exceeded_time_or_memory(self) -> str:
        """Return in words whether time or memory is used up; empty if neither is."""
        return self.exceeded_time() or self.room_for(0)

    def tell(self, states: int, transitions: int, depth: int, frontier: int, expanded: int) -> None:
        """Report progress, if anybody listens."""
        if self.report is not None:
            self.report(
                Progress(
                    states, transitions, depth, frontier, self.total(), expanded, resident_mib()
                )
            )


def available_mib() -> float:
    """Return the memory free for new use, in MiB (infinite where the system does not tell)."""
    found = float("inf")
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    found = int(line.split()[1]) / 2**10
        with (
            open("/sys/fs/cgroup/memory.max") as most,
            open("/sys/fs/cgroup/memory.current") as now,
        ):
            limit = most.read().strip()
            if limit != "max":
                found = min(found, (int(limit) - int(now.read())) / 2**20)
    except (OSError, ValueError):
        pass
    return max(found, 0.0)


def resident_mib() -> float:
    """Return the resident memory of this process in MiB (0 where the system does not tell)."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:  # as text it takes thrice as long
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:  # no procfs: the peak is the nearest thing
        import resource
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)
