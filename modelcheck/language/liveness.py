"""What of a suspended generator's frame still matters: a flow analysis over its bytecode.

A local variable whose value will be overwritten before it is read is dead: kept in the state, it
would only multiply states. Dropping a live one would be a wrong verdict, so whatever is not
understood counts as a use. The analysis also says how deep the evaluation stack is at a yield,
against which `modelcheck.language.frames` checks what the garbage collector shows.
"""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator
from typing import Any

from attrs import frozen

__all__ = ["Point", "live_at", "points_of", "yields_of"]

# A function that mentions one of these may read a local by other means than bytecode that names it.
_INTROSPECTIVE = frozenset(
    {
        "locals", "vars", "eval", "exec", "dir", "_getframe", "currentframe", "f_locals", "f_back",
        "gi_frame", "tb_frame", "stack", "getinnerframes", "getgeneratorlocals",
    }
)  # fmt: skip
_NO_FALL_THROUGH = frozenset(
    {
        "JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE",
        "RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT",
    }
)  # fmt: skip
# What instructions do to the variables they name, in order: "u" uses one, "k" kills one. All others
# that name variables use them. LOAD_FAST_AND_CLEAR and DELETE_FAST read before they clear.
_EFFECTS = {
    "STORE_FAST": "k",
    "STORE_DEREF": "k",
    "STORE_FAST_STORE_FAST": "kk",
    "STORE_FAST_LOAD_FAST": "ku",
}
_NAMES_VARIABLES = ("FAST", "DEREF", "CLOSURE", "CELL")
# Loads that leave two slots for a call, a method and its object or an attribute and NULL, with the
# stack effect that they have when they leave one.
_PAIR_LOADS = {"LOAD_ATTR": 0, "LOAD_METHOD": 0, "LOAD_SUPER_ATTR": -2, "LOAD_SPECIAL": 0}
_NULL_FIRST = sys.version_info < (3, 13)  # later it stands after the callable
_INERT = frozenset(["EXTENDED_ARG", "NOP", "CACHE", "RESUME", "NOT_TAKEN", "KW_NAMES"])
_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])

