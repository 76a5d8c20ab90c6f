"""Process code of every kind, and the instances that a model is made of."""

from __future__ import annotations

import functools

import attrs
import pytest
from language.small import count, message, run

from modelcheck import (
    Process,
    always,
    at_end,
    atomic,
    cells,
    choose,
    process,
    state,
    until,
)


@state
class Shared:
    x: object = 0
    y: int = 0
    a = cells(3, 0)
    lock: bool = False


@attrs.define
class Note:
    """A mutable object that process code may hold."""

    seen: list = attrs.field(factory=list)
    last: int = 0


def ends(*functions):
    """Return the final values of x of all runs, which must all end well."""
    values = set()

    @at_end
    def note(s):
        values.add(s.x)
        return True

    result = run(Shared(), *functions, properties=[note])
    assert result.holds, result.violation
    return values


def over_containers(s):
    for i, v in enumerate([3, 4]):
        yield s.a[i].set(v)
    for i in range(2, 0, -1):
        yield s.a[i].add(1)
    for key, v in {"a": 1, "b": 2}.items():
        yield s.y.add(v if key == "a" else 10 * v)
    for v, w in zip((1, 2), "ab", strict=True):
        yield s.x.set((v, w))
    assert (yield atomic(lambda: list(s.a))) == [3, 5, 1]
    assert (yield s.y) == 21
    return "ignored"


def while_else(s):
    n = 0
    while n < 3:
        n += 1
        if n == 2:
            continue
        yield s.x.add(n)
    else:
        yield s.x.add(10)
    while True:
        if (yield s.x) == 14:
            break
    assert (yield s.x) == 14


def try_in_every_part(s):
    try:
        yield s.y.set(1)
        raise KeyError((yield s.y))
    except KeyError as error:
        yield s.x.set(error.args)
    else:
        raise AssertionError
    finally:
        yield s.x.update(lambda v: (*v, "finally"))
    try:
        yield s.y
    except ValueError:
        raise AssertionError from None
    else:
        yield s.x.update(lambda v: (*v, "else"))
    try:
        try:
            _ = 1 // (yield s.lock)
        finally:
            yield s.x.update(lambda v: (*v, "again"))
    except ZeroDivisionError:
        yield s.y.set(7)
    assert (yield s.y) == 7
    assert (yield s.x) == (1, "finally", "else", "again")


def bare_raise(s):
    try:
        try:
            raise KeyError(1)
        except KeyError:
            yield s.y.add(1)
            raise
    except KeyError as error:
        yield s.x.set(error.args[0])


def comprehensions_and_walrus(s):
    mine = [v * 2 for v in range(3)]
    if (n := (yield s.y.add(1))) == 0:
        yield s.x.set(tuple(mine) + (n, *{v for v in mine if v}, *[k % 2 for k in {1: 2}]))
    assert (yield s.x) == (0, 2, 4, 0, 2, 4, 1)


def matching(s):
    got = yield choose((1, "a"), (2, "b"), 3)
    match got:
        case (1, name):
            yield s.x.set(name)
        case (n, "b") if n > 1:
            yield s.x.set(n)
        case other:
            yield s.x.set(other)


def nested_functions(s):
    step = 2

    def double(v):
        return v * step

    def twice(ref):
        old = yield ref
        yield ref.set(double(old) + 1)
        return old

    first = yield from twice(s.y)
    second = yield from twice(s.y)
    step = 5
    third = yield from twice(s.y)
    assert (first, second, third, (yield s.y)) == (0, 1, 3, 16)


def mutable_locals(s):
    items, table, group, note = [1], {}, set(), Note()
    for _ in range(2):
        items.append((yield s.y.add(1)))
        table[len(items)] = items[-1]
        group.add(len(table))
        note.seen.append(items)
        note.last += 1
    yield s.x.set((tuple(items), tuple(table.items()), tuple(sorted(group)), note.last))
    assert note.seen == [items, items]
    assert note.seen[0] is items
    assert (yield s.x) == ((1, 0, 1), ((2, 0), (3, 1)), (1, 2), 2)


def yields_inside_expressions(s):
    yield s.a[(yield s.y)].set((yield s.y) + (yield s.y.add(1)) + 5)
    assert [(yield s.a[0]), (yield s.a[1])] == [5, 0]
    d = {"k": (yield s.a[0]), **{"m": (yield s.y)}}
    assert f"{d['k']}{(yield s.y)}" == "51"
    yield s.x.set(max((yield s.y), (yield s.a[0])))


def factorial(s, n):
    if n == 0:
        yield s.y.set(1)
        return 1
    smaller = yield from factorial(s, n - 1)
    yield s.y.set(n * smaller)
    return n * smaller


def recursion(s):
    assert (yield from factorial(s, 4)) == 24
    yield s.x.set((yield s.y))


class Held:
    """A context manager of the model's own: a plain object."""

    def __init__(self, s):
        self.s, self.inside = s, False

    def __enter__(self):
        self.inside = True
        return self

    def __exit__(self, *exc):
        self.inside = False
        return exc[0] is ValueError


def with_statements(s):
    with Held(s) as held:
        assert held.inside
        yield s.y.add(1)
        raise ValueError
    assert not held.inside
    yield s.x.set(1)


def a_generator_of_its_own(s):
    def pairs():
        yield 1
        yield 2

    for v in pairs():
        yield s.x.add(v)
    it = iter([5, 6])
    assert next(it) == 5
    yield s.x.add(next(it))


