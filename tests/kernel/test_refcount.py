"""refcount_t: counts that saturate, and no more order than the kernel's document promises."""

from __future__ import annotations

import pytest

from modelcheck import System, at_end, check, process, sometimes, state
from modelcheck.kernel import (
    READ_ONCE,
    REFCOUNT_MAX,
    REFCOUNT_SATURATED,
    WRITE_ONCE,
    refcount_add,
    refcount_add_not_zero,
    refcount_dec,
    refcount_dec_and_test,
    refcount_inc,
    refcount_inc_not_zero,
    refcount_read,
    refcount_set,
    refcount_sub_and_test,
    saturated,
    smp_mb,
)
from modelcheck.memory import MODELS

WEAK = pytest.mark.parametrize("memory", list(MODELS))


@state
class Object:
    count: object = 1
    told: object = None
    field: object = 0
    flag: object = 0
    freed: object = False
    seen: object = None


@process
def does(s, steps):
    for step in steps(s):
        said = yield step
        yield WRITE_ONCE(s.told, said)
        del said


def after(count, *steps, memory="sc"):
    """What the count is after some steps, and what the last one said."""
    s = Object(count=count)
    found = []

    @at_end
    def noted(s):
        found.append((s.count, s.told))
        return True

    assert check(System(s, [does(s, lambda s: [step(s) for step in steps])], [noted])).holds
    return set(found)


@pytest.mark.parametrize(
    ("count", "step", "then"),
    [
        (1, lambda s: refcount_inc(s.count), (2, None)),
        (0, lambda s: refcount_inc(s.count), (REFCOUNT_SATURATED, None)),
        (2, lambda s: refcount_add(3, s.count), (5, None)),
        (REFCOUNT_MAX, lambda s: refcount_inc(s.count), (REFCOUNT_SATURATED, None)),
        (0, lambda s: refcount_inc_not_zero(s.count), (0, False)),
        (1, lambda s: refcount_inc_not_zero(s.count), (2, True)),
        (1, lambda s: refcount_add_not_zero(4, s.count), (5, True)),
        (REFCOUNT_MAX, lambda s: refcount_inc_not_zero(s.count), (REFCOUNT_SATURATED, True)),
        (2, lambda s: refcount_dec(s.count), (1, None)),
        (1, lambda s: refcount_dec(s.count), (REFCOUNT_SATURATED, None)),
        (1, lambda s: refcount_dec_and_test(s.count), (0, True)),
        (2, lambda s: refcount_dec_and_test(s.count), (1, False)),
        (0, lambda s: refcount_dec_and_test(s.count), (REFCOUNT_SATURATED, False)),
        (3, lambda s: refcount_sub_and_test(3, s.count), (0, True)),
        (REFCOUNT_SATURATED, lambda s: refcount_dec_and_test(s.count), (REFCOUNT_SATURATED, False)),
        (7, lambda s: refcount_set(s.count, 1), (1, None)),
        (7, lambda s: refcount_read(s.count), (7, 7)),
    ],
)
def test_a_count_saturates_instead_of_wrapping(count, step, then):
    """Use after free, overflow and a leak each leave the count saturated, for good."""
    assert after(count, step) == {then}
    assert saturated(then[0]) is (then[0] == REFCOUNT_SATURATED)


@process
def user(s):
    """Use the object, then let go; who lets go last takes it apart."""
    yield WRITE_ONCE(s.field, 1)
    if (yield refcount_dec_and_test(s.count)):
        yield WRITE_ONCE(s.freed, True)


@process
def last(s):
    if (yield refcount_dec_and_test(s.count)):
        found = yield READ_ONCE(s.field)
        assert found == 1, "the last one does not see what another user did before"


@WEAK
def test_the_last_reference_sees_what_others_did_before(memory):
    """A decrement is a release, and an acquire where it leaves zero."""
    s = Object(count=2)
    assert check(System(s, [user(s), last(s)], []), memory=memory).holds


@process
def stores_then_counts(s, count):
    yield WRITE_ONCE(s.field, 1)
    yield count(s)
    s_flag = yield READ_ONCE(s.flag)
    yield WRITE_ONCE(s.told, s_flag)


@process
def other(s):
    yield WRITE_ONCE(s.flag, 1)
    yield smp_mb()
    field = yield READ_ONCE(s.field)
    yield WRITE_ONCE(s.seen, field)


@pytest.mark.parametrize(
    ("count", "weakest"),
    [
        (lambda s: refcount_inc(s.count), "tso"),
        (lambda s: refcount_inc_not_zero(s.count), "tso"),
        (lambda s: refcount_dec(s.count), "pso"),
    ],
)
@WEAK
def test_increments_order_nothing_and_a_decrement_no_later_load(memory, count, weakest):
    """Store buffering around them shows: on x86 they are locked; elsewhere none is a full barrier.

    A release keeps the store before it in, so that only stale loads are left.
    """
    s = Object(count=2)

    @sometimes
    def both_see_the_old_value(s):
        done = s.stores_then_counts.done and s.other.done
        return done and s.told == 0 and s.seen == 0

    result = check(
        System(s, [stores_then_counts(s, count), other(s)], [both_see_the_old_value]),
        memory=memory,
    )
    order = list(MODELS)
    assert result.holds is (order.index(memory) > order.index(weakest))
