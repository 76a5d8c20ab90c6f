"""A turn: one step of one process, performed in one state, under one series of choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from modelcheck.language import context
from modelcheck.language.state import Ref, model_error
from modelcheck.tables.tries import Recorder, View

if TYPE_CHECKING:
    from modelcheck.language.channels import Channel
    from modelcheck.language.learner import Learner
    from modelcheck.language.process import Process
    from modelcheck.language.steps import Child, Step


class MemoryModel(Protocol):
    """What loads, stores, read-modify-writes and fences mean (`modelcheck.memory`)."""

    name: str

    def load(self, turn: Turn, ref: Ref) -> Any:
        """Return what a plain load of `ref` sees."""

    def store(self, turn: Turn, ref: Ref, value: Any) -> None:
        """Do a plain store."""

    def load_locked(self, turn: Turn, ref: Ref) -> Any:
        """Return what the load half of a read-modify-write sees."""

    def store_locked(self, turn: Turn, ref: Ref, value: Any) -> None:
        """Do the store half of a read-modify-write."""

    def atomic(self, turn: Turn) -> None:
        """Come before a step over several locations: it is sequentially consistent."""

    def fence(self, turn: Turn, kind: str) -> None:
        """Do a fence of a kind, or block until it can be done."""


class Blocked(Exception):
    """The step cannot be taken in this state."""


class Turn:
    """One performance of a step. Reads go to the recorder, writes are collected."""

    def __init__(self, learner: Learner, agent: int, recorder: Recorder, script: tuple[int, ...]):
        self.learner, self.agent, self.memory = learner, agent, learner.memory
        self._recorder = recorder
        self._script, self._position = script, 0
        self.open: list[tuple[int, ...]] = []  # scripts of the choices not taken
        self.writes: dict[int, int] = {}
        self._writable = False

    # What a memory model builds on: coherent memory.

    def load(self, ref: Ref) -> Any:
        """Return the value in coherent memory."""
        return self.read_slot(self._slot(ref))

    def store(self, ref: Ref, value: Any) -> None:
        """Change the value in coherent memory."""
        slot = self._slot(ref)
        self.writes[slot] = self.learner.domain(slot).intern(value)

    def read_slot(self, slot: int, view: View | None = None) -> Any:
        """Return a slot's value as this turn sees it: its own writes first."""
        if slot in self.writes:
            value = self.learner.domain(slot).values[self.writes[slot]]
            return view.observe(value) if view else value
        return self._recorder.read(slot, view)

    def _slot(self, ref: Ref) -> int:
        if not self.learner.owns(ref):
            raise model_error(
                f"{ref.name} is not part of the model's state",
                "Give System(...) the @state object that it belongs to, and only that one.",
            )
        return ref.slot

    # What steps use.

    def block(self) -> NoReturn:
        """Say that the step cannot be taken."""
        raise Blocked

    def choose(self, options: Sequence[Any]) -> Any:
        """Return one of the options; the others are taken in other turns."""
        if self._position == len(self._script):
            for other in range(1, len(options)):
                self.open.append((*self._script, other))
            self._script = (*self._script, 0)
        index = self._script[self._position]
        self._position += 1
        return options[index]

    def evaluate(self, function: Callable[[], Any], writes: bool = False) -> Any:
        """Call the user's function with names as plain values."""
        self._writable = writes
        with context.evaluating(_Names(self, writes)):
            return _with_plain_cells(function)()

    @contextmanager
    def user_code(self) -> Iterator[None]:
        """While inside, the user's code runs with names as plain values, read only."""
        with context.evaluating(_Names(self, False)):
            yield

    # Processes.

    def spawn(self, process: Process, detached: bool) -> Child:
        """Start a process in a free slot of its kind."""
        from modelcheck.language.steps import Child

        name, slot = self.learner.free_slot(process, detached, self)
        self.writes[slot] = self.learner.start(slot)
        return Child(name, slot)

    def join(self, child: Child) -> None:
        """Wait for a spawned process; free its slot."""
        if self.read_slot(child.slot, STATUS) != "finished":
            self.block()
        self.writes[child.slot] = self.learner.absent(child.slot)

    def meet(self, channel: Channel, message: Any) -> None:
        """Hand `message` to one process that waits in `recv` of a rendezvous; move that process too."""
        view = View(("receives", channel.name), lambda local: local.receives.get(channel.name, -1))
        waiting = []
        for agent, slot in self.learner.process_slots():
            if agent != self.agent and self.read_slot(slot, view) != -1:
                guard = self.learner.process(agent).guard
                if guard is None or self.evaluate(guard):
                    waiting.append((agent, slot))
        if not waiting:
            self.block()
        agent, slot = self.choose(waiting)
        local = self.read_slot(slot)
        index = local.receives[channel.name]
        result = message if index is None else (index, message)
        self.writes[slot] = self.learner.advance(agent, local, result)


