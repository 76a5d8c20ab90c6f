"""Keys as text that means the same in another run of Python: what a checkpoint compares.

A key (`modelcheck.tables.values`) holds classes, code objects and other things by identity. Here a
class becomes its name and a code object its name and a digest of its bytecode and constants: so
equal text says that two runs, on one version of Python, mean the same value. Where a thing can only
be named by its kind, the text says less than the key does; it never says more.
"""

from __future__ import annotations

import enum
import hashlib
import types
from typing import Any

from modelcheck.tables.values import Same

__all__ = ["text_of"]

_PLAIN = (int, str, bool, float, bytes, complex, types.NoneType)

# By identity; the code object stands in the entry to keep its id from being used again.
_CODES: dict[int, tuple[types.CodeType, str]] = {}


def text_of(key: Any) -> str:
    """Return a key, or whatever stands in one, as text; the same in every run.

    Examples
    --------
    >>> from modelcheck.tables.values import key_of
    >>> text_of(key_of((1, "a", True)))
    "(<tuple>,1,'a',(<bool>,True))"
    >>> text_of(key_of(frozenset({2, 1}))) == text_of(key_of(frozenset({1, 2})))
    True
    """
    cls = type(key)
    if cls in _PLAIN:
        return repr(key)
    if isinstance(key, tuple):
        return f"({','.join(map(text_of, key))})"
    if isinstance(key, frozenset):
        return f"{{{','.join(sorted(map(text_of, key)))}}}"
    if cls is Same:
        return text_of(key.value)
    if cls is types.CodeType:
        return _code_text(key)
    if isinstance(key, enum.Enum):
        return f"<{cls.__qualname__}.{key.name}>"
    name = getattr(key, "__qualname__", None) or getattr(key, "__name__", None)
    return f"<{name}>" if isinstance(name, str) else f"<a {cls.__qualname__}>"


def _code_text(code: types.CodeType) -> str:
    """Return a code object's name with a digest of what it does; lines and comments do not count.

    The digest is of the bytecode, all names, and the constants, inner functions among them.
    """
    entry = _CODES.get(id(code))
    if entry is None:
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        parts = [code.co_code, code.co_exceptiontable, repr(names), text_of(code.co_consts)]
        counts = (code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags)
        digest = hashlib.blake2b(repr((parts, counts)).encode("utf-8", "replace"), digest_size=8)
        entry = _CODES[id(code)] = code, f"<code {code.co_qualname} {digest.hexdigest()}>"
    return entry[1]