_Shape = tuple[int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@frozen
class Point:
    """A place where a generator may be suspended.

    Parameters
    ----------
    offset, line : int
        Of the instruction that suspends: a yield, or for one not yet started its creation.
    live : frozenset of str
        The local, cell and free variables that may be read, after it resumes, before they are set.
    depth : int
        How many slots of the evaluation stack are in use, without the value that is yielded.
    nulls : (int, int)
        How many of these slots hold no object (a call's absent `self`): at least, at most.
    handling : bool
        Whether an exception is being handled there.
    """

    offset: int
    line: int
    live: frozenset[str]
    depth: int
    nulls: tuple[int, int]
    handling: bool


def live_at(code: types.CodeType, offset: int) -> frozenset[str]:
    """Return the names of the variables that are live when a generator resumes after `offset`.

    Parameters
    ----------
    code : code
        A generator function's code.
    offset : int
        Its frame's `f_lasti`: the yield at which it is suspended, or where it was created.

    Examples
    --------
    >>> def f(a, b):
    ...     c = yield a
    ...     a = yield c
    ...     return a + b
    >>> [sorted(live_at(f.__code__, offset)) for offset, _ in yields_of(f.__code__)]
    [['b'], ['b']]
    """
    return points_of(code)[offset].live


def yields_of(code: types.CodeType) -> tuple[tuple[int, int], ...]:
    """Return (offset, line) of every `yield` in `code`; not of the waiting within a `yield from`.

    A `finally` that yields is compiled once per way into it, and appears as often.

    Examples
    --------
    >>> def f():
    ...     yield from (yield 1)
    >>> first = f.__code__.co_firstlineno
    >>> [line - first for _, line in yields_of(f.__code__)]
    [1]
    """
    found, pending = [], None
    for instruction in dis.get_instructions(code):
        if instruction.opname == "YIELD_VALUE":
            pending = instruction
        elif pending is not None and instruction.opname == "RESUME":
            if (instruction.arg or 0) & 3 == 1:  # 2 is `yield from`, 3 is `await`
                found.append((pending.offset, _line(pending, code)))
            pending = None
    return tuple(found)


# By identity: hashing a code object hashes all its constants. The code stands in the entry to keep
# its id from being used again.
_CACHE: dict[int, tuple[types.CodeType, dict[int, Point]]] = {}


def points_of(code: types.CodeType) -> dict[int, Point]:
    """Return every place where a generator with this code may be suspended, by `f_lasti`."""
    entry = _CACHE.get(id(code))
    if entry is None:
        entry = _CACHE[id(code)] = code, _Flow(code).points()
    return entry[1]


def assigned_after(code: types.CodeType, offset: int) -> frozenset[str]:
    """Return the variables that a generator's own code may assign to, or delete, after `offset`.

    Examples
    --------
    >>> def f(a):
    ...     b = yield a
    ...     yield b
    >>> [sorted(assigned_after(f.__code__, offset)) for offset, _ in yields_of(f.__code__)]
    [['b'], []]
    """
    flow = _Flow(code)
    todo = [flow.at[points_of(code)[offset].offset]]
    reached: set[int] = set()
    found: set[str] = set()
    while todo:
        i = todo.pop()
        after = [j for j, _ in flow.successors(i)]
        if flow.handler[i] is not None:
            after.append(flow.at[flow.handler[i].target])
        todo += [j for j in after if j not in reached]
        reached.update(after)
    for i in reached:
        found |= _assigned(flow.instructions[i], code)
    return frozenset(found)


def assigned_inside(code: types.CodeType, itself: bool = False) -> frozenset[str]:
    """Return the variables that functions inside `code`, or also `itself`, assign to from outside.

    Those are the names that a function declares ``nonlocal``; of the code itself, all its own too.
    """
    found: set[str] = set()
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            own = assigned_inside(inner, itself=True)
            found |= own - {*inner.co_cellvars, *inner.co_varnames}
    if itself:
        for instruction in dis.get_instructions(code):
            found |= _assigned(instruction, code)
    return frozenset(found)


def _assigned(instruction: dis.Instruction, code: types.CodeType) -> frozenset[str]:
    """Return the variables that an instruction assigns to or deletes."""
    if instruction.opname == "DELETE_DEREF":
        return frozenset({instruction.argval})
    return _effect(instruction, code)[1]


class _Flow:
    """The flow graph of one code object: for each instruction its successors and its handler."""

    def __init__(self, code: types.CodeType):
        self.code = code
        bytecode: Any = dis.Bytecode(code)  # typeshed knows no `exception_entries`
        self.instructions = [*bytecode]
        self.at = {instruction.offset: i for i, instruction in enumerate(self.instructions)}
        self.handler: list[Any] = [None] * len(self.instructions)
        for entry in bytecode.exception_entries:
            for offset in range(entry.start, entry.end, 2):
                if offset in self.at:  # not an inline cache
                    self.handler[self.at[offset]] = entry

    def successors(self, i: int) -> Iterator[tuple[int, bool]]:
        """Yield the instructions that may follow, each with whether it is jumped to."""
        instruction = self.instructions[i]
        if instruction.opcode in _JUMPS:
            yield self.at[instruction.argval], True
        if instruction.opname not in _NO_FALL_THROUGH and i + 1 < len(self.instructions):
            yield i + 1, False

    def points(self) -> dict[int, Point]:
        live, stacks = self.live_in(), self.stacks()
        everything = self.everything()
        found = {}
        for i, instruction in enumerate(self.instructions):
            if instruction.opname not in ("YIELD_VALUE", "RETURN_GENERATOR") or i not in stacks:
                continue
            names = live[i + 1]
            if self.handler[i] is not None:  # it may be resumed by throw()
                names = names | live[self.at[self.handler[i].target]]
            depth, handlers, nulls, maybe = stacks[i]
            if instruction.opname == "YIELD_VALUE":
                depth -= 1
            least, most = sum(n < depth for n in nulls), sum(n < depth for n in nulls + maybe)
            point = Point(
                instruction.offset,
                _line(instruction, self.code),
                everything or names | self.implicit(),
                depth,
                (least, most),
                bool(handlers),
            )
            # `f_lasti` is the instruction that suspends, since 3.13 the one after it.
            found[instruction.offset] = found[self.instructions[i + 1].offset] = point
        return found

    def implicit(self) -> frozenset[str]:
        """Return what a bare `super()` reads without naming it."""
        if "super" not in self.code.co_names:
            return frozenset()
        return frozenset(self.code.co_varnames[:1] + self.code.co_cellvars + self.code.co_freevars)

    def everything(self) -> frozenset[str] | None:
        """Return all variables if the code, or a function within it, may look at frames."""
        todo = [self.code]
        for code in todo:
            todo += [const for const in code.co_consts if isinstance(const, types.CodeType)]
            if not _INTROSPECTIVE.isdisjoint(code.co_names):
                code = self.code
                return frozenset(code.co_varnames + code.co_cellvars + code.co_freevars)
        return None

    def live_in(self) -> list[frozenset[str]]:
        """Return what is live before each instruction: the least fixpoint, backwards."""
        effects = [_effect(instruction, self.code) for instruction in self.instructions]
        live: list[frozenset[str]] = [frozenset()] * len(effects)
        changed = True
        while changed:
            changed = False
            for i in range(len(effects) - 1, -1, -1):
                uses, kills = effects[i]
                after = frozenset().union(*(live[j] for j, _ in self.successors(i)))
                before = (after - kills) | uses
                if self.handler[i] is not None:  # it may raise before its effect, or after
                    before |= live[self.at[self.handler[i].target]]
                if before != live[i]:
                    live[i], changed = before, True
        return live

    def stacks(self) -> dict[int, _Shape]:
        """Return the shape of the stack before each instruction that can be reached.

        It is (depth, where exceptions being handled stand, slots that hold NULL, slots that may).
        The compiler gives each instruction one shape, whatever the way to it: the first is taken.
        """
        shapes: dict[int, _Shape] = {0: (0, (), (), ())}
        todo = [0]
        while todo:
            i = todo.pop()
            depth, handlers, nulls, maybe = shapes[i]
            following = [
                (j, _after(self.instructions[i], jump, shapes[i])) for j, jump in self.successors(i)
            ]
            entry = self.handler[i]
            if entry is not None:
                below = [
                    tuple(n for n in part if n < entry.depth) for part in (handlers, nulls, maybe)
                ]
                following.append((self.at[entry.target], (entry.depth + entry.lasti + 1, *below)))
            for j, shape in following:
                if j not in shapes:
                    shapes[j] = shape
                    todo.append(j)
        return shapes


def _line(instruction: dis.Instruction, code: types.CodeType) -> int:
    line = instruction.positions.lineno if instruction.positions else None
    return line or code.co_firstlineno


def _effect(
    instruction: dis.Instruction, code: types.CodeType
) -> tuple[frozenset[str], frozenset[str]]:
    """Return which variables an instruction uses, before it sets any, and which it kills."""
    opname, names = instruction.opname, instruction.argval
    if not any(word in opname for word in _NAMES_VARIABLES):
        return frozenset(), frozenset()
    if isinstance(names, str):
        names = (names,)
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        if opname == "COPY_FREE_VARS":  # before a generator is created
            return frozenset(), frozenset()
        names = code.co_varnames + code.co_cellvars + code.co_freevars
        return frozenset(names), frozenset()
    uses: set[str] = set()
    kills: set[str] = set()
    for name, effect in zip(names, _EFFECTS.get(opname, "u" * len(names)), strict=True):
        if effect == "k":
            kills.add(name)
        elif name not in kills:
            uses.add(name)
    return frozenset(uses), frozenset(kills)


def _after(instruction: dis.Instruction, jump: bool, shape: _Shape) -> _Shape:
    """Return the shape of the stack after an instruction; see `_Flow.stacks`."""
    depth, handlers, nulls, maybe = shape
    opname, arg = instruction.opname, instruction.arg
    if opname in _INERT:
        return shape
    effect = dis.stack_effect(instruction.opcode, arg, jump=jump)
    if opname == "RETURN_GENERATOR":  # the None that starts it; 3.11 and 3.12 count it nowhere
        effect = 1
    after = depth + effect
    # What an instruction leaves on top is an object, unless it is one of those below.
    kept = min(depth, after - (effect <= 0))
    nulls, maybe = (tuple(n for n in part if n < kept) for part in (nulls, maybe))
    if opname == "PUSH_NULL":
        nulls += (depth,)
    elif opname == "LOAD_GLOBAL" and (arg or 0) & 1:
        nulls += (depth if _NULL_FIRST else depth + 1,)
    elif opname in _PAIR_LOADS and effect > _PAIR_LOADS[opname]:
        maybe += (after - 1,)
    elif opname == "PUSH_EXC_INFO":
        handlers += (depth - 1,)
    elif opname == "POP_EXCEPT":
        handlers = handlers[:-1]
    return after, handlers, nulls, maybe
