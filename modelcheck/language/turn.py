"""A turn: one step of one process, performed in one state, under one series of choices."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from attrs import frozen

from modelcheck.language import context
from modelcheck.language.plainly import Plainly
from modelcheck.language.refs import Ref, model_error
from modelcheck.tables.operations import OTHER
from modelcheck.tables.tries import Failure, Outcome, Recorder, View

if TYPE_CHECKING:
    from modelcheck.language.channels import Channel
    from modelcheck.language.children import Child
    from modelcheck.language.learner import Learner
    from modelcheck.language.process import Process
    from modelcheck.language.steps import Step


@frozen
class Extra:
    """A slot that a memory model adds to the state.

    `need` is what it was asked for by, `value` what it holds at first. One that `drains` is an
    agent too: its value is a `LocalState`, its steps are `MemoryModel.drain`; `lane` is what
    pictures call the buffer. A `hidden` one is bookkeeping that no trace shows.
    """

    need: Hashable
    name: str
    value: Any
    drains: bool = False
    hidden: bool = False
    lane: str = ""


class MemoryModel(Protocol):
    """What loads, stores, read-modify-writes and fences mean (`modelcheck.memory`).

    `order` is ``"relaxed"``, ``"acquire"``, ``"release"`` or ``"full"``; ``"plain"`` is relaxed for
    an access that bears no annotation, as in C. Whatever cannot be done
    now blocks. `bound` says which bound of the model some state has reached, empty if none.
    `coherent` tells whether each access is to the one memory, at once.
    """

    name: str
    coherent: bool
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

    def modify_when(
        self,
        turn: Turn,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> Any:
        """Do a read-modify-write, or block until ``test(old)``; return the old value."""

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


class Waits:
    """A memory model's `modify_when` where waiting shows nothing more than a failed `modify_if`."""

    modify_if: Callable[..., tuple[Any, Any]]

    def modify_when(
        self,
        turn: Any,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> Any:
        """Do a read-modify-write, or block until ``test(old)``; return the old value."""
        passes, old = self.modify_if(turn, ref, test, function, order)
        if not passes:
            turn.block()
        return old


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
        self.operations: dict[int, tuple[str, Hashable]] = {}  # what some of the writes are
        self.blocked = False
        self.passed: set[int] = set()  # slots that the step was content with before it blocked
        self.discards = False  # whether the process drops the step's result
        self.notes: list[str] = []  # what a trace should say of this step
        self.seen: dict[int, tuple[Any, str]] = {}  # values of loads that memory did not answer

    @classmethod
    def every(cls, learner: Learner, agent: int, recorder: Recorder) -> Iterator[Turn]:
        """Go over one turn for each series of choices; each is to be performed when it comes."""
        scripts: list[tuple[int, ...]] = [()]
        while scripts:
            turn = cls(learner, agent, recorder, scripts.pop())
            yield turn
            scripts.extend(reversed(turn.open))

    def outcome(self, result: Any, failure: Failure | None = None) -> Outcome:
        """Return what the turn came to."""
        note = "; ".join(dict.fromkeys(self.notes))
        operations = tuple((slot, *what) for slot, what in self.operations.items())
        seen = tuple((slot, value, source) for slot, (value, source) in self.seen.items())
        return Outcome(tuple(self.writes.items()), result, failure, note, operations, seen)

    # What a memory model builds on: coherent memory.

    def load(self, ref: Ref) -> Any:
        """Return the value in coherent memory."""
        return self.read_slot(self.slot_of(ref))

    def store(self, ref: Ref, value: Any) -> None:
        """Change the value in coherent memory."""
        slot = self.slot_of(ref)
        self.operations.pop(slot, None)
        self.writes[slot] = self.learner.domain(slot).intern(value)

    def operate(
        self, ref: Ref, view: View, kind: str, change: Callable[[Any], tuple[Any, Hashable]]
    ) -> Any:
        """Change a value by one of `modelcheck.tables.operations`; return the value before.

        `change` returns the value after and the operand, or blocks; of the value before it needs
        no more than `view` sees, or the operand is `OTHER`. After another change by the same step
        it is like any other.
        """
        slot = self.slot_of(ref)
        alone = slot not in self.writes
        before = self._recorder.read_to_operate(slot, view) if alone else self.read_slot(slot)
        try:
            after, operand = change(before)
        except Exception:
            self._recorder.need(slot)  # what is said of it may depend on the value
            raise
        self.store(ref, after)
        if operand is OTHER:
            self._recorder.need(slot)
        elif alone:
            self.operations[slot] = kind, operand
        return before

    @property
    def waits(self) -> bool:
        """Whether blocking now blocks the step: it has made no choice that could go otherwise."""
        return not self._script and not self.open

    def read_slot(self, slot: int, view: View | None = None) -> Any:
        """Return a slot's value as this turn sees it: its own writes first."""
        if slot in self.writes:
            if self.operations.pop(slot, None):
                self._recorder.need(slot)  # it sees what it wrote, and so what was there
            value = self.learner.domain(slot).values[self.writes[slot]]
            return view.observe(value) if view else value
        return self._recorder.read(slot, view)

    def own(self) -> Any:
        """Return the local state of the turn's own agent: no read, since it selects the step."""
        return self._recorder.peek(self.learner.slot_of(self.agent))

    def saw(self, ref: Ref, value: Any, source: str) -> None:
        """Tell the trace what a load saw, and where: its own ``"buffer"``, or ``"stale"``."""
        self.seen[self.slot_of(ref)] = (value, source)

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
        """Say that the step cannot be taken, whatever the user's code makes of it."""
        self.blocked = True
        raise Blocked

    def passes(self, *refs: Ref) -> None:
        """Say that the values of locations are not what the step waits for: a trace's *because*."""
        self.passed.update(self.slot_of(ref) for ref in refs)

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
        names = _Names(self, writes, coherent=True)
        with context.evaluating(names), names.captured_by(function) as plain:
            return plain.own(function())

    def test(self, condition: Callable[[], Any], coherent: bool = False) -> tuple[bool, Any]:
        """Return whether the user's condition is true, and its value.

        Its truth is asked for while names are plain values: it may be that of a channel. What it
        reads are loads, or coherent memory.
        """
        names = _Names(self, False, coherent)
        with context.evaluating(names), names.captured_by(condition) as plain:
            value = plain.own(condition())
            return bool(value), value

    def call(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call the user's function of values, with names as plain values, read only."""
        names = _Names(self, False)
        with context.evaluating(names), names.captured_by(function) as plain:
            return plain.own(function(*values))

    def barrier_on(self, cpu: Any) -> None:
        """Do a full barrier on another CPU, or block until it can be done."""
        for agent in self.learner.processes():
            if self.learner.process(agent).cpu is cpu:
                self.memory.atomic(self, agent)
                return

    # Processes.

    def spawn(self, process: Process, detached: bool) -> Child:
        """Start a process in a free slot of its kind."""
        from modelcheck.language.children import Child

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
        self.captured: Plainly | None = None

    def captured_by(self, function: Callable[..., Any]) -> Plainly:
        """Return the context in which what `function` captured is plain too."""
        self.captured = Plainly(function, self, self._turn.learner, self._writable)
        return self.captured

    def load(self, ref: Ref) -> Any:
        memory = self._turn.memory
        value = (memory.read if self._coherent else memory.load)(self._turn, ref)
        if self.captured is not None:
            self.captured.also(value)
        return value

    def store(self, ref: Ref, value: Any) -> None:
        if not self._writable:
            raise model_error(
                f"{ref.name} was assigned to inside a condition",
                "until(...) and update(...) only look; to change several locations use atomic(f).",
            )
        assert self.captured is not None  # a function runs
        self._turn.memory.write(self._turn, ref, self.captured.own(value))
        self.captured.stored(ref)

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
        if hasattr(step, "message") and self.captured is not None:
            step.message = self.captured.own(step.message)
        return step.perform(self._turn)
