"""The reduced search, in plain Python: breadth-first, expanding stubborn sets.

A choice made early may rest on tables that still lack what matters. So choices are looked at again,
now and then and at the end: a run counts if all of them would be the same with what is known by
then, and is begun anew otherwise. A violation is one in any run, since every state that is reached
is really reachable.

Deterministic. Neighbours: `modelcheck.explore.reference` is the same search without reduction, and
what this one is tested against.
"""

from __future__ import annotations

from collections.abc import Callable

from modelcheck.errors import ModelError
from modelcheck.explore import coverage, reference
from modelcheck.explore.budget import Meter
from modelcheck.explore.reduction.audit import Audit, spread
from modelcheck.explore.reduction.ignoring import bits, ignored
from modelcheck.explore.reduction.relations import Relations
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.explore.search import Move, Reduction, Search, successor
from modelcheck.tables.tables import Property, State, Tables
from modelcheck.tables.tries import Leaf
from modelcheck.watchdog import reason_of

#: Agents that the native engine can tell apart: the bits of a word.
MOST_AGENTS = 64

#: How many states are expanded before their choices are looked at again; and how many times as many
#: before the next time.
FIRST_LOOK, LONGER = 1 << 10, 4

#: How many states are expanded between two looks at the clock.
STRIDE = 64


#: The moves to the first witness of each property that has one.
Witnesses = dict[int, tuple[Move, ...]]


def explore(
    tables: Tables,
    meter: Meter,
    pause: Callable[[int], bool] | None = None,
    make: Callable[..., Run] | None = None,
    audited: bool = False,
) -> Search:
    """Search with partial-order reduction; see `modelcheck.explore.reference.explore`.

    `make` makes a run; `modelcheck.explore.reduction.orbits` has
    another kind than this module.

    The same verdict as without, every deadlock, and of every property whether it can be violated.
    Counts are those of the last run. A counterexample need not be a shortest one. If `audited`, a
    search that came to its end is looked at again (`modelcheck.explore.reduction.audit`).
    """
    run = last_run(tables, meter, pause, make)
    search = run.search
    if audited and search.found is None and not search.reason and search.paused is None:
        numbers = spread(len(run.chosen))
        judge = Audit(run.relations)
        judge.look([run.states[n] for n in numbers], [run.chosen[n] for n in numbers])
        search.reduction = run.reduction(judge.looked_at)
    return search


def last_run(
    tables: Tables,
    meter: Meter,
    pause: Callable[[int], bool] | None = None,
    make: Callable[..., Run] | None = None,
) -> Run:
    """Return the run that counts: with a violation, cut, or one whose choices all hold good."""
    runs = 0
    relations = Relations(tables)
    witnesses: Witnesses = {}
    while True:
        runs += 1
        coverage.forget(tables)
        run = (make or Run)(tables, meter, witnesses, runs, relations)
        search = run.search
        try:
            run.to_the_end(pause)
        except KeyboardInterrupt as error:
            search.reason = search.reason or reason_of(error)
        except ModelError:
            if search.found is None:  # a violation found before is not lost
                raise
        run.settle()
        witnesses = search.witnesses
        if search.found or search.reason or search.paused is not None or not run.stale:
            return run


