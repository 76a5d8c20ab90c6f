"""Python that tries to break "equal local states go on alike", and names that try not to be values.

Each test is one small model whose right answer follows from Python's own rules. Where modelcheck
does not give it yet, the test is marked with the reason.
"""

from __future__ import annotations

import functools
import itertools
import random
import sys
import warnings

import pytest

from modelcheck import (
    Channel,
    Kind,
    ModelError,
    System,
    Verdict,
    always,
    atomic,
    check,
    choose,
    either,
    label,
    process,
    replay,
    spawn,
    state,
    until,
)


def known(reason):
    """Mark a defect or limit of modelcheck that is known; take the mark out once it is mended."""
    return pytest.mark.xfail(reason=reason, strict=True)


@state
class Shared:
    x: object = 0
    y: object = 0
    owner: object = None
    items = Channel(1)
    meet = Channel(0)


def run(*functions, properties=()):
    """Check a system of one process a function, each of the state."""
    s = Shared()
    return check(System(s, [process(f)(s) for f in functions], properties))


def need(condition):
    """Assert in process code; pytest's rewriting of `assert` would keep all variables."""
    if not condition:
        raise AssertionError


def refused(*functions):
    """What is said of a model that is refused."""
    with pytest.raises(ModelError) as caught:
        run(*functions)
    return str(caught.value)


# What a local state must hold: after `k` is gone, the assertion tells the two histories apart.


def zipped(k):
    walk = zip([1, 2], [1, 2], strict=True)
    return walk, (next(walk) if k else None), lambda: next(walk) == (1, 1)


def teed(k):
    one, _ = itertools.tee([1, 2])
    return one, (next(one) if k else None), lambda: next(one) == 1


def cycled(k):
    walk = itertools.cycle([1, 2])
    return walk, (next(walk) if k else None), lambda: next(walk) == 1


def partial(k):
    return None, None, functools.partial(lambda n: n == 0, k)


class Plain:
    """A plain object."""


def ordered_attributes(k):
    it = Plain()
    for name in "ab" if k else "ba":
        setattr(it, name, 1)
    return it, None, lambda: list(vars(it)) == ["b", "a"]


def negative_zero(k):
    value = -0.0 if k else 0.0
    return value, None, lambda: str(value) == "0.0"


def inner_generator(k):
    walk = (n for n in (1, 2))
    return walk, (next(walk) if k else None), lambda: next(walk) == 1


HOLDERS = [zipped, teed, cycled, partial, ordered_attributes, negative_zero, inner_generator]


@pytest.mark.parametrize("holder", HOLDERS)
def test_hidden_state_is_part_of_the_local_state(holder):
    """What an iterator, a closure or an object remembers keeps two histories apart."""

    def p(s):
        k = yield choose(0, 1)
        held = holder(k)[2]
        del k
        yield label("between")
        need(held())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # itertools, on 3.12 and later
        assert run(p).violation.kind is Kind.ASSERTION


def first_of_set(order):
    def p(s):
        a = yield choose(order)
        found = {a}
        found.add(8 - a)  # 0 and 8 meet in a table of eight: the order is that of insertion
        del a
        yield label("between")
        for v in found:
            yield s.x.set(v)
            break

    @always
    def never_8(s):
        return s.x != 8

    return run(p, properties=[never_8])


def test_order_of_a_set_by_history_seen_first():
    """The history that puts 8 first is explored first: its future is found."""
    assert first_of_set((8, 0)).verdict is Verdict.VIOLATED


def test_order_of_a_set_by_history_seen_last():
    """The history that puts 8 first is explored last: its future must still be found."""
    assert first_of_set((0, 8)).verdict is Verdict.VIOLATED


def test_context_of_an_exception():
    """What an exception was raised during can be read later."""

    def p(s):
        k = yield choose(0, 1)
        try:
            try:
                raise KeyError if k else IndexError
            except LookupError:
                raise ValueError  # noqa: B904  the context is the point
        except ValueError as error:
            keep = error
        del k
        yield label("between")
        need(isinstance(keep.__context__, IndexError))

    assert run(p).verdict is Verdict.VIOLATED


def peek():
    """What a debugging helper does: it reads its caller's variables."""
    return sys._getframe(1).f_locals["v"]


