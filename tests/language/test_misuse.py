"""Steps misused: forgotten, used as values, yielded wrongly, given what they cannot use."""

from __future__ import annotations

from functools import partial

import pytest
from language.mistakes import Shared, assert_told, collector
from language.small import run

from modelcheck import ModelError, atomic, choose, either, label, process, spawn, until

ELSEWHERE = Shared()
MISTAKES: list = []
mistake = collector(MISTAKES)


def sub(s):
    yield s.x.add(1)


# Forgetting `yield`, and yielding what is no step.


@mistake("the step `x.add(1)` was made but never yielded", "write `yield` before it")
def forgets_yield(s):
    yield s.x
    s.x.add(1)  # here
    yield s.x


@mistake("the step `x.add(1)` was made but never yielded", "write `yield` before it")
def forgets_yield_and_keeps_the_step(s):
    kept = s.x.add(1)  # here
    for _ in range(4):
        yield s.x
    kept = 3
    yield s.x.set(kept)


@mistake("the step `x.add(1)` was made but never yielded", "write `yield` before it")
def forgets_yield_and_waits_for_ever(s):
    kept = s.x.add(1)  # noqa: F841  the mistake itself  # here
    yield until(lambda: s.x == 1)


@mistake("the step `x.add(1)` was made but never yielded", "write `yield` before it")
def forgets_yield_before_a_loop(s):
    kept = s.x.add(1)  # noqa: F841  the mistake itself  # here
    while True:
        yield s.x


@mistake("`==` was applied to the step `x.add(1)`", "put `yield` before it")
def compares_a_step(s):
    old = s.x.add(1)
    if old == 0:  # here
        yield s.x


@mistake("`+` was applied to the step `x.add(1)`", "put `yield` before it")
def computes_with_a_step(s):
    yield s.y.set(1 + s.x.add(1))  # here


@mistake("a test for truth was applied to the step", "put `yield` before it")
def asks_a_step_for_truth(s):
    while not s.x.cas(0, 1):  # here
        yield s.x


@mistake("a loop was applied to the step `x.add(1)`", "`yield from` is for subroutines")
def yields_from_a_step(s):
    yield from s.x.add(1)  # here


@mistake("`.set` was asked of 0: inside a step names are plain values", "Assign (`s.x = 1`")
def makes_a_step_in_a_condition(s):
    yield until(lambda: s.x.set(1))  # here


@mistake("`.set` was asked of 0: inside a step names are plain values", "Assign (`s.x = 1`")
def makes_a_step_in_atomic(s):
    ref = s.x

    def f():
        ref.set(5)  # here

    yield atomic(f)


@mistake("yielded the same step object twice: `x.add(1)`", "Build it where you yield it")
def yields_a_step_twice(s):
    step = s.x.add(1)
    yield step
    yield step  # here


@mistake("yielded 5, which is no step", "Yield a step")
def yields_a_number(s):
    yield 5  # here


@mistake("yielded None", "A bare `yield` names no step")
def yields_nothing(s):
    yield s.x
    yield  # here


@mistake("which is no step", "yield from sub(...)")
def yields_a_generator(s):
    yield sub(s)  # here


@mistake("which is no step", "yield spawn(...)")
def yields_a_process(s):
    yield process(sub)(s)  # here


@mistake("yielded lock, which is no step", "a step names one location of it")
def yields_a_part(s):
    yield s.lock  # here


@mistake("yielded a, which is no step", "a step names one location of it")
def yields_an_array(s):
    yield s.a  # here


@mistake("which is no step", "It is a function: `yield until(lambda: s.x == 0)` waits")
def yields_a_function(s):
    yield lambda: s.x == 0  # here


class Shy:
    """Its text cannot be had."""

    def __repr__(self):
        raise ValueError


@mistake("yielded <Shy without a repr: ValueError>", "Yield a step")
def yields_what_has_no_text(s):
    yield Shy()  # here


# Steps given what they cannot use.


@mistake("until(...) was given False, which is not a function", "until(lambda: x == 0)")
def waits_for_a_value(s):
    yield until(False)  # here


@mistake("until(...) was given x, which is not a function", "until(lambda: x == 0)")
def waits_for_a_reference(s):
    yield until(s.x)  # here


@mistake("a function of 1 argument; it is called with 0", "until(lambda: x == 0)")
def waits_for_a_function_of_a_value(s):
    yield until(lambda v: v == 0)  # here


@mistake("a generator function: calling it runs none of its code", "plain function")
def runs_a_generator(s):
    yield atomic(sub)  # here


@mistake("atomic(when=...) was given 3", "when=lambda")
def waits_for_a_number(s):
    yield atomic(lambda: 1, when=3)  # here


