"""What a function's bytecode says about the names that it uses: which, and whether it tests them.

A reference behaves as its value in all but a few ways (`modelcheck.language.refs`). Here is found
whether code can tell the two apart, and of which names it asks ``.value``. What is not understood
counts as telling.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType

from attrs import frozen

#: Names whose use tells a reference from its value, beside ``is`` and ``match``.
_TELLING = frozenset({
    "isinstance", "issubclass", "type", "id", "is_", "is_not", "__class__", "callable", "hasattr",
    "getattr", "vars", "dir", "globals", "locals", "eval", "exec",
    "name", "slot", "initial", "fresh", "bind", "plain",
})  # fmt: skip
_JUMPS_ON_NONE = ("POP_JUMP_IF_N", "POP_JUMP_FORWARD_IF_N", "POP_JUMP_BACKWARD_IF_N")
_CHAIN = ("LOAD_ATTR", "LOAD_METHOD")
_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME")
_CAPTURED = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR")


@frozen
class Wording:
    """What code, and the code of functions inside it, says.

    Parameters
    ----------
    names, attributes : set of str
        The global names that it loads; the attributes that it asks for.
    tells : bool
        It can tell a reference from its value, other than after asking ``.value``.
    valued, bare : set of str
        The names of which it asks ``.value``; those that it uses otherwise.
    asks, asks_parameter : str
        Where it asks ``.value`` of a parameter, a loop's variable or an expression, and where of
        one of the former, as ``name, line 7``; else empty.
    """

    names: frozenset[str]
    attributes: frozenset[str]
    tells: bool
    valued: frozenset[str]
    bare: frozenset[str]
    asks: str
    asks_parameter: str


_WORDINGS: dict[int, tuple[CodeType, Wording]] = {}  # by identity; the code is kept for its id


def wording_of(code: CodeType) -> Wording:
    """Return what code says. Cost: disassembled once."""
    entry = _WORDINGS.get(id(code))
    if entry is None:
        entry = _WORDINGS[id(code)] = code, _read(code)
    return entry[1]


def _read(code: CodeType) -> Wording:
    instructions = [i for i in dis.get_instructions(code) if i.opname not in ("NOP", "PRECALL")]
    valued: set[str] = set()
    bare: set[str] = set()
    names: set[str] = set()
    asks = parameter = ""
    for instruction, after in zip(instructions, [*instructions[1:], None], strict=True):
        asked = after is not None and _asks_value(after)
        *others, last = _loaded(instruction) or [""]
        bare.update(others)
        if instruction.opname.startswith(_GLOBALS):
            names.add(last)
        if last:
            (valued if asked else bare).add(last)
        if asked and not instruction.opname.startswith((*_GLOBALS, *_CAPTURED)):
            where = f"{code.co_name}, line {_line_of(instruction, code)}"
            asks = asks or where
            parameter = parameter or (where if last else "")
    own = Wording(
        frozenset(names),
        frozenset(code.co_names),
        _tells(instructions) or not _TELLING.isdisjoint(code.co_names),
        frozenset(valued),
        frozenset(bare - {""}),
        asks,
        parameter,
    )
    return _together([own, *(wording_of(c) for c in code.co_consts if isinstance(c, CodeType))])


def _together(wordings: list[Wording]) -> Wording:
    """Return what several pieces of code say between them."""
    return Wording(
        frozenset().union(*(w.names for w in wordings)),
        frozenset().union(*(w.attributes for w in wordings)),
        any(w.tells for w in wordings),
        frozenset().union(*(w.valued for w in wordings)),
        frozenset().union(*(w.bare for w in wordings)),
        next((w.asks for w in wordings if w.asks), ""),
        next((w.asks_parameter for w in wordings if w.asks_parameter), ""),
    )


def _line_of(instruction: dis.Instruction, code: CodeType) -> int:
    return (instruction.positions and instruction.positions.lineno) or code.co_firstlineno


def _loaded(instruction: dis.Instruction) -> list[str]:
    """Return the names of variables that an instruction loads; the last is on top."""
    name = instruction.opname
    if name.startswith((*_GLOBALS, *_CAPTURED)):
        return [str(instruction.argval)]
    if "LOAD_FAST" not in name or name == "LOAD_FAST_AND_CLEAR":
        return []
    argument = instruction.argval  # since 3.13 one instruction may load two, or store and load
    return [str(n) for n in argument] if isinstance(argument, tuple) else [str(argument)]


def _asks_value(instruction: dis.Instruction) -> bool:
    return instruction.opname in _CHAIN and instruction.argval == "value"


def _tells(instructions: list[dis.Instruction]) -> bool:
    """Tell whether code uses ``is`` or ``match`` other than as ``x.value is Color.RED``."""
    for index, instruction in enumerate(instructions):
        name = instruction.opname
        if name.startswith("MATCH"):
            return True
        if name.startswith(_JUMPS_ON_NONE) and not _asks_value(instructions[index - 1]):
            return True
        if name.startswith("IS_OP") and not _compares_value(instructions[:index]):
            return True
    return False


def _compares_value(before: list[dis.Instruction]) -> bool:
    """Tell whether the operands of ``is`` are ``x.value`` and a constant, or a global name's."""
    backwards: Iterator[dis.Instruction] = reversed(before)
    right = next(backwards, None)
    while right is not None and right.opname in _CHAIN:
        right = next(backwards, None)
    plain = right is not None and right.opname.startswith(("LOAD_CONST", *_GLOBALS))
    left = next(backwards, None)
    return plain and left is not None and _asks_value(left)
