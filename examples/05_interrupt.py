"""Lesson 5: interrupts. A lock shared by a task and an interrupt handler on the same CPU.

    modelcheck check examples/05_interrupt.py:lock_with_interrupts_on

The handler preempts the task and runs to its end before the task goes on. If the task holds the
lock, the handler waits for ever for a task that cannot run: the deadlock that `spin_lock_irqsave`
exists for.
"""

from modelcheck import System, check, model, process, state, until
from modelcheck.kernel import Cpu, interrupt, local_irq_restore, local_irq_save


@state
class Machine:
    cpu: object = Cpu
    locked: bool = False
    raised: bool = True  # a device wants its interrupt


def spin_lock(s):
    while (yield s.locked.swap(True)):
        yield until(lambda: not s.locked)


def spin_unlock(s):
    yield s.locked.set(False)


@process
def task(s):
    yield from spin_lock(s)
    yield from spin_unlock(s)


@process
def careful_task(s):
    flags = yield local_irq_save(s.cpu)
    yield from spin_lock(s)
    yield from spin_unlock(s)
    yield local_irq_restore(s.cpu, flags)


def device(s):
    """Return the process that takes the device's interrupt, once."""

    def handler(cpu, found):
        yield from spin_lock(s)
        yield from spin_unlock(s)

    return interrupt(s.cpu, "device", handler, lambda: s.raised, clears=s.raised)


@model(expect="violated", by="deadlock")
def lock_with_interrupts_on():
    """The handler waits for a lock that the task below it holds."""
    s = Machine()
    return System(s, [task(s).on(s.cpu), device(s)])


@model
def lock_with_interrupts_off():
    """The task cannot be interrupted while it holds the lock."""
    s = Machine()
    return System(s, [careful_task(s).on(s.cpu), device(s)])


if __name__ == "__main__":
    print(check(lock_with_interrupts_on))
    print(check(lock_with_interrupts_off))
