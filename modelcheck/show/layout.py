"""Where everything of the lanes picture goes: columns, rows and the text in each box, in pixels.

Measuring is separate from drawing: `lanes` draws what is planned here and decides no size. Long
labels are wrapped, then cut; the tooltip has them whole. Invariant: rows do not overlap and nothing
is wider than its column.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from modelcheck.show import words
from modelcheck.show.buffering import Buffering, buffering
from modelcheck.show.svg import fit, fitting, text_width, wrap
from modelcheck.show.text import clean, columns, cut_start, short_place, show_value
from modelcheck.show.trace import Trace, TraceStep

MARGIN = 24
GAP = 14  # between columns
BETWEEN = 4  # between accesses
LABEL, SMALL, LOCAL = 12.0, 10.5, 11.0  # font sizes of the classes m, c and i
INDENT = 34  # from the left of a box to its text: room for the number of the step
LINE = 16  # from one line to the next
NARROWEST = 520.0  # so that the banner and the legend have room
REPEAT = 24  # steps after which the names of the lanes are told again
REMINDER = 26  # the room for that
ACCESSES = 8  # reads, and changes, shown at one step


@frozen
class Lane:
    """One column."""

    name: str
    color: int
    x: float
    width: float
    buffer: bool = False  # a store buffer

    @property
    def center(self) -> float:
        """The x of the life line."""
        return self.x + self.width / 2


@frozen
class Access:
    """One line or two in the memory column, or in that of a store buffer: a read, or a change.

    `lane` names the store buffer, empty for memory; `idle` is what a step leaves as it is. `source`
    is the step that wrote what is read (None: the initial value, or an own line of text);
    `exchange` tells a change whose old value was read too; `folded` that the value is on a line
    of its own.
    """

    name: str
    value: tuple[str, str, str]  # what it was or a word, the arrow or a blank, what it is
    write: bool
    exchange: bool = False
    source: TraceStep | None = None
    height: float = 20
    folded: bool = False
    lane: str = ""
    idle: bool = False


@frozen
class Row:
    """One step: its box and its accesses, from `y` on; `remind` if lanes are named above it."""

    step: TraceStep
    label: list[str]
    place: str
    kept: list[str]
    accesses: list[Access]
    height: float
    buffers: Buffering
    y: float = 0
    remind: bool = False

    @property
    def box_height(self) -> float:
        """The height of the step's box: as high as its accesses, so that all arrows are level."""
        return self.height - 12


@frozen
class Plan:
    """The columns of a picture; `of` maps store buffers to the lane that they share."""

    lanes: dict[str, Lane]
    memory: Lane
    width: float
    of: Mapping[str, str]

    def lane(self, process: str) -> Lane | None:
        """The column of a process, or of a lane by its name; None where it has none."""
        return self.lanes.get(self.of.get(process, process))

    def of_step(self, step: TraceStep) -> Lane:
        """The column that a step's box stands in."""
        return self.lanes[self.of.get(step.process, step.process)]


def plan(trace: Trace) -> Plan:
    """The columns: half of the processes, the shared memory, the other half.

    In the middle, the way from a process to the memory is shortest; a store buffer stands on it.
    """
    left, right = sides(trace)
    width, memory_width = _lane_width(trace, len(left) + len(right)), _memory_width(trace)
    memory_x = MARGIN + len(left) * (width + GAP) + GAP
    behind = memory_x + memory_width + 2 * GAP
    buffers = set(trace.buffers.values())
    lanes = {}
    for i, name in enumerate([*left, *right]):
        half = len(left)
        x = MARGIN + i * (width + GAP) if i < half else behind + (i - half) * (width + GAP)
        lanes[name] = Lane(name, i, x, width, name in buffers)
    memory = Lane("shared memory", -1, memory_x, memory_width)
    end = max(lane.x + lane.width for lane in (*lanes.values(), memory))
    return Plan(lanes, memory, max(end + MARGIN, NARROWEST), trace.buffers)


