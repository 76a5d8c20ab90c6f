"""The Power instructions of litmus tests."""

from __future__ import annotations

import re

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
from modelcheck.litmus.machine import Datum, Machine, combine

#: `%x` is a register of the reader's choice: the initial state gives its value.
REGISTER = re.compile(r"r\d+$|%\w+$")
DISPLACED = re.compile(r"(-?\d*)\((r\d+|%\w+)\)$")
FENCES = ("sync", "lwsync", "eieio", "isync", "hwsync")
ARITHMETIC = {
    "add": "+", "subf": "-", "sub": "-", "xor": "^", "and": "&", "or": "|", "mullw": "*",
    "addi": "+", "subi": "-", "xori": "^", "andi": "&", "ori": "|", "mulli": "*",
}  # fmt: skip
LOADS = ("lwz", "ld", "lbz", "lhz", "lwa")
STORES = ("stw", "std", "stb", "sth")
CONDITIONS = {
    "eq": (0,),
    "ne": (-1, 1),
    "lt": (-1,),
    "gt": (1,),
    "le": (-1, 0),
    "ge": (0, 1),
    "nl": (0, 1),
    "ng": (-1, 0),
}
PLAIN: frozenset[str] = frozenset()
RESERVED = frozenset({"X"})
RESERVATION = "%reservation"


class Ppc:
    """The instruction set of ``PPC`` tests."""

    def register(self, name: str) -> str:
        return name

    def instruction(self, name: str, operands: list[str]) -> Step:
        base = name.rstrip(".")
        if base in FENCES:
            return _fence("sync" if base == "hwsync" else base)
        if base == "nop":
            return lambda machine: None
        if base in ("li", "lis"):
            return _move(operands, 65536 if base == "lis" else 1)
        if base == "mr":
            return _copy(operands)
        if base in ARITHMETIC:
            return _arithmetic(base, name, operands)
        if base in LOADS or base[:-1] in LOADS and base.endswith("x"):
            return _load(name, base.endswith("x"), operands)
        if base in STORES or base[:-1] in STORES and base.endswith("x"):
            return _store(name, base.endswith("x"), operands)
        if base in ("lwarx", "ldarx"):
            return _load_reserved(operands)
        if base in ("stwcx", "stdcx"):
            return _store_conditional(operands)
        if base.startswith("cmp"):
            return _compare(name, operands)
        return _branch(name, operands)


def _fence(tag: str) -> Step:
    def step(machine: Machine) -> None:
        machine.fence(tag)

    return step


def _registers(name: str, operands: list[str], count: int) -> list[str]:
    if len(operands) != count or not all(REGISTER.match(o) for o in operands):
        wrong_operands(name, operands, f"{count} registers r0, r1, ...")
    return operands


def _move(operands: list[str], scale: int) -> Step:
    if len(operands) != 2 or not REGISTER.match(operands[0]):
        wrong_operands("li", operands, "a register and a number")
    target, value = operands[0], Datum(immediate(operands[1]) * scale)
    return lambda machine: put(machine, target, value)


def _copy(operands: list[str]) -> Step:
    target, source = _registers("mr", operands, 2)
    return lambda machine: put(machine, target, get(machine, source))


def _arithmetic(base: str, name: str, operands: list[str]) -> Step:
    operator = ARITHMETIC[base]
    if len(operands) != 3:
        wrong_operands(name, operands, "three operands")
    target, first, second = operands
    number = None
    if base.endswith("i"):
        number = Datum(immediate(second))
        _registers(name, operands[:2], 2)
    else:
        _registers(name, operands, 3)
    if base == "subf":
        first, second = second, first

    def step(machine: Machine) -> None:
        right = number if number is not None else get(machine, second)
        result = combine(operator, get(machine, first), right)
        put(machine, target, result)
        if name.endswith("."):
            put(machine, "cr0", compare(result, Datum(0)))

    return step


def _address(name: str, indexed: bool, operands: list[str]) -> list[tuple[str, int]]:
    """Return the registers and the displacement that make up an address."""
    if indexed:
        if len(operands) != 3:
            wrong_operands(name, operands, "three registers")
        first = operands[1] if operands[1] not in ("0", "r0") else ""
        return [(first, 0), (operands[2], 0)]
    if len(operands) == 3:  # 0,r2 is another way to write 0(r2)
        operands = [operands[0], f"{operands[1]}({operands[2]})"]
    found = DISPLACED.match(operands[1]) if len(operands) == 2 else None
    if found is None:
        wrong_operands(name, operands, "a register and an address like 0(r2)")
    return [(found.group(2), int(found.group(1) or 0))]


def _sum(machine: Machine, parts: list[tuple[str, int]]) -> Datum:
    result = Datum(0)
    for register, displacement in parts:
        if register:
            result = combine("+", result, get(machine, register))
        if displacement:
            result = combine("+", result, Datum(displacement))
    return result


def _load(name: str, indexed: bool, operands: list[str]) -> Step:
    parts = _address(name, indexed, operands)
    target = operands[0]
    return lambda machine: put(machine, target, machine.read(_sum(machine, parts), PLAIN))


def _store(name: str, indexed: bool, operands: list[str]) -> Step:
    parts = _address(name, indexed, operands)
    source = operands[0]

    def step(machine: Machine) -> None:
        machine.write(_sum(machine, parts), get(machine, source), PLAIN)

    return step


def _load_reserved(operands: list[str]) -> Step:
    parts = _address("lwarx", True, operands)

    def step(machine: Machine) -> None:
        address = _sum(machine, parts)
        put(machine, operands[0], machine.read(address, RESERVED))
        machine.regs[RESERVATION] = Datum(len(machine.events))

    return step


def _store_conditional(operands: list[str]) -> Step:
    parts = _address("stwcx.", True, operands)

    def step(machine: Machine) -> None:
        address = _sum(machine, parts)
        reserved = get(machine, RESERVATION).value
        machine.regs[RESERVATION] = Datum(0)
        number = reserved - 1 if isinstance(reserved, int) and reserved else None
        same = number is not None and machine.events[number].loc == address.value
        if same and machine.choose(2) == 0:
            machine.write(address, get(machine, operands[0]), RESERVED, rmw=number)
            put(machine, "cr0", Datum(0))
        else:
            put(machine, "cr0", Datum(1))

    return step


def _compare(name: str, operands: list[str]) -> Step:
    target = "cr0"
    if operands and operands[0].startswith("cr"):
        target = operands.pop(0)
    if len(operands) != 2:
        wrong_operands(name, operands, "two operands")
    first, second = operands
    number = Datum(immediate(second)) if name.rstrip(".").endswith("i") else None

    def step(machine: Machine) -> None:
        right = number if number is not None else get(machine, second)
        put(machine, target, compare(get(machine, first), right))

    return step


def _branch(name: str, operands: list[str]) -> Step:
    base = name.rstrip("+-")
    if base == "b" and len(operands) == 1:
        return lambda machine: operands[0]
    if base[:1] != "b" or base[1:] not in CONDITIONS:
        raise Wrong("unknown instruction", "These are known: loads, stores, arithmetic, branches, "
                    "sync, lwsync, eieio, isync, lwarx, stwcx.")  # fmt: skip
    signs = CONDITIONS[base[1:]]
    register = operands[0] if len(operands) == 2 else "cr0"
    if len(operands) not in (1, 2):
        wrong_operands(name, operands, "a label")
    label = operands[-1]

    def step(machine: Machine) -> str | None:
        result = get(machine, register)
        return branch(machine, result._replace(value=int(result.value in signs)), label)

    return step


__all__ = ["Ppc"]
