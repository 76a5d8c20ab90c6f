"""The visited set as the kernels use it: hash tables of states, and of the parts of long ones.

States of several words are kept as one word, the root of a tree of pairs (tree compression:
Laarman, van de Pol, Weber, SPIN 2011). Both tables are open-addressed, never shrink, and take
insertions of several threads at once by compare-and-swap; the caller sees to room.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types, uint64
from numba.core import cgutils
from numba.extending import intrinsic

from modelcheck.explore.native.shapes import ALLOCATED, CHUNK, END, NEXT, SPARE, SUBS


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
def mix_words(words, count):
    """Return 64 well mixed bits for the words of a state."""
    h = uint64(0x9E3779B97F4A7C15)
    for i in range(count):
        h = mix(h ^ words[i])
    return h


@njit(inline="always")
def spot(h, size):
    """Return a place in a table of any size below 2^32 for a hash."""
    return ((h >> uint64(32)) * uint64(size)) >> uint64(32)


# An entry of a hash table is an index + 1, and above it as many bits of the hash as there is room
# for, the tag: most states and parts that are not the one looked for are told by their tag, and
# need not be looked at. (They lie all over memory, and the entries lie side by side.)


@njit(inline="always")
def index_bits(size):
    """Return ones where an entry of a table of so many places has its index; above is the tag."""
    bits = uint64(size)
    for power in range(6):
        bits |= bits >> uint64(1 << power)
    return bits & uint64(0xFFFFFFFF)


@njit(inline="always")
def probe(h, size, bits):
    """Return where to look for a hash: the first place in the upper half, its tag in the lower."""
    return (spot(h, size) << uint64(32)) | (h & uint64(0xFFFFFFFF) & ~bits)


@njit(error_model="numpy", nogil=True)
def intern(subs, sub_table, shared, mine, key):
    """Return the id of a word or pair, new if it must be. The caller sees to room."""
    size = uint64(len(sub_table))
    bits = index_bits(size)
    looked_for = probe(mix(key), size, bits)
    place, tag = looked_for >> uint64(32), looked_for & uint64(0xFFFFFFFF)
    while True:
        entry = uint64(sub_table[place])
        if entry == 0:
            spare = mine[SPARE]
            if spare < 0:
                spare = fetch_add(shared, SUBS, 1)
            subs[uint64(spare)] = key
            new = np.uint32(tag | uint64(spare + 1))
            entry = uint64(swap_if_zero(sub_table, np.int64(place), new))
            if entry == 0:
                mine[SPARE] = -1
                return uint64(spare)
            mine[SPARE] = spare  # somebody was quicker: the id is for the next key
        index = entry ^ tag
        if index <= bits and subs[index - uint64(1)] == key:
            return index - uint64(1)
        place += uint64(1)
        if place == size:
            place = uint64(0)


@njit(error_model="numpy", nogil=True)
def fold(count, left, right, subs, sub_table, shared, mine, words, ids):
    """Return the one word that stands for all `words`, where there are several."""
    for i in range(count):
        ids[i] = intern(subs, sub_table, shared, mine, words[i])
    last = len(left) - 1
    for join in range(last):
        pair = (ids[uint64(left[join])] << uint64(32)) | ids[uint64(right[join])]
        ids[count + join] = intern(subs, sub_table, shared, mine, pair)
    return (ids[uint64(left[last])] << uint64(32)) | ids[uint64(right[last])]


@njit(error_model="numpy", nogil=True)
def refold(count, left, right, subs, sub_table, shared, mine, words, ids, changed, made):
    """Return the one word for `changed`, as `fold`; `words` and `ids` are those of its parent.

    A step changes few words: only those, and the pairs above them, are looked up.
    """
    for i in range(count):
        made[i] = ids[i]
        if changed[i] != words[i]:
            made[i] = intern(subs, sub_table, shared, mine, changed[i])
    last = len(left) - 1
    for join in range(last):
        one, other = uint64(left[join]), uint64(right[join])
        made[count + join] = ids[count + join]
        if made[one] != ids[one] or made[other] != ids[other]:
            pair = (made[one] << uint64(32)) | made[other]
            made[count + join] = intern(subs, sub_table, shared, mine, pair)
    return (made[uint64(left[last])] << uint64(32)) | made[uint64(right[last])]


@njit(error_model="numpy", nogil=True)
def unfold(count, left, right, subs, root, words, ids):
    """Put the words that `root` stands for into `words`, and the ids of all parts into `ids`."""
    last = len(left) - 1
    pair = root
    low = uint64(0xFFFFFFFF)
    for back in range(last + 1):
        join = last - back
        if join != last:
            pair = subs[ids[count + join]]
        ids[uint64(left[join])] = pair >> uint64(32)
        ids[uint64(right[join])] = pair & low
    for i in range(count):
        words[i] = subs[ids[i]]


@njit(inline="always")
def insert(states, table, bits, shared, mine, root, looked_for, alone):
    """Put a packed state into the set unless it is there; return its index.

    `looked_for` is from `probe`.

    A worker that is `alone` needs no compare-and-swap, which waits for all that was stored before.
    """
    size = uint64(len(table))
    place, tag = looked_for >> uint64(32), looked_for & uint64(0xFFFFFFFF)
    while True:
        entry = uint64(table[place])
        if entry == 0:
            index = mine[NEXT]
            if index == mine[END]:
                index = fetch_add(shared, ALLOCATED, CHUNK)
                mine[END] = index + CHUNK
            states[uint64(index)] = root
            new = np.uint32(tag | uint64(index + 1))
            if alone:
                table[place] = new
            else:
                entry = uint64(swap_if_zero(table, np.int64(place), new))
            if entry == 0:
                mine[NEXT] = index + 1
                return uint64(index)
            mine[NEXT] = index  # somebody was quicker: the place is for the next state
        told = entry ^ tag
        if told <= bits and states[told - uint64(1)] == root:
            return told - uint64(1)
        place += uint64(1)
        if place == size:
            place = uint64(0)


@njit(inline="always")
def found_at(states, table, bits, root):
    """Return the index of a packed state; it has to be in the set, or what is read is not ours."""
    size = uint64(len(table))
    looked_for = probe(mix(root), size, bits)
    place, tag = looked_for >> uint64(32), looked_for & uint64(0xFFFFFFFF)
    while True:
        told = uint64(table[place]) ^ tag
        if told <= bits and states[told - uint64(1)] == root:
            return np.int64(told) - 1
        place += uint64(1)
        if place == size:
            place = uint64(0)
