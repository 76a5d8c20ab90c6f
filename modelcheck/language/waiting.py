"""What a blocked step waits for: the part of what it read that a trace tells as its reason."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from modelcheck.language.local import RAISED, LocalState, Run
from modelcheck.language.process import Process
from modelcheck.language.turn import Blocked, Turn

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
    scripts: list[tuple[int, ...]] = [()]
    while scripts:
        turn = Turn(learner, agent, recorder, scripts.pop())
        with suppress(Blocked, *RAISED):  # the user's function may have caught that it has to wait
            step.perform(turn)
        passed |= turn.passed
        scripts.extend(turn.open)
    return frozenset(read.slot for read in recorder.path) - passed
