"""Which values may stand in a shared location: those that nobody can change.

What tells such a value from others is its key: `modelcheck.tables.values`.
"""

from __future__ import annotations

import enum
import types
from typing import Any

from modelcheck.tables.values import by_value, told_by_identity

__all__ = ["is_immutable"]


def is_immutable(value: object) -> bool:
    """Return whether a value is deeply immutable and hashable: fit for a shared location.

    Guarantees: True is said of plain values, of what is built from them by tuples, frozen sets and
    frozen classes, of functions that capture only such, of classes, and of what defines
    `__modelcheck_key__`. A class that defines both `__eq__` and `__hash__` is taken at its word.

    Examples
    --------
    >>> is_immutable((1, "a", frozenset({2.5}))), is_immutable(([],)), is_immutable({})
    (True, False, False)
    """
    return type(value) in _PLAIN or _immutable(value, set())


#: Types whose values are immutable whatever they are.
_PLAIN = frozenset((int, str, bool, float, bytes, types.NoneType, range))


def _immutable(value: Any, path: set[int]) -> bool:
    cls = type(value)
    if cls in _PLAIN:
        return True
    if isinstance(value, (enum.Enum, type)) or hasattr(cls, "__modelcheck_key__"):
        return True
    if told_by_identity(cls):
        return cls is not types.ModuleType
    if id(value) in path:  # on a cycle, such as a function that calls itself: no news
        return True
    parts = _immutable_parts(value, cls)
    if parts is None:
        return False
    path.add(id(value))
    try:
        return all(_immutable(part, path) for part in parts)
    finally:
        path.discard(id(value))


def _immutable_parts(value: Any, cls: type) -> list[Any] | None:
    """Return what must be immutable for `value` to be, or None where nothing could help."""
    if isinstance(value, (tuple, frozenset)):
        return [*value, *getattr(value, "__dict__", {}).values()]
    if cls is types.FunctionType:
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_full(cell)]
        kwdefaults = (value.__kwdefaults__ or {}).values()
        return [*(value.__defaults__ or ()), *kwdefaults, *cells, *vars(value).values()]
    if cls is types.MethodType:
        return [value.__func__, value.__self__]
    if cls in (types.BuiltinFunctionType, types.MethodWrapperType):
        return [] if isinstance(value.__self__, types.ModuleType) else [value.__self__]
    fields = getattr(cls, "__attrs_attrs__", None) or getattr(cls, "__dataclass_fields__", None)
    if fields is not None:
        if not _is_frozen(cls) or not by_value(cls):  # told apart by identity, keyed by fields: no
            return None
        names = [getattr(field, "name", field) for field in fields]
        return [getattr(value, name) for name in names if hasattr(value, name)]
    if not by_value(cls):
        return None
    try:
        hash(value)
    except TypeError:
        return None
    return []


def _is_frozen(cls: type) -> bool:
    params = getattr(cls, "__dataclass_params__", None)
    return params.frozen if params else cls.__setattr__.__name__ == "_frozen_setattrs"


def _is_full(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is cell.cell_contents
    except ValueError:
        return False
