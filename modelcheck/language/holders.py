"""What a user's function can reach: the places that hold references to shared locations.

A function reaches what it captured, its defaults, the global names that it and the functions it
reaches mention, and whatever those hold: lists, dicts, tuples, objects and their classes, partials,
bound methods. Where Python can put something else in a place, that is a `Place`; a reference that
stands elsewhere (a member of a set, what an iterator walks over) is `stuck`.
"""

from __future__ import annotations

import collections
import gc
import operator
import sysconfig
import types
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from typing import Any

from attrs import define, field

from modelcheck.language import context
from modelcheck.language.cells import Cells, children_of, is_location, is_part
from modelcheck.language.refs import Ref
from modelcheck.language.wording import Wording, wording_of

#: What holds nothing that could be a reference.
ATOMS = (
    int, float, complex, str, bytes, bytearray, range, slice, types.NoneType, types.CodeType,
    types.FrameType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.ClassMethodDescriptorType, Enum,
)  # fmt: skip
_TELLING_BUILTINS = frozenset({operator.is_, operator.is_not, id})
_STANDARD = sysconfig.get_paths()["stdlib"]


@define(eq=False)
class Place:
    """Something that holds a value, which can be exchanged.

    Parameters
    ----------
    get, put : function
        Return what stands there; put something else there.
    names : list of (str, Wording)
        The name that each function knows it by; empty for what lies within a collection or object.
    holder : str
        The kind of thing that it belongs to, for messages.
    """

    get: Callable[[], Any]
    put: Callable[[Any], None]
    names: list[tuple[str, Wording]] = field(factory=list)
    holder: str = ""


@define(eq=False)
class Found:
    """What functions reach: places, references in none, and what the functions say."""

    places: list[Place] = field(factory=list)
    stuck: list[tuple[Ref, str]] = field(factory=list)
    tells: bool = False
    asks: str = ""
    asks_parameter: str = ""

    def say(self, said: Wording | Found) -> None:
        """Add what functions say."""
        self.tells = self.tells or said.tells
        self.asks = self.asks or said.asks
        self.asks_parameter = self.asks_parameter or said.asks_parameter

    def add(self, other: Found) -> None:
        """Add what was found elsewhere."""
        self.places += other.places
        self.stuck += other.stuck
        self.say(other)


class Reach:
    """Finds what functions reach; one for each search, since what names stand for is kept.

    What a function captured differs from one local state to the next, and is looked at each time.
    Cost: some microseconds for each function and object reached.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], tuple[object, Found]] = {}

    def of(self, function: object) -> Found:
        """Return what a function reaches."""
        walk = _Walk(self.names_of, self.class_of, self.classes_below)
        walk.look(function, "a function")
        return walk.found

    def names_of(self, function: types.FunctionType) -> Found:
        """Return what the global names of a function reach."""
        key = (id(function.__code__), id(function.__globals__))
        return self._keep(key, (function.__code__, function.__globals__), "names", function)

    def class_of(self, cls: type) -> Found:
        """Return what the functions of a class, and its attributes, reach."""
        return self._keep((id(cls),), cls, "members", cls)

    def classes_below(self, node: Any) -> Found:
        """Return what the classes of a part of the state, and of the parts in it, reach."""
        kept = self._kept.get((id(node),))
        if kept is None:
            found = Found()
            for cls in {type(part): None for part in _parts_below(node)}:
                found.add(self.class_of(cls))
            kept = self._kept[id(node),] = node, found
        return kept[1]

    def _keep(self, key: tuple[int, ...], owner: object, how: str, thing: Any) -> Found:
        kept = self._kept.get(key)
        if kept is None:
            walk = _Walk()
            getattr(walk, how)(thing)
            kept = self._kept[key] = owner, walk.found
        return kept[1]


def _parts_below(node: Any) -> Iterator[Any]:
    """Go over the parts in a tree of state, the node itself among them."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if is_part(one):
            yield one
            waiting += children_of(one).values()
        elif isinstance(one, Cells):
            waiting += one._children.values()


def holds_reference(value: Any) -> bool:
    """Tell whether a reference stands in a value, or in what it holds (but for functions)."""
    if isinstance(value, ATOMS):
        return False
    walk = _Walk(functions=False)
    walk.look(value, "")
    return bool(walk.found.stuck or any(stands_for(p.get()) for p in walk.found.places))


def stands_for(value: Any) -> bool:
    """Tell whether a value is a reference, or a tuple that holds one."""
    if type(value) is Ref:
        return True
    return isinstance(value, tuple) and any(map(stands_for, tuple.__iter__(value)))


Finder = Callable[[Any], Found]


