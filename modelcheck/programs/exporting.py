"""A small model as a C litmus test, for herd7 and klitmus7.

The source of each process is translated statement by statement. What does not depend on a load is
decided here (a parameter, a loop over a range), so one model gives one straight test; references
become parameters, local variables registers. A wait becomes a load and a clause of `filter`. The
`at_end` properties become the condition: `exists` a final state that breaks one. What has no form
in C litmus tests is refused, with file and line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from attrs import define, field

from modelcheck.errors import ModelError
from modelcheck.language.model import System
from modelcheck.language.process import Process
from modelcheck.language.properties import PropertyFunction
from modelcheck.language.refs import Ref
from modelcheck.language.source import tree_of
from modelcheck.litmus.primitives import PRIMITIVES
from modelcheck.programs.importing import closes_last
from modelcheck.verdict import Verdict

OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.BitXor: "^", ast.BitAnd: "&", ast.BitOr: "|",
    ast.LShift: "<<", ast.RShift: ">>", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=",
    ast.Gt: ">", ast.GtE: ">=", ast.Is: "==", ast.IsNot: "!=",
}  # fmt: skip
#: Methods of a location: the C call, and whether the location comes last.
METHODS = {"add": "atomic_fetch_add_relaxed", "swap": "xchg_relaxed", "cas": "cmpxchg_relaxed"}
#: A lock's field holds whether it is taken; in C it has a type of its own.
LOCKS = ("spin_lock", "spin_unlock", "spin_trylock", "spin_is_locked")
SRCU = ("srcu_read_lock", "srcu_read_unlock", "synchronize_srcu")


def litmus_source(system: System) -> str:
    """Return the text of a C litmus test that asks what the model asks.

    Raises
    ------
    ModelError
        Where something in the model has no form in a litmus test.
    """
    processes = [Translation(n, p, system) for n, p in enumerate(system.processes)]
    bodies = [p.text() for p in processes]
    types = {k: v for p in processes for k, v in p.types.items()}
    used = {name for p in processes for name in p.used}
    condition = _condition(system, types)
    head = [f"C {re.sub(r'[^-+.A-Za-z0-9_]', '-', system.name)}", "", *_result(system)]
    initial = [
        f"  int {c_name(r)} = {_number(r.initial, r.name, system)};"
        for r in system.refs if r.initial and types.get(c_name(r), "int") == "int"
        and c_name(r) in used
    ]  # fmt: skip
    waits = [clause for p in processes for clause in p.waits]
    clauses = " /\\ ".join(waits)
    tail = [f"filter ({clauses})"] if waits else []
    lines = [*head, "{", *initial, "}", "", *bodies, *tail, f"exists ({condition})"]
    return "\n".join(lines) + "\n"


def _result(system: System) -> list[str]:
    expected = system.expects("lkmm")
    if expected.by and expected.by not in [p.name for p in system.properties]:
        return []
    words: dict[Verdict | None, str] = {Verdict.HOLDS: "Never", Verdict.VIOLATED: "Sometimes"}
    word = words.get(expected.verdict)
    return [f"(* Result: {word} *)", ""] if word else []


def c_name(ref: Ref) -> str:
    """Return a location's name as C has it: ``mm.level[2]`` is ``mm_level_2``."""
    return re.sub(r"\W+", "_", ref.name).strip("_")


def _number(value: Any, name: str, system: System) -> int:
    if isinstance(value, bool | int):
        return int(value)
    raise ModelError(
        f"{name} is {value!r}, and a litmus test has whole numbers only",
        "Use numbers for what is to be exported.",
        file=system.file or None,
    )


