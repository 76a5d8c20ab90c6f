"""From a path of integers to a trace of plain values: what each step read, wrote and changed.

An explorer's path is a list of moves (agent, outcome). Here the tables say what the integers mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from inspect import isfunction
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.explore.search import Found, Move, successor
from modelcheck.language.cells import is_location
from modelcheck.language.local import LocalState
from modelcheck.show.trace import (
    ABSENT,
    Change,
    ProcessStatus,
    Read,
    Trace,
    TraceStep,
    Violation,
    Waiting,
)
from modelcheck.tables.tables import Agent, Restart, State, Tables
from modelcheck.tables.tries import Failure, Outcome, Recorder
from modelcheck.tables.values import key_of
from modelcheck.verdict import Kind
from modelcheck.watchdog import Ended

#: What the step of a process may raise in the last state of a trace, where no search looked at it.
UNTOLD = (ModelError, Restart, Ended)


def build_trace(  # noqa: PLR0913 # what a trace says of its model, each by name
    tables: Tables,
    moves: Sequence[Move],
    violation: Violation | None,
    *,
    model: str,
    parameters: Mapping[str, Any],
    memory_model: str,
) -> Trace:
    """Return the trace of `moves` from the initial state. Cost: linear in its length.

    Daemons that did nothing, and processes that were never spawned, are left out.
    """
    state = tables.initial
    states = [shared(tables, state)]
    buffers = {a.name: slot.lane for a in tables.agents if (slot := tables.slots[a.slot]).lane}
    waiting: list[Mapping[str, tuple[Waiting, ...]]] = [dict.fromkeys(buffers, ())]
    steps = []
    failed: int | None = None
    touched: set[str] = set()  # store buffers
    for index, (agent, which) in enumerate(moves, 1):
        outcome = tables.leaf(agent, state).outcomes[which]
        after = successor(state, outcome.writes)
        steps.append(_step(tables, index, agent, outcome, state, after))
        touched |= {a.name for a in _moved(tables, state, after) if tables.slots[a.slot].memory}
        state = after
        states.append(shared(tables, state))
        waiting.append(_waiting(tables, waiting[-1], state, index))
        failed = agent if outcome.failure else None
    final = [status(tables, state, n, n == failed) for n in range(len(tables.agents))]
    active = touched | {name for step in steps for name in (step.process, *step.others)}
    told = [s for s in final if s.process in active or not (s.daemon or s.status == "not started")]
    return Trace(
        model=model,
        parameters=dict(parameters),
        memory_model=memory_model,
        processes=tuple(s.process for s in told),
        states=tuple(states),
        steps=tuple(steps),
        final=tuple(told),
        violation=violation,
        buffers={name: lane for name, lane in buffers.items() if name in touched},
        waiting=tuple({n: held for n, held in of.items() if n in touched} for of in waiting)
        if touched
        else (),
    )


def _waiting(
    tables: Tables, before: Mapping[str, tuple[Waiting, ...]], state: State, index: int
) -> dict[str, tuple[Waiting, ...]]:
    """Return what each store buffer holds in a state, which step `index` led to.

    A step takes stores out at the front and puts others in at the back.
    """
    return {
        agent.name: _held(tables, before[agent.name], tables.value(agent.slot, state), index)
        for agent in tables.agents
        if agent.name in before
    }


def _held(
    tables: Tables, before: tuple[Waiting, ...], buffer: LocalState, index: int
) -> tuple[Waiting, ...]:
    now = [
        Waiting(tables.slots[slot].name, tables.domains[slot].values[ident], index)
        for slot, ident in buffer.waiting
    ]
    for gone in range(len(before) + 1):
        kept = before[gone:]
        if len(kept) <= len(now) and all(map(_same_store, kept, now)):
            return (*kept, *now[len(kept) :])
    raise AssertionError("a store buffer changed otherwise than by its ends")


def _same_store(one: Waiting, other: Waiting) -> bool:
    return one.name == other.name and key_of(one.value) == key_of(other.value)


def shared(tables: Tables, state: State) -> dict[str, Any]:
    """Return the shared locations of a state, by name, in the order of declaration."""
    return {
        slot.name: tables.value(index, state)
        for index, slot in enumerate(tables.slots)
        if not (slot.process or slot.memory)
    }


def _step(  # noqa: PLR0913 # a step is the difference of two states
    tables: Tables, index: int, agent: int, outcome: Outcome, before: State, after: State
) -> TraceStep:
    who = tables.agents[agent]
    local: LocalState = tables.value(who.slot, before)
    then: LocalState = tables.value(who.slot, after)
    moved = [
        a for a in _moved(tables, before, after) if a is not who and not tables.slots[a.slot].memory
    ]
    return TraceStep(
        index=index,
        process=who.name,
        label=local.label,
        function=local.function,
        file=local.file,
        line=local.line,
        reads=_seen(tables, reads(tables, agent, before), outcome),
        writes=tuple(
            Change(tables.slots[s].name, tables.value(s, before), tables.domains[s].values[v])
            for s, v in outcome.writes
            if _told(tables, s)
        ),
        locals=() if outcome.failure else changes(_variables(local), _variables(then)),
        result=outcome.result,
        others=tuple(a.name for a in moved),
        note="; ".join(filter(None, (_way(local, outcome), outcome.note))),
    )


def _way(local: LocalState, outcome: Outcome) -> str:
    """Return which of several ways a step went; nothing of one that failed before it was taken."""
    if local.telling is None or (outcome.failure is not None and outcome.result is None):
        return ""
    return local.telling(outcome.result)


def _seen(tables: Tables, found: tuple[Read, ...], outcome: Outcome) -> tuple[Read, ...]:
    """Return what a step read, with what its loads saw that memory did not answer."""
    seen = {
        tables.slots[slot].name: Read(tables.slots[slot].name, value, source)
        for slot, value, source in outcome.seen
    }
    told = tuple(seen.pop(read.name, read) for read in found)
    return (*told, *seen.values())


def _told(tables: Tables, slot: int) -> bool:
    """Tell whether reads and writes of a slot are told: not local states, not bookkeeping."""
    return not (tables.slots[slot].process or tables.slots[slot].hidden)


def _moved(tables: Tables, before: State, after: State) -> list[Agent]:
    """Return the agents whose local states differ."""
    return [a for a in tables.agents if before[a.slot] != after[a.slot]]


def reads(tables: Tables, agent: int, state: State) -> tuple[Read, ...]:
    """Return the shared locations that the agent's pending step reads in `state`.

    What only the guard of the whole process reads is left out; of a blocked step, what it does not
    wait for.
    """
    slots = dict.fromkeys(tables.path(agent, state))
    hidden: frozenset[int] = frozenset()
    with suppress(*UNTOLD):
        recorder = Recorder(tables.domains, state)
        if tables.leaf(agent, state).outcomes:
            hidden = tables.learner.guard_slots(agent, recorder)
        else:
            hidden = frozenset(slots) - tables.learner.waits_for(agent, recorder)
    return tuple(
        Read(tables.slots[s].name, tables.value(s, state))
        for s in slots
        if _told(tables, s) and s not in hidden
    )


def _variables(local: LocalState) -> dict[str, Any]:
    """Return the local variables that hold data, by name.

    Not functions, nor the parts of the state that a function was handed (``self``): they only name
    what its steps name anyway, and would come and go with each call.
    """
    handed: set[str] = set()
    for frame in local.frames:
        code = frame.code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        names += code.co_freevars
        handed |= {name for name in names if is_location(frame.locals.get(name))}
    return {
        name: value
        for name, value in local.variables().items()
        if not (isfunction(value) or (name in handed and is_location(value)))
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return which local variables came, changed or went."""
    found = []
    for name in [*after, *(n for n in before if n not in after)]:
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        if old is ABSENT or new is ABSENT or key_of(old) != key_of(new):
            found.append(Change(name, old, new))
    return tuple(found)


