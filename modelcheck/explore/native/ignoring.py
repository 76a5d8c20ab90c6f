"""What a reduced graph ignores for ever, natively: see `modelcheck.explore.reduction.ignoring`.

A part of the graph that ignores steps has no state in which all that can step do, and does not lead
to one. So states that lead to one are left out first (`settle`), in passes over all states from the
last to the first: that is quick, and most do. The rest of the graph is walked, depth first
(`ignored`). Its edges, but for one of each state, are not stored but generated again. Strongly
connected components after Pearce, A space-efficient algorithm for finding strongly connected
components, Information Processing Letters 2016: one number for each state. What is wanted of a
component is collected on the way up, since a state that is not its root is in that of its parent.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint32, uint64

from modelcheck.explore.native.closure import lowest
from modelcheck.explore.native.kernel import leaf_of, successor, unpack
from modelcheck.explore.native.shapes import (
    ACTIVE,
    DEPTH,
    DONE,
    FOUND,
    HEIGHT,
    PARTS,
    PENDING,
    ROOM,
    ROOT,
    SETTLED,
    UNSETTLED,
)
from modelcheck.explore.native.visited import found_at, index_bits, mix, prefetch, probe

#: Parts are numbered from here down: far above the states on their way, which are counted from 1.
#: What `settle` leaves out counts as one part.
LAST_PART = 2**32 - 1

#: A batch of `settle` goes over so many states at most.
MOST = 64 * PENDING


@njit(error_model="numpy", nogil=True)
def settle(layout, tries, agents, store, mine, masks, room, walking, children, patience):
    """Leave out states that lead to one in which all that can step do.

    As far as it is seen in one pass from the last to the first. Returns ROOM after `patience`
    batches: to be called again; and DONE. Of each state one successor is asked first: the one noted
    in `children`; or it is made again and looked up, all of a batch at once lest each look-up wait
    for memory. If it does not tell, all others are.
    """
    first_of, count_of, failing = tries.first, tries.count, tries.failing
    states, table = store.states, store.table
    number, batch, others, counters = walking.number, walking.path, walking.agent, walking.counters
    words, changed, ids = room.words, room.changed, room.ids
    pending, probes = room.pending, room.probes
    size = uint64(len(table))
    bits = index_bits(size)
    last = counters[UNSETTLED]
    while last > 0 and patience > 0:
        patience -= 1
        waiting = 0
        end = max(np.int64(0), last - MOST)  # few may need to wait, and the caller be waiting
        while last > end and waiting < PENDING:
            last -= 1
            if number[last] != uint32(0):
                continue
            child = children[last]
            if child != uint32(0) and number[child - uint32(1)] != uint32(0):
                number[last] = LAST_PART
                counters[SETTLED] += 1
                continue
            # A state without successors stands for itself, which tells nothing.
            root, taken = states[last], masks[last]
            more = taken & (taken - uint64(1)) != uint64(0)
            if taken != uint64(0):
                unpack(layout, store, root, words, ids)
                leaf = leaf_of(layout, tries, agents, words, lowest(taken))
                more = more or count_of[leaf] > 1
                if count_of[leaf] > 0 and not failing[first_of[leaf]]:
                    root = successor(
                        layout, tries, store, mine, first_of[leaf], words, changed, ids
                    )
            batch[waiting], others[waiting] = last, more
            pending[waiting], probes[waiting] = root, probe(mix(root), size, bits)
            prefetch(table, probes[waiting] >> uint64(32))
            waiting += 1
        for i in range(waiting):
            told = uint64(table[probes[i] >> uint64(32)])
            told ^= probes[i] & uint64(0xFFFFFFFF)
            if told <= bits:  # else it is at another place
                prefetch(states, told - uint64(1))
                prefetch(number, told - uint64(1))
        for i in range(waiting):
            state = np.int64(batch[i])
            after = found_at(states, table, bits, pending[i])
            if number[after] != uint32(0) or _leads_on(
                layout, tries, agents, store, mine, masks[state], room, number, states[state],
                others[i] != 0,
            ):  # fmt: skip
                number[state] = LAST_PART
                counters[SETTLED] += 1
    counters[UNSETTLED] = last
    counters[PARTS] = 1
    return ROOM if last > 0 else DONE


@njit(error_model="numpy", nogil=True)
def _leads_on(layout, tries, agents, store, mine, taken, room, number, root, others):
    """Tell whether in a state all agents step that can, or one steps to a state that is marked.

    The latter where there are `others` than the one that was asked.
    """
    words, changed, ids = room.words, room.changed, room.ids
    bits = index_bits(uint64(len(store.table)))
    unpack(layout, store, root, words, ids)
    lacking = False
    for a in range(len(agents.slot)):
        takes = (taken >> uint64(a)) & uint64(1) != uint64(0)
        if takes and not others:
            continue
        leaf = leaf_of(layout, tries, agents, words, a)
        if not takes:
            lacking = lacking or tries.count[leaf] > 0
            if lacking and not others:
                return False
            continue
        for outcome in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
            if not tries.failing[outcome]:
                packed = successor(layout, tries, store, mine, outcome, words, changed, ids)
                if number[found_at(store.states, store.table, bits, packed)] != uint32(0):
                    return True
    return not lacking


@njit(error_model="numpy", nogil=True)
def ignored(layout, tries, agents, store, mine, masks, room, walking, last, patience):
    """Find a state of each part that nothing leads out of and that ignores agents, with these.

    All of the first `last` states were expanded by the agents in `masks`; `settle` has left out
    some. Returns ROOM after `patience` turns: to be called again; and DONE, with
    ``counters[FOUND]`` states found; those beyond the room for them are only counted.

    One long function on purpose, as `kernel.expand` is: a walk that goes on where it was left has
    all of its state in arrays that are named once.
    """
    first_of, count_of, failing = tries.first, tries.count, tries.failing
    states, table = store.states, store.table
    bits = index_bits(uint64(len(table)))
    words, changed, ids = room.words, room.changed, room.ids
    number, pending, path = walking.number, walking.pending, walking.path
    agent, outcome, above = walking.agent, walking.outcome, walking.above
    left, taken, first = walking.left, walking.taken, walking.first
    counters = walking.counters
    many = len(agents.slot)
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
        unpack(layout, store, states[state], words, ids)
        a, o = np.int64(agent[top]), np.int64(outcome[top])
        while a < many and enter < 0:
            if (masks[state] >> uint64(a)) & uint64(1) == uint64(0):
                a += 1
                continue
            leaf = leaf_of(layout, tries, agents, words, a)
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
        unpack(layout, store, states[witness], words, ids)
        lacking = uint64(0)
        for b in range(many):
            if count_of[leaf_of(layout, tries, agents, words, b)] > 0:
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
