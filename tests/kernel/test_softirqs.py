"""Softirqs: when one that was raised runs, what it preempts and what preempts it."""

from __future__ import annotations

import pytest

from modelcheck import System, always, at_end, check, label, process, sometimes, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    Cpu,
    cpus,
    interrupt,
    local_bh_disable,
    local_bh_enable,
    local_irq_disable,
    local_irq_enable,
    raise_softirq,
    softirq,
    spin_lock,
    spin_lock_bh,
    spin_unlock,
    spin_unlock_bh,
    synchronize_sched,
)


@state
class Machine:
    cpu: object = Cpu
    lock: bool = False
    irqs: int = 0
    count: int = 0
    first: int = 0
    second: int = 0


def device(m, most=1):
    """An interrupt that puts its work off, at most so often."""

    def handler(cpu, found):
        yield m.irqs.add(1)
        yield raise_softirq(cpu, "net_rx")

    return interrupt(m.cpu, "device", handler, pending=lambda: m.irqs < most)


def net_rx(m):
    """A softirq of two steps."""

    def handler(cpu, name):
        yield WRITE_ONCE(m.first, 7)
        yield WRITE_ONCE(m.second, 7)

    return softirq(m.cpu, "net_rx", handler)


@process
def task(m, disables):
    if disables:
        yield local_bh_disable(m.cpu)
    with label("before"):
        yield WRITE_ONCE(m.first, 1)
    with label("between"):
        yield WRITE_ONCE(m.second, 1)
    if disables:
        yield local_bh_enable(m.cpu)


@sometimes
def preempted_between(s):
    return s.task.at("between") and s.cpu.handlers == ("net_rx",)


@sometimes
def interrupted_between(s):
    return s.task.at("between") and s.cpu.handlers == ("device",)


@at_end
def all_was_done(s):
    return s.cpu.softirqs_pending == () and s.cpu.handlers == () and s.cpu.irqs_enabled


@at_end
def never_torn(s):
    return (s.first, s.second) in {(1, 1), (7, 1), (7, 7)}


@pytest.mark.parametrize("disables", [False, True])
@pytest.mark.parametrize("memory", ["sc", "tso", "pso", "wmm"])
def test_disabling_keeps_softirqs_off_and_lets_interrupts_in(memory, disables):
    """It runs whole, and in the end it has run; within the section it does not, handlers do."""
    m = Machine()
    asked = [interrupted_between, preempted_between, all_was_done, never_torn]
    result = check(
        System(m, [task(m, disables).on(m.cpu), device(m), net_rx(m)], asked), memory=memory
    )
    assert result.verdict == ("violated" if disables else "holds")
    assert not disables or result.violation.property == "preempted_between"


def test_a_softirq_is_raised_once_however_often_it_is_raised():
    """The pending bit is set, not counted; while it runs it may be raised anew, and runs again."""
    m = Machine()

    def handler(cpu, name):
        with label("served"):
            yield m.count.add(1)

    @process
    def twice(m):
        yield local_bh_disable(m.cpu)
        yield raise_softirq(m.cpu, "net_rx")
        yield raise_softirq(m.cpu, "net_rx")
        yield local_bh_enable(m.cpu)

    ran = softirq(m.cpu, "net_rx", handler)
    found = set()

    @at_end
    def told(s):
        found.add((s.irqs, s.count))
        return True

    assert check(System(m, [twice(m).on(m.cpu), ran], [told])).holds
    assert found == {(0, 1)}
    found.clear()
    assert check(System(m, [twice(m).on(m.cpu), ran, device(m)], [told])).holds
    assert found == {(1, 1), (1, 2)}


def test_softirqs_of_a_cpu_do_not_nest():
    """Two of one CPU, with a hard interrupt within: one at a time, and the hard one on top."""
    m = Machine()

    def other(cpu, name):
        yield m.count.add(1)

    @process
    def raises(m):
        yield raise_softirq(m.cpu, "net_rx")
        yield raise_softirq(m.cpu, "tasklet")

    @always
    def one_at_a_time(s):
        return len({"net_rx", "tasklet"} & {*s.cpu.handlers}) <= 1

    @sometimes
    def preempted(s):
        return s.cpu.handlers == ("net_rx", "device")

    @always
    def interrupts_are_on(s):
        return s.cpu.handlers != ("net_rx",) or s.cpu.irqs_enabled

    processes = [raises(m).on(m.cpu), device(m), net_rx(m), softirq(m.cpu, "tasklet", other)]
    assert check(
        System(m, processes, [one_at_a_time, preempted, interrupts_are_on, all_was_done])
    ).holds


