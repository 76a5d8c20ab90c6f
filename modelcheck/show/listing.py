"""Source files as the page lists them: the lines around what is used, in words and colours.

A file is read when a page is made, as it is then. One that is not there (a model typed at a prompt)
has no listing. Neighbours: `pagedata` asks for the place of every step.
"""

from __future__ import annotations

import io
import keyword
import linecache
import re
import tokenize
from typing import Any

from attrs import define, field

from modelcheck.errors import cell_name
from modelcheck.show.text import clean, short_place

AROUND = 60
"""Lines listed before the first line that is used, and after the last one."""

LONGEST = 3_000
"""Lines listed of one file, at most."""

WIDEST = 400
"""Characters of a line."""

_SORTS = {tokenize.COMMENT: "comment", tokenize.STRING: "string", tokenize.NUMBER: "number"}


@define
class Listings:
    """The files that a page shows, each with the lines that it shows of it."""

    _used: dict[str, tuple[int, int]] = field(factory=dict)

    def place(self, file: str, line: int) -> dict[str, Any]:
        """Return a place as the page has it: the file's number, the line, and both as text."""
        if not file or not line:
            return {"file": -1, "line": 0, "place": ""}
        low, high = self._used.get(file, (line, line))
        self._used[file] = (min(low, line), max(high, line))
        number = list(self._used).index(file)
        return {"file": number, "line": line, "place": short_place(file, line)}

    def data(self) -> list[dict[str, Any]]:
        """Return the files in the order of their numbers: a name, the first line, the lines."""
        return [_listing(file, low, high) for file, (low, high) in self._used.items()]


def _listing(file: str, low: int, high: int) -> dict[str, Any]:
    lines = _lines(file)
    first = max(1, low - AROUND)
    last = min(len(lines), high + AROUND, first + LONGEST - 1)
    colored = _colored(lines)
    return {
        "name": _name(file),
        "first": first,
        "lines": [colored.get(n, [["", _safe(lines[n - 1])]]) for n in range(first, last + 1)],
    }


def _lines(file: str) -> list[str]:
    """Return the lines of a file, none where it cannot be read (its name may be anything)."""
    try:
        return linecache.getlines(file)
    except (OSError, ValueError):
        return []


def _name(file: str) -> str:
    """Return the last two parts of a path: a page that is sent away need not tell more."""
    return cell_name(file) or clean("/".join(re.split(r"[/\\]", file)[-2:]))


def _safe(line: str) -> str:
    """Return a line without what could move others about; its blanks stay."""
    blanks = len(line) - len(line.lstrip(" "))
    return (" " * blanks + " ".join(map(clean, line.strip().split(" "))))[:WIDEST]


def _colored(lines: list[str]) -> dict[int, list[list[str]]]:
    """Return the lines, by number, as pieces of a sort and a text; none for broken source."""
    marks: dict[int, list[tuple[int, int, str]]] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(lines)).readline):
            sort = _sort(token)
            (line, start), (end_line, end) = token.start, token.end
            for n in range(line, end_line + 1) if sort else ():
                begin = start if n == line else 0
                marks.setdefault(n, []).append(
                    (begin, end if n == end_line else len(lines[n - 1]), sort)
                )
    except (tokenize.TokenError, SyntaxError, IndexError):
        return {}
    return {n: _pieces(lines[n - 1], marks.get(n, [])) for n in range(1, len(lines) + 1)}


def _sort(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return "keyword" if keyword.iskeyword(token.string) else ""
    if token.type == tokenize.OP and token.string == "@":
        return "keyword"
    if tokenize.tok_name[token.type].startswith("FSTRING"):
        return "string"
    return _SORTS.get(token.type, "")


def _pieces(line: str, marks: list[tuple[int, int, str]]) -> list[list[str]]:
    pieces, at = [], 0
    for start, end, sort in marks:
        pieces += [["", line[at:start]], [sort, line[start:end]]]
        at = end
    pieces.append(["", line[at:]])
    safe = [[sort, _piece(text)] for sort, text in pieces]
    return [[sort, text] for sort, text in safe if text] if len(line) <= WIDEST else [
        ["", _safe(line)]
    ]  # fmt: skip


def _piece(text: str) -> str:
    """Return a part of a line, its blanks kept, all else made safe."""
    return "".join(c if c == " " else clean(c) or " " for c in text.rstrip("\r\n").expandtabs(8))


__all__ = ["Listings"]
