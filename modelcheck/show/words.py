"""What the renderers of a trace share: its turns, who wrote what was read, and the fixed phrases.

Every renderer tells the same story, so that a table, a picture and a narrative of one trace agree
word for word. Everything returned is safe text (see `modelcheck.show.text`). Neighbours: `trace`
has the data; `table`, `narrative`, `lanes` and `mermaid` put these words into a form.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from attrs import frozen

from modelcheck.show.buffering import buffering
from modelcheck.show.text import clean, cut, nested_changes, same, short_place, show_value
from modelcheck.show.trace import (
    ABSENT,
    Change,
    ProcessStatus,
    Read,
    Trace,
    TraceStep,
    Violation,
)
from modelcheck.verdict import Kind

WHOLE = 24
"""Values up to this length are shown whole; of longer ones only what changed inside."""

INNER_CHANGES = 4
"""Changes shown inside one value."""


@frozen
class Turn:
    """Consecutive steps of one process, or of one CPU's store buffers, and where it went on later.

    `next` is its next step in the trace; None where it takes no further step.
    """

    process: str
    steps: tuple[TraceStep, ...]
    next: TraceStep | None


@frozen
class ShownChange:
    """One changed place as text.

    `old` is empty for a part that was added, `new` for one that was removed; both are the same
    where the old value was written again, and empty in a line that only counts further changes.
    """

    name: str
    old: str
    new: str

    @property
    def sort(self) -> str:
        """``stays``, ``added``, ``removed``, ``changed``; empty where no value is told."""
        if self.old == self.new:
            return "stays" if self.new else ""
        return "changed" if self.old and self.new else "added" if self.new else "removed"

    @property
    def value(self) -> str:
        """What is shown behind the name: ``0 → 1``, ``stays 0``, ``added 3``, ``removed 3``."""
        if self.sort == "changed":
            return f"{self.old} → {self.new}"
        return f"{self.sort} {self.new or self.old}".strip()


def turns(trace: Trace) -> tuple[Turn, ...]:
    """The trace cut where another process goes on."""
    lanes = groupby(trace.steps, key=lambda step: trace.buffers.get(step.process, step.process))
    runs = [(lane, tuple(steps)) for lane, steps in lanes]
    following: dict[str, TraceStep] = {}
    found: list[Turn] = []
    for process, steps in reversed(runs):
        found.append(Turn(process, steps, following.get(process)))
        following[process] = steps[0]
    return tuple(reversed(found))


def writers(trace: Trace) -> list[dict[str, TraceStep]]:
    """For each step, who last wrote each location that it reads, where somebody did.

    Of a value from the CPU's own store buffer that is who stored it. Of a stale one it is who wrote
    what was overwritten since, where only one step can be meant.
    """
    last: dict[str, list[TraceStep]] = {}
    found = []
    for step, buffers in zip(trace.steps, buffering(trace), strict=True):
        own = {one.store.name: trace.steps[one.store.step - 1] for one in buffers.own}
        sources = ((read.name, _writer(trace, read, last)) for read in step.reads)
        found.append({name: source for name, source in sources if source is not None} | own)
        for change in step.writes:
            last.setdefault(change.name, []).append(step)
    return found


def _writer(trace: Trace, read: Read, last: dict[str, list[TraceStep]]) -> TraceStep | None:
    wrote = last.get(read.name, [])
    if read.source == "stale":
        found = [w for w in wrote[:-1] if same(_written(w, read.name), read.value)]
        first = same(trace.states[0].get(read.name), read.value)
        return found[0] if len(found) == 1 and not first else None
    return wrote[-1] if wrote else None


def _written(step: TraceStep, name: str) -> Any:
    return next(change.new for change in step.writes if change.name == name)


def plain_reads(step: TraceStep) -> list[tuple[str, Any]]:
    """What the step reads and does not also change: a read-modify-write is told by its change."""
    changed = {change.name for change in step.writes if not same(change.old, change.new)}
    return [(read.name, read.value) for read in step.reads if read.name not in changed]


def not_memory(trace: Trace, step: TraceStep) -> dict[str, str]:
    """For each location whose value the step did not get from memory: where it came from."""
    before = trace.states[step.index - 1]
    return {
        read.name: "from its own store buffer"
        if read.source == "buffer"
        else f"stale: memory has {show_value(before.get(read.name), 40)}"
        for read in step.reads
        if read.source
    }


def shown_changes(change: Change, limit: int = 40) -> list[ShownChange]:
    """The change as text: whole where it is short, else only what changed inside.

    Examples
    --------
    >>> [(c.name, c.old, c.new) for c in shown_changes(Change("x", 0, 1))]
    [('x', '0', '1')]
    >>> old, new = tuple(range(20)), (*range(19), 7)
    >>> [(c.name, c.old, c.new) for c in shown_changes(Change("cells", old, new))]
    [('cells[19]', '19', '7')]
    >>> readers = Change("readers", frozenset(range(10)), frozenset(range(1, 10)))
    >>> [(c.name, c.value) for c in shown_changes(readers)]
    [('readers', 'removed 0')]
    """
    name = clean(change.name)
    if same(change.old, change.new):
        text = show_value(change.new, limit)
        return [ShownChange(name, text, text)]
    short = max(len(show_value(v, WHOLE + 1)) for v in (change.old, change.new)) <= WHOLE
    inner = [("", change.old, change.new)] if short else nested_changes(change.old, change.new)
    shown = [_shown_change(name, path, *told_apart(old, new, limit)) for path, old, new in inner]
    more = len(shown) - INNER_CHANGES
    if more > 0:
        shown[INNER_CHANGES:] = [ShownChange(f"{name}: {more} more changes", "", "")]
    return shown


def kept_locals(step: TraceStep, limit: int = 30) -> list[str]:
    """``name = value`` for each local variable that the step set, not for those it dropped."""
    return [
        f"{clean(change.name)} = {show_value(change.new, limit)}"
        for change in step.locals
        if change.new is not ABSENT
    ]


def touched(trace: Trace, index: int) -> list[tuple[str, Any]]:
    """Name and value in state `index` of each location that some step reads or writes."""
    names = {read.name for step in trace.steps for read in step.reads}
    names |= {change.name for step in trace.steps for change in step.writes}
    names |= {read.name for status in trace.final for read in status.reads}
    return [(name, value) for name, value in trace.states[index].items() if name in names]


def told_reads(trace: Trace, step: TraceStep) -> list[str]:
    """``name = value`` for each plain read, with where the value came from if not from memory."""
    pairs, elsewhere = plain_reads(step), not_memory(trace, step)
    abouts = [f" ({elsewhere[name]})" if name in elsewhere else "" for name, _ in pairs]
    return [text + about for text, about in zip(values(pairs), abouts, strict=True)]


def title(trace: Trace) -> str:
    """The model with its parameters: ``philosophers(n=3, ordered=False)``."""
    given = ", ".join(f"{clean(k)}={show_value(v, 20)}" for k, v in trace.parameters.items())
    return clean(trace.model) + (f"({given})" if given else "")


def headline(trace: Trace) -> str:
    """What the trace shows, in a few words."""
    violation = trace.violation
    if violation is None:
        return clean(trace.shows).capitalize()
    name = clean(violation.property)
    return {
        Kind.INVARIANT: f"Invariant violated: {name}",
        Kind.ASSERTION: f"Assertion failed: {name}",
        Kind.EXCEPTION: f"Exception raised: {name}",
        Kind.DEADLOCK: "Deadlock: no process can step",
        Kind.FINAL: f"Violated at the end: {name}",
        Kind.FLAG: f"Flagged by the memory model: {name}",
        Kind.UNREACHABLE: f"Never reached: {name}",
    }.get(violation.kind, f"Violated: {name}")


def at_fault(trace: Trace) -> bool:
    """Whether the last step is what went wrong, and not that no step is left."""
    kinds = (Kind.INVARIANT, Kind.ASSERTION, Kind.EXCEPTION)
    return trace.violation is not None and trace.violation.kind in kinds


def details(violation: Violation | None) -> list[str]:
    """The violation's message, line by line, and its place; empty where there is nothing to add."""
    if violation is None:
        return []
    said = {clean(violation.property), ""}
    lines = [clean(line) for line in violation.message.splitlines()]
    place = short_place(violation.file, violation.line)
    return [line for line in lines if line not in said] + ([f"at {place}"] if place else [])


