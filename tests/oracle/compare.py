"""One program, two answers: modelcheck's and the oracle's, compared as closely as they can be."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from attrs import evolve

from modelcheck import ModelError, UsageError, Verdict, check, replay, simulate
from modelcheck.check import tables_of
from modelcheck.explore import auto, native
from modelcheck.explore.search import successor
from modelcheck.results.tracing import shared as shared_values
from oracle import programs as P
from oracle.brute import Truth, truth_of, typed
from oracle.interpreter import TooBig
from oracle.printing import load, unload
from oracle.scale import in_small
from oracle.switches import TooMany, fewest

#: Defects of modelcheck that are known and tolerated here; take a line out once it is mended.
KNOWN = {
    "replay of observed",  # a replay may show fewer of the dead variables that only properties read
    "step dropped by an exception",  # `either(a, b)` where making b raises: "a was never yielded"
}

#: Rules of the language that the oracle's interpreter does not have.
RULES = ("was joined twice",)


class Mismatch(AssertionError):
    """The two answers differ."""


@dataclass
class Graph:
    """All that modelcheck's tables reach, also beyond violations."""

    states: int
    transitions: int
    levels: tuple[int, ...]
    shared: set[Any]
    spots: set[Any]
    deadlocks: set[Any]
    failures: set[Any]
    answers: dict[str, set[Any]]


def _ordered(program: P.Program, state: Any) -> tuple[Any, ...]:
    """The keys of shared values in the oracle's order."""
    return tuple(typed(state[name]) for name, _ in P.locations(program))


def graph_of(model: Any, program: P.Program) -> Graph:
    """Explore the tables of a model to the end."""

    def work(learner: Any, tables: Any) -> Graph:
        answers = {p.name: set() for p in program.properties}
        graph = Graph(0, 0, (), set(), set(), set(), set(), answers)
        seen, frontier, levels = {tables.initial}, [tables.initial], []
        while frontier:
            levels.append(len(frontier))
            following = []
            for state in frontier:
                found = []
                for agent in range(len(tables.agents)):
                    found += tables.leaf(agent, state).outcomes
                graph.transitions += len(found)
                _judge(graph, tables, state, found, program)
                for outcome in found:
                    after = successor(state, outcome.writes)
                    if not outcome.failure and after not in seen:
                        seen.add(after)
                        following.append(after)
            frontier = following
        graph.states, graph.levels = len(seen), tuple(levels)
        return graph

    return tables_of(model, "sc", work)


def _spot(local: Any) -> Any:
    if local.status != "running":
        return (local.status,)
    return (local.status, local.line, local.places)


def _judge(graph: Graph, tables: Any, state: Any, found: Any, program: P.Program) -> None:
    values = _ordered(program, shared_values(tables, state))
    locals_ = [tables.value(a.slot, state) for a in tables.agents]
    base = len(program.instances)
    spawned = sorted(
        (a.name.split("[")[0], repr((x.status, x.line, sorted(x.places))
                                    if x.status == "running" else (x.status,)))
        for a, x in zip(tables.agents[base:], locals_[base:], strict=True)
        if x.status != "absent"
    )  # fmt: skip
    where = (values, (tuple(map(_spot, locals_[:base])), tuple(spawned)))
    graph.shared.add(values)
    graph.spots.add(where)
    graph.failures |= {(*where, failure_of(o.failure)) for o in found if o.failure}
    resting = all(a.may_rest[state[a.slot]] for a in tables.agents)
    if not found and not resting:
        graph.deadlocks.add(where)
    for prop in tables.properties:
        if prop.kind != "at_end" or (resting and not found):
            graph.answers[prop.name].add((where, tables.holds(prop, state).holds))


def failure_of(failure: Any) -> tuple[str, str]:
    """A failure in the oracle's words."""
    return failure_text(failure.kind.value, failure.message)


def failure_text(kind: str, message: str) -> tuple[str, str]:
    if kind == "assertion":
        return kind, message
    name = message.split(":")[0]
    return kind, "NameError" if name == "UnboundLocalError" else name


@dataclass
class Outcome:
    """What became of a program: its verdict, "too big" or "refused"; whether its count is exact."""

    verdict: str
    states: int = 0
    exact: bool = True
    steps: int = 0
    bounds: tuple[int, ...] = ()  # the oracle's fewest, modelcheck's count, the oracle's most


def compare(program: P.Program, limit: int = 6_000) -> Outcome:
    """Hold modelcheck against the oracle. Raises `Mismatch`."""
    model, lines, source = load(program)
    try:
        try:
            truth = truth_of(program, lines, limit)
        except TooBig:
            return Outcome("too big")
        except TypeError:  # a property that adds None to a number: not a program to compare
            return Outcome("ill-typed")
        try:
            return _compare(program, model, truth)
        except ModelError as error:
            if "step dropped by an exception" in KNOWN and "made but never yielded" in str(error):
                return Outcome("refused")
            if any(rule in str(error) for rule in RULES):
                return Outcome("refused")
            raise Mismatch(f"modelcheck refuses the program: {error}") from error
    finally:
        unload(model)


