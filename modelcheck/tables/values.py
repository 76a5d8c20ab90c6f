"""Typed, hashable keys of plain Python values, which say when two values are the same state.

Values with equal keys cannot be told apart by a program that asks for no `id()`, order of a set, or
traceback. A key holds types beside values (1, True and 1.0 differ). Mutable objects are numbered in
the order of the visit, so two names of one list differ from two equal lists. What identity alone
can tell, such as a class, stands in the key itself, which keeps it alive. Whatever hides its state
is refused; nothing is guessed. `modelcheck.language.frames` adds generators.

A freezer asks for the handler of a kind, and handlers ask the freezer for the keys of parts: they
call each other in every line, so they stand in one file, longer than most.
"""

from __future__ import annotations

import collections
import copyreg
import enum
import functools
import gc
import struct
import sys
import types
import warnings
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from modelcheck.tables.chance import by_chance

__all__ = [
    "Freezer", "Same", "Unfreezable", "by_value", "key_of", "told_by_identity", "treat_as",
    "without_order",
]  # fmt: skip


class Unfreezable(TypeError):
    """A value whose state cannot be seen, so that it cannot be part of a state.

    Parameters
    ----------
    value : object
        The value, which may lie deep inside the one that was asked about.
    reason : str
        Why, in words that continue "it is refused: ".
    remedy : str
        What to write instead, where there is more to say than "plain values".
    """

    def __init__(self, value: object, reason: str, remedy: str = ""):
        super().__init__(f"a {type(value).__qualname__} cannot be part of a state: {reason}")
        self.value, self.reason, self.remedy = value, reason, remedy


class Same:
    """An object in a key by identity: equal to itself alone, and kept alive by the key.

    Examples
    --------
    >>> one, other = [], []
    >>> Same(one) == Same(one), Same(one) == Same(other)
    (True, False)
    """

    __slots__ = ("value",)

    def __init__(self, value: object):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value) >> 4

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and other.value is self.value

    def __repr__(self) -> str:
        return f"Same({getattr(self.value, '__qualname__', None) or type(self.value).__qualname__})"


# Heads of keys that no type names. Every key is an int, a str, None, a `Same`, or a tuple whose
# head is a type or a `Same`, so keys of different kinds never meet.
BACK, OWN, CELL = Same("back"), Same("own"), types.CellType


class Freezer:
    """Keys of several values that share one memo, so that aliases between them show in them.

    Parameters
    ----------
    generator : callable, optional
        From a generator and this freezer to the key of the generator's state. Without it generators
        are refused: what lives in them is known to the language, not to the tables.
    ordered : bool
        Whether sets with the same members differ when they are gone over in different orders (their
        histories differ then). In local states they must: a process that goes over them can tell. A
        set in a shared location is the value it is; whoever reads it gets the one that was stored
        first.

    Examples
    --------
    >>> a, b, freezer, other = [1], [1], Freezer(), Freezer()
    >>> (freezer.key(a), freezer.key(a)) == (other.key(a), other.key(b))
    False
    """

    __slots__ = ("_generator", "_memo", "_path", "_watched", "ordered")

    def __init__(
        self,
        generator: Callable[[Any, Freezer], Hashable] | None = None,
        *,
        ordered: bool = False,
    ):
        self._generator = generator
        self.ordered = ordered
        self._memo: dict[int, tuple[int, object]] = {}
        self._path: dict[int, int] = {}
        self._watched: list[object] = []

    def key(self, value: object) -> Hashable:
        """Return the key of `value`; equal keys, given equal keys before it, mean equal states.

        Raises
        ------
        Unfreezable
            If something within hides its state, or is nested too deeply to be visited.
        """
        cls = type(value)
        if cls is int or cls is str or value is None:
            return value
        handler = _HANDLERS.get(cls)
        if handler is None:
            handler = _HANDLERS[cls] = _handler_of(cls)
        try:
            return handler(self, value)
        except RecursionError:
            raise Unfreezable(value, "it is nested too deeply to be visited") from None

    def number(self, value: object) -> int:
        """Return the number of a mutable object, giving it the next one on its first visit."""
        entry = self._memo.get(id(value))
        if entry is None:  # the object stands in the entry to keep its id from being used again
            entry = self._memo[id(value)] = len(self._memo), value
        return entry[0]

    def watch(self, value: object) -> None:
        """Ask that `aliases` tell whether anything frozen, sooner or later, reached `value`."""
        self._watched.append(value)

    def aliases(self) -> tuple[int | None, ...]:
        """Return for each watched object its number, or None for one that nothing reached."""
        memo = self._memo
        return tuple(memo[id(v)][0] if id(v) in memo else None for v in self._watched)


