"""Shared state: `@state` classes, arrays of cells, and references to single locations.

A state is a tree. Its leaves are locations (`Ref`), each of which becomes one slot; inner nodes are
parts (instances of `@state` classes) and `Cells`. Names are the path from the root: ``mm.lock.owner``,
``level[2]``. In process code a leaf's name is a reference; while a step is evaluated it is the plain
value (`modelcheck.language.context`).
"""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar, dataclass_transform, get_origin

import attrs

from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.source import shown, text_of
from modelcheck.tables.values import is_immutable

T = TypeVar("T")


def model_error(what: str, remedy: str) -> ModelError:
    """Return a `ModelError` that names the user's line that is running now."""
    file, line = context.user_line()
    return context.note(ModelError(what, remedy, file=file or None, line=line or None))


class NoSuchField(ModelError, AttributeError):
    """A name that a `@state` class does not have: almost always a typing mistake."""


class Location:
    """A node of the state tree: a `Ref`, `Cells`, a channel; parts behave alike without the base."""

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

    ``yield x`` loads it. Its methods make steps; the ones that read and write return the *old* value.
    In guards, `atomic` functions and properties it behaves as its value; where Python cannot tell the
    difference (``is``, ``match``), say ``x.value``.
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
        return self.name

    def __modelcheck_key__(self) -> Hashable:
        return ("ref", self.slot, self.name)

    def __deepcopy__(self, memo: Any) -> Ref:
        return self

    def __hash__(self) -> int:
        return object.__hash__(self) if context.active() is None else hash(self.plain("hash()"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if context.active() is not None:
            return getattr(self.plain(f"`.{name}`"), name)
        file, line = context.user_line()
        raise NoSuchField(
            f"`.{name}` was asked of {self.name}, which is a reference here, not a value",
            f"In process code, load it first: `v = yield {self.name}`, then use v.{name}.",
            file=file or None,
            line=line or None,
        )

    def __format__(self, spec: str) -> str:
        return str(self) if context.active() is None else format(self.plain("format()"), spec)

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
                "plain values only inside until(...), atomic(...) and properties.",
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
        """Return the step that stores ``function(value)`` in one go; its result is the old value."""
        _steps().need_callable(function, f"{self.name}.update(...)", "x.update(lambda v: v + 1)", 1)
        return _steps().Update(self, function, (), f"{self.name}.update({text_of(function)})")


def _second(old: Any, new: Any) -> Any:
    return new


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
    "__str__": str,
}.items():  # fmt: skip

    def _convert(self: Ref, _said: str = use_of(_name), _builtin: Any = _builtin) -> Any:
        return _builtin(self.plain(_said))

    setattr(Ref, _name, _convert)


def _ref_str(self: Ref) -> str:
    """In a step the value's text; elsewhere (labels, messages) the location's name."""
    return self.name if context.active() is None else str(self.plain("`str`"))


Ref.__str__ = _ref_str  # type: ignore[method-assign] # set with its siblings above, then refined


class Cells(Location):
    """An array (or a map with fixed keys) whose cells are separate locations.

    In process code ``level[i]`` is a reference; in steps and properties it is a plain value, and the
    whole behaves as a sequence (a mapping has `keys`, `values` and `items`).
    """

    def __init__(self, children: dict[Any, Any], keyed: bool):
        self._children = children
        self._keyed = keyed
        self.name = "?"

    def fresh(self) -> Cells:
        return Cells({k: fresh(c) for k, c in self._children.items()}, self._keyed)

    def bind(self, name: str, binder: Binder) -> None:
        self.name = name
        for key, child in self._children.items():
            bind(child, f"{name}[{key if isinstance(key, int) else _key_text(key)}]", binder)

    def __modelcheck_key__(self) -> Hashable:
        return ("cells", self.name)

    def __deepcopy__(self, memo: Any) -> Cells:
        return self

    def __len__(self) -> int:
        return len(self._children)

    def _child(self, key: Any) -> Any:
        if isinstance(key, Ref):
            key = key.plain("indexing")
        if not self._keyed:
            if isinstance(key, slice):
                return [self[i] for i in range(*key.indices(len(self)))]
            index = operator.index(key)
            if not -len(self) <= index < len(self):
                raise IndexError(f"{self.name}[{index}]: it has {len(self)} cells")
            key = index % len(self)
        elif key not in self._children:
            raise KeyError(f"{self.name}[{key!r}]: its keys are {', '.join(map(repr, self._children))}")
        return self._children[key]

    def __getitem__(self, key: Any) -> Any:
        child = self._child(key)
        return _plain(child)

    def __setitem__(self, key: Any, value: Any) -> None:
        _assign(self._child(key), f"{self.name}[{key!r}]", value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._children) if self._keyed else (_plain(c) for c in self._children.values())

    def __contains__(self, item: Any) -> bool:
        return item in self._children if self._keyed else item in list(self)

    def keys(self) -> Iterable[Any]:
        """Return the fixed keys (the indices of an array)."""
        return self._children.keys()

    def values(self) -> list[Any]:
        """Return all cells, in order: references or plain values."""
        return [_plain(child) for child in self._children.values()]

    def items(self) -> list[tuple[Any, Any]]:
        """Return all keys with their cells, in order."""
        return [(key, _plain(child)) for key, child in self._children.items()]

    def count(self, value: Any) -> int:
        """Return how many cells hold `value` (in a step or property)."""
        return self.values().count(value)

    def index(self, value: Any) -> int:
        """Return the first index whose cell holds `value` (in a step or property)."""
        return self.values().index(value)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if context.active() is None:
            return whole_compared(self.name)
        if self._keyed:
            theirs = dict(other.items()) if isinstance(other, (Cells, Mapping)) else other
            return dict(self.items()) == theirs
        return isinstance(other, (Cells, list, tuple)) and list(self) == list(other)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        if context.active() is None:
            return self.name
        return repr(dict(self.items()) if self._keyed else self.values())


def _key_text(key: Any) -> str:
    return getattr(key, "name", None) or repr(key)


def whole_compared(name: str) -> bool:
    """Return `NotImplemented`; or, in process code, raise `ModelError`: it cannot see a whole."""
    if context.running() is None:
        return NotImplemented  # type: ignore[no-any-return] # as `__eq__` may, which returns this
    raise model_error(
        f"`==` was applied to {name}, which is a part of the state here, not a value",
        f"A step over several locations is atomic(f): `v = yield atomic(lambda: {name} == ...)`.",
    )


def cells(shape: int | Iterable[Any] | Mapping[Any, Any], initial: Any = 0) -> Any:
    """Return an array whose cells are separate locations.

    Parameters
    ----------
    shape : int, iterable or mapping
        How many cells; or the initial value of each; or the fixed keys with the initial value of each.
    initial : value, part or cells
        What each cell holds at first, where `shape` is a number. A `@state` class or instance gives
        each cell a part of its own.

    Examples
    --------
    >>> len(cells(3)), len(cells([True, False])), list(cells({"a": 0, "b": 0}).keys())
    (3, 2, ['a', 'b'])
    """
    if isinstance(shape, bool) or (isinstance(shape, int) and shape < 0):
        raise model_error(f"cells({shape!r}) has no size", "Give the number of cells, 0 or more.")
    if isinstance(shape, int):
        return Cells({i: child_of(initial, "a cell") for i in range(shape)}, keyed=False)
    if isinstance(shape, Mapping):
        return Cells({k: child_of(v, f"the cell {k!r}") for k, v in shape.items()}, keyed=True)
    if not isinstance(shape, Iterable):
        raise model_error(f"cells({shape!r}) has no size", "Give a whole number, or the values.")
    return Cells({i: child_of(v, f"cell {i}") for i, v in enumerate(shape)}, keyed=False)


def is_part(thing: Any) -> bool:
    """Tell whether `thing` is an instance of a `@state` class."""
    return hasattr(type(thing), "__modelcheck_fields__")


def children_of(part: Any) -> dict[str, Any]:
    """Return the nodes below a part, by field."""
    children: dict[str, Any] = part.__dict__.get("_children", {})
    return children


def is_location(thing: Any) -> bool:
    """Tell whether `thing` is a node of a state tree."""
    return isinstance(thing, Location) or is_part(thing)


def fresh(node: Any) -> Any:
    """Return a copy of a state tree that belongs to nobody yet."""
    if isinstance(node, Location):
        return node.fresh()
    copy = object.__new__(type(node))
    copy.__dict__["_children"] = {n: fresh(c) for n, c in children_of(node).items()}
    copy.__dict__["_name"] = "?"
    return copy


def bind(node: Any, name: str, binder: Binder) -> None:
    """Name a tree and number its leaves, in the order of declaration."""
    if isinstance(node, Location):
        node.bind(name, binder)
        return
    node.__dict__["_name"] = name
    for field_name, child in children_of(node).items():
        bind(child, f"{name}.{field_name}" if name else field_name, binder)


def child_of(value: Any, what: str) -> Any:
    """Return the tree node for an initial value: a leaf, or a part, array or channel of its own."""
    if isinstance(value, type) and hasattr(value, "__modelcheck_fields__"):
        return value()
    if isinstance(value, Ref):
        raise model_error(f"{what} was given the reference {value}", "Give it a plain value.")
    if is_location(value):
        return fresh(value)
    return Ref(check_value(value, what))


def _plain(child: Any) -> Any:
    """Return what a name stands for: the value where names are values, else the node itself."""
    if type(child) is Ref:
        evaluation = context.active()
        if evaluation is not None:
            return evaluation.load(child)
    return child


def _assign(child: Any, name: str, value: Any) -> None:
    if not isinstance(child, Ref):
        raise model_error(
            f"{name} is a {type(child).__name__}, a part of the state that stays where it is",
            "Assign to its fields or cells one by one.",
        )
    evaluation = context.active()
    if evaluation is not None:
        plain = evaluation.load(value) if type(value) is Ref else value
        evaluation.store(child, check_value(plain, name))
    elif context.running() is not None:
        raise model_error(
            f"{name} was assigned to in process code, where it is a reference",
            f"Write `yield {name}.set({shown(value)})`: a store is a step. (Inside atomic(f), "
            "plain assignment is right.)",
        )
    else:
        child.initial = check_value(value, name)


class _Field:
    """The descriptor that stands for one field of a `@state` class."""

    def __init__(self, name: str):
        self.name = name

    def __get__(self, part: Any, owner: Any = None) -> Any:
        if part is None:
            return self
        try:
            child = part.__dict__["_children"][self.name]
        except KeyError:
            raise AttributeError(self.name) from None
        return _plain(child)

    def __set__(self, part: Any, value: Any) -> None:
        children = part.__dict__.setdefault("_children", {})
        if self.name in children:
            _assign(children[self.name], f"{_name_of(part)}.{self.name}", value)
        elif is_location(value) and not isinstance(value, Ref):
            children[self.name] = value  # one part may be known by two names, as by two pointers
        else:
            children[self.name] = child_of(value, f"{type(part).__name__}.{self.name}")


def _name_of(part: Any) -> str:
    name: str = part.__dict__.get("_name", "?")
    return type(part).__name__.lower() if name in ("", "?") else name


def _default(owner: str, name: str, value: Any) -> Any:
    """Return the attrs field for a default as written in a `@state` class."""
    if isinstance(value, (attrs.Factory, attrs.Attribute)) or type(value).__name__ == "_CountingAttr":  # type: ignore[arg-type] # Factory is a class at run time
        return value
    if is_location(value):
        return attrs.field(factory=lambda: fresh(value))
    if isinstance(value, type) and hasattr(value, "__modelcheck_fields__"):
        return attrs.field(factory=value)
    check_value(value, f"{owner}.{name}")
    return attrs.field(default=value)


def _annotations(cls: type) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(cls)


def _fields(cls: type) -> dict[str, Any]:
    """Return the attrs fields of a class body: everything annotated, and arrays, parts, channels."""
    found: dict[str, Any] = {}
    for name, annotation in _annotations(cls).items():
        if get_origin(annotation) is ClassVar or str(annotation).startswith(("ClassVar", "typing.Cl")):
            continue
        written = cls.__dict__.get(name, attrs.NOTHING)
        found[name] = (
            attrs.field() if written is attrs.NOTHING else _default(cls.__name__, name, written)
        )
    for name, written in list(cls.__dict__.items()):
        if name not in found and is_location(written):
            found[name] = _default(cls.__name__, name, written)
    for name in found:
        if name in cls.__dict__:
            delattr(cls, name)
    return found


def _setattr(self: Any, name: str, value: Any) -> None:
    if name not in type(self).__modelcheck_fields__:
        raise _no_such_field(self, name)
    object.__setattr__(self, name, value)


def _no_such_field(part: Any, name: str) -> NoSuchField:
    file, line = context.user_line()
    return NoSuchField(
        f"{type(part).__name__} has no field {name!r}",
        f"Its fields are {', '.join(type(part).__modelcheck_fields__) or 'none'}.",
        file=file or None,
        line=line or None,
    )


def _getattr(self: Any, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    helper = inspect.getattr_static(type(self), name, None)
    if isinstance(helper, property):  # it was found, and asked for what is not there
        return helper.__get__(self)
    raise _no_such_field(self, name)


def _repr(self: Any) -> str:
    name = _name_of(self)
    if context.active() is None:
        return name
    shown = ", ".join(f"{n}={getattr(self, n)!r}" for n in type(self).__modelcheck_fields__)
    return f"{type(self).__name__}({shown})"


@dataclass_transform(kw_only_default=False, field_specifiers=(attrs.field,))
def state(cls: type[T]) -> type[T]:
    """Make a class a part of shared state; its fields are locations.

    Every annotated name is a field, and so is any name whose default is an array, a part or a channel.
    A default may be any immutable value, ``cells(...)``, an instance of another `@state` class, or a
    ``Channel``; each instance gets arrays and parts of its own. Methods are welcome: subroutines of
    processes (generators), and helpers for properties.

    Raises
    ------
    ModelError
        Where a default is a value that no location can hold.

    Examples
    --------
    >>> @state
    ... class Lock:
    ...     locked: bool = False
    ...     waiters = cells(2, 0)
    >>> lock = Lock(locked=True)
    >>> lock.locked.initial, len(lock.waiters)
    (True, 2)
    """
    fields = _fields(cls)
    try:
        made = attrs.define(cls, these=fields, slots=False, eq=False, repr=False, on_setattr=[])
    except ValueError as error:
        raise model_error(f"@state class {cls.__name__}: {error}", "Mend the field.") from None
    names = tuple(a.name for a in attrs.fields(made))
    made.__modelcheck_fields__ = names  # type: ignore[attr-defined] # set on a class of the user's
    for name in names:
        setattr(made, name, _Field(name))
    for method in (_setattr, _getattr, _repr):
        setattr(made, f"_{method.__name__}__", method)
    made.__modelcheck_key__ = lambda self: ("part", type(self).__name__, self.__dict__["_name"])  # type: ignore[attr-defined] # likewise
    made.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined] # likewise
    return made
