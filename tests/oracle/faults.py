"""Faults planted in the reduction, one at a time: the tests of it must catch each.

``cd tests && python -m oracle.faults`` tells with how many random programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

from modelcheck.explore.reduction import search
from modelcheck.explore.reduction.relations import Relations, _writes
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.tables.tries import Leaf

_disturbing = Relations._disturbing
_ways = Relations._ways
_onward = Relations._onward


def _without(found: set[Any], relations: Relations, leaf: Leaf, kind: str) -> set[Any]:
    """Conflicts less those that rest on what others read, or write, of what a path writes."""
    (step, path), mine = relations._paths[leaf], _writes(leaf)
    keep = set(relations._breaking(step, path)) if kind != "breaking" else set()
    for slot in mine:
        if kind != "readers":
            keep |= set(relations._readers[slot])
        if kind != "writers":
            keep |= set(relations._writers[slot])
    return found & keep


def _lacks(kind: str) -> Any:
    return lambda self, leaf: _without(_disturbing(self, leaf), self, leaf, kind)


def _unknown_never(self: Relations, node: Any, fixed: Any, step: Any) -> Any:
    return _ways(self, node, fixed, step) - {None}


def _own_moves_only(self: Relations, agent: int) -> Any:
    with mock.patch.object(self, "_writers", [
        {step: values for step, values in writers.items() if step[0] == agent}
        for writers in self._writers
    ]):  # fmt: skip
        return _onward(self, agent)


def _only_once(tables: Any, run_class: Any) -> Any:
    from oracle import reduced

    run = run_class(tables, search.Meter(reduced.Budget()), {}, 1)
    run.to_the_end(None)
    return reduced.facts_of(tables, run.states, run.edges), len(run.states)


_NO_MISMATCH = ("", "Traceback (most recent call last):")

#: Each fault: where, which name, and what is there instead.
FAULTS: dict[str, tuple[Any, str, Any]] = {
    "conflicts: readers left out": (Relations, "_disturbing", _lacks("readers")),
    "conflicts: writers left out": (Relations, "_disturbing", _lacks("writers")),
    "conflicts: what leads off the path left out": (Relations, "_breaking", lambda *_: set()),
    "conflicts: none": (Relations, "_disturbing", lambda *_: set()),
    "never together: always": (Relations, "_never_together", lambda *_: True),
    "never together: unknown branches are never enabled": (Relations, "_ways", _unknown_never),
    "any two values look alike": (Relations, "_unseen", lambda *_: True),
    "nothing enables a blocked step": (Relations, "enablers", lambda *_: []),
    "nothing leads to a local state": (Relations, "predecessors", lambda *_: []),
    "only a process itself moves it": (Relations, "_onward", _own_moves_only),
    "nothing is visible": (Relations, "visible", lambda *_: False),
    "no other step is visible": (Relations, "visible_steps", lambda *_: []),
    "steps are ignored": (search._Run, "_catch_up", lambda *_: False),
    "no second run": ("oracle.reduced", "reduced", _only_once),
    "disabled members need nothing": (Closure, "_necessary", lambda *_: ()),
}  # fmt: skip


@contextmanager
def planted(name: str) -> Iterator[None]:
    """While inside, the reduction has a fault."""
    where, what, instead = FAULTS[name]
    if isinstance(where, str):
        where = import_module(where)
    with mock.patch.object(where, what, instead):
        yield


def caught(name: str, seeds: Any, wrong: Callable[[int], str]) -> int:
    """Return the first seed whose program shows a fault by a mismatch, -1 if none does."""
    with planted(name):
        return next((seed for seed in seeds if wrong(seed).split("\n")[0] not in _NO_MISMATCH), -1)


if __name__ == "__main__":
    from oracle.reduced import one

    for fault in FAULTS:
        print(fault, caught(fault, range(1000), lambda seed: one((seed, False))[2]), flush=True)
