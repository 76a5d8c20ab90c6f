"""Kernels that go over stored states once: properties, predecessors, packing, rehashing.

Neighbours: `kernel` has the search itself and the helpers; `engine` and `storage` call these.
"""

from __future__ import annotations

from numba import njit, uint64

from modelcheck.explore.native.kernel import (
    bits_at,
    fold,
    insert,
    mix,
    prefetch,
    spot,
    successor,
    unfold,
    walk,
)
from modelcheck.explore.native.shapes import AGENT, CHECKED, DONE, FALSE, MISS, WITNESS


@njit(error_model="numpy", nogil=True)
def move(store, sources, targets):
    """Move states to other places, and tell the hash table."""
    states, table = store.states, store.table
    size = uint64(len(table))
    for i in range(len(sources)):
        root = states[sources[i]]
        place = spot(mix(root), size)
        while uint64(table[place]) != uint64(sources[i] + 1):
            place += uint64(1)
            if place == size:
                place = uint64(0)
        states[targets[i]] = root
        table[place] = targets[i] + 1
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
def predecessor(layout, tries, agents, store, mine, target, found, scratch):
    """Find the first state from found[0] up to found[1] that leads to `target`: MISS without one.

    It is put into found[0], with agent and outcome. Everything there has been expanded, so every
    path is known: parents need not be stored.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    left, right = layout.left, layout.right
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    states, subs = store.states, store.subs
    goal = states[target]
    words, changed, ids = scratch.words, scratch.changed, scratch.ids
    for state in range(found[0], found[1]):
        if count == 1:
            words[0] = states[uint64(state)]
        else:
            unfold(count, left, right, subs, states[uint64(state)], words, ids)
        for a in range(len(agents.slot)):
            local = bits_at(word, shift, mask, words, agents.slot[a])
            if local >= uint64(agents.size[a]):
                continue
            node = walk(
                t_slot, t_data, t_size, t_children, word, shift, mask, words,
                agents.roots[uint64(agents.base[a]) + local],
            )  # fmt: skip
            if node == 0:
                continue  # a search that was cut never expanded this state
            leaf = t_data[node]
            for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                if tries.failing[o]:
                    continue
                root = successor(layout, tries, store, mine, o, words, changed, ids)
                if root == goal:
                    found[0], found[1], found[2] = state, a, o - tries.first[leaf]
                    return DONE
    return MISS


@njit(error_model="numpy", nogil=True)
def rehash(states, first, count, table, skip):
    """Put states from `first` up to `count` into a table, all different but for those to `skip`."""
    size = uint64(len(table))
    ahead = 64
    for i in range(first, count):
        if i + ahead < count:
            prefetch(table, spot(mix(states[uint64(i + ahead)]), size))
        wanted = True
        for j in range(len(skip)):
            wanted = wanted and skip[j] != i
        if not wanted:
            continue
        place = spot(mix(states[uint64(i)]), size)
        while table[place] != 0:
            place += uint64(1)
            if place == size:
                place = uint64(0)
        table[place] = i + 1
    return DONE


@njit(error_model="numpy", nogil=True)
def add_vectors(layout, store, mine, vectors, scratch):
    """Insert states given as value ids, one a row; the caller sees to room."""
    count = layout.words
    words, ids = scratch.words, scratch.ids
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
        place = spot(mix(root), uint64(len(store.table)))
        insert(store.states, store.table, store.shared, mine, root, place)
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