def test_a_softirq_waits_for_interrupts_to_be_enabled():
    """Raised with interrupts disabled it is pending until they come on."""
    m = Machine()

    @process
    def raises(m):
        yield local_irq_disable(m.cpu)
        yield raise_softirq(m.cpu, "net_rx")
        with label("off"):
            yield local_irq_enable(m.cpu)

    @always
    def pending_while_off(s):
        return not s.raises.at("off") or s.cpu.softirqs_pending == ("net_rx",)

    assert check(System(m, [raises(m).on(m.cpu), net_rx(m)], [pending_while_off])).holds


@process
def locks(m, disables):
    if disables:
        yield from spin_lock_bh(m.cpu, m.lock)
    else:
        yield spin_lock(m.lock)
    count = yield READ_ONCE(m.count)
    yield WRITE_ONCE(m.count, count + 1)
    if disables:
        yield from spin_unlock_bh(m.cpu, m.lock)
    else:
        yield spin_unlock(m.lock)


def locks_too(m):
    """A softirq that takes the same lock: nothing preempts it that does, so plainly."""

    def handler(cpu, name):
        yield spin_lock(m.lock)
        count = yield READ_ONCE(m.count)
        yield WRITE_ONCE(m.count, count + 1)
        yield spin_unlock(m.lock)

    return softirq(m.cpu, "net_rx", handler)


@pytest.mark.parametrize("memory", ["sc", "tso", "pso", "wmm"])
def test_a_lock_shared_with_a_softirq_is_taken_with_softirqs_disabled(memory):
    """With `spin_lock_bh` both count; with `spin_lock` the softirq spins on its own CPU's lock."""

    @at_end
    def both(s):
        return s.count == 1 + s.irqs

    def system(disables):
        m = Machine()
        return System(m, [locks(m, disables).on(m.cpu), device(m), locks_too(m)], [both])

    assert check(system(True), memory=memory).holds
    assert check(system(False), memory=memory).violation.kind == "deadlock"


@pytest.mark.parametrize(
    ("off", "words"),
    [
        (local_irq_disable, "with interrupts disabled"),
        (local_bh_enable, "there is no section to leave"),
    ],
)
def test_enabling_at_the_wrong_place_is_a_violation(off, words):
    """With interrupts off, where the kernel warns; or where softirqs are not disabled."""

    @process
    def wrong(m):
        yield local_bh_disable(m.cpu)
        yield off(m.cpu)
        yield local_bh_enable(m.cpu)

    m = Machine()
    assert words in check(System(m, [wrong(m).on(m.cpu)])).violation.message


@state
class Two:
    cpu: object
    raised: bool = False
    linked: bool = True
    freed: bool = False


@pytest.mark.parametrize("reader", ["softirq", "section", "nested handler"])
def test_a_grace_period_of_the_sched_flavor_waits_for_it(reader):
    """What softirqs do, and handlers that enabled interrupts, cannot be preempted: readers."""
    s = Two(cpus(2))
    cpu = s.cpu[0]

    def reads():
        if (yield READ_ONCE(s.linked)):
            assert not (yield READ_ONCE(s.freed)), "used after it was freed"

    def within(cpu, found):
        yield s.raised.set(True)
        if reader == "nested handler":
            yield local_irq_enable(cpu)
        yield from reads()
        if reader == "nested handler":
            yield local_irq_disable(cpu)

    @process
    def sections():
        yield local_bh_disable(cpu)
        yield from reads()
        yield local_bh_enable(cpu)

    @process
    def raises():
        yield raise_softirq(cpu, "net_rx")

    @process
    def frees(waits):
        yield WRITE_ONCE(s.linked, False)
        if waits:
            yield from synchronize_sched(s.cpu[1], s.cpu.values())
        yield WRITE_ONCE(s.freed, True)

    readers = {
        "softirq": [raises().on(cpu), softirq(cpu, "net_rx", within)],
        "section": [sections().on(cpu)],
        "nested handler": [interrupt(cpu, "timer", within, lambda: not s.raised)],
    }[reader]
    assert check(System(s, [*readers, frees(True).on(s.cpu[1])])).holds
    assert not check(System(s, [*readers, frees(False).on(s.cpu[1])])).holds
