"""``modelcheck graph``: the states and transitions of one model as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from modelcheck.cli.completion import TARGET
from modelcheck.cli.options import BUFFER, MEMORY, PARAMETERS
from modelcheck.cli.outputs import GRAPHS, refuse_unwritable
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, system_of, users_code
from modelcheck.errors import UsageError
from modelcheck.show.text import clean
from modelcheck.show.words import counted


@click.command("graph")
@click.argument("target", type=TARGET, metavar="PATH:NAME")
@click.option("-o", "output", required=True, metavar="FILE", help=".dot, .svg, .png or .pdf")
@PARAMETERS
@click.option("--limit", type=click.IntRange(min=1), help="Draw at most so many states.")
@MEMORY
@BUFFER
def graph_command(
    target: str,
    output: str,
    params: Sequence[str],
    limit: int | None,
    memory: str,
    buffer: int | None,
) -> None:
    """Draw the state graph, with the counterexample on it where there is one."""
    from modelcheck.results.graph import LIMIT, graph_of
    from modelcheck.show.stategraph import package, render

    refuse_unwritable(output, GRAPHS)
    package("graphviz")  # better missed now than after the search
    model = find_one(target)
    system = system_of(model, params)
    with users_code(model, "drawn"):
        graph = graph_of(system, memory=memory, buffer=buffer)
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        drawn = render(graph, output, limit or LIMIT)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    with until_closed():
        states = counted(len(drawn.nodes), "state", "states")
        transitions = counted(len(drawn.edges), "transition", "transitions")
        say(clean(f"{states}, {transitions}: {output}"))
        if drawn.note:
            say(clean(drawn.note))


__all__ = ["graph_command"]
