"""Searches with reduction against searches of everything, on random programs.

``cd tests && python -m oracle.reduced --programs 10000 --seed 1``. On a mismatch the program, made
smaller, and both answers are printed, and the exit status is 1. With ``--in-turn`` each program is
searched in one of the ways only (engine, workers, with properties or without), another one from
program to program, and with ``--limit`` fewer states are too many: many more programs in the same
time.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import Pool
from random import Random
from typing import Any

from attrs import define, evolve, field

from modelcheck import ModelError, UsageError, Verdict, check
from modelcheck.check import tables_of
from modelcheck.explore import native
from modelcheck.explore.budget import Budget, Meter
from modelcheck.explore.reduction import search as reduction
from modelcheck.explore.reduction.ignoring import bits, components, ignored
from modelcheck.explore.search import successor
from modelcheck.tables.tables import State, Tables
from oracle.compare import Mismatch, same, same_path
from oracle.generate import random_program
from oracle.memory import Program as Litmus
from oracle.memory_compare import random_program as random_litmus
from oracle.memory_compare import shown, system_of
from oracle.operated import Operated, random_operated, system_of_operated
from oracle.printing import load, unload
from oracle.run import BLOCK, numbered, quiet
from oracle.scale import in_small
from oracle.shrink import shrink

MODELS = ("sc", "sc", "sc", "tso", "pso", "wmm")

#: How many of the programs under sequential consistency do nothing but operate.
OPERATED = 0.5

#: Larger programs are not compared.
LIMIT = 8_000


class TooLarge(Exception):
    """There are more states than are to be compared."""


@define
class Facts:
    """What reduction must not lose, violations being gone on from.

    `at_rest` has the states in which nobody can step, with the length of the shortest way there;
    `failures` the steps that fail, each with its process and its local state; `answers` what each
    property answers somewhere.
    """

    at_rest: dict[State, int] = field(factory=dict)
    failures: set[Any] = field(factory=set)
    answers: set[tuple[str, bool]] = field(factory=set)


def everything(tables: Tables, limit: int = LIMIT) -> tuple[Facts, int]:
    """Return the facts of all reachable states, and how many states there are."""
    facts = Facts()
    depth = {tables.initial: 0}
    order = [tables.initial]
    for state in order:
        for outcome in note(facts, tables, state, depth[state]):
            reached = successor(state, outcome.writes)
            if outcome.failure is None and reached not in depth:
                depth[reached] = depth[state] + 1
                order.append(reached)
        if len(order) > limit:
            raise TooLarge
    return facts, len(order)


def note(facts: Facts, tables: Tables, state: State, depth: int) -> list[Any]:
    """Put down what is to be seen in a state; return all outcomes of all steps there."""
    found = []
    for number, agent in enumerate(tables.agents):
        outcomes = tables.leaf(number, state).outcomes
        found += outcomes
        facts.failures |= {
            (number, state[agent.slot], o.failure.kind, o.failure.message, o.failure.line)
            for o in outcomes
            if o.failure is not None
        }
    if not found:
        facts.at_rest[state] = depth
    for prop in tables.properties:
        if prop.kind != "at_end" or not found:
            facts.answers.add((prop.name, tables.holds(prop, state).holds))
    return found


class Run(reduction.Run):
    """A reduced run that goes on after violations, and looks for witnesses it has already."""

    watch = True
    limit = LIMIT

    def to_the_end(self, pause: Any) -> None:
        self.search.found = None
        super().to_the_end(pause)

    def _stopped(self) -> bool:
        self.search.found = None
        self.search.witnesses.clear()
        if len(self.states) > self.limit:
            raise TooLarge
        return False

    def _catch_up(self) -> bool:
        more = super()._catch_up()
        self._stopped()
        return more

    def _watched(self) -> Any:
        return [p for p in self.tables.properties if p.kind != "at_end"] if self.watch else []


def reduced(tables: Tables, run_class: Any) -> tuple[Facts, int]:
    """Return the facts that the last of several reduced runs meets, and its number of states."""
    while True:
        run = run_class(tables, Meter(Budget()), {}, 1)
        run.to_the_end(None)
        if not run.stale:
            return facts_of(tables, run.states, run.edges), len(run.states)


def facts_of(tables: Tables, states: Any, edges: Any) -> Facts:
    """Return the facts of a graph, with the lengths of its own shortest ways."""
    depth = {0: 0}
    order = [0]
    for at in order:
        for after in edges[at]:
            if after not in depth:
                depth[after] = depth[at] + 1
                order.append(after)
    facts = Facts()
    for at in order:
        note(facts, tables, states[at], depth[at])
    return facts


def natively_reduced(
    tables: Tables, watch: bool, workers: int, limit: int = LIMIT
) -> tuple[Facts, int]:
    """The same of the native engine."""
    from modelcheck.explore.native import reduced as engine

    class Search(engine.ReducedSearch):
        looked = 0

        def _examine(self) -> None:
            """Have every property answer in every state; none is a violation."""
            for at in range(self.looked, self.storage.used):
                state = self.storage.state(at)
                for index, prop in enumerate(self.tables.properties):
                    if prop.kind != "at_end" and prop.trie.find(state) is None:
                        self._learn(-1 - index, state)
            self.looked = self.storage.used

        def _judge(self) -> None:
            pass

        def _watched(self) -> Any:
            return [p for p in self.tables.properties if p.kind != "at_end"] if watch else []

        def _ignored(self) -> Any:
            """Hold what it finds ignored against what the plain search for it does."""
            found, lacking = super()._ignored()
            if not self.search.reason:
                own = dict(zip(found.tolist(), lacking.tolist(), strict=True))
                same("what is ignored", plainly_ignored(self), own)
            return found, lacking

    while True:
        run = Search(tables, Meter(Budget(limit)), workers)
        run.begin()
        if run.run().reason:
            raise TooLarge
        if not run.stale:
            states, edges = _graph(run)
            return facts_of(tables, states, edges), len(states)


def _graph(run: Any) -> tuple[list[State], list[list[int]]]:
    """Return the states that a native run has stored, and the successors that it took of each."""
    states = [run.storage.state(at) for at in range(run.storage.used)]
    number = {state: at for at, state in enumerate(states)}
    return states, [
        [number[reached] for reached in _reached(run.tables, state, int(run.masks[at]))]
        for at, state in enumerate(states)
    ]


def plainly_ignored(run: Any) -> dict[int, int]:
    """Return what a native run ignores so far, found by components of its graph.

    Less the parts that have a state in which all step that can. Nothing is ignored in these, unless
    some choice rests on too little: then a step that it puts off may be lost on the way to such a
    state. The last look at the choices finds that.
    """
    states, edges = _graph(run)
    enabled = [
        sum(
            1 << agent
            for agent in range(len(run.tables.agents))
            if run.tables.leaf(agent, state).outcomes
        )
        for state in states
    ]
    taken, parts = run.masks[: len(states)].tolist(), components(edges)
    whole = {part for part, can, do in zip(parts, enabled, taken, strict=True) if not can & ~do}
    found = ignored(edges, enabled, taken)
    return {state: lacking for state, lacking in found if parts[state] not in whole}


def _reached(tables: Tables, state: State, agents: int) -> list[State]:
    """Return where the steps of some agents, given as bits, lead to from a state."""
    return [
        successor(state, outcome.writes)
        for agent in bits(agents)
        for outcome in tables.leaf(agent, state).outcomes
        if outcome.failure is None
    ]


@define
class Outcome:
    """What became of a program: its verdict, "too large" or "refused"; states, reduced and not."""

    verdict: str
    full: int = 0
    reduced: int = 0


def compare(
    program: Any,
    memory: str = "sc",
    *,
    natively: bool = True,
    turn: int | None = None,
    limit: int = LIMIT,
) -> Outcome:
    """Hold reduced searches of a program against searches of everything. Raises `Mismatch`.

    In all ways; given a `turn`, in the one whose turn it is. More states than `limit` are too many.
    """
    try:
        with opened(program) as model:
            return compare_model(model, memory, natively, turn, limit)
    except TypeError:  # a property that adds None to a number: not a program to compare
        if isinstance(program, Litmus | Operated):
            raise
        return Outcome("refused")


@contextmanager
def opened(program: Any) -> Iterator[Any]:
    """Give the model of a program, of whatever kind."""
    if isinstance(program, Litmus):
        yield system_of(program)
        return
    if isinstance(program, Operated):
        yield system_of_operated(program)
        return
    model, _, _ = load(program)
    try:
        yield model
    finally:
        unload(model)


def compare_model(model: Any, memory: str, natively: bool, turn: int | None, limit: int) -> Outcome:
    """The same of a model."""

    def work(_: Any, tables: Tables) -> Outcome:
        return compare_tables(tables, natively, turn, limit)

    try:
        outcome = tables_of(model, memory, work)
        plain = check(model, memory=memory)
    except TooLarge:
        return Outcome("too large")
    except (ModelError, UsageError) as error:
        if "although all that it needed was the same" in str(error):
            raise Mismatch(str(error)) from None
        return Outcome("refused")
    compare_checks(model, memory, plain, natively, turn)
    kind = plain.violation.kind.value if plain.violation else plain.verdict.value
    return evolve(outcome, verdict=kind)


def whose(ways: list[Any], turn: int | None) -> list[Any]:
    """All ways, or the one whose turn it is."""
    return ways if turn is None else [ways[turn % len(ways)]]


def compare_tables(
    tables: Tables, natively: bool, turn: int | None = None, limit: int = LIMIT
) -> Outcome:
    """Compare all deadlocks, final states, failing steps and answers, with each engine.

    Who is first has to learn for itself: that is another one from program to program.
    """
    outcome = Outcome("")
    ways: list[tuple[str, bool, Callable[[], tuple[Facts, int]]]] = []
    for watch in (True, False):
        run = type("Watching", (Run,), {"watch": watch, "limit": limit})
        ways.append((f"reference, watching {watch}", watch, partial(reduced, tables, run)))
    if natively and native.available():
        for watch, workers in ((True, 1), (True, 2), (False, 1)):
            said = f"native, watching {watch}, {workers} workers"
            ways.append((said, watch, partial(natively_reduced, tables, watch, workers, limit)))
    ways = whose(ways, turn)
    first = len(tables.slots) % len(ways)
    found = [(said, watch, *way()) for said, watch, way in (*ways[first:], *ways[:first])]
    full, outcome.full = everything(tables, limit)
    outcome.reduced = found[0][3]
    for said, watch, facts, states in found:
        same(f"the states at rest ({said})", full.at_rest, facts.at_rest)
        same(f"the failing steps ({said})", full.failures, facts.failures)
        if watch:
            same(f"the answers ({said})", full.answers, facts.answers)
        if states > outcome.full:
            raise Mismatch(f"more states than there are ({said}): {states}, {outcome.full}")
    return outcome


def compare_checks(
    model: Any, memory: str, plain: Any, natively: bool, turn: int | None = None
) -> None:
    """Compare what `check` says with reduction and without."""
    ways: list[dict[str, Any]] = [{"engine": "reference"}]
    if natively and native.available():
        ways += [{"engine": "native"}, {"engine": "native", "workers": 2}]
    if plain.violation and "UnboundLocalError" in plain.violation.message:
        return  # CPython names another line once it has specialised the code
    for way in whose(ways, turn):
        other = check(model, memory=memory, reduction=True, audit=True, **way)
        same(f"the verdict ({way})", plain.verdict, other.verdict)
        same(f"the trace's length ({way})", len(plain.trace or ()), len(other.trace or ()))
        same_path(str(way), plain, other)
        if plain.trace is not None and memory == "sc":  # elsewhere a buffer's bound may forbid it
            same(f"a shortest trace ({way})", True, other.trace_is_shortest)
        if plain.verdict is Verdict.HOLDS or plain.trace is None:
            same(f"the witnesses ({way})", _missing(plain), _missing(other))
            if other.states > plain.states:
                raise Mismatch(f"more states than there are ({way})")


def _missing(result: Any) -> set[str]:
    return {name for name, witness in result.witnesses.items() if witness is None}


def case(seed: int) -> tuple[Any, str]:
    """The program of a seed, and the memory model to run it under."""
    chance = Random(seed)
    memory = chance.choice(MODELS)
    program: Any
    if memory == "sc" and chance.random() < OPERATED:
        program = random_operated(chance)
    elif memory != "sc" and chance.random() < 0.7:
        program = random_litmus(chance)
    else:
        program = random_program(chance)
        if chance.random() < 0.5:  # with fewer kinds of violation, the others are looked for longer
            kept = [p for p in program.properties if chance.random() < 0.5]
            deadlock = chance.random() < 0.5
            program = replace(program, properties=tuple(kept), deadlock=deadlock)
    return program, memory


def what_is_wrong(
    program: Any, memory: str, natively: bool, turn: int | None = None, limit: int = LIMIT
) -> tuple[Outcome | None, str]:
    """Compare a program; return its outcome, or what was wrong."""
    try:
        return compare(program, memory, natively=natively, turn=turn, limit=limit), ""
    except Mismatch as mismatch:
        return None, str(mismatch)
    except Exception:
        return None, traceback.format_exc()


def _in_small(seed: int) -> Any:
    """A third with states of several words; half looking at their choices from the start."""
    return in_small(9 if seed % 3 == 0 else 64, mended=seed % 2 == 0, few=LIMIT)


def one(
    job: tuple[int, bool], in_turn: bool = False, limit: int = LIMIT
) -> tuple[int, Outcome | None, str]:
    """Compare the program of a seed."""
    seed, natively = job
    with quiet(), _in_small(seed):
        turn = seed // 2 if in_turn else None  # half of the seeds are odd, and mended
        return seed, *what_is_wrong(*case(seed), natively, turn, limit)


def explained(seed: int, wrong: str, natively: bool) -> str:
    """A mismatch with the smallest program found that shows the like."""
    program, memory = case(seed)
    if isinstance(program, Operated):
        return f"{program}\nseed {seed}: {wrong}"
    if isinstance(program, Litmus):
        return f"{shown(program)}\nseed {seed}, {memory}: {wrong}"

    def kind(text: str) -> str:
        lines = text.strip().split("\n")
        return re.sub(r"\d+|0x\w+", "", lines[-1] if "Traceback" in lines[0] else lines[0])

    def alike(variant: Any) -> bool:
        told = what_is_wrong(variant, memory, natively)[1]
        return kind(told) == kind(wrong)

    with quiet(), _in_small(seed):
        program = shrink(program, alike)
        told = what_is_wrong(program, memory, natively)[1]
        return f"{numbered(program)}\n\nseed {seed}, {memory}: {told}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--reference", action="store_true", help="the reference engine alone")
    parser.add_argument("--in-turn", action="store_true", help="each program in one of the ways")
    parser.add_argument("--limit", type=int, default=LIMIT, help="states from which it is too many")
    args = parser.parse_args()
    began, verdicts, bad = time.perf_counter(), Counter[str](), list[int]()
    full = fewer = 0
    first = args.seed * BLOCK
    jobs = [(seed, not args.reference) for seed in range(first, first + args.programs)]
    pool: Any = Pool(args.workers) if args.workers > 1 else None
    compared = partial(one, in_turn=args.in_turn, limit=args.limit)
    for seed, outcome, wrong in (
        pool.imap_unordered(compared, jobs, 20) if pool else map(compared, jobs)
    ):
        if outcome is None:
            bad.append(seed)
            print(explained(seed, wrong, not args.reference), flush=True)
            continue
        verdicts[outcome.verdict] += 1
        full, fewer = full + outcome.full, fewer + outcome.reduced
    if pool:
        pool.close()
    print(
        f"{args.programs} programs in {time.perf_counter() - began:.0f} s: "
        f"{', '.join(f'{name} {n}' for name, n in verdicts.most_common())}; "
        f"{fewer} states of {full}; {len(bad)} mismatches {bad[:20] or ''}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
