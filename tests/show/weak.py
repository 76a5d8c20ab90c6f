"""Traces with store buffers and stale values, found by searches of two small programs."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from modelcheck import System, always, check, fence, label, process, state
from modelcheck.show.trace import Trace


@state
class Two:
    """Two locations."""

    x: int = 0
    y: int = 0


@process
def left(s: Any) -> Any:
    yield s.x.set(1)
    yield s.x
    with label("saw its own store"):
        yield s.y


@process
def right(s: Any) -> Any:
    seen = yield s.x
    again = yield s.x
    if (seen, again) == (0, 1):
        with label("saw it late"):
            yield s.y


@always
def nobody_saw_it_late(s: Any) -> bool:
    return not (s.left.at("saw its own store") and s.right.at("saw it late"))


@process
def publish(s: Any) -> Any:
    yield s.x.set(1)
    yield fence("wmb")
    yield s.y.set(1)


@process
def look(s: Any) -> Any:
    if (yield s.y):
        seen = yield s.x
        assert seen


def store_buffering(memory: str = "tso") -> Trace:
    """A store waits in a buffer, its own CPU sees it, another does not; then it is visible."""

    def made() -> System:
        s = Two()
        return System(s, [left(s), right(s)], [nobody_saw_it_late])

    return found(made, memory)


def stale_load(memory: str = "wmm") -> Trace:
    """Stores become visible in order, and are read out of order: the second load is stale."""

    def made() -> System:
        s = Two()
        return System(s, [publish(s), look(s)], [])

    return found(made, memory)


def found(made: Any, memory: str) -> Trace:
    """The counterexample of a system under a memory model, as if from a file of any machine."""
    trace = check(made(), memory=memory).trace
    assert trace is not None
    steps = tuple(evolve(step, file="weak.py" if step.file else "") for step in trace.steps)
    final = tuple(evolve(status, file="weak.py" if status.file else "") for status in trace.final)
    violation = evolve(trace.violation, file="weak.py")
    changed = {"steps": steps, "final": final, "violation": violation, "token": ""}
    return evolve(trace, model="weak", moments=(), properties=(), **changed)
