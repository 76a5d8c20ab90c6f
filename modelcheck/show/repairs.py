"""Minimal repairs as text, as Markdown and as JSON. Neighbour: `modelcheck.repair` finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelcheck.show.jsonform import json_text, json_value
from modelcheck.show.summary import parameters_text, plain_table, what_is_violated
from modelcheck.show.text import clean
from modelcheck.show.words import counted, steps_text

#: What stands for a set without parts.
NOTHING = "nothing"


def repairs_text(repairs: Any) -> str:
    """Return what all repairs need, what each lack of it leads to, and how that is known."""
    shown = parameters_text(repairs.parameters)
    title = clean(repairs.model) + (f"({shown})" if shown else "")
    names = ", ".join(t.name for t in repairs.toggles)
    lines = [
        f"{title}: which of {clean(names)} are needed?", "",
        plain_table([("memory model", "all properties hold with"), *map(_needs, repairs.under)]),
        "", "What goes wrong without:",
    ]  # fmt: skip
    for under in repairs.under:
        lines += [line for found in under.failing for line in _failing(under, found)]
    lines += [""]
    for under in repairs.under:
        lines += [f"  {under.memory_model}: {said}" for said in how_known(under)]
    return "\n".join(lines)


def repairs_markdown(repairs: Any) -> str:
    """Return two tables: what is needed, and what goes wrong without."""
    needs = [("memory model", "all properties hold with"), *map(_needs, repairs.under)]
    wrong = [("memory model", "left out", "violated", "steps")]
    for under in repairs.under:
        for found in under.failing:
            steps = "" if found.trace is None else str(len(found.trace))
            out = _joined(under.left_out(found.parts))
            wrong.append((under.memory_model, out, what_is_violated(found.violation), steps))
    return f"{_markdown(needs)}\n\n{_markdown(wrong)}"


def repairs_json(repairs: Any) -> dict[str, Any]:
    """Return everything as JSON-ready data: each set under each memory model."""
    return {
        "model": json_text(repairs.model),
        "file": json_text(repairs.file),
        "parameters": {k: json_value(v) for k, v in repairs.parameters.items()},
        "toggles": [
            {"name": t.name, "without": json_value(t.without), "with": json_value(t.present)}
            for t in repairs.toggles
        ],
        "seconds": round(repairs.seconds, 6),
        "repairs": [_under_json(under) for under in repairs.under],
    }


def how_known(under: Any) -> list[str]:
    """Return sentences on what the tables rest on, and on what they could not settle."""
    every, known = 2 ** len(under.toggles), len(under.sets)
    carried = known - under.searched
    said = f"{counted(every, 'set', 'sets')}, {under.searched} searched, {carried} by a "
    said += "counterexample of a larger set"
    if under.undecided:
        said += f", {len(under.undecided)} undecided"
    if not under.verified and known < every:
        said += f", {every - known} taken to hold because a smaller one does"
    lines = [said]
    for held, more in under.breaking:
        added = _joined([n for n in under.ordered(more.parts) if n not in held])
        what = what_is_violated(more.violation)
        lines.append(f"{_set(under, held)} holds, and adding {added} breaks it: {what}")
    for found in under.undecided:
        lines.append(f"{_set(under, found.parts)}: incomplete: {clean(found.reason)}")
    if under.verified and not under.breaking and not under.undecided and under.minimal:
        lines.append("adding a part never breaks what holds: every set was looked at")
    return lines


def _needs(under: Any) -> tuple[str, str]:
    sets = [_set(under, parts) for parts in under.minimal]
    sets += [f"{_set(under, parts)} (perhaps with fewer: incomplete)" for parts in under.unsure]
    none = "incomplete" if under.undecided else "no set of them"
    return under.memory_model, "; or ".join(sets) or none


def _failing(under: Any, found: Any) -> list[str]:
    out = _joined(under.left_out(found.parts)) or "anything left out"
    said = f"  {under.memory_model}: {out}: {what_is_violated(found.violation)}"
    if found.trace is None:
        return [said]
    return [f"{said}, after {steps_text(len(found.trace))}", f"      {found.trace.token}"]


def _under_json(under: Any) -> dict[str, Any]:
    return {
        "memory_model": under.memory_model,
        "verdict": under.verdict.value,
        "minimal": [under.ordered(s) for s in under.minimal],
        "unsure": [under.ordered(s) for s in under.unsure],
        "failing": [_set_json(under, found) for found in under.failing],
        "undecided": [_set_json(under, found) for found in under.undecided],
        "breaking": [
            {"holds": under.ordered(held), "violated": under.ordered(more.parts)}
            for held, more in under.breaking
        ],
        "verified": under.verified,
        "searched": under.searched,
        "sets": [_set_json(under, found) for found in under.sets.values()],
    }


def _set_json(under: Any, found: Any) -> dict[str, Any]:
    violation, trace = found.violation, found.trace
    return {
        "parts": under.ordered(found.parts),
        "left_out": under.left_out(found.parts),
        "verdict": found.verdict.value,
        "property": json_text(violation.property) if violation else None,
        "kind": violation.kind.value if violation else None,
        "steps": None if trace is None else len(trace),
        "token": None if trace is None else trace.token,
        "reason": found.reason,
        "states": found.states,
        "carried": found.carried,
    }


def _set(under: Any, parts: Any) -> str:
    return _joined(under.ordered(parts)) or NOTHING


def _joined(names: Sequence[str]) -> str:
    return clean(" + ".join(names))


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


__all__ = ["how_known", "repairs_json", "repairs_markdown", "repairs_text"]
