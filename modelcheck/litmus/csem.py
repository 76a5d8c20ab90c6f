"""What a process of a C litmus test does, compiled to nested closures over a `Machine`.

Dependencies are syntactic and exact: a value knows the reads it was computed from; what stands
inside an `if` depends on its condition, what follows it does not; a register that was assigned
inside carries the condition along to later conditions only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import NoReturn

from modelcheck.axiomatic.execution import Event, Value
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
from modelcheck.litmus.machine import ZERO, Cut, Datum, Machine, combine, location
from modelcheck.litmus.primitives import GONE, PRIMITIVES, Primitive, find
from modelcheck.litmus.scan import Source

Evaluate = Callable[[Machine], Datum]
Execute = Callable[[Machine], None]

PLAIN: frozenset[str] = frozenset()
LKR, LKW, UL = frozenset({"LKR"}), frozenset({"LKW"}), frozenset({"UL"})
LF, RU = frozenset({"LF"}), frozenset({"RU"})
ATOMIC = "RMW"  # the tag of both halves of a read-modify-write, also of one that fails


class Compiler:
    """Turns one process into a function that runs it on a machine."""

    def __init__(self, process: Process, source: Source, unroll: int):
        self.process, self.source, self.unroll = process, source, unroll

    def program(self, registers: Mapping[str, Value]) -> Execute:
        """Return the whole process; `registers` holds initial values beside the parameters."""
        body = self.block(self.process.body)
        start = {name: Datum(name) for name in self.process.parameters}
        start.update({name: Datum(value) for name, value in registers.items()})

        def execute(machine: Machine) -> None:
            machine.regs.update(start)
            body(machine)

        return execute

    # Statements

    def block(self, statements: tuple[Stmt, ...]) -> Execute:
        """Return statements one after the other."""
        compiled = [(self.source.line(s.at), self.statement(s)) for s in statements]

        def execute(machine: Machine) -> None:
            for line, statement in compiled:
                machine.line = line
                machine.statement += 1
                statement(machine)

        return execute

    def statement(self, statement: Stmt) -> Execute:
        """Return one statement."""
        match statement:
            case Assign(name, value):
                return _assign(name, self.expression(value))
            case Store(address, value):
                return _store(self.expression(address), self.expression(value), PLAIN, "")
            case Run(value):
                return self._run(value)
            case If(condition, then, otherwise):
                return _if(self.expression(condition), self.block(then), self.block(otherwise))
            case While(condition, body, first):
                return _while(self.expression(condition), self.block(body), first, self.unroll)
        raise AssertionError(statement)

    def _run(self, value: Expr) -> Execute:
        evaluate = self.expression(value, unused=True)

        def execute(machine: Machine) -> None:
            evaluate(machine)

        return execute

    # Expressions

    def expression(self, expression: Expr, *, unused: bool = False) -> Evaluate:
        """Return an expression; `unused` says that nobody looks at its value."""
        match expression:
            case Number(value):
                constant = Datum(value)
                return lambda machine: constant
            case Name(name):
                return lambda machine: machine.regs.get(name, ZERO)
            case Deref(address):
                return _load(self.expression(address), PLAIN)
            case Binary(operator, left, right):
                return self._binary(operator, left, right)
            case Call():
                return self._call(expression, unused)
        raise AssertionError(expression)

    def _binary(self, operator: str, left: Expr, right: Expr) -> Evaluate:
        if operator in ("&&", "||") and _touches_memory(right):
            self._fail(
                right, f"an access on the right of `{operator}` may not happen", "Write an `if`."
            )
        first, second = self.expression(left), self.expression(right)
        return lambda machine: combine(operator, first(machine), second(machine))

    def _fail(self, expression: Expr, what: str, remedy: str = "") -> NoReturn:
        self.source.fail(expression.at, what, remedy)

    def _call(self, call: Call, unused: bool) -> Evaluate:
        primitive = find(call.function)
        if primitive is None:
            self._fail(
                call,
                f"unknown function `{call.function}`",
                _instead_of(call.function),
            )
        if len(call.args) != primitive.arity:
            self._fail(
                call,
                f"`{call.function}` takes {primitive.arity} arguments, not {len(call.args)}",
            )
        if not unused and _returns_nothing(primitive):
            self._fail(call, f"`{call.function}` returns nothing", "Call it as a statement.")
        address = self._address(call, primitive)
        compiled: Evaluate = getattr(self, f"_{primitive.kind}")(call, primitive, address)
        return compiled

    def _address(self, call: Call, primitive: Primitive) -> Evaluate:
        if primitive.kind == "fence":
            return lambda machine: ZERO
        argument = call.args[primitive.address]
        if not primitive.lvalue:
            return self.expression(argument)
        if not isinstance(argument, Deref):
            self._fail(
                argument,
                f"`{call.function}` wants a variable, not its address",
                f"A parameter is a pointer: write `{call.function}(*x...)`.",
            )
        return self.expression(argument.address)

    def _load(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        return _load(address, frozenset({primitive.order}))

    def _store(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        value = self.expression(call.args[1])
        store = _store(address, value, frozenset({primitive.order}), primitive.then)
        return _valueless(store)

    def _fence(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        return _valueless(lambda machine: machine.fence(primitive.order))

    def _sync(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        tags = frozenset({primitive.order})

        def execute(machine: Machine) -> None:
            where = address(machine)
            machine.emit(Event("F", location(where), 0, tags, addr=where.deps, fed_by=where.fed))

        return _valueless(execute)

    def _xchg(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        value = self.expression(call.args[1])
        tags = frozenset({primitive.order, ATOMIC})

        def evaluate(machine: Machine) -> Datum:
            new = value(machine)
            where = address(machine)
            old = machine.read(where, tags)
            machine.write(where, new, tags, rmw=len(machine.events) - 1)
            return old

        return evaluate

    def _op(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        tags = frozenset({primitive.order, ATOMIC})
        operand: Evaluate = lambda machine: Datum(1)  # noqa: E731  a constant among closures
        if primitive.operand is not None:
            operand = self.expression(call.args[primitive.operand])

        def evaluate(machine: Machine) -> Datum:
            by = operand(machine)
            where = address(machine)
            old = machine.read(where, tags)
            new = combine(primitive.operator, old, by)
            machine.write(where, new, tags, rmw=len(machine.events) - 1)
            result = new if primitive.result == "return" else old
            return combine(primitive.test, result, ZERO) if primitive.test else result

        return evaluate

    def _cmpxchg(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        old, new = self.expression(call.args[1]), self.expression(call.args[2])
        tags = frozenset({primitive.order, ATOMIC})

        def evaluate(machine: Machine) -> Datum:
            where, expected = address(machine), old(machine)
            succeeds = machine.choose(2) == 0
            stored = new(machine) if succeeds else ZERO
            found = machine.read(where, tags)
            machine.require((found.value == expected.value) == succeeds)
            if succeeds:
                stored = stored._replace(fed=stored.fed | expected.fed)
                machine.write(where, stored, tags, rmw=len(machine.events) - 1)
            return found

        return evaluate

    def _unless(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        by, limit = self.expression(call.args[1]), self.expression(call.args[2])
        tags = frozenset({primitive.order, ATOMIC})

        def evaluate(machine: Machine) -> Datum:
            where, bound = address(machine), limit(machine)
            succeeds = machine.choose(2) == 0
            added = by(machine) if succeeds else ZERO
            old = machine.read(where, tags)
            machine.require((old.value != bound.value) == succeeds)
            fed = old.fed | bound.fed
            if succeeds:
                # herd7 takes what is added as part of the address; the old value is data.
                place = where._replace(deps=where.deps | added.deps, fed=where.fed | bound.fed)
                new = combine("+", old, added)._replace(deps=old.deps)
                machine.write(place, new, tags, rmw=len(machine.events) - 1)
            return Datum(int(succeeds), old.deps | bound.deps, old.cdeps | bound.cdeps, fed)

        return evaluate

    def _lock(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        return _valueless(lambda machine: _take(machine, address(machine)))

    def _unlock(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        def execute(machine: Machine) -> None:
            where = address(machine)
            machine.emit(Event("W", location(where), 0, UL, addr=where.deps, fed_by=where.fed))

        return _valueless(execute)

    def _trylock(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        def evaluate(machine: Machine) -> Datum:
            where = address(machine)
            if machine.choose(2) == 0:
                _take(machine, where)
                return Datum(1)
            return _look(machine, where, LF, 0)

        return evaluate

    def _islocked(self, call: Call, primitive: Primitive, address: Evaluate) -> Evaluate:
        def evaluate(machine: Machine) -> Datum:
            where = address(machine)
            return (
                _look(machine, where, LF, 1)
                if machine.choose(2) == 0
                else _look(machine, where, RU, 0)
            )

        return evaluate


def _take(machine: Machine, where: Datum) -> None:
    loc = location(where)
    read = machine.emit(Event("R", loc, 0, LKR, addr=where.deps, fed_by=where.fed))
    number = len(machine.events) - 1
    fed = where.fed | read
    machine.emit(Event("W", loc, 1, LKW, addr=where.deps, fed_by=fed, rmw=number))


def _look(machine: Machine, where: Datum, tags: frozenset[str], result: int) -> Datum:
    bit = machine.emit(Event("R", location(where), 0, tags, addr=where.deps, fed_by=where.fed))
    return Datum(result, bit, 0, where.fed | bit)


def _instead_of(name: str) -> str:
    """Return what to write for a function that is not known."""
    if name in GONE:
        return GONE[name]
    near = get_close_matches(name, PRIMITIVES, n=1)
    meant = f" Is `{near[0]}` meant?" if near else ""
    return f"Only the primitives of the kernel's memory model exist.{meant}"


def _returns_nothing(primitive: Primitive) -> bool:
    nothing = primitive.kind in ("store", "fence", "sync", "lock", "unlock")
    return nothing or (primitive.kind == "op" and not primitive.result)


def _touches_memory(expression: Expr) -> bool:
    match expression:
        case Deref() | Call():
            return True
        case Binary(_, left, right):
            return _touches_memory(left) or _touches_memory(right)
    return False


def _valueless(execute: Execute) -> Evaluate:
    def evaluate(machine: Machine) -> Datum:
        execute(machine)
        return ZERO

    return evaluate


def _assign(name: str, value: Evaluate) -> Execute:
    def execute(machine: Machine) -> None:
        datum = value(machine)
        machine.regs[name] = Datum(datum.value, datum.deps, datum.cdeps | machine.ctrl)

    return execute


def _load(address: Evaluate, tags: frozenset[str]) -> Evaluate:
    return lambda machine: machine.read(address(machine), tags)


def _store(address: Evaluate, value: Evaluate, tags: frozenset[str], then: str) -> Execute:
    def execute(machine: Machine) -> None:
        where = address(machine)
        machine.write(where, value(machine), tags)
        if then:
            machine.statement += 1
            machine.fence(then)

    return execute


def _if(condition: Evaluate, then: Execute, otherwise: Execute) -> Execute:
    def execute(machine: Machine) -> None:
        datum = condition(machine)
        outside = machine.ctrl
        machine.ctrl |= datum.deps | datum.cdeps
        (then if machine.decide(datum) else otherwise)(machine)
        machine.ctrl = outside

    return execute


def _while(condition: Evaluate, body: Execute, first: bool, unroll: int) -> Execute:
    def execute(machine: Machine) -> None:
        outside = machine.ctrl
        rounds = 0
        if first:
            body(machine)
            machine.statement += 1
        while True:
            datum = condition(machine)
            machine.ctrl |= datum.deps | datum.cdeps
            if not machine.decide(datum):
                break
            if rounds == unroll:
                raise Cut
            rounds += 1
            body(machine)
            machine.statement += 1
        machine.ctrl = outside

    return execute


__all__ = ["Compiler"]
