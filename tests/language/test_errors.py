"""Each mistake in process code has its own clear error: chance, values, references."""

from __future__ import annotations

import random
import threading
import time

import pytest
from language.mistakes import Color, Shared, assert_told, collector
from language.small import run

from modelcheck import ModelError, atomic, choose, until

LOG: list = []
MISTAKES: list = []
mistake = collector(MISTAKES)


# Uncontrolled nondeterminism.


@mistake("random_value is not a function of what it read", "Put that into the state")
def random_value(s):
    yield s.x.set(random.random())  # here


@mistake("clock is not a function of what it read", "a clock")
def clock(s):
    now = time.perf_counter_ns()
    yield s.x  # here
    yield s.x.set(now)


@mistake("is not a function of what it read", "first at `x`", "choose()")
def global_list(s):
    yield s.x
    LOG.append(1)
    if len(LOG) % 3 == 0:
        yield s.y
    yield s.x  # here


@mistake("ended in two different ways", "with result 0", "choose()")
def ends_by_chance(s):
    yield s.x  # here
    LOG.append(1)
    if len(LOG) % 2:
        raise ValueError


@mistake("`f` of random_atomic did two different things", "choose()")
def random_atomic(s):
    def f():
        return random.random()

    yield atomic(f)  # here


@mistake("did two different things", "global")
def random_guard(s):
    yield until(lambda: LOG.append(1) or len(LOG) % 2)  # here


@mistake("`g` changed a local variable of changes_a_local", "let it return the value")
def changes_a_local(s):
    mine = []

    def g():
        mine.append(s.x)

    yield atomic(g)  # here
    yield s.x.set(len(mine))


# Values that cannot be.


@mistake("x.set(...) was given [1], a list", "it can change", "immutable values")
def stores_a_list(s):
    yield s.x.set([1])  # here


@mistake("x.swap(...) was given {}", "immutable values")
def swaps_a_dict(s):
    yield s.x.swap({})  # here


@mistake("x was given [], a list", "immutable values")
def assigns_a_list(s):
    def f():
        s.x = []  # here

    yield atomic(f)


@mistake("nested too deeply", "one small value")
def nested_too_deeply(s):
    value = ()
    for _ in range(100_000):
        value = (value,)
    yield s.x.set(value)  # here


@mistake("the variable 'held'", "cannot be part of a state", "plain values")
def holds_what_shows_no_state(s):
    held = threading.Lock()
    yield s.x  # here
    held.release()


@mistake("the result of `f`", "cannot be copied", "plain values")
def results_in_a_lock(s):
    def f():
        return threading.Lock()

    yield atomic(f)  # here


@mistake("choose(...) was given [1], a list", "immutable values")
def chooses_a_list(s):
    yield choose([1], 2)  # here


@mistake("'n' alone took", "the last", "Bound it")
def counts_for_ever(s):
    n = 0
    while True:
        n += 1
        yield s.a[n % 2].set(1)  # here


@mistake("x has taken 300 different values", "Bound it")
def grows_for_ever(s):
    while True:
        yield s.x.add(1)  # here


# References used as values.


@mistake("`==` was applied to x", "v = yield x")
def compares(s):
    yield s.y
    if s.x == 0:  # here
        yield s.y


@mistake("`+` was applied to x", "v = yield x")
def computes(s):
    yield s.y.set(1 + s.x)  # here


@mistake("a test for truth was applied to x", "v = yield x")
def asks_for_truth(s):
    while s.x:  # here
        yield s.y


@mistake("a loop was applied to x", "v = yield x")
def loops(s):
    for _ in s.x:  # here
        yield s.y


@mistake("indexing was applied to x", "v = yield x")
def indexes(s):
    yield s.a[s.x]  # here


@mistake("`[...]` was applied to x", "v = yield x")
def subscripts(s):
    yield s.y.set(s.x[0])  # here


