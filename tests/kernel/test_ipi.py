"""Inter-processor interrupts: who runs what when, and who waits for whom."""

from __future__ import annotations

from modelcheck import System, always, at_end, check, label, process, sometimes, state
from modelcheck.kernel import (
    WRITE_ONCE,
    cpus,
    do_nothing,
    interrupts,
    local_irq_disable,
    local_irq_enable,
    on_each_cpu,
    smp_call_function_many,
    smp_call_function_single,
)


@state
class Machine:
    cpu: object
    ran: int = 0


def counts(m):
    """Return a function for IPIs that counts its runs."""

    def count(cpu):
        yield m.ran.add(1)

    return count


def system(n, tasks, properties=()):
    """Return a machine with `n` CPUs; `tasks` are functions of it, one a CPU."""
    m = Machine(cpus(n))
    processes = [task(m).on(cpu) for task, cpu in zip(tasks, m.cpu, strict=False)]
    return System(m, [*processes, *interrupts(m.cpu)], properties)


@process
def deaf(m):
    """Keep interrupts off for a while."""
    yield local_irq_disable(m.cpu[0])
    with label("off"):
        yield local_irq_enable(m.cpu[0])


@process
def caller(m):
    """Have CPU 0 count, and wait."""
    yield from smp_call_function_single(m.cpu[1], m.cpu[0], counts(m))
    with label("answered"):
        yield WRITE_ONCE(m.ran, 10)


def test_an_ipi_is_delivered_only_after_interrupts_are_enabled():
    """It may be sent while the target has interrupts off, and is pending then; it does not run."""

    @always
    def nothing_runs_while_off(s):
        return not (s.deaf.at("off") and s.cpu[0].handlers != ())

    @sometimes
    def pending_while_off(s):
        return s.deaf.at("off") and s.cpu[0].call_single_queue != () and s.ran == 0

    result = check(system(2, [deaf, caller], [nothing_runs_while_off, pending_while_off]))
    assert result.holds


def test_who_waits_goes_on_after_the_function_has_run():
    """With wait, the caller never comes past the call before the function has."""

    @always
    def counted_first(s):
        return not s.caller.at("answered") or s.ran == 1

    assert check(system(2, [deaf, caller], [counted_first])).holds


@process
def hasty_caller(m):
    yield from smp_call_function_single(m.cpu[1], m.cpu[0], counts(m), wait=False)
    with label("answered"):
        yield from smp_call_function_single(m.cpu[1], m.cpu[0], counts(m), wait=False)


def test_who_does_not_wait_may_be_ahead_of_the_function():
    """Without wait both orders exist, and a second call waits only for the csd; both still run."""

    @sometimes
    def ahead(s):
        return s.hasty_caller.done and s.ran == 0 and s.cpu[0].handlers != ()

    @sometimes
    def behind(s):
        return s.hasty_caller.at("answered") and s.ran == 1

    @at_end
    def both_ran(s):
        return s.ran == 2

    assert check(system(2, [deaf, hasty_caller], [ahead, behind, both_ran])).holds


@process
def polite(m, me):
    """Interrupt the other CPU with interrupts enabled."""
    yield from smp_call_function_many(m.cpu[me], m.cpu, do_nothing)


@process
def impolite(m, me):
    """Interrupt the other CPU with interrupts disabled, against the rule."""
    yield local_irq_disable(m.cpu[me])
    yield from smp_call_function_many(m.cpu[me], m.cpu, do_nothing)
    yield local_irq_enable(m.cpu[me])


def both(task):
    return system(2, [lambda m: task(m, 0), lambda m: task(m, 1)])


def test_two_cpus_that_interrupt_each_other_with_interrupts_off_deadlock():
    """Each waits for an answer that the other cannot give: nobody checks it, it emerges."""
    result = check(both(impolite))
    assert result.violation.property == "deadlock"
    labels = [step.label for step in result.trace.steps]
    assert labels.count("send_call_function_ipi(cpu[0], do_nothing)") == 1
    assert labels.count("send_call_function_ipi(cpu[1], do_nothing)") == 1
    assert check(both(polite)).holds


@process
def to_all(m):
    yield from smp_call_function_many(m.cpu[0], m.cpu, counts(m))
    assert (yield m.ran) == 2


@process
def to_each(m):
    yield from on_each_cpu(m.cpu[0], m.cpu, counts(m))
    assert (yield m.ran) == 3


@process
def to_itself(m):
    yield from smp_call_function_single(m.cpu[0], m.cpu[0], counts(m))
    assert (yield m.ran) == 1


def test_the_sender_is_left_out_or_runs_the_function_itself():
    """`smp_call_function_many` skips the sender, `on_each_cpu` and `..._single` run it in place."""
    for task in (to_all, to_each, to_itself):
        assert check(system(3, [task])).holds


def test_one_interrupt_answers_all_that_is_queued():
    """Two senders, one target: one interrupt or two, as it comes; each sender gets its answer."""

    @process
    def sender(m, me):
        yield from smp_call_function_single(m.cpu[me], m.cpu[0], counts(m))

    @sometimes
    def two_requests(s):
        return len(s.cpu[0].call_single_queue) == 2

    @at_end
    def both_answered(s):
        return s.ran == 2 and s.cpu[0].call_single_queue == ()

    @process
    def idle(m):
        yield label("idle")

    tasks = [idle, lambda m: sender(m, 1), lambda m: sender(m, 2)]
    assert check(system(3, tasks, [two_requests, both_answered])).holds