#: Whether a process runs, has finished, or is not there.
STATUS = View("status", lambda local: local.status)


class _Names:
    """The evaluation in force while a step runs the user's functions."""

    def __init__(self, turn: Turn, writable: bool):
        self._turn, self._writable = turn, writable

    def load(self, ref: Ref) -> Any:
        if self._writable:
            return self._turn.memory.load_locked(self._turn, ref)
        return self._turn.memory.load(self._turn, ref)

    def store(self, ref: Ref, value: Any) -> None:
        if not self._writable:
            raise model_error(
                f"{ref.name} was assigned to inside a condition",
                "until(...) and update(...) only look; to change several locations use atomic(f).",
            )
        self._turn.memory.store_locked(self._turn, ref, value)

    def within(self, step: Step) -> Any:
        """Take a channel's step as part of an atomic one."""
        if not self._writable:
            raise model_error(
                f"{step.text} was called inside a condition",
                "A condition only looks: use len(channel), or atomic(f) to act.",
            )
        if getattr(getattr(step, "channel", None), "capacity", 1) == 0:
            raise model_error(
                f"{step.text} inside atomic(f): a rendezvous is a step of two processes",
                "Yield it by itself, or give the channel a capacity.",
            )
        return step.perform(self._turn)


def _with_plain_cells(function: Callable[[], Any]) -> Callable[[], Any]:
    """Return `function` with references that it captured by name replaced by their values.

    Only where it says ``is`` or ``match``: everything else a `Ref` does by itself, and reads only when
    it is really reached.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(function, FunctionType) or code is None or not tests_identity(code):
        return function
    cells = tuple(map(_plain_cell, function.__closure__ or ()))
    defaults = tuple(map(_plain_value, function.__defaults__ or ()))
    return FunctionType(code, function.__globals__, function.__name__, defaults or None, cells or None)


def _plain_cell(cell: CellType) -> CellType:
    try:
        held = cell.cell_contents
    except ValueError:  # an empty cell: a name not assigned yet
        return cell
    plain = _plain_value(held)
    return cell if plain is held else CellType(plain)


def _plain_value(value: Any) -> Any:
    if type(value) is Ref:
        return value.plain("`is`")
    if isinstance(value, (list, tuple, dict, set)) and any(
        type(v) is Ref for v in (value.values() if isinstance(value, dict) else value)
    ):
        raise model_error(
            "a condition that uses `is` looks into a collection of references",
            "Python cannot tell a reference from its value there: say `x.value is None`.",
        )
    return value


def tests_identity(code: CodeType) -> bool:
    """Tell whether code (or a function inside it) uses ``is`` or a match statement."""
    import dis

    found = _IDENTITY.get(code)
    if found is None:
        names = {i.opname for i in dis.get_instructions(code)}
        found = any(n.startswith(("IS_OP", "MATCH", "POP_JUMP_IF_N", "POP_JUMP_FORWARD_IF_N",
                                  "POP_JUMP_BACKWARD_IF_N")) for n in names)  # fmt: skip
        found = found or any(tests_identity(c) for c in code.co_consts if isinstance(c, CodeType))
        _IDENTITY[code] = found
    return found


_IDENTITY: dict[CodeType, bool] = {}
