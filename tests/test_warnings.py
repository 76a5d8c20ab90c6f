"""What a result says beside its verdict, where a green or a cut run could mislead."""

from __future__ import annotations

import pytest

from modelcheck import ModelError, System, always, at_end, check, model, process, sometimes, state


@state
class Shared:
    x: int = 0


def spins(s):
    while (yield s.x) == 0:
        pass


def counts(s):
    while True:
        yield s.x.add(1)


def fails(s):
    yield s.x
    raise KeyError("typing mistake")


def system(function, *properties):
    """One process of a function."""
    s = Shared()
    return System(s, [process(function)(s)], properties)


def test_an_end_that_never_comes_is_told():
    """A final-state assertion that was never evaluated does not just hold."""

    @at_end
    def five(s):
        return s.x == 5

    result = check(system(spins, five))
    assert result.holds
    assert result.warnings == ("five was never evaluated: no run comes to a proper end",)


def test_what_grows_is_named_when_a_search_is_cut():
    """An incomplete search names the location that took most values."""
    result = check(system(counts), max_states=3000)
    assert result.verdict == "incomplete"
    assert result.warnings[0].startswith("x has taken 3,0")


def test_a_twin_that_fails_by_mistake_is_not_as_expected():
    """A bare `violated` means neither an exception nor a witness that is never reached."""

    @model(expect="violated")
    def mistyped():
        return system(fails)

    @model(expect="violated", by="exception")
    def meant():
        return system(fails)

    @model(expect="violated")
    def unreached():
        @sometimes
        def never(s):
            return s.x == 7

        return system(spins, never)

    assert [check(m).ok for m in (mistyped, meant, unreached)] == [False, True, False]


def test_by_must_name_something():
    """A cause that is neither a property nor a kind of violation is refused; so is one too many."""

    @always
    def safe(s):
        return s.x < 9

    @model(expect="violated", by="saef")
    def mistyped():
        return system(counts, safe)

    with pytest.raises(ModelError, match="expects to be violated by 'saef'"):
        check(mistyped)
    with pytest.raises(ModelError, match="says by what it is violated"):

        @model(by="safe")
        def holds():
            return system(counts, safe)


def test_a_field_without_annotation_is_refused():
    """A plain value in a @state class is a constant; in small letters it was meant as a field."""
    with pytest.raises(ModelError, match="no annotation"):

        @state
        class Mistaken:
            x = 0

    @state
    class Fine:
        LIMIT = 4
        x: int = LIMIT

    assert Fine().x.initial == 4


def test_a_reference_is_no_key():
    """Looking a reference up in a set or dictionary would never find it: it is refused."""

    def looks_up(s):
        yield s.x
        if s.x in {0, 1}:
            yield s.x.set(1)

    with pytest.raises(ModelError, match="look-up in a set"):
        check(system(looks_up))


def test_nobody_there_is_told():
    """A model without processes holds, of one state: a parameter is 0, or a list is empty."""
    result = check(System(Shared(), []))
    assert (result.holds, result.states) == (True, 1)
    assert result.warnings == ("no process takes part: there is nothing to search",)
    assert not check(system(spins)).warnings
