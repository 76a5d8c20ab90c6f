"""Stubborn sets natively: those of `modelcheck.explore.reduction.stubborn`, member by member.

Relations are lists in one heap, fetched from Python when first needed: a kernel that lacks one
stops, says which, and goes on from there. Neighbours: `relations` fetches them, `reduced` drives.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, uint64

from modelcheck.explore.native.kernel import mix, spot, successor, unfold, value_at, walk
from modelcheck.explore.native.shapes import AGENT, CHECKED, DONE, MINE, MISS

#: A kernel came back because a relation was never fetched; beside `shapes.MISS` and the like.
RELATE = 16

#: Where in a worker's counters it is counted in how many states something was put off.
PUT_OFF = MINE - 1

#: Which relation, in ``wanted[0]``; of what, in ``wanted[1]``.
CONFLICTS, ENABLERS, PREDECESSORS, VISIBLE, VISIBLE_STEPS = range(5)

#: As in `modelcheck.explore.reduction.stubborn`.
ENABLED, LATER, BLOCKED, BLOCKED_LATER = 10, 5, 3, 2


class Relating(NamedTuple):
    """Relations between local steps, which are numbered. A length of -1 means "never fetched"."""

    number: np.ndarray  # int32[roots]: of the local step whose trie has that root; -1: too new
    agent: np.ndarray  # int32[steps]
    local: np.ndarray  # int32[steps]
    heap: np.ndarray  # int32[...]: all lists
    conflicts: np.ndarray  # int32[leaves]: where in the heap
    conflicts_size: np.ndarray  # int32[leaves]
    enablers: np.ndarray  # int32[leaves]
    enablers_size: np.ndarray  # int32[leaves]
    predecessors: np.ndarray  # int32[steps]
    predecessors_size: np.ndarray  # int32[steps]
    visible: np.ndarray  # int8[leaves]: 1, 0, or -1
    visible_steps: np.ndarray  # int32[2]: where in the heap, and how many
    reachable: np.ndarray  # uint64[...]: bits, a row for each local state of an agent
    reachable_row: np.ndarray  # int64[agents]: the first row's place
    reachable_words: np.ndarray  # int64[agents]: the length of a row
    moved: np.ndarray  # bool[agents]: whether others write its local state
    watching: bool  # whether any property is to be undisturbed


class Scratch(NamedTuple):
    """Room for one worker's closures."""

    member: np.ndarray  # int64[steps]: the last closure that the step was a member of
    waiting: np.ndarray  # int32[steps]
    closure: np.ndarray  # int64[1]: how many there have been
    wanted: np.ndarray  # int64[2]: the relation to fetch


@njit(inline="always")
def _reaches(bits, row, length, agent, here, local):
    """Tell whether an agent can come from one local state to another."""
    place = row[agent] + here * length[agent] + (local >> 6)
    return (bits[place] >> uint64(local & 63)) & uint64(1) != uint64(0)


