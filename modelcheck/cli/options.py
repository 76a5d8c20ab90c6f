"""The options that several commands take, and what they accept.

Neighbours: `commands` and the files of the other commands decorate with them.
"""

from __future__ import annotations

from typing import Any

import click

from modelcheck.cli.exports import FORMATS
from modelcheck.memory import check_name

PARAMETERS = click.option(
    "-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the model."
)
JSON = click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the results as JSON: an object for one model, a list for several.",
)
SVG = click.option(
    "--svg",
    metavar="FILE|FOLDER",
    help="Draw counterexamples, a text beside each: as .svg (or .png, .pdf where there is a "
    "converter), or into a folder.",
)
DOT = click.option(
    "--dot", metavar="FILE|FOLDER", help="Write state graphs as .dot, or into a folder."
)
MEMORY = click.option(
    "--memory",
    default="sc",
    show_default=True,
    metavar="MODEL",
    help="The memory model: sc, tso, pso or wmm; for `check` also several, `sc,tso`, and the "
    "axiomatic ones: lkmm, x86-tso, power, armv8, ra, rc11, axiomatic-sc, FILE.cat.",
)
BUFFER = click.option(
    "--buffer",
    type=click.IntRange(min=1),
    help="How many stores a store buffer holds, and stale values of a location a CPU keeps.",
)
HTML = click.option(
    "--html", metavar="FILE|FOLDER", help="Write a page to walk through it, or one for each model."
)
HTML_STATES = click.option(
    "--html-states",
    type=click.IntRange(min=0),
    metavar="N",
    help="States in a page's state graph: of a larger model those near the counterexample; 0 for "
    "none. Without it, all states of a model that has at most 60.",
)
EXPORT = click.option(
    "--export",
    "exports",
    multiple=True,
    metavar="FORMAT:FILE",
    help=f"Write in another format: {', '.join(FORMATS)}.",
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")


class Positive(click.FloatRange):
    """A number greater than 0."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        number = float(super().convert(value, param, ctx))
        if number != number:  # not a number compares with nothing, so it is in every range
            self.fail(f"{value!r} is no number", param, ctx)
        return number


def memories(given: str) -> list[str]:
    """Return the memory models that were asked for. Raises `UsageError` for an unknown one."""
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        check_name(name)
    return names
