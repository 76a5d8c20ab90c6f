"""Runs that wait at a local state to be gone on from: what keeps long processes cheap.

A generator cannot be copied, so each path out of a local state takes a run that stands there. A
replay of the whole history would make a process of n steps cost n squared; the run that arrived
there last is gone on with instead, or one that stands a few steps before. Whatever run is handed
out has been held against the key of the local state: nobody goes on from another one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from attrs import define, field

from modelcheck.language.local import LocalState, Observed, Run
from modelcheck.language.process import Process

#: A history of up to so many steps is replayed each time.
LONG = 16

#: How many runs wait at most, how many of them at one local state, and how far before a local state
#: one is looked for.
ROOM, TWINS, REACH = 256, 4, 64


@define(eq=False)
class Parked:
    """Runs by the agent and the local state that they stand at; those used last are kept."""

    observed: Observed
    _runs: OrderedDict[tuple[int, int], tuple[LocalState, list[Run]]] = field(factory=OrderedDict)
    _count: int = 0

    def put(self, agent: int, local: LocalState, run: Run) -> None:
        """Keep a run that has come to `local`."""
        runs = self._runs.setdefault((agent, id(local)), (local, []))[1]
        self._runs.move_to_end((agent, id(local)))
        if len(runs) < TWINS:
            runs.append(run)
            self._count += 1
        while self._count > ROOM:
            self._count -= len(self._runs.popitem(last=False)[1][1])

    def run(self, agent: int, process: Process, local: LocalState) -> Run:
        """Return a run that stands at `local`: a kept one, or by replay.

        Replay is also the check that a process is a function of what it read. Short histories are
        replayed each time, of long ones eight in each doubling of their length, so that the replays
        cost about as much as the steps.

        Raises
        ------
        ModelError
            Where the run stands elsewhere: something outside the model changed it.
        """
        if _is_due(local.depth):
            return Run.replay(process, local, self.observed)
        here = local
        results: list[Any] = []
        for _ in range(REACH):
            run = self._take(agent, here)
            if run is not None:
                run.go_on(local, results[::-1])
                return run
            if here.parent is None:
                break
            results.append(here.sent)
            here = here.parent
        return Run.replay(process, local, self.observed)

    def _take(self, agent: int, local: LocalState) -> Run | None:
        entry = self._runs.get((agent, id(local)))
        if entry is None:
            return None
        run = entry[1].pop()
        self._count -= 1
        if not entry[1]:
            del self._runs[agent, id(local)]
        return run

    def clear(self) -> None:
        """Let go of all runs."""
        self._runs.clear()
        self._count = 0


def _is_due(depth: int) -> bool:
    """Tell whether a history of so many steps is replayed in any case.

    Examples
    --------
    >>> _is_due(LONG), sum(map(_is_due, range(1024, 2048)))
    (True, 8)
    """
    return depth <= LONG or depth % (1 << depth.bit_length() - 4) == 0


__all__ = ["LONG", "Parked"]
