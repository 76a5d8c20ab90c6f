"""A violation that was found is kept, and is a shortest one or says that it may not be.

Whatever comes later in its level: an error of the model, a budget, Ctrl-C; in each explorer, and
where one hands over to the other.
"""

from __future__ import annotations

import _thread
import threading
import time

import pytest

from modelcheck import (
    Kind,
    ModelError,
    System,
    always,
    atomic,
    check,
    choose,
    process,
    replay,
    simulate,
    sometimes,
    state,
    until,
)
from modelcheck.explore import auto, budget, native

ENGINES = ["reference", "native", "hand-over"]


@state
class Shared:
    x: int = 0
    y: int = 0


@always
def x_is_0(s):
    return s.x == 0


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    """The name of an engine; for the hand-over, from the first level on."""
    if request.param != "hand-over":
        return request.param
    monkeypatch.setattr(auto, "LOADING_S", -1.0)
    monkeypatch.setattr(auto, "LEARNING", 0)
    monkeypatch.setattr(native, "compiled", lambda kernel: True)
    return "auto"


def breaks_a_rule(s):
    """A bare value in place of a step, once `y` is 1."""
    yield s.y.set(1)
    yield 7


@process
def bad(s):
    yield s.x.set(1)


@process
def wrong(s):
    yield from breaks_a_rule(s)


@process
def wrong_when_it_steps(s):
    """The step itself is wrong: its function writes a location of nobody's."""
    yield s.y.set(1)
    yield atomic(lambda: Shared().x == 1)


def test_an_error_later_in_the_level_loses_nothing(engine):
    """The first process violates the invariant; the second one's first step is no model."""
    s = Shared()
    result = check(System(s, [bad(s), wrong(s)], [x_is_0]), engine=engine)
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 1)


def test_an_error_earlier_in_the_level_is_the_error(engine):
    """Nothing was found before it: the model breaks a rule, and the rest means nothing."""
    s = Shared()
    with pytest.raises(ModelError, match="which is no step"):
        check(System(s, [wrong(s), bad(s)], [x_is_0]), engine=engine)


def test_an_error_in_the_last_state_of_the_trace_loses_nothing(engine):
    """Where the others stand is told there: who breaks a rule in stepping is told as ready."""
    s = Shared()

    @process
    def both(s):
        yield atomic(lambda: (setattr(s, "x", 1), setattr(s, "y", 1)))

    @process
    def fails_to_look(s):
        yield until(lambda: s.y == 1 and Shared().x == 0)

    result = check(System(s, [both(s), fails_to_look(s)], [x_is_0]), engine=engine)
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 1)
    assert result.trace.final[-1].status == "ready"
    assert len(replay(System(s, [both(s), fails_to_look(s)], [x_is_0]), result.token)) == 1


def test_a_property_that_errs_on_the_trace_loses_nothing(engine):
    """The violated one comes first; what the other one does in that state is not asked."""

    @always
    def asks_for_nothing_there_is(s):
        return s.x == 0 or s.nothing == 1

    def system():
        s = Shared()
        return System(s, [bad(s)], [x_is_0, asks_for_nothing_there_is])

    result = check(system(), engine=engine)
    assert (result.violation.property, len(result.trace)) == ("x_is_0", 1)
    assert len(replay(system(), result.token)) == 1


def test_a_walk_keeps_what_it_found_too():
    """A violated state in which another process's step is no model."""
    s = Shared()

    @process
    def fails_to_look(s):
        yield until(lambda: s.x == 1 and Shared().x == 0)

    result = simulate(System(s, [bad(s), fails_to_look(s)], [x_is_0]))
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 1)


@process
def one_of_three(s):
    """At distance 1: a violation one step on, many states one step on, and a deadlock."""
    v = yield choose(0, 1, 2)
    if v == 0:
        yield s.x.set(1)
    elif v == 1:
        yield s.y.set((yield choose(range(50))))
    else:
        yield until(lambda: s.x == 99)


@pytest.mark.parametrize("states", range(5, 60))
def test_a_budget_of_states_leaves_a_shortest_violation(states, engine):
    """It bites after the invariant at distance 2 was found, before the deadlock at 1 was."""
    s = Shared()
    result = check(System(s, [one_of_three(s)], [x_is_0]), max_states=states, engine=engine)
    assert (result.violation.kind, len(result.trace)) == (Kind.DEADLOCK, 1)
    assert result.trace_is_shortest
    assert result.to_dict()["trace_is_shortest"]