@mistake("x.update(...) was given 5, which is not a function", "x.update(lambda v: v + 1)")
def updates_with_a_number(s):
    yield s.x.update(5)  # here


@mistake("a function of 0 arguments; it is called with 1", "x.update(")
def updates_with_nothing(s):
    yield s.x.update(lambda: 1)  # here


@mistake("choose() was given nothing to choose from", "use until(...) to wait")
def chooses_nothing(s):
    yield choose([])  # here


@mistake("either() was given no step", "Give it the steps")
def takes_neither(s):
    yield either()  # here


@mistake("either(...) was given 3, which is no step", "Give it steps")
def takes_a_number(s):
    yield either(s.x, 3)  # here


@mistake("x was assigned to inside a condition", "atomic(f)")
def assigns_in_a_guard(s):
    yield until(lambda: setattr(s, "x", 1))  # here


@mistake("lock is a Lock, a part of the state that stays", "one by one")
def assigns_a_part(s):
    yield atomic(lambda: setattr(s, "lock", None))  # here


@mistake("Shared.x is not part of the model's state", "the @state object that it belongs to")
def reads_another_state(s):
    yield s.x
    yield ELSEWHERE.x  # here


@mistake("cannot be called so", "the arguments")
def spawns_with_too_few_arguments(s):
    yield spawn(process(sub)())  # here


@mistake("a process cannot be named 'a b'", "identifier")
def names_badly(s):
    yield spawn(process(sub)(s).named("a b"))  # here


@mistake("that is not a CPU", "modelcheck.kernel.Cpu")
def runs_on_a_number(s):
    yield spawn(process(sub)(s).on(3))  # here


@mistake("a channel is not part of the model's state", "the @state object that it belongs to")
def receives_from_another_state(s):
    yield s.x
    yield Shared().ch.recv()  # here


@mistake("within it, of shared, it is not part of the model's state")
def waits_for_another_state(s):
    other = Shared()
    yield until(lambda: other.x == 0)  # here


@mistake("`format` was applied to x", "`v = yield x`", "its `.name`")
def formats(s):
    yield label(f"at {s.x}")  # here


@mistake("`str` was applied to x", "its `.name`")
def makes_text(s):
    yield s.y.set(str(s.x))  # here


@mistake("`str` was applied to x", "its `.name`")
def makes_text_the_old_way(s):
    yield s.y.set("%s" % s.x)  # noqa: UP031  # here


@mistake("`repr` was applied to x", "its `.name`")
def makes_text_of_a_list(s):
    yield s.y.set(str([s.x]))  # here


@mistake("says `yield from` of a collection (a list_iterator)", "one by one")
def yields_from_a_list(s):
    yield from [s.x, s.y]  # here


@mistake("says `yield from` of a collection (a map)", "one by one")
def yields_from_an_array(s):
    yield from s.a  # here


@mistake("`del` was applied to shared.x", "yield x.set(None)")
def deletes(s):
    yield s.x
    del s.x  # here


@mistake("`del` was applied to a[0]", "s.x = None")
def deletes_a_cell_in_atomic(s):
    def f():
        del s.a[0]  # here

    yield atomic(f)


@mistake("`.sub` was asked of x", "load it first", "`set`, `add`, `swap`, `cas` and `update`")
def asks_for_a_step_that_is_not_there(s):
    yield s.x.sub(1)  # here


def test_the_name_of_a_location_may_be_asked_for():
    """A label may say which location it is about."""

    def p(s):
        yield label(f"at {s.x.name}, {s.a}, {s.ch}")

    assert run(Shared(), p).holds


@pytest.mark.parametrize(("function", "words"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_a_remedy(function, words):
    """The error names file and line of the user's code, the cause, and what to write instead."""
    assert_told(function, words)


def test_the_same_words_for_partials_and_labels():
    """A partial is called as any function; a label cannot be a condition."""
    assert run(Shared(), lambda s: (yield until(partial(bool, 1)))).holds
    with pytest.raises(ModelError, match="which is not a function"):
        until(label("x"))


def test_a_step_that_is_yielded_later_is_not_forgotten():
    """Whoever can still reach it may: by its name, by a closure, by the collection it is in."""

    def keeps(s):
        by_name, captured = s.x.set(1), s.x.set(2)
        several = [s.x.set(3), s.x.set(4)]

        def get():
            return captured

        for index, _ in enumerate(several):
            yield s.y
            yield several[index]
        yield by_name
        yield get()
        yield from takes(s, s.x.set(5))

    def takes(s, step):
        yield s.y
        yield step

    assert run(Shared(), keeps).holds
