"""Typed keys of values: what differs for a program differs, what does not does not."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import itertools
import operator
import pathlib
import random
import re
import sys
import threading
import types
import uuid
from fractions import Fraction

import attrs
import pytest

from modelcheck.tables.immutable import is_immutable
from modelcheck.tables.values import Freezer, Same, Unfreezable, key_of


class Color(enum.IntEnum):
    RED = 1


class Plain:
    def __init__(self, **fields):
        self.__dict__.update(fields)


class Slotted:
    __slots__ = ("a", "b")


class MyList(list):
    pass


class MyInt(int):
    pass


class Pair(collections.namedtuple("Pair", "x y")):
    __slots__ = ()


@attrs.frozen
class Frozen:
    x: object


@attrs.define
class Open:
    x: object


@dataclasses.dataclass(frozen=True)
class Data:
    x: object


class ByName:
    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return self.name == other.name

    def __hash__(self):
        return hash(self.name)


class Own:
    def __init__(self, n):
        self.lock, self.n = threading.Lock(), n

    def __modelcheck_key__(self):
        return self.n


def closure(value):
    return lambda: value


def slotted(a):
    made = Slotted()
    made.a = a
    return made


def advanced(iterator, n=1):
    for _ in range(n):
        next(iterator)
    return iterator


# Factories of values that all differ, and each of which makes equal ones.
DIFFERENT = [
    lambda: None, lambda: 1, lambda: True, lambda: 1.0, lambda: Color.RED, lambda: "1",
    lambda: b"1", lambda: bytearray(b"1"), lambda: 0.0, lambda: -0.0, lambda: float("nan"),
    lambda: 1j, lambda: complex(-0.0, 1), lambda: MyInt(1), lambda: (), lambda: (1,),
    lambda: (True,), lambda: ((1,),), lambda: frozenset({1}), lambda: frozenset({True}),
    lambda: {1}, lambda: {1.0}, lambda: [], lambda: [1], lambda: [True], lambda: MyList([1]),
    lambda: {1: 2, 3: 4}, lambda: {3: 4, 1: 2}, lambda: {1: True, 3: 4},
    lambda: collections.deque([1]), lambda: collections.deque([1], 2),
    lambda: collections.Counter({1: 2}), lambda: collections.OrderedDict({1: 2}),
    lambda: collections.defaultdict(int, {1: 2}), lambda: collections.defaultdict(list, {1: 2}),
    lambda: Pair(1, 2), lambda: Pair(1, True), lambda: (1, 2), lambda: Plain(x=1),
    lambda: Plain(x=1.0), lambda: Plain(y=1), lambda: Plain(), lambda: Slotted(),
    lambda: slotted(1), lambda: slotted(2), lambda: Frozen(1), lambda: Frozen(True),
    lambda: Open(1), lambda: Data(1), lambda: Own(1), lambda: Own(2), lambda: ByName("a"),
    lambda: closure(1), lambda: closure(2), lambda: closure([1]), lambda: functools.partial(max, 1),
    lambda: functools.partial(max, 2), lambda: [1].append, lambda: [2].append, lambda: [1].pop,
    lambda: len, lambda: max, lambda: Plain(x=1).__init__, lambda: "a".__add__, lambda: "b".__add__,
    lambda: ValueError(1), lambda: ValueError(2), lambda: KeyError(1),
    lambda: OSError(2, "x", "f"), lambda: OSError(2, "x", "g"),
    lambda: int, lambda: Plain, lambda: types, lambda: ..., lambda: NotImplemented,
    lambda: Fraction(1, 2), lambda: decimal.Decimal("1.0"), lambda: decimal.Decimal("1.00"),
    lambda: range(2), lambda: range(0, 2, 2), lambda: slice(1, 2), lambda: uuid.UUID(int=1),
    lambda: pathlib.PurePosixPath("a"), lambda: datetime.date(2020, 1, 1), lambda: re.compile("a"),
    lambda: list[int], lambda: int | str, lambda: random.Random(1), lambda: random.Random(2),
    lambda: functools.reduce, lambda: str.join, lambda: operator.itemgetter(1),
    lambda: iter([1, 2]), lambda: advanced(iter([1, 2])), lambda: iter((1, 2)),
    lambda: advanced(iter((1, 2))), lambda: iter(range(3)), lambda: advanced(iter(range(3))),
    lambda: iter("ab"), lambda: advanced(iter("ab")), lambda: enumerate([1, 2]),
    lambda: advanced(enumerate([1, 2])), lambda: zip([1, 2], "ab", strict=False),
    lambda: advanced(zip([1, 2], "ab", strict=False)), lambda: map(str, [1, 2]),
    lambda: filter(None, [1, 2]),
    lambda: reversed([1, 2]), lambda: advanced(reversed([1, 2])), lambda: iter({1: 2, 3: 4}),
    lambda: advanced(iter({1: 2, 3: 4})), lambda: iter({1: 2, 3: 4}.items()),
    lambda: iter({1, 2}), lambda: advanced(iter({1, 2})), lambda: iter(int, 5),
    lambda: iter(collections.deque([1, 2])), lambda: advanced(iter(collections.deque([1, 2]))),
]  # fmt: skip


def test_values_that_differ_have_keys_that_differ():
    """Type, sign, order, position and content all show in a key; equal values share theirs."""
    keys = [key_of(make()) for make in DIFFERENT]
    for i, make in enumerate(DIFFERENT):
        assert key_of(make()) == keys[i], i
        assert hash(key_of(make())) == hash(keys[i]), i
    assert len(set(keys)) == len(keys)
    assert len({key_of((make(),)) for make in DIFFERENT}) == len(keys)


def test_freezing_changes_no_iterator():
    """An iterator gives after it was frozen what it would have given."""
    for make in DIFFERENT:
        if hasattr(make(), "__next__") and type(make()).__name__ != "callable_iterator":
            frozen = make()
            key_of(frozen)
            assert [*frozen] == [*make()]


def test_aliases():
    """Two names of one mutable object differ from two equal objects, at any depth."""
    for make in (list, dict, set, bytearray, Plain, Slotted, lambda: Open(1), lambda: ValueError()):
        one, two = make(), make()
        assert key_of([one, one]) != key_of([one, two]), one
        assert key_of([one, two]) == key_of([two, one])
    for make in (lambda: (1,), lambda: Frozen((1,)), lambda: ByName("a"), lambda: Pair(1, 2)):
        one, two = make(), make()
        assert key_of([one, one]) == key_of([one, two]), one
    plain = Plain(x=1)
    assert key_of([plain, vars(plain)]) != key_of([plain, {"x": 1}])


def test_cycles_end():
    """A structure that holds itself has a key."""
    cyclic, other = [1], [2]
    cyclic.append(cyclic)
    other.append(other)
    assert key_of(cyclic) == key_of(cyclic) != key_of(other)
    node = ByName("a")
    node.next = node
    assert key_of(node) == key_of(node)

    def recurse():
        return recurse

    assert key_of(recurse) == key_of(recurse)
    assert is_immutable(recurse)


def test_shared_cells():
    """Functions that capture one variable differ from functions that capture equal ones."""

    def pair(value):
        return (lambda: value), (lambda: value)

    a, b = pair(1), pair(1)
    assert key_of(a) == key_of(b) != key_of((a[0], b[1]))


def test_functions_with_state():
    """Defaults, keyword defaults and attributes of a function are part of it."""

    def make(default=0, key=0, mark=None):
        def function(a=default, *, b=key):
            return a, b

        if mark:
            function.mark = mark
        return function

    keys = {key_of(make(*args)) for args in [(), (1,), (0, 1), (0, 0, 1), (0, 0, 2)]}
    assert len(keys) == 5


def test_an_empty_cell():
    """A captured variable that is not set has a key of its own."""

    def make():
        if False:
            x = 1
        return lambda: x

    assert key_of(make()) == key_of(make()) != key_of(closure(1))
    assert is_immutable(make())


def test_sets_of_what_looks_alike():
    """A set's members count, though their keys be equal."""
    one = {float("nan"), float("nan")}
    assert key_of(one) != key_of({float("nan")})
    assert key_of(one) == key_of({float("nan"), float("nan")})


