"""The Armv8 (AArch64) instructions of litmus tests."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

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
from modelcheck.litmus.machine import ZERO, Datum, Fault, Machine
from modelcheck.litmus.widths import (
    CARRY,
    NEGATIVE,
    OVERFLOW,
    ZERO_FLAG,
    Memory,
    Write,
    compared,
    difference_flags,
    is_less,
    operate,
    result_flags,
    sum_flags,
    wrapped,
)

REGISTER = re.compile(r"[XWxw](\d+|[Zz][Rr])$|%\w+$|[Ss][Pp]$")
ARITHMETIC = {"ADD": "+", "SUB": "-", "EOR": "^", "AND": "&", "ORR": "|", "BIC": "&~", "MUL": "*"}
SHIFT = re.compile(r"(LSL|LSR|ASR|ROR|[SU]XT[BHWX])\s*#?(\d+)?$")
#: What flags a condition asks for: one or the other of two opposites, by an even or odd number.
CONDITIONS = ("EQ", "NE", "HS", "LO", "MI", "PL", "VS", "VC", "HI", "LS", "GE", "LT", "GT", "LE")
SYNONYMS = {"CS": "HS", "CC": "LO"}
LOADS = {"LDR": "", "LDUR": "", "LDAR": "A", "LDAPR": "Q", "LDXR": "", "LDAXR": "A"}
STORES = {"STR": "", "STUR": "", "STLR": "L"}
EXCLUSIVE_STORES = {"STXR": "", "STLXR": "L"}
ATOMICS = {"LDADD": "+", "LDEOR": "^", "LDSET": "|", "LDCLR": "&~"}
#: What a conditional select makes of its second operand.
SELECTS: dict[str, Callable[[int], int]] = {
    "CSEL": lambda value: value,
    "CSINC": lambda value: value + 1,
    "CSINV": lambda value: ~value,
    "CSNEG": lambda value: -value,
}
BYTES = {"B": 1, "H": 2}
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
FLAGS = "%flags"

Get = Callable[[Machine], Datum]


class AArch64:
    """The instruction set of ``AArch64`` tests."""

    def __init__(self) -> None:
        self.memory = Memory()

    def register(self, name: str) -> str | None:
        return _canonical(name)

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
        if name in SELECTS or name in ("CSET", "CSETM"):
            return _select(name, operands)
        return (
            self._access(name, operands)
            or _atomic(self.memory, name, operands)
            or _jump(name, operands)
        )

    def _access(self, name: str, operands: list[str]) -> Step | None:
        """Return a load or store, with B or H at its end for a part of a word; None if none."""
        narrow = BYTES.get(name[-1:])
        base = name[:-1] if narrow else name
        if base in LOADS:
            return _load(self.memory, base, narrow, operands)
        if base in STORES:
            return _store(self.memory, base, narrow, operands)
        if base in EXCLUSIVE_STORES:
            return _store_exclusive(self.memory, base, narrow, operands)
        return None


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


def _size(text: str) -> int:
    """Return the bytes of a register: 4 for W0."""
    return 4 if text[:1] in "Ww" else 8


def _read_register(machine: Machine, name: str) -> Datum:
    return ZERO if name == "XZR" else get(machine, name)


def _put(machine: Machine, name: str, datum: Datum) -> None:
    if name != "XZR":
        put(machine, name, datum)


def _value(text: str, size: int) -> Get:
    """Return a constant or what a register holds, of so many bytes."""
    if text.startswith("#") or text.lstrip("-").isdigit():
        constant = Datum(wrapped(immediate(text), size))
        return lambda machine: constant
    name = _register(text)

    def value(machine: Machine) -> Datum:
        datum = _read_register(machine, name)
        return datum._replace(value=wrapped(datum.value, size))

    return value


def _second(words: list[str], size: int) -> Get:
    """Return the value of ``X1``, ``#1``, ``X1,LSL #2`` or ``W1,SXTW #2``."""
    if len(words) == 1:
        return _value(words[0], size)
    found = SHIFT.match(words[1].upper()) if len(words) == 2 else None
    if found is None:
        raise Wrong(f"`{', '.join(words)}` is no operand", "Write X1, #1, X1,LSL #2 or W1,SXTW.")
    kind, by = found.group(1), int(found.group(2) or 0)
    value = _value(words[0], size if kind[1:3] != "XT" else 8)

    def shifted(machine: Machine) -> Datum:
        datum = value(machine)
        return datum._replace(value=wrapped(_moved(kind, by, datum.value, size), size))

    return shifted


def _moved(kind: str, by: int, value: int | str, size: int) -> int | str:
    if isinstance(value, str):
        if by or kind in ("SXTB", "SXTH", "UXTB", "UXTH"):
            raise Fault(f"the address {value} is shifted or cut")
        return value
    if kind[1:3] == "XT":
        part = {"B": 1, "H": 2, "W": 4, "X": 8}[kind[3]]
        return int(wrapped(value, part, kind[0] == "S")) << by
    if kind == "LSL":
        return value << by
    if kind == "ASR":
        return int(wrapped(value, size, signed=True)) >> by
    return value >> by | (value << 8 * size - by if kind == "ROR" else 0)


