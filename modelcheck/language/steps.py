"""Steps: the atomic things that a process yields.

A step is made in process code, where it only says what it will do; it is performed later, perhaps
many times in many states, through a `Turn` (`modelcheck.language.turn`). What loads, stores and
fences mean is the memory model's business, reached through the turn. Neighbours: `children` has the
steps that start a process and wait for its end, `channels` those of channels.
"""

from __future__ import annotations

import inspect
import operator
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from modelcheck.language import context
from modelcheck.language.refs import Ref, check_value, model_error, no_such_field, use_of
from modelcheck.language.source import shown, text_of
from modelcheck.tables.operations import NUMBER, OTHER, SHIFT

if TYPE_CHECKING:
    from modelcheck.language.turn import Turn


class Step:
    """One atomic step. Yield each step object once.

    `text` is what traces call it; `named` changes that. Subclasses say what it does (`perform`).
    Two pending steps are the same one if their classes and attributes are: an attribute that does
    not matter would multiply states.
    """

    text: str = ""
    is_step = True  # for modules that this one imports
    primitive: str = ""  # the kernel's name of a step that an axiomatic memory model knows by it
    end = False  # to be blocked here for ever is a proper end
    calls_user = False  # performing it runs the user's functions
    acts_within = False  # inside an `atomic` function it is taken at once

    def __init__(self, text: str):
        self.text = text
        if context.active() is not None and not self.acts_within:
            raise model_error(
                f"the step `{text}` was made inside a condition, an atomic function or a property",
                "Names are plain values there, and nothing can be yielded: assign (`s.x = 1`) or "
                "use operators; yield steps in the process's own code.",
            )
        run = context.running()
        if run is not None:
            file, line = context.user_line(2)
            run.made.append((weakref.ref(self), file, line, text))

    def perform(self, turn: Turn) -> Any:
        """Do it in the turn's state and return the result; or ``turn.block()``."""
        raise NotImplementedError

    def telling(self) -> Callable[[Any], str] | None:
        """Return what tells by the result which of several ways was taken; None where there is one.

        It does not hold the step: that it was made and never yielded must be seen.
        """
        return None

    def named(self, text: str) -> Any:
        """Return this step, called `text` in traces."""
        self.text = text
        return self

    def __repr__(self) -> str:
        return self.text

    __hash__ = object.__hash__


def _refused(name: str) -> Callable[..., Any]:
    """Return a method that says that a step has no value yet."""

    def method(self: Step, *others: Any) -> Any:
        raise model_error(
            f"{use_of(name)} was applied to the step `{self.text}`, as if it were a value",
            "A step does nothing until it is yielded: put `yield` before it, `v = yield ...`, then "
            "use v. (`yield from` is for subroutines.)",
        )

    method.__name__ = name
    return method


for _name in [
    "bool", "eq", "ne", "lt", "le", "gt", "ge", "add", "radd", "sub", "rsub", "mul", "rmul", "mod",
    "floordiv", "truediv", "and", "rand", "or", "ror", "xor", "neg", "invert", "index", "int",
    "getitem", "contains", "len", "iter",
]:  # fmt: skip
    setattr(Step, f"__{_name}__", _refused(f"__{_name}__"))


def _no_value_yet(step: Step, name: str) -> Any:
    """Say that a step has no value yet, in process code; elsewhere, that it has no such name."""
    if name.startswith("_") or context.running() is None:
        raise AttributeError(name)
    raise no_such_field(
        f"`.{name}` was asked of the step `{step.text}`, as if it were a value",
        "A step does nothing until it is yielded: `v = yield ...`, then use v. (A process: "
        "`child = yield spawn(...)`, and later `yield child.join()`.)",
    )


setattr(Step, "__getattr__", _no_value_yet)  # noqa: B010  as a method it hides wrong names from mypy


def as_step(thing: Any) -> Step | None:
    """Return what was yielded as a step: a bare reference is a load. None if it is no step."""
    if isinstance(thing, Step):
        return thing
    if type(thing) is Ref:
        return Load(thing)
    made = getattr(thing, "__modelcheck_step__", None)
    return made() if made is not None else None


