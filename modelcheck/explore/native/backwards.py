"""What a native search has stored, gone over backwards: from states to all that lead to them.

Neighbours: `modelcheck.explore.switches` asks, `passes` has the kernels. With several workers the
order of states within a level is another each time; what is answered here is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcheck.errors import ModelError
from modelcheck.explore import switches
from modelcheck.explore.native import calls, shapes
from modelcheck.explore.native.storage import scratch
from modelcheck.explore.search import Found, judged
from modelcheck.explore.switches import Ending, Step, failure_of
from modelcheck.verdict import Kind
from modelcheck.watchdog import Ended

if TYPE_CHECKING:
    from modelcheck.explore.native.engine import NativeSearch

#: States gone over between two looks at the budget.
STRIDE = 1 << 18


class Natively:
    """The levels of a native search."""

    def __init__(self, search: NativeSearch):
        self.search = search

    def before(self, level: int, states: Sequence[int]) -> Iterable[Step] | None:
        """Return all steps from a level to states of the next; None where that takes too much."""
        search = self.search
        storage, flat = search.storage, search.flat
        layout = storage.packing.arrays
        numbers = np.array(states, np.int64)
        goals = np.zeros((len(numbers), layout.words), np.uint64)
        table = np.zeros(16 * len(numbers), np.uint32)  # so few goals are seldom met
        room = scratch(layout)
        calls.aim(layout, storage.store, numbers, goals, table, room)

        def run(last: int, cursor: Any, found: Any) -> int:
            return calls.predecessors(
                layout, flat.tries(), flat.agents(), storage.store, goals, table, last, cursor,
                found, room,
            )  # fmt: skip

        rows = self._gone_over(level, run)
        if rows is None:
            return None
        rows[:, 3] = numbers[rows[:, 3]]
        return rows.tolist()  # type: ignore[no-any-return] # as numpy's stubs have it

    def alike(self, found: Found, level: int) -> list[Ending] | None:
        """Return all endings on a level that violate the same; None where that takes too much."""
        if found.kind is Kind.INVARIANT:
            assert found.property is not None
            rows = self._gone_over(level, self._asking(found.property))
            return None if rows is None else [(state, None) for state in rows[:, 0].tolist()]
        search, failure = self.search, failure_of(self.search.tables, found)
        layout, room = search.storage.packing.arrays, scratch(search.storage.packing.arrays)

        def run(last: int, cursor: Any, found: Any) -> int:
            return calls.endings(
                layout, search.flat.tries(), search.flat.agents(), search.storage.store,
                failure is not None, last, cursor, found, room,
            )  # fmt: skip

        rows = self._gone_over(level, run)
        if rows is None:
            return None
        tables, state_of = search.tables, search.storage.state
        if failure is None:
            return [
                (state, None)
                for state, *_ in rows.tolist()
                if judged(tables, state_of(state)) == (found.kind, found.property)
            ]
        return [
            (state, (agent, which))
            for state, agent, which, _ in rows.tolist()
            if tables.leaf(agent, state_of(state)).outcomes[which].failure == failure
        ]

    def _asking(self, index: int) -> Callable[[int, Any, Any], int]:
        """Return what finds states in which a property does not hold, learning its answers."""
        search = self.search
        layout, room = search.storage.packing.arrays, scratch(search.storage.packing.arrays)

        def run(last: int, cursor: Any, found: Any) -> int:
            root = int(search.flat.roots.data[search.flat.property_root + index])
            why = calls.violating(
                layout, search.flat.tries(), root, search.storage.store, last, cursor, found, room
            )
            if why == shapes.MISS:
                search._learn(-1 - index, search.storage.state(int(cursor[0])))
            return why

        return run

    def _gone_over(self, level: int, run: Callable[[int, Any, Any], int]) -> Any:
        """Return the rows that a kernel finds in a level; None where that takes too much.

        It is called with where to stop, a cursor (the next state, and how many rows there are), and
        the rows.
        """
        search = self.search
        bounds = [*search.bounds, search._states]
        cursor, rows = np.array([bounds[level], 0], np.int64), np.zeros((1 << 10, 4), np.int64)
        while cursor[0] < bounds[level + 1]:
            if search.meter.exceeded_time_or_memory():
                return None
            last = min(bounds[level + 1], int(cursor[0]) + STRIDE)
            try:
                why = run(last, cursor, rows)
            except (ModelError, Ended):  # of a property that was not asked before
                return None
            if why == shapes.ROOM:
                if len(rows) > switches.MOST:
                    return None
                rows = np.concatenate([rows, np.zeros((3 * len(rows), 4), np.int64)])
        return rows[: int(cursor[1])]
