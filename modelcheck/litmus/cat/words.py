"""The words of cat and bell files, and a cursor over them.

Neighbours: `parse` has the grammar.
"""

from __future__ import annotations

import re
from typing import NoReturn

from modelcheck.litmus.scan import Source, Token, without_comments

WORDS = re.compile(
    r"""(?P<space>\s+|//[^\n]*|\#[^\n]*)
      |(?P<string>"[^"]*")
      |(?P<tag>'_?[A-Za-z][\w.\-]*'?)
      |(?P<name>_?[A-Za-z](?:[\w.]|-(?!>))*'?)
      |(?P<punct>\|\||&&|\+\+|->|-1|[(){}\[\]_0|&*~+^\\?=;,])
    """,
    re.VERBOSE,
)
KEYWORDS = frozenset([
    "let", "rec", "and", "when", "acyclic", "irreflexive", "show", "empty", "subset", "as", "fun",
    "in", "undefined_unless", "flag", "assert", "include", "variant", "begin", "end", "procedure",
    "call", "enum", "debug", "match", "with", "forall", "from", "do", "try", "if", "then", "else",
    "instructions", "default", "not", "unshow", "catdep",
])  # fmt: skip


class Cursor:
    """A cursor over the words of a cat file."""

    def __init__(self, source: Source):
        self.source = source
        self.tokens = list(self._scan())
        self.index = 0

    def _scan(self) -> list[Token]:
        text = without_comments(self.source.text)
        tokens, at = [], 0
        while at < len(text):
            found = WORDS.match(text, at)
            if found is None:
                self.source.fail(at, f"unexpected character {text[at]!r}")
            kind = found.lastgroup or ""
            if kind == "name" and found.group() in KEYWORDS:
                kind = "keyword"
            if kind != "space":
                tokens.append(Token(kind, found.group(), at))
            at = found.end()
        tokens.append(Token("end", "", len(text)))
        return tokens

    @property
    def token(self) -> Token:
        """Return the current word."""
        return self.tokens[self.index]

    def at(self, *texts: str) -> bool:
        """Return whether the current word is one of these."""
        return self.token.text in texts and self.token.kind in ("punct", "keyword")

    def advance(self) -> Token:
        """Return the current word and go on."""
        token = self.token
        if token.kind != "end":
            self.index += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        """Return the current word and go on, if it is one of these."""
        return self.advance() if self.at(*texts) else None

    def expect(self, text: str) -> Token:
        """Return the current word, which must be this one."""
        if not self.at(text):
            self.fail(f"`{text}` expected, found {self.found()}")
        return self.advance()

    def name(self, *kinds: str) -> Token:
        """Return the current word, which must be a name."""
        if self.token.kind not in (kinds or ("name",)):
            self.fail(f"a name expected, found {self.found()}")
        return self.advance()

    def found(self) -> str:
        """Return the current word as errors quote it."""
        return f"`{self.token.text}`" if self.token.kind != "end" else "the end of the file"

    def fail(self, what: str) -> NoReturn:
        """Raise the error of the current position."""
        self.source.fail(self.token.at, what)