@define
class Translation:
    """One process on its way to C."""

    number: int
    process: Process
    system: System
    names: dict[str, Any] = field(factory=dict)  # parameters, and what stands for a plain value
    registers: dict[str, str] = field(factory=dict)
    used: dict[str, Ref] = field(factory=dict)
    types: dict[str, str] = field(factory=dict)
    waits: list[str] = field(factory=list)

    def text(self) -> str:
        """Return the process in C."""
        function = self.process.function
        tree = tree_of(function.__code__, function.__globals__)
        if tree is None:
            self._refuse(None, "a function without source")
        closure = dict(
            zip(function.__code__.co_freevars,
                (c.cell_contents for c in function.__closure__ or ()), strict=True)
        )  # fmt: skip
        import inspect

        bound = inspect.signature(function).bind(*self.process.args, **self.process.kwargs)
        bound.apply_defaults()
        self.names = {**function.__globals__, **closure, **bound.arguments}
        body = self._block(tree.body, "  ")
        given = ", ".join(f"{self.types.get(n, 'int')} *{n}" for n in self.used)
        declared = [f"  int {name};" for name in self.registers.values()]
        blank = [""] if declared else []
        return "\n".join([f"P{self.number}({given})", "{", *declared, *blank, *body, "}", ""])

    def _refuse(self, node: ast.AST | None, what: str) -> NoReturn:
        code = self.process.function.__code__
        raise ModelError(
            f"{what} has no form in a C litmus test",
            "What can be exported: loads, stores, read-modify-writes, fences, locks, RCU, `if` on "
            "loaded values, waits for one location, and arithmetic.",
            file=code.co_filename,
            line=getattr(node, "lineno", code.co_firstlineno),
        )

    # Statements

    def _block(self, statements: Sequence[ast.stmt], pad: str) -> list[str]:
        return [line for s in statements for line in self._statement(s, pad)]

    def _statement(self, it: ast.stmt, pad: str) -> list[str]:
        match it:
            case ast.Expr(ast.Constant()) | ast.Pass():
                return []
            case ast.Expr(value):
                text = self._value(value, pad)
                return [f"{pad}{line}" for line in text.split("\n") if line]
            case ast.Assign([ast.Name(name)], value):
                if not self._loads(value):
                    return self._assigned_plain(name, value, pad)
                return [f"{pad}{self._register(name)} = {self._value(value, pad)};"]
            case ast.AugAssign(ast.Name(name) as target, op, value):
                whole = ast.BinOp(ast.Name(target.id, ast.Load()), op, value)
                made: ast.stmt = ast.Assign([ast.Name(name, ast.Store())], whole)
                return self._statement(ast.copy_location(made, it), pad)
            case ast.If(test, body, orelse):
                return self._branch(test, body, orelse, pad)
            case ast.For(ast.Name(name), over, body) if not self._loads(over):
                return self._unrolled(name, over, body, pad)
        return self._refuse(it, f"`{ast.unparse(it).splitlines()[0]}`")

    def _assigned_plain(self, name: str, value: ast.expr, pad: str) -> list[str]:
        """Return an assignment of what no load decides; a location or the like needs no C."""
        found = self._plain(value)
        if isinstance(found, bool | int):
            self.names.pop(name, None)
            return [f"{pad}{self._register(name)} = {int(found)};"]
        self.names[name] = found
        return []

    def _branch(
        self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], pad: str
    ) -> list[str]:
        test = self._folded(test)
        if not self._loads(test):
            return self._block(body if self._plain(test) else orelse, pad)
        lines = [f"{pad}if ({self._value(test, pad)}) {{", *self._block(body, pad + "  ")]
        if orelse:
            lines += [f"{pad}}} else {{", *self._block(orelse, pad + "  ")]
        return [*lines, f"{pad}}}"]

    def _folded(self, test: ast.expr) -> ast.expr:
        """Return a condition without the operands of `and` and `or` that are known."""
        if not isinstance(test, ast.BoolOp):
            return test
        decisive = isinstance(test.op, ast.Or)
        left = []
        for value in test.values:
            if self._loads(value):
                left.append(value)
            elif bool(self._plain(value)) is decisive:
                return ast.copy_location(ast.Constant(decisive), test)
        whole = left[0] if len(left) == 1 else ast.BoolOp(test.op, left)
        return ast.copy_location(whole if left else ast.Constant(not decisive), test)

    def _unrolled(self, name: str, over: ast.expr, body: list[ast.stmt], pad: str) -> list[str]:
        lines = []
        for value in self._plain(over):
            self.names[name] = value
            self.registers.pop(name, None)
            lines += self._block(body, pad)
        return lines

    # Expressions

    def _loads(self, it: ast.AST) -> bool:
        """Return whether a load decides the value: a step, or a register."""
        return any(
            isinstance(n, ast.Yield | ast.YieldFrom)
            or (isinstance(n, ast.Name) and n.id in self.registers)
            for n in ast.walk(it)
        )

    def _register(self, name: str) -> str:
        self.names.pop(name, None)
        return self.registers.setdefault(name, name)

    def _plain(self, it: ast.expr) -> Any:
        """Return what an expression is that no load decides, in the process's own terms."""
        from modelcheck.language import context

        try:
            with context.running_process(context.Run()):
                return eval(compile(ast.Expression(it), "<export>", "eval"), dict(self.names))
        except ModelError:
            raise
        except Exception as error:
            self._refuse(it, f"`{ast.unparse(it)}` ({type(error).__name__})")

    def _ref(self, it: ast.expr) -> str:
        """Return the C name of a location."""
        if self._loads(it):
            self._refuse(it, f"an index that was loaded, `{ast.unparse(it)}`,")
        found = self._plain(it)
        if type(found) is not Ref:
            self._refuse(it, f"`{ast.unparse(it)}`, which is no single location,")
        self.used[c_name(found)] = found
        return c_name(found)

    def _value(self, it: ast.expr, pad: str) -> str:
        if not self._loads(it):
            found = self._plain(it)
            if isinstance(found, bool | int):
                return str(int(found))
            self._refuse(it, f"the value {found!r}")
        match it:
            case ast.Name(name):
                return self.registers[name]
            case ast.BinOp(left, op, right) if type(op) in OPERATORS:
                sign = OPERATORS[type(op)]
                return f"({self._value(left, pad)} {sign} {self._value(right, pad)})"
            case ast.Compare(left, [op], [right]) if type(op) in OPERATORS:
                sign = OPERATORS[type(op)]
                return f"{self._value(left, pad)} {sign} {self._value(right, pad)}"
            case ast.UnaryOp(ast.Not(), body):
                return f"!({self._value(body, pad)})"
            case ast.BoolOp(op, values):
                sign = " && " if isinstance(op, ast.And) else " || "
                return sign.join(f"({self._value(v, pad)})" for v in values)
            case ast.Yield(ast.expr() as step) | ast.YieldFrom(step):
                return self._step(step, pad)
        return self._refuse(it, f"`{ast.unparse(it)}`")

    def _step(self, it: ast.expr, pad: str) -> str:
        match it:
            case ast.Call(ast.Name(name), args) if self._is_kernels(name):
                return self._primitive(it, name, args, pad)
            case ast.Call(ast.Name("until"), [ast.Lambda(_, condition)]):
                return self._wait(it, condition)
            case ast.Call(ast.Attribute(target, "set"), [value]):
                return f"*{self._ref(target)} = {self._value(value, pad)};"
            case ast.Call(ast.Attribute(target, method), args) if method in METHODS:
                given = [self._value(a, pad) for a in args] or ["1"]
                place = self._ref(target)
                order = [*given, place] if method == "add" else [place, *given]
                return f"{METHODS[method]}({', '.join(order)})"
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return f"*{self._ref(it)}"
        return self._refuse(it, f"the step `{ast.unparse(it)}`")

    def _is_kernels(self, name: str) -> bool:
        from modelcheck import kernel

        return self.names.get(name) is getattr(kernel, name, self)

    def _primitive(self, it: ast.Call, name: str, args: list[ast.expr], pad: str) -> str:
        known = PRIMITIVES.get(name)
        if known is None or len(args) != known.arity:
            self._refuse(it, f"`{ast.unparse(it)}`")
        given = []
        for number, argument in enumerate(args):
            if known.kind != "fence" and number == known.address:
                place = self._ref(argument)
                self._typed(place, name)
                given.append(f"*{place}" if known.lvalue else place)
            else:
                given.append(self._value(argument, pad))
        nothing = known.kind in ("store", "fence", "sync", "lock", "unlock")
        nothing |= known.kind == "op" and not known.result
        return f"{name}({', '.join(given)})" + ";" * nothing

    def _typed(self, place: str, name: str) -> None:
        if name in LOCKS:
            self.types[place] = "spinlock_t"
        elif name in SRCU:
            self.types[place] = "struct srcu_struct"

    def _wait(self, it: ast.expr, condition: ast.expr) -> str:
        """Return the load that a wait ends with; that it saw what it waited for is a filter."""
        match condition:
            case ast.Compare(place, [ast.Eq()], [value]) if not self._loads(condition):
                register = f"w{len(self.waits)}"
                while register in self.registers:
                    register += "_"
                self.registers[register] = register
                self.waits.append(f"{self.number}:{register}={self._value(value, '')}")
                return f"{register} = READ_ONCE(*{self._ref(place)});"
        return self._refuse(it, f"`{ast.unparse(it)}` (only `x == value` of one location)")


