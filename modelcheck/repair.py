"""Which parts of a model are needed: all minimal sets of toggles under which everything holds.

A set is told to hold after a complete search of its own, and to be violated only with a violation
of its own: nothing is concluded from the verdict of another set. What other sets give is an order
to ask in, and paths to try: most sets that lack a part are violated by the counterexample of a
larger one that lacks it, carried over (`modelcheck.results.carrying`) without a search. That more
parts never break what fewer hold is *checked*; `verify=False` takes it for granted, and the result
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from attrs import field, frozen

from modelcheck.check import check, tables_of
from modelcheck.errors import FailsAtStart, UsageError
from modelcheck.language.learner import Learner
from modelcheck.language.model import Model
from modelcheck.language.toggles import Toggle, Toggles, toggles_of
from modelcheck.memory import check_name
from modelcheck.results.carrying import carried
from modelcheck.results.findings import trace_of
from modelcheck.results.tracing import violation_of
from modelcheck.show.trace import Trace, Violation
from modelcheck.tables.tables import Tables
from modelcheck.verdict import ExitCode, Verdict
from modelcheck.watchdog import INTERRUPTED, interruption

#: More toggles than these have more sets than anybody waits for.
MOST_TOGGLES = 12

#: Counterexamples of larger sets that are tried before a search, the nearest sets' first.
MOST_TRIED = 4

Parts = frozenset[str]


@frozen
class PartsVerdict:
    """What is known of the model with a set of parts: its own verdict, and how it was found.

    `carried` tells that the counterexample was found without a search: it is then not promised to
    be a shortest one. `reason` tells why a search was cut, `states` how many one went through.
    """

    parts: Parts
    verdict: Verdict
    violation: Violation | None = None
    trace: Trace | None = None
    reason: str = ""
    states: int = 0
    carried: bool = False


@frozen
class RepairsUnder:
    """What was found under one memory model: each set's verdict, and what follows from them.

    Sets are in the order in which they were decided; with `verified` false, those that contain one
    that holds are taken to hold and may be missing.
    """

    memory_model: str
    toggles: tuple[Toggle, ...]
    sets: Mapping[Parts, PartsVerdict]
    verified: bool

    def _of(self, verdict: Verdict) -> list[Parts]:
        return [s for s, found in self.sets.items() if found.verdict is verdict]

    @property
    def minimal(self) -> tuple[Parts, ...]:
        """The sets that hold while each set with fewer of their parts is violated."""
        open_or_held = [*self._of(Verdict.HOLDS), *self._of(Verdict.INCOMPLETE)]
        return self._sorted(
            s for s in self._of(Verdict.HOLDS) if not any(other < s for other in open_or_held)
        )

    @property
    def unsure(self) -> tuple[Parts, ...]:
        """The sets that hold, none within them is known to, but some within them are undecided."""
        held, sure = self._of(Verdict.HOLDS), self.minimal
        return self._sorted(
            s for s in held if s not in sure and not any(other < s for other in held)
        )

    @property
    def failing(self) -> tuple[PartsVerdict, ...]:
        """The largest sets that are violated: what is left out of each, all repairs put back."""
        violated = self._of(Verdict.VIOLATED)
        largest = self._sorted(s for s in violated if not any(s < other for other in violated))
        return tuple(self.sets[s] for s in largest)

    @property
    def undecided(self) -> tuple[PartsVerdict, ...]:
        """The sets whose search was cut."""
        return tuple(self.sets[s] for s in self._sorted(self._of(Verdict.INCOMPLETE)))

    @property
    def breaking(self) -> tuple[tuple[Parts, PartsVerdict], ...]:
        """Each set that holds, with one that has a part more and is violated."""
        held = self._sorted(self._of(Verdict.HOLDS))
        return tuple(
            (s, self.sets[more])
            for s in held
            for more in (s | {t.name} for t in self.toggles)
            if more in self.sets and self.sets[more].verdict is Verdict.VIOLATED
        )

    @property
    def verdict(self) -> Verdict:
        """*Violated* where no set holds or a part more breaks one; else *incomplete* where cut.

        Without `verified`, sets that were taken to hold do not make it incomplete.
        """
        if self.breaking:
            return Verdict.VIOLATED
        if self.undecided:
            return Verdict.INCOMPLETE
        return Verdict.HOLDS if self.minimal else Verdict.VIOLATED

    @property
    def searched(self) -> int:
        """How many sets were decided by a search."""
        return sum(not found.carried for found in self.sets.values())

    def left_out(self, parts: Parts) -> tuple[str, ...]:
        """Return the parts that a set lacks, in the order of declaration."""
        return tuple(t.name for t in self.toggles if t.name not in parts)

    def ordered(self, parts: Parts) -> tuple[str, ...]:
        """Return the parts of a set in the order of declaration."""
        return tuple(t.name for t in self.toggles if t.name in parts)

    def _sorted(self, sets: Iterable[Parts]) -> tuple[Parts, ...]:
        places = {t.name: n for n, t in enumerate(self.toggles)}
        return tuple(sorted(sets, key=lambda s: (len(s), sorted(places[name] for name in s))))


@frozen(repr=False)
class Repairs:
    """All minimal sets of parts under which a model holds, for each memory model asked.

    Printed, it is the table that ``modelcheck repair`` prints.
    """

    model: str
    file: str
    parameters: Mapping[str, Any]
    toggles: tuple[Toggle, ...]
    under: tuple[RepairsUnder, ...]
    seconds: float = field(default=0.0, eq=False)

    def __getitem__(self, memory: str) -> RepairsUnder:
        return {under.memory_model: under for under in self.under}[memory]

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with: 1 if nothing repairs it or a part breaks it, 3 if cut."""
        verdicts = {under.verdict for under in self.under}
        if Verdict.VIOLATED in verdicts:
            return ExitCode.VIOLATED
        return ExitCode.INCOMPLETE if Verdict.INCOMPLETE in verdicts else ExitCode.OK

    def to_text(self) -> str:
        """Return the tables as text."""
        from modelcheck.show.repairs import repairs_text

        return repairs_text(self)

    def to_markdown(self) -> str:
        """Return the tables in Markdown, without tokens."""
        from modelcheck.show.repairs import repairs_markdown

        return repairs_markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-ready data."""
        from modelcheck.show.repairs import repairs_json

        return repairs_json(self)

    def __repr__(self) -> str:
        return f"<Repairs of {self.model}>"

    def __str__(self) -> str:
        return self.to_text()


def repair(  # noqa: PLR0913  one keyword for each option
    model: Model,
    *,
    toggles: Toggles | None = None,
    memory: str | Sequence[str] = "sc",
    parameters: Mapping[str, Any] | None = None,
    verify: bool = True,
    asked: Callable[[str, Parts], None] | None = None,
    **options: Any,
) -> Repairs:
    """Return all minimal sets of a model's optional parts under which all properties hold.

    Parameters
    ----------
    model : Model
        A `@model` function; `toggles` says which parameters put a part in, else its declaration.
    memory : str or sequence of str
        The memory models to ask, each for itself.
    parameters : mapping, optional
        Values of other parameters. A toggle named here is fixed, and no longer asked about.
    verify : bool
        Whether sets that contain one that holds are searched as well. Minimal sets are the same
        either way; without, that more parts break nothing is taken for granted.
    asked : function of a memory model and a set, optional
        Called before each search.
    **options
        Budgets and the like for `check`, which apply to each search: `timeout_s`, `max_states`,
        `max_memory_mib`, `engine`, `workers`, `buffer`, `reduction`.

    Returns
    -------
    Repairs
        A set that holds is *minimal* only if each set with fewer of its parts has a counterexample.
        Where a budget cut the search of one of these, it is `unsure` instead.

    Raises
    ------
    UsageError
        Where there is nothing to toggle, or something is toggled that cannot be.
    ModelError
        Where the model breaks a rule of the language with some set of parts.

    Notes
    -----
    At most one search for each set, ``2 ** len(toggles)`` of them; with `verify` one for each set
    that holds. A set that lacks a needed part mostly costs the replay of one counterexample.

    Examples
    --------
    >>> from modelcheck import System, at_end, model, process, state
    >>> @state
    ... class Shared:
    ...     count: int = 0
    >>> @process
    ... def increment(s, locked):
    ...     if locked:
    ...         yield s.count.add(1)
    ...     else:
    ...         seen = yield s.count
    ...         yield s.count.set(seen + 1)
    >>> @at_end
    ... def nothing_lost(s):
    ...     return s.count == 2
    >>> @model(toggles=["first", "second"])
    ... def counting(first: bool = True, second: bool = True):
    ...     s = Shared()
    ...     return System(s, [increment(s, first), increment(s, second)], [nothing_lost])
    >>> found = repair(counting)["sc"]
    >>> [found.ordered(parts) for parts in found.minimal]
    [('first', 'second')]
    >>> [(found.left_out(f.parts), len(f.trace)) for f in found.failing]
    [(('second',), 3), (('first',), 3)]
    """
    from time import perf_counter

    begun = perf_counter()
    if not isinstance(model, Model):
        raise UsageError(f"repair() was given {model!r}: give a @model function, not a system")
    fixed = dict(parameters or {})
    names = list(dict.fromkeys([memory] if isinstance(memory, str) else memory))
    for name in names:
        check_name(name, options.get("buffer"))
    free = _free(model, toggles, fixed)
    under = []
    stopped = False
    for name in names:
        sets = _Sets(_Ask(model, fixed, free, name, options, asked), stopped)
        under.append(RepairsUnder(name, free, sets.decided(verify), verify))
        stopped = sets.stopped
    shown = {k: v for k, v in model.parameters.items() if k not in {t.name for t in free}}
    return Repairs(
        model.name, model.file, {**shown, **fixed}, free, tuple(under), perf_counter() - begun
    )


def _free(model: Model, given: Toggles | None, fixed: Mapping[str, Any]) -> tuple[Toggle, ...]:
    """Return the toggles to ask about. Raises `UsageError` where there are none, or too many."""
    toggles = model.toggles if given is None else _declared(model, given)
    free = tuple(t for t in toggles if t.name not in fixed)
    if not free:
        raise UsageError(
            f"model {model.name} has nothing to toggle: declare which parameters put a part in, "
            '@model(toggles=["barrier"]), or name them'
            if not toggles
            else f"every toggle of model {model.name} has a value already: leave one of them open"
        )
    if len(free) > MOST_TOGGLES:
        raise UsageError(
            f"model {model.name} has {len(free)} toggles, that is {2 ** len(free):,} sets: fix all "
            f"but {MOST_TOGGLES} as parameters, -p NAME=VALUE"
        )
    return free


def _declared(model: Model, given: Toggles) -> tuple[Toggle, ...]:
    """Return toggles by name: as the model declares them, where it does."""
    if isinstance(given, Mapping | str):
        return toggles_of(given, model.parameters, model.name)
    known = {t.name: (t.without, t.present) for t in model.toggles}
    pairs = {name: known.get(name, (False, True)) for name in given}
    return toggles_of(pairs, model.parameters, model.name)


@frozen
class _Ask:
    """How the model with a set of parts is checked."""

    model: Model
    fixed: Mapping[str, Any]
    toggles: tuple[Toggle, ...]
    memory: str
    options: Mapping[str, Any]
    asked: Callable[[str, Parts], None] | None

    def _system(self, parts: Parts) -> Any:
        chosen = {t.name: t.value(t.name in parts) for t in self.toggles}
        return self.model(**self.fixed, **chosen)

    def search(self, parts: Parts) -> PartsVerdict:
        """Return the verdict of a search of its own."""
        if self.asked is not None:
            self.asked(self.memory, parts)
        found = check(self._system(parts), memory=self.memory, **self.options)
        return PartsVerdict(
            parts, found.verdict, found.violation, found.trace, found.reason, found.states
        )

    def carry(self, parts: Parts, trace: Trace) -> PartsVerdict | None:
        """Return a violation to which another set's counterexample leads here, or None."""
        system = self._system(parts)
        names = [p.name for p in system.properties]

        def work(learner: Learner, tables: Tables) -> PartsVerdict | None:
            found = carried(tables, trace)
            if found is None:
                return None
            learner.audit()
            violation = violation_of(tables, found, names)
            made = trace_of(system, learner, found.path, violation)
            return PartsVerdict(parts, Verdict.VIOLATED, violation, made, carried=True)

        try:
            return tables_of(system, self.memory, work, self.options.get("buffer"))
        except FailsAtStart:  # a search tells how
            return None


