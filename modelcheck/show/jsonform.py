"""A trace as plain objects for ``json.dumps``: what scripts read, so its fields are stable.

A value is a native of JSON where JSON has it (None, a bool, an integer, a finite float, text, a
list or a tuple of these) and else the text that `show_value` gives. Neighbours: the command line
puts this under ``trace``.
"""

from __future__ import annotations

import math
from typing import Any

from modelcheck.show.buffering import Buffering, Held, buffering, held
from modelcheck.show.execution import EventGraph, Evidence
from modelcheck.show.text import DEPTH, show_value
from modelcheck.show.trace import ABSENT, Change, Moment, ProcessStatus, Read, Trace

LONGEST = 10_000
"""Characters of a value's text: JSON is for programs, so far more than people get to see."""

EXACT = 2**53
"""Integers beyond it are written as text: most readers of JSON would round them."""


def trace_json(trace: Trace) -> list[dict[str, Any]]:
    """One object a step, in order.

    Each has ``index``, ``process``, ``label``, ``function``, ``file``, ``line``, ``reads``
    (objects with ``name``, ``value``), ``writes`` and ``locals`` (objects with ``name``, ``old``,
    ``new``) and ``others`` (names of processes). ``old`` is missing for a local variable that was
    not there before, ``new`` for one that is no longer in use. A read that memory did not answer
    has a ``source``: ``"buffer"`` or ``"stale"``. Where store buffers are used, ``stored`` lists
    the stores that the step puts into one, ``visible`` is the one that it makes visible, ``newer``
    lists those that it does not see (objects with ``buffer``, ``name``, ``value``, ``step``).

    Examples
    --------
    >>> from modelcheck.show.trace import TraceStep
    >>> step = TraceStep(1, "p", "x.add(1)", "p", "m.py", 3, (Read("x", 0),), (Change("x", 0, 1),))
    >>> found = trace_json(Trace("m", {}, "sc", ("p",), ({"x": 0}, {"x": 1}), (step,), (), None))
    >>> found[0]["reads"], found[0]["writes"]
    ([{'name': 'x', 'value': 0}], [{'name': 'x', 'old': 0, 'new': 1}])
    """
    return [
        {
            "index": step.index,
            "process": json_text(step.process),
            "label": json_text(step.label),
            "function": json_text(step.function),
            "file": json_text(step.file),
            "line": step.line,
            "reads": [_read(read) for read in step.reads],
            "writes": [_change(change) for change in step.writes],
            "locals": [_change(change) for change in step.locals],
            "others": [json_text(name) for name in step.others],
            **({"note": json_text(step.note)} if step.note else {}),
            **_buffers(buffers),
        }
        for step, buffers in zip(trace.steps, buffering(trace), strict=True)
    ]


def _buffers(one: Buffering) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if one.puts:
        found["stored"] = [_held(put) for put in one.puts]
    if one.leaves is not None:
        found["visible"] = _held(one.leaves)
    if one.newer:
        found["newer"] = [_held(newer) for newer in one.newer]
    return found


def _held(one: Held) -> dict[str, Any]:
    return {
        "buffer": json_text(one.lane),
        "name": json_text(one.store.name),
        "value": json_value(one.store.value),
        "step": one.store.step,
    }


def evidence_json(evidence: Evidence | None) -> dict[str, Any]:
    """The fields that a check over executions adds: their number, flags, story, graph."""
    if evidence is None:
        return {}
    told = {json_text(n): None if t is None else json_text(t) for n, t in
            evidence.witnesses.items()}  # fmt: skip
    return {
        "executions": evidence.executions,
        "flags": list(map(json_text, evidence.flags)),
        "story": json_text(evidence.story) or None,
        "graph": None if evidence.graph is None else _graph_json(evidence.graph),
        "told_witnesses": told,
        "forbidden": [
            {"property": json_text(f.property), "why": json_text(f.why)} for f in evidence.forbidden
        ],
    }