def test_an_iterator_sees_its_container():
    """An iterator over a live dict differs from one over a copy."""
    live, copy = {1: 2}, {1: 2}
    assert key_of([live, iter(live.values())]) != key_of([live, iter(copy.values())])


def test_what_is_pickled_by_name_is_itself():
    """A cached function is told apart by identity."""
    cached = functools.lru_cache(maxsize=None)(max)
    assert key_of(cached) == key_of(cached)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="they show their state no longer")
def test_itertools():
    """Where itertools show their state, they have keys, without a warning."""
    make = itertools.count, lambda: itertools.chain([1], [2]), lambda: itertools.cycle([1, 2])
    for factory in make:
        assert key_of(factory()) == key_of(factory()) != key_of(advanced(factory()))


async def coroutine():
    pass


def test_what_hides_its_state_is_refused():
    """Files, locks and the like are named in the error, with the reason."""
    waiting = coroutine()
    changed = {1: 2}
    stale = iter(changed)
    changed[3] = 4
    pairwise = itertools.pairwise([1])
    for value, reason in [
        (threading.Lock(), "cannot show"), (waiting, "generator"), ((i for i in ()), "known only"),
        (memoryview(b""), "cannot show"), (stale, "changed size"), (pairwise, "3.14"),
    ]:  # fmt: skip
        with pytest.raises(Unfreezable, match=reason) as caught:
            key_of([value])
        assert caught.value.value is value
    waiting.close()


