"""State that lives outside the model: shared Python objects, captured variables, orders of sets."""

from __future__ import annotations

import threading
import types

import pytest
from language.small import run

from modelcheck import (
    ModelError,
    System,
    always,
    atomic,
    cells,
    check,
    choose,
    process,
    spawn,
    state,
    until,
)
from modelcheck.language.local import Run


@state
class Shared:
    x: object = 0
    y: object = 0
    waiting: object = frozenset({"a", "b"})


@state
class InTurn:
    x: int = 0
    y: int = 0
    go = cells(9, False)


class Counter:
    n = 0


class Locked:
    """An object that cannot be seen as a whole."""

    def __init__(self):
        self.lock, self.n = threading.Lock(), 0


def helper():
    """Only its attribute matters."""


CONFIG = types.ModuleType("config")
LOCKED = Locked()
CALLS = [0]


@pytest.mark.parametrize("first", ["writer", "reader"])
@pytest.mark.parametrize("owner", ["CONFIG", "Counter", "LOCKED", "helper"])
def test_an_attribute_that_two_processes_share_is_told_in_any_order(owner, first):
    """On a module, a class, an object with a lock, a function: refused, whoever comes first."""
    for it in (CONFIG, Counter, LOCKED, helper):
        it.n = 0

    def writer(s):
        yield s.x.set(1)
        {"CONFIG": CONFIG, "Counter": Counter, "LOCKED": LOCKED, "helper": helper}[owner].n += 1
        yield s.x.set(2)

    def reader(s):
        yield s.y
        if CONFIG.n or Counter.n or LOCKED.n or helper.n:
            raise KeyError
        yield s.y

    both = (writer, reader) if first == "writer" else (reader, writer)
    with pytest.raises(ModelError, match="not a function|changed during the search"):
        run(Shared(), *both)


def test_a_property_that_counts_is_told():
    """A counter that only a property sees gives no false verdict."""
    CALLS[0] = 0

    @always
    def early(s):
        CALLS[0] += 1
        return CALLS[0] < 1000

    with pytest.raises(ModelError, match="'CALLS' changed during the search"):
        run(Shared(), lambda s: (yield s.x.set(1)), properties=[early])


@process
def calls(s, function):
    yield s.x.set(function())


def rebinds(s):
    n = 1
    yield spawn(calls(s, lambda: n))  # here
    n = 2


def rebinds_in_a_helper(s):
    n = 1

    def bump():
        nonlocal n
        n += 1

    yield spawn(calls(s, lambda: n))
    bump()


def changes_a_list(s):
    box = [1]

    @process
    def child(s):
        yield s.x.set(box[0])

    yield spawn(child(s))
    box.append(2)


def rebinds_what_a_factory_holds(s):
    def make():
        n = 1

        def bump():
            nonlocal n
            n += 1

        return (lambda: n), bump

    get, bump = make()
    yield spawn(calls(s, get))
    bump()


@pytest.mark.parametrize(
    "parent", [rebinds, rebinds_in_a_helper, changes_a_list, rebinds_what_a_factory_holds]
)
def test_a_child_that_sees_what_its_parent_changes_is_told(parent):
    """A captured variable that anybody may still assign to, or whose value can change."""
    with pytest.raises(ModelError, match="sees the variable '(n|box)' of its parent"):
        run(Shared(), parent)


def test_a_child_may_capture_constants():
    """A variable assigned to before the spawn only, by a factory or in the parent."""

    def parent(s):
        n = yield s.y
        n += 1

        def make(more):
            return lambda: n + more

        one = yield spawn(calls(s, make(1)))
        yield one.join()

    assert run(Shared(), parent).holds


def test_a_handle_is_joined_once():
    """Its place may be another child's by the second join: refused."""

    def parent(s):
        one = yield spawn(calls(s, lambda: 1))
        yield one.join()
        yield spawn(calls(s, lambda: 1))
        yield one.join()

    with pytest.raises(ModelError, match=r"calls\[0\] was joined twice"):
        run(Shared(), parent)


def loops(s):
    for _ in (yield s.waiting):
        yield s.x.set(1)


def takes_first(s):
    yield s.x.set(next(iter((yield s.waiting))))


def takes_first_at_once(s):
    yield atomic(lambda: next(iter(s.waiting)))


@pytest.mark.parametrize("function", [loops, takes_first, takes_first_at_once])
def test_what_depends_on_the_order_of_strings_in_a_set_is_told(function):
    """A loop that yields, a first member taken by a process or in a step."""
    with pytest.raises(ModelError) as caught:
        run(Shared(), function)
    assert "set" in str(caught.value)


def test_a_set_may_be_used_where_its_order_does_not_matter():
    """sorted, in, len, set operations, a comprehension that makes a set again."""

    def p(s):
        for v in sorted((yield s.waiting)):
            yield s.x.set(v)
        got = yield s.waiting
        yield s.waiting.set(frozenset(v for v in got if v != "a"))
        yield s.waiting.update(lambda w: w | {"c"})

    assert run(Shared(), p).holds


def test_a_parked_run_is_held_against_the_key():
    """A run that waits at a local state and was changed from outside is not gone on with."""
    from modelcheck.language.parked import LONG, Parked

    box = []

    def p(s):
        mine = box
        for _ in range(100):
            yield s.x.set(1)
        yield s.x.set(len(mine))

    s = Shared()
    made = System(s, [process(p)(s)]).processes[0]
    run_, parked = Run(made, {}), Parked({})
    run_.send(None)
    local = run_.local(None, None)
    for _ in range(LONG + 1):
        run_.send(None)
        local = run_.local(local, None)
    parked.put(0, local, run_)
    box.append(1)
    with pytest.raises(ModelError, match="not a function of what it read"):
        parked.run(0, made, local)


@pytest.mark.parametrize("twins", [1, 2, 4, 8])
def test_each_of_many_twins_is_looked_at_again(twins, tmp_path):
    """A file that only the last process makes changes what one of ninety values leads to."""
    flag = tmp_path / "flag"

    @process
    def crooked(s, i):
        yield until(lambda: s.go[i])
        value = yield choose(*range(90))
        yield s.x.set(0)
        if value == 9 and flag.exists():
            yield s.y.set(1)
        value = 0
        yield s.go[i + 1].set(True)

    @process
    def closer(s):
        yield s.go[0].set(True)
        yield until(lambda: s.go[twins])
        flag.touch()
        yield s.x.set(0)

    s = InTurn()
    with pytest.raises(ModelError, match="is not a function of what it read"):
        check(System(s, [crooked(s, i) for i in range(twins)] + [closer(s)]))
