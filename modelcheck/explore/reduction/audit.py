"""The audit: what a reduced search took for granted, looked at again in some of its states.

* Footprints: each step is performed once more, in Python, and held against its table and form.
* Stubborn sets against their definition: from the state, steps outside the set are taken in all
  orders. No member may be led off its path or become enabled, every pair has to commute, and where
  a member changes an answer no step outside may.
* Completeness: what is met there, in states that the search left out, it must have known.

Independent of how relations are computed: it executes steps and compares states. Neighbours:
`relations`, `stubborn`, which it looks at; `search` calls it where it has come to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from attrs import define, field

from modelcheck.errors import ModelcheckError
from modelcheck.explore.reduction.forms import LocalStep, done
from modelcheck.explore.reduction.relations import Relations
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.explore.search import successor
from modelcheck.tables.tables import State
from modelcheck.tables.tries import Leaf, Outcome, Recorder

#: So many states of a search are looked at; and so many are gone through from each.
STATES, AROUND = 64, 200

#: So many ways are tried in which a set may have been grown when less was learned.
UNLEARNED = 64


class Unsound(ModelcheckError):
    """The reduction left out what it must not: a fault of modelcheck, not of the model."""


@define
class Audit:
    """The audit of one reduced search.

    `complete` tells whether the search came to its end: only then has it known all there is.
    """

    relations: Relations
    complete: bool = True
    around: int = AROUND
    looked_at: int = field(default=0, init=False)

    def look(self, states: Sequence[State], chosen: Sequence[Sequence[int]]) -> None:
        """Look at some states, with the agents that were chosen in each.

        Raises `Unsound`. Cost: some milliseconds a state.
        """
        for state, agents in zip(states, chosen, strict=True):
            self.footprints(state)
            self._set(state, list(agents))
            self.looked_at += 1

    def footprints(self, state: State) -> None:
        """Perform the step of each agent once more; hold it against what is known of it."""
        tables = self.relations.tables
        for agent in range(len(tables.agents)):
            leaf = self._leaf(agent, state)
            recorder = Recorder(tables.domains, state)
            outcomes = tables.learner.step(agent, recorder)
            reads = [read.slot for read in recorder.path]
            if reads != tables.path(agent, state):
                self._wrong("a step reads other locations than its table says", agent, state)
            if [*map(_came_to, outcomes)] != [*map(_came_to, leaf.outcomes)]:
                self._wrong("a step does something else than its table says", agent, state)
            form = self.relations.forms.of[leaf]
            needs = [read.observation if read.view else read.value for read in recorder.form]
            if needs != [seen for _, _, seen in form.path]:
                self._wrong("a step needs something else than its form says", agent, state)
            if [*map(done, outcomes)] != form.does:
                self._wrong("a step does something else than its form says", agent, state)

    def _set(self, state: State, chosen: list[int]) -> None:
        """Hold the set that was chosen in a state against the definition."""
        agents = range(len(self.relations.tables.agents))
        leaves = [self._leaf(agent, state) for agent in agents]
        enabled = [agent for agent in agents if leaves[agent].outcomes]
        if sorted(chosen) == enabled:
            return
        for seed in chosen:
            members = self._grown(state, leaves, seed, sorted(chosen))
            if members is not None:
                self.hold(state, chosen, members)
                return
        self._wrong("the steps that were taken are no set grown from one of them", None, state)

    def _grown(
        self, state: State, leaves: list[Leaf], seed: int, chosen: list[int]
    ) -> set[LocalStep] | None:
        """Return the set grown from an agent with which some were chosen, None if there is none.

        It may have been grown before it was learned that a step elsewhere would be blocked here: of
        a form that was known, so that nothing was to be chosen anew. Then its agent has to come
        there first, which is enough as well.
        """
        tried: set[frozenset[LocalStep]] = {frozenset()}
        waiting = [*tried]
        while waiting:
            unlearned = waiting.pop()
            closure = Closure(self.relations, state, leaves, unlearned)
            if closure.grown(seed, len(leaves) + 1) == chosen:
                return closure.members
            less = [unlearned | {step} for step in sorted(closure.left)]
            new = [one for one in less if one not in tried and len(tried) < UNLEARNED]
            tried.update(new)
            waiting += reversed(new)
        return None

    def hold(self, start: State, chosen: Sequence[int], members: set[LocalStep]) -> None:
        """Take steps outside a set from a state on, in all orders; its members must not care."""
        relations = self.relations
        tables, forms = relations.tables, relations.forms
        inside = {agent: self._leaf(agent, start) for agent in chosen}
        seen, order = {start}, [start]
        seen_inside = seen_outside = False
        for state in order:
            here = {agent: self._leaf(agent, state) for agent in inside}
            seen_inside |= any(self._changes_answers(state, leaf) for leaf in here.values())
            for agent, who in enumerate(tables.agents):
                leaf = self._leaf(agent, state)
                if (agent, state[who.slot]) in members:
                    if leaf.outcomes and agent not in inside:
                        self._wrong("a step outside enabled a member", agent, state)
                    if agent in inside and forms.of[leaf] is not forms.of[inside[agent]]:
                        self._wrong("a step outside led a member off its path", agent, state)
                    continue
                if agent in inside:
                    self._wrong("a step outside moved a member", agent, state)
                seen_outside |= self._changes_answers(state, leaf)
                for which, outcome in enumerate(leaf.outcomes):
                    for member, leaf_inside in here.items():
                        self._commute(state, (member, leaf_inside), (agent, leaf), which)
                    after = successor(state, outcome.writes)
                    if outcome.failure is None and after not in seen and len(seen) < self.around:
                        seen.add(after)
                        order.append(after)
        if seen_inside and seen_outside:
            self._wrong("a member and a step outside both change a property's answer", None, start)

    def _commute(
        self, state: State, member: tuple[int, Leaf], other: tuple[int, Leaf], which: int
    ) -> None:
        """Take a member and an outcome of a step outside in both orders."""
        forms = self.relations.forms.of
        (inside, leaf_inside), (outside, leaf) = member, other
        outcome = leaf.outcomes[which]
        slot = self.relations.slot[outside]
        for number, first in enumerate(leaf_inside.outcomes):
            if first.failure is not None:
                continue
            between = successor(state, first.writes)
            if between[slot] != state[slot]:
                self._wrong("a member moved a step outside", outside, state)
            then = self._leaf(outside, between)
            if forms[then] is not forms[leaf]:
                self._wrong("a member led a step outside off its path", outside, state)
            if outcome.failure is not None:
                continue
            before = successor(state, outcome.writes)
            last = self._leaf(inside, before).outcomes[number]
            if successor(before, last.writes) != successor(between, then.outcomes[which].writes):
                self._wrong("two orders of two steps end differently", outside, state)

    def _changes_answers(self, state: State, leaf: Leaf) -> bool:
        """Tell whether a step changes the answer of a property that is watched."""
        tables = self.relations.tables
        return any(
            tables.holds(prop, state).holds
            != tables.holds(prop, successor(state, outcome.writes)).holds
            for prop in self.relations.watched
            for outcome in leaf.outcomes
            if outcome.failure is None
        )

    def _leaf(self, agent: int, state: State) -> Leaf:
        """Return what an agent's step does in a state; the search must have known it."""
        tables, before = self.relations.tables, self.relations.tables.learned
        leaf = tables.leaf(agent, state)
        if tables.learned != before and self.relations.note(agent, state) and self.complete:
            path = self.relations.forms.of[leaf].path
            waits = any(b.view is not None and seen in b.view.blocks for b, _, seen in path)
            if leaf.outcomes or not waits:  # that it is blocked there is known without learning
                self._wrong("a step was met that the search never learned", agent, state)
        return leaf

    def _wrong(self, what: str, agent: int | None, state: State) -> NoReturn:
        tables = self.relations.tables
        who = f" (the step of {tables.agents[agent].name})" if agent is not None else ""
        values = [
            f"{slot.name} = {tables.value(n, state)!r}" for n, slot in enumerate(tables.slots)
        ]
        raise Unsound(
            f"the audit of the reduction found that {what}{who}, from the state "
            f"{', '.join(values)}\n  This is a fault of modelcheck: please report it with the "
            "model. A search without reduction is not concerned."
        )


def _came_to(outcome: Outcome) -> Any:
    failure = outcome.failure
    return dict(outcome.writes), failure and (failure.kind, failure.message)


def spread(count: int, most: int = STATES) -> list[int]:
    """Return the numbers of some states of a search, evenly spread, the first among them.

    Examples
    --------
    >>> spread(10, 4), spread(2, 4)
    ([0, 3, 6, 9], [0, 1])
    """
    return [*range(0, count, -(-count // most) or 1)]


__all__ = ["Audit", "Unsound", "spread"]
