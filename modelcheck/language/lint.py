"""Mistakes in process code that no operator can catch at run time, found in its source.

A reference refuses almost every use as a value (`modelcheck.language.state.Ref`), but Python lets
nobody intercept ``is``, a bare ``mm.count`` on a line of its own, or a call whose generator is dropped.
Each would be silently wrong, so the source of each process function, and of each subroutine, is looked
at once, when it is first suspended, with the names that it then sees. Where there is no source (an
interactive prompt), there is no such check.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from types import CodeType, GeneratorType
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.language.context import is_ours
from modelcheck.language.process import ProcessFunction
from modelcheck.language.state import Cells, Ref, is_part

_done: dict[int, CodeType] = {}  # by identity; the code is kept so that the id stays its own

Scope = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def lint(generator: GeneratorType[Any, Any, Any]) -> None:
    """Raise `ModelError` at the first mistake in the source of a suspended generator's function.

    Cost: parses each function once in a process's life.
    """
    code = generator.gi_code
    if id(code) in _done or is_ours(code.co_filename):
        return
    _done[id(code)] = code
    function = _parse(code)
    if function is None:
        return
    names = {**generator.gi_frame.f_globals, **generator.gi_frame.f_locals}
    _Lint(code, names).check(function)


def _parse(code: CodeType) -> ast.FunctionDef | None:
    """Return the syntax tree of a function's code, with the lines of its file; None without source."""
    try:
        lines, first = inspect.getsourcelines(code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return None
    ast.increment_lineno(tree, max(first, 1) - 1)
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == code.co_name]
    return found[0] if found else None


class _Lint:
    """One look at one function."""

    def __init__(self, code: CodeType, names: Mapping[str, Any]):
        self.code, self.names = code, names
        self.aliases: set[str] = set()

    def check(self, function: ast.FunctionDef) -> None:
        own = list(_own_nodes(function))
        self.aliases = self._aliases(own)
        for node in own:
            if isinstance(node, ast.Expr):
                self._statement(node.value)
            elif isinstance(node, ast.Compare):
                self._comparison(node)
            elif isinstance(node, ast.Match) and self._is_reference(node.subject):
                self._refuse(node.subject, "is matched")

    def _aliases(self, nodes: list[ast.AST]) -> set[str]:
        """Return the names that are only ever assigned a reference: ``pmd = mm.pmd``, no yield."""
        found: set[str] = set()
        other: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name) and type(self._resolve(node.value)) is Ref:
                    found.add(target.id)
                    continue
            for name in ast.walk(node) if isinstance(node, ast.stmt | ast.NamedExpr) else ():
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    if not isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try):
                        other.add(name.id)
        return found - other

    def _statement(self, value: ast.expr) -> None:
        """A line that is only a reference, or only a call that makes a generator, does nothing."""
        text = ast.unparse(value)
        if isinstance(value, ast.Attribute | ast.Subscript) and type(self._resolve(value)) is Ref:
            raise self._error(
                value,
                f"`{text}` alone on a line does nothing: it only names a location",
                f"A load is a step: write `v = yield {text}`.",
            )
        if not isinstance(value, ast.Call):
            return
        callee = self._resolve(value.func)
        if isinstance(callee, ProcessFunction):
            raise self._error(
                value, f"`{text}` starts nothing", f"To start a process write `yield spawn({text})`."
            )
        if inspect.isgeneratorfunction(callee):
            raise self._error(
                value,
                f"`{text}` makes a generator and drops it: none of its steps is taken",
                f"Write `yield from {text}`.",
            )

    def _comparison(self, node: ast.Compare) -> None:
        """``mm.pmd is X`` compares the reference itself, and is always false."""
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            if isinstance(operator, ast.Is | ast.IsNot):
                for operand in (left, right):
                    if self._is_reference(operand):
                        self._refuse(operand, f"is compared with `is` in `{ast.unparse(node)}`")

    def _is_reference(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self.aliases
        return isinstance(node, ast.Attribute | ast.Subscript) and type(self._resolve(node)) is Ref

    def _refuse(self, node: ast.expr, use: str) -> None:
        text = ast.unparse(node)
        raise self._error(
            node,
            f"{text} {use}, but it is a reference here, not a value",
            f"Load it first: `v = yield {text}`, then use v.",
        )

    def _resolve(self, node: ast.expr) -> Any:
        """Return what a chain of names, fields and subscripts stands for; None if it is not plain."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._resolve(node.value)
            if is_part(owner):
                fields = type(owner).__modelcheck_fields__
                if node.attr in fields:
                    return owner.__dict__["_children"][node.attr]
                return getattr(type(owner), node.attr, None)
            return getattr(owner, node.attr, None) if inspect.ismodule(owner) else None
        if isinstance(node, ast.Subscript):
            owner = self._resolve(node.value)
            if isinstance(owner, Cells) and len(owner) and not isinstance(node.slice, ast.Slice):
                return next(iter(owner._children.values()))  # cells are alike; any will do
        return None

    def _error(self, node: ast.expr, what: str, remedy: str) -> ModelError:
        return ModelError(what, remedy, file=self.code.co_filename, line=node.lineno)


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Go over a function's nodes, without those of functions inside it: there, names are values."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Scope):
            waiting.extend(ast.iter_child_nodes(node))
