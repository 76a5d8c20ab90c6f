"""The Armv8 (AArch64) instructions of litmus tests."""

from __future__ import annotations

import re
from collections.abc import Callable

from modelcheck.litmus.assembly import (
    Step,
    Wrong,
    branch,
    compare,
    get,
    immediate,
    put,
    wrong_operands,
)
from modelcheck.litmus.machine import ZERO, Datum, Machine, combine

REGISTER = re.compile(r"[XWxw](\d+|[Zz][Rr])$|%\w+$|[Ss][Pp]$")
ARITHMETIC = {"ADD": "+", "SUB": "-", "EOR": "^", "AND": "&", "ORR": "|", "BIC": "&~", "MUL": "*"}
CONDITIONS = {
    "EQ": (0,), "NE": (-1, 1), "LT": (-1,), "GT": (1,), "LE": (-1, 0), "GE": (0, 1),
    "LO": (-1,), "HI": (1,), "LS": (-1, 0), "HS": (0, 1), "MI": (-1,), "PL": (0, 1),
}  # fmt: skip
LOADS = {"LDR": "", "LDAR": "A", "LDAPR": "Q", "LDXR": "", "LDAXR": "A"}
STORES = {"STR": "", "STLR": "L"}
EXCLUSIVE_STORES = {"STXR": "", "STLXR": "L"}
ATOMICS = {"LDADD": "+", "LDEOR": "^", "LDSET": "|", "LDCLR": "&~"}
BARRIERS = (
    "SY",
    "LD",
    "ST",
    "ISH",
    "ISHLD",
    "ISHST",
    "OSH",
    "OSHLD",
    "OSHST",
    "NSH",
    "NSHLD",
    "NSHST",
)
FLAGS, RESERVATION = "%flags", "%reservation"

Get = Callable[[Machine], Datum]


class AArch64:
    """The instruction set of ``AArch64`` tests."""

    def register(self, name: str) -> str:
        return _canonical(name) or name

    def instruction(self, name: str, operands: list[str]) -> Step:
        name = name.upper()
        if name in ("DMB", "DSB", "ISB"):
            return _barrier(name, operands)
        if name == "NOP":
            return lambda machine: None
        if name in ("MOV", "MOVZ"):
            return _mov(operands)
        base = name.rstrip("S") if name in ("ADDS", "SUBS", "ANDS") else name
        if base in ARITHMETIC:
            return _arithmetic(base, name, operands)
        if name == "CMP":
            return _cmp(operands)
        width = name.rstrip("BH") if name not in ("LDAXRB",) else "LDAXR"
        if width in LOADS:
            return _load(width, operands)
        if width in STORES:
            return _store(width, operands)
        if width in EXCLUSIVE_STORES:
            return _store_exclusive(width, operands)
        if step := _atomic(name, operands):
            return step
        return _jump(name, operands)


def _canonical(name: str) -> str | None:
    """Return X0 for X0 and W0: the same register; None for what is no register."""
    if not REGISTER.match(name):
        return None
    return name if name.startswith("%") else "X" + name[1:].upper()


def _register(text: str) -> str:
    name = _canonical(text)
    if name is None:
        raise Wrong(f"`{text}` is no register", "Registers are X0 to X30, or W0 to W30.")
    return name


def _read_register(machine: Machine, name: str) -> Datum:
    return ZERO if name == "XZR" else get(machine, name)


def _value(text: str) -> Get:
    if text.startswith("#") or text.lstrip("-").isdigit():
        constant = Datum(immediate(text))
        return lambda machine: constant
    name = _register(text)
    return lambda machine: _read_register(machine, name)


def _barrier(name: str, operands: list[str]) -> Step:
    option = operands[0].upper() if operands else "SY"
    if option not in BARRIERS:
        wrong_operands(name, operands, f"one of {', '.join(BARRIERS)}")
    reach = "LD" if option.endswith("LD") else "ST" if option.endswith("ST") else "full"
    tags = ("ISB",) if name == "ISB" else (name.lower() + "." + reach.lower(), f"{name}.{option}")

    def step(machine: Machine) -> None:
        machine.fence(*tags)

    return step


def _mov(operands: list[str]) -> Step:
    if len(operands) != 2:
        wrong_operands("MOV", operands, "a register and a value")
    target, value = _register(operands[0]), _value(operands[1])
    return lambda machine: put(machine, target, value(machine))


def _arithmetic(base: str, name: str, operands: list[str]) -> Step:
    if len(operands) == 4:  # an extension, as SXTW, or a shift by 0
        operands = operands[:3]
    if len(operands) != 3:
        wrong_operands(name, operands, "three operands")
    target = _register(operands[0])
    first, second = _value(operands[1]), _value(operands[2])

    def step(machine: Machine) -> None:
        result = combine(ARITHMETIC[base], first(machine), second(machine))
        put(machine, target, result)
        if name != base:
            put(machine, FLAGS, compare(result, ZERO))

    return step


def _cmp(operands: list[str]) -> Step:
    if len(operands) != 2:
        wrong_operands("CMP", operands, "two operands")
    first, second = _value(operands[0]), _value(operands[1])
    return lambda machine: put(machine, FLAGS, compare(first(machine), second(machine)))


