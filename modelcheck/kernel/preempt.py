"""Preemption and migration: sections that a task is not moved out of, and tasks that move.

Sources: ``include/linux/preempt.h``, ``Documentation/locking/preempt-locking.rst`` and
``locktypes.rst``. A step that disables something is told where: a `Cpu`, for a task that stays
there (``task(...).on(cpu)``), or a `Current`, for one that is scheduled and may be moved. The
scheduler is no process of its own: where a task runs that nothing holds is decided when it first
asks or disables something, so each such step chooses among the CPUs that could run it then.
Neighbours: `cpu`, `softirqs`, `rcu`. Its assertions are part of a model: PYTEST_DONT_REWRITE keeps
their words.
"""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import frozen

from modelcheck.kernel.cpu import Cpu, Where
from modelcheck.language.refs import Ref, model_error
from modelcheck.language.state import state
from modelcheck.language.steps import Step
from modelcheck.language.turn import Turn


@state
class ThreadInfo:
    """What a task that may be moved between CPUs keeps: which one it cannot leave, and why."""

    cpu: Any = None  # the number of that CPU; None where it runs on any
    preempt_count: Any = 0
    irqs_disabled: Any = False
    migration_disabled: Any = 0


@frozen(repr=False)
class Current:
    """A task that runs on any of some CPUs: ``task(s, me).on(me)`` with ``me = Current(...)``.

    Of the tasks on one CPU only that runs which has disabled preemption or interrupts there; where
    none has, they interleave at every step, and each may go on on another CPU. For `sc` alone:
    under memory models with store buffers, which belong to CPUs, such a task is refused.

    Examples
    --------
    >>> from modelcheck import System, at_end, cells, check, process, state
    >>> from modelcheck.kernel import READ_ONCE, WRITE_ONCE, cpus
    >>> @state
    ... class Shared:
    ...     cpu: object
    ...     task: object = cells(2, ThreadInfo)
    ...     count: object = cells(2, 0)
    >>> @process
    ... def counts(s, me, stays):
    ...     if stays:
    ...         yield preempt_disable(me)
    ...     here = yield smp_processor_id(me)
    ...     old = yield READ_ONCE(s.count[here])
    ...     yield WRITE_ONCE(s.count[here], old + 1)
    ...     if stays:
    ...         yield preempt_enable(me)
    >>> @at_end
    ... def none_is_lost(s):
    ...     return sum(s.count) == 2
    >>> def counters(stays):
    ...     s = Shared(cpus(2))
    ...     tasks = [Current(task, s.cpu) for task in s.task.values()]
    ...     return System(s, [counts(s, me, stays).on(me) for me in tasks], [none_is_lost])
    >>> check(counters(stays=True)).verdict.value, check(counters(stays=False)).verdict.value
    ('holds', 'violated')
    """

    info: ThreadInfo
    cpus: Any

    #: What memory models look at: it is bound to no one CPU.
    migrates: ClassVar[bool] = True

    def __repr__(self) -> str:
        return str(self.info.__dict__["_name"])

    def task_may_run(self) -> bool:
        """Tell whether a CPU could run it now: the one that it cannot leave, or any."""
        number, info = self.info.cpu, self.info
        if number is None:
            return any(cpu.is_preemptible() for cpu in self.cpus.values())
        cpu = self.cpus[number]
        if info.preempt_count or info.irqs_disabled:
            return bool(cpu.task_may_run())
        return bool(cpu.is_preemptible())

    def _choices(self) -> tuple[int, ...]:
        return tuple(n for n, cpu in enumerate(self.cpus.values()) if cpu.is_preemptible())

    def here(self, turn: Turn) -> Cpu:
        """Return the CPU that it cannot leave, or one that could run it."""
        number = turn.load(_ref(self.info.cpu))
        if number is None:
            choices = turn.evaluate(self._choices)
            if not choices:
                turn.block()
            number = turn.choose(choices)
            turn.store(_ref(self.info.cpu), number)
        cpu: Cpu = self.cpus[number]
        return cpu

    def count(self, turn: Turn, by: int, text: str) -> None:
        """Note a change of the CPU's `preempt_count` by this task."""
        add(turn, _ref(self.info.preempt_count), by, text)
        self.leave(turn)

    def disable(self, turn: Turn, disabled: bool) -> None:
        """Note a change of the CPU's interrupt flag by this task."""
        turn.store(_ref(self.info.irqs_disabled), disabled)
        self.leave(turn)

    def leave(self, turn: Turn) -> None:
        """Let it be moved again, where nothing holds it."""
        info = self.info
        depths = turn.load(_ref(info.preempt_count)), turn.load(_ref(info.migration_disabled))
        if depths == (0, 0) and not turn.load(_ref(info.irqs_disabled)):
            turn.store(_ref(info.cpu), None)


