"""Turns: reads, writes and choices of one step, in one state."""

from __future__ import annotations

import pytest
from language.small import run

from modelcheck import (
    Channel,
    ModelError,
    System,
    atomic,
    cells,
    either,
    process,
    spawn,
    state,
)
from modelcheck.language.learner import Learner, Shape
from modelcheck.language.turn import Blocked, Turn
from modelcheck.memory.sc import SequentialConsistency
from modelcheck.tables.tries import Recorder, View


@state
class Shared:
    x: int = 0
    y: int = 5
    a = cells(2, 0)
    meet = Channel(0)


@process
def idle(s):
    yield s.x


@pytest.fixture
def turn():
    """A turn of an idle process in the initial state, with its system."""
    s = Shared()
    learner = Learner(System(s, [idle(s)]), SequentialConsistency(), Shape(), 100)
    tables = learner.tables()
    made = Turn(learner, 0, Recorder(tables.domains, tables.initial), ())
    made.s = s
    return made


def test_a_turn_sees_its_own_writes(turn):
    """A load after a store gives what was stored, and is no read of the state."""
    assert turn.load(turn.s.y) == 5
    turn.store(turn.s.y, 6)
    turn.store(turn.s.x, 1)
    assert (turn.load(turn.s.y), turn.load(turn.s.x)) == (6, 1)
    assert turn.read_slot(turn.s.y.slot, View("even", lambda v: v % 2 == 0)) is True
    assert len(turn.writes) == 2
    assert [read.slot for read in turn._recorder.path] == [turn.s.y.slot]


def test_a_reference_of_another_system_is_refused(turn):
    """Only locations of the model's own state can be read or written."""
    for use in (turn.load, lambda ref: turn.store(ref, 1)):
        with pytest.raises(ModelError, match="not part of the model's state"):
            use(Shared().x)


def test_blocking_is_no_exception_of_the_users():
    """It passes through `except Exception`."""
    assert not issubclass(Blocked, Exception)


def test_choices_leave_the_others_open(turn):
    """The first way takes each first option and tells of the others; a script repeats one."""
    assert [turn.choose("abc"), turn.choose("de")] == ["a", "d"]
    assert turn.open == [(1,), (2,), (0, 1)]
    again = Turn(turn.learner, 0, turn._recorder, (2,))
    assert [again.choose("abc"), again.choose("de")] == ["c", "d"]
    assert again.open == [(2, 1)]


def test_a_name_that_has_no_value_yet_is_left_alone(turn):
    """A function may capture a variable that is assigned later."""

    def late():
        return value is None

    with pytest.raises(NameError):
        turn.test(late)
    value = None
    assert turn.test(late) == (True, True)


def test_functions_that_name_each_other_are_looked_at_once():
    """Recursion among helpers of a guard is no trouble."""

    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    def p(s):
        yield atomic(lambda: even(4) and s.x == 0)
        yield atomic(lambda: unheard_of if s.x else None)  # noqa: F821  never reached

    assert run(Shared(), p).holds


def test_failing_receivers_and_children_fail_the_step():
    """What a moved process raises is a failure of the step that moved it, with its own line."""

    def sends(s):
        yield either(s.meet.send(1), s.x)

    def receives(s):
        got = yield s.meet.recv()
        assert got != 1

    @process
    def child(s):
        assert (yield s.x) == 1

    def parent(s):
        yield spawn(child(s))

    result = run(Shared(), sends, receives)
    assert result.violation.line == receives.__code__.co_firstlineno + 2
    assert [t.process for t in result.trace.steps] == ["sends"]
    assert len(run(Shared(), parent).trace) == 2


def test_a_guard_that_chooses_by_chance_is_told():
    """A process's own guard is evaluated twice as well."""
    calls = []

    def sometimes_true():
        calls.append(1)
        return len(calls) % 2

    s = Shared()
    with pytest.raises(ModelError, match="two different things"):
        run(s, idle(s).waiting_for(sometimes_true))
