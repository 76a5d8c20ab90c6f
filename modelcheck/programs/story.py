"""An execution told in words, and drawn: who wrote what, who read it from where, how it ended.

Steps are told in an order in which every read comes after the write that it reads, process by
process as long as that goes; where there is no such order (load buffering), it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from modelcheck.axiomatic.execution import Event, Execution
from modelcheck.litmus.explain import Explanation, explanation_text, graph
from modelcheck.programs.search import final_values
from modelcheck.show.execution import EventGraph
from modelcheck.show.text import clean, show_value


def story(execution: Execution, names: Sequence[str], files: Sequence[str]) -> str:
    """Return an execution as lines of text; `files` are where the processes' code is."""
    order, circular = reading_order(execution)
    number = {event: k for k, event in enumerate(order, 1)}
    lines: list[str] = []
    last = None
    for event in order:
        proc = execution.skeleton.events[event].proc
        assert proc is not None  # the initial writes are not told
        if proc != last:
            lines += [""] * bool(lines) + [f"{clean(names[proc])}:"]
            last = proc
        lines.append(f"  {number[event]:3}. {_told(execution, event, number, names, files)}")
    if circular:
        lines += ["", "No order of these steps explains the values: each waits for a later one."]
    lines += ["", *_endings(execution, names)]
    return "\n".join(lines)


def reading_order(execution: Execution) -> tuple[list[int], bool]:
    """Return the events so that writes come before their reads; and whether that was impossible."""
    s = execution.skeleton
    before = (s.po | execution.rf).inverse().rows
    left = [i for i, event in enumerate(s.events) if event.proc is not None]
    done = s.IW
    order: list[int] = []
    circular = False
    current: int | None = None
    while left:
        ready = [i for i in left if before[i] & ~done == 0]
        if not ready:
            circular = True
            ready = [i for i in left if s.po.inverse().rows[i] & ~done == 0]
        here = [i for i in ready if s.events[i].proc == current]
        chosen = (here or ready)[0]
        current = s.events[chosen].proc
        order.append(chosen)
        done |= 1 << chosen
        left.remove(chosen)
    return order, circular


def _told(
    x: Execution, number: int, numbers: dict[int, int], names: Sequence[str], files: Sequence[str]
) -> str:
    s = x.skeleton
    event = s.events[number]
    proc = event.proc or 0
    trace: Any = s.traces[proc]
    label = trace.labels[number - s.offsets[proc]]
    place = f"{Path(files[proc]).name}:{event.line}"
    said = f"`{clean(label)}` ({clean(place)})"
    if event.kind == "W":
        return f"{said} writes {event.loc} = {event.value}" if _valued(event) else said
    if event.kind == "F":
        return f"{said}: {', '.join(sorted(event.tags))}"
    source = next((w for w, row in enumerate(x.rf.rows) if row >> number & 1), None)
    if source is None or not _valued(event):
        return said
    origin = s.events[source]
    if origin.proc is None:
        where = "the initial value"
    else:
        where = f"written by {clean(names[origin.proc])} in step {numbers[source]}"
    missed = [
        numbers[w] for w in _later(x, source) if w in numbers and numbers[w] < numbers[number]
    ]
    note = f", although step {missed[0]} came before" if missed else ""
    return f"{said} reads {event.loc} = {event.value}, {where}{note}"


def _valued(event: Event) -> bool:
    return not event.tags & {"LKR", "LKW", "UL", "LF", "RU"}


def _later(x: Execution, write: int) -> list[int]:
    """Return the writes that overwrite a write."""
    return [w for w in range(x.skeleton.n) if x.co.rows[write] >> w & 1]


def _endings(execution: Execution, names: Sequence[str]) -> list[str]:
    values = final_values(execution)
    touched = {event.loc for event in execution.skeleton.events if event.proc is not None}
    told = ", ".join(f"{clean(n)} = {show_value(v, 40)}" for n, v in values.items() if n in touched)
    lines = [f"In the end {told}."]
    for number, trace in enumerate(execution.skeleton.traces):
        waiting = getattr(trace, "waiting", None)
        lines += [
            f"{clean(names[number])} fails: {clean(f.message)} "
            f"({clean(Path(f.file).name)}:{f.line})."
            for f in getattr(trace, "failures", ())
        ]
        if waiting is not None:
            lines.append(f"{clean(names[number])} waits for ever at `{clean(waiting.text)}`.")
    return lines


def drawn(
    title: str, execution: Execution, explanation: Explanation | None, names: Sequence[str],
    note: str = "",
) -> EventGraph:  # fmt: skip
    """Return the picture of an execution, each column with its process's name."""
    return evolve(graph(title, execution, explanation, note), threads=tuple(names))


def why(execution: Execution, explanation: Explanation, names: Sequence[str]) -> str:
    """Return why an execution is forbidden, with the processes' names."""
    return explanation_text(execution, explanation, names)


__all__ = ["drawn", "reading_order", "story", "why"]
