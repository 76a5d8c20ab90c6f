"""Tasks that may be moved between CPUs, and what keeps them where they are."""

from __future__ import annotations

from random import Random

import pytest
from oracle.scheduler import random_programs, results

from modelcheck import ModelError, System, at_end, cells, check, label, process, sometimes, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    Current,
    ThreadInfo,
    cpus,
    get_cpu,
    interrupt,
    local_bh_disable,
    local_bh_enable,
    local_irq_disable,
    local_irq_enable,
    local_irq_restore,
    local_irq_save,
    migrate_disable,
    migrate_enable,
    preempt_disable,
    preempt_enable,
    put_cpu,
    raise_softirq,
    smp_processor_id,
    softirq,
    spin_lock,
    spin_unlock,
    synchronize_sched,
)


@state
class Machine:
    cpu: object
    task: object
    count: object
    came: bool = False
    linked: bool = True
    freed: bool = False
    locks: object = cells(2, False)


def machine(tasks=2, n=2):
    m = Machine(cpus(n), cells(tasks, ThreadInfo), cells(n, 0))
    return m, [Current(task, m.cpu) for task in m.task.values()]


@at_end
def none_is_lost(s):
    return sum(s.count) == 2


@at_end
def everything_was_given_back(s):
    infos = {(t.cpu, t.preempt_count, t.irqs_disabled, t.migration_disabled) for t in s.task}
    return infos == {(None, 0, False, 0)} and all(c.is_preemptible() for c in s.cpu)


def increments(s, here):
    old = yield READ_ONCE(s.count[here])
    yield WRITE_ONCE(s.count[here], old + 1)


@process
def unprotected(s, me):
    here = yield smp_processor_id(me)
    yield from increments(s, here)


@process
def unpreempted(s, me):
    yield preempt_disable(me)
    here = yield smp_processor_id(me)
    yield from increments(s, here)
    yield preempt_enable(me)


@process
def gets_a_cpu(s, me):
    here = yield get_cpu(me)
    yield from increments(s, here)
    yield put_cpu(me)


@process
def with_interrupts_off(s, me):
    flags = yield local_irq_save(me)
    here = yield smp_processor_id(me)
    yield from increments(s, here)
    yield local_irq_restore(me, flags)


@process
def with_softirqs_off(s, me):
    yield local_bh_disable(me)
    here = yield smp_processor_id(me)
    yield from increments(s, here)
    yield local_bh_enable(me)


@process
def unmoved(s, me):
    yield migrate_disable(me)
    here = yield smp_processor_id(me)
    yield from increments(s, here)
    assert (yield smp_processor_id(me)) == here
    yield migrate_enable(me)


@process
def too_late(s, me):
    here = yield smp_processor_id(me)
    yield preempt_disable(me)
    yield from increments(s, here)
    yield preempt_enable(me)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize(
    ("counts", "safe"),
    [
        (unprotected, False),
        (unpreempted, True),
        (gets_a_cpu, True),
        (with_interrupts_off, True),
        (with_softirqs_off, True),
        (unmoved, False),
        (too_late, False),
    ],
)
def test_data_of_a_cpu_is_touched_by_one_task_at_a_time_without_preemption(counts, safe, engine):
    """To stay on one CPU is not enough, and to ask too early which one is of no use."""
    s, tasks = machine()
    system = System(
        s, [counts(s, me).on(me) for me in tasks], [everything_was_given_back, none_is_lost]
    )
    result = check(system, engine=engine)
    assert result.verdict == ("holds" if safe else "violated")
    assert safe or result.violation.property == "none_is_lost"


def test_a_task_that_may_be_moved_is_moved():
    """It asks twice: all four pairs of answers; between `migrate_disable` and enable, two."""
    found = {}

    def noting(seen):
        @at_end
        def told(s):
            seen.add(s.count[0])
            return True

        return told

    @process
    def asks(s, me, stays):
        if stays:
            yield migrate_disable(me)
        first = yield smp_processor_id(me)
        second = yield smp_processor_id(me)
        if stays:
            yield migrate_enable(me)
        yield s.count[0].set((first, second))

    for stays in (False, True):
        s, (me,) = machine(1)
        seen = found[stays] = set()
        assert check(System(s, [asks(s, me, stays).on(me)], [noting(seen)])).holds
    assert found == {False: {(0, 0), (0, 1), (1, 0), (1, 1)}, True: {(0, 0), (1, 1)}}


def test_a_task_that_has_disabled_preemption_leaves_no_cpu_to_another():
    """One CPU: whoever waits there for a lock of a task that is preempted waits for ever."""

    @process
    def holds(s, me):
        yield spin_lock(s.locks[0])
        yield spin_unlock(s.locks[0])

    @process
    def spins(s, me):
        yield preempt_disable(me)
        yield spin_lock(s.locks[0])
        yield spin_unlock(s.locks[0])
        yield preempt_enable(me)

    for n in (1, 2):
        s, (first, second) = machine(2, n)
        result = check(System(s, [holds(s, first).on(first), spins(s, second).on(second)]))
        assert result.verdict == ("violated" if n == 1 else "holds")
        assert n == 2 or result.violation.kind == "deadlock"


