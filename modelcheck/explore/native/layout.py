"""How states are packed: how many bits each slot gets, in which word, and how words are joined.

A slot's bits never cross a word. Widths leave room to grow; when a slot outgrows its bits, all
stored states are packed anew under a wider layout.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import define, field

from modelcheck.explore.native.shapes import Layout

WORD = 64


@define(eq=False)
class Packing:
    """The bits of each slot, and the arrays for the kernel."""

    widths: list[int]
    arrays: Layout = field(init=False)

    def __attrs_post_init__(self) -> None:
        word, shift, words = _place(self.widths)
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


def _place(widths: Sequence[int]) -> tuple[list[int], list[int], int]:
    """Return word and shift of each slot, and the number of words: first fit, in the slots' order.

    Neighbouring slots stay together, so that longer states share words.
    """
    word, shift, current, used = [], [], 0, 0
    for width in widths:
        if used + width > WORD:
            current, used = current + 1, 0
        word.append(current)
        shift.append(used)
        used += width
    return word, shift, current + 1


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
