"""Models and systems: parameters, expectations, and what a system may be made of."""

from __future__ import annotations

import enum

import pytest

from modelcheck import (
    ModelError,
    System,
    UsageError,
    Verdict,
    always,
    at_end,
    cells,
    check,
    model,
    process,
    state,
)


class Size(enum.Enum):
    """A parameter by name."""

    SMALL = 1
    LARGE = 2


@state
class Shared:
    x: int = 0


@process
def p(s):
    yield s.x.add(1)


@always
def small(s):
    return s.x <= 1


@model(expect=lambda n, broken, **rest: "violated" if broken else "holds", by="small")
def counts(n: int = 1, broken: bool = False, size: Size = Size.SMALL, text: str = "a", any=None):
    """Count.

    More words.
    """
    s = Shared()
    return System(s, [p(s) for _ in range(n + broken)], [small])


def test_a_model_has_parameters_a_summary_and_an_expectation():
    """They come from the function's signature and docstring."""
    assert counts.parameters == {
        "n": 1, "broken": False, "size": Size.SMALL, "text": "a", "any": None,
    }  # fmt: skip
    assert (counts.name, counts.summary, counts.expectation) == ("counts", "Count.", "holds")
    assert (counts.file, counts.__doc__.splitlines()[0]) == (__file__, "Count.")