def _address(text: str) -> Get:
    """Return the address of ``[X1]``, ``[X1,#4]``, ``[X1,X2]`` or ``[X1,W2,SXTW]``."""
    if not (text.startswith("[") and text.endswith("]")):
        raise Wrong(f"`{text}` is no address", "Write [X1], [X1,#4] or [X1,X2].")
    words = [word.strip() for word in text[1:-1].split(",")]
    base = _register(words[0])
    offset = _value(words[1]) if len(words) > 1 else None

    def address(machine: Machine) -> Datum:
        start = _read_register(machine, base)
        return combine("+", start, offset(machine)) if offset is not None else start

    return address


def _load(name: str, operands: list[str]) -> Step:
    if len(operands) != 2:
        wrong_operands(name, operands, "a register and an address")
    target, address = _register(operands[0]), _address(operands[1])
    exclusive = "X" in name
    tags = frozenset(tag for tag in (LOADS[name], "X" if exclusive else "") if tag)

    def step(machine: Machine) -> None:
        value = machine.read(address(machine), tags)
        if exclusive:
            machine.regs[RESERVATION] = Datum(len(machine.events))
        if target != "XZR":
            put(machine, target, value)

    return step


def _store(name: str, operands: list[str]) -> Step:
    if len(operands) != 2:
        wrong_operands(name, operands, "a register and an address")
    value, address = _value(operands[0]), _address(operands[1])
    tags = frozenset(tag for tag in (STORES[name],) if tag)

    def step(machine: Machine) -> None:
        where = address(machine)
        machine.write(where, value(machine), tags)

    return step


def _store_exclusive(name: str, operands: list[str]) -> Step:
    if len(operands) != 3:
        wrong_operands(name, operands, "a status register, a register and an address")
    status, value = _register(operands[0]), _value(operands[1])
    address = _address(operands[2])
    tags = frozenset(tag for tag in (EXCLUSIVE_STORES[name], "X") if tag)

    def step(machine: Machine) -> None:
        where = address(machine)
        reserved = get(machine, RESERVATION).value
        machine.regs[RESERVATION] = Datum(0)
        number = reserved - 1 if isinstance(reserved, int) and reserved else None
        same = number is not None and machine.events[number].loc == where.value
        succeeds = same and machine.choose(2) == 0
        if succeeds:
            machine.write(where, value(machine), tags, rmw=number)
        put(machine, status, Datum(int(not succeeds)))

    return step


def _atomic(name: str, operands: list[str]) -> Step | None:
    """Return SWP, CAS, LDADD and their kin, with A and L in the name; None if it is none."""
    found = re.match(r"(SWP|CAS|LDADD|LDEOR|LDSET|LDCLR|STADD|STEOR|STSET|STCLR)(A?L?)[BH]?$", name)
    if found is None:
        return None
    base, order = found.groups()
    if base.startswith("ST"):
        base, operands = "LD" + base[2:], [*operands[:1], "XZR", *operands[1:]]
    if len(operands) != 3:
        wrong_operands(name, operands, "two registers and an address")
    first, second, address = _register(operands[0]), _register(operands[1]), _address(operands[2])
    # What is read into no register is not ordered by acquire.
    read_tags = {"X", "RMW"} | ({"A"} if "A" in order and second != "XZR" else set())
    write_tags = {"X", "RMW"} | ({"L"} if "L" in order else set())
    reads, writes = frozenset(read_tags), frozenset(write_tags)
    if base == "CAS":
        return _cas(first, second, address, reads, writes)

    def step(machine: Machine) -> None:
        where = address(machine)
        operand = _read_register(machine, first)
        old = machine.read(where, reads)
        new = operand if base == "SWP" else combine(ATOMICS[base], old, operand)
        machine.write(where, new, writes, rmw=len(machine.events) - 1)
        if second != "XZR":
            put(machine, second, old)

    return step


def _cas(
    first: str, second: str, address: Get, reads: frozenset[str], writes: frozenset[str]
) -> Step:
    def step(machine: Machine) -> None:
        where, expected = address(machine), _read_register(machine, first)
        succeeds = machine.choose(2) == 0
        old = machine.read(where, reads)
        machine.require((old.value == expected.value) == succeeds)
        if succeeds:
            new = _read_register(machine, second)
            machine.write(where, new, writes, rmw=len(machine.events) - 1)
        if first != "XZR":
            put(machine, first, old)

    return step


def _jump(name: str, operands: list[str]) -> Step:
    if name in ("CBZ", "CBNZ") and len(operands) == 2:
        value, wanted, label = _value(operands[0]), name == "CBZ", operands[1]

        def on_zero(machine: Machine) -> str | None:
            datum = value(machine)
            return branch(machine, datum._replace(value=int((datum.value == 0) == wanted)), label)

        return on_zero
    if name == "B" and len(operands) == 1:
        return lambda machine: operands[0]
    condition = name.removeprefix("B").lstrip(".")
    if not name.startswith("B") or condition not in CONDITIONS or len(operands) != 1:
        raise Wrong("unknown instruction", "These are known: loads, stores, exclusives, atomics, "
                    "arithmetic, branches, DMB, DSB, ISB.")  # fmt: skip
    signs = CONDITIONS[condition]

    def on_flags(machine: Machine) -> str | None:
        flags = get(machine, FLAGS)
        return branch(machine, flags._replace(value=int(flags.value in signs)), operands[0])

    return on_flags


__all__ = ["AArch64"]
