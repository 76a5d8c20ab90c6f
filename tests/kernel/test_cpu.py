"""CPUs: the interrupt-enable flag, and handlers that preempt what runs."""

from __future__ import annotations

import pytest

from modelcheck import System, always, at_end, check, label, process, sometimes, state
from modelcheck.kernel import (
    WRITE_ONCE,
    cpus,
    interrupt,
    irqs_disabled,
    local_irq_disable,
    local_irq_enable,
    local_irq_restore,
    local_irq_save,
    spin_lock,
    spin_unlock,
)


@state
class Machine:
    cpu: object
    first: int = 0
    second: int = 0
    ticks: int = 0


def one_cpu():
    return Machine(cpus(1))


def tick(m, most):
    """Return a timer interrupt on CPU 0 that writes both variables, at most so often."""

    def handler(cpu, found):
        yield m.ticks.add(1)
        yield WRITE_ONCE(m.first, 7)
        yield WRITE_ONCE(m.second, 7)

    return interrupt(m.cpu[0], "timer", handler, pending=lambda: m.ticks < most)


@process
def saves_and_restores(m, cpu):
    """Nest two sections: the inner one must not enable what the outer one disabled."""
    outer = yield local_irq_save(cpu)
    inner = yield local_irq_save(cpu)
    yield local_irq_restore(cpu, inner)
    off = yield irqs_disabled(cpu)
    assert off
    yield local_irq_restore(cpu, outer)
    off = yield irqs_disabled(cpu)
    assert not off


def test_nested_sections_restore_the_flag_of_the_outer_one():
    """`local_irq_save` results in the old flag, and `local_irq_restore` puts just that back."""
    m = one_cpu()
    result = check(System(m, [saves_and_restores(m, m.cpu[0]).on(m.cpu[0])]))
    assert result.holds
    assert result.states == 7


@process
def enables_blindly(m, cpu):
    flags = yield local_irq_save(cpu)
    yield local_irq_disable(cpu)
    yield local_irq_enable(cpu)
    off = yield irqs_disabled(cpu)
    assert off, "interrupts came back inside the section"
    yield local_irq_restore(cpu, flags)


def test_enable_does_not_remember():
    """`local_irq_enable` enables whatever was before: what save and restore are there to repair."""
    m = one_cpu()
    result = check(System(m, [enables_blindly(m, m.cpu[0]).on(m.cpu[0])]))
    assert "interrupts came back inside the section" in result.violation.message


@process
def task(m, cpu):
    with label("before"):
        yield WRITE_ONCE(m.first, 1)
    with label("between"):
        yield WRITE_ONCE(m.second, 1)


@sometimes
def preempted_in_between(s):
    return s.task.at("between") and s.first == 7 and s.second == 7


def test_a_handler_runs_to_its_end_before_the_task_goes_on():
    """The task's second store never falls between the two of the handler; the rest does occur."""
    m = one_cpu()

    @always
    def whole_handlers(s):
        return s.cpu[0].handlers == () or s.cpu[0].irqs_enabled is False

    @at_end
    def never_torn(s):
        return (s.first, s.second) in {(1, 1), (7, 1), (7, 7)}

    processes = [task(m, m.cpu[0]).on(m.cpu[0]), tick(m, 1)]
    result = check(System(m, processes, [whole_handlers, never_torn, preempted_in_between]))
    assert result.holds
    # Three places of the task without the handler, and at each of them four more states in it (a
    # step each, then iret), and after it the places that are left: 3 + 3*4 + 3 + 2 + 1.
    assert result.states == 21


def test_a_task_that_is_not_bound_is_not_preempted_but_interleaved():
    """The same task without `.on(cpu)` runs on in the middle of the handler: binding matters."""
    m = one_cpu()

    @at_end
    def never_torn(s):
        return (s.first, s.second) in {(1, 1), (7, 1), (7, 7)}

    result = check(System(m, [task(m, m.cpu[0]), tick(m, 1)], [never_torn]))
    assert result.violation.property == "never_torn"


@process
def masked_task(m, cpu):
    flags = yield local_irq_save(cpu)
    with label("masked"):
        yield WRITE_ONCE(m.first, 1)
        yield WRITE_ONCE(m.second, 1)
        yield local_irq_restore(cpu, flags)


