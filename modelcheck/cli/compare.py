"""``modelcheck compare``: a counterexample, and the same schedule in another model beside it.

Exit status: 0, whatever was found; 2 an error. Neighbour: `modelcheck.results.beside` walks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelcheck.check import check
from modelcheck.cli.completion import TARGET
from modelcheck.cli.options import HTML, MEMORY, PARAMETERS, Positive
from modelcheck.cli.outputs import refuse_unwritable, write
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, users_code, with_parameters
from modelcheck.errors import UsageError
from modelcheck.memory import memory_model
from modelcheck.results.result import Result
from modelcheck.show.summary import title_of
from modelcheck.show.text import clean, same, short_place
from modelcheck.show.trace import TraceStep
from modelcheck.show.words import steps_text

if TYPE_CHECKING:
    from modelcheck.results.beside import Beside


@click.command("compare")
@click.argument("target", type=TARGET, metavar="PATH:BROKEN")
@click.argument("other", type=TARGET, metavar="PATH:OTHER")
@PARAMETERS
@MEMORY
@click.option("--max-states", type=click.IntRange(min=1), help="Stop after so many states.")
@click.option("--timeout", type=Positive(), metavar="S", help="Stop after so many seconds.")
@HTML
def compare_command(
    target: str, other: str, params: Sequence[str], memory: str, html: str | None, **options: Any
) -> None:
    """Follow a counterexample in another model, step by step: a repaired twin, or the next draft.

    The same processes take their turns in the same order; where the other model cannot follow, it
    is told why. A parameter is for those of the two that have it. `--html` writes a page with both
    side by side.
    """
    from modelcheck.results.beside import follow

    memory_model(memory)
    refuse_unwritable(html)
    model, twin = find_one(target), find_one(other)
    (_, parameters), (_, others) = with_parameters([model, twin], params)
    with users_code(model, "checked"):
        system = model(**parameters)
        budget = {"max_states": options["max_states"], "timeout_s": options["timeout"]}
        result = check(system, memory=memory, **budget)
    if result.trace is None:
        raise UsageError(
            f"{clean(model.name)}: {result.verdict}, so there is no counterexample to follow"
        )
    with users_code(twin, "walked through"):
        found = follow(result.trace, twin(**others), memory)
    with until_closed():
        for line in told(result, found):
            say(line)
    if html:
        from modelcheck.show.html import beside_page

        write(Path(html), beside_page(result, found.trace, found.at, found.parted))


def told(result: Result, found: Beside) -> list[str]:
    """Return the schedule, a line a step, with what the other model did not take, and why."""
    trace = result.trace
    assert trace is not None
    lines = [f"{title_of(result)}, {steps_text(len(trace))}; beside it {clean(found.trace.model)}"]
    before: dict[str, str] = {}
    for number, (step, why) in enumerate(zip(trace.steps, found.parted, strict=True)):
        place = short_place(step.file, step.line)
        lines.append(f"{step.index:4}. {clean(step.process)}: {clean(step.label)} ({place})")
        if why:
            lines.append(f"      {'not yet' if before.get(step.process) == why else why}")
        else:
            beside = found.trace.steps[found.at[number] : found.at[number + 1]]
            lines += [f"      {said}" for said in _otherwise(step, beside)]
        before[step.process] = why
    taken = sum(not why for why in found.parted)
    own = len(found.trace) - taken
    also = f", and {own} of its own" if own else ""
    lines.append(
        f"{clean(found.trace.model)} takes {taken} of these {steps_text(len(trace))}{also}."
    )
    return lines


def _otherwise(step: TraceStep, beside: Sequence[TraceStep]) -> list[str]:
    """Return what the other model does otherwise at a step that it takes: its own before it."""
    *own, last = beside
    said = []
    if own:
        said.append(f"there after {', '.join(clean(one.label) for one in own)}")
    changed, there = _changed(step), _changed(last)
    if changed and not there:
        said.append(f"there it changes nothing, here {', '.join(changed)}")
    if there and not changed:
        said.append(f"there it changes {', '.join(there)}, here nothing")
    return said


def _changed(step: TraceStep) -> list[str]:
    return [clean(write.name) for write in step.writes if not same(write.old, write.new)]


__all__ = ["compare_command", "told"]
