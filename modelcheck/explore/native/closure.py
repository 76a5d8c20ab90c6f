"""Stubborn sets natively: those of `modelcheck.explore.reduction.stubborn`, member by member.

Sets of local steps are words of bits, and so are relations, in one heap, fetched from Python when
first needed: a kernel that lacks one stops, says which, and goes on from there. Neighbours:
`relations` fetches them, `reduced` drives.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types, uint64
from numba.extending import intrinsic

from modelcheck.explore.native.kernel import value_at, walk
from modelcheck.explore.native.shapes import (
    AGENT,
    CHECKED,
    CONFLICTS,
    DONE,
    ENABLERS,
    ENTRANCES,
    MISS,
    PUT_OFF,
    RELATE,
    VISIBLE,
    VISIBLE_STEPS,
)
from modelcheck.explore.native.visited import unfold

#: As in `modelcheck.explore.reduction.stubborn`.
ENABLED, LATER, BLOCKED, BLOCKED_LATER = 10, 5, 3, 2


@intrinsic
def lowest(typing_context, bits):
    """Return the number of the lowest bit that is set, of at least one."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@intrinsic
def how_many(typing_context, bits):
    """Return how many bits are set."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(inline="always")
def _has(bits, number):
    """Tell whether a bit is set."""
    return (bits >> uint64(number)) & uint64(1) != uint64(0)


@njit(inline="always")
def _is_enough(
    leaf, seed, conflicts, conflicts_size, visible, visible_steps, watching, agent_of, list_word,
    list_bits, reachable, near, moved, wanted,
):  # fmt: skip
    """Tell whether an enabled agent's step is enough alone: 1, 0, or RELATE.

    See `stubborn.Closure._is_enough`.
    """
    told = 1
    first, some = conflicts[leaf], conflicts_size[leaf]
    for turn in range(2):
        if turn == 1:
            if told != 1 or not watching or visible[leaf] == 0:
                break
            if visible[leaf] < 0:
                wanted[0], wanted[1] = VISIBLE, leaf
                told = RELATE
                break
            first, some = visible_steps[0], visible_steps[1]
        if some < 0:
            wanted[0], wanted[1] = VISIBLE_STEPS if turn == 1 else CONFLICTS, leaf
            told = RELATE
            break
        for i in range(uint64(first), uint64(first + some)):
            w = uint64(list_word[i])
            who = uint64(agent_of[w])
            bits = list_bits[i] & reachable[uint64(near[who]) + w]
            if bits != uint64(0) and (who != seed or moved[who]):
                told = 0
                break
    return told


@njit(error_model="numpy", nogil=True)
def choose(
    layout, tries, agents, relating, store, mine, scratch, room, order, last, masks, seeds, again
):  # fmt: skip
    """Decide which agents to expand in states from mine[CHECKED] on, into `masks`, as bits.

    `order` lists the states; if it is empty they are mine[CHECKED] to `last` themselves. `seeds`,
    if there are any, has for each listed state the agents from which alone sets may be grown.
    `again` leaves in `masks` what is enough by now as well: all agents, or those of a set that
    grows from one of them.
    Returns MISS (mine[AGENT] is the agent, the state is at mine[CHECKED]), RELATE, or DONE.

    One long function on purpose, as `kernel.expand` is: the arrays are named once. Reading them
    from their tuples in the inner loop made it three times slower.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    left, right = layout.left, layout.right
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    outcomes_of = tries.count
    a_slot, a_base, a_size, roots = agents.slot, agents.base, agents.size, agents.roots
    known, begin, agent_of = relating.known, relating.begin, relating.agent
    list_word, list_bits = relating.word, relating.bits
    conflicts, conflicts_size = relating.conflicts, relating.conflicts_size
    enablers, enablers_size = relating.enablers, relating.enablers_size
    entrances, entrances_size = relating.entrances, relating.entrances_size
    visible, visible_steps = relating.visible, relating.visible_steps
    reachable, passed = relating.reachable, relating.passed
    row, length = relating.row, relating.length
    blockable, moved, watching = relating.blockable, relating.moved, relating.watching
    member, waiting, wanted = scratch.member, scratch.waiting, scratch.wanted
    here_word, here_bit, near = scratch.word, scratch.bit, scratch.near
    behind, line = scratch.local, scratch.line
    states, subs = store.states, store.subs
    number, all_words = uint64(len(a_slot)), uint64(len(agent_of))
    words, ids, leaves = room.words, room.ids, room.leaves
    one, none = uint64(1), uint64(0)
    at = mine[CHECKED]
    put_off = np.int64(0)
    why = DONE
    while at < last:
        state = uint64(order[at]) if len(order) else uint64(at)
        if count == 1:
            words[0] = states[state]
        else:
            unfold(count, left, right, subs, states[state], words, ids)
        held = masks[state] if again else none
        if held != none and held & (held - one) == none:
            # One step was enough, as in most states: whether it still is asks for no other's path.
            seed = uint64(lowest(held))
            told = 1
            for a in range(number):
                local = value_at(word, shift, mask, words, a_slot[a])
                if local >= known[a]:
                    told = 0
                    break
                near[a] = row[a] + local * length[a] - begin[a]
                if a == seed:
                    start = roots[uint64(a_base[a] + local)]
                    node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
                    leaves[seed] = t_data[uint64(node)]
                    if node == 0 or leaves[seed] >= len(conflicts):
                        told = 0
                        break
            if told == 1:
                told = _is_enough(
                    uint64(leaves[seed]), seed, conflicts, conflicts_size, visible, visible_steps,
                    watching, agent_of, list_word, list_bits, reachable, near, moved, wanted,
                )  # fmt: skip
            if told == RELATE:
                why = RELATE
                break
            if told == 1:
                at += 1
                continue
        many, able, new = 0, none, none
        for a in range(number):
            local = value_at(word, shift, mask, words, a_slot[a])
            node = np.int32(0)
            if local < a_size[a]:
                start = roots[uint64(a_base[a] + local)]
                node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
            if node == 0:
                mine[AGENT] = a
                why = MISS
                break
            leaf = t_data[uint64(node)]
            leaves[a] = leaf
            if outcomes_of[uint64(leaf)] > 0:
                many += 1
                able |= one << a
            if local >= known[a] or leaf >= len(conflicts):
                new |= one << a
            else:
                here_word[a] = begin[a] + (local >> 6)
                here_bit[a] = one << uint64(local & 63)
                behind[a] = local
                near[a] = row[a] + local * length[a] - begin[a]
        if why != DONE:
            break
        if new != none:
            # Relations are not told yet of a step here: this choice is looked at again. Any will
            # do; the fewest states, and something new: one such step.
            few = new & able
            few &= ~few + one
            masks[state] = few if few and not len(seeds) else able
            at += 1
            continue
        best, fewest = able, many
        if many < 2 or held == able:
            masks[state] = able
            at += 1
            continue
        from_ = able & seeds[at] if len(seeds) else able
        # The agents to begin with, in a line: see `stubborn.Closure.smallest`.
        begun = np.int64(0)
        bits = from_
        while bits != none:
            agent: int = lowest(bits)
            bits &= bits - one
            place = begun
            while place > 0 and behind[uint64(line[place - 1])] > behind[agent]:
                line[place] = line[place - 1]
                place -= 1
            line[place] = agent
            begun += 1
        # What is held is asked for first; then whether one of them is enough alone; then sets are
        # grown. Each of these goes along the line once, the second one with a bound of 1.
        within, bound = held, np.int64(how_many(held)) + 1
        if held == none or bound == 2:
            within, bound = from_ if held == none else held, np.int64(1)
        asked = np.int64(0)
        while fewest > 1:
            if asked == begun:
                asked = 0
                if held != none and bound == 1:
                    bound = np.int64(2)
                elif held != none:
                    held, within, bound = none, from_, np.int64(1)
                elif bound == 1:
                    bound = fewest
                else:
                    break
                continue
            seed = uint64(line[asked])
            asked += 1
            if not _has(within, seed):
                continue
            if bound == 1:
                told = _is_enough(
                    uint64(leaves[seed]), seed, conflicts, conflicts_size, visible, visible_steps,
                    watching, agent_of, list_word, list_bits, reachable, near, moved, wanted,
                )  # fmt: skip
                if told == RELATE:
                    why = RELATE
                    break
                if told == 1:
                    best, fewest = one << seed, np.int64(1)
                continue
            # Grow a set; see `stubborn.Closure.grown`.
            for w in range(all_words):
                member[w] = none
                waiting[w] = none
            member[uint64(here_word[seed])] = here_bit[seed]
            current = one << seed
            low = all_words
            found, taken = 0, none
            all_visible = not watching
            while True:
                first = some = np.int32(0)
                more_first = more = np.int32(0)
                if current != none:
                    agent = lowest(current)
                    current &= current - one
                    leaf = uint64(leaves[agent])
                    if _has(able, agent):
                        found += 1
                        if found >= bound:
                            found = 0
                            break
                        taken |= one << agent
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
                                more_first, more = visible_steps[0], visible_steps[1]
                                if more < 0:
                                    wanted[0] = VISIBLE_STEPS
                                    why = RELATE
                                    break
                    else:
                        first, some = enablers[leaf], enablers_size[leaf]
                        if some < 0:
                            wanted[0], wanted[1] = ENABLERS, leaf
                            why = RELATE
                            break
                else:
                    while low < all_words and waiting[low] == none:
                        low += one
                    if low == all_words:
                        break
                    agent = uint64(agent_of[low])
                    joined = member[uint64(here_word[agent])] & here_bit[agent] != none
                    if joined and not moved[agent]:
                        waiting[low] = none  # the agent must first step from where it is
                        continue
                    bit: int = lowest(waiting[low])
                    waiting[low] &= waiting[low] - one
                    # What it needs: to be left where it is blocked, or to be come to.
                    local = np.int64(uint64(64) * (low - uint64(begin[agent])) + bit)
                    blocked = np.int64(-1)
                    if _has(blockable[low], bit):
                        start = roots[uint64(a_base[agent] + local)]
                        node = walk(
                            t_slot, t_data, t_size, t_children, word, shift, mask, words, start
                        )
                        leaf = uint64(t_data[uint64(node)])
                        if node != 0 and leaf < uint64(len(enablers)) and outcomes_of[leaf] == 0:
                            blocked = np.int64(leaf)
                    if blocked >= 0:
                        leaf = uint64(blocked)
                        first, some = enablers[leaf], enablers_size[leaf]
                        if some < 0:
                            wanted[0], wanted[1] = ENABLERS, leaf
                            why = RELATE
                            break
                        cost = 0
                        for i in range(uint64(first), uint64(first + some)):
                            w = uint64(list_word[i])
                            who = uint64(agent_of[w])
                            bits = list_bits[i] & ~member[w]
                            bits &= reachable[uint64(near[who]) + w]
                            steps = _has(able, who)
                            if w == uint64(here_word[who]) and bits & here_bit[who] != none:
                                cost += ENABLED if steps else BLOCKED
                                bits &= ~here_bit[who]
                            if member[uint64(here_word[who])] & here_bit[who] == none:
                                cost += np.int64(how_many(bits)) * (
                                    LATER if steps else BLOCKED_LATER
                                )
                        price = ENABLED if _has(able, agent) else BLOCKED
                        if cost > (0 if joined else price):
                            blocked = np.int64(-1)
                    if blocked < 0:
                        step = uint64(64) * low + bit
                        first, some = entrances[step], entrances_size[step]
                        if some < 0:
                            wanted[0], wanted[1] = ENTRANCES, step
                            why = RELATE
                            break
                        place = row[agent] + local * length[agent] - begin[agent]
                        place += here_word[agent]
                        if passed[uint64(place)] & here_bit[agent] != none and not joined:
                            member[uint64(here_word[agent])] |= here_bit[agent]
                            current |= one << agent
                for turn in range(2):
                    if turn == 1:
                        first, some = more_first, more
                    for i in range(uint64(first), uint64(first + some)):
                        w = uint64(list_word[i])
                        who = uint64(agent_of[w])
                        bits = list_bits[i] & ~member[w]
                        bits &= reachable[uint64(near[who]) + w]
                        if bits != none:
                            member[w] |= bits
                            if w == uint64(here_word[who]) and bits & here_bit[who] != none:
                                current |= one << who
                                bits &= ~here_bit[who]
                            if bits != none:
                                waiting[w] |= bits
                                low = min(low, w)
            if why != DONE:
                break
            if held not in (none, taken):
                continue
            if found > 0:
                best = taken
                bound = fewest = found
                if held != none:
                    break
        if why != DONE:
            break
        masks[state] = best
        if best != able:
            put_off += 1
        at += 1
    mine[CHECKED] = at
    mine[PUT_OFF] += put_off
    return why
