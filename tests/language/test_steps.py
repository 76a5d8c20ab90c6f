"""Each kind of step: what it does, what it results in, how many states it makes."""

from __future__ import annotations

import enum
import functools

import pytest
from language.small import count, message, run

from modelcheck import (
    Channel,
    System,
    always,
    at_end,
    atomic,
    cells,
    check,
    choose,
    either,
    fence,
    label,
    process,
    replay,
    sometimes,
    state,
    until,
)
from modelcheck.language.steps import Fence, Store, Update


class Side(enum.Enum):
    """Where to go."""

    LEFT = 1
    RIGHT = 2


@state
class Shared:
    x: int = 0
    y: int = 0
    side: Side = Side.LEFT
    a = cells(3, 0)
    ch = Channel(1)
    meet = Channel(0)


def final(function, *others):
    """Return the values of x with which all runs of one process end, and (states, transitions)."""
    values = set()

    @at_end
    def note(s):
        values.add(s.x)
        return True

    return values, count(run(Shared(), function, *others, properties=[note]))


def ends(function):
    return final(function)[0]


def test_a_load_results_in_the_value():
    """`yield x` reads one location; a chain of n loads has n+1 states."""

    def p(s):
        assert (yield s.x) == 0
        assert (yield s.side) is Side.LEFT
        assert (yield s.a[1]) == 0

    assert final(p) == ({0}, (4, 3))


def test_a_store_results_in_none():
    """`yield x.set(v)` writes; its result is None."""

    def p(s):
        assert (yield s.x.set(4)) is None
        yield s.a[2].set(1)
        assert (yield s.a[2]) == 1

    assert ends(p) == {4}


def test_read_modify_writes_result_in_the_old_value():
    """`add`, `swap` and `update` are one step each and give what was there before."""

    def p(s):
        assert (yield s.x.add(2)) == 0
        assert (yield s.x.add()) == 2
        assert (yield s.x.swap(10)) == 3
        assert (yield s.x.update(lambda v: v * 2)) == 10

    assert final(p) == ({20}, (5, 4))


def test_an_update_can_result_in_the_new_value_or_none():
    """`results_in` chooses what a read-modify-write gives back."""

    def p(s):
        assert (yield s.x.add(2).results_in("new")) == 2
        assert (yield s.x.add(2).results_in("none")) is None

    assert ends(p) == {4}


def test_compare_and_swap_stores_only_where_the_value_is_expected():
    """`cas` gives the old value, and stores if that equals what was expected."""

    def p(s):
        assert (yield s.x.cas(0, 5)) == 0
        assert (yield s.x.cas(0, 9)) == 5

    assert ends(p) == {5}


def test_increments_in_one_step_are_not_lost_and_in_two_are():
    """Two processes, counted by hand: 4 states atomically; a load and a store lose an update."""

    def whole(s):
        yield s.x.add(1)

    def halves(s):
        seen = yield s.x
        yield s.x.set(seen + 1)

    assert final(whole, whole) == ({2}, (4, 4))
    assert final(halves, halves) == ({1, 2}, (12, 14))


def test_until_waits_and_results_in_the_true_value():
    """The step is enabled where the condition is true."""

    def waits(s):
        got = yield until(lambda: s.x and "ready")
        assert got == "ready"

    def sets(s):
        yield s.x.set(1)

    assert final(waits, sets) == ({1}, (3, 2))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((1, 2, 3), {1, 2, 3}),
        (([4, 5],), {4, 5}),
        ((range(3),), {0, 1, 2}),
        (({7, 8},), {7, 8}),
        ((frozenset(),), None),
        (({1: 2},), {1}),
        ((v for v in (1, 2)), {1, 2}),
        ((Side,), {Side.LEFT, Side.RIGHT}),
        (("ab",), {"ab"}),
        (((1, 2),), {1, 2}),
        (((1, 2), 3), {(1, 2), 3}),
    ],
)
def test_choose_explores_every_option(options, expected):
    """Several values, or the items of one iterable; a string is one value."""
    options = tuple(options)

    def p(s):
        v = yield choose(*options)
        yield s.x.set(v)

    if expected is None:
        with pytest.raises(Exception, match="nothing to choose from"):
            run(Shared(), p)
    else:
        values, (states, transitions) = final(p)
        assert values == expected
        assert (states, transitions) == (1 + 2 * len(expected), 2 * len(expected))


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_trace_tells_which_way_a_step_went(engine):
    """Also where the process drops the result, or fails over it; nothing where there is one way."""

    def p(s):
        yield choose(5)
        yield choose(1, 2)
        yield either(until(lambda: s.x == 1), s.x.set(7))
        if (yield choose(False, True)):
            raise RuntimeError

    shared = Shared()
    system = System(shared, [process(p)(shared)])
    result = check(system, engine=engine)
    told = ["", "takes 1", "takes x := 7", "takes True"]
    assert [step.note for step in result.trace.steps] == told
    assert [step.note for step in replay(system, result.token).steps] == told


