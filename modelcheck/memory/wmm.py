"""WMM: store buffers, and invalidation buffers of values that a CPU may still read.

Source: S. Zhang, M. Vijayaraghavan, Arvind, Weak Memory Models: Balancing Definitional Simplicity
and Implementation Flexibility (PACT 2017), figures 5 to 7. When a store becomes visible, the value
that it replaces goes into the invalidation buffer of each other CPU that has no store to the
location buffered. A load that finds nothing in its own store buffer sees memory, or any of the
stale values; what is older than what it saw is gone. `smp_rmb` (the paper's Reconcile) drops them
all. A CPU that never loads a location keeps no stale values of it.

The store buffers are those of `modelcheck.memory.pso`: the paper's Commit waits, a release store
here lets later ones pass.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any, ClassVar

from modelcheck.language.refs import Ref
from modelcheck.language.source import shown
from modelcheck.language.turn import Extra, Turn
from modelcheck.memory.pso import PartialStoreOrder


class Older(enum.Enum):
    """Stands for stale values that were left out at the bound, in front of those that are kept.

    As long as no load comes before they are dropped, nobody can tell.
    """

    VALUES = "older ones"


class WeakMemoryModel(PartialStoreOrder):
    """`PartialStoreOrder` with, a CPU and location, its stale values, oldest first."""

    name = "wmm"
    load_fences: ClassVar[frozenset[str]] = frozenset({"rmb"})

    def extra(self, need: Any) -> Extra:
        """Return a store buffer, a CPU's order of stores, or its stale values of a location."""
        kind, cpu, *rest = need
        if kind != "stale":
            return super().extra(need)
        name = f"stale values of {self.location(rest[0])} at {self.cpu_name(cpu)}"
        # Hidden: a load that sees one says so, and which CPUs keep one depends on what they load.
        return Extra(need, name, (), hidden=True)

    def _stale(self, cpu: int, location: int) -> int | None:
        """Return the slot of a CPU's stale values, None where it never loads the location."""
        return self.learner.extra_slots.get(("stale", cpu, location))

    def load(self, turn: Turn, ref: Ref, order: str = "relaxed") -> Any:
        """Return the newest value in the own buffer, else that in memory or a stale one."""
        value = super().load(turn, ref, order)
        if order == "acquire":
            self.forget_stale(turn, self.here(turn))
        return value

    def load_memory(self, turn: Turn, ref: Ref) -> Any:
        """Return the value in memory, or a stale one."""
        location, cpu = turn.slot_of(ref), self.here(turn)
        slot = self.learner.need(("stale", cpu, location))
        held: tuple[Any, ...] = turn.read_slot(slot)
        stale = held
        if held[:1] == (Older.VALUES,):
            self.reached(self.learner.domain(slot).name, turn)
            stale = held[1:]
        which = turn.choose(range(len(stale) + 1)) if stale else 0
        if which == 0:
            if stale:
                turn.write_slot(slot, ())
            return turn.load(ref)
        left = stale[which - 1 :]
        if len(left) < len(held):
            turn.write_slot(slot, left)
        turn.notes.append(f"stale: {ref.name} = {shown(left[0])}")
        turn.saw(ref, left[0], "stale")
        return left[0]

    def store(self, turn: Turn, ref: Ref, value: Any, order: str = "relaxed") -> None:
        """Buffer a store; the CPU's stale values of the location are gone."""
        super().store(turn, ref, value, order)
        self._forget(turn, self.here(turn), turn.slot_of(ref))

    def _forget(self, turn: Turn, cpu: int, location: int) -> None:
        slot = self._stale(cpu, location)
        if slot is not None:
            turn.write_slot(slot, ())

    def forget_stale(self, turn: Turn, cpu: int) -> None:
        """Drop all stale values of a CPU: the paper's Reconcile."""
        for _, slot in self.needs("stale", cpu):
            turn.write_slot(slot, ())

    def refresh(self, turn: Turn, refs: Iterable[Ref]) -> None:
        """Drop the CPU's stale values of some locations."""
        for ref in refs:
            self._forget(turn, self.here(turn), turn.slot_of(ref))

    def fence(self, turn: Turn, kind: str) -> None:
        """Do a fence; one for loads drops stale values."""
        if kind in self.load_fences:
            self.forget_stale(turn, self.here(turn))
        else:
            super().fence(turn, kind)

    def _after(self, turn: Turn, ref: Ref, order: str) -> None:
        """Order what comes after; the CPU's stale values of the location are gone."""
        super()._after(turn, ref, order)
        self._forget(turn, self.here(turn), turn.slot_of(ref))

    def become_visible(self, turn: Turn, cpu: int, location: int, ident: int) -> None:
        """Change memory; other CPUs may still see the old value, where they did not store."""
        old = turn.read_slot(location)  # always, so that a step is the same whoever loads
        for (_, other, where), slot in self.needs("stale"):
            if where == location and other != cpu:
                changes = self.intern(location, old) != ident
                if changes and self.own_newest(turn, other, location) is None:
                    self._keep(turn, slot, location, old)
        super().become_visible(turn, cpu, location, ident)

    def _keep(self, turn: Turn, slot: int, location: int, value: Any) -> None:
        """Add a stale value; where the bound is reached, the oldest is one of the `Older`."""
        stale: tuple[Any, ...] = turn.read_slot(slot)
        if stale and self.intern(location, stale[-1]) == self.intern(location, value):
            return
        older = stale[:1] == (Older.VALUES,)
        kept = (*stale[older:], value)
        if older or len(kept) > self.bound_at:
            kept = (Older.VALUES, *kept[-self.bound_at :])
        turn.write_slot(slot, kept)
