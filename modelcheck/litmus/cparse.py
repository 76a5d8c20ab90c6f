"""The C of Linux-kernel litmus tests: processes `P0(int *x, ...) { ... }` as syntax trees."""

from __future__ import annotations

from typing import NoReturn

from attrs import frozen

from modelcheck.litmus.scan import Cursor, Source, Token, number


class Expr:
    """An expression; `at` is its position in the file."""

    at: int


@frozen
class Number(Expr):
    """A constant."""

    value: int
    at: int


@frozen
class Name(Expr):
    """A register, or a parameter: the address of a shared variable."""

    name: str
    at: int


@frozen
class Deref(Expr):
    """``*e``: a plain access."""

    address: Expr
    at: int


@frozen
class Binary(Expr):
    """``a + b``."""

    operator: str
    left: Expr
    right: Expr
    at: int


@frozen
class Call(Expr):
    """``READ_ONCE(*x)``."""

    function: str
    args: tuple[Expr, ...]
    at: int


class Stmt:
    """A statement; `at` is its position in the file."""

    at: int


@frozen
class Assign(Stmt):
    """``r1 = e;``."""

    name: str
    value: Expr
    at: int


@frozen
class Store(Stmt):
    """``*e = e;``: a plain write."""

    address: Expr
    value: Expr
    at: int


@frozen
class Run(Stmt):
    """``smp_mb();``."""

    value: Expr
    at: int


@frozen
class If(Stmt):
    """A conditional; a missing branch is empty."""

    condition: Expr
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...]
    at: int


@frozen
class While(Stmt):
    """A loop; `first` says that the body runs before the condition is looked at."""

    condition: Expr
    body: tuple[Stmt, ...]
    first: bool
    at: int


@frozen
class Process:
    """A process: its number, its parameters, its body."""

    number: int
    parameters: tuple[str, ...]
    body: tuple[Stmt, ...]


TYPES = frozenset(
    [
        "void",
        "char",
        "short",
        "int",
        "long",
        "signed",
        "unsigned",
        "bool",
        "_Bool",
        "size_t",
        "ssize_t",
        "volatile",
        "const",
        "struct",
        "intptr_t",
        "uintptr_t",
        "int8_t",
        "uint8_t",
        "int16_t",
        "uint16_t",
        "int32_t",
        "uint32_t",
        "int64_t",
        "uint64_t",
        "u8",
        "u16",
        "u32",
        "u64",
        "s8",
        "s16",
        "s32",
        "s64",
        "atomic_t",
        "atomic64_t",
        "atomic_long_t",
        "spinlock_t",
        "raw_spinlock_t",
        "mtx_t",
        "_Atomic",
        "atomic_int",
        "refcount_t",
    ]
)

LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="),
    ("<<", ">>"), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
COMPOUND = {"+=": "+", "-=": "-"}
NOT_HERE = {
    "goto": "Write nested `if`s.",
    "switch": "Write nested `if`s.",
    "break": "Write nested `if`s.",
    "continue": "Write nested `if`s.",
    "return": "Put what follows into an `if`.",
    "for": "Write the rounds one after the other, or use `while`.",
}


