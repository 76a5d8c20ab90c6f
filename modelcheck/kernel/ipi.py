"""Inter-processor interrupts: run a function on other CPUs, and wait until it has run.

Source: ``kernel/smp.c``. A sender queues a request on each target; it stays there until the target
unlocks its csd: after the function has run where somebody waits, before it where nobody does.
Posting is a locked operation, so the sender's earlier stores are visible to the handler. Nobody
checks that a sender has interrupts enabled: the deadlock of two that do not is for checks to find.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

from attrs import frozen

from modelcheck.kernel.atomics import shown
from modelcheck.kernel.cpu import Cpu, interrupt, local_irq_restore, local_irq_save
from modelcheck.language.process import Process
from modelcheck.language.refs import Ref
from modelcheck.language.steps import Step, Until, atomic
from modelcheck.language.turn import Turn

#: What a CPU is asked to run: a generator function of that CPU.
Function = Callable[[Cpu], Generator[Any, Any, Any]]
Steps = Generator[Any, Any, None]

VECTOR = "call_function_interrupt"


@frozen(repr=False)
class Request:
    """A locked ``call_single_data_t``: who asks for which function, and whether it waits."""

    sender: Cpu
    function: Function
    wait: bool

    def __repr__(self) -> str:
        return f"{shown(self.function)} for {self.sender.__dict__['_name']}"


def _has(sender: Cpu, queue: Iterable[Request]) -> bool:
    """Tell whether a sender's request is queued; at most one is, as it has one csd a target."""
    return any(r.sender is sender for r in queue)


def _post(cpu: Cpu, target: Cpu, request: Request) -> Step:
    """Return the step that waits for the csd to be free, locks it and queues it on its target.

    Models ``csd_lock``, ``llist_add`` and ``arch_send_call_function_single_ipi``.
    """

    def queue() -> None:
        target.call_single_queue = (*target.call_single_queue, request)

    step = atomic(queue, when=lambda: not _has(cpu, target.call_single_queue))
    return step.named(f"send_call_function_ipi({target}, {shown(request.function)})")  # type: ignore[no-any-return] # named() returns the step itself


def _csd_lock_wait(cpu: Cpu, target: Cpu) -> Step:
    """Return the step that waits until the target has unlocked this CPU's csd."""
    waiting = Until(lambda: not _has(cpu, target.call_single_queue), order="acquire")
    return waiting.named(f"csd_lock_wait({target})")  # type: ignore[no-any-return] # named() returns the step itself


class _CsdUnlock(Step):
    """Unlock the csd of a request: an ``smp_store_release``, all that the target does to memory."""

    def __init__(self, cpu: Cpu, request: Request):
        super().__init__(f"csd_unlock({request})")
        self.queue: Ref = cpu.call_single_queue
        self.request = request

    def perform(self, turn: Turn) -> None:
        turn.memory.release(turn)
        left = (r for r in turn.load(self.queue) if r.sender is not self.request.sender)
        turn.store(self.queue, tuple(left))


def _csd_unlock(cpu: Cpu, request: Request) -> Step:
    """Return the step of the target that unlocks the csd of a request."""
    return _CsdUnlock(cpu, request)


def smp_call_function_many(
    cpu: Cpu, mask: Iterable[Cpu], function: Function, wait: bool = True
) -> Steps:
    """Run `function` on every other CPU in `mask` (``smp_call_function_many``, kernel/smp.c).

    With `wait`, return only when each has run it. To be called with interrupts enabled, as in C.
    """
    others = [target for target in mask if target is not cpu]
    for target in others:
        yield _post(cpu, target, Request(cpu, function, wait))
    if wait:
        for target in others:
            yield _csd_lock_wait(cpu, target)


def smp_call_function_single(cpu: Cpu, target: Cpu, function: Function, wait: bool = True) -> Steps:
    """Run `function` on one CPU, be it this one (``smp_call_function_single``, kernel/smp.c)."""
    if target is cpu:
        flags = yield local_irq_save(cpu)
        yield from function(cpu)
        yield local_irq_restore(cpu, flags)
    else:
        yield from smp_call_function_many(cpu, [target], function, wait)


def on_each_cpu(cpu: Cpu, mask: Iterable[Cpu], function: Function, wait: bool = True) -> Steps:
    """Run `function` on every CPU in `mask` and on this one (``on_each_cpu``, kernel/smp.c)."""
    yield from smp_call_function_many(cpu, mask, function, wait)
    yield from smp_call_function_single(cpu, cpu, function)


def do_nothing(cpu: Cpu) -> Steps:
    """Do nothing: that it ran is the message (arch/powerpc/mm/book3s64/pgtable.c)."""
    yield from ()


def _call_function(cpu: Cpu, requests: tuple[Request, ...]) -> Steps:
    """Run all requests that were queued when the interrupt was taken.

    Models ``generic_smp_call_function_single_interrupt``, whose ``llist_del_all`` here is part of
    taking the interrupt.
    """
    for request in requests:
        if request.wait:
            yield from request.function(cpu)
            yield _csd_unlock(cpu, request)
        else:
            yield _csd_unlock(cpu, request)
            yield from request.function(cpu)


def call_function_interrupt(cpu: Cpu, *, orders: bool = True) -> Process:
    """Return the process that is the IPI handler of a CPU; `orders` as in `interrupt`."""
    queue = lambda: cpu.call_single_queue  # noqa: E731  a condition is a lambda everywhere
    return interrupt(cpu, VECTOR, _call_function, queue, orders=orders)


def interrupts(cpus: Iterable[Cpu], *, orders: bool = True) -> list[Process]:
    """Return the IPI handlers of all `cpus`: add them to the processes of a model."""
    return [call_function_interrupt(cpu, orders=orders) for cpu in cpus]
