"""``modelcheck repair``: which optional parts of a model are needed, for each memory model.

Exit status: 0 where some set of parts repairs it under every memory model asked, 1 where none does
or a part more breaks what held, 2 an error, 3 incomplete. Neighbours: `modelcheck.repair` finds the
sets, `modelcheck.show.repairs` tells them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from modelcheck.cli.completion import TARGET
from modelcheck.cli.options import BUFFER, PARAMETERS, QUIET, Positive, memories
from modelcheck.cli.outputs import json_error, refuse_unwritable, write
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, users_code, with_parameters
from modelcheck.errors import UsageError
from modelcheck.repair import Parts, Repairs, repair
from modelcheck.show.text import clean


@click.command("repair")
@click.argument("target", type=TARGET, metavar="PATH:NAME")
@PARAMETERS
@click.option(
    "--toggle",
    "toggles",
    multiple=True,
    metavar="NAME",
    help="Ask about this part (a boolean parameter); else about all that the model declares.",
)
@click.option(
    "--memory", default="sc", show_default=True, metavar="MODEL,...", help="sc, tso, pso, wmm."
)
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Search sets that contain one that holds, too: a part more could break it.",
)
@click.option("--max-states", type=click.IntRange(min=1), help="States for each search.")
@click.option("--timeout", type=Positive(), metavar="S", help="Seconds for each search.")
@click.option("--max-memory", type=Positive(), metavar="MIB", help="MiB of resident memory.")
@BUFFER
@click.option("--markdown", is_flag=True, help="Print the tables in Markdown.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write all of it as JSON.")
@QUIET
def repair_command(target: str, params: Sequence[str], quiet: bool, **options: Any) -> None:
    """Find all minimal sets of a model's optional parts with which everything holds.

    The parts are what the model declares, @model(toggles=[...]). A part that -p gives a value is
    fixed. For each largest set that is violated, a counterexample: its token is for `replay`.
    """
    json_file = options["json_file"]
    try:
        refuse_unwritable(None if json_file == "-" else json_file)
        found = _found(target, params, options, silent=quiet or json_file == "-")
    except (Exception, KeyboardInterrupt) as error:
        if json_file == "-":
            say(json_error(error))
        raise
    text = json.dumps(found.to_dict(), indent=2)
    with until_closed():
        if json_file == "-":
            say(text)
        elif not quiet:
            say(found.to_markdown() if options["markdown"] else found.to_text())
    if json_file and json_file != "-":
        write(Path(json_file), text + "\n")
    sys.exit(found.exit_code)


def _found(target: str, params: Sequence[str], options: Any, *, silent: bool) -> Repairs:
    names = memories(options["memory"])
    model = find_one(target)
    [(_, parameters)] = with_parameters([model], params)
    twice = sorted(set(options["toggles"]) & set(parameters))
    if twice:
        raise UsageError(f"{twice[0]} is both a --toggle and fixed with -p: give it once")
    with _Line(silent=silent) as line, users_code(model, "checked"):
        return repair(
            model,
            toggles=options["toggles"] or None,
            memory=names,
            parameters=parameters,
            verify=options["verify"],
            asked=line.tell,
            max_states=options["max_states"],
            timeout_s=options["timeout"],
            max_memory_mib=options["max_memory"],
            buffer=options["buffer"],
        )


class _Line:
    """One line on a terminal that says what is searched."""

    def __init__(self, *, silent: bool):
        self.on = not silent and sys.stderr.isatty()

    def __enter__(self) -> _Line:
        return self

    def tell(self, memory: str, parts: Parts) -> None:
        """Write the line anew."""
        if self.on:
            said = clean(f"{memory}: {' + '.join(sorted(parts)) or 'nothing'}")
            sys.stderr.write(f"\r\x1b[2K{said}")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self.on:
            sys.stderr.write("\r\x1b[2K")


__all__ = ["repair_command"]
