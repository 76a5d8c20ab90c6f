"""The atomic operations: what each is called, results in, and leaves behind."""

from __future__ import annotations

from enum import Enum

import pytest

from modelcheck import System, check, process, sometimes, state, until
from modelcheck.errors import ModelError
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    atomic_add,
    atomic_add_return,
    atomic_add_unless,
    atomic_dec,
    atomic_dec_and_test,
    atomic_dec_return,
    atomic_fetch_add,
    atomic_inc,
    atomic_inc_not_zero,
    atomic_inc_return,
    atomic_read,
    atomic_set,
    atomic_sub,
    barrier,
    cmpxchg,
    smp_mb,
    smp_mb__after_atomic,
    smp_mb__before_atomic,
    smp_rmb,
    smp_wmb,
    xchg,
)
from modelcheck.memory import MODELS
from modelcheck.memory.sc import SequentialConsistency


def test_the_amount_comes_first_as_in_the_kernel():
    """Who hands over the counter first is told so, and not that the amount is no location."""

    @state
    class Shared:
        n: int = 0

    @process
    def adds(s):
        yield atomic_fetch_add(s.n, 1)

    s = Shared()
    with pytest.raises(ModelError, match=r"wrong way round\n.*`yield atomic_fetch_add\(1, n\)`"):
        check(System(s, [adds(s)]))


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@state
class Counter:
    count: object = 0


@process
def one_step(counter, make):
    yield make(counter.count)


@sometimes
def over(s):
    return s.one_step.done


def taken(make, initial=0):
    """Return the one step of a process that takes `make(count)`, and the count after it."""
    counter = Counter(count=initial)
    result = check(System(counter, [one_step(counter, make)], [over]))
    assert result.holds, result.violation
    trace = result.witnesses["over"]
    return trace.steps[0], trace.states[-1]["count"]


@pytest.mark.parametrize(
    ("make", "initial", "label", "result", "after"),
    [
        (READ_ONCE, 7, "READ_ONCE(count)", 7, 7),
        (lambda c: WRITE_ONCE(c, 3), 7, "WRITE_ONCE(count, 3)", None, 3),
        (
            lambda c: WRITE_ONCE(c, Colour.RED),
            Colour.BLUE,
            "WRITE_ONCE(count, RED)",
            None,
            Colour.RED,
        ),
        (atomic_read, 7, "atomic_read(count)", 7, 7),
        (lambda c: atomic_set(c, 3), 7, "atomic_set(count, 3)", None, 3),
        (atomic_inc, 7, "atomic_inc(count)", None, 8),
        (atomic_dec, 7, "atomic_dec(count)", None, 6),
        (lambda c: atomic_add(3, c), 7, "atomic_add(3, count)", None, 10),
        (lambda c: atomic_sub(3, c), 7, "atomic_sub(3, count)", None, 4),
        (atomic_inc_return, 7, "atomic_inc_return(count)", 8, 8),
        (atomic_dec_return, 7, "atomic_dec_return(count)", 6, 6),
        (lambda c: atomic_add_return(3, c), 7, "atomic_add_return(3, count)", 10, 10),
        (lambda c: atomic_fetch_add(3, c), 7, "atomic_fetch_add(3, count)", 7, 10),
        (atomic_dec_and_test, 1, "atomic_dec_and_test(count)", True, 0),
        (atomic_dec_and_test, 2, "atomic_dec_and_test(count)", False, 1),
        (atomic_inc_not_zero, 0, "atomic_inc_not_zero(count)", False, 0),
        (atomic_inc_not_zero, 1, "atomic_inc_not_zero(count)", True, 2),
        (lambda c: atomic_add_unless(c, 2, 5), 5, "atomic_add_unless(count, 2, 5)", False, 5),
        (lambda c: atomic_add_unless(c, 2, 5), 4, "atomic_add_unless(count, 2, 5)", True, 6),
        (lambda c: xchg(c, 3), 7, "xchg(count, 3)", 7, 3),
        (lambda c: cmpxchg(c, 7, 3), 7, "cmpxchg(count, 7, 3)", 7, 3),
        (lambda c: cmpxchg(c, 6, 3), 7, "cmpxchg(count, 6, 3)", 7, 7),
    ],
)
def test_an_operation_reads_like_the_c_and_does_as_the_c(make, initial, label, result, after):
    """Label, result and new value of every operation, on both sides of its condition."""
    step, count = taken(make, initial)
    assert (step.label, step.result, count) == (label, result, after)


def test_a_failed_conditional_operation_writes_nothing():
    """What does not happen leaves no write in the trace."""
    step, _ = taken(atomic_inc_not_zero, 0)
    assert step.writes == ()


@pytest.mark.parametrize(
    ("make", "label"),
    [
        (smp_mb, "smp_mb()"),
        (smp_rmb, "smp_rmb()"),
        (smp_wmb, "smp_wmb()"),
        (barrier, "barrier()"),
        (smp_mb__before_atomic, "smp_mb__before_atomic()"),
        (smp_mb__after_atomic, "smp_mb__after_atomic()"),
    ],
)
def test_a_barrier_is_a_step_that_changes_nothing(make, label):
    """Under sequential consistency a barrier is taken, shows in the trace, and orders nothing."""
    step, count = taken(lambda c: make())
    assert (step.label, step.reads, step.writes, count) == (label, (), (), 0)


class ClosedFences(SequentialConsistency):
    """A memory model in which what is fully ordered can never be done: who is so is stuck."""

    name = "closed"
    coherent = False

    def modify(self, turn, ref, function, order="relaxed"):
        return turn.block() if order == "full" else super().modify(turn, ref, function, order)

    def modify_if(self, turn, ref, test, function, order="relaxed"):
        passes, old = super().modify_if(turn, ref, test, function, order)
        return turn.block() if passes and order == "full" else (passes, old)


@pytest.mark.parametrize(
    ("make", "is_ordered"),
    [
        (atomic_read, False),
        (atomic_inc, False),
        (lambda c: atomic_sub(1, c), False),
        (atomic_inc_return, True),
        (lambda c: atomic_fetch_add(1, c), True),
        (atomic_dec_and_test, True),
        (atomic_inc_not_zero, True),
        (lambda c: atomic_add_unless(c, 1, 7), False),
        (lambda c: xchg(c, 3), True),
        (lambda c: cmpxchg(c, 7, 3), True),
        (lambda c: cmpxchg(c, 6, 3), False),
    ],
)
def test_what_results_in_a_value_is_fully_ordered_where_it_stores(make, is_ordered, monkeypatch):
    """As atomic_t.txt says: void operations and failed conditional ones are no barriers."""
    monkeypatch.setitem(MODELS, "closed", ClosedFences)
    counter = Counter(count=7)
    result = check(System(counter, [one_step(counter, make)]), memory="closed")
    assert (result.violation is not None) == is_ordered


def test_two_increments_are_both_counted():
    """`atomic_inc` cannot be torn apart, as a load and a store can."""
    counter = Counter()
    result = check(System(counter, [one_step(counter, atomic_inc)] * 2))
    assert result.holds
    assert result.states == 4


@process
def waits_wrongly(counter):
    yield until(lambda: atomic_read(counter.count))


@process
def reads_a_number(counter):
    yield READ_ONCE(3)


@pytest.mark.parametrize("wrong", [waits_wrongly, reads_a_number])
def test_an_operation_on_a_plain_value_is_refused(wrong):
    """Inside a condition names are values already: the error says where an operation belongs."""
    counter = Counter()
    with pytest.raises(ModelError, match="no shared location"):
        check(System(counter, [wrong(counter)]))
