"""What the page about a trace knows: the trace as plain objects for JSON, every text made safe.

The page's script decides nothing and compares nothing: which values changed, how a value reads, who
wrote what is read, how a step is told, is decided here, with the words of the other renderers.
What repeats from state to state (values, places) is written once and then named by its number.
Neighbours: `html` puts it into a page; `page/data.js` reads it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field

from modelcheck.show import words
from modelcheck.show.buffering import Buffering, buffering, held, remarks
from modelcheck.show.layout import sides
from modelcheck.show.listing import Listings
from modelcheck.show.narrative import ending, opening, told_turns
from modelcheck.show.palette import lane_color
from modelcheck.show.text import clean, nested_changes, same, short_place, show_value
from modelcheck.show.trace import ABSENT, Change, Moment, ProcessStatus, Trace, TraceStep, Waiting

VALUE = 4_000
"""Characters of a value; the page folds what is long."""

PARTS = 60
"""Changes shown inside one value."""


@define
class Numbered:
    """Things that are written once: each gets the number of its place in `items`."""

    items: list[Any] = field(factory=list)
    _numbers: dict[Hashable, int] = field(factory=dict)

    def number(self, key: Hashable, item: Any) -> int:
        """Return the number of the item with this key; a new one is added."""
        if key not in self._numbers:
            self._numbers[key] = len(self.items)
            self.items.append(item)
        return self._numbers[key]


def trace_data(trace: Trace, name: str, listings: Listings) -> dict[str, Any]:
    """Return a trace for the page, under the name that its tab has."""
    values, places = Numbered(), Numbered()
    slots = _slots(trace)
    processes = list(dict.fromkeys([*trace.processes, *(s.process for s in trace.steps)]))
    numbers = {process: n for n, process in enumerate(processes)}
    sentences = [s for told in told_turns(trace) for s in told.sentences]
    sources, buffers = words.writers(trace), buffering(trace)
    stores = list(dict.fromkeys(trace.buffers.values()))
    return {
        "name": name,
        "headline": words.headline(trace),
        "details": words.details(trace.violation),
        "bad": trace.violation is not None,
        "fault": words.at_fault(trace),
        "token": clean(trace.token),
        "processes": [
            {"name": clean(process), "color": lane_color(n)} | _store_of(trace, process, stores)
            for n, process in enumerate(processes)
        ],
        "stores": [{"name": "memory"}, *_stores(trace, stores)],
        "columns": _columns(trace, processes, stores),
        "slots": [clean(slot) for slot in slots],
        "used": [slots.index(n) for n, _ in words.touched(trace, 0)],
        "states": [_state(state, slots, values) for state in trace.states],
        "values": values.items,
        "steps": [
            _step(step, numbers, slots, listings)
            | _buffered(trace, step, buffers[i], slots, stores)
            | _stored(trace, buffers[i], listings)
            | {"from": {clean(n): w.index for n, w in sources[i].items()}, "told": sentences[i]}
            for i, step in enumerate(trace.steps)
        ],
        "changes": [
            _changes(slots, *pair) for pair in zip(trace.states, trace.states[1:], strict=False)
        ],
        "places": places.items if _moments(trace, processes, places, listings) else [],
        "moments": _moments(trace, processes, places, listings),
        "properties": [
            {
                "name": clean(p.name),
                "kind": p.kind,
                "place": short_place(p.file, p.line),
                "summary": clean(p.summary),
                "answers": [m.answers.get(p.name) for m in trace.moments],
            }
            for p in trace.properties
        ],
        "turns": [
            {"heading": told.heading, "steps": [s.index for s in told.turn.steps],
             "leaving": told.leaving}
            for told in told_turns(trace)
        ],
        "opening": opening(trace),
        "ending": ending(trace),
    }  # fmt: skip


def _slots(trace: Trace) -> list[str]:
    """Return the names of all locations, in the order of declaration."""
    return list(dict.fromkeys(name for state in trace.states for name in state))


def _store_of(trace: Trace, process: str, stores: Sequence[str]) -> dict[str, int]:
    """Return the lane of a store buffer, numbered from 1: memory is 0; nothing for a process."""
    lane = trace.buffers.get(process)
    return {} if lane is None else {"store": 1 + stores.index(lane)}


def _stores(trace: Trace, stores: Sequence[str]) -> list[dict[str, Any]]:
    """Return the lanes of the store buffers, with what they hold at the end."""
    left = held(trace, len(trace))
    return [
        {"name": clean(name), "left": [one.text for one in left if one.lane == name]}
        for name in stores
    ]


def _columns(
    trace: Trace, processes: Sequence[str], stores: Sequence[str]
) -> list[tuple[str, int]]:
    """Return the lanes from left to right: ("process", its number), ("store", its number)."""
    left, right = (
        [
            ("store", 1 + stores.index(name))
            if name in stores
            else ("process", processes.index(name))
            for name in side
        ]
        for side in sides(trace)
    )
    return [*left, ("store", 0), *right]


def _buffered(
    trace: Trace, step: TraceStep, one: Buffering, slots: Sequence[str], stores: Sequence[str]
) -> dict[str, Any]:
    """Return what a step does to store buffers and sees there, and what it does not see."""
    elsewhere = words.not_memory(trace, step)
    own = {seen.store.name: 1 + stores.index(seen.lane) for seen in one.own}
    told = [(put, "write") for put in one.puts] + [(newer, "idle") for newer in one.newer]
    return {
        "held": [
            {
                "store": 1 + stores.index(it.lane),
                "slot": _index(slots, it.store.name),
                "name": clean(it.store.name),
                "value": show_value(it.store.value, 120),
                "sort": sort,
                "from": it.store.step,
            }
            for it, sort in told
        ],
        "elsewhere": {clean(name): about for name, about in elsewhere.items()},
        "own": {clean(name): store for name, store in own.items()},
        "remarks": remarks(one)[:1] if one.leaves is not None else [],
    }


def _stored(trace: Trace, one: Buffering, listings: Listings) -> dict[str, Any]:
    """Return the line that stored what leaves a buffer, which has no source of its own."""
    if one.leaves is None:
        return {}
    origin = trace.steps[one.leaves.store.step - 1]
    return {"stored": listings.place(origin.file, origin.line)}


def _state(state: Mapping[str, Any], slots: Sequence[str], values: Numbered) -> list[int]:
    """Return the numbers of a state's values, -1 for a location that is not there yet."""
    texts = [show_value(state[slot], VALUE) if slot in state else None for slot in slots]
    return [-1 if text is None else values.number(text, text) for text in texts]


