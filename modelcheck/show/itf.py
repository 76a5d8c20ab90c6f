"""A trace in Apalache's Informal Trace Format, which viewers and test drivers for TLA+ open.

States are objects from variable to value. Besides the shared locations, each process is a variable:
where it stands, and its local variables. Source of the format: Apalache's ADR 15, "Informal Trace
Format in JSON". Neighbours: `jsonform` has the trace in a form of our own, which says more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any

import attrs

from modelcheck.show import words
from modelcheck.show.jsonform import LONGEST, json_text
from modelcheck.show.text import DEPTH, show_value
from modelcheck.show.trace import Trace


def itf_text(trace: Trace) -> str:
    """The trace as the text of a file, whose name usually ends in ``.itf.json``.

    A value that the format has no form for (None, a number with a fraction, an object) is what the
    format calls *unserializable*: its text.
    """
    return json.dumps(itf(trace), indent=1) + "\n"


def itf(trace: Trace) -> dict[str, Any]:
    """The trace as an object for ``json.dumps``.

    Examples
    --------
    >>> trace = Trace("m", {}, "sc", (), ({"x": 0, "q": (1, "a")},), (), (), None)
    >>> itf(trace)["states"]
    [{'#meta': {'index': 0}, 'x': {'#bigint': '0'}, 'q': {'#tup': [{'#bigint': '1'}, 'a']}}]
    """
    names = list(dict.fromkeys(json_text(name) for state in trace.states for name in state))
    processes = [json_text(m) for m in trace.processes] if trace.moments else []
    return {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "source": json_text(trace.model),
            "description": f"{words.title(trace)}: {words.headline(trace)}",
        },
        "params": [],
        "vars": [*names, *processes],
        "states": [_state(trace, index, names) for index in range(len(trace.states))],
    }


def _state(trace: Trace, index: int, names: list[str]) -> dict[str, Any]:
    meta: dict[str, Any] = {"index": index}
    if index:
        step = trace.steps[index - 1]
        meta |= {"process": json_text(step.process), "action": json_text(step.label)}
        meta |= {"file": json_text(step.file), "line": step.line}
    values = {json_text(name): _value(value, DEPTH) for name, value in trace.states[index].items()}
    missing = {name: {"#unserializable": "absent"} for name in names if name not in values}
    return {"#meta": meta, **values, **missing, **_processes(trace, index)}


def _processes(trace: Trace, index: int) -> dict[str, Any]:
    if not trace.moments:
        return {}
    moment = trace.moments[index]
    return {
        json_text(status.process): {
            "status": status.status,
            "at": json_text(status.label),
            "line": _value(status.line, 0),
            "locals": {
                _field(name): _value(value, DEPTH)
                for name, value in moment.locals.get(status.process, {}).items()
            },
        }
        for status in moment.standing
    }


def _value(value: Any, depth: int) -> Any:
    """The value as an expression of the format."""
    kind = type(value)
    if kind is bool:
        return value
    if kind is str:
        return json_text(value)
    if kind is int:
        return {"#bigint": str(value)} if value.bit_length() < 4096 else _text(value)
    if isinstance(value, Enum):
        return show_value(value, LONGEST)
    return (_composite(value, depth - 1) if depth > 0 else None) or _text(value)


def _composite(value: Any, depth: int) -> Any:
    """The value with parts as an expression; None for one that has none."""
    if isinstance(value, Mapping):
        pairs = [[_value(k, depth), _value(v, depth)] for k, v in value.items()]
        return {"#map": sorted(pairs, key=repr)}
    if isinstance(value, Set):
        return {"#set": sorted((_value(part, depth) for part in value), key=repr)}
    if type(value) is list:
        return [_value(part, depth) for part in value] or {"#tup": []}
    if type(value) is tuple:
        return {"#tup": [_value(part, depth) for part in value]}
    fields = _fields(value)
    return {_field(name): _value(part, depth) for name, part in fields.items()} or None


def _fields(value: Any) -> dict[str, Any]:
    """The parts of a value that has names for them."""
    names = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and names:
        return dict(zip(names, value, strict=True))
    if attrs.has(type(value)) and not isinstance(value, type):
        return {f.name: getattr(value, f.name, None) for f in attrs.fields(type(value))}
    return {}


def _field(name: str) -> str:
    """A name of a record's field: the format's own begin with a number sign."""
    return json_text(name).lstrip("#") or "_"


def _text(value: Any) -> dict[str, str]:
    return {"#unserializable": show_value(value, LONGEST)}


__all__ = ["itf", "itf_text"]
