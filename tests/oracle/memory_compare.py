"""A program of `oracle.memory` as a model, and the outcomes that modelcheck finds.

``cd tests && python -m oracle.memory_compare --programs 2000 --seed 1`` compares many.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from modelcheck import System, at_end, atomic, cells, check, fence, process, state, until
from modelcheck.check import tables_of
from modelcheck.explore.search import successor
from modelcheck.language.steps import CompareAndSwap, Load, Step, Store
from oracle.memory import MODELS, Machine, Op, Outcome, Program, Stuck, ends

ORDERS = ("relaxed", "relaxed", "acquire", "release", "full")


class Tell(Step):
    """Note a result, as a register of the machine: no memory model delays it."""

    def __init__(self, ref: Any, result: Any):
        super().__init__(f"result {result}")
        self.ref, self.result = ref, result

    def perform(self, turn: Any) -> None:
        turn.store(self.ref, (*turn.load(self.ref), self.result))


@state
class Core:
    """A CPU that several threads share."""

    busy: bool = False

    def task_may_run(self) -> bool:
        return True


@state
class Shared:
    memory = cells(0)
    results = cells(0)
    core = cells(0)


def step_of(op: Op, memory: Any) -> Step:
    """The step of an instruction."""
    ref = memory[op.location] if op.location else None
    match op.kind:
        case "load":
            return Load(ref, order=op.order)
        case "store":
            return Store(ref, op.value, order=op.order)
        case "add":
            return ref.add(op.value).ordered(op.order)
        case "swap":
            return ref.swap(op.value).ordered(op.order)
        case "cas":
            return CompareAndSwap(ref, op.value, op.new, op.order)
        case "until":
            return until(lambda: ref == op.value)
        case "copy":
            source = memory[op.value]

            def copy() -> None:
                memory[op.location] = source.value

            return atomic(copy)
        case _:
            return fence(op.order)


@process
def thread(s, number, ops):
    for op in ops:
        result = yield step_of(op, s.memory)
        if op.kind in ("add", "swap", "cas", "load"):
            yield Tell(s.results[number], result)
        elif op.kind == "until":
            yield Tell(s.results[number], op.value)
        del result


def system_of(program: Program, allowed: set[Outcome] | None = None) -> System:
    """The model of a program; at its end, an outcome must be one that is allowed."""
    names = Machine(program, "sc").names
    cores = max(program.cpus) + 1
    shared = Shared(
        memory=cells(dict.fromkeys(names, 0)),
        results=cells([()] * len(program.threads)),
        core=cells(cores, Core),
    )

    @at_end
    def outcome_is_allowed(s):
        found = tuple(s.results.values()), tuple(s.memory.values())
        return allowed is None or found in allowed

    threads = [
        thread(shared, number, ops).on(shared.core[cpu])
        for number, (ops, cpu) in enumerate(zip(program.threads, program.cpus, strict=True))
    ]
    return System(shared, threads, [outcome_is_allowed], deadlock=False)


def found_by_tables(program: Program, model: str) -> tuple[set[Outcome], set[Stuck]]:
    """All outcomes that the tables of modelcheck reach, and where they are stuck."""
    found, stuck, bound = found_within(program, model)
    assert bound == ""
    return found, stuck


def found_within(
    program: Program, model: str, buffer: int | None = None
) -> tuple[set[Outcome], set[Stuck], str]:
    """All that the tables reach with buffers of a size, and the bound that was reached."""
    threads = len(program.threads)

    def work(learner: Any, tables: Any) -> tuple[set[Outcome], set[Stuck], str]:
        found: set[Outcome] = set()
        stuck: set[Stuck] = set()
        names = [slot.name for slot in tables.slots]
        memory = [i for i, n in enumerate(names) if n.startswith("memory[")]
        results = [i for i, n in enumerate(names) if n.startswith("results[")]
        seen, waiting = {tables.initial}, [tables.initial]
        while waiting:
            state = waiting.pop()
            following = [
                o for a in range(len(tables.agents)) for o in tables.leaf(a, state).outcomes
            ]
            local = [tables.value(a.slot, state).status for a in tables.agents[:threads]]
            ended = tuple(status == "finished" for status in local)
            if not following:
                outcome = (
                    tuple(tables.value(i, state) for i in results),
                    tuple(tables.value(i, state) for i in memory),
                )
                if all(ended):
                    found.add(outcome)
                else:
                    stuck.add((outcome, ended))
            for outcome in following:
                after = successor(state, outcome.writes)
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        return found, stuck, learner.memory.bound

    return tables_of(system_of(program), model, work, buffer)


# Random programs.


def random_op(random: Random, names: str) -> Op:
    """An instruction."""
    kind = random.choices(
        ["load", "store", "fence", "add", "swap", "cas", "until", "copy"],
        [10, 12, 4, 2, 2, 2, 0.8, 0.6],
    )[0]
    name, value = random.choice(names), random.choice([1, 2])
    match kind:
        case "load":
            return Op("load", name, 0, random.choice(["relaxed", "relaxed", "acquire"]))
        case "store":
            return Op("store", name, value, random.choice(["relaxed", "relaxed", "release"]))
        case "fence":
            kinds = ["mb", "rmb", "wmb", "wmb", "rmb", "before_atomic", "after_atomic", "barrier"]
            return Op("fence", order=random.choice(kinds))
        case "until":
            return Op("until", name, value)
        case "copy":
            return Op("copy", name, random.choice(names))
        case "cas":
            return Op("cas", name, random.choice([0, 1]), random.choice(ORDERS), 3)
        case _:
            return Op(kind, name, value, random.choice(ORDERS))


def beside_an_atomic(op: Op) -> tuple[Op, ...]:
    """A fence with the atomic that it belongs to: by itself it is nothing on x86 alone."""
    if op.kind == "fence" and op.order == "after_atomic":
        return Op("add", "x", 2), op
    if op.kind == "fence" and op.order == "before_atomic":
        return op, Op("add", "x", 2)
    return (op,)


def litmus_like(random: Random) -> Program:
    """Threads of two accesses to different locations, perhaps with a fence between them."""
    threads = []
    for n in range(random.choice([2, 2, 3])):
        ops: list[Op] = []
        for name in random.sample("xy", 2):
            if ops and random.random() < 0.35:
                kinds = ["mb", "rmb", "wmb", "wmb", "after_atomic", "barrier"]
                ops += beside_an_atomic(Op("fence", order=random.choice(kinds)))
            kind = random.choices(["load", "store", "swap", "cas", "add"], [8, 8, 1, 1, 1])[0]
            order = (
                random.choice(ORDERS[:4]) if kind in ("load", "store") else random.choice(ORDERS)
            )
            if (kind, order) in (("load", "release"), ("store", "acquire")):
                order = "relaxed"
            value = n + 1 if kind != "cas" else random.choice([0, 1])
            ops.append(Op(kind, name, value, order, 7))
        threads.append(tuple(ops))
    return Program(tuple(threads), tuple(range(len(threads))))


def random_program(random: Random) -> Program:
    """A program of two to four threads, small enough for the brute force."""
    if random.random() < 0.6:
        return litmus_like(random)
    shape = random.choice([(2, 2), (3, 3), (3, 2), (4, 3), (2, 2, 2), (3, 2, 1), (2, 1, 1, 1)])
    names = random.choice(["xy", "xy", "xyz", "x"])
    threads = tuple(
        tuple(op for _ in range(n) for op in beside_an_atomic(random_op(random, names)))
        for n in shape
    )
    cpus = tuple(range(len(shape)))
    if random.random() < 0.2:  # two threads on one CPU
        cpus = (*cpus[:-1], 0)
    return Program(threads, cpus)


#: Ways to search; each must find the same outcomes.
WAYS = {
    "reference": {"engine": "reference"},
    "native": {"engine": "native"},
    "reference, reduced": {"engine": "reference", "reduction": True},
    "native, reduced": {"engine": "native", "reduction": True},
}


def compare(
    program: Program, ways: Sequence[str] = (), searched: Sequence[str] = MODELS
) -> dict[str, int]:
    """Compare all memory models; return how many outcomes each allows.

    The models `searched` are checked in the `ways` given, too, which takes longest.

    Raises
    ------
    AssertionError
        Where two answers differ.
    """
    before: set[Outcome] = set()
    stuck_before: set[Stuck] = set()
    counts = {}
    for model in MODELS:
        truth, waits = ends(program, model)
        found, stuck = found_by_tables(program, model)
        assert found == truth, (model, "missing", truth - found, "wrong", found - truth)
        assert stuck == waits, (model, "not stuck", waits - stuck, "stuck", stuck - waits)
        assert before <= truth, (model, "loses what a stronger model allows", before - truth)
        assert stuck_before <= waits, (model, "loses where a stronger model is stuck")
        if ways and model in searched:
            compare_searches(program, model, truth, ways)
        before, stuck_before, counts[model] = truth, waits, len(truth)
    return counts


def compare_searches(
    program: Program, model: str, truth: set[Outcome], ways: Sequence[str]
) -> None:
    """Check in each way: the outcomes are allowed, and one taken out is missed.

    Without reduction, all ways visit the same states; with it, no more than these.
    """
    sizes: dict[bool, set[tuple[int, ...]]] = {False: set(), True: set()}
    for way in ways:
        asked: dict[str, Any] = {"memory": model, **WAYS[way]}
        result = check(system_of(program, truth), **asked)
        assert result.holds, (model, way, str(result))
        size = (result.states, result.transitions, *result.levels)
        sizes["reduction" in WAYS[way]].add(size)
        if truth:
            fewer = truth - {Random(len(truth)).choice(sorted(truth))}
            broken = check(system_of(program, fewer), **asked)
            assert broken.violation is not None, (model, way)
    assert len(sizes[False]) <= 1, (model, sizes)
    whole = min((states for states, *_ in sizes[False]), default=None)
    assert whole is None or all(states <= whole for states, *_ in sizes[True]), (model, sizes)


def shown(program: Program) -> str:
    """A program as text."""
    return "\n".join(
        f"P{n} on cpu {cpu}: "
        + "; ".join(f"{op.kind} {op.location} {op.value} {op.order}" for op in ops)
        for n, (ops, cpu) in enumerate(zip(program.threads, program.cpus, strict=True))
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--native", action="store_true", help="search with both engines too")
    parser.add_argument("--reduction", action="store_true", help="search with reduction too")
    args = parser.parse_args()
    ways = ["reference", "native"] * args.native
    ways += ["reference, reduced", "native, reduced"] * args.reduction
    began, told, weaker = time.perf_counter(), 0, dict.fromkeys(MODELS, 0)
    for number in range(args.first, args.first + args.programs):
        program = random_program(Random(args.seed * 10_000_000 + number))
        try:
            counts = compare(program, ways)
        except Exception as error:
            print(shown(program), f"\nprogram {number}: {error!r}")
            return 1
        if number % 500 == 499:
            print(f"{number + 1} programs, {time.perf_counter() - began:.0f} s", flush=True)
        told += sum(counts.values())
        for stronger, model in zip(MODELS, MODELS[1:], strict=False):
            weaker[model] += counts[model] > counts[stronger]
    print(
        f"{args.programs} programs in {time.perf_counter() - began:.0f} s, {told} outcomes; "
        f"weaker than the model before: {weaker}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