def standing(status: ProcessStatus) -> str:
    """The state of a process at the end, in a word or two."""
    if status.daemon and status.status in ("blocked", "ready"):
        return f"{status.status} (daemon)"
    return clean(status.status)


def pending(status: ProcessStatus, limit: int = 60, quote: str = "") -> str:
    """What the process would do next, with its place; empty where there is no such step."""
    label = cut(clean(status.label), limit)
    quoted = label and f"{quote}{label}{quote}"
    return " at ".join(filter(None, (quoted, short_place(status.file, status.line))))


def values(pairs: Sequence[tuple[str, Any]], limit: int = 40) -> list[str]:
    """``name = value`` for each pair."""
    return [f"{clean(name)} = {show_value(value, limit)}" for name, value in pairs]


def counted(count: int, one: str, many: str) -> str:
    """``1 process`` or ``7 processes``."""
    return f"{count:,} {one if count == 1 else many}"


def steps_text(count: int) -> str:
    """``1 step`` or ``7 steps``."""
    return counted(count, "step", "steps")


def moved_values(trace: Trace) -> list[tuple[str, Any]]:
    """Name and last value of what the trace touches and what no longer holds its first value."""
    pairs = zip(touched(trace, 0), touched(trace, -1), strict=True)
    return [now for before, now in pairs if not same(before[1], now[1])]


def _shown_change(name: str, path: str, old: str, new: str) -> ShownChange:
    return ShownChange(name + told_path(path), old, new)


def told_path(path: str) -> str:
    """The path of a part without an element of a set: its value is told anyway.

    Examples
    --------
    >>> told_path("[2].owners{3}"), told_path("[2]['{x}']")
    ('[2].owners', "[2]['{x}']")
    """
    return path[: path.index("{")] if path.endswith("}") else path


def told_apart(old: Any, new: Any, limit: int) -> tuple[str, str]:
    """Both values as text that differs even where they differ far from their beginnings.

    The text of a value that is not there is empty.
    """
    a = "" if old is ABSENT else show_value(old, limit)
    b = "" if new is ABSENT else show_value(new, limit)
    if a != b:
        return a, b
    a, b = show_value(old, 10_000), show_value(new, 10_000)
    first = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    start = max(0, first - limit // 3)
    return cut("…" + a[start:], limit), cut("…" + b[start:], limit)