def status(tables: Tables, state: State, agent: int, failed: bool) -> ProcessStatus:
    """Return where an agent stands in `state`.

    The search may have ended before it came to the agent's step here; one that breaks a rule of the
    language, or does not end, is told as ready: what was found is not lost for it.
    """
    who = tables.agents[agent]
    local: LocalState = tables.value(who.slot, state)
    if local.status != "running":
        said = "not started" if local.status == "absent" else local.status
        return ProcessStatus(who.name, said, daemon=tables.slots[who.slot].memory)
    said = "failed" if failed else "ready" if _can_step(tables, agent, state) else "blocked"
    seen = (*reads(tables, agent, state), *_full(tables, agent, state)) if said == "blocked" else ()
    rests = who.may_rest[state[who.slot]]
    return ProcessStatus(who.name, said, local.label, local.file, local.line, seen, rests)


def _full(tables: Tables, agent: int, state: State) -> tuple[Read, ...]:
    """Return the store buffers that a blocked step looks at, with what they hold."""
    slots = [s for s in dict.fromkeys(tables.path(agent, state)) if tables.slots[s].lane]
    held = [(tables.slots[s].name, _held(tables, (), tables.value(s, state), 0)) for s in slots]
    return tuple(Read(name, waits) for name, waits in held if waits)


def _can_step(tables: Tables, agent: int, state: State) -> bool:
    try:
        return bool(tables.leaf(agent, state).outcomes)
    except UNTOLD:
        return True


def violation_of(tables: Tables, found: Found, names: Sequence[str]) -> Violation:
    """Return what was violated, in the user's words; `names` are the properties'."""
    state = tables.initial
    failure: Failure | None = None
    for agent, which in found.path:
        outcome = tables.leaf(agent, state).outcomes[which]
        state, failure = successor(state, outcome.writes), outcome.failure
    if failure is not None:
        return Violation(found.kind, failure.message, failure.message, failure.file, failure.line)
    if found.property is not None:
        prop = tables.properties[found.property]
        message = tables.holds(prop, state).message
        return Violation(found.kind, names[found.property], message, prop.file, prop.line)
    waiting = [agent.name for agent in tables.agents if not agent.may_rest[state[agent.slot]]]
    return Violation(Kind.DEADLOCK, "deadlock", f"{', '.join(waiting)} can never go on")
