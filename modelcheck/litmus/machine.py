"""One thread at work: registers whose values know the reads they came from, and the events so far.

Python generators or interpreters cannot be copied in the middle, so a thread is run again from its
start for each series of choices: which value a read returns (any of the location's domain), and
where the semantics leaves a choice (a try-lock that fails). In *free* mode conditions are choices
as well: that is how the values that a location can have at all are found, including those of
executions whose values depend on themselves through control flow alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelcheck.axiomatic.execution import Event, Trace, Value
from modelcheck.axiomatic.values import Domain


class Datum(NamedTuple):
    """A value and where it came from; sets are masks of the thread's events."""

    value: Value
    deps: int = 0  # reads that it was computed from
    cdeps: int = 0  # reads that decided which value a register got
    fed: int = 0  # events of the current statement that it comes after


ZERO = Datum(0)


class Fault(Exception):
    """What the thread does now has no meaning, as a load from the address 1."""


class Cut(Exception):
    """A loop went round as often as the bound allows."""


class Dead(Exception):
    """The run cannot be: a choice that was made before turned out wrong."""


class Machine:
    """One run of one thread, following `path`: a list of [choice, number of choices]."""

    __slots__ = (
        "branched", "choice", "ctrl", "domain", "events", "free", "line", "path", "proc", "regs",
        "statement", "written",
    )  # fmt: skip

    def __init__(self, proc: int, domain: Domain, path: list[list[int]], free: bool):
        self.proc, self.domain, self.path, self.free = proc, domain, path, free
        self.choice = 0
        self.events: list[Event] = []
        self.regs: dict[str, Datum] = {}
        self.ctrl = self.statement = self.line = 0
        self.branched = False
        self.written: dict[str, list[Value]] = {}

    def choose(self, options: int) -> int:
        """Return the number of the option to take in this run."""
        if self.choice == len(self.path):
            self.path.append([0, options])
        taken = self.path[self.choice][0]
        self.choice += 1
        return taken

    def decide(self, condition: Datum) -> bool:
        """Return whether the condition is true; either, in free mode."""
        if self.free:
            self.branched = True
            return self.choose(2) == 0
        return condition.value != 0

    def require(self, condition: bool) -> None:
        """End this run if the condition is false, except in free mode."""
        if self.free:
            self.branched = True
        elif not condition:
            raise Dead

    def emit(self, event: Event) -> int:
        """Add an event and return the set that holds only it."""
        event.proc, event.line, event.statement = self.proc, self.line, self.statement
        event.ctrl |= self.ctrl
        self.events.append(event)
        return 1 << len(self.events) - 1

    def fence(self, *tags: str) -> None:
        """Add a fence."""
        self.emit(Event("F", tags=frozenset(tags)))

    def read(self, address: Datum, tags: frozenset[str], fed: int = 0) -> Datum:
        """Add a read and return one of the values that its location can have."""
        loc = location(address)
        values = self.domain.values(loc, self.written.get(loc, ()))
        value = values[self.choose(len(values))] if len(values) > 1 else values[0]
        fed |= address.fed
        bit = self.emit(Event("R", loc, value, tags, fed_by=fed, addr=address.deps))
        return Datum(value, bit, 0, fed | bit)

    def write(
        self, address: Datum, datum: Datum, tags: frozenset[str], rmw: int | None = None
    ) -> int:
        """Add a write and return the set of it; `rmw` is the number of its read, if it has one."""
        fed = address.fed | datum.fed
        if rmw is not None:
            fed |= 1 << rmw
        loc = location(address)
        event = Event("W", loc, datum.value, tags, rmw=rmw, fed_by=fed)
        self.written.setdefault(loc, []).append(datum.value)
        event.addr, event.data = address.deps, datum.deps
        return self.emit(event)


def location(address: Datum) -> str:
    """Return the location that an address names, or raise `Fault`."""
    if isinstance(address.value, str):
        return address.value
    raise Fault(f"{address.value} is used as an address")


def run_all(
    execute: Callable[[Machine], None], proc: int, domain: Domain, free: bool
) -> Iterator[tuple[Trace, Machine]]:
    """Return every run of a thread over the domain: its trace, and the machine as it stopped."""
    path: list[list[int]] = []
    while True:
        machine = Machine(proc, domain, path, free)
        cut, fault, dead = False, "", False
        try:
            execute(machine)
        except Dead:
            dead = True
        except Cut:
            cut = True
        except Fault as error:
            fault = str(error)
        if not dead:
            registers = {name: datum.value for name, datum in machine.regs.items()}
            yield Trace(machine.events, registers, cut, fault), machine
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return
        path[-1][0] += 1


