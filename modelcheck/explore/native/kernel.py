"""The native kernel: breadth-first search over packed states, compiled by numba.

Fixed code, the same for every model; all that is particular to a model is in the arrays. It keeps
the order of the reference explorer exactly: states in the order in which they are found, agents and
outcomes in the model's order. Where a path was never learned it stops, names the state and the
agent, and goes on from there once Python has learned it.

No kernel allocates or raises: its code must stand alone (`emit`). Neighbours: `visited` has
the hash tables, `passes` the kernels that go over states once, `flat` makes the trie arrays,
`engine` drives.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint64

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
    PENDING,
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
    index_bits,
    insert,
    mix,
    prefetch,
    probe,
    refold,
    unfold,
)

# Arrays are passed to helpers one by one: reading a field of a named tuple counts references, and
# in a loop numba does not see that the counts cancel out; it made the search three times slower.


# Indices are unsigned: for a signed one numba asks each time whether it counts from the end.


@njit(inline="always")
def bits_at(word, shift, mask, words, slot):
    """Return the value id of a slot, as an unsigned number."""
    at = uint64(slot)
    return (words[uint64(word[at])] >> shift[at]) & mask[at]


@njit(inline="always")
def value_at(word, shift, mask, words, slot):
    """Return the value id of a slot."""
    return np.int64(bits_at(word, shift, mask, words, slot))


@njit(inline="always")
def walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, node):
    """Return the leaf that `words` leads to from a node; 0 where that was never learned."""
    at = uint64(node)
    slot = t_slot[at]
    while slot >= 0:
        value = bits_at(word, shift, mask, words, slot)
        if value >= uint64(t_size[at]):
            return np.int32(0)
        at = uint64(t_children[uint64(t_data[at]) + value])
        slot = t_slot[at]
    return np.int32(at)


@njit(error_model="numpy", nogil=True)
def unpack(layout, store, root, words, ids):
    """Put a stored state into `words`."""
    if layout.words == 1:
        words[0] = root
    else:
        unfold(layout.words, layout.left, layout.right, store.subs, root, words, ids)


@njit(error_model="numpy", nogil=True)
def leaf_of(layout, tries, agents, words, agent):
    """Return the leaf that an agent's step leads to, -1 where that was never learned."""
    local = bits_at(layout.word, layout.shift, layout.mask, words, agents.slot[agent])
    if local >= uint64(agents.size[agent]):
        return np.int64(-1)
    node = walk(
        tries.slot, tries.data, tries.size, tries.children, layout.word, layout.shift,
        layout.mask, words, agents.roots[uint64(agents.base[agent]) + local],
    )  # fmt: skip
    return np.int64(-1) if node == 0 else np.int64(tries.data[node])


@njit(error_model="numpy", nogil=True)
def change(layout, tries, outcome, words, changed):
    """Put into `changed` what an outcome makes of `words`."""
    for i in range(layout.words):
        changed[i] = words[i]
    for d in range(tries.begin[outcome], tries.begin[outcome] + tries.deltas[outcome]):
        w = tries.where[d]
        changed[w] = (changed[w] & tries.keep[d]) | tries.put[d]


@njit(error_model="numpy", nogil=True)
def successor(layout, tries, store, mine, outcome, words, changed, ids):
    """Return the packed state that an outcome leads to from `words`; `expand` has it inline."""
    count = layout.words
    change(layout, tries, outcome, words, changed)
    if count == 1:
        return changed[0]
    return fold(
        count, layout.left, layout.right, store.subs, store.sub_table, store.shared, mine, changed,
        ids,
    )  # fmt: skip


@njit(error_model="numpy", nogil=True)
def _flush(
    states, table, bits, shared, mine, pending, probes, count, alone, owners, children
):  # fmt: skip
    """Look up all pending successors, in order."""
    size = uint64(len(table))
    for i in range(count):
        place, tag = probes[i] >> uint64(32), probes[i] & uint64(0xFFFFFFFF)
        told = uint64(table[place]) ^ tag
        while told > bits and told != tag:
            place += uint64(1)
            if place == size:
                place = uint64(0)
            told = uint64(table[place]) ^ tag
        if told != tag:
            prefetch(states, told - uint64(1))
        probes[i] = (place << uint64(32)) | tag
    for i in range(count):
        index = insert(states, table, bits, shared, mine, pending[i], probes[i], alone)
        if len(children):
            children[uint64(owners[i])] = np.uint32(index + uint64(1))


@njit(inline="always")
def at_rest(
    t_slot, t_data, t_size, t_children, word, shift, mask, words, agents, at_end, deadlock, mine,
    index,
):  # fmt: skip
    """Judge a state where nobody can step; tell whether an ``at_end`` property is to be learned.

    The first that is stuck although somebody should step, or violates such a property, is noted.
    """
    resting = True
    for a in range(len(agents.slot)):
        local = value_at(word, shift, mask, words, agents.slot[a])
        resting = resting and agents.rest[agents.base[a] + local]
    stuck = not resting and deadlock
    prop = np.int64(-1)
    for p in range(len(at_end) if resting else 0):
        start = agents.roots[at_end[p, 0]]
        node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
        if node == 0:
            mine[AGENT] = -1 - at_end[p, 1]
            return True
        if t_data[node] == 0 and not stuck:
            stuck, prop = True, at_end[p, 1]
    if stuck and mine[STUCK_STATE] < 0:
        mine[STUCK_STATE], mine[STUCK_PROPERTY] = index, prop
    return False


