"""Steps: the atomic things that a process yields.

A step is made in process code, where it only says what it will do; it is performed later, perhaps
many times in many states, through a `Turn` (`modelcheck.language.turn`). What loads, stores and
fences mean is the memory model's business, reached through the turn.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from modelcheck.language import context
from modelcheck.language.source import text_of
from modelcheck.language.state import Ref, check_value, model_error

if TYPE_CHECKING:
    from modelcheck.language.process import Process
    from modelcheck.language.turn import Turn


class Step:
    """One atomic step. Yield each step object once.

    `text` is what traces call it; `named` changes that. Subclasses say what it does (`perform`). Two
    pending steps are the same one if their classes and attributes are: an attribute that does not
    matter would multiply states.
    """

    text: str = ""
    calls_user = False  # performing it runs the user's functions

    def __init__(self, text: str):
        self.text = text
        run = context.running()
        if run is not None:
            file, line = context.user_line(2)
            run.made.append((weakref.ref(self), file, line, text))

    def perform(self, turn: Turn) -> Any:
        """Do it in the turn's state and return the result; or ``turn.block()``."""
        raise NotImplementedError


    def named(self, text: str) -> Any:
        """Return this step, called `text` in traces."""
        self.text = text
        return self

    def __repr__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        raise model_error(
            f"the step `{self.text}` was used as a value",
            f"A step does nothing until it is yielded: `v = yield {self.text}`.",
        )


def as_step(thing: Any) -> Step | None:
    """Return what was yielded as a step: a bare reference is a load. None if it is no step."""
    if isinstance(thing, Step):
        return thing
    if type(thing) is Ref:
        return Load(thing)
    made = getattr(thing, "__modelcheck_step__", None)
    return made() if made is not None else None


class Load(Step):
    """``v = yield x``: read one location."""

    def __init__(self, ref: Ref, text: str = ""):
        super().__init__(text or ref.name)
        self.ref = ref

    def perform(self, turn: Turn) -> Any:
        return turn.memory.load(turn, self.ref)


class Store(Step):
    """``yield x.set(v)``: write one location."""

    def __init__(self, ref: Ref, value: Any, text: str = ""):
        super().__init__(text or f"{ref.name} := {value!r}")
        self.ref, self.value = ref, value

    def perform(self, turn: Turn) -> None:
        turn.memory.store(turn, self.ref, self.value)


class Update(Step):
    """A read-modify-write of one location, indivisible.

    Its result is the old value; or, after `results_in`, the new one or none.
    """

    calls_user = True

    def __init__(self, ref: Ref, function: Callable[..., Any], others: tuple[Any, ...], text: str):
        super().__init__(text)
        self.ref, self.function, self.others = ref, function, others
        self.result = "old"

    def results_in(self, what: str) -> Update:
        """Return this step with ``"old"``, ``"new"`` or ``"none"`` as its result."""
        self.result = what
        return self

    def perform(self, turn: Turn) -> Any:
        old = turn.memory.load_locked(turn, self.ref)
        with turn.user_code():
            new = check_value(self.function(old, *self.others), self.text)
        turn.memory.store_locked(turn, self.ref, new)
        return {"old": old, "new": new, "none": None}[self.result]


class CompareAndSwap(Step):
    """``old = yield x.cas(expected, new)``: store `new` if the value equals `expected`."""

    def __init__(self, ref: Ref, expected: Any, new: Any):
        super().__init__(f"{ref.name}.cas({expected!r}, {new!r})")
        self.ref, self.expected, self.new = ref, expected, new

    def perform(self, turn: Turn) -> Any:
        old = turn.memory.load_locked(turn, self.ref)
        if old == self.expected:
            turn.memory.store_locked(turn, self.ref, self.new)
        return old


class Until(Step):
    """``yield until(condition)``: wait; enabled where the condition is true."""

    calls_user = True

    def __init__(self, condition: Callable[[], Any], end: bool = False):
        super().__init__(f"until {text_of(condition)}")
        self.condition, self.end = condition, end

    def perform(self, turn: Turn) -> Any:
        value = turn.evaluate(self.condition)
        return value if value else turn.block()


class Choose(Step):
    """``v = yield choose(a, b, c)``: any one of several values; every choice is explored."""

    def __init__(self, options: tuple[Any, ...]):
        super().__init__(f"choose({', '.join(map(repr, options))})")
        self.options = options

    def perform(self, turn: Turn) -> Any:
        return turn.choose(self.options)


class Atomic(Step):
    """``v = yield atomic(f)``: a function over several locations, in one indivisible step."""

    calls_user = True

    def __init__(self, function: Callable[[], Any], when: Callable[[], Any] | None = None):
        super().__init__(text_of(function))
        self.function, self.when = function, when

    def perform(self, turn: Turn) -> Any:
        turn.memory.atomic(turn)
        if self.when is not None and not turn.evaluate(self.when):
            turn.block()
        return turn.evaluate(self.function, writes=True)


class Fence(Step):
    """A memory barrier of some kind; nothing under sequential consistency, but a step."""

    def __init__(self, kind: str, text: str = ""):
        super().__init__(text or f"fence({kind!r})")
        self.kind = kind

    def perform(self, turn: Turn) -> None:
        turn.memory.fence(turn, self.kind)


