"""``modelcheck replay``: the trace that a token stands for, shown again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from attrs import evolve

from modelcheck.check import replay
from modelcheck.cli.completion import TARGET
from modelcheck.cli.exports import of_traces, parse, write_trace
from modelcheck.cli.options import EXPORT, HTML
from modelcheck.cli.outputs import picture, refuse_undrawable, write
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, users_code


@click.command("replay")
@click.argument("target", type=TARGET, metavar="PATH:NAME")
@click.argument("token")
@click.option("--svg", metavar="FILE", help="Draw the trace: .svg (.png, .pdf).")
@HTML
@EXPORT
def replay_command(
    target: str, token: str, svg: str | None, html: str | None, exports: Sequence[str]
) -> None:
    """Show the trace of a token again; a changed model is refused, at the first step that differs.

    A token `-` is read from standard input: a long one is more than a shell passes on.
    """
    from modelcheck.show.table import write_table

    refuse_undrawable(svg)
    wanted = of_traces(parse(exports, html), "replay")
    model = find_one(target)
    text = sys.stdin.read() if token == "-" else token
    with users_code(model, "replayed"):
        trace = replay(model, text.strip())
    shown = evolve(trace, token="")
    with until_closed():
        say(shown.to_text())
        sys.stdout.flush()
        write_table(shown, sys.stdout)
    if svg:
        write(Path(svg), picture(trace, Path(svg)))
    write_trace(wanted, trace)


__all__ = ["replay_command"]
