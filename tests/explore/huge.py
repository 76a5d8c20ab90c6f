"""Models that fit no memory, or outgrow what they began with."""

from modelcheck import System, cells, choose, model, process, state


@state
class Counters:
    c: object


@process
def counter(s, i, n):
    while True:
        yield s.c[i].update(lambda v: (v + 1) % n)


@model
def huge(n: int = 30, many: int = 9):
    """Counters that go round: n to the power of `many` states, one wide level after the other."""
    s = Counters(c=cells(many, 0))
    return System(s, [counter(s, i, n) for i in range(many)])


@model
def wide(n: int = 30, many: int = 9):
    """The same, of several words each."""
    s = Counters(c=cells(80, 0))
    return System(s, [counter(s, i, n) for i in range(many)])


@state
class Numbers:
    x: int = 0
    y: int = 0


@process
def climber(s, name, most):
    seen = 0
    while seen < most:
        yield (
            s.x.update(lambda x: min(x + 1, most))
            if name
            else s.y.update(lambda y: min(y + 1, most))
        )
        seen += 1


@process
def chooser(s, most):
    value = yield choose(range(most + 1))
    yield s.x.set(value)


@model
def jumping(most: int = 300):
    """All values at once: most + 1 of a location, and as many local states."""
    s = Numbers()
    return System(s, [chooser(s, most)])


@model
def growing(most: int = 300, many: int = 1):
    """A rectangle of (most + 1) squared states: ids of values and local states pass 8 bits."""
    s = Numbers()
    return System(s, [climber(s, 0, most), climber(s, 1, many)])