def conditional_and_chained(s):
    v = (yield s.y) or (yield s.a[0]) or "none"
    w = "yes" if 0 <= (yield s.y) < 1 else "no"
    yield s.x.set((v, w, *(yield atomic(lambda: tuple(s.a)))))
    del v
    unused, *rest = yield s.x
    assert rest == ["yes", 0, 0, 0]
    global_sum = sum([len(rest), 1], start=0)
    assert global_sum == 5


def ünïcode(s):
    größe = yield s.y.add(1)
    yield s.x.set(größe)


CODE = {
    over_containers: {(2, "b")},
    while_else: {14},
    try_in_every_part: {(1, "finally", "else", "again")},
    bare_raise: {1},
    comprehensions_and_walrus: {(0, 2, 4, 0, 2, 4, 1)},
    matching: {"a", 2, 3},
    nested_functions: {0},
    mutable_locals: {((1, 0, 1), ((2, 0), (3, 1)), (1, 2), 2)},
    yields_inside_expressions: {5},
    recursion: {24},
    with_statements: {1},
    a_generator_of_its_own: {9},
    conditional_and_chained: {("none", "yes", 0, 0, 0)},
    ünïcode: {0},
}


@pytest.mark.parametrize(
    ("code", "expected"), CODE.items(), ids=lambda v: getattr(v, "__name__", "")
)
def test_process_code_of_every_kind(code, expected):
    """Whatever plain Python does between and around its yields, the model does."""
    assert ends(code) == expected


def test_a_mutable_result_belongs_to_the_history_that_got_it():
    """What an atomic step returns is copied for each history: mutating it changes no other."""

    def p(s):
        got = yield atomic(lambda: [s.y])
        more = yield choose(1, 2)
        got.append(more)
        yield s.y
        got.append(more)
        yield s.x.set(tuple(got))

    assert ends(p) == {(0, 1, 1), (0, 2, 2)}


def test_a_process_that_ends_at_once_never_steps():
    """No yield is reached: one state, no transition."""

    def p(s):
        if s is None:
            yield

    assert count(run(Shared(), p)) == (1, 0)


def test_arguments_make_instances():
    """Positional and keyword arguments; locations among them are references."""

    @process
    def adder(s, ref, *, by=1):
        yield ref.add(by)

    s = Shared()
    instances = [adder(s, s.y), adder(s, s.a[1], by=3), adder(s, ref=s.x)]
    assert [i.describe() for i in instances][1] == "adder(shared, a cell, by=3)"

    @at_end
    def added(s):
        return (s.y, s.a[1], s.x) == (1, 3, 1)

    assert count(run(s, *instances, properties=[added])) == (8, 12)


def test_processes_as_methods_lambdas_and_partials():
    """A process may be a method of a state class, a lambda, or a partial."""

    @state
    class Counter:
        n: int = 0

        @process
        def up(self, by):
            yield self.n.add(by)

        @process(daemon=True)
        def idle(self):
            yield until(lambda: False)

    def down(counter, by):
        yield counter.n.add(-by)

    c = Counter()
    assert isinstance(Counter.up, type(process(down)))
    instances = [
        c.up(2),
        c.idle(),
        process(lambda c: (yield c.n.add(5)))(c),
        process(functools.partial(down, by=3))(c),
        process(functools.partial(functools.partial(down, c), 1))(),
    ]
    assert [i.group for i in instances] == ["up", "idle", "<lambda>", "down", "down"]

    @always
    def bounded(s):
        return -4 <= s.n <= 7 and s.idle.running and len(s.down) == 2

    assert run(c, *instances, properties=[bounded]).states == 16


def test_names_daemons_and_decorators():
    """`named` renames an instance; `daemon` survives it; decorating twice is harmless."""

    @process(daemon=True)
    def server(s):
        """Serve."""
        yield until(lambda: s.y == 1)

    assert server.__doc__ == "Serve."
    one = server(1).named("boss")
    assert isinstance(one, Process)
    assert (one.group, one.daemon, one.describe()) == ("boss", True, "boss(1)")
    assert process(server)(1).daemon is False
    s = Shared()
    assert run(s, server(s)).holds
    assert message(run(s, process(server)(s))).startswith("deadlock")


def test_a_process_can_wait_for_a_condition_at_every_step():
    """`waiting_for` and `on` guard all steps of an instance."""

    class Cpu:
        def __init__(self, s):
            self.s = s

        def task_may_run(self):
            return not self.s.lock

    @process
    def task(s):
        yield s.y.add(1)
        yield s.y.add(1)

    @process
    def interrupt(s):
        yield s.lock.set(True)
        seen = yield s.y
        assert (yield s.y) == seen
        yield s.lock.set(False)

    s = Shared()
    cpu = Cpu(s)
    result = run(s, task(s).on(cpu), interrupt(s))
    assert result.holds
    assert task(s).on(cpu).cpu is cpu
    assert message(run(s, task(s), interrupt(s))).startswith("assertion")


def test_a_call_that_waits_for_its_arguments_is_one_state_however_warm_the_code_is():
    """The interpreter pushes a method in two ways; which one is no part of the local state."""

    class Open:
        def __getattr__(self, name):
            raise AttributeError(name)

        def pair(self, left, right):
            return left, right

    def p(s):
        held = Open()
        while True:
            yield s.x.set(held.pair((yield s.y), (yield s.y)))

    for _ in range(20):
        assert count(run(Shared(), p)) == (6, 6)
