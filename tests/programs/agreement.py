"""Random generator programs, explored twice: by states, and by executions of the same model.

`python tests/programs/agreement.py --count 5000` compares the final states (values, and which
processes are stuck) of `sc` with those of the axioms of sequential consistency, and of `tso` with
those of `x86-tso`.
"""

from __future__ import annotations

import argparse
import itertools
import linecache
import random
import sys
import time
from typing import Any

from modelcheck.axiomatic.models import MODELS
from modelcheck.check import tables_of
from modelcheck.explore.search import successor
from modelcheck.language.learner import Learner
from modelcheck.programs.search import ProgramSearch
from modelcheck.tables.tables import Tables
from modelcheck.tables.values import key_of

PAIRS = {"sc": "sc", "tso": "x86-tso"}

HEAD = """from modelcheck import System, cells, choose, fence, model, process, state, until
from modelcheck.kernel import (READ_ONCE, WRITE_ONCE, atomic_add_return, atomic_add_unless,
    atomic_dec_and_test, atomic_inc, smp_load_acquire, smp_mb, smp_store_release, spin_lock,
    spin_trylock, spin_unlock, cmpxchg, xchg_relaxed, mutex_lock, mutex_unlock)
"""


#: A program that needs more states, or seconds, is left out.
STATES, SECONDS = 50_000, 10.0


class TooLarge(Exception):
    """The program is left out."""


class Writer:
    """Writes one random program, small enough that both explorers are quick."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.lines: list[str] = []
        self.variables = ["x", "y", "z"][: rng.randint(1, 3)]
        self.results: list[str] = []
        self.locals: list[str] = []
        self.writes = 0

    def source(self) -> str:
        threads = self.rng.choice([2, 2, 2, 3])
        bodies = [self._thread(n, self.rng.randint(1, 5 - threads)) for n in range(threads)]
        state = ["@state", "class Shared:", *(f"    {v}: int = 0" for v in self.variables)]
        state += ["    a = cells(2, 0)", "    lock: bool = False", "    m: bool = False"]
        state += [f"    {r}: object = None" for r in self.results]
        started = ", ".join(f"p{n}(s)" for n in range(threads))
        end = ["@model", "def program():", "    s = Shared()", f"    return System(s, [{started}])"]
        return "\n".join([HEAD, *state, "", *itertools.chain(*bodies), *end, ""])

    def _thread(self, number: int, steps: int) -> list[str]:
        self.locals, self.lines = [], ["@process", f"def p{number}(s):"]
        for _ in range(steps):
            self._statement("    ")
        for name in self.locals[:2]:
            result = f"r{number}_{name}"
            self.results.append(result)
            self.lines.append(f"    yield s.{result}.set({name})")
        if not any("yield" in line for line in self.lines):
            self.lines.append("    yield fence('mb')")
        return [*self.lines, ""]

    def _loc(self) -> str:
        name = self.rng.choice([*self.variables, "a"])
        if name != "a":
            return f"s.{name}"
        if self.locals and self.rng.random() < 0.5:
            return f"s.a[{self.rng.choice(self.locals)} & 1]"
        return f"s.a[{self.rng.randint(0, 1)}]"

    def _value(self) -> str:
        if self.locals and self.rng.random() < 0.4:
            name = self.rng.choice(self.locals)
            return self.rng.choice([f"{name} + 1", f"({name} ^ {name}) + 1", f"1 - {name}", name])
        return str(self.rng.randint(1, 2))

    def _fresh(self) -> str:
        name = f"v{len(self.locals)}"
        self.locals.append(name)
        return name

    def _statement(self, pad: str) -> None:
        rng, add = self.rng, self.lines.append
        kind = rng.choices(
            ["load", "store", "rmw", "fence", "if", "until", "choose", "lock", "test"],
            [6, 6, 3, 1, 2, 1, 1, 1, 1],
        )[0]
        if kind == "load":
            loc = self._loc()
            call = rng.choice(["{}", "READ_ONCE({})", "smp_load_acquire({})"]).format(loc)
            add(f"{pad}{self._fresh()} = yield {call}")
        elif kind == "store":
            loc, value = self._loc(), self._value()
            call = rng.choice(["{}.set({})", "WRITE_ONCE({}, {})", "smp_store_release({}, {})"])
            add(f"{pad}yield {call.format(loc, value)}")
        elif kind == "rmw":
            self._update(pad)
        elif kind == "fence":
            add(f"{pad}yield smp_mb()")
        elif kind == "choose":
            add(f"{pad}{self._fresh()} = yield choose(0, 1)")
        elif kind == "until":
            add(f"{pad}yield until(lambda: {self._condition()})")
        elif kind == "lock":
            self._lock(pad)
        elif kind == "if" and self.locals:
            self._branch(pad)
        elif self.locals:
            name = rng.choice(self.locals)
            test = rng.choice(
                ["{0} == 1 and {0} is not None", "not {0}", "{0} in (1, 2)", "0 < {0} < 2"]
            )
            add(f"{pad}{self._fresh()} = 1 if {test.format(name)} else 0")

    def _condition(self) -> str:
        first, second = (self.rng.choice(self.variables) for _ in range(2))
        value = self.rng.randint(0, 2)
        return self.rng.choice([f"s.{first} == {value}", f"s.{first} or s.{second} > 1"])

    def _update(self, pad: str) -> None:
        loc, name = self._loc(), None
        call = self.rng.choice(
            ["{}.add(1)", "{}.swap(2)", "{}.cas(0, 1)", "atomic_inc({})", "cmpxchg({}, 1, 2)",
             "xchg_relaxed({}, 1)", "atomic_add_return(1, {})", "atomic_add_unless({}, 1, 1)",
             "atomic_dec_and_test({})", "{}.update(lambda v: v * 2 + 1)"]
        ).format(loc)  # fmt: skip
        name = "" if call.startswith("atomic_inc(") else f"{self._fresh()} = "
        self.lines.append(f"{pad}{name}yield {call}")

    def _lock(self, pad: str) -> None:
        if self.rng.random() < 0.3:
            self.lines.append(f"{pad}if (yield spin_trylock(s.lock)):")
            self.lines.append(f"{pad}    yield spin_unlock(s.lock)")
            return
        kind, lock = self.rng.choice([("spin", "lock"), ("mutex", "m")])
        self.lines.append(f"{pad}yield {kind}_lock(s.{lock})")
        self.lines.append(f"{pad}yield {self._loc()}.set({self._value()})")
        if self.rng.random() < 0.9:
            self.lines.append(f"{pad}yield {kind}_unlock(s.{lock})")

    def _branch(self, pad: str) -> None:
        outside = list(self.locals)
        test = self.rng.choice(["{}", "{} == 1", "not {} > 0"]).format(self.rng.choice(outside))
        self.lines.append(f"{pad}if {test}:")
        self._statement_inside(pad, outside)
        if self.rng.random() < 0.4:
            self.lines.append(f"{pad}else:")
            self._statement_inside(pad, outside)

    def _statement_inside(self, pad: str, outside: list[str]) -> None:
        before = len(self.lines)
        self.locals = list(outside)
        value = self._value()
        self.lines.append(f"{pad}    yield {self._loc()}.set({value})")
        if self.rng.random() < 0.3:
            self.lines.append(f"{pad}    {self.rng.choice(outside)} = 3")
        assert len(self.lines) > before


def build(source: str, name: str, *, whole: bool = False) -> Any:
    """Return the model of a source, which `inspect` can find again; or all that it defines."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    namespace: dict[str, Any] = {"__name__": "random_program", "__file__": name}
    exec(compile(source, name, "exec"), namespace)
    return namespace if whole else namespace["program"]


