"""The audit: paths learned once are learned again later, and must come out as they did.

A process or property that depends on something outside the model may give the same answer twice in
a row, and another one after other processes have run. So a sample of all paths is performed once
more: one after each `STRIDE` paths learned, and the whole sample when the search has ended. It is
drawn evenly from all paths of each process and property (reservoir sampling), the same one in each
run of the same search.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import define, field, frozen

from modelcheck.language.source import shown
from modelcheck.tables.tables import Tables
from modelcheck.tables.tries import Outcome, Recorder

#: How many paths of each process and of each property are performed again at the end.
AUDITED = 100

#: One path is performed again after so many were learned: some three percent of the learning.
STRIDE = 32

#: So many steps of histories are replayed for one process at the end, and a few histories anyway.
REPLAYED, A_FEW = 20_000, 8


@frozen(eq=False)
class Performed:
    """A path as it came out: who (a process, or a property), in which state, with what report."""

    who: tuple[str, int]
    recorder: Recorder
    report: Any


@define(eq=False)
class Sample:
    """An even sample of what was performed, by process and property."""

    _kept: dict[tuple[str, int], list[Performed]] = field(factory=dict)
    _many: dict[tuple[str, int], int] = field(factory=dict)
    _all: int = 0
    _spent: int = 0
    _random: random.Random = field(factory=lambda: random.Random(0))

    def note(self, performed: Performed) -> Performed | None:
        """Remember a path, perhaps; return one to perform again now, if it is time."""
        who = performed.who
        kept = self._kept.setdefault(who, [])
        self._many[who] = many = self._many.get(who, 0) + 1
        self._all += 1
        if len(kept) < AUDITED:
            kept.append(performed)
        elif (place := self._random.randrange(many)) < AUDITED:
            kept[place] = performed
        if self._all % STRIDE:
            return None
        return self._random.choice(self._random.choice([*self._kept.values()]))

    def affords(self, steps: int) -> bool:
        """Tell whether a history of so many steps may be replayed now, and count it if so.

        Twice as many steps as paths were learned, all in all: long histories are rarely replayed.
        """
        if self._spent + steps > 2 * self._all + A_FEW * STRIDE:
            return False
        self._spent += steps
        return True

    def __iter__(self) -> Iterator[list[Performed]]:
        """Go over the samples of all processes and properties."""
        return iter([[*kept] for kept in self._kept.values()])


def affordable(things: Iterable[Any], steps: Callable[[Any], int]) -> Iterator[Any]:
    """Go over things until their histories have so many steps that the audit would take long.

    Examples
    --------
    >>> len([*affordable(range(100), lambda thing: 1000)])
    20
    """
    spent = 0
    for count, thing in enumerate(things):
        spent += steps(thing)
        if spent > REPLAYED and count >= A_FEW:
            return
        yield thing


def told(tables: Tables, outcomes: tuple[Outcome, ...], recorder: Recorder) -> str:
    """Return in words how a step came out: what it read, what it wrote, where it led."""
    read = ", ".join(_with_value(tables, r.slot, r.value) for r in recorder.path)
    ways = " or ".join(_way(tables, outcome) for outcome in outcomes) or "was blocked"
    return f"{ways} (having read {read})" if read else ways


def _way(tables: Tables, outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"failed with {outcome.failure.message}"
    parts = [_with_value(tables, slot, value) for slot, value in outcome.writes]
    result = "" if outcome.result is None else f" with the result {shown(outcome.result)}"
    return f"led to {', '.join(parts)}{result}"


def _with_value(tables: Tables, slot: int, value: int) -> str:
    it = tables.domains[slot].values[value]
    if not tables.slots[slot].process:
        return f"{tables.slots[slot].name} = {shown(it)}"
    where = f"at `{it.label}`, line {it.line}" if it.status == "running" else it.status
    return f"{tables.slots[slot].name} {where}"