def _offset(value: Value) -> tuple[str, int]:
    assert isinstance(value, str)
    base, _, offset = value.partition("+")
    return base, int(offset or 0)


def _shifted(value: Value, by: int) -> Value:
    base, offset = _offset(value)
    return f"{base}+{offset + by}" if offset + by else base


def _add(a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if isinstance(a, int):
        a, b = b, a
    if isinstance(b, str):
        raise Fault("two addresses are added")
    return _shifted(a, b)


def _subtract(a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return a - b
    if isinstance(b, int):
        return _shifted(a, -b)
    if isinstance(a, str) and _offset(a)[0] == _offset(b)[0]:
        return _offset(a)[1] - _offset(b)[1]
    raise Fault(f"{b} is subtracted from {a}")


def _xor(a: Value, b: Value) -> Value:
    if a == b:
        return 0
    if isinstance(a, int) and isinstance(b, int):
        return a ^ b
    if a == 0 or b == 0:
        return b if a == 0 else a
    raise Fault(f"{a} ^ {b} of an address")


def _and(a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return a & b
    if a == 0 or b == 0:
        return 0
    if a == b or b == -1:
        return a
    if a == -1:
        return b
    raise Fault(f"{a} & {b} of an address")


def _or(a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return a | b
    if a == b or b == 0:
        return a
    if a == 0:
        return b
    raise Fault(f"{a} | {b} of an address")


def _numbers(name: str, function: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    def apply(a: Value, b: Value) -> Value:
        if isinstance(a, int) and isinstance(b, int):
            return function(a, b)
        if name == "*" and 0 in (a, b):
            return 0
        raise Fault(f"{a} {name} {b} of an address")

    return apply


def _divide(a: int, b: int) -> int:
    if b == 0:
        raise Fault(f"{a} is divided by 0")
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)  # C rounds towards 0


def _shift(a: int, b: int) -> int:
    if not 0 <= b < 64:
        raise Fault(f"{a} is shifted by {b}")
    return a << b


def _less(name: str, function: Callable[[int, int], bool]) -> Callable[[Value, Value], Value]:
    def apply(a: Value, b: Value) -> Value:
        if isinstance(a, int) and isinstance(b, int):
            return int(function(a, b))
        if isinstance(a, str) and isinstance(b, str) and _offset(a)[0] == _offset(b)[0]:
            return int(function(_offset(a)[1], _offset(b)[1]))
        raise Fault(f"{a} {name} {b} of an address")

    return apply


#: The meaning of binary operators on numbers and addresses.
OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "+": _add,
    "-": _subtract,
    "^": _xor,
    "&": _and,
    "|": _or,
    "*": _numbers("*", lambda a, b: a * b),
    "/": _numbers("/", _divide),
    "%": _numbers("%", lambda a, b: a - b * _divide(a, b)),
    "<<": _numbers("<<", _shift),
    ">>": _numbers(">>", lambda a, b: a >> b if b >= 0 else _shift(a, b)),
    "&~": _numbers("&~", lambda a, b: a & ~b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": _less("<", lambda a, b: a < b),
    ">": _less(">", lambda a, b: a > b),
    "<=": _less("<=", lambda a, b: a <= b),
    ">=": _less(">=", lambda a, b: a >= b),
    "&&": lambda a, b: int(a != 0 and b != 0),
    "||": lambda a, b: int(a != 0 or b != 0),
}


def combine(operator: str, a: Datum, b: Datum) -> Datum:
    """Return the result of an operator, which comes from all that its operands came from.

    Examples
    --------
    >>> combine("^", Datum(3, deps=1), Datum(3, deps=1))  # the dependency stays
    Datum(value=0, deps=1, cdeps=0, fed=0)
    """
    value = OPERATORS[operator](a.value, b.value)
    return Datum(value, a.deps | b.deps, a.cdeps | b.cdeps, a.fed | b.fed)


__all__ = [
    "OPERATORS",
    "ZERO",
    "Cut",
    "Datum",
    "Fault",
    "Machine",
    "combine",
    "location",
    "run_all",
]
