"""A counterexample as a picture: a lane a process, the shared memory between, time downward.

One stand-alone SVG, drawn directly: no font, script or file from elsewhere. It reads in light and
in dark, in a browser, in a printed review and in a viewer that knows little CSS; a pointer over a
step shows it whole. Neighbours: `layout` decides sizes, `palette` colours, `svg` writes elements,
`words` has the phrases, `endings` draws what comes below the last step.
"""

from __future__ import annotations

import hashlib
from itertools import groupby

from modelcheck.errors import cell_name
from modelcheck.show import words
from modelcheck.show.buffering import Buffering, remarks
from modelcheck.show.endings import banner, footer, standings, value_card
from modelcheck.show.layout import (
    BETWEEN,
    INDENT,
    LINE,
    MARGIN,
    REMINDER,
    Access,
    Lane,
    Plan,
    Row,
    plan,
    rows,
)
from modelcheck.show.palette import ROOT, lane_color, style
from modelcheck.show.svg import SANS_ADVANCE, Canvas, escape, fit, fit_name, fitting, wrap
from modelcheck.show.text import clean
from modelcheck.show.trace import Trace, TraceStep

HEADER = 30
SPOKEN = 40  # steps told in the description


def lanes_svg(trace: Trace) -> str:
    """The picture of a trace, as the text of an SVG document.

    Guarantees: well-formed XML for any trace whatever its values hold; the same text for the same
    trace; no reference to anything outside. The height grows with the steps, by about 60 pixels
    each, and the width with the processes.
    """
    planned = plan(trace)
    behind, canvas = Canvas(), Canvas()
    top = _title(canvas, trace, planned)
    y = _headers(canvas, planned, top)
    y = _initial(canvas, trace, planned, y + 10) + 12
    placed = rows(trace, planned, y)
    y = placed[-1].y + placed[-1].height if placed else y
    _life_lines(behind, planned, top + HEADER, y + 8)
    _turns(behind, planned, placed)
    for row in placed:
        if row.remind:
            _reminder(canvas, planned, row.y - REMINDER)
        _step(canvas, trace, planned, row)
    y = banner(canvas, trace, planned, y + 14)
    y = standings(canvas, trace, planned, y + 14)
    y = footer(canvas, trace, planned, y + 26)
    return _document(trace, "".join(behind.parts + canvas.parts), planned, y)


def _document(trace: Trace, body: str, planned: Plan, height: float) -> str:
    key = "m" + hashlib.sha256(body.encode()).hexdigest()[:10]  # pictures may share a page
    size = f"{round(planned.width)} {round(height)}"
    wide, high = size.split()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{ROOT}" role="img"'
        f' aria-labelledby="{key}-t {key}-d" width="{wide}" height="{high}"'
        f' viewBox="0 0 {size}" style="max-width:100%;height:auto">\n'
        f'<title id="{key}-t">{escape(words.title(trace))}: '
        f"{escape(words.headline(trace))}</title>\n"
        f'<desc id="{key}-d">{escape(_description(trace))}</desc>\n'
        f"<style>\n{style(len(planned.lanes))}\n</style>\n"
        f'<rect width="{wide}" height="{high}" class="fpage"/>\n{body}</svg>\n'
    )


def _description(trace: Trace) -> str:
    """The trace in a few sentences, for who hears the picture instead of seeing it."""
    names = ", ".join(clean(name) for name in trace.processes)
    told = "; ".join(f"{s.index}. {s.process}: {s.label}" for s in trace.steps[:SPOKEN])
    more = f"; and {len(trace) - SPOKEN} more" if len(trace) > SPOKEN else ""
    return f"{words.steps_text(len(trace))} of {names}. {told}{more}."


def _title(canvas: Canvas, trace: Trace, planned: Plan) -> float:
    room, y = planned.width - 2 * MARGIN, 38.0
    for line in wrap(words.title(trace), fitting(room, 19, 0.64), 2):
        canvas.text(MARGIN, y, line, "h1")
        y += 23
    sort = clean(trace.shows) if trace.violation is None else "counterexample"
    buffers = sum(lane.buffer for lane in planned.lanes.values())
    processes = words.counted(len(planned.lanes) - buffers, "process", "processes")
    told = f"{sort}, {words.steps_text(len(trace))} · {processes}"
    told += f" · memory model {clean(trace.memory_model)}"
    canvas.text(MARGIN, y - 2, fit(told, fitting(room, 13, SANS_ADVANCE)), "fdim")
    return y + 16


def _headers(canvas: Canvas, planned: Plan, y: float) -> float:
    for lane in (*planned.lanes.values(), planned.memory):
        color = "memory" if lane is planned.memory else str(lane_color(lane.color))
        with canvas.group(lane.name, "lane"):
            canvas.rect((lane.x, y, lane.width, HEADER), f"f{color}")
            canvas.text(lane.center, y + 20, fit_name(lane.name, lane.width - 12), "head fon")
    return y + HEADER


def _reminder(canvas: Canvas, planned: Plan, y: float) -> None:
    """The names of the lanes once more, small."""
    for lane in (*planned.lanes.values(), planned.memory):
        color = "dim" if lane is planned.memory else str(lane_color(lane.color))
        canvas.rect((lane.x, y + 4, lane.width, REMINDER - 8), f"fpage s{color} thin", 9)
        name = fit_name(lane.name, lane.width - 12)
        canvas.text(lane.center, y + 17.5, name, f"head f{color}")