class _Walk:
    """One walk over objects; with finders given, what they know is taken from them."""

    def __init__(
        self,
        names: Finder | None = None,
        members: Finder | None = None,
        below: Finder | None = None,
        *,
        functions: bool = True,
    ):
        self.found = Found()
        self._names, self._members, self._below = names, members, below
        self._functions = functions
        self._seen: dict[int, object] = {}
        self._cells: dict[int, Place] = {}
        self._modules: set[tuple[int, int]] = set()

    def look(self, value: Any, holder: str, place: Place | None = None) -> None:
        """Look at what stands in a place, or (where there is none) in something that is fixed."""
        if type(value) is Ref:
            if place is None:
                self.found.stuck.append((value, holder))
            else:
                self.found.places.append(place)
        elif isinstance(value, tuple):
            if stands_for(value):
                if place is None:
                    self.found.stuck.append((_first(value), holder))
                else:
                    self.found.places.append(place)
            for part in tuple.__iter__(value):
                if type(part) is not Ref:
                    self.look(part, "a tuple", _NO_PLACE if isinstance(part, tuple) else None)
        elif not isinstance(value, ATOMS) and id(value) not in self._seen:
            self._seen[id(value)] = value
            self._into(value)

    def _into(self, value: Any) -> None:
        cls = type(value)
        if is_location(value):
            if self._below is not None:
                self.found.add(self._below(value))
            elif self._functions:
                for part in _parts_below(value):
                    self._class(type(part))
        elif cls is types.FunctionType:
            if self._functions:
                self._function(value)
        elif isinstance(value, type):
            self._class(value)
        elif cls in _HANDLERS:
            _HANDLERS[cls](self, value)
        elif not _is_ours(cls):
            self._object(value)

    def _function(self, function: types.FunctionType) -> None:
        code = function.__code__
        wording = wording_of(code)
        if not context.is_ours(code.co_filename):
            self.found.say(wording)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._cell(cell, name, wording)
        self._defaults(function, wording)
        self._items(function.__kwdefaults__ or {}, "a default", wording)
        self._items(function.__dict__, "an attribute of a function")
        if self._names is not None:
            self.found.add(self._names(function))
        else:
            self.names(function)

    def _cell(self, cell: types.CellType, name: str, wording: Wording) -> None:
        known = self._cells.get(id(cell))
        if known is not None:
            known.names.append((name, wording))
            return
        try:
            value = cell.cell_contents
        except ValueError:  # empty: a name not assigned yet
            return
        if isinstance(value, ATOMS):  # most are: it takes no place
            return
        place = Place(lambda: cell.cell_contents, partial(setattr, cell, "cell_contents"))
        place.names.append((name, wording))
        self._cells[id(cell)] = place
        self.look(value, name, place)

    def _defaults(self, function: types.FunctionType, wording: Wording) -> None:
        values = function.__defaults__ or ()
        count = function.__code__.co_argcount
        parameters = function.__code__.co_varnames[count - len(values) : count]
        for index, (name, value) in enumerate(zip(parameters, values, strict=True)):

            def get(index: int = index) -> Any:
                return (function.__defaults__ or ())[index]

            def put(new: Any, index: int = index) -> None:
                held = list(function.__defaults__ or ())
                held[index] = new
                function.__defaults__ = tuple(held)

            self.look(value, name, Place(get, put, [(name, wording)]))

    def names(self, function: types.FunctionType) -> None:
        """Look at what the global names of a function stand for."""
        if _is_library(function.__code__.co_filename, function.__globals__):
            self.found.tells |= not context.is_ours(function.__code__.co_filename)
            return  # what it calls in turn is not looked at: it may tell
        wording = wording_of(function.__code__)
        self._mentioned(function.__globals__, wording.names, wording)

    def _mentioned(self, space: dict[str, Any], names: frozenset[str], wording: Wording) -> None:
        for name in names & space.keys():
            value = space[name]
            if isinstance(value, types.ModuleType):
                mark = (id(value), id(wording))
                if mark not in self._modules and not _is_library(_file_of(value), vars(value)):
                    self._modules.add(mark)
                    self._mentioned(vars(value), wording.attributes, wording)
                continue
            place = _item(space, name, "a global name", [(name, wording)])
            if value is None:  # it may be given a reference later, before it is used
                self.found.places.append(place)
            self.look(value, name, place)

    def _items(self, held: Any, holder: str, wording: Wording | None = None) -> None:
        for key, value in list(dict.items(held)):
            if not isinstance(key, ATOMS):
                self.look(key, "the key of a dict")
            names = [(key, wording)] if wording else []
            self.look(value, holder, _item(held, key, holder, names))

    def _list(self, held: Any) -> None:
        for index, value in enumerate(list(held)):
            kind = type(held).__name__
            self.look(value, kind, _item(held, index, f"a {kind}", []))

    def _set(self, held: Any) -> None:
        for value in held:
            self.look(value, "a set")

    def _partial(self, held: partial[Any]) -> None:
        def put(args: Any) -> None:
            state = held.func, args, held.keywords, vars(held)
            held.__setstate__(state)  # type: ignore[attr-defined] # typeshed leaves it out

        self.look(held.func, "a partial")
        self.look(held.args, "a partial", Place(lambda: held.args, put, holder="a partial"))
        self._items(held.keywords, "a partial")

    def _method(self, method: Any) -> None:
        if type(method.__self__) is not Ref:
            self.look(method.__self__, "a method")
        self.look(getattr(method, "__func__", None), "a method")
        if isinstance(method, types.BuiltinFunctionType) and method in _TELLING_BUILTINS:
            self.found.tells = True

    def _wrapper(self, held: Any) -> None:
        for name in ("__func__", "fget", "func"):
            self.look(getattr(held, name, None), "a class")

    def _class(self, cls: type) -> None:
        if cls is type:
            self.found.tells = True  # called with one argument it gives a type
        if not self._functions:
            return
        if self._members is not None:
            self.found.add(self._members(cls))
        else:
            self.members(cls)

    def members(self, cls: type) -> None:
        """Look at the functions and attributes of a class."""
        for base in cls.__mro__:
            if _is_ours(base) or id(base) in self._seen and base is not cls:
                continue
            self._seen[id(base)] = base
            if (
                not base.__flags__ & _HEAP_TYPE
                or base.__module__.partition(".")[0] in _STANDARD_MODULES
            ):
                continue
            for name, value in list(vars(base).items()):
                is_function = isinstance(value, types.FunctionType)
                # From Python 3.12 on every enum has one of the library's as a staticmethod.
                inside = value.__func__ if isinstance(value, staticmethod) else value
                if isinstance(inside, types.FunctionType) and _is_library(
                    inside.__code__.co_filename, inside.__globals__
                ):
                    continue  # such as what every enum has
                if is_function or not name.startswith("__"):
                    place = Place(
                        partial(vars(base).get, name), partial(type.__setattr__, base, name)
                    )
                    place.holder = f"the class {base.__name__}"
                    self.look(value, place.holder, place)

    def _object(self, value: Any) -> None:
        """Look into an instance; or into whatever Python shows of something written in C."""
        cls = type(value)
        self._class(cls)
        what = f"a {cls.__name__}"
        fields = getattr(value, "__dict__", None)
        if isinstance(fields, dict):
            self._items(fields, what)
        shown = isinstance(fields, dict)
        for base in cls.__mro__:
            for slot in vars(base).values() if "__slots__" in vars(base) else ():
                if type(slot) is types.MemberDescriptorType:
                    shown = True
                    self._slot(value, slot, what)
        for base, handler in _HANDLERS.items():
            if isinstance(value, base):
                handler(self, value)
                return
        if not shown or isinstance(value, BaseException):
            for part in gc.get_referents(value):
                if part is not fields and not isinstance(part, (type, types.ModuleType)):
                    self.look(part, what)

    def _slot(self, value: Any, slot: types.MemberDescriptorType, what: str) -> None:
        try:
            held = slot.__get__(value)
        except AttributeError:  # declared and never set
            return
        put = partial(slot.__set__, value)
        self.look(held, what, Place(partial(slot.__get__, value), put, holder=what))