def sides(trace: Trace) -> tuple[list[str], list[str]]:
    """The lanes left and right of memory; a store buffer between memory and who first used it."""
    names = dict.fromkeys([*trace.processes, *(step.process for step in trace.steps)])
    processes = [name for name in names if name not in trace.buffers]
    half = (len(processes) + 1) // 2
    owned: dict[str, list[str]] = {}
    for lane, owner in _owners(trace).items():
        owned.setdefault(owner, []).append(lane)
    left = [lane for name in processes[:half] for lane in (name, *owned.get(name, []))]
    right = [lane for name in processes[half:] for lane in (*owned.get(name, []), name)]
    return left, right


def _owners(trace: Trace) -> dict[str, str]:
    """For each lane of store buffers the process whose store came into it first."""
    found: dict[str, str] = {}
    for one in (put for step in buffering(trace) for put in step.puts):
        found.setdefault(one.lane, one.process)
    return found


def rows(trace: Trace, planned: Plan, y: float) -> list[Row]:
    """The rows of all steps, the first at `y`.

    Every so often, where a turn ends, a row leaves room above for the names of the lanes.
    """
    entered: dict[str, str] = {}
    found: list[Row] = []
    since = 0
    told = zip(trace.steps, words.writers(trace), buffering(trace), strict=True)
    for step, sources, buffers in told:
        since += 1
        remind = since > REPEAT and planned.of_step(found[-1].step) != planned.of_step(step)
        if remind:
            y, since = y + REMINDER, 1
        home = entered.setdefault(step.process, step.function) == step.function
        accesses = _accesses(step, sources, buffers, planned.memory.width)
        accesses += _in_buffers(trace, buffers, planned)
        row = _row(step, buffers, accesses, planned, "" if home else step.function)
        found.append(evolve(row, y=y, remind=remind))
        y += row.height
    return found


def _row(
    step: TraceStep, buffers: Buffering, accesses: list[Access], planned: Plan, function: str
) -> Row:
    """The row of a step, not yet placed; `function` is told where it is not the process's own."""
    width = planned.of_step(step).width - INDENT - 10
    label = wrap(step.label, fitting(width, LABEL), 3) or ["(no label)"]
    kept = _kept(step, fitting(width, LOCAL))
    if buffers.leaves is not None:
        kept = [f"stored in step {buffers.leaves.store.step}", *kept]
    height = max(_box_height(label, kept), sum(a.height + BETWEEN for a in accesses)) + 12
    height += 12 * bool(step.others)  # the arrow to those has a line of its own
    place = _place(step, function, fitting(width, SMALL))
    return Row(step, label, place, kept, accesses, height, buffers)


def _place(step: TraceStep, function: str, limit: int) -> str:
    """File and line, whose number is never cut off, then the function if there is room."""
    place = short_place(step.file, step.line)
    whole = f"{place} in {clean(function)}" if function else place
    roomy = columns(whole) <= limit or columns(place) + 5 < limit
    return fit(whole, limit) if roomy else cut_start(place, limit)


def _kept(step: TraceStep, limit: int) -> list[str]:
    kept = [fit(text, limit) for text in words.kept_locals(step, limit)]
    if step.note and not any(read.source for read in step.reads):  # drawn as what they are
        kept = [fit(clean(step.note), limit), *kept]
    return kept if len(kept) <= 3 else [*kept[:2], f"… {len(kept) - 2} more locals"]


def _box_height(label: list[str], kept: list[str]) -> float:
    return 10 + LINE * len(label) + 14 + 15 * len(kept) + 6


