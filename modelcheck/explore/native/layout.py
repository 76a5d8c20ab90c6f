"""How states are packed: how many bits each slot gets, in which word, and how words are joined.

A slot's bits never cross a word. Widths leave room to grow; when a slot outgrows its bits, all
stored states are packed anew under a wider layout. Words of long states are stored once for all
states that have them: so slots that change together are to be in one word (`slots_together`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from attrs import define, field

from modelcheck.explore.coverage import leaves_of
from modelcheck.explore.native.shapes import Layout
from modelcheck.tables.tables import Tables

WORD = 64

#: A slot is an agent's own where no other one writes it more than once for so many times it does.
ALIKE = 2

#: Which slots are to be stored together, of one word if they fit: each slot is in one group.
Groups = list[list[int]]


@define(eq=False)
class Packing:
    """The bits of each slot, and the arrays for the kernel."""

    widths: list[int]
    groups: Groups = field(factory=list)  # none: all slots in their order
    arrays: Layout = field(init=False)

    def __attrs_post_init__(self) -> None:
        word, shift, words = _place(self.widths, self.groups or [list(range(len(self.widths)))])
        left, right = _joins(words)
        self.arrays = Layout(
            np.array(word, np.int32),
            np.array(shift, np.uint64),
            np.array([(1 << w) - 1 for w in self.widths], np.uint64),
            words,
            np.array(left, np.int32),
            np.array(right, np.int32),
        )

    def holds(self, sizes: Sequence[int]) -> bool:
        """Tell whether every slot's ids fit."""
        return all(size <= 1 << width for size, width in zip(sizes, self.widths, strict=True))


def packed(tables: Tables) -> Packing:
    """Return a layout for the values that each slot has taken so far, and some more."""
    widths = roomy_widths(sizes_of(tables))
    return Packing(widths, slots_together(tables) if sum(widths) > WORD else [])


def sizes_of(tables: Tables) -> list[int]:
    """Return how many values each slot has taken."""
    return [len(domain.values) for domain in tables.domains]


def widths_for(sizes: Sequence[int], slack: int = 0) -> list[int]:
    """Return the bits that each slot needs for so many values, and `slack` more where it may grow.

    Examples
    --------
    >>> widths_for([1, 2, 3, 256, 257])
    [1, 1, 2, 8, 9]
    """
    bits = [max(1, (size - 1).bit_length()) for size in sizes]
    return [b + (slack if size > 2 else 0) for b, size in zip(bits, sizes, strict=True)]


def roomy_widths(sizes: Sequence[int]) -> list[int]:
    """Return widths with a bit to spare where slots may grow, as far as one word has room for that.

    A state of one word is stored as it is; packing anew now and then is cheaper than a second one.
    Where several words are needed in any case, all such slots get their bit.

    Examples
    --------
    >>> roomy_widths([4, 2]), sum(roomy_widths([4, 2] * 17))
    ([3, 1], 64)
    """
    tight, roomy = widths_for(sizes), widths_for(sizes, slack=1)
    if sum(tight) > WORD or sum(roomy) <= WORD:
        return roomy
    spare = WORD - sum(tight)
    growing = [slot for slot in range(len(sizes)) if roomy[slot] > tight[slot]]
    for slot in sorted(growing, key=lambda slot: -sizes[slot])[:spare]:
        tight[slot] += 1
    return tight


def slots_together(tables: Tables) -> Groups:
    """Return groups of slots that change together: an agent's local state, and what it writes most.

    What is written by several agents alike, or by none, is in the last group. That is a guess from
    what was learned so far, and a bad one costs memory and time alone.
    """
    writers: dict[int, Counter[int]] = {}
    for agent, who in enumerate(tables.agents):
        for leaf in leaves_of(who):
            for outcome in leaf.outcomes:
                for slot, _ in outcome.writes:
                    writers.setdefault(slot, Counter())[agent] += 1
    for agent, who in enumerate(tables.agents):  # whoever else writes there
        writers[who.slot] = Counter({agent: 1})
    groups: Groups = [[who.slot] for who in tables.agents]
    shared: list[int] = []
    for slot in range(len(tables.domains)):
        (owner, most), *others = writers.get(slot, Counter({-1: 0})).most_common()
        alike = others and others[0][1] * ALIKE > most
        if owner < 0 or alike:
            shared.append(slot)
        elif slot != tables.agents[owner].slot:
            groups[owner].append(slot)
    return [group for group in (*groups, shared) if group]


def _place(widths: Sequence[int], groups: Groups) -> tuple[list[int], list[int], int]:
    """Return word and shift of each slot, and the number of words.

    A group goes where it fits best, into a word of its own if nowhere; one that is too long for a
    word begins a new one.

    Examples
    --------
    >>> _place([40, 40, 20, 20], [[0, 2], [1, 3]])
    ([0, 1, 0, 1], [0, 0, 40, 40], 2)
    >>> _place([60, 60], [[0, 1]])
    ([0, 1], [0, 0], 2)
    """
    word, shift = [0] * len(widths), [0] * len(widths)
    used: list[int] = []  # bits of each word
    for group in groups:
        length = sum(widths[slot] for slot in group)
        room = [w for w, bits in enumerate(used) if bits + length <= WORD]
        if not room:
            used.append(0)
        at = max(room, key=lambda w: used[w]) if room else len(used) - 1
        for slot in group:
            if used[at] + widths[slot] > WORD:
                used.append(0)
                at = len(used) - 1
            word[slot], shift[slot] = at, used[at]
            used[at] += widths[slot]
    return word, shift, len(used)


def _joins(words: int) -> tuple[list[int], list[int]]:
    """Return which nodes are joined, bottom up: words are 0.., joins follow; the last is the root.

    Examples
    --------
    >>> _joins(1), _joins(3)
    (([], []), ([0, 3], [1, 2]))
    """
    left: list[int] = []
    right: list[int] = []
    level = list(range(words))
    while len(level) > 1:
        following = []
        for a, b in zip(level[::2], level[1::2], strict=False):
            following.append(words + len(left))
            left.append(a)
            right.append(b)
        if len(level) % 2:
            following.append(level[-1])
        level = following
    return left, right
