"""A property only looks: each that does more, or less, is told."""

from __future__ import annotations

import pytest
from language.looked_at import Shared, p
from language.small import marked, run

from modelcheck import ModelError, always, at_end, label, until

LOG: list = []


def no_bool(s):
    s.x == 1  # noqa: B015  the mistake itself


def truthy(s):
    return s.x


def raises(s):
    return s.a[2] == 0  # here


def exits(s):
    raise SystemExit(0)  # here


def assigns(s):
    s.x = 1  # here
    return True


def assigns_a_cell(s):
    s.a[0] = 1  # here
    return True


def assigns_in_a_part(s):
    s.part.n = 1  # here
    return True


def assigns_a_local(s):
    s.p.local.v = 1  # here
    return True


def swallows(s):
    try:
        s.x = 1  # here
    except Exception:
        return True


def unknown_name(s):
    return s.cuont == 1  # here


def unknown_in_helper(s):
    return s.broken  # mistake in Shared.broken


def unknown_local(s):
    return s.p.local.w == 1  # here


def no_place(s):
    return s.p.at()  # here


def place_is_a_label(s):
    return s.p.at(label("region"))  # here


def by_chance(s):
    LOG.append(1)
    return len(LOG) % 2 == 0


def makes_a_step(s):
    s.part.n + 1
    return not until(lambda: s.x == 1)  # here


def unknown_word(s):
    return not s.p[0].finished  # here


def too_many(s):
    return s.p[3].done  # here


WRONG = [
    (no_bool, "no_bool returned None, not True or False", "return"),
    (truthy, "truthy returned 0, not True or False", "bool"),
    (raises, "raised IndexError: a[2]: it has 2 cells", "test for what may be missing"),
    (exits, "raised SystemExit: 0", "True or False"),
    (assigns, "a property assigned to x", "only looks"),
    (assigns_a_cell, "a property assigned to a[0]", "only looks"),
    (assigns_in_a_part, "a property assigned to part.n", "only looks"),
    (assigns_a_local, "assigned to the local variable v", "only looks"),
    (swallows, "a property assigned to x", "only looks"),
    (unknown_name, "the snapshot has no 'cuont'", "It has x, mode, a, part, ch, p"),
    (unknown_local, "p has no local variable 'w' where it is now", "get('v', default)"),
    (unknown_local, "at `choose(1, 2)` (line", "s.p.at('...')"),
    (unknown_word, "p has no 'finished' for a property", "done, running and local"),
    (too_many, "s.p[3]: there is 1 process p", "Count from 0"),
    (no_place, "p.at() was given no place", "Name a label"),
    (place_is_a_label, "p.at() was given label('region')", 'at("critical")'),
    (by_chance, "gave two answers in one state: False, True", "It may only look"),
    (makes_a_step, "the step `until s.x == 1` was made inside", "plain values"),
]


@pytest.mark.parametrize(
    ("function", "words", "remedy"), WRONG, ids=lambda v: getattr(v, "__name__", "")
)
def test_a_property_that_does_not_just_look_is_told(function, words, remedy):
    """The error names the property's file and line, and the way out."""
    LOG.clear()
    with pytest.raises(ModelError) as caught:
        run(Shared(), p, properties=[always(function)])
    error = caught.value
    assert words in error.what
    assert remedy in error.remedy
    try:
        line = marked(function)
    except AssertionError:
        line = function.__code__.co_firstlineno
    assert (error.file, error.line) == (__file__, line)


def test_a_variable_of_a_process_that_has_finished():
    """At the end it has none: asking is told, and `get` gives its default."""
    with pytest.raises(ModelError, match="p has finished, and has no local variable 'v'") as caught:
        run(Shared(), p, properties=[at_end(lambda s: s.p.local.v == 1)])
    assert "store in the state" in caught.value.remedy
    assert run(Shared(), p, properties=[at_end(lambda s: s.p.local.get("v", 7) == 7)]).holds


def test_a_variable_of_a_subroutine_that_no_name_tells():
    """A subroutine reached through an object shows its variables when it runs."""

    class Tools:
        def work(self, s):
            inner = yield s.x
            yield s.x.set(inner)

    def calls(s, tools=Tools()):  # noqa: B008  a fixed object is the point
        yield s.mode
        yield from getattr(tools, "wo" + "rk")(s)

    @always
    def looks(s):
        return s.calls.local.get("inner", 0) == 0

    assert run(Shared(), calls, properties=[looks]).holds


def test_a_mistake_in_a_helper_of_the_state_names_the_helper():
    """An unknown field in a helper is told there, not as an unknown helper."""
    with pytest.raises(ModelError, match="Shared has no field 'cuont'"):
        run(Shared(), p, properties=[always(unknown_in_helper)])


def test_a_property_that_reads_by_chance_is_told():
    """Also where its answer is always the same."""
    calls = []

    @always
    def reads_in_turn(s):
        calls.append(1)
        return (s.x if len(calls) % 2 else s.a[0]) >= 0

    with pytest.raises(ModelError, match="gave two answers in one state: True, True"):
        run(Shared(), p, properties=[reads_in_turn])


def test_a_property_that_changes_a_local_list_is_told():
    """What a property gets of a process is for looking; the process's list stays as it is."""

    def q(s):
        mine = [1]
        yield s.x.set(2)
        assert mine == [1]

    @always
    def grows(s):
        s.q.local.get("mine", []).append(5)
        return True

    @always
    def looks(s):
        return sorted(s.q.local.get("mine", [])) in ([], [1])

    assert run(Shared(), q, properties=[looks]).holds
    with pytest.raises(ModelError, match="changed the local variable mine of q, a list") as caught:
        run(Shared(), q, properties=[grows])
    assert caught.value.line == grows.function.__code__.co_firstlineno
