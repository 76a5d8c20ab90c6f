"""Processes that processes start: the steps that spawn and join, and the handle between them.

Neighbours: `steps`; `turn` finds the place of a child.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelcheck.language.names import MOVED
from modelcheck.language.process import Process
from modelcheck.language.refs import model_error
from modelcheck.language.source import shown
from modelcheck.language.steps import Either, Step
from modelcheck.tables.immutable import is_immutable

if TYPE_CHECKING:
    from modelcheck.language.turn import Turn


class Spawn(Step):
    """``child = yield spawn(worker(s))``: start a process."""

    def __init__(self, process: Process, detached: bool):
        super().__init__(f"spawn({process.describe()})")
        self.process, self.detached = process, detached

    def perform(self, turn: Turn) -> Any:
        return turn.spawn(self.process, self.detached)


class Child:
    """A spawned process, as the spawner holds it: something to `join`, once.

    After the join its place is free for another one, for which this handle must not stand. So each
    run of the spawner has a copy that knows whether it was joined, and nobody else has any: it can
    be neither stored in the state nor given to a process.
    """

    def __init__(self, name: str, slot: int, detached: bool = False):
        self.name, self.slot, self.detached, self.joined = name, slot, detached, False

    def join(self) -> Step:
        """Return the step that waits until the process has ended."""
        if self.detached:
            raise model_error(
                f"{self.name} was spawned detached: there is nothing to join",
                "Spawn it without detached=True, or do not join it.",
            )
        self.check()
        return Join(self)

    def check(self) -> None:
        """Raise `ModelError` where it was joined before."""
        if self.joined:
            raise model_error(
                f"{self.name} was joined twice",
                "The first join ends a process for good; its place may be another one's by now. "
                "Join each child once.",
            )

    def __deepcopy__(self, memo: Any) -> Child:
        """Return a handle of its own; of the renamed process, where processes are renamed."""
        name, slot = memo.get(MOVED, {}).get(self.slot, (self.name, self.slot))
        child = Child(name, slot, self.detached)
        child.joined = self.joined
        return child

    def __repr__(self) -> str:
        return self.name


class Join(Step):
    """``yield child.join()``: wait for a spawned process, which then is gone."""

    def __init__(self, child: Child):
        super().__init__(f"join {child.name}")
        self.child = child

    def perform(self, turn: Turn) -> None:
        self.child.check()
        turn.join(self.child)


def note_joined(step: Any, result: Any) -> None:
    """Note on a child's handle that it was joined, where `step` did that and gave `result`."""
    if type(step) is Join:
        step.child.joined = True
    elif type(step) is Either:
        note_joined(step.options[result[0]], result[1])


def spawn(process: Any, *, detached: bool = False) -> Step:
    """Return the step that starts `process`; its result is a `Child` to join.

    A detached child needs no join: its place is free again when it has ended.
    """
    if not isinstance(process, Process):
        raise model_error(
            f"spawn(...) was given {shown(process)}, which is no process",
            "Decorate the generator function with @process and call it: `spawn(worker(s))`.",
        )
    for value in (*process.args, *process.kwargs.values()):
        if not is_immutable(value):
            raise model_error(
                f"spawn({process.describe()}) hands over {shown(value)}: it can change",
                "Two processes would share it outside the model: give a tuple, or a part of the "
                "state.",
            )
    return Spawn(process, detached)