class Label:
    """A name for a place, or for a stretch of places; see `label`."""

    def __init__(self, name: str, end: bool):
        self.name, self.end = name, end

    def __enter__(self) -> Label:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def __modelcheck_key__(self) -> Hashable:
        return ("label", self.name, self.end)

    def __modelcheck_step__(self) -> Step:
        return AtLabel(self)

    def __repr__(self) -> str:
        return f"label({self.name!r})"


class AtLabel(Step):
    """``yield label(name)``: a step that does nothing, at a place with a name."""

    def __init__(self, label: Label):
        super().__init__(label.name)
        self.label = label

    def perform(self, turn: Turn) -> None:
        return None


class Either(Step):
    """``i, v = yield either(a, b)``: any one of several steps that can be taken."""

    calls_user = True

    def __init__(self, options: tuple[Step, ...]):
        super().__init__(f"either({', '.join(s.text for s in options)})")
        self.options = options

    def perform(self, turn: Turn) -> Any:
        index = turn.choose(range(len(self.options)))
        return index, self.options[index].perform(turn)


class Spawn(Step):
    """``child = yield spawn(worker(s))``: start a process."""

    def __init__(self, process: Process, detached: bool):
        super().__init__(f"spawn({process.describe()})")
        self.process, self.detached = process, detached

    def perform(self, turn: Turn) -> Any:
        return turn.spawn(self.process, self.detached)


class Child:
    """A spawned process, as the spawner holds it: something to `join`."""

    def __init__(self, name: str, slot: int):
        self.name, self.slot = name, slot

    def join(self) -> Step:
        """Return the step that waits until the process has ended."""
        return Join(self)

    def __modelcheck_key__(self) -> Hashable:
        return ("child", self.slot)

    def __repr__(self) -> str:
        return self.name


class Join(Step):
    """``yield child.join()``: wait for a spawned process, which then is gone."""

    def __init__(self, child: Child):
        super().__init__(f"join {child.name}")
        self.child = child

    def perform(self, turn: Turn) -> None:
        turn.join(self.child)


# What a user writes.


def _need_callable(thing: Any, call: str, example: str) -> None:
    if not callable(thing):
        raise model_error(
            f"{call} was given {thing!r}, which is not a function",
            f"It is looked at again in every state, so it must be a function: `{example}`.",
        )


def until(condition: Callable[[], Any], *, end: bool = False) -> Step:
    """Return the step that waits until `condition()` is true.

    Parameters
    ----------
    condition : function of no arguments
        Inside it, names are plain values: ``until(lambda: lock.owner is None)``. It is evaluated
        indivisibly; its true value is the step's result.
    end : bool
        Waiting here for ever is a proper end, not a deadlock.
    """
    _need_callable(condition, "until(...)", "until(lambda: x == 0)")
    return Until(condition, end)


def choose(*options: Any) -> Step:
    """Return the step whose result is any one of `options`; every one is explored.

    A single iterable argument (a range, a list, an enum class) gives its items.
    """
    if len(options) == 1 and isinstance(options[0], Iterable) and not isinstance(options[0], (str, bytes, Ref)):
        options = tuple(options[0])
    if not options:
        raise model_error(
            "choose() was given nothing to choose from",
            "With no option the process could never go on; use until(...) to wait.",
        )
    for option in options:
        check_value(option, "choose(...)")
    return Choose(options)


def atomic(function: Callable[[], Any], *, when: Callable[[], Any] | None = None) -> Step:
    """Return the step that runs `function()` over shared state, indivisibly.

    Parameters
    ----------
    function : function of no arguments
        Inside it, names are plain values that may be assigned to (``mm.count += 1``). What it returns
        is the step's result. It may not change local variables of the process.
    when : function of no arguments, optional
        The step waits until this is true.
    """
    _need_callable(function, "atomic(...)", "atomic(f)")
    if when is not None:
        _need_callable(when, "atomic(when=...)", "atomic(f, when=lambda: x == 0)")
    return Atomic(function, when)


def fence(kind: str = "mb") -> Step:
    """Return a memory barrier of a kind: ``"mb"``, ``"rmb"``, ``"wmb"``, ... (see the memory models)."""
    return Fence(kind)


def label(name: str, *, end: bool = False) -> Label:
    """Name a place, for properties and traces: ``s.walker[0].at(name)``.

    ``yield label(name)`` is a step that does nothing. ``with label(name): ...`` names every place
    inside and adds no step. `end` declares that staying there for ever is a proper end.
    """
    return Label(name, end)


def either(*steps: Any) -> Step:
    """Return the step that takes any one of `steps` that can be taken.

    Its result is the pair of the index taken and that step's own result.
    """
    made = []
    for step in steps:
        one = as_step(step)
        if one is None:
            raise model_error(f"either(...) was given {step!r}, which is no step", "Give it steps.")
        made.append(one)
    if not made:
        raise model_error("either() was given no step", "Give it the steps to choose from.")
    return Either(tuple(made))


def spawn(process: Any, *, detached: bool = False) -> Step:
    """Return the step that starts `process`; its result is a `Child` to join.

    A detached child needs no join: its place is free again when it has ended.
    """
    if not hasattr(process, "describe"):
        raise model_error(
            f"spawn(...) was given {process!r}, which is no process",
            "Decorate the generator function with @process and call it: `spawn(worker(s))`.",
        )
    return Spawn(process, detached)
