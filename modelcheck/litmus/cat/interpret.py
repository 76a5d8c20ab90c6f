"""Running a cat model on one candidate execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from attrs import define, frozen

from modelcheck.axiomatic.constraints import Constraint, Judgement
from modelcheck.axiomatic.execution import Execution
from modelcheck.axiomatic.relations import Relation
from modelcheck.litmus.cat.library import Functions, relations, sets
from modelcheck.litmus.cat.syntax import (
    App,
    Binding,
    CallProcedure,
    Check,
    Condition,
    Constant,
    Enum,
    Exp,
    Forall,
    Fun,
    IfExp,
    IfIns,
    Include,
    Ins,
    Let,
    LetIn,
    MatchIns,
    MatchSet,
    MatchTag,
    Op,
    Procedure,
    SetOf,
    Tag,
    Try,
    Tuple,
    Var,
    With,
)
from modelcheck.litmus.cat.values import (
    NOTHING,
    Mistake,
    TagValue,
    Undefined,
    Value,
    as_relation,
    as_values,
    binary,
    equal,
    is_empty,
    set_of,
    taken_apart,
    unary,
)
from modelcheck.litmus.errors import LitmusError
from modelcheck.litmus.scan import Source

#: An instruction with the file it stands in.
Placed = tuple[Source, Ins]


@frozen(eq=False)
class Program:
    """A cat model: its instructions with includes in their place, and its variants."""

    body: tuple[Placed, ...]
    includes: Mapping[tuple[Source, str], tuple[Placed, ...]]
    variants: frozenset[str]
    tags: frozenset[str]  # that its bell file declares
    own_locks: bool = False  # it derives the communication of lock events itself


@define(eq=False)
class Closure:
    """A function of the model."""

    parameters: tuple[str | None, ...]
    body: Exp
    env: Env


@define(eq=False)
class ProcedureValue:
    """A procedure of the model."""

    parameters: tuple[str | None, ...]
    body: tuple[Ins, ...]
    env: Env


class Env:
    """Names and their values, innermost first."""

    __slots__ = ("names", "outer")

    def __init__(self, names: dict[str, Value], outer: Env | None = None):
        self.names, self.outer = names, outer

    def get(self, name: str) -> Value:
        """Return the value of a name."""
        env: Env | None = self
        while env is not None:
            if name in env.names:
                return env.names[name]
            env = env.outer
        raise Undefined(f"`{name}` is not defined")


class Forbidden(Exception):
    """A check failed."""

    def __init__(self, broken: Constraint):
        super().__init__(broken.name)
        self.broken = broken


class Interpreter:
    """Runs a program on one execution."""

    def __init__(self, program: Program, execution: Execution):
        self.program, self.execution = program, execution
        self.s = execution.skeleton
        self.n = self.s.n
        self.flags: list[str] = []
        self.source = program.body[0][0] if program.body else Source("", "")
        self.broken: Constraint | None = None  # the first check that failed

    def judgements(self) -> list[Judgement]:
        """Return one judgement for each way that `with` can go; at least one."""
        names: dict[str, Value] = {**sets(self.s, self.execution)}
        names |= relations(self.s, self.execution)
        names |= self._tag_sets()
        functions = Functions(self.s, self.execution, self.apply, self.program.own_locks)
        names |= functions.table()
        found = [Judgement(None, flags) for flags in self._run(self.program.body, Env(names), ())]
        return found or [Judgement(self.broken)]

    def _tag_sets(self) -> dict[str, Value]:
        """Return the set of each annotation: ``Once`` of ``'once``."""
        tags = self.program.tags | {t for t in self.s.tags() if t[:1].islower()}
        # The kernel's files write 'MB or 'mb, depending on their age.
        return {t[:1].upper() + t[1:]: self.s.tagged(t.lower()) for t in tags}

    def _run(
        self, body: Sequence[Placed], env: Env, flags: tuple[str, ...]
    ) -> Iterator[tuple[str, ...]]:
        """Run instructions; return the flags of each way through."""
        for k, (source, instruction) in enumerate(body):
            self.source = source
            rest = body[k + 1 :]
            try:
                match instruction:
                    case Include(file):
                        included = self.program.includes[source, file]
                        yield from self._run((*included, *rest), env, flags)
                        return
                    case With(name, value):
                        choices = sorted(as_values(self.value(value, env)), key=repr)
                        if not choices:
                            raise Forbidden(Constraint("empty", f"no {name}", self.s.empty()))
                        for choice in choices:
                            inner = Env({name: choice}, env)
                            yield from self._run(rest, inner, flags)
                        return
                    case IfIns(condition, then, otherwise):
                        chosen = then if self.truth(condition, env) else otherwise
                        placed = tuple((source, ins) for ins in chosen)
                        yield from self._run((*placed, *rest), env, flags)
                        return
                    case MatchIns(subject, clauses):
                        chosen = self._clause(self.value(subject, env), clauses)
                        placed = tuple((source, ins) for ins in chosen)
                        yield from self._run((*placed, *rest), env, flags)
                        return
                env, flags = self._simple(instruction, env, flags)
            except Forbidden as forbidden:
                self.broken = self.broken or forbidden.broken
                return
            except Mistake as mistake:
                self._fail(instruction.at, str(mistake))
        yield flags

    def _fail(self, at: int, what: str) -> NoReturn:
        raise LitmusError(what, "", self.source.place(at)) from None

    def _simple(
        self, instruction: Ins, env: Env, flags: tuple[str, ...]
    ) -> tuple[Env, tuple[str, ...]]:
        """Run an instruction that has one way to go; return what holds afterwards."""
        match instruction:
            case Let(bindings, recursive):
                return self.bound(bindings, recursive, env), flags
            case Check():
                return env, self._check(instruction, env, flags)
            case Procedure(name, parameters, body):
                inner = Env({}, env)
                inner.names[name] = ProcedureValue(parameters, body, inner)
                return inner, flags
            case CallProcedure(name, argument):
                return env, self._called(name, self.value(argument, env), env, flags)
            case Forall(name, value, body):
                for element in sorted(as_values(self.value(value, env)), key=repr):
                    inner = Env({name: element}, env)
                    for each in body:
                        inner, flags = self._simple(each, inner, flags)
                return env, flags
            case Enum(name, tags):
                return Env({name: frozenset(map(TagValue, tags))}, env), flags
        raise Mistake("this instruction has no place here")

    def _called(
        self, name: str, argument: Value, env: Env, flags: tuple[str, ...]
    ) -> tuple[str, ...]:
        procedure = env.get(name)
        if not isinstance(procedure, ProcedureValue):
            raise Mistake(f"`{name}` is no procedure")
        inner = Env(_matched(procedure.parameters, argument), procedure.env)
        for instruction in procedure.body:
            inner, flags = self._simple(instruction, inner, flags)
        return flags

    def _check(self, check: Check, env: Env, flags: tuple[str, ...]) -> tuple[str, ...]:
        value = self.value(check.value, env)
        holds = _holds(check.kind, value, self.n) != check.negated
        if check.mode in ("flag", "undefined_unless"):
            raised = holds if check.mode == "flag" else not holds
            return (*flags, check.name) if raised and check.name not in flags else flags
        if holds:
            return flags
        if check.mode == "assert":
            raise Mistake(f"the assertion {check.name} does not hold")
        kind = "empty" if check.negated else check.kind
        relation = value if isinstance(value, Relation) else _shown(value, self.n)
        raise Forbidden(Constraint(kind, check.name, relation))

    def bound(self, bindings: Sequence[Binding], recursive: bool, env: Env) -> Env:
        """Return the names of `let` with their values."""
        if recursive:
            return self._fixpoint(bindings, env)
        names: dict[str, Value] = {}
        for binding in bindings:
            names |= _matched(binding.names, self.value(binding.value, env))
        return Env(names, env)

    def _fixpoint(self, bindings: Sequence[Binding], env: Env) -> Env:
        """Return functions that may call themselves, or relations by their least fixpoint."""
        inner = Env({}, env)
        grown: list[tuple[str, Exp]] = []
        for binding in bindings:
            name = binding.names[0] or "_"
            if isinstance(binding.value, Fun):
                fun = binding.value
                inner.names[name] = Closure(fun.parameters, fun.body, inner)
            else:
                inner.names[name] = NOTHING
                grown.append((name, binding.value))
        stable = not grown
        while not stable:
            stable = True
            for name, value in grown:  # one after the other: each sees what the ones before gave
                found = self.value(value, inner)
                stable &= equal(found, inner.names[name], self.n)
                inner.names[name] = found
        return inner

    # Expressions

    def value(self, expression: Exp, env: Env) -> Value:
        """Return the value of an expression."""
        match expression:
            case Var(name):
                return env.get(name)
            case Op("[]" | "*" | "+" | "?" | "^-1" | "~" as operator, (operand,)):
                return unary(operator, self.value(operand, env), self.n)
            case Op(operator, (left, right)):
                return binary(operator, self.value(left, env), self.value(right, env), self.n)
            case Constant(text):
                return self.s.every if text == "_" else NOTHING
            case App(function, argument):
                return self.apply(self.value(function, env), self.value(argument, env))
            case Tuple(items):
                return tuple(self.value(item, env) for item in items)
            case SetOf(items):
                return set_of([self.value(item, env) for item in items], self.n)
            case Tag(name):
                return TagValue(name)
            case Fun(parameters, body):
                return Closure(parameters, body, env)
            case LetIn(bindings, recursive, body):
                return self.value(body, self.bound(bindings, recursive, env))
        return self._choice(expression, env)

    def _choice(self, expression: Exp, env: Env) -> Value:
        match expression:
            case Try(first, second):
                try:
                    return self.value(first, env)
                except Undefined:
                    return self.value(second, env)
            case IfExp(condition, then, otherwise):
                return self.value(then if self.truth(condition, env) else otherwise, env)
            case MatchTag(subject, clauses):
                return self.value(self._clause(self.value(subject, env), clauses), env)
            case MatchSet(subject, empty, element, rest, body):
                parts = taken_apart(self.value(subject, env), self.n)
                if parts is None:
                    return self.value(empty, env)
                return self.value(body, Env(_matched((element, rest), parts), env))
        raise AssertionError(expression)

    def _clause(self, subject: Value, clauses: Sequence[tuple[str | None, Any]]) -> Any:
        for tag, body in clauses:
            if tag is None or subject == TagValue(tag):
                return body
        raise Mistake(f"no clause of the match is for {subject}")

    def apply(self, function: Value, argument: Value) -> Value:
        """Return what a function gives."""
        if isinstance(function, Closure):
            env = Env(_matched(function.parameters, argument), function.env)
            return self.value(function.body, env)
        if callable(function):
            return _builtin(function, argument)
        raise Mistake("this is no function, so it takes no argument")

    def truth(self, condition: Condition, env: Env) -> bool:
        """Return whether a condition holds."""
        args: Sequence[Any] = condition.args
        if condition.kind == "variant":
            return args[0] in self.program.variants
        if condition.kind == "not":
            return not self.truth(args[0], env)
        if condition.kind in ("&&", "||"):
            both = (self.truth(arg, env) for arg in args)
            return all(both) if condition.kind == "&&" else any(both)
        left, right = (self.value(arg, env) for arg in args)
        if condition.kind == "=":
            return equal(left, right, self.n)
        if condition.kind == "in":
            return left in as_values(right)
        return is_empty(binary("\\", left, right, self.n))


def _builtin(function: Callable[[Value], Value], argument: Value) -> Value:
    try:
        return function(argument)
    except (TypeError, ValueError) as error:  # a tuple of another length
        raise Mistake(f"a built-in function got what it does not take: {error}") from None


def _matched(names: Sequence[str | None], value: Value) -> dict[str, Value]:
    """Return names bound to a value, or to the members of a tuple."""
    if len(names) == 1:
        return {names[0]: value} if names[0] else {}
    if not isinstance(value, tuple) or len(value) != len(names):
        raise Mistake(f"{len(names)} values are wanted")
    return {name: item for name, item in zip(names, value, strict=True) if name}


def _holds(kind: str, value: Value, n: int) -> bool:
    if kind == "empty":
        return is_empty(value)
    relation = as_relation(value, n)
    return relation.is_acyclic() if kind == "acyclic" else relation.is_irreflexive()


def _shown(value: Value, n: int) -> Relation:
    return Relation.identity(n, value) if isinstance(value, int) else Relation.empty(n)


__all__ = ["Interpreter", "Placed", "Program"]
