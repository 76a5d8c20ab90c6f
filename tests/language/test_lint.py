"""Mistakes that only the source shows: silent ones, found before they can mislead."""

from __future__ import annotations

import enum

import pytest
from language.small import marked, run

from modelcheck import ModelError, cells, label, process, spawn, state, until


class Mode(enum.Enum):
    """Two of them."""

    OFF = 0
    ON = 1


@state
class Lock:
    owner: object = None

    def wait(self):
        if self.owner is None:  # method
            yield self.owner

    @process
    def task(self):
        yield self.owner


@state
class Shared:
    x: int = 0
    mode: Mode = Mode.OFF
    a = cells(2, None)
    lock = Lock()


SHARED = Shared()
MISTAKES = []


def mistake(*words):
    """Collect a process whose line marked `here` is wrong."""

    def collect(function):
        MISTAKES.append(pytest.param(function, words, id=function.__name__))
        return function

    return collect


def never_steps(s):
    if s.mode is Mode.ON:
        yield s.x


def takes_a_part(lock):
    if lock.owner is None:
        yield lock.owner


@mistake("`s.x` alone on a line does nothing", "v = yield s.x")
def bare_name(s):
    yield s.x
    s.x  # noqa: B018  # here


@mistake("`s.a[0]` alone on a line", "v = yield s.a[0]")
def bare_cell(s):
    s.a[0]  # here
    yield s.x


@mistake("`never_steps(s)` makes a generator and drops it", "yield from never_steps(s)")
def drops_a_generator(s):
    yield s.x
    never_steps(s)  # here


@mistake("`s.lock.wait()` makes a generator and drops it", "yield from s.lock.wait()")
def drops_a_method(s):
    s.lock.wait()  # here
    yield s.x


@mistake("`s.lock.task()` starts nothing", "yield spawn(s.lock.task())")
def drops_a_process(s):
    yield s.x
    s.lock.task()  # here


@mistake("`label('critical')` alone on a line", "yield label('critical')", "with label")
def drops_a_label(s):
    label("critical")  # here
    yield s.x


@mistake("s.mode is compared with `is` in `s.mode is Mode.ON`", "v = yield s.mode")
def before_any_step(s):
    if s.mode is Mode.ON:  # here
        yield s.x


@mistake("compared with `is` in `None is not s.a[1]`", "v = yield s.a[1]")
def the_other_way_round(s):
    yield s.x
    while None is not s.a[1]:  # here
        yield s.x


@mistake("here is compared with `is`", "v = yield here")
def an_alias(s):
    yield s.x
    here = s.mode
    if here is Mode.OFF:  # here
        yield s.x


@mistake("lock.owner is compared with `is`", "v = yield lock.owner")
def an_alias_of_a_part(s):
    yield s.x
    one = s.lock
    lock = one
    if lock.owner is None:  # here
        yield s.x


@mistake("s.mode is matched", "v = yield s.mode")
def a_match(s):
    yield s.x
    match s.mode:  # here
        case Mode.OFF:
            yield s.x


@mistake("s.x is given to isinstance()", "v = yield s.x")
def a_type_test(s):
    yield s.x
    if isinstance(s.x, int):  # here
        yield s.x


@mistake("SHARED.mode is compared with `is`", "v = yield SHARED.mode")
def a_global(s):
    yield s.x
    if SHARED.mode is Mode.OFF:  # here
        yield s.x


@pytest.mark.parametrize(("function", "words"), MISTAKES)
def test_a_silent_mistake_is_found_in_the_source(function, words):
    """The error names file and line, what the text means, and what to write."""
    with pytest.raises(ModelError) as caught:
        run(Shared(), function)
    error = caught.value
    assert [w for w in words if w not in str(error)] == [], str(error)
    assert (error.file, error.line) == (__file__, marked(function))


def test_a_parameter_that_is_a_reference_is_one():
    """A leaf handed over as an argument is a reference in the process's code."""

    @process
    def p(s, mode):
        yield s.x
        if mode is Mode.OFF:
            yield s.x

    s = Shared()
    with pytest.raises(ModelError, match="mode is compared with `is`"):
        run(s, p(s, s.mode))


def calls_a_function(s):
    yield from never_steps(s)


def calls_with_a_part(s):
    yield s.x
    yield from takes_a_part(lock=s.lock)


def calls_a_method(s):
    yield from s.lock.wait()


@pytest.mark.parametrize(
    ("caller", "called"),
    [
        (calls_a_function, never_steps),
        (calls_with_a_part, takes_a_part),
        (calls_a_method, Lock.wait),
    ],
)
def test_a_subroutine_that_takes_no_step_is_looked_at_too(caller, called):
    """It may end at once for the very mistake; also where its arguments are parts."""
    with pytest.raises(ModelError, match="compared with `is`") as caught:
        run(Shared(), caller)
    assert caught.value.line == called.__code__.co_firstlineno + 1


def fine(s):
    """What looks like a mistake and is none."""
    mode = s.mode
    mode = yield mode
    if mode is Mode.OFF and s.lock is not None and s is s:
        yield s.x
    for cell in s.a:
        cell = yield cell
        assert cell is None
    done = None
    while done is None:
        done = yield s.x

    def helper(v):
        return s.mode is v

    "a bare string"
    with label("fine"):
        yield s.x
    try:
        raise KeyError
    except KeyError as mode:
        yield s.a[0].set(mode is not None)
    match done:
        case 0 as found:
            assert found is not None


def test_what_looks_like_a_mistake_and_is_none():
    """Values that were loaded, parts, names assigned otherwise, functions inside."""
    assert run(Shared(), fine).holds


def test_code_without_source_is_not_looked_at():
    """What was typed at a prompt runs all the same."""
    space = {}
    exec("def p(s):\n    yield s.x\n    s.x\n", space)
    assert run(Shared(), space["p"]).holds


def test_a_call_that_cannot_be_is_left_to_python():
    """A subroutine called with wrong arguments says so itself, as an exception of the process."""

    def p(s):
        yield s.x
        yield from never_steps(s, 1)

    assert "TypeError" in run(Shared(), p).violation.message


def helper(lock):
    return lock.owner is None


@state
class Helped:
    owner: object = None
    n: int = 0

    @property
    def free(self):
        return self.owner is None

    def is_free(self):
        return self.owner is None


def asks_a_property(s):
    yield s.n
    while s.free:
        yield s.n


def asks_a_method(s):
    if s.is_free():
        yield s.n


def asks_a_function(s):
    if helper(s):
        yield s.n


def asks_a_closure(s):
    def free():
        return s.owner is None

    yield s.n
    if free():
        yield s.n


@pytest.mark.parametrize(
    "function", [asks_a_property, asks_a_method, asks_a_function, asks_a_closure]
)
def test_helpers_that_process_code_calls_are_looked_at(function):
    """In a guard a helper sees values; called from process code it compares references."""
    with pytest.raises(ModelError, match="owner is compared with `is`") as caught:
        run(Helped(), function)
    assert caught.value.file == __file__

    def fine(s):
        yield until(lambda: s.free and s.is_free() and helper(s))

    assert run(Helped(), fine).holds


def test_spawned_processes_are_looked_at():
    """A child's source as its parent's."""

    def p(s):
        yield spawn(process(before_any_step)(s), detached=True)

    with pytest.raises(ModelError, match="compared with `is`"):
        run(Shared(), p)