class Run:
    """One run: its graph, and what it has found."""

    def __init__(
        self,
        tables: Tables,
        meter: Meter,
        witnesses: Witnesses,
        number: int,
        relations: Relations | None = None,
    ):
        self.tables, self.meter, self.number = tables, meter, number
        self.search = Search(tables, engine="reference")
        self.search.witnesses = dict(witnesses)
        self.parents: reference.Parents = {tables.initial: None}
        self.index = {tables.initial: 0}
        self.states = [tables.initial]
        self.edges: list[list[int]] = []
        self.enabled: list[int] = []
        self.taken: list[int] = []
        self.chosen: list[list[int]] = []
        self.postponed = 0
        self.stale = False  # whether a choice rested on too little: the run is worth nothing
        self.due = FIRST_LOOK
        self.caught_up: int | None = None  # how much was known when ignored steps were taken
        reference.examine(self.search, self.parents, tables.initial)
        self.relations = relations or Relations(tables)
        self.relations.watch(self._watched())
        self.known = tables.learned
        self.looked_at = self.relations.grown

    def _watched(self) -> list[Property]:
        """Return the properties whose answers matter in every state."""
        return [
            prop
            for number, prop in enumerate(self.tables.properties)
            if prop.kind == "always"
            or (prop.kind == "sometimes" and number not in self.search.witnesses)
        ]

    def to_the_end(self, pause: Callable[[int], bool] | None) -> None:
        """Expand all states, and then those that ignore steps, until none does."""
        search = self.search
        while search.found is None and not search.reason:
            while len(self.edges) < len(self.states) and not self._stopped():
                if pause is not None and pause(len(self.states)):
                    search.paused = self.states
                    return
                if len(self.edges) >= self.due:
                    self.due = LONGER * len(self.edges)
                    self._look_again()
                    if self.stale:
                        return
                level = range(len(self.edges), len(self.states))
                search.levels.append(len(level))
                for at in level:
                    self._expand(at)
                    if self._stopped():
                        return
            if self._stopped():
                return
            self._look_at_budget(len(self.edges))
            if self._stopped() or not self._catch_up():
                break
        if not self._stopped():
            self.stale |= self.caught_up not in (None, self.relations.grown)
            self._look_again()

    def _look_again(self) -> None:
        """Find out whether the choices so far would be the same by now.

        If all are, so is all that follows from them: the run is the one that begins with all this.
        """
        grown = self.relations.grown
        if self.stale or grown == self.looked_at:
            return
        self.looked_at = grown
        for at, chosen in enumerate(self.chosen):
            leaves = self.leaves(self.states[at])
            if self._choice(at, leaves) != chosen:
                self.stale = True
                return

    def _choice(self, at: int, leaves: list[Leaf]) -> list[int]:
        """Return the agents to expand in a state."""
        enabled = [agent for agent, leaf in enumerate(leaves) if leaf.outcomes]
        if len(enabled) < 2:
            return enabled
        return Closure(self.relations, self.states[at], leaves).smallest(enabled)

    def _stopped(self) -> bool:
        return self.search.found is not None or bool(self.search.reason)

    def settle(self) -> None:
        """Write down what the run has counted."""
        search = self.search
        search.states = len(self.states)
        search.seconds = self.meter.elapsed()
        search.reduction = self.reduction()

    def reduction(self, audited: int = 0) -> Reduction:
        """Return what the run put off."""
        return Reduction(self.postponed, len(self.edges), self.number, audited=audited)

    def _expand(self, at: int) -> None:
        if at % STRIDE == 0:
            self._look_at_budget(at)
        state = self.states[at]
        leaves = self.leaves(state)
        enabled = [agent for agent, leaf in enumerate(leaves) if leaf.outcomes]
        self.edges.append([])
        self.enabled.append(sum(1 << agent for agent in enabled))
        self.taken.append(0)
        chosen = self._choice(at, leaves)
        self.chosen.append(chosen)
        if not enabled:
            reference.at_rest(self.search, self.parents, state)
            return
        self.postponed += len(chosen) < len(enabled)
        self._take(at, chosen, leaves)

    def _look_at_budget(self, at: int) -> None:
        search = self.search
        depth, count = max(len(search.levels) - 1, 0), len(self.states)
        self.meter.tell(count, search.transitions, depth, count - at, 0)
        search.reason = self.meter.exceeded_time_or_memory()

    def leaves(self, state: State) -> list[Leaf]:
        """Return what each agent's step does in a state; tell the relations of what is new."""
        tables, leaves = self.tables, []
        for agent in range(len(tables.agents)):
            leaves.append(tables.leaf(agent, state))
            if tables.learned != self.known:
                self.known = tables.learned
                self._note(agent, state)
        return leaves

    def _note(self, agent: int, state: State) -> None:
        """Tell the relations of a path that was learned."""
        self.relations.note(agent, state)

    def _take(self, at: int, agents: list[int], leaves: list[Leaf]) -> None:
        """Take the steps of some agents from a state."""
        search, state = self.search, self.states[at]
        for agent in agents:
            leaf = leaves[agent]
            leaf.visits += 1
            self.taken[at] |= 1 << agent
            for which, outcome in enumerate(leaf.outcomes):
                search.transitions += 1
                if outcome.failure is not None:
                    move = agent, which
                    kind = outcome.failure.kind
                    reference.found(search, self.parents, state, kind, move=move)
                else:
                    reached = successor(state, outcome.writes)
                    self.edges[at].append(self._number(reached, state, agent, which))

    def _number(self, reached: State, state: State, agent: int, which: int) -> int:
        reached = self._form(reached)
        number = self.index.get(reached)
        if number is None:
            limit = self.meter.budget.states
            if limit is not None and len(self.states) >= limit:
                self.search.reason = self.meter.exceeded(len(self.states))
                return 0
            number = self.index[reached] = len(self.states)
            self.states.append(reached)
            self.parents[reached] = state, agent, which
            self._examine(reached)
        return number

    def _examine(self, state: State) -> None:
        """Hold a new state against the properties; tell the relations of what changed."""
        found = len(self.search.witnesses)
        reference.examine(self.search, self.parents, state)
        if self.tables.learned != self.known or len(self.search.witnesses) != found:
            self.known = self.tables.learned
            self.relations.watch(self._watched())

    def _wanting(self) -> list[tuple[int, int]]:
        """Return states where steps are ignored for ever, with the agents to take, as bits."""
        return ignored(self.edges, self.enabled, self.taken)

    def _form(self, state: State) -> State:
        """Return what is stored for a state."""
        return state

    def _catch_up(self) -> bool:
        """Where steps are ignored for ever, take them; tell whether there were any."""
        if self.caught_up is None:
            self.caught_up = self.relations.grown
        wanting = self._wanting()
        for at, agents in wanting:
            state = self.states[at]
            leaves = self.leaves(state)
            fewest = Closure(self.relations, state, leaves).smallest(bits(agents))
            self._take(at, [a for a in fewest if not self.taken[at] >> a & 1], leaves)
        return bool(wanting)
