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

from collections.abc import Collection, Sequence

from modelcheck.explore.reduction.ignoring import bits
from modelcheck.explore.reduction.relations import LocalStep, Relations, Steps
from modelcheck.tables.tables import State
from modelcheck.tables.tries import Leaf

#: Rough costs of a local step that may join a set: enabled; may come to be; neither soon.
ENABLED, LATER, BLOCKED, BLOCKED_LATER = 10, 5, 3, 2


class Closure:
    """Stubborn sets at one state.

    `leaves` has what each agent's step does there. Sets of local steps are kept by agent, as bits.
    Steps that their agent cannot come to need nothing, and are left out. `unlearned` are steps of
    which it is taken as not known yet that they would be blocked here; `left` has those members of
    the set grown last for which that counted.
    """

    def __init__(
        self,
        relations: Relations,
        state: State,
        leaves: Sequence[Leaf],
        unlearned: Collection[LocalStep] = (),
    ):
        self.relations, self.state, self.leaves = relations, state, leaves
        self.unlearned, self.left = unlearned, set[LocalStep]()
        self.visible = bool(relations.watched)
        self.here = [state[slot] for slot in relations.slot]
        self.near = [relations.reachable(agent, local) for agent, local in enumerate(self.here)]

    def smallest(self, seeds: Collection[int]) -> list[int]:
        """Return the fewest agents whose steps are enough, of the sets grown from each seed.

        `seeds` are enabled agents. Of equals, the set of the agent that is furthest behind: whose
        local state was met first. Processes that go round for ever without meeting each other would
        otherwise each go round again between any two steps of the others.
        """
        best = [agent for agent, leaf in enumerate(self.leaves) if leaf.outcomes]
        if len(best) == 1:
            return best
        line = sorted(seeds, key=lambda agent: (self.here[agent], agent))
        for seed in line:
            if self._is_enough(seed):
                return [seed]
        for seed in line:
            if len(best) > 1:
                best = self.grown(seed, len(best)) or best
        return best

    def _is_enough(self, agent: int) -> bool:
        """Tell whether nobody else can come to what an enabled agent's step conflicts with.

        Then it is enough alone, as in most states; to ask is much quicker than to grow a set.
        """
        leaf, relations = self.leaves[agent], self.relations
        needed = list(relations.conflicts(leaf).masks)
        if self.visible and relations.visible(leaf):
            needed += relations.visible_steps().masks
        return not any(
            mask & self.near[other]
            for other, mask in needed
            if other != agent or relations.is_moved(agent)
        )

    def grown(self, seed: int, bound: int) -> list[int]:
        """Return the enabled agents of the set grown from one; none once there are `bound`.

        Steps of agents at where they are come first, in the order of the agents: to have these is
        often all that the others need.
        """
        count = len(self.here)
        self._members, self._waiting, self._current = [0] * count, [0] * count, 0
        self.left.clear()
        enabled: list[int] = []
        all_visible = not self.visible
        self._join(seed, 1 << self.here[seed])
        while True:
            if not self._current:
                step = self._next()
                if step is None:
                    return sorted(enabled)
                self._add(step, self._necessary(step))
                continue
            agent = (self._current & -self._current).bit_length() - 1
            self._current &= self._current - 1
            leaf, step = self.leaves[agent], (agent, self.here[agent])
            if not leaf.outcomes:
                self._add(step, self.relations.enablers(leaf))
                continue
            enabled.append(agent)
            if len(enabled) >= bound:
                return []
            self._add(step, self.relations.conflicts(leaf))
            if not all_visible and self.relations.visible(leaf):
                all_visible = True
                self._add(step, self.relations.visible_steps())

    @property
    def members(self) -> set[LocalStep]:
        """The set that was grown last, but for steps that cannot be come to."""
        return {(agent, at) for agent, mask in enumerate(self._members) for at in bits(mask)}

    def _add(self, by: LocalStep, steps: Steps) -> None:
        """Let steps join for what another member needs."""
        for agent, mask in steps.masks:
            self._join(agent, mask)

    def _join(self, agent: int, mask: int) -> None:
        new = mask & self.near[agent] & ~self._members[agent]
        if new:
            self._members[agent] |= new
            current = new & (1 << self.here[agent])
            if current:
                self._current |= 1 << agent
            self._waiting[agent] |= new ^ current

    def _next(self) -> LocalStep | None:
        """Return the first member, of an agent that is elsewhere, which needs something."""
        for agent, waiting in enumerate(self._waiting):
            if not waiting:
                continue
            if self._is_member(agent) and not self.relations.is_moved(agent):
                self._waiting[agent] = 0  # the agent must first step from where it is
                continue
            self._waiting[agent] &= waiting - 1
            return agent, (waiting & -waiting).bit_length() - 1
        return None

    def _is_member(self, agent: int) -> bool:
        """Tell whether an agent's step at where it is has joined."""
        return bool(self._members[agent] >> self.here[agent] & 1)

    def _necessary(self, step: LocalStep) -> Steps:
        """Return steps one of which must be taken before one of an agent elsewhere can be.

        Either its agent must come to it, or the path on which it is blocked must be left; of the
        two, what seems to bring fewer enabled steps.
        """
        relations, (agent, local) = self.relations, step
        leaf = None
        if step in relations.forms.blockable and step not in self.unlearned:
            leaf = relations.tables.agents[agent].tries[local].find(self.state)
        if leaf is not None and not leaf.outcomes:
            enablers = relations.enablers(leaf)
            price = ENABLED if self.leaves[agent].outcomes else BLOCKED
            if self._cost(enablers) <= (0 if self._is_member(agent) else price):
                self.left.add(step)
                return enablers
        steps, passed = relations.entrances(step)
        if passed >> self.here[agent] & 1:
            self._join(agent, 1 << self.here[agent])
        return steps

    def _cost(self, steps: Steps) -> int:
        return sum(self._price(agent, mask) for agent, mask in steps.masks)

    def _price(self, agent: int, mask: int) -> int:
        new = mask & self.near[agent] & ~self._members[agent]
        here = 1 << self.here[agent]
        enabled = bool(self.leaves[agent].outcomes)
        price = (ENABLED if enabled else BLOCKED) if new & here else 0
        if not self._is_member(agent):
            price += (new & ~here).bit_count() * (LATER if enabled else BLOCKED_LATER)
        return price
