"""The Power instructions of litmus tests."""

from __future__ import annotations

import re

from modelcheck.litmus.assembly import (
    Jump,
    Step,
    Wrong,
    fence,
    get,
    immediate,
    on_flags,
    put,
    reserve,
    reserved,
    wrong_operands,
)
from modelcheck.litmus.machine import Datum, Machine
from modelcheck.litmus.widths import (
    ZERO_FLAG,
    Memory,
    Write,
    compared,
    difference_flags,
    is_less,
    operate,
    wrapped,
)

#: `%x` is a register of the reader's choice: the initial state gives its value.
REGISTER = re.compile(r"r\d+$|%\w+$")
DISPLACED = re.compile(r"(-?\d*)\((r\d+|%\w+)\)$")
FENCES = ("sync", "lwsync", "eieio", "isync", "hwsync")
ARITHMETIC = {
    "add": "+", "subf": "-", "sub": "-", "xor": "^", "and": "&", "or": "|", "mullw": "*",
    "addi": "+", "subi": "-", "xori": "^", "andi": "&", "ori": "|", "mulli": "*",
}  # fmt: skip
#: Bytes, and whether a load keeps the sign.
LOADS = {
    "lbz": (1, False), "lhz": (2, False), "lwz": (4, False), "lwa": (4, True), "ld": (8, False),
}  # fmt: skip
STORES = {"stb": 1, "sth": 2, "stw": 4, "std": 8}
COMPARISONS = {"cmpw": 4, "cmpwi": 4, "cmpd": 8, "cmpdi": 8}
#: What signs of a comparison a branch is taken for.
CONDITIONS = {
    "eq": (0,), "ne": (-1, 1), "lt": (-1,), "gt": (1,), "le": (-1, 0), "ge": (0, 1), "nl": (0, 1),
    "ng": (-1, 0),
}  # fmt: skip
PLAIN: frozenset[str] = frozenset()
RESERVED = frozenset({"X"})

Parts = list[tuple[str, int]]


class Ppc:
    """The instruction set of ``PPC`` tests."""

    def __init__(self) -> None:
        self.memory = Memory()

    def register(self, name: str) -> str | None:
        return name if REGISTER.match(name) or re.match(r"cr[0-7]$", name) else None

    def instruction(self, name: str, operands: list[str]) -> Step:
        base = name.rstrip(".")
        if base in FENCES:
            return fence("sync" if base == "hwsync" else base)
        if base == "nop":
            return lambda machine: None
        if base in ("li", "lis"):
            return _move(operands, 65536 if base == "lis" else 1)
        if base == "mr":
            return _copy(operands)
        if base in ARITHMETIC:
            return _arithmetic(base, name, operands)
        plain, indexed = base.removesuffix("x"), base.endswith("x")
        if plain in LOADS:
            parts = _address(name, indexed, operands)
            return _load(self.memory, operands[0], LOADS[plain], parts)
        if plain in STORES:
            parts = _address(name, indexed, operands)
            return _store(self.memory, operands[0], STORES[plain], parts)
        if base in ("lwarx", "ldarx"):
            return _load_reserved(self.memory, operands, 4 if base == "lwarx" else 8)
        if base in ("stwcx", "stdcx"):
            return _store_conditional(self.memory, operands, 4 if base == "stwcx" else 8)
        if base in COMPARISONS:
            return _compare(name, COMPARISONS[base], operands)
        return _branch(name, operands)


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
        result = operate(operator, get(machine, first), right, 8)
        put(machine, target, result)
        if name.endswith("."):
            put(machine, "cr0", result._replace(value=difference_flags(result.value, 0, 8)))

    return step


def _address(name: str, indexed: bool, operands: list[str]) -> Parts:
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


def _sum(machine: Machine, parts: Parts) -> Datum:
    result = Datum(0)
    for register, displacement in parts:
        if register:
            result = operate("+", result, get(machine, register), 8)
        if displacement:
            result = operate("+", result, Datum(displacement), 8)
    return result


def _load(memory: Memory, name: str, how: tuple[int, bool], parts: Parts) -> Step:
    (size, signed), target = how, name

    def step(machine: Machine) -> None:
        value = memory.load(machine, _sum(machine, parts), size)
        if signed:  # it is extended to the whole register
            value = value._replace(value=wrapped(wrapped(value.value, size, True), 8))
        put(machine, target, value)

    return step


def _store(memory: Memory, source: str, size: int, parts: Parts) -> Step:
    def step(machine: Machine) -> None:
        memory.store(machine, _sum(machine, parts), get(machine, source), Write(size))

    return step


def _load_reserved(memory: Memory, operands: list[str], size: int) -> Step:
    parts = _address("lwarx", True, operands)

    def step(machine: Machine) -> None:
        address = _sum(machine, parts)
        put(machine, operands[0], memory.load(machine, address, size, RESERVED))
        reserve(machine)

    return step


def _store_conditional(memory: Memory, operands: list[str], size: int) -> Step:
    parts = _address("stwcx.", True, operands)

    def step(machine: Machine) -> None:
        address = _sum(machine, parts)
        number = reserved(machine, address)
        if number is not None and machine.choose(2) == 0:
            value = get(machine, operands[0])
            memory.store(machine, address, value, Write(size, RESERVED, number))
            put(machine, "cr0", Datum(ZERO_FLAG))
        else:
            put(machine, "cr0", Datum(0))

    return step


def _compare(name: str, size: int, operands: list[str]) -> Step:
    target = "cr0"
    if operands and operands[0].startswith("cr"):
        target = operands.pop(0)
    if len(operands) != 2:
        wrong_operands(name, operands, "two operands")
    first, second = operands
    number = Datum(immediate(second)) if name.rstrip(".").endswith("i") else None

    def step(machine: Machine) -> None:
        right = number if number is not None else get(machine, second)
        put(machine, target, compared(get(machine, first), right, size))

    return step


def _branch(name: str, operands: list[str]) -> Step:
    base = name.rstrip("+-")
    if base == "b" and len(operands) == 1:
        return Jump(operands[0])
    if base[:1] != "b" or base[1:] not in CONDITIONS:
        raise Wrong("unknown instruction", "These are known: loads, stores, arithmetic, branches, "
                    "sync, lwsync, eieio, isync, lwarx, stwcx.")  # fmt: skip
    register = operands[0] if len(operands) == 2 else "cr0"
    if len(operands) not in (1, 2):
        wrong_operands(name, operands, "a label")
    signs = CONDITIONS[base[1:]]
    return on_flags(register, lambda flags: _sign(flags) in signs, operands[-1])


def _sign(flags: int) -> int:
    """Return how the two sides of a comparison compare: -1, 0 or 1."""
    if flags & ZERO_FLAG:
        return 0
    return -1 if is_less(flags) else 1


__all__ = ["Ppc"]