def test_choices_from_a_set_come_in_one_order():
    """Sets that were filled in another order give the same steps, sorted by their text."""
    one, other = {"b", "a", "c"}, {"c", "a", "b"}

    def p(s):
        yield choose(one)

    assert [str(choose(x)) for x in (one, other)] == ["choose('a', 'b', 'c')"] * 2
    assert count(run(Shared(), p)) == (2, 3)


def test_atomic_runs_a_function_over_several_locations():
    """Several writes in one step; reads see earlier writes; what it returns is the result."""

    def p(s):
        def swap():
            s.x, s.y = s.y + 1, s.x + 2
            s.a[s.x] += 5
            s.a[s.x] *= 2
            return s.x, s.a[1]

        assert (yield atomic(swap)) == (1, 10)
        assert (yield s.y) == 2

    assert final(p) == ({1}, (3, 2))


def test_atomic_waits_for_its_condition():
    """With `when` the step is enabled where that is true."""

    def taker(s):
        yield atomic(lambda: s.a.count(0), when=lambda: s.y == 1)
        yield s.x.add(1)

    def giver(s):
        yield s.y.set(1)

    assert final(taker, giver) == ({1}, (4, 3))


def test_an_exception_inside_atomic_is_a_violation_at_its_line():
    """The trace ends with the failing step, at the line that raised."""

    def p(s):
        def f():
            s.x = 3
            return s.x // s.y

        yield s.a[0].set(1)
        yield atomic(f)

    result = run(Shared(), p)
    assert message(result) == "exception: ZeroDivisionError: integer division or modulo by zero"
    assert result.violation.line == p.__code__.co_firstlineno + 3
    assert len(result.trace) == 2
    assert result.trace.states[-1]["x"] == 3


def test_an_assertion_inside_atomic_is_an_assertion():
    """`assert` in an atomic function is the protocol's own check."""

    def p(s):
        def f():
            assert s.x == 1, f"x is {s.x}"

        yield atomic(f)

    assert message(run(Shared(), p)).startswith("assertion: x is 0")


def test_identity_and_match_see_values_in_guards():
    """`is`, `match`, `isinstance` and attributes see the value of a captured reference."""

    def helper(v):
        return v is Side.LEFT

    def matched(v):
        match v:
            case Side.LEFT:
                return True
        return False

    def p(s, side, x):
        here = side
        yield until(lambda: side is Side.LEFT)
        yield until(lambda: here is not Side.RIGHT and s.side is Side.LEFT)
        yield until(lambda v=side: v is Side.LEFT)
        yield until(lambda *, v=side: v is Side.LEFT)
        yield until(functools.partial(lambda v, *, w: v is w, side, w=Side.LEFT))
        yield until(lambda: helper(side) and matched(side))
        yield until(lambda: any(v is Side.LEFT for v in (s.side,) if side is v))
        yield until(lambda: side.value is Side.LEFT)
        yield until(lambda: isinstance(x, int) and type(x) is int)
        yield until(lambda: side.name == "LEFT")
        yield until(lambda: x is not None and x == 0)
        got = yield atomic(lambda: matched(side) and (side, x))
        assert got == (Side.LEFT, 0)
        assert (yield until(lambda: [side])) == [Side.LEFT]
        yield s.y.update(lambda v: 1 if side is Side.LEFT else 2)
        assert (yield s.y) == 1
        yield atomic(lambda: setattr(s, "y", x))
        assert (yield s.y) == 0

    s = Shared()
    assert count(run(s, process(p)(s, s.side, s.x))) == (18, 17)


def test_references_in_a_list_are_values_in_a_guard():
    """A guard may go over a list of references that the process made."""

    def p(s):
        mine = [s.x, s.a[1], s.y]
        by_name = {"x": s.x}
        yield until(lambda: sum(mine) == 0 and all(v == 0 for v in mine) and max(mine) == 0)
        yield until(lambda: by_name["x"] == 0 and [v.value for v in mine] == [0, 0, 0])

    assert count(run(Shared(), p)) == (3, 2)


def test_a_guard_reads_only_what_it_reaches():
    """What a short-circuit leaves out is no part of the step: it is learned once for all values."""

    def p(s):
        yield until(lambda: s.x == 0 or s.y == 0)
        raise ValueError

    reads = run(Shared(), p).trace.steps[0].reads
    assert [r.name for r in reads] == ["x"]


