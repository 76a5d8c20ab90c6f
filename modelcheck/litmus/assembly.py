"""Assembly litmus tests: a column a process, a row an instruction.

An instruction set (`ppc`, `x86`, `aarch64`) turns one instruction into a function over a `Machine`
that may name the label to go on at. A conditional branch makes all that follows depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Protocol

from attrs import define, frozen

from modelcheck.litmus.machine import ZERO, Cut, Datum, Machine
from modelcheck.litmus.scan import Source
from modelcheck.litmus.test import Execute, Litmus, Parts, expected_result, read_init, read_question
from modelcheck.litmus.widths import Kind, Memory

#: Runs an instruction; the result is the label of a branch that is taken.
Step = Callable[[Machine], str | None]

UNDECLARED = Kind()
#: What a conditional store looks at: 1 + the number of the event that reserved, 0 for none.
RESERVATION = "%reservation"
LAST = re.compile(r"\s*(?:exists|forall|locations|filter|final|observed|not\s+exists|~\s*exists)\b")
LABEL = re.compile(r"\s*([A-Za-z_.$][\w.$]*)\s*:(?!:)\s*")
INSTRUCTION = re.compile(r"\s*(\S+)\s*(.*?)\s*$", re.DOTALL)


class Wrong(Exception):
    """An instruction that cannot be read, and what to write."""

    def __init__(self, what: str, remedy: str = ""):
        super().__init__(what)
        self.what, self.remedy = what, remedy


@frozen
class Jump:
    """A branch to a label, if the condition (a number that is not 0) is true."""

    label: str
    condition: Callable[[Machine], Datum] | None = None

    def __call__(self, machine: Machine) -> str | None:
        if self.condition is None:
            return self.label
        datum = self.condition(machine)
        machine.ctrl |= datum.deps | datum.cdeps
        return self.label if machine.decide(datum) else None


class InstructionSet(Protocol):
    """What an architecture provides."""

    memory: Memory

    def register(self, name: str) -> str | None:
        """Return the name under which a register's value is kept; None if it is no register."""

    def instruction(self, name: str, operands: list[str]) -> Step:
        """Return what an instruction does; raises `Wrong`."""


@define
class Line:
    """An instruction or a label in the program of a process."""

    line: int
    step: Step | None
    label: str = ""


def read_program(parts: Parts, unroll: int) -> Litmus:
    """Return the test whose parts were found."""
    isa = _instruction_set(parts.arch)
    source = parts.source
    init = read_init(parts, isa.register)
    isa.memory = init.memory(source.file)
    rows, end = _rows(source, parts.clean, parts.program)
    header = rows[0]
    for k, (text, at) in enumerate(header):
        if text.strip().partition(":")[0] != f"P{k}":
            source.fail(
                at, f"`{text.strip()}` stands where P{k} should", "The first row names P0 | P1"
            )
    symbolic = {name: init.locations.pop(name) for name in list(init.locations) if name[0] == "%"}
    threads = []
    for k in range(len(header)):
        cells = [row[k] for row in rows[1:] if k < len(row)]
        given = symbolic | init.registers.get(k, {})
        start = {name: Datum(value) for name, value in given.items()}
        lines = _lines(source, isa, cells)
        threads.append(_program(lines, start, init.register_kinds.get(k, {}), unroll))
    for row in rows[1:]:
        if len(row) > len(header):
            source.fail(row[len(header)][1], "this row has more columns than there are processes")
    question = read_question(parts, end, init, len(threads), isa.register)
    return Litmus(
        parts.arch, parts.name, source.file, source, init.locations, tuple(threads), question,
        expected_result(source.text),
    )  # fmt: skip


def _instruction_set(arch: str) -> InstructionSet:
    if arch == "PPC":
        from modelcheck.litmus.ppc import Ppc

        return Ppc()
    if arch == "X86_64":
        from modelcheck.litmus.x86 import X86

        return X86()
    from modelcheck.litmus.aarch64 import AArch64

    return AArch64()


Cell = tuple[str, int]


def _rows(source: Source, text: str, at: int) -> tuple[list[list[Cell]], int]:
    """Return the rows of the program as cells with their positions, and where the program ends."""
    rows = []
    while LAST.match(text, at) is None and text[at:].strip():
        end = text.find(";", at)
        if end < 0:
            at += len(text[at:]) - len(text[at:].lstrip())
            source.fail(at, "this row never ends", "A row of the program ends with `;`.")
        cells = []
        for cell in text[at:end].split("|"):
            cells.append((cell, at + len(cell) - len(cell.lstrip())))
            at += len(cell) + 1
        rows.append(cells)
        at = end + 1
    if not rows:
        source.fail(at, "no program", "After the initial state comes a row `P0 | P1 ;`.")
    return rows, at


