"""Read-copy-update as the kernel's memory model knows it: read-side sections, grace periods, SRCU.

Sources: ``tools/memory-model/Documentation/explanation.txt``, ``include/linux/rcupdate.h``,
``include/linux/srcu.h``. An axiomatic memory model gives these steps their whole meaning: a grace
period waits for every section that began before. No store buffer says that, so the explorer of
states refuses them; `modelcheck.kernel.rcu` has the flavour that it knows.
"""

from __future__ import annotations

from typing import Any

from modelcheck.kernel.atomics import location, shown
from modelcheck.language.refs import Ref, check_value, model_error
from modelcheck.language.steps import Step
from modelcheck.language.turn import Turn

#: How it is said where states are explored.
_TOLD = (
    " Where states are explored, say who reads and on which CPU: `yield rcu_read_lock(s.task)`, "
    "`yield from synchronize_rcu([(s.task, s.cpu)])`."
)


class _Grace(Step):
    """A step of read-copy-update, known by its kind."""

    def __init__(self, kind: str, text: str, ref: Ref | None = None, value: Any = None):
        super().__init__(text)
        self.kind, self.ref, self.value = kind, ref, value

    def perform(self, turn: Turn) -> Any:
        grace = getattr(turn.memory, "grace", None)
        if grace is None:
            told = "" if "srcu" in self.kind else _TOLD
            raise model_error(
                f"`{self.text}` has no meaning under the memory model {turn.memory.name}",
                f'It is for axiomatic models: check it with memory="lkmm" (--memory lkmm).{told}',
            )
        return grace(turn, self.kind, self.ref, self.value)


def rcu_read_lock() -> Step:
    """Return the step that begins a read-side section."""
    return _Grace("rcu-lock", "rcu_read_lock()")


def rcu_read_unlock() -> Step:
    """Return the step that ends a read-side section."""
    return _Grace("rcu-unlock", "rcu_read_unlock()")


def synchronize_rcu() -> Step:
    """Return the step that waits until every section that began before has ended."""
    return _Grace("sync-rcu", "synchronize_rcu()")


def srcu_read_lock(srcu: Any) -> Step:
    """Return the step that begins a section of an srcu_struct; it results in the index to end it.

    The struct is a location of the state, initially 0.
    """
    ref = location(srcu, "srcu_read_lock")
    return _Grace("srcu-lock", f"srcu_read_lock({ref})", ref)


def srcu_read_unlock(srcu: Any, index: Any) -> Step:
    """Return the step that ends the section that `srcu_read_lock` gave the index of."""
    ref = location(srcu, "srcu_read_unlock")
    check_value(index, "srcu_read_unlock(...)")
    return _Grace("srcu-unlock", f"srcu_read_unlock({ref}, {shown(index)})", ref, index)


def synchronize_srcu(srcu: Any) -> Step:
    """Return the step that waits for every section of an srcu_struct that began before."""
    ref = location(srcu, "synchronize_srcu")
    return _Grace("sync-srcu", f"synchronize_srcu({ref})", ref)
