"""What code can reach by name, and what it is now: how `modelcheck.language.outside` looks.

Names are read off the bytecode, so more may be looked at than is ever used. Where the state of an
object cannot be seen as a whole, it counts by identity, and those attributes that the code names
are looked at one by one.
"""

from __future__ import annotations

import dis
import os
import sysconfig
import types
from collections.abc import Hashable
from functools import partial
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.language.context import is_ours
from modelcheck.tables.values import Same, Unfreezable, key_of

#: Stands for what is not there.
ABSENT = Same("absent")

#: How deep collections are gone into that hold what cannot be seen.
DEPTH = 4

_STDLIB = tuple({sysconfig.get_path(n) + os.sep for n in ("stdlib", "platstdlib")})
_ADDED = tuple({sysconfig.get_path(n) + os.sep for n in ("purelib", "platlib")})

#: Methods that change a collection and tell nothing about it.
_RECORDERS = frozenset({"add", "append", "extend", "update"})

#: What looks at the frames of others. (`locals` and the like in a process's own code are known to
#: `modelcheck.language.liveness`.)
_FRAMES = frozenset(
    {"_getframe", "currentframe", "f_back", "f_locals", "tb_frame", "gi_frame", "getouterframes"}
)


def is_library(file: str) -> bool:
    """Tell whether a file is Python's own or modelcheck's: its globals are its own business."""
    return (
        is_ours(file)
        or file.startswith("<frozen")
        or (file.startswith(_STDLIB) and not file.startswith(_ADDED))
    )


def names_in(code: types.CodeType) -> frozenset[str]:
    """Return the global and attribute names that code, or code inside it, mentions."""
    inner = [names_in(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return frozenset(code.co_names).union(*inner)


def content(cell: types.CellType) -> Any:
    """Return what a cell holds, `ABSENT` for an empty one."""
    try:
        return cell.cell_contents
    except ValueError:
        return ABSENT


def state_of(value: Any, depth: int = DEPTH) -> Hashable:
    """Return a key of what an object holds now, by identity where that cannot be seen.

    Functions, classes and modules count by identity, and so do parts of the model's state.
    """
    told = (types.ModuleType, types.FunctionType, type, partial)
    if isinstance(value, told) or hasattr(type(value), "__modelcheck_key__"):
        return Same(value)
    try:
        return key_of(value)
    except (Unfreezable, RecursionError, TypeError):
        pass
    if not depth or type(value) not in (list, tuple, dict, set, frozenset):
        return Same(value)
    parts = [p for item in value.items() for p in item] if type(value) is dict else [*value]
    return (type(value), *(state_of(part, depth - 1) for part in parts))


def is_seen(value: Any) -> bool:
    """Tell whether `state_of` a value shows all that it holds."""
    return not isinstance(state_of(value), Same)


def only_recorded(code: types.CodeType) -> frozenset[str]:
    """Return the names of collections that code adds to and never looks at.

    Examples
    --------
    >>> seen, calls, last = set(), [], {}
    >>> def safe(s):
    ...     seen.add(s.x)
    ...     last[s.x] = s.y
    ...     calls.append(1)
    ...     return len(calls) < 9
    >>> sorted(only_recorded(safe.__code__))
    ['last', 'seen']
    """
    recorded: set[str] = set()
    looked_at: set[str] = set()
    codes = [code]
    for one in codes:
        codes += [c for c in one.co_consts if isinstance(c, types.CodeType)]
        own = [i for i in dis.get_instructions(one) if i.opname not in ("CACHE", "NOP")]
        for place, this in enumerate(own):
            if this.opname in ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME"):
                (recorded if _adds(own[place + 1 :]) else looked_at).add(this.argval)
            elif "GLOBAL" in this.opname or "DEREF" in this.opname:
                looked_at.add(this.argval)  # it is assigned to, or read in some other way
    return frozenset(recorded - looked_at)


def _adds(following: list[dis.Instruction]) -> bool:
    """Tell whether what was just loaded is only added to: ``.add(...)``, or ``[...] = ...``."""
    level = 1  # of the stack, counted from what was loaded
    for count, instruction in enumerate(following):
        name = instruction.opname
        if not count and name in ("LOAD_METHOD", "LOAD_ATTR"):
            return instruction.argval in _RECORDERS
        if name == "STORE_SUBSCR" and level == 2:
            return True
        if name.startswith(("COPY", "SWAP", "UNPACK")) or instruction.opcode in dis.hasjrel:
            return False
        level += dis.stack_effect(instruction.opcode, instruction.arg)
        if level < 2:
            return False
    return False


def refuse_frames(code: types.CodeType) -> None:
    """Raise `ModelError` where a helper looks at the variables of its caller."""
    used = sorted(_FRAMES & names_in(code))
    if used:
        raise ModelError(
            f"{code.co_name}() uses {used[0]}: it can look at the variables of whoever calls it",
            "Which variables of a process matter is read off its code, and this is not to be seen "
            "there: give the helper what it needs as arguments.",
            file=code.co_filename,
            line=code.co_firstlineno,
        )
