"""The user's source text in labels and messages."""

from __future__ import annotations

import functools

import pytest

from modelcheck.language.source import shown, text_of

a = b = cells = 0


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda: a == b, "a == b"),
        (lambda: a or b, "a or b"),
        (lambda: a or (b and cells), "a or (b and cells)"),
        (lambda x, y=3: x + y, "x + y"),
        (lambda: [x for x in (a, b) if x], "[x for x in (a, b) if x]"),
        (lambda: a == "größe" and b != "é", 'a == "größe" and b != "é"'),
        (lambda: not (a and b), "not (a and b)"),
        (lambda: max(a, b), "max(a, b)"),
    ],
)
def test_a_lambda_is_shown_as_written(function, text):
    """Its body, on one line."""
    assert text_of(function) == text


def test_a_lambda_over_several_lines_is_one_line():
    """Line breaks and indentation become single spaces."""
    function = lambda: (  # noqa: E731  a lambda is what is tested
        a == 1
        and
        b == 2
    )  # fmt: skip
    assert text_of(function) == "a == 1 and b == 2"


def test_functions_are_shown_by_name():
    """Also built-in ones, and objects that can be called."""

    class Call:
        def __call__(self):
            return True

    assert [text_of(f) for f in (shown, len, Call(), functools.partial(len))] == [
        "shown",
        "len",
        "Call",
        "partial",
    ]


def test_a_lambda_without_source_is_just_that():
    """Code from `eval` has no source to show."""
    assert text_of(eval("lambda: a + b")) == "<lambda>"
    assert text_of(eval(compile("lambda: a + b", __file__ + "x", "eval"))) == "<lambda>"


def test_whatever_a_value_does_it_can_be_shown():
    """A `repr` that raises is told instead of raised."""

    class Shy:
        def __repr__(self):
            raise KeyError("no")

    assert shown([1, "a"]) == "[1, 'a']"
    assert shown((shown, Shy)) == "(<function shown>, <class 'test_source.Shy'>)".replace(
        "test_source.Shy", f"{__name__}.{Shy.__qualname__}"
    )
    assert shown(Shy()) == "<Shy without a repr: KeyError>"
