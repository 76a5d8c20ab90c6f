"""Tokens of a piece of a litmus file, each with its line and column, and a cursor over them."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple, NoReturn

from modelcheck.litmus.errors import LitmusError


class Token(NamedTuple):
    """A word of the file; `at` is its position in the whole text."""

    kind: str  # "name", "number", "string", "punct" or "end"
    text: str
    at: int


class Source:
    """The text of a file, which can tell the line and column of a position."""

    def __init__(self, text: str, file: str):
        self.text, self.file = text, file

    @cached_property
    def _starts(self) -> list[int]:
        return [0] + [m.end() for m in re.finditer("\n", self.text)]

    def line(self, at: int) -> int:
        """Return the number of the line, from 1."""
        return bisect_right(self._starts, at)

    def place(self, at: int) -> tuple[str, int, int]:
        """Return file, line and column."""
        line = self.line(at)
        return self.file, line, at - self._starts[line - 1] + 1

    def fail(self, at: int, what: str, remedy: str = "") -> NoReturn:
        """Raise the error of this position."""
        raise LitmusError(what, remedy, self.place(at))


#: C, conditions and initial states have the same words.
WORDS = re.compile(
    r"""(?P<space>\s+|/\*.*?\*/|//[^\n]*)
      |(?P<name>[A-Za-z_%$][\w.]*)
      |(?P<number>0[xX][0-9a-fA-F]+|\d+)
      |(?P<string>"[^"\n]*")
      |(?P<punct><<|>>|==|!=|<=|>=|=>|&&|\|\||/\\|\\/|->|\+\+|--|\+=|-=|[-+*/%&|^~!<>=(){}\[\];:,.?])
    """,
    re.VERBOSE | re.DOTALL,
)


def without_comments(text: str) -> str:
    """Return the text with every ``(* ... *)``, nested ones included, blanked out in place.

    Examples
    --------
    >>> without_comments("a (* b (* c *) *) d")
    'a                 d'
    """
    result, depth, last = [], 0, 0
    for match in re.finditer(r"\(\*|\*\)", text):
        if depth == 0:
            result.append(text[last : match.start()])
            last = match.start()
        depth = max(0, depth + (1 if match.group() == "(*" else -1))
        if depth == 0:
            result.append(re.sub(r"[^\n]", " ", text[last : match.end()]))
            last = match.end()
    result.append(text[last:] if depth == 0 else re.sub(r"[^\n]", " ", text[last:]))
    return "".join(result)


class Cursor:
    """The tokens of a part of a file, read from left to right."""

    def __init__(self, source: Source, start: int, end: int, text: str | None = None):
        self.source = source
        self.tokens = _tokens(source, text if text is not None else source.text, start, end)
        self.index = 0
        self.token = self.tokens[0]

    def advance(self) -> Token:
        """Return the current token and go on to the next."""
        token = self.token
        if token.kind != "end":
            self.index += 1
            self.token = self.tokens[self.index]
        return token

    def peek(self, ahead: int = 1) -> Token:
        """Return a later token."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def at(self, *texts: str) -> bool:
        """Return whether the current token is one of these words."""
        return self.token.text in texts and self.token.kind != "string"

    def accept(self, *texts: str) -> Token | None:
        """Return the current token and go on, if it is one of these words."""
        return self.advance() if self.at(*texts) else None

    def expect(self, text: str, remedy: str = "") -> Token:
        """Return the current token, which must be this word."""
        if not self.at(text):
            self.fail(f"`{text}` expected, found {self.found()}", remedy)
        return self.advance()

    def name(self, what: str = "a name") -> Token:
        """Return the current token, which must be a name."""
        if self.token.kind != "name":
            self.fail(f"{what} expected, found {self.found()}")
        return self.advance()

    def found(self) -> str:
        """Return the current token as errors quote it."""
        return f"`{self.token.text}`" if self.token.kind != "end" else "the end of this part"

    def fail(self, what: str, remedy: str = "", token: Token | None = None) -> NoReturn:
        """Raise the error of the current (or given) token's position."""
        self.source.fail((token or self.token).at, what, remedy)


def _tokens(source: Source, text: str, start: int, end: int) -> list[Token]:
    tokens, at = [], start
    match = WORDS.match
    while at < end:
        found = match(text, at, end)
        if found is None:
            source.fail(at, f"unexpected character {text[at]!r}", "no word begins with it")
        kind = found.lastgroup
        if kind != "space":
            tokens.append(Token(kind or "", found.group(), at))
        at = found.end()
    tokens.append(Token("end", "", end))
    return tokens


def number(text: str) -> int:
    """Return the value of a decimal or hexadecimal number."""
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)


__all__ = ["Cursor", "Source", "Token", "number", "without_comments"]