# The condition


def _condition(system: System, types: Mapping[str, str]) -> str:
    asked = [p for p in system.properties if p.kind == "at_end"]
    for prop in system.properties:
        if prop.kind != "at_end":
            _refuse_property(prop, None, f"@{prop.kind} {prop.name}")
    if not asked:
        return "true"
    return " \\/ ".join(_negated(_proposition(p, system, types)) for p in asked)


def _negated(text: str) -> str:
    """Return the negation; of a negation, what it negates."""
    inner = text[1:]
    if text.startswith("~(") and closes_last(inner):
        return inner[1:-1]
    return f"~({text})"


def _refuse_property(prop: PropertyFunction, node: ast.AST | None, what: str) -> NoReturn:
    code = prop.function.__code__
    raise ModelError(
        f"{what} has no form in the condition of a litmus test",
        "It can compare locations with numbers (`s.x == 1`), with `and`, `or` and `not`.",
        file=code.co_filename,
        line=getattr(node, "lineno", code.co_firstlineno),
    )


def _proposition(prop: PropertyFunction, system: System, types: Mapping[str, str]) -> str:
    tree = tree_of(prop.function.__code__, prop.function.__globals__)
    last = tree.body[-1] if tree is not None else None
    if tree is None or not isinstance(last, ast.Return) or last.value is None:
        _refuse_property(prop, last, f"the property {prop.name}")
    body = [s for s in tree.body[:-1] if not isinstance(s, ast.Expr)]
    if body:
        _refuse_property(prop, body[0], f"`{ast.unparse(body[0])}`")
    return _Asked(prop, system, tree.args.args[0].arg).text(last.value)


@define
class _Asked:
    prop: PropertyFunction
    system: System
    snapshot: str

    def text(self, it: ast.expr) -> str:
        match it:
            case ast.BoolOp(op, values):
                sign = " /\\ " if isinstance(op, ast.And) else " \\/ "
                return sign.join(f"({self.text(v)})" for v in values)
            case ast.UnaryOp(ast.Not(), body):
                return f"~({self.text(body)})"
            case ast.Compare(left, [ast.Eq() | ast.NotEq() as op], [ast.Constant(value)]) if (
                isinstance(value, bool | int)
            ):
                said = f"{self._place(left)}={int(value)}"
                return said if isinstance(op, ast.Eq) else f"~({said})"
        _refuse_property(self.prop, it, f"`{ast.unparse(it)}`")

    def _place(self, it: ast.expr) -> str:
        path = ast.unparse(it).removeprefix(f"{self.snapshot}.")
        for ref in self.system.refs:
            if ref.name == path:
                return c_name(ref)
        _refuse_property(self.prop, it, f"`{ast.unparse(it)}`")


__all__ = ["litmus_source"]