class Load(Step):
    """``v = yield x``: read one location; ``"plain"`` is an access without annotation."""

    def __init__(self, ref: Ref, text: str = "", order: str = "plain"):
        super().__init__(text or ref.name)
        self.ref, self.order = ref, order

    def perform(self, turn: Turn) -> Any:
        return turn.memory.load(turn, self.ref, self.order)


class Store(Step):
    """``yield x.set(v)``: write one location; ``"plain"`` is an access without annotation."""

    def __init__(self, ref: Ref, value: Any, text: str = "", order: str = "plain"):
        super().__init__(text or f"{ref.name} := {shown(value)}")
        self.ref, self.value, self.order = ref, value, order

    def perform(self, turn: Turn) -> None:
        turn.memory.store(turn, self.ref, self.value, self.order)


class Update(Step):
    """A read-modify-write of one location, indivisible.

    Its result is the old value; or, after `results_in`, the new one or none. `order` is what the
    memory model may not reorder it with.
    """

    calls_user = True

    def __init__(self, ref: Ref, function: Callable[..., Any], others: tuple[Any, ...], text: str):
        super().__init__(text)
        self.order = "relaxed"
        self.ref, self.function, self.others = ref, function, others
        self.result = "old"

    def ordered(self, order: str) -> Update:
        """Return this step with another order than ``"relaxed"``."""
        self.order = order
        return self

    def results_in(self, what: str) -> Update:
        """Return this step with ``"old"``, ``"new"`` or ``"none"`` as its result."""
        self.result = what
        return self

    def perform(self, turn: Turn) -> Any:
        made: list[Any] = []

        def changed(old: Any) -> Any:
            made.append(check_value(turn.call(self.function, old, *self.others), self.text))
            return made[-1]

        def shifted(old: Any) -> tuple[Any, Hashable]:
            return changed(old), self._amount() if type(old) is int else OTHER

        if self._shifts(turn):
            old = turn.operate(self.ref, NUMBER, SHIFT, shifted)
        else:
            old = turn.memory.modify(turn, self.ref, changed, self.order)
        return {"old": old, "new": made[-1], "none": None}[self.result]

    def _shifts(self, turn: Turn) -> bool:
        """Tell whether it adds or subtracts a constant in plain memory, and nobody sees more."""
        return (
            turn.memory.coherent
            and self.function in (operator.add, operator.sub)
            and type(self.others[0]) is int
            and (self.result == "none" or turn.discards)
        )

    def _amount(self) -> int:
        amount: int = self.others[0]
        return amount if self.function is operator.add else -amount


class CompareAndSwap(Step):
    """``old = yield x.cas(expected, new)``: store `new` if the value equals `expected`."""

    def __init__(self, ref: Ref, expected: Any, new: Any, order: str = "relaxed"):
        super().__init__(f"{ref.name}.cas({shown(expected)}, {shown(new)})")
        self.ref, self.expected, self.new, self.order = ref, expected, new, order

    def perform(self, turn: Turn) -> Any:
        _, old = turn.memory.modify_if(
            turn, self.ref, lambda old: bool(old == self.expected), lambda _: self.new, self.order
        )
        return old


class Until(Step):
    """``yield until(condition)``: wait; enabled where the condition is true.

    Each location is loaded as by itself. With the order ``"acquire"`` later loads stay behind it.
    """

    calls_user = True

    def __init__(self, condition: Callable[[], Any], end: bool = False, order: str = "relaxed"):
        super().__init__(f"until {text_of(condition)}")
        self.condition, self.end, self.order = condition, end, order

    def perform(self, turn: Turn) -> Any:
        true, value = turn.test(self.condition)
        if not true:
            turn.block()
        if self.order == "acquire":
            turn.memory.fence(turn, "rmb")
        return value


#: A choice of more options is shown in part: each of them builds the step anew on its way.
MANY = 30


class Choose(Step):
    """``v = yield choose(a, b, c)``: any one of several values; every choice is explored."""

    def __init__(self, options: Sequence[Any]):
        told = [shown(o) for o in options[:MANY]]
        if len(options) > MANY:
            told[-1:] = ["…", shown(options[-1])]
        super().__init__(f"choose({', '.join(told)})")
        self.options = options

    def perform(self, turn: Turn) -> Any:
        return turn.choose(self.options)

    def telling(self) -> Callable[[Any], str] | None:
        return _takes if len(self.options) > 1 else None


