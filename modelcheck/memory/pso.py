"""Partial store order: a store buffer for each CPU and location (SPARC PSO).

Source: the SPARC Architecture Manual, version 8, chapter 6 and appendix K; a read-modify-write is
ordered as a load and as a store. Stores to different locations become visible in any order, except:

* after an ``smp_wmb``, stores wait for the CPU's stores before it;
* a release store waits for the CPU's stores before it, later ones do not wait for it.

So each buffered store carries what it waits for: pairs of a location and how many of the stores
that are in that location's buffer now have to be visible first. A CPU's ``order`` slot tells what
stores after the last ``smp_wmb`` wait for, and which buffers hold stores that wait: while it is
empty, a store that becomes visible touches its own buffer and memory, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from modelcheck.language.refs import Ref
from modelcheck.language.turn import Extra, Turn
from modelcheck.memory.buffers import BUFFERED, Entries, StoreBuffers, entries_of, note_forwarded
from modelcheck.tables.tries import View

#: What a store waits for: (location, how many of the oldest stores in its buffer), sorted.
Waits = tuple[tuple[int, int], ...]

_HELD = View("held", lambda local: len(entries_of(local)))
_NEWEST = View("newest", lambda local: entries_of(local)[-1][0] if entries_of(local) else None)


class PartialStoreOrder(StoreBuffers):
    """A buffer a CPU and location, of (value id, what it waits for)."""

    name = "pso"
    full_fences: ClassVar[frozenset[str]] = frozenset({"mb", "before_atomic", "after_atomic"})

    def extra(self, need: Any) -> Extra:
        """Return a store buffer, or a CPU's order of stores."""
        kind, cpu, *rest = need
        if kind == "order":
            name = f"order of {self.cpu_name(cpu)}'s stores"
            return Extra(need, name, ((), ()), hidden=True)
        (location,) = rest
        name = f"{self.cpu_name(cpu)}'s stores to {self.location(location)}"
        return Extra(need, name, self._state(location, ()), drains=True, lane=self.lane(cpu))

    def _state(self, location: int, entries: Entries) -> Any:
        waiting = tuple((location, ident) for ident, _ in entries)
        return self.buffered(("buffer", location), entries, waiting)

    def _buffer(self, cpu: int, location: int) -> int | None:
        """Return the slot of a CPU's buffer, None where it never stored there."""
        return self.learner.extra_slots.get(("buffer", cpu, location))

    def _held(self, turn: Turn, cpu: int) -> Waits:
        """Return what a store waits for that comes after all that the CPU's buffers hold."""
        found = (
            (need[2], turn.read_slot(slot, _HELD))
            for need, slot in sorted(self.needs("buffer", cpu))
        )
        return tuple((location, held) for location, held in found if held)

    def _order(self, turn: Turn, cpu: int) -> tuple[Waits, tuple[int, ...]]:
        """Return what new stores wait for, and the locations whose buffers hold waiting stores."""
        slot = self.learner.extra_slots.get(("order", cpu))
        order: tuple[Waits, tuple[int, ...]] = (
            turn.read_slot(slot) if slot is not None else ((), ())
        )
        return order

    def wait_empty(self, turn: Turn, cpu: int) -> None:
        """Block unless all buffers of a CPU are empty."""
        if self._held(turn, cpu):
            turn.block()

    # Loads and stores.

    def own_newest(self, turn: Turn, cpu: int, location: int) -> int | None:
        """Return the id of the value that a CPU stored last and nobody else sees yet, or None."""
        slot = self._buffer(cpu, location)
        newest: int | None = None if slot is None else turn.read_slot(slot, _NEWEST)
        return newest

    def load(self, turn: Turn, ref: Ref, order: str = "relaxed") -> Any:
        """Return the newest value in the CPU's own buffer, else that in memory."""
        location = turn.slot_of(ref)
        ident = self.own_newest(turn, self.here(turn), location)
        if ident is None:
            return self.load_memory(turn, ref)
        value = self.value(location, ident)
        note_forwarded(turn, ref, value)
        return value

    def load_memory(self, turn: Turn, ref: Ref) -> Any:
        """Return what a load sees that finds nothing in its own buffer."""
        return turn.load(ref)

    def store(self, turn: Turn, ref: Ref, value: Any, order: str = "relaxed") -> None:
        """Put a store into the buffer of its CPU and location."""
        location, cpu = turn.slot_of(ref), self.here(turn)
        slot = self.learner.need(("buffer", cpu, location))
        entries = entries_of(turn.read_slot(slot))
        what = f"stores to {ref.name} in the buffer of {self.cpu_name(cpu)}"
        self.check_room(len(entries), what, turn)
        mark, waiting = self._order(turn, cpu)
        after = self._held(turn, cpu) if order == "release" else mark
        waits = _still_needed(location, after, entries)
        if waits and location not in waiting:
            order_slot = self.learner.need(("order", cpu))
            turn.write_slot(order_slot, (mark, tuple(sorted({*waiting, location}))))
        entry = (self.intern(location, value), waits)
        turn.write_slot(slot, self._state(location, (*entries, entry)))
        turn.notes.append(BUFFERED)

    def fence(self, turn: Turn, kind: str) -> None:
        """Do a fence: ``smp_wmb`` makes later stores wait for earlier ones, and nobody else."""
        if kind == "wmb":
            cpu = self.here(turn)
            held = self._held(turn, cpu)
            if held:
                order_slot = self.learner.need(("order", cpu))
                turn.write_slot(order_slot, (held, self._order(turn, cpu)[1]))
        else:
            super().fence(turn, kind)

    # Read-modify-writes.

    def modify(
        self, turn: Turn, ref: Ref, function: Callable[[Any], Any], order: str = "relaxed"
    ) -> Any:
        """Act on memory, once the CPU's own earlier stores allow it."""
        self._before(turn, ref, order)
        old = turn.load(ref)
        self.write(turn, ref, function(old))
        self._after(turn, ref, order)
        return old

    def modify_if(
        self,
        turn: Turn,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> tuple[bool, Any]:
        """Act on memory where it succeeds; where it fails, it is a plain load."""
        if turn.choose((False, True)):
            return True, self.modify_when(turn, ref, test, function, order)
        old = self.load(turn, ref)
        if test(old):
            turn.block()
        return False, old

    def modify_when(
        self,
        turn: Turn,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> Any:
        """Act on memory; where the old value does not pass, nobody sees that it was looked at."""
        self._before(turn, ref, order)
        old = turn.load(ref)
        if not test(old):
            turn.block()
        self.write(turn, ref, function(old))
        self._after(turn, ref, order)
        return old

    def _before(self, turn: Turn, ref: Ref, order: str) -> None:
        """Block until the store half of a read-modify-write may become visible."""
        cpu = self.here(turn)
        if order in ("full", "release"):
            self.wait_empty(turn, cpu)
        elif self.own_newest(turn, cpu, turn.slot_of(ref)) is not None or self._order(turn, cpu)[0]:
            turn.block()
        if order == "full":
            self.forget_stale(turn, cpu)

    def _after(self, turn: Turn, ref: Ref, order: str) -> None:
        """Order what comes after a read-modify-write."""
        if order in ("full", "acquire"):
            self.forget_stale(turn, self.here(turn))

    # Stores becoming visible.

    def become_visible(self, turn: Turn, cpu: int, location: int, ident: int) -> None:
        """Change memory for everybody."""
        turn.writes[location] = ident

    def write(self, turn: Turn, ref: Ref, value: Any) -> None:
        """Change memory for everybody."""
        location = turn.slot_of(ref)
        self.become_visible(turn, self.here(turn), location, self.intern(location, value))

    def drain(self, turn: Turn) -> None:
        """Make the oldest store of a CPU to a location visible."""
        _, cpu, location = self.learner.need_of(turn.agent)
        entries = entries_of(turn.own())
        if not entries or entries[0][1]:
            turn.block()
        ident = entries[0][0]
        rest = entries[1:]
        mark, waiting = self._order(turn, cpu)
        self.become_visible(turn, cpu, location, ident)
        self._put(turn, cpu, location, rest)
        if mark or waiting:
            self._let_go(turn, cpu, location)

    def _put(self, turn: Turn, cpu: int, location: int, entries: Entries) -> None:
        slot = self.learner.need(("buffer", cpu, location))
        turn.write_slot(slot, self._state(location, entries))

    def _let_go(self, turn: Turn, cpu: int, location: int) -> None:
        """Count a store that became visible off what others wait for."""
        mark, waiting = self._order(turn, cpu)
        still = []
        for other in waiting:
            slot = self.learner.need(("buffer", cpu, other))
            entries = entries_of(turn.read_slot(slot))
            entries = tuple((ident, _less(waits, location)) for ident, waits in entries)
            self._put(turn, cpu, other, entries)
            if any(waits for _, waits in entries):
                still.append(other)
        turn.write_slot(self.learner.need(("order", cpu)), (_less(mark, location), tuple(still)))


def _less(waits: Waits, location: int) -> Waits:
    """Return what is left to wait for after one store to `location` has become visible.

    Examples
    --------
    >>> _less(((1, 2), (4, 1)), 1), _less(((1, 2), (4, 1)), 4)
    (((1, 1), (4, 1)), ((1, 2),))
    """
    return tuple((x, n - (x == location)) for x, n in waits if n > (x == location))


def _still_needed(location: int, after: Waits, entries: Entries) -> Waits:
    """Return what a new store waits for that no earlier store of its own buffer waits for."""
    implied = {(x, n) for _, waits in entries for x, most in waits for n in range(1, most + 1)}
    return tuple(w for w in after if w[0] != location and w not in implied)
