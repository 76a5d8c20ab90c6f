"""Faults planted in the reduction, one at a time: the tests of it must catch each.

``cd tests && python -m oracle.faults`` tells with how many random programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from unittest import mock

from modelcheck.explore.reduction import relations, search
from modelcheck.explore.reduction.forms import Forms
from modelcheck.explore.reduction.relations import Relations, Steps
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.language.local import Run
from modelcheck.language.turn import Blocked, Turn
from modelcheck.tables.tries import Recorder

_together = Relations._together
_leads_off = Relations._leads_off
_clash = Relations._clash
_onward = Relations._onward


def _lacks(*kinds: str) -> Any:
    """What disturbs, less what others read, or write, of what a form changes, or lead it off by."""

    def disturb(self: Relations, one: Any, other: Any) -> bool:
        return (
            ("readers" not in kinds and _leads_off(self, one, other))
            or ("breaking" not in kinds and _leads_off(self, other, one))
            or (
                "writers" not in kinds
                and any(_clash(self, one, other, slot) for slot in one.changes & other.changes)
            )
        )

    return disturb


def _any_child(_: Forms, branch: Any, __: int) -> Any:
    return next(iter(branch.children.values()))


def _unknown_never(self: Relations, *where: Any) -> Any:
    return (form for form in _together(self, *where) if form is not None)


def _own_moves_only(self: Relations, agent: int) -> Any:
    with mock.patch.object(self.forms, "writers", [
        {step: values for step, values in writers.items() if step[0] == agent}
        for writers in self.forms.writers
    ]):  # fmt: skip
        return _onward(self, agent)


_disturbing = Relations._disturbing


def _found_first(self: Relations, form: Any, near: Any, kept: Any) -> Any:
    return set(kept.steps) if kept else _disturbing(self, form, near, kept)


def _block(_: Turn) -> NoReturn:
    raise Blocked


def _steps_alone(self: Relations, step: Any) -> Any:
    return self._back_from(step)[0], 0


_NO_MISMATCH = ("", "Traceback (most recent call last):")

#: Each fault: where, which name, and what is there instead.
FAULTS: dict[str, tuple[Any, str, Any]] = {
    "conflicts: readers left out": (Relations, "_disturb", _lacks("readers")),
    "conflicts: writers left out": (Relations, "_disturb", _lacks("writers")),
    "conflicts: what leads off the path left out": (Relations, "_disturb", _lacks("breaking")),
    "conflicts: none": (Relations, "_disturbing", lambda *_: set()),
    "what is learned later conflicts with nothing": (Relations, "_disturbing", _found_first),
    "never together: always": (Relations, "_together", lambda *_: iter(())),
    "never together: unknown branches are never enabled": (Relations, "_together", _unknown_never),
    "operations: none changes what others see": (relations, "disturbed", lambda *_: frozenset()),
    "operations: all that was seen is not needed": (Recorder, "need", lambda *_: None),
    "operations: results are dropped": (Run, "discards", True),
    "any two values look alike": (Forms, "child", _any_child),
    "nothing enables a blocked step": (Relations, "enablers", lambda *_: Steps()),
    "nothing leads to a local state": (Relations, "entrances", lambda *_: (Steps(), 0)),
    "a process is nowhere on its way": (Relations, "entrances", _steps_alone),
    "only a process itself moves it": (Relations, "_onward", _own_moves_only),
    "nothing is visible": (Relations, "visible", lambda *_: False),
    "no other step is visible": (Relations, "visible_steps", lambda *_: Steps()),
    "steps are ignored": (search.Run, "_catch_up", lambda *_: False),
    "any step is enough alone": (Closure, "_is_enough", lambda *_: True),
    "no second run": (search.Run, "_look_again", lambda *_: None),
    "what says that a step waits can be caught": (Turn, "block", _block),
    "disabled members need nothing": (Closure, "_necessary", lambda *_: Steps()),
}  # fmt: skip


@contextmanager
def planted(name: str) -> Iterator[None]:
    """While inside, the reduction has a fault."""
    where, what, instead = FAULTS[name]
    with mock.patch.object(where, what, instead):
        yield


def caught(name: str, seeds: Any, wrong: Callable[[int], str]) -> int:
    """Return the first seed whose program shows a fault by a mismatch, -1 if none does."""
    with planted(name):
        return next((seed for seed in seeds if wrong(seed).split("\n")[0] not in _NO_MISMATCH), -1)


if __name__ == "__main__":
    from oracle.reduced import one

    for fault in FAULTS:
        print(fault, caught(fault, range(400), lambda seed: one((seed, False))[2]), flush=True)
