"""Softirqs: work that interrupt handlers put off, done with interrupts enabled.

Source: ``kernel/softirq.c`` (not ``CONFIG_PREEMPT_RT``). A softirq that was raised runs on its CPU
where interrupts and softirqs are enabled and neither a handler nor another softirq runs. The kernel
starts it at the end of an interrupt, in the outermost ``local_bh_enable`` or in ``ksoftirqd``: as
an interrupt may come at any time, at any time is when it starts here, and starting it orders
nothing. Hard interrupts preempt it. Which of several runs first is open, and tasks may run between
them: more than the kernel does, which goes by number and mostly runs all at once. Neighbours:
`cpu`, `preempt`. Its assertions are part of a model: PYTEST_DONT_REWRITE keeps their words.
"""

from __future__ import annotations

from typing import Any

from modelcheck.kernel.cpu import Cpu, Handler, InterruptReturn, Where
from modelcheck.kernel.preempt import add
from modelcheck.language.process import Process, process
from modelcheck.language.refs import Ref
from modelcheck.language.steps import Step
from modelcheck.language.turn import Turn


class _BottomHalves(Step):
    """Disable softirqs, and with them preemption, or enable them; both nested."""

    def __init__(self, where: Where, by: int, name: str):
        super().__init__(f"{name}({where})")
        self.where, self.by = where, by

    def perform(self, turn: Turn) -> None:
        cpu = self.where.here(turn)
        flag: Ref = cpu.irqs_enabled
        depths: tuple[Ref, Ref] = (cpu.softirqs_disabled, cpu.preempt_count)
        assert self.by > 0 or turn.load(flag), (
            f"{self.text} with interrupts disabled: it may run softirqs, which enables them"
        )
        for depth in depths:
            add(turn, depth, self.by, self.text)
        self.where.count(turn, self.by, self.text)


def local_bh_disable(where: Where) -> Step:
    """Return the step that keeps softirqs from running on a CPU, nested; interrupts go on."""
    return _BottomHalves(where, 1, "local_bh_disable")


def local_bh_enable(where: Where) -> Step:
    """Return the step that takes one `local_bh_disable` back.

    With interrupts disabled it is a violation, as the kernel's lockdep reports it.
    """
    return _BottomHalves(where, -1, "local_bh_enable")


class _Raise(Step):
    """Note that a softirq is to run on the CPU where this is done: a bit, set once or more."""

    def __init__(self, where: Where, name: str):
        super().__init__(f"raise_softirq({where}, {name})")
        self.where, self.name = where, name

    def perform(self, turn: Turn) -> None:
        pending: Ref = self.where.here(turn).softirqs_pending
        turn.store(pending, tuple(sorted({*turn.load(pending), self.name})))
        self.where.leave(turn)


def raise_softirq(where: Where, name: str) -> Step:
    """Return the step by which a handler or a task has a softirq run on its own CPU, soon."""
    return _Raise(where, name)


class _TakeSoftirq(Step):
    """Start a softirq that was raised: nothing else of its kind, and no handler, runs there."""

    end = True  # one that nobody raises need not run; one that runs has to come to its end

    def __init__(self, cpu: Cpu, name: str):
        super().__init__(f"softirq {name} on {cpu}")
        self.flag: Ref = cpu.irqs_enabled
        self.disabled: Ref = cpu.softirqs_disabled
        self.handlers: Ref = cpu.handlers
        self.pending: Ref = cpu.softirqs_pending
        self.name = name

    def perform(self, turn: Turn) -> None:
        pending = turn.load(self.pending)
        if self.name not in pending or not turn.load(self.flag):
            turn.block()
        if turn.load(self.disabled) or turn.load(self.handlers) != ():
            turn.block()
        turn.store(self.pending, tuple(name for name in pending if name != self.name))
        turn.store(self.handlers, (self.name,))


@process
def _softirq(cpu: Cpu, name: str, handler: Handler) -> Any:
    while True:
        yield _TakeSoftirq(cpu, name)
        yield from handler(cpu, name)
        yield InterruptReturn(cpu).named(f"end of softirq {name} on {cpu}")


def softirq(cpu: Cpu, name: str, handler: Handler) -> Process:
    """Return the process that is a softirq of a CPU: give `System` one for each CPU.

    Parameters
    ----------
    name : str
        What `raise_softirq` raises, a Python identifier; no interrupt of the CPU has it, too.
    handler : generator function of (cpu, name)
        What it does, with interrupts enabled at first.

    Examples
    --------
    >>> from modelcheck import System, check, process, sometimes, state
    >>> @state
    ... class Shared:
    ...     cpu: object = Cpu
    ...     packets: int = 0
    >>> def net_rx(s):
    ...     def handler(cpu, name):
    ...         yield s.packets.add(1)
    ...     return softirq(s.cpu, "net_rx", handler)
    >>> @process
    ... def task(s):
    ...     yield local_bh_disable(s.cpu)
    ...     yield raise_softirq(s.cpu, "net_rx")
    ...     assert (yield s.packets) == 0
    ...     yield local_bh_enable(s.cpu)
    >>> @sometimes
    ... def it_ran(s):
    ...     return s.packets == 1
    >>> s = Shared()
    >>> check(System(s, [task(s).on(s.cpu), net_rx(s)], [it_ran])).verdict.value
    'holds'
    """
    made = _softirq(cpu, name, handler).named(name)
    return made.waiting_for(lambda: cpu.handler_may_run(name), cpu)
