"""Processes that are said to be alike: the results of all searches of them, held together."""

from __future__ import annotations

from commandline import ROOT

from modelcheck import System, cells, check, names, process, state, symmetric
from modelcheck.loading import load

ALIKE = ROOT / "specs" / "symmetric" / "alike.py"
SPECS = {model.name: model for model in load(ALIKE)}
ENGINES = ["reference", "native"]


@state
class Shared:
    a: object
    x: int = 0
    owner: object = None
    kept: object = frozenset()


def alike(function, n=3, properties=(), ring=False, **options):
    """The results of both engines for n processes ``function(s, me, users)``, and of a full search.

    All that must agree is compared here.
    """

    def system():
        users = names(n, "u", ring=ring)
        s = Shared(a=cells(users, 0))
        alike = symmetric(process(function)(s, me, users).named("p") for me in users)
        return System(s, alike, properties, **options)

    results = [check(system(), engine=engine) for engine in ENGINES]
    results.append(check(system(), engine="native", workers=2))
    full = check(system(), symmetry=False, engine="reference")
    for result in results:
        assert (result.verdict, result.depth) == (full.verdict, full.depth)
        assert len(result.trace or ()) == len(full.trace or ())
        assert result.levels == results[0].levels
        assert result.orbits == results[0].orbits
        if full.violation is None:
            assert result.orbits.stand_for == full.states
    return results[0], full
