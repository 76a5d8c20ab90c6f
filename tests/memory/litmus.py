"""Litmus tests in a line: threads, and a condition on what they read and what memory holds.

``P("x=1; a=y | y=1; b=x")`` has two threads. ``x=1`` stores, ``a=y`` loads (names before ``m`` in
the alphabet are registers), ``x=1.rel`` and ``a=y.acq`` are a release and an acquire, ``x+=1`` is a
read-modify-write without a result, ``a=x<-1`` a fully ordered exchange, and ``mb``, ``rmb``,
``wmb``, ``before_atomic`` and ``after_atomic`` are fences.

``cd tests && python -m memory.litmus FOLDER`` holds the tso explorer against a folder of x86
litmus files (``mov``, ``mfence``, ``xchg``) and its ``kinds.txt``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from oracle.memory import Machine, Op, Program
from oracle.memory_compare import system_of

from modelcheck import check
from modelcheck.verdict import Kind

FENCES = {"mb", "rmb", "wmb", "before_atomic", "after_atomic", "barrier"}
ORDERS = {"": "relaxed", "acq": "acquire", "rel": "release"}


class Litmus:
    """A program with the registers that its results go to."""

    def __init__(self, program: Program, registers: list[list[str]]):
        self.program, self.registers = program, registers

    def allowed(self, condition: str, model: str, engine: str = "auto") -> bool:
        """Whether a memory model allows an outcome."""
        system = system_of(self.program, Forbidden(self, condition))
        result = check(system, memory=model, engine=engine)
        assert result.holds or result.violation.kind is Kind.FINAL
        return not result.holds


class Forbidden:
    """All outcomes for which a condition is false."""

    def __init__(self, litmus: Litmus, condition: str):
        self.litmus = litmus
        self.code = compile(condition, condition, "eval")
        self.names = Machine(litmus.program, "sc").names

    def __contains__(self, outcome: tuple) -> bool:
        results, memory = outcome
        values = dict(zip(self.names, memory, strict=True))
        for names, seen in zip(self.litmus.registers, results, strict=True):
            values |= {n: v for n, v in zip(names, seen, strict=True) if n}
        return not eval(self.code, {}, values)

    def __modelcheck_key__(self) -> object:
        return id(self)


def P(text: str) -> Litmus:
    """The litmus test of a line."""
    threads, registers = [], []
    for column in text.split("|"):
        ops = [_op(word.strip()) for word in column.split(";") if word.strip()]
        threads.append(tuple(op for op, _ in ops))
        registers.append([r for op, r in ops if op.kind in ("load", "add", "swap", "cas")])
    return Litmus(Program(tuple(threads), tuple(range(len(threads)))), registers)


def _op(word: str) -> tuple[Op, str]:
    """The instruction of a word, and the register of its result."""
    if word in FENCES:
        return Op("fence", order=word), ""
    if added := re.fullmatch(r"(\w+)\+=(\d+)", word):
        return Op("add", added[1], int(added[2])), ""
    if swapped := re.fullmatch(r"(\w+)=(\w+)<-(\d+)", word):
        return Op("swap", swapped[2], int(swapped[3]), "full"), swapped[1]
    left, right, order = re.fullmatch(r"(\w+)=(\w+)(?:\.(\w+))?", word).groups()
    if right.isdigit():
        return Op("store", left, int(right), ORDERS[order or ""]), ""
    return Op("load", right, 0, ORDERS[order or ""]), left


def x86(text: str) -> tuple[Litmus, str]:
    """The test and the condition (as Python) of an x86 litmus file of simple instructions."""
    body, condition = re.search(r"\{.*?\}(.*?)(?:~?exists|forall)\s*(.*)", text, re.S).groups()
    rows = [row.strip().rstrip(";").split("|") for row in body.strip().splitlines()]
    threads, registers = [], []
    for column in list(zip(*rows, strict=True)):
        ops = [_x86_op(cell.strip()) for cell in column[1:] if cell.strip()]
        threads.append(tuple(op for op, _ in ops))
        registers.append(
            [r and f"p{column[0].strip()[1:]}_{r}" for op, r in ops if op.kind in ("load", "swap")]
        )
    condition = re.sub(r"(\d+):r?(\w+)", r"p\1_\2", condition)
    condition = re.sub(r"\[(\w+)\]", r"\1", condition).replace("=", "==")
    condition = condition.replace("/\\", " and ").replace("\\/", " or ").replace("~", " not ")
    return Litmus(Program(tuple(threads), tuple(range(len(threads)))), registers), condition


def _x86_op(cell: str) -> tuple[Op, str]:
    if cell == "mfence":
        return Op("fence", order="mb"), ""
    if store := re.fullmatch(r"movl \$(\d+),\((\w+)\)", cell):
        return Op("store", store[2], int(store[1])), ""
    load = re.fullmatch(r"movl \((\w+)\),%e(\w+)", cell)
    assert load, f"unknown instruction {cell!r}"
    return Op("load", load[1]), load[2]


def main() -> int:
    folder = Path(sys.argv[1])
    right = 0
    kinds = dict(
        line.split() for line in (folder / "kinds.txt").read_text().splitlines() if line.strip()
    )
    for name, kind in kinds.items():
        litmus, condition = x86((folder / f"{name}.litmus").read_text())
        said = "Allow" if litmus.allowed(condition, "tso") else "Forbid"
        right += said == kind
        if said != kind:
            print(f"{name}: {said}, expected {kind}")
    print(f"{right} of {len(kinds)}")
    return right != len(kinds)


if __name__ == "__main__":
    sys.exit(main())
