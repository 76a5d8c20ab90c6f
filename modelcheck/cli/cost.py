"""``modelcheck cost``: the least and the most of a counter, over all runs that end.

Exit status: 0 both are exact, 1 some run deadlocks or fails, 2 an error, 3 incomplete. Neighbour:
`modelcheck.costs` finds them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from modelcheck.cli.completion import TARGET
from modelcheck.cli.options import BUFFER, MEMORY, PARAMETERS, Positive
from modelcheck.cli.outputs import json_error
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, users_code, with_parameters
from modelcheck.costs import Costs, costs
from modelcheck.show.summary import title_of
from modelcheck.show.text import clean
from modelcheck.show.words import steps_text
from modelcheck.verdict import Verdict


@click.command("cost")
@click.argument("target", type=TARGET, metavar="PATH:NAME")
@click.option("--of", "counter", required=True, metavar="COUNTER", help="A shared location.")
@PARAMETERS
@MEMORY
@BUFFER
@click.option("--max-states", type=click.IntRange(min=1), help="States for each search.")
@click.option("--timeout", type=Positive(), metavar="S", help="Seconds for each search.")
@click.option("--reduction/--no-reduction", default=False, help="Partial-order reduction.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def cost_command(target: str, counter: str, params: Sequence[str], **options: Any) -> None:
    """Find the least and the most that a counter is at the end of a run.

    The model's properties are not asked here.
    """
    try:
        model = find_one(target)
        [(_, parameters)] = with_parameters([model], params)
        with users_code(model, "checked"):
            found = costs(
                model(**parameters),
                counter,
                memory=options["memory"],
                buffer=options["buffer"],
                max_states=options["max_states"],
                timeout_s=options["timeout"],
                reduction=options["reduction"],
            )
    except (Exception, KeyboardInterrupt) as error:
        if options["as_json"]:
            say(json_error(error))
        raise
    with until_closed():
        say(json.dumps(found.to_dict(), indent=2) if options["as_json"] else _text(found))
    sys.exit(found.exit_code)


def _text(found: Costs) -> str:
    said = f"{title_of(found)}: {clean(found.counter)}: "
    if found.least_trace is None or found.most_trace is None:
        said += "no run that ends was found"
    else:
        said += f"least {found.least} (after {steps_text(len(found.least_trace))}), "
        said += f"most {found.most} (after {steps_text(len(found.most_trace))})"
    if found.verdict is not Verdict.HOLDS:
        said += f"; {found.verdict}, so this is what was met: {clean(found.reason)}"
    return said


__all__ = ["cost_command"]
