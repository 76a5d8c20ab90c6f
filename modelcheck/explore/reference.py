"""The reference explorer: breadth-first, exact, in plain Python.

Deterministic: states in the order in which they are found, agents in the order of the model,
outcomes in the order of the step. The level that finds a violation is gone through to its end: a
state of the level itself in which nobody can step lies one step nearer than what the level found
among its successors. So the violation is a shortest one, and the counts do not depend on the order.
Every other explorer is tested against this one, and it serves small models for good, since it
compiles nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.explore.budget import Meter
from modelcheck.explore.orbits import Canonical
from modelcheck.explore.search import AT_REST, Found, Move, Search, judged, successor
from modelcheck.explore.switches import FEW, InPython, choose, fewest
from modelcheck.tables.tables import State, Tables
from modelcheck.verdict import Kind
from modelcheck.watchdog import reason_of

#: How many states are expanded between two looks at the clock.
STRIDE = 1024

Parents = dict[State, tuple[State, int, int] | None]

#: What is stored for a state: the canonical form of its orbit.
Canon = Canonical | None


def explore(
    tables: Tables,
    meter: Meter,
    pause: Callable[[int], bool] | None = None,
    canon: Canon = None,
) -> Search:
    """Search all reachable states, to the first violation or until a budget is used up.

    `pause` is asked before each level, with the number of states; once it says so, the search is
    left for another explorer to go on with (`Search.paused`). With `canon` states are explored up
    to symmetry, and paths lead from canonical form to canonical form.

    Returns
    -------
    Search
        With `reason` empty exactly if the search found a violation or came to its end.

    Raises
    ------
    modelcheck.tables.tables.Restart
        Where learning changed the shape of the state; build new tables and call again.
    """
    search = Search(tables, engine="reference")
    parents: Parents = {tables.initial: None}
    frontier, level = [tables.initial], list[State]()
    try:
        examine(search, parents, tables.initial)
        while frontier and search.found is None and not search.reason:
            if meter.deep(len(search.levels)):
                break
            if pause is not None and pause(len(parents)):
                search.paused = list(parents)
                break
            search.levels.append(len(frontier))
            level = frontier
            frontier = _expand_level(search, parents, level, meter, canon)
        _look_at_rest(search, parents, level, meter)
    except KeyboardInterrupt as error:
        search.reason = search.reason or reason_of(error)
    except ModelError:
        if search.found is None:  # a violation found before is not lost
            raise
    complete = search.gone_through == len(level)
    search.shortest = complete or _is_at_rest(search)
    search.states = len(parents)
    if canon is None:
        _choose_paths(search, list(parents), meter, complete and not search.reason)
    else:
        search.orbits = canon.orbits(parents)
    search.seconds = meter.elapsed()
    return search


def _expand_level(
    search: Search, parents: Parents, frontier: list[State], meter: Meter, canon: Canon
) -> list[State]:
    """Expand all states of one depth; return those of the next.

    The loop walks tries and forms successors inline: calls would halve its speed.
    """
    tables = search.tables
    agents = [(number, agent.slot, agent.tries) for number, agent in enumerate(tables.agents)]
    asks = bool(tables.properties)
    limit = meter.budget.states or sys.maxsize
    following: list[State] = []
    done = 0
    try:
        for state in frontier:
            if done % STRIDE == 0:
                depth, width = len(search.levels) - 1, len(frontier)
                meter.tell(len(parents), search.transitions, depth, width, done)
                search.reason = meter.exceeded_time_or_memory()
                if search.reason:
                    break
            stuck = True
            for number, slot, tries in agents:
                node: Any = tries[state[slot]].root  # a Branch, at the end a Leaf
                while node is not None and node.slot >= 0:
                    node = node.children.get(state[node.slot])
                leaf = node or tables.learn_step(number, state)
                if not leaf.outcomes:
                    continue
                stuck = False
                leaf.visits += 1
                for which, outcome in enumerate(leaf.outcomes):
                    search.transitions += 1
                    if outcome.failure is not None:
                        found(search, parents, state, outcome.failure.kind, move=(number, which))
                        continue
                    changed = list(state)
                    for index, value in outcome.writes:
                        changed[index] = value
                    reached = tuple(changed)
                    if canon is not None:
                        reached = canon(reached)
                    if reached not in parents:
                        if len(parents) >= limit:
                            search.reason = meter.exceeded(len(parents))
                            done += 1
                            return following
                        parents[reached] = (state, number, which)
                        following.append(reached)
                        if asks:
                            examine(search, parents, reached)
            if stuck:
                at_rest(search, parents, state)
            done += 1
    finally:
        search.gone_through = done
    return following


def _choose_paths(search: Search, states: list[State], meter: Meter, complete: bool) -> None:
    """Give the violation and the witnesses the paths with the fewest changes of process."""
    tables = search.tables
    levels = InPython(tables, states, search.levels, meter)
    for index, path in search.witnesses.items():
        if path and levels.bounds[len(path)] <= FEW:
            at = levels.number(path)
            search.witnesses[index] = fewest(tables, levels, [(at, None)], len(path)) or path
    if search.found is not None:
        choose(search, levels, levels.number(search.found.path), complete)


def _look_at_rest(search: Search, parents: Parents, level: list[State], meter: Meter) -> None:
    """After a violation: look whether nobody can step in what a budget left of its level.

    Nothing is stored, so neither the budget of states nor that of memory forbids it.
    """
    agents = range(len(search.tables.agents))
    while search.found is not None and search.gone_through < len(level):
        if _is_at_rest(search) or meter.exceeded_time():
            return
        state = level[search.gone_through]
        if not any(search.tables.leaf(agent, state).outcomes for agent in agents):
            at_rest(search, parents, state)
        search.gone_through += 1


def _is_at_rest(search: Search) -> bool:
    """Tell whether the violation is one where nobody can step: none of its level is nearer."""
    return search.found is not None and search.found.kind in AT_REST


def examine(search: Search, parents: Parents, state: State) -> None:
    """Hold a new state against the invariants and the witnesses not yet found."""
    for index, prop in enumerate(search.tables.properties):
        if prop.kind == "always":
            if not search.tables.holds(prop, state).holds:
                found(search, parents, state, Kind.INVARIANT, index)
        elif (
            prop.kind == "sometimes"
            and index not in search.witnesses
            and search.tables.holds(prop, state).holds
        ):
            search.witnesses[index] = path_to(parents, state)


def at_rest(search: Search, parents: Parents, state: State) -> None:
    """Judge a state where nobody can step.

    It lies one step before what the same level found among its successors, so it wins over that.
    """
    kind, index = judged(search.tables, state)
    if kind is None:
        return
    if not _is_at_rest(search):
        search.found = None
    found(search, parents, state, kind, index)


def found(  # noqa: PLR0913  the parts of a violation, and where to note it
    search: Search,
    parents: Parents,
    state: State,
    kind: Kind,
    index: int | None = None,
    move: Move | None = None,
) -> None:
    """Note a violation, unless one was found before."""
    if search.found is None:
        path = path_to(parents, state)
        search.found = Found(kind, (*path, move) if move else path, index)


def path_to(parents: Parents, state: State) -> tuple[Move, ...]:
    """Return the moves from the initial state to `state`."""
    moves = []
    link = parents[state]
    while link is not None:
        state, agent, which = link
        moves.append((agent, which))
        link = parents[state]
    return tuple(reversed(moves))


__all__ = ["at_rest", "examine", "explore", "found", "path_to", "successor"]