def test_a_helper_that_reads_its_callers_variables():
    """A helper that looks at its caller through the frame is refused, by its own line."""

    def p(s):
        v = yield choose(1, 2)  # noqa: F841  only the helper reads it
        yield label("between")
        need(peek() == 1)

    with pytest.raises(ModelError, match=r"peek\(\) uses _getframe") as caught:
        run(p)
    assert caught.value.line == peek.__code__.co_firstlineno


# What is no part of the state at all must be found and told.


def test_a_random_number_in_an_atomic_function():
    """A result that changes from one performance to the next is refused."""

    def p(s):
        v = yield atomic(lambda: random.random())
        yield s.x.set(v)

    assert "two different things" in refused(p)


def test_a_python_list_that_two_processes_share():
    """One process reads what the other appends to: that belongs into the state."""
    log = []

    def reader(s):
        yield s.y
        if log:
            raise KeyError

    def writer(s):
        yield s.x.add(1)
        log.append(1)
        yield s.x.add(1)

    assert "changed during the search" in refused(reader, writer)


def test_a_python_flag_that_a_guard_reads():
    """A guard over a plain object, set by another process's own code, is refused."""
    box = []

    def setter(s):
        yield s.x.set(1)
        box.append(1)
        yield s.x.set(2)

    def waiter(s):
        yield until(lambda: box)

    assert "changed during the search" in refused(waiter, setter)


def test_a_process_that_fails_only_when_run_again():
    """A counter outside the model makes the second run fail: refused, not a crash."""
    runs = []

    def p(s):
        runs.append(1)
        need(len(runs) < 2)
        yield s.x.set(1)
        yield s.x.set(2)

    assert "not a function of what it read" in refused(p)


def test_a_list_that_is_an_argument():
    """A process that empties the list it was given is another process the next time."""
    s = Shared()

    @process
    def p(s, work):
        while work:
            yield s.x.set(work.pop())

    with pytest.raises(ModelError, match="not a function"):
        check(System(s, [p(s, [1, 2, 3])]))


def test_a_mutable_result_of_an_atomic_function():
    """A local list that an atomic function returns may be changed afterwards."""

    def p(s):
        mine = [0]
        got = yield atomic(lambda: mine)
        mine.append(1)
        yield s.x.set(len(got) * 0)
        yield s.y.set(len(got))

    assert run(p).verdict is Verdict.HOLDS


# Names inside conditions are values, however they got there.


def waits_for(condition):
    """Whether a process whose condition takes references ever goes on; x becomes 1."""

    def p(s):
        x, owner = s.x, s.owner
        yield until(lambda: condition(x, owner))

    return run(p, lambda s: (yield s.x.set(1))).verdict is Verdict.HOLDS


