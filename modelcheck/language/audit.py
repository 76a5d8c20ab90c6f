"""The audit: paths learned once are learned again later, and must come out as they did.

A process or property that depends on something outside the model may give the same answer twice in
a row, and another one after other processes have run. So a sample of all paths is performed once
more: one after each `STRIDE` paths learned, and the whole sample when the search has ended. It is
drawn evenly from all paths of each process and property (reservoir sampling), the same one in each
run of the same search. Neighbours: `learner` performs; `outside` watches what it can name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from modelcheck.errors import ModelError
from modelcheck.language.local import LocalState, Run
from modelcheck.language.source import shown
from modelcheck.language.views import check_property
from modelcheck.tables.tables import Tables
from modelcheck.tables.tries import Outcome, Recorder
from modelcheck.tables.values import Unfreezable, key_of, without_order

if TYPE_CHECKING:
    from modelcheck.language.learner import Learner
    from modelcheck.language.turn import Turn

#: How many paths of each property, and of all processes of one function, are performed again at
#: the end; and how many of each process, however many run the same code.
AUDITED, AT_LEAST = 100, 25

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


def _spread(things: list[Any], most: int) -> list[Any]:
    """Return at most so many things of a list, at even distances.

    Examples
    --------
    >>> _spread([*range(10)], 4), _spread([1, 2], 4), _spread([], 4)
    ([0, 3, 6, 9], [1, 2], [])
    """
    return things[:: 1 + max(len(things) - 1, 0) // most]


class Audit:
    """The second look at what a learner has learned."""

    def __init__(self, learner: Learner):
        self._learner = learner
        self._sample = Sample()

    def note(self, performed: Performed) -> None:
        """Take note of a path; perform one again now, if it is time."""
        due = self._sample.note(performed)
        if due is not None and self._sample.affords(self._cost(due)):
            self._repeat(due)

    def at_end(self) -> None:
        """Raise `ModelError` where something outside the model changed what the model does.

        Now everything else has run: two processes that share a Python object show it. Up to
        `AUDITED` paths of each property and of the processes of each function are performed once
        more, and as many local states reached once more, beside those that these paths begin with.
        """
        learner = self._learner
        learner.shape.outside.check()
        learner.forget_runs()
        reached: set[tuple[int, int]] = set()
        for sample in self._sample:
            for performed in affordable(_spread(sample, self._share(sample[0].who)), self._cost):
                self._repeat(performed, turned=True)
                kind, agent = performed.who
                if kind != "property":
                    reached.add((agent, id(performed.recorder.peek(learner.slot_of(agent)))))
        for agent, slot in learner.process_slots():
            running = [
                local
                for local in learner.domain(slot).values
                if local.status == "running" and (agent, id(local)) not in reached
            ]
            spread = _spread(running, self._share(("step", agent)))
            for local in affordable(reversed(spread), lambda local: local.depth):
                Run.replay(learner.process(agent), local, learner.shape.observed)
        learner.shape.outside.check()

    def _share(self, who: tuple[str, int]) -> int:
        """Return how many things of a process or property are looked at again at the end."""
        learner, (kind, agent) = self._learner, who
        if kind == "property" or not learner.is_process(agent):
            return AUDITED
        function = learner.process(agent).function
        copies = sum(learner.process(other).function is function for other in learner.processes())
        return max(AT_LEAST, AUDITED // copies)

    def _cost(self, performed: Performed) -> int:
        kind, agent = performed.who
        if kind == "property":
            return 1
        depth: int = performed.recorder.peek(self._learner.slot_of(agent)).depth
        return depth

    def _repeat(self, performed: Performed, turned: bool = False) -> None:
        """Perform a path again; raise `ModelError` where it comes out in another way.

        With sets turned round only when the search has ended: a process may then come to a local
        state that it never was in.
        """
        learner, (kind, agent) = self._learner, performed.who
        if kind == "property":
            self.ask_again(performed)
            return
        again = performed.recorder.anew(turned)
        outcomes, first = learner.perform(agent, again, twice=False), performed.report
        if _reads(again) == _reads(performed.recorder) and (
            [*map(_came_out, outcomes)] == [*map(_came_out, first)]
            or [*map(self._led_to, outcomes)] == [*map(self._led_to, first)]
        ):
            return
        local: LocalState = again.peek(learner.slot_of(agent))
        before = _told(learner.result, performed.report, performed.recorder)
        raise ModelError(
            f"{learner.process(agent).group} is not a function of what it read: in one and the "
            f"same state `{local.label}` first {before}, and later "
            f"{_told(learner.result, outcomes, again)}",
            "It depends on something outside the model: a global variable, an attribute of a "
            "module, class or function, a clock, a random number, the order of a set (which is "
            "turned round to find out). Put that into the state, or use sorted() or choose().",
            file=local.file,
            line=local.line,
        )

    def ask_again(self, performed: Performed) -> None:
        """Ask a property once more in one state: it must read and answer the same."""
        learner, index = self._learner, performed.who[1]
        first, again = performed.report, performed.recorder.anew()
        second, _ = check_property(learner, index, again)
        if first.holds != second or _reads(performed.recorder) != _reads(again):
            function = learner.system.properties[index].function
            raise ModelError(
                f"the property {function.__name__} gave two answers in one state: "
                f"{first.holds}, {second}",
                "It depends on something outside the snapshot (a clock, a random number, a global "
                "variable, the order of a set), or changes something. It may only look.",
                file=function.__code__.co_filename,
                line=function.__code__.co_firstlineno,
            )

    def _led_to(self, outcome: Outcome) -> Any:
        """Return how a step came out, without the order of sets that local variables hold."""
        domains, slots = self._learner.result.domains, self._learner.result.slots
        writes = [
            (slot, without_order(domains[slot].values[value].key) if holds_locals else value)
            for slot, value in outcome.writes
            for holds_locals in [slots[slot].process and not slots[slot].memory]
        ]
        return writes, _came_out(outcome)[1:]


# What a performance showed.


def report_of(recorder: Recorder, done: list[tuple[Turn, Any]], outcomes: list[Outcome]) -> Any:
    """Return all that a performance of a step showed, to hold a second one against it."""
    return (
        _reads(recorder),
        [(tuple(turn.writes.items()), _result_key(result)) for turn, result in done],
        [*map(_came_out, outcomes)],
    )


def _reads(recorder: Recorder) -> list[Any]:
    return [(read.slot, read.view) for read in recorder.path]


def _came_out(outcome: Outcome) -> Any:
    # Without the line: CPython 3.11 names another one once it has made two instructions into one.
    failure = outcome.failure
    failed = failure and (failure.kind, failure.message, failure.file)
    return outcome.writes, _result_key(outcome.result), failed


def _result_key(result: Any) -> Any:
    try:
        return key_of(result)
    except Unfreezable:
        return type(result)


def _told(tables: Tables, outcomes: tuple[Outcome, ...], recorder: Recorder) -> str:
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
