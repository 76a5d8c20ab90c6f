"""What is in the C code of a litmus test: its parts, its addresses, what its names stand for.

Neighbours: `importing` makes Python of it, `modelcheck.litmus.cparse` has read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelcheck.litmus.cparse import (
    Assign,
    Binary,
    Call,
    Deref,
    Expr,
    If,
    Name,
    Run,
    Stmt,
    Store,
    While,
)
from modelcheck.litmus.primitives import find

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def is_truth(it: Expr) -> bool:
    """Return whether an expression is a comparison, or joins two truths."""
    return isinstance(it, Binary) and (it.operator in COMPARISONS or it.operator in ("&&", "||"))


def nodes(body: Sequence[Stmt]) -> Iterator[Expr | Stmt]:
    """Go over all statements and expressions."""
    for statement in body:
        yield statement
        match statement:
            case Assign(_, value) | Run(value):
                yield from _parts(value)
            case Store(address, value):
                yield from _parts(address)
                yield from _parts(value)
            case If(condition, then, otherwise):
                yield from _parts(condition)
                yield from nodes(then)
                yield from nodes(otherwise)
            case While(condition, inner, _):
                yield from _parts(condition)
                yield from nodes(inner)


def _parts(it: Expr) -> Iterator[Expr]:
    yield it
    match it:
        case Deref(address):
            yield from _parts(address)
        case Binary(_, left, right):
            yield from _parts(left)
            yield from _parts(right)
        case Call(_, args):
            for argument in args:
                yield from _parts(argument)


def addresses(node: Expr | Stmt) -> list[Expr]:
    """Return the addresses that a node itself accesses."""
    match node:
        case Deref(address) | Store(address, _):
            return [address]
        case Call(function, args):
            primitive = find(function)
            if primitive and primitive.kind != "fence" and not primitive.lvalue:
                return [args[primitive.address]]
    return []


def value_names(node: Expr | Stmt) -> list[str]:
    """Return the names that stand for values, not for what is accessed, directly in a node."""
    match node:
        case Assign(_, Name(name)) | Store(_, Name(name)):
            return [name]
        case Binary(operator, left, right) if operator in (*COMPARISONS, "&&", "||"):
            return [side.name for side in (left, right) if isinstance(side, Name)]
        case Call(function, args):
            primitive = find(function)
            return [
                a.name for n, a in enumerate(args)
                if isinstance(a, Name) and (primitive is None or n != primitive.address)
            ]  # fmt: skip
    return []


def needs_value(body: Sequence[Stmt], wanted: set[str]) -> set[str]:
    """Return the registers that may be used before they are assigned."""
    assigned: set[str] = set()
    needed: set[str] = set()
    for statement in body:
        used = {n.name for n in nodes([statement]) if isinstance(n, Name)}
        inside = {n.name for n in nodes([statement]) if isinstance(n, Assign)}
        if isinstance(statement, Assign):
            used_here = {n.name for n in _parts(statement.value) if isinstance(n, Name)}
            needed |= used_here - assigned
            assigned.add(statement.name)
        else:
            needed |= (used | inside) - assigned
    return needed | (wanted - assigned)
