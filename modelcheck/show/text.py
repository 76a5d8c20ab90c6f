"""Plain values and the user's own words as one line of safe text.

Whatever comes out of here is printable, on one line and reads from left to right: no control
character, no lone surrogate, no right-to-left letter. So every renderer may put it into a terminal,
a sentence or (escaped) into XML, DOT or Mermaid. It is deterministic too: sets and dictionaries are
sorted and no address in memory shows. Neighbours: all renderers in `modelcheck.show`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Set
from enum import Enum, Flag
from functools import partial
from types import FunctionType
from typing import Any

import attrs

from modelcheck.errors import cell_name
from modelcheck.show.trace import ABSENT, Waiting

LIMIT = 60
"""Characters that one shown value may take."""

DEPTH = 8
"""Levels of nesting shown; it also ends values that contain themselves."""

_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_ADDRESS = re.compile(r"(?: object)? at 0x[0-9A-Fa-f]+")


def show_value(value: Any, limit: int = LIMIT) -> str:
    r"""One short line for any plain value.

    Parameters
    ----------
    value : Any
        Anything at all: a broken or hostile ``__repr__`` is shown as such, never raised.
    limit : int
        Characters at most; what is longer is cut and ends in ``…``.

    Examples
    --------
    >>> print(show_value({"b": {3, 20, 1}, "a": (None, 'x\n<y>')}))
    {'a': (None, 'x\n<y>'), 'b': {1, 3, 20}}
    >>> print(show_value("a long string that nobody reads", 12))
    'a long str…
    >>> class Pmd(Enum):
    ...     TABLE = 1
    >>> print(show_value((Pmd.TABLE, ABSENT, frozenset())))
    (TABLE, -, {})
    """
    # A little more than `limit` is enough to cut at, and keeps a huge value cheap.
    return cut(_show(value, DEPTH, 4 * limit + 40), limit)


def clean(text: str) -> str:
    r"""`text` on one line: white space runs become one space, what cannot be shown is escaped.

    Right-to-left letters are escaped as well: next to ``old → new`` they would swap its sides.

    Examples
    --------
    >>> print(clean("x :=\n   1\0\u202e"))
    x := 1\x00\u202e
    """
    return _printable(" ".join(text.split())) if not _plain(text) else text


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning and ``…`` where it is longer than `limit` characters.

    Examples
    --------
    >>> print(cut("lockless", 5), cut("lock", 5))
    lock… lock
    """
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def cut_start(text: str, limit: int) -> str:
    """`text`, or ``…`` and its end where it is longer: for a place, whose line comes last.

    Examples
    --------
    >>> print(cut_start("lockless_walk.py:12", 10))
    …alk.py:12
    """
    return text if len(text) <= limit else "…" + text[len(text) - max(0, limit - 1) :]