def _barrier(name: str, operands: list[str]) -> Step:
    option = operands[0].upper() if operands else "SY"
    if option not in BARRIERS:
        wrong_operands(name, operands, f"one of {', '.join(BARRIERS)}")
    reach = "LD" if option.endswith("LD") else "ST" if option.endswith("ST") else "full"
    tags = ("ISB",) if name == "ISB" else (name.lower() + "." + reach.lower(), f"{name}.{option}")
    return fence(*tags)


def _mov(operands: list[str]) -> Step:
    if len(operands) < 2:
        wrong_operands("MOV", operands, "a register and a value")
    target, value = _register(operands[0]), _second(operands[1:], _size(operands[0]))
    return lambda machine: _put(machine, target, value(machine))


def _arithmetic(base: str, name: str, operands: list[str]) -> Step:
    if len(operands) not in (3, 4):
        wrong_operands(name, operands, "three operands")
    target, size = _register(operands[0]), _size(operands[0])
    first, second = _value(operands[1], size), _second(operands[2:], size)

    def step(machine: Machine) -> None:
        a, b = first(machine), second(machine)
        result = operate(ARITHMETIC[base], a, b, size)
        _put(machine, target, result)
        if name != base:
            put(machine, FLAGS, result._replace(value=_flags(base, a, b, result, size)))

    return step


def _flags(base: str, a: Datum, b: Datum, result: Datum, size: int) -> int:
    if base == "SUB":
        return difference_flags(a.value, b.value, size)
    if base == "ADD":
        return sum_flags(a.value, b.value, size)
    return result_flags(result.value, size)


def _cmp(operands: list[str]) -> Step:
    if len(operands) not in (2, 3):
        wrong_operands("CMP", operands, "two operands")
    size = _size(operands[0])
    first, second = _value(operands[0], size), _second(operands[1:], size)

    def step(machine: Machine) -> None:
        put(machine, FLAGS, compared(first(machine), second(machine), size))

    return step


