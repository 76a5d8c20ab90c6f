"""Sequential consistency: every load and store goes to coherent memory, fences do nothing.

This is also the interface that other memory models fill in
(`modelcheck.language.turn.MemoryModel`).
"""

from __future__ import annotations

from typing import Any

from modelcheck.language.refs import Ref
from modelcheck.language.turn import Turn


class SequentialConsistency:
    """Lamport's model: one memory, one step after another."""

    name = "sc"

    def load(self, turn: Turn, ref: Ref) -> Any:
        """Return the value in memory."""
        return turn.load(ref)

    def store(self, turn: Turn, ref: Ref, value: Any) -> None:
        """Change the value in memory."""
        turn.store(ref, value)

    load_locked = load
    store_locked = store

    def atomic(self, turn: Turn) -> None:
        """Do nothing: everything is sequentially consistent."""

    def fence(self, turn: Turn, kind: str) -> None:
        """Do nothing: there is nothing to order."""


#: The memory models by name.
MODELS = {"sc": SequentialConsistency}