def _lines(source: Source, isa: InstructionSet, cells: Sequence[Cell]) -> list[Line]:
    """Return the program of a process; all labels that it jumps to are there."""
    lines: list[Line] = []
    places: list[int] = []
    for text, at in cells:
        found = _cell(source, isa, text, at)
        lines += found
        places += [at] * len(found)
    labels = {line.label for line in lines}
    for line, at in zip(lines, places, strict=True):
        target = line.step.label if isinstance(line.step, Jump) else None
        if target is not None and target not in labels:
            source.fail(at, f"there is no label `{target}`", "Write it before a line: `L0: ...`.")
    return lines


def _program(
    lines: Sequence[Line], start: Mapping[str, Datum], kinds: Mapping[str, Kind], unroll: int
) -> Execute:
    labels = {line.label: i for i, line in enumerate(lines) if line.label}

    def execute(machine: Machine) -> None:
        machine.regs.update(start)
        rounds: dict[int, int] = {}
        at = 0
        while at < len(lines):
            line = lines[at]
            at += 1
            if line.step is None:
                continue
            machine.line = line.line
            machine.statement += 1
            target = line.step(machine)
            if target is None:
                continue
            if labels[target] < at:
                rounds[at] = rounds.get(at, 0) + 1
                if rounds[at] > unroll:
                    raise Cut
            at = labels[target]
        for name, datum in machine.regs.items():
            fit = kinds.get(name, UNDECLARED).fit
            machine.regs[name] = datum._replace(value=fit(datum.value))

    return execute


def _cell(source: Source, isa: InstructionSet, text: str, at: int) -> list[Line]:
    lines = []
    line = source.line(at)
    while found := LABEL.match(text):
        lines.append(Line(line, None, found.group(1)))
        text = text[found.end() :]
    if text.strip():
        lines.append(Line(line, _instruction(source, isa, text, at)))
    return lines


def _instruction(source: Source, isa: InstructionSet, text: str, at: int) -> Step:
    found = INSTRUCTION.match(text)
    assert found is not None
    try:
        return isa.instruction(found.group(1), split_operands(found.group(2)))
    except Wrong as wrong:
        source.fail(at, f"`{text.strip()}`: {wrong.what}", wrong.remedy)


def split_operands(text: str) -> list[str]:
    """Return the operands of an instruction.

    Examples
    --------
    >>> split_operands("W1,[X2, X3] , #1")
    ['W1', '[X2, X3]', '#1']
    """
    operands, depth, last = [], 0, 0
    for i, character in enumerate(text):
        depth += (character in "[({") - (character in "])}")
        if character == "," and depth == 0:
            operands.append(text[last:i].strip())
            last = i + 1
    operands.append(text[last:].strip())
    return [operand for operand in operands if operand]


def wrong_operands(name: str, operands: Sequence[str], wanted: str) -> NoReturn:
    """Raise the error of an instruction with other operands than it takes."""
    raise Wrong(f"{name} takes {wanted}, not {', '.join(operands) or 'nothing'}")


def immediate(text: str) -> int:
    """Return the value of a number, with or without `$` or `#`."""
    digits = text.lstrip("#$")
    try:
        return int(digits, 0)
    except ValueError:
        raise Wrong(f"`{text}` is no number") from None


def on_flags(flags: str, holds: Callable[[int], bool], label: str) -> Jump:
    """Return the branch that is taken if flags, which a register holds, are so."""

    def condition(machine: Machine) -> Datum:
        datum = get(machine, flags)
        return datum._replace(value=int(isinstance(datum.value, int) and holds(datum.value)))

    return Jump(label, condition)


def fence(*tags: str) -> Step:
    """Return the barrier with these tags."""
    return lambda machine: machine.fence(*tags)


def reserve(machine: Machine) -> None:
    """Remember the read just done, of an exclusive or reserving load."""
    machine.regs[RESERVATION] = Datum(len(machine.events))


def reserved(machine: Machine, address: Datum) -> int | None:
    """Return the read that a store to an address is conditional on, which ends what it reserved.

    None where there is no such read, or one of another location.
    """
    number = get(machine, RESERVATION).value
    machine.regs[RESERVATION] = Datum(0)
    if not isinstance(number, int) or number == 0:
        return None
    return number - 1 if machine.events[number - 1].loc == address.value else None


def get(machine: Machine, register: str) -> Datum:
    """Return the value of a register, 0 if nothing was written to it."""
    return machine.regs.get(register, ZERO)


def put(machine: Machine, register: str, datum: Datum) -> None:
    """Write a register."""
    machine.regs[register] = Datum(datum.value, datum.deps, datum.cdeps)


__all__ = ["InstructionSet", "Step", "Wrong", "Jump", "immediate", "read_program"]
