"""A C litmus test as a generator program: source that a person would want to read.

Each process becomes a process, each shared variable a field, and what the condition asks of a
register is stored at the end of its process. Locations whose address is a value stand in one array
of cells with names for keys; one whose address is computed with becomes an array of one cell. What
has no step in `modelcheck.kernel` is refused, with file, line and column. Neighbours: `ccode` finds
what names in the C stand for, `exporting` goes the other way.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from typing import NoReturn

from modelcheck import kernel
from modelcheck.errors import UsageError
from modelcheck.litmus.condition import And, Equal, Implies, Not, Or, Place, Proposition
from modelcheck.litmus.cparse import (
    Assign,
    Binary,
    Call,
    Deref,
    Expr,
    If,
    Name,
    Number,
    Process,
    Run,
    Stmt,
    Store,
    While,
)
from modelcheck.litmus.primitives import find
from modelcheck.litmus.test import Litmus
from modelcheck.programs.ccode import (
    COMPARISONS,
    addresses,
    is_truth,
    needs_value,
    nodes,
    value_names,
)

#: Calls whose step has another name or another form here.
RENAMED = {
    "atomic_xchg": "xchg", "atomic_cmpxchg": "cmpxchg", "srcu_down_read": "srcu_read_lock",
    "srcu_up_read": "srcu_read_unlock", "synchronize_rcu_expedited": "synchronize_rcu",
    "synchronize_srcu_expedited": "synchronize_srcu",
    **{f"atomic_{f}_{s}": f"{f}_{s}" for f in ("xchg", "cmpxchg")
       for s in ("relaxed", "acquire", "release")},
}  # fmt: skip
#: Forms without an amount, as forms with one.
BY_ONE = {"inc": "1", "dec": "-1"}
SAME_IN_PYTHON = ("+", "-", "*", "^", "&", "|", "<<", ">>")
#: Names that the text of a model needs for itself.
TAKEN = {"s", "System", "at_end", "cells", "model", "process", "state", "Shared", "at"}


def python_source(test: Litmus) -> str:
    """Return the text of a Python file with the test as a model.

    Its property holds where herd7 says `Ok`, or, for `exists`, where the condition is never met.
    The model expects what a ``Result:`` comment promises.

    Raises
    ------
    UsageError
        Where the test is not in C.
    LitmusError
        Where it does what no step says.
    """
    if test.arch != "C":
        raise UsageError(
            f"{test.file}: a {test.arch} test has no Python program; C tests (LKMM) have"
        )
    return Importer(test).source()


class Importer:
    """The text of one test, as it is put together."""

    def __init__(self, test: Litmus):
        self.test = test
        self.processes: list[Process] = list(test.code)  # type: ignore[arg-type] # of a C test
        self.names: set[str] = set()
        self.words: set[str] = set()
        trees = [node for p in self.processes for node in nodes(p.body)]
        shared = dict.fromkeys(n for p in self.processes for n in p.parameters)
        values = [*test.init.values(), *(v for r in test.registers.values() for v in r.values())]
        targets = [v for v in values if isinstance(v, str)]
        self.shared = [*dict.fromkeys([*test.init, *shared, *targets])]
        self.pointed = self._pointed(trees)
        self.arrays = self._arrays(trees)
        self.locks = self._locks(trees)
        self.observed = [p for p in self.observed_all() if p.proc is not None]
        self.register: dict[str, str] = {}

    def _fail(self, node: Expr | Stmt, what: str, remedy: str = "") -> NoReturn:
        self.test.source.fail(node.at, f"{what} has no step in Python", remedy)

    # What the variables are

    def observed_all(self) -> list[Place]:
        """Return the places that condition, filter and printed states read."""
        question = self.test.question
        places = dict.fromkeys(question.observed())
        if question.filter is not None:
            places |= dict.fromkeys(question.filter.places())
        return list(places)

    def _pointed(self, trees: Sequence[Expr | Stmt]) -> list[str]:
        """Return the locations whose address is a value."""
        values = [v for v in self.test.init.values() if isinstance(v, str)]
        parameters = {n for p in self.processes for n in p.parameters}
        for node in trees:
            values += [n for n in value_names(node) if n in parameters]
        for registers in self.test.registers.values():
            values += [v for v in registers.values() if isinstance(v, str)]
        return [n for n in self.shared if n in values]

    def _arrays(self, trees: Sequence[Expr | Stmt]) -> set[str]:
        """Return the locations whose address is computed with."""
        found = set()
        for node in trees:
            for address in addresses(node):
                if isinstance(address, Binary) and isinstance(address.left, Name):
                    found.add(address.left.name)
        return found

    def _locks(self, trees: Sequence[Expr | Stmt]) -> set[str]:
        found = set()
        for node in trees:
            primitive = find(node.function) if isinstance(node, Call) else None
            if primitive and primitive.kind in ("lock", "unlock", "trylock", "islocked"):
                assert isinstance(node, Call)
                if isinstance(node.args[0], Name):
                    found.add(node.args[0].name)
        return found

    # The file

    def source(self) -> str:
        """Return the whole text."""
        bodies = [self._process(p) for p in self.processes]
        prop = self._property()
        array = ["cells"] * bool(self.pointed or self.arrays)
        what = ["System", "at_end", *array, "model", "process", "state"]
        lines = [f'"""{_doc(self.test.name)}: {_doc(self.test.question.text())}."""', ""]
        lines += [_imports("modelcheck", what)]
        lines += [_imports("modelcheck.kernel", sorted(self.words))] if self.words else []
        lines += ["", "", *self._state(), ""]
        for body in bodies:
            lines += ["", *body, ""]
        lines += ["", *prop, "", "", *self._model()]
        return "\n".join(lines) + "\n"

    def _state(self) -> list[str]:
        lines = ["@state", "class Shared:"]
        for name in self.shared:
            initial = self.test.init.get(name, 0)
            if "+" in name:
                raise UsageError(f"{self.test.file}: the array of {name} has no form in Python")
            if name in self.pointed:
                continue
            if name in self.arrays:
                lines.append(f"    {self._name(name)} = cells([{initial!r}])")
            elif name in self.locks:
                lines.append(f"    {self._name(name)}: bool = False")
            elif isinstance(initial, str):
                lines.append(f"    {self._name(name)}: object = {initial!r}  # points to it")
            else:
                lines.append(f"    {self._name(name)}: object = {initial!r}" if self._mixed()
                             else f"    {self._name(name)}: int = {initial!r}")  # fmt: skip
        if self.pointed:
            held = ", ".join(f"{n!r}: {self.test.init.get(n, 0)!r}" for n in self.pointed)
            lines.append(f"    at = cells({{{held}}})  # by the address: what pointers lead to")
        lines += [f"    {self._result(place)}: object = 0" for place in self.observed]
        return lines if len(lines) > 2 else [*lines, "    pass"]

    def _mixed(self) -> bool:
        return bool(self.pointed)

    def _model(self) -> list[str]:
        expected = self._expected()
        decorator = f'@model(expect={{"lkmm": {expected!r}, "else": None}})'
        name = re.sub(r"\W+", "_", self.test.name).strip("_").lower() or "test"
        name = f"test_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
        started = ", ".join(f"P{p.number}(s)" for p in self.processes)
        prop = self._property_name()
        return [
            decorator if expected else "@model", f"def {name}():", "    s = Shared()",
            f"    return System(s, [{started}], [{prop}], deadlock={self._can_be_stuck()})",
        ]  # fmt: skip

    def _can_be_stuck(self) -> bool:
        return self.test.expected is not None and self.test.expected.startswith("DEADLOCK")

    def _expected(self) -> str:
        word = (self.test.expected or "").split()
        if not word:
            return ""
        if word[0] == "DEADLOCK":
            return "deadlock"
        fine = "Always" if self.test.question.quantifier == "forall" else "Never"
        if word[0] != fine:
            return "violated"
        return "flag" if len(word) > 1 else "holds"

    def _property_name(self) -> str:
        return "always_so" if self.test.question.quantifier == "forall" else "never_so"

    def _property(self) -> list[str]:
        question = self.test.question
        condition = self._proposition(question.proposition)
        if question.filter is not None:
            wanted = self._proposition(question.filter)
            condition = (
                f"not ({wanted}) or ({condition})" if question.quantifier == "forall"
                else f"({wanted}) and ({condition})"
            )  # fmt: skip
        said = condition if question.quantifier == "forall" else f"not ({condition})"
        return ["@at_end", f"def {self._property_name()}(s):", f"    return {said}"]

    def _proposition(self, it: Proposition) -> str:
        match it:
            case Equal(place, Place() as other):
                return f"{self.place(place)} == {self.place(other)}"
            case Equal(place, value):
                shown = bool(value) if place.proc is None and place.name in self.locks else value
                return f"{self.place(place)} == {shown!r}"
            case Not(body):
                return f"not ({self._proposition(body)})"
            case And(parts):
                return " and ".join(f"({self._proposition(p)})" for p in parts) or "True"
            case Or(parts):
                return " or ".join(f"({self._proposition(p)})" for p in parts) or "False"
            case Implies(first, second):
                return f"(not ({self._proposition(first)}) or ({self._proposition(second)}))"
        raise AssertionError(it)

    def place(self, place: Place) -> str:
        return f"s.{self._result(place)}" if place.proc is not None else self.location(place.name)

    def _result(self, place: Place) -> str:
        return f"P{place.proc}_{_plain(place.name)}"

    def location(self, name: str) -> str:
        """Return the reference to a variable: ``s.x``."""
        if name in self.pointed:
            return f"s.at[{name!r}]"
        return f"s.{self._name(name)}" + ("[0]" if name in self.arrays else "")

    def _name(self, name: str) -> str:
        plain = _plain(name)
        return f"{plain}_" if plain in ("at",) or plain in self._result_names() else plain

    def _result_names(self) -> set[str]:
        return {self._result(place) for place in self.observed}

    # Processes

    def _process(self, process: Process) -> list[str]:
        self.register = {}
        self.parameters = set(process.parameters)
        body = self._block(process.body, "    ")
        initial = self.test.registers.get(process.number, {})
        results = [p for p in self.observed if p.proc == process.number]
        needed = needs_value(process.body, {p.name for p in results})
        start = [
            f"    {self._local(n)} = {initial.get(n, 0)!r}"
            for n in sorted(needed | set(initial))
            if n not in self.parameters
        ]
        stores = [
            f"    yield s.{self._result(p)}.set({self._register_value(p.name)})" for p in results
        ]
        lines = [*start, *body, *stores]
        if not any("yield" in line for line in lines):
            lines.append("    if False:\n        yield  # it does nothing")
        return ["@process", f"def P{process.number}(s):", *lines]

    def _register_value(self, name: str) -> str:
        return repr(name) if name in self.parameters else self._local(name)

    def _local(self, name: str) -> str:
        if name not in self.register:
            plain = _plain(name)
            bad = plain in TAKEN or plain in self.words or hasattr(kernel, plain)
            self.register[name] = f"{plain}_" if bad else plain
        return self.register[name]

    def _block(self, statements: Sequence[Stmt], pad: str) -> list[str]:
        lines = [line for s in statements for line in self._statement(s, pad)]
        return lines or [f"{pad}pass"]

    def _statement(self, it: Stmt, pad: str) -> list[str]:
        match it:
            case Assign(name, value):
                if name in self.parameters:
                    self._fail(it, f"an assignment to the parameter `{name}`")
                return [f"{pad}{self._local(name)} = {self._top(value)}"]
            case Store(address, value):
                return [f"{pad}yield {self._ref(address)}.set({self.value(value)})"]
            case Run(value):
                return [f"{pad}{self._top(value)}"]
            case If(condition, then, otherwise):
                lines = [f"{pad}if {self.test_of(condition)}:", *self._block(then, pad + "    ")]
                if otherwise:
                    lines += [f"{pad}else:", *self._block(otherwise, pad + "    ")]
                return lines
            case While(condition, body, first):
                if first:
                    self._fail(it, "`do` ... `while`", "Write the body once before the loop.")
                inner = self._block(body, pad + "    ")
                return [f"{pad}while {self.test_of(condition)}:", *inner]
        raise AssertionError(it)

    # Expressions

    def _top(self, it: Expr) -> str:
        """Return an expression that stands alone: a step without brackets."""
        text = self.value(it)
        return text[1:-1] if text.startswith("(yield") and closes_last(text) else text

    def test_of(self, it: Expr) -> str:
        """Return a condition."""
        if isinstance(it, Binary) and it.operator in ("==", "!="):
            right = self.value(it.right)
            if right == "0" and isinstance(it.left, Binary | Call | Name):
                left = self.test_of(it.left) if is_truth(it.left) else self.value(it.left)
                if is_truth(it.left):
                    return left if it.operator == "!=" else f"not ({left})"
        if isinstance(it, Binary) and it.operator in COMPARISONS:
            return f"{self.value(it.left)} {it.operator} {self.value(it.right)}"
        if isinstance(it, Binary) and it.operator in ("&&", "||"):
            return self._joined(it)
        return self.value(it)

    def _joined(self, it: Binary) -> str:
        """Return ``a && b``: a value that comes from both sides, as herd7 has it."""
        sides = []
        for side in (it.left, it.right):
            text = self.test_of(side)
            sides.append(f"({text})" if is_truth(side) else f"({text} != 0)")
        return f" {it.operator[0]} ".join(sides)

    def value(self, it: Expr) -> str:
        """Return an expression as a value."""
        match it:
            case Number(value):
                return str(value)
            case Name(name):
                return repr(name) if name in self.parameters else self._local(name)
            case Deref(address):
                return f"(yield {self._ref(address)})"
            case Binary(operator, left, right):
                if operator in COMPARISONS or operator in ("&&", "||"):
                    return f"int({self.test_of(it)})"
                if operator == "&~":
                    return f"({self.value(left)} & ~{self.value(right)})"
                if operator not in SAME_IN_PYTHON:
                    self._fail(it, f"`{operator}`, which rounds in another way,")
                return f"({self.value(left)} {operator} {self.value(right)})"
            case Call():
                return self._call(it)
        raise AssertionError(it)

    def _ref(self, address: Expr) -> str:
        """Return the reference that an address stands for."""
        match address:
            case Name(name) if name in self.parameters:
                return self.location(name)
            case Binary("+", Name(name), offset) if name in self.arrays:
                if name in self.pointed:
                    self._fail(address, f"an offset to `{name}`, which pointers lead to,")
                return f"s.{self._name(name)}[{self.value(offset)}]"
            case Binary():
                self._fail(address, "arithmetic of addresses")
        if not self.pointed:
            self._fail(address, "an address that no variable has")
        return f"s.at[{self.value(address)}]"

    def _call(self, it: Call) -> str:
        primitive = find(it.function)
        assert primitive is not None  # the test was compiled
        name = RENAMED.get(it.function, it.function)
        arguments = []
        for number, argument in enumerate(it.args):
            if number == primitive.address and primitive.kind != "fence":
                lvalue = primitive.lvalue and isinstance(argument, Deref)
                inner = argument.address if lvalue and isinstance(argument, Deref) else argument
                arguments.append(self._ref(inner))
            else:
                arguments.append(self.value(argument))
        for word, amount in BY_ONE.items():
            longer = name.replace(f"_{word}", "_add", 1)
            if not hasattr(kernel, name) and f"_{word}" in name and hasattr(kernel, longer):
                name, arguments = longer, [amount, *arguments]
        if not hasattr(kernel, name):
            self._fail(it, f"`{it.function}`")
        self.words.add(name)
        how = "yield from" if name == "smp_store_mb" else "yield"
        step = f"({how} {name}({', '.join(arguments)}))"
        truth = primitive.kind in ("trylock", "islocked", "unless") or bool(primitive.test)
        return f"int({step})" if truth else step


def closes_last(text: str) -> bool:
    """Return whether the first bracket is closed by the last one."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return at == len(text) - 1
    return False


def _plain(name: str) -> str:
    made = re.sub(r"\W", "_", name)
    return f"{made}_" if keyword.iskeyword(made) else made


def _doc(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'")


def _imports(package: str, names: Sequence[str]) -> str:
    line = f"from {package} import {', '.join(names)}"
    if len(line) <= 100:
        return line
    return "\n".join([f"from {package} import (", *(f"    {n}," for n in names), ")"])


__all__ = ["Importer", "closes_last", "python_source"]
