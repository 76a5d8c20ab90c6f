"""READ_ONCE, WRITE_ONCE and the kernel's atomic operations, as steps over one location.

Sources: ``include/asm-generic/rwonce.h``, ``include/linux/atomic/atomic-instrumented.h`` and
``Documentation/atomic_t.txt``. A step's text reads like the C, and so does the order of arguments.
Each goes through the memory model. A read-modify-write that results in a value has a full barrier
on either side, where it stores; its forms ``_relaxed``, ``_acquire`` and ``_release`` have less,
and one without a result is ordered with nothing. What that means under each memory model:
``docs/memory-models.md``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import Enum
from typing import Any

from modelcheck.language.cells import leaves
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


class _Dependent(Load):
    """A load that loads of what it leads to stay behind: an address dependency."""

    def __init__(self, ref: Ref, reached: tuple[Any, ...], text: str):
        super().__init__(ref, text, "relaxed")
        self.reached = tuple(leaf for thing in reached for leaf in leaves(thing))

    def perform(self, turn: Turn) -> Any:
        value = super().perform(turn)
        turn.memory.refresh(turn, self.reached)
        return value


def load_of(call: str, thing: Any, reached: tuple[Any, ...]) -> Step:
    """Return the step ``call(thing)``: a load, with address dependencies to what is `reached`."""
    ref = location(thing, call)
    text = f"{call}({ref})"
    return _Dependent(ref, reached, text) if reached else Load(ref, text, "relaxed")


def READ_ONCE(ref: Any, *reached: Any) -> Step:
    """Return the step that loads one location; its result is the value.

    Parameters
    ----------
    reached : locations, parts or arrays
        What later loads reach *through* the value (it is a pointer to there): these stay behind
        this load, as hardware and the kernel promise. Without any, nothing is ordered.
    """
    return load_of("READ_ONCE", ref, reached)


def WRITE_ONCE(ref: Any, value: Any) -> Step:
    """Return the step that stores one location, with a plain store."""
    ref = location(ref, "WRITE_ONCE")
    text = f"WRITE_ONCE({ref}, {shown(value)})"
    return Store(ref, check_value(value, "WRITE_ONCE(...)"), text, "relaxed")


def atomic_read(counter: Any) -> Step:
    """Return the step that loads an atomic_t: a plain load, ordered with nothing."""
    ref = location(counter, "atomic_read")
    return Load(ref, f"atomic_read({ref})", "relaxed")


def atomic_set(counter: Any, value: Any) -> Step:
    """Return the step that stores an atomic_t: a plain store, ordered with nothing."""
    ref = location(counter, "atomic_set")
    text = f"atomic_set({ref}, {shown(value)})"
    return Store(ref, check_value(value, "atomic_set(...)"), text, "relaxed")


def order_of(name: str, result: str = "old") -> str:
    """Return what an operation is ordered with, by its name: see ``Documentation/atomic_t.txt``.

    Examples
    --------
    >>> order_of("xchg"), order_of("xchg_acquire"), order_of("atomic_inc", "none")
    ('full', 'acquire', 'relaxed')
    """
    suffix = name.rpartition("_")[2]
    if suffix in ("relaxed", "acquire", "release"):
        return suffix
    return "relaxed" if result == "none" else "full"


def _by_one(name: str, function: Callable[..., Any], counter: Any, result: str) -> Step:
    """Return ``name(counter)``, which adds or subtracts one."""
    ref = location(counter, name)
    step = Update(ref, function, (1,), f"{name}({ref})")
    return step.results_in(result).ordered(order_of(name, result))


def _by(name: str, function: Callable[..., Any], amount: Any, counter: Any, result: str) -> Step:
    """Return ``name(amount, counter)``."""
    if type(amount) is Ref and type(counter) is not Ref:
        raise model_error(
            f"{name}({amount}, {counter!r}) has its arguments the wrong way round",
            f"The amount comes first, as in the kernel: `yield {name}({counter!r}, {amount})`.",
        )
    ref = location(counter, name)
    check_value(amount, f"{name}(...)")
    step = Update(ref, function, (amount,), f"{name}({amount!r}, {ref})")
    return step.results_in(result).ordered(order_of(name, result))


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


def atomic_inc_return_relaxed(counter: Any) -> Step:
    """Return `atomic_inc_return` that is ordered with nothing."""
    return _by_one("atomic_inc_return_relaxed", operator.add, counter, "new")


def atomic_inc_return_acquire(counter: Any) -> Step:
    """Return `atomic_inc_return` that what follows stays behind."""
    return _by_one("atomic_inc_return_acquire", operator.add, counter, "new")


def atomic_dec_return_release(counter: Any) -> Step:
    """Return `atomic_dec_return` that stays behind what comes before."""
    return _by_one("atomic_dec_return_release", operator.sub, counter, "new")


def atomic_fetch_add_relaxed(amount: int, counter: Any) -> Step:
    """Return `atomic_fetch_add` that is ordered with nothing."""
    return _by("atomic_fetch_add_relaxed", operator.add, amount, counter, "old")


def atomic_fetch_add_acquire(amount: int, counter: Any) -> Step:
    """Return `atomic_fetch_add` that what follows stays behind."""
    return _by("atomic_fetch_add_acquire", operator.add, amount, counter, "old")


def atomic_fetch_add_release(amount: int, counter: Any) -> Step:
    """Return `atomic_fetch_add` that stays behind what comes before."""
    return _by("atomic_fetch_add_release", operator.add, amount, counter, "old")


def atomic_fetch_add(amount: int, counter: Any) -> Step:
    """Return the step that adds `amount` and results in the old value; fully ordered."""
    return _by("atomic_fetch_add", operator.add, amount, counter, "old")


class _DecAndTest(Update):
    """A decrement whose result is whether the new value is zero."""

    def perform(self, turn: Turn) -> Any:
        return super().perform(turn) == 0


def atomic_dec_and_test(counter: Any) -> Step:
    """Return the step that subtracts one and tells whether that left zero; fully ordered."""
    ref = location(counter, "atomic_dec_and_test")
    step = _DecAndTest(ref, operator.sub, (1,), f"atomic_dec_and_test({ref})")
    return step.results_in("new").ordered("full")


class _AddUnless(Step):
    """An addition except where the old value is `unless`; results in whether it was made."""

    def __init__(self, ref: Ref, amount: Any, unless: Any, text: str):
        super().__init__(text)
        self.ref, self.amount, self.unless = ref, amount, unless

    def perform(self, turn: Turn) -> bool:
        done, _ = turn.memory.modify_if(
            turn,
            self.ref,
            lambda old: bool(old != self.unless),
            lambda old: old + self.amount,
            "full",
        )
        return done


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
    check_value(value, "xchg(...)")
    return _xchg("xchg", ref, value)


def xchg_relaxed(ref: Any, value: Any) -> Step:
    """Return `xchg` that is ordered with nothing."""
    return _xchg("xchg_relaxed", ref, value)


def xchg_acquire(ref: Any, value: Any) -> Step:
    """Return `xchg` that what follows stays behind."""
    return _xchg("xchg_acquire", ref, value)


def xchg_release(ref: Any, value: Any) -> Step:
    """Return `xchg` that stays behind what comes before."""
    return _xchg("xchg_release", ref, value)


def _xchg(name: str, thing: Any, value: Any) -> Step:
    ref = location(thing, name)
    step = Update(ref, _replaced, (value,), f"{name}({ref}, {shown(value)})")
    return step.ordered(order_of(name))


def cmpxchg(ref: Any, old: Any, new: Any) -> Step:
    """Return the step that stores `new` where the value is `old`; it results in the value before.

    Fully ordered where it succeeds; where it fails, a plain load.
    """
    return _cmpxchg("cmpxchg", ref, old, new)


def cmpxchg_relaxed(ref: Any, old: Any, new: Any) -> Step:
    """Return `cmpxchg` that is ordered with nothing."""
    return _cmpxchg("cmpxchg_relaxed", ref, old, new)


def cmpxchg_acquire(ref: Any, old: Any, new: Any) -> Step:
    """Return `cmpxchg` that what follows stays behind, where it succeeds."""
    return _cmpxchg("cmpxchg_acquire", ref, old, new)


def cmpxchg_release(ref: Any, old: Any, new: Any) -> Step:
    """Return `cmpxchg` that stays behind what comes before, where it succeeds."""
    return _cmpxchg("cmpxchg_release", ref, old, new)


def _cmpxchg(name: str, thing: Any, old: Any, new: Any) -> Step:
    ref = location(thing, name)
    expected, made = check_value(old, f"{name}(...)"), check_value(new, f"{name}(...)")
    step = CompareAndSwap(ref, expected, made, order_of(name))
    return step.named(f"{name}({ref}, {shown(old)}, {shown(new)})")  # type: ignore[no-any-return] # named() returns the step itself