def test_a_fence_is_a_step_that_does_nothing_under_sc():
    """It has its kind, and shows it."""

    def p(s):
        yield fence()
        yield fence("rmb")

    assert count(run(Shared(), p)) == (3, 2)
    assert (str(fence("wmb")), repr(Fence("mb", "smp_mb()"))) == ("fence('wmb')", "smp_mb()")


def test_a_label_is_a_step_and_a_region():
    """`yield label` is a place; `with label` names every place inside and adds no step."""

    def p(s):
        with label("outer"), label("inner"):
            yield s.x
            yield label("point")
        yield s.y

    seen = set()

    @always
    def note(s):
        names = ("outer", "inner", "point", "p")
        seen.add((len([n for n in names if s.p.at(n)]), s.p.at("outer", "point"), s.p.done))
        return True

    assert count(run(Shared(), p, properties=[note])) == (4, 3)
    assert seen == {(3, True, False), (4, True, False), (1, False, False), (0, False, True)}


def test_a_label_or_condition_may_be_a_proper_end():
    """Waiting for ever at a declared end is no deadlock, elsewhere it is one."""

    def at_label(s):
        with label("idle", end=True):
            yield until(lambda: s.x == 1)

    def at_until(s):
        yield until(lambda: s.x == 1, end=True)

    def stuck(s):
        yield until(lambda: s.x == 1)

    assert run(Shared(), at_label).holds
    assert run(Shared(), at_until).holds
    assert message(run(Shared(), stuck)) == "deadlock: stuck can never go on"


def test_either_takes_any_step_that_can_be_taken():
    """Its result is the index and that step's own result; a label may be one of them."""

    def p(s):
        got = yield either(s.x, until(lambda: s.y == 1), label("nothing"), s.a[0].add(3))
        yield s.x.set(got)

    assert ends(p) == {(0, 0), (2, None), (3, 0)}


def test_either_waits_where_none_can_be_taken():
    """It blocks if all of its steps block."""

    def p(s):
        yield either(s.ch.recv(), until(lambda: s.x == 1))

    assert message(run(Shared(), p)) == "deadlock: p can never go on"


def test_either_receives_at_a_rendezvous():
    """Also inside another either, and from the same channel twice: each gives its own index."""

    def sender(s):
        yield s.meet.send("hello")

    def receiver(s):
        got = yield either(s.ch.recv(), either(s.meet.recv(), s.meet.recv()), s.meet.recv())
        yield s.x.set(got)

    assert final(sender, receiver) == (
        {(1, (0, "hello")), (1, (1, "hello")), (2, "hello")},
        (7, 6),
    )


def test_choices_combine_with_choices():
    """A choice of steps that choose gives every combination."""

    def p(s):
        got = yield either(choose(1, 2), choose(3), either(choose(4, 5), s.x))
        yield s.x.set(got)

    assert ends(p) == {(0, 1), (0, 2), (1, 3), (2, (0, 4)), (2, (0, 5)), (2, (1, 0))}


def test_a_step_can_be_given_another_text():
    """`named` changes what traces call it, and nothing else."""

    def p(s):
        yield s.x.set(1).named("take the lock")
        raise ValueError

    assert [t.label for t in run(Shared(), p).trace.steps] == ["take the lock"]


def test_texts_of_steps():
    """A step without a name of its own tells what it does, in one line."""
    s = Shared()
    run(s, *[])
    texts = [
        str(step)
        for step in (
            s.x.set(1), s.x.add(2), s.x.swap(3), s.x.cas(0, 1), s.x.update(abs), s.ch.send("m"),
            s.ch.recv(), s.ch.try_recv(), until(lambda: s.x == 1), choose(1, "a"),
            either(s.x, s.y.add(1)), atomic(dict), s.a[1].update(lambda v: v + 1),
        )
    ]  # fmt: skip
    assert texts == [
        "x := 1",
        "x.add(2)",
        "x.swap(3)",
        "x.cas(0, 1)",
        "x.update(abs)",
        "ch.send('m')",
        "ch.recv()",
        "ch.try_recv()",
        "until s.x == 1",
        "choose(1, 'a')",
        "either(x, y.add(1))",
        "dict",
        "a[1].update(v + 1)",
    ]
    assert isinstance(s.x.set(1), Store)
    assert isinstance(s.x.add(1), Update)


def test_values_that_no_text_can_show_are_values_all_the_same():
    """A number too long to print is stored; its step's text says that it has none."""

    def p(s):
        yield s.x.set(10**5000)
        yield s.x.cas(10**5000, 1)

    assert ends(p) == {1}


def test_a_spinning_loop_closes():
    """A loop that comes back to the same state is finite: 2 states, a step round each."""

    def p(s):
        while True:
            yield s.x.set(1)

    @sometimes
    def set_once(s):
        return s.x == 1

    assert count(run(Shared(), p, properties=[set_once])) == (2, 2)
