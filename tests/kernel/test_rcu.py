"""Grace periods wait for the sections that were there, callbacks for grace periods."""

from __future__ import annotations

import pytest

from modelcheck import ModelError, System, check, label, process, sometimes, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    Rcu,
    Task,
    call_rcu,
    cpus,
    local_irq_disable,
    local_irq_enable,
    preempt_disable,
    preempt_enable,
    rcu_assign_pointer,
    rcu_callbacks,
    rcu_dereference,
    rcu_read_lock,
    rcu_read_lock_sched,
    rcu_read_unlock,
    rcu_read_unlock_sched,
    synchronize_rcu,
    synchronize_sched,
)
from modelcheck.memory import MODELS

WEAK = pytest.mark.parametrize("memory", list(MODELS))


@state
class Shared:
    cpu: object
    task: object = Task
    rcu: object = Rcu
    pointer: object = "old"
    freed: object = False


def uses(s):
    """Follow the pointer; the old object must not be freed while somebody may use it."""
    found = yield rcu_dereference(s.pointer)
    if found == "old":
        freed = yield READ_ONCE(s.freed)
        assert not freed, "the object is used after it was freed"


@process
def reads_preemptibly(s, depth):
    for _ in range(depth):
        yield rcu_read_lock(s.task)
    yield from uses(s)
    for _ in range(depth):
        yield rcu_read_unlock(s.task)


@process
def leaves_too_early(s):
    yield rcu_read_lock(s.task)
    yield rcu_read_lock(s.task)
    yield rcu_read_unlock(s.task)
    yield rcu_read_unlock(s.task)
    yield from uses(s)


@process
def reads_unpreempted(s):
    yield rcu_read_lock_sched(s.cpu[0])
    yield from uses(s)
    yield rcu_read_unlock_sched(s.cpu[0])


@process
def reads_with_interrupts_off(s):
    yield local_irq_disable(s.cpu[0])
    yield from uses(s)
    yield local_irq_enable(s.cpu[0])


def free(s):
    yield WRITE_ONCE(s.freed, True)


@process
def frees(s, wait):
    yield rcu_assign_pointer(s.pointer, "new")
    yield from wait(s)
    yield from free(s)


@process
def defers(s):
    yield rcu_assign_pointer(s.pointer, "new")
    yield call_rcu(s.rcu, free, s)
    with label("went on"):
        yield READ_ONCE(s.freed)


def preemptible(s):
    yield from synchronize_rcu([(s.task, s.cpu[0])])


def sched(s):
    yield from synchronize_sched(s.cpu[1], s.cpu.values())


READERS = {
    "preemptible": lambda s: reads_preemptibly(s, 1),
    "nested": lambda s: reads_preemptibly(s, 2),
    "too early": leaves_too_early,
    "unpreempted": reads_unpreempted,
    "interrupts off": reads_with_interrupts_off,
}


@pytest.mark.parametrize(
    ("reader", "wait", "safe"),
    [
        ("preemptible", preemptible, True),
        ("nested", preemptible, True),
        ("too early", preemptible, False),
        ("unpreempted", sched, True),
        ("interrupts off", sched, True),
        ("preemptible", sched, False),
        ("unpreempted", preemptible, False),
        ("nested", lambda s: iter(()), False),
    ],
)
@WEAK
def test_a_grace_period_waits_for_sections_of_its_flavor(memory, reader, wait, safe):
    """Nothing is freed under a reader, unless it left early or the flavor is the other one."""
    s = Shared(cpus(2))
    system = System(s, [READERS[reader](s).on(s.cpu[0]), frees(s, wait).on(s.cpu[1])], [])
    assert check(system, memory=memory).holds is safe


@pytest.mark.parametrize(
    ("reader", "sched_flavor", "safe"),
    [("nested", False, True), ("unpreempted", True, True), ("nested", True, False)],
)
@WEAK
def test_callbacks_come_behind_a_grace_period(memory, reader, sched_flavor, safe):
    """What call_rcu() defers is done when the readers are gone that were there; nobody waits."""
    s = Shared(cpus(2))

    @sometimes
    def the_caller_went_on_before(s):
        return s.defers.done and not s.freed

    @sometimes
    def it_is_freed(s):
        return s.freed

    flavor = {"cpus": s.cpu.values()} if sched_flavor else {"readers": [(s.task, s.cpu[0])]}
    processes = [
        READERS[reader](s).on(s.cpu[0]),
        defers(s).on(s.cpu[1]),
        rcu_callbacks(s.rcu, **flavor),
    ]
    result = check(System(s, processes, [the_caller_went_on_before, it_is_freed]), memory=memory)
    assert result.holds is safe


def test_leaving_a_section_that_was_not_entered_is_a_violation():
    """The count does not go below zero."""

    @process
    def leaves(s):
        yield preempt_disable(s.cpu[0])
        yield preempt_enable(s.cpu[0])
        yield rcu_read_unlock(s.task)

    s = Shared(cpus(1))
    result = check(System(s, [leaves(s)], []))
    assert "there is no section to leave" in result.violation.message


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda s: synchronize_rcu(s.task), "task, which is no pair of a Task and a Cpu"),
        (lambda s: synchronize_rcu([s.task]), "task, which is no pair of a Task and a Cpu"),
        (lambda s: synchronize_rcu([(s.task, None)]), "which is no pair of a Task and a Cpu"),
        (lambda s: synchronize_sched(s.cpu[0], s.cpu[1]), "which is no collection of CPUs"),
        (lambda s: call_rcu(s.rcu, s.task), "task, which is no generator function"),
    ],
)
def test_a_grace_period_says_what_it_wants(made, words):
    """Not an exception of its own code, and never a verdict."""

    @process
    def waits(s):
        yield from made(s)

    s = Shared(cpu=cpus(2))
    with pytest.raises(ModelError, match=words) as caught:
        check(System(s, [waits(s)]))
    assert caught.value.file == __file__
    assert caught.value.remedy


def test_callbacks_say_what_they_want():
    """Tasks without their CPUs."""

    @process
    def defers(s):
        yield call_rcu(s.rcu, free, s)

    s = Shared(cpu=cpus(2))
    with pytest.raises(ModelError, match="which is no pair of a Task and a Cpu"):
        check(System(s, [defers(s), rcu_callbacks(s.rcu, readers=(s.task,))]))


def test_what_axiomatic_models_know_by_itself_is_told_how_to_write():
    """Without a task the explorer of states does not know who reads."""

    @process
    def reads(s):
        yield rcu_read_lock()

    s = Shared(cpu=cpus(2))
    with pytest.raises(ModelError, match="has no meaning under the memory model sc") as caught:
        check(System(s, [reads(s)]))
    assert "`yield rcu_read_lock(s.task)`" in caught.value.remedy


@pytest.mark.parametrize("leaves", [True, False])
def test_a_grace_period_that_never_ends_is_a_deadlock(leaves):
    """A reader that has finished within its section stalls it."""

    @process
    def reads_and_defers(s):
        yield rcu_read_lock(s.task)
        yield call_rcu(s.rcu, free, s)
        if leaves:
            yield rcu_read_unlock(s.task)

    s = Shared(cpu=cpus(2))
    waits = rcu_callbacks(s.rcu, readers=[(s.task, s.cpu[0])])
    result = check(System(s, [reads_and_defers(s).on(s.cpu[0]), waits]))
    assert result.verdict == ("holds" if leaves else "violated")
    assert leaves or result.violation.kind == "deadlock"
