"""Properties: what they see, and what becomes of one that does more than look."""

from __future__ import annotations

import pytest
from language.looked_at import Mode, Part, Shared, p
from language.small import count, marked, message, run

from modelcheck import (
    ModelError,
    Verdict,
    always,
    at_end,
    cells,
    choose,
    process,
    sometimes,
    until,
)


def test_always_holds_or_is_violated_by_a_shortest_trace():
    """An invariant is looked at in every state, the first one included."""

    @always
    def small(s):
        return s.x < 2

    @always
    def never(s):
        return s.x != 0

    result = run(Shared(), p, properties=[small])
    assert (result.violation.kind.value, result.violation.property) == ("invariant", "small")
    assert (len(result.trace), result.trace.states[-1]["x"]) == (2, 2)
    assert result.violation.line == small.function.__code__.co_firstlineno
    assert len(run(Shared(), p, properties=[never]).trace) == 0


def test_sometimes_needs_a_witness():
    """A reachable witness has a shortest trace; none is a violation of its own kind."""

    @sometimes
    def reached(s):
        return s.a[1] == 5 and s.x == 2

    @sometimes
    def unreachable(s):
        return s.x == 3

    good = run(Shared(), p, properties=[reached])
    assert good.holds
    assert len(good.witnesses["reached"]) == 3
    bad = run(Shared(), p, properties=[reached, unreachable])
    assert message(bad) == "unreachable: no reachable state makes unreachable true"
    assert (bad.witnesses["unreachable"], len(bad.witnesses["reached"])) == (None, 3)


def test_at_end_looks_only_where_everything_has_ended():
    """Intermediate states do not matter, nor does a deadlock."""

    @at_end
    def done(s):
        return s.a[1] == 5 and s.x in (1, 2)

    @at_end
    def wrong(s):
        return s.x == 1

    assert run(Shared(), p, properties=[done]).holds
    assert run(Shared(), p, properties=[wrong]).violation.kind.value == "final"

    def waits(s):
        yield until(lambda: False)

    assert message(run(Shared(), waits, properties=[wrong])).startswith("deadlock")


def test_an_assertion_in_a_property_gives_its_message():
    """`assert` in a property fails it, with the text as the message."""

    @always
    def small(s):
        assert s.x < 2, f"x is {s.x}"
        return True

    assert message(run(Shared(), p, properties=[small])).startswith("invariant: x is 2")


def test_names_of_the_state_are_plain_values():
    """Fields, cells, parts, channels, helpers of the class, captured references."""
    s = Shared()
    mode = s.mode

    @always
    def all_there(v):
        return bool(
            v.x in (0, 1, 2)
            and v.mode is Mode.OFF
            and mode is Mode.OFF
            and s.mode is v.mode
            and v.a in ([0, 0], [0, 5])
            and v.a[-1] == v.a[1]
            and not v.part.positive
            and v.part == s.part
            and v.ch == []
            and v.total == v.x + v.a[1]
            and not v.above(7)
            and hasattr(v, "x")
        )

    assert count(run(s, p, properties=[all_there])) == (7, 6)


def test_a_mapping_of_parts_gives_names_of_its_own():
    """With several parts each is a name of the snapshot; so are arrays and channels."""
    one = Part()

    @process
    def bump():
        yield one.n.add(1)

    @always
    def seen(s):
        return s.one.n == s.one.n and s.c[0] == 3 and not s.one.n > 1

    assert run({"one": one, "c": cells([3])}, bump(), properties=[seen]).holds


def test_places_of_a_process():
    """At a label, in a function, on a line; done and running; by index and as a group."""
    seen = set()

    @always
    def note(s):
        q = s.p[0]
        seen.add(
            (
                q.at("region"),
                q.at("p"),
                q.at(marked(p, "set(5)")),
                q.done,
                q.running,
                repr(q),
                len(s.p),
            )
        )
        return s.p.done == q.done and [x.name for x in s.p] == ["p"]

    assert run(Shared(), p, properties=[note]).holds
    assert seen == {
        (False, True, False, False, True, "p", 1),
        (True, True, True, False, True, "p", 1),
        (False, False, False, True, False, "p", 1),
    }


def test_a_live_local_variable_is_seen():
    """`local.v` and `local.get` give its value where it is live."""

    def q(s):
        v = yield choose(1, 2)
        yield s.x.set(0)
        yield s.x.set(v)

    @sometimes
    def two(s):
        return s.q.local.get("v") == 2

    @always
    def known(s):
        return s.q.local.get("v", 1) in (1, 2) and (not s.x or s.q.done)

    assert count(run(Shared(), q, properties=[two, known])) == (7, 6)


