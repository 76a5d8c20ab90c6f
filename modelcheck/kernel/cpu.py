"""CPUs: the interrupt-enable flag, and handlers that preempt what runs.

The flag and the stack of running handlers are registers of the CPU, not memory: steps reach them
directly, and no store buffer delays them. A handler is a process of its own. It is *taken* by one
step, enabled only while interrupts are; until its ``iret`` the task, whose every step waits for
`Cpu.task_may_run`, stands still. Taking it disables interrupts, as the hardware does, so handlers
nest only where one enables them itself; then the innermost one runs. Neighbours: `ipi`, `softirqs`,
`preempt`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

from attrs import frozen

from modelcheck.language.cells import cells
from modelcheck.language.process import Process, process
from modelcheck.language.refs import Ref
from modelcheck.language.state import state
from modelcheck.language.steps import Step
from modelcheck.language.turn import Turn


@state
class Cpu:
    """One CPU: ``task(...).on(cpu)`` runs there, and so do the handlers made for it."""

    irqs_enabled: Any = True
    handlers: Any = ()  # the interrupt handlers and softirqs that run here, the innermost last
    call_single_queue: Any = ()  # requests of other CPUs whose csd is still locked, oldest first
    tlb: Any = True  # whether a translation to the one address of the model is cached, or its page
    preempt_count: Any = 0  # how often preemption is disabled, by disabling softirqs too
    softirqs_disabled: Any = 0  # how often softirqs are
    softirqs_pending: Any = ()  # those that were raised and have not run yet, by name

    def task_may_run(self) -> bool:
        """Tell whether no handler runs here. In a step or a property."""
        return bool(self.handlers == ())

    def handler_may_run(self, vector: str) -> bool:
        """Tell whether a handler is the innermost one here, or not there yet."""
        running = self.handlers
        return vector not in running or bool(running[-1] == vector)

    def task_irqs_enabled(self) -> bool:
        """Tell the flag as the task has it: a handler disables it only as long as it runs."""
        return bool(self.irqs_enabled) or self.handlers != ()

    def is_preemptible(self) -> bool:
        """Tell whether another task may run here now. In a step or a property."""
        return self.task_may_run() and bool(self.irqs_enabled) and not self.preempt_count

    # A task or handler that stays here, as `Where`.

    def here(self, turn: Turn) -> Cpu:
        """Return the CPU where a step is taken: this one."""
        return self

    def count(self, turn: Turn, by: int, text: str) -> None:
        """Note nothing more."""

    def disable(self, turn: Turn, disabled: bool) -> None:
        """Note nothing more."""

    def leave(self, turn: Turn) -> None:
        """Go nowhere."""


class Where(Protocol):
    """Where code runs: a `Cpu`, or a task that may be moved (`modelcheck.kernel.preempt.Current`).

    `count` and `disable` note what the code did to its CPU's `preempt_count` and interrupt flag.
    """

    def here(self, turn: Turn) -> Cpu:
        """Return the CPU; it stays so until `leave`, at least."""

    def count(self, turn: Turn, by: int, text: str) -> None:
        """Note a change of `preempt_count`, then `leave`."""

    def disable(self, turn: Turn, disabled: bool) -> None:
        """Note a change of the flag, then `leave`."""

    def leave(self, turn: Turn) -> None:
        """Let the code run anywhere again, where nothing holds it."""


def cpus(n: int) -> Any:
    """Return an array of `n` CPUs, for a field of the state."""
    return cells(n, Cpu)


# Steps of a task or of a handler.


class WriteFlag(Step):
    """Set the interrupt-enable flag; results in the old one where `saves`."""

    def __init__(self, where: Where, enabled: bool, text: str, *, saves: bool = False):
        super().__init__(text)
        self.where, self.enabled, self.saves = where, enabled, saves

    def perform(self, turn: Turn) -> Any:
        flag: Ref = self.where.here(turn).irqs_enabled
        old = turn.load(flag) if self.saves else None
        turn.store(flag, self.enabled)
        self.where.disable(turn, not self.enabled)
        return old


class ReadFlag(Step):
    """Read the interrupt-enable flag; results in whether interrupts are *disabled*."""

    def __init__(self, where: Where, text: str):
        super().__init__(text)
        self.where = where

    def perform(self, turn: Turn) -> bool:
        flag: Ref = self.where.here(turn).irqs_enabled
        disabled = not turn.load(flag)
        self.where.leave(turn)
        return disabled


def local_irq_save(where: Where) -> Step:
    """Return the step ``local_irq_save(flags)``: disable interrupts; its result is the old flag."""
    return WriteFlag(where, False, f"local_irq_save({where})", saves=True)


def local_irq_restore(where: Where, flags: bool) -> Step:
    """Return the step ``local_irq_restore(flags)``: put an old flag back, whatever it is."""
    return WriteFlag(where, bool(flags), f"local_irq_restore({where}, {bool(flags)})")


def local_irq_disable(where: Where) -> Step:
    """Return the step that disables interrupts and remembers nothing."""
    return WriteFlag(where, False, f"local_irq_disable({where})")


def local_irq_enable(where: Where) -> Step:
    """Return the step that enables interrupts, whether or not they were before."""
    return WriteFlag(where, True, f"local_irq_enable({where})")


def irqs_disabled(where: Where) -> Step:
    """Return the step that tells whether interrupts are disabled."""
    return ReadFlag(where, f"irqs_disabled({where})")


# Handlers.


@frozen
class Line:
    """How an interrupt comes: when it is due, what is cleared as it is taken, what that orders."""

    pending: Callable[[], Any] | None = None
    clears: Ref | None = None
    orders: bool = True


class TakeInterrupt(Step):
    """Enter a handler: interrupts must be enabled, and `pending` true; its value is the result."""

    end = True  # an interrupt need not come; a handler that came has to come to its end
    calls_user = True

    def __init__(self, cpu: Cpu, vector: str, line: Line):
        super().__init__(f"interrupt {vector} on {cpu}")
        self.line, self.pending = line, line.pending
        self.flag: Ref = cpu.irqs_enabled
        self.handlers: Ref = cpu.handlers
        self.vector = vector

    def perform(self, turn: Turn) -> Any:
        if not turn.load(self.flag):
            turn.block()
        turn.passes(self.flag)
        found = turn.evaluate(self.pending) if self.pending is not None else True
        if not found:
            turn.block()
        turn.store(self.flag, False)
        turn.store(self.handlers, (*turn.load(self.handlers), self.vector))
        if self.line.clears is not None:
            turn.store(self.line.clears, False)
        if self.line.orders:
            turn.memory.fence(turn, "rmb")
        return found


class InterruptReturn(Step):
    """Leave the innermost handler: what it preempted goes on, with interrupts enabled as before."""

    def __init__(self, cpu: Cpu):
        super().__init__(f"iret on {cpu}")
        self.flag: Ref = cpu.irqs_enabled
        self.handlers: Ref = cpu.handlers

    def perform(self, turn: Turn) -> None:
        turn.store(self.handlers, turn.load(self.handlers)[:-1])
        turn.store(self.flag, True)  # it was true, or the interrupt could not have been taken


Handler = Callable[[Cpu, Any], Generator[Any, Any, Any]]


@process
def _interrupt(cpu: Cpu, vector: str, handler: Handler, line: Line) -> Any:
    while True:
        found = yield TakeInterrupt(cpu, vector, line)
        yield from handler(cpu, found)
        del found
        yield InterruptReturn(cpu)


def interrupt(
    cpu: Cpu,
    vector: str,
    handler: Handler,
    pending: Callable[[], Any] | None = None,
    **line: Any,
) -> Process:
    """Return the process that is an interrupt handler of a CPU.

    Parameters
    ----------
    vector : str
        Its name, a Python identifier; one handler a name and CPU.
    handler : generator function of (cpu, found)
        What it does between entry and ``iret``; `found` is the true value of `pending`.
    pending : function of no arguments, optional
        Whether the interrupt is due; evaluated in the step that takes it. Without it the interrupt
        may come at any time, any number of times.
    clears : location, optional
        Is made False as the interrupt is taken: a device's request, which no buffer delays.
    orders : bool, default True
        Whether taking it orders the CPU's loads, as hardware does that discards what it has read
        ahead. Stores are not ordered by it.
    """
    made = _interrupt(cpu, vector, handler, Line(pending, **line)).named(vector)
    return made.waiting_for(lambda: cpu.handler_may_run(vector), cpu)
