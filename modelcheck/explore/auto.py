"""Which explorer: plain Python for a start, native code once a search is large enough.

It then pays for being loaded, and compiled where it never was. The change takes place between two
levels, and nothing is lost: the native search goes on from the states found so far, in the same
order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve, frozen

from modelcheck.errors import ModelError
from modelcheck.explore import coverage, native, reference
from modelcheck.explore.budget import Meter
from modelcheck.explore.orbits import Canonical, real_path
from modelcheck.explore.plan import Plan
from modelcheck.explore.reduction import search as reduced
from modelcheck.explore.reduction.orbits import OrbitRun
from modelcheck.explore.reduction.search import MOST_AGENTS
from modelcheck.explore.search import AT_REST, Search
from modelcheck.tables.closing import ClosedTables, closed
from modelcheck.tables.symmetry import Symmetry
from modelcheck.tables.tables import Tables
from modelcheck.watchdog import reason_of

#: A shorter counterexample than a reduced search's is looked for among so many states, or among so
#: many times those that it stored.
SHORTER, SHORTER_TIMES = 2_000_000, 100

#: Where the orbits of a search stand for no more states, it is worth a search without symmetry to
#: find a counterexample that is easier to read.
PLAIN = 50_000

#: Seconds of search in Python before the native explorer takes over, at most: about what loading it
#: costs, and what compiling it costs where that was never done.
LOADING_S, COMPILING_S = 0.08, 5.0

#: A search that learned so many times fewer paths than it has states is not only learning.
LEARNING = 2

#: A search of so many states is large: reduction, which begins anew, may be worth its while.
LARGE = 1 << 17

#: Kernels that are compiled when they are first needed: those of the exact search and of choosing
#: what to expand in a reduced one.
KERNEL, REDUCING = "expand", "choose"

#: The same up to symmetry; and that of searches that may miss states.
SYMMETRIC, SYMMETRIC_REDUCING, LOSSY = "orbits.expand", "orbits.successors", "compact.expand"


def explore(tables: Tables, meter: Meter, plan: Plan) -> Search:
    """Search all reachable states in the way that the plan says."""
    if plan.symmetry is not None:
        return _up_to_symmetry(plan.symmetry, meter, plan)
    if plan.reduction:
        return _shortened(_reduced(tables, meter, plan), meter, plan)
    if plan.store is not None or plan.keeper is not None:
        _announce(plan.say, KERNEL if plan.store is None else LOSSY)
        return _kept(tables, meter, plan)
    return _everything(tables, meter, plan)


def _kept(tables: Tables, meter: Meter, plan: Plan) -> Search:
    if plan.store is not None:
        return native.load_lossy().explore(tables, meter, plan.store)  # type: ignore[no-any-return] # lazily imported
    return native.load().explore(tables, meter, plan.workers, plan.keeper)  # type: ignore[no-any-return] # lazily imported


def _up_to_symmetry(symmetry: Symmetry, meter: Meter, plan: Plan) -> Search:
    """Search orbits instead of states; the paths that are found are those of real processes."""
    tables, canonical = _of_orbits(symmetry, everywhere=bool(plan.reduction))
    if plan.reduction:
        search = _reduced_orbits(tables, canonical, meter, plan)
        return _shortened(_real(search, canonical), meter, plan)
    search = _orbits(tables, canonical, meter, plan)
    if search.reduction is not None:  # it proved to be large, and its paths are real ones
        return search
    return _in_full(_real(search, canonical), meter, plan)


def _of_orbits(symmetry: Symmetry, everywhere: bool) -> tuple[ClosedTables, Canonical]:
    """Return what a search of orbits begins with; see `closed`."""
    tables, canonical = closed(symmetry, everywhere), Canonical(symmetry)
    canonical(tables.initial)
    return tables, canonical


def _real(search: Search, canonical: Canonical, known: dict[int, Any] | None = None) -> Search:
    """Tell a search's paths as those of real processes; the witnesses in `known` are it already."""
    real = known or {}
    told = partial(real_path, search.tables, canonical)
    if search.found is not None:
        search.found = evolve(search.found, path=told(search.found.path))
    search.witnesses = {
        index: real[index] if index in real else told(path)
        for index, path in search.witnesses.items()
    }
    return search