class _Sets:
    """The sets under one memory model, decided one after the other, until one is interrupted."""

    def __init__(self, ask: _Ask, stopped: bool):
        self.ask, self.stopped = ask, stopped
        self.names = [t.name for t in ask.toggles]
        self.known: dict[Parts, PartsVerdict] = {}
        self.held: list[Parts] = []

    def decided(self, verify: bool) -> dict[Parts, PartsVerdict]:
        """Decide all sets, but for those that contain one that holds, which only `verify` asks for.

        Larger ones come first: their counterexamples serve the smaller ones.
        """
        for parts in self._all():
            if verify:
                self._decide(parts)
            elif not self._contains_one_that_holds(parts) and self._holds(parts):
                self._shrink(parts)
        return self.known

    def _all(self) -> Iterator[Parts]:
        for size in range(len(self.names), -1, -1):
            yield from map(frozenset, combinations(self.names, size))

    def _contains_one_that_holds(self, parts: Parts) -> bool:
        return any(held <= parts for held in self.held)

    def _shrink(self, parts: Parts) -> None:
        """Take parts out of a set that holds, one by one, while it does."""
        for name in self.names:
            if name in parts and self._holds(parts - {name}):
                parts = parts - {name}

    def _holds(self, parts: Parts) -> bool:
        return self._decide(parts).verdict is Verdict.HOLDS

    def _decide(self, parts: Parts) -> PartsVerdict:
        if parts not in self.known:
            self.known[parts] = found = self._found(parts)
            if found.verdict is Verdict.HOLDS:
                self.held.append(parts)
        return self.known[parts]

    def _found(self, parts: Parts) -> PartsVerdict:
        self.stopped = self.stopped or interruption.is_set()
        if self.stopped:
            return PartsVerdict(parts, Verdict.INCOMPLETE, reason=INTERRUPTED)
        found = self._carried(parts) or self.ask.search(parts)
        self.stopped = found.reason == INTERRUPTED
        return found

    def _carried(self, parts: Parts) -> PartsVerdict | None:
        larger = [f for s, f in self.known.items() if parts < s and f.trace is not None]
        for found in sorted(larger, key=lambda f: len(f.parts))[:MOST_TRIED]:
            assert found.trace is not None
            here = self.ask.carry(parts, found.trace)
            if here is not None:
                return here
        return None


__all__ = ["Parts", "PartsVerdict", "Repairs", "RepairsUnder", "repair"]