CONDITIONS = {
    "truth": lambda x, owner: x,
    "set": lambda x, owner: x in {1, 2},
    "dict": lambda x, owner: {1: "go"}.get(x) == "go",
    "is": lambda x, owner: owner is None,
    "isinstance": lambda x, owner: isinstance(x, int),
    "tuple": lambda x, owner: (x, 0) in {(1, 0)},
    "text": lambda x, owner: f"{x:02}" == "01",
    "or": lambda x, owner: (x or owner) == 1,
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_captured_reference_is_a_value_in_a_condition(name):
    """A reference held in a local variable is the plain value inside `until`."""
    assert waits_for(CONDITIONS[name])


def test_a_reference_held_by_an_object():
    """``is None`` on an object's attribute that is a reference must not be False for ever."""

    def p(s):
        held = Plain()
        held.owner = s.owner
        yield until(lambda: held.owner is None)

    assert run(p).verdict is Verdict.HOLDS


def test_an_atomic_function_returns_values():
    """What an atomic function hands back is a plain value, also through a captured reference."""

    def p(s):
        x = s.x
        v = yield atomic(lambda: x)
        need(type(v) is int)

    assert run(p).verdict is Verdict.HOLDS


def test_a_channel_is_true_while_it_holds_messages():
    """``until(lambda: s.items)`` waits for a message."""

    def p(s):
        yield until(lambda: s.items)

    def q(s):
        yield s.items.send(1)

    assert run(p, q).verdict is Verdict.HOLDS


# Steps in odd places.


def test_a_block_inside_a_cautious_atomic_function():
    """``except Exception`` in an atomic function does not keep the step from waiting."""

    def p(s):
        def f():
            try:
                return s.items.recv()
            except Exception:
                return "nothing"

        yield atomic(f)

    assert run(p).violation.kind is Kind.DEADLOCK


def test_a_cautious_property_does_not_hide_a_dead_variable():
    """``except Exception`` in a property does not keep a variable from being kept."""

    def p(s):
        _v = yield choose(1, 2)
        yield s.x.set(1)
        yield s.x.set(2)

    def seen(s):
        try:
            return s.p.local._v
        except Exception:
            return None

    @always
    def never_2(s):
        first, second = seen(s), seen(s)
        return first != 2 and second != 2

    try:
        verdict = run(p, properties=[never_2]).verdict
    except ModelError:  # refused: it asks for a variable where there is none
        verdict = Verdict.VIOLATED
    assert verdict is Verdict.VIOLATED


def test_two_receives_from_one_rendezvous():
    """Both options of an `either` can be the one that meets the sender."""

    def p(s):
        index, _ = yield either(s.meet.recv(), s.meet.recv())
        need(index != 0)

    def q(s):
        yield s.meet.send(1)

    assert run(p, q).violation.kind is Kind.ASSERTION


@known("a step that an exception dropped counts as a forgotten yield")
def test_a_step_that_an_exception_dropped():
    """Making the second option raises: the first was not forgotten."""

    def p(s):
        try:
            yield either(s.items.send(1), s.x.set({}["no"]))
        except KeyError:
            yield s.x.set(1)

    assert run(p).verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", ["items", "meet"])
def test_a_nested_either_results_in_nested_pairs(name):
    """A rendezvous gives the same shape of result as a queue."""

    def p(s):
        inner = either(until(lambda: False), getattr(s, name).recv())
        got = yield either(until(lambda: False), inner)
        need(got == (1, (1, 7)))

    def q(s):
        yield getattr(s, name).send(7)

    assert run(p, q).verdict is Verdict.HOLDS


@pytest.mark.parametrize("error", [SystemExit, AssertionError, StopIteration, RecursionError])
def test_whatever_a_process_raises_is_a_violation(error):
    """Also what is no `Exception`: it must not end the checker."""

    def p(s):
        yield s.x
        raise error

    assert run(p).verdict is Verdict.VIOLATED


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("way", ["finally", "except"])
def test_a_dropped_process_is_silent(way):
    """A process that would yield while it is closed raises nothing behind the user's back."""

    def with_finally(s):
        try:
            yield s.x.set(1)
        finally:
            yield s.x.set(0)

    def with_except(s):
        for _ in range(2):
            try:
                yield s.x.set(1)
            except:  # noqa: E722  a bare one is the point
                yield s.x.set(0)

    assert run(with_finally if way == "finally" else with_except).verdict is Verdict.HOLDS


def test_a_function_that_is_handed_to_a_child():
    """A local function may be an argument of a spawned process."""

    @process
    def child(s, f):
        yield s.x.set(f())

    def p(s):
        one = yield spawn(child(s, lambda: 1))
        yield one.join()

    assert run(p).verdict is Verdict.HOLDS


def test_a_property_of_spawned_processes():
    """A property may name processes that are not there at first."""

    @process
    def child(s):
        yield label("here")

    def p(s):
        one = yield spawn(child(s))
        yield one.join()

    @always
    def nowhere(s):
        return not any(c.at("here") for c in s.child)

    assert run(p, properties=[nowhere]).violation.kind is Kind.INVARIANT


# Replay.


@process
def second(s):
    yield s.y.set(2)
    raise AssertionError("late")


@process
def first(s):
    yield s.x.set(1)


def test_a_token_replays_where_processes_are_spawned():
    """The search meets the kinds of spawned processes in another order than the trace does."""

    def p(s):
        kind = yield choose(0, 1)
        child = first(s) if kind == 0 else second(s)
        yield spawn(child, detached=True)

    s = Shared()
    system = System(s, [process(p)(s)])
    result = check(system)
    assert result.violation.kind is Kind.ASSERTION
    again = replay(system, result.token)
    assert [step.process for step in again.steps] == [step.process for step in result.trace.steps]


def test_a_replayed_trace_shows_the_same_variables():
    """Variables kept only because a property reads them are in the replayed trace too."""

    def p(s):
        _v = yield choose(1, 2)
        yield s.x.set(1)
        yield s.x.set(2)

    @always
    def x_below_2(s):
        return s.p.local.get("_v", 0) < 9 and s.x < 2

    s = Shared()
    system = System(s, [process(p)(s)], [x_below_2])
    result = check(system)
    again = replay(system, result.token)
    assert [step.locals for step in again.steps] == [step.locals for step in result.trace.steps]
