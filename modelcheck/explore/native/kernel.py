"""The native kernel: breadth-first search over packed states, compiled by numba.

Fixed code, the same for every model; all that is particular to a model is in the arrays. It keeps
the order of the reference explorer exactly: states in the order in which they are found, agents and
outcomes in the model's order. Where a path was never learned it stops, names the state and the
agent, and goes on from there once Python has learned it.

All kernels and their helpers stand in this one file, because numba's cache does not notice a change
in another file that a kernel inlines. Neighbours: `flat` makes the trie arrays, `engine` drives.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types, uint64
from numba.core import cgutils
from numba.extending import intrinsic

#: Why a kernel came back.
DONE, MISS, ROOM, FALSE, WITNESS = range(5)

#: Places in the counters that all workers share, a cache line apart.
CURSOR, ALLOCATED, SUBS = 0, 8, 16
SHARED = 24

#: Places in the counters of one worker.
(
    NEXT, END, SPARE, DEFERRED, TRANSITIONS, AGENT, CHECKED,
    FAIL_AT, FAIL_STATE, FAIL_AGENT, FAIL_WHICH, STUCK_STATE, STUCK_PROPERTY,
) = range(13)  # fmt: skip
MINE = 16

#: Successors waiting for their look-up: enough to hide memory latency, few enough to stay in cache.
PENDING = 256

#: Successors seen of late, by worker: most successors of a breadth-first search are generated again
#: soon.
RECENT = 1 << 14

#: A state with more successors than this is expanded alone: others leave that much room for it.
MANY = 1 << 13

#: How many states a worker takes to expand, and how many places for new ones, at a time.
BLOCK, CHUNK = 256, 512


class Layout(NamedTuple):
    """How a state is packed: slot i is `mask[i]` << `shift[i]` of word `word[i]`.

    With one word, that word is what is stored. With more, words are replaced by 32-bit ids and
    joined pairwise, bottom up, along `left` and `right`, until two ids make the stored word.
    """

    word: np.ndarray  # int32[slots]
    shift: np.ndarray  # uint64[slots]
    mask: np.ndarray  # uint64[slots]
    words: int
    left: np.ndarray  # int32[joins]: below `words` a word, else a join
    right: np.ndarray  # int32[joins]


class Tries(NamedTuple):
    """All tries as arrays. Node 0 means "never learned"; a branch's children start at `data`."""

    slot: np.ndarray  # int32[nodes], -1 at a leaf
    data: np.ndarray  # int64[nodes]: base in children; at a leaf, its number; at an answer, 1 or 0
    size: np.ndarray  # int32[nodes]
    children: np.ndarray  # int32[...]
    first: np.ndarray  # int32[leaves]
    count: np.ndarray  # int32[leaves]
    failing: np.ndarray  # bool[outcomes]
    begin: np.ndarray  # int32[outcomes]: first delta
    deltas: np.ndarray  # int32[outcomes]: how many
    where: np.ndarray  # int32[deltas]: the word
    keep: np.ndarray  # uint64[deltas]
    put: np.ndarray  # uint64[deltas]


class Work(NamedTuple):
    """What one worker is to do, and where it may write."""

    visits: np.ndarray  # int64[leaves]
    order: np.ndarray  # int64[...]: which states to expand; empty: those from the cursor on
    deferred: np.ndarray  # int64[...]: room for states put off
    last: int  # where to stop
    margin: int  # room to leave for other workers; 0 alone
    deadlock: bool  # whether it matters that nobody can step
    masks: np.ndarray  # uint64[states]: the agents to expand, as bits; empty: all


class Agents(NamedTuple):
    """The agents: their slots, the roots of their tries by local state, where they may rest."""

    slot: np.ndarray  # int32[agents]
    base: np.ndarray  # int64[agents], into roots
    size: np.ndarray  # int64[agents]
    roots: np.ndarray  # int32[...]
    rest: np.ndarray  # bool[...]


