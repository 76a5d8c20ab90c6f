"""Of several shortest paths, the one on which another process goes on least often.

A counterexample is read process by process, so each change of process costs its reader something. A
search in levels tells more than one shortest path: every step that leads from a level to the next
is on one. So the levels are gone over backwards, from all states and steps of the last that violate
the same, and for each state and each agent that steps there it is found out how few changes the
rest can do with. Of those with fewest, the path comes first in the order of the agents, and then of
their outcomes; that does not depend on the order in which states were found.

Guarantees: no path of that length that ends in the same violation has fewer changes. Where that
would take more than `MOST` steps between states, or a budget is used up, or Ctrl-C is pressed, the
path that was found first stays. Neighbours: `InPython` is what the reference explorer has stored,
`modelcheck.explore.native.backwards` what the native one has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Protocol

from attrs import evolve

from modelcheck.explore.budget import Meter
from modelcheck.explore.graph import states_on
from modelcheck.explore.search import FAILING, Found, Move, Search, judged, successor
from modelcheck.tables.tables import State, Tables
from modelcheck.tables.tries import Failure
from modelcheck.verdict import Kind

#: So many steps between states, on shortest paths, are compared at most.
MOST = 250_000

#: The path to a witness is chosen if so many states are nearer than it: every search has witnesses,
#: those that hold too, and is not to pay for them.
FEW = 5_000

#: How many states are gone over between two looks at the clock.
STRIDE = 1024

#: Where a path ends: a state, and the step from there that fails.
Ending = tuple[int, Move | None]

#: A step between states: from which, the agent, its outcome, to which.
Step = tuple[int, int, int, int]

#: How a path goes on from a state, by agent: with how many changes, by which outcome, to where.
Ways = dict[int, tuple[int, int, int]]


class Levels(Protocol):
    """What a search has stored: numbered states, in levels. The initial state is number 0."""

    def before(self, level: int, states: Sequence[int]) -> Iterable[Step] | None:
        """Return all steps from a level to states of the next; None where that takes too much."""

    def alike(self, found: Found, level: int) -> list[Ending] | None:
        """Return all endings on a level that violate the same; None where that takes too much.

        The level has been gone through to its end.
        """


def level_of(found: Found) -> int:
    """Return the level of the state in which a violation is, or from which a step fails."""
    return len(found.path) - (found.kind in FAILING)


def choose(search: Search, levels: Levels, first: int, complete: bool) -> None:
    """Give a violation the path with the fewest changes.

    `first` is the state in which its path ends now, and the only one that is gone to unless the
    level of the violation was gone through to its end (`complete`).
    """
    found = search.found
    if found is None or not found.path:
        return
    level = level_of(found)
    endings = levels.alike(found, level) if complete else None
    last = found.path[-1] if level < len(found.path) else None
    path = fewest(search.tables, levels, endings or [(first, last)], level)
    if path is not None:
        search.found = evolve(found, path=path)


def fewest(
    tables: Tables, levels: Levels, endings: Sequence[Ending], level: int
) -> tuple[Move, ...] | None:
    """Return the path with the fewest changes to one of some endings, all on one level.

    None where the levels do not tell. Cost: one pass over the levels before; memory for `MOST`
    steps.
    """
    ways: dict[int, Ways] = {}
    for state, move in endings:
        there = ways.setdefault(state, {})
        if move is not None:
            _add(there, move, 0, -1)
    goals, total = list(ways), len(endings)
    for before in range(level - 1, -1, -1):
        steps = levels.before(before, goals) if total <= MOST else None
        if steps is None:
            return None
        least = {goal: min((way[0] for way in ways[goal].values()), default=-1) for goal in goals}
        reached: dict[int, None] = {}
        for state, agent, which, goal in steps:
            total += 1
            rest = least[goal] + 1  # nothing more to come: no change
            if agent in ways[goal]:
                rest = min(rest, ways[goal][agent][0])
            reached[state] = None
            _add(ways.setdefault(state, {}), (agent, which), rest, goal)
        goals = list(reached)
    return _forward(tables, ways)


def _add(there: Ways, move: Move, rest: int, goal: int) -> None:
    """Note a way on, unless one of the same agent is as good and comes before it."""
    agent, which = move
    if agent not in there or (rest, which) < there[agent][:2]:
        there[agent] = rest, which, goal


def _forward(tables: Tables, ways: dict[int, Ways]) -> tuple[Move, ...]:
    """Return the best of the ways on from the initial state."""
    # Numbers of agents that are met during a search depend on what is met first.
    order = sorted(range(len(tables.agents)), key=lambda agent: (tables.agents[agent].late, agent))
    rank = {agent: place for place, agent in enumerate(order)}
    state, moves = 0, list[Move]()
    while state >= 0 and ways[state]:
        there = ways[state]
        before = moves[-1][0] if moves else None

        def cost(agent: int, there: Ways = there, before: int | None = before) -> tuple[int, int]:
            return there[agent][0] + (before not in (None, agent)), rank[agent]

        agent = min(there, key=cost)
        _, which, state = there[agent]
        moves.append((agent, which))
    return tuple(moves)


class InPython:
    """States as the reference explorer stores them, in the order of finding."""

    def __init__(
        self, tables: Tables, states: Sequence[State], widths: Sequence[int], meter: Meter
    ):
        self.tables, self.states, self.meter = tables, states, meter
        self.bounds = [*accumulate(widths, initial=0), len(states)]

    def number(self, path: Sequence[Move]) -> int:
        """Return the number of the last state of a shortest path; a failing step adds none."""
        on = states_on(self.tables, path)
        return self.states.index(on[-1], self.bounds[len(on) - 1])

    def before(self, level: int, states: Sequence[int]) -> Iterable[Step] | None:
        """Return all steps from a level to states of the next; None where that takes too much."""
        wanted = {self.states[number]: number for number in states}
        agents = [(number, a.slot, a.tries) for number, a in enumerate(self.tables.agents)]
        steps: list[Step] = []
        for number in range(*self.bounds[level : level + 2]):
            if number % STRIDE == 0 and self.meter.exceeded_time_or_memory():
                return None
            state = self.states[number]
            for agent, slot, tries in agents:
                node: Any = tries[state[slot]].root  # a Branch, at the end a Leaf
                while node is not None and node.slot >= 0:
                    node = node.children.get(state[node.slot])
                for which, outcome in enumerate(node.outcomes if node is not None else ()):
                    goal = wanted.get(successor(state, outcome.writes))
                    if goal is not None and outcome.failure is None:
                        steps.append((number, agent, which, goal))
            if len(steps) > MOST:
                return None
        return None if self.meter.exceeded_time_or_memory() else steps

    def alike(self, found: Found, level: int) -> list[Ending] | None:
        """Return all endings on a level that violate the same; None where that takes too much."""
        endings: list[Ending] = []
        failure = failure_of(self.tables, found)
        for number in range(*self.bounds[level : level + 2]):
            if number % STRIDE == 0 and self.meter.exceeded_time_or_memory():
                return None
            endings += self._endings(found, number, failure)
            if len(endings) > MOST:
                return None
        return endings

    def _endings(self, found: Found, number: int, failure: Failure | None) -> list[Ending]:
        tables, state = self.tables, self.states[number]
        if found.kind is Kind.INVARIANT:
            assert found.property is not None
            answer = tables.properties[found.property].trie.find(state)
            return [] if answer is None or answer.holds else [(number, None)]
        leaves = [tables.leaf(agent, state) for agent in range(len(tables.agents))]
        if failure is None:
            rests = not any(leaf.outcomes for leaf in leaves)
            same = rests and judged(tables, state) == (found.kind, found.property)
            return [(number, None)] if same else []
        return [
            (number, (agent, which))
            for agent, leaf in enumerate(leaves)
            for which, outcome in enumerate(leaf.outcomes)
            if outcome.failure == failure
        ]


def failure_of(tables: Tables, found: Found) -> Failure | None:
    """Return how the last step of a path fails; None where it is a state that violates."""
    if found.kind not in FAILING:
        return None
    agent, which = found.path[-1]
    last = states_on(tables, found.path)[-1]
    return tables.leaf(agent, last).outcomes[which].failure
