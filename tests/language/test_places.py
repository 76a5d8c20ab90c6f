"""Where a process is: labels, functions, lines, across subroutines, instances and ends."""

from __future__ import annotations

from language.small import count, marked, run

from modelcheck import always, cells, label, process, sometimes, state, until


@state
class Shared:
    x: int = 0
    a = cells(2, 0)


CRITICAL = label("critical")


def inner(s):
    with label("deep"):
        yield s.x.add(1)
    yield CRITICAL


def outer(s):
    with CRITICAL:
        yield from inner(s)
    yield s.x.add(-1)


def places(function, *names):
    """Return, state by state in the order of the search, at which of the names a process is."""
    seen = []

    @always
    def note(s):
        seen.append("".join(n[0] for n in names if s.p.at(n)))
        return True

    assert run(Shared(), function, properties=[note]).holds
    return list(dict.fromkeys(seen))  # it is asked more than once in a state


def test_labels_and_functions_of_the_whole_call_chain_count():
    """A region around a subroutine holds inside it; functions are places by their names."""

    def p(s):
        yield from outer(s)

    assert places(p, "critical", "deep", "inner", "outer", "p") == ["cdiop", "ciop", "op", ""]


def test_a_region_ends_with_its_block():
    """Also where an exception, `break` or `continue` leaves it."""

    def p(s):
        for i in range(2):
            with label("first"):
                yield s.x.add(1)
                if i == 0:
                    continue
                break
        try:
            with label("second"):
                yield s.x
                raise ValueError
        except ValueError:
            yield s.x

    assert places(p, "first", "second") == ["f", "s", ""]


def test_one_instance_among_several():
    """Each instance has places of its own, by index in the order of the model."""

    @process
    def p(s, me):
        yield s.a[me].set(1)
        with label("in"):
            yield s.a[me].set(0)

    @always
    def own(s):
        return [q.at("in") for q in s.p] == [s.a[0] == 1, s.a[1] == 1] and s.p[-1].at("in") == s.a[
            1
        ]

    s = Shared()
    assert count(run(s, p(s, 0), p(s, 1), properties=[own])) == (9, 12)


def test_a_line_is_a_place():
    """`at` takes the line of the pending step."""

    def p(s):
        yield s.x.add(1)
        yield s.x.add(1)  # here

    @sometimes
    def there(s):
        return s.x == 1 and s.p.at(marked(p))

    @always
    def only_there(s):
        return s.p.at(marked(p)) == (s.x == 1)

    assert run(Shared(), p, properties=[there, only_there]).holds


def test_two_regions_with_one_body_are_two_states():
    """The same loop inside and outside of a label: the label is part of the local state."""

    def p(s):
        while True:
            with label("in"):
                yield s.x.set(0)
            yield s.x.set(0)

    assert count(run(Shared(), p)) == (2, 2)


def test_an_end_of_a_region_lasts_as_long_as_it():
    """Inside, resting is fine; after it a wait for ever is a deadlock."""

    def p(s):
        with label("rest", end=True):
            yield until(lambda: s.x == 0)
        yield until(lambda: s.x == 1)

    def q(s):
        with label("rest", end=True):
            yield until(lambda: s.x == 0)
            yield until(lambda: s.x == 1)

    assert run(Shared(), p).violation.kind.value == "deadlock"
    assert run(Shared(), q).holds
