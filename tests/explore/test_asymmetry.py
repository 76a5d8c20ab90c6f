"""Symmetry that is declared and is none: nothing is believed, the step that breaks it is named.

Neighbour: `test_symmetry` has what is alike.
"""

from __future__ import annotations

import pytest
from explore.alike import ENGINES, Shared, alike
from language.small import marked

from modelcheck import (
    ModelError,
    System,
    always,
    at_end,
    atomic,
    cells,
    check,
    label,
    names,
    process,
    sometimes,
    symmetric,
    until,
)


def refused(function, initial=0, properties=(), ring=False):
    """The error for processes that are said to be alike and are not; each engine's the same."""
    said = []
    for engine in ENGINES:
        users = names(3, "u", ring=ring)
        s = Shared(a=cells(users, initial))
        alike = symmetric(process(function)(s, me, users).named("p") for me in users)
        with pytest.raises(ModelError) as caught:
            check(System(s, alike, properties), engine=engine)
        said.append(caught.value)
    assert str(said[0]) == str(said[1])
    return said[0]


def test_going_over_the_others_one_by_one_in_their_order_is_refused():
    """The filter lock as most books have it: the classic trap of symmetry."""

    def p(s, me, users):
        yield s.a[me].set(1)
        for j in users:
            yield until(lambda j=j: j == me or s.a[j] == 1)  # here

    error = refused(p)
    assert error.line == marked(p)
    assert "p[1] is blocked; after exchanging u0 and u1, p[0] goes on" in str(error)


def test_a_variable_that_is_not_renamed_is_named():
    """It is what tells the one process from the other."""

    def p(s, me, users):
        yield s.a[me].set(1)
        for j in users:
            yield until(lambda j=j: s.a[j] == 1)
            yield s.owner.set(j)

    assert "its variable 'j' is u0, and stays u0" in str(refused(p))


def test_treating_the_first_otherwise_is_refused():
    """Philosopher 0 takes the other fork first: its table is no image of another's."""

    def p(s, me, users):
        if me == users[0]:
            yield s.x.set(1)  # here
        yield s.a[me].set(1)

    error = refused(p)
    assert error.line in (marked(p), marked(p) + 1)
    assert "breaks the symmetry" in str(error)


def test_a_number_made_of_a_name_is_refused_where_it_shows():
    """Its place in a list is a number of its own."""

    def p(s, me, users):
        yield s.a[me].set(1)
        yield s.x.set(list(users).index(me))  # here

    assert refused(p).line == marked(p)


def test_the_first_that_is_found_is_refused():
    """A search through the processes in their order favors those that come first."""

    def p(s, me, users):
        yield s.a[me].set(1)
        j = yield until(lambda: next((i for i in users if s.a[i] == 1), None))  # here
        yield s.owner.set(j)

    error = refused(p)
    assert error.line in (marked(p), marked(p) + 1)
    assert "breaks the symmetry" in str(error)


def test_a_condition_that_asks_for_one_of_them_is_refused():
    """Also where nobody else reads that location."""

    def p(s, me, users):
        yield s.a[me].set(1)
        yield until(lambda: s.a[users[2]] == 1)  # here

    assert refused(p).line == marked(p)


def test_an_atomic_function_that_prefers_one_is_refused():
    """What it writes is not renamed with what it reads."""

    def p(s, me, users):
        def first_free():
            s.owner = min((i for i in users if s.a[i] == 0), key=repr, default=None)

        yield atomic(first_free)  # here

    assert refused(p).line == marked(p)


def test_what_happens_only_far_on_is_checked_when_it_is_learned():
    """Symmetric for a while: the fault shows in a state that the search comes to late."""

    def p(s, me, users):
        for _ in range(3):
            yield s.a[me].update(lambda a: a + 1)
        yield until(lambda: s.x == 2 or s.a[me] == 3)
        seen = yield s.x.update(lambda x: min(x + 1, 2))
        if seen == 2:
            yield s.owner.set(users[1])  # here

    assert refused(p).line == marked(p)


