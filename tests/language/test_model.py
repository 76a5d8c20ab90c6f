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
    with pytest.raises(UsageError, match=r"name its parameters: needs\(n=1, m='x'\)"):
        needs(1, "x")
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
    """Neither verdict nor cause, a function that fails: with the model's file and line."""

    @model(expect="broken")
    def wrong(n: int = 1):
        return System(Shared(), [], [small])

    @model(expect=lambda m: "holds")
    def fails(n: int = 1):
        return System(Shared(), [])

    @model(expect=lambda n: "maybe")
    def says_nonsense(n: int = 1):
        return System(Shared(), [])

    @model(expect={"sc": "holds", "fast": "violated"})
    def elsewhere():
        return System(Shared(), [])

    with pytest.raises(ModelError, match="expects 'broken'") as caught:
        check(wrong)
    assert (caught.value.file, caught.value.line > 1) == (__file__, True)
    assert "holds, violated, incomplete, or what violates it: " in caught.value.remedy
    assert caught.value.remedy.endswith("unreachable, small.")
    with pytest.raises(ModelError, match="raised TypeError"):
        check(fails)
    with pytest.raises(ModelError, match="expects 'maybe'"):
        check(says_nonsense)
    with pytest.raises(ModelError, match="memory model 'fast', which is none"):
        check(elsewhere)
    assert fails.expectation == "?"


def crowd(n: int = 2):
    """At most one has added, or not."""
    s = Shared()
    return System(s, [p(s) for _ in range(n)], [small])


def expected(n=2, **stated):
    """What comes of checking a crowd with an expectation: which one, by what, and whether met."""
    result = check(model(crowd, **stated)(n=n))
    return (result.expected, result.expected_by, result.ok)


def test_a_cause_is_an_expectation():
    """A property, its name, or a kind of violation says what must be violated, and by what."""
    for cause in (small, "small", "invariant"):
        named = "small" if cause is small else cause
        assert expected(expect=cause) == ("violated", named, True)
    assert expected(expect="deadlock") == ("violated", "deadlock", False)


def test_a_function_names_the_parameters_that_it_needs():
    """It speaks of all parameters: what it says is always asked for."""
    by_number = {"expect": lambda n: small if n > 1 else "holds"}
    assert expected(**by_number) == ("violated", "small", True)
    assert expected(n=1, **by_number) == ("holds", "", True)
    assert expected(n=3, expect=lambda n: "holds") == ("holds", "", False)
    assert expected(n=1, expect=lambda n: "small") == ("violated", "small", False)
    assert expected(n=3, expect="violated", by=lambda n: "small" if n == 3 else "deadlock")[2]


def test_a_word_speaks_of_the_defaults():
    """With other parameters it may come true; where it does not, nothing was expected."""
    assert expected(expect="violated", by="small") == ("violated", "small", True)
    assert expected(n=3, expect="violated", by="small") == ("violated", "small", True)
    assert expected(n=1, expect="violated", by="small") == (None, "", True)
    assert expected(n=3, expect="violated", by="deadlock") == (None, "", False)
    assert expected(expect="violated", by="deadlock") == ("violated", "deadlock", False)
    assert expected(n=3) == ("holds", "", False)


def test_a_search_that_was_cut_refutes_no_expectation():
    """It says what is expected still, whatever the parameters."""
    result = check(model(crowd, expect="small")(n=5), max_states=2)
    assert (result.verdict, result.expected, result.exit_code) == ("incomplete", "violated", 3)


def test_an_expectation_may_depend_on_the_memory_model():
    """A mapping has an entry for each, or `else` for all others; a function may ask for it."""
    assert expected(expect={"sc": "small", "else": "holds"}) == ("violated", "small", True)
    assert expected(expect={"else": "small"}) == ("violated", "small", True)
    assert expected(expect={"sc": lambda n: "small"}, n=3) == ("violated", "small", True)
    assert expected(expect={}) == (None, "", False)
    assert expected(expect=lambda memory: small if memory == "sc" else None)[2]
    assert expected(n=1, expect=lambda memory: small if memory == "sc" else None)[0] is None
    assert expected(expect=lambda **others: small if others == {"n": 2} else None)[2]

    @model(expect=lambda memory, **others: "small" if (memory, others) == (2, {}) else "holds")
    def remembers(memory: int = 2):
        return crowd(memory)

    assert check(remembers).ok


def test_a_model_may_expect_nothing():
    """None says so; what holds is then fine, and what is violated is not."""
    assert expected(expect=None) == (None, "", False)
    assert expected(n=1, expect=lambda n: None) == (None, "", True)
    assert model(crowd, expect=None).expectation == "none"


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
