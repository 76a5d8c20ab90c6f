"""What kernels are given and what they answer: numbers and arrays, and no compiled code.

Whoever calls a kernel needs these names; numba, which compiles kernels, takes longer to import than
most searches take. So nothing here imports it. Neighbours: `kernel` has the code, `objects` calls
it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
    count: np.ndarray  # type: ignore[assignment]  # int32[leaves]; not the method of a tuple
    failing: np.ndarray  # bool[outcomes]
    begin: np.ndarray  # int32[outcomes]: first delta; with one word, the outcome's own number
    deltas: np.ndarray  # int32[outcomes]: how many; with one word, one
    where: np.ndarray  # int32[deltas]: the word
    keep: np.ndarray  # uint64[deltas]
    put: np.ndarray  # uint64[deltas]


class Scratch(NamedTuple):
    """Room that one worker's kernels need: they allocate nothing."""

    words: np.ndarray  # uint64[words]
    changed: np.ndarray  # uint64[words]
    ids: np.ndarray  # uint64[words + joins + 1]
    leaves: np.ndarray  # int64[agents + 1]
    whose: np.ndarray  # int64[agents + 1]
    pending: np.ndarray  # uint64[PENDING]
    places: np.ndarray  # uint64[PENDING]
    recent: np.ndarray  # uint64[RECENT]: the last state of each place; it is in the set or pending


class Work(NamedTuple):
    """What one worker is to do, and where it may write."""

    visits: np.ndarray  # int64[leaves]
    order: np.ndarray  # int64[...]: which states to expand; empty: those from the cursor on
    deferred: np.ndarray  # int64[...]: room for states put off
    last: int  # where to stop
    margin: int  # room to leave for other workers; 0 alone
    deadlock: bool  # whether it matters that nobody can step
    masks: np.ndarray  # uint64[states]: the agents to expand, as bits; empty: all
    scratch: Scratch


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
