"""Room in the native explorer: what made it hang, or answer otherwise, once."""

from __future__ import annotations

import pytest

from modelcheck import System, always, cells, check, choose, process, sometimes, state


@state
class Wide:
    x: int = 0
    a = cells(4, 0)
    b = cells(70, 0)


@process
def cell(s, index, n):
    value = yield choose(range(n))
    yield s.a[index].set(value)


@process
def one(s, n):
    value = yield choose(range(n))
    yield s.x.set(value)


@process
def stores(s, value):
    yield s.x.set(value)


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_any_number_of_workers_finds_room(workers):
    """A level of thousands of states is expanded by as many workers as one asks for."""
    s = Wide()
    result = check(System(s, [cell(s, i, 7) for i in range(4)]), engine="native", workers=workers)
    assert (result.verdict, result.states) == ("holds", (1 + 7 + 7) ** 4)


@pytest.mark.parametrize("n", [254, 255, 400])
def test_states_of_several_words_find_room(n):
    """Hundreds of successors of one state, of more than 64 bits each."""
    s = Wide()
    result = check(System(s, [one(s, n)]), engine="native")
    assert (result.verdict, result.states) == ("holds", 2 * n + 1)


def test_the_first_violation_stays_the_first():
    """A witness found after a violation in the same level does not bring another one up."""

    @always
    def none_stored(s):
        return s.x == 0

    @sometimes
    def two_stored(s):
        return s.x == 2

    first = []
    for engine in ("reference", "native"):
        s = Wide()
        system = System(s, [stores(s, v) for v in (1, 2, 3)], [none_stored, two_stored])
        first.append(check(system, engine=engine).trace.steps[0].process)
    assert first == ["stores[0]", "stores[0]"]
