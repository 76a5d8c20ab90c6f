"""References that a step's function captured, in whatever way: there they are plain values."""

from __future__ import annotations

import collections
import enum
import functools
import operator
import threading
import types

import pytest
from attrs import define, frozen
from language.small import run

from modelcheck import (
    Channel,
    ModelError,
    System,
    always,
    atomic,
    cells,
    check,
    process,
    state,
    until,
)
from modelcheck.language.refs import Ref


class Color(enum.Enum):
    """An enum's members have a `.value` of their own."""

    RED = 1
    BLUE = 2


@state
class Shared:
    x: object = 0
    owner: object = None
    color: Color = Color.RED
    box: object = None
    a = cells(2, None)
    ch = Channel(2)

    def free(self, ref):
        """A helper that is a method of the state."""
        return ref is None

    @staticmethod
    def unowned(ref):
        """One that needs no state."""
        return ref is None


class Plain:
    """A plain object."""


@frozen
class Frozen:
    """An immutable object, with a method."""

    ref: object

    def free(self):
        return self.ref is None


@define
class Slots:
    """An object without a `__dict__`."""

    ref: object


class Helpers:
    """Functions in a class."""

    @staticmethod
    def static(ref):
        return ref is None

    @classmethod
    def cls(cls, ref):
        return ref is None


Pair = collections.namedtuple("Pair", "one other")


def is_none(ref):
    return ref is None


def by_another(ref):
    return is_none(ref)


def by_match(ref):
    match ref:
        case None:
            return True
    return False


def by_default(ref, same=operator.is_):
    return same(ref, None)


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*values):
        return function(*values)

    return wrapper


@wrapped
def decorated(ref):
    return ref is None


@functools.lru_cache
def cached(ref):
    return ref is None


@functools.singledispatch
def dispatched(ref):
    return False


@dispatched.register
def _(ref: type(None)):
    return True


def ways(s):
    """Ask in many ways whether the owner, a captured reference, is None."""
    own = s.owner
    held = Plain()
    held.owner, held.deep = own, [{"k": (1, (own, 2))}]
    xs, named, pair, frozen_one, slots = [own], {"k": own}, Pair(own, 1), Frozen(own), Slots(own)
    queue = collections.deque([own])
    space = types.SimpleNamespace(inner=lambda: own is None, helper=is_none, ref=own)
    part, by_keyword = functools.partial(is_none, own), functools.partial(is_none, ref=own)

    def inner():
        return own is None

    def make():
        return lambda: own is None

    def default(ref=own):
        return ref is None

    def keyword(*, ref=own):
        return ref is None

    return {
        "direct": lambda: own is None,
        "helper": lambda: is_none(own),
        "helper of a helper": lambda: by_another(own),
        "method": lambda: s.free(own),
        "static method of the state": lambda: s.unowned(own),
        "operator": lambda: operator.is_(own, None),
        "function in a list": lambda: [is_none][0](own),
        "inner function": inner,
        "lambda of a lambda": lambda: make()(),
        "namespace of closures": lambda: space.inner(),
        "namespace of functions": lambda: space.helper(own),
        "namespace of references": lambda: space.ref is None,
        "default": default,
        "default of a helper": lambda: default(),
        "keyword default": keyword,
        "keyword default of a helper": lambda: keyword(),
        "partial": part,
        "keyword of a partial": by_keyword,
        "partial inside": lambda: part() and by_keyword(),
        "attribute": lambda: held.owner is None,
        "deep": lambda: held.deep[0]["k"][1][0] is None,
        "list": lambda: xs[0] is None,
        "generator": lambda: all(v is None for v in xs),
        "comprehension": lambda: [v for v in xs if v is None] == [None],
        "in a list": lambda: None in xs,
        "dict": lambda: named["k"] is None,
        "values of a dict": lambda: next(iter(named.values())) is None,
        "named tuple": lambda: pair.one is None,
        "frozen object": lambda: frozen_one.ref is None,
        "its method": lambda: frozen_one.free(),
        "bound method": frozen_one.free,
        "slots": lambda: slots.ref is None,
        "deque": lambda: queue[0] is None,
        "static method": lambda: Helpers.static(own),
        "class method": lambda: Helpers.cls(own),
        "match": lambda: by_match(own),
        "function as a default": lambda: by_default(own),
        "decorated": lambda: decorated(own),
        "cached": lambda: cached(own),
        "dispatched by type": lambda: dispatched(own),
        "walrus": lambda: (y := own) is None and y == own,
        "map": lambda: all(map(is_none, [own])),
        "repr": lambda: repr(own) == f"{own!r}" == "None",
        "type": lambda: type(own) is type(None),
        "class": lambda: own.__class__ in (type(None),),
        "key": lambda: {None: 1}.get(own) == 1 and own in {None},
        "conditional": lambda: True if own is None else False,  # noqa: SIM210  the jump is the point
        "name made up": lambda: getattr(Helpers, "sta" + "tic")(own),
        "identity": lambda: id(xs[0]) == id(None),
        "isinstance": lambda: isinstance(xs[0], type(None)),
    }


WAYS = list(ways(Shared()))


