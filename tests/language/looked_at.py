"""The state and the process that the tests of properties look at."""

from __future__ import annotations

import enum

from modelcheck import Channel, cells, choose, label, state


class Mode(enum.Enum):
    """Two of them."""

    OFF = 0
    ON = 1


@state
class Part:
    n: int = 0

    @property
    def positive(self):
        return self.n > 0


@state
class Shared:
    x: int = 0
    mode: Mode = Mode.OFF
    a = cells(2, 0)
    part = Part()
    ch = Channel(1)

    @property
    def total(self):
        return self.x + sum(self.a)

    def above(self, bound):
        return self.total > bound

    @property
    def broken(self):
        return self.cuont


def p(s):
    """Three steps, with a local variable that is dead after the second."""
    v = yield choose(1, 2)
    yield s.x.set(v)
    with label("region"):
        yield s.a[1].set(5)