def test_a_model_is_checked_with_its_parameters():
    """The result carries name, file, parameters and expectation."""
    result = check(counts(broken=True))
    assert (result.verdict, result.expected, result.ok) == (
        Verdict.VIOLATED,
        Verdict.VIOLATED,
        True,
    )
    assert (result.model, result.file, result.parameters["broken"]) == ("counts", __file__, True)
    assert check(counts).ok
    assert not check(counts(n=2)).ok


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n", "3", 3),
        ("n", "-1", -1),
        ("broken", "true", True),
        ("broken", "No", False),
        ("broken", "1", True),
        ("size", "LARGE", Size.LARGE),
        ("text", "3", "3"),
        ("any", "(1, 'a')", (1, "a")),
        ("any", "word", "word"),
        ("any", "{[]: 1}", "{[]: 1}"),
        ("any", "1 +", "1 +"),
    ],
)
def test_parameters_are_read_by_the_type_of_their_default(name, text, value):
    """Numbers, truth values, members of an enum by name, text as it is, anything else a literal."""
    assert counts.parse(name, text) == value
    assert type(counts.parse(name, text)) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("n", "x", "'x' is not a whole number"),
        ("n", "2.5", "'2.5' is not a whole number"),
        ("n", "True", "'True' is not a whole number"),
        ("broken", "maybe", "'maybe' is neither true nor false"),
        ("size", "HUGE", "'HUGE' is none of SMALL, LARGE"),
        ("m", "1", "has no parameter 'm'; it has n, broken"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_told(name, text, words):
    """The error names the parameter and what it could be."""
    with pytest.raises(UsageError) as caught:
        counts.parse(name, text)
    assert words in str(caught.value)


def test_unknown_and_missing_parameters_are_told():
    """By name, with those that there are."""

    @model
    def needs(n, m=2):
        return System(Shared(), [])

    @model
    def bare():
        return System(Shared(), [])

    with pytest.raises(UsageError, match="no parameter 'k'; it has n, m"):
        needs(k=1)
    with pytest.raises(UsageError, match="it has none"):
        bare(k=1)
    with pytest.raises(UsageError, match="it has none"):
        bare.parse("k", "1")
    with pytest.raises(UsageError, match="needs a value for n"):
        check(needs)
    assert check(needs(n=1)).holds
    assert needs.parameters == {"n": None, "m": 2}
    assert needs.summary == ""


def test_expectations_that_cannot_be_are_told():
    """No verdict, a function that fails: with the model's file and line."""
    with pytest.raises(ModelError, match="expects 'broken'") as caught:

        @model(expect="broken")
        def wrong():
            return System(Shared(), [])

    assert (caught.value.file, caught.value.line > 1) == (__file__, True)
    assert "holds, violated, incomplete" in caught.value.remedy

    @model(expect=lambda: "holds")
    def fails(n: int = 1):
        return System(Shared(), [])

    @model(expect=lambda n: "maybe")
    def says_nonsense(n: int = 1):
        return System(Shared(), [])

    with pytest.raises(ModelError, match="raised TypeError"):
        check(fails)
    with pytest.raises(ModelError, match="expects 'maybe'"):
        check(says_nonsense)
    assert (fails.expectation, says_nonsense.expectation) == ("?", "?")


def test_a_model_must_return_a_system_and_be_a_function():
    """Forgetting `return` is told with the model's place."""

    @model
    def forgets():
        System(Shared(), [])

    with pytest.raises(ModelError, match="returned None") as caught:
        check(forgets)
    assert "return System" in caught.value.remedy
    with pytest.raises(ModelError, match="@model was given 3"):
        model(3)


def test_one_property_or_process_need_not_be_in_a_list():
    """A single one is taken as a list of one; any iterable will do."""
    s = Shared()
    assert len(System(s, p(s), small).processes) == 1
    assert len(System(s, (p(s) for _ in range(2)), {small}).processes) == 2


def generator(s):
    yield s.x


@at_end
def x(s):
    return True


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda s: System(3, []), "was given the state 3"),
        (lambda s: System(Shared, []), "was given the state"),
        (lambda s: System({"x": 3}, []), "the state's 'x' is 3, no part"),
        (lambda s: System({"x": s.x}, []), "no part, array or channel"),
        (lambda s: System(s, 3), "processes is 3"),
        (lambda s: System(s, [p]), "p is not called"),
        (lambda s: System(s, [generator(s)]), "is a running generator"),
        (lambda s: System(s, [generator]), "is not a process"),
        (lambda s: System(s, [3]), "3 is not a process"),
        (lambda s: System(s, [], [len]), "is not a property"),
        (lambda s: System(s, [], 3), "properties is 3"),
        (lambda s: System(s, [p(s).named("x")]), "'x' is both a process and a name of the state"),
        (lambda s: System({"p": s}, [p(s)]), "'p' is both a process"),
        (lambda s: System(s, [], [small, small]), "two properties are called 'small'"),
        (lambda s: cells(-1), "has no size"),
        (lambda s: cells(True), "has no size"),
        (lambda s: cells(2.5), "has no size"),
        (lambda s: cells([[]]), "cell 0 was given []"),
        (lambda s: cells({"a": []}), "the cell 'a' was given []"),
        (lambda s: cells(2, []), "a cell was given []"),
        (lambda s: cells(2, s.x), "was given the reference"),
        (lambda s: Shared([]), "Shared.x was given []"),
        (lambda s: s.y, "Shared has no field 'y'"),
        (lambda s: setattr(s, "y", 1), "Shared has no field 'y'"),
        (lambda s: p(), "cannot be called so"),
        (lambda s: p(s, 2, k=3), "cannot be called so"),
        (lambda s: process(3), "3 is not a generator function"),
        (lambda s: p(s).named(3), "cannot be named 3"),
        (lambda s: p(s).on(3), "that is not a CPU"),
        (
            lambda s: state(type("Bad", (), {"__annotations__": {"a": int}, "a": []})),
            "Bad.a was given []",
        ),
    ],
)
def test_what_a_system_cannot_be_made_of(make, words):
    """Each is told where it is built, with a remedy."""
    with pytest.raises(ModelError) as caught:
        make(Shared())
    assert words in caught.value.what
    assert caught.value.file == __file__
    assert caught.value.remedy


def test_a_process_must_be_a_generator_function():
    """A function without yield, and an async one, are told with their own place."""

    def plain(s):
        return 1

    async def asynchronous(s):
        yield 1

    for function, words in [(plain, "there is no `yield` in it"), (asynchronous, "is async")]:
        with pytest.raises(ModelError, match=words) as caught:
            process(function)
        assert caught.value.line == function.__code__.co_firstlineno


def test_a_state_class_whose_fields_are_in_a_wrong_order_is_told():
    """A required field after one with a default: the class's name and the line."""
    with pytest.raises(ModelError, match="@state class Wrong") as caught:

        @state
        class Wrong:
            a: int = 1
            b: int

    assert caught.value.file == __file__


def test_a_system_without_deadlock_check_holds():
    """With `deadlock=False` it is fine that nobody can go on."""

    @process
    def waits(s):
        yield s.x.update(lambda v: v)
        while (yield s.x) == 0:
            from modelcheck import until

            yield until(lambda: s.x == 1)

    s = Shared()
    assert check(System(s, [waits(s)])).violation.kind.value == "deadlock"
    assert check(System(s, [waits(s)], deadlock=False)).holds
