"""Which explorer: plain Python for a start, native code once a search is large enough.

It then pays for being loaded, and compiled where it never was. The change takes place between two
levels, and nothing is lost: the native search goes on from the states found so far, in the same
order.
"""

from __future__ import annotations

from collections.abc import Callable

from modelcheck.errors import ModelError, UsageError
from modelcheck.explore import native, reference
from modelcheck.explore.budget import Meter
from modelcheck.explore.reduction import search as reduced
from modelcheck.explore.search import Search
from modelcheck.tables.tables import Tables
from modelcheck.watchdog import reason_of

ENGINES = ("auto", "reference", "native")

#: Seconds of search in Python before the native explorer takes over: what loading it costs, and
#: what compiling it costs where that was never done.
LOADING_S, COMPILING_S = 0.5, 5.0


def explore(  # noqa: PLR0913  one keyword for each option
    tables: Tables,
    meter: Meter,
    engine: str = "auto",
    workers: int = 1,
    say: Callable[[str], None] | None = None,
    reduction: bool = False,
) -> Search:
    """Search all reachable states with the explorer of that name.

    Parameters
    ----------
    engine : {"auto", "reference", "native"}
    workers : int
        Threads of the native explorer. More than one give the same counts and verdict; which of
        several shortest counterexamples is found may change from run to run.
    say : function of a string, optional
        Told in words when something takes a while for another reason than the model.
    reduction : bool
        Whether steps that need not be taken are left out (docs/reduction.md). A violation is then
        looked for once more without, for a shortest counterexample.

    Raises
    ------
    UsageError
        For an engine that is not there, or workers that it cannot have.
    """
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r}; there is {', '.join(ENGINES)}")
    if workers < 1:
        raise UsageError(f"{workers} workers cannot search; give 1 or more")
    if engine == "native" and not native.available():
        raise UsageError("the native engine needs numba: pip install numba, or use engine='auto'")
    if reduction:
        found = _reduced(tables, meter, engine, workers, say)
        return _shortened(found, meter, engine, workers, say)
    if engine == "native":
        _announce(say)
        return native.load().explore(tables, meter, workers)  # type: ignore[no-any-return] # lazily imported
    if engine == "reference" or not native.available():
        return reference.explore(tables, meter)
    return _both(tables, meter, workers, say)


def _reduced(
    tables: Tables,
    meter: Meter,
    engine: str,
    workers: int,
    say: Callable[[str], None] | None,
) -> Search:
    """Search with reduction; the native engine begins anew, with all that was learned."""
    if engine != "native":
        patience = LOADING_S if native.compiled() else COMPILING_S
        begun = meter.elapsed()
        alone = engine == "reference" or not native.available()
        search = reduced.explore(
            tables, meter, None if alone else lambda: meter.elapsed() - begun > patience
        )
        if search.paused is None:
            return search
    _announce(say)
    return native.load_reduced().explore(tables, meter, workers)  # type: ignore[no-any-return] # lazily imported


def _shortened(
    search: Search,
    meter: Meter,
    engine: str,
    workers: int,
    say: Callable[[str], None] | None,
) -> Search:
    """Look for a shorter counterexample without reduction, no deeper than the one found.

    What was found before is not lost: not to a budget, not to an interruption.
    """
    if search.found is None or search.reduction is None:
        return search
    length = len(search.found.path)
    bounded = meter.bounded(depth=length)
    if say is not None:
        say(f"a violation was found after {length} steps: looking for a shorter way to one")
    try:
        other = explore(search.tables, bounded, engine, workers, say)
    except ModelError:  # a violation found before is not lost
        search.shortest = False
        return search
    search.seconds = meter.elapsed()
    if other.found is not None and len(other.found.path) < length:
        search.found = other.found
    search.shortest = other.shortest and (other.found is not None or not other.reason)
    return search


def _both(tables: Tables, meter: Meter, workers: int, say: Callable[[str], None] | None) -> Search:
    patience = LOADING_S if native.compiled() else COMPILING_S
    begun = meter.elapsed()
    search = reference.explore(tables, meter, lambda: meter.elapsed() - begun > patience)
    if search.paused is None:
        return search
    _announce(say)
    try:
        going_on = native.load().NativeSearch(tables, meter, workers)
        going_on.go_on_from(search, search.paused)
    except KeyboardInterrupt as error:
        search.reason, search.paused = reason_of(error), None
        return search
    found: Search = going_on.run()
    return found


def _announce(say: Callable[[str], None] | None) -> None:
    if say is not None and not native.compiled():
        say("compiling the native explorer: some seconds, this first time only")