class CParser:
    """Reads the processes between two positions of a file."""

    def __init__(self, source: Source, start: int, end: int):
        self.cursor = Cursor(source, start, end)

    def process(self) -> Process:
        """Return the process that begins here."""
        cursor = self.cursor
        while cursor.accept("void", "*", "static", "inline"):
            pass
        token = cursor.name("a process like `P0(int *x)`")
        if not (token.text[:1] == "P" and token.text[1:].isdigit()):
            cursor.fail(f"`{token.text}` is no process", "A process is named P0, P1, ...", token)
        parameters = self._parameters()
        body = self._block()
        return Process(int(token.text[1:]), parameters, body)

    def _parameters(self) -> tuple[str, ...]:
        cursor = self.cursor
        cursor.expect("(")
        names = []
        while not cursor.accept(")"):
            words = []
            while not cursor.at(",", ")"):
                if cursor.token.kind == "end":
                    cursor.fail("`)` expected, found the end of the process")
                words.append(cursor.advance())
            cursor.accept(",")
            found = [w for w in words if w.kind == "name" and w.text not in TYPES]
            if found:
                names.append(found[-1].text)
            elif [w.text for w in words] != ["void"]:
                cursor.fail("a parameter without a name", "Write `int *x`.", words[0])
        return tuple(names)

    def _block(self) -> tuple[Stmt, ...]:
        cursor = self.cursor
        cursor.expect("{")
        body: list[Stmt] = []
        while not cursor.accept("}"):
            if cursor.token.kind == "end":
                cursor.fail("`}` expected, found the end of the process")
            body += self._statement()
        return tuple(body)

    def _statement(self) -> list[Stmt]:
        """Return the statements that the next one stands for: a declaration may be several."""
        cursor = self.cursor
        token = cursor.token
        if token.text in NOT_HERE:
            cursor.fail(f"`{token.text}` has no place in a litmus test", NOT_HERE[token.text])
        if cursor.at("{"):
            return list(self._block())
        if cursor.accept(";"):
            return []
        if cursor.accept("if"):
            return [self._if(token)]
        if cursor.accept("while"):
            return [While(self._condition(), self._body(), False, token.at)]
        if cursor.accept("do"):
            body = self._body()
            cursor.expect("while")
            condition = self._condition()
            cursor.expect(";")
            return [While(condition, body, True, token.at)]
        if token.text in TYPES or (token.kind == "name" and self._declares()):
            return self._declaration()
        statement = self._simple()
        cursor.expect(";", "A statement ends with `;`.")
        return [statement]

    def _declares(self) -> bool:
        """Return whether two names follow each other: an unknown type and what it declares."""
        ahead = 1
        while self.cursor.peek(ahead).text == "*":
            ahead += 1
        following = self.cursor.peek(ahead)
        ends = self.cursor.peek(ahead + 1).text in (";", "=", ",")
        return following.kind == "name" and ends and (ahead == 1 or self.cursor.peek().text == "*")

    def _if(self, token: Token) -> If:
        condition = self._condition()
        then = self._body()
        otherwise = self._body() if self.cursor.accept("else") else ()
        return If(condition, then, otherwise, token.at)

    def _condition(self) -> Expr:
        self.cursor.expect("(")
        condition = self._expression()
        self.cursor.expect(")", "A bracket is open.")
        return condition

    def _body(self) -> tuple[Stmt, ...]:
        return tuple(self._statement())

    def _declaration(self) -> list[Stmt]:
        cursor = self.cursor
        if cursor.token.text not in TYPES:
            cursor.advance()
        self._type()
        statements: list[Stmt] = []
        while True:
            while cursor.accept("*", "const", "volatile"):
                pass
            token = cursor.name("the name of a register")
            if cursor.at("["):
                cursor.fail(f"`{token.text}` is a local array", "Use a register for each cell.")
            if cursor.accept("="):
                statements.append(Assign(token.text, self._expression(), token.at))
            if not cursor.accept(","):
                break
        cursor.expect(";", "A declaration ends with `;`.")
        return statements

    def _type(self) -> None:
        while self.cursor.token.text in TYPES:
            if self.cursor.advance().text == "struct":
                self.cursor.name("the name of a struct")

    def _simple(self) -> Stmt:
        cursor = self.cursor
        token = cursor.token
        if token.text == "(" and cursor.peek().text == "void" and cursor.peek(2).text == ")":
            for _ in range(3):
                cursor.advance()
        target = self._unary()
        if cursor.accept("="):
            return self._assignment(target, self._expression(), token)
        if cursor.token.text in COMPOUND:
            operator = cursor.advance()
            value = Binary(COMPOUND[operator.text], target, self._expression(), operator.at)
            return self._assignment(target, value, token)
        if cursor.at("++", "--"):
            operator = cursor.advance()
            one = Number(1, operator.at)
            return self._assignment(
                target, Binary(operator.text[0], target, one, operator.at), token
            )
        return Run(self._binary(0, target), token.at)

    def _assignment(self, target: Expr, value: Expr, token: Token) -> Stmt:
        if isinstance(target, Name):
            return Assign(target.name, value, token.at)
        if isinstance(target, Deref):
            return Store(target.address, value, token.at)
        return self.cursor.fail(
            "this cannot be assigned to", "Assign to a register or through a pointer: `*x = 1`.",
            token,
        )  # fmt: skip

    def _expression(self) -> Expr:
        expression = self._binary(0)
        if self.cursor.at("?"):
            self.cursor.fail("`?:` has no place in a litmus test", "Write an `if`.")
        return expression

    def _binary(self, level: int, left: Expr | None = None) -> Expr:
        if level == len(LEVELS):
            return left if left is not None else self._unary()
        left = self._binary(level + 1, left)
        while self.cursor.at(*LEVELS[level]):
            token = self.cursor.advance()
            left = Binary(token.text, left, self._binary(level + 1), token.at)
        return left

    def _unary(self) -> Expr:
        cursor = self.cursor
        token = cursor.token
        if cursor.accept("*"):
            return Deref(self._unary(), token.at)
        if cursor.accept("&"):
            return self._address_of(self._unary(), token)
        if cursor.accept("!"):
            return Binary("==", self._unary(), Number(0, token.at), token.at)
        if cursor.accept("-"):
            return Binary("-", Number(0, token.at), self._unary(), token.at)
        if cursor.accept("~"):
            return Binary("^", Number(-1, token.at), self._unary(), token.at)
        if cursor.accept("+"):
            return self._unary()
        if cursor.at("(") and cursor.peek().text in TYPES:
            cursor.advance()
            self._type()
            while cursor.accept("*", "const", "volatile"):
                pass
            cursor.expect(")", "A cast is open.")
            return self._unary()
        return self._primary()

    def _address_of(self, operand: Expr, token: Token) -> Expr:
        """Return ``&*e`` as `e`; a parameter is an address already, so ``&x`` is taken as `x`."""
        if isinstance(operand, Deref):
            return operand.address
        if isinstance(operand, Name):
            return operand
        return self.cursor.fail("this has no address", "Write `&x` or just `x`.", token)

    def _primary(self) -> Expr:
        cursor = self.cursor
        token = cursor.advance()
        if token.kind == "number":
            return Number(number(token.text), token.at)
        if token.text == "(" and token.kind == "punct":
            inner = self._expression()
            cursor.expect(")", "A bracket is open.")
            return inner
        if token.kind != "name":
            self._unexpected(token)
        if cursor.at("{"):
            return self._annotated(token)
        if cursor.accept("("):
            return Call(token.text, self._arguments(), token.at)
        if cursor.at("["):
            cursor.advance()
            index = self._expression()
            cursor.expect("]")
            return Deref(Binary("+", Name(token.text, token.at), index, token.at), token.at)
        if cursor.at("->", "."):
            cursor.fail("a field of a struct", "Make each field a variable of its own.")
        return Name(token.text, token.at)

    def _annotated(self, token: Token) -> Expr:
        """Return a primitive of herd7's own, as ``__load{once}(*x)`` or ``__fence{mb}``."""
        cursor = self.cursor
        if not token.text.startswith("__"):
            self._unexpected(cursor.token)
        cursor.expect("{")
        tags = ""
        while not cursor.accept("}"):
            tags += cursor.advance().text
            if cursor.token.kind == "end":
                cursor.fail("`}` expected, found the end of the process")
        args = self._arguments() if cursor.accept("(") else ()
        return Call(f"{token.text}{{{tags}}}", args, token.at)

    def _arguments(self) -> tuple[Expr, ...]:
        cursor = self.cursor
        if cursor.accept(")"):
            return ()
        args = [self._argument()]
        while cursor.accept(","):
            args.append(self._argument())
        cursor.expect(")", "A call is open.")
        return tuple(args)

    def _argument(self) -> Expr:
        """Return an argument: an expression, or the bare operator of ``__atomic_op(x, +, 1)``."""
        cursor = self.cursor
        token = cursor.token
        if token.kind == "punct" and cursor.peek().text == ",":
            return Name(cursor.advance().text, token.at)
        if token.text == "&" and cursor.peek().text == "~" and cursor.peek(2).text == ",":
            cursor.advance()
            cursor.advance()
            return Name("&~", token.at)
        return self._expression()

    def _unexpected(self, token: Token) -> NoReturn:
        found = f"`{token.text}`" if token.kind != "end" else "the end of the process"
        self.cursor.fail(f"an expression expected, found {found}", token=token)


__all__ = [
    "Assign",
    "Binary",
    "CParser",
    "Call",
    "Deref",
    "Expr",
    "If",
    "Name",
    "Number",
    "Process",
    "Run",
    "Stmt",
    "Store",
    "While",
]