def key_of(value: object) -> Hashable:
    """Return a key that equal plain values of equal types share, and no others.

    Parameters
    ----------
    value : object
        Numbers, strings, containers, enum members, instances of plain classes, functions with what
        they capture, iterators; not files, locks, coroutines, and not generators (see `Freezer`).

    Raises
    ------
    Unfreezable
        For a value whose state cannot be seen.

    Examples
    --------
    >>> key_of(1), key_of("a"), key_of(None)
    (1, 'a', None)
    >>> len({key_of(v) for v in (1, True, 1.0, (1,), [1], (True,), 0.0, -0.0)})
    8
    >>> key_of({1: "a"}) == key_of({1: "a"}) != key_of({True: "a"})
    True
    """
    cls = type(value)
    if cls is int or cls is str or value is None:
        return value
    return Freezer().key(value)


def without_order(key: Any) -> Hashable:
    """Return a key in which the order of sets does not count, whatever `Freezer` made it.

    Examples
    --------
    >>> first, second = Freezer(ordered=True), Freezer(ordered=True)
    >>> keys = first.key((1, frozenset({0, 8}))), second.key((1, frozenset({8, 0})))
    >>> keys[0] == keys[1], without_order(keys[0]) == without_order(keys[1])
    (False, True)
    """
    if type(key) is not tuple:
        return key  # type: ignore[no-any-return] # keys are hashable
    parts = tuple(map(without_order, key))
    if key and key[0] in (set, frozenset):
        return (*parts[: 1 + (key[0] is set)], frozenset(parts[1 + (key[0] is set) :]))
    return parts


# How each kind of value is frozen. A handler takes the freezer and the value.

Handler = Callable[[Freezer, Any], Hashable]
Build = Callable[[Freezer, Any], tuple[Hashable, ...]]


def _shared(head: Hashable, build: Build) -> Handler:
    """Return the handler of a mutable kind: numbered at the first visit, a back-reference after.

    The number stands in the key of the first visit too: a set's members are visited in an order
    that the key does not hold, and a later back-reference must still say which of them it means.
    """

    def handler(freezer: Freezer, value: Any) -> Hashable:
        memo = freezer._memo
        entry = memo.get(id(value))
        if entry is not None:
            return (BACK, entry[0])
        number = len(memo)
        memo[id(value)] = number, value
        return (head, number, *build(freezer, value))

    return handler


def _valued(head: Hashable, build: Build) -> Handler:
    """Return the handler of an immutable kind, which has no identity; a cycle ends all the same."""

    def handler(freezer: Freezer, value: Any) -> Hashable:
        path = freezer._path
        if id(value) in path:
            return (BACK, OWN, len(path) - path[id(value)])
        path[id(value)] = len(path)
        try:
            return (head, *build(freezer, value))
        finally:
            del path[id(value)]

    return handler


def _same(freezer: Freezer, value: Any) -> Hashable:
    return Same(value)


def _members(freezer: Freezer, value: Any) -> tuple[Hashable, ...]:
    keys = tuple(map(freezer.key, value))
    if freezer.ordered:
        return keys
    members = frozenset(keys)
    if len(members) != len(keys):  # two nans, or two closures that hold the same
        members = frozenset(collections.Counter(keys).items())
    return (members,)


