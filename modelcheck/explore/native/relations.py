"""Relations between local steps as arrays: fetched one by one from where Python computes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from modelcheck.explore.native import closure
from modelcheck.explore.native.arrays import Growing
from modelcheck.explore.native.closure import Relating, Scratch
from modelcheck.explore.native.flat import FlatTables
from modelcheck.explore.reduction.relations import LocalStep, Relations
from modelcheck.tables.tables import Property, State

#: After so many new paths, and one in so many of all local steps, relations are handed over anew.
FEW, SHARE = 8, 32


class FlatRelations:
    """The arrays of one model's relations.

    What is learned makes all lists "never fetched" again, `Relations` knows which of them are still
    right. That is done for many paths together: until then, steps that are new have no number.
    """

    def __init__(self, flat: FlatTables, watched: Iterable[Property]):
        self.flat = flat
        self.relations = Relations(flat.tables, watched)
        self._numbers: dict[LocalStep, int] = {}
        self._steps: list[LocalStep] = []
        self._heap = Growing(np.int32, 4096)
        self._arrays: Relating | None = None
        self._bases: Any = None
        self._new = 0

    def note(self, agent: int, state: State) -> None:
        """Take in a path that was learned just now."""
        self.relations.note(agent, state)
        self._new += 1
        if self._new > FEW + len(self._steps) // SHARE or (self.flat.base != self._bases).any():
            self._arrays = None

    def watch(self, watched: Iterable[Property]) -> None:
        """Say which properties must not be disturbed unseen."""
        self.relations.watch(watched)
        self._arrays = None

    def arrays(self) -> Relating:
        """Return the arrays for the kernel; valid until something is noted or fetched."""
        if self._arrays is None:
            self._forget()
        assert self._arrays is not None
        return self._arrays

    def _forget(self) -> None:
        """Begin with empty lists, and with a number for every local step there is."""
        flat, tables, relations = self.flat, self.flat.tables, self.relations
        self._new, self._bases = 0, flat.base.copy()
        number = np.full(max(1, flat.roots.used), -1, np.int32)
        for agent, who in enumerate(tables.agents):
            base = int(flat.base[agent])
            for local in range(len(who.tries)):
                number[base + local] = self._number((agent, local))
        self._heap.used = 0
        leaves, steps = flat.leaves(), len(self._steps)
        bits, rows, words = self._reachable()
        self._arrays = Relating(
            number,
            np.array([agent for agent, _ in self._steps], np.int32),
            np.array([local for _, local in self._steps], np.int32),
            self._heap.data,
            conflicts=_never(leaves),
            conflicts_size=_never(leaves),
            enablers=_never(leaves),
            enablers_size=_never(leaves),
            predecessors=_never(steps),
            predecessors_size=_never(steps),
            visible=np.full(max(1, leaves), -1, np.int8),
            visible_steps=np.full(2, -1, np.int32),
            reachable=bits,
            reachable_row=rows,
            reachable_words=words,
            moved=np.array([relations.is_moved(agent) for agent in range(len(tables.agents))]),
            watching=bool(self.relations.watched),
        )

    def _number(self, step: LocalStep) -> int:
        number = self._numbers.get(step)
        if number is None:
            number = self._numbers[step] = len(self._steps)
            self._steps.append(step)
        return number

    def _reachable(self) -> tuple[Any, Any, Any]:
        """Return a row of bits for each local state of each agent: where it can come to."""
        tables = self.flat.tables
        counts = [len(who.tries) for who in tables.agents]
        words = np.array([(count + 63) // 64 for count in counts], np.int64)
        rows = np.zeros(len(counts), np.int64)
        rows[1:] = np.cumsum(words * counts)[:-1]
        bits = np.zeros(int((words * counts).sum()), np.uint64)
        for agent, masks in enumerate(map(self.relations.reachable_masks, range(len(counts)))):
            length = int(words[agent])
            for local, mask in enumerate(masks):
                place = int(rows[agent]) + local * length
                bits[place : place + length] = np.frombuffer(
                    mask.to_bytes(8 * length, "little"), np.uint64
                )
        return bits, rows, words

    def scratch(self) -> Scratch:
        """Return room for one worker's closures."""
        steps = max(1, len(self.arrays().agent))
        return Scratch(
            np.zeros(steps, np.int64),
            np.zeros(steps, np.int32),
            np.zeros(1, np.int64),
            np.zeros(2, np.int64),
        )

    def fetch(self, kind: int, what: int) -> None:
        """Ask `Relations` for what a kernel lacked."""
        arrays, relations = self.arrays(), self.relations
        if kind == closure.VISIBLE:
            arrays.visible[what] = relations.visible(self.flat.leaf(what))
        elif kind == closure.VISIBLE_STEPS:
            place, size = self._put(relations.visible_steps())
            arrays.visible_steps[:] = place, size
        elif kind == closure.PREDECESSORS:
            place, size = self._put(relations.predecessors(self._steps[what]))
            arrays.predecessors[what], arrays.predecessors_size[what] = place, size
        elif kind == closure.CONFLICTS:
            place, size = self._put(relations.conflicts(self.flat.leaf(what)))
            arrays.conflicts[what], arrays.conflicts_size[what] = place, size
        else:
            place, size = self._put(relations.enablers(self.flat.leaf(what)))
            arrays.enablers[what], arrays.enablers_size[what] = place, size

    def _put(self, steps: list[LocalStep]) -> tuple[int, int]:
        """Write a list down, but for steps that are too new; return where, and how long it is."""
        numbers = [self._numbers[step] for step in steps if step in self._numbers]
        place = self._heap.extend(len(numbers))
        self._heap.data[place : place + len(numbers)] = numbers
        if self._arrays is not None and self._arrays.heap is not self._heap.data:
            self._arrays = self._arrays._replace(heap=self._heap.data)
        return place, len(numbers)


def _never(count: int) -> Any:
    return np.full(max(1, count), -1, np.int32)