#: For a tuple within a tuple: the outer one's place stands for both.
_NO_PLACE = Place(lambda: None, lambda value: None)
_HEAP_TYPE = 1 << 9
_STANDARD_MODULES = frozenset(
    {"abc", "attr", "collections", "dataclasses", "enum", "functools", "typing"}
)

_HANDLERS: dict[type, Callable[[_Walk, Any], None]] = {
    list: _Walk._list,
    collections.deque: _Walk._list,
    dict: lambda walk, held: walk._items(held, f"a {type(held).__name__}"),
    types.MappingProxyType: lambda walk, held: walk.look(gc.get_referents(held), "a mapping"),
    set: _Walk._set,
    frozenset: _Walk._set,
    partial: _Walk._partial,
    types.MethodType: _Walk._method,
    types.BuiltinFunctionType: _Walk._method,
    types.MethodWrapperType: _Walk._method,
    staticmethod: _Walk._wrapper,
    classmethod: _Walk._wrapper,
    property: _Walk._wrapper,
    types.ModuleType: lambda walk, held: None,
    types.CellType: lambda walk, held: None,
}


def _item(held: Any, key: Any, holder: str, names: list[tuple[str, Wording]]) -> Place:
    base: Any = next(b for b in (dict, list, collections.deque) if isinstance(held, b))
    return Place(
        partial(base.__getitem__, held, key), partial(base.__setitem__, held, key), names, holder
    )


def _first(value: tuple[Any, ...]) -> Ref:
    """Return the first reference in a tuple that holds one."""
    for part in value:
        if type(part) is Ref:
            return part
        if stands_for(part):
            return _first(part)
    raise AssertionError("no reference in it")  # pragma: no cover


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "modelcheck"


def _is_library(file: str, names: dict[str, Any]) -> bool:
    """Tell whether code is modelcheck's own, or of a library: its global names hold no state."""
    if context.is_ours(file) or file.startswith("<frozen"):
        return True
    if "-packages" in file:  # models may be installed as well
        return not any(_of_modelcheck(value) for value in list(names.values()))
    return file.startswith(_STANDARD)


def _of_modelcheck(value: Any) -> bool:
    module = value.__name__ if isinstance(value, types.ModuleType) else type(value).__module__
    if isinstance(value, (type, types.FunctionType)):
        module = value.__module__
    return str(module).partition(".")[0] == "modelcheck"


def _file_of(module: types.ModuleType) -> str:
    return getattr(module, "__file__", None) or "<frozen"
