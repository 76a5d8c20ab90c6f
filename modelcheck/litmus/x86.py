"""The x86-64 instructions of litmus tests, in AT&T syntax: the target stands last."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import evolve, frozen

from modelcheck.litmus.assembly import (
    Jump,
    Step,
    Wrong,
    fence,
    get,
    immediate,
    on_flags,
    put,
    wrong_operands,
)
from modelcheck.litmus.machine import Datum, Machine
from modelcheck.litmus.widths import (
    CARRY,
    NEGATIVE,
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

FENCES = ("mfence", "lfence", "sfence")
ARITHMETIC = {"add": "+", "sub": "-", "xor": "^", "and": "&", "or": "|",
              "inc": "+", "dec": "-"}  # fmt: skip
#: What flags a jump asks for: (less, below, equal, negative) -> bool.
JUMPS: dict[str, Callable[[bool, bool, bool, bool], bool]] = {
    "e": lambda less, below, equal, negative: equal,
    "l": lambda less, below, equal, negative: less,
    "le": lambda less, below, equal, negative: less or equal,
    "b": lambda less, below, equal, negative: below,
    "be": lambda less, below, equal, negative: below or equal,
    "s": lambda less, below, equal, negative: negative,
}
OPPOSITES = {"ge": "l", "g": "le", "ae": "b", "a": "be"}
SYNONYMS = {"z": "e", "c": "b", "nc": "ae"}
SIZES = {"l": 4, "q": 8}
MEMORY = re.compile(r"(-?\w*)(?:\(([^()]*)\)|\[([^\[\]]*)\])$")
LEGACY = {"a": "rax", "b": "rbx", "c": "rcx", "d": "rdx"}
POINTERS = {"si": "rsi", "di": "rdi", "bp": "rbp", "sp": "rsp"}
UNUSED = ("rip", "cs", "ds", "es", "fs", "gs", "ss")  # they have names, and no instruction
PLAIN: frozenset[str] = frozenset()
LOCKED = frozenset({"X"})
FLAGS = "%flags"

Get = Callable[[Machine], Datum]


class X86:
    """The instruction set of ``X86_64`` tests."""

    def __init__(self) -> None:
        self.memory = Memory()

    def register(self, name: str) -> str | None:
        return canonical(name) or (name if name in UNUSED else None)

    def instruction(self, name: str, operands: list[str]) -> Step:
        name = name.lower()
        locked = name == "lock"
        if locked:
            first, _, rest = operands[0].partition(" ") if operands else ("", "", "")
            name, operands = first.lower(), [rest.strip(), *operands[1:]]
        if name in FENCES:
            return fence(name)
        if name == "nop":
            return lambda machine: None
        if name == "jmp" and len(operands) == 1:
            return Jump(operands[0])
        if name.startswith("j") and len(operands) == 1:
            return on_flags(FLAGS, _condition(name[1:]), operands[0])
        return _operation(self.memory, name, operands, locked)


def canonical(name: str) -> str | None:
    """Return the 64-bit register that a name is a part of; None if it is none.

    Examples
    --------
    >>> canonical("%eax"), canonical("r8d"), canonical("x")
    ('rax', 'r8', None)
    """
    name = name.lower().lstrip("%")
    if numbered := re.match(r"(r\d+)d?$", name):
        return numbered.group(1)
    if letter := re.match(r"[re]([abcd])x$", name):
        return LEGACY[letter.group(1)]
    if pointer := re.match(r"[re](si|di|bp|sp)$", name):
        return POINTERS[pointer.group(1)]
    return None


def _width(name: str, base: str, operands: list[str]) -> int:
    """Return the bytes that an instruction works on, by its suffix, else by its registers."""
    if name != base:
        return SIZES[name[-1]]
    registers = [o.lower().lstrip("%") for o in operands if canonical(o)]
    quad = any(re.match(r"r([a-z]|\d+$)", register) for register in registers)
    return 8 if quad else 4


def _condition(name: str) -> Callable[[int], bool]:
    """Return whether flags are as ``e``, ``ne``, ``l``, ... asks."""
    name = SYNONYMS.get(name, name)
    positive = not name.startswith("n")
    name = SYNONYMS.get(name.removeprefix("n"), name.removeprefix("n"))
    if name in OPPOSITES:
        name, positive = OPPOSITES[name], not positive
    if name not in JUMPS:
        raise Wrong("unknown instruction", "Jumps are je, jne, jl, jle, jg, jge, jb, jbe, ja, "
                    "jae, js, jns.")  # fmt: skip
    asks = JUMPS[name]

    def holds(flags: int) -> bool:
        equal, negative = bool(flags & ZERO_FLAG), bool(flags & NEGATIVE)
        return asks(is_less(flags), not flags & CARRY, equal, negative) is positive

    return holds


def _memory(text: str) -> Get | None:
    """Return the address of an operand: ``(x)``, ``[x]``, ``4(%rax)``, ``(%rax,%rbx,4)``."""
    found = MEMORY.match(text)
    if found is None:
        return None
    words = [word.strip() for word in (found.group(2) or found.group(3) or "").split(",")]
    if len(words) > 3 or len(words) == 3 and words[2] not in ("1", "2", "4", "8"):
        raise Wrong(f"`{text}` is no address", "Write (x), 4(%rax) or (%rax,%rbx,4).")
    scale = Datum(int(words[2])) if len(words) == 3 else Datum(1)
    parts = [_part(word) for word in (found.group(1), *words[:1]) if word]
    index = _part(words[1]) if len(words) > 1 else Datum(0)

    def address(machine: Machine) -> Datum:
        result = _of(machine, index)
        if scale.value != 1:
            result = operate("*", result, scale, 8)
        for part in parts:
            result = operate("+", result, _of(machine, part), 8)
        return result

    return address


def _of(machine: Machine, part: str | Datum) -> Datum:
    return get(machine, part) if isinstance(part, str) else part


def _part(word: str) -> str | Datum:
    if word.startswith("%"):
        return canonical(word) or word
    if word.lstrip("-").isdigit():
        return Datum(int(word))
    return Datum(word)


def _value(text: str, size: int) -> Get:
    """Return a register's value or a constant."""
    if text.startswith("$"):
        named = re.match(r"\$[A-Za-z_]", text)
        constant = Datum(text[1:] if named else wrapped(immediate(text), size))
        return lambda machine: constant
    name = _register(text)

    def value(machine: Machine) -> Datum:
        datum = get(machine, name)
        return datum._replace(value=wrapped(datum.value, size))

    return value


