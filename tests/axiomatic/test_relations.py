"""The relation algebra does what its definition over sets of pairs says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelcheck.axiomatic.relations import Relation, event_set, members, union

N = 5
EVENTS = st.integers(0, N - 1)
PAIRS = st.sets(st.tuples(EVENTS, EVENTS), max_size=10)
SETS = st.sets(EVENTS)


def made(pairs: set[tuple[int, int]]) -> Relation:
    return Relation.of(N, pairs)


def closed(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """The transitive closure, by repetition."""
    while True:
        grown = pairs | {(a, d) for a, b in pairs for c, d in pairs if b == c}
        if grown == pairs:
            return pairs
        pairs = grown


@given(PAIRS, PAIRS)
def test_operators_are_those_of_sets_of_pairs(first, second):
    """Union, intersection, difference and composition agree with their definitions."""
    a, b = made(first), made(second)
    assert set((a | b).pairs()) == first | second
    assert union([a, b]) == a | b
    assert set((a & b).pairs()) == first & second
    assert set((a - b).pairs()) == first - second
    assert set((a >> b).pairs()) == {(x, z) for x, y in first for w, z in second if y == w}


@given(PAIRS, SETS, SETS)
def test_one_relation_and_sets(pairs, left, right):
    """Inverse, closures, restrictions, domain and range agree with their definitions."""
    r, dom, rng = made(pairs), event_set(left), event_set(right)
    everything = {(i, i) for i in range(N)}
    assert set(r.inverse().pairs()) == {(b, a) for a, b in pairs}
    assert set(r.plus().pairs()) == closed(pairs)
    assert set(r.star().pairs()) == closed(pairs) | everything
    assert set(r.opt().pairs()) == pairs | everything
    assert set(r.between(dom, rng).pairs()) == {
        (a, b) for a, b in pairs if a in left and b in right
    }
    assert r.between(dom, rng) == r.start(dom).end(rng)
    assert set(members(r.domain())) == {a for a, _ in pairs}
    assert set(members(r.range())) == {b for _, b in pairs}
    assert set(r.complement().pairs()) == {(a, b) for a in range(N) for b in range(N)} - pairs
    assert r.without_identity() == r - Relation.identity(N)
    assert Relation.product(N, dom, rng) == made({(a, b) for a in left for b in right})


@given(PAIRS)
def test_cycles(pairs):
    """A relation is acyclic if its closure is irreflexive, else a shortest cycle is found."""
    r = made(pairs)
    assert r.is_acyclic() == r.plus().is_irreflexive()
    cycle = r.cycle()
    assert bool(cycle) != r.is_acyclic()
    for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True):
        assert (a, b) in r
    powers = [r]
    for _ in range(N):
        powers.append(powers[-1] >> r)
    lengths = [k + 1 for k, power in enumerate(powers) if not power.is_irreflexive()]
    assert len(cycle) == (min(lengths) if lengths else 0)


@given(PAIRS, EVENTS, EVENTS)
def test_a_path_follows_the_relation(pairs, start, goal):
    """A path begins and ends where it should, and each of its steps is a pair."""
    r = made(pairs)
    path = r.path(start, goal)
    assert (path is not None) == ((start, goal) in r.plus())
    if path is not None:
        assert (path[0], path[-1]) == (start, goal)
        assert all(step in r for step in zip(path, path[1:], strict=False))
