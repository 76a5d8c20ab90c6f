"""What a search finds: the same shape for every explorer.

A search explores the states of `modelcheck.tables.tables.Tables`; it knows nothing of Python
processes. Counts: *states* are distinct global states stored, *transitions* are outcomes generated,
those that lead to a known state included.
"""

from __future__ import annotations

from attrs import define, field, frozen

from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind

#: One step of a path: which agent stepped, and which of its outcomes it was.
Move = tuple[int, int]

#: Violations by a state in which nobody can step; others take one step more than their level.
AT_REST = (Kind.DEADLOCK, Kind.FINAL)

#: Violations by a step that fails.
FAILING = (Kind.ASSERTION, Kind.EXCEPTION)


@frozen
class Found:
    """A violation: its kind, the moves that lead to it, and the property that it violates.

    For an assertion or an exception the last move is the failing outcome itself.
    """

    kind: Kind
    path: tuple[Move, ...]
    property: int | None = None


@frozen
class Reduction:
    """What partial-order reduction did: states that put steps off, of how many, in how many runs.

    Runs before the last taught what the last one rests on. `shortest` tells whether a
    shortest counterexample was looked for. `audited` counts the states in which the choice
    was looked at again.
    """

    reduced: int
    expanded: int
    runs: int
    shortest: bool = True
    audited: int = 0


@frozen
class Orbits:
    """What symmetry did: states are orbits, which stand for so many states under so large a group.

    `group` is how many ways there are to rename.
    """

    group: int
    stand_for: int


@define(eq=False)
class Search:
    """The state of a search, and its result once it has ended.

    `reason` tells why a search was cut; empty if it was not. `witnesses` maps the index of a
    ``sometimes`` property to the moves that reach its first witness. `paused` holds the states
    found by a search that is to be gone on with by another explorer, in order; its last level is
    not in `levels`. `gone_through` counts the states of the last level that were. `shortest` is
    false where the level of a violation was not gone through to its end: a state of that level in
    which nobody can step would be a violation one step nearer. `store` names the visited set; of
    one that may miss states, `missed` is how many it is expected to have missed of those that were
    met.
    """

    tables: Tables
    states: int = 0
    transitions: int = 0
    levels: list[int] = field(factory=list)
    found: Found | None = None
    witnesses: dict[int, tuple[Move, ...]] = field(factory=dict)
    reason: str = ""
    seconds: float = 0.0
    engine: str = ""
    paused: list[State] | None = None
    gone_through: int = 0
    shortest: bool = True
    reduction: Reduction | None = None
    orbits: Orbits | None = None
    store: str = "exact"
    missed: float | None = None

    @property
    def depth(self) -> int:
        """The length of the longest shortest path to a state."""
        return max(len(self.levels) - 1, 0)


def successor(state: State, writes: tuple[tuple[int, int], ...]) -> State:
    """Return `state` with some slots changed.

    Examples
    --------
    >>> successor((1, 2, 3), ((0, 9), (2, 7)))
    (9, 2, 7)
    """
    changed = list(state)
    for slot, value in writes:
        changed[slot] = value
    return tuple(changed)


def judged(tables: Tables, state: State) -> tuple[Kind | None, int | None]:
    """Return what is wrong with a state where nobody can step, and the property it violates.

    The kind is None where nothing is.
    """
    if not all(agent.may_rest[state[agent.slot]] for agent in tables.agents):
        return (Kind.DEADLOCK if tables.check_deadlock else None), None
    for number, prop in enumerate(tables.properties):
        if prop.kind == "at_end" and not tables.holds(prop, state).holds:
            return Kind.FINAL, number
    return None, None
