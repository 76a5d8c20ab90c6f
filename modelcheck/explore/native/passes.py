"""Kernels that go over stored states once: properties, predecessors, packing, rehashing.

Neighbours: `kernel` has the search itself and the helpers; `engine` and `storage` call these.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint64

from modelcheck.explore.native.kernel import bits_at, change, leaf_of, unpack, walk
from modelcheck.explore.native.shapes import AGENT, CHECKED, DONE, FALSE, MISS, ROOM, WITNESS
from modelcheck.explore.native.visited import (
    fold,
    index_bits,
    insert,
    mix,
    mix_words,
    prefetch,
    probe,
    spot,
    unfold,
)


@njit(error_model="numpy", nogil=True)
def move(store, sources, targets):
    """Move states to other places, and tell the hash table."""
    states, table = store.states, store.table
    size = uint64(len(table))
    bits = index_bits(size)
    for i in range(len(sources)):
        root = states[sources[i]]
        looked_for = probe(mix(root), size, bits)
        place, tag = looked_for >> uint64(32), looked_for & uint64(0xFFFFFFFF)
        while uint64(table[place]) != tag | uint64(sources[i] + 1):
            place += uint64(1)
            if place == size:
                place = uint64(0)
        states[targets[i]] = root
        table[place] = tag | uint64(targets[i] + 1)
    return DONE


@njit(error_model="numpy", nogil=True)
def examine(layout, tries, roots, rows, store, mine, last, scratch):
    """Hold states from mine[CHECKED] up to `last` against properties, in order.

    `rows` has, for each property, the place of its root and its number; and 1 for ``always``, 0 for
    ``sometimes``. Returns MISS, FALSE (an invariant), WITNESS, or DONE; mine[AGENT] is the row.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    left, right = layout.left, layout.right
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    states, subs = store.states, store.subs
    words, ids = scratch.words, scratch.ids
    for at in range(mine[CHECKED], last):
        if count == 1:
            words[0] = states[uint64(at)]
        else:
            unfold(count, left, right, subs, states[uint64(at)], words, ids)
        for row in range(len(rows)):
            node = walk(
                t_slot, t_data, t_size, t_children, word, shift, mask, words, roots[rows[row, 0]]
            )
            if node == 0:
                mine[CHECKED], mine[AGENT] = at, row
                return MISS
            if t_data[node] != rows[row, 2]:
                mine[CHECKED], mine[AGENT] = at, row
                return FALSE if rows[row, 2] == 1 else WITNESS
    mine[CHECKED] = last
    return DONE


@njit(error_model="numpy", nogil=True)
def predecessor(layout, tries, agents, store, target, goal, found, scratch):
    """Find the first state from found[0] up to found[1] that leads to `target`: MISS without one.

    It is put into found[0], with agent and outcome: parents need not be stored. `goal` is room for
    the words of a state. Nothing is packed, so nothing is added to the parts that states have: what
    a reduced search put off may lead to states that are not stored.
    """
    words, changed = scratch.words, scratch.changed
    unpack(layout, store, store.states[uint64(target)], goal, scratch.ids)
    for state in range(found[0], found[1]):
        unpack(layout, store, store.states[uint64(state)], words, scratch.ids)
        for a in range(len(agents.slot)):
            leaf = leaf_of(layout, tries, agents, words, a)
            if leaf < 0:
                continue  # a search that was cut never expanded this state
            for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                if tries.failing[o]:
                    continue
                change(layout, tries, o, words, changed)
                same = True
                for i in range(layout.words):
                    same = same and changed[i] == goal[i]
                if same:
                    found[0], found[1], found[2] = state, a, o - tries.first[leaf]
                    return DONE
    return MISS


@njit(error_model="numpy", nogil=True)
def aim(layout, store, states, goals, table, scratch):
    """Unpack some states, all different, into `goals`, one a row; and put the rows into a table."""
    count, words = layout.words, scratch.words
    size = uint64(len(table))
    for row in range(len(states)):
        unpack(layout, store, store.states[uint64(states[row])], words, scratch.ids)
        for i in range(count):
            goals[row, i] = words[i]
        place = spot(mix_words(words, count), size)
        while table[place] != 0:
            place += uint64(1)
            if place == size:
                place = uint64(0)
        table[place] = row + 1
    return DONE


@njit(inline="always")
def _goal(goals, table, words, count):
    """Return the row of a state among goals, -1 where it is none."""
    size = uint64(len(table))
    place = spot(mix_words(words, count), size)
    while table[place] != 0:
        row = uint64(table[place]) - uint64(1)
        same = True
        for i in range(uint64(count)):
            same = same and goals[row, i] == words[i]
        if same:
            return np.int64(row)
        place += uint64(1)
        if place == size:
            place = uint64(0)
    return np.int64(-1)