def _accesses(
    step: TraceStep, sources: dict[str, TraceStep], buffers: Buffering, width: float
) -> list[Access]:
    limit = fitting(width - 22, LABEL)
    own = {one.store.name: one.lane for one in buffers.own}
    elsewhere = {read.name: read.source for read in step.reads}
    reads = [
        Access(
            clean(name),
            ("stale " * (elsewhere[name] == "stale"), "= ", show_value(value, limit)),
            False,
            source=sources.get(name),
            lane=own.get(name, ""),
        )
        for name, value in words.plain_reads(step)
    ]
    read = {access.name for access in step.reads}
    writes = [
        Access(shown.name, _value(shown), True, change.name in read)
        for change in step.writes
        for shown in words.shown_changes(change, max(12, limit - 4))
    ]
    return [*_first(reads, limit, "reads"), *_first(writes, limit, "changes")]


def _in_buffers(trace: Trace, buffers: Buffering, planned: Plan) -> list[Access]:
    """What a step does to store buffers, and what waits there that it does not see."""
    told = [(put, True) for put in buffers.puts]
    told += [(newer, False) for newer in buffers.newer]
    return [
        _measured(
            Access(
                clean(one.store.name),
                ("" if put else "waits ", ":= ", show_value(one.store.value, 40)),
                put,
                source=None if put else trace.steps[one.store.step - 1],
                lane=one.lane,
                idle=not put,
            ),
            fitting(planned.lanes[one.lane].width - 22, LABEL),
        )
        for one, put in told
    ]


def _value(shown: words.ShownChange) -> tuple[str, str, str]:
    if shown.sort == "changed":
        return shown.old, " → ", shown.new
    return shown.sort, " " if shown.sort else "", shown.new or shown.old


def _first(accesses: list[Access], limit: int, what: str) -> list[Access]:
    shown = [_measured(access, limit) for access in accesses[:ACCESSES]]
    more = len(accesses) - ACCESSES
    if more > 0:
        shown.append(Access(f"… {more} more {what}", ("", "", ""), what == "changes"))
    return shown


def _measured(access: Access, limit: int) -> Access:
    """The access with its texts cut, on two lines where one is too short."""
    badge = 4 if access.source else 0
    width = sum(columns(text) for text in (access.name, *access.value))
    if width + 1 + badge <= limit:
        return access
    old, between, new = access.value
    room = limit - 3 - len(between)
    old, new = _both(old, new, room)
    value = (old, between, new) if access.write else ("", "", new)
    name = fit(access.name, limit - badge)
    return evolve(access, name=name, value=value, height=36, folded=True)


def _both(old: str, new: str, room: int) -> tuple[str, str]:
    """Old and new cut so that both fit on one line, the shorter one whole where possible."""
    half = room // 2
    if columns(old) + columns(new) <= room:
        return old, new
    if columns(old) <= half:
        return old, fit(new, room - columns(old))
    if columns(new) <= half:
        return fit(old, room - columns(new)), new
    return fit(old, half), fit(new, half)


def _lane_width(trace: Trace, count: int) -> float:
    most = 290 if count <= 3 else 228 if count <= 6 else 176
    texts = [clean(step.label) for step in trace.steps]
    texts += [text for step in trace.steps for text in words.kept_locals(step)]
    texts += [clean(step.note) for step in trace.steps]
    texts += [clean(status.label) for status in trace.final]
    widest = max((text_width(text, LABEL) for text in texts), default=0)
    homes = {step.process: step.function for step in reversed(trace.steps)}
    away = [step for step in trace.steps if step.function != homes[step.process]]
    places = [f"{short_place(s.file, s.line)} in {clean(s.function)}" for s in away]
    widest = max([widest, *(text_width(place, SMALL) for place in places)])
    return max(150.0, min(most, widest + INDENT + 14))


def _memory_width(trace: Trace) -> float:
    shown = [c for s in trace.steps for w in s.writes for c in words.shown_changes(w)]
    texts = [f"{c.name}  {c.value}" for c in shown]
    texts += [f"{name} = {show_value(value)}    " for name, value in words.touched(trace, 0)]
    widest = max((text_width(text, LABEL) for text in texts), default=0)
    return max(190.0, min(330.0, widest + 30))
