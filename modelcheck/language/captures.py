"""What a spawned process may capture: nothing that anybody changes after the spawn.

A process that is defined inside another one sees that one's variables. They are part of the local
state of the process that they belong to and of no other, so a child that sees one change would be a
different process in the same local state. The rule: whatever the child's function and arguments
hold by capture or default was there before the check began (`modelcheck.language.outside` then
finds a change), or it is immutable and no code that may still run assigns to its variable.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from attrs import define, field

from modelcheck.errors import ModelError
from modelcheck.language.cells import is_location
from modelcheck.language.children import Spawn
from modelcheck.language.context import is_ours
from modelcheck.language.frames import Frame, cells_of
from modelcheck.language.liveness import assigned_after, assigned_inside
from modelcheck.language.process import Process, ProcessFunction
from modelcheck.language.reach import ABSENT, content
from modelcheck.language.source import shown
from modelcheck.language.steps import Either, Step
from modelcheck.tables.immutable import is_immutable


@define(eq=False)
class _Held:
    """What a process holds by its functions: variables captured, and values by default."""

    outside: dict[int, Any]
    cells: dict[int, tuple[str, types.CellType]] = field(factory=dict)
    defaults: list[tuple[str, Any]] = field(factory=list)
    _seen: dict[int, Any] = field(factory=dict)

    def look(self, value: Any) -> None:
        """Collect what `value` holds, through functions, methods, partials and tuples."""
        if id(value) in self._seen or id(value) in self.outside:
            return
        self._seen[id(value)] = value
        if isinstance(value, ProcessFunction):
            self.look(value.function)
        elif isinstance(value, Process):
            self._all(value.function, *value.args, *value.kwargs.values(), value.guard)
        elif isinstance(value, types.MethodType):
            self._all(value.__func__, value.__self__)
        elif isinstance(value, partial):
            self._all(value.func, *value.args, *value.keywords.values())
        elif isinstance(value, (tuple, frozenset)):
            self._all(*value)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif not isinstance(value, type) and not is_location(value):
            for name in [f.name for f in getattr(type(value), "__attrs_attrs__", ())]:
                self.look(getattr(value, name, None))
            self._all(*getattr(value, "__dict__", {}).values())

    def _all(self, *values: Any) -> None:
        for value in values:
            self.look(value)

    def _function(self, function: types.FunctionType) -> None:
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            if id(cell) not in self.outside:
                self.cells[id(cell)] = name, cell
                self.look(content(cell))
        positional = function.__defaults__ or ()
        arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
        own = zip(arguments[len(arguments) - len(positional) :], positional, strict=True)
        for name, value in (*own, *(function.__kwdefaults__ or {}).items()):
            self.defaults.append((name, value))
            self.look(value)
        attributes = {n: v for n, v in vars(function).items() if n != "__wrapped__"}
        if attributes:
            self.defaults.append((function.__name__, attributes))


def check_captures(step: Step, frames: Sequence[Frame], outside: dict[int, Any]) -> None:
    """Raise `ModelError` where a process to be spawned captures what may change later.

    Parameters
    ----------
    step : Step
        The pending step: a spawn, or an `either` with one in it.
    frames : sequence of Frame
        The parent's frames.
    outside : dict of int to object
        The cells and functions that were there before the check began, by identity.

    Cost: next to none where the variables are those of `frames`; else two looks at all objects.
    """
    for process in _spawns(step):
        held = _Held(outside)
        held.look(process)
        for name, value in held.defaults:
            if not _is_fixed(value):
                raise _error(process, name, f"it is {shown(value)}, which can change", frames)
        for name, cell in held.cells.values():
            value = content(cell)
            if value is not ABSENT and not _is_fixed(value):
                raise _error(process, name, f"it is {shown(value)}, which can change", frames)
            if _may_change(cell, frames):
                raise _error(process, name, "it may be assigned to after the spawn", frames)


def _error(process: Process, name: str, why: str, frames: Sequence[Frame]) -> ModelError:
    user = [f for f in frames if not is_ours(f.code.co_filename)] or [*frames]
    return ModelError(
        f"spawn({process.describe()}): the process sees the variable {name!r} of its parent, and "
        f"{why}",
        "Two processes would share it outside the model. Give the child the value as an argument, "
        f"`spawn(child(s, {name}))`, or put it into the state.",
        file=user[-1].code.co_filename,
        line=user[-1].line,
    )


def _spawns(step: Step) -> Iterator[Process]:
    if isinstance(step, Spawn):
        yield step.process
    elif isinstance(step, Either):
        for option in step.options:
            yield from _spawns(option)


def _is_fixed(value: Any) -> bool:
    """Tell whether a captured value cannot change; what functions hold is looked at by itself."""
    told = (types.FunctionType, types.ModuleType, ProcessFunction, Process, types.MethodType)
    if isinstance(value, told):
        return True
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_fixed, value))
    return is_immutable(value)


def _may_change(cell: types.CellType, frames: Sequence[Frame]) -> bool:
    """Tell whether code that may still run assigns to the variable of a cell.

    The function that the variable belongs to counts from where it is suspended on; a function
    inside it counts whole, since nobody knows when it is called.
    """
    for frame in frames:
        for name in _names_of(cell, cells_of(frame)) & {*frame.code.co_cellvars}:
            return name in assigned_after(frame.code, frame.offset) | assigned_inside(frame.code)
    return any(name in assigned_inside(code, itself=True) for name, code in _sharers(cell))


def _sharers(cell: types.CellType) -> Iterator[tuple[str, types.CodeType]]:
    """Go over the functions and generators that share a variable whose function has ended."""
    holders = gc.get_referrers(cell)
    closures = [h for h in holders if type(h) is tuple]
    for holder in [*holders, *(gc.get_referrers(*closures) if closures else ())]:
        if isinstance(holder, types.FunctionType):
            pairs = zip(holder.__code__.co_freevars, holder.__closure__ or (), strict=True)
            yield from ((name, holder.__code__) for name, held in pairs if held is cell)
        elif isinstance(holder, types.GeneratorType):
            code = holder.gi_code
            yield from ((name, code) for name in (*code.co_cellvars, *code.co_freevars))


def _names_of(cell: types.CellType, cells: dict[str, types.CellType]) -> set[str]:
    return {name for name, held in cells.items() if held is cell}