def need(condition: bool, what: str, mine: Any = None, theirs: Any = None) -> None:
    """Raise `Mismatch` unless `condition`."""
    if not condition:
        raise Mismatch(f"{what}\n  oracle:     {mine}\n  modelcheck: {theirs}")


def same(what: str, mine: Any, theirs: Any) -> None:
    """Raise `Mismatch` unless the two answers are equal; of sets, show an example that differs."""
    if mine == theirs:
        return
    if isinstance(mine, set):
        mine, theirs = sorted(mine - theirs, key=repr)[:2], sorted(theirs - mine, key=repr)[:2]
        what += " (only here:)"
    need(False, what, mine, theirs)


def _compare(program: P.Program, model: Any, truth: Truth) -> Outcome:
    result = check(model)
    exact, bounds = True, ()
    if truth.states:
        graph = graph_of(model, program)
        same("reachable shared values", truth.shared, graph.shared)
        same("reachable shared values and places", truth.spots, graph.spots)
        same("deadlocks", truth.deadlocks, graph.deadlocks)
        same("failures", truth.failures, graph.failures)
        for name, answers in truth.answers.items():
            same(f"answers of {name}", answers, graph.answers[name])
        exact = truth.fewest <= graph.states <= truth.most
        bounds = (truth.fewest, graph.states, truth.most)
        need(
            graph.states <= truth.states,
            "more states than with all local variables", truth.states, graph.states,
        )  # fmt: skip
        if exact and truth.fewest == truth.most:
            same("transitions", truth.most_transitions, graph.transitions)
            same("levels", truth.levels, graph.levels)
    _verdict(program, truth, result)
    if result.verdict is Verdict.HOLDS and truth.witnesses:
        # A witness once found is looked for no more, so fewer variables may be kept for it.
        fits = truth.fewest <= result.states <= graph.states
        need(fits, "states of the check", (truth.fewest, graph.states), result.states)
    elif result.verdict is Verdict.HOLDS:
        same("states of the check", graph.states, result.states)
        same("transitions of the check", graph.transitions, result.transitions)
        same("levels of the check", graph.levels, result.levels)
    _fewest(model, result)
    _again(model, result)
    _native(model, result)
    if truth.states:
        _walks(program, model, truth)
    kind = result.violation.kind.value if result.violation else "holds"
    states = graph.states if truth.states else 0
    return Outcome(kind, states, exact, len(result.trace or ()), bounds)


def _verdict(program: P.Program, truth: Truth, result: Any) -> None:
    shortest = truth.shortest
    if not shortest:
        need(result.verdict is Verdict.HOLDS, "the verdict", "holds", result.violation)
        return
    need(result.verdict is Verdict.VIOLATED, "the verdict", shortest, result.verdict)
    violation = result.violation
    kind, name = violation.kind.value, violation.property
    if kind in ("assertion", "exception"):
        kind, name = failure_text(kind, violation.message)
    if kind == "unreachable":
        need((10**9, kind, name) in shortest, "the violation", shortest, (kind, name))
    else:
        found = (len(result.trace), kind, name)
        need(found in shortest, "the violation", shortest, found)
        _coherent(program, result.trace)
    for name, distance in truth.witnesses.items():
        witness = result.witnesses.get(name)
        if witness is not None:
            same(f"the witness of {name}", distance, len(witness))
            _coherent(program, witness)
        else:
            least = min(v[0] for v in shortest)
            need(distance is None or distance >= least, f"no witness of {name}", distance, None)


def _fewest(model: Any, result: Any) -> None:
    """No other path as short to the same violation has fewer changes of process."""
    if result.trace is None or not result.trace_is_shortest:
        return
    if not result.trace:
        return  # a process failed before its first step: there is nothing to search from
    if "UnboundLocalError" in result.violation.message:
        return  # CPython names another line once it has specialised the code
    with suppress(TooMany):
        least = fewest(model, result.violation, len(result.trace))
        same("the fewest changes of process", least, result.trace.switches)


def same_path(said: str, mine: Any, theirs: Any) -> None:
    """Two results of one model tell the same counterexample, if they tell of the same property."""
    if mine.trace is None or not (mine.trace_is_shortest and theirs.trace_is_shortest):
        return
    one, other = mine.violation, theirs.violation
    if (one.kind, one.property) == (other.kind, other.property):
        same(f"who steps ({said})", _who(mine), _who(theirs))


def _who(result: Any) -> list[str]:
    """Who steps in a counterexample; children are numbered as they come, not as they were met."""
    numbers: dict[str, int] = {}
    names = []
    for step in result.trace.steps:
        group = step.process.partition("[")[0]  # a child has no number where one is enough
        number = numbers.setdefault(step.process, len(numbers))
        names.append(f"{group}[{number}]" if group == "child" else step.process)
    return names