def _graph_json(graph: EventGraph) -> dict[str, Any]:
    return {
        "threads": list(map(json_text, graph.threads)),
        "events": [
            {"id": e.id, "thread": e.thread, "label": json_text(e.label), "on_cycle": e.on_cycle}
            for e in graph.events
        ],
        "edges": [
            {"source": e.source, "target": e.target, "relation": json_text(e.relation),
             "on_cycle": e.on_cycle}
            for e in graph.edges
        ],
        "note": json_text(graph.note),
    }  # fmt: skip


def trace_document(trace: Trace) -> dict[str, Any]:
    """A whole trace as one object: what ``--export trace:FILE`` writes.

    Its schema is `docs/trace.schema.json`; `version` changes when a reader would have to.
    """
    violation = trace.violation
    return {
        "format": "modelcheck-trace",
        "version": 1,
        "model": json_text(trace.model),
        "parameters": {json_text(k): json_value(v) for k, v in trace.parameters.items()},
        "memory_model": json_text(trace.memory_model),
        "token": json_text(trace.token) or None,
        "violation": None
        if violation is None
        else {
            "kind": violation.kind.value,
            "property": json_text(violation.property),
            "message": json_text(violation.message),
            "file": json_text(violation.file),
            "line": violation.line,
        },
        "processes": [json_text(name) for name in trace.processes],
        "states": [
            {json_text(name): json_value(value) for name, value in state.items()}
            for state in trace.states
        ],
        "steps": trace_json(trace),
        **({"buffers": _contents(trace)} if trace.waiting else {}),
        "moments": [_moment(moment) for moment in trace.moments],
        "final": [_standing(status) for status in trace.final],
        "properties": [
            {"name": json_text(p.name), "kind": p.kind, "file": json_text(p.file), "line": p.line}
            for p in trace.properties
        ],
    }


def _contents(trace: Trace) -> list[list[dict[str, Any]]]:
    """What the store buffers hold after each step."""
    return [[_held(one) for one in held(trace, i)] for i in range(len(trace.waiting))]


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "standing": [_standing(status) for status in moment.standing],
        "locals": {
            json_text(process): {json_text(k): json_value(v) for k, v in kept.items()}
            for process, kept in moment.locals.items()
        },
        "answers": {json_text(name): said for name, said in moment.answers.items()},
    }


def _standing(status: ProcessStatus) -> dict[str, Any]:
    return {
        "process": json_text(status.process),
        "status": status.status,
        "label": json_text(status.label),
        "file": json_text(status.file),
        "line": status.line,
        "reads": [_read(read) for read in status.reads],
        "daemon": status.daemon,
    }


def json_value(value: Any) -> Any:
    """The value as JSON has it, else its text.

    Examples
    --------
    >>> json_value((1, None, float("inf"), {2, 1}, 2**60))
    [1, None, 'inf', '{1, 2}', '1152921504606846976']
    """
    return _native(value, DEPTH)


def json_text(text: str) -> str:
    r"""`text` without lone surrogates, which JSON may hold but UTF-8 may not.

    Examples
    --------
    >>> print(json_text("a\ud800"))
    a\ud800
    """
    return text.encode("utf-8", "backslashreplace").decode()


def _native(value: Any, depth: int) -> Any:
    kind = type(value)  # not isinstance: an enum of integers is an enum
    if value is None or kind is bool:
        return value
    if kind is str:
        return json_text(value)
    if kind is int and abs(value) <= EXACT:
        return value
    if kind is float and math.isfinite(value):
        return value
    if kind in (tuple, list) and depth:
        return [_native(part, depth - 1) for part in value]
    return show_value(value, LONGEST)


def _read(read: Read) -> dict[str, Any]:
    found = {"name": json_text(read.name), "value": json_value(read.value)}
    return {**found, "source": read.source} if read.source else found


def _change(change: Change) -> dict[str, Any]:
    shown = {"name": json_text(change.name), "old": change.old, "new": change.new}
    return {
        key: text if key == "name" else json_value(text)
        for key, text in shown.items()
        if text is not ABSENT
    }
