"""Read-copy-update: readers, grace periods, and callbacks that come behind one.

Source: ``Documentation/RCU/whatisRCU.rst``, ``Documentation/RCU/Design/Requirements``
("Grace-Period Guarantee"). A grace period waits for the sections that were there when it began, not
for later ones, and is a full barrier on each CPU that it waited for. Two flavors:

* sched: a section is code that cannot be preempted (`preempt_disable`, interrupts or softirqs off,
  all that handlers and softirqs do). ``synchronize_sched`` and ``call_rcu_sched`` of Linux before
  4.20; since then every grace period waits for these, too. Waited for is a CPU.
* preemptible: ``rcu_read_lock`` counts in the task, which may be interrupted and preempted within.
  Waited for is a task.

Neighbours: `cpu`, `preempt`. Its assertions are part of a model: PYTEST_DONT_REWRITE keeps their
words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable
from typing import Any

from attrs import frozen

from modelcheck.kernel import readers
from modelcheck.kernel.atomics import location
from modelcheck.kernel.barriers import smp_mb
from modelcheck.kernel.cpu import Cpu, Where
from modelcheck.kernel.preempt import add, preempt_disable, preempt_enable
from modelcheck.language.process import process
from modelcheck.language.refs import Ref, model_error
from modelcheck.language.state import state
from modelcheck.language.steps import Step, Update
from modelcheck.language.turn import Turn

Steps = Generator[Any, Any, Any]


@state
class Task:
    """What preemptible RCU keeps in a task: how deep it is in read-side sections.

    Only the task itself changes it; grace periods look at it. No store buffer delays it: the
    barriers that the kernel needs for that are its own business.
    """

    rcu_read_lock_nesting: Any = 0


class _Nest(Step):
    """Enter or leave a section."""

    def __init__(self, depth: Ref, by: int, text: str):
        super().__init__(text)
        self.depth, self.by = depth, by

    def perform(self, turn: Turn) -> None:
        add(turn, self.depth, self.by, self.text)


def rcu_read_lock(task: Task | None = None) -> Step:
    """Return the step that enters a read-side section of preemptible RCU; sections nest.

    The explorer of states counts in the task how deep it is; axiomatic memory models need none.
    """
    if task is None:
        return readers.rcu_read_lock()
    return _Nest(task.rcu_read_lock_nesting, 1, "rcu_read_lock()")


def rcu_read_unlock(task: Task | None = None) -> Step:
    """Return the step that leaves one."""
    if task is None:
        return readers.rcu_read_unlock()
    return _Nest(task.rcu_read_lock_nesting, -1, "rcu_read_unlock()")


def rcu_read_lock_sched(where: Where) -> Step:
    """Return the step that enters a read-side section of the sched flavor."""
    return preempt_disable(where).named(f"rcu_read_lock_sched({where})")  # type: ignore[no-any-return] # named() returns the step itself


def rcu_read_unlock_sched(where: Where) -> Step:
    """Return the step that leaves one."""
    return preempt_enable(where).named(f"rcu_read_unlock_sched({where})")  # type: ignore[no-any-return] # named() returns the step itself


# Grace periods.


class _QuiescentState(Step):
    """Wait until a task runs that could be preempted: then no section from before is left."""

    def __init__(self, cpu: Cpu):
        super().__init__(f"quiescent state of {cpu}")
        self.cpu = cpu
        self.flag: Ref = cpu.irqs_enabled
        self.count: Ref = cpu.preempt_count
        self.handlers: Ref = cpu.handlers

    def perform(self, turn: Turn) -> None:
        if not turn.load(self.flag):
            turn.block()
        turn.passes(self.flag)
        if turn.load(self.count):
            turn.block()
        turn.passes(self.count)
        if turn.load(self.handlers) != ():
            turn.block()
        turn.passes(self.handlers)
        turn.barrier_on(self.cpu)


class _OutsideSections(Step):
    """Wait until a task is in no section: then none that was there before is left."""

    def __init__(self, task: Task, cpu: Cpu):
        super().__init__(f"{task} is in no section")
        self.depth: Ref = task.rcu_read_lock_nesting
        self.cpu = cpu

    def perform(self, turn: Turn) -> None:
        if turn.load(self.depth):
            turn.block()
        turn.passes(self.depth)
        turn.barrier_on(self.cpu)


#: The tasks that read, each with the CPU that it runs on.
Readers = Iterable[tuple[Task, Cpu]]


def _pairs(readers: Any, call: str) -> list[tuple[Task, Cpu]]:
    """Return the readers that a grace period waits for; raise `ModelError` for anything else."""
    pairs = list(readers) if isinstance(readers, Iterable) else [readers]
    for pair in pairs:
        match pair:
            case (Task(), Cpu()):
                continue
        raise model_error(
            f"{call}(...) was given {pair!r}, which is no pair of a Task and a Cpu",
            "Give each task that reads with the CPU that it runs on, `[(s.task, s.cpu)]`, and run "
            "it there: `reader(s).on(s.cpu)`.",
        )
    return pairs


def _cpus(cpus: Any, call: str) -> list[Cpu]:
    """Return the CPUs that a grace period waits for; raise `ModelError` for anything else."""
    if not isinstance(cpus, Iterable):
        raise model_error(
            f"{call}(...) was given {cpus!r}, which is no collection of CPUs",
            f"Give all that may be in a section: `{call}(s.cpu[0], s.cpu)` with `cpu = cpus(2)`.",
        )
    return list(cpus)


def synchronize_sched(cpu: Cpu, cpus: Iterable[Cpu]) -> Generator[Any, Any, None]:
    """Wait until each other CPU has been outside of its sections (``synchronize_sched``).

    What a ``call_rcu_sched`` callback does is done after this; to be called with interrupts on.
    """
    yield smp_mb().named("synchronize_sched: smp_mb()")
    for other in _cpus(cpus, "synchronize_sched"):
        if other is not cpu:
            yield _QuiescentState(other)


def synchronize_rcu(tasks: Readers | None = None) -> Any:
    """Wait until each task has been outside of its sections (``synchronize_rcu``, preemptible).

    A subroutine, for ``yield from``. Without tasks one step, for ``yield``, which axiomatic memory
    models know.

    Parameters
    ----------
    tasks : pairs of a `Task` and a `Cpu`, optional
        Who reads, and on which CPU: ``reader(s).on(s.cpu)``.

    Examples
    --------
    >>> from modelcheck import System, at_end, check, process, state
    >>> @state
    ... class Shared:
    ...     cpu: object = Cpu
    ...     task: object = Task
    ...     linked: bool = True
    ...     freed: bool = False
    >>> @process
    ... def reader(s):
    ...     yield rcu_read_lock(s.task)
    ...     if (yield s.linked):
    ...         assert not (yield s.freed), "used after it was freed"
    ...     yield rcu_read_unlock(s.task)
    >>> @process
    ... def remover(s, waits):
    ...     yield s.linked.set(False)
    ...     if waits:
    ...         yield from synchronize_rcu([(s.task, s.cpu)])
    ...     yield s.freed.set(True)
    >>> def removal(waits):
    ...     s = Shared()
    ...     return System(s, [reader(s).on(s.cpu), remover(s, waits)])
    >>> check(removal(waits=True)).verdict.value, check(removal(waits=False)).verdict.value
    ('holds', 'violated')
    """
    if tasks is None:
        return readers.synchronize_rcu()
    return _grace_period(_pairs(tasks, "synchronize_rcu"))


def _grace_period(tasks: Readers) -> Steps:
    yield smp_mb().named("synchronize_rcu: smp_mb()")
    for task, cpu in tasks:
        yield _OutsideSections(task, cpu)


# Callbacks.


@frozen(repr=False)
class Callback:
    """An ``rcu_head`` that waits: a generator function, and what it is called with."""

    function: Callable[..., Steps]
    arguments: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        given = ", ".join(str(a) for a in self.arguments)
        return f"{self.function.__name__}({given})"


@state
class Rcu:
    """The callbacks that wait for a grace period, oldest first."""

    callbacks: Any = ()


def _with(queue: tuple[Callback, ...], callback: Callback) -> tuple[Callback, ...]:
    return (*queue, callback)


def call_rcu(rcu: Rcu, function: Callable[..., Steps], *arguments: Any) -> Step:
    """Return the step that has a function called behind a grace period, by `rcu_callbacks`.

    What the caller stored before, the callback sees: a release.
    """
    if not inspect.isgeneratorfunction(function):
        raise model_error(
            f"call_rcu(...) was given {function!r}, which is no generator function",
            "Give it what is to be done later, and its arguments: `call_rcu(s.rcu, free, s.page)`, "
            "where `def free(page)` yields steps.",
        )
    callback = Callback(function, arguments)
    step = Update(rcu.callbacks, _with, (callback,), f"call_rcu({callback})")
    return step.results_in("none").ordered("release")


class _TakeCallbacks(Step):
    """Wait until callbacks are there, and take them all: an acquire."""

    end = True  # nobody need call; a grace period that began has to come to its end

    def __init__(self, queue: Ref):
        super().__init__("a grace period begins")
        self.queue = queue

    def perform(self, turn: Turn) -> Any:
        return turn.memory.modify_when(turn, self.queue, bool, lambda old: (), "acquire")


@process
def rcu_callbacks(rcu: Rcu, cpus: Iterable[Cpu] = (), readers: Readers = ()) -> Any:
    """Wait for a grace period and call what was queued before it began, again and again.

    Waited for are the `cpus` (sched flavor) and the tasks among `readers` (preemptible).
    """
    while True:
        waiting = yield _TakeCallbacks(location(rcu.callbacks, "rcu_callbacks"))
        yield smp_mb().named("grace period: smp_mb()")
        for cpu in _cpus(cpus, "rcu_callbacks"):
            yield _QuiescentState(cpu)
        for task, cpu in _pairs(readers, "rcu_callbacks"):
            yield _OutsideSections(task, cpu)
        for callback in waiting:
            yield from callback.function(*callback.arguments)
        del waiting
