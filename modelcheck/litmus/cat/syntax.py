"""The syntax trees of cat and bell files.

The language is that of Alglave, Cousot, Maranget, "Syntax and Semantics of the Weak Consistency
Model Specification Language Cat", 2016, as herd7 reads it.
"""

from __future__ import annotations

from attrs import frozen


class Exp:
    """An expression; `at` is its position in the file."""

    at: int


@frozen
class Var(Exp):
    """A name."""

    name: str
    at: int


@frozen
class Constant(Exp):
    """``0`` (the empty relation) or ``_`` (every event)."""

    text: str
    at: int


@frozen
class Tag(Exp):
    """``'once``."""

    name: str
    at: int


@frozen
class Op(Exp):
    r"""An operator: ``| & \ ; * ++`` with two operands, ``* + ? ^-1 ~ []`` with one."""

    operator: str
    args: tuple[Exp, ...]
    at: int


@frozen
class Tuple(Exp):
    """``(a, b)``."""

    items: tuple[Exp, ...]
    at: int


@frozen
class SetOf(Exp):
    """``{a, b}``."""

    items: tuple[Exp, ...]
    at: int


@frozen
class App(Exp):
    """``f x``."""

    function: Exp
    argument: Exp
    at: int


@frozen
class Fun(Exp):
    """``fun x -> e``; several parameters are a tuple."""

    parameters: tuple[str | None, ...]
    body: Exp
    at: int


@frozen
class LetIn(Exp):
    """``let x = e and y = f in g``."""

    bindings: tuple[Binding, ...]
    recursive: bool
    body: Exp
    at: int


@frozen
class Try(Exp):
    """``try e with f``: `f` where `e` names something that is not defined."""

    first: Exp
    second: Exp
    at: int


@frozen
class IfExp(Exp):
    """``if c then e else f``."""

    condition: Condition
    then: Exp
    otherwise: Exp
    at: int


@frozen
class MatchTag(Exp):
    """``match e with || 'a -> f || _ -> g end``; the tag None is ``_``."""

    subject: Exp
    clauses: tuple[tuple[str | None, Exp], ...]
    at: int


@frozen
class MatchSet(Exp):
    """``match e with || {} -> f || x ++ xs -> g end``."""

    subject: Exp
    empty: Exp
    element: str | None
    rest: str | None
    body: Exp
    at: int


@frozen
class Binding:
    """``x = e``; several names are a pattern for a tuple."""

    names: tuple[str | None, ...]
    value: Exp


@frozen
class Condition:
    """``=``, ``subset``, ``in``, ``variant``, ``not``, ``&&`` or ``||`` over the args."""

    kind: str
    args: tuple[object, ...]


class Ins:
    """An instruction; `at` is its position in the file."""

    at: int


@frozen
class Let(Ins):
    """``let`` and ``let rec``."""

    bindings: tuple[Binding, ...]
    recursive: bool
    at: int


@frozen
class Check(Ins):
    """``acyclic e as name``, with ``~`` before it and ``flag`` or ``assert`` in front."""

    kind: str
    negated: bool
    mode: str  # "", "flag", "assert" or "undefined_unless"
    value: Exp
    name: str
    at: int


@frozen
class Include(Ins):
    """``include "cos.cat"``."""

    file: str
    at: int


@frozen
class With(Ins):
    """``with x from e``: each member of `e` makes an execution of its own."""

    name: str
    value: Exp
    at: int


@frozen
class Procedure(Ins):
    """``procedure p(x) = ... end``."""

    name: str
    parameters: tuple[str | None, ...]
    body: tuple[Ins, ...]
    at: int


@frozen
class CallProcedure(Ins):
    """``call p(e)``."""

    name: str
    argument: Exp
    at: int


@frozen
class Forall(Ins):
    """``forall x in e do ... end``."""

    name: str
    value: Exp
    body: tuple[Ins, ...]
    at: int


@frozen
class IfIns(Ins):
    """``if "variant" ... else ... end``."""

    condition: Condition
    then: tuple[Ins, ...]
    otherwise: tuple[Ins, ...]
    at: int


@frozen
class MatchIns(Ins):
    """``match e with || 'a -> instructions ... end``."""

    subject: Exp
    clauses: tuple[tuple[str | None, tuple[Ins, ...]], ...]
    at: int


@frozen
class Enum(Ins):
    """``enum Accesses = 'once || 'release``: the tags that there are."""

    name: str
    tags: tuple[str, ...]
    at: int