@njit(error_model="numpy", nogil=True)
def predecessors(layout, tries, agents, store, goals, table, last, cursor, found, scratch):
    """Find all steps from states up to `last` to goals that `aim` made; ROOM where `found` is full.

    cursor[0] is the next state, cursor[1] how many rows there are: state, agent, outcome, goal.
    Nothing is packed, so nothing is added to the parts that states have: a state may be one that a
    search was cut before it expanded.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    first, outcomes_of, failing = tries.first, tries.count, tries.failing
    begin, deltas, where, keep, put = tries.begin, tries.deltas, tries.where, tries.keep, tries.put
    a_slot, a_base, a_size, roots = agents.slot, agents.base, agents.size, agents.roots
    words, changed = scratch.words, scratch.changed
    used = cursor[1]
    for state in range(cursor[0], last):
        unpack(layout, store, store.states[uint64(state)], words, scratch.ids)
        begun = used
        for a in range(uint64(len(a_slot))):
            local = bits_at(word, shift, mask, words, a_slot[a])
            if local >= uint64(a_size[a]):
                continue
            start = roots[uint64(a_base[a]) + local]
            node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
            if node == 0:
                continue
            leaf = uint64(t_data[uint64(node)])
            base = uint64(first[leaf])
            for o in range(base, base + uint64(outcomes_of[leaf])):
                if failing[o]:
                    continue
                for i in range(uint64(count)):
                    changed[i] = words[i]
                delta = uint64(begin[o])
                for d in range(delta, delta + uint64(deltas[o])):
                    w = uint64(where[d])
                    changed[w] = (changed[w] & keep[d]) | put[d]
                goal = _goal(goals, table, changed, count)
                if goal < 0:
                    continue
                if used == len(found):
                    cursor[0], cursor[1] = state, begun
                    return ROOM
                found[used, 0], found[used, 1] = state, np.int64(a)
                found[used, 2], found[used, 3] = np.int64(o - base), goal
                used += 1
    cursor[0], cursor[1] = last, used
    return DONE


@njit(error_model="numpy", nogil=True)
def endings(layout, tries, agents, store, failing, last, cursor, found, scratch):
    """Find all steps that fail in states up to `last`, or states where nobody can step.

    All are expanded. `cursor` and `found` are those of `predecessors`, without the goal.
    """
    words = scratch.words
    used = cursor[1]
    for state in range(cursor[0], last):
        unpack(layout, store, store.states[uint64(state)], words, scratch.ids)
        begun, able = used, False
        for a in range(len(agents.slot)):
            leaf = leaf_of(layout, tries, agents, words, a)
            if leaf < 0:
                able = True
                continue
            able = able or tries.count[leaf] > 0
            for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                if not failing or not tries.failing[o]:
                    continue
                if used == len(found):
                    cursor[0], cursor[1] = state, begun
                    return ROOM
                found[used, 0], found[used, 1], found[used, 2] = state, a, o - tries.first[leaf]
                used += 1
        if able or failing:
            continue
        if used == len(found):
            cursor[0], cursor[1] = state, begun
            return ROOM
        found[used, 0] = state
        used += 1
    cursor[0], cursor[1] = last, used
    return DONE


@njit(error_model="numpy", nogil=True)
def violating(layout, tries, root, store, last, cursor, found, scratch):
    """Find the states up to `last` in which a property does not hold: MISS, ROOM or DONE.

    `root` is that of its trie; `cursor` and `found` are those of `predecessors`.
    """
    words = scratch.words
    for state in range(cursor[0], last):
        cursor[0] = state
        unpack(layout, store, store.states[uint64(state)], words, scratch.ids)
        node = walk(
            tries.slot, tries.data, tries.size, tries.children, layout.word, layout.shift,
            layout.mask, words, root,
        )  # fmt: skip
        if node == 0:
            return MISS
        if tries.data[node] == 0:
            if cursor[1] == len(found):
                return ROOM
            found[cursor[1], 0] = state
            cursor[1] += 1
    cursor[0] = last
    return DONE


@njit(error_model="numpy", nogil=True)
def rehash(states, first, count, table, skip):
    """Put states from `first` up to `count` into a table, all different but for those to `skip`."""
    size = uint64(len(table))
    bits = index_bits(size)
    ahead = 64
    for i in range(first, count):
        if i + ahead < count:
            prefetch(table, spot(mix(states[uint64(i + ahead)]), size))
        wanted = True
        for j in range(len(skip)):
            wanted = wanted and skip[j] != i
        if not wanted:
            continue
        looked_for = probe(mix(states[uint64(i)]), size, bits)
        place, tag = looked_for >> uint64(32), looked_for & uint64(0xFFFFFFFF)
        while table[place] != 0:
            place += uint64(1)
            if place == size:
                place = uint64(0)
        table[place] = tag | uint64(i + 1)
    return DONE


@njit(error_model="numpy", nogil=True)
def add_vectors(layout, store, mine, vectors, scratch):
    """Insert states given as value ids, one a row; the caller sees to room."""
    count = layout.words
    words, ids = scratch.words, scratch.ids
    size = uint64(len(store.table))
    bits = index_bits(size)
    for row in range(vectors.shape[0]):
        for i in range(count):
            words[i] = uint64(0)
        for slot in range(vectors.shape[1]):
            words[layout.word[slot]] |= uint64(vectors[row, slot]) << layout.shift[slot]
        root = words[0]
        if count > 1:
            root = fold(
                count, layout.left, layout.right, store.subs, store.sub_table, store.shared, mine,
                words, ids,
            )  # fmt: skip
        looked_for = probe(mix(root), size, bits)
        insert(store.states, store.table, bits, store.shared, mine, root, looked_for, True)
    return DONE


@njit(error_model="numpy", nogil=True)
def vectors_of(layout, store, first, found, scratch):
    """Put states from `first` on into `found` as value ids, one a row."""
    words, ids = scratch.words, scratch.ids
    for row in range(found.shape[0]):
        root = store.states[uint64(first + row)]
        words[0] = root
        if layout.words > 1:
            unfold(layout.words, layout.left, layout.right, store.subs, root, words, ids)
        for slot in range(len(layout.word)):
            found[row, slot] = bits_at(layout.word, layout.shift, layout.mask, words, slot)
    return DONE


@njit(error_model="numpy", nogil=True)
def repack(old, new, states, count, found):
    """Put states of one word into `found`, packed in a new way into one word."""
    slots = len(old.word)
    for at in range(count):
        before, after = states[uint64(at)], uint64(0)
        for slot in range(slots):
            value = (before >> old.shift[uint64(slot)]) & old.mask[uint64(slot)]
            after |= value << new.shift[uint64(slot)]
        found[uint64(at)] = after
    return DONE