def _pairs(freezer: Freezer, value: Any) -> tuple[Hashable, ...]:
    # The unbound method: a subclass may have its own idea of iteration. An OrderedDict's order is
    # not that of the dict beneath it.
    kind = collections.OrderedDict if isinstance(value, collections.OrderedDict) else dict
    return tuple(freezer.key(part) for pair in kind.items(value) for part in pair)


def _default_pairs(freezer: Freezer, value: Any) -> tuple[Hashable, ...]:
    return (freezer.key(value.default_factory), *_pairs(freezer, value))


def _deque(freezer: Freezer, value: collections.deque[Any]) -> tuple[Hashable, ...]:
    return (value.maxlen, *map(freezer.key, collections.deque.__iter__(value)))


def _exception(freezer: Freezer, value: BaseException) -> tuple[Hashable, ...]:
    # Not the traceback. Hidden fields of built-in exceptions (StopIteration.value,
    # OSError.filename) are slots.
    chained = freezer.key(value.__cause__), freezer.key(_context_of(value))
    return (freezer.key(value.args), *chained, *_fields(freezer, value))


def _context_of(error: BaseException) -> BaseException | None:
    """Return what an exception was raised during; not what modelcheck was handling just then.

    An exception's traceback begins where it was caught: in the user's code, or in that which drives
    the generator, and which may do so while it handles something of its own.
    """
    context = error.__context__
    trace = context.__traceback__ if context is not None else None
    if trace is None or trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        return None
    return context


def _cell(freezer: Freezer, value: types.CellType) -> tuple[Hashable, ...]:
    try:
        return (freezer.key(value.cell_contents),)
    except ValueError:  # empty
        return ()


def _function(freezer: Freezer, value: types.FunctionType) -> Hashable:
    key = (types.FunctionType, Same(value.__code__), Same(value.__globals__))
    parts = value.__defaults__, value.__kwdefaults__, value.__closure__, value.__dict__ or None
    return key if parts == (None,) * 4 else (*key, *map(freezer.key, parts))


def _method(freezer: Freezer, value: types.MethodType) -> Hashable:
    return (types.MethodType, freezer.key(value.__func__), freezer.key(value.__self__))


def _builtin(freezer: Freezer, value: Any) -> Hashable:
    return (type(value), value.__name__, freezer.key(value.__self__))


def _generator(freezer: Freezer, value: types.GeneratorType[Any, Any, Any]) -> tuple[Hashable, ...]:
    if freezer._generator is None:
        raise Unfreezable(value, "a generator's state is known only where processes are")
    return (freezer._generator(value, freezer),)


def _own_key(freezer: Freezer, value: Any) -> Hashable:
    return (OWN, Same(type(value)), value.__modelcheck_key__())


def _slots(freezer: Freezer, value: Any) -> tuple[Hashable, ...]:
    keys: list[Hashable] = []
    cls: type = type(value)
    for slot in _slots_of(cls):
        try:
            keys.append(freezer.key(slot.__get__(value)))
        except AttributeError:  # declared and never set
            keys.append(BACK)
    return tuple(keys)


def _fields(freezer: Freezer, value: Any) -> tuple[Hashable, ...]:
    """Return the keys of what an instance holds; its `__dict__` is a mutable object of its own."""
    fields = getattr(value, "__dict__", None)
    return (*_slots(freezer, value), fields if fields is None else freezer.key(fields))


def _value_fields(freezer: Freezer, value: Any) -> tuple[Hashable, ...]:
    """Return `_fields` of what counts as immutable: its `__dict__` has no identity either."""
    fields = getattr(value, "__dict__", None)
    return (*_slots(freezer, value), *(_pairs(freezer, fields) if fields else ()))


