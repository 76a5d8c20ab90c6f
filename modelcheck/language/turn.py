"""A turn: one step of one process, performed in one state, under one series of choices."""

from __future__ import annotations

import dis
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from attrs import frozen

from modelcheck.language import context
from modelcheck.language.refs import Ref, model_error
from modelcheck.tables.tries import Failure, Outcome, Recorder, View

if TYPE_CHECKING:
    from modelcheck.language.channels import Channel
    from modelcheck.language.learner import Learner
    from modelcheck.language.process import Process
    from modelcheck.language.steps import Child, Step


@frozen
class Extra:
    """A slot that a memory model adds to the state.

    `need` is what it was asked for by, `value` what it holds at first. One that `drains` is an
    agent too: its value is a `LocalState`, its steps are `MemoryModel.drain`. A `hidden` one is
    bookkeeping that no trace shows.
    """

    need: Hashable
    name: str
    value: Any
    drains: bool = False
    hidden: bool = False


class MemoryModel(Protocol):
    """What loads, stores, read-modify-writes and fences mean (`modelcheck.memory`).

    `order` is ``"relaxed"``, ``"acquire"``, ``"release"`` or ``"full"``. Whatever cannot be done
    now blocks. `bound` says which bound of the model some state has reached, empty if none.
    """

    name: str
    bound: str

    def begin(self, learner: Learner) -> list[Extra]:
        """Return the slots for what `learner.shape.needs` lists; new tables begin."""

    def load(self, turn: Turn, ref: Ref, order: str = "relaxed") -> Any:
        """Return what a load of `ref` sees."""

    def store(self, turn: Turn, ref: Ref, value: Any, order: str = "relaxed") -> None:
        """Do a store."""

    def modify(
        self, turn: Turn, ref: Ref, function: Callable[[Any], Any], order: str = "relaxed"
    ) -> Any:
        """Do a read-modify-write: store ``function(old)``; return the old value."""

    def modify_if(
        self,
        turn: Turn,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> tuple[bool, Any]:
        """Do a read-modify-write where ``test(old)``; return whether, and the old value."""

    def atomic(self, turn: Turn, agent: int | None = None) -> None:
        """Come before a sequentially consistent step of a process (the turn's own)."""

    def release(self, turn: Turn) -> None:
        """Come before a change of coherent memory that tells others of earlier stores."""

    def read(self, turn: Turn, ref: Ref) -> Any:
        """Return the value in memory, within a sequentially consistent step."""

    def write(self, turn: Turn, ref: Ref, value: Any) -> None:
        """Change the value in memory for everybody, within a sequentially consistent step."""

    def fence(self, turn: Turn, kind: str) -> None:
        """Do a fence of a kind, or block until it can be done."""

    def refresh(self, turn: Turn, refs: Iterable[Ref]) -> None:
        """Let later loads of some locations stay behind what comes before."""

    def drain(self, turn: Turn) -> None:
        """Make a buffered store visible: the step of the agent that belongs to an `Extra`."""


class Blocked(BaseException):
    """The step cannot be taken in this state. It passes through the user's ``except Exception``."""


class Turn:
    """One performance of a step. Reads go to the recorder, writes are collected."""

    def __init__(self, learner: Learner, agent: int, recorder: Recorder, script: tuple[int, ...]):
        self.learner, self.agent, self.memory = learner, agent, learner.memory
        self._recorder = recorder
        self._script, self._position = script, 0
        self.open: list[tuple[int, ...]] = []  # scripts of the choices not taken
        self.writes: dict[int, int] = {}
        self.notes: list[str] = []  # what a trace should say of this step

    def outcome(self, result: Any, failure: Failure | None = None) -> Outcome:
        """Return what the turn came to."""
        note = "; ".join(dict.fromkeys(self.notes))
        return Outcome(tuple(self.writes.items()), result, failure, note)

    # What a memory model builds on: coherent memory.

    def load(self, ref: Ref) -> Any:
        """Return the value in coherent memory."""
        return self.read_slot(self.slot_of(ref))

    def store(self, ref: Ref, value: Any) -> None:
        """Change the value in coherent memory."""
        slot = self.slot_of(ref)
        self.writes[slot] = self.learner.domain(slot).intern(value)

    def read_slot(self, slot: int, view: View | None = None) -> Any:
        """Return a slot's value as this turn sees it: its own writes first."""
        if slot in self.writes:
            value = self.learner.domain(slot).values[self.writes[slot]]
            return view.observe(value) if view else value
        return self._recorder.read(slot, view)

    def own(self) -> Any:
        """Return the local state of the turn's own agent: no read, since it selects the step."""
        return self._recorder.peek(self.learner.slot_of(self.agent))

    def write_slot(self, slot: int, value: Any) -> None:
        """Change a slot that a memory model has added."""
        self.writes[slot] = self.learner.intern_extra(slot, value)

    def slot_of(self, ref: Ref) -> int:
        """Return the slot of a location; raise `ModelError` for one of another model."""
        if not self.learner.owns(ref):
            raise model_error(
                f"{ref.name} is not part of the model's state",
                "Give System(...) the @state object that it belongs to. (An object belongs to the "
                "last System made of it.)",
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
        """Call the user's function with names as plain values of coherent memory."""
        with context.evaluating(_Names(self, writes, coherent=True)):
            return _value_of(with_plain_names(function)())

    def test(self, condition: Callable[[], Any], coherent: bool = False) -> tuple[bool, Any]:
        """Return whether the user's condition is true, and its value.

        Its truth is asked for while names are plain values: it may be that of a channel. What it
        reads are loads, or coherent memory.
        """
        with context.evaluating(_Names(self, False, coherent)):
            value = _value_of(with_plain_names(condition)())
            return bool(value), value

    def call(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call the user's function of values, with names as plain values, read only."""
        with context.evaluating(_Names(self, False)):
            return _value_of(with_plain_names(function)(*values))

    def barrier_on(self, cpu: Any) -> None:
        """Do a full barrier on another CPU, or block until it can be done."""
        for agent in self.learner.processes():
            if self.learner.process(agent).cpu is cpu:
                self.memory.atomic(self, agent)
                return

    # Processes.

    def spawn(self, process: Process, detached: bool) -> Child:
        """Start a process in a free slot of its kind."""
        from modelcheck.language.steps import Child

        self.memory.atomic(self)
        name, slot = self.learner.free_slot(process, detached, self)
        self.writes[slot] = self.learner.start(slot)
        self.memory.atomic(self, self.learner.agent_of(slot))
        return Child(name, slot, detached)

    def join(self, child: Child) -> None:
        """Wait for a spawned process; free its slot."""
        if self.read_slot(child.slot, STATUS) != "finished":
            self.block()
        self.memory.atomic(self)
        self.memory.atomic(self, self.learner.agent_of(child.slot))
        self.writes[child.slot] = self.learner.absent(child.slot)

    def meet(self, channel: Channel, message: Any) -> None:
        """Hand `message` to one process that waits in `recv` of a rendezvous; move that one too."""
        view = View(("receives", channel.name), lambda local: channel.name in local.receives)
        waiting = []
        for agent, slot in self.learner.process_slots():
            if agent != self.agent and self.read_slot(slot, view):
                guard = self.learner.process(agent).guard
                if guard is None or self.test(guard, coherent=True)[0]:
                    waiting.append((agent, slot))
        if not waiting:
            self.block()
        agent, slot = self.choose(waiting)
        self.memory.atomic(self, agent)
        local = self.read_slot(slot)
        result = message
        for index in reversed(self.choose(local.receives[channel.name])):
            result = (index, result)  # an `either` tells which of its steps was taken
        self.writes[slot] = self.learner.advance(agent, local, result)


#: Whether a process runs, has finished, or is not there.
STATUS = View("status", lambda local: local.status)


class _Names:
    """The evaluation in force while a step runs the user's functions."""

    def __init__(self, turn: Turn, writable: bool, coherent: bool = False):
        self._turn, self._writable, self._coherent = turn, writable, coherent

    def load(self, ref: Ref) -> Any:
        if self._coherent:
            return self._turn.memory.read(self._turn, ref)
        return self._turn.memory.load(self._turn, ref)

    def store(self, ref: Ref, value: Any) -> None:
        if not self._writable:
            raise model_error(
                f"{ref.name} was assigned to inside a condition",
                "until(...) and update(...) only look; to change several locations use atomic(f).",
            )
        self._turn.memory.write(self._turn, ref, value)

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


def with_plain_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with references that it captured by name replaced by their values.

    Only where it (or a function that it names) says ``is`` or ``match``, or asks for a type:
    everything else a `Ref` does by itself, and reads only when it is really reached. A name of
    which it asks ``.value`` stays a reference.
    """
    if isinstance(function, partial):
        values = [_value_of(a) for a in function.args]
        named = {k: _value_of(v) for k, v in function.keywords.items()}
        return partial(with_plain_names(function.func), *values, **named)
    if not isinstance(function, FunctionType) or not _needs_values(function, set()):
        return function
    code = function.__code__
    kept = _asked_for_value(code)
    for name in _names_in(code) - kept:
        if type(function.__globals__.get(name)) is Ref:
            raise model_error(
                f"a condition that uses `is` looks at the global reference {name}",
                f"Python cannot tell a reference from its value there: say `{name}.value`.",
            )
    parameters = code.co_varnames[: code.co_argcount][::-1]
    cells = [
        cell if name in kept else _plain_cell(cell)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
    ]
    defaults = [
        value if name in kept else _plain_value(value)
        for name, value in zip(parameters, (function.__defaults__ or ())[::-1], strict=False)
    ][::-1]
    made = FunctionType(
        code, function.__globals__, function.__name__, tuple(defaults) or None, tuple(cells) or None
    )
    keyword_only = function.__kwdefaults__ or {}
    made.__kwdefaults__ = {
        name: value if name in kept else _plain_value(value) for name, value in keyword_only.items()
    }
    return made


def _plain_cell(cell: CellType) -> CellType:
    try:
        held = cell.cell_contents
    except ValueError:  # an empty cell: a name not assigned yet
        return cell
    plain = _plain_value(held)
    return cell if plain is held else CellType(plain)


def _value_of(value: Any) -> Any:
    """Return what a name stands for: a reference is its value, also in a plain tuple or list."""
    if type(value) is Ref:
        return value.plain("`is`")
    if type(value) in (tuple, list) and any(type(part) is Ref for part in value):
        return type(value)(map(_value_of, value))
    return value


def _plain_value(value: Any) -> Any:
    held: Any = ()
    if isinstance(value, (list, tuple, set)):
        held = value
    elif isinstance(value, dict):
        held = value.values()
    elif not hasattr(type(value), "__modelcheck_key__"):
        held = getattr(value, "__dict__", {}).values()
    if any(type(v) is Ref for v in held):
        raise model_error(
            "a condition that uses `is` looks into a collection or object that holds references",
            "Python cannot tell a reference from its value there: say `x.value is None`.",
        )
    return _value_of(value)


#: Names whose use tells a reference from its value, beside ``is`` and ``match``.
_TELLING = frozenset({"isinstance", "type", "name", "slot", "initial"})


def _needs_values(function: FunctionType, seen: set[CodeType]) -> bool:
    """Tell whether a function, or one that it names, can tell a reference from its value."""
    code = function.__code__
    if code in seen or context.is_ours(code.co_filename):
        return False
    seen.add(code)
    if tests_identity(code) or not _TELLING.isdisjoint(_names_in(code)):
        return True
    captured = [cell.cell_contents for cell in function.__closure__ or () if _is_full(cell)]
    named = [*captured, *map(function.__globals__.get, _names_in(code))]
    return any(_needs_values(f, seen) for f in named if isinstance(f, FunctionType))


def _is_full(cell: CellType) -> bool:
    return cell != CellType()


def _names_in(code: CodeType) -> set[str]:
    inner = [_names_in(c) for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*inner)


def _asked_for_value(code: CodeType) -> set[str]:
    """Return the names of which code (or a function inside it) asks ``.value``."""
    found: set[str] = set()
    before = None
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith("LOAD_ATTR") and instruction.argval == "value":
            found.add(str(before[-1] if isinstance(before, tuple) else before))
        before = instruction.argval  # since 3.13 one instruction may load two variables
    return found.union(*(_asked_for_value(c) for c in code.co_consts if isinstance(c, CodeType)))


def tests_identity(code: CodeType) -> bool:
    """Tell whether code (or a function inside it) uses ``is`` or a match statement."""
    found = _IDENTITY.get(id(code))
    if found is None:
        names = {i.opname for i in dis.get_instructions(code)}
        says = any(n.startswith(("IS_OP", "MATCH", "POP_JUMP_IF_N", "POP_JUMP_FORWARD_IF_N",
                                 "POP_JUMP_BACKWARD_IF_N")) for n in names)  # fmt: skip
        says = says or any(tests_identity(c) for c in code.co_consts if isinstance(c, CodeType))
        found = _IDENTITY[id(code)] = says, code
    return found[0]


_IDENTITY: dict[int, tuple[bool, CodeType]] = {}  # by identity; the code is kept for its id