class Store(NamedTuple):
    """The visited set: packed states in the order of finding, and a hash table of their indices.

    It is lock-free: a worker writes a state to a place of its own and then publishes the place in
    the table by compare-and-swap; who loses looks at what the winner put there. Nothing is ever
    removed.
    """

    states: np.ndarray  # uint64[...]
    table: np.ndarray  # uint32[...]: index + 1, 0 where empty
    subs: np.ndarray  # uint64[...]: by id, the words and pairs of longer states
    sub_table: np.ndarray  # uint32[...]
    shared: np.ndarray  # int64[SHARED]


def _address(context, builder, signature, arguments):
    """Return the address of ``array[index]``, the first two arguments."""
    made = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(made.data, [arguments[1]])


@intrinsic
def prefetch(typing_context, array, index):
    """Ask for the cache line of ``array[index]``."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        pointer = builder.bitcast(address, cgutils.voidptr_t)
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def fetch_add(typing_context, array, index, amount):
    """Add to ``array[index]`` atomically; return what it was."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        return builder.atomic_rmw("add", address, arguments[2], "acq_rel")

    return types.int64(array, types.int64, types.int64), generate


@intrinsic
def swap_if_zero(typing_context, array, index, new):
    """Put `new` into ``array[index]`` if 0 is there, atomically; return what was there."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        zero = ir.Constant(ir.IntType(32), 0)
        pair = builder.cmpxchg(address, zero, arguments[2], "acq_rel", "acquire")
        return builder.extract_value(pair, 0)

    return types.uint32(array, types.int64, types.uint32), generate


@njit(inline="always")
def mix(x):
    """Return 64 well mixed bits (the finaliser of splitmix64; Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> uint64(27))) * uint64(0x94D049BB133111EB)
    return x ^ (x >> uint64(31))


@njit(inline="always")
def spot(h, size):
    """Return a place in a table of any size below 2^32 for a hash."""
    return ((h >> uint64(32)) * uint64(size)) >> uint64(32)


# Arrays are passed to helpers one by one: reading a field of a named tuple counts references, and
# in a loop numba does not see that the counts cancel out; it made the search three times slower.


@njit(inline="always")
def value_at(word, shift, mask, words, slot):
    """Return the value id of a slot."""
    return np.int64((words[word[slot]] >> shift[slot]) & mask[slot])


@njit(inline="always")
def walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, node):
    """Return the leaf that `words` leads to from a node; 0 where that was never learned."""
    slot = t_slot[node]
    while slot >= 0:
        value = value_at(word, shift, mask, words, slot)
        if value >= t_size[node]:
            return np.int32(0)
        node = t_children[t_data[node] + value]
        slot = t_slot[node]
    return node


@njit
def intern(subs, sub_table, shared, mine, key):
    """Return the id of a word or pair, new if it must be. The caller sees to room."""
    size = uint64(len(sub_table))
    place = np.int64(spot(mix(key), size))
    while True:
        entry = np.int64(sub_table[place])
        if entry == 0:
            spare = mine[SPARE]
            if spare < 0:
                spare = fetch_add(shared, SUBS, 1)
            subs[spare] = key
            entry = np.int64(swap_if_zero(sub_table, place, np.uint32(spare + 1)))
            if entry == 0:
                mine[SPARE] = -1
                return uint64(spare)
            mine[SPARE] = spare  # somebody was quicker: the id is for the next key
        if subs[entry - 1] == key:
            return uint64(entry - 1)
        place += 1
        if place == len(sub_table):
            place = 0


@njit
def fold(count, left, right, subs, sub_table, shared, mine, words, ids):
    """Return the one word that stands for all `words`, where there are several."""
    for i in range(count):
        ids[i] = intern(subs, sub_table, shared, mine, words[i])
    last = len(left) - 1
    for join in range(last):
        pair = (ids[left[join]] << uint64(32)) | ids[right[join]]
        ids[count + join] = intern(subs, sub_table, shared, mine, pair)
    return (ids[left[last]] << uint64(32)) | ids[right[last]]


@njit
def unfold(count, left, right, subs, root, words, ids):
    """Put the words that `root` stands for into `words`, where there are several."""
    last = len(left) - 1
    pair = root
    low = uint64(0xFFFFFFFF)
    for back in range(last + 1):
        join = last - back
        if join != last:
            pair = subs[np.int64(ids[count + join])]
        ids[left[join]] = pair >> uint64(32)
        ids[right[join]] = pair & low
    for i in range(count):
        words[i] = subs[np.int64(ids[i])]


