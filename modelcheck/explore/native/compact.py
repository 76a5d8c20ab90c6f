"""Kernels of the searches that may miss states: the frontier in full, of the rest only some bits.

Two visited sets: a table of hashes of 40 to 64 bits (Wolper and Leroy 1993; Stern and Dill 1995),
and an array of bits of which each state sets three (Holzmann 1998). A hash decides where a state
belongs, and an independent one what is stored there. Order, counts and rules are those of
`modelcheck.explore.native.kernel`, whose helpers these use: numba does not notice when those
change, so the folder of compiled code goes by both files.

The loop over a level is written out a second time on purpose: what differs is what it does with
each successor, in its midst, and a call there costs more than the set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, uint32, uint64

from modelcheck.explore.lossy import PROBES
from modelcheck.explore.native.kernel import at_rest, value_at, walk
from modelcheck.explore.native.shapes import (
    AGENT,
    CHECKED,
    DONE,
    FAIL_AGENT,
    FAIL_AT,
    FAIL_STATE,
    FAIL_WHICH,
    FALSE,
    MISS,
    ROOM,
    TRANSITIONS,
    WITNESS,
)
from modelcheck.explore.native.visited import mix, mix_words, prefetch, spot

#: The set is as full as it may get.
FULL = 5

#: Places in the counters, beside those from `TRANSITIONS` on. ONES: bits that are set, or hashes
#: stored; COMPARED: entries that a new state was held against.
CURSOR, NEW, ONES, COMPARED = range(4)
COUNTERS = 16

#: Successors waiting for their look-up.
PENDING = 256


class Visited(NamedTuple):
    """A visited set: either hashes, their low and high bits apart, or bits."""

    low: np.ndarray  # uint32[...]; length 1 where there are bits
    high: np.ndarray  # uint8, uint16 or uint32[...]
    mask: int  # of the high bits
    bits: np.ndarray  # uint64[...]; length 1 where there are hashes
    limit: int  # how many hashes, or bits that are set, at most
    missed: np.ndarray  # float64[1]: expected number of new states taken for known ones


class Level(NamedTuple):
    """A level in full, and the one that it leads to."""

    here: np.ndarray  # uint64[states, words]
    following: np.ndarray  # uint64[room, words]
    links: np.ndarray  # uint64[room], or empty: parent, agent, outcome: 32, 12 and 20 bits
    visits: np.ndarray  # int64[leaves]
    last: int  # where to stop
    deadlock: bool


@njit(inline="always")
def _second_hash(words, count):
    h = uint64(0xD1B54A32D192ED03)
    for i in range(count):
        h = mix((h ^ words[i]) * uint64(0xAEF17502108EF2D9) + uint64(0x2545F4914F6CDD1D))
    return h


@njit
def _add_hash(low, high, mask, mine, first, second):
    """Store a hash; return whether it is new."""
    size = len(low)
    place = np.int64(spot(first, uint64(size)))
    below, above = uint32(second), (second >> uint64(32)) & uint64(mask)
    if below == 0 and above == 0:
        below = uint32(1)  # zero is an empty place
    compared = 0
    while low[place] != 0 or high[place] != 0:
        if low[place] == below and high[place] == above:
            return False
        compared += 1
        place += 1
        if place == size:
            place = 0
    low[place], high[place] = below, above
    mine[COMPARED] += compared
    mine[ONES] += 1
    return True


@njit
def _add_bits(bits, missed, mine, first, second):
    """Set a state's bits; return whether one of them was not set."""
    size = uint64(len(bits)) * uint64(64)
    before = mine[ONES]
    at, step = first, second | uint64(1)
    for _ in range(PROBES):
        place = at % size
        word, bit = np.int64(place >> uint64(6)), uint64(1) << (place & uint64(63))
        if bits[word] & bit == 0:
            bits[word] |= bit
            mine[ONES] += 1
        at = mix(at + step)
    if mine[ONES] == before:
        return False
    missed[0] += (before / np.float64(size)) ** PROBES
    return True


@njit
def _flush(low, high, mask, bits, missed, mine, following, links, waiting, count):
    """Look up all pending successors, in order; the new ones are part of the next level."""
    words, first, second, link = waiting
    for i in range(count):
        if len(bits) > 1:
            new = _add_bits(bits, missed, mine, first[i], second[i])
        else:
            new = _add_hash(low, high, mask, mine, first[i], second[i])
        if new:
            at = mine[NEW]
            for w in range(words.shape[1]):
                following[at, w] = words[i, w]
            if len(links):
                links[at] = link[i]
            mine[NEW] = at + 1


