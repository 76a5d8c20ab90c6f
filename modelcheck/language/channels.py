"""Bounded first-in first-out channels, and rendezvous.

A channel is one location that holds the tuple of its messages. A channel of capacity 0 is a
rendezvous: `send` and `recv` happen as one step, in which the sender moves both processes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

from modelcheck.language import context
from modelcheck.language.cells import whole_compared
from modelcheck.language.refs import Binder, Location, Ref, check_value, model_error
from modelcheck.language.source import shown
from modelcheck.language.steps import Step
from modelcheck.tables.operations import APPEND, AWAITED_HEAD, HEAD, TAKE, room
from modelcheck.tables.values import key_of

if TYPE_CHECKING:
    from modelcheck.language.turn import Turn

#: What `Channel.try_recv` results in when there is no message.
EMPTY = None


class Channel(Location):
    """A first-in first-out queue of at most `capacity` messages.

    In process code `send`, `recv` and `try_recv` return steps; inside an `atomic` function they act
    at once (and make the whole step wait where they would). In properties and guards a channel is
    the sequence of its messages: ``len(ch)``, ``ch[0]``, ``m in ch``.

    Parameters
    ----------
    capacity : int
        0 is a rendezvous.
    messages : iterable
        What it holds at first.
    """

    def __init__(self, capacity: int = -1, messages: Iterable[Any] = ()):
        given: object = capacity
        if isinstance(given, bool) or not isinstance(given, int) or given < 0:
            what = f"Channel({'' if given == -1 else shown(given)}) has no capacity"
            raise model_error(
                what,
                "Give a number: how many messages it holds at most, `Channel(4)`; 0 is a "
                "rendezvous. (Without a bound a search would have no end.)",
            )
        if not isinstance(messages, Iterable):
            raise model_error(
                f"Channel({capacity}, {shown(messages)}) was given no messages",
                "Give them in a list: `Channel(2, [1])`.",
            )
        held = tuple(messages)
        if len(held) > capacity:
            raise model_error(
                f"a Channel({capacity}) was given {len(held)} messages", "Give it room for them."
            )
        self.capacity = capacity
        self.queue = Ref(check_value(held, "a channel"), "a channel")
        self.name = "?"

    def fresh(self) -> Channel:
        return Channel(self.capacity, self.queue.initial)

    def bind(self, name: str, binder: Binder) -> None:
        self.name = name
        self.queue.bind(name, binder)

    def __modelcheck_key__(self) -> Hashable:
        return ("channel", self.name)

    def __deepcopy__(self, memo: Any) -> Channel:
        return self

    def _act(self, step: Step) -> Any:
        """Return the step; or, inside an `atomic` function, take it now."""
        evaluation = context.active()
        if evaluation is None:
            return step
        return evaluation.within(step)  # type: ignore[attr-defined] # every evaluation has it

    def send(self, message: Any) -> Any:
        """Return the step that appends `message`; it waits while the channel is full."""
        if type(message) is Ref and context.active() is not None:
            message = message.value
        return self._act(Send(self, check_value(message, f"{self.name}.send(...)")))

    def recv(self) -> Any:
        """Return the step that takes the first message; it waits while there is none."""
        return self._act(Receive(self))

    def try_recv(self) -> Any:
        """Return the step that takes the first message, or results in None if there is none."""
        if self.capacity == 0:
            raise model_error(
                f"{self.name}.try_recv(): a rendezvous holds no message to look for",
                "Use recv(), or give the channel a capacity.",
            )
        return self._act(TryReceive(self))

    @property
    def messages(self) -> tuple[Any, ...]:
        """The messages, first to last (in a step or property)."""
        value: tuple[Any, ...] = self.queue.plain("messages")
        return value

    def __len__(self) -> int:
        return len(self.messages)

    def __getitem__(self, index: Any) -> Any:
        return self.messages[index]

    def __iter__(self) -> Any:
        return iter(self.messages)

    def __contains__(self, message: Any) -> bool:
        return message in self.messages

    def __bool__(self) -> bool:
        return bool(self.messages)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if context.active() is None:
            return whole_compared(self.name)
        return isinstance(other, (Channel, list, tuple)) and self.messages == tuple(other)

    __hash__ = object.__hash__

    @property
    def full(self) -> bool:
        """Whether `send` would wait (in a step or property)."""
        return len(self.messages) >= self.capacity

    def __repr__(self) -> str:
        return self.name if context.active() is None else f"{list(self.messages)!r}"


class Send(Step):
    """``yield ch.send(m)``."""

    acts_within = True

    def __init__(self, channel: Channel, message: Any):
        super().__init__(f"{channel.name}.send({shown(message)})")
        self.channel, self.message = channel, message

    def perform(self, turn: Turn) -> None:
        turn.memory.atomic(turn)
        if self.channel.capacity == 0:
            turn.meet(self.channel, self.message)
            return
        view = room(self.channel.capacity, turn.waits)

        def appended(held: tuple[Any, ...]) -> Any:
            if len(held) >= self.channel.capacity:
                turn.block()
            return (*held, self.message), key_of(self.message)

        turn.operate(self.channel.queue, view, APPEND, appended)


class Receive(Step):
    """``m = yield ch.recv()``."""

    acts_within = True

    def __init__(self, channel: Channel):
        super().__init__(f"{channel.name}.recv()")
        self.channel = channel

    def perform(self, turn: Turn) -> Any:
        if self.channel.capacity == 0:
            turn.block()  # the sender moves both
        turn.memory.atomic(turn)

        def taken(held: tuple[Any, ...]) -> Any:
            if not held:
                turn.block()
            return held[1:], None

        view = AWAITED_HEAD if turn.waits else HEAD
        return turn.operate(self.channel.queue, view, TAKE, taken)[0]


class TryReceive(Step):
    """``m = yield ch.try_recv()``."""

    acts_within = True

    def __init__(self, channel: Channel):
        super().__init__(f"{channel.name}.try_recv()")
        self.channel = channel

    def perform(self, turn: Turn) -> Any:
        turn.memory.atomic(turn)
        held = turn.load(self.channel.queue)
        if not held:
            return EMPTY
        turn.store(self.channel.queue, held[1:])
        return held[0]
