"""An outcome as herd7 prints it, so that scripts which read herd7's output go on working."""

from __future__ import annotations

from modelcheck.axiomatic.execution import Value
from modelcheck.litmus.run import Outcome, State

KINDS = {"exists": "Allowed", "~exists": "Forbidden", "forall": "Required"}


def herd_text(outcome: Outcome) -> str:
    """Return the block of text that herd7 prints for a test, without `Time` and `Hash`.

    After a run for the verdict only, the counts are 0 or 1 and there are no states.
    """
    test = outcome.test
    question = test.question
    states = sorted(outcome.states, key=_sort_key)
    positive, negative = outcome.positive, outcome.negative
    witnesses = (negative, positive) if question.quantifier == "~exists" else (positive, negative)
    lines = [f"Test {test.name} {KINDS[question.quantifier]}", f"States {len(states)}"]
    lines += [state_text(state) for state in states]
    lines += [
        ("Loop " if outcome.cut else "") + ("Ok" if outcome.ok else "No"),
        "Witnesses",
        f"Positive: {witnesses[0]} Negative: {witnesses[1]}",
        *(f"Flag {name}" for name in sorted(outcome.flags)),
        f"Condition {question.text()}",
        f"Observation {test.name} {outcome.observation} {positive} {negative}",
    ]
    return "\n".join(lines) + "\n"


def state_text(state: State) -> str:
    """Return a final state in one line.

    Examples
    --------
    >>> from modelcheck.litmus.condition import Place
    >>> state_text(((Place(0, "r1"), 1), (Place(None, "x"), 2)))
    '0:r1=1; [x]=2;'
    """
    return " ".join(f"{place.text(True)}={value};" for place, value in state)


def _sort_key(state: State) -> list[tuple[bool, Value]]:
    return [(isinstance(value, str), value) for _, value in state]


__all__ = ["herd_text", "state_text"]