def test_no_handler_is_taken_while_interrupts_are_off():
    """Inside the section nothing happens on that CPU; before and after it the interrupt comes."""
    m = one_cpu()

    @always
    def undisturbed(s):
        return not (s.masked_task.at("masked") and s.cpu[0].handlers != ())

    @sometimes
    def taken_after(s):
        return s.masked_task.done and s.ticks == 1 and s.second == 7

    result = check(
        System(m, [masked_task(m, m.cpu[0]).on(m.cpu[0]), tick(m, 1)], [undisturbed, taken_after])
    )
    assert result.holds


def test_two_handlers_of_one_cpu_do_not_overlap():
    """Taking an interrupt disables the others until its iret."""
    m = one_cpu()

    def handler(cpu, found):
        yield m.first.add(1)

    def pending():
        return m.first < 2

    @always
    def one_at_a_time(s):
        return len(s.cpu[0].handlers) <= 1

    @sometimes
    def both_came(s):
        return s.first == 2

    processes = [interrupt(m.cpu[0], name, handler, pending) for name in ("timer", "network")]
    assert check(System(m, processes, [one_at_a_time, both_came])).holds


def test_a_handler_that_enables_interrupts_is_nested_into():
    """The inner handler runs to its end before the outer one goes on."""
    m = one_cpu()

    def outer(cpu, found):
        yield local_irq_enable(cpu)
        yield WRITE_ONCE(m.first, 1)
        yield WRITE_ONCE(m.second, 1)
        yield local_irq_disable(cpu)
        yield m.ticks.add(1)

    def inner(cpu, found):
        yield WRITE_ONCE(m.first, 7)
        yield WRITE_ONCE(m.second, 7)

    @sometimes
    def nested(s):
        return s.cpu[0].handlers == ("outer", "inner")

    @always
    def the_innermost_alone_runs(s):
        """The inner handler's two stores are never parted by one of the outer's."""
        return not (s.cpu[0].handlers == () and (s.first, s.second) == (1, 7))

    processes = [
        interrupt(m.cpu[0], "outer", outer, lambda: m.ticks < 1),
        interrupt(m.cpu[0], "inner", inner, lambda: "outer" in m.cpu[0].handlers),
    ]
    assert check(System(m, processes, [nested, the_innermost_alone_runs])).holds


def test_the_flag_changes_in_one_step():
    """A step on the flag reads and writes it at once, and results in the old value."""
    m = one_cpu()

    @sometimes
    def over(s):
        return s.saves_and_restores.done

    result = check(System(m, [saves_and_restores(m, m.cpu[0]).on(m.cpu[0])], [over]))
    first = result.witnesses["over"].steps[0]
    assert first.label == "local_irq_save(cpu[0])"
    assert [(w.name, w.old, w.new) for w in first.writes] == [("cpu[0].irqs_enabled", True, False)]
    assert first.result is True


@pytest.mark.parametrize("n", [1, 3])
def test_cpus_are_parts_of_their_own(n):
    """Each CPU of an array has its own flag, enabled at first."""
    m = Machine(cpus(n))
    assert [cpu.irqs_enabled.initial for cpu in m.cpu] == [True] * n


@process
def takes(m, gives_back):
    yield spin_lock(m.first)
    if gives_back:
        yield spin_unlock(m.first)


def takes_too(m):
    """Return an interrupt whose handler takes the same lock."""

    def handler(cpu, found):
        yield m.ticks.add(1)
        yield spin_lock(m.first)
        yield spin_unlock(m.first)

    return interrupt(m.cpu[0], "timer", handler, pending=lambda: m.ticks < 1)


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_handler_that_never_ends_is_a_deadlock(engine):
    """The task has finished and kept the lock: its CPU hangs in the handler."""
    m = one_cpu()
    hangs = [takes(m, gives_back=False), takes_too(m)]
    assert check(System(m, hangs), engine=engine).violation.kind == "deadlock"


@pytest.mark.parametrize("gives_back", [True, False])
def test_an_interrupt_that_never_comes_is_none(gives_back):
    """Interrupts stay off: the handler need not run."""

    @process
    def off(m):
        yield local_irq_disable(m.cpu[0])
        yield spin_lock(m.first)
        if gives_back:
            yield spin_unlock(m.first)

    m = one_cpu()
    m.ticks = 1
    assert check(System(m, [off(m).on(m.cpu[0]), takes_too(m)])).holds