def _coherent(program: P.Program, trace: Any) -> None:
    """A trace's states follow from each other by its steps' writes."""
    need(len(trace.states) == len(trace.steps) + 1, "the number of states in the trace")
    initial = dict(P.locations(program))
    same("the initial state of the trace", _typed(initial), _typed(trace.states[0]))
    for before, step, after in zip(trace.states, trace.steps, trace.states[1:], strict=False):
        expected = dict(before)
        for read in step.reads:
            same(f"what step {step.index} read", typed(before[read.name]), typed(read.value))
        for change in step.writes:
            same(f"`old` of step {step.index}", typed(before[change.name]), typed(change.old))
            expected[change.name] = change.new
        same(f"the state after step {step.index}", _typed(expected), _typed(after))


def _typed(state: Any) -> Any:
    return {name: typed(value) for name, value in state.items()}


def _again(model: Any, result: Any) -> None:
    """The same check gives the same answer; a token gives the same trace."""
    again = check(model)
    for part in ("verdict", "states", "transitions", "levels", "token"):
        same(f"a second check's {part}", getattr(result, part), getattr(again, part))
    if result.violation and "UnboundLocalError" in result.violation.message:
        return  # CPython names another line once it has specialised the code
    same("a second check's violation", result.violation, again.violation)
    if result.trace is not None:
        same("a second check's trace", _text(result.trace), _text(again.trace))
        if result.token:
            _replayed(model, result.trace)


def _native(model: Any, result: Any) -> None:
    """The native engine gives the same answer, order and all; two workers all but the order."""
    if not native.available():
        return
    if result.violation and "UnboundLocalError" in result.violation.message:
        return  # CPython names another line once it has specialised the code
    # Half of the programs have states of several words, although few values.
    with in_small(word=64 if result.states % 2 else 9):
        _natively(model, result)


def _natively(model: Any, result: Any) -> None:
    alone, handed = check(model, engine="native"), _handed_over(model)
    for other, said in ((alone, "native"), (handed, "handed over")):
        for part in ("verdict", "states", "transitions", "levels", "token", "violation"):
            same(f"the {said} engine's {part}", getattr(result, part), getattr(other, part))
        same(f"{said} witnesses", _lengths(result), _lengths(other))
        same(f"{said} coverage", _coverage(result), _coverage(other))
    pair = check(model, engine="native", workers=2)
    for part in ("verdict", "states", "transitions", "levels"):
        same(f"two workers' {part}", getattr(result, part), getattr(pair, part))
    same("two workers' length", len(result.trace or ()), len(pair.trace or ()))
    same_path("two workers", result, pair)
    if not result.violation:
        same("two workers' coverage", _coverage(result), _coverage(pair))
        same("two workers' witnesses", _lengths(result), _lengths(pair))


def _handed_over(model: Any) -> Any:
    """Check a model with both engines, changing from one to the other in the middle."""
    before = auto.LOADING_S, auto.COMPILING_S, auto.LEARNING
    auto.LOADING_S = auto.COMPILING_S = 0.0005
    auto.LEARNING = 0  # however much of it is learning
    try:
        return check(model, engine="auto")
    finally:
        auto.LOADING_S, auto.COMPILING_S, auto.LEARNING = before


def _lengths(result: Any) -> Any:
    return {n: None if t is None else len(t) for n, t in result.witnesses.items()}


def _coverage(result: Any) -> Any:
    return [(c.line, c.function, c.states, c.taken) for c in result.coverage]


def _replayed(model: Any, trace: Any) -> None:
    try:
        again = replay(model, trace.token)
    except UsageError as error:
        raise Mismatch(f"replay refuses its own token: {error}") from error
    # Spawned processes of one name are counted in the order in which they were met.
    if any(n.startswith("child") for n in trace.processes):
        same("the replayed states", _text(trace.states), _text(again.states))
        return
    if "replay of observed" in KNOWN:
        trace, again = _without_locals(trace), _without_locals(again)
    same("the replayed trace", _text(trace), _text(again))


def _without_locals(trace: Any) -> Any:
    return evolve(trace, steps=tuple(evolve(s, locals=()) for s in trace.steps))


def _text(trace: Any) -> str:
    """A trace as text, without the addresses of functions that local variables hold."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(trace))


def _walks(program: P.Program, model: Any, truth: Truth) -> None:
    """Random walks stay among the reachable states."""
    for seed in range(2):
        walk = simulate(model, seed=seed, steps=25)
        need(walk.verdict is not Verdict.HOLDS, "a walk proves nothing")
        _coherent(program, walk.trace)
        failing = walk.violation and walk.violation.kind.value in ("assertion", "exception")
        for state in walk.trace.states[: -1 if failing else None]:
            values = _ordered(program, state)
            need(values in truth.shared, "a state of a walk is not reachable", None, values)
        if walk.violation and walk.violation.kind.value != "unreachable":
            kind, name = walk.violation.kind.value, walk.violation.property
            if failing:
                kind, name = failure_text(kind, walk.violation.message)
            known = {(k, n) for _, k, n in truth.violations}
            need((kind, name) in known, "a violation of a walk", known, (kind, name))
