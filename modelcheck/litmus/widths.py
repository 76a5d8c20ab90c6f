"""Numbers of so many bytes: types of locations and registers, accesses, and processor flags.

In a register of an assembly test a number is unsigned, as the processor has it; in a location and
in a final state it is as its type says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from attrs import Factory, define, frozen

from modelcheck.axiomatic.execution import Value
from modelcheck.errors import UsageError
from modelcheck.litmus.machine import OPERATORS, Datum, Fault, Machine, location

SIZES = {
    "char": 1, "int8_t": 1, "uint8_t": 1, "short": 2, "int16_t": 2, "uint16_t": 2, "int": 4,
    "int32_t": 4, "uint32_t": 4, "long": 8, "int64_t": 8, "uint64_t": 8, "intptr_t": 8,
    "uintptr_t": 8,
}  # fmt: skip
#: Flags as bits of one number: negative, zero, carry (no borrow), overflow.
NEGATIVE, ZERO_FLAG, CARRY, OVERFLOW = 8, 4, 2, 1


def wrapped(value: Value, size: int, signed: bool = False) -> Value:
    """Return a number as so many bytes hold it; an address is itself.

    Examples
    --------
    >>> wrapped(-1, 1), wrapped(255, 1, signed=True), wrapped("x", 8)
    (255, -1, 'x')
    """
    if isinstance(value, str):
        return value
    value &= (1 << 8 * size) - 1
    return value - (1 << 8 * size) if signed and value >> 8 * size - 1 else value


@frozen
class Kind:
    """The type of a location or register; an `int` if the test says nothing."""

    size: int = 4
    signed: bool = True
    declared: bool = False

    def fit(self, value: Value) -> Value:
        """Return a value as the type has it; without a declaration 64 bits are not cut off.

        Examples
        --------
        >>> Kind().fit(2**32 - 1), Kind().fit(2**40), Kind(1, False, True).fit(257)
        (-1, 1099511627776, 1)
        """
        if self.declared:
            return wrapped(value, self.size, self.signed)
        value = wrapped(value, 8, signed=True)
        return wrapped(value, 4, True) if isinstance(value, int) and 0 <= value < 2**32 else value


def kind_of(words: Collection[str]) -> Kind:
    """Return the type that the words before a name say."""
    if "*" in words:
        return Kind(8, False, True)
    sizes = [SIZES[word] for word in words if word in SIZES]
    if not sizes:
        return Kind()
    unsigned = any(word in ("unsigned", "uintptr_t") or word[:4] == "uint" for word in words)
    return Kind(sizes[-1], not unsigned, True)


class Write(NamedTuple):
    """How a write is made: its bytes, its tags, and its read if it belongs to one."""

    size: int
    tags: frozenset[str] = frozenset()
    rmw: int | None = None


@define
class Memory:
    """What an instruction set knows of the locations of a test."""

    file: str = ""
    kinds: Mapping[str, Kind] = Factory(dict)
    arrays: Mapping[str, int] = Factory(dict)  # their lengths in bytes

    def load(
        self, machine: Machine, address: Datum, size: int, tags: frozenset[str] = frozenset()
    ) -> Datum:
        """Return one of the values that a location can have, as so many bytes hold it."""
        self._check(machine, address, size)
        datum = machine.read(address, tags)
        machine.events[-1].picked_addr = address.cdeps
        return datum._replace(value=wrapped(datum.value, size))

    def store(self, machine: Machine, address: Datum, datum: Datum, how: Write) -> None:
        """Write a number, or as much of it as the write takes."""
        kind = self._check(machine, address, how.size)
        value = kind.fit(wrapped(datum.value, how.size))
        machine.write(address, datum._replace(value=value), how.tags, how.rmw)
        event = machine.events[-1]
        event.picked_addr, event.picked_data = address.cdeps, datum.cdeps

    def _check(self, machine: Machine, address: Datum, size: int) -> Kind:
        """Return the type of a location, all of which the access must take."""
        name = location(address)
        base, _, offset = name.partition("+")
        kind = self.kinds.get(base, Kind())
        length = self.arrays.get(base)
        if length is not None and not 0 <= int(offset or 0) < length:
            raise Fault(f"{name} is outside of the array {base}")
        if (
            size < kind.size
            or length is not None
            and (size != kind.size or int(offset or 0) % size)
        ):
            raise UsageError(
                f"{self.file}:{machine.line}: an access of {size} bytes to {name}, where there are "
                f"{kind.size}: accesses to parts of a location (mixed sizes) are not known here"
            )
        return kind


def operate(operator: str, a: Datum, b: Datum, size: int) -> Datum:
    """Return the result of an operator on registers of so many bytes."""
    left, right = a.value, b.value
    pointers = isinstance(left, str) or isinstance(right, str)
    if pointers:  # an offset may be negative
        left, right = wrapped(left, 8, signed=True), wrapped(right, 8, signed=True)
    value = wrapped(OPERATORS[operator](left, right), size)
    return Datum(value, a.deps | b.deps, a.cdeps | b.cdeps, a.fed | b.fed)


def result_flags(a: Value, size: int) -> int:
    """Return the flags of a logical result: negative and zero."""
    a = wrapped(a, size)
    if isinstance(a, str):
        return 0
    return (NEGATIVE if a >> 8 * size - 1 else 0) | (ZERO_FLAG if a == 0 else 0)


def difference_flags(a: Value, b: Value, size: int) -> int:
    """Return the flags of a comparison: those of ``a - b``.

    Examples
    --------
    >>> difference_flags(0, 1, 4) == NEGATIVE  # 0 is less than 2**32 - 1, and more than -1
    True
    """
    a, b = wrapped(a, size), wrapped(b, size)
    if a == b:
        return ZERO_FLAG | CARRY
    if isinstance(a, str) or isinstance(b, str):
        return 0 if a == 0 else CARRY
    below = int(wrapped(a, size, True)) < int(wrapped(b, size, True))
    flags = result_flags(a - b, size) | (CARRY if a > b else 0)
    return flags | (OVERFLOW if below != bool(flags & NEGATIVE) else 0)


def compared(a: Datum, b: Datum, size: int) -> Datum:
    """Return the flags of a comparison, which depend on both sides."""
    flags = difference_flags(a.value, b.value, size)
    return Datum(flags, a.deps | b.deps, a.cdeps | b.cdeps)


def is_less(flags: int) -> bool:
    """Tell whether the first side of a comparison was less than the second, as signed numbers."""
    return bool(flags & NEGATIVE) != bool(flags & OVERFLOW)


def sum_flags(a: Value, b: Value, size: int) -> int:
    """Return the flags of ``a + b``."""
    if isinstance(a, str) or isinstance(b, str):
        return 0
    a, b = int(wrapped(a, size)), int(wrapped(b, size))
    flags = result_flags(a + b, size) | (CARRY if (a + b) >> 8 * size else 0)
    sign = 1 << 8 * size - 1
    return flags | (OVERFLOW if ~(a ^ b) & (a ^ (a + b)) & sign else 0)


__all__ = [
    "CARRY",
    "NEGATIVE",
    "OVERFLOW",
    "ZERO_FLAG",
    "Kind",
    "Memory",
    "Write",
    "compared",
    "difference_flags",
    "is_less",
    "kind_of",
    "operate",
    "result_flags",
    "sum_flags",
    "wrapped",
]