def _register(text: str) -> str:
    register = canonical(text)
    if register is None:
        raise Wrong(f"`{text}` is no register", "Write %rax or %eax, $1, or (x) for a location.")
    return register


def _operation(memory: Memory, name: str, operands: list[str], locked: bool) -> Step:
    base = name if name in OPERATIONS else name[:-1]
    if base not in OPERATIONS or name != base and name[-1] not in SIZES:
        raise Wrong("unknown instruction", "These are known: mov, xchg, cmpxchg, xadd, add, sub, "
                    "and, or, xor, inc, dec, cmp, test of 4 or 8 bytes, jumps, mfence, lfence, "
                    "sfence.")  # fmt: skip
    size = _width(name, base, operands)
    if base in ("inc", "dec") and len(operands) == 1:
        operands = ["$1", *operands]
    if len(operands) != 2:
        wrong_operands(name, operands, "two operands")
    return OPERATIONS[base](Operands(memory, base, operands[0], operands[1], size, locked))


@frozen
class Operands:
    """The operands of an instruction: source and target, their bytes, whether it is locked."""

    memory: Memory
    name: str
    source: str
    target: str
    size: int
    locked: bool

    def read(self, text: str) -> Get:
        """Return the value of any operand; a memory operand is read."""
        where = _memory(text)
        if where is None:
            return _value(text, self.size)
        address = where
        return lambda machine: self.memory.load(machine, address(machine), self.size)

    def place(self) -> Get:
        """Return the address of the target, which must be in memory."""
        where = _memory(self.target)
        if where is None:
            raise Wrong(f"{self.name} wants a location", "Write (x) for the location x.")
        return where

    def load(self, machine: Machine, place: Datum) -> Datum:
        """Read the target."""
        return self.memory.load(machine, place, self.size, LOCKED if self.locked else PLAIN)

    def store(self, machine: Machine, place: Datum, value: Datum, read: int) -> None:
        """Write the target; only a locked instruction is one with its read."""
        tags, rmw = (LOCKED, read) if self.locked else (PLAIN, None)
        self.memory.store(machine, place, value, Write(self.size, tags, rmw))


