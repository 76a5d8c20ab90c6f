"""How states are packed: no two slots share bits, and what changes together is in one word."""

import pytest
from commandline import ROOT
from hypothesis import given
from hypothesis import strategies as st

from modelcheck import System, always, cells, check, process, state
from modelcheck.check import tables_of
from modelcheck.explore.native.layout import WORD, Packing, slots_together
from modelcheck.loading import load

[long_vector] = load(ROOT / "benchmarks" / "long_vector.py")


@st.composite
def grouped(draw):
    """Widths of some slots, and the slots in groups."""
    widths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=30))
    slots = draw(st.permutations(range(len(widths))))
    cuts = sorted(draw(st.sets(st.integers(0, len(widths)))) | {0, len(widths)})
    groups = [list(slots[a:b]) for a, b in zip(cuts, cuts[1:], strict=False)]
    return widths, draw(st.sampled_from([[], groups]))


@given(grouped())
def test_no_two_slots_share_a_bit(drawn):
    """Each slot has its bits in one word; a word has room for all of its slots."""
    widths, groups = drawn
    layout = Packing(widths, groups).arrays
    taken = [0] * layout.words
    for slot, width in enumerate(widths):
        assert int(layout.shift[slot]) + width <= WORD
        bits = int(layout.mask[slot]) << int(layout.shift[slot])
        assert bits.bit_count() == width
        assert not taken[layout.word[slot]] & bits
        taken[layout.word[slot]] |= bits
    for group in groups:
        if sum(widths[slot] for slot in group) <= WORD:
            assert len({int(layout.word[slot]) for slot in group}) == 1


def test_a_process_is_with_the_cells_that_it_alone_writes():
    """So its word takes as many values as the process has states, not as all of them together."""

    def groups(learner, tables):
        for state_of in _along(tables):
            for agent in range(len(tables.agents)):
                tables.leaf(agent, state_of)
        return slots_together(tables)

    found = tables_of(long_vector(n=2, width=3), "sc", groups)
    assert found == [[6, 0, 1, 2], [7, 3, 4, 5]]


def _along(tables, steps=12):
    state_of = tables.initial
    for step in range(steps):
        yield state_of
        writes = tables.leaf(step % 2, state_of).outcomes[0].writes
        state_of = tuple(dict(writes).get(slot, v) for slot, v in enumerate(state_of))


def test_what_several_write_is_with_none_of_them():
    """A flag that all processes set goes with what nobody writes."""

    @state
    class Shared:
        flag: int = 0
        constant: int = 7
        own = cells([0, 0])

    @process
    def sets(s, me):
        yield s.own[me].set(1)
        yield s.flag.set(me)

    def groups(learner, tables):
        for state_of in _along(tables, 4):
            for agent in range(2):
                tables.leaf(agent, state_of)
        return slots_together(tables)

    s = Shared()
    found = tables_of(System(s, [sets(s, 0), sets(s, 1)]), "sc", groups)
    assert found == [[4, 2], [5, 3], [0, 1]]


@state
class Wide:
    a = cells([0] * 40)
    shared: int = 0


@process
def walks(s, me):
    """Writes cells far apart, some of them others' too."""
    for i in range(5):
        yield s.a[(7 * me + 11 * i) % 40].set(me * 5 + i + 1)
        yield s.shared.update(lambda v: (v * 3 + me) % 5)


@pytest.mark.parametrize("workers", [1, 2])
def test_long_states_are_counted_as_by_the_reference_explorer(workers):
    """Values, and so widths and words, come up while the search is on its way."""

    def found(**how):
        s = Wide()

        @always
        def not_all(s):
            return sum(v != 0 for v in s.a) < 14 or s.shared != 2

        result = check(System(s, [walks(s, me) for me in range(3)], [not_all]), **how)
        return result.verdict, result.states, result.transitions, len(result.trace or ())

    native = found(engine="native", workers=workers)
    assert found(engine="reference") == native
    assert native[1] > 1_000
