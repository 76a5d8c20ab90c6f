"""Total store order: a first-in first-out store buffer for each CPU (x86, SPARC TSO).

Sources: P. Sewell et al., x86-TSO (CACM 2010); the SPARC Architecture Manual, version 8, chapter 6.
A load looks into its own CPU's buffer first; locked instructions and ``mfence`` wait until it is
empty. Neighbour: `modelcheck.memory.buffers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelcheck.language.refs import Ref
from modelcheck.language.turn import Extra, Turn
from modelcheck.memory.buffers import BUFFERED, Entries, StoreBuffers, entries_of, note_forwarded
from modelcheck.tables.tries import View

_EMPTY = View("empty", lambda local: not entries_of(local))


def _newest(location: int) -> View:
    """Return the view of a buffer that a load has: the newest store to its location, or None."""

    def observe(local: Any) -> int | None:
        return next((v for x, v in reversed(entries_of(local)) if x == location), None)

    return View(("newest", location), observe)


class TotalStoreOrder(StoreBuffers):
    """One buffer a CPU, of (location, value id)."""

    name = "tso"

    def extra(self, need: Any) -> Extra:
        """Return a CPU's store buffer."""
        _, cpu = need
        name = self.lane(cpu)
        return Extra(need, name, self._state(()), drains=True, lane=name)

    def _state(self, entries: Entries) -> Any:
        return self.buffered("buffer", entries, entries)

    def _buffer(self, cpu: int) -> int | None:
        """Return the slot of a CPU's buffer, None where it never stored."""
        return self.learner.extra_slots.get(("buffer", cpu))

    def wait_empty(self, turn: Turn, cpu: int) -> None:
        """Block unless a CPU's buffer is empty."""
        slot = self._buffer(cpu)
        if slot is not None and not turn.read_slot(slot, _EMPTY):
            turn.block()

    def load(self, turn: Turn, ref: Ref, order: str = "relaxed") -> Any:
        """Return the newest value in the CPU's own buffer, else that in memory."""
        location, buffer = turn.slot_of(ref), self._buffer(self.here(turn))
        if buffer is not None:
            ident = turn.read_slot(buffer, _newest(location))
            if ident is not None:
                value = self.value(location, ident)
                note_forwarded(turn, ref, value)
                return value
        return turn.load(ref)

    def store(self, turn: Turn, ref: Ref, value: Any, order: str = "relaxed") -> None:
        """Put a store into the CPU's buffer."""
        location, cpu = turn.slot_of(ref), self.here(turn)
        slot = self.learner.need(("buffer", cpu))
        entries = entries_of(turn.read_slot(slot))
        what = f"stores, the next to {ref.name}, in the buffer of {self.cpu_name(cpu)}"
        self.check_room(len(entries), what, turn)
        entry = (location, self.intern(location, value))
        turn.write_slot(slot, self._state((*entries, entry)))
        turn.notes.append(BUFFERED)

    def modify(
        self, turn: Turn, ref: Ref, function: Callable[[Any], Any], order: str = "relaxed"
    ) -> Any:
        """Do a locked instruction."""
        self.atomic(turn)
        return super().modify(turn, ref, function, order)

    def modify_if(
        self,
        turn: Turn,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> tuple[bool, Any]:
        """Do a locked instruction, which it is too where nothing is stored."""
        self.atomic(turn)
        return super().modify_if(turn, ref, test, function, order)

    def drain(self, turn: Turn) -> None:
        """Make the oldest store visible."""
        slot = self.learner.slot_of(turn.agent)
        entries = entries_of(turn.own())
        if not entries:
            turn.block()
        location, ident = entries[0]
        turn.writes[location] = ident
        turn.write_slot(slot, self._state(entries[1:]))