@njit(inline="always")
def insert(states, table, shared, mine, root):
    """Put a packed state into the set unless it is there."""
    place = np.int64(spot(mix(root), uint64(len(table))))
    while True:
        entry = np.int64(table[place])
        if entry == 0:
            index = mine[NEXT]
            if index == mine[END]:
                index = fetch_add(shared, ALLOCATED, CHUNK)
                mine[END] = index + CHUNK
            states[index] = root
            entry = np.int64(swap_if_zero(table, place, np.uint32(index + 1)))
            if entry == 0:
                mine[NEXT] = index + 1
                return
            mine[NEXT] = index  # somebody was quicker: the place is for the next state
        if states[entry - 1] == root:
            return
        place += 1
        if place == len(table):
            place = 0


@njit
def successor(layout, tries, store, mine, outcome, words, changed, ids):
    """Return the packed state that an outcome leads to from `words`; `expand` has it inline."""
    count = layout.words
    for i in range(count):
        changed[i] = words[i]
    for d in range(tries.begin[outcome], tries.begin[outcome] + tries.deltas[outcome]):
        w = tries.where[d]
        changed[w] = (changed[w] & tries.keep[d]) | tries.put[d]
    if count == 1:
        return changed[0]
    return fold(
        count, layout.left, layout.right, store.subs, store.sub_table, store.shared, mine, changed,
        ids,
    )  # fmt: skip


@njit
def _stranger(place):
    """Return a state that belongs to another place of the recent ones."""
    other = uint64(1)
    while mix(other) % uint64(RECENT) == place:
        other += uint64(1)
    return other


@njit
def _flush(states, table, shared, mine, pending, count):
    """Look up all pending successors, in order."""
    size = uint64(len(table))
    for i in range(count):
        entry = np.int64(table[np.int64(spot(mix(pending[i]), size))])
        if entry != 0:
            prefetch(states, entry - 1)
    for i in range(count):
        insert(states, table, shared, mine, pending[i])


