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
    right. That is done for many new forms together: until then, steps that are new have no number,
    and lists may lack something. `is_exact` tells whether nothing is waiting. A path of a form that
    was known changes nothing.
    """

    def __init__(self, flat: FlatTables, relations: Relations):
        self.flat, self.relations = flat, relations
        self._numbers: dict[LocalStep, int] = {}
        self._steps: list[LocalStep] = []
        self._heap = Growing(np.int32, 4096)
        self._arrays: Relating | None = None
        self._scratch: list[Scratch] = []
        self._bases: Any = None
        self._new, self._batch = 0, 1

    @property
    def is_exact(self) -> bool:
        """Whether the arrays have all that is known."""
        return self._arrays is not None and self._new == 0

    def note(self, agent: int, state: State) -> None:
        """Take in a path that was learned just now."""
        self._new += self.relations.note(agent, state)
        if self._arrays is not None and (
            self._new > FEW + len(self._steps) // SHARE
            or self.flat.leaves() > len(self._arrays.conflicts)
            or (self.flat.base != self._bases).any()
        ):
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

    def renew(self) -> None:
        """Hand over all that is known."""
        if not self.is_exact:
            self._arrays = None

    def _forget(self) -> None:
        """Begin with empty lists, and with a number for every local step there is."""
        flat, tables, relations = self.flat, self.flat.tables, self.relations
        self._new, self._batch, self._bases = 0, 1, flat.base.copy()
        number = np.full(max(1, flat.roots.used), -1, np.int32)
        for agent, who in enumerate(tables.agents):
            base = int(flat.base[agent])
            for local in range(len(who.tries)):
                number[base + local] = self._number((agent, local))
        self._heap.used = 0
        leaves, steps = 2 * flat.leaves() + 64, len(self._steps)  # with room for more
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

    def scratch(self, worker: int) -> Scratch:
        """Return a worker's room for closures."""
        steps = len(self.arrays().agent)
        while len(self._scratch) <= worker:
            self._scratch.append(_scratch(0))
        if len(self._scratch[worker].member) < steps:
            self._scratch[worker] = _scratch(2 * steps)
        return self._scratch[worker]

    def fetch(self, kind: int, what: int) -> None:
        """Ask `Relations` for what a kernel lacked, and for more of the kind.

        Twice as much each time: once little is learned, all of it is wanted, and a coming and going
        for each would cost more than the answers.
        """
        arrays, relations = self.arrays(), self.relations
        if kind == closure.VISIBLE_STEPS:
            arrays.visible_steps[:] = self._put(relations.visible_steps())
            return
        self._batch *= 2
        if kind == closure.VISIBLE:
            for leaf in self._lacking(arrays.visible, what):
                arrays.visible[leaf] = relations.visible(self.flat.leaf(leaf))
        elif kind == closure.PREDECESSORS:
            for step in self._lacking(arrays.predecessors_size, what, leaves=False):
                place, size = self._put(relations.predecessors(self._steps[step]))
                arrays.predecessors[step], arrays.predecessors_size[step] = place, size
        elif kind == closure.CONFLICTS:
            for leaf in self._lacking(arrays.conflicts_size, what):
                place, size = self._put(relations.conflicts(self.flat.leaf(leaf)))
                arrays.conflicts[leaf], arrays.conflicts_size[leaf] = place, size
        else:
            for leaf in self._lacking(arrays.enablers_size, what):
                place, size = self._put(relations.enablers(self.flat.leaf(leaf)))
                arrays.enablers[leaf], arrays.enablers_size[leaf] = place, size

    def _lacking(self, sizes: Any, what: int, leaves: bool = True) -> list[int]:
        """Return what is wanted, and a batch of others of the like that were never fetched.

        Of leaves, those that are enabled as it is: conflicts are a matter of enabled ones alone.
        """
        others = np.flatnonzero(sizes[: self.flat.leaves() if leaves else None] < 0)
        if leaves:
            enabled = self.flat.count.data[others] > 0
            others = others[enabled == (self.flat.count.data[what] > 0)]
        return [what, *(n for n in others[: self._batch].tolist() if n != what)]

    def _put(self, steps: list[LocalStep]) -> tuple[int, int]:
        """Write a list down, but for steps that are too new; return where, and how long it is."""
        numbers = [self._numbers[step] for step in steps if step in self._numbers]
        place = self._heap.extend(len(numbers))
        self._heap.data[place : place + len(numbers)] = numbers
        if self._arrays is not None and self._arrays.heap is not self._heap.data:
            self._arrays = self._arrays._replace(heap=self._heap.data)
        return place, len(numbers)


def _scratch(steps: int) -> Scratch:
    steps = max(64, steps)
    return Scratch(
        np.zeros(steps, np.int64),
        np.zeros(steps, np.int32),
        np.zeros(1, np.int64),
        np.zeros(2, np.int64),
    )


def _never(count: int) -> Any:
    return np.full(max(1, count), -1, np.int32)
