"""The x86-64 instructions of litmus tests, in AT&T syntax: the target stands last."""

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

FENCES = ("mfence", "lfence", "sfence")
ARITHMETIC = {"add": "+", "sub": "-", "xor": "^", "and": "&", "or": "|"}
JUMPS = {
    "je": (0,), "jz": (0,), "jne": (-1, 1), "jnz": (-1, 1), "jl": (-1,), "jg": (1,),
    "jle": (-1, 0), "jge": (0, 1),
}  # fmt: skip
MEMORY = re.compile(r"(-?\w*)(?:\(([^()]*)\)|\[([^\[\]]*)\])$")
LEGACY = {"a": "rax", "b": "rbx", "c": "rcx", "d": "rdx"}
POINTERS = {"si": "rsi", "di": "rdi", "bp": "rbp", "sp": "rsp"}
PLAIN: frozenset[str] = frozenset()
LOCKED = frozenset({"X"})
FLAGS = "%flags"

Get = Callable[[Machine], Datum]


class X86:
    """The instruction set of ``X86_64`` tests."""

    def register(self, name: str) -> str:
        return canonical(name) or name

    def instruction(self, name: str, operands: list[str]) -> Step:
        name = name.lower()
        locked = name == "lock"
        if locked:
            first, _, rest = operands[0].partition(" ") if operands else ("", "", "")
            name, operands = first.lower(), [rest.strip(), *operands[1:]]
        if name in FENCES:
            return _fence(name)
        if name == "nop":
            return lambda machine: None
        if name == "jmp" and len(operands) == 1:
            return lambda machine: operands[0]
        if name in JUMPS:
            return _jump(JUMPS[name], operands)
        return _operation(name, operands, locked)


def canonical(name: str) -> str | None:
    """Return the 64-bit register that a name is a part of; None if it is none.

    Examples
    --------
    >>> canonical("%eax"), canonical("r8d"), canonical("x")
    ('rax', 'r8', None)
    """
    name = name.lower().lstrip("%")
    if numbered := re.match(r"(r\d+)[dwb]?$", name):
        return numbered.group(1)
    if letter := re.match(r"[re]?([abcd])x$|([abcd])l$", name):
        return LEGACY[letter.group(1) or letter.group(2)]
    if pointer := re.match(r"[re]?(si|di|bp|sp)l?$", name):
        return POINTERS[pointer.group(1)]
    return None


def _fence(tag: str) -> Step:
    def step(machine: Machine) -> None:
        machine.fence(tag)

    return step


def _jump(signs: tuple[int, ...], operands: list[str]) -> Step:
    if len(operands) != 1:
        wrong_operands("a jump", operands, "a label")

    def step(machine: Machine) -> str | None:
        flags = get(machine, FLAGS)
        return branch(machine, flags._replace(value=int(flags.value in signs)), operands[0])

    return step


def _memory(text: str) -> Get | None:
    """Return the address of a memory operand: ``(x)``, ``[x]``, ``4(%rax)``, ``(%rax,%rbx)``."""
    found = MEMORY.match(text)
    if found is None:
        return None
    offset, inner = found.group(1), (found.group(2) or found.group(3) or "")
    parts: list[str | Datum] = [_part(word.strip()) for word in inner.split(",") if word.strip()]
    if offset:
        parts.append(_part(offset))

    def address(machine: Machine) -> Datum:
        result = ZERO
        for part in parts:
            result = combine("+", result, get(machine, part) if isinstance(part, str) else part)
        return result

    return address


def _part(word: str) -> str | Datum:
    if word.startswith("%"):
        return canonical(word) or word
    if word.lstrip("-").isdigit():
        return Datum(int(word))
    return Datum(word)


def _value(text: str) -> Get:
    """Return a register's value or a constant."""
    if text.startswith("$"):
        constant = Datum(text[1:]) if re.match(r"\$[A-Za-z_]", text) else Datum(immediate(text))
        return lambda machine: constant
    register = canonical(text)
    if register is None:
        raise Wrong(f"`{text}` is no register", "Write %rax, $1, or (x) for the location x.")
    name = register
    return lambda machine: get(machine, name)


