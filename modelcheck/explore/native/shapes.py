"""What kernels are given and what they answer: numbers and arrays, and no compiled code.

Whoever calls a kernel needs these names; numba, which compiles kernels, takes longer to import than
most searches take. So nothing here imports it. Neighbours: `kernel` has the code, `objects` calls
it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Why a kernel came back; RELATE: it wants a relation that was never fetched.
DONE, MISS, ROOM, FALSE, WITNESS, RELATE = range(6)

#: Places in the counters that all workers share, a cache line apart.
CURSOR, ALLOCATED, SUBS = 0, 8, 16
SHARED = 24

#: Places in the counters of one worker.
(
    NEXT, END, SPARE, DEFERRED, TRANSITIONS, AGENT, CHECKED,
    FAIL_AT, FAIL_STATE, FAIL_AGENT, FAIL_WHICH, STUCK_STATE, STUCK_PROPERTY,
) = range(13)  # fmt: skip
MINE = 16

#: Where in a worker's counters it is counted in how many states something was put off.
PUT_OFF = MINE - 1

#: Which relation is wanted, in ``wanted[0]``; of what, in ``wanted[1]``.
CONFLICTS, ENABLERS, ENTRANCES, VISIBLE, VISIBLE_STEPS = range(5)

#: Places in the counters of a walk for what is ignored (`ignoring`).
ROOT, DEPTH, ACTIVE, PARTS, HEIGHT, FOUND, UNSETTLED, SETTLED = range(8)
WALKING = 8

#: Successors waiting for their look-up: enough to hide memory latency, few enough to stay in cache.
PENDING = 256

#: Successors seen of late, by worker: most successors of a breadth-first search are generated again
#: soon.
RECENT = 1 << 14

#: A state with more successors than this is expanded alone: others leave that much room for it.
MANY = 1 << 13

#: How many states a worker takes to expand, and how many places for new ones, at a time.
BLOCK, CHUNK = 256, 512


#: How full the table of states is when there is no room for more, and how full kernels let it get
#: at most, where places are lost between workers. Few states are looked at for nothing, since
#: entries have tags: a full table costs little time, and saves memory.
FULL, FULLEST = 0.85, 0.87

#: How full the table of the parts of longer states may get.
SUB_FULL = 0.7


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
    made: np.ndarray  # uint64[words + joins + 1]: the ids of a successor's parts
    leaves: np.ndarray  # int64[agents + 1]
    whose: np.ndarray  # int64[agents + 1]
    pending: np.ndarray  # uint64[PENDING]
    probes: np.ndarray  # uint64[PENDING]: where each is looked for
    owners: np.ndarray  # uint32[PENDING]: and of which state it is a successor
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
    children: np.ndarray  # uint32[states]: of each a successor's index + 1; empty: not wanted


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
    table: np.ndarray  # uint32[...]: index + 1 and a tag, 0 where empty
    subs: np.ndarray  # uint64[...]: by id, the words and pairs of longer states
    sub_table: np.ndarray  # uint32[...]
    shared: np.ndarray  # int64[SHARED]


class Relating(NamedTuple):
    """Relations between local steps. A length of -1 means "never fetched".

    A set of local steps is a list of words of bits: of word w of all agents' words, bit b is local
    state ``64 * (w - begin[agent]) + b`` of its agent. The same numbers, 64 * w + b, name steps.
    """

    known: np.ndarray  # int64[agents]: local states that are told of: those from here on are new
    begin: np.ndarray  # int64[agents]: the first word
    agent: np.ndarray  # int32[words]: whose it is
    word: np.ndarray  # int32[...]: of all lists, one after the other: which word
    bits: np.ndarray  # uint64[...]: and its bits
    conflicts: np.ndarray  # int32[leaves]: where its list is
    conflicts_size: np.ndarray  # int32[leaves]
    enablers: np.ndarray  # int32[leaves]
    enablers_size: np.ndarray  # int32[leaves]
    entrances: np.ndarray  # int32[steps]
    entrances_size: np.ndarray  # int32[steps]
    visible: np.ndarray  # int8[leaves]: 1, 0, or -1
    visible_steps: np.ndarray  # int32[2]: where the list is, and how long
    reachable: np.ndarray  # uint64[...]: a row of an agent's words for each of its local states
    passed: np.ndarray  # uint64[...]: rows in the same places: see `Relations.entrances`
    row: np.ndarray  # int64[agents]: where an agent's rows begin
    length: np.ndarray  # int64[agents]: how many words a row has
    blockable: np.ndarray  # uint64[words]: the steps that were met blocked
    moved: np.ndarray  # bool[agents]: whether others write its local state
    watching: bool  # whether any property is to be undisturbed


class Closing(NamedTuple):
    """Room for one worker's closures."""

    member: np.ndarray  # uint64[words]: the steps that have joined
    waiting: np.ndarray  # uint64[words]: those of them, of agents elsewhere, not yet gone through
    word: np.ndarray  # int64[agents]: of the step of each agent at where it is: its word
    bit: np.ndarray  # uint64[agents]: and its bit
    near: np.ndarray  # int64[agents]: what to add to a word's number for its place in `reachable`
    local: np.ndarray  # int64[agents]: where each agent is, as a number
    line: np.ndarray  # int64[agents]: the agents to begin with, the one furthest behind first
    wanted: np.ndarray  # int64[2]: the relation to fetch


class Walking(NamedTuple):
    """Room for a depth-first walk over a reduced graph; the walk goes on from what stands here."""

    number: np.ndarray  # uint32[states]: 0 unseen; from 1 up on its way; from above down, its part
    pending: np.ndarray  # uint32[states]: gone through, of a part that is not complete
    path: np.ndarray  # uint32[states]
    agent: np.ndarray  # uint8[states]: of each state of the path, whose step is being taken
    outcome: np.ndarray  # int32[states]: and which outcome of it
    above: np.ndarray  # bool[states]: and whether its part began before it
    left: np.ndarray  # bool[states]: and whether its part was found to be left
    taken: np.ndarray  # uint64[states]: and whose steps its part takes, as bits
    first: np.ndarray  # uint32[states]: and the first state of its part
    counters: np.ndarray  # int64[WALKING]
    states: np.ndarray  # int64[...]: what was found: a state of each part that ignores steps
    lacking: np.ndarray  # uint64[...]: and whose, as bits
