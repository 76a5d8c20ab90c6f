"""The fewest context switches of a shortest counterexample, by going along every path there is."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from modelcheck import Kind
from modelcheck.check import tables_of
from modelcheck.explore.search import successor

#: Steps taken for one program, at most.
MOST = 100_000


class TooMany(Exception):
    """The paths are too many to go along."""


def fewest(model: Any, violation: Any, length: int) -> int:
    """The fewest changes of process on any path of a length that ends in a violation.

    Nothing is remembered of the states met: each path is gone along by itself, from the start.
    """

    def work(learner: Any, tables: Any) -> int:
        budget, least = [MOST], [length]

        def go(state: Any, who: tuple[str, ...]) -> None:
            budget[0] -= 1
            if budget[0] < 0:
                raise TooMany
            left = length - len(who)
            if left == 0:
                if is_bad(tables, state, violation):
                    least[0] = min(least[0], sum(a != b for a, b in pairwise(who)))
                return
            for agent in range(len(tables.agents)):
                by = (*who, tables.agents[agent].name)
                for outcome in tables.leaf(agent, state).outcomes:
                    if outcome.failure is None:
                        go(successor(state, outcome.writes), by)
                    elif left == 1 and is_failure(outcome.failure, violation):
                        least[0] = min(least[0], sum(a != b for a, b in pairwise(by)))

        go(tables.initial, ())
        return least[0]

    found: int = tables_of(model, "sc", work)
    return found


def is_failure(failure: Any, violation: Any) -> bool:
    same = (violation.kind, violation.message, violation.file, violation.line)
    return (failure.kind, failure.message, failure.file, failure.line) == same


def is_bad(tables: Any, state: Any, violation: Any) -> bool:
    """Whether a state violates the same; of several properties at the end the first counts."""
    kind = violation.kind
    if kind is Kind.INVARIANT:
        return any(
            p.kind == "always" and p.name == violation.property and not tables.holds(p, state).holds
            for p in tables.properties
        )
    if kind not in (Kind.DEADLOCK, Kind.FINAL):
        return False
    if any(tables.leaf(agent, state).outcomes for agent in range(len(tables.agents))):
        return False
    resting = all(a.may_rest[state[a.slot]] for a in tables.agents)
    if kind is Kind.DEADLOCK or not resting:
        return kind is Kind.DEADLOCK and not resting
    wrong = [
        p.name for p in tables.properties if p.kind == "at_end" and not tables.holds(p, state).holds
    ]
    return wrong[:1] == [violation.property]
