"""A scheduler of two CPUs written out: context switches and moves between CPUs are steps.

What `modelcheck.kernel.preempt` decides late, this decides at once; nothing is shared with it. A
task is (CPU, next operation, answer, value, how deep in each kind of section, all answers). CPU 0
has an interrupt that comes once and adds 100 to the first counter.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

#: How each kind of section is entered and left.
PAIRS = {"preempt off": "preempt on", "move off": "move on", "irqs off": "irqs on"}
PREEMPT, MOVE, IRQS = range(3)
KINDS = ["preempt", "move", "irqs"]

#: Where the interrupt is.
NOT_YET, ENTERED, TOLD, LOADED, OVER = range(5)

Task = tuple[int, int, int, int, tuple[int, ...], tuple[int, ...]]
#: Who runs on each CPU, the interrupt and what it loaded, the tasks, the counters.
State = tuple[tuple[Any, ...], tuple[int, int], tuple[Task, ...], tuple[int, ...]]


def random_programs(random: Random) -> list[list[str]]:
    """Return what two tasks do, or three that do less."""
    n = random.choice([2] * 9 + [3])
    return [random_ops(random, random.choice([2, 3, 4] if n == 2 else [1, 2])) for _ in range(n)]


def random_ops(random: Random, most: int) -> list[str]:
    """Return what a task does: ask where it is, load and store there, in and out of sections."""
    ops, sections = ["id"], list[str]()
    for _ in range(most):
        kind = random.choice(["id", "load", "store", "load", "store", "open", "open", "close"])
        if kind == "close" and sections:
            ops.append(PAIRS[sections.pop()])
        elif kind == "open" and "irqs off" not in sections:
            sections.append(random.choice([*PAIRS]))
            ops.append(sections[-1])
        elif kind in ("id", "load", "store"):
            ops.append(kind)
    return [*ops, *(PAIRS[word] for word in reversed(sections))]


def results(programs: list[list[str]]) -> set[tuple[Any, ...]]:
    """Return all that can come out once the interrupt came: the counters, and the answers."""
    found = set()
    for places in range(2 ** len(programs)):
        tasks = tuple((places >> t & 1, 0, 0, 0, (0, 0, 0), ()) for t in range(len(programs)))
        initial: State = (None, None), (NOT_YET, 0), tasks, (0, 0)
        seen, waiting = {initial}, [initial]
        while waiting:
            state = waiting.pop()
            _, (stage, _), tasks, counts = state
            ended = all(task[1] == len(ops) for task, ops in zip(tasks, programs, strict=True))
            if ended and stage == OVER:
                found.add((*counts, *(task[5] for task in tasks)))
            new = {*moves(programs, state)} - seen
            seen |= new
            waiting += new
    return found


def moves(programs: list[list[str]], state: State) -> Iterator[State]:
    """Go over the states that follow."""
    current, (stage, loaded), tasks, counts = state
    if stage == ENTERED:
        yield current, (TOLD, 0), tasks, counts
    elif stage == TOLD:
        yield current, (LOADED, counts[0]), tasks, counts
    elif stage == LOADED:
        yield current, (OVER, 0), tasks, put(counts, 0, loaded + 100)
    for cpu in (0, 1):
        if cpu == 1 or stage in (NOT_YET, OVER):
            yield from moves_on(cpu, programs, state)
    for t, task in enumerate(tasks):  # the load balancer takes one that waits
        if t not in current and not any(task[4]):
            yield current, (stage, loaded), put(tasks, t, (1 - task[0], *task[1:])), counts


def moves_on(cpu: int, programs: list[list[str]], state: State) -> Iterator[State]:
    """Go over what a CPU may do that runs no handler."""
    current, interrupt, tasks, counts = state
    runs = current[cpu]
    depths = tasks[runs][4] if runs is not None else (0, 0, 0)
    if not depths[PREEMPT] and not depths[IRQS]:
        for other in (None, *(t for t, task in enumerate(tasks) if task[0] == cpu)):
            yield put(current, cpu, other), interrupt, tasks, counts
    if cpu == 0 and interrupt[0] == NOT_YET and not depths[IRQS]:
        yield current, (ENTERED, 0), tasks, counts
    if runs is not None and tasks[runs][1] < len(programs[runs]):
        task, counts = step(tasks[runs], programs[runs], counts)
        yield current, interrupt, put(tasks, runs, task), counts


def step(task: Task, ops: list[str], counts: tuple[int, ...]) -> tuple[Task, tuple[int, ...]]:
    """Return a task after its next operation, and the counters."""
    place, at, here, value, depths, told = task
    op = ops[at]
    if op == "id":
        here, told = place, (*told, place)
    elif op == "load":
        value = counts[here]
    elif op == "store":
        counts = put(counts, here, 2 * value + 1)
    else:
        kind = KINDS.index(op.split()[0])
        depths = put(depths, kind, depths[kind] + (1 if op.endswith("off") else -1))
    return (place, at + 1, here, value, depths, told), counts


def put(row: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    """Return a row with one entry changed."""
    return (*row[:index], value, *row[index + 1 :])
