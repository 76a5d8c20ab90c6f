"""The user's source text, for labels and messages: what a lambda says, where a function stands."""

from __future__ import annotations

import ast
import contextlib
import inspect
import linecache
import re
import textwrap
import tokenize
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from modelcheck.language import context

#: Longer integers are told by their length: Python refuses to write those of over 4,300 digits.
MOST_BITS = 4096
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+(?=[> ])")


def text_of(function: Callable[..., Any]) -> str:
    """Return a function's name, or a lambda's body as written.

    Examples
    --------
    >>> text_of(len)
    'len'
    """
    code = getattr(function, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return getattr(function, "__name__", type(function).__name__)
    return _body(code)


def shown(value: Any) -> str:
    """Return `repr(value)` without addresses, or, where it raises, something that says so.

    An address would make two equal values look different, and equal steps too.

    Examples
    --------
    >>> shown("a"), shown(object()), shown(10**5000)
    ("'a'", '<object object>', '<int of 16610 bits>')
    """
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"<int of {value.bit_length()} bits>"
    try:
        text = repr(value)
        # A number has no address, and steps show little else.
        return text if type(value) is int else _ADDRESS.sub("", text)
    except Exception as error:
        return f"<{type(value).__name__} without a repr: {type(error).__name__}>"


context.SHOWING.add(shown.__code__)


def tree_of(
    code: CodeType, space: Mapping[str, Any], fresh: bool = False
) -> ast.FunctionDef | None:
    """Return the syntax tree of a function's code; None without source.

    `space` has the function's global names: in an archive its module knows where the source is.
    The tree is not to be changed, unless it is a `fresh` one.
    """
    file, key = code.co_filename, (code.co_name, code.co_firstlineno)
    linecache.checkcache(file)
    lines = linecache.getlines(file, dict(space) if space.get("__file__") == file else None)
    functions = _functions.__wrapped__ if fresh else _functions
    found = functions("".join(lines)).get(key)
    if found is None and lines[code.co_firstlineno - 1 :]:  # is all else in the file sound?
        with contextlib.suppress(SyntaxError, tokenize.TokenError):
            block = inspect.getblock(lines[code.co_firstlineno - 1 :])
            blank = "\n" * (code.co_firstlineno - 1)
            found = functions(blank + textwrap.dedent("".join(block))).get(key)
    return found


@lru_cache(maxsize=16)
def _functions(source: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """Return the functions in a file, by name and first line, that of a decorator included.

    `inspect` would ask each module that was ever imported whether it is the file's.
    """
    try:
        with warnings.catch_warnings():  # they were told when the file was compiled
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {(f.name, min([f.lineno, *(d.lineno for d in f.decorator_list)])): f for f in functions}


def _spots(code: CodeType) -> Iterator[tuple[int, int, int, int]]:
    """Go over where instructions stand: line, end line, column, end column, if all are known."""
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or not end_column:
            continue
        if line != end_line + 1:
            yield line, end_line, column, end_column


@lru_cache(maxsize=4096)
def _body(code: CodeType) -> str:
    """Return the source of a lambda's body, on one line, from the positions of its instructions."""
    spots = [*_spots(code)]
    if not spots:
        return "<lambda>"
    start = min((p[0], p[2]) for p in spots)
    end = max((p[1], p[3]) for p in spots)
    lines = [linecache.getline(code.co_filename, n) for n in range(start[0], end[0] + 1)]
    if not all(lines):
        return "<lambda>"
    raw = [line.encode() for line in lines]
    raw[-1] = raw[-1][: end[1]]
    raw[0] = raw[0][start[1] :]
    text = " ".join(b"".join(raw).decode(errors="replace").split())
    return _close(text)


def _close(text: str) -> str:
    """Mend brackets that the positions left open: `(a or b` for `lambda: (a or b)`."""
    missing = text.count("(") - text.count(")")
    if missing > 0:
        return text + ")" * missing
    return "(" * -missing + text