def _orbits(tables: Tables, canonical: Canonical, meter: Meter, plan: Plan) -> Search:
    """Search all orbits, their paths being from form to form; if many, reduced."""

    def search() -> Any:
        engine = native.load_symmetric()
        return engine.SymmetricSearch(tables, meter, canonical, plan.workers)

    def reduce(found: Search) -> Search | None:
        own, form = _of_orbits(canonical.symmetry, everywhere=True)
        real = {i: real_path(tables, canonical, path) for i, path in found.witnesses.items()}
        other = native.load_symmetric_reduced().explore(
            own, meter, form, plan.workers, witnesses=real, instead_of=found.levels
        )
        return None if other is None else _real(other, form, real)

    kernels = (REDUCING, SYMMETRIC_REDUCING)
    space = _Space(SYMMETRIC, search, kernels, reduce, canonical)
    return _search(tables, meter, plan, space)


def _reduced_orbits(tables: Tables, canonical: Canonical, meter: Meter, plan: Plan) -> Search:
    """Search orbits with reduction; the native engine begins anew, with all that was learned."""
    if plan.engine != "native":
        pause = None if plan.in_python else _pause(tables, meter, SYMMETRIC)
        search = reduced.explore(tables, meter, pause=pause, make=partial(OrbitRun, canonical))
        if search.paused is None:
            return search
    _announce(plan.say, SYMMETRIC, REDUCING, SYMMETRIC_REDUCING)
    engine = native.load_symmetric_reduced()
    return engine.explore(tables, meter, canonical, plan.workers)  # type: ignore[no-any-return] # lazily imported


def _pause(
    tables: Tables, meter: Meter, kernel: str, large: int | None = None
) -> Callable[[int], bool]:
    """Return what says of a search in plain Python, by its states, that it is to be left.

    For a native one, which takes `kernel`; and once it is `large`. Not as long as most of it is
    learning: that takes Python in any case. Levels widen before they narrow: where the last one is
    the widest so far, at least as much is to come as there was, and half the time tells as much.
    """
    patience = LOADING_S if native.compiled(kernel) else COMPILING_S
    begun, most = meter.elapsed(), math.inf if large is None else large
    before = widest = 0

    def is_over(states: int) -> bool:
        nonlocal before, widest
        width, before = states - before, states
        if width < 0:  # a search with reduction begins anew
            width, widest = states, 0
        widest = max(widest, width)
        learning = tables.learned * LEARNING >= states - 1  # one state took no step to find
        enough = patience / 2 if width == widest else patience
        return states >= most or (meter.elapsed() - begun > enough and not learning)

    return is_over


def _reduced(tables: Tables, meter: Meter, plan: Plan) -> Search:
    """Search with reduction; the native engine begins anew, with all that was learned."""
    if plan.engine != "native":
        pause = None if plan.in_python else _pause(tables, meter, KERNEL)
        search = reduced.explore(tables, meter, pause=pause, audited=plan.audit)
        if search.paused is None:
            return search
    _announce(plan.say, KERNEL, REDUCING)
    engine = native.load_reduced()
    return engine.explore(tables, meter, plan.workers, audited=plan.audit)  # type: ignore[no-any-return] # lazily imported


def _shortened(search: Search, meter: Meter, plan: Plan) -> Search:
    """Look for the counterexample without reduction, no deeper than the one found.

    It may be shorter, or change processes less often. Without reduction there may be too many
    states, however short the counterexample is: it is looked for among so many, and else not called
    a shortest one. What was found before is not lost: not to a budget, not to an interruption.
    """
    if search.found is None or search.reduction is None:
        return search
    if not plan.shorten:
        search.shortest, search.reduction = False, evolve(search.reduction, shortest=False)
        return search
    length = len(search.found.path)
    # That nobody can step in a state is seen where the state's own level is expanded.
    levels = length + (search.found.kind in AT_REST)
    bounded = meter.bounded(levels, max(SHORTER, SHORTER_TIMES * search.states))
    if plan.say is not None:
        plan.say(f"a violation was found after {length} steps: looking for a shorter way to one")
    other = _once_more(search, search.tables, bounded, evolve(plan, reduction=False, audit=False))
    if other is None:
        search.shortest = False
        return search
    if other.found is not None and len(other.found.path) <= length:
        search.found, search.shortest = other.found, other.shortest
    else:  # none is shorter if all levels before this one's were gone through
        search.shortest = not other.reason or len(other.levels) > length
    return search


