"""Python objects outside the model that its code can see: they must not change during a search.

A global list that one process appends to and another reads is state that no table knows. A single
process that depends on what it changed itself is found when it is replayed; two processes that
share an object by a global name need this: whatever a function's global names stand for is looked
at when the function is first met, and again when the search has ended.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from attrs import define, field

from modelcheck.errors import ModelError
from modelcheck.language.context import is_ours
from modelcheck.tables.values import Unfreezable, key_of

#: Kinds of objects that are not looked into: they hold code, or cannot change.
_CODE = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    property,
)


@define
class Outside:
    """The objects seen by name, with what they were when first seen."""

    seen: dict[tuple[int, str], tuple[dict[str, Any], Hashable, types.CodeType]] = field(
        factory=dict
    )
    codes: dict[int, types.CodeType] = field(factory=dict)

    def watch(self, code: types.CodeType, names: dict[str, Any]) -> None:
        """Remember what the global names of `code` stand for. Cost: once for each function."""
        if id(code) in self.codes or is_ours(code.co_filename):
            return
        self.codes[id(code)] = code
        for name in _names_in(code):
            mark = (id(names), name)
            if mark not in self.seen and name in names:
                key = _look(names[name])
                if key is not None:
                    self.seen[mark] = (names, key, code)
            value = names.get(name)
            if isinstance(value, types.FunctionType):
                self.watch(value.__code__, value.__globals__)

    def watch_function(self, function: Callable[..., Any]) -> None:
        """Remember what a function's global names stand for."""
        if isinstance(function, types.FunctionType):
            self.watch(function.__code__, function.__globals__)

    def check(self) -> None:
        """Raise `ModelError` where something is not what it was."""
        for (_, name), (names, key, code) in self.seen.items():
            if _look(names.get(name)) != key:
                raise ModelError(
                    f"the global {name!r} changed during the search",
                    f"{code.co_name} can see it, but it is no part of the model's state: "
                    "interleavings share it. Put it into a @state class, or do not change it.",
                    file=code.co_filename,
                    line=code.co_firstlineno,
                )


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names_in(inner)


def _look(value: Any) -> Hashable | None:
    """Return a key of what an object holds now; None for what is not looked into."""
    if isinstance(value, _CODE) or value is None:
        return None
    if hasattr(type(value), "__modelcheck_key__"):
        return None  # a part of the state, a reference: constant by construction
    try:
        if isinstance(value, type):
            if value.__module__ in ("builtins", "typing") or hasattr(
                value, "__modelcheck_fields__"
            ):
                return None
            plain = {
                k: v
                for k, v in vars(value).items()
                if not k.startswith("__") and not callable(v) and not hasattr(v, "__get__")
            }
            return key_of(plain)
        return key_of(value)
    except (Unfreezable, RecursionError, TypeError):
        return None
