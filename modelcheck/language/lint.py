"""Mistakes in process code that no operator can catch at run time, found in its source.

A reference refuses almost every use as a value (`modelcheck.language.refs.Ref`), but Python lets
nobody intercept ``is``, a bare ``mm.count`` on a line of its own, or a call whose generator is
dropped. Each would be silently wrong, so the source of each process function, and of each
subroutine and helper that it calls with locations, is looked at when it is made and when it is
first suspended, with the names that it then sees. Where there is no source (an interactive prompt),
there is no such check.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, GeneratorType
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.language.cells import Cells, is_location, is_part
from modelcheck.language.context import is_ours
from modelcheck.language.process import ProcessFunction
from modelcheck.language.refs import Ref
from modelcheck.language.source import tree_of
from modelcheck.language.steps import label

#: What was found in order, by the identity of its code, before its first step and after; the code
#: is kept so that the id stays its own.
_done: dict[tuple[int, bool], CodeType] = {}

Scope = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def lint(generator: GeneratorType[Any, Any, Any]) -> None:
    """Raise `ModelError` at the first mistake in the source of a suspended generator's function.

    Cost: goes over each function's syntax tree twice in a process's life.
    """
    frame = generator.gi_frame
    assert frame is not None
    started = inspect.getgeneratorstate(generator) != inspect.GEN_CREATED
    _lint_code(generator.gi_code, started, frame.f_globals, frame.f_locals)


def _lint_code(
    code: CodeType, started: bool, outer: Mapping[str, Any], own: Mapping[str, Any]
) -> None:
    if (id(code), started) in _done or is_ours(code.co_filename):
        return
    _done[id(code), started] = code  # before it calls itself
    function = tree_of(code, outer)
    try:
        if function is not None:
            _Lint(code, outer, own).check(function)
    except ModelError:
        del _done[id(code), started]
        raise


class _Lint:
    """One look at one function."""

    def __init__(self, code: CodeType, outer: Mapping[str, Any], own: Mapping[str, Any]):
        self.code, self.outer, self.own = code, outer, own
        self.assigned: dict[str, list[ast.expr]] = {}
        self.aliases: dict[str, Any] = {}

    def check(self, function: ast.FunctionDef) -> None:
        own = list(_own_nodes(function))
        self.aliases = self._aliases(own)
        for node in own:
            if isinstance(node, ast.Call):
                self._called(node)
                self._type_test(node)
            if isinstance(node, ast.Attribute):
                self._asked(node)
            if isinstance(node, ast.Expr):
                self._statement(node.value)
            elif isinstance(node, ast.Compare):
                self._comparison(node)
            elif isinstance(node, ast.Match) and self._is_reference(node.subject):
                self._refuse(node.subject, "is matched")

    def _aliases(self, nodes: list[ast.AST]) -> dict[str, Any]:
        """Return the locations that local names always stand for: ``pmd = mm.pmd``, no yield.

        A name stands for one if it is a parameter that nobody assigns to, or is only ever assigned
        locations, of which any will do.
        """
        stores: dict[str, int] = {}
        assigned: dict[str, list[ast.expr]] = {}
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                stores[node.id] = stores.get(node.id, 0) + 1
            elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                stores[node.name] = stores.get(node.name, 0) + 2
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    assigned.setdefault(name, []).append(value)
        parameters = self.code.co_varnames[: self.code.co_argcount + self.code.co_kwonlyargcount]
        found = {n: self.own.get(n) for n in parameters if n not in stores}
        simple = {n: values for n, values in assigned.items() if len(values) == stores[n]}
        for _ in simple:  # one may be assigned another
            self.aliases = found
            for name, values in simple.items():
                locations = [self._resolve(value) for value in values]
                if all(is_location(x) for x in locations):
                    found = {**found, name: locations[0]}
        return found

    def _called(self, call: ast.Call) -> None:
        """Look at a subroutine or helper too: it may never be suspended itself."""
        callee = self._resolve(call.func)
        if not inspect.isfunction(getattr(callee, "__func__", callee)):
            return
        try:
            given = inspect.signature(callee).bind(
                *map(self._resolve, call.args),
                **{k.arg: self._resolve(k.value) for k in call.keywords if k.arg},
            )
        except TypeError:  # it will say so itself
            return
        self._look_into(callee, given.arguments)

    def _asked(self, node: ast.Attribute) -> None:
        """Look at a helper that is a property of a `@state` class."""
        owner = self._resolve(node.value)
        helper = inspect.getattr_static(type(owner), node.attr, None) if is_part(owner) else None
        if isinstance(helper, property) and inspect.isfunction(helper.fget):
            self._look_into(helper.fget.__get__(owner), {})

    def _look_into(self, callee: Any, given: Mapping[str, Any]) -> None:
        """Look at a function that is called with locations, or captures some."""
        own = dict(given)
        function = getattr(callee, "__func__", callee)
        if function is not callee:
            own[function.__code__.co_varnames[0]] = callee.__self__
        captured = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in captured:
            with contextlib.suppress(ValueError):  # an empty cell: not assigned yet
                own[name] = cell.cell_contents
        if any(map(is_location, own.values())):
            _lint_code(function.__code__, False, function.__globals__, own)

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
                value,
                f"`{text}` starts nothing",
                f"To start a process write `yield spawn({text})`.",
            )
        if callee is label:
            raise self._error(
                value,
                f"`{text}` alone on a line does nothing: it only makes a label",
                f"Write `yield {text}` for a step, or `with {text}:` around a stretch of code.",
            )
        if inspect.isgeneratorfunction(callee):
            raise self._error(
                value,
                f"`{text}` makes a generator and drops it: none of its steps is taken",
                f"Write `yield from {text}`.",
            )

    def _type_test(self, call: ast.Call) -> None:
        """``isinstance(mm.pmd, Pmd)`` asks for the reference's type."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in ("isinstance", "type", "id") and call.args and self._is_reference(call.args[0]):
            self._refuse(call.args[0], f"is given to {name}()")

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
            return type(self.aliases.get(node.id)) is Ref
        return isinstance(node, ast.Attribute | ast.Subscript) and type(self._resolve(node)) is Ref

    def _refuse(self, node: ast.expr, use: str) -> None:
        text = ast.unparse(node)
        raise self._error(
            node,
            f"{text} {use}, but it is a reference here, not a value",
            f"Load it first: `v = yield {text}`, then use v.",
        )

    def _resolve(self, node: ast.expr) -> Any:
        """Return what a chain of names, fields, subscripts stands for; None if it is not plain."""
        if isinstance(node, ast.Name):
            if node.id in self.aliases:
                return self.aliases[node.id]
            own = self.code.co_varnames + self.code.co_cellvars + self.code.co_freevars
            return (self.own if node.id in own else self.outer).get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._resolve(node.value)
            if is_part(owner):
                fields = type(owner).__modelcheck_fields__
                if node.attr in fields:
                    return owner.__dict__["_children"][node.attr]
                found = getattr(type(owner), node.attr, None)
                return found.__get__(owner) if inspect.isfunction(found) else found
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
