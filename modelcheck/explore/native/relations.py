"""Relations between local steps as arrays: fetched one by one from where Python computes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from modelcheck.explore.native import shapes
from modelcheck.explore.native.arrays import Growing
from modelcheck.explore.native.flat import FlatTables
from modelcheck.explore.native.shapes import Closing, Relating
from modelcheck.explore.reduction.relations import LocalStep, Relations, Steps
from modelcheck.tables.tables import Property, State

#: After so many new paths, and one in so many of all local steps, relations are handed over anew.
FEW, SHARE = 8, 32

#: A word of ones.
_WORD = 2**64 - 1


class FlatRelations:
    """The arrays of one model's relations.

    What is learned makes all lists "never fetched" again, `Relations` knows which of them are still
    right. That is done for many new forms together: until then, steps that are new have no bit, and
    lists may lack something. `is_exact` tells whether nothing is waiting. A path of a form that
    was known changes nothing.
    """

    def __init__(self, flat: FlatTables, relations: Relations):
        self.flat, self.relations = flat, relations
        self._word, self._bits = Growing(np.int32, 4096), Growing(np.uint64, 4096)
        self._arrays: Relating | None = None
        self._scratch: list[Closing] = []
        self._bases: Any = None
        self._begin, self._length = list[int](), list[int]()  # as in the arrays
        self._new, self._batch = 0, 1

    @property
    def is_exact(self) -> bool:
        """Whether the arrays have all that is known."""
        return self._arrays is not None and self._new == 0

    def note(self, agent: int, state: State) -> None:
        """Take in a path that was learned just now."""
        self._new += self.relations.note(agent, state)
        if self._arrays is not None and (
            self._new > FEW + int(self._arrays.known.sum()) // SHARE
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
        """Begin with empty lists, and with a bit for every local step there is."""
        flat, tables, relations = self.flat, self.flat.tables, self.relations
        self._new, self._batch, self._bases = 0, 1, flat.base.copy()
        self._word.used = self._bits.used = 0
        counts = np.array([len(who.tries) for who in tables.agents], np.int64)
        length = (counts + 63) // 64
        begin = np.cumsum(length) - length
        self._begin, self._length = begin.tolist(), length.tolist()
        leaves, words = 2 * flat.leaves() + 64, int(length.sum())  # with room for more
        row = np.cumsum(length * counts) - length * counts
        rows = np.zeros(int((length * counts).sum()), np.uint64)
        agents = range(len(counts))
        self._arrays = Relating(
            known=counts,
            begin=begin,
            agent=np.repeat(np.arange(len(counts), dtype=np.int32), length),
            word=self._word.data,
            bits=self._bits.data,
            conflicts=_never(leaves),
            conflicts_size=_never(leaves),
            enablers=_never(leaves),
            enablers_size=_never(leaves),
            entrances=_never(64 * words),
            entrances_size=_never(64 * words),
            visible=np.full(max(1, leaves), -1, np.int8),
            visible_steps=np.full(2, -1, np.int32),
            reachable=rows,
            passed=rows.copy(),
            row=row,
            length=length,
            blockable=np.zeros(words, np.uint64),
            moved=np.array([relations.is_moved(agent) for agent in agents], np.bool_),
            watching=bool(relations.watched),
        )
        for agent in agents:
            for local, mask in enumerate(relations.reachable_masks(agent)):
                self._put_row(rows, (agent, local), mask)
        for agent, mask in Steps(relations.forms.blockable).masks:
            for word, bits in self._words(agent, mask):
                self._arrays.blockable[word] = bits

    def _words(self, agent: int, mask: int) -> Iterator[tuple[int, int]]:
        """Return the words of some local states of an agent that are not empty, as far as known."""
        begin = self._begin[agent]
        for number in range(self._length[agent]):
            bits = mask >> 64 * number & _WORD
            if bits:
                yield begin + number, bits

    def _put_row(self, rows: Any, step: LocalStep, mask: int) -> None:
        """Write down local states of a step's agent, in that step's row."""
        arrays, (agent, local) = self.arrays(), step
        length, begin = int(arrays.length[agent]), int(arrays.begin[agent])
        place = int(arrays.row[agent]) + local * length - begin
        for word, bits in self._words(agent, mask):
            rows[place + word] = bits

    def scratch(self, worker: int) -> Closing:
        """Return a worker's room for closures."""
        agents, words = len(self.arrays().known), len(self.arrays().agent)
        while len(self._scratch) <= worker:
            self._scratch.append(_scratch(agents, 0))
        if len(self._scratch[worker].member) < words:
            self._scratch[worker] = _scratch(agents, 2 * words)
        return self._scratch[worker]

    def fetch(self, kind: int, what: int) -> None:
        """Ask `Relations` for what a kernel lacked, and for more of the kind.

        Twice as much each time: once little is learned, all of it is wanted, and a coming and going
        for each would cost more than the answers.
        """
        arrays, relations = self.arrays(), self.relations
        if kind == shapes.VISIBLE_STEPS:
            place, length = self._put([relations.visible_steps()])
            arrays.visible_steps[:] = place[0], length[0]
            return
        self._batch *= 2
        if kind == shapes.VISIBLE:
            for leaf in self._lacking(arrays.visible, what):
                arrays.visible[leaf] = relations.visible(self.flat.leaf(leaf))
        elif kind == shapes.ENTRANCES:
            numbers, found = self._lacking_steps(what), []
            for step in map(self._step, numbers):
                steps, passed = relations.entrances(step)
                self._put_row(arrays.passed, step, passed)
                found.append(steps)
            arrays.entrances[numbers], arrays.entrances_size[numbers] = self._put(found)
        elif kind == shapes.CONFLICTS:
            leaves = self._lacking(arrays.conflicts_size, what)
            found = [relations.conflicts(self.flat.leaf(leaf)) for leaf in leaves]
            arrays.conflicts[leaves], arrays.conflicts_size[leaves] = self._put(found)
        else:
            leaves = self._lacking(arrays.enablers_size, what)
            found = [relations.enablers(self.flat.leaf(leaf)) for leaf in leaves]
            arrays.enablers[leaves], arrays.enablers_size[leaves] = self._put(found)

    def _lacking(self, sizes: Any, what: int) -> list[int]:
        """Return what is wanted, and a batch of other leaves of which the like was never fetched.

        Those that are enabled as it is: conflicts are a matter of enabled ones alone.
        """
        others = np.flatnonzero(sizes[: self.flat.leaves()] < 0)
        enabled = self.flat.count.data[others] > 0
        others = others[enabled == (self.flat.count.data[what] > 0)]
        return [what, *(n for n in others[: self._batch].tolist() if n != what)]

    def _lacking_steps(self, what: int) -> list[int]:
        """Return what is wanted, and a batch of other steps whose entrances were never fetched."""
        arrays = self.arrays()
        numbers = np.arange(64 * len(arrays.agent))
        whose = arrays.agent[numbers >> 6]
        there = numbers - 64 * arrays.begin[whose] < arrays.known[whose]
        others = numbers[there & (arrays.entrances_size < 0)]
        return [what, *(n for n in others[: self._batch].tolist() if n != what)]

    def _step(self, number: int) -> LocalStep:
        arrays = self.arrays()
        agent = int(arrays.agent[number >> 6])
        return agent, number - 64 * int(arrays.begin[agent])

    def _put(self, lists: Sequence[Steps]) -> tuple[Any, Any]:
        """Write lists down, but for steps that are too new; return where, and how long they are."""
        words, ends = list[tuple[int, int]](), []
        for steps in lists:
            words += (word for agent, mask in steps.masks for word in self._words(agent, mask))
            ends.append(len(words))
        place = self._word.extend(len(words))
        self._bits.extend(len(words))
        self._word.data[place : place + len(words)] = [word for word, _ in words]
        self._bits.data[place : place + len(words)] = np.array([b for _, b in words], np.uint64)
        arrays = self.arrays()
        if arrays.word is not self._word.data or arrays.bits is not self._bits.data:
            self._arrays = arrays._replace(word=self._word.data, bits=self._bits.data)
        begins = np.array([0, *ends[:-1]])
        return place + begins, np.array(ends) - begins


def _scratch(agents: int, words: int) -> Closing:
    return Closing(
        member=np.zeros(words, np.uint64),
        waiting=np.zeros(words, np.uint64),
        word=np.zeros(agents, np.int64),
        bit=np.zeros(agents, np.uint64),
        near=np.zeros(agents, np.int64),
        local=np.zeros(agents, np.int64),
        line=np.zeros(agents, np.int64),
        wanted=np.zeros(2, np.int64),
    )


def _never(count: int) -> Any:
    return np.full(max(1, count), -1, np.int32)