@njit(cache=True, nogil=True)
def choose(layout, tries, agents, relating, store, mine, scratch, order, last, masks, seeds):
    """Decide which agents to expand in states from mine[CHECKED] on, into `masks`, as bits.

    `order` lists the states; if it is empty they are mine[CHECKED] to `last` themselves. `seeds`,
    if there are any, has for each listed state the agents from which alone sets may be grown.
    Returns MISS (mine[AGENT] is the agent, the state is at mine[CHECKED]), RELATE, or DONE.

    One long function on purpose, as `kernel.expand` is: the arrays are named once. Reading them
    from their tuples in the inner loop made it three times slower.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    left, right = layout.left, layout.right
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    outcomes_of = tries.count
    a_slot, a_base, a_size, roots = agents.slot, agents.base, agents.size, agents.roots
    numbers, agent_of, local_of, heap = (
        relating.number, relating.agent, relating.local, relating.heap
    )  # fmt: skip
    conflicts, conflicts_size = relating.conflicts, relating.conflicts_size
    enablers, enablers_size = relating.enablers, relating.enablers_size
    before, before_size = relating.predecessors, relating.predecessors_size
    visible, visible_steps = relating.visible, relating.visible_steps
    bits, row, length = relating.reachable, relating.reachable_row, relating.reachable_words
    moved, watching = relating.moved, relating.watching
    member, waiting, wanted = scratch.member, scratch.waiting, scratch.wanted
    states, subs = store.states, store.subs
    closure = scratch.closure[0]
    number = len(a_slot)
    words = np.empty(count, np.uint64)
    ids = np.empty(count + len(left) + 1, np.uint64)
    here = np.empty(number, np.int64)
    leaves = np.empty(number, np.int64)
    enabled = np.empty(number, np.bool_)
    at = mine[CHECKED]
    put_off = np.int64(0)
    why = DONE
    while at < last:
        state = order[at] if len(order) else at
        words[0] = states[state]
        if count > 1:
            unfold(count, left, right, subs, states[state], words, ids)
        many, all_of_them, new = 0, uint64(0), uint64(0)
        for a in range(number):
            local = value_at(word, shift, mask, words, a_slot[a])
            node = np.int32(0)
            if local < a_size[a]:
                root = a_base[a] + local
                here[a] = numbers[root] if root < len(numbers) else -1
                node = walk(
                    t_slot, t_data, t_size, t_children, word, shift, mask, words, roots[root]
                )
            if node == 0:
                mine[AGENT] = a
                why = MISS
                break
            leaf = t_data[node]
            leaves[a] = leaf
            enabled[a] = outcomes_of[leaf] > 0
            if enabled[a]:
                many += 1
                all_of_them |= uint64(1) << uint64(a)
            if here[a] < 0 or leaf >= len(conflicts):
                new |= uint64(1) << uint64(a)
        if why != DONE:
            break
        if new != uint64(0):
            # Relations are not told yet of a step here: this choice is looked at again. Any will
            # do; the fewest states, and something new: one such step.
            few = new & all_of_them
            few &= ~few + uint64(1)
            masks[state] = few if few and not len(seeds) else all_of_them
            at += 1
            continue
        best, fewest = all_of_them, many
        from_ = seeds[at] if len(seeds) else all_of_them
        if len(seeds):
            fewest = many + 1
        for seed in range(number):
            if fewest <= 1:
                break
            if not enabled[seed] or (from_ >> uint64(seed)) & uint64(1) == uint64(0):
                continue
            # Grow a set; see `stubborn.Closure.grown`.
            closure += 1
            member[here[seed]] = closure
            waiting[0] = here[seed]
            size, found, taken = 1, 0, uint64(0)
            all_visible = not watching
            while size > 0:
                size -= 1
                step = waiting[size]
                agent = agent_of[step]
                current = here[agent]
                leaf = leaves[agent]
                if step == current and enabled[agent]:
                    found += 1
                    if found >= fewest:
                        found = 0
                        break
                    taken |= uint64(1) << uint64(agent)
                    first, some = conflicts[leaf], conflicts_size[leaf]
                    if some < 0:
                        wanted[0], wanted[1] = CONFLICTS, leaf
                        why = RELATE
                        break
                    if not all_visible:
                        if visible[leaf] < 0:
                            wanted[0], wanted[1] = VISIBLE, leaf
                            why = RELATE
                            break
                        if visible[leaf] == 1:
                            all_visible = True
                            if visible_steps[1] < 0:
                                wanted[0] = VISIBLE_STEPS
                                why = RELATE
                                break
                            # In the order of the reference: first the conflicts, then these.
                            for i in range(first, first + some):
                                other = heap[i]
                                if member[other] != closure:
                                    member[other] = closure
                                    waiting[size] = other
                                    size += 1
                            first, some = visible_steps[0], visible_steps[1]
                elif step == current:
                    first, some = enablers[leaf], enablers_size[leaf]
                    if some < 0:
                        wanted[0], wanted[1] = ENABLERS, leaf
                        why = RELATE
                        break
                else:
                    local = local_of[step]
                    if not _reaches(bits, row, length, agent, local_of[current], local):
                        continue
                    if member[current] == closure and not moved[agent]:
                        continue
                    # What it needs: to be left where it is blocked, or to be come to.
                    node = walk(
                        t_slot, t_data, t_size, t_children, word, shift, mask, words,
                        roots[a_base[agent] + local],
                    )  # fmt: skip
                    blocked = np.int64(-1)
                    known = node != 0 and t_data[node] < len(enablers)
                    if known and outcomes_of[t_data[node]] == 0:
                        blocked = t_data[node]
                    first, some = np.int32(0), np.int32(0)
                    if blocked >= 0:
                        first, some = enablers[blocked], enablers_size[blocked]
                        if some < 0:
                            wanted[0], wanted[1] = ENABLERS, blocked
                            why = RELATE
                            break
                        cost = 0
                        for i in range(first, first + some):
                            other = heap[i]
                            if member[other] == closure:
                                continue
                            who = agent_of[other]
                            there = here[who]
                            if there == other:
                                cost += ENABLED if enabled[who] else BLOCKED
                            elif member[there] != closure and _reaches(
                                bits, row, length, who, local_of[there], local_of[other]
                            ):
                                cost += LATER if enabled[who] else BLOCKED_LATER
                        other_cost = ENABLED if enabled[agent] else BLOCKED
                        if member[current] == closure:
                            other_cost = 0
                        if cost > other_cost:
                            blocked = np.int64(-1)
                    if blocked < 0:
                        first, some = before[step], before_size[step]
                        if some < 0:
                            wanted[0], wanted[1] = PREDECESSORS, step
                            why = RELATE
                            break
                for i in range(first, first + some):
                    other = heap[i]
                    if member[other] != closure:
                        member[other] = closure
                        waiting[size] = other
                        size += 1
            if why != DONE:
                break
            if found > 0:
                best, fewest = taken, found
        if why != DONE:
            break
        masks[state] = best
        if best != all_of_them:
            put_off += 1
        at += 1
    mine[CHECKED] = at
    mine[PUT_OFF] += put_off
    scratch.closure[0] = closure
    return why


@njit(cache=True, nogil=True)
def successors(layout, tries, agents, store, mine, masks, begin, edges, last):
    """Write down where the chosen steps of states lead; return how many, -1 without the room.

    ``edges[begin[s]:begin[s + 1]]`` are the successors of state s; all are stored already.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    words = np.empty(count, np.uint64)
    changed = np.empty(count, np.uint64)
    ids = np.empty(count + len(layout.left) + 1, np.uint64)
    used = np.int64(0)
    size = uint64(len(store.table))
    for state in range(last):
        words[0] = store.states[state]
        if count > 1:
            unfold(count, layout.left, layout.right, store.subs, store.states[state], words, ids)
        for a in range(len(agents.slot)):
            if (masks[state] >> uint64(a)) & uint64(1) == uint64(0):
                continue
            local = value_at(word, shift, mask, words, agents.slot[a])
            node = walk(
                tries.slot, tries.data, tries.size, tries.children, word, shift, mask, words,
                agents.roots[agents.base[a] + local],
            )  # fmt: skip
            leaf = tries.data[node]
            if used + tries.count[leaf] > len(edges):
                return np.int64(-1)
            for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                if tries.failing[o]:
                    continue
                root = successor(layout, tries, store, mine, o, words, changed, ids)
                place = np.int64(spot(mix(root), size))
                while store.states[np.int64(store.table[place]) - 1] != root:
                    place += 1
                    if place == len(store.table):
                        place = 0
                edges[used] = np.int64(store.table[place]) - 1
                used += 1
        begin[state + 1] = used
    return used


