"""READ_ONCE, WRITE_ONCE and the kernel's atomic operations, as steps over one location.

Sources: ``include/asm-generic/rwonce.h``, ``include/linux/atomic/atomic-instrumented.h`` and
``Documentation/atomic_t.txt``. A step's text reads like the C, and so does the order of arguments.
Each goes through the memory model: loads and stores as plain ones, a read-modify-write through the
locked halves. One that results in a value has a full barrier on either side, where it stores; one
that does not is ordered with nothing, unless the memory model's locked halves order it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import Enum
from typing import Any

from modelcheck.language.refs import Ref, check_value, model_error
from modelcheck.language.steps import CompareAndSwap, Load, Step, Store, Update
from modelcheck.language.turn import Turn


def shown(value: Any) -> str:
    """Return a value as C would write it: an enum's member and a function by their bare names.

    Examples
    --------
    >>> shown(3), shown(len)
    ('3', 'len')
    """
    if isinstance(value, Enum):
        return value.name
    return getattr(value, "__name__", None) or repr(value)


def location(thing: Any, call: str) -> Ref:
    """Return `thing` if it is a reference to one shared location; raise `ModelError` if not."""
    if type(thing) is Ref:
        return thing
    raise model_error(
        f"{call}(...) was given {thing!r}, which is no shared location",
        f"Name a field of the state in process code: `yield {call}(mm.count, ...)`. Inside "
        "until(...), atomic(...) and properties names are plain values already.",
    )


def READ_ONCE(ref: Any) -> Step:
    """Return the step that loads one location; its result is the value."""
    ref = location(ref, "READ_ONCE")
    return Load(ref, f"READ_ONCE({ref})")


def WRITE_ONCE(ref: Any, value: Any) -> Step:
    """Return the step that stores one location, with a plain store."""
    ref = location(ref, "WRITE_ONCE")
    return Store(ref, check_value(value, "WRITE_ONCE(...)"), f"WRITE_ONCE({ref}, {shown(value)})")


def atomic_read(counter: Any) -> Step:
    """Return the step that loads an atomic_t: a plain load, ordered with nothing."""
    ref = location(counter, "atomic_read")
    return Load(ref, f"atomic_read({ref})")


def atomic_set(counter: Any, value: Any) -> Step:
    """Return the step that stores an atomic_t: a plain store, ordered with nothing."""
    ref = location(counter, "atomic_set")
    return Store(ref, check_value(value, "atomic_set(...)"), f"atomic_set({ref}, {shown(value)})")


class _Full(Update):
    """A read-modify-write between full barriers, in one step."""

    def perform(self, turn: Turn) -> Any:
        turn.memory.fence(turn, "mb")
        result = super().perform(turn)
        turn.memory.fence(turn, "mb")
        return result


def _kind(result: str) -> type[Update]:
    """Return the step for a result: what results in nothing is not ordered."""
    return Update if result == "none" else _Full


def _by_one(name: str, function: Callable[..., Any], counter: Any, result: str) -> Step:
    """Return ``name(counter)``, which adds or subtracts one."""
    ref = location(counter, name)
    return _kind(result)(ref, function, (1,), f"{name}({ref})").results_in(result)


def _by(name: str, function: Callable[..., Any], amount: Any, counter: Any, result: str) -> Step:
    """Return ``name(amount, counter)``."""
    ref = location(counter, name)
    check_value(amount, f"{name}(...)")
    step = _kind(result)(ref, function, (amount,), f"{name}({amount!r}, {ref})")
    return step.results_in(result)


def atomic_inc(counter: Any) -> Step:
    """Return the step that adds one; it has no result and orders nothing by itself."""
    return _by_one("atomic_inc", operator.add, counter, "none")


def atomic_dec(counter: Any) -> Step:
    """Return the step that subtracts one; it has no result and orders nothing by itself."""
    return _by_one("atomic_dec", operator.sub, counter, "none")


def atomic_add(amount: int, counter: Any) -> Step:
    """Return the step that adds `amount`; it has no result and orders nothing by itself."""
    return _by("atomic_add", operator.add, amount, counter, "none")


def atomic_sub(amount: int, counter: Any) -> Step:
    """Return the step that subtracts `amount`; it has no result and orders nothing by itself."""
    return _by("atomic_sub", operator.sub, amount, counter, "none")


def atomic_inc_return(counter: Any) -> Step:
    """Return the step that adds one and results in the new value; fully ordered."""
    return _by_one("atomic_inc_return", operator.add, counter, "new")


def atomic_dec_return(counter: Any) -> Step:
    """Return the step that subtracts one and results in the new value; fully ordered."""
    return _by_one("atomic_dec_return", operator.sub, counter, "new")


def atomic_add_return(amount: int, counter: Any) -> Step:
    """Return the step that adds `amount` and results in the new value; fully ordered."""
    return _by("atomic_add_return", operator.add, amount, counter, "new")


def atomic_fetch_add(amount: int, counter: Any) -> Step:
    """Return the step that adds `amount` and results in the old value; fully ordered."""
    return _by("atomic_fetch_add", operator.add, amount, counter, "old")


class _DecAndTest(_Full):
    """A decrement whose result is whether the new value is zero."""

    def perform(self, turn: Turn) -> bool:
        return bool(super().perform(turn) == 0)


def atomic_dec_and_test(counter: Any) -> Step:
    """Return the step that subtracts one and tells whether that left zero; fully ordered."""
    ref = location(counter, "atomic_dec_and_test")
    return _DecAndTest(ref, operator.sub, (1,), f"atomic_dec_and_test({ref})").results_in("new")


class _AddUnless(Step):
    """An addition except where the old value is `unless`; results in whether it was made."""

    def __init__(self, ref: Ref, amount: Any, unless: Any, text: str):
        super().__init__(text)
        self.ref, self.amount, self.unless = ref, amount, unless

    def perform(self, turn: Turn) -> bool:
        old = turn.memory.load_locked(turn, self.ref)
        if old == self.unless:
            return False
        turn.memory.fence(turn, "mb")
        turn.memory.store_locked(turn, self.ref, old + self.amount)
        turn.memory.fence(turn, "mb")
        return True


def atomic_add_unless(counter: Any, amount: int, unless: int) -> Step:
    """Return the step that adds `amount` unless the value is `unless`; tells whether it did.

    Fully ordered where it did.
    """
    ref = location(counter, "atomic_add_unless")
    return _AddUnless(ref, amount, unless, f"atomic_add_unless({ref}, {amount!r}, {unless!r})")


def atomic_inc_not_zero(counter: Any) -> Step:
    """Return the step that adds one unless the value is zero, and tells whether it did.

    Fully ordered where it did.
    """
    ref = location(counter, "atomic_inc_not_zero")
    return _AddUnless(ref, 1, 0, f"atomic_inc_not_zero({ref})")


def _replaced(old: Any, new: Any) -> Any:
    return new


def xchg(ref: Any, value: Any) -> Step:
    """Return the step that stores `value` and results in the old value; fully ordered."""
    ref = location(ref, "xchg")
    check_value(value, "xchg(...)")
    return _Full(ref, _replaced, (value,), f"xchg({ref}, {shown(value)})")


class _Exchange(CompareAndSwap):
    """A compare-and-exchange between full barriers, where it succeeds."""

    def perform(self, turn: Turn) -> Any:
        old = turn.memory.load_locked(turn, self.ref)
        if old == self.expected:
            turn.memory.fence(turn, "mb")
            turn.memory.store_locked(turn, self.ref, self.new)
            turn.memory.fence(turn, "mb")
        return old


def cmpxchg(ref: Any, old: Any, new: Any) -> Step:
    """Return the step that stores `new` where the value is `old`; it results in the value before.

    Fully ordered where it succeeds.
    """
    ref = location(ref, "cmpxchg")
    step = _Exchange(ref, check_value(old, "cmpxchg(...)"), check_value(new, "cmpxchg(...)"))
    return step.named(f"cmpxchg({ref}, {shown(old)}, {shown(new)})")  # type: ignore[no-any-return] # named() returns the step itself