def columns(text: str) -> int:
    """How many columns of a terminal or of a monospaced font `text` takes.

    Examples
    --------
    >>> columns("abc"), columns("漢字"), columns("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def short_place(file: str, line: int) -> str:
    """``walk.py:12`` for a file and a line, ``In[3]:12`` in a notebook; empty where no file is.

    Examples
    --------
    >>> short_place("specs/lockless/walk.py", 12), short_place("", 0)
    ('walk.py:12', '')
    """
    name = cell_name(file) or clean(re.split(r"[/\\]", file)[-1])
    return f"{name}:{line}" if name else ""


def nested_changes(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    """The differences inside two values: path suffix, old and new.

    The suffix is to be read behind the name of the location: ``[2]``, ``['key']``, ``.field``, and
    ``{7}`` for an element of a set. What is on one side only is `ABSENT` on the other. The suffix
    is empty where the values differ as a whole. Equal values give an empty list. Sequences are
    compared place by place; if one is longer, only when the rest is the same (so that a queue
    that lost its head shows as a whole, not as a change of every place).

    Examples
    --------
    >>> nested_changes((1, (2, 3), 4), (1, (2, 5), 4))
    [('[1][1]', 3, 5)]
    >>> nested_changes({"cpu": 0, "irq": True}, {"cpu": 0, "irq": False})
    [("['irq']", True, False)]
    >>> nested_changes({1, 2}, {2, 3})
    [('{1}', 1, -), ('{3}', -, 3)]
    >>> nested_changes((1, 2, 3), (2, 3))
    [('', (1, 2, 3), (2, 3))]
    """
    return _changes("", old, new, DEPTH)


def _changes(path: str, old: Any, new: Any, depth: int) -> list[tuple[str, Any, Any]]:
    if same(old, new):
        return []
    pairs = _parts(old, new) if depth and type(old) is type(new) else None
    if pairs is None:
        return [(path, old, new)]
    found = [change for name, a, b in pairs for change in _changes(path + name, a, b, depth - 1)]
    # Objects that are unequal for a reason that no part shows (an `eq=` of their own) still differ.
    return found or [(path, old, new)]


def _parts(old: Any, new: Any) -> list[tuple[str, Any, Any]] | None:
    """The corresponding parts of two values of one type, or None where they have none."""
    if isinstance(old, Mapping):
        keys = _sorted({**old, **new})
        shown = ((f"[{show_value(k, 30)}]", k) for k in keys)
        return [(name, old.get(k, ABSENT), new.get(k, ABSENT)) for name, k in shown]
    if isinstance(old, Set):
        gone_or_come = ((f"{{{show_value(v, 30)}}}", v) for v in _sorted(old ^ new))
        return [
            (name, v if v in old else ABSENT, v if v in new else ABSENT) for name, v in gone_or_come
        ]
    if isinstance(old, (tuple, list)):
        return _sequence_parts(old, new)
    if attrs.has(type(old)):
        names = [field.name for field in attrs.fields(type(old))]
        return [(f".{n}", getattr(old, n, ABSENT), getattr(new, n, ABSENT)) for n in names]
    return None


def _sequence_parts(old: Any, new: Any) -> list[tuple[str, Any, Any]] | None:
    common = min(len(old), len(new))
    if len(old) != len(new) and not same(old[:common], new[:common]):
        return None
    if common > 2 and (same(old[1:], new[:-1]) or same(old[:-1], new[1:])):
        return None  # a full queue that moved up by one place
    names = getattr(old, "_fields", None)
    longest = max(len(old), len(new))
    return [
        (
            f".{names[i]}" if names else f"[{i}]",
            old[i] if i < len(old) else ABSENT,
            new[i] if i < len(new) else ABSENT,
        )
        for i in range(longest)
    ]


def same(old: Any, new: Any) -> bool:
    """Whether two values are equal and of one type, also inside tuples and lists.

    To Python 1 and True are equal; to who reads a trace they are not.

    Examples
    --------
    >>> same((1, 2), (1, 2)), same((0, 1), (0, True)), same(1, 2)
    (True, False, False)
    """
    if old is new:
        return True
    try:
        equal = type(old) is type(new) and bool(old == new)
    except Exception:  # a user's own __eq__, or a value that contains itself
        return False
    if equal and isinstance(old, (tuple, list)):
        return all(same(a, b) for a, b in zip(old, new, strict=True))
    return equal


def _show(value: Any, depth: int, budget: int) -> str:
    """The text of `value`, not much longer than `budget`."""
    try:
        return _shown(value, depth, budget)
    except Exception as error:  # a user's own __repr__ or container: a picture must still come out
        return _printable(f"<{type(value).__name__}: showing it raised {type(error).__name__}>")


def _shown(value: Any, depth: int, budget: int) -> str:
    if isinstance(value, Enum):
        return _enum_name(value)
    if isinstance(value, str):
        return _printable(repr(str.__str__(value)[: budget + 1]))
    if isinstance(value, (bytes, bytearray)):
        return repr(value[: budget + 1])
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4096:
        return f"<int of {value.bit_length()} bits>"  # str() refuses those of over 4300 digits
    if isinstance(value, FunctionType):
        return value.__name__
    if isinstance(value, Waiting):
        return f"{_printable(value.name)} := {_show(value.value, depth - 1, budget)}"
    composite = _composite(value, partial(_show, depth=depth - 1), budget) if depth > 0 else ""
    if depth <= 0 and isinstance(value, (Mapping, Set, tuple, list)):
        return "…"
    return composite or _printable(_ADDRESS.sub("", " ".join(repr(value).split())))


def _composite(value: Any, show: Any, budget: int) -> str:
    """The text of a value with parts; empty for one that has none, or that is known by its name."""
    kind = type(value)
    if hasattr(kind, "__modelcheck_key__"):
        return ""  # a reference or a part of the state: its repr is its name
    if isinstance(value, Mapping):
        keys = _sorted(value)
        pairs = (f"{show(k, budget=budget)}: {show(value[k], budget=budget)}" for k in keys)
        return "{" + _join(pairs, budget) + "}"
    if isinstance(value, Set):
        return "{" + _join((show(v, budget=budget) for v in _sorted(value)), budget) + "}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        parts = zip(value._fields, value, strict=True)
        fields = (f"{name}={show(part, budget=budget)}" for name, part in parts)
        return f"{kind.__name__}({_join(fields, budget)})"
    if isinstance(value, (tuple, list)):
        body = _join((show(v, budget=budget) for v in value), budget)
        if isinstance(value, list):
            return f"[{body}]"
        return f"({body},)" if len(value) == 1 else f"({body})"
    if attrs.has(kind) and not isinstance(value, type):
        names = (field.name for field in attrs.fields(kind) if field.repr is not False)
        fields = (f"{name}={show(getattr(value, name, ABSENT), budget=budget)}" for name in names)
        return f"{kind.__name__}({_join(fields, budget)})"
    return ""


def _join(parts: Iterable[str], budget: int) -> str:
    """The parts with commas, until the budget is used up."""
    taken: list[str] = []
    for part in parts:
        taken.append(part)
        budget -= len(part) + 2
        if budget < 0:
            break
    return ", ".join(taken)


def _enum_name(value: Enum) -> str:
    if isinstance(value, Flag):
        return "|".join(member.name or "?" for member in value) or "0"
    return _printable(value.name)


def _sorted(values: Iterable[Any]) -> list[Any]:
    """The values in one order whatever their types: numbers by size, then the rest by text."""

    def key(value: Any) -> tuple[int, Any, str]:
        if isinstance(value, (int, float)) and not isinstance(value, Enum) and value == value:
            return (0, value, "")
        return (1, 0, _show(value, DEPTH, 400))

    return sorted(values, key=key)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "  " not in text and text == text.strip()


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _showable(c) else _escape(c) for c in text)


def _showable(character: str) -> bool:
    if not character.isprintable():
        return False
    return unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
