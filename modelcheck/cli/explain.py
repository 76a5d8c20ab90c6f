"""``modelcheck explain-reduction``: which processes were postponed in each state, and why.

Neighbour: `modelcheck.postponed` finds it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict

from modelcheck.cli.completion import TARGET
from modelcheck.cli.options import MEMORY, PARAMETERS
from modelcheck.cli.outputs import json_error
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, users_code, with_parameters
from modelcheck.show.text import clean
from modelcheck.show.words import steps_text

if TYPE_CHECKING:
    from modelcheck.postponed import Postponed


@click.command("explain-reduction")
@click.argument("target", type=TARGET, metavar="PATH:NAME")
@click.argument("token", required=False, default="")
@PARAMETERS
@MEMORY
@click.option("--max-states", type=click.IntRange(min=1), help="States for the search.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def explain_command(target: str, token: str, params: Sequence[str], **options: Any) -> None:
    """Say for each state of a trace which processes the reduction postpones, and why.

    Without a token: of the counterexample that the reduced search finds, or its first steps.
    """
    from modelcheck.postponed import explain_reduction

    try:
        model = find_one(target)
        [(_, parameters)] = with_parameters([model], params)
        text = sys.stdin.read().strip() if token == "-" else token
        with users_code(model, "checked"):
            told = explain_reduction(
                model if text else model(**parameters),
                text,
                memory=options["memory"],
                max_states=options["max_states"],
            )
    except (Exception, KeyboardInterrupt) as error:
        if options["as_json"]:
            say(json_error(error))
        raise
    with until_closed():
        if options["as_json"]:
            say(json.dumps([asdict(one) for one in told], indent=2))
        else:
            say("\n".join(line for number, one in enumerate(told) for line in _lines(number, one)))


def _lines(number: int, one: Postponed) -> list[str]:
    first = f"after {steps_text(number)}: " if number else "at first: "
    if not one.taken:
        return [first + "nobody can step"]
    lines = [first + "takes " + ", ".join(map(clean, one.taken))]
    lines += [f"    {clean(reason)}" for reason in one.reasons]
    if one.postponed:
        every = ", ".join(map(clean, one.postponed))
        lines.append(f"    postponed, since nothing before them can disturb or see that: {every}")
    if not one.on_the_way:
        lines.append(f"    the trace goes on with what is postponed: {clean(one.step)}")
    return lines


__all__ = ["explain_command"]
