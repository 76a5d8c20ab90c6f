"""The state and the collector that the tests of mistakes share."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import pytest
from language.small import marked, run

from modelcheck import Channel, ModelError, cells, state


class Color(enum.Enum):
    """Two of them."""

    RED = 1
    BLUE = 2


@state
class Lock:
    """A part."""

    owner: object = None


@state
class Shared:
    """Something of everything."""

    x: int = 0
    y: int = 0
    color: Color = Color.RED
    a = cells(2, 0)
    lock = Lock()
    ch = Channel(1)


def collector(found: list[Any]) -> Callable[..., Any]:
    """Return a decorator that collects processes, with words of the error that each must cause."""

    def mistake(*words: str) -> Callable[..., Any]:
        def collect(function: Any) -> Any:
            found.append(pytest.param(function, words, id=function.__name__))
            return function

        return collect

    return mistake


def assert_told(function: Callable[..., Any], words: tuple[str, ...]) -> None:
    """Assert that the error names the line marked `here`, says the words, and has a remedy."""
    with pytest.raises(ModelError) as caught:
        run(Shared(), function, max_values=300)
    error = caught.value
    assert [w for w in words if w not in str(error)] == [], str(error)
    assert error.remedy
    where = function.__code__.co_filename, marked(function)
    assert (error.file, error.line) == where