def test_a_property_of_one_of_them_is_refused():
    """It names the property, where it is true, and where not."""

    def p(s, me, users):
        yield s.a[me].set(1)

    @always
    def the_first_waits(s):
        return not s.p[0].done or s.p[1].done

    error = refused(p, properties=[the_first_waits])
    assert "the property the_first_waits breaks the symmetry" in str(error)
    assert error.line == the_first_waits.function.__code__.co_firstlineno


@pytest.mark.parametrize("kind", [always, sometimes, at_end])
def test_each_kind_of_property_is_checked(kind):
    """Also a witness and a final state."""

    def p(s, me, users):
        yield s.owner.set(me)

    @kind
    def the_last_owns(s):
        return (s.owner is None and kind is not sometimes) or repr(s.owner) == "u2"

    assert "the property the_last_owns" in str(refused(p, properties=[the_last_owns]))


def test_a_property_of_a_variable_that_is_not_renamed_is_refused():
    """The variable is harmless as long as nobody looks at it."""

    def p(s, me, users):
        place = list(users).index(me)
        yield s.a[me].set(1)
        del place

    assert alike(p)[0].holds

    @always
    def small(s):
        return all(p.local.get("place", 0) < 5 for p in s.p)

    assert "the variable 'place', which a property reads" in str(refused(p, properties=[small]))


def test_an_initial_state_that_favors_one_is_refused():
    """Whose turn it is at first is somebody's."""
    users = names(2, "u")
    s = Shared(a=cells(users, 0), owner=users[1])

    def p(s, me):
        yield s.owner.set(me)

    with pytest.raises(ModelError, match=r"owner is u1, and after exchanging .* it would be u0"):
        check(System(s, symmetric(process(p)(s, me) for me in users)))


def test_processes_with_numbers_for_names_are_refused():
    """A number is a number: only what `names` made is renamed."""
    s = Shared(a=cells(3, 0))

    def p(s, me, users):
        yield s.a[me].set(1)

    users = names(3, "u")
    pairs = [(0, users[0]), (1, users[1]), (2, users[2])]
    with pytest.raises(ModelError, match="there is no such process"):
        check(System(s, symmetric(process(p)(s, i, u) for i, u in pairs)))


def test_an_array_that_lacks_one_is_refused():
    """Renaming would lead to a cell that is not there."""
    users = names(3, "u")
    s = Shared(a=cells({users[0]: 0, users[1]: 0}))

    def p(s, me):
        yield s.x.set(1)

    with pytest.raises(ModelError, match="the state is not symmetric"):
        check(System(s, symmetric(process(p)(s, me) for me in users)))


def test_without_the_declaration_nothing_is_refused_and_nothing_saved():
    """Names alone say nothing."""
    users = names(3, "u")
    s = Shared(a=cells(users, 0))

    def p(s, me, users):
        if me == users[0]:
            yield s.x.set(1)
        yield s.a[me].set(1)

    result = check(System(s, [process(p)(s, me, users) for me in users]))
    assert result.holds
    assert result.orbits is None


def test_a_violation_found_before_is_not_lost():
    """A model that is refused later is violated all the same, if it was by then."""

    def p(s, me, users):
        seen = yield s.x
        assert seen == 0
        yield s.x.set(1)
        for j in users:
            yield until(lambda j=j: j == me or s.a[j] < 2 or s.x == 5)

    users = names(2, "u")
    s = Shared(a=cells(users, 0))
    # Without the declaration it takes three steps; the loop is met one step later.
    system = System(s, [process(p)(s, me, users) for me in users])
    assert len(check(system).trace) == 3


# Limits.


def test_a_label_with_a_name_in_its_text_is_refused():
    """A limit: it is another place for each process."""

    def p(s, me, users):
        yield s.a[me].set(1)
        yield label(f"inside {me}")  # here

    error = refused(p)
    assert error.line == marked(p)
    assert "inside u" in str(error)


def test_a_function_that_captures_a_name_is_refused_as_an_argument():
    """A limit: it is not renamed."""
    users = names(3, "u")
    s = Shared(a=cells(users, 0))

    def p(s, step):
        yield step()

    with pytest.raises(ModelError, match="differ by no name"):
        check(System(s, symmetric(process(p)(s, lambda me=me: s.a[me].set(1)) for me in users)))
