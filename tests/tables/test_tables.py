"""The waist: tables over a learner of integers, with no generator in sight."""

from __future__ import annotations

import pytest

from modelcheck.errors import ModelError
from modelcheck.explore.budget import Budget, Meter
from modelcheck.explore.reference import explore
from modelcheck.tables.slots import Domain, Slot
from modelcheck.tables.tables import Agent, Property, Restart, Tables
from modelcheck.tables.tries import Answer, Outcome, Trie, View
from modelcheck.verdict import Kind

BIG = View("big", lambda value: value >= 2)


class Counter:
    """One agent that counts a shared slot up to 3, and a property over it."""

    def __init__(self):
        self.steps, self.answers, self.wrong = 0, 0, False

    def step(self, agent, recorder):
        self.steps += 1
        value = recorder.read(0)
        if self.wrong:
            raise ModelError("no", "mend it")
        return () if value == 3 else (Outcome(((0, value + 1),)),)

    def property(self, index, recorder):
        self.answers += 1
        if self.wrong and self.answers > 1:
            recorder.read(1)
        return Answer(not recorder.read(0, BIG), "big")

    def place(self, agent, local):
        return "file.py", 10 * agent + local


@pytest.fixture
def tables():
    """The counter's tables: a shared slot, an agent that rests in its only local state."""
    shared, process = Domain("x"), Domain("process p")
    for value in range(4):
        shared.intern(value)
    process.intern("here")
    agent = Agent("p", 1, [Trie()], [True])
    prop = Property("small", "always", "props.py", 4)
    slots = [Slot("x", shared), Slot("p", process, process=True)]
    return Tables(slots, [agent], [prop], (0, 0), Counter())


def test_a_path_is_learned_once(tables):
    """The second question for a path costs no call of the learner."""
    first = tables.leaf(0, (0, 0))
    assert tables.leaf(0, (0, 0)) is first
    assert first.outcomes[0].writes == ((0, 1),)
    assert tables.leaf(0, (3, 0)).outcomes == ()
    assert (tables.learner.steps, tables.learned) == (2, 2)


def test_the_path_and_the_values_of_a_state(tables):
    """`path` tells the slots that a step reads, `value` what an id means."""
    assert tables.path(0, (2, 0)) == [0]
    assert (tables.value(0, (2, 0)), tables.value(1, (2, 0))) == (2, "here")


def test_a_property_is_learned_once_an_observation(tables):
    """Values that look alike through the view share the answer."""
    (prop,) = tables.properties
    answers = [tables.holds(prop, (x, 0)).holds for x in (0, 1, 2, 3, 1, 3)]
    assert answers == [True, True, False, False, True, False]
    assert (tables.learner.answers, tables.learned) == (2, 2)
    assert tables.holds(prop, (3, 0)).message == "big"


def test_a_step_through_a_view_is_learned_once_an_observation(tables):
    """The same for steps: another id of a known observation calls nobody."""

    class Looks(Counter):
        def step(self, agent, recorder):
            self.steps += 1
            return () if recorder.read(0, BIG) else (Outcome(((0, 2),)),)

    tables.learner = Looks()
    leaves = [tables.leaf(0, (x, 0)) for x in (0, 1, 2, 3)]
    assert leaves[0] is leaves[1]
    assert leaves[2] is leaves[3]
    assert tables.learner.steps == 2


def test_an_error_without_a_place_gets_the_steps(tables):
    """The learner says where the pending step stands."""
    tables.learner.wrong = True
    with pytest.raises(ModelError, match="file.py:0: no"):
        tables.leaf(0, (0, 0))


def test_an_error_with_a_place_keeps_it(tables):
    """What the user's line is known for stays."""

    def step(agent, recorder):
        raise ModelError("no", file="mine.py", line=7)

    tables.learner.step = step
    with pytest.raises(ModelError, match="mine.py:7: no"):
        tables.leaf(0, (0, 0))


def test_a_property_that_reads_otherwise_is_told_with_its_place(tables):
    """It read other slots although everything before was the same."""
    (prop,) = tables.properties
    assert tables.holds(prop, (0, 0)).holds
    tables.learner.wrong = True
    with pytest.raises(ModelError, match="props.py:4: a step or property read different"):
        tables.holds(prop, (2, 0))


def test_explorers_need_nothing_else(tables):
    """The reference explorer counts these tables' states and finds the violation."""
    search = explore(tables, Meter(Budget()))
    assert search.found.kind is Kind.INVARIANT
    assert search.found.path == ((0, 0), (0, 0))
    tables.properties.clear()
    search = explore(tables, Meter(Budget()))
    assert (search.found, search.states, search.transitions, search.levels) == (None, 4, 3, [1] * 4)


def test_a_restart_passes_through_handlers_of_exceptions():
    """User code that catches every Exception does not catch it."""
    assert not issubclass(Restart, Exception)
