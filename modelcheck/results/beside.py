"""The same schedule in another model: where a repaired twin no longer follows a counterexample.

Step by step the same process takes its turn in the other model. Steps are told by their text, so
the twin may have some more of them, or some less; a turn that it cannot take is left out and
explained. Neighbours: `modelcheck.cli.compare` and the explorer show both, side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen, mutable

from modelcheck.check import tables_of
from modelcheck.explore.search import Move, successor
from modelcheck.language.learner import Learner
from modelcheck.language.local import LocalState
from modelcheck.language.model import Model, System
from modelcheck.results.findings import trace_of
from modelcheck.results.tracing import status
from modelcheck.show import words
from modelcheck.show.text import clean
from modelcheck.show.trace import Trace, TraceStep
from modelcheck.tables.tables import State, Tables

#: Steps of its own that the other model's process may take before the one that is looked for.
AHEAD = 6


@frozen
class Beside:
    """What another model did on a trace's schedule.

    Parameters
    ----------
    trace : Trace
        The steps that it took.
    at : tuple of int
        For each state of the first trace the number of the other's state that stands beside it.
    parted : tuple of str
        For each step of the first trace why the other model did not take it; empty where it did.
    """

    trace: Trace
    at: tuple[int, ...]
    parted: tuple[str, ...]

    @property
    def first(self) -> int:
        """The first step that the other model did not take, counted from 1; 0 where it took all."""
        return next((n for n, why in enumerate(self.parted, 1) if why), 0)


def follow(trace: Trace, other: Model | System, memory: str = "sc") -> Beside:
    """Return what another model does on the schedule of a trace, as far as it can follow it.

    Promised is a real walk of the other model, taken by the same processes in the same order. Which
    of its steps stand beside which is a guess from their texts.
    """
    system = other() if isinstance(other, Model) else other

    def work(learner: Learner, tables: Tables) -> Beside:
        walk = _Walk(tables, tables.initial, _partners(trace, tables))
        at, parted = [0], []
        for number, step in enumerate(trace.steps):
            later = [s.label for s in trace.steps[number:] if s.process == step.process]
            parted.append(walk.follow(step, later))
            at.append(len(walk.moves))
        return Beside(trace_of(system, learner, walk.moves), tuple(at), tuple(parted))

    return tables_of(system, memory, work)


def _partners(trace: Trace, tables: Tables) -> dict[str, int]:
    """Return for each process of a trace the agent of the same name; the others go by their order.

    A twin's processes often have names of their own. Store buffers come when they are needed.
    """
    agents = {agent.name: n for n, agent in enumerate(tables.agents)}
    names = dict.fromkeys([*trace.processes, *(step.process for step in trace.steps)])
    own = [name for name in names if name not in agents and name not in trace.buffers.values()]
    free = [
        number
        for name, number in agents.items()
        if name not in names and not tables.slots[tables.agents[number].slot].memory
    ]
    known = {name: agents[name] for name in names if name in agents}
    return known | (dict(zip(own, free, strict=True)) if len(own) == len(free) else {})


@mutable
class _Walk:
    """A walk that grows: where it is, how it came there, whether its last step failed."""

    tables: Tables
    state: State
    partners: dict[str, int]
    moves: list[Move] = field(factory=list)
    failed: bool = False

    def follow(self, step: TraceStep, later: Sequence[str]) -> str:
        """Take the step that stands beside one of the other trace; return why not where not.

        `later` are the labels of that process from this step on.
        """
        if self.failed:
            return "the walk has ended: its last step failed"
        if step.process not in self.partners:
            return f"there is no {clean(step.process)} here"
        agent = self.partners[step.process]
        name = clean(self.tables.agents[agent].name)
        if self._local(agent, self.state).status != "running":
            return f"{name} has finished, or has not started"
        if self._take(agent, step):
            return ""
        here = self._local(agent, self.state).label
        if not self.tables.leaf(agent, self.state).outcomes:
            return self._waits(agent)
        if here not in later:  # neither model has the other's step: one stands for the other
            self._step(agent, step)
            return ""
        return f"{name} has no step like this one here"

    def _take(self, agent: int, step: TraceStep) -> bool:
        """Take a process's step of this label, with those of its own before it; tell whether."""
        state, before = self.state, list[Move]()
        for _ in range(AHEAD):
            outcomes = self.tables.leaf(agent, state).outcomes
            if self._local(agent, state).status != "running" or not outcomes:
                return False
            if self._local(agent, state).label == step.label:
                self.state = state
                self.moves += before
                self._step(agent, step)
                return True
            if len(outcomes) > 1 or outcomes[0].failure is not None:
                return False
            before.append((agent, 0))
            state = successor(state, outcomes[0].writes)
        return False

    def _step(self, agent: int, step: TraceStep) -> None:
        """Take the pending step: of several outcomes the one that is most like the other's."""
        tables = self.tables
        outcomes = tables.leaf(agent, self.state).outcomes
        wanted = {(change.name, repr(change.new)) for change in step.writes}
        same = [
            (repr(outcome.result) == repr(step.result))
            + sum(
                (tables.slots[s].name, repr(tables.domains[s].values[v])) in wanted
                for s, v in outcome.writes
            )
            for outcome in outcomes
        ]
        which = same.index(max(same))
        self.moves.append((agent, which))
        self.state = successor(self.state, outcomes[which].writes)
        self.failed = outcomes[which].failure is not None

    def _waits(self, agent: int) -> str:
        told = status(self.tables, self.state, agent, False)
        sees = words.values([(read.name, read.value) for read in told.reads])
        because = f", and sees {', '.join(sees)}" if sees else ""
        return f"{clean(told.process)} cannot step here: it waits at `{clean(told.label)}`{because}"

    def _local(self, agent: int, state: State) -> LocalState:
        local: LocalState = self.tables.value(self.tables.agents[agent].slot, state)
        return local


__all__ = ["Beside", "follow"]
