"""Symmetry as an explorer sees it: generators of a group, as permutations of slots and of ids.

A generator maps a state to another one: the value with id *v* of slot *i* becomes the value with id
``images[i][v]`` of slot ``slots[i]``. A language says what a generator does to a value
(`Renamer`); what it does is kept here, and closed: a value that is known has all its images known.
That the generators leave the model as it is, is checked by `modelcheck.tables.closing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial
from typing import Protocol

from attrs import define, field, frozen

from modelcheck.errors import ModelError
from modelcheck.tables.tables import State, Tables
from modelcheck.tables.tries import View

#: The group of a set of names: any two may be exchanged, or the whole ring may be turned.
ALL, RING = "all", "ring"


class Renamer(Protocol):
    """What a language supplies."""

    def image(self, generator: int, slot: int, ident: int) -> int:
        """Return the id, in the image of the slot, of what a generator makes of a value."""

    def view(self, generator: int, view: View, back: bool) -> View | None:
        """Return the view that sees of a value's image what `view` sees of the value.

        With `back`, the view of the value that sees what `view` sees of its image; None where there
        is none.
        """

    def broken(self, generator: int, slot: int, ident: int, why: str) -> ModelError:
        """Return the error for a value that cannot be renamed."""

    def explain(self, generator: int, slot: int, ident: int) -> str:
        """Return in words how a local state's image differs from what renaming makes of it."""

    def name_of(self, generator: int) -> str:
        """Return in words what a generator does: ``exchanging p0 and p1``."""


@frozen
class Factor:
    """The group of one set of names.

    `kind` is `ALL`, with generators that exchange neighbours, or `RING`, with one that turns the
    ring by one place. ``owned[i]`` are slots that belong to name *i* alone, in an order that is the
    same for each.
    """

    kind: str
    size: int
    generators: tuple[int, ...]
    owned: tuple[tuple[int, ...], ...]

    @property
    def order(self) -> int:
        """How many elements the group has."""
        return factorial(self.size) if self.kind == ALL else self.size


@define(eq=False)
class Symmetry:
    """Generators of a group that acts on the states of some tables.

    A *color* of a value is the same for all its images, and for nothing else.
    """

    tables: Tables
    slots: list[list[int]]
    factors: list[Factor]
    renamer: Renamer
    images: list[list[list[int]]] = field(init=False)
    colors: list[list[int]] = field(init=False)
    agents: list[list[int]] = field(init=False)
    _sources: list[list[dict[int, int]]] = field(init=False)
    _colors: int = 0

    def __attrs_post_init__(self) -> None:
        count = len(self.tables.slots)
        self.images = [[[] for _ in range(count)] for _ in self.slots]
        self._sources = [[{} for _ in range(count)] for _ in self.slots]
        self.colors = [[] for _ in range(count)]
        number = {agent.slot: index for index, agent in enumerate(self.tables.agents)}
        self.agents = [[number[to[a.slot]] for a in self.tables.agents] for to in self.slots]

    @property
    def order(self) -> int:
        """How many elements the group has."""
        order = 1
        for factor in self.factors:
            order *= factor.order
        return order

    def image(self, generator: int, state: State) -> State:
        """Return what a generator makes of a state, all of whose values are known here."""
        to, images = self.slots[generator], self.images[generator]
        changed = list(state)
        for slot, ident in enumerate(state):
            changed[to[slot]] = images[slot][ident]
        return tuple(changed)

    def forward(self, word: tuple[int, ...], view: View) -> View:
        """Return the view that sees of an image what `view` sees of the value."""
        for generator in word:
            seen = self.renamer.view(generator, view, False)
            assert seen is not None  # it came back that way
            view = seen
        return view

    def back(self, word: tuple[int, ...], view: View) -> View | None:
        """Return the view of a value that sees what `view` sees of its image, None if none does."""
        for generator in reversed(word):
            seen = self.renamer.view(generator, view, True)
            if seen is None:
                return None
            view = seen
        return view

    def catch_up(self) -> bool:
        """Know the images of all values that the tables have; tell whether any were new.

        Raises
        ------
        ModelError
            Where a value has no image, or where two have the same one.
        """
        domains, new = self.tables.domains, False
        while True:
            fresh = [
                (slot, ident)
                for slot, domain in enumerate(domains)
                for ident in range(len(self.colors[slot]), len(domain.values))
            ]
            if not fresh:
                return new
            new = True
            for slot, ident in fresh:
                for generator in range(len(self.slots)):
                    self._add_image(generator, slot, ident)
                self.colors[slot].append(-1)
            for slot, ident in fresh:
                self._look_back(slot, ident)

    def _add_image(self, generator: int, slot: int, ident: int) -> None:
        to = self.slots[generator][slot]
        found = self.renamer.image(generator, slot, ident)
        known = self._sources[generator][to].setdefault(found, ident)
        if known != ident:
            why = "two different ones would become the same one"
            raise self.renamer.broken(generator, slot, ident, why)
        assert len(self.images[generator][slot]) == ident
        self.images[generator][slot].append(found)

    def _look_back(self, slot: int, ident: int) -> None:
        """Color a value like its images, once these are known; check that turning back leads back.

        Each color is given by the first of its values whose images are all known.
        """
        if self.colors[slot][ident] >= 0:
            return
        orbit, order = {(slot, ident)}, [(slot, ident)]
        for at, value in order:
            for generator, to in enumerate(self.slots):
                images = self.images[generator][at]
                if value >= len(images):
                    return  # it is new itself: the next round comes by
                after = to[at], images[value]
                if after not in orbit:
                    orbit.add(after)
                    order.append(after)
        self._check_orders(orbit)
        for at, value in orbit:
            if value < len(self.colors[at]):
                self.colors[at][value] = self._colors
        self._colors += 1

    def _check_orders(self, orbit: set[tuple[int, int]]) -> None:
        """Raise `ModelError` where a generator, done as often as its order says, leads elsewhere.

        The images of values are the language's; that of a local state is where the renamed process
        comes to, and it need not come back.
        """
        for factor in self.factors:
            times = 2 if factor.kind == ALL else factor.size
            for generator in factor.generators:
                for begun in orbit:
                    slot, ident = begun
                    for _ in range(times):
                        slot, ident = (
                            self.slots[generator][slot],
                            self.images[generator][slot][ident],
                        )
                    if (slot, ident) != begun:
                        why = "done again, it does not lead back"
                        raise self.renamer.broken(generator, *begun, why)

    def elements(self, factor: Factor) -> Iterator[int]:
        """Go over generators that, one after the other, lead through all elements but the first."""
        if factor.kind == RING:
            yield from factor.generators * (factor.size - 1)
        else:
            for place in plain_changes(factor.size):
                yield factor.generators[place]


def plain_changes(count: int) -> Iterator[int]:
    """Go over all permutations by exchanging neighbours: yield the place of each exchange.

    Johnson 1963, Trotter 1962; Knuth, The Art of Computer Programming 4A, 7.2.1.2, algorithm P.

    Examples
    --------
    >>> list(plain_changes(3))
    [1, 0, 1, 0, 1]
    """
    order = list(range(count))
    direction = [-1] * count
    while True:
        best = -1
        for value in range(count):
            at = order.index(value)
            beside = at + direction[value]
            if 0 <= beside < count and order[beside] < value:
                best = value  # the largest one that can move
        if best < 0:
            return
        at = order.index(best)
        beside = at + direction[best]
        order[at], order[beside] = order[beside], order[at]
        yield min(at, beside)
        for value in range(best + 1, count):
            direction[value] = -direction[value]
