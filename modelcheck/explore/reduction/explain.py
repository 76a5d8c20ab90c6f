"""Why a state was reduced or not: for each agent that was taken along, what made it so.

It grows the sets of `stubborn` once more and keeps, for each member, which other one brought it in
and by which condition. `modelcheck.postponed` says it in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from attrs import frozen

from modelcheck.explore.reduction.forms import LocalStep
from modelcheck.explore.reduction.relations import Relations, Steps
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.tables.tables import State
from modelcheck.tables.tries import Leaf


class Why(Enum):
    """By which condition a step joins a set."""

    CONFLICT = "conflict"
    VISIBLE = "visible"
    UNBLOCKS = "unblocks"
    COMES_FIRST = "comes first"
    IGNORED = "ignored"


@frozen
class Link:
    """A member of a set was brought in by another one, for what they both touch."""

    step: LocalStep
    by: LocalStep
    why: Why
    slots: tuple[int, ...] = ()


@frozen
class Decision:
    """What a reduced search does in one state.

    `taken` are the agents that it expands, `postponed` those that could step and wait. For each
    agent taken but the one that the set was grown from, `links` has how it came in, from it back to
    another one taken.
    """

    taken: tuple[int, ...]
    postponed: tuple[int, ...]
    links: dict[int, tuple[Link, ...]]


class _Telling(Closure):
    """A closure that remembers by whom each member was brought in."""

    def grown(self, seed: int, bound: int) -> list[int]:
        self.links: dict[LocalStep, Link] = {}
        return super().grown(seed, bound)

    def _add(self, by: LocalStep, steps: Steps) -> None:
        before = self.members
        super()._add(by, steps)
        for step in self.members - before:
            self.links[step] = self._link(step, by)

    def _necessary(self, step: LocalStep) -> Steps:
        before = self.members
        found = super()._necessary(step)
        for other in self.members - before:
            self.links[other] = Link(other, step, Why.COMES_FIRST)
        return found

    def _link(self, step: LocalStep, by: LocalStep) -> Link:
        leaf, relations = self.leaves[by[0]], self.relations
        if by[1] != self.here[by[0]]:  # it is elsewhere: blocked there too, or come to
            if step in relations.entrances(by)[0]:
                return Link(step, by, Why.COMES_FIRST)
            return Link(step, by, Why.UNBLOCKS)
        if not leaf.outcomes:
            return Link(step, by, Why.UNBLOCKS, relations.shared(leaf, step, blocked=True))
        if step in relations.conflicts(leaf):
            return Link(step, by, Why.CONFLICT, relations.shared(leaf, step))
        return Link(step, by, Why.VISIBLE)


def decide(relations: Relations, state: State, leaves: Sequence[Leaf], extra: int = 0) -> Decision:
    """Return what is done in a state, and why. `extra` are agents taken lest they be ignored."""
    enabled = [agent for agent, leaf in enumerate(leaves) if leaf.outcomes]
    closure = _Telling(relations, state, leaves)
    chosen = closure.smallest(enabled) if len(enabled) > 1 else enabled
    links: dict[int, tuple[Link, ...]] = {}
    for seed in chosen:
        grown = closure.grown(seed, len(enabled) + 1)
        if grown == sorted(chosen):
            others = [agent for agent in grown if agent != seed]
            links = {agent: _chain(closure, agent, grown) for agent in others}
            break
    for agent in enabled:
        if extra >> agent & 1 and agent not in chosen:
            here = agent, state[relations.slot[agent]]
            chosen = [*chosen, agent]
            links[agent] = (Link(here, here, Why.IGNORED),)
    waiting = [agent for agent in enabled if agent not in chosen]
    return Decision(tuple(sorted(chosen)), tuple(waiting), links)


def _chain(closure: _Telling, agent: int, taken: Sequence[int]) -> tuple[Link, ...]:
    """Return how an agent's step came in: from it back to another agent that is taken."""
    step = agent, closure.state[closure.relations.slot[agent]]
    found = []
    while step in closure.links:
        link = closure.links[step]
        found.append(link)
        step = link.by
        here = step == (step[0], closure.state[closure.relations.slot[step[0]]])
        if here and step[0] in taken and step[0] != agent:
            break
    return tuple(found)
