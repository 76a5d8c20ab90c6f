"""Small helpers for the tests of the language: run a few processes, find a marked line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from modelcheck import Process, Result, System, check, process


def run(shared: Any, *functions: Any, properties: Any = (), **options: Any) -> Result:
    """Return the result of checking processes: generator functions of the state, or instances."""
    processes = [f if isinstance(f, Process) else process(f)(shared) for f in functions]
    return check(System(shared, processes, properties), **options)


def count(result: Result) -> tuple[int, int]:
    """Return states and transitions of a result that must hold."""
    assert result.holds, result.violation
    return result.states, result.transitions


def message(result: Result) -> str:
    """Return what was violated, as kind and message."""
    assert result.violation is not None
    return f"{result.violation.kind.value}: {result.violation.message}"


def marked(function: Callable[..., Any], mark: str = "# here") -> int:
    """Return the one line of a function's source that ends in `mark`."""
    lines, first = inspect.getsourcelines(function)
    found = [first + i for i, line in enumerate(lines) if line.rstrip().endswith(mark)]
    assert len(found) == 1, found
    return found[0]