def _operation(name: str, operands: list[str], locked: bool) -> Step:
    base = (
        name if name in ("xchg", "cmpxchg", "xadd", "sub", "mov") else name.rstrip("lqwb") or name
    )
    if name in ("sub", "subl", "subq"):
        base = "sub"
    if base in ("inc", "dec", "incl", "decl") and len(operands) == 1:
        operands = ["$1", *operands]
        base = "add" if base.startswith("inc") else "sub"
    if len(operands) != 2:
        if base in ("mov", "xchg", "cmpxchg", "xadd", "cmp", "test", *ARITHMETIC):
            wrong_operands(name, operands, "two operands")
        raise Wrong("unknown instruction", "These are known: mov, xchg, cmpxchg, xadd, add, sub, "
                    "and, or, xor, inc, dec, cmp, jumps, mfence, lfence, sfence.")  # fmt: skip
    source, target = operands
    match base:
        case "mov" | "movz":
            return _mov(source, target)
        case "xchg":
            return _xchg(source, target)
        case "cmpxchg":
            return _cmpxchg(source, target, locked)
        case "xadd":
            return _xadd(source, target, locked)
        case "cmp" | "test":
            return _cmp(source, target)
    if base in ARITHMETIC:
        return _arithmetic(ARITHMETIC[base], source, target, locked)
    raise Wrong("unknown instruction")


def _read(text: str, tags: frozenset[str] = PLAIN) -> Get:
    """Return the value of any operand; a memory operand is read."""
    address = _memory(text)
    if address is None:
        return _value(text)
    where = address
    return lambda machine: machine.read(where(machine), tags)


def _mov(source: str, target: str) -> Step:
    where = _memory(target)
    value = _read(source)
    if where is None:
        register = _target(target)
        return lambda machine: put(machine, register, value(machine))
    address = where

    def step(machine: Machine) -> None:
        machine.write(address(machine), value(machine), PLAIN)

    return step


def _target(text: str) -> str:
    register = canonical(text)
    if register is None:
        raise Wrong(f"`{text}` is no register", "Write %rax, or (x) for the location x.")
    return register


def _xchg(source: str, target: str) -> Step:
    if _memory(source) is not None:
        source, target = target, source
    register, where = _target(source), _memory(target)
    if where is None:
        raise Wrong("xchg of two registers", "One operand is a location.")
    address = where

    def step(machine: Machine) -> None:
        place = address(machine)
        new = get(machine, register)
        old = machine.read(place, LOCKED)
        machine.write(place, new, LOCKED, rmw=len(machine.events) - 1)
        put(machine, register, old)

    return step


def _cmpxchg(source: str, target: str, locked: bool) -> Step:
    value, where = _value(source), _memory(target)
    if where is None:
        raise Wrong("cmpxchg wants a location")
    address, tags = where, LOCKED if locked else PLAIN

    def step(machine: Machine) -> None:
        place = address(machine)
        old = machine.read(place, tags)
        machine.require(True)
        equal = compare(get(machine, "rax"), old)
        put(machine, FLAGS, equal)
        if machine.choose(2) == 0:
            machine.require(equal.value == 0)
            read = len(machine.events) - 1
            machine.write(place, value(machine), tags, rmw=read if locked else None)
        else:
            machine.require(equal.value != 0)
            put(machine, "rax", old)

    return step


def _xadd(source: str, target: str, locked: bool) -> Step:
    register, where = _target(source), _memory(target)
    if where is None:
        raise Wrong("xadd wants a location")
    address, tags = where, LOCKED if locked else PLAIN

    def step(machine: Machine) -> None:
        place = address(machine)
        old = machine.read(place, tags)
        read = len(machine.events) - 1
        new = combine("+", old, get(machine, register))
        machine.write(place, new, tags, rmw=read if locked else None)
        put(machine, register, old)

    return step


def _arithmetic(operator: str, source: str, target: str, locked: bool) -> Step:
    where = _memory(target)
    value = _read(source)
    if where is None:
        register = _target(target)

        def on_register(machine: Machine) -> None:
            result = combine(operator, get(machine, register), value(machine))
            put(machine, register, result)
            put(machine, FLAGS, compare(result, ZERO))

        return on_register
    address, tags = where, LOCKED if locked else PLAIN

    def on_memory(machine: Machine) -> None:
        place, by = address(machine), value(machine)
        old = machine.read(place, tags)
        read = len(machine.events) - 1
        result = combine(operator, old, by)
        machine.write(place, result, tags, rmw=read if locked else None)
        put(machine, FLAGS, compare(result, ZERO))

    return on_memory


def _cmp(source: str, target: str) -> Step:
    first, second = _read(target), _read(source)

    def step(machine: Machine) -> None:
        put(machine, FLAGS, compare(first(machine), second(machine)))

    return step


__all__ = ["X86"]