def by_states(model: Any, memory: str) -> set[Any]:
    """Return the final states that an exploration of all states finds."""

    def work(learner: Learner, tables: Tables) -> set[Any]:
        seen, waiting, final = {tables.initial}, [tables.initial], set()
        while waiting:
            if len(seen) > STATES:
                raise TooLarge
            state = waiting.pop()
            moves = [
                successor(state, outcome.writes)
                for number in range(len(tables.agents))
                for outcome in tables.leaf(number, state).outcomes
            ]
            if not moves:
                final.add(_state(learner, tables, state))
            for move in moves:
                if move not in seen:
                    seen.add(move)
                    waiting.append(move)
        return final

    return tables_of(model(), memory, work)


def _state(learner: Learner, tables: Tables, state: tuple[int, ...]) -> Any:
    refs = learner.system.refs
    values = {r.name: key_of(tables.value(i, state)) for i, r in enumerate(refs)}
    stuck = tuple(
        a for a in learner.processes()
        if tables.value(learner.slot_of(a), state).status != "finished"
    )  # fmt: skip
    return (tuple(sorted(values.items())), stuck)


def by_executions(model: Any, memory: str) -> set[Any]:
    """Return the final states of all executions under the axioms."""
    start = time.perf_counter()
    late = lambda states: "late" * (time.perf_counter() - start > SECONDS)  # noqa: E731  a budget
    found = ProgramSearch(model(), MODELS[PAIRS[memory]], late).run()
    assert found.cut_at is None
    if found.reason:
        raise TooLarge
    return {
        (tuple(sorted((n, key_of(v)) for n, v in end.values.items())), end.stuck)
        for end in found.ends.values()
    }


def difference(seed: int) -> str:
    """Return in words how the explorers differ on one random program; empty if they agree."""
    source = Writer(random.Random(seed)).source()
    model = build(source, f"<random program {seed}>")
    for memory in PAIRS:
        states, executions = by_states(model, memory), by_executions(model, memory)
        if states != executions:
            return (
                f"seed {seed}, {memory}:\n{source}\nonly states: {states - executions}\n"
                f"only executions: {executions - states}"
            )
    return ""


def main() -> None:
    """Compare `--count` programs from `--seed` on; the exit status is 1 if two differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start, wrong, large = time.perf_counter(), 0, 0
    for seed in range(asked.seed, asked.seed + asked.count):
        try:
            said = difference(seed)
        except TooLarge:
            large += 1
            continue
        if said:
            wrong += 1
            print(said, flush=True)
    seconds = time.perf_counter() - start
    print(f"{asked.count} programs, {wrong} differ, {large} left out, {seconds:.0f} s")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
