"""Properties asked of final states: as in the state explorer, in a state made for the purpose.

A final state is put into fresh tables of the system, so that a property sees what it always sees
(plain values, processes that are done), is run twice, and is refused what it may not do.
"""

from __future__ import annotations

from typing import Any

from modelcheck.errors import ModelError
from modelcheck.language.learner import MAX_VALUES, Learner, Shape
from modelcheck.language.local import FINISHED
from modelcheck.language.model import System
from modelcheck.language.properties import PropertyFunction
from modelcheck.memory.sc import SequentialConsistency
from modelcheck.programs.search import End
from modelcheck.tables.tables import Restart
from modelcheck.tables.tries import Answer


class Asking:
    """The properties of a system, and the answers that they give in final states."""

    def __init__(self, system: System, memory: str):
        self.system, self.memory = system, memory
        for prop in system.properties:
            if prop.kind == "always":
                raise _no_always(prop, memory)
        self.learner = Learner(system, SequentialConsistency(), Shape(), MAX_VALUES)
        self.tables = self.learner.tables()

    def answer(self, index: int, end: End) -> Answer:
        """Return what a property says of a final state."""
        prop = self.system.properties[index]
        try:
            answer = self.tables.holds(self.tables.properties[index], self._state(end))
        except Restart:
            raise _no_locals(prop, self.memory) from None
        if self.learner.asked or self.learner.asked_variables:
            raise _no_locals(prop, self.memory)
        return answer

    def _state(self, end: End) -> tuple[int, ...]:
        state = list(self.tables.initial)
        for slot, ref in enumerate(self.system.refs):
            state[slot] = self.tables.domains[slot].intern(end.values[ref.name])
        for agent, finished in enumerate(end.finished):
            if finished:
                state[self.learner.slot_of(agent)] = self.learner._intern(agent, FINISHED)
        return tuple(state)

    def audit(self) -> None:
        """Raise `ModelError` where a property is no function of the state."""
        self.learner.shape.outside.check()
        self.learner.forget_runs()


def _place(prop: PropertyFunction) -> Any:
    code = prop.function.__code__
    return {"file": code.co_filename, "line": code.co_firstlineno}


def _no_always(prop: PropertyFunction, memory: str) -> ModelError:
    return ModelError(
        f"@always {prop.name} asks about every state, and under the memory model {memory} there "
        "are executions, not states one after the other",
        "Ask at the end (@at_end, over what the processes store), or assert in a process.",
        **_place(prop),
    )


def _no_locals(prop: PropertyFunction, memory: str) -> ModelError:
    return ModelError(
        f"the property {prop.name} looks into a process, which under the memory model {memory} "
        "is only known to have ended or not (`s.p.done`)",
        "Let the process store what the property is to see.",
        **_place(prop),
    )


__all__ = ["Asking"]
