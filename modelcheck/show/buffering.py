"""What the steps of a trace have to do with store buffers, for every renderer alike.

Source of all of it: what each buffer holds in each state (`Trace.waiting`), and where the value of
a load came from (`Read.source`). Neighbours: `words` has the phrases of the rest of a trace.
"""

from __future__ import annotations

from attrs import frozen

from modelcheck.show.text import clean, same, show_value
from modelcheck.show.trace import Read, Trace, TraceStep, Waiting


@frozen
class Held:
    """A store in a buffer: the buffer's lane, the store, and the process that stored it."""

    lane: str
    store: Waiting
    process: str

    @property
    def text(self) -> str:
        """The store, as ``pmd := NONE``."""
        return f"{clean(self.store.name)} := {show_value(self.store.value, 40)}"

    @property
    def where(self) -> str:
        """The store, where it came from and where it waits, in a few words."""
        return f"{self.text} of step {self.store.step} waits in {clean(self.lane)}"


@frozen
class Buffering:
    """One step: the stores it puts into a buffer, the one that it makes visible.

    `own` are the stores of its own CPU that its loads see in the buffer. `newer` are stores to what
    the step reads that wait in a buffer where it cannot see them: what it reads is older.
    """

    puts: tuple[Held, ...] = ()
    leaves: Held | None = None
    own: tuple[Held, ...] = ()
    newer: tuple[Held, ...] = ()


def buffering(trace: Trace) -> list[Buffering]:
    """For each step, what it has to do with store buffers. Cost: linear in the trace."""
    if not trace.waiting:
        return [Buffering()] * len(trace.steps)
    return [_of(trace, step) for step in trace.steps]


def held(trace: Trace, index: int) -> list[Held]:
    """What the buffers hold in a state, by buffer, oldest first."""
    if not trace.waiting:
        return []
    return [
        Held(trace.buffers[name], store, trace.steps[store.step - 1].process)
        for name, stores in trace.waiting[index].items()
        for store in stores
    ]


def _of(trace: Trace, step: TraceStep) -> Buffering:
    before, after = held(trace, step.index - 1), held(trace, step.index)
    leaves = None
    if step.process in trace.buffers:
        leaves = next((one for one in before if one not in after), None)
    seen = {read.name for read in step.reads if read.source != "buffer"}
    return Buffering(
        tuple(one for one in after if one.store.step == step.index),
        leaves,
        tuple(_seen(step, read, before) for read in step.reads if read.source == "buffer"),
        tuple(one for one in before if one.store.name in seen) if leaves is None else (),
    )


def _seen(step: TraceStep, read: Read, before: list[Held]) -> Held:
    """The store that a load saw in its own CPU's buffer: the step's own before a handler's."""
    stores = [one for one in before if one.store.name == read.name]
    found = [one for one in stores if same(one.store.value, read.value)]
    mine = [one for one in found if one.process == step.process]
    return (mine or found)[-1]


def lane_of(trace: Trace, process: str) -> str:
    """The lane of a process: its own name, or that of the store buffers that it belongs to."""
    return trace.buffers.get(process, process)


def remarks(one: Buffering) -> list[str]:
    """What there is to say of a step besides its note: whose store leaves, what it did not see."""
    told = []
    if one.leaves is not None:
        told.append(f"stored by {clean(one.leaves.process)} in step {one.leaves.store.step}")
    return told + [f"the newer {newer.where}" for newer in one.newer]
