"""Learned tries: paths, views, and what no function of the state could have done."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcheck.errors import ModelError
from modelcheck.tables.slots import Domain
from modelcheck.tables.tries import Answer, Branch, Leaf, Outcome, Read, Recorder, Trie, View

PARITY = View("parity", lambda value: value % 2)


def domains(slots=3, values=10):
    made = [Domain(f"d{i}") for i in range(slots)]
    for domain in made:
        for value in range(values):
            domain.intern(value)
    return made


def test_a_path_is_found_by_the_slots_that_it_reads():
    """Only the slots on the path matter; a branch never taken is unknown."""
    trie, leaf, other = Trie(), Leaf(()), Leaf((Outcome(()),))
    trie.insert([Read(2, 5), Read(0, 1)], leaf)
    trie.insert([Read(2, 5), Read(0, 2)], other)
    assert trie.find((1, 99, 5)) is leaf
    assert trie.find((2, 0, 5)) is other
    assert trie.find((3, 0, 5)) is None
    assert trie.find((1, 0, 6)) is None


def test_another_value_may_lead_to_other_reads():
    """What is read next depends on what was read."""
    trie, long, short = Trie(), Answer(True), Answer(False, "why")
    trie.insert([Read(0, 0), Read(1, 1)], long)
    trie.insert([Read(0, 1)], short)
    assert (trie.find((0, 1)), trie.find((1, 7)), trie.find((0, 2))) == (long, short, None)
    assert (short.slot, short.message, long.slot) == (-1, "why", -1)


def test_an_empty_path_is_a_leaf_at_once():
    """A step that reads nothing does the same in every state."""
    trie, leaf = Trie(), Leaf(())
    trie.insert([], leaf)
    assert trie.find(()) is leaf
    assert trie.find((4, 5)) is leaf


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([Read(0, 0), Read(1, 0)], [Read(0, 0), Read(2, 0)]),
        ([Read(0, 0), Read(1, 0)], [Read(0, 0)]),
        ([Read(0, 0)], [Read(0, 0), Read(1, 0)]),
        ([Read(0, 0)], [Read(1, 0)]),
        ([Read(0, 0)], []),
        ([], [Read(0, 0)]),
        ([Read(0, 0)], [Read(0, 0, PARITY, 0)]),
        ([Read(0, 0, PARITY, 0)], [Read(0, 2)]),
    ],
)
def test_two_paths_that_agree_on_values_must_agree_on_reads(first, second):
    """Otherwise the step depends on something that is not in the state: no path is lost for it."""
    trie, leaf = Trie(), Leaf(())
    trie.insert(first, leaf)
    with pytest.raises(ModelError, match="read different locations"):
        trie.insert(second, Leaf(()))
    assert trie.find((0, 0, 0)) is leaf


def test_values_with_one_observation_share_a_subtree():
    """Through a view, other ids of the same observation lead to the same child."""
    trie, leaf = Trie(), Leaf(())
    trie.insert([Read(0, 0, PARITY, 0), Read(1, 3)], leaf)
    trie.insert([Read(0, 2, PARITY, 0), Read(1, 4)], Leaf(()))
    root = trie.root
    assert isinstance(root, Branch)
    assert root.children[0] is root.children[2] is root.seen[0]
    assert trie.find((2, 3)) is leaf


def test_views_are_the_same_by_their_keys():
    """Two views with one key are one, whatever function they hold."""
    assert View("k", len) == View("k", abs)
    assert View("k", len) != View("m", len)


def test_a_recorder_notes_each_read_once():
    """The second read of a slot is not on the path, nor is a view of a slot that was read whole."""
    recorder = Recorder(domains(), (4, 5, 6))
    assert [recorder.read(1), recorder.read(0), recorder.read(1)] == [5, 4, 5]
    assert recorder.read(1, PARITY) == 1
    assert recorder.read(2, PARITY) == 0
    assert recorder.read(2, PARITY) == 0
    assert recorder.read(2) == 6
    assert recorder.peek(0) == 4
    assert recorder.path == [Read(1, 5), Read(0, 4), Read(2, 6, PARITY, 0), Read(2, 6)]
    again = recorder.anew()
    assert again.path == []
    assert again.read(2) == 6


@given(st.integers(0, 10**6), st.booleans())
def test_a_trie_remembers_any_function_of_the_state(seed, views):
    """Whatever reads a random decision program makes, the trie answers as the program does."""
    chance = random.Random(seed)
    size, values = 4, 3
    made = domains(size, values)
    choices = {}

    def decide(history):
        """Return the next (slot, view) to read, or None: a function of the history."""
        if history not in choices:
            stop = len(history) == 3 or chance.random() < 0.3
            view = PARITY if views and chance.random() < 0.5 else None
            choices[history] = None if stop else (chance.randrange(size), view)
        return choices[history]

    def program(recorder):
        history = ()
        while (next_one := decide(history)) is not None:
            history += (recorder.read(*next_one),)
        return history

    trie = Trie()
    for _ in range(60):
        state = tuple(chance.randrange(values) for _ in range(size))
        recorder = Recorder(made, state)
        answer = program(recorder)
        found = trie.find(state)
        if found is None:
            trie.insert(recorder.path, Answer(True, repr(answer)))
        else:
            assert found.message == repr(answer)
