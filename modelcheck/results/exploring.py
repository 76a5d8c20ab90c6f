"""Walking through a model by hand: where one is, what can be done next, and why not the rest.

Every question is answered from the moves that lead to a state, with fresh tables: nothing is kept
between two of them, so no answer depends on what was asked before, and a model that has changed in
the meantime is the new one. Neighbours: `modelcheck.cli.explorer` serves it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve, frozen

from modelcheck.check import tables_of
from modelcheck.errors import ModelError, UsageError
from modelcheck.explore.budget import Budget, Meter
from modelcheck.explore.nearest import Nearest, nearest
from modelcheck.explore.search import Move, successor
from modelcheck.language.learner import Learner
from modelcheck.language.local import LocalState
from modelcheck.language.model import Model, System
from modelcheck.language.properties import PropertyFunction
from modelcheck.results.findings import trace_of
from modelcheck.results.graph import drawn
from modelcheck.results.moments import has_ended
from modelcheck.results.pruning import Pruning, pruning
from modelcheck.results.tokens import check_moves, decode
from modelcheck.results.tracing import status
from modelcheck.show.graphdata import SHOWN
from modelcheck.show.stategraph import StateGraph, neighbourhood
from modelcheck.show.trace import Change, ProcessStatus, Trace
from modelcheck.tables.tables import State, Tables

#: Seconds and states that one search for a nearest state may take.
PATIENCE = Budget(states=500_000, seconds=20)

#: States explored for a picture of where a walk is.
NEAR = 2_000

#: Characters of a predicate.
LONGEST = 2_000


@frozen
class Choice:
    """One way to go on: the move, whose it is, and what it would do."""

    move: Move
    process: str
    label: str
    file: str
    line: int
    writes: tuple[Change, ...]
    fails: str = ""


@frozen
class View:
    """One state: the walk to it, the ways on, and the processes that cannot step, with why."""

    moves: tuple[Move, ...]
    trace: Trace
    choices: tuple[Choice, ...]
    waiting: tuple[ProcessStatus, ...]


class Explorer:
    """A model with its parameters, under one memory model, to be walked through."""

    def __init__(self, model: Model, parameters: dict[str, Any], memory: str = "sc"):
        self.model, self.parameters, self.memory = model, parameters, memory

    def view(self, moves: Sequence[Move]) -> View:
        """Return the state that some moves lead to. Raises `UsageError` for moves that do not."""
        system = self._system()

        def work(learner: Learner, tables: Tables) -> View:
            state, failed = _follow(tables, moves)
            trace = trace_of(system, learner, moves)
            if failed:
                return View(tuple(moves), trace, (), ())
            standing = [status(tables, state, n, False) for n in range(len(tables.agents))]
            waiting = tuple(s for s in standing if s.status == "blocked")
            return View(tuple(moves), trace, tuple(_choices(tables, state)), waiting)

        return tables_of(system, self.memory, work)

    def graph(self, moves: Sequence[Move]) -> StateGraph:
        """Return the state graph with a walk as its path: all of a small model, in one layout.

        Of a larger one, the walk and the states near it.
        """

        def work(learner: Learner, tables: Tables) -> StateGraph:
            whole = drawn(tables, (), None, SHOWN, [moves])
            if not whole.note:
                return whole
            return neighbourhood(drawn(tables, moves, None, NEAR, [moves]), SHOWN)

        return tables_of(self._system(), self.memory, work)

    def pruning(self, moves: Sequence[Move]) -> Pruning:
        """Return what partial-order reduction leaves out in the state that some moves lead to."""

        def work(learner: Learner, tables: Tables) -> Pruning:
            state, failed = _follow(tables, moves)
            return Pruning() if failed else pruning(tables, state)

        return tables_of(self._system(), self.memory, work)

    def of_token(self, token: str) -> View:
        """Return the state at the end of a shared walk. A changed model refuses it, as `replay`."""
        content = decode(token)
        if content.model != self.model.name:
            raise UsageError(f"this walk is of the model {content.model!r}")
        given = {k: self.model.parse(k, v) for k, v in content.parameters.items()}
        if {**self.model.parameters, **given} != {**self.model.parameters, **self.parameters}:
            raise UsageError("this walk is of the model with other parameters")
        if content.memory_model != self.memory:
            raise UsageError(f"this walk is under the memory model {content.memory_model}")
        moves = tables_of(
            self._system(), self.memory, lambda _, tables: check_moves(tables, content)
        )
        return self.view(moves)

    def violation(self, moves: Sequence[Move]) -> Nearest:
        """Return the nearest violation from here on: of an invariant, a failure, a deadlock."""
        system = self._system()

        def wrong(learner: Learner, tables: Tables, state: State) -> bool:
            for prop in tables.properties:
                if prop.kind == "always" and not tables.holds(prop, state).holds:
                    return True
            if any(tables.leaf(n, state).outcomes for n in range(len(tables.agents))):
                return False
            if not has_ended(learner, state):
                return tables.check_deadlock
            ends = [prop for prop in tables.properties if prop.kind == "at_end"]
            return not all(tables.holds(prop, state).holds for prop in ends)

        return self._nearest(system, moves, wrong, failing=True)

    def satisfying(self, moves: Sequence[Move], predicate: str) -> Nearest:
        """Return the nearest state from here on in which a typed predicate is true.

        Parameters
        ----------
        predicate : str
            A Python expression over the snapshot `s`, as in a property; the names of the model's
            file can be used.

        Raises
        ------
        UsageError
            Where it is no expression.
        ModelError
            Where it cannot be evaluated in some state on the way, as a property's would be.
        """
        system = self._system()
        goal = _property(predicate, self.model)
        system.properties.append(goal)

        def true(learner: Learner, tables: Tables, state: State) -> bool:
            return tables.holds(tables.properties[-1], state).holds

        return self._nearest(system, moves, true, failing=False)

    def _system(self) -> System:
        return self.model(**self.parameters)

    def _nearest(
        self,
        system: System,
        moves: Sequence[Move],
        is_goal: Callable[[Learner, Tables, State], bool],
        *,
        failing: bool,
    ) -> Nearest:
        meter = Meter(PATIENCE)

        def work(learner: Learner, tables: Tables) -> Nearest:
            state, failed = _follow(tables, moves)
            if failed:
                return Nearest(None, 0, "the last step failed: nothing comes after it")
            found = nearest(
                tables, state, lambda s: is_goal(learner, tables, s), meter, failing=failing
            )
            if found.moves is None:
                return found
            return evolve(found, moves=(*moves, *found.moves))

        return tables_of(system, self.memory, work)


def _follow(tables: Tables, moves: Sequence[Move]) -> tuple[State, bool]:
    """Return the state that moves lead to, and whether the last step failed."""
    state, failed = tables.initial, False
    for index, (agent, which) in enumerate(moves, 1):
        known = 0 <= agent < len(tables.agents) and not failed
        outcomes = tables.leaf(agent, state).outcomes if known else ()
        if not 0 <= which < len(outcomes):
            raise UsageError(
                f"step {index} cannot be taken: the model has changed, or never was so"
            )
        outcome = outcomes[which]
        state, failed = successor(state, outcome.writes), outcome.failure is not None
    return state, failed


def _choices(tables: Tables, state: State) -> list[Choice]:
    found = []
    for number, agent in enumerate(tables.agents):
        local: LocalState = tables.value(agent.slot, state)
        for which, outcome in enumerate(tables.leaf(number, state).outcomes):
            writes = tuple(
                Change(tables.slots[s].name, tables.value(s, state), tables.domains[s].values[v])
                for s, v in outcome.writes
                if not tables.slots[s].process
            )
            fails = outcome.failure.message if outcome.failure else ""
            move = (number, which)
            place = (local.label, local.file, local.line)
            found.append(Choice(move, agent.name, *place, writes, fails))
    return found


def _property(predicate: str, model: Model) -> PropertyFunction:
    """Return a typed predicate as a property."""
    try:
        if len(predicate) > LONGEST:
            raise ValueError("it is too long")
        code = compile(f"lambda s: (\n{predicate}\n)", "<predicate>", "eval", dont_inherit=True)
        function = eval(code, dict(model.function.__globals__))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{predicate!r} is no expression of Python: {error}") from None
    if function.__code__.co_name != "<lambda>":
        raise ModelError("the predicate is no expression", "Write it as in a property: `s.x == 1`.")
    return PropertyFunction(function, "sometimes")


__all__ = ["Choice", "Explorer", "View"]