def test_a_deadlock_of_tasks_that_may_be_moved_is_found():
    """To be moved is no step of its own, which there would always be."""

    @process
    def takes_both(s, me, first):
        yield spin_lock(s.locks[first])
        yield spin_lock(s.locks[1 - first])
        yield spin_unlock(s.locks[1 - first])
        yield spin_unlock(s.locks[first])

    s, tasks = machine()
    system = System(s, [takes_both(s, me, n).on(me) for n, me in enumerate(tasks)])
    assert check(system).violation.kind == "deadlock"


def test_an_interrupt_and_a_softirq_come_to_whoever_runs_there():
    """With preemption disabled the count is torn; with interrupts disabled nothing comes within."""

    def handler(s):
        def handle(cpu, found):
            yield s.came.set(True)
            yield raise_softirq(cpu, "work")

        return handle

    def work(s):
        def handle(cpu, name):
            yield from increments(s, 0)

        return handle

    @at_end
    def both(s):
        return sum(s.count) == 1 + s.came

    @sometimes
    def softirqs_came(s):
        return s.cpu[0].handlers == ("work",)

    for counts, safe in ((gets_a_cpu, False), (with_interrupts_off, True)):
        s, (me,) = machine(1)
        processes = [
            counts(s, me).on(me),
            interrupt(s.cpu[0], "device", handler(s), lambda s=s: not s.came),
            softirq(s.cpu[0], "work", work(s)),
        ]

        assert check(System(s, processes, [both, softirqs_came])).holds is safe


def test_a_grace_period_of_the_sched_flavor_waits_for_a_task_that_may_be_moved():
    """Whichever CPU it has disabled preemption on."""

    @process
    def reads(s, me, stays):
        if stays:
            yield preempt_disable(me)
        if (yield READ_ONCE(s.linked)):
            assert not (yield READ_ONCE(s.freed)), "used after it was freed"
        if stays:
            yield preempt_enable(me)

    @process
    def frees(s):
        yield WRITE_ONCE(s.linked, False)
        yield from synchronize_sched(None, s.cpu.values())
        yield WRITE_ONCE(s.freed, True)

    for stays in (True, False):
        s, (me,) = machine(1)
        assert check(System(s, [reads(s, me, stays).on(me), frees(s)])).holds is stays


@pytest.mark.parametrize("memory", ["tso", "pso", "wmm", "lkmm"])
def test_under_weak_memory_it_is_refused(memory):
    """Store buffers belong to CPUs: it would take its own along, or leave it to the handlers."""
    s, (me,) = machine(1)
    with pytest.raises(ModelError, match="runs on a") as caught:
        check(System(s, [unpreempted(s, me).on(me)]), memory=memory)
    assert caught.value.file == __file__
    assert caught.value.remedy


def test_only_a_task_that_may_be_moved_asks_where_it_is():
    """A `Cpu` does not know its number, and nothing moves what is bound to one."""

    @process
    def asks(s):
        with label("asks"):
            yield smp_processor_id(s.cpu[0])

    s, _ = machine()
    with pytest.raises(ModelError, match=r"smp_processor_id\(...\) was given cpu\[0\]"):
        check(System(s, [asks(s).on(s.cpu[0])]))


# Against a scheduler written out.

WORDS = {
    "id": smp_processor_id,
    "preempt off": preempt_disable,
    "preempt on": preempt_enable,
    "move off": migrate_disable,
    "move on": migrate_enable,
    "irqs off": local_irq_disable,
    "irqs on": local_irq_enable,
}


@process
def follows(s, me, ops, log):
    here = value = 0
    for op in ops:
        if op == "id":
            here = yield smp_processor_id(me)
            yield log.update(lambda old, here=here: (*old, here))
        elif op == "load":
            value = yield READ_ONCE(s.count[here])
        elif op == "store":
            yield WRITE_ONCE(s.count[here], 2 * value + 1)
        else:
            yield WORDS[op](me)


def found_by_steps(programs):
    """What the counters and answers may be at the end, with an interrupt on CPU 0."""

    @state
    class Logged:
        cpu: object
        task: object
        count: object
        log: object
        came: bool = False

    n = len(programs)
    s = Logged(cpus(2), cells(n, ThreadInfo), cells(2, 0), cells([()] * n))
    found = set()

    def handler(cpu, _):
        yield s.came.set(True)
        old = yield READ_ONCE(s.count[0])
        yield WRITE_ONCE(s.count[0], old + 100)

    @at_end
    def told(s):
        found.add((*s.count, *s.log))
        return True

    tasks = [Current(task, s.cpu) for task in s.task.values()]
    runs = [
        follows(s, me, tuple(ops), s.log[i]).on(me)
        for i, (me, ops) in enumerate(zip(tasks, programs, strict=True))
    ]
    device = interrupt(s.cpu[0], "device", handler, lambda: not s.came)
    assert check(System(s, [*runs, device], [told]), reduction=False).holds
    return found


@pytest.mark.parametrize("seed", range(25))
def test_it_is_what_a_scheduler_does(seed):
    """Random programs: the same results as with context switches and moves as steps."""
    programs = random_programs(Random(seed))
    assert found_by_steps(programs) == results(programs)
