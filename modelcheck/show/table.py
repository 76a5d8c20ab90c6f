"""A trace as a table: for a terminal in colour with rich, for a pipe as plain text without it.

Both have the same rows, from `_rows`. Neighbours: `narrative` tells the same in sentences. rich is
imported only where it is asked for; the plain text needs nothing and stays ASCII on request.
"""

from __future__ import annotations

from textwrap import wrap
from typing import Any, TextIO

from attrs import frozen

from modelcheck.show import words
from modelcheck.show.buffering import Buffering, buffering, held, remarks
from modelcheck.show.text import clean, cut, short_place
from modelcheck.show.trace import Trace, TraceStep

COLUMNS = ("step", "process", "label", "place", "reads", "writes", "locals")
WIDEST = (5, 22, 42, 28, 36, 44, 32)  # columns of text; longer cells are wrapped
COLORS = ("blue", "yellow", "cyan", "magenta", "green", "bright_red", "bright_blue", "white")
ASCII = str.maketrans({"→": "->", "…": "...", "·": "-"})


@frozen
class Line:
    """One step as texts: a cell has one entry a line."""

    step: TraceStep
    cells: tuple[list[str], ...]


def table_text(trace: Trace, *, ascii_only: bool = False) -> str:
    """The table as plain text, without colour and without rich.

    Parameters
    ----------
    trace : Trace
    ascii_only : bool
        Write ``->`` for arrows and escapes for all else outside ASCII.
    """
    rows = [tuple([name] for name in COLUMNS), *(line.cells for line in _rows(trace))]
    wrapped = [[_fold(cell, WIDEST[i]) for i, cell in enumerate(row)] for row in rows]
    used = [i for i in range(len(COLUMNS)) if any(any(row[i]) for row in wrapped[1:])]
    widths = {i: max(len(text) for row in wrapped for text in row[i] or [""]) for i in used}
    lines = [_heading(trace), ""] if used else [_heading(trace)]
    for number, row in enumerate(wrapped if used else []):
        lines += _physical([row[i] for i in used], [widths[i] for i in used])
        if number == 0:
            lines.append("  ".join("-" * widths[i] for i in used))
    text = "\n".join(line.rstrip() for line in [*lines, "", *_ending(trace)]) + "\n"
    return _ascii(text) if ascii_only else text


def trace_table(trace: Trace) -> Any:
    """The table as a rich renderable: ``rich.print(trace_table(trace))``.

    Values are never taken for rich's markup: all text is put in as `rich.text.Text`.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    lines = list(_rows(trace))
    used = [i for i in range(len(COLUMNS)) if any(any(line.cells[i]) for line in lines)]
    for i in used:
        table.add_column(COLUMNS[i], justify="right" if i == 0 else "left", overflow="fold")
    colors = {name: COLORS[i % len(COLORS)] for i, name in enumerate(trace.processes)}
    previous = None
    for line in lines:
        if previous not in (None, line.step.process):
            table.add_section()
        previous = line.step.process
        color = colors.get(previous, "white")
        styles = ("dim", f"bold {color}", "bold", "dim", "", color, "italic")
        table.add_row(*(Text("\n".join(line.cells[i]), style=styles[i]) for i in used))
    tone = "bold green" if trace.violation is None else "bold red"
    head, *rest = _ending(trace)
    heading, ending = Text(_heading(trace), style="bold"), Text(head, style=tone)
    return Group(heading, table, ending, Text("\n".join(rest)))


def write_table(trace: Trace, stream: TextIO) -> None:
    """Write the table to a stream: in colour to a terminal, as plain text to anything else.

    Without rich, and for an encoding without arrows, it is written in what the stream can take.
    """
    if stream.isatty() and _encodes(stream):
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            Console(file=stream).print(trace_table(trace))
            return
    stream.write(table_text(trace, ascii_only=not _encodes(stream)))


def _rows(trace: Trace) -> list[Line]:
    told = zip(trace.steps, buffering(trace), strict=True)
    return [Line(step, _cells(trace, step, buffers)) for step, buffers in told]


def _cells(trace: Trace, step: TraceStep, buffers: Buffering) -> tuple[list[str], ...]:
    changes = [c for change in step.writes for c in words.shown_changes(change)]
    said = [f"moves {clean(name)}" for name in step.others]
    said += [clean(step.note)] if step.note and not any(r.source for r in step.reads) else []
    said += remarks(buffers)
    return (
        [str(step.index)],
        [clean(step.process)],
        [cut(clean(step.label), 160), *(f"({text})" for text in said)],
        [place] if (place := short_place(step.file, step.line)) else [],
        words.told_reads(trace, step),
        [f"{c.name}: {c.value}" if c.sort else c.name for c in changes],
        words.kept_locals(step, 40),
    )


def _heading(trace: Trace) -> str:
    told = f"{words.steps_text(len(trace))} - memory model {clean(trace.memory_model)}"
    return f"{words.title(trace)} - {told}"


def _ending(trace: Trace) -> list[str]:
    """The violation, then who stands where and why, then what memory holds."""
    lines = [words.headline(trace)]
    lines += [f"  {line}" for line in words.details(trace.violation)]
    width = max((len(clean(status.process)) for status in trace.final), default=0)
    lines += [f"  {one.where}" for one in held(trace, len(trace))]
    for status in trace.final:
        seen = ", ".join(words.values([(read.name, read.value) for read in status.reads]))
        because = f"  ({seen})" if seen else ""
        told = f"{words.standing(status)} {words.pending(status)}".strip()
        lines.append(f"  {clean(status.process):<{width}}  {told}{because}")
    changed = words.values(words.moved_values(trace))
    lines += [f"  memory: {', '.join(changed)}"] if changed else []
    return [*lines, f"  replay token: {clean(trace.token)}"] if trace.token else lines


def _fold(texts: list[str], width: int) -> list[str]:
    return [line for text in texts for line in wrap(text, width, break_on_hyphens=False) or [""]]


def _physical(cells: list[list[str]], widths: list[int]) -> list[str]:
    """The lines of one row of cells."""
    height = max(len(cell) for cell in cells)
    padded = [[*cell, *[""] * (height - len(cell))] for cell in cells]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in zip(*padded, strict=True)
    ]


def _ascii(text: str) -> str:
    return text.translate(ASCII).encode("ascii", "backslashreplace").decode()


def _encodes(stream: TextIO) -> bool:
    try:
        "→…·".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
