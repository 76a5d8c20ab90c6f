"""Searches up to symmetry against searches of everything, on random programs.

``cd tests && python -m oracle.symmetric --programs 10000 --seed 1``. Half of the programs treat
some process otherwise, or might: they must be refused, or it makes no difference. On a mismatch the
program is printed with both answers, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from multiprocessing import Pool
from random import Random
from typing import Any

from attrs import define

from modelcheck import ModelError, UsageError, Verdict, check, replay
from modelcheck.check import tables_of
from modelcheck.explore import auto, native
from modelcheck.explore.orbits import Canonical
from modelcheck.explore.reduction.orbits import OrbitRun
from modelcheck.explore.search import successor
from modelcheck.language.local import Fails
from modelcheck.language.renaming import symmetry_of
from modelcheck.tables.closing import closed
from modelcheck.tables.symmetry import Symmetry
from modelcheck.tables.tables import State, Tables
from oracle.alike import load_source, source_of
from oracle.compare import Mismatch, same, same_path
from oracle.printing import unload
from oracle.reduced import Facts, Run, TooLarge, _missing, everything, note, reduced
from oracle.run import BLOCK, quiet
from oracle.scale import in_small

#: What the message of a model that is not symmetric says.
REFUSED = ("symmetr",)

#: How many orbits make a large search here.
FEW = 6

#: Memory models to draw from.
MODELS = ("sc",)


@define
class Outcome:
    """What became of a program; how many states it has, and how many orbits."""

    verdict: str
    full: int = 0
    orbits: int = 0
    reduced: int = 0


def compare(source: str, memory: str = "sc", *, natively: bool = True) -> Outcome:
    """Hold searches up to symmetry against searches of everything. Raises `Mismatch`."""
    try:
        model = load_source(source)
    except ModelError:  # a body without a step
        return Outcome("not a program")
    try:
        return compare_model(model, memory, natively=natively)
    finally:
        unload(model)


def compare_model(model: Any, memory: str = "sc", *, natively: bool = True) -> Outcome:
    """Hold searches of a model up to symmetry against searches of everything."""
    try:
        found = tables_of(model, memory, lambda learner, _: compare_tables(learner))
        compare_checks(model, memory, natively, found.full)
    except TooLarge:
        return Outcome("too large")
    except ModelError as error:
        text = f"{error}"
        return Outcome("refused" if any(word in text for word in REFUSED) else "not a program")
    except (UsageError, Fails, TypeError, AttributeError):
        return Outcome("not a program")
    return found


def compare_tables(learner: Any) -> Outcome:
    """Compare all orbits, and what is to be seen in them, violations being gone on from."""
    symmetry = symmetry_of(learner)
    assert symmetry is not None
    tables, canonical = closed(symmetry), Canonical(symmetry)
    canonical(tables.initial)
    seen, forms = _orbits(tables, canonical)
    full, states = everything(learner.result)
    symmetry.catch_up()
    every = _reachable(learner.result)
    same("the orbits", {canonical(state) for state in every}, set(forms))
    same("the number of orbits", _count_orbits(symmetry, every), len(forms))
    same("the states that they stand for", states, sum(canonical.weights[f] for f in forms))
    same("the states at rest", {canonical(s) for s in full.at_rest}, set(seen.at_rest))
    same("the distances of those", min(full.at_rest.values(), default=0),
         min(seen.at_rest.values(), default=0))  # fmt: skip
    same("the answers", full.answers, seen.answers)
    same("the failures", _failing(full), _failing(seen))
    for watch in (True, False):
        facts, count = _reduced(symmetry, watch)
        said = f"reduced, watching {watch}"
        same(f"the states at rest ({said})", set(seen.at_rest), set(facts.at_rest))
        same(f"the failures ({said})", _failing(full), _failing(facts))
        if watch:
            same(f"the answers ({said})", full.answers, facts.answers)
        if count > len(forms):
            raise Mismatch(f"more orbits than there are ({said}): {count}, {len(forms)}")
    return Outcome("compared", states, len(forms), count)


def _failing(facts: Facts) -> set[Any]:
    """Return how and where steps fail, whichever process it is that fails."""
    return {(kind, line) for _, _, kind, _, line in facts.failures}


class GoingOn(Run, OrbitRun):
    """A reduced run over orbits that goes on after violations."""


def _reduced(symmetry: Symmetry, watch: bool) -> tuple[Facts, int]:
    """Return what a reduced search of orbits sees, and how many it has."""
    canonical = Canonical(symmetry)
    canonical(symmetry.tables.initial)
    run = type("Watching", (GoingOn,), {"watch": watch})
    return reduced(closed(symmetry, everywhere=True), partial(run, canonical))


def _orbits(tables: Tables, canonical: Canonical) -> tuple[Facts, list[State]]:
    """Return what is seen in all orbits, and their forms."""
    facts = Facts()
    depth = {tables.initial: 0}
    order = [tables.initial]
    for state in order:
        for outcome in note(facts, tables, state, depth[state]):
            if outcome.failure is None:
                reached = canonical(successor(state, outcome.writes))
                if reached not in depth:
                    depth[reached] = depth[state] + 1
                    order.append(reached)
        if len(order) > 3000:
            raise TooLarge
    return facts, order


def _reachable(tables: Tables) -> list[State]:
    order, known = [tables.initial], {tables.initial}
    for state in order:
        for agent in range(len(tables.agents)):
            for outcome in tables.leaf(agent, state).outcomes:
                reached = successor(state, outcome.writes)
                if outcome.failure is None and reached not in known:
                    known.add(reached)
                    order.append(reached)
    return order


def _count_orbits(symmetry: Symmetry, states: list[State]) -> int:
    """Count orbits by following generators, with no idea of a canonical form."""
    left, count = set(states), 0
    while left:
        waiting = [left.pop()]
        count += 1
        while waiting:
            state = waiting.pop()
            for generator in range(len(symmetry.slots)):
                image = symmetry.image(generator, state)
                if image in left:
                    left.discard(image)
                    waiting.append(image)
    return count


def compare_checks(model: Any, memory: str, natively: bool, full: int) -> None:
    """Compare what `check` says up to symmetry and without; `full` states are told apart at most.

    A `sometimes` that was found is asked of no later state, and the variables that it would read
    there do not count. Forms are met in another order than states: it may have read more there.
    """
    plain = check(model, memory=memory, symmetry=False)
    if plain.verdict is Verdict.INCOMPLETE:  # the machine had no memory left for it
        raise TooLarge
    ways: list[dict[str, Any]] = [{"engine": "reference"}]
    if natively and native.available():
        ways += [{"engine": "native"}, {"engine": "native", "workers": 2}]
    # A violated model's states are counted while properties still learn which variables matter,
    # and the engines do not ask them of the same states of its last level.
    counts: list[tuple[Any, ...]] = []
    for way in ways:
        other = check(model, memory=memory, **way)
        same(f"the verdict ({way})", plain.verdict, other.verdict)
        same(f"the trace's length ({way})", len(plain.trace or ()), len(other.trace or ()))
        same(f"the depth ({way})", plain.depth, other.depth)
        same_path(str(way), plain, other)
        same(f"the witnesses ({way})", _lengths(plain), _lengths(other))
        if other.orbits is None:
            raise Mismatch(f"symmetry was not used ({way}): {other.warnings}")
        if not plain.violation or plain.violation.kind.value == "unreachable":
            asked = any(length is not None for length in plain.witnesses.values())
            if not (asked and other.orbits.stand_for == full):
                same(f"the states ({way})", plain.states, other.orbits.stand_for)
        counts.append((other.transitions, other.levels))
        if not plain.violation:
            counts[-1] += (other.states, other.orbits)
        if other.trace is not None:
            again = replay(model, other.trace.token)
            same(f"the replay ({way})", len(other.trace), len(again))
    same("the counts of the engines", 1, len(set(counts)))
    for way, large in [(way, None) for way in ways] + [(way, FEW) for way in ways[1:]]:
        if large is None:
            other = check(model, memory=memory, reduction=True, **way)
        else:
            other = _large_from(large, lambda way=way: check(model, memory=memory, **way))
            way = {**way, "large from": large}
        same(f"the reduced verdict ({way})", plain.verdict, other.verdict)
        same(f"the reduced trace's length ({way})", len(plain.trace or ()), len(other.trace or ()))
        same_path(f"reduced, {way}", plain, other)
        if plain.trace is None:
            same(f"the reduced witnesses ({way})", _missing(plain), _missing(other))
            if not plain.violation and other.states > counts[0][2]:
                raise Mismatch(f"more orbits than there are ({way})")
        elif not other.trace_is_shortest:
            raise Mismatch(f"no shortest trace ({way})")


def _large_from(states: int, run: Callable[[], Any]) -> Any:
    """Run where a search of so many states is large, and reduced from there on."""
    before, auto.LARGE = auto.LARGE, states
    try:
        return run()
    finally:
        auto.LARGE = before


def _lengths(result: Any) -> Any:
    if result.violation is not None and result.trace is not None:
        return None  # those of the last level may have been found or not
    return {n: None if t is None else len(t) for n, t in result.witnesses.items()}


def case(seed: int) -> tuple[str, str, bool]:
    """The program of a seed, its memory model, and whether something in it is crooked."""
    chance = Random(seed)
    crooked = chance.random() < 0.4
    return source_of(chance, crooked), chance.choice(MODELS), crooked


def one(job: tuple[int, bool]) -> tuple[int, Outcome | None, str]:
    """Compare the program of a seed."""
    seed, natively = job
    source, memory, crooked = case(seed)
    with quiet(), in_small(mended=seed % 2 == 0, few=1 << 12):
        try:
            outcome = compare(source, memory, natively=natively)
        except Mismatch as mismatch:
            return seed, None, str(mismatch)
        except Exception:
            return seed, None, traceback.format_exc()
    if outcome.verdict == "refused" and not crooked:
        return seed, Outcome("refused though straight"), ""
    return seed, outcome, ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--reference", action="store_true", help="the reference engine alone")
    args = parser.parse_args()
    began, verdicts, bad = time.perf_counter(), Counter[str](), list[int]()
    full = orbits = fewer = 0
    odd = []
    first = args.seed * BLOCK
    jobs = [(seed, not args.reference) for seed in range(first, first + args.programs)]
    pool: Any = Pool(args.workers) if args.workers > 1 else None
    for seed, outcome, wrong in pool.imap_unordered(one, jobs, 20) if pool else map(one, jobs):
        if outcome is None:
            bad.append(seed)
            source, memory, _ = case(seed)
            print(f"{source}\n\nseed {seed}, {memory}: {wrong}", flush=True)
            continue
        verdicts[outcome.verdict] += 1
        if "straight" in outcome.verdict:
            odd.append(seed)
        full, orbits = full + outcome.full, orbits + outcome.orbits
        fewer += outcome.reduced
    print(
        f"{args.programs} programs in {time.perf_counter() - began:.0f} s: "
        f"{', '.join(f'{name} {n}' for name, n in verdicts.most_common())}; "
        f"{orbits} orbits of {full} states, {fewer} reduced; "
        f"{len(bad)} mismatches {bad[:20] or ''} {odd[:10]}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
