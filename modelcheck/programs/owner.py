"""The system whose processes run as threads: what belongs to it, and what is done to it.

Neighbours: `events` asks for each access, `threads` about a final memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.holders import Reach
from modelcheck.language.model import System
from modelcheck.language.plainly import Plainly
from modelcheck.language.refs import Ref


class Owner:
    """The system that references belong to, and what is done to each location."""

    def __init__(self, system: System):
        self.refs = system.refs
        self.reach = Reach()
        self.uses: dict[str, dict[str, tuple[str, int]]] = {}

    def owns(self, ref: Ref) -> bool:
        """Return whether a reference is of this system's state."""
        return 0 <= ref.slot < len(self.refs) and self.refs[ref.slot].name == ref.name

    def check(self, ref: Ref) -> None:
        """Raise `ModelError` for a reference of another system."""
        if not self.owns(ref):
            raise ModelError(
                f"{ref.name} is not part of the model's state",
                "Give System(...) the @state object that it belongs to.",
            )

    def note(self, ref: Ref, place: tuple[str, int], use: str) -> None:
        """Note a use of a location; a lock is only taken and given back."""
        uses = self.uses.setdefault(ref.name, {})
        uses.setdefault(use, place)
        if "lock" in uses and len(uses) > 1:
            other = next(u for u in uses if u != "lock")
            raise ModelError(
                f"{ref.name} is a spinlock, and is also {'read' if other == 'read' else 'written'}",
                "Under an axiomatic memory model a lock is only taken and given back.",
                file=uses[other][0],
                line=uses[other][1],
            )

    def ask(self, condition: Callable[[], Any], evaluation: Any) -> Any:
        """Return the value of a condition, with names as `evaluation` has them."""
        learner: Any = self
        with context.evaluating(evaluation), Plainly(condition, evaluation, learner) as captured:
            evaluation.captured = captured
            return condition()