def _in_full(search: Search, meter: Meter, plan: Plan) -> Search:
    """Where orbits stand for few states, take the counterexample of the search without symmetry.

    It has the same length, and the fewest changes of process: the paths between orbits do not tell
    which process goes on.
    """
    found, orbits = search.found, search.orbits
    if found is None or orbits is None or orbits.stand_for > PLAIN:
        return search
    assert plan.symmetry is not None
    levels = len(found.path) + (found.kind in AT_REST)
    bounded = meter.bounded(levels, 2 * PLAIN)
    alone = evolve(plan, symmetry=None, reduction=False)
    other = _once_more(search, plan.symmetry.tables, bounded, alone)
    if other is not None and other.found is not None and len(other.found.path) == len(found.path):
        search.found = other.found
    return search


def _once_more(search: Search, tables: Tables, meter: Meter, plan: Plan) -> Search | None:
    """Search again for what was found; None where an error of the model prevents it.

    Coverage stays that of the first search, as its counts do.
    """
    visits = _visits(search.tables)
    try:
        return explore(tables, meter, plan)
    except ModelError:  # a violation found before is not lost
        return None
    finally:
        _restore(search.tables, visits)
        search.seconds = meter.elapsed()


def _everything(tables: Tables, meter: Meter, plan: Plan) -> Search:
    """Search everything; what proves to be large with reduction, if it is left to us."""

    def search() -> Any:
        return native.load().NativeSearch(tables, meter, plan.workers)

    def reduce(found: Search) -> Search | None:
        engine = native.load_reduced()
        return engine.explore(  # type: ignore[no-any-return]  # lazily imported
            tables, meter, plan.workers, witnesses=found.witnesses, instead_of=found.levels
        )

    return _search(tables, meter, plan, _Space(KERNEL, search, (REDUCING,), reduce))


@frozen
class _Space:
    """What a search of everything is made of: of all states, or of all orbits.

    `search` makes a native search, which takes `kernel`. `reduce` searches anew with reduction what
    a search was left for, since it proved to be large; that takes the kernels `reducing`, and
    returns None where it is given up.
    `canonical` is for a search of orbits in plain Python.
    """

    kernel: str
    search: Callable[[], Any]
    reducing: tuple[str, ...]
    reduce: Callable[[Search], Search | None]
    canonical: Canonical | None = None


def _search(tables: Tables, meter: Meter, plan: Plan, space: _Space) -> Search:
    """Search with the engine that the plan names, Python handing over to the native one."""
    search = None
    large = LARGE if plan.reduction is None and len(tables.agents) <= MOST_AGENTS else None
    if not plan.native_at_once:
        pause = None if plan.in_python else _pause(tables, meter, space.kernel, large)
        search = reference.explore(tables, meter, pause, space.canonical)
        if search.paused is None:
            return search
    _announce(plan.say, space.kernel)
    try:
        going_on = space.search()
        going_on.large = large
        if search is None:
            going_on.begin()
        else:
            going_on.go_on_from(search, search.paused)
    except KeyboardInterrupt as error:
        if search is None:
            raise
        search.reason, search.paused = reason_of(error), None
        return search
    return _go_on(going_on, meter, plan, space)


def _go_on(going_on: Any, meter: Meter, plan: Plan, space: _Space) -> Search:
    """Go on with a native search of everything, or with a reduced one where it proves large."""
    found: Search = going_on.run()
    if not going_on.is_large:
        return found
    visits = _visits(found.tables)
    try:
        _announce(plan.say, *space.reducing)
        other = space.reduce(found)
    except KeyboardInterrupt as error:  # what was found by then is not lost
        found.reason = reason_of(error)
        return found
    if other is not None:
        return _shortened(other, meter, plan)
    _restore(found.tables, visits)
    going_on.large = None
    gone_on: Search = going_on.run()
    return gone_on


def _visits(tables: Tables) -> dict[Any, int]:
    return {leaf: leaf.visits for leaf in coverage.leaves(tables)}


def _restore(tables: Tables, visits: dict[Any, int]) -> None:
    for leaf in coverage.leaves(tables):
        leaf.visits = visits.get(leaf, 0)


def _announce(say: Callable[[str], None] | None, *kernels: str) -> None:
    if say is not None and not all(map(native.compiled, kernels)):
        say("compiling the native explorer: some seconds, this first time only")
