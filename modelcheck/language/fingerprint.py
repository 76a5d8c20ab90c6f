"""What a model is made of, as digests: by which a checkpoint names the part that was changed.

The digest of a process or property is of its bytecode and of all that this can reach by name: the
functions, classes and constants of the model's own files and of others beside them. Comments and
line numbers do not count. What a digest misses (an attribute of an object, a file that is read) is
seen when what was learned is learned again (`modelcheck.tables.history`).
"""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from types import CellType, CodeType, FunctionType
from typing import Any

from modelcheck.language.context import is_ours
from modelcheck.language.model import System
from modelcheck.language.process import ProcessFunction
from modelcheck.language.properties import PropertyFunction
from modelcheck.tables.immutable import is_immutable
from modelcheck.tables.portable import text_of
from modelcheck.tables.values import Unfreezable, key_of

#: Code from there is not the user's.
_INSTALLED = tuple(
    path for name in ("stdlib", "platstdlib", "purelib") if (path := sysconfig.get_path(name))
)


def fingerprints(system: System) -> dict[str, str]:
    """Return a digest for each function of a process and for each property, by what it is called.

    Examples
    --------
    >>> from modelcheck import System, always, process
    >>> @process
    ... def idle(): yield from ()
    >>> list(fingerprints(System({}, [idle()])))
    ['code of the process idle']
    """
    found: dict[str, str] = {}
    for process in system.processes:
        parts = process.function, process.args, process.kwargs, process.guard
        name = f"code of the process {process.group}"
        found[name] = _digest(found.get(name, ""), *parts)
    for prop in system.properties:
        found[f"code of the property {prop.name}"] = _digest(prop.function)
    return found


def _digest(*things: Any) -> str:
    content = repr([*_texts(things)])
    return hashlib.blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _texts(things: tuple[Any, ...]) -> Iterator[str]:
    """Go over the texts of all that things reach by name, each once, in the order of the code."""
    todo, seen = [*reversed(things)], set[int]()
    while todo:
        thing = todo.pop()
        if isinstance(thing, (ProcessFunction, PropertyFunction)):
            thing = thing.function
        if isinstance(thing, (tuple, list)):
            todo.extend(reversed(thing))
        elif isinstance(thing, dict):
            todo.extend(part for pair in reversed(thing.items()) for part in reversed(pair))
        elif isinstance(thing, FunctionType):
            if id(thing) not in seen and not _is_foreign(thing.__code__.co_filename):
                seen.add(id(thing))
                yield text_of(thing.__code__)
                todo.extend(_reached(thing))
        elif isinstance(thing, type):
            if id(thing) not in seen:
                seen.add(id(thing))
                yield thing.__qualname__
                todo.extend(v for v in vars(thing).values() if isinstance(v, FunctionType))
        else:
            yield _plain_text(thing)


def _reached(function: FunctionType) -> list[Any]:
    """Return what a function can reach: its defaults, what it captures, its global names."""
    found: list[Any] = [function.__defaults__ or (), function.__kwdefaults__ or {}]
    for cell in function.__closure__ or ():
        found.append(_content(cell))
    for name in sorted(set(_names_in(function.__code__))):
        if name in function.__globals__:
            found.append(function.__globals__[name])
    return found


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names_in(inner)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _is_foreign(file: str) -> bool:
    return is_ours(file) or file.startswith((*_INSTALLED, "<"))


def _plain_text(thing: Any) -> str:
    """Return a constant as text; of what can change (the environment, a log) only its kind."""
    try:
        if is_immutable(thing) or hasattr(type(thing), "__modelcheck_key__"):
            return text_of(key_of(thing))
    except (Unfreezable, RecursionError):
        pass
    return type(thing).__qualname__


__all__ = ["fingerprints"]
