"""What a reduced graph ignores for ever, natively: see `modelcheck.explore.reduction.ignoring`.

The graph is walked once, depth first; its edges are not stored but generated again. Strongly
connected components after Pearce, A space-efficient algorithm for finding strongly connected
components, Information Processing Letters 2016: one number for each state. What is wanted of a
component is collected on the way up, since a state that is not its root is in that of its parent.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint32, uint64

from modelcheck.explore.native.kernel import bits_at, successor, walk
from modelcheck.explore.native.shapes import (
    ACTIVE,
    DEPTH,
    DONE,
    FOUND,
    HEIGHT,
    PARTS,
    ROOM,
    ROOT,
)
from modelcheck.explore.native.visited import found_at, index_bits, unfold

#: Parts are numbered from here down: far above the states on their way, which are counted from 1.
LAST_PART = 2**32 - 1


@njit(error_model="numpy", nogil=True)
def ignored(layout, tries, agents, store, mine, masks, room, walking, last, patience):
    """Find a state of each part that nothing leads out of and that ignores agents, with these.

    All of the first `last` states were expanded by the agents in `masks`. Returns ROOM after
    `patience` turns: to be called again; and DONE, with ``counters[FOUND]`` states found; those
    beyond the room for them are only counted.

    One long function on purpose, as `kernel.expand` is: a walk that goes on where it was left has
    all of its state in arrays that are named once.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    first_of, count_of, failing = tries.first, tries.count, tries.failing
    a_slot, a_base, roots = agents.slot, agents.base, agents.roots
    states, table = store.states, store.table
    bits = index_bits(uint64(len(table)))
    words, changed, ids = room.words, room.changed, room.ids
    number, pending, path = walking.number, walking.pending, walking.path
    agent, outcome, above = walking.agent, walking.outcome, walking.above
    left, taken, first = walking.left, walking.taken, walking.first
    counters = walking.counters
    many = len(a_slot)
    start, depth, active = counters[ROOT], counters[DEPTH], counters[ACTIVE]
    parts, height = counters[PARTS], counters[HEIGHT]
    enter = np.int64(-1)
    why = DONE
    while True:
        if depth == 0:
            while start < last and number[start] != uint32(0):
                start += 1
            if start == last:
                break
            enter = start
        if enter >= 0:
            active += 1
            number[enter] = active
            path[depth], agent[depth], outcome[depth] = enter, 0, 0
            above[depth], left[depth] = False, False
            taken[depth], first[depth] = masks[enter], enter
            depth += 1
            enter = np.int64(-1)
        if patience == 0:
            why = ROOM
            break
        patience -= 1
        top = depth - 1
        state = np.int64(path[top])
        if count == 1:
            words[0] = states[state]
        else:
            unfold(count, layout.left, layout.right, store.subs, states[state], words, ids)
        a, o = np.int64(agent[top]), np.int64(outcome[top])
        while a < many and enter < 0:
            if (masks[state] >> uint64(a)) & uint64(1) == uint64(0):
                a += 1
                continue
            local = bits_at(word, shift, mask, words, a_slot[a])
            leaf = t_data[
                walk(
                    t_slot, t_data, t_size, t_children, word, shift, mask, words,
                    roots[uint64(a_base[a]) + local],
                )
            ]  # fmt: skip
            while o < count_of[leaf]:
                if failing[first_of[leaf] + o]:
                    o += 1
                    continue
                packed = successor(
                    layout, tries, store, mine, first_of[leaf] + o, words, changed, ids
                )
                o += 1
                after = found_at(states, table, bits, packed)
                told = number[after]
                if told == uint32(0):
                    enter = after
                    break
                if np.int64(told) > LAST_PART - parts:
                    left[top] = True
                elif told < number[state]:
                    number[state] = told
                    above[top] = True
            if enter < 0:
                a += 1
                o = 0
        agent[top], outcome[top] = a, o
        if enter >= 0:
            continue
        depth -= 1
        if above[top]:
            pending[height] = state
            height += 1
            below = top - 1
            left[below] |= left[top]
            taken[below] |= taken[top]
            first[below] = min(first[below], first[top])
            parent = path[below]
            if number[state] < number[parent]:
                number[parent] = number[state]
                above[below] = True
            continue
        part = LAST_PART - parts
        parts += 1
        active -= 1
        while height > 0 and number[pending[height - 1]] >= number[state]:
            height -= 1
            active -= 1
            number[pending[height]] = part
        number[state] = part
        if depth > 0:
            left[depth - 1] = True
        if left[top]:
            continue
        witness = np.int64(first[top])
        if count == 1:
            words[0] = states[witness]
        else:
            unfold(count, layout.left, layout.right, store.subs, states[witness], words, ids)
        lacking = uint64(0)
        for b in range(many):
            local = bits_at(word, shift, mask, words, a_slot[b])
            node = walk(
                t_slot, t_data, t_size, t_children, word, shift, mask, words,
                roots[uint64(a_base[b]) + local],
            )  # fmt: skip
            if count_of[t_data[node]] > 0:
                lacking |= uint64(1) << uint64(b)
        lacking &= ~taken[top]
        if lacking != uint64(0):
            if counters[FOUND] < len(walking.states):
                walking.states[counters[FOUND]] = witness
                walking.lacking[counters[FOUND]] = lacking
            counters[FOUND] += 1
    counters[ROOT], counters[DEPTH], counters[ACTIVE] = start, depth, active
    counters[PARTS], counters[HEIGHT] = parts, height
    return why