def _condition(text: str) -> Callable[[int], bool]:
    """Return whether flags are as ``EQ``, ``NE``, ... asks."""
    name = SYNONYMS.get(text.upper(), text.upper())
    if name not in CONDITIONS:
        raise Wrong(f"`{text}` is no condition", f"These are: {', '.join(CONDITIONS)}.")
    number = CONDITIONS.index(name)

    def holds(flags: int) -> bool:
        less = is_less(flags)
        first = (
            flags & ZERO_FLAG,
            flags & CARRY,
            flags & NEGATIVE,
            flags & OVERFLOW,
            flags & CARRY and not flags & ZERO_FLAG,
            not less,
            not less and not flags & ZERO_FLAG,
        )[number // 2]
        return bool(first) != bool(number % 2)

    return holds


def _select(name: str, operands: list[str]) -> Step:
    """Return CSEL and its kin: the flags only pick which operand the result comes from."""
    if name in ("CSET", "CSETM") and len(operands) == 2:  # 1 or -1 if the condition holds
        zero = "WZR" if _size(operands[0]) == 4 else "XZR"
        one = "#1" if name == "CSET" else "#-1"
        name, operands = "CSEL", [operands[0], one, zero, operands[1]]
    if len(operands) != 4:
        wrong_operands(name, operands, "three registers and a condition")
    target, size = _register(operands[0]), _size(operands[0])
    first, second = _value(operands[1], size), _value(operands[2], size)
    holds, change = _condition(operands[3]), SELECTS[name]

    def step(machine: Machine) -> None:
        flags = get(machine, FLAGS)
        taken = machine.decide(flags._replace(value=int(holds(int(flags.value)))))
        datum = first(machine) if taken else second(machine)
        if not taken and isinstance(datum.value, int):
            datum = datum._replace(value=wrapped(change(datum.value), size))
        _put(machine, target, datum._replace(cdeps=datum.cdeps | flags.deps | flags.cdeps))

    return step


def _address(text: str) -> Get:
    """Return the address of ``[X1]``, ``[X1,#4]``, ``[X1,X2]`` or ``[X1,W2,SXTW #2]``."""
    if not (text.startswith("[") and text.endswith("]")):
        raise Wrong(f"`{text}` is no address", "Write [X1], [X1,#4] or [X1,X2].")
    words = [word.strip() for word in text[1:-1].split(",")]
    base = _register(words[0])
    offset = _second(words[1:], 8) if len(words) > 1 else None

    def address(machine: Machine) -> Datum:
        start = _read_register(machine, base)
        return operate("+", start, offset(machine), 8) if offset is not None else start

    return address


def _load(memory: Memory, name: str, narrow: int | None, operands: list[str]) -> Step:
    if len(operands) != 2:
        wrong_operands(name, operands, "a register and an address")
    target, address = _register(operands[0]), _address(operands[1])
    exclusive, size = "X" in name, narrow or _size(operands[0])
    tags = frozenset(tag for tag in (LOADS[name], "X" if exclusive else "") if tag)

    def step(machine: Machine) -> None:
        value = memory.load(machine, address(machine), size, tags)
        if exclusive:
            reserve(machine)
        _put(machine, target, value)

    return step


def _store(memory: Memory, name: str, narrow: int | None, operands: list[str]) -> Step:
    if len(operands) != 2:
        wrong_operands(name, operands, "a register and an address")
    size = narrow or _size(operands[0])
    value, address = _value(operands[0], size), _address(operands[1])
    tags = frozenset(tag for tag in (STORES[name],) if tag)
    how = Write(size, tags)

    def step(machine: Machine) -> None:
        memory.store(machine, address(machine), value(machine), how)

    return step


def _store_exclusive(memory: Memory, name: str, narrow: int | None, operands: list[str]) -> Step:
    if len(operands) != 3:
        wrong_operands(name, operands, "a status register, a register and an address")
    size = narrow or _size(operands[1])
    status, value = _register(operands[0]), _value(operands[1], size)
    address = _address(operands[2])
    tags = frozenset(tag for tag in (EXCLUSIVE_STORES[name], "X") if tag)

    def step(machine: Machine) -> None:
        where = address(machine)
        number = reserved(machine, where)
        succeeds = number is not None and machine.choose(2) == 0
        if succeeds:
            memory.store(machine, where, value(machine), Write(size, tags, number))
        _put(machine, status, Datum(int(not succeeds)))

    return step


def _atomic(memory: Memory, name: str, operands: list[str]) -> Step | None:
    """Return SWP, CAS, LDADD and their kin, with A and L in the name; None if it is none."""
    found = re.match(
        r"(SWP|CAS|LDADD|LDEOR|LDSET|LDCLR|STADD|STEOR|STSET|STCLR)(A?L?)([BH]?)$", name
    )
    if found is None:
        return None
    base, order, narrow = found.groups()
    if base.startswith("ST"):
        base = "LD" + base[2:]
        zero = "WZR" if operands and _size(operands[0]) == 4 else "XZR"
        operands = [*operands[:1], zero, *operands[1:]]
    if len(operands) != 3:
        wrong_operands(name, operands, "two registers and an address")
    size = BYTES.get(narrow) or _size(operands[0])
    first, second = _value(operands[0], size), _value(operands[1], size)
    address = _address(operands[2])
    target = _register(operands[0] if base == "CAS" else operands[1])
    # What is read into no register is not ordered by acquire, nor by DMB LD.
    taken = "noret" if target == "XZR" else "A" if "A" in order else "RMW"
    reads, writes = frozenset({"X", "RMW", taken}), frozenset({"X", "RMW", "L"[: "L" in order]})
    writes -= {""}
    if base == "CAS":
        return _Cas(memory, target, first, second, address, size, reads, writes)

    def step(machine: Machine) -> None:
        where, operand = address(machine), first(machine)
        old = memory.load(machine, where, size, reads)
        new = operand if base == "SWP" else operate(ATOMICS[base], old, operand, size)
        memory.store(machine, where, new, Write(size, writes, len(machine.events) - 1))
        _put(machine, target, old)

    return step


@frozen
class _Cas:
    """A compare and swap; what is compared decides whether there is a write.

    The processor may choose: after a success, whether the register is written or keeps its value
    (which is the same one, with another dependency); after a failure, whether memory is written
    with the value that it has.
    """

    memory: Memory
    target: str
    expected: Get
    new: Get
    address: Get
    size: int
    reads: frozenset[str]
    writes: frozenset[str]

    def __call__(self, machine: Machine) -> None:
        where, expected, new = self.address(machine), self.expected(machine), self.new(machine)
        succeeds = machine.choose(2) == 0
        old = self.memory.load(machine, where, self.size, self.reads)
        machine.require((old.value == expected.value) == succeeds)
        kept = machine.choose(2) == 0
        compared = expected.deps | expected.cdeps
        if succeeds or not kept:
            stored = (new if succeeds else old)._replace(cdeps=new.cdeps | compared)
            how = Write(self.size, self.writes, len(machine.events) - 1)
            self.memory.store(machine, where, stored, how)
        picked = expected._replace(cdeps=expected.cdeps | old.deps)
        _put(machine, self.target, picked if succeeds and kept else old)


def _jump(name: str, operands: list[str]) -> Step:
    if name in ("CBZ", "CBNZ") and len(operands) == 2:
        value, wanted = _value(operands[0], _size(operands[0])), name == "CBZ"

        def is_so(machine: Machine) -> Datum:
            datum = value(machine)
            return datum._replace(value=int((datum.value == 0) == wanted))

        return Jump(operands[1], is_so)
    if name == "B" and len(operands) == 1:
        return Jump(operands[0])
    condition = name.removeprefix("B").lstrip(".")
    if not name.startswith("B") or SYNONYMS.get(condition, condition) not in CONDITIONS:
        raise Wrong("unknown instruction", "These are known: loads, stores, exclusives, atomics, "
                    "arithmetic, conditional selects, branches, DMB, DSB, ISB.")  # fmt: skip
    if len(operands) != 1:
        wrong_operands(name, operands, "a label")
    return on_flags(FLAGS, _condition(condition), operands[0])


__all__ = ["AArch64"]