@njit(cache=True, nogil=True)
def components(begin, edges, count):
    """Return the strongly connected component of each state; see `reduction.ignoring`."""
    number = np.full(count, -1, np.int64)
    low = np.zeros(count, np.int64)
    part = np.full(count, -1, np.int64)
    at = np.zeros(count, np.int64)
    stack = np.empty(count, np.int64)
    path = np.empty(count, np.int64)
    height = met = parts = 0
    for root in range(count):
        if number[root] >= 0:
            continue
        depth = 1
        path[0] = root
        number[root] = low[root] = met
        met += 1
        stack[height] = root
        height += 1
        at[root] = begin[root]
        while depth > 0:
            state = path[depth - 1]
            if at[state] < begin[state + 1]:
                after = edges[at[state]]
                at[state] += 1
                if number[after] < 0:
                    number[after] = low[after] = met
                    met += 1
                    stack[height] = after
                    height += 1
                    at[after] = begin[after]
                    path[depth] = after
                    depth += 1
                elif part[after] < 0:
                    low[state] = min(low[state], number[after])
                continue
            depth -= 1
            if depth > 0:
                low[path[depth - 1]] = min(low[path[depth - 1]], low[state])
            if low[state] == number[state]:
                while part[state] < 0:
                    height -= 1
                    part[stack[height]] = parts
                parts += 1
    return part
