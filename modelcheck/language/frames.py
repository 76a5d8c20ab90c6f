"""The local state of a suspended generator: where it is, its live locals, its evaluation stack.

Python can neither copy a generator nor show its stack. The garbage collector must visit all that a
generator holds, so `gc.get_referents` lists its bound variables and then its stack. Generators with
equal keys behave alike from there on. Nothing here changes a generator. Which variables matter is
told by `modelcheck.language.liveness`; `modelcheck.tables.values` makes the keys.
"""

from __future__ import annotations

import dis
import functools
import gc
import reprlib
import sys
import types
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from modelcheck.errors import ModelError
from modelcheck.language.liveness import Point, points_of, yields_of
from modelcheck.tables.values import Freezer, Same, Unfreezable

__all__ = ["Frame", "Suspension", "suspend", "yields_of"]

_NOTHING: Mapping[types.CodeType, Collection[str]] = types.MappingProxyType({})
_REMEDY = (
    "It is live: the process may still read it, so it is part of the state. Let the process hold "
    "plain values (numbers, strings, tuples, lists, dicts, instances of plain classes), delete the "
    "variable before the yield, or give its class a method `__modelcheck_key__`."
)


@frozen(eq=False)
class Frame:
    """One generator of a suspended process.

    Parameters
    ----------
    code : code
        What it runs.
    offset, line : int
        Where it is suspended: the offset of the yield in the bytecode, and its line.
    locals : dict of str to object
        The variables that are live and bound, and those that are observed, as they were declared.
    stack : tuple of object
        What stands on its evaluation stack, such as the iterators of the loops it is in; not the
        generator that it waits for, which is the next frame.
    handled : BaseException or None
        The exception that is being handled: a bare `raise` reads it, and no variable need hold it.
    """

    code: types.CodeType
    offset: int
    line: int
    locals: dict[str, Any]
    stack: tuple[Any, ...]
    handled: BaseException | None
    _generator: types.GeneratorType[Any, Any, Any] = field(repr=False)
    _cells: dict[str, types.CellType] = field(repr=False)

    @property
    def file(self) -> str:
        return self.code.co_filename

    def key(self, freezer: Freezer) -> tuple[Hashable, ...]:
        """Return the key of the state of this frame; see `Suspension.key`."""
        number = freezer.number(self._generator)  # a variable may name the generator too
        cells, keys = self._cells, []
        for name, value in self.locals.items():
            # A cell is shared with the functions that capture it: it has a number of its own.
            held = cells.get(name, value)
            keys.append(self._freeze(freezer, held, f"the variable {name!r}", value))
        for value in _operands(self.stack):
            keys.append(self._freeze(freezer, value, "an unfinished expression or loop", value))
        keys.append(self._freeze(freezer, self.handled, "an exception handler", self.handled))
        for name, cell in cells.items():
            if name not in self.locals:  # its content is dead here, but a function may still see
                freezer.watch(cell)  # what is set later
        return (number, _token(self.code), self.offset, *self.locals, None, *keys)

    def _freeze(self, freezer: Freezer, held: object, what: str, value: object) -> Hashable:
        try:
            return freezer.key(held)
        except Unfreezable as error:
            raise ModelError(
                f"{what} of {self.code.co_qualname}() holds {_repr.repr(value)}, which cannot be "
                f"part of a state: {_culprit(error, value)}{error.reason}",
                error.remedy or _REMEDY,
                file=self.file,
                line=self.line,
            ) from error


def cells_of(frame: Frame) -> dict[str, types.CellType]:
    """Return the cells that a frame's variables stand in, by name: those shared with functions."""
    return frame._cells


def _operands(stack: Iterable[Any]) -> Iterator[Any]:
    """Go over a stack, a bound method as its function and object.

    A call pushes either, which one depends on how often the interpreter has been there.
    """
    for value in stack:
        if type(value) is types.MethodType:
            yield value.__func__
            yield value.__self__
        else:
            yield value