class Atomic(Step):
    """``v = yield atomic(f)``: a function over several locations, in one indivisible step."""

    calls_user = True

    def __init__(self, function: Callable[[], Any], when: Callable[[], Any] | None = None):
        super().__init__(text_of(function))
        self.function, self.when = function, when

    def perform(self, turn: Turn) -> Any:
        turn.memory.atomic(turn)
        if self.when is not None and not turn.test(self.when, coherent=True)[0]:
            turn.block()
        return turn.evaluate(self.function, writes=True)


#: The kinds of fences: what each does is in docs/memory-models.md.
FENCES = ("mb", "rmb", "wmb", "before_atomic", "after_atomic", "barrier")


class Fence(Step):
    """A memory barrier of some kind; nothing under sequential consistency, but a step."""

    def __init__(self, kind: str, text: str = ""):
        if kind not in FENCES:
            raise model_error(
                f"fence({kind!r}): no memory model knows that kind",
                f"There is {', '.join(FENCES)}.",
            )
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

    def telling(self) -> Callable[[Any], str] | None:
        return partial(_takes_one, tuple(option.text for option in self.options))


def _takes(value: Any) -> str:
    return f"takes {shown(value)}"


def _takes_one(options: Sequence[str], result: tuple[int, Any] | None) -> str:
    return f"takes {options[result[0]]}" if result is not None else ""  # it goes on waiting


# What a user writes.


_GENERATOR_OR_ASYNC = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def need_callable(thing: Any, call: str, example: str, arguments: int = 0) -> None:
    """Raise `ModelError` unless `thing` is a plain function that takes so many arguments."""
    code = getattr(thing, "__code__", None)
    if not callable(thing):
        wrong = "which is not a function"
    elif code is None:
        return
    elif code.co_flags & _GENERATOR_OR_ASYNC:
        wrong = "a generator function: calling it runs none of its code"
    else:
        most = code.co_argcount - (inspect.ismethod(thing))
        least = most - len(thing.__defaults__ or ())
        if least <= arguments and (arguments <= most or code.co_flags & inspect.CO_VARARGS):
            return
        wrong = f"a function of {most} argument{'s' * (most != 1)}; it is called with {arguments}"
    raise model_error(
        f"{call} was given {shown(thing)}, {wrong}",
        f"It is called in every state anew, so it must be a plain function: `{example}`.",
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
    need_callable(condition, "until(...)", "until(lambda: x == 0)")
    return Until(condition, end)


def choose(*options: Any) -> Step:
    """Return the step whose result is any one of `options`; every one is explored.

    A single iterable argument (a range, a list, an enum class) gives its items; a set's are sorted
    by their text, since a set's own order is a chance.
    """
    if len(options) == 1:
        (one,) = options
        if type(one) is range and one:
            return Choose(one)
        if isinstance(one, (set, frozenset)):
            options = tuple(sorted(one, key=shown))
        elif isinstance(one, Iterable) and not isinstance(one, (str, bytes, Ref, Step)):
            options = tuple(one)
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
        Inside it, names are plain values that may be assigned to (``mm.count += 1``). What it
        returns is the step's result. It may not change local variables of the process. Where a
        `send` or `recv` in it would wait, the whole step waits, whatever it catches.
    when : function of no arguments, optional
        The step waits until this is true.
    """
    need_callable(function, "atomic(...)", "atomic(f)")
    if when is not None:
        need_callable(when, "atomic(when=...)", "atomic(f, when=lambda: x == 0)")
    return Atomic(function, when)


def fence(kind: str = "mb") -> Step:
    """Return a memory barrier: ``"mb"``, ``"rmb"`` (loads), ``"wmb"`` (stores), or another kind.

    See `FENCES`, and ``docs/memory-models.md`` for what each means under each memory model.
    """
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
            raise model_error(
                f"either(...) was given {shown(step)}, which is no step", "Give it steps."
            )
        made.append(one)
    if not made:
        raise model_error("either() was given no step", "Give it the steps to choose from.")
    return Either(tuple(made))
