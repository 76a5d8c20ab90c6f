"""Read-copy-update, the flavour in which code with interrupts off is a read-side section.

Source: ``Documentation/RCU/whatisRCU.rst``; ``synchronize_sched`` and ``call_rcu_sched`` of Linux
before 4.20, since then what every flavour promises. A grace period ends when each CPU has been
outside of any section since it began; it is a full barrier on each CPU. Neighbour: `cpu`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from modelcheck.kernel.barriers import smp_mb
from modelcheck.kernel.cpu import Cpu
from modelcheck.language.refs import Ref
from modelcheck.language.steps import Step
from modelcheck.language.turn import Turn


class _QuiescentState(Step):
    """Wait until a CPU runs with interrupts on: then no section that was there before is left."""

    def __init__(self, cpu: Cpu):
        super().__init__(f"quiescent state of {cpu}")
        self.cpu = cpu
        self.flag: Ref = cpu.irqs_enabled

    def perform(self, turn: Turn) -> None:
        if not turn.load(self.flag):
            turn.block()
        turn.barrier_on(self.cpu)


def synchronize_sched(cpu: Cpu, cpus: Iterable[Cpu]) -> Generator[Any, Any, None]:
    """Wait until each other CPU has been outside of its sections (``synchronize_sched``).

    What a ``call_rcu_sched`` callback does is done after this; to be called with interrupts on.
    """
    yield smp_mb().named("synchronize_sched: smp_mb()")
    for other in cpus:
        if other is not cpu:
            yield _QuiescentState(other)
