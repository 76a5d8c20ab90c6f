"""Toggles: the parts of a model that may be there or not, for `modelcheck.repair`.

``@model(toggles=...)`` names parameters with two values: a boolean one, or one with a value that
stands for the part left out and one that stands for it put in. Neighbours: `model` keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from modelcheck.errors import UsageError

#: What `toggles` may be: names of boolean parameters, or names with the values (without, with).
Toggles = Iterable[str] | Mapping[str, tuple[Any, Any]]


@frozen
class Toggle:
    """A part that may be left out: the parameter, and its value without the part and with it."""

    name: str
    without: Any = False
    present: Any = True

    def value(self, present: bool) -> Any:
        """Return the parameter's value with the part, or without it."""
        return self.present if present else self.without


def toggles_of(given: Toggles, parameters: Mapping[str, Any], model: str) -> tuple[Toggle, ...]:
    """Return the toggles that were declared, in their order.

    Raises
    ------
    UsageError
        Where a name is no parameter, has no two values, or is not boolean and has none declared.

    Examples
    --------
    >>> toggles_of({"clear": ("WRITE_ONCE", "xchg")}, {"clear": "xchg"}, "split")
    (Toggle(name='clear', without='WRITE_ONCE', present='xchg'),)
    """
    if isinstance(given, str):
        raise UsageError(
            f"the toggles of model {model} are {given!r}: give a list of names, [{given!r}]"
        )
    pairs = given if isinstance(given, Mapping) else dict.fromkeys(given, (False, True))
    for name, values in pairs.items():
        if name not in parameters:
            known = ", ".join(parameters) or "none"
            raise UsageError(f"model {model} has no parameter {name!r} to toggle; it has {known}")
        _look_at(name, values, parameters[name], model)
    return tuple(Toggle(name, *values) for name, values in pairs.items())


def _look_at(name: str, values: Any, default: Any, model: str) -> None:
    """Raise `UsageError` where a toggle's values are no pair, or not those of its parameter."""
    pair = isinstance(values, tuple | list) and len(values) == 2 and values[0] != values[1]
    if not pair:
        raise UsageError(
            f"the toggle {name!r} of model {model} has the values {values!r}: give two different "
            "ones, first the one without the part"
        )
    if all(isinstance(value, bool) for value in values) and not isinstance(default, bool):
        raise UsageError(
            f"the parameter {name!r} of model {model} is {default!r}, and a toggle is a bool: give "
            f"its two values, toggles={{{name!r}: (without, with)}}"
        )


__all__ = ["Toggle", "Toggles", "toggles_of"]