@njit(cache=True, nogil=True)
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
    a_slot, a_base, a_size, roots, rest = (
        agents.slot,
        agents.base,
        agents.size,
        agents.roots,
        agents.rest,
    )
    states, table, subs, sub_table = store.states, store.table, store.subs, store.sub_table
    shared = store.shared
    visits, order, deferred, last, margin = (
        work.visits,
        work.order,
        work.deferred,
        work.last,
        work.margin,
    )
    masks = work.masks
    words = np.empty(count, np.uint64)
    changed = np.empty(count, np.uint64)
    ids = np.empty(count + len(left) + 1, np.uint64)
    pending = np.empty(PENDING, np.uint64)
    # A place holds the last state that belongs there, which is in the set or pending. Zero is a
    # state too: its own place begins with one that belongs elsewhere.
    recent = np.zeros(RECENT, np.uint64)
    recent[np.int64(mix(uint64(0)) % uint64(RECENT))] = _stranger(mix(uint64(0)) % uint64(RECENT))
    waiting = 0
    number = len(a_slot)
    leaves = np.empty(number, np.int64)
    limit = min(len(states), np.int64(len(table) * 0.8)) - margin
    sub_limit = min(len(subs), np.int64(len(sub_table) * 0.7)) - (
        4 * count * margin if margin else 0
    )
    size = uint64(len(table))
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
                words[0] = states[index]
            else:
                unfold(count, left, right, subs, states[index], words, ids)
            branches = np.int64(0)
            missing = False
            chosen = masks[index] if len(masks) else uint64(0)
            for a in range(number):
                if chosen != 0 and (chosen >> uint64(a)) & uint64(1) == uint64(0):
                    leaves[a] = -1
                    continue
                local = value_at(word, shift, mask, words, a_slot[a])
                node = np.int32(0)
                if local < a_size[a]:
                    start = roots[a_base[a] + local]
                    node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
                if node == 0:
                    mine[AGENT] = a
                    missing = True
                    break
                leaf = t_data[node]
                leaves[a] = leaf
                branches += outcomes_of[leaf]
            if not missing and branches == 0:
                resting = True
                for a in range(number):
                    local = value_at(word, shift, mask, words, a_slot[a])
                    resting = resting and rest[a_base[a] + local]
                stuck = not resting and work.deadlock
                prop = np.int64(-1)
                for p in range(len(at_end) if resting else 0):
                    start = roots[at_end[p, 0]]
                    node = walk(t_slot, t_data, t_size, t_children, word, shift, mask, words, start)
                    if node == 0:
                        mine[AGENT] = -1 - at_end[p, 1]
                        missing = True
                        break
                    if t_data[node] == 0 and not stuck:
                        stuck, prop = True, at_end[p, 1]
                if stuck and not missing and mine[STUCK_STATE] < 0:
                    mine[STUCK_STATE], mine[STUCK_PROPERTY] = index, prop
            if missing and margin == 0:
                why = MISS
                break
            if missing or (margin and branches > MANY):
                deferred[mine[DEFERRED]] = index
                mine[DEFERRED] += 1
                cursor += 1
                continue
            held = shared[ALLOCATED] if margin else mine[NEXT]
            if held + waiting + branches > limit or (
                count > 1 and shared[SUBS] + 2 * count * (branches + 1) > sub_limit
            ):
                mine[AGENT] = branches
                why = ROOM
                break
            for a in range(number):
                leaf = leaves[a]
                outcomes = outcomes_of[leaf] if leaf >= 0 else 0
                if outcomes == 0:
                    continue
                visits[leaf] += 1
                transitions += outcomes
                for o in range(first[leaf], first[leaf] + outcomes):
                    if failing[o]:
                        if mine[FAIL_AT] < 0:
                            _flush(states, table, shared, mine, pending, waiting)
                            waiting = 0
                            mine[FAIL_AT] = mine[NEXT]
                            mine[FAIL_STATE] = index
                            mine[FAIL_AGENT] = a
                            mine[FAIL_WHICH] = o - first[leaf]
                        continue
                    if count == 1:
                        root = words[0]
                        for d in range(begin[o], begin[o] + deltas[o]):
                            root = (root & keep[d]) | put[d]
                    else:
                        for i in range(count):
                            changed[i] = words[i]
                        for d in range(begin[o], begin[o] + deltas[o]):
                            w = where[d]
                            changed[w] = (changed[w] & keep[d]) | put[d]
                        root = fold(count, left, right, subs, sub_table, shared, mine, changed, ids)
                    mixed = mix(root)
                    spot_of = np.int64(mixed % uint64(RECENT))
                    if recent[spot_of] == root:
                        continue
                    recent[spot_of] = root
                    prefetch(table, np.int64(spot(mixed, size)))
                    pending[waiting] = root
                    waiting += 1
                    if waiting == PENDING:
                        _flush(states, table, shared, mine, pending, waiting)
                        waiting = 0
            cursor += 1
        if margin == 0:
            shared[CURSOR] = cursor
        else:
            while cursor < stop:  # no room: put off the rest of the block
                deferred[mine[DEFERRED]] = order[cursor] if len(order) else cursor
                mine[DEFERRED] += 1
                cursor += 1
    _flush(states, table, shared, mine, pending, waiting)
    mine[TRANSITIONS] += transitions
    return why


@njit(cache=True, nogil=True)
def move(store, sources, targets):
    """Move states to other places, and tell the hash table."""
    states, table = store.states, store.table
    for i in range(len(sources)):
        root = states[sources[i]]
        place = np.int64(spot(mix(root), uint64(len(table))))
        while np.int64(table[place]) != sources[i] + 1:
            place += 1
            if place == len(table):
                place = 0
        states[targets[i]] = root
        table[place] = targets[i] + 1