def _changes(
    slots: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return what differs between two states: the location, and each part of its value."""
    found = []
    for number, slot in enumerate(slots):
        old, new = before.get(slot, ABSENT), after.get(slot, ABSENT)
        if not same(old, new):
            found.append({"slot": number, "parts": _parts(old, new)})
    return found


def _parts(old: Any, new: Any) -> list[list[str]]:
    """Return the differences inside a value: path, old and new; empty for what is not there."""
    parts = [
        [words.told_path(path), *words.told_apart(a, b, 400)]
        for path, a, b in nested_changes(old, new)
    ]
    more = len(parts) - PARTS
    return parts if more <= 0 else [*parts[:PARTS], [f": {more} more changes", "", ""]]


def _step(
    step: TraceStep, numbers: Mapping[str, int], slots: Sequence[str], listings: Listings
) -> dict[str, Any]:
    written = {change.name for change in step.writes}
    known = {read.name for read in step.reads}
    plain = {name for name, _ in words.plain_reads(step)} - written
    return {
        "process": numbers[step.process],
        "label": clean(step.label),
        "function": clean(step.function),
        **listings.place(step.file, step.line),
        "reads": [
            {"slot": _index(slots, name), "name": clean(name), "value": show_value(value, 120)}
            for name, value in ((read.name, read.value) for read in step.reads)
            if name in plain
        ],
        "writes": [
            _write(change, _index(slots, change.name), change.name in known)
            for change in step.writes
        ],
        "note": clean(step.note),
        "kept": words.kept_locals(step, 120),
        "moved": [numbers[name] for name in step.others if name in numbers],
    }  # fmt: skip


def _index(slots: Sequence[str], name: str) -> int:
    return slots.index(name) if name in slots else -1


def _write(change: Change, slot: int, reads: bool) -> dict[str, Any]:
    shown = words.shown_changes(change, 120)
    return {
        "slot": slot,
        "name": clean(change.name),
        "reads": reads,
        "parts": [{"name": c.name, "sort": c.sort, "old": c.old, "new": c.new} for c in shown],
    }


def _moments(
    trace: Trace, processes: Sequence[str], places: Numbered, listings: Listings
) -> list[list[int]]:
    """Return for each state the number of each process's place in it."""
    moments = trace.moments or _pieced_together(trace)
    waiting = trace.waiting or ({},) * len(moments)
    return [
        _moment(
            evolve(moment, locals={**moment.locals, **_holds(now)}), processes, places, listings
        )
        for moment, now in zip(moments, waiting, strict=True)
    ]


def _holds(waiting: Mapping[str, Sequence[Waiting]]) -> dict[str, dict[str, Any]]:
    """Return what store buffers hold, oldest first, in place of local variables."""
    return {
        name: {f"{place}. {store.name}": store.value for place, store in enumerate(stores, 1)}
        for name, stores in waiting.items()
    }


def _moment(
    moment: Moment, processes: Sequence[str], places: Numbered, listings: Listings
) -> list[int]:
    standing = {status.process: status for status in moment.standing}
    numbers = []
    for process in processes:
        status = standing.get(process, ProcessStatus(process, "not started"))
        place = {
            "status": words.standing(status),
            "label": clean(status.label),
            **listings.place(status.file, status.line),
            "sees": words.values([(read.name, read.value) for read in status.reads]),
            "locals": {
                clean(name): show_value(value, VALUE)
                for name, value in moment.locals.get(process, {}).items()
            },
        }
        numbers.append(places.number(repr(place), place))
    return numbers


def _pieced_together(trace: Trace) -> list[Moment]:
    """Return what a trace's own steps tell of each state, for one that nobody looked into."""
    following: dict[str, ProcessStatus] = {status.process: status for status in trace.final}
    moments = [Moment(tuple(following.values()), {}, {})]
    for step in reversed(trace.steps):
        ready = ProcessStatus(step.process, "ready", step.label, step.file, step.line)
        following[step.process] = ready
        moments.append(Moment(tuple(following.values()), {}, {}))
    return moments[::-1]


__all__ = ["trace_data"]
