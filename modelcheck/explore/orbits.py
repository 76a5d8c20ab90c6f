"""Canonical forms of states under a symmetry, and real paths for those that lead through them.

Two states are in one *orbit* if some element of the group takes one to the other. The canonical
form is one state of the orbit, the same for all of it: among the images in which the names of each
set are sorted by what belongs to them alone, the least. So one image is made where all look
different, and all of them only where all look alike and something else tells them apart. Exact:
two states have the same form only if they are in one orbit; docs/symmetry.md says why.

Source of the plan: C. N. Ip, D. L. Dill, Better Verification Through Symmetry (1996), section 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import factorial

from modelcheck.explore.search import Move, Orbits, successor
from modelcheck.tables.symmetry import ALL, Factor, Symmetry, plain_changes
from modelcheck.tables.tables import State, Tables

#: Generators to go through elements by: of a stretch of names that look alike, or of a ring.
Block = Sequence[int]


class Canonical:
    """Finds canonical forms, and keeps how many states each stands for (`weights`)."""

    def __init__(self, symmetry: Symmetry):
        self.symmetry = symmetry
        self.weights: dict[State, int] = {}

    def __call__(self, state: State) -> State:
        """Return the canonical form of a state, all of whose values have known images."""
        for factor in self.symmetry.factors:
            state = self._sorted(factor, state)
        blocks: list[list[int]] = []
        fixed = 1  # elements that leave the state as it is and need not be looked at
        for factor in self.symmetry.factors:  # again: a later one may have moved whole rows of it
            if factor.kind != ALL:
                blocks.append([*factor.generators] * (factor.size - 1))
            for block in self._ties(factor, state):
                if all(self.symmetry.image(g, state) == state for g in block):
                    fixed *= factorial(len(block) + 1)
                else:
                    blocks.append([block[place] for place in plain_changes(len(block) + 1)])
        best, count = state, 0
        for image in self._images(state, blocks):
            if image < best:
                best, count = image, 0
            count += image == best
        self.weights[best] = self.symmetry.order // (count * fixed)
        return best

    def orbits(self, forms: Iterable[State]) -> Orbits:
        """Return what canonical forms, found before, stand for."""
        return Orbits(self.symmetry.order, sum(self.weights[form] for form in forms))

    def _keys(self, factor: Factor, state: State) -> list[list[int]]:
        """Return what each name is sorted by; a ring, which has no order, is sorted by nothing."""
        colors = self.symmetry.colors
        rows = factor.owned if factor.kind == ALL else ()
        return [[colors[slot][state[slot]] for slot in slots] for slots in rows]

    def _sorted(self, factor: Factor, state: State) -> State:
        """Return the image in which names are sorted."""
        keys = self._keys(factor, state)
        for last in range(1, len(keys)):
            at = last
            while at > 0 and keys[at] < keys[at - 1]:
                keys[at], keys[at - 1] = keys[at - 1], keys[at]
                state = self.symmetry.image(factor.generators[at - 1], state)
                at -= 1
        return state

    def _ties(self, factor: Factor, state: State) -> list[Block]:
        """Return the generators of each tie of sorted names."""
        keys, ties, first = self._keys(factor, state), list[Block](), 0
        for at in range(1, len(keys) + 1):
            if at == len(keys) or keys[at] != keys[first]:
                if at - first > 1:
                    ties.append(factor.generators[first : at - 1])
                first = at
        return ties

    def _images(self, state: State, blocks: list[list[int]]) -> Iterator[State]:
        """Go over the images under an element of each block, that of the first one taken first."""
        if not blocks:
            yield state
            return
        yield from self._images(state, blocks[1:])
        for generator in blocks[0]:
            state = self.symmetry.image(generator, state)
            yield from self._images(state, blocks[1:])


def real_path(closed: Tables, canonical: Canonical, moves: Iterable[Move]) -> tuple[Move, ...]:
    """Return the moves of real processes for moves that lead from form to form.

    Both paths begin in the same state, and each real state has the form that the other path comes
    to. Of several real steps, one of the process that stepped before is taken.
    """
    plain = canonical.symmetry.tables
    form = state = closed.initial
    path: list[Move] = []
    for agent, which in moves:
        outcome = closed.leaf(agent, form).outcomes[which]
        if outcome.failure is not None:
            path.append(_failing(plain, state, outcome.failure.kind))
            break
        form = canonical(successor(form, outcome.writes))
        move, state = _step_to(canonical, state, form, path[-1][0] if path else -1)
        path.append(move)
    return tuple(path)


def _failing(plain: Tables, state: State, kind: object) -> Move:
    """Return the first step that fails in a state in one way."""
    for agent in range(len(plain.agents)):
        for which, outcome in enumerate(plain.leaf(agent, state).outcomes):
            if outcome.failure is not None and outcome.failure.kind is kind:
                return agent, which
    raise AssertionError("a step fails in an image and not in the state")


def _step_to(canonical: Canonical, state: State, form: State, before: int) -> tuple[Move, State]:
    """Return a step from a state to one of a form, with that one."""
    plain = canonical.symmetry.tables
    agents = sorted(range(len(plain.agents)), key=lambda agent: agent != before)
    for agent in agents:
        for which, outcome in enumerate(plain.leaf(agent, state).outcomes):
            if outcome.failure is None:
                reached = successor(state, outcome.writes)
                canonical.symmetry.catch_up()
                if canonical(reached) == form:
                    return (agent, which), reached
    raise AssertionError("a form has a successor that no state of its orbit has")