@frozen(eq=False)
class Suspension:
    """The local state of a process at a yield: its frames, outermost first.

    Examples
    --------
    >>> def process(values):
    ...     for value in values:
    ...         yield value
    >>> p = process([7, 8])
    >>> next(p)
    7
    >>> state = suspend(p)
    >>> state.function, state.frames[0].locals, state.frames[0].stack[0].__reduce__()[2]
    ('process', {}, 1)
    """

    frames: tuple[Frame, ...]

    @property
    def function(self) -> str:
        """The name of the innermost generator function."""
        return self.frames[-1].code.co_qualname.rpartition("<locals>.")[2]

    @property
    def file(self) -> str:
        """The file of the innermost generator function."""
        return self.frames[-1].file

    @property
    def line(self) -> int:
        """The line of the innermost yield."""
        return self.frames[-1].line

    def key(self, extra: Iterable[object] = ()) -> Hashable:
        """Return a key: processes with equal keys, resumed alike, do alike.

        Parameters
        ----------
        extra : iterable of object
            Further values that belong to the state, such as what the pending step holds. Aliases
            between them and the variables are part of the key.

        Raises
        ------
        ModelError
            If a live variable, the stack or an extra value holds what cannot be part of a state.

        Guarantees: the converse is not promised. Sharing of values and the order in which an object
        got its attributes tell states apart that no program may be able to.
        """
        freezer = Freezer(_generator_key, ordered=True)
        frames = tuple([frame.key(freezer) for frame in self.frames])
        inner = self.frames[-1]
        extras = tuple([inner._freeze(freezer, v, "the step", v) for v in extra])
        return frames, extras, freezer.aliases()


def suspend(
    generator: types.GeneratorType[Any, Any, Any],
    observed: Mapping[types.CodeType, Collection[str]] = _NOTHING,
) -> Suspension:
    """Return the local state of a generator that is suspended at a yield.

    Parameters
    ----------
    generator : generator
        It, or a generator that it waits for in a `yield from`, is suspended at a yield.
    observed : mapping of code to collection of str, optional
        Names of variables to keep although they are dead: those that properties ask for.

    Raises
    ------
    ModelError
        If the generator is finished or running, or waits for what is no generator nor iterator.

    Guarantees: the generator and what it holds are as before.
    """
    frames: list[Frame] = []
    inner: object = generator
    while type(inner) is types.GeneratorType:
        if inner.gi_frame is None or inner.gi_running:
            state = "finished" if inner.gi_frame is None else "running"
            raise ModelError(
                f"the generator {inner.__qualname__}() is {state}, not suspended at a yield",
                "Ask for a process's state only while it waits at a yield.",
                file=inner.gi_code.co_filename,
                line=inner.gi_code.co_firstlineno,
            )
        delegate = inner.gi_yieldfrom
        frames.append(_read(inner, observed, delegate))
        inner = delegate
    return Suspension(tuple(frames))


def _read(
    generator: types.GeneratorType[Any, Any, Any],
    observed: Mapping[types.CodeType, Collection[str]] = _NOTHING,
    delegate: object = None,
) -> Frame:
    """Return the frame of one generator, without a delegate that is a generator itself."""
    code, frame = generator.gi_code, generator.gi_frame
    assert frame is not None  # it is not finished
    layout = _layout_of(code)
    point = layout.points[frame.f_lasti]
    bound = frame.f_locals  # names only; the values come from what the collector sees
    referents = gc.get_referents(generator)
    next_one = _header(referents, code)
    values: dict[str, Any] = {}
    cells: dict[str, types.CellType] = {}
    for name, boxed in layout.variables:
        if boxed:
            cells[name] = referents[next_one]
        elif name not in bound:
            continue
        elif referents[next_one] is not bound[name]:
            raise _unreadable(generator)
        else:
            values[name] = referents[next_one]
            next_one += 1
            continue
        next_one += 1
        if name in bound:
            values[name] = bound[name]
    stack, handled = _stack(referents[next_one:], point, generator)
    wanted = point.live
    if _BORROWS and len(stack) < point.depth - point.nulls[1]:
        # Since 3.14 the stack may borrow what a variable owns. Should the collector not show such a
        # slot, it equals some variable, so the state is complete if all of them are in it.
        wanted = frozenset(values)
    if type(delegate) is types.GeneratorType:
        if not stack or stack[-1] is not delegate:
            raise _unreadable(generator)
        stack = stack[:-1]
    also = observed.get(code, ())
    kept = {name: value for name, value in values.items() if name in wanted or name in also}
    return Frame(code, point.offset, point.line, kept, tuple(stack), handled, generator, cells)


_BORROWS = sys.version_info >= (3, 14)


def _header(referents: list[Any], code: types.CodeType) -> int:
    """Return where the variables begin: after the generator's function and code.

    Names, a frame object, and a dict of locals that someone asked for may stand before.
    """
    for i in range(1, len(referents)):
        if referents[i] is code and type(referents[i - 1]) is types.FunctionType:
            return i + 1
    raise AssertionError("a generator without its code")  # pragma: no cover


def _stack(
    found: list[Any], point: Point, generator: types.GeneratorType[Any, Any, Any]
) -> tuple[list[Any], BaseException | None]:
    """Return the stack, and the handled exception, out of what is shown after the variables.

    The last thing shown is the exception that is being handled, if any. Once one has been handled,
    None is shown in its place for ever, which must not count.
    """
    least, most = point.depth - point.nulls[1], point.depth - point.nulls[0]
    handled = None
    if found and (point.handling or len(found) > most and found[-1] is None):
        *found, handled = found
    if len(found) > most or (len(found) < least and not _BORROWS):
        raise _unreadable(generator)
    return found, handled