@njit(error_model="numpy", nogil=True)
def expand(layout, tries, agents, at_end, store, mine, work):
    """Expand states from the shared cursor on; return why it stopped.

    Alone (``work.margin`` 0), it keeps the order of the reference explorer and stops at the first
    path that was never learned: MISS, with the agent in mine[AGENT] (below 0: property -1 - agent)
    and the cursor at the state. With other workers beside it, states with such a path are put off
    into ``work.deferred``. ROOM: the tables must grow first. The first failing outcome, and the
    first state where nobody can step although somebody should (or where an ``at_end`` property is
    false), are noted and do not stop it.

    One long function on purpose: the arrays are named once, and stay in registers.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    left, right = layout.left, layout.right
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    first, outcomes_of = tries.first, tries.count
    failing, begin, deltas = tries.failing, tries.begin, tries.deltas
    where, keep, put = tries.where, tries.keep, tries.put
    a_slot, a_base, a_size, roots = agents.slot, agents.base, agents.size, agents.roots
    states, table, subs, sub_table = store.states, store.table, store.subs, store.sub_table
    shared = store.shared
    visits, order, deferred, last, margin = (
        work.visits, work.order, work.deferred, work.last, work.margin,
    )  # fmt: skip
    masks, scratch = work.masks, work.scratch
    words, changed, ids, made = scratch.words, scratch.changed, scratch.ids, scratch.made
    pending, probes, recent = scratch.pending, scratch.probes, scratch.recent
    owners, children = scratch.owners, work.children
    noting = len(children) > 0
    leaves, whose = scratch.leaves, scratch.whose
    waiting = uint64(0)
    alone = margin == 0
    number = len(a_slot)
    limit = min(len(states), np.int64(len(table) * FULLEST)) - margin
    sub_limit = min(len(subs), np.int64(len(sub_table) * SUB_FULL)) - (
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
            if count == 1:
                words[0] = states[uint64(index)]
            else:
                unfold(count, left, right, subs, states[uint64(index)], words, ids)
            branches = np.int64(0)
            missing = False
            chosen = masks[index] if len(masks) else uint64(0)
            able = 0
            for a in range(uint64(number)):
                if chosen != 0 and (chosen >> a) & uint64(1) == uint64(0):
                    continue
                local = bits_at(word, shift, mask, words, a_slot[a])
                node = np.int32(0)
                if local < uint64(a_size[a]):
                    start = roots[uint64(a_base[a]) + local]
                    node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
                if node == 0:
                    mine[AGENT] = a
                    missing = True
                    break
                leaf = t_data[uint64(node)]
                outcomes = outcomes_of[uint64(leaf)]
                leaves[able], whose[able] = leaf, a
                able += outcomes > 0
                branches += outcomes
            if not missing and able == 0:
                missing = at_rest(
                    t_slot, t_data, t_size, t_children, word, shift, mask, words, agents, at_end,
                    work.deadlock, mine, index,
                )  # fmt: skip
            if missing and margin == 0:
                why = MISS
                break
            if missing or (margin and branches > MANY):
                deferred[mine[DEFERRED]] = index
                mine[DEFERRED] += 1
                cursor += 1
                continue
            held = shared[ALLOCATED] if margin else mine[NEXT]
            if held + np.int64(waiting) + branches > limit or (
                count > 1 and shared[SUBS] + 2 * count * (branches + 1) > sub_limit
            ):
                mine[AGENT] = branches
                why = ROOM
                break
            transitions += branches
            for which in range(able):
                leaf = uint64(leaves[which])
                visits[leaf] += 1
                start = uint64(first[leaf])
                for o in range(start, start + uint64(outcomes_of[leaf])):
                    if failing[o]:
                        if mine[FAIL_AT] < 0:
                            _flush(
                                states, table, bits, shared, mine, pending, probes, waiting, alone,
                                owners, children,
                            )  # fmt: skip
                            waiting = uint64(0)
                            mine[FAIL_AT] = mine[NEXT]
                            mine[FAIL_STATE] = index
                            mine[FAIL_AGENT] = whose[which]
                            mine[FAIL_WHICH] = np.int64(o - start)
                        continue
                    if count == 1:  # one word has one change, of the outcome's own number
                        root = (words[0] & keep[o]) | put[o]
                    else:
                        for i in range(count):
                            changed[i] = words[i]
                        delta = uint64(begin[o])
                        for d in range(delta, delta + uint64(deltas[o])):
                            w = uint64(where[d])
                            changed[w] = (changed[w] & keep[d]) | put[d]
                        root = refold(
                            count, left, right, subs, sub_table, shared, mine, words, ids, changed,
                            made,
                        )  # fmt: skip
                    mixed = mix(root)
                    spot_of = mixed % uint64(RECENT)
                    if recent[spot_of] == root and not noting:
                        continue
                    recent[spot_of] = root
                    looked_for = probe(mixed, size, bits)
                    prefetch(table, looked_for >> uint64(32))
                    pending[waiting] = root
                    probes[waiting] = looked_for
                    owners[waiting] = index
                    waiting += uint64(1)
                    if waiting == PENDING:
                        _flush(
                            states, table, bits, shared, mine, pending, probes, waiting, alone,
                            owners, children,
                        )  # fmt: skip
                        waiting = uint64(0)
            cursor += 1
        if margin == 0:
            shared[CURSOR] = cursor
        else:
            while cursor < stop:  # no room: put off the rest of the block
                deferred[mine[DEFERRED]] = order[cursor] if len(order) else cursor
                mine[DEFERRED] += 1
                cursor += 1
    _flush(
        states, table, bits, shared, mine, pending, probes, waiting, alone, owners, children
    )  # fmt: skip
    mine[TRANSITIONS] += transitions
    return why
