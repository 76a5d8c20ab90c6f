"""``refcount_t``: reference counts that saturate instead of wrapping, with less order than atomics.

Sources: ``include/linux/refcount.h`` and ``Documentation/core-api/refcount-vs-atomic.rst``:
increments are "fully unordered"; a decrement has "RELEASE ordering", and where it leaves zero
"ACQUIRE ordering on success"; `refcount_inc_not_zero` has a "control dependency on success for
stores", which orders no loads: "necessary ordering is provided as a result of obtaining pointer to
the object". A count that was zero, or would pass `REFCOUNT_MAX`, becomes `REFCOUNT_SATURATED` and
stays there: the object is leaked, not freed. The kernel warns then; here `saturated` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelcheck.kernel.atomics import READ_ONCE, WRITE_ONCE, location, shown
from modelcheck.language.refs import Ref, check_value
from modelcheck.language.steps import Step, Update
from modelcheck.language.turn import Turn

#: The largest count; the kernel's is ``INT_MAX``, which no search will reach.
REFCOUNT_MAX = 2**31 - 1
#: What a count becomes that went wrong: halfway between ``INT_MAX`` and zero, as in the kernel.
REFCOUNT_SATURATED = -(2**30)


def saturated(count: int) -> bool:
    """Tell whether a count went wrong; in a property: ``not saturated(s.object.refcount)``.

    Examples
    --------
    >>> saturated(1), saturated(REFCOUNT_SATURATED), saturated(REFCOUNT_SATURATED + 1)
    (False, True, True)
    """
    return count < 0 or count > REFCOUNT_MAX


def _added(old: int, amount: int) -> int:
    """Return the count after an addition: it saturates at zero (use after free) and at the top."""
    new = old + amount
    return REFCOUNT_SATURATED if old <= 0 or saturated(new) else new


def _subtracted(old: int, amount: int) -> int:
    """Return the count after a subtraction: it saturates below zero."""
    new = old - amount
    return REFCOUNT_SATURATED if saturated(old) or saturated(new) else new


def _decremented(old: int) -> int:
    """Return the count after ``refcount_dec``, which is not to be the last: zero saturates too."""
    new = _subtracted(old, 1)
    return new if new > 0 else REFCOUNT_SATURATED


def refcount_set(count: Any, value: int) -> Step:
    """Return the step that stores a count: plain."""
    ref = location(count, "refcount_set")
    text = f"refcount_set({ref}, {shown(value)})"
    return WRITE_ONCE(ref, check_value(value, "refcount_set(...)")).named(text)  # type: ignore[no-any-return] # named() returns the step itself


def refcount_read(count: Any) -> Step:
    """Return the step that loads a count: plain."""
    ref = location(count, "refcount_read")
    return READ_ONCE(ref).named(f"refcount_read({ref})")  # type: ignore[no-any-return] # named() returns the step itself


def refcount_inc(count: Any) -> Step:
    """Return the step that adds one; unordered. A count of zero saturates: the object is gone."""
    ref = location(count, "refcount_inc")
    return refcount_add(1, ref).named(f"refcount_inc({ref})")  # type: ignore[no-any-return] # named() returns the step itself


def refcount_add(amount: int, count: Any) -> Step:
    """Return the step that adds `amount`; unordered."""
    ref = location(count, "refcount_add")
    step = Update(ref, _added, (amount,), f"refcount_add({amount!r}, {ref})")
    return step.results_in("none").ordered("relaxed")


class _NotZero(Step):
    """An addition unless the count is zero; unordered; results in whether it was made.

    The control dependency orders later stores, which no model here lets pass a read-modify-write.
    """

    def __init__(self, ref: Ref, amount: int, text: str):
        super().__init__(text)
        self.ref, self.amount = ref, amount

    def perform(self, turn: Turn) -> bool:
        add: Callable[[int], int] = lambda old: _added(old, self.amount)  # noqa: E731  one line
        return turn.memory.modify_if(turn, self.ref, bool, add, "relaxed")[0]


def refcount_inc_not_zero(count: Any) -> Step:
    """Return the step that adds one unless the count is zero; tells whether it did."""
    ref = location(count, "refcount_inc_not_zero")
    return _NotZero(ref, 1, f"refcount_inc_not_zero({ref})")


def refcount_add_not_zero(amount: int, count: Any) -> Step:
    """Return the step that adds `amount` unless the count is zero; tells whether it did."""
    ref = location(count, "refcount_add_not_zero")
    return _NotZero(ref, amount, f"refcount_add_not_zero({amount!r}, {ref})")


def refcount_dec(count: Any) -> Step:
    """Return the step that subtracts one where others are left: a release."""
    ref = location(count, "refcount_dec")
    return (
        Update(ref, _decremented, (), f"refcount_dec({ref})").results_in("none").ordered("release")
    )


class _SubAndTest(Step):
    """A subtraction that results in whether it left zero: a release; then an acquire as well."""

    def __init__(self, ref: Ref, amount: int, text: str):
        super().__init__(text)
        self.ref, self.amount = ref, amount

    def perform(self, turn: Turn) -> bool:
        subtract: Callable[[int], int] = lambda old: _subtracted(old, self.amount)  # noqa: E731  one line
        old = turn.memory.modify(turn, self.ref, subtract, "release")
        if _subtracted(old, self.amount) == 0:
            turn.memory.fence(turn, "rmb")  # the read-modify-write itself is never stale
            return True
        return False


def refcount_dec_and_test(count: Any) -> Step:
    """Return the step that subtracts one and tells whether that left zero: then free the object."""
    ref = location(count, "refcount_dec_and_test")
    return _SubAndTest(ref, 1, f"refcount_dec_and_test({ref})")


def refcount_sub_and_test(amount: int, count: Any) -> Step:
    """Return the step that subtracts `amount` and tells whether that left zero."""
    ref = location(count, "refcount_sub_and_test")
    return _SubAndTest(ref, amount, f"refcount_sub_and_test({amount!r}, {ref})")