def test_a_dead_local_variable_is_kept_where_a_property_reads_it():
    """Dead, it does not multiply states; a property that reads it brings those states back."""

    def q(s):
        v = yield choose(1, 2, 3)
        yield s.x.set(v)
        yield s.x.set(0)
        yield s.a[0].set(1)

    @sometimes
    def late(s):
        return (
            s.x == 0
            and s.a[0] == 0
            and s.q.local.get("v") == 3
            and s.q.at(marked(q, "a[0].set(1)"))
        )

    # choose; 3 x store; 3 x "x := 0"; then one state for "a[0] := 1" and one for the end.
    assert count(run(Shared(), q)) == (1 + 3 + 3 + 1 + 1, 3 + 3 + 3 + 1)
    result = run(Shared(), q, properties=[late])
    # ... three for "a[0] := 1", and at the end there are no variables.
    assert count(result) == (1 + 3 + 3 + 3 + 1, 3 + 3 + 3 + 3)
    assert len(result.witnesses["late"]) == 3


def test_a_property_that_catches_everything_is_restarted_all_the_same():
    """The search starts again with the variable kept, through the property's own `except`."""

    def q(s):
        v = yield choose(1, 2)
        yield s.x.set(v)
        yield s.x.set(0)

    @sometimes
    def sees(s):
        try:
            return s.q.at(marked(q, "x.set(0)")) and s.q.local.get("v") == 2
        except Exception:
            return False

    result = run(Shared(), q, properties=[sees])
    assert result.holds
    assert len(result.witnesses["sees"]) == 2


def test_a_local_reference_or_part_is_a_value_too():
    """A variable that holds a reference is its value in a property."""

    @process
    def q(s, ref):
        part = s.part
        yield ref.add(1)
        yield part.n.set(0)
        yield ref

    @always
    def same(s):
        return s.q.local.get("ref", s.x) == s.x and s.q.local.get("part", s.part) is s.part

    s = Shared()
    assert run(s, q(s, s.x), properties=[same]).holds


def test_warnings_for_places_where_nobody_ever_was():
    """A label that no process reaches is likely a typing mistake: the result says so."""

    @always
    def asks(s):
        return not s.p.at("regoin") and not s.p.at(-1) and s.p.at("region", "p") in (True, False)

    result = run(Shared(), p, properties=[asks])
    assert result.warnings == (
        "no process was ever at '-1': a typing mistake?",
        "no process was ever at 'regoin': a typing mistake?",
    )


def test_warnings_for_local_variables_that_no_function_has():
    """With a default it is no error; the result says what there is."""

    @always
    def asks(s):
        return s.p.local.get("w", 0) == 0 and s.p.local.get("v", 1) in (1, 2)

    result = run(Shared(), p, properties=[asks])
    assert result.warnings == (
        "no function of p has a local variable 'w': a typing mistake? There are bound, s, self, v.",
    )


def test_a_group_of_several_must_be_indexed():
    """`s.p.at` means one process; with two the error says how to name one."""

    @always
    def asks(s):
        return not s.p.at("region")

    with pytest.raises(ModelError, match="there are 2 processes p") as caught:
        run(Shared(), p, p, properties=[asks])
    assert "s.p[0].at" in caught.value.remedy


async def asynchronous(s):
    return True


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (3, "which is not a function"),
        (lambda: True, "it takes 0 arguments"),
        (lambda a, b: True, "it takes 2 arguments"),
        (lambda s: (yield), "it is a generator, or async"),
        (asynchronous, "it is a generator, or async"),
    ],
)
def test_things_that_are_no_property(thing, words):
    """A property is a plain function of one argument."""
    for decorate in (always, sometimes, at_end):
        with pytest.raises(ModelError, match=words) as caught:
            decorate(thing)
        assert caught.value.file == __file__


def test_a_property_can_be_called_and_decorated_again():
    """It stays a function; another decorator gives the same function another kind."""

    @always
    def odd(n):
        return n % 2 == 1

    assert (odd(3), odd.name, sometimes(odd).kind, Verdict.HOLDS) == (
        True,
        "odd",
        "sometimes",
        "holds",
    )


@pytest.mark.parametrize("decorator", [always, sometimes, at_end])
def test_a_decorator_with_brackets_is_told(decorator):
    """`@always()` is a mistake at its line, with the remedy."""
    with pytest.raises(ModelError, match="was written with brackets") as caught:
        decorator()
    assert caught.value.file == __file__
    assert f"`@{decorator.__name__}`" in caught.value.remedy