def _reduced(freezer: Freezer, value: Any) -> tuple[Hashable, ...]:
    """Return the keys of the parts that pickling would see, which changes no iterator.

    A dict's or set's iterator reduces to a list of what is left. What it walks over is added, for a
    later change of that container shows in the iterator.
    """
    reduce = copyreg.dispatch_table.get(type(value)) or (lambda v: v.__reduce_ex__(2))
    try:
        with warnings.catch_warnings():  # itertools on 3.12 and 3.13 warn that 3.14 cannot
            warnings.simplefilter("ignore", DeprecationWarning)
            parts = reduce(value)
    except Exception as error:
        raise Unfreezable(value, f"it does not show its state ({error})") from None
    if isinstance(parts, str):  # pickled by name: a global thing, such as a cached function
        return (Same(value),)
    keys = [freezer.key(part) for part in parts[1:3]]
    keys += [freezer.key([*part]) for part in parts[3:5] if part is not None]
    if type(value) in _CONTAINER_ITERATORS:
        walked = [r for r in gc.get_referents(value) if isinstance(r, (dict, set, frozenset))]
        if walked and type(walked[0]) is not dict and by_chance(walked[0]):
            raise Unfreezable(value, _BY_CHANCE, _CHOOSE)
        keys += map(freezer.key, walked[:1])
    return tuple(keys)


def _refuse(reason: str) -> Handler:
    def handler(freezer: Freezer, value: Any) -> Hashable:
        raise Unfreezable(value, reason)

    return handler


# Which handler a class has.

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_POINTER = struct.calcsize("P")
_DICTS: tuple[dict[Any, Any], ...] = ({}, collections.OrderedDict())
_CONTAINER_ITERATORS: frozenset[type] = frozenset(
    kind
    for each in _DICTS
    for view in (each, each.values(), each.items())
    for kind in (type(iter(view)), type(reversed(view)))
) | {type(iter(set()))}
_BY_CHANCE = (
    "it goes over a set of strings, enum members or the like, in an order that changes from one "
    "run of Python to the next"
)
_CHOOSE = (
    "Only one order would be explored, and each time another one: write `for v in sorted(...)`, or "
    "take any of them with `v = yield choose(...)`."
)
_ITERATORS_3_14 = "itertools show their state no longer on Python 3.14: write the loop out"


@functools.cache
def _slots_of(cls: type) -> tuple[types.MemberDescriptorType, ...]:
    """Return the descriptors of the slots that Python classes declare and exceptions have.

    Other classes written in C show pointers and offsets in this way, which are no part of a state.
    """
    return tuple(
        slot
        for base in reversed(cls.__mro__)
        if "__slots__" in vars(base) or issubclass(base, BaseException)
        for slot in vars(base).values()
        if type(slot) is types.MemberDescriptorType
    )


def _shows_all(cls: type, base: type) -> bool:
    """Return whether `cls` adds to `base` only a `__dict__` and slots: no state that C hides."""
    declared = len(_slots_of(cls)) - len(_slots_of(base))
    # A negative offset is a dict before the object, or, for kinds of varying size, at its end.
    own_dict = cls.__dictoffset__ > 0 or (cls.__dictoffset__ and base.__itemsize__ > 0)
    declared += bool(own_dict) + (cls.__weakrefoffset__ > 0)
    return cls.__basicsize__ <= base.__basicsize__ + _POINTER * declared


def by_value(cls: type) -> bool:
    """Return whether a class's instances are hashable by value: they count as immutable."""
    equals: Any = cls.__eq__
    hashes: Any = cls.__hash__
    return equals is not object.__eq__ and hashes not in (None, object.__hash__)


def told_by_identity(cls: type) -> bool:
    """Return whether a class's instances are told apart by identity, and by nothing else."""
    return _HANDLERS.get(cls) is _same


def treat_as(cls: type, kind: type) -> None:
    """Give instances of `cls` the keys that those of `kind` have."""
    _HANDLERS[cls] = _HANDLERS[kind]


def _with_fields(build: Build, fields: Build) -> Build:
    # The fields first: asking for a `__dict__` may create it, which reducing would then see.
    return lambda freezer, value: (*fields(freezer, value), build(freezer, value))


