"""Stubborn sets: the enabled steps of a state that are enough, the others can wait.

A set of local steps is *stubborn* at a state if

* with each member that is enabled it holds all steps that conflict with its path,
* with each member that is not, all steps one of which must come before it is,
* with a visible enabled member, all visible steps,

and some member is enabled. Whatever can be done with steps outside can then still be done after any
enabled member, to the same end (Valmari, Stubborn sets for reduced state space generation, 1990;
van Bokhoven and Valmari's strong stubborn sets over "transitions at a state"; for visible steps
Valmari, On-the-fly verification with stubborn sets, CAV 1993). Expanding the enabled members alone
keeps every deadlock, at the same depth. What else is kept: docs/reduction.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelcheck.explore.reduction.relations import LocalStep, Relations
from modelcheck.tables.tables import State
from modelcheck.tables.tries import Leaf

#: Rough costs of a local step that may join a set: enabled; may come to be; neither soon.
ENABLED, LATER, BLOCKED, BLOCKED_LATER = 10, 5, 3, 2


class Closure:
    """Stubborn sets at one state.

    `leaves` has what each agent's step does there.
    """

    def __init__(self, relations: Relations, state: State, leaves: Sequence[Leaf]):
        self.relations, self.state, self.leaves = relations, state, leaves
        self.visible = bool(relations.watched)

    def smallest(self, seeds: Sequence[int]) -> list[int]:
        """Return the fewest agents whose steps are enough, of the sets grown from each seed.

        The first of equals. `seeds` are the enabled agents, in order.
        """
        best = list(seeds)
        for seed in seeds:
            if len(best) == 1:
                break
            best = self.grown(seed, len(best)) or best
        return best

    def grown(self, seed: int, bound: int) -> list[int]:
        """Return the enabled agents of the set grown from one; none once there are `bound`."""
        self.members = {self._current(seed)}
        self.waiting = list(self.members)
        enabled: list[int] = []
        all_visible = not self.visible
        while self.waiting:
            step = self.at = self.waiting.pop()
            agent, _ = step
            leaf = self.leaves[agent]
            if step != self._current(agent) or not leaf.outcomes:
                self._add(self._necessary(step))
                continue
            enabled.append(agent)
            if len(enabled) >= bound:
                return []
            self._add(self.relations.conflicts(leaf))
            if not all_visible and self.relations.visible(leaf):
                all_visible = True
                self._add(self.relations.visible_steps())
        return sorted(enabled)

    def _current(self, agent: int) -> LocalStep:
        return agent, self.state[self.relations.slot[agent]]

    def _add(self, steps: Sequence[LocalStep]) -> None:
        for step in steps:
            if step not in self.members:
                self.members.add(step)
                self.waiting.append(step)

    def _necessary(self, step: LocalStep) -> Sequence[LocalStep]:
        """Return steps one of which must be taken before a disabled one can be.

        Either its agent must come to it, or the path on which it is blocked must be left; of the
        two, what seems to bring fewer enabled steps. None are missing if the agent must first step
        from where it is, and that is a member.
        """
        relations = self.relations
        agent, local = step
        here = self._current(agent)
        if here == step:
            return relations.enablers(self.leaves[agent])
        if not relations.reachable(agent, here[1]) >> local & 1:
            return ()
        if here in self.members and not relations.is_moved(agent):
            return ()
        leaf = relations.tables.agents[agent].tries[local].find(self.state)
        if leaf is not None and not leaf.outcomes:
            enablers = relations.enablers(leaf)
            if self._cost(enablers) <= self._cost([here]):
                return enablers
        return relations.predecessors(step)

    def _cost(self, steps: Sequence[LocalStep]) -> int:
        return sum(self._price(step) for step in steps if step not in self.members)

    def _price(self, step: LocalStep) -> int:
        agent, local = step
        here = self._current(agent)
        enabled = bool(self.leaves[agent].outcomes)
        if here == step:
            return ENABLED if enabled else BLOCKED
        if here in self.members or not self.relations.reachable(agent, here[1]) >> local & 1:
            return 0
        return LATER if enabled else BLOCKED_LATER
