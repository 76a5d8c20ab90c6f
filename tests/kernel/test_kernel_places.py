"""The kernel's vocabulary in traces: on lines of the user's model, blocked for what is false."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelcheck import System, always, check, model, process, sometimes, state, until
from modelcheck.kernel import (
    Rcu,
    call_rcu,
    cpus,
    do_nothing,
    interrupt,
    interrupts,
    preempt_disable,
    rcu_callbacks,
    smp_call_function_many,
    synchronize_sched,
)

HERE = Path(__file__)


def line_of(text):
    """Return the number of the one line of this file that begins with a text."""
    lines = HERE.read_text(encoding="utf-8").splitlines()
    [found] = [n for n, line in enumerate(lines, 1) if line.strip().startswith(text)]
    return found


@state
class Machine:
    cpu: object = cpus(2)
    rcu: object = Rcu
    raised: bool = True
    freed: bool = False


def handler(cpu, found):
    """Do nothing at all: every step of the interrupt is modelcheck's own."""
    yield from ()


def free(s):
    yield s.freed.set(True)


@process
def caller(s):
    yield from smp_call_function_many(s.cpu[0], s.cpu, do_nothing)
    yield call_rcu(s.rcu, free, s)


@always
def never_freed(s):
    return not s.freed


@sometimes
def interrupted(s):
    return not s.raised and s.cpu[0].handlers == ()


@model(expect="violated")
def machine():
    """An interrupt, an IPI and a callback behind a grace period."""
    s = Machine()
    device = interrupt(s.cpu[0], "device", handler, lambda: s.raised, clears=s.raised)
    answering = interrupts(s.cpu)
    behind = rcu_callbacks(s.rcu, s.cpu)
    return System(
        s, [caller(s).on(s.cpu[0]), device, *answering, behind], [never_freed, interrupted]
    )


@pytest.fixture(scope="module")
def result():
    return check(machine)


def test_every_step_is_on_a_line_of_the_model(result):
    """What a subroutine does, on the line that calls it; what a handler does, where it is made."""
    traces = [result.trace, result.witnesses["interrupted"]]
    steps = [step for trace in traces for step in trace.steps]
    ends = [status for status in result.trace.final if status.file]
    assert {Path(s.file) for s in (*steps, *ends)} == {HERE}
    placed = {(s.process, s.label.partition("(")[0].partition(" on ")[0]): s.line for s in steps}
    assert placed == {
        ("caller", "send_call_function_ipi"): line_of("yield from smp_call_function_many"),
        ("caller", "csd_lock_wait"): line_of("yield from smp_call_function_many"),
        ("caller", "call_rcu"): line_of("yield call_rcu"),
        ("device", "interrupt device"): line_of("device = interrupt"),
        ("device", "iret"): line_of("device = interrupt"),
        ("call_function_interrupt[1]", "interrupt call_function_interrupt"): line_of("answering ="),
        ("call_function_interrupt[1]", "csd_unlock"): line_of("answering ="),
        ("call_function_interrupt[1]", "iret"): line_of("answering ="),
        ("rcu_callbacks", "a grace period begins"): line_of("behind = "),
        ("rcu_callbacks", "grace period: smp_mb"): line_of("behind = "),
        ("rcu_callbacks", "quiescent state of cpu[0]"): line_of("behind = "),
        ("rcu_callbacks", "quiescent state of cpu[1]"): line_of("behind = "),
        ("rcu_callbacks", "freed := True"): line_of("def free(s)") + 1,
    }


def test_no_rendering_names_a_file_or_function_of_ours(result):
    """Text, JSON and pictures tell the same places."""
    witness = result.witnesses["interrupted"]
    taken = line_of("device = interrupt")
    mermaid = witness.to_mermaid().replace("#58;", ":")
    for told in (witness.to_text(), witness.to_table(), mermaid, witness.to_svg()):
        assert f"{HERE.stem}.py:{taken}" in told
        assert not re.search(r"\b(cpu|ipi|rcu)\.py", told)
    [step, *_] = witness.to_list()
    assert (Path(step["file"]), step["line"], step["function"]) == (HERE, taken, "device")


def test_what_was_taken_is_counted_for_each_handler():
    """Two interrupts of one file have steps of their own in the coverage."""
    s = Machine()
    one = interrupt(s.cpu[0], "one", handler)
    other = interrupt(s.cpu[1], "other", handler)
    rows = [c for c in check(System(s, [one, other])).coverage if Path(c.file) == HERE]
    assert [(c.line, c.label.partition(" on ")[0]) for c in rows if c.taken] == [
        (line_of("one = "), "interrupt one"),
        (line_of("one = "), "iret"),
        (line_of("other = "), "interrupt other"),
        (line_of("other = "), "iret"),
    ]


# What a process is blocked by.


@process
def locker(s):
    yield s.freed.set(True)
    yield until(lambda: not s.freed)


def locking(s):
    """Return a handler that waits for what the task below it holds."""

    def handler(cpu, found):
        yield until(lambda: not s.freed)

    return handler


def reasons(result):
    """Return what each process is blocked by, in the order of the processes."""
    return {one.process: [read.name for read in one.reads] for one in result.trace.final}


def test_a_preempted_task_waits_for_the_handler_and_the_handler_for_what_it_asks():
    """The CPU's stack of handlers is a reason for the one that may not run, and for nobody else."""
    s = Machine()
    taken = interrupt(s.cpu[0], "device", locking(s), lambda: s.freed and s.raised)
    result = check(System(s, [locker(s).on(s.cpu[0]), taken]))
    assert result.violation.property == "deadlock"
    assert reasons(result) == {"locker": ["cpu[0].handlers"], "device": ["freed"]}


def test_an_interrupt_that_is_not_due_waits_for_that_alone():
    """That interrupts are enabled is no reason."""
    s = Machine()

    @process
    def task(s):
        yield until(lambda: s.freed)

    line = interrupt(s.cpu[0], "line", handler, lambda: s.raised, clears=s.raised)

    @sometimes
    def came(s):
        return not s.raised and s.cpu[0].handlers == ()

    [witness] = check(System(s, [task(s).on(s.cpu[0]), line], [came])).witnesses.values()
    told = {one.process: [read.name for read in one.reads] for one in witness.final}
    assert told["line"] == ["raised"]


def test_a_grace_period_waits_for_one_register_of_a_cpu():
    """A CPU in a section with interrupts on is told by its count alone."""
    s = Machine()

    @process
    def reader(s):
        yield preempt_disable(s.cpu[1])
        yield until(lambda: s.freed)

    @process
    def updater(s):
        yield until(lambda: s.cpu[1].preempt_count == 1)
        yield from synchronize_sched(s.cpu[0], s.cpu)
        yield s.freed.set(True)

    result = check(System(s, [reader(s).on(s.cpu[1]), updater(s).on(s.cpu[0])]))
    assert reasons(result) == {"reader": ["freed"], "updater": ["cpu[1].preempt_count"]}