def _handler_of(cls: type) -> Handler:
    """Return how the instances of a class that `_HANDLERS` does not name are frozen."""
    if hasattr(cls, "__modelcheck_key__"):
        return _own_key
    if issubclass(cls, (enum.Enum, type, types.ModuleType)):
        return _same
    head = Same(cls)
    for base, build in _VALUES.items():
        if issubclass(cls, base) and _shows_all(cls, base):
            return _valued(head, _with_fields(build, _value_fields))
    for base, build in _SHARED.items():
        if issubclass(cls, base) and _shows_all(cls, base):
            return _shared(head, _with_fields(build, _fields))
    paths = sys.modules.get("pathlib")
    if paths and issubclass(cls, paths.PurePath):  # its slots hold caches
        return _valued(head, lambda freezer, value: (str(value),))
    if _shows_all(cls, object):
        return _valued(head, _value_fields) if by_value(cls) else _shared(head, _fields)
    reduces = cls.__reduce__, cls.__reduce_ex__
    if reduces != (object.__reduce__, object.__reduce_ex__) or cls in copyreg.dispatch_table:
        if by_value(cls):
            return _valued(head, _reduced)
        return _shared(head, _with_fields(_reduced, _fields))
    if cls.__module__ == "itertools":
        return _refuse(_ITERATORS_3_14)
    return _refuse("it holds state that Python cannot show")


# Immutable kinds, and mutable ones: what a plain subclass holds beside its fields.
_VALUES: dict[type, Build] = {
    int: lambda freezer, value: (int.__add__(value, 0),),
    float: lambda freezer, value: (float.hex(value),),
    complex: lambda freezer, value: (float.hex(value.real), float.hex(value.imag)),
    str: lambda freezer, value: (str.__str__(value),),
    bytes: lambda freezer, value: (bytes.__bytes__(value),),
    tuple: lambda freezer, value: tuple(map(freezer.key, tuple.__iter__(value))),
    frozenset: _members,
}
_SHARED: dict[type, Build] = {
    list: lambda freezer, value: tuple(map(freezer.key, list.__iter__(value))),
    collections.defaultdict: _default_pairs,
    collections.OrderedDict: _pairs,
    dict: _pairs,
    set: _members,
    bytearray: lambda freezer, value: (bytes(value),),
    collections.deque: _deque,
    BaseException: _exception,
}
_HANDLERS: dict[type, Handler] = {  # also a cache: it grows by one entry a class
    bool: lambda freezer, value: (bool, value),
    float: lambda freezer, value: (float, float.hex(value)),  # -0.0 is not 0.0, and nan is nan
    tuple: lambda freezer, value: (tuple, *map(freezer.key, value)),
    **{kind: _valued(kind, build) for kind, build in _VALUES.items() if kind is frozenset},
    **{kind: _shared(kind, build) for kind, build in _SHARED.items() if kind is not BaseException},
    bytes: lambda freezer, value: (bytes, value),
    range: lambda freezer, value: (range, value.start, value.stop, value.step),
    slice: lambda freezer, value: (slice, *map(freezer.key, (value.start, value.stop, value.step))),
    types.CellType: _shared(CELL, _cell),
    types.FunctionType: _function,
    types.MethodType: _method,
    types.BuiltinFunctionType: _builtin,
    types.MethodWrapperType: _builtin,
    types.GeneratorType: _shared(types.GeneratorType, _generator),
    types.CoroutineType: _refuse("coroutines are not explored; write the process as a generator"),
    types.AsyncGeneratorType: _refuse("asynchronous generators are not explored"),
    **dict.fromkeys(
        (
            object,
            type,
            types.ModuleType,
            types.CodeType,
            type(...),
            type(NotImplemented),
            types.WrapperDescriptorType,
            types.MethodDescriptorType,
            types.GetSetDescriptorType,
            types.ClassMethodDescriptorType,
            types.MemberDescriptorType,
            property,
        ),
        _same,
    ),
}
