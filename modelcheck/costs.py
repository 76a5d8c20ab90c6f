"""Least and most of a counter over all runs: what a protocol costs, at best and at worst.

The counter is a shared location of the model, and a run's cost its value where the run ends. Each
search asks for a run that costs less or more than all known ones, and gives its trace; a search
that finds none is complete, so the two figures are exact, or the result is *incomplete*.
Neighbours: `modelcheck.check` searches, `modelcheck.cli.cost` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from modelcheck.check import check
from modelcheck.errors import UsageError
from modelcheck.language.model import Model, System
from modelcheck.language.properties import PropertyFunction, at_end
from modelcheck.results.result import Result
from modelcheck.show.trace import Trace
from modelcheck.verdict import ExitCode, Verdict


@frozen
class Costs:
    """The least and the most that a run costs, each with a run that does.

    `verdict` is *holds* where both are exact, *incomplete* where a search was cut: a run may then
    cost less or more. *Violated* says that some run deadlocks or fails: `reason` says how.
    """

    model: str
    parameters: Mapping[str, Any]
    counter: str
    memory_model: str
    verdict: Verdict = Verdict.INCOMPLETE
    least: int | None = None
    most: int | None = None
    least_trace: Trace | None = None
    most_trace: Trace | None = None
    reason: str = ""
    states: int = 0

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with."""
        codes = {Verdict.VIOLATED: ExitCode.VIOLATED, Verdict.INCOMPLETE: ExitCode.INCOMPLETE}
        return codes.get(self.verdict, ExitCode.OK)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        from modelcheck.show.jsonform import json_text, json_value

        traces = {"least": self.least_trace, "most": self.most_trace}
        return {
            "model": json_text(self.model),
            "parameters": {k: json_value(v) for k, v in self.parameters.items()},
            "counter": json_text(self.counter),
            "memory_model": self.memory_model,
            "verdict": self.verdict.value,
            "least": self.least,
            "most": self.most,
            "steps": {k: None if t is None else len(t) for k, t in traces.items()},
            "reason": self.reason,
            "states": self.states,
        }


def costs(model: Model | System, counter: str, *, memory: str = "sc", **options: Any) -> Costs:
    """Return the least and the most of a counter at the end of a run, over all runs that end.

    Parameters
    ----------
    model : Model or System
        Its properties are not asked: check it for itself.
    counter : str
        The name of a shared location with whole numbers.
    memory : str
        The memory model.
    **options
        As for `check`; budgets apply to each search.

    Raises
    ------
    UsageError
        Where there is no such location, it is no number, or no run ends.

    Notes
    -----
    One search for each cost that is less or more than those found before, and a complete one.

    Examples
    --------
    >>> from modelcheck import System, process, state
    >>> @state
    ... class Shared:
    ...     free: bool = True
    ...     retries: int = 0
    >>> @process
    ... def taker(s):
    ...     if (yield s.free):
    ...         yield s.free.set(False)
    ...     else:
    ...         yield s.retries.add(1)
    >>> s = Shared()
    >>> found = costs(System(s, [taker(s) for _ in range(3)]), "retries")
    >>> found.least, found.most, found.verdict.value
    (0, 2, 'holds')
    """
    system = model() if isinstance(model, Model) else model
    if not isinstance(system, System):
        raise UsageError(f"costs() was given {model!r}: give a @model function or a System")
    names = [r.name for r in system.refs if all(map(str.isidentifier, r.name.split(".")))]
    if counter not in names:
        raise UsageError(
            f"{system.name} has no shared location {counter!r}; it has {', '.join(names)}"
        )
    found = Costs(system.name, system.parameters, counter, memory)
    while True:
        asked = _with_only(system, _between(counter, found.least, found.most))
        result = check(asked, memory=memory, **options)
        found = evolve(found, states=found.states + result.states)
        if result.violation is None or result.violation.property != NAME:
            return _ended(found, result)
        assert result.trace is not None
        found = _widened(found, result.trace)


#: The property that no run costs less or more than known: no name of the user's.
NAME = "no other cost"


def _between(counter: str, least: int | None, most: int | None) -> PropertyFunction:
    def no_other_cost(s: Any) -> bool:
        if least is None or most is None:
            return False
        value = s
        for name in counter.split("."):
            value = getattr(value, name)
        return bool(least <= value <= most)

    no_other_cost.__name__ = NAME
    made: PropertyFunction = at_end(no_other_cost)
    return made


def _with_only(system: System, prop: PropertyFunction) -> System:
    """Return the system with one property alone, and nothing expected."""
    made = System(system.state, system.processes, [prop], deadlock=system.deadlock)
    made.name, made.file, made.parameters = system.name, system.file, system.parameters
    return made


def _widened(found: Costs, trace: Trace) -> Costs:
    """Return the costs with those of one more run."""
    trace = evolve(trace, token="", violation=None, shows="path")
    cost = trace.states[-1][found.counter]
    if isinstance(cost, bool) or not isinstance(cost, int):
        raise UsageError(f"{found.counter} is {cost!r} at the end of a run: a cost is a number")
    if found.least is None or cost < found.least:
        found = evolve(found, least=cost, least_trace=trace)
    if found.most is None or cost > found.most:
        found = evolve(found, most=cost, most_trace=trace)
    return found


def _ended(found: Costs, result: Result) -> Costs:
    """Return the costs once a search has found no other one."""
    if result.violation is not None:
        return evolve(found, verdict=Verdict.VIOLATED, reason=result.violation.message)
    if result.verdict is Verdict.HOLDS and found.least is None:
        raise UsageError(f"no run of {found.model} comes to its end, so there is nothing it costs")
    return evolve(found, verdict=result.verdict, reason=result.reason)


__all__ = ["Costs", "costs"]
