"""The native engine in small: it does with a few states what it does with millions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from modelcheck.explore import native


@contextmanager
def in_small(word: int = 64, mended: bool | None = None, few: int = 0) -> Iterator[None]:
    """While inside, two workers share any level of two states, if the engine is there at all.

    Parameters
    ----------
    word : int
        Bits of a word: with few, states of a few values have several words.
    mended : bool, optional
        Whether reduced runs look at their choices again, and are mended, from the first states on;
        or never, in `few` states. None leaves that as it is.
    """
    if not native.available():
        yield
        return
    from modelcheck.explore.native import engine, layout, reduced

    bounds: list[tuple[Any, str, int]] = [(engine, "WIDE", 2), (reduced, "WIDE", 2)]
    bounds.append((layout, "WORD", word))
    if mended is not None:
        bounds.append((reduced, "MEND_FROM", 0 if mended else few))
        bounds.append((reduced, "FIRST_LOOK", 4 if mended else few))
    with ExitStack() as stack:
        for module, name, value in bounds:
            stack.enter_context(mock.patch.object(module, name, value))
        yield
