"""The source of process code, rewritten so that every test of a loaded value is seen.

Python says when a condition is tested, but not where its branch ends, and some tests (``is``,
``and``, an index) it lets nobody intercept. So each function of a process is compiled a second
time, with those places turned into calls of a `modelcheck.programs.follow.Follower`, under the name
``__mc__``; lines, names, variables and defaults stay what they are. What cannot be followed is
refused with its line.

Branches have a depth: a control dependency is in force from the branch that enters a depth until a
statement of a smaller one, so that ``break``, ``continue`` and ``return`` leave it as well.
"""

from __future__ import annotations

import ast
from types import CellType, CodeType, FunctionType
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.language.source import tree_of

HOOKS = "__mc__"
BASE = "__mc_base"

_compiled: dict[CodeType, CodeType | None] = {}


def rewritten(function: FunctionType, hooks: Any) -> FunctionType | None:
    """Return the function with its tests seen by `hooks`; None where it has no source.

    Raises
    ------
    ModelError
        Where it has a statement that cannot be followed.
    """
    code = function.__code__
    if code not in _compiled:
        tree = tree_of(code, function.__globals__, fresh=True)
        _compiled[code] = None if tree is None else _compile(tree, code)
    made = _compiled[code]
    if made is None:
        return None
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    cells[HOOKS] = CellType(hooks)
    closure = tuple(cells[name] for name in made.co_freevars)
    copy = FunctionType(made, function.__globals__, function.__name__, None, closure)
    copy.__defaults__, copy.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return copy


def _compile(tree: ast.FunctionDef, code: CodeType) -> CodeType:
    body = Rewriter(code).function(tree)
    names = [*code.co_freevars, HOOKS]
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(name) for name in names], kwonlyargs=[], kw_defaults=[],
        defaults=[],
    )  # fmt: skip
    outer = ast.FunctionDef(name="outer", args=arguments, body=[body], decorator_list=[])
    if hasattr(outer, "type_params"):
        outer.type_params = []
    ast.copy_location(outer, tree)
    module = ast.fix_missing_locations(ast.Module(body=[outer], type_ignores=[]))
    whole = compile(module, code.co_filename, "exec", dont_inherit=True)
    return _inner(_inner(whole, "outer"), code.co_name)


def _inner(code: CodeType, name: str) -> CodeType:
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)