@pytest.mark.skipif(sys.platform == "emscripten", reason="its own stack ends before Python's")
def test_what_is_nested_too_deeply_is_refused():
    """A list in a list in a list ... is an error, not a crash."""
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unfreezable, match="too deeply"):
        key_of(deep)
    while deep:  # not by recursion
        deep = deep[0]


def test_generators_are_delegated():
    """A callback gives a generator's key, once for each generator."""
    seen = []
    freezer = Freezer(lambda generator, f: seen.append(generator) or "here")
    generator = (i for i in ())
    first = freezer.key(generator)
    assert (seen, first[2]) == ([generator], "here")
    assert freezer.key(generator) != first
    assert len(seen) == 1


def test_watched_objects():
    """What is watched is reported with its number if anything reached it."""
    freezer, reached, missed = Freezer(), [], []
    freezer.watch(reached)
    freezer.watch(missed)
    freezer.key([reached])
    assert freezer.aliases() == (1, None)


def test_same():
    """A wrapper of an object equals the wrappers of that object only, and shows its kind."""
    assert Same(1000) != 1000
    assert repr(Same(int)) == "Same(int)"
    assert repr(Same([])) == "Same(list)"


def test_what_may_be_shared():
    """Deeply immutable, hashable values may stand in a shared location, no others."""
    good = [
        1, "a", None, True, 1.5, b"", Color.RED, (1, (2,)), frozenset({1}), Pair(1, 2), Frozen(1),
        Data((1,)), Own(1), len, str.join, closure(1), int, range(3), Fraction(1), object(), ...,
        ByName("a"), decimal.Decimal(1), "a".join, Frozen(1).__init__,
    ]  # fmt: skip
    bad = [
        [], {}, set(), bytearray(), ([],), Frozen([]), Data([]), Open(1), Plain(), closure([]),
        [].append, types, iter([]), (i for i in ()), Pair([], 1), ValueError(1),
        functools.partial(max), lambda x=[]: x, Unsafe([]),
    ]  # fmt: skip
    assert [v for v in good if not is_immutable(v)] == []
    assert [v for v in bad if is_immutable(v)] == []


class Unsafe:
    """Says that it is hashable, and is not."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash(self.x)