@pytest.mark.parametrize("way", WAYS)
def test_a_captured_reference_is_its_value(way):
    """In a guard, an atomic function, an update and a property, and it follows the state."""

    def p(s):
        free = ways(s)[way]
        yield until(free)
        assert (yield atomic(free)) is True
        yield s.x.update(lambda old: free())
        assert (yield s.x) is True
        yield s.owner.set(7)
        assert not (yield atomic(free))

    s = Shared()
    free = ways(s)[way]

    @always
    def agrees(state):
        return bool(free()) == (state.owner is None)

    assert run(s, process(p)(s), properties=[agrees]).holds


def test_a_copy_does_not_follow_later_stores():
    """`old = x` in an atomic function is the value of then; the captured name is that of now."""

    def p(s):
        x, xs = s.x, [s.x]

        def f():
            old, first = x, xs[0]
            s.x = 5
            return old, first, x, xs

        got = yield atomic(f)
        assert got == (0, 0, 5, [5])
        assert {type(v) for v in (*got[:3], *got[3])} == {int}
        yield x.set(6)  # it is a reference again

    assert run(Shared(), p).holds


def test_a_lock_taken_in_one_step():
    """A name tested with `is` may be stored to in the same function, and by another process."""

    def take(s):
        owner = s.owner

        def grab():
            assert owner is None
            s.owner = 1
            assert owner is not None

        yield atomic(grab, when=lambda: owner is None)
        yield s.owner.set(None)

    assert run(Shared(), take, take).states == 8  # of nine pairs, not both hold it


def test_references_in_values_of_the_state():
    """A location may hold an object, or a function, that holds a reference."""

    def p(s):
        owner = s.owner
        yield s.box.set(Frozen(s.owner))
        yield until(lambda: s.box.ref is None)
        yield (yield s.box).ref.set(1)
        assert (yield atomic(lambda: s.box.ref)) == 1
        yield s.box.set(lambda: owner is not None)
        yield until(lambda: s.box())
        yield s.box.set(Frozen(s.box))  # it points to itself
        yield until(lambda: s.box.ref.ref is s.box)

    @always
    def known(s):
        return s.box is None or callable(s.box) or s.box.ref in (None, 1) or s.box.ref is s.box

    assert run(Shared(), p, properties=[known]).holds


def test_what_is_stored_or_sent_holds_no_reference():
    """What an atomic function stores is a copy with plain values: it stays what it was."""

    def p(s):
        x, held = s.x, Frozen(s.x)

        def f():
            s.ch.send((x, 1))
            s.ch.send(held)
            s.box = held

        yield atomic(f)
        yield s.x.set(9)
        assert (yield s.ch.recv()) == (0, 1)
        assert (yield s.ch.recv()) == (yield s.box) == Frozen(0)

    assert run(Shared(), p).holds


LOOKS = [
    lambda v: v.held.ref is None,
    lambda v: v.pair[0] is None,
    lambda v: v.xs[0] is None,
    lambda v: v.test(),
    lambda v: v.default(),
]


@pytest.mark.parametrize("look", LOOKS)
def test_a_process_s_variables_hold_plain_values_in_a_property(look):
    """A reference inside a local variable is its value, and the variable is as before after it."""

    def p(s):
        owner = s.owner
        held, pair, xs = Frozen(s.owner), (s.owner, 1), [s.owner]
        test, default = (lambda: owner is None), (lambda ref=s.owner: ref is None)
        yield s.owner.set(1)
        yield s.x.set(1)
        assert all(type(v) is Ref for v in (held.ref, pair[0], xs[0]))
        assert test
        assert default

    @always
    def agrees(s):
        return s.p.done or look(s.p.local) == (s.owner is None)

    assert run(Shared(), p, properties=[agrees]).holds


def test_value_may_be_asked_of_a_captured_name():
    """`x.value` is the plain value, where the name is not used in any other way."""

    def p(s):
        color, xs = s.color, [s.x, s.owner]
        yield until(lambda: color.value is Color.RED)
        yield until(lambda: all(v.value is not Color.RED for v in xs))
        yield until(lambda: color is Color.RED and s.color.value == 1)

    assert run(Shared(), p).holds


def test_a_reference_of_no_system_is_refused():
    """A captured reference that does not belong to the model is not silently something else."""

    def p(s):
        other = Shared().owner
        yield until(lambda: other is None)

    with pytest.raises(ModelError, match="not part of the model's state"):
        run(Shared(), p)


def test_two_threads_may_check_one_system():
    """While one looks at plain values, the other one waits."""

    def p(s):
        owner = s.owner
        for _ in range(20):
            yield until(lambda: owner is None)
            yield s.x.set(1)

    s = Shared()
    system = System(s, [process(p)(s), process(p)(s)])
    verdicts = []
    threads = [
        threading.Thread(target=lambda: verdicts.append(check(system).verdict.value))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["holds"] * 3


GLOBAL = Shared()
GLOBAL_OWNER = GLOBAL.owner


def test_a_global_name_of_a_reference():
    """It stands for the value while a step is taken, and for the reference at any other time."""

    @process
    def p(s):
        yield until(lambda: GLOBAL_OWNER is None)
        yield GLOBAL_OWNER.set(1)
        yield until(lambda: is_none(None) and GLOBAL_OWNER is not None)

    assert check(System(GLOBAL, [p(GLOBAL)])).holds
    assert type(GLOBAL_OWNER) is Ref
