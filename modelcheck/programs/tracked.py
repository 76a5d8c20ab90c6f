"""Values that know what they were computed from: what a process gets for its loads.

A `Tracked` value behaves as the plain one in arithmetic, and every result carries the reads of both
operands: no `r ^ r` or `r * 0` loses a dependency. A test for truth, ``and``, ``or``, ``not``,
``is``, ``in`` and an index go through `modelcheck.programs.follow`, which knows where a branch
ends. Wherever else Python would turn a value into a plain one, it is refused by name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import frozen

from modelcheck.axiomatic.execution import Value
from modelcheck.language import context
from modelcheck.language.refs import model_error, use_of
from modelcheck.language.source import shown
from modelcheck.tables.values import key_of

_testing: ContextVar[bool] = ContextVar("testing", default=False)


@contextmanager
def testing() -> Iterator[None]:
    """While inside, a step is performed: it may test the values that it was given."""
    token = _testing.set(True)
    try:
        yield
    finally:
        _testing.reset(token)


class Tracked:
    """A value, the reads that it was computed from, and those that decided that it is this one.

    Sets are masks of the thread's events, as in `modelcheck.axiomatic.execution.Event`.
    """

    __slots__ = ("cdeps", "deps", "value")

    def __init__(self, value: Any, deps: int = 0, cdeps: int = 0):
        self.value, self.deps, self.cdeps = value, deps, cdeps

    def __modelcheck_key__(self) -> Hashable:
        return ("tracked", key_of(self.value), self.deps, self.cdeps)

    def __deepcopy__(self, memo: Any) -> Tracked:
        return self

    def __bool__(self) -> bool:
        if _testing.get() or context.active() is not None:
            return bool(self.value)  # in a step: what it reads is on record
        raise refused("tested for truth", "Test it in the process's own `if`, `while` or `assert`.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        if callable(found) and context.active() is None:
            raise refused(f"asked for its method `{name}`", "Compute with operators.")
        return Tracked(found, self.deps, self.cdeps)

    def __getitem__(self, key: Any) -> Any:
        return combine(operator.getitem, self, key)

    def __repr__(self) -> str:
        return shown(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)


def refused(what: str, remedy: str) -> Exception:
    """Return the error for a use that loses what a value depends on."""
    return model_error(
        f"a loaded value is {what}, where an axiomatic memory model loses track of it", remedy
    )


def plain(value: Any) -> Any:
    """Return a value without what it depends on.

    Examples
    --------
    >>> plain(Tracked(3, deps=1)), plain(4)
    (3, 4)
    """
    return value.value if type(value) is Tracked else value


def deps_of(value: Any) -> int:
    """Return the reads that a value was computed from."""
    return value.deps if type(value) is Tracked else 0


def cdeps_of(value: Any) -> int:
    """Return the reads that decided which value it is."""
    return value.cdeps if type(value) is Tracked else 0


def combine(function: Callable[..., Any], *operands: Any) -> Any:
    """Return a function of plain operands, tracked back to all that they came from.

    Examples
    --------
    >>> both = combine(operator.xor, Tracked(3, deps=1), Tracked(3, deps=4))
    >>> both.value, both.deps
    (0, 5)
    """
    deps = cdeps = 0
    for operand in operands:
        deps |= deps_of(operand)
        cdeps |= cdeps_of(operand)
    return Tracked(function(*map(plain, operands)), deps, cdeps)


def _operation(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)

    def method(self: Tracked, *others: Any) -> Any:
        return combine(function, self, *others)

    method.__name__ = f"__{name.strip('_')}__"
    return method


def _reflected(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)

    def method(self: Tracked, other: Any) -> Any:
        return combine(function, other, self)

    method.__name__ = f"__r{name.strip('_')}__"
    return method


def _forbidden(name: str) -> Callable[..., Any]:
    def method(self: Tracked, *others: Any) -> Any:
        raise refused(f"given to {use_of(name)}", "Compute with operators, or compare with `==`.")

    method.__name__ = name
    return method


_BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "and_", "or_", "xor", "lshift", "rshift",
)  # fmt: skip
for _name in (*_BINARY, "eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "invert", "abs"):
    setattr(Tracked, f"__{_name.strip('_')}__", _operation(_name))
for _name in _BINARY:
    setattr(Tracked, f"__r{_name.strip('_')}__", _reflected(_name))
for _name in (
    "__hash__", "__index__", "__int__", "__float__", "__iter__", "__len__", "__contains__",
):  # fmt: skip
    setattr(Tracked, _name, _forbidden(_name))


@frozen(eq=False)
class Boxed:
    """A value of a location that is no whole number, told from others by its typed key."""

    key: Hashable
    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Boxed) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return shown(self.value)


def boxed(value: Any) -> Value:
    """Return a plain value as events hold it: two are equal only if they have one type.

    Examples
    --------
    >>> boxed(1), boxed(True) == boxed(1), boxed("a") == boxed("a")
    (1, False, True)
    """
    if type(value) is int:
        return value
    made: Any = Boxed(key_of(value), value)
    return made  # type: ignore[no-any-return] # events only compare and show values


def unboxed(value: Any) -> Any:
    """Return what `boxed` was given."""
    return value.value if type(value) is Boxed else value


__all__ = [
    "Boxed",
    "Tracked",
    "boxed",
    "cdeps_of",
    "combine",
    "deps_of",
    "plain",
    "refused",
    "testing",
    "unboxed",
]