@mistake("`.items` was asked of x", "use v.items")
def asks_for_an_attribute(s):
    yield s.y.set(s.x.items())  # here


@mistake("`.send` was asked of x", "x is no channel", "`cells(n, Channel(1))`")
def sends_to_a_plain_location(s):
    yield s.x.send(1)  # here


@mistake("`.join` was asked of the step `x.swap(1)`", "v = yield ...", "child.join()")
def asks_a_step_for_an_attribute(s):
    yield s.x.swap(1).join()  # here


@mistake("y.set(...) was given the step `x.add(1)`, not a value", "v = yield x.add(1)")
def stores_a_step(s):
    yield s.y.set(s.x.add(1))  # here


@mistake(".value was applied to color", "v = yield color")
def asks_for_the_value(s):
    yield s.y.set(s.color.value)  # here


@mistake("y.set(...) was given the reference a[0]", "v = yield a[0]")
def stores_a_reference(s):
    yield s.y.set(s.a[0])  # here


@mistake("y.set(...) was given (a[0], 1), which holds references", "atomic(f)")
def stores_a_reference_in_a_tuple(s):
    yield s.y.set((s.a[0], 1))  # here


@mistake("x was assigned to in process code", ".set(1)", "atomic(f)")
def assigns(s):
    yield s.y
    s.x = 1  # here


@mistake("a[1] was assigned to", "a[1].set(2)")
def assigns_a_cell(s):
    s.a[1] = 2  # here
    yield s.y


@mistake("`==` was applied to a, which is a part", "atomic")
def compares_an_array(s):
    yield s.x
    if s.a == [0, 0]:  # here
        yield s.x


@mistake("`==` was applied to ch, which is a part", "atomic")
def compares_a_channel(s):
    yield s.x
    if s.ch == []:  # here
        yield s.x


@mistake("messages was applied to ch", "v = yield")
def looks_into_a_channel(s):
    if len(s.ch) == 0:  # here
        yield s.x


@mistake("`==` was applied to x", "v = yield x")
def swallows_the_error(s):
    try:
        yield s.x.set(1 if s.x == 0 else 2)  # here
    except Exception:
        yield s.y


@mistake("Shared has no field 'cuont'", "Its fields are x, y, color")
def misspells(s):
    yield s.x
    yield s.cuont.set(1)  # here


@mistake("`.value` is asked of x, and x is also used without it", "leave out `.value`")
def a_name_as_value_and_as_reference(s):
    x = s.x
    yield until(lambda: x is not None and x.value == 0)  # here


@mistake("x is held by a list", "`.value`", "leave out `.value`")
def a_list_of_values_and_of_references(s):
    mine = [s.x, s.y]
    yield until(lambda: mine[0] is not None and mine[1].value == 0)  # here


@mistake("color is captured, and `.value` is asked of a parameter", "leave out `.value`")
def the_value_of_which(s):
    def helper(c):
        return c.value is Color.RED

    color = s.color
    yield until(lambda: helper(color))  # here


@mistake("can reach the reference x in a tuple_iterator", "Keep references in variables")
def a_reference_in_an_iterator(s):
    walk = iter((s.x, s.y))
    yield until(lambda: next(walk) is not None)  # here


@mistake("x is assigned to where a collection or object holds it", "leave out `.value`")
def a_store_beside_values_asked_of_a_list(s):
    mine = [s.x, s.y]

    def f():
        s.x = mine[0].value + 1  # here

    yield atomic(f)


@pytest.mark.parametrize(("function", "words"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_a_remedy(function, words):
    """The error names file and line of the user's code, the cause, and what to write instead."""
    LOG.clear()
    assert_told(function, words)


def test_each_mistake_is_found_again_at_a_second_check():
    """Nothing is looked at only once in a process's life."""

    def bare(s):
        yield s.x
        s.x  # noqa: B018  the mistake that is looked for

    for _ in range(3):
        with pytest.raises(ModelError, match="alone on a line"):
            run(Shared(), bare)
