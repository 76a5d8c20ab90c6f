"""Make a program that shows a mismatch smaller, one statement at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from oracle import programs as P

KEPT_WHOLE = (P.Scalar, P.Array, P.Part, P.Chan)


def smaller(node: Any) -> Iterator[Any]:
    """Variants of a program, or of a part of one, with a little less in it."""
    for one in fields(node):
        value = getattr(node, one.name)
        if isinstance(value, tuple):
            for part in _shorter(value):
                yield replace(node, **{one.name: part})
        elif is_dataclass(value):
            for part in smaller(value):
                yield replace(node, **{one.name: part})


def _shorter(items: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if not all(is_dataclass(i) or isinstance(i, tuple) for i in items):
        return
    for i, item in enumerate(items):
        before, after = items[:i], items[i + 1 :]
        yield (*before, *after)
        if is_dataclass(item) and not isinstance(item, KEPT_WHOLE):
            for inner in ("body", "then", "other", "last"):
                body = getattr(item, inner, ())
                if body and all(map(is_dataclass, body)):
                    yield (*before, *body, *after)
            for part in smaller(item):
                yield (*before, part, *after)


def shrink(program: P.Program, wrong: Callable[[P.Program], bool], tries: int = 3_000) -> P.Program:
    """The smallest variant found for which `wrong` still says yes."""
    going = True
    while going and tries > 0:
        going = False
        for variant in smaller(program):
            tries -= 1
            if tries <= 0:
                break
            if wrong(variant):
                program, going = variant, True
                break
    return program
