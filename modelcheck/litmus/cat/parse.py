"""Reading cat and bell files: their grammar.

Neighbours: `words` cuts the text into words, `syntax` is what comes out, `interpret` runs it.
"""

from __future__ import annotations

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
from modelcheck.litmus.cat.words import Cursor
from modelcheck.litmus.scan import Source

CHECKS = ("acyclic", "irreflexive", "empty")
BINARY = {"|": (1, "right"), "++": (2, "right"), ";": (3, "right"), "\\": (4, "left"),
          "&": (5, "right")}  # fmt: skip
Name = str | None


class CatParser(Cursor):
    """The grammar: each method reads what it is named after."""

    # Instructions

    def file(self) -> tuple[Ins, ...]:
        """Return the instructions of the whole file."""
        for _ in range(2):  # the model's name: a word, two, a string, or a word and a string
            if self.token.kind in ("name", "string"):
                self.advance()
        if self.at("catdep"):
            self.source.fail(
                self.token.at,
                "`catdep`: this model computes dependencies from register events",
                "There are none here. Use a model that takes addr, data and ctrl as given.",
            )
        body = self._instructions()
        if self.token.kind != "end":
            self.fail(f"an instruction expected, found {self.found()}")
        return body

    def _instructions(self) -> tuple[Ins, ...]:
        body: list[Ins] = []
        while (instruction := self._instruction()) is not None:
            if not isinstance(instruction, list):
                body.append(instruction)
        return tuple(body)

    def _instruction(self) -> Ins | list[Ins] | None:
        """Return the next instruction, [] for one that means nothing here, None at the end."""
        at = self.token.at
        if self.accept("let"):
            recursive = self.accept("rec") is not None
            bindings = self._bindings()
            if self.accept("when"):
                self._check()
            self.accept("in")
            return Let(bindings, recursive, at)
        if self.at("flag", "assert", "undefined_unless", "~", *CHECKS):
            return self._check()
        if self.accept("show", "unshow"):
            return self._show()
        if self.accept("include"):
            return Include(self.name("string").text[1:-1], at)
        if self.accept("procedure"):
            return self._procedure(at)
        if self.accept("call"):
            name = self.name().text
            argument = self._simple()
            self._optional_name()
            return CallProcedure(name, argument, at)
        if self.accept("debug"):
            self.expression()
            return []
        return self._block(at)

    def _block(self, at: int) -> Ins | list[Ins] | None:
        if self.accept("forall"):
            name = self.name().text
            self.expect("in")
            value = self.expression()
            self.expect("do")
            return Forall(name, value, self._until_end(), at)
        if self.accept("with"):
            name = self.name().text
            self.expect("from")
            return With(name, self.expression(), at)
        if self.accept("if"):
            condition = self._variant()
            then = self._instructions()
            otherwise = self._instructions() if self.accept("else") else ()
            self.expect("end")
            return IfIns(condition, then, otherwise, at)
        if self.accept("match"):
            return self._match_instructions(at)
        if self.accept("enum"):
            name = self.name().text
            self.expect("=")
            self.accept("||")
            tags = [self.name("tag").text[1:]]
            while self.accept("||"):
                tags.append(self.name("tag").text[1:])
            return Enum(name, tuple(tags), at)
        if self.accept("instructions", "default"):
            self.name()
            self.expect("[")
            while not self.accept("]"):
                self.advance()
            return []
        return None

    def _until_end(self) -> tuple[Ins, ...]:
        body = self._instructions()
        self.expect("end")
        return body

    def _check(self) -> Check:
        at = self.token.at
        mode = self.accept("flag", "assert", "undefined_unless")
        negated = self.accept("~") is not None
        if not self.at(*CHECKS):
            self.fail(f"acyclic, irreflexive or empty expected, found {self.found()}")
        kind = self.advance().text
        value = self.expression()
        name = self._optional_name()
        return Check(kind, negated, mode.text if mode else "", value, name or kind, at)

    def _optional_name(self) -> str:
        return self.name().text if self.accept("as") else ""

    def _show(self) -> list[Ins]:
        """Skip what says which relations to draw."""
        self.expression()
        if self.accept("as"):
            self.name()
        while self.accept(","):
            self.expression()
        return []

    def _procedure(self, at: int) -> Procedure:
        self.accept("rec")
        name = self.name().text
        parameters = self._formals() if self.accept("(") else (self._pattern(),)
        self.expect("=")
        return Procedure(name, parameters, self._until_end(), at)

    def _match_instructions(self, at: int) -> MatchIns:
        subject = self.expression()
        self.expect("with")
        self.accept("||")
        clauses: list[tuple[Name, tuple[Ins, ...]]] = []
        while True:
            tag = None if self.accept("_") else self.name("tag").text[1:]
            self.expect("->")
            clauses.append((tag, self._instructions()))
            if not self.accept("||"):
                break
        self.expect("end")
        return MatchIns(subject, tuple(clauses), at)

    # Bindings

    def _bindings(self) -> tuple[Binding, ...]:
        bindings = [self._binding()]
        while self.accept("and"):
            bindings.append(self._binding())
        return tuple(bindings)

    def _binding(self) -> Binding:
        at = self.token.at
        if self.accept("("):
            names = self._formals()
            self.expect("=")
            return Binding(names, self.expression())
        names = (self._pattern(),)
        if self.at(","):
            while self.accept(","):
                names += (self._pattern(),)
        elif not self.at("="):
            parameters = self._formals() if self.accept("(") else (self._pattern(),)
            self.expect("=")
            return Binding(names, Fun(parameters, self.expression(), at))
        self.expect("=")
        return Binding(names, self.expression())

    def _pattern(self) -> Name:
        return None if self.accept("_") else self.name().text

    def _formals(self) -> tuple[Name, ...]:
        """Return the names up to the closing bracket."""
        names: list[Name] = []
        while not self.accept(")"):
            names.append(self._pattern())
            self.accept(",")
        return tuple(names)

    # Expressions

    def expression(self) -> Exp:
        """Return an expression, or a tuple without brackets."""
        at = self.token.at
        if self.accept("let"):
            recursive = self.accept("rec") is not None
            bindings = self._bindings()
            self.expect("in")
            return LetIn(bindings, recursive, self.expression(), at)
        if self.accept("fun"):
            parameters = self._formals() if self.accept("(") else (self._pattern(),)
            self.expect("->")
            return Fun(parameters, self.expression(), at)
        if self.accept("try"):
            first = self.expression()
            self.expect("with")
            return Try(first, self.expression(), at)
        if self.accept("if"):
            return self._if(at)
        if self.accept("match"):
            return self._match(at)
        return self._base(0)

    def _tuple(self) -> Exp:
        at = self.token.at
        first = self.expression()
        if not self.at(","):
            return first
        items = [first]
        while self.accept(","):
            items.append(self.expression())
        return Tuple(tuple(items), at)

    def _if(self, at: int) -> IfExp:
        bracketed = self.at("(") and self.tokens[self.index + 1].kind == "string"
        if bracketed or self.token.kind == "string" or self.at("not", "variant"):
            condition = self._variant()
        else:
            condition = self._condition()
        self.expect("then")
        then = self.expression()
        self.expect("else")
        return IfExp(condition, then, self.expression(), at)

    def _condition(self) -> Condition:
        left = self.expression()
        token = self.advance()
        if token.text not in ("=", "subset", "in"):
            self.source.fail(token.at, f"`=`, `subset` or `in` expected, found `{token.text}`")
        return Condition(token.text, (left, self.expression()))

    def _variant(self) -> Condition:
        left = self._variant_and()
        while self.accept("||"):
            left = Condition("||", (left, self._variant_and()))
        return left

    def _variant_and(self) -> Condition:
        left = self._variant_not()
        while self.accept("&&"):
            left = Condition("&&", (left, self._variant_not()))
        return left

    def _variant_not(self) -> Condition:
        if self.accept("not"):
            return Condition("not", (self._variant_not(),))
        if self.accept("("):
            inner = self._variant()
            self.expect(")")
            return inner
        self.accept("variant")
        return Condition("variant", (self.name("string").text[1:-1],))

    def _match(self, at: int) -> Exp:
        subject = self.expression()
        self.expect("with")
        self.accept("||")
        if self.token.kind == "tag" or (self.at("_") and self.tokens[self.index + 1].text == "->"):
            return self._match_tag(subject, at)
        empty: Exp | None = None
        element: tuple[Name, Name, Exp] | None = None
        for _ in range(2):
            if self.accept("{"):
                self.expect("}")
                self.expect("->")
                empty = self.expression()
            else:
                first = self._pattern()
                self.expect("++")
                rest = self._pattern()
                self.expect("->")
                element = (first, rest, self.expression())
            self.accept("||")
        self.expect("end")
        if empty is None or element is None:
            self.fail("a match on a set has the clauses `{}` and `x ++ xs`")
        return MatchSet(subject, empty, *element, at)

    def _match_tag(self, subject: Exp, at: int) -> MatchTag:
        clauses: list[tuple[Name, Exp]] = []
        while True:
            tag = None if self.accept("_") else self.name("tag").text[1:]
            self.expect("->")
            clauses.append((tag, self.expression()))
            if not self.accept("||"):
                break
        self.expect("end")
        return MatchTag(subject, tuple(clauses), at)

    def _base(self, level: int) -> Exp:
        left = self._postfix()
        while self.token.kind == "punct" and self.token.text in BINARY:
            precedence, side = BINARY[self.token.text]
            if precedence < level:
                break
            token = self.advance()
            right = self._base(precedence + (side == "left"))
            left = Op(token.text, (left, right), token.at)
        return left

    def _postfix(self) -> Exp:
        at = self.token.at
        if self.accept("~"):
            return Op("~", (self._postfix(),), at)
        left = self._application()
        while True:
            token = self.token
            if self.accept("^"):
                self.expect("-1")
                left = Op("^-1", (left,), token.at)
            elif self.accept("+", "?"):
                left = Op(token.text, (left,), token.at)
            elif self.accept("*"):
                if self._begins():
                    return Op("product", (left, self._postfix()), token.at)
                left = Op("*", (left,), token.at)
            else:
                return left

    def _begins(self) -> bool:
        """Return whether an operand begins here."""
        return self.token.kind in ("name", "tag") or self.at("(", "[", "{", "_", "0", "~", "begin")

    def _application(self) -> Exp:
        if self.token.kind != "name":
            return self._simple()
        token = self.advance()
        result: Exp = Var(token.text, token.at)
        while self.token.kind in ("name", "tag") or self.at("(", "[", "{", "_", "0", "begin"):
            at = self.token.at
            if self.token.kind == "name":
                argument: Exp = Var(self.advance().text, at)
            else:
                argument = self._simple()
            result = App(result, argument, at)
        return result

    def _simple(self) -> Exp:
        token = self.token
        if token.kind == "tag":
            self.advance()
            return Tag(token.text[1:], token.at)
        if token.kind == "name":
            self.advance()
            return Var(token.text, token.at)
        if self.accept("0", "_"):
            return Constant(token.text, token.at)
        if self.accept("("):
            if self.accept(")"):
                return Tuple((), token.at)
            inner = self._tuple()
            self.expect(")")
            return inner
        if self.accept("begin"):
            inner = self._tuple()
            self.expect("end")
            return inner
        if self.accept("["):
            inner = self.expression()
            self.expect("]")
            return Op("[]", (inner,), token.at)
        if self.accept("{"):
            items: list[Exp] = []
            while not self.accept("}"):
                items.append(self._base(0))
                self.accept(",")
            return SetOf(tuple(items), token.at)
        return self.fail(f"an expression expected, found {self.found()}")


def parse_cat(source: Source) -> tuple[Ins, ...]:
    """Return the instructions of a cat or bell file.

    Raises
    ------
    LitmusError
        With file, line and column.
    """
    return CatParser(source).file()


__all__ = ["parse_cat"]
