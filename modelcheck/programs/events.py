"""What the steps of a process ask for, written down as events.

Steps are performed as in the state explorer, by their own `perform`, but against a `Thread`: a turn
whose memory model writes down events instead of changing memory. What a step asks for beyond loads,
stores, read-modify-writes, waiting, choices and fences is refused by name. Neighbours: `targets`
says which events an access is, `tracked` what values depend on, `threads` drives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from modelcheck.axiomatic.execution import Event
from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.refs import Ref
from modelcheck.language.steps import Step, Until
from modelcheck.language.turn import Waits
from modelcheck.litmus.machine import Datum, Machine
from modelcheck.programs.follow import Follower
from modelcheck.programs.owner import Owner
from modelcheck.programs.targets import Access, Target
from modelcheck.programs.tracked import Tracked, boxed, cdeps_of, deps_of, plain, unboxed

#: A thread of more events than this has no end that anybody waits for.
MOST_EVENTS = 400

LKR, LKW, UL = frozenset({"LKR"}), frozenset({"LKW"}), frozenset({"UL"})
LF, RU = frozenset({"LF"}), frozenset({"RU"})

#: Barriers that the kernel's model knows by where they stand.
BEHIND = {
    "smp_mb__after_spinlock": "after-spinlock",
    "smp_mb__after_unlock_lock": "after-unlock-lock",
    "smp_mb__after_srcu_read_unlock": "after-srcu-read-unlock",
}


class Blocked(BaseException):
    """The step cannot be taken with what it read."""


class Memory(Waits):
    """What loads and stores mean: events (a `modelcheck.language.turn.MemoryModel`)."""

    coherent = False
    bound = ""

    def __init__(self, name: str, target: Target):
        self.name, self.target = name, target

    def load(self, turn: Thread, ref: Ref, order: str = "relaxed") -> Any:
        """Read a location."""
        if self.target.kernel and turn.step.primitive == "spin_is_locked":
            return turn.looks(ref)
        return turn.reads(ref, self.target.loads[order])

    def store(self, turn: Thread, ref: Ref, value: Any, order: str = "relaxed") -> None:
        """Write a location."""
        if self.target.kernel and turn.step.primitive == "spin_unlock":
            turn.emits("W", ref, UL, False)
            return
        access = self.target.stores[order]
        turn.fences(access.before)
        turn.writes(ref, value, access.write)
        turn.fences(access.after)

    def modify(
        self, turn: Thread, ref: Ref, function: Callable[[Any], Any], order: str = "relaxed"
    ) -> Any:
        """Read and write a location at once; return the old value."""
        access, _ = self._begun(turn, order)
        old = turn.reads(ref, Access(access.read))
        self._replaced(turn, ref, function(old), access)
        return old

    def modify_if(
        self,
        turn: Thread,
        ref: Ref,
        test: Callable[[Any], bool],
        function: Callable[[Any], Any],
        order: str = "relaxed",
    ) -> tuple[Any, Any]:
        """Read a location, and write it at once if the old value passes; return whether."""
        if self.target.kernel and turn.step.primitive in ("spin_lock", "spin_trylock"):
            return turn.takes(ref), None
        access, fence = self._begun(turn, order)
        old = turn.reads(ref, Access(access.read))
        passes = turn.decides(bool(plain(test(plain(old)))))
        if passes:
            self._replaced(turn, ref, function(old), access)
            return Tracked(passes, deps_of(old)), old
        if fence is not None:
            fence.tags = frozenset({"barrier"})  # one that fails orders nothing
        if access.failed is not None:
            turn.machine.events[-1].tags = access.failed
        return Tracked(passes, deps_of(old)), old

    def _begun(self, turn: Thread, order: str) -> tuple[Access, Event | None]:
        """Return how a read-modify-write is made, and the fence that it began with."""
        if order == "relaxed" and getattr(turn.step, "result", "") == "none":
            order = "noreturn"
        access = self.target.updates[order]
        return access, turn.fences(access.before)

    def _replaced(self, turn: Thread, ref: Ref, value: Any, access: Access) -> None:
        """Write what a read-modify-write has made of the old value, which was read just now."""
        turn.writes(ref, value, access.write, rmw=len(turn.machine.events) - 1)
        turn.fences(access.after)

    def fence(self, turn: Thread, kind: str) -> None:
        """Order what the fence orders."""
        known = BEHIND.get(turn.step.primitive) if self.target.kernel else None
        turn.fences(known or self.target.fences[kind])

    def grace(self, turn: Thread, kind: str, ref: Ref | None, value: Any = None) -> Any:
        """Do what read-copy-update does: begin or end a section, or wait for a grace period."""
        if not self.target.kernel:
            turn.refuse(f"the memory model {self.name} gives `{turn.step}` no meaning")
        return turn.sections(kind, ref, value)

    def refresh(self, turn: Thread, refs: Iterable[Ref]) -> None:
        """Let later loads of some locations depend on this one."""
        for ref in refs:
            turn.reached[ref.slot] = turn.reached.get(ref.slot, 0) | turn.last_read

    def atomic(self, turn: Thread, agent: int | None = None) -> NoReturn:
        """Refuse a step over several locations."""
        turn.refuse("it is a step over several locations at once")

    read = write = release = drain = atomic


class Thread:
    """The turn of one process: what its steps ask for, as events of a machine."""

    def __init__(self, memory: Memory, machine: Machine, follower: Follower, owner: Owner):
        self.memory, self.machine, self.follower = memory, machine, follower
        self.owner = owner
        self.step: Step = None  # type: ignore[assignment] # set before each step
        self.notes: list[str] = []
        self.labels: list[str] = []
        self.reached: dict[int, int] = {}
        self.last_read = 0
        self.waited = 0  # the reads that every later event depends on
        self.place = ("", 0)

    def refuse(self, why: str) -> NoReturn:
        """Raise the error for a step that an axiomatic model cannot take."""
        raise ModelError(
            f"`{self.step}` cannot be taken under the memory model {self.memory.name}: {why}",
            "Programs under axiomatic models are made of loads, stores, read-modify-writes of one "
            "location, fences, locks, until, choose and local code.",
            file=self.place[0],
            line=self.place[1],
        )

    # Events

    def _emit(self, event: Event) -> int:
        if len(self.machine.events) >= MOST_EVENTS:
            self.refuse(f"the process has taken {MOST_EVENTS} steps: is there a loop without end?")
        self.labels.append(self.step.text)
        self.machine.statement += 1  # each event comes after the one before
        return self.machine.emit(event)

    def _address(self, ref: Ref, loads: bool) -> Datum:
        self.owner.check(ref)
        deps = self.follower.addr_of(ref)
        if loads:
            deps |= self.reached.get(ref.slot, 0)
        return Datum(ref.name, deps)

    def emits(self, kind: str, ref: Ref | None, tags: frozenset[str], value: Any = 0) -> int:
        """Add an event without a value that matters; return the set that holds only it."""
        where = None if ref is None else self._address(ref, False)
        event = Event(kind, where and str(where.value), int(bool(value)), tags)
        event.addr = where.deps if where else 0
        return self._emit(event)

    def fences(self, tag: str) -> Event | None:
        """Add a fence, if there is one."""
        if not tag:
            return None
        event = Event("F", tags=frozenset({tag}))
        self._emit(event)
        return event

    def reads(self, ref: Ref, access: Access) -> Any:
        """Add a read of one of the values that the location may have."""
        self.owner.note(ref, self.place, "read")
        address = self._address(ref, True)
        values = self.machine.domain.values(ref.name, self.machine.written.get(ref.name, ()))
        value = values[self.machine.choose(len(values))] if len(values) > 1 else values[0]
        self.fences(access.before)
        bit = self._emit(Event("R", ref.name, value, access.read, addr=address.deps))
        self.fences(access.after)
        self.last_read = bit
        return Tracked(unboxed(value), bit)

    def writes(self, ref: Ref, value: Any, tags: frozenset[str], rmw: int | None = None) -> None:
        """Add a write."""
        self.owner.note(ref, self.place, "write")
        address = self._address(ref, False)
        whole = self._whole(value)
        stored = boxed(plain(whole))
        self.machine.written.setdefault(ref.name, []).append(stored)
        event = Event("W", ref.name, stored, tags, rmw=rmw, addr=address.deps)
        event.data = deps_of(whole)
        self._emit(event)

    def _whole(self, value: Any) -> Any:
        """Return a value with what its parts depend on."""
        if type(value) is not tuple:
            if hasattr(type(value), "__attrs_attrs__") and _holds_tracked(value):
                self.refuse(f"{value!r} is an object that holds loaded values")
            return value
        parts = [self._whole(part) for part in value]
        deps = cdeps = 0
        for part in parts:
            deps, cdeps = deps | deps_of(part), cdeps | cdeps_of(part)
        return Tracked(tuple(map(plain, parts)), deps, cdeps)

    def takes(self, ref: Ref) -> Any:
        """Take a spinlock: an event of its own kind; or find it held, where that may be."""
        self.owner.note(ref, self.place, "lock")
        if self.step.primitive == "spin_trylock" and self.machine.choose(2) == 1:
            return Tracked(False, self.emits("R", ref, LF))
        self.emits("R", ref, LKR)
        event = Event("W", ref.name, 1, LKW, rmw=len(self.machine.events) - 1)
        event.addr = self._address(ref, False).deps
        self._emit(event)
        return True

    def looks(self, ref: Ref) -> Any:
        """Look whether a spinlock is held."""
        self.owner.note(ref, self.place, "lock")
        held = self.machine.choose(2) == 0
        return Tracked(held, self.emits("R", ref, LF if held else RU))

    def sections(self, kind: str, ref: Ref | None, value: Any) -> Any:
        """Add the event of a read-side section or a grace period."""
        if kind == "srcu-lock":
            assert ref is not None
            return self.reads(ref, Access(frozenset({kind})))
        if kind == "srcu-unlock":
            assert ref is not None
            self.writes(ref, value, frozenset({kind}))
        else:
            self.emits("F", ref, frozenset({kind}))
        return None

    def decides(self, truth: bool) -> bool:
        """Return whether what depends on the old value is done; either, in free mode."""
        if self.machine.free:
            self.machine.branched = True
            return self.machine.choose(2) == 0
        return truth

    # What steps ask of a turn

    def block(self) -> NoReturn:
        """Say that the step cannot be taken."""
        raise Blocked

    def choose(self, options: Sequence[Any]) -> Any:
        """Return one of the options."""
        return options[self.machine.choose(len(options))]

    def call(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call the user's function of values."""
        with context.evaluating(_Nothing(self)):
            return function(*values)

    def test(self, condition: Callable[[], Any], coherent: bool = False) -> tuple[bool, Any]:
        """Return whether the user's condition is true of what its locations may hold."""
        order = self.step.order if isinstance(self.step, Until) else "relaxed"
        reading = _Reading(self, self.memory.target.loads[order])
        value = self.owner.ask(condition, reading)
        truth = bool(plain(value))
        if self.machine.free:
            self.machine.branched, truth = True, True
        if truth and self.memory.target.waits_order:
            self.waited |= reading.deps
            self.follower.levels[:] = [level | reading.deps for level in self.follower.levels]
        return truth, Tracked(plain(value), reading.deps)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse("it is more than an access to memory")


class _Nothing:
    """Names in a function of old values: there is nothing to load."""

    def __init__(self, turn: Thread):
        self.turn = turn

    def load(self, ref: Ref) -> Any:
        self.turn.refuse(f"its function reads {ref.name} besides")

    def store(self, ref: Ref, value: Any) -> None:
        self.turn.refuse(f"its function writes {ref.name} besides")

    def within(self, step: Step) -> Any:
        self.turn.refuse(f"its function calls `{step}`")


class _Reading(_Nothing):
    """Names in a condition: each location is loaded once."""

    def __init__(self, turn: Thread, access: Access):
        super().__init__(turn)
        self.access, self.deps = access, 0
        self.seen: dict[str, Any] = {}

    def load(self, ref: Ref) -> Any:
        if ref.name not in self.seen:
            found = self.turn.reads(ref, self.access)
            self.deps |= found.deps
            self.seen[ref.name] = found.value
        return self.seen[ref.name]


def _holds_tracked(value: Any) -> bool:
    return any(type(getattr(value, f.name, None)) is Tracked for f in type(value).__attrs_attrs__)