def _mov(given: Operands) -> Step:
    where, value = _memory(given.target), given.read(given.source)
    if where is None:
        register = _register(given.target)
        return lambda machine: put(machine, register, value(machine))
    address = where

    def step(machine: Machine) -> None:
        given.memory.store(machine, address(machine), value(machine), Write(given.size))

    return step


def _xchg(given: Operands) -> Step:
    if _memory(given.source) is not None:
        given = evolve(given, source=given.target, target=given.source)
    given = evolve(given, locked=True)
    register, value, address = _register(given.source), given.read(given.source), given.place()

    def step(machine: Machine) -> None:
        place, new = address(machine), value(machine)
        old = given.load(machine, place)
        given.store(machine, place, new, len(machine.events) - 1)
        put(machine, register, old)

    return step


def _cmpxchg(given: Operands) -> Step:
    value, address = _value(given.source, given.size), given.place()
    expected = _value("%rax", given.size)

    def step(machine: Machine) -> None:
        place, wanted = address(machine), expected(machine)
        old = given.load(machine, place)
        flags = compared(wanted, old, given.size)
        put(machine, FLAGS, flags)
        same = bool(int(flags.value) & ZERO_FLAG)
        if machine.choose(2) == 0:
            machine.require(same)
            given.store(machine, place, value(machine), len(machine.events) - 1)
        else:
            machine.require(not same)
            put(machine, "rax", old)

    return step


def _xadd(given: Operands) -> Step:
    register, value, address = _register(given.source), given.read(given.source), given.place()

    def step(machine: Machine) -> None:
        place, by = address(machine), value(machine)
        old = given.load(machine, place)
        read = len(machine.events) - 1
        given.store(machine, place, operate("+", old, by, given.size), read)
        put(machine, FLAGS, Datum(sum_flags(old.value, by.value, given.size), old.deps | by.deps))
        put(machine, register, old)

    return step


def _arithmetic(given: Operands) -> Step:
    operator, size = ARITHMETIC[given.name], given.size
    value, where = given.read(given.source), _memory(given.target)

    def flag(machine: Machine, a: Datum, b: Datum, result: Datum) -> None:
        put(machine, FLAGS, result._replace(value=_flags(operator, a, b, result, size)))

    if where is None:
        register, old_value = _register(given.target), _value(given.target, size)

        def on_register(machine: Machine) -> None:
            by = value(machine)
            old = old_value(machine)
            result = operate(operator, old, by, size)
            put(machine, register, result)
            flag(machine, old, by, result)

        return on_register
    address = where

    def on_memory(machine: Machine) -> None:
        place, by = address(machine), value(machine)
        old = given.load(machine, place)
        read = len(machine.events) - 1
        result = operate(operator, old, by, size)
        given.store(machine, place, result, read)
        flag(machine, old, by, result)

    return on_memory


def _flags(operator: str, a: Datum, b: Datum, result: Datum, size: int) -> int:
    if operator == "-":
        return difference_flags(a.value, b.value, size)
    if operator == "+":  # the carry of a sum is none of a difference: here it means no borrow
        return sum_flags(a.value, b.value, size) ^ CARRY
    return result_flags(result.value, size) | CARRY


def _cmp(given: Operands) -> Step:
    first, second = given.read(given.target), given.read(given.source)

    def step(machine: Machine) -> None:
        a, b = first(machine), second(machine)
        if given.name == "test":
            both = operate("&", a, b, given.size)
            put(machine, FLAGS, both._replace(value=_flags("&", a, b, both, given.size)))
        else:
            put(machine, FLAGS, compared(a, b, given.size))

    return step


OPERATIONS: dict[str, Callable[[Operands], Step]] = {
    "mov": _mov,
    "xchg": _xchg,
    "cmpxchg": _cmpxchg,
    "xadd": _xadd,
    "cmp": _cmp,
    "test": _cmp,
    **dict.fromkeys(ARITHMETIC, _arithmetic),
}

__all__ = ["X86"]
