"""The native search up to symmetry: its kernels.

Like `kernel.expand`, but each successor is unpacked, brought into its canonical form
(`modelcheck.explore.orbits` says which) and packed again before it is looked up. What generators do
to values stands in arrays, which are complete for every value that the tries can write.
Neighbours: `symmetric` makes the arrays and drives.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, uint64

from modelcheck.explore.native.kernel import change, leaf_of, unpack, value_at, walk
from modelcheck.explore.native.shapes import (
    AGENT,
    ALLOCATED,
    BLOCK,
    CURSOR,
    DEFERRED,
    DONE,
    FAIL_AGENT,
    FAIL_AT,
    FAIL_STATE,
    FAIL_WHICH,
    FULLEST,
    MANY,
    MISS,
    NEXT,
    RECENT,
    ROOM,
    STUCK_PROPERTY,
    STUCK_STATE,
    SUB_FULL,
    SUBS,
    TRANSITIONS,
)
from modelcheck.explore.native.visited import (
    fetch_add,
    fold,
    found_at,
    index_bits,
    insert,
    mix,
    probe,
)


class Group(NamedTuple):
    """A symmetry as arrays; see `modelcheck.tables.symmetry.Symmetry`."""

    to: np.ndarray  # int32[generators, slots]
    base: np.ndarray  # int64[generators, slots]: where the images of a slot's values begin
    images: np.ndarray  # int32[...]
    active: np.ndarray  # int32[generators, slots]: the slots that a generator changes
    active_count: np.ndarray  # int32[generators]
    color_base: np.ndarray  # int64[slots]
    colors: np.ndarray  # int32[...]
    ring: np.ndarray  # bool[factors]: a ring is turned; else neighbours are exchanged
    size: np.ndarray  # int32[factors]
    first: np.ndarray  # int32[factors]: the first generator
    owned: np.ndarray  # int32[...]: slots of the first name, of the second, ...
    owned_base: np.ndarray  # int64[factors]
    owned_count: np.ndarray  # int32[factors]: slots of one name


class Room(NamedTuple):
    """Where one worker forms canonical forms. A *block* is a tie of names, or a ring."""

    vectors: np.ndarray  # int32[blocks + 1, slots]: an image for each block that is gone through
    best: np.ndarray  # int32[slots]
    other: np.ndarray  # int32[slots]
    begin: np.ndarray  # int32[blocks]: first generator
    names: np.ndarray  # int32[blocks]: how many
    turns: np.ndarray  # bool[blocks]
    left: np.ndarray  # int32[blocks]: turns of a ring to come
    order: np.ndarray  # int32[blocks, names]: plain changes, as in `tables.symmetry`
    direction: np.ndarray  # int32[blocks, names]
    fixed: np.ndarray  # int32[names]: of so many names, ties that need not be gone through


@njit
def room_for(group):
    """Return room for one worker."""
    slots = group.to.shape[1]
    names = np.int64(1)
    for f in range(len(group.size)):
        names += group.size[f]
    return Room(
        np.zeros((names + 1, slots), np.int32),
        np.zeros(slots, np.int32),
        np.zeros(slots, np.int32),
        np.zeros(names, np.int32),
        np.zeros(names, np.int32),
        np.zeros(names, np.bool_),
        np.zeros(names, np.int32),
        np.zeros((names, names), np.int32),
        np.zeros((names, names), np.int32),
        np.zeros(names, np.int32),
    )


@njit
def apply(group, other, generator, vector):
    """Put the image of a vector of ids in its place."""
    count = group.active_count[generator]
    for i in range(count):
        slot = group.active[generator, i]
        at = group.base[generator, slot] + vector[slot]
        other[group.to[generator, slot]] = group.images[at]
    for i in range(count):
        slot = group.active[generator, i]
        vector[slot] = other[slot]


@njit
def _less(group, f, vector, one, two):
    """Compare the keys of two names: -1, 0 or 1."""
    count = group.owned_count[f]
    for i in range(count):
        a = group.owned[group.owned_base[f] + one * count + i]
        b = group.owned[group.owned_base[f] + two * count + i]
        left = group.colors[group.color_base[a] + vector[a]]
        right = group.colors[group.color_base[b] + vector[b]]
        if left != right:
            return -1 if left < right else 1
    return 0


@njit
def _compare(one, other):
    for i in range(len(one)):
        if one[i] != other[i]:
            return -1 if one[i] < other[i] else 1
    return 0


@njit
def _next_change(order, direction, count):
    """Return the place of the next exchange of plain changes, -1 after the last."""
    best = -1
    at = -1
    for place in range(count):
        value = order[place]
        beside = place + direction[value]
        if 0 <= beside < count and order[beside] < value and value > best:
            best, at = value, place
    if best < 0:
        return -1
    beside = at + direction[best]
    order[at], order[beside] = order[beside], order[at]
    for value in range(best + 1, count):
        direction[value] = -direction[value]
    return min(at, beside)


@njit
def _is_fixed(group, other, begin, names, vector, scratch):
    """Tell whether exchanging any neighbours of a tie leaves a vector as it is."""
    for g in range(begin, begin + names - 1):
        scratch[:] = vector
        apply(group, other, g, scratch)
        if _compare(scratch, vector) != 0:
            return False
    return True


@njit
def _sort(group, room, vector):
    """Sort the names of a vector, in its place; list the blocks to go through, and count them.

    Ties whose every order leaves the vector as it is are in none: in `fixed`, by their length.
    """
    blocks = 0
    room.fixed[:] = 0
    for f in range(len(group.size)):  # all, before any is asked what it leaves as it is
        for last in range(1, np.int64(0) if group.ring[f] else group.size[f]):
            at = last
            while at > 0 and _less(group, f, vector, at, at - 1) < 0:
                apply(group, room.other, group.first[f] + at - 1, vector)
                at -= 1
    for f in range(len(group.size)):
        first, size = group.first[f], group.size[f]
        if group.ring[f]:
            room.begin[blocks], room.names[blocks], room.turns[blocks] = first, size, True
            blocks += 1
            continue
        begin = 0
        for at in range(1, size + 1):
            if at < size and _less(group, f, vector, at, begin) == 0:
                continue
            names = at - begin
            if names > 1:
                if _is_fixed(group, room.other, first + begin, names, vector, room.best):
                    room.fixed[names] += 1
                else:
                    room.begin[blocks], room.names[blocks] = first + begin, names
                    room.turns[blocks] = False
                    blocks += 1
            begin = at
    return blocks


@njit
def _start(room, block):
    """Begin to go through a block."""
    room.left[block] = room.names[block] - 1
    for i in range(room.names[block]):
        room.order[block, i], room.direction[block, i] = i, -1


@njit
def canonical(group, room, vector):
    """Bring a vector of ids into its canonical form; return how many elements lead there.

    Of those that were gone through. The factorial of each length in `fixed` comes on top.
    """
    blocks = _sort(group, room, vector)
    if blocks == 0:
        return np.int64(1)
    best = room.best
    best[:] = vector
    found = np.int64(0)
    room.vectors[0] = vector
    level = 0
    while True:
        while level < blocks:
            _start(room, level)
            room.vectors[level + 1] = room.vectors[level]
            level += 1
        sign = _compare(room.vectors[blocks], best)
        if sign < 0:
            best[:] = room.vectors[blocks]
            found = 0
        if sign <= 0:
            found += 1
        level -= 1
        while level >= 0:
            change = -1
            if not room.turns[level]:
                change = _next_change(room.order[level], room.direction[level], room.names[level])
            elif room.left[level] > 0:
                room.left[level] -= 1
                change = 0
            if change >= 0:
                apply(group, room.other, room.begin[level] + change, room.vectors[level + 1])
                break
            level -= 1
        if level < 0:
            break
        level += 1
    vector[:] = best
    return found


@njit
def _to_form(layout, group, room, words, vector):
    """Change the state in `words` to its canonical form."""
    for slot in range(len(vector)):
        vector[slot] = value_at(layout.word, layout.shift, layout.mask, words, slot)
    canonical(group, room, vector)
    for i in range(layout.words):
        words[i] = uint64(0)
    for slot in range(len(vector)):
        words[layout.word[slot]] |= uint64(vector[slot]) << layout.shift[slot]


@njit
def _form(layout, store, mine, group, room, words, vector, ids):
    """Return the packed canonical form of the state in `words`, which it changes."""
    _to_form(layout, group, room, words, vector)
    count = layout.words
    if count == 1:
        return words[0]
    return fold(
        count, layout.left, layout.right, store.subs, store.sub_table, store.shared, mine, words,
        ids,
    )  # fmt: skip


@njit
def _judge_rest(layout, tries, agents, at_end, words, deadlock):
    """Judge a state in which nobody can step.

    Returns 0 where it is fine, 1 for a deadlock, 2 + p where property p is false, -1 - p where its
    path was never learned.
    """
    for a in range(len(agents.slot)):
        local = value_at(layout.word, layout.shift, layout.mask, words, agents.slot[a])
        if not agents.rest[agents.base[a] + local]:
            return np.int64(1) if deadlock else np.int64(0)
    for p in range(len(at_end)):
        node = walk(
            tries.slot, tries.data, tries.size, tries.children, layout.word, layout.shift,
            layout.mask, words, agents.roots[at_end[p, 0]],
        )  # fmt: skip
        if node == 0:
            return -1 - at_end[p, 1]
        if tries.data[node] == 0:
            return 2 + at_end[p, 1]
    return np.int64(0)


@njit(cache=True, nogil=True)
def expand(layout, tries, agents, at_end, store, mine, work, group):
    """Expand states up to symmetry; see `kernel.expand`, whose rules, and length, this keeps."""
    count, number = layout.words, len(agents.slot)
    words, changed = np.empty(count, np.uint64), np.empty(count, np.uint64)
    ids = np.empty(count + len(layout.left) + 1, np.uint64)
    vector = np.empty(len(layout.word), np.int32)
    leaves = np.empty(number, np.int64)
    room = room_for(group)
    states, table, shared = store.states, store.table, store.shared
    order, margin, last = work.order, work.margin, work.last
    # Successors seen of late, by their words as they are: they need no form again.
    recent, is_recent = np.zeros(RECENT, np.uint64), np.zeros(RECENT, np.bool_)
    limit = min(len(states), np.int64(len(table) * FULLEST)) - margin
    sub_limit = min(len(store.subs), np.int64(len(store.sub_table) * SUB_FULL)) - (
        4 * count * margin if margin else 0
    )
    size = uint64(len(table))
    bits = index_bits(size)
    transitions = np.int64(0)
    why = DONE
    while why == DONE:
        cursor = fetch_add(shared, CURSOR, BLOCK) if margin else shared[CURSOR]
        stop = min(cursor + BLOCK, last) if margin else last
        if cursor >= last:
            break
        while cursor < stop:
            index = order[cursor] if len(order) else cursor
            unpack(layout, store, states[index], words, ids)
            branches = np.int64(0)
            missing = False
            chosen = work.masks[index] if len(work.masks) else uint64(0)
            for a in range(number):
                leaves[a] = -1
                if chosen != 0 and (chosen >> uint64(a)) & uint64(1) == uint64(0):
                    continue
                leaf = leaf_of(layout, tries, agents, words, a)
                if leaf < 0:
                    mine[AGENT], missing = a, True
                    break
                leaves[a] = leaf
                branches += tries.count[leaf]
            if not missing and branches == 0:
                judged = _judge_rest(layout, tries, agents, at_end, words, work.deadlock)
                if judged < 0:
                    mine[AGENT], missing = judged, True
                elif judged > 0 and mine[STUCK_STATE] < 0:
                    mine[STUCK_STATE], mine[STUCK_PROPERTY] = index, judged - 2
            if missing and margin == 0:
                why = MISS
                break
            if missing or (margin and branches > MANY):
                work.deferred[mine[DEFERRED]] = index
                mine[DEFERRED] += 1
                cursor += 1
                continue
            held = shared[ALLOCATED] if margin else mine[NEXT]
            if held + branches > limit or (
                count > 1 and shared[SUBS] + 2 * count * (branches + 1) > sub_limit
            ):
                mine[AGENT] = branches
                why = ROOM
                break
            for a in range(number):
                leaf = leaves[a]
                if leaf < 0 or tries.count[leaf] == 0:
                    continue
                work.visits[leaf] += 1
                transitions += tries.count[leaf]
                for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                    if tries.failing[o]:
                        if mine[FAIL_AT] < 0:
                            mine[FAIL_AT], mine[FAIL_STATE] = mine[NEXT], index
                            mine[FAIL_AGENT], mine[FAIL_WHICH] = a, o - tries.first[leaf]
                        continue
                    change(layout, tries, o, words, changed)
                    if count == 1:
                        raw = changed[0]
                        place = np.int64(mix(raw) % uint64(RECENT))
                        if is_recent[place] and recent[place] == raw:
                            continue
                        is_recent[place], recent[place] = True, raw
                    root = _form(layout, store, mine, group, room, changed, vector, ids)
                    looked_for = probe(mix(root), size, bits)
                    insert(states, table, bits, shared, mine, root, looked_for, margin == 0)
            cursor += 1
        if margin == 0:
            shared[CURSOR] = cursor
        else:
            while cursor < stop:  # no room: put off the rest of the block
                work.deferred[mine[DEFERRED]] = order[cursor] if len(order) else cursor
                mine[DEFERRED] += 1
                cursor += 1
    mine[TRANSITIONS] += transitions
    return why


@njit(cache=True, nogil=True)
def predecessor(layout, tries, agents, store, bounds, target, group):
    """Return the first state within `bounds` that leads to `target`; see `passes.predecessor`."""
    count = layout.words
    words, changed = np.empty(count, np.uint64), np.empty(count, np.uint64)
    ids = np.empty(count + len(layout.left) + 1, np.uint64)
    vector = np.empty(len(layout.word), np.int32)
    room = room_for(group)
    goal = np.empty(count, np.uint64)
    unpack(layout, store, store.states[target], goal, ids)
    for state in range(bounds[0], bounds[1]):
        unpack(layout, store, store.states[state], words, ids)
        for a in range(len(agents.slot)):
            leaf = leaf_of(layout, tries, agents, words, a)
            if leaf < 0:
                continue  # a search that was cut never expanded this state
            for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                if tries.failing[o]:
                    continue
                change(layout, tries, o, words, changed)
                _to_form(layout, group, room, changed, vector)
                if (changed == goal).all():
                    return np.int64(state), np.int64(a), np.int64(o - tries.first[leaf])
    return np.int64(-1), np.int64(-1), np.int64(-1)


@njit(cache=True, nogil=True)
def stabilizers(layout, store, group, first, last):
    """Return, for each state, how many elements of the group leave it as it is.

    As `canonical` does: a number, and then of each length how many factorials come on top. Their
    product has no room in 64 bits from 21 names on.
    """
    words = np.empty(layout.words, np.uint64)
    ids = np.empty(layout.words + len(layout.left) + 1, np.uint64)
    vector = np.empty(len(layout.word), np.int32)
    room = room_for(group)
    found = np.empty((last - first, 1 + len(room.fixed)), np.int64)
    for state in range(first, last):
        unpack(layout, store, store.states[state], words, ids)
        for slot in range(len(vector)):
            vector[slot] = value_at(layout.word, layout.shift, layout.mask, words, slot)
        found[state - first, 0] = canonical(group, room, vector)
        found[state - first, 1:] = room.fixed
    return found


@njit(cache=True, nogil=True)
def successors(layout, tries, agents, store, mine, masks, begin, edges, last, group):
    """Write down where the chosen steps of states lead; return how many, -1 without the room.

    ``edges[begin[s]:begin[s + 1]]`` are the successors of state s; all are stored already.
    """
    count = layout.words
    words, changed = np.empty(count, np.uint64), np.empty(count, np.uint64)
    ids = np.empty(count + len(layout.left) + 1, np.uint64)
    vector = np.empty(len(layout.word), np.int32)
    room = room_for(group)
    bits = index_bits(uint64(len(store.table)))
    used = np.int64(0)
    for state in range(last):
        unpack(layout, store, store.states[state], words, ids)
        for a in range(len(agents.slot)):
            if (masks[state] >> uint64(a)) & uint64(1) == uint64(0):
                continue
            leaf = leaf_of(layout, tries, agents, words, a)
            if used + tries.count[leaf] > len(edges):
                return np.int64(-1)
            for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                if tries.failing[o]:
                    continue
                change(layout, tries, o, words, changed)
                root = _form(layout, store, mine, group, room, changed, vector, ids)
                edges[used] = found_at(store.states, store.table, bits, root)
                used += 1
        begin[state + 1] = used
    return used


@njit(cache=True, nogil=True)
def enabled(layout, tries, agents, store, found):
    """Put down which agents can step in each state, as bits; -1 where that was never learned.

    What a state's agents do was learned when it was chosen what to expand there.
    """
    words = np.empty(layout.words, np.uint64)
    ids = np.empty(layout.words + len(layout.left) + 1, np.uint64)
    for state in range(len(found)):
        unpack(layout, store, store.states[state], words, ids)
        for a in range(len(agents.slot)):
            leaf = leaf_of(layout, tries, agents, words, a)
            if leaf < 0:
                return np.int64(-1)
            if tries.count[leaf] > 0:
                found[state] |= uint64(1) << uint64(a)
    return np.int64(0)