def test_a_budget_of_time_says_that_a_shorter_one_may_exist(monkeypatch):
    """The clock says stop after the invariant was found; the rest of the level was not seen."""
    looks = []

    def exceeded(self):
        looks.append(1)
        return "time is up" if len(looks) > 3 else ""

    monkeypatch.setattr(budget.Meter, "exceeded_time", exceeded)
    monkeypatch.setattr("modelcheck.explore.reference.STRIDE", 1)
    monkeypatch.setattr("modelcheck.watchdog.TICK_S", 1000.0)
    s = Shared()
    result = check(System(s, [one_of_three(s)], [x_is_0]), engine="reference")
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 2)
    assert not result.trace_is_shortest
    assert "one step shorter may exist" in str(result)


class Hangs:
    """A condition that does not return; Ctrl-C is pressed in a while, the first time."""

    def __init__(self, pressed):
        self.pressed = pressed

    def __modelcheck_key__(self):
        return "hangs"  # whether Ctrl-C was pressed is no part of the model

    def __call__(self):
        if self.pressed:
            threading.Timer(self.pressed.pop(), _thread.interrupt_main).start()
        while True:
            time.sleep(0.01)


LINE = Hangs.__call__.__code__.co_firstlineno + 4


def hanging(*pressed, properties):
    """A system with a process that hangs once `x` is set."""
    hangs = Hangs(list(pressed))

    @process
    def slow(s):
        yield until(lambda: s.x == 1 and hangs())

    s = Shared()
    return System(s, [bad(s), slow(s)], properties)


@pytest.mark.parametrize("pressed", [(), (0.3,)])
def test_a_step_that_hangs_at_the_end_of_a_trace_loses_nothing(pressed, engine, monkeypatch):
    """Whether a process can step there is given up after a while, and at Ctrl-C."""
    monkeypatch.setattr("modelcheck.watchdog.PATIENCE_S", 1000.0 if pressed else 0.3)
    result = check(hanging(*pressed, properties=[x_is_0]), engine=engine)
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 1)
    assert result.trace.final[-1].status == "ready"


@sometimes
def x_is_1(s):
    return s.x == 1


@pytest.mark.parametrize("how", ["Ctrl-C", "time"])
def test_code_that_never_returns_is_ended_and_named(how, engine, monkeypatch):
    """By Ctrl-C or a budget of time: how far it came, the witness found before, and the line."""
    monkeypatch.setattr("modelcheck.watchdog.PATIENCE_S", 0.3)
    pressed, options = ((0.5,), {}) if how == "Ctrl-C" else ((), {"timeout_s": 1.0})
    result = check(hanging(*pressed, properties=[x_is_1]), engine=engine, **options)
    assert result.verdict == "incomplete"
    why = "interrupted" if how == "Ctrl-C" else "the budget of 1 seconds was used up"
    assert result.reason.startswith(why)
    if how == "Ctrl-C":  # time may have been used up before it came there
        assert result.states == 2
        assert f"{__file__}:{LINE} had run for" in result.reason
        assert result.witnesses["x_is_1"] is not None


def test_a_process_between_two_yields_is_ended_too():
    """An endless loop without a `yield`, whatever it catches of `Exception`."""

    @process
    def spins(s):
        yield s.x
        while True:
            try:
                sum(range(100))
            except Exception:
                raise

    s = Shared()
    result = check(System(s, [spins(s)]), timeout_s=0.5)
    assert (result.verdict, result.states) == ("incomplete", 1)
    assert "test_kept.py" in result.reason


def test_other_threads_look_between_two_steps():
    """No signal reaches them: a long series of steps ends, where each of them does."""
    found = []

    @process
    def counts(s):
        for n in range(100_000):
            yield s.x.set(n % 7)

    def run():
        s = Shared()
        found.append(check(System(s, [counts(s)]), timeout_s=0.3, engine="reference"))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert found[0].verdict == "incomplete"
    assert found[0].seconds < 10


def test_the_standard_librarys_named_tuples_are_no_code_of_the_users():
    """`dis` makes them while we read bytecode; their code is named like some of a user's."""
    from collections import namedtuple

    from modelcheck.watchdog import _is_pythons

    class Frame:
        f_globals = namedtuple("Point", "x y").__new__.__globals__

    assert _is_pythons(Frame, "<string>")
    Frame.f_globals = {"__name__": "mine"}
    assert not _is_pythons(Frame, "<string>")
