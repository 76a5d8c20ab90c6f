"""READ_ONCE, WRITE_ONCE and the kernel's atomic operations, as steps over one location.

Sources: ``include/asm-generic/rwonce.h``, ``include/linux/atomic/atomic-instrumented.h`` and
``Documentation/atomic_t.txt``. A step's text reads like the C. Each goes through the memory model: plain
loads and stores as such, every read-modify-write through its locked half, whether or not it succeeds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import Enum
from typing import Any

from modelcheck.language.state import Ref, check_value, model_error
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


def _update(
    name: str, counter: Any, function: Callable[..., Any], value: Any, *, result: str, text: str = ""
) -> Update:
    """Return the read-modify-write `name`; `text` are its other arguments as C writes them."""
    ref = location(counter, name)
    check_value(value, f"{name}(...)")
    return Update(ref, function, (value,), f"{name}({text}{ref})").results_in(result)


def atomic_inc(counter: Any) -> Step:
    """Return the step that adds one; it has no result and orders nothing by itself."""
    return _update("atomic_inc", counter, operator.add, 1, result="none")


def atomic_dec(counter: Any) -> Step:
    """Return the step that subtracts one; it has no result and orders nothing by itself."""
    return _update("atomic_dec", counter, operator.sub, 1, result="none")


def atomic_add(amount: int, counter: Any) -> Step:
    """Return the step that adds `amount`; no result, no order. The arguments stand as in C."""
    return _update("atomic_add", counter, operator.add, amount, result="none", text=f"{amount!r}, ")


def atomic_sub(amount: int, counter: Any) -> Step:
    """Return the step that subtracts `amount`; no result, no order. The arguments stand as in C."""
    return _update("atomic_sub", counter, operator.sub, amount, result="none", text=f"{amount!r}, ")


def atomic_inc_return(counter: Any) -> Step:
    """Return the step that adds one and results in the new value; fully ordered."""
    return _update("atomic_inc_return", counter, operator.add, 1, result="new")


def atomic_dec_return(counter: Any) -> Step:
    """Return the step that subtracts one and results in the new value; fully ordered."""
    return _update("atomic_dec_return", counter, operator.sub, 1, result="new")


def atomic_add_return(amount: int, counter: Any) -> Step:
    """Return the step that adds `amount` and results in the new value; fully ordered."""
    return _update(
        "atomic_add_return", counter, operator.add, amount, result="new", text=f"{amount!r}, "
    )


def atomic_fetch_add(amount: int, counter: Any) -> Step:
    """Return the step that adds `amount` and results in the old value; fully ordered."""
    return _update(
        "atomic_fetch_add", counter, operator.add, amount, result="old", text=f"{amount!r}, "
    )


class _DecAndTest(Update):
    """A decrement whose result is whether the new value is zero."""

    def perform(self, turn: Turn) -> bool:
        return bool(super().perform(turn) == 0)


def atomic_dec_and_test(counter: Any) -> Step:
    """Return the step that subtracts one and tells whether that left zero; fully ordered."""
    ref = location(counter, "atomic_dec_and_test")
    return _DecAndTest(ref, operator.sub, (1,), f"atomic_dec_and_test({ref})").results_in("new")


class _AddUnless(Step):
    """An addition that does not happen where the old value is `unless`; results in whether it did."""

    def __init__(self, ref: Ref, amount: Any, unless: Any, text: str):
        super().__init__(text)
        self.ref, self.amount, self.unless = ref, amount, unless

    def perform(self, turn: Turn) -> bool:
        old = turn.memory.load_locked(turn, self.ref)
        if old == self.unless:
            return False
        turn.memory.store_locked(turn, self.ref, old + self.amount)
        return True


def atomic_add_unless(counter: Any, amount: int, unless: int) -> Step:
    """Return the step that adds `amount` unless the value is `unless`, and tells whether it added."""
    ref = location(counter, "atomic_add_unless")
    return _AddUnless(ref, amount, unless, f"atomic_add_unless({ref}, {amount!r}, {unless!r})")


def atomic_inc_not_zero(counter: Any) -> Step:
    """Return the step that adds one unless the value is zero, and tells whether it added."""
    ref = location(counter, "atomic_inc_not_zero")
    return _AddUnless(ref, 1, 0, f"atomic_inc_not_zero({ref})")


def _replaced(old: Any, new: Any) -> Any:
    return new


def xchg(ref: Any, value: Any) -> Step:
    """Return the step that stores `value` and results in the old value; fully ordered."""
    ref = location(ref, "xchg")
    check_value(value, "xchg(...)")
    return Update(ref, _replaced, (value,), f"xchg({ref}, {shown(value)})")


def cmpxchg(ref: Any, old: Any, new: Any) -> Step:
    """Return the step that stores `new` where the value is `old`; it results in the value before.

    Fully ordered where it succeeds.
    """
    ref = location(ref, "cmpxchg")
    step = CompareAndSwap(ref, check_value(old, "cmpxchg(...)"), check_value(new, "cmpxchg(...)"))
    return step.named(f"cmpxchg({ref}, {shown(old)}, {shown(new)})")  # type: ignore[no-any-return] # named() returns the step itself