@njit(cache=True, nogil=True)
def expand(layout, tries, agents, at_end, visited, level, mine):
    """Expand a level from mine[CURSOR] on; return DONE, MISS, ROOM (in the next level) or FULL.

    As `modelcheck.explore.native.kernel.expand` with one worker, but for the visited set, and as
    long for the same reason.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    first, outcomes_of = tries.first, tries.count
    failing, begin, deltas = tries.failing, tries.begin, tries.deltas
    where, keep, put = tries.where, tries.keep, tries.put
    a_slot, a_base, a_size, roots = agents.slot, agents.base, agents.size, agents.roots
    low, high, bits, missed = visited.low, visited.high, visited.bits, visited.missed
    high_mask, limit = visited.mask, visited.limit
    here, following, links, visits = level.here, level.following, level.links, level.visits
    words = np.empty(count, np.uint64)
    pending = np.empty((PENDING, count), np.uint64)
    firsts = np.empty(PENDING, np.uint64)
    seconds = np.empty(PENDING, np.uint64)
    origins = np.empty(PENDING, np.uint64)
    together = (pending, firsts, seconds, origins)
    waiting = 0
    number = len(a_slot)
    leaves = np.empty(number, np.int64)
    each = PROBES if len(bits) > 1 else 1
    size, many_bits = uint64(len(low)), uint64(len(bits)) * uint64(64)
    why = DONE
    cursor = mine[CURSOR]
    while cursor < level.last:
        for i in range(count):
            words[i] = here[cursor, i]
        branches = np.int64(0)
        missing = False
        for a in range(number):
            local = value_at(word, shift, mask, words, a_slot[a])
            node = np.int32(0)
            if local < a_size[a]:
                start = roots[a_base[a] + local]
                node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
            if node == 0:
                mine[AGENT] = a
                missing = True
                break
            leaves[a] = t_data[node]
            branches += outcomes_of[leaves[a]]
        if not missing and branches == 0:
            missing = at_rest(
                t_slot, t_data, t_size, t_children, word, shift, mask, words, agents, at_end,
                level.deadlock, mine, cursor,
            )  # fmt: skip
        if missing:
            why = MISS
            break
        if mine[NEW] + waiting + branches > len(following):
            mine[AGENT] = branches
            why = ROOM
            break
        if mine[ONES] + each * (waiting + branches) > limit:
            why = FULL
            break
        for a in range(number):
            leaf = leaves[a]
            outcomes = outcomes_of[leaf]
            if outcomes == 0:
                continue
            visits[leaf] += 1
            mine[TRANSITIONS] += outcomes
            for o in range(first[leaf], first[leaf] + outcomes):
                if failing[o]:
                    if mine[FAIL_AT] < 0:
                        _flush(
                            low, high, high_mask, bits, missed, mine, following, links, together,
                            waiting,
                        )  # fmt: skip
                        waiting = 0
                        mine[FAIL_AT], mine[FAIL_STATE] = mine[NEW], cursor
                        mine[FAIL_AGENT], mine[FAIL_WHICH] = a, o - first[leaf]
                    continue
                changed = pending[waiting]
                for i in range(count):
                    changed[i] = words[i]
                for d in range(begin[o], begin[o] + deltas[o]):
                    w = where[d]
                    changed[w] = (changed[w] & keep[d]) | put[d]
                one = mix_words(changed, count)
                firsts[waiting], seconds[waiting] = one, _second_hash(changed, count)
                origin = uint64(cursor) << uint64(32) | uint64(a) << uint64(20)
                origins[waiting] = origin | uint64(o - first[leaf])
                if len(bits) > 1:
                    prefetch(bits, np.int64((one % many_bits) >> uint64(6)))
                else:
                    prefetch(low, np.int64(spot(one, size)))
                    prefetch(high, np.int64(spot(one, size)))
                waiting += 1
                if waiting == PENDING:
                    _flush(
                        low, high, high_mask, bits, missed, mine, following, links, together,
                        waiting,
                    )  # fmt: skip
                    waiting = 0
        cursor += 1
    _flush(low, high, high_mask, bits, missed, mine, following, links, together, waiting)
    mine[CURSOR] = cursor
    return why


@njit(cache=True, nogil=True)
def examine(layout, tries, roots, rows, states, mine, last):
    """Hold states of the next level against properties, in order: MISS, FALSE, WITNESS or DONE."""
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    words = np.empty(count, np.uint64)
    for at in range(mine[CHECKED], last):
        for i in range(count):
            words[i] = states[at, i]
        for row in range(len(rows)):
            node = walk(
                t_slot, t_data, t_size, t_children, word, shift, mask, words, roots[rows[row, 0]]
            )
            if node == 0 or t_data[node] != rows[row, 2]:
                mine[CHECKED], mine[AGENT] = at, row
                if node == 0:
                    return MISS
                return FALSE if rows[row, 2] == 1 else WITNESS
    mine[CHECKED] = last
    return DONE


@njit(cache=True)
def hashes(words):
    """Return the two hashes of a state."""
    return mix_words(words, len(words)), _second_hash(words, len(words))


@njit(cache=True)
def add(visited, mine, first, second):
    """Put one state into the set; return whether it is new."""
    if len(visited.bits) > 1:
        return _add_bits(visited.bits, visited.missed, mine, first, second)
    return _add_hash(visited.low, visited.high, visited.mask, mine, first, second)
