"""Properties: plain Python functions over a snapshot of plain values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from attrs import frozen

from modelcheck.errors import ModelError
from modelcheck.language.refs import model_error

_GENERATOR_OR_ASYNC = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@frozen
class PropertyFunction:
    """A function of a snapshot, and the states for which it must hold.

    `kind` is ``"always"`` (every reachable state), ``"sometimes"`` (at least one) or ``"at_end"``
    (every state in which all has ended properly).
    """

    function: Callable[[Any], bool]
    kind: str

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    def __call__(self, snapshot: Any) -> bool:
        return self.function(snapshot)


def _make(kind: str, function: Any) -> PropertyFunction:
    code = getattr(function, "__code__", None)
    if function is None:
        raise model_error(
            f"@{kind}() was written with brackets, but takes no options",
            f"Write `@{kind}` above the function.",
        )
    if isinstance(function, PropertyFunction):
        function = function.function
    elif code is None:
        raise model_error(
            f"@{kind} was given {function!r}, which is not a function",
            "Decorate a function of one argument, the state: `def safe(s): return s.x == 0`.",
        )
    elif code.co_argcount != 1 or code.co_flags & _GENERATOR_OR_ASYNC:
        what = f"it takes {code.co_argcount} arguments"
        if code.co_flags & _GENERATOR_OR_ASYNC:
            what = "it is a generator, or async"
        raise ModelError(
            f"the property {function.__name__} is no function of one argument: {what}",
            "It gets a snapshot of the state and returns a bool: `def safe(s): return s.x == 0`.",
            file=code.co_filename,
            line=code.co_firstlineno,
        )
    return PropertyFunction(function, kind)


def always(function: Callable[[Any], bool] | None = None) -> PropertyFunction:
    """Make a function an invariant: it must be true in every reachable state.

    It gets a snapshot: shared state by its names, as plain values, and each process by its
    function's name: ``s.walker[0].at("critical")``, ``s.walker[0].local.pmd``.

    Examples
    --------
    >>> @always
    ... def never_negative(s):
    ...     return s.count >= 0
    >>> never_negative.kind
    'always'
    """
    return _make("always", function)


def sometimes(function: Callable[[Any], bool] | None = None) -> PropertyFunction:
    """Make a function a witness: some reachable state must make it true.

    A green run then also proves that the model moves. No witness is a violation (``unreachable``).
    """
    return _make("sometimes", function)


def at_end(function: Callable[[Any], bool] | None = None) -> PropertyFunction:
    """Make a function a final-state assertion: true wherever everything has ended properly.

    That is: nobody can step, and each process has finished, is a daemon, or is at a declared end.
    """
    return _make("at_end", function)
