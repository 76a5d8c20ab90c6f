"""Sequential consistency: every load and store goes to coherent memory, fences do nothing.

This is also what the weaker models fall back on for a sequentially consistent step. The interface
is `modelcheck.language.turn.MemoryModel`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from modelcheck.language.learner import Learner
from modelcheck.language.refs import Ref
from modelcheck.language.turn import Extra, Turn, Waits


class SequentialConsistency(Waits):
    """Lamport's model: one memory, one step after another."""

    name = "sc"
    coherent = True
    bound = ""

    def begin(self, learner: Learner) -> list[Extra]:
        """Return nothing: memory is all there is."""
        return []

    def load(self, turn: Turn, ref: Ref, order: str = "relaxed") -> Any:
        """Return the value in memory."""
        return turn.load(ref)

    def store(self, turn: Turn, ref: Ref, value: Any, order: str = "relaxed") -> None:
        """Change the value in memory."""
        turn.store(ref, value)

    def modify(
        self, turn: Turn, ref: Ref, function: Callable[[Any], Any], order: str = "relaxed"
    ) -> Any:
        """Change the value in memory; return the old one."""
        old = turn.load(ref)
        turn.store(ref, function(old))
        return old

    def modify_if(
        self,
        turn: Turn,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> tuple[bool, Any]:
        """Change the value in memory if the old one passes; return whether, and the old one."""
        old = turn.load(ref)
        passes = test(old)
        if passes:
            turn.store(ref, function(old))
        return passes, old

    def atomic(self, turn: Turn, agent: int | None = None) -> None:
        """Do nothing: everything is sequentially consistent."""

    def release(self, turn: Turn) -> None:
        """Do nothing: earlier stores are visible."""

    def read(self, turn: Turn, ref: Ref) -> Any:
        """Return the value in memory."""
        return turn.load(ref)

    def write(self, turn: Turn, ref: Ref, value: Any) -> None:
        """Change the value in memory."""
        turn.store(ref, value)

    def fence(self, turn: Turn, kind: str) -> None:
        """Do nothing: there is nothing to order."""

    def refresh(self, turn: Turn, refs: Iterable[Ref]) -> None:
        """Do nothing: loads come one after another."""

    def drain(self, turn: Turn) -> None:
        """Never called: nothing is buffered."""
        raise AssertionError("sequential consistency has no buffers")
