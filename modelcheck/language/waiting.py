"""What there is to say of a blocked step: what it waits for, and what it saw when it looked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from modelcheck.language.local import RAISED, LocalState, Run
from modelcheck.language.process import Process
from modelcheck.language.turn import Blocked, Turn
from modelcheck.tables.tries import Outcome

if TYPE_CHECKING:
    from modelcheck.language.learner import Learner
    from modelcheck.tables.tries import Recorder


def waits_for(learner: Learner, agent: int, recorder: Recorder) -> frozenset[int]:
    """Return the slots for whose values a process is blocked in the recorder's state.

    Where the guard of the whole process is false, that is what the guard reads; else what the step
    reads, without what the step itself was content with (`Turn.passes`).
    """
    process = learner.process(agent)
    if process.guard is not None:
        passes, _ = Turn(learner, agent, recorder, ()).test(process.guard, coherent=True)
        if not passes:
            return frozenset(read.slot for read in recorder.path)
    return _step_waits_for(learner, agent, process, recorder.anew(turned=False))


def _step_waits_for(
    learner: Learner, agent: int, process: Process, recorder: Recorder
) -> frozenset[int]:
    local: LocalState = recorder.peek(learner.slot_of(agent))
    step = Run.replay(process, local, learner.shape.observed).step
    assert step is not None
    passed: set[int] = set()
    for turn in Turn.every(learner, agent, recorder):
        with suppress(Blocked, *RAISED):  # the user's function may have caught that it has to wait
            step.perform(turn)
        passed |= turn.passed
    return frozenset(read.slot for read in recorder.path) - passed


def looked(
    learner: Learner, agent: int, recorder: Recorder, waiting: Iterable[Turn]
) -> Iterator[Outcome]:
    """Go over how a step can look and go on waiting, where it might also have been taken.

    `waiting` are its turns that were blocked. What a CPU has looked at anew it no longer sees as it
    was (only the memory model's `hidden` slots tell). Else a step that stale values let through
    would never be blocked for good, and a deadlock would be missed.
    """
    slot = learner.slot_of(agent)
    stays = slot, recorder.state[slot]
    for turn in waiting:
        forgotten = [(s, v) for s, v in turn.writes.items() if learner.result.slots[s].hidden]
        if forgotten:
            yield Outcome((stays, *forgotten), note="looks, and goes on waiting")