def _initial(canvas: Canvas, trace: Trace, planned: Plan, y: float) -> float:
    """The first values of what the trace touches, on a card wide enough to be low."""
    lane, values = planned.memory, words.values(words.touched(trace, 0), 60)
    if not values:
        return y
    most = max(1, int((planned.width - 2 * MARGIN) // lane.width))
    across = min(most, -(-len(values) // 4))
    width = across * lane.width
    x = min(max(lane.center - width / 2, MARGIN), planned.width - MARGIN - width)
    return value_card(canvas, (x, y, width), "initially", values, across)


def _life_lines(canvas: Canvas, planned: Plan, top: float, bottom: float) -> None:
    for lane in (*planned.lanes.values(), planned.memory):
        canvas.line((lane.center, top), (lane.center, bottom), "life sgrid")


def _turns(canvas: Canvas, planned: Plan, placed: list[Row]) -> None:
    """A band of the process's colour behind the steps that it takes in one go."""
    for lane, run in groupby(placed, key=lambda row: planned.of_step(row.step)):
        turn = list(run)
        y = turn[0].y
        color, end = lane_color(lane.color), turn[-1].y + turn[-1].height
        canvas.rect((8, y + 1, planned.width - 16, end - y - 2), f"band f{color}")
        canvas.line((lane.center, y + 8), (lane.center, end - 8), f"live s{color}")


def _step(canvas: Canvas, trace: Trace, planned: Plan, row: Row) -> None:
    step, lane = row.step, planned.of_step(row.step)
    color = str(lane_color(lane.color))
    edge = "bad sbad" if step is trace.steps[-1] and words.at_fault(trace) else f"s{color}"
    x, top = lane.x + INDENT, row.y + 6
    with canvas.group(_tooltip(step, row.buffers), "step"):
        _moved(canvas, planned, row)
        _accesses(canvas, planned, row, color)
        canvas.rect((lane.x, top, lane.width, row.box_height), f"box fpanel {edge}")
        canvas.circle(lane.x + 17, top + 17, 10.5, f"f{color}")
        canvas.text(lane.x + 17, top + 20.6, str(step.index), "num fon")
        y = top + 21
        for line in row.label:
            canvas.text(x, y, line, "m b")
            y += LINE
        canvas.text(x, y - 2, row.place, "c fdim")
        for i, text in enumerate(row.kept):
            canvas.text(x, y + 14 + 15 * i, text, f"i f{color}")


def _tooltip(step: TraceStep, buffers: Buffering) -> str:
    reads = ", ".join(words.values([(read.name, read.value) for read in step.reads], 200))
    changes = [c for change in step.writes for c in words.shown_changes(change, 200)]
    writes = ", ".join(f"{c.name}: {c.value}" for c in changes)
    place = f"{cell_name(step.file) or step.file}:{step.line} in {step.function}"
    parts = [f"{step.index}. {step.process}: {step.label}"]
    parts += [place] * bool(step.file) + [step.note] * bool(step.note)
    parts += remarks(buffers)
    parts += [f"reads {reads}"] * bool(reads) + [f"writes {writes}"] * bool(writes)
    return " | ".join(parts)


def _accesses(canvas: Canvas, planned: Plan, row: Row, color: str) -> None:
    """What the step reads and changes in the memory column, each with its arrow."""
    lane, y = planned.of_step(row.step), row.y + 8
    for access in row.accesses:
        to = planned.lanes[access.lane] if access.lane else planned.memory
        ends = (lane.x + lane.width, to.x) if lane.x < to.x else (lane.x, to.x + to.width)
        middle = y + access.height / 2
        if access.idle:
            pass  # the step does not see it: no arrow
        elif access.write:
            canvas.arrow(ends, middle, color, "both" if access.exchange else "write")
        else:
            canvas.arrow(ends[::-1], middle, color, "read")
        _access(canvas, planned, access, y, color)
        y += access.height + BETWEEN


def _access(canvas: Canvas, planned: Plan, access: Access, y: float, color: str) -> None:
    lane = planned.lanes[access.lane] if access.lane else planned.memory
    x, base = lane.x + 11, y + 14
    css = f"box fpanel s{color}" if access.write else "thin fwash sgrid"
    canvas.rect((lane.x, y, lane.width, access.height), css, 6)
    if access.source is not None:
        _source(canvas, planned, access.source, lane.x + lane.width - 14, y + 10)
    old, between, new = access.value
    value = [(old + between, "fdim"), (new, f"f{color} b" if access.write else "fdim b")]
    name = "fink" if access.write else "fdim"
    if not access.folded:
        canvas.runs(x, base, [(f"{access.name} ", name), *value], "m")
        return
    canvas.text(x, base, access.name, f"m {name}")
    canvas.runs(x + 14, base + 15, value, "m")


def _source(canvas: Canvas, planned: Plan, source: TraceStep, x: float, y: float) -> None:
    """The number of the step that wrote what is read, in the colour of its process."""
    color = lane_color(planned.of_step(source).color)
    canvas.circle(x, y, 8.5, f"fpanel s{color} box")
    canvas.text(x, y + 3.4, str(source.index), f"num f{color}")


def _moved(canvas: Canvas, planned: Plan, row: Row) -> None:
    """A line to each other process that this step moved, behind everything else."""
    lane = planned.of_step(row.step)
    for other in map(planned.lane, row.step.others):
        if other is not None and other is not lane:
            _moved_one(canvas, lane, other, row.y + row.box_height - 4)


def _moved_one(canvas: Canvas, lane: Lane, other: Lane, y: float) -> None:
    right = other.x > lane.x
    start, side = (lane.x + lane.width, 1) if right else (lane.x, -1)
    canvas.arrow((start, other.center - 7 * side), y, str(lane_color(lane.color)))
    canvas.circle(other.center, y, 6, f"f{lane_color(other.color)}")
    css = "c fdim" if right else "c fdim end"
    canvas.text(other.center + 12 * side, y + 4, "moves too", css)