class Rewriter(ast.NodeTransformer):
    """One function's syntax tree on its way."""

    def __init__(self, code: CodeType):
        self.code, self.depth = code, 0
        self.held = 0  # temporary names in use

    def function(self, tree: ast.FunctionDef) -> ast.FunctionDef:
        """Return the function rewritten; decorators and defaults are those of the original."""
        tree.decorator_list = []
        start = ast.Assign([ast.Name(BASE, ast.Store())], _hook("base"))
        body = self._body(tree.body, 0)
        tree.body = [ast.copy_location(start, tree.body[0]), *body]
        return tree

    def _refuse(self, node: ast.AST, what: str, remedy: str) -> ModelError:
        return ModelError(
            f"{what} cannot be followed under an axiomatic memory model",
            remedy,
            file=self.code.co_filename,
            line=getattr(node, "lineno", self.code.co_firstlineno),
        )

    def _body(self, statements: list[ast.stmt], depth: int) -> list[ast.stmt]:
        outer, self.depth = self.depth, depth
        found: list[ast.stmt] = []
        for statement in statements:
            made = self.visit(statement)
            found += made if isinstance(made, list) else [made]
        self.depth = outer
        return found

    def _at(self) -> ast.expr:
        """Return the expression for the depth of what is being visited."""
        return ast.BinOp(ast.Name(BASE, ast.Load()), ast.Add(), ast.Constant(self.depth))

    def _join(self, node: ast.AST) -> ast.stmt:
        return ast.copy_location(ast.Expr(_hook("join", self._at())), node)

    def _place(self, node: ast.stmt) -> ast.expr:
        """Return the expression for file and line of a statement."""
        parts: list[ast.expr] = [ast.Constant(self.code.co_filename), ast.Constant(node.lineno)]
        return ast.Tuple(parts, ast.Load())

    # Statements

    def visit_If(self, node: ast.If) -> list[ast.stmt]:
        node.test = _hook("branch", self.visit(node.test), self._at())
        node.body = self._body(node.body, self.depth + 1)
        node.orelse = self._body(node.orelse, self.depth + 1)
        return [node, self._join(node)]

    def visit_While(self, node: ast.While) -> list[ast.stmt]:
        begin = ast.copy_location(ast.Expr(_hook("begin", self._at())), node)
        node.test = _hook("again", self.visit(node.test), self._at(), self._place(node))
        node.body = self._body(node.body, self.depth + 1)
        node.orelse = self._body(node.orelse, self.depth)
        return [begin, node, self._join(node)]

    def visit_For(self, node: ast.For) -> list[ast.stmt]:
        node.iter = self.visit(node.iter)
        node.body = [self._join(node), *self._body(node.body, self.depth)]
        node.orelse = self._body(node.orelse, self.depth)
        return [node, self._join(node)]

    def visit_Try(self, node: ast.Try) -> Any:
        if node.handlers:
            raise self._refuse(node, "`except`", "Test for what may fail with `if`.")
        node.body = self._body(node.body, self.depth)
        node.finalbody = [self._join(node), *self._body(node.finalbody, self.depth)]
        return node

    def visit_TryStar(self, node: Any) -> Any:
        raise self._refuse(node, "`except*`", "Test for what may fail with `if`.")

    def visit_Match(self, node: ast.Match) -> Any:
        raise self._refuse(node, "`match`", "Write it with `if` and `==` or `is`.")

    def visit_With(self, node: ast.With) -> Any:
        node.items = [self.visit(item) for item in node.items]
        node.body = self._body(node.body, self.depth)
        return [node, self._join(node)]  # it may swallow an exception out of a branch

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        said: ast.expr = ast.Constant(ast.unparse(node))
        if node.msg is not None:
            said = self.visit(node.msg)
            said = said if _yields(said) else _delayed(said)
        checked = _hook("check", self.visit(node.test), said, self._place(node))
        return ast.copy_location(ast.Expr(checked), node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        self.generic_visit(node)
        if all(isinstance(target, ast.Name) for target in node.targets):
            node.value = _hook("assigned", node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        self.generic_visit(node)
        if node.value is not None and isinstance(node.target, ast.Name):
            node.value = _hook("assigned", node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        if not isinstance(node.target, ast.Name):
            return self.generic_visit(node)
        name = node.target.id
        value = ast.BinOp(ast.Name(name, ast.Load()), node.op, self.visit(node.value))
        return ast.Assign([ast.Name(name, ast.Store())], _hook("assigned", value))

    def visit_Return(self, node: ast.Return) -> Any:
        self.generic_visit(node)
        if node.value is not None:
            node.value = _hook("assigned", node.value)
        return node

    # Functions inside are followed when they are called.

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return node

    # Expressions

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        node.test = _hook("branch", self.visit(node.test), self._at())
        at = self._at()
        self.depth += 1
        node.body = _hook("leave", at, self.visit(node.body))
        node.orelse = _hook("leave", at, self.visit(node.orelse))
        self.depth -= 1
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        first, *rest = node.values
        last = rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(node.op, rest), node)
        if _yields(last):
            return ast.copy_location(self._stepping(node.op, first, last), node)
        hook = "both" if isinstance(node.op, ast.And) else "either"
        return ast.copy_location(_hook(hook, self.visit(first), _delayed(self.visit(last))), node)

    def _stepping(self, operator: ast.boolop, first: ast.expr, last: ast.expr) -> ast.expr:
        """Return ``first and last`` where the right side takes a step, which the left decides."""
        held, at = f"__mc_held_{self.held}", self._at()
        self.held += 1
        test = _hook("branch", ast.NamedExpr(ast.Name(held, ast.Store()), self.visit(first)), at)
        self.depth += 1
        second = _hook("joined", ast.Name(held, ast.Load()), self.visit(last))
        self.depth -= 1
        taken = _hook("leave", at, second)
        left = _hook("leave", at, ast.Name(held, ast.Load()))
        if isinstance(operator, ast.Or):
            taken, left = left, taken
        return ast.IfExp(test, taken, left)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        return _hook("negate", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) == 1:
            return self._compared(
                node.ops[0], self.visit(node.left), self.visit(node.comparators[0])
            )
        terms = [node.left, *node.comparators]
        if not all(isinstance(term, ast.Name | ast.Constant) for term in terms[1:-1]):
            raise self._refuse(
                node, "a chain of comparisons", "Write `a < b and b < c` with names."
            )
        pairs: list[ast.expr] = [
            ast.copy_location(ast.Compare(a, [op], [b]), node)
            for op, a, b in zip(node.ops, terms, terms[1:], strict=False)
        ]
        return self.visit(ast.copy_location(ast.BoolOp(ast.And(), pairs), node))

    def _compared(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> ast.expr:
        hook = {ast.Is: "same", ast.IsNot: "same", ast.In: "within", ast.NotIn: "within"}
        if type(operator) not in hook:
            return ast.Compare(left, [operator], [right])
        found = _hook(hook[type(operator)], left, right)
        negated = isinstance(operator, ast.IsNot | ast.NotIn)
        return _hook("negate", found) if negated else found

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        self.generic_visit(node)
        node.value = _hook("assigned", node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Slice):
            return node
        return ast.copy_location(_hook("item", node.value, node.slice), node)

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        node.func = ast.copy_location(_hook("callee", node.func), node.func)
        return node

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        self.generic_visit(node)
        return ast.copy_location(_hook("leave", self._at(), node), node)


def _hook(name: str, *arguments: ast.expr) -> ast.expr:
    called = ast.Attribute(ast.Name(HOOKS, ast.Load()), name, ast.Load())
    return ast.Call(called, list(arguments), [])


def _delayed(value: ast.expr) -> ast.expr:
    arguments = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.copy_location(ast.Lambda(arguments, value), value)


def _yields(tree: ast.AST) -> bool:
    found: tuple[Any, ...] = (ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return any(isinstance(node, found) for node in ast.walk(tree))


__all__ = ["rewritten"]
