"""What the models with store buffers share: CPUs, slots that are made when first needed, bounds.

A buffer is a `LocalState` of an agent of its own, whose step makes the oldest store visible. Its
slot, like every other that a model adds, comes to be when a step first asks for it
(`modelcheck.language.learner.Learner.need`): a location that a CPU never stores to has none there.
Values in buffers are ids of the location's domain.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, ClassVar

from modelcheck.errors import ModelError, UsageError
from modelcheck.language.learner import Learner
from modelcheck.language.local import LocalState
from modelcheck.language.process import Process
from modelcheck.language.refs import Ref
from modelcheck.language.source import shown
from modelcheck.language.turn import Extra, Turn
from modelcheck.memory.sc import SequentialConsistency

#: How many stores a buffer holds, and how many stale values of one location a CPU keeps.
BUFFER = 8

#: What a trace says of a store.
BUFFERED = "waits in the store buffer"

#: What a buffer holds, oldest first.
Entries = tuple[Any, ...]


class StoreBuffers(SequentialConsistency):
    """A memory model with buffers of at most `bound_at` stores."""

    coherent = False

    #: Kinds of fences that wait for the CPU's buffers to be empty.
    full_fences: ClassVar[frozenset[str]] = frozenset({"mb"})

    def __init__(self, buffer: int = BUFFER):
        if buffer < 1:
            raise UsageError(f"buffer is {buffer}; give a number of stores, 1 or more")
        self.bound_at, self.bound = buffer, ""

    def begin(self, learner: Learner) -> list[Extra]:
        """Return the slots asked for so far; forget what was found out in earlier tables."""
        self.learner, self.bound = learner, ""
        self._cpus: list[Any] = []
        self._cpu_of: dict[int, int] = {}
        # In an order that does not depend on what was asked for first: a replay asks otherwise.
        needs: list[Any] = sorted(
            learner.shape.needs, key=lambda need: (need[1], need[0], need[2:])
        )
        return [self.extra(need) for need in needs]

    def extra(self, need: Any) -> Extra:
        """Return the slot for a need."""
        raise NotImplementedError

    # CPUs.

    def cpu(self, agent: int) -> int:
        """Return the number of the CPU that a process runs on: its own, if it names none."""
        found = self._cpu_of.get(agent)
        if found is None:
            found = self._cpu_of[agent] = self._number(agent)
        return found

    def _number(self, agent: int) -> int:
        """Number CPUs in the order of the processes: spawned ones come last, and change nothing."""
        for earlier in range(agent):
            self.cpu(earlier)
        given = self.learner.process(agent).cpu
        if getattr(given, "migrates", False):
            raise _bound_to_none(self.learner.process(agent), self.name)
        for number, known in enumerate(self._cpus):
            if given is not None and known is given:
                return number
        self._cpus.append(given if given is not None else agent)
        return len(self._cpus) - 1

    def cpu_name(self, cpu: int) -> str:
        """Return what traces call a CPU: its name, or that of the only process there."""
        for agent in self.learner.processes():
            if self.cpu(agent) == cpu:
                given = self.learner.process(agent).cpu
                if given is None:
                    return self.learner.process_name(agent)
                return str(getattr(given, "__dict__", {}).get("_name", given))
        return f"cpu {cpu}"

    def needs(self, kind: str, cpu: int | None = None) -> list[tuple[Any, int]]:
        """Return (need, slot) of one kind, of one CPU or all."""
        return [
            (need, slot)
            for need, slot in self.learner.extra_slots.items()
            if isinstance(need, tuple) and need[0] == kind and cpu in (None, need[1])
        ]

    # Values.

    def intern(self, slot: int, value: Any) -> int:
        """Return the id of a value of a location."""
        return self.learner.domain(slot).intern(value)

    def value(self, slot: int, ident: int) -> Any:
        """Return the value of a location with an id."""
        return self.learner.domain(slot).values[ident]

    def shown(self, slot: int, ident: int) -> str:
        """Return a location's value as traces show it."""
        return shown(self.value(slot, ident))

    def location(self, slot: int) -> str:
        """Return a location's name."""
        return self.learner.system.refs[slot].name

    def lane(self, cpu: int) -> str:
        """Return what pictures call the store buffers of a CPU."""
        return f"{self.cpu_name(cpu)}'s store buffer"

    def buffered(
        self, key: Hashable, entries: Entries, waiting: tuple[tuple[int, int], ...]
    ) -> LocalState:
        """Return the local state of a store buffer; `waiting` are (location, value id)."""
        label = ""
        if waiting:
            location, ident = waiting[0]
            label = f"{self.location(location)} := {self.shown(location, ident)} becomes visible"
        return LocalState(
            key=(key, entries),
            status="running" if entries else "empty",
            label=label,
            end=True,
            waiting=waiting,
        )

    def check_room(self, held: int, what: str, turn: Turn) -> None:
        """Block where a buffer is full, and note that the bound was reached."""
        if held >= self.bound_at:
            self.reached(what, turn)
            turn.block()

    def reached(self, what: str, turn: Turn) -> None:
        """Note that a bound was reached by the turn's step: the search is incomplete."""
        if self.bound:
            return
        local: LocalState = turn.own()
        more = 2 * self.bound_at
        self.bound = (
            f"{what}: the bound of {self.bound_at} was reached by `{local.label}` at "
            f"{Path(local.file).name}:{local.line} (--buffer {more}, or buffer={more}, raises it; "
            "in a loop that never waits for its stores no bound is enough: give it so many rounds)"
        )

    # Sequentially consistent steps.

    def wait_empty(self, turn: Turn, cpu: int) -> None:
        """Block unless the store buffers of a CPU are empty."""
        raise NotImplementedError

    def forget_stale(self, turn: Turn, cpu: int) -> None:
        """Let later loads of a CPU see memory as it is now, or later."""

    def here(self, turn: Turn) -> int:
        """Return the CPU of the turn's process."""
        return self.cpu(turn.agent)

    def atomic(self, turn: Turn, agent: int | None = None) -> None:
        """Wait until the CPU's buffers are empty, and drop its stale values."""
        cpu = self.cpu(turn.agent if agent is None else agent)
        self.wait_empty(turn, cpu)
        self.forget_stale(turn, cpu)

    def release(self, turn: Turn) -> None:
        """Wait until the CPU's buffers are empty."""
        self.wait_empty(turn, self.here(turn))

    def fence(self, turn: Turn, kind: str) -> None:
        """Do a fence of a kind, or block until it can be done."""
        if kind in self.full_fences:
            self.atomic(turn)


def _bound_to_none(process: Process, model: str) -> ModelError:
    """Return the error for a process that may be moved from one CPU to another."""
    code = process.function.__code__
    return ModelError(
        f"{process.group} runs on any of some CPUs, which the memory model {model} does not know",
        "Check it under sc; or bind it to one CPU, `task(s).on(s.cpu[0])`, a variant for each.",
        file=code.co_filename,
        line=code.co_firstlineno,
    )


def entries_of(local: Any) -> Entries:
    """Return what a store buffer's local state holds."""
    entries: Entries = local.key[1]
    return entries


def note_forwarded(turn: Turn, ref: Ref, value: Any) -> None:
    """Tell the trace that a load saw a store that nobody else sees yet."""
    turn.notes.append(f"{ref.name} = {shown(value)} from its own store buffer")
    turn.saw(ref, value, "buffer")
