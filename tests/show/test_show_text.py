"""Values as short, safe and deterministic text, and the differences between two of them."""

from __future__ import annotations

from enum import Flag, StrEnum
from typing import NamedTuple

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from modelcheck.show.text import clean, columns, nested_changes, same, show_value
from modelcheck.show.trace import ABSENT, Change
from modelcheck.show.words import shown_changes

from .samples import HOSTILE, Pmd, Vma
from .strategies import texts, values


class Perms(Flag):
    READ = 1
    WRITE = 2


class Color(StrEnum):
    RED = "red\n"


class Point(NamedTuple):
    x: int
    y: int


class Broken:
    def __repr__(self):
        raise RuntimeError("<no>")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Pmd.TABLE, "TABLE"),
        (Perms.READ | Perms.WRITE, "READ|WRITE"),
        (Color.RED, "RED"),
        ("a'b\n", '"a\'b\\n"'),
        ({3, 20, 1}, "{1, 3, 20}"),
        (frozenset({"b", None, 2}), "{2, 'b', None}"),
        ({"b": 1, "a": [True]}, "{'a': [True], 'b': 1}"),
        ((1,), "(1,)"),
        (Point(1, 2), "Point(x=1, y=2)"),
        (Vma(1, frozenset({"R"}), ()), "Vma(start=1, flags={'R'}, owners=())"),
        (b"\0\xff", "b'\\x00\\xff'"),
        (ABSENT, "-"),
        (object(), "<object>"),
        (Broken(), "<Broken: showing it raised RuntimeError>"),
        pytest.param(10**5000, "<int of 16610 bits>", id="a huge integer"),
        ("\N{HEBREW LETTER SHIN}\u202e", "'\\u05e9\\u202e'"),
        ("\ud800", "'\\ud800'"),
    ],
)
def test_each_kind_of_value_has_its_own_short_text(value, shown):
    """Enums show their bare name, text is quoted, sets are sorted, a broken repr is told."""
    assert show_value(value) == shown


def test_a_value_that_contains_itself_is_cut():
    """Nesting ends at a fixed depth, so a cycle ends too."""
    cycle: list[object] = [1]
    cycle.append(cycle)
    assert show_value(cycle, 200) == "[1, [1, [1, [1, [1, [1, [1, [1, …]]]]]]]]"


@given(values, st.integers(1, 80))
def test_any_value_is_one_printable_line_within_its_limit(value, limit):
    """Whatever the value, its text is printable, short enough and the same again."""
    shown = show_value(value, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert shown == show_value(value, limit)


@given(texts)
def test_any_text_becomes_one_printable_line(text):
    """Labels, names and messages lose their line breaks, and escape what cannot be shown."""
    assert clean(text).isprintable()
    assert clean(clean(text)) == clean(text)
    assert columns(clean(text)) >= 0


@given(values, values)
def test_values_differ_exactly_if_they_have_differences(old, new):
    """No change is listed for equal values, and at least one for others."""
    assert bool(nested_changes(old, new)) == (not same(old, new))


def test_a_change_inside_a_big_value_shows_only_what_changed():
    """Of an object with many parts only the changed part is told, with its path."""
    vma = Vma(4096, frozenset({"VM_READ"}), tuple("abcdefghijk"))
    grown = evolve(vma, flags=frozenset({"VM_READ", "VM_WRITE"}))
    assert nested_changes(vma, grown) == [(".flags{'VM_WRITE'}", ABSENT, "VM_WRITE")]
    (shown,) = shown_changes(Change("mm.vma", vma, grown))
    assert (shown.name, shown.value) == ("mm.vma.flags", "added 'VM_WRITE'")


def test_a_queue_that_lost_its_head_changes_as_a_whole():
    """Each place of the queue differs, but what happened is that one message left."""
    assert nested_changes((1, 2, 3), (2, 3)) == [("", (1, 2, 3), (2, 3))]
    assert nested_changes((1, 2, 3), (2, 3, 4)) == [("", (1, 2, 3), (2, 3, 4))]
    assert nested_changes((1, 2), (1, 2, 3)) == [("[2]", ABSENT, 3)]


def test_long_texts_that_differ_at_their_ends_show_their_ends():
    """Two cut texts never look the same when the values are not."""
    (shown,) = shown_changes(Change("note", "x" * 90 + "1", "x" * 90 + "2"), 20)
    assert shown.old != shown.new
    assert shown.old.endswith("1'")


def test_true_and_one_are_different_values():
    """Python calls them equal; a reader of a trace would not."""
    assert nested_changes(1, True) == [("", 1, True)]
    assert nested_changes((0, 1), (0, True)) == [("[1]", 1, True)]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_one_line(text):
    """No attack in the samples survives as a control character or a line break."""
    assert "\n" not in clean(text)
    assert clean(text).isprintable()
