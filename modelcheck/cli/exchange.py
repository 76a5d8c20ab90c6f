"""``modelcheck import`` and ``modelcheck export --litmus``: litmus tests and models, both ways.

Neighbours: `modelcheck.programs.importing` and `.exporting` do the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from modelcheck.cli.completion import TARGET
from modelcheck.cli.options import PARAMETERS
from modelcheck.cli.outputs import refuse_unwritable, write
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, system_of, users_code
from modelcheck.errors import UsageError
from modelcheck.show.summary import safe_lines
from modelcheck.show.text import clean

OUTPUT = click.option("-o", "output", metavar="FILE", help="Write it there instead of printing it.")


@click.command("import")
@click.argument("file", metavar="FILE.litmus")
@OUTPUT
def import_command(file: str, output: str | None) -> None:
    """Write the Python model of a litmus test in C (of the Linux kernel's memory model)."""
    from modelcheck.litmus.test import read
    from modelcheck.programs.importing import python_source

    refuse_unwritable(output, (".py",))
    _give(python_source(read(file)), output)


@click.command("export")
@click.argument("target", type=TARGET, metavar="PATH:NAME")
@click.option("--litmus", is_flag=True, help="As a C litmus test, for herd7 and klitmus7.")
@PARAMETERS
@OUTPUT
def export_command(target: str, litmus: bool, params: Sequence[str], output: str | None) -> None:
    """Write a small model for another tool: as a litmus test."""
    from modelcheck.programs.exporting import litmus_source

    if not litmus:
        raise UsageError("say as what: `modelcheck export PATH:NAME --litmus`")
    refuse_unwritable(output, (".litmus",))
    model = find_one(target)
    system = system_of(model, params)
    with users_code(model, "exported"):
        text = litmus_source(system)
    _give(text, output)


def _give(text: str, output: str | None) -> None:
    """Print a text, or write it and say so."""
    with until_closed():
        if output is None:
            say(safe_lines(text.rstrip("\n")))
        else:
            write(Path(output), text)
            say(clean(f"written: {output}"))


__all__ = ["export_command", "import_command"]
