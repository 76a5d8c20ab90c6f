"""Small concurrent programs as plain data: what the interpreter runs and the generator prints.

Expressions are Python text over local variables and the shared state `s`; Python's own arithmetic
is not what is tested. Everything that decides an interleaving (steps, control flow, processes) is a
class.
Programs are finite by construction: `oracle.generate` keeps all values small.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Mode(Enum):
    """A small enumeration for shared variables."""

    IDLE = 0
    BUSY = 1
    GONE = 2


# Shared state.


@dataclass(frozen=True)
class Scalar:
    name: str
    initial: Any


@dataclass(frozen=True)
class Array:
    name: str
    initial: tuple[Any, ...]


@dataclass(frozen=True)
class Part:
    """A nested part: its fields are scalars and arrays."""

    name: str
    fields: tuple[Scalar | Array, ...]


@dataclass(frozen=True)
class Chan:
    """A channel; capacity 0 is a rendezvous."""

    name: str
    capacity: int
    initial: tuple[Any, ...] = ()


# Steps. `ref` is text that names a location (``s.a[i]``), `value` text of a local expression,
# `cond` text over locals and shared values.


@dataclass(frozen=True)
class Load:
    ref: str


@dataclass(frozen=True)
class Store:
    ref: str
    value: str


@dataclass(frozen=True)
class Rmw:
    """`op` is "add" or "swap"."""

    op: str
    ref: str
    value: str


@dataclass(frozen=True)
class Cas:
    ref: str
    expected: str
    new: str


@dataclass(frozen=True)
class Update:
    """`body` is text over `old` and locals; `result` is "old", "new" or "none"."""

    ref: str
    body: str
    result: str = "old"


@dataclass(frozen=True)
class Until:
    cond: str
    end: bool = False


@dataclass(frozen=True)
class UntilStored:
    """Wait for a condition that a local list of lambdas holds: ``until(fs[k])``."""

    stored: str


@dataclass(frozen=True)
class Choose:
    options: tuple[str, ...]


@dataclass(frozen=True)
class Atomic:
    """Assignments and channel operations in one step; `when` may be empty."""

    body: tuple[str, ...]
    result: str = "None"
    when: str = ""


@dataclass(frozen=True)
class Send:
    channel: str
    value: str


@dataclass(frozen=True)
class Recv:
    channel: str


@dataclass(frozen=True)
class TryRecv:
    channel: str


@dataclass(frozen=True)
class AtLabel:
    name: str
    end: bool = False


@dataclass(frozen=True)
class Fence:
    kind: str = "mb"


@dataclass(frozen=True)
class Either:
    options: tuple[Any, ...]


@dataclass(frozen=True)
class Spawn:
    process: str
    arg: str
    detached: bool = False


@dataclass(frozen=True)
class Join:
    child: str


# Statements.


@dataclass(frozen=True)
class Yield:
    """Take a step; its result goes to the local variable `to`, if there is one."""

    step: Any
    to: str = ""


@dataclass(frozen=True)
class Do:
    """A simple local statement as text: ``v = w + 1``, ``xs.append(v)``, ``del v``."""

    text: str


@dataclass(frozen=True)
class Remember:
    """Append a lambda to a list: ``fs.append(lambda: cond)``; `bound` names by value."""

    to: str
    cond: str
    bound: tuple[str, ...] = ()


@dataclass(frozen=True)
class If:
    cond: str
    then: tuple[Any, ...]
    other: tuple[Any, ...] = ()


@dataclass(frozen=True)
class While:
    cond: str
    body: tuple[Any, ...]


@dataclass(frozen=True)
class For:
    var: str
    over: str
    body: tuple[Any, ...]


@dataclass(frozen=True)
class Break:
    pass


@dataclass(frozen=True)
class Continue:
    pass


@dataclass(frozen=True)
class Try:
    """`handlers` are (class name, variable or "", body); `last` is the `finally`."""

    body: tuple[Any, ...]
    handlers: tuple[tuple[str, str, tuple[Any, ...]], ...] = ()
    last: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Raise:
    """`error` is text, or empty: raise again what is being handled."""

    error: str


@dataclass(frozen=True)
class Assert:
    cond: str
    name: str


@dataclass(frozen=True)
class WithLabel:
    name: str
    body: tuple[Any, ...]
    end: bool = False


@dataclass(frozen=True)
class Call:
    """``to = yield from sub(s, arg)``."""

    sub: str
    arg: str
    to: str = ""


@dataclass(frozen=True)
class Return:
    value: str


# Programs.


@dataclass(frozen=True)
class Function:
    """A process function or a subroutine: ``def name(s, me): body``."""

    name: str
    body: tuple[Any, ...]
    daemon: bool = False


@dataclass(frozen=True)
class Property:
    """`kind` is "always", "sometimes" or "at_end"; `cond` is text over the snapshot `s`."""

    kind: str
    name: str
    cond: str


@dataclass(frozen=True)
class Program:
    """`instances` are (function name, argument); other functions are spawned or called."""

    shared: tuple[Scalar | Array | Part | Chan, ...]
    functions: tuple[Function, ...]
    subroutines: tuple[Function, ...]
    instances: tuple[tuple[str, int], ...]
    properties: tuple[Property, ...]
    deadlock: bool = True
    observed: tuple[str, ...] = ()  # local variables that properties read


def locations(program: Program) -> list[tuple[str, Any]]:
    """The names of all locations with their initial values, in the order of declaration."""
    found: list[tuple[str, Any]] = []

    def add(declared: Any, prefix: str) -> None:
        name = prefix + declared.name
        if isinstance(declared, Part):
            for field in declared.fields:
                add(field, name + ".")
        elif isinstance(declared, Array):
            found.extend((f"{name}[{i}]", v) for i, v in enumerate(declared.initial))
        else:
            found.append((name, declared.initial))

    for declared in program.shared:
        add(declared, "")
    return found
