"""Shared state: `@state` classes.

A state is a tree. Its leaves are locations (`modelcheck.language.refs`), each of which becomes one
slot; inner nodes are parts (instances of `@state` classes) and `modelcheck.language.cells`. Names
are the path from the root: ``mm.lock.owner``, ``level[2]``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Hashable
from enum import Enum
from typing import Any, ClassVar, NoReturn, TypeVar, cast, dataclass_transform, get_origin

import attrs

from modelcheck.language import context
from modelcheck.language.cells import assign, child_of, fresh, is_location, no_deletion, plain_of
from modelcheck.language.refs import NoSuchField, Ref, check_value, model_error
from modelcheck.language.source import shown
from modelcheck.tables.values import Unfreezable

T = TypeVar("T")


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
        return plain_of(child)

    def __set__(self, part: Any, value: Any) -> None:
        children = part.__dict__.setdefault("_children", {})
        if self.name in children:
            assign(children[self.name], f"{_name_of(part)}.{self.name}", value)
        elif is_location(value) and not isinstance(value, Ref):
            children[self.name] = value  # one part may be known by two names, as by two pointers
        else:
            children[self.name] = child_of(value, f"{type(part).__name__}.{self.name}")

    def __delete__(self, part: Any) -> NoReturn:
        raise no_deletion(f"{_name_of(part)}.{self.name}")


def _name_of(part: Any) -> str:
    name: str = part.__dict__.get("_name", "?")
    return type(part).__name__.lower() if name in ("", "?") else name


def _default(owner: str, name: str, value: Any) -> Any:
    """Return the attrs field for a default as written in a `@state` class."""
    factory: Any = attrs.Factory  # a class, but typed as the function that it looks like
    if isinstance(value, (factory, attrs.Attribute)) or type(value).__name__ == "_CountingAttr":
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


def _looks_like_a_field(name: str, written: Any) -> bool:
    """Tell whether a name in a class body is a plain value that was meant to be a location."""
    plain = isinstance(written, (bool, int, str, float, tuple, frozenset, Enum))
    return plain and not name.startswith("_") and not name.isupper()


def _fields(cls: type) -> dict[str, Any]:
    """Return the attrs fields of a class body: all that is annotated; arrays, parts, channels."""
    found: dict[str, Any] = {}
    annotated = _annotations(cls)
    for name, annotation in annotated.items():
        text = str(annotation)
        if get_origin(annotation) is ClassVar or text.startswith(("ClassVar", "typing.Cl")):
            continue
        written = cls.__dict__.get(name, attrs.NOTHING)
        found[name] = (
            attrs.field() if written is attrs.NOTHING else _default(cls.__name__, name, written)
        )
    for name, written in list(cls.__dict__.items()):
        if name not in found and is_location(written):
            found[name] = _default(cls.__name__, name, written)
        elif name not in annotated and _looks_like_a_field(name, written):
            value, kind = shown(written), type(written).__name__
            raise model_error(
                f"{name} = {value} in the @state class {cls.__name__} has no annotation: it is a "
                "constant, not a location",
                f"For a location write `{name}: {kind} = {value}`; a constant is in capitals.",
            )
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


def _key(self: Any) -> Hashable:
    name = self.__dict__.get("_name", "?")
    if name == "?":
        raise Unfreezable(self, "it is not part of the model's state, which System(...) was given")
    return ("part", type(self).__name__, name)


def _repr(self: Any) -> str:
    name = _name_of(self)
    if context.active() is None:
        return name
    shown = ", ".join(f"{n}={getattr(self, n)!r}" for n in type(self).__modelcheck_fields__)
    return f"{type(self).__name__}({shown})"


@dataclass_transform(kw_only_default=False, field_specifiers=(attrs.field,))
def state(cls: type[T], /) -> type[T]:
    """Make a class a part of shared state; its fields are locations.

    Every annotated name is a field, and so is any name whose default is an array, a part or a
    channel. A default may be any immutable value, ``cells(...)``, an instance of another `@state`
    class, or a ``Channel``; each instance gets arrays and parts of its own. Methods are welcome:
    subroutines of processes (generators), and helpers for properties.

    Raises
    ------
    ModelError
        Where a default is a value that no location can hold.

    Examples
    --------
    >>> from modelcheck import cells
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
        made: Any = attrs.define(
            cls, these=fields, slots=False, eq=False, repr=False, on_setattr=[]
        )
    except ValueError as error:
        raise model_error(f"@state class {cls.__name__}: {error}", "Mend the field.") from None
    names = tuple(a.name for a in attrs.fields(made))
    made.__modelcheck_fields__ = names
    for name in names:
        setattr(made, name, _Field(name))
    for method in (_setattr, _getattr, _repr):
        setattr(made, f"_{method.__name__}__", method)
    made.__modelcheck_key__ = _key
    made.__deepcopy__ = lambda self, memo: self
    return cast("type[T]", made)