def _unreadable(generator: types.GeneratorType[Any, Any, Any]) -> ModelError:
    code, frame = generator.gi_code, generator.gi_frame
    assert frame is not None  # it is not finished
    return ModelError(
        f"the evaluation stack of {code.co_qualname}() at offset {frame.f_lasti} "
        f"cannot be read on Python {sys.version.split()[0]}",
        "This is a defect of modelcheck, or an interpreter that it does not know: please report "
        "it. A simpler expression around the yield is likely to help.",
        file=code.co_filename,
        line=frame.f_lineno,
    )


def _generator_key(generator: types.GeneratorType[Any, Any, Any], freezer: Freezer) -> Hashable:
    """Return the key of a generator that a variable or the stack holds: a callback of `Freezer`."""
    if generator.gi_running:
        raise Unfreezable(generator, "it is running")
    if generator.gi_frame is None:
        return "finished"
    return _read(generator).key(freezer)


@frozen(eq=False)
class _Layout:
    """What every generator with the same code has in common."""

    points: dict[int, Point]
    variables: tuple[tuple[str, bool], ...]  # in the frame's order; whether a cell stands there
    token: Same


_LAYOUTS: dict[int, tuple[types.CodeType, _Layout]] = {}  # by identity, as in liveness


@functools.lru_cache(maxsize=4096)
def drops_result(code: types.CodeType, at: int) -> bool:
    """Return whether what is sent to a generator suspended at an offset is thrown away at once."""
    after = (i.opname for i in dis.get_instructions(code) if i.offset > at)
    return next((name for name in after if name not in _NO_USE), "") == "POP_TOP"


def held_in_vain(value: object, chain: Iterable[types.GeneratorType[Any, Any, Any]]) -> bool:
    """Return whether nothing holds a value but variables that their functions never look at."""
    frames = [g.gi_frame for g in chain if g.gi_frame is not None]
    held = [(f.f_code, name) for f in frames for name, v in f.f_locals.items() if v is value]
    if not held or any(name not in _never_read(code) for code, name in held):
        return False
    views = [frame.f_locals for frame in frames]
    others = [r for r in gc.get_referrers(value) if isinstance(r, (list, tuple, set, dict))]
    return all(any(one is view for view in views) for one in others)


@functools.lru_cache(maxsize=4096)
def _never_read(code: types.CodeType) -> frozenset[str]:
    """Return the local variables that code assigns to and does nothing else with.

    Parameters, and variables that other functions see, are none of them.
    """
    if not _BY_NAME.isdisjoint(code.co_names):
        return frozenset()
    arguments = code.co_argcount + code.co_kwonlyargcount
    names = set(code.co_varnames[arguments:]) - set(code.co_cellvars)
    for instruction in dis.get_instructions(code):
        if not instruction.opname.startswith(("STORE_FAST", "MAKE_CELL")) or (
            "LOAD" in instruction.opname
        ):
            used = instruction.argval
            names.difference_update(used if isinstance(used, tuple) else (used,))
    return frozenset(names)


#: Functions that see variables by their names.
_BY_NAME = frozenset(("locals", "vars", "eval", "exec", "dir"))

#: Instructions that do nothing with what was sent.
_NO_USE = ("RESUME", "CACHE", "NOP", "EXTENDED_ARG")


def _layout_of(code: types.CodeType) -> _Layout:
    entry = _LAYOUTS.get(id(code))
    if entry is None:
        entry = _LAYOUTS[id(code)] = code, _Layout(points_of(code), _variables(code), Same(code))
    return entry[1]


def _token(code: types.CodeType) -> Same:
    return _layout_of(code).token


def _variables(code: types.CodeType) -> tuple[tuple[str, bool], ...]:
    """Return all variables in the order of the frame, each with whether its slot holds a cell.

    Cells are made before the generator is. Since 3.12 a comprehension that runs inline makes its
    own, in slots that are empty, or hold a plain value, wherever a generator can be suspended.
    """
    made = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname == "RETURN_GENERATOR":
            break
        if instruction.opname == "MAKE_CELL":
            made.add(instruction.argval)
    local = code.co_varnames + tuple(n for n in code.co_cellvars if n not in code.co_varnames)
    return tuple((n, n in made) for n in local) + tuple((n, True) for n in code.co_freevars)


_repr = reprlib.Repr()
_repr.maxother = _repr.maxstring = 60


def _culprit(error: Unfreezable, value: object) -> str:
    return "" if error.value is value else f"within it, of {_repr.repr(error.value)}, "
