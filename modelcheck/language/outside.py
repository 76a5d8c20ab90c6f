"""Python objects outside the model that its code can see: they must not change during a search.

A global list that one process appends to and another reads is state that no table knows. A single
process that depends on what it changed itself is found when it is replayed; two processes that
share an object need this: what the functions of a model can reach by a name (globals, captured
variables, defaults, attributes of functions, classes, modules and other objects) is looked at when
a function is first met, and again when the search has ended. `modelcheck.language.reach` tells
what can be reached; the variables that one run of a process made are not looked at here, since they
are part of its local state.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any

from attrs import define, field, frozen

from modelcheck.errors import ModelError
from modelcheck.language.cells import Cells, children_of, is_location, is_part
from modelcheck.language.process import Process, ProcessFunction, innermost
from modelcheck.language.properties import PropertyFunction
from modelcheck.language.reach import (
    ABSENT,
    content,
    is_library,
    is_seen,
    names_in,
    only_recorded,
    refuse_frames,
    state_of,
)
from modelcheck.tables.values import Same


@frozen(eq=False)
class Seen:
    """A place outside the model: how to look at it, what was there, and which code can see it."""

    what: str
    look: Callable[[], Any]
    key: Hashable
    code: types.CodeType


@define
class Outside:
    """The places seen by name, with what was there when first seen.

    `known` are the functions and cells that were met, by identity.
    """

    places: dict[Hashable, Seen] = field(factory=dict)
    known: dict[int, Any] = field(factory=dict)
    _met: dict[Hashable, Any] = field(factory=dict)

    def watch_model(self, processes: Iterable[Process], properties: Iterable[Any]) -> None:
        """Look at all that the processes and properties of a model can reach.

        What a property only adds to (``seen.add(s.x)``) and never looks at may change.
        """
        for process in processes:
            code = innermost(process.function).__code__
            given = (process.function, *process.args, *process.kwargs.values(), process.guard)
            for index, value in enumerate(given):
                sight = _Sight(f"an argument of {process.group}", code)
                if index and not is_location(value):
                    self._note((id(value), "argument"), sight.name, partial(_itself, value), code)
                self._visit(value, sight)
        for function in properties:
            if isinstance(function, types.FunctionType):
                self.watch_function(function, skip=only_recorded(function.__code__))

    def watch(
        self, code: types.CodeType, names: dict[str, Any], skip: frozenset[str] = frozenset()
    ) -> None:
        """Remember what the global names of `code` stand for. Cost: once for each function."""
        if id(code) in self._met or is_library(code.co_filename):
            return
        self._met[id(code)] = code
        for name in names_in(code) - skip:
            if not name.startswith("@"):  # what pytest adds
                look = partial(names.get, name, ABSENT)
                self._note((id(names), name), f"the global {name!r}", look, code)
                self._visit(names.get(name), _Sight(name, code))

    def watch_function(
        self, function: Any, cells: bool = True, skip: frozenset[str] = frozenset()
    ) -> None:
        """Remember what a function's names stand for, its captured ones if `cells`."""
        if not isinstance(function, types.FunctionType):
            return
        code = function.__code__
        self.watch(code, function.__globals__, skip)
        if not cells or id(function) in self._met or is_library(code.co_filename):
            return
        self._met[id(function)] = self.known[id(function)] = function
        if not code.co_flags & inspect.CO_GENERATOR:
            refuse_frames(code)
        self._held(function, code)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self.known[id(cell)] = cell
            if name not in skip:
                look = partial(content, cell)
                self._note((id(cell), name), f"the captured variable {name!r}", look, code)
                self._visit(content(cell), _Sight(name, code))

    def _held(self, function: types.FunctionType, code: types.CodeType) -> None:
        """Look at a function's defaults and attributes."""

        def defaults() -> Any:
            return function.__defaults__, function.__kwdefaults__

        def attributes() -> Any:
            return {n: v for n, v in vars(function).items() if n != "__wrapped__"}

        name = f"{function.__name__}()"
        self._note((id(function), "defaults"), f"a default value of {name}", defaults, code)
        self._note((id(function), "attributes"), f"an attribute of {name}", attributes, code)
        named = function.__kwdefaults__ or {}
        for value in (*(function.__defaults__ or ()), *named.values(), *attributes().values()):
            self._visit(value, _Sight(name, code))

    def check(self) -> None:
        """Raise `ModelError` where something is not what it was."""
        for seen in self.places.values():
            if state_of(seen.look()) != seen.key:
                raise ModelError(
                    f"{seen.what} changed during the search",
                    f"{seen.code.co_name} can see it, but it is no part of the model's state: "
                    "interleavings share it. Put it into a @state class, or do not change it.",
                    file=seen.code.co_filename,
                    line=seen.code.co_firstlineno,
                )

    def _note(
        self, mark: Hashable, what: str, look: Callable[[], Any], code: types.CodeType
    ) -> None:
        if mark not in self.places:
            self.places[mark] = Seen(what, look, state_of(look()), code)

    def _visit(self, value: Any, sight: _Sight) -> None:
        """Go on to what a value that some code can see leads to."""
        if isinstance(value, (ProcessFunction, PropertyFunction)):
            self._visit(value.function, sight)
        elif isinstance(value, types.FunctionType):
            self.watch_function(value)
        elif isinstance(value, types.MethodType):
            self._visit(value.__func__, sight)
            self._visit(value.__self__, sight)
        elif isinstance(value, partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self._visit(part, sight)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for part in [*value]:
                self._visit(part, sight)
        elif isinstance(value, dict):
            for part in [*value.values()]:
                self._visit(part, sight)
        elif type(value) not in _PLAIN and (id(value), sight.code) not in self._met:
            self._met[id(value), sight.code] = value
            self._object(value, sight)

    def _object(self, value: Any, sight: _Sight) -> None:
        """Look at a class, a module, a part of the state, or any other object."""
        if isinstance(value, type):
            self._class(value, sight)
        elif is_part(value) or isinstance(value, Cells):
            below = children_of(value) if is_part(value) else value._children
            for child in [*below.values()]:
                if is_part(child) or isinstance(child, Cells):
                    self._visit(child, sight)
            self._class(type(value), sight)
        elif not is_location(value):
            if not is_seen(value) and hasattr(value, "__dict__"):
                self._attributes(value, names_in(sight.code), sight)
            if not isinstance(value, types.ModuleType):
                self._class(type(value), sight)

    def _class(self, cls: type, sight: _Sight) -> None:
        """Look at what a class of the user's holds, and at its methods."""
        for kind in cls.__mro__:
            name = kind.__module__.partition(".")[0]
            if name in sys.stdlib_module_names or name == "modelcheck" or id(kind) in self._met:
                continue
            self._met[id(kind)] = kind
            plain = [n for n, v in vars(kind).items() if not callable(v) and not _is_hidden(n, v)]
            self._attributes(kind, plain, _Sight(kind.__name__, sight.code))
            for method in [*vars(kind).values()]:
                for one in (method, *(getattr(method, n, None) for n in ("fget", "__func__"))):
                    self.watch_function(one)

    def _attributes(self, owner: Any, names: Iterable[str], sight: _Sight) -> None:
        """Look at attributes of an object that is not looked at as a whole."""
        for name in names:
            look = partial(_attribute, owner, name)
            what = f"the attribute {name!r} of {sight.name}"
            self._note((id(owner), name), what, look, sight.code)
            self._visit(look(), _Sight(f"{sight.name}.{name}", sight.code))


@frozen
class _Sight:
    """Under which name a value is seen, and by which code."""

    name: str
    code: types.CodeType


_PLAIN = (int, str, float, bool, bytes, types.NoneType, Same)


def _itself(value: Any) -> Any:
    return value


def _attribute(owner: Any, name: str) -> Any:
    return vars(owner).get(name, ABSENT)


def _is_hidden(name: str, value: Any) -> bool:
    """Tell whether a class's attribute is Python's or attrs' own business, or a descriptor."""
    own = name.startswith("_") and name.endswith("_")
    return own or hasattr(value, "__get__")
