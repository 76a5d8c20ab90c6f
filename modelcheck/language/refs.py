"""References to single locations of the shared state: what they are, and what steps they make.

A location is a leaf of the state tree; the tree itself is `modelcheck.language.cells`. In process
code a name is a reference; while a step is evaluated it is the plain value
(`modelcheck.language.context`). What a user wrongly does with a reference is refused here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.source import shown, text_of
from modelcheck.tables.immutable import is_immutable


def model_error(what: str, remedy: str) -> ModelError:
    """Return a `ModelError` that names the user's line that is running now."""
    file, line = context.user_line()
    return context.note(ModelError(what, remedy, file=file or None, line=line or None))


class NoSuchField(ModelError, AttributeError):
    """A name that a `@state` class does not have: almost always a typing mistake."""


def no_such_field(what: str, remedy: str) -> NoSuchField:
    """Return a `NoSuchField` that names the user's line that is running now."""
    file, line = context.user_line()
    return NoSuchField(what, remedy, file=file or None, line=line or None)


class Location:
    """A node of the state tree: a `Ref`, `Cells`, a channel; parts are alike without this base."""

    def fresh(self) -> Location:
        """Return a copy of this node that belongs to nobody yet."""
        raise NotImplementedError

    def bind(self, name: str, binder: Binder) -> None:
        """Give this node its name, and each leaf below it its slot."""
        raise NotImplementedError


class Binder:
    """Collects the leaves of a state tree, in the order of declaration."""

    def __init__(self) -> None:
        self.refs: list[Ref] = []

    def add(self, name: str, ref: Ref) -> None:
        """Make `ref` the next leaf; a leaf reached by a second name keeps its first."""
        if 0 <= ref.slot < len(self.refs) and self.refs[ref.slot] is ref:
            return
        ref.name, ref.slot = name, len(self.refs)
        self.refs.append(ref)


def check_value(value: Any, what: str) -> Any:
    """Return `value` if it can stand in a shared location; raise `ModelError` if not."""
    if type(value) is int or type(value) is str or value is None:
        return value  # most are
    if isinstance(value, Ref):
        raise model_error(
            f"{what} was given the reference {value.name}, not a value",
            f"Load it first: `v = yield {value.name}`, then use v.",
        )
    if isinstance(value, tuple) and any(type(part) is Ref for part in value):
        raise model_error(
            f"{what} was given {shown(value)}, which holds references, not values",
            "Load each first: `v = yield x`; or read them all in one step, with atomic(f).",
        )
    if getattr(type(value), "is_step", False):
        raise model_error(
            f"{what} was given the step `{value}`, not a value",
            f"Take it first: `v = yield {value}`, then use v.",
        )
    try:
        fit = is_immutable(value)
    except RecursionError:
        raise model_error(
            f"{what} was given a {type(value).__name__} that is nested too deeply",
            "A location holds one small value: use cells(...) or parts for a structure.",
        ) from None
    if not fit:
        raise model_error(
            f"{what} was given {shown(value)}, a {type(value).__name__}: it can change, or has no "
            "value of its own to compare by",
            "A shared location holds immutable values: numbers, strings, enum members, tuples, "
            "frozensets, frozen attrs objects. For an array of separate locations use cells(...).",
        )
    return value


_SIGNS = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "sub": "-",
    "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "and": "&", "or": "|",
    "xor": "^", "lshift": "<<", "rshift": ">>", "neg": "-", "invert": "~", "contains": "in",
    "getitem": "[...]", "bool": "a test for truth", "iter": "a loop", "len": "len()",
    "matmul": "@",
}  # fmt: skip


def use_of(name: str) -> str:
    """Return an operator as the user wrote it, for a message."""
    bare = name.strip("_")
    bare = bare[1:] if bare.startswith("r") and bare[1:] in _SIGNS else bare
    sign = _SIGNS.get(bare, bare)
    return sign if sign.startswith("a ") else f"`{sign}`"


def _as_value(name: str) -> Callable[..., Any]:
    """Return a method that works on the plain value in a step, and refuses in process code."""
    function = getattr(operator, name.strip("_"), None) or getattr(operator, name, None)

    def method(self: Ref, *others: Any) -> Any:
        value = self.plain(use_of(name))
        plain = [o.plain("this") if isinstance(o, Ref) else o for o in others]
        if function is not None:
            return function(value, *plain)
        return getattr(value, name)(*plain)

    method.__name__ = name
    return method


def _reflected(name: str) -> Callable[..., Any]:
    function = divmod if name == "divmod" else getattr(operator, name)

    def method(self: Ref, other: Any) -> Any:
        return function(other, self.plain(use_of(name)))

    return method