@njit(cache=True, nogil=True)
def examine(layout, tries, roots, rows, store, mine, last):
    """Hold states from mine[CHECKED] up to `last` against properties, in order.

    `rows` has, for each property, the place of its root and its number; and 1 for ``always``, 0 for
    ``sometimes``. Returns MISS, FALSE (an invariant), WITNESS, or DONE; mine[AGENT] is the row.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    left, right = layout.left, layout.right
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    states, subs = store.states, store.subs
    words = np.empty(count, np.uint64)
    ids = np.empty(count + len(left) + 1, np.uint64)
    at = mine[CHECKED]
    while at < last:
        if count == 1:
            words[0] = states[at]
        else:
            unfold(count, left, right, subs, states[at], words, ids)
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
        at += 1
    mine[CHECKED] = at
    return DONE


@njit(cache=True, nogil=True)
def predecessor(layout, tries, agents, store, mine, bounds, target):
    """Return the first state within `bounds` that leads to `target`, with agent and outcome.

    Everything there has been expanded, so every path is known: parents need not be stored.
    """
    word, shift, mask, count = layout.word, layout.shift, layout.mask, layout.words
    left, right = layout.left, layout.right
    t_slot, t_data, t_size, t_children = tries.slot, tries.data, tries.size, tries.children
    states, subs = store.states, store.subs
    goal = states[target]
    words = np.empty(count, np.uint64)
    changed = np.empty(count, np.uint64)
    ids = np.empty(count + len(left) + 1, np.uint64)
    for state in range(bounds[0], bounds[1]):
        if count == 1:
            words[0] = states[state]
        else:
            unfold(count, left, right, subs, states[state], words, ids)
        for a in range(len(agents.slot)):
            local = value_at(word, shift, mask, words, agents.slot[a])
            node = walk(
                t_slot, t_data, t_size, t_children, word, shift, mask, words,
                agents.roots[agents.base[a] + local],
            )  # fmt: skip
            if node == 0:
                continue  # a search that was cut never expanded this state
            leaf = t_data[node]
            for o in range(tries.first[leaf], tries.first[leaf] + tries.count[leaf]):
                if tries.failing[o]:
                    continue
                root = successor(layout, tries, store, mine, o, words, changed, ids)
                if root == goal:
                    return np.int64(state), np.int64(a), np.int64(o - tries.first[leaf])
    return np.int64(-1), np.int64(-1), np.int64(-1)


@njit(cache=True, nogil=True)
def rehash(states, count, table, skip):
    """Fill an empty table with the first `count` states, all different but for those to `skip`."""
    size = uint64(len(table))
    ahead = 32
    for i in range(count):
        if i + ahead < count:
            prefetch(table, np.int64(spot(mix(states[i + ahead]), size)))
        wanted = True
        for j in range(len(skip)):
            wanted = wanted and skip[j] != i
        if not wanted:
            continue
        place = np.int64(spot(mix(states[i]), size))
        while table[place] != 0:
            place += 1
            if place == len(table):
                place = 0
        table[place] = i + 1


@njit(cache=True, nogil=True)
def add_vectors(layout, store, mine, vectors):
    """Insert states given as value ids, one a row; the caller sees to room."""
    count = layout.words
    words = np.empty(count, np.uint64)
    ids = np.empty(count + len(layout.left) + 1, np.uint64)
    for row in range(vectors.shape[0]):
        words[:] = uint64(0)
        for slot in range(vectors.shape[1]):
            words[layout.word[slot]] |= uint64(vectors[row, slot]) << layout.shift[slot]
        root = words[0]
        if count > 1:
            root = fold(
                count, layout.left, layout.right, store.subs, store.sub_table, store.shared, mine,
                words, ids,
            )  # fmt: skip
        insert(store.states, store.table, store.shared, mine, root)


@njit(cache=True, nogil=True)
def vectors_of(layout, store, first, last):
    """Return states as value ids, one a row."""
    count = layout.words
    words = np.empty(count, np.uint64)
    ids = np.empty(count + len(layout.left) + 1, np.uint64)
    found = np.empty((last - first, len(layout.word)), np.int64)
    for state in range(first, last):
        words[0] = store.states[state]
        if count > 1:
            unfold(count, layout.left, layout.right, store.subs, store.states[state], words, ids)
        for slot in range(len(layout.word)):
            found[state - first, slot] = value_at(
                layout.word, layout.shift, layout.mask, words, slot
            )
    return found