def _ref(field: Any) -> Ref:
    """Return a field as the reference that it is in a step."""
    ref: Ref = field
    return ref


def add(turn: Turn, depth: Ref, by: int, text: str) -> int:
    """Change how deep sections are nested; return how deep they are then. Not below zero."""
    left: int = turn.load(depth) + by
    assert left >= 0, f"{text}: there is no section to leave"
    turn.store(depth, left)
    return left


class _Preemption(Step):
    """Enter or leave a section without preemption; results in the CPU's number where `tells`."""

    def __init__(self, where: Where, by: int, name: str, *, tells: bool = False):
        super().__init__(f"{name}({where})")
        self.where, self.by, self.tells = where, by, tells

    def perform(self, turn: Turn) -> Any:
        cpu = self.where.here(turn)
        add(turn, _ref(cpu.preempt_count), self.by, self.text)
        self.where.count(turn, self.by, self.text)
        if self.tells and isinstance(self.where, Current):
            return turn.load(_ref(self.where.info.cpu))
        return None


def preempt_disable(where: Where) -> Step:
    """Return the step that disables preemption, nested: a section of RCU's sched flavor.

    A `Current` stays where it is, and no other `Current` runs there. To a task bound to a `Cpu`,
    which runs beside no other of its own, it is that section of RCU and no more.
    """
    return _Preemption(where, 1, "preempt_disable")


def preempt_enable(where: Where) -> Step:
    """Return the step that takes one `preempt_disable` back."""
    return _Preemption(where, -1, "preempt_enable")


def get_cpu(me: Current) -> Step:
    """Return the step that disables preemption; it results in the number of the CPU."""
    return _Preemption(_current(me, "get_cpu"), 1, "get_cpu", tells=True)


def put_cpu(me: Current) -> Step:
    """Return the step that takes one `get_cpu` back."""
    return _Preemption(_current(me, "put_cpu"), -1, "put_cpu")


class _Migration(Step):
    """Enter or leave a section within which a task is not moved, but preempted."""

    def __init__(self, me: Current, by: int, name: str):
        super().__init__(f"{name}({me})")
        self.me, self.by = me, by

    def perform(self, turn: Turn) -> None:
        self.me.here(turn)
        add(turn, _ref(self.me.info.migration_disabled), self.by, self.text)
        self.me.leave(turn)


def migrate_disable(me: Current) -> Step:
    """Return the step after which a task stays on its CPU, nested; others may preempt it there."""
    return _Migration(_current(me, "migrate_disable"), 1, "migrate_disable")


def migrate_enable(me: Current) -> Step:
    """Return the step that takes one `migrate_disable` back."""
    return _Migration(_current(me, "migrate_enable"), -1, "migrate_enable")


class _ProcessorId(Step):
    """Tell the number of the CPU."""

    def __init__(self, me: Current):
        super().__init__(f"smp_processor_id({me})")
        self.me = me

    def perform(self, turn: Turn) -> Any:
        self.me.here(turn)
        number = turn.load(_ref(self.me.info.cpu))
        self.me.leave(turn)
        return number


def smp_processor_id(me: Current) -> Step:
    """Return the step that tells on which CPU a task runs: out of date at once, if it may move.

    The kernel warns of that with ``CONFIG_DEBUG_PREEMPT``; here it is no mistake of its own.
    """
    return _ProcessorId(_current(me, "smp_processor_id"))


def _current(me: Any, call: str) -> Current:
    """Return `me`; raise `ModelError` where it is no task that may be moved."""
    if isinstance(me, Current):
        return me
    raise model_error(
        f"{call}(...) was given {me!r}, which is no Current",
        "Make `me = Current(s.task, s.cpu)` of a ThreadInfo and an array of CPUs, and bind the "
        "task to it: `worker(s, me).on(me)`.",
    )