class Ref(Location):
    """A reference to one shared location: what a step names.

    ``yield x`` loads it. Its methods make steps; the ones that read and write return the *old*
    value. In guards, `atomic` functions and properties it behaves as its value; where Python cannot
    tell the difference (``is``, ``match``), say ``x.value``.
    """

    __slots__ = ("initial", "name", "slot")

    def __init__(self, initial: Any, name: str = "?"):
        self.initial = initial
        self.name = name
        self.slot = -1

    def fresh(self) -> Ref:
        return Ref(self.initial, self.name)

    def bind(self, name: str, binder: Binder) -> None:
        binder.add(name, self)

    def __repr__(self) -> str:
        return repr(self.plain("`repr`")) if self._is_shown() else self.name

    def __str__(self) -> str:
        """Return, in a step, the value's text; outside of processes the location's name.

        Process code is refused: it would get the name where it wants the value.
        """
        return str(self.plain("`str`")) if self._is_shown() else self.name

    def _is_shown(self) -> bool:
        """Tell whether a text is asked for by the user's code, which must get the value's or none.

        Not by modelcheck itself, for a label or a message, whatever it shows the reference in.
        """
        if context.active() is not None:
            return True
        return context.running() is not None and not context.rendering()

    def __modelcheck_key__(self) -> Hashable:
        return ("ref", self.slot, self.name)

    def __deepcopy__(self, memo: Any) -> Any:
        """Return, in a step, the value, as a result or a property's variable holds it."""
        evaluation = context.active()
        return self if evaluation is None else evaluation.load(self)

    def __hash__(self) -> int:
        if context.active() is None and context.running() is None:
            return object.__hash__(self)
        return hash(self.plain("a look-up in a set or dictionary"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if context.active() is not None:
            return getattr(self.plain(f"`.{name}`"), name)
        remedy = (
            f"In process code, load it first: `v = yield {self.name}`, then use v.{name}. "
            "(Steps of a location are `set`, `add`, `swap`, `cas` and `update`.)"
        )
        if name in ("send", "recv", "try_recv"):
            remedy = (
                f"{self.name} is no channel: declare it as one, `Channel(1)`; an array of them is "
                "`cells(n, Channel(1))`."
            )
        raise no_such_field(
            f"`.{name}` was asked of {self.name}, which is a reference here, not a value", remedy
        )

    def __format__(self, spec: str) -> str:
        return format(self.plain("`format`"), spec) if self._is_shown() else self.name

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.plain("round()"), digits)

    def __reversed__(self) -> Any:
        return reversed(self.plain("reversed()"))

    @property
    def value(self) -> Any:
        """The plain value; only inside a step or property."""
        return self.plain(".value")

    def plain(self, use: str) -> Any:
        """Return the value where names are values; raise `ModelError` in process code."""
        evaluation = context.active()
        if evaluation is None:
            raise model_error(
                f"{use} was applied to {self.name}, which is a reference here, not a value",
                f"In process code, load it first: `v = yield {self.name}`, then use v. Names are "
                "plain values only inside until(...), atomic(...) and properties."
                + (" (The location's name is its `.name`.)" if use in _TEXTS else ""),
            )
        return evaluation.load(self)

    # The steps; they are made in modelcheck.language.steps, which builds on this module.

    def set(self, value: Any) -> Any:
        """Return the step that stores `value`; its result is None."""
        return _steps().Store(self, check_value(value, f"{self.name}.set(...)"))

    def add(self, amount: Any = 1) -> Any:
        """Return the step that adds `amount` in one go; its result is the old value."""
        check_value(amount, f"{self.name}.add(...)")
        return _steps().Update(self, operator.add, (amount,), f"{self.name}.add({shown(amount)})")

    def swap(self, value: Any) -> Any:
        """Return the step that stores `value` and results in the old value, in one go."""
        check_value(value, f"{self.name}.swap(...)")
        return _steps().Update(self, _second, (value,), f"{self.name}.swap({shown(value)})")

    def cas(self, expected: Any, new: Any) -> Any:
        """Return the step that stores `new` if the value equals `expected`, in one go.

        Its result is the old value: the exchange took place if that equals `expected`.
        """
        check_value(expected, f"{self.name}.cas(...)")
        check_value(new, f"{self.name}.cas(...)")
        return _steps().CompareAndSwap(self, expected, new)

    def update(self, function: Callable[[Any], Any]) -> Any:
        """Return the step that stores ``function(value)`` in one go.

        Its result is the old value.
        """
        _steps().need_callable(function, f"{self.name}.update(...)", "x.update(lambda v: v + 1)", 1)
        return _steps().Update(self, function, (), f"{self.name}.update({text_of(function)})")


_TEXTS = ("`str`", "`repr`", "`format`")


def _second(old: Any, new: Any) -> Any:
    return new


@cache
def _steps() -> Any:
    from modelcheck.language import steps

    return steps


_COMPARISONS = ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]
_UNARY = ["__neg__", "__pos__", "__abs__", "__invert__", "__index__"]
_BINARY = [
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift",
    "rshift", "divmod", "matmul",
]  # fmt: skip
for _name in _COMPARISONS + _UNARY:
    setattr(Ref, _name, _as_value(_name))
for _name in ["__getitem__", "__contains__"]:
    setattr(Ref, _name, _as_value(_name))
for _name in _BINARY:
    setattr(Ref, f"__{_name.strip('_')}__", _as_value(f"__{_name.strip('_')}__"))
    setattr(Ref, f"__r{_name.strip('_')}__", _reflected(_name))
for _name, _builtin in {
    "__bool__": bool, "__len__": len, "__iter__": iter, "__int__": int, "__float__": float,
}.items():  # fmt: skip

    def _convert(self: Ref, _said: str = use_of(_name), _builtin: Any = _builtin) -> Any:
        return _builtin(self.plain(_said))

    setattr(Ref, _name, _convert)
