"""The lower part of the lanes picture: what was violated, who stands where, what the signs mean.

Neighbours: `lanes` draws the steps above it; sizes and words come from `layout` and `words`.
"""

from __future__ import annotations

from modelcheck.show import words
from modelcheck.show.buffering import held
from modelcheck.show.layout import LABEL, LOCAL, MARGIN, SMALL, Lane, Plan
from modelcheck.show.palette import lane_color
from modelcheck.show.svg import SANS_ADVANCE, Canvas, fit, fit_name, fitting, text_width, wrap
from modelcheck.show.text import clean, cut_start, short_place
from modelcheck.show.trace import ProcessStatus, Trace

VALUES = 12  # values one below the other on a card
NOTES = 6  # lines of a violation's message
TOKEN_LINES = 40  # beyond, nobody types it from a picture
CROSS, TICK = "m-4 -4l8 8m0 -8l-8 8", "m-4.5 0l3.2 3.4l6 -6.6"


def banner(canvas: Canvas, trace: Trace, planned: Plan, y: float) -> float:
    """What was violated, in red, or what else it shows, in green; returns the lower edge."""
    tone, mark = ("good", TICK) if trace.violation is None else ("bad", CROSS)
    x, width = float(MARGIN), planned.width - 2 * MARGIN
    heading = wrap(words.headline(trace), fitting(width - 60, 15, 0.6), 3)
    limit = fitting(width - 60, LABEL)
    said = words.details(trace.violation)
    notes = [line for text in said[:NOTES] for line in wrap(text, limit, 3)]
    height = 20 + 20 * len(heading) + (17 * len(notes) + 2 if notes else 0)
    canvas.rect((x, y, width, height), f"box f{tone}wash s{tone}", 9)
    canvas.circle(x + 24, y + 20, 10, f"f{tone}")
    canvas.path(f"M{x + 24:g} {y + 20:g}{mark}", "line son")
    for i, line in enumerate(heading):
        canvas.text(x + 44, y + 25 + 20 * i, line, f"h2 f{tone}")
    for i, line in enumerate(notes):
        canvas.text(x + 44, y + 24 + 20 * len(heading) + 17 * i, line, "m")
    return y + height


def standings(canvas: Canvas, trace: Trace, planned: Plan, y: float) -> float:
    """Where each process stands at the end, and what the memory holds."""
    ends = [y, _memory_at_end(canvas, trace, planned.memory, y)]
    for status in trace.final:
        lane = planned.lane(status.process)
        if lane is not None and not lane.buffer:
            ends.append(_standing(canvas, lane, status, y))
    for lane in planned.lanes.values():
        if lane.buffer:
            waits = [one.text for one in held(trace, len(trace)) if one.lane == lane.name]
            card = (lane.x, y, lane.width)
            ends.append(value_card(canvas, card, "still waits" if waits else "empty", waits, 1))
    return max(ends)


def value_card(
    canvas: Canvas, place: tuple[float, float, float], heading: str, values: list[str], across: int
) -> float:
    """A card with a list of values in so many columns; `place` is x, y and width."""
    x, y, width = place
    most = VALUES * across
    more = len(values) - most
    shown = values if more <= 0 else [*values[: most - 1], f"… {more + 1} more"]
    down = -(-len(shown) // across)
    canvas.rect((x, y, width, 26 + 15 * down), "fwash sgrid thin")
    canvas.text(x + 11, y + 16, heading, "fdim i")
    limit = fitting(width / across - 16, LOCAL)
    for i, text in enumerate(shown):
        at = x + 11 + (i // down) * (width / across), y + 32 + 15 * (i % down)
        canvas.text(*at, fit(text, limit), "i")
    return y + 26 + 15 * down


def _memory_at_end(canvas: Canvas, trace: Trace, lane: Lane, y: float) -> float:
    changed = words.values(words.moved_values(trace), 60)
    rest = len(words.touched(trace, -1)) - len(changed)
    if not changed and not rest:
        return y
    told = [f"({rest} unchanged)"] if rest else []
    return value_card(canvas, (lane.x, y, lane.width), "at the end", [*changed, *told], 1)


def _standing(canvas: Canvas, lane: Lane, status: ProcessStatus, y: float) -> float:
    """The card of one process; red if it is blocked or has failed, unless it is a daemon."""
    color, limit = lane_color(lane.color), fitting(lane.width - 22, LOCAL)
    stuck = status.status in ("blocked", "failed") and not status.daemon
    lines = _standing_lines(lane, status, limit)
    height = 44 + 15 * len(lines)
    name = fit_name(lane.name, lane.width - 22)
    told = f"{status.process}: {words.standing(status)} {words.pending(status, 400)}"
    with canvas.group(told, "standing"):
        edge = "sbad" if stuck else f"s{color}"
        canvas.rect((lane.x, y, lane.width, height), f"box fpanel {edge}")
        canvas.text(lane.x + 11, y + 18, name, f"b f{color}")
        canvas.text(lane.x + 11, y + 34, words.standing(status), "fbad b" if stuck else "fdim")
        for i, (line, css) in enumerate(lines):
            canvas.text(lane.x + 11, y + 52 + 15 * i, line, css)
    return y + height


def _standing_lines(lane: Lane, status: ProcessStatus, limit: int) -> list[tuple[str, str]]:
    """The pending step, its place, and the values that keep it waiting, each with its class."""
    place = cut_start(short_place(status.file, status.line), fitting(lane.width - 22, SMALL))
    lines = [(line, "i b") for line in wrap(status.label, limit, 3)]
    lines += [(place, "c fdim")] * bool(place)
    reads = [(read.name, read.value) for read in status.reads]
    seen = [line for text in words.values(reads[:4], 60) for line in wrap(f"sees {text}", limit, 2)]
    more = [f"… {len(reads) - 4} more"] if len(reads) > 4 else []
    return [*lines, *((line, "i fdim") for line in (*seen, *more))]


def footer(canvas: Canvas, trace: Trace, planned: Plan, y: float) -> float:
    """What the signs mean, and the token that replays the trace."""
    x = float(MARGIN)
    for text, line in (("writes", "write"), ("reads and writes", "both"), ("reads", "read")):
        canvas.arrow((x, x + 30), y, "dim", line)
        canvas.text(x + 37, y + 4, text, "fdim")
        x += 57 + text_width(text, 13, SANS_ADVANCE)
    canvas.circle(x + 9, y, 8.5, "fpanel sdim box")
    canvas.text(x + 9, y + 3.4, "3", "num fdim")
    told = "written by step 3"
    canvas.text(x + 25, y + 4, told, "fdim")
    x += 45 + text_width(told, 13, SANS_ADVANCE)
    if trace.token:
        text = f"replay token {clean(trace.token)}"
        if x + text_width(text, LOCAL) < planned.width - MARGIN:
            canvas.text(planned.width - MARGIN, y + 4, text, "i fdim end")
        else:
            y = _token(canvas, trace, planned, y + 22)
    return y + 24


def _token(canvas: Canvas, trace: Trace, planned: Plan, y: float) -> float:
    """The whole token below the legend, in lines that can be marked and copied as one."""
    limit = fitting(planned.width - 2 * MARGIN, LOCAL)
    token = clean(trace.token)
    lines = [token[i : i + limit] for i in range(0, len(token), limit)]
    shown = ["replay token", *lines]
    if len(lines) > TOKEN_LINES:
        shown = [f"replay token ({len(token):,} letters: in the text and the JSON)"]
    for i, line in enumerate(shown):
        canvas.text(MARGIN, y + 4 + 15 * i, line, "i fdim")
    return y + 15 * (len(shown) - 1)
