"""Check a model: build its tables, explore them, and say what was found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

from attrs import evolve

from modelcheck import watchdog
from modelcheck.errors import FailsAtStart, ModelError, UsageError
from modelcheck.explore.auto import explore
from modelcheck.explore.budget import Budget, Meter, Progress
from modelcheck.explore.checkpoint import EVERY_S
from modelcheck.explore.graph import states_on
from modelcheck.explore.lossy import Lossy
from modelcheck.explore.plan import Plan
from modelcheck.explore.reduction.search import MOST_AGENTS
from modelcheck.explore.search import Found, Move
from modelcheck.explore.walk import walk
from modelcheck.language.learner import MAX_VALUES, Learner, Shape
from modelcheck.language.local import Fails
from modelcheck.language.model import Model, System
from modelcheck.language.renaming import symmetry_of
from modelcheck.language.turn import MemoryModel
from modelcheck.memory import AXIOMATIC, MODELS, is_axiomatic, memory_model
from modelcheck.results.findings import (
    ended_at_start,
    failed_at_start,
    held_against,
    result_of,
    trace_of,
)
from modelcheck.results.keeping import keeping, with_checkpoint
from modelcheck.results.result import Result
from modelcheck.results.tokens import (
    Token,
    check_moves,
    decode,
)
from modelcheck.results.tracing import violation_of
from modelcheck.show.trace import Trace, Violation
from modelcheck.tables.symmetry import Symmetry
from modelcheck.tables.tables import Restart, Tables
from modelcheck.verdict import Kind, Verdict
from modelcheck.watchdog import INTERRUPTED, Ended, interruption, reason_of, watching

T = TypeVar("T")

#: The bound of buffers for a replay: longer than any path that a token can hold.
MAX_BUFFER = 1_000_000


def check(  # noqa: PLR0913  one keyword for each option
    model: Model | System,
    *,
    memory: str = "sc",
    buffer: int | None = None,
    engine: str = "auto",
    workers: int = 1,
    reduction: bool | None = None,
    audit: bool = False,
    trace: str = "shortest",
    symmetry: bool = True,
    max_states: int | None = None,
    timeout_s: float | None = None,
    max_memory_mib: float | None = None,
    max_values: int = MAX_VALUES,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
    checkpoint_every_s: float = EVERY_S,
    hash_compact: int | None = None,
    bitstate: bool = False,
    progress: Callable[[Progress], None] | Literal[False] | None = None,
    say: Callable[[str], None] | None = None,
) -> Result:
    """Explore every interleaving of a model and return what was found.

    Parameters
    ----------
    model : Model or System
        A `@model` function (taken with its defaults) or what calling it returns.
    memory : str
        The memory model: ``"sc"`` (sequential consistency), ``"tso"``, ``"pso"`` or ``"wmm"``; or
        an axiomatic one, under which all *executions* are explored: ``"lkmm"``, ``"x86-tso"``,
        ``"power"``, ``"armv8"``, ``"ra"``, ``"rc11"``, ``"axiomatic-sc"``, or a cat file.
    buffer : int, optional
        How many stores a store buffer holds, and how many stale values of a location a CPU keeps.
        A search that needs more is *incomplete*.
    engine : {"auto", "reference", "native"}
        ``"reference"`` is plain Python, ``"native"`` compiled code; ``"auto"`` starts with the one
        and goes on with the other where a search is large enough.
    workers : int
        Threads of the native engine. With more than one, which of several properties that can be
        violated after as many steps is named may change from run to run.
    reduction : bool, optional
        Leave out interleavings that show nothing new (partial-order reduction, docs/reduction.md):
        the same verdict from fewer states. By default the native engine does so once a search has
        found 131,072 states, and as long as it is worth its while; not with checkpoints, or where
        states are hashed.
    audit : bool
        Look again at what the reduction took for granted, in some states. Raises `Unsound` if it
        left out what it must not.
    trace : {"shortest", "first"}
        Under reduction, the first counterexample may not be a shortest one. ``"shortest"`` searches
        once more, without, no deeper than that; ``"first"`` is content with it.
    symmetry : bool
        Explore states that differ by the names of symmetric processes once (docs/symmetry.md),
        where the model declares `modelcheck.symmetric`.
    max_states, timeout_s, max_memory_mib : number, optional
        Budgets: distinct states, seconds, MiB of resident memory. A search that uses one up is
        *incomplete*.
    max_values : int
        How many values one location, or local states one process, may take before the model is
        refused as unbounded.
    checkpoint : path, optional
        Write the search there from time to time, and at its end.
    resume : path, optional
        Go on with the search of a checkpoint, and keep on writing it there, unless `checkpoint`
        names another file. The model must be the same: what it knew is learned again and compared.
    checkpoint_every_s : float
        Seconds between two checkpoints; more, where writing takes more than a twentieth of them.
    hash_compact : {40, 48, 64}, optional
        Keep so many bits of a hash of each state instead of the state. The verdict is then
        *violated* or *incomplete*; `Result.omission` tells how likely a state was missed.
    bitstate : bool
        Keep three bits a state in an array as large as the memory budget allows: for what fits
        nowhere else. The verdict is *violated* or *incomplete*.
    progress : function of a Progress, optional
        Called now and then. Without one a notebook shows a line below the cell once a second has
        passed; False leaves that out.
    say : function of a string, optional
        Told when something takes a while for another reason than the model (compiling).

    Returns
    -------
    Result
        Its counterexample is a shortest one, and of those to the same property one with the fewest
        changes of process; the same one each time.

    Raises
    ------
    ModelError
        Where the model breaks a rule of the language; never for a violation.
    UsageError
        Where an argument is no good.
    """
    system = _system(model)
    _look_at_expectation(system, memory)
    meter = Meter(_budget(max_states, timeout_s, max_memory_mib), progress or None)
    shorten = _is_shortest(trace)
    if is_axiomatic(memory):
        _refuse_for_states(memory, checkpoint, resume, hash_compact, bitstate)
        return _check_executions(system, memory, meter, say)
    with (
        keeping(system, memory, checkpoint, resume, (checkpoint_every_s, say)) as keeper,
        _in_notebook(meter, system.name if progress is None else ""),
    ):
        store = _lossy(hash_compact, bitstate)
        if audit and reduction is None:  # it is of a search that is reduced from the start
            reduction = True
        plan = Plan(engine, workers, store, keeper, say, reduction, audit, shorten)
        if keeper is not None:
            meter.spent_s = keeper.seconds
            keeper.look_for_room(meter)

        def search(learner: Learner) -> Result:
            try:
                with watching(meter.exceeded_time_or_memory, say):
                    tables = learner.tables()
                    if keeper is not None:
                        keeper.begin(tables)
                    alike, unused = _symmetry(learner, plan) if symmetry else (None, "")
                    found = explore(tables, meter, evolve(plan, symmetry=alike))
            except Fails as fails:
                return failed_at_start(system, learner, fails, meter.elapsed())
            except Ended as ended:
                return ended_at_start(system, learner, ended.reason, meter.elapsed())
            with watching(lambda: "", patience_s=watchdog.PATIENCE_S):
                result = result_of(system, learner, found)
            if unused:
                result = evolve(result, warnings=(*result.warnings, unused))
            with watching(lambda: "", say):  # it is bounded by what the search has learned
                return with_checkpoint(_audited(result, learner), keeper)

        return _with_restarts(system, memory_model(memory, buffer), max_values, search)


def _is_shortest(trace: str) -> bool:
    if trace not in ("shortest", "first"):
        raise UsageError(f"trace is {trace!r}; give 'shortest' or 'first'")
    return trace == "shortest"


def _check_executions(
    system: System, memory: str, meter: Meter, say: Callable[[str], None] | None
) -> Result:
    from modelcheck.programs.outcome import check_program

    with watching(meter.exceeded_time_or_memory, say):
        return check_program(system, memory, meter, held_against)


def _refuse_for_states(memory: str, *asked: Any) -> None:
    """Raise `UsageError` for what keeps a search over states, where there are executions."""
    if any(asked):
        raise UsageError(
            f"under the axiomatic memory model {memory} executions are enumerated: there is no set "
            "of states to keep in a checkpoint, to hash or to compact"
        )


def _symmetry(learner: Learner, plan: Plan) -> tuple[Symmetry | None, str]:
    """Return the symmetry to search up to, None for none; and why one that is there is not used."""
    if not any(process.symmetric for process in learner.system.processes):
        return None, ""
    other = ""
    if plan.keeper is not None or plan.store is not None:
        other = "checkpoints" if plan.store is None else plan.store.name
    elif plan.reduction and len(learner.result.agents) > MOST_AGENTS:
        other = f"partial-order reduction of more than {MOST_AGENTS} processes"
    elif learner.memory.name != "sc":
        other = f"the memory model {learner.memory.name}"
    elif plan.audit:
        other = "an audit"
    if other:
        return None, f"symmetry was not used: it does not go with {other} yet"
    return symmetry_of(learner), ""


@contextmanager
def _in_notebook(meter: Meter, name: str) -> Iterator[None]:
    """While inside, a notebook shows how far the search is; without a name it does not."""
    if not name or "IPython" not in sys.modules:
        yield
        return
    from modelcheck.progress import below_cell

    with below_cell(name) as tell:
        meter.report = tell
        yield


def _picture(model: Model) -> str:
    """Return the state graph of a small model, for a notebook."""
    from modelcheck.results.graph import picture

    return picture(model)


Model.picture = staticmethod(_picture)


def _lossy(hash_compact: int | None, bitstate: bool) -> Lossy | None:
    if hash_compact is not None and bitstate:
        raise UsageError("hash compaction and bitstate are two ways to search: choose one")
    return Lossy(hash_compact or 0) if hash_compact is not None or bitstate else None


def _audited(result: Result, learner: Learner) -> Result:
    """Return the result once what it rests on was looked at again; a budget may leave that out."""
    reason = INTERRUPTED
    try:
        if not interruption.is_set():
            learner.audit()
            return result
    except KeyboardInterrupt as error:
        reason = reason_of(error)
    if result.verdict is Verdict.HOLDS:
        return evolve(result, verdict=Verdict.INCOMPLETE, reason=reason)
    return result


def simulate(  # noqa: PLR0913  one keyword for each option
    model: Model | System,
    *,
    seed: int = 0,
    steps: int = 1000,
    memory: str = "sc",
    buffer: int | None = None,
    timeout_s: float | None = None,
    max_values: int = MAX_VALUES,
) -> Result:
    """Take one random walk and return it; its verdict is *violated* or *incomplete*, never *holds*.

    Parameters
    ----------
    seed : int
        The same seed gives the same walk.
    steps : int
        The longest walk.
    """
    system = _system(model)
    if steps < 0:
        raise UsageError(f"steps is {steps}; give a number, 0 or more")
    meter = Meter(_budget(None, timeout_s, None))

    def run(learner: Learner) -> Result:
        try:
            tables = learner.tables()
        except Fails as fails:
            return failed_at_start(system, learner, fails, meter.elapsed())
        with watching(meter.exceeded_time_or_memory):
            search, moves = walk(tables, meter, seed, steps)
        if search.reason.startswith(INTERRUPTED):
            raise KeyboardInterrupt
        search.reason = search.reason or f"one random walk of {len(moves)} steps (seed {seed})"
        result = result_of(system, learner, search)
        if result.trace is None:
            walked = evolve(trace_of(system, learner, moves), shows="random walk")
            result = evolve(result, trace=walked)
        return result

    return _with_restarts(system, memory_model(memory, buffer), max_values, run)


def replay(model: Model | System, token: str) -> Trace:
    """Return the trace that a token stands for.

    Raises
    ------
    UsageError
        Where the token is none, belongs to another model, or the model has changed; it then names
        the first step that differs.
    """
    content = decode(token)
    name = model.name
    if content.model != name:
        raise UsageError(f"this token is for the model {content.model!r}, not for {name!r}")
    if isinstance(model, Model):
        model = model(**{k: model.parse(k, v) for k, v in content.parameters.items()})
    system = model

    def run(learner: Learner) -> Trace:
        tables = learner.tables()
        moves = check_moves(tables, content)
        _look_at_properties(tables, moves)
        violation = _again(tables, system, content, moves)
        trace = trace_of(system, learner, moves, violation)
        return trace if violation else evolve(trace, shows="path")

    model_then = memory_model(content.memory_model, MAX_BUFFER)
    return _with_restarts(system, model_then, MAX_VALUES, run)


def _look_at_properties(tables: Tables, moves: Sequence[Move]) -> None:
    """Ask each property along a path, as the search did.

    It may read what local states must keep, which is found out by asking. An error in one that is
    not the violated one is no concern of a replay.
    """
    for state in states_on(tables, moves):
        for prop in tables.properties:
            with suppress(ModelError):
                tables.holds(prop, state)


def _again(tables: Tables, system: System, token: Token, moves: Sequence[Move]) -> Violation | None:
    """Return the violation at the end of a token's moves, held against the model as it is now."""
    if not token.kind:
        return None
    names = [p.name for p in system.properties]
    index = names.index(token.property) if token.property in names else None
    kind = Kind(token.kind)
    if kind in (Kind.INVARIANT, Kind.FINAL) and index is None:
        raise UsageError(
            f"the model {token.model} has changed since this token was made: it has no property "
            f"{token.property!r} any more"
        )
    violation = violation_of(tables, Found(kind, tuple(moves), index), names)
    last = states_on(tables, moves)[-1]
    if index is not None and tables.holds(tables.properties[index], last).holds:
        raise UsageError(
            f"the model {token.model} has changed since this token was made: {token.property} "
            "holds at the end of the trace now"
        )
    return violation


def _system(model: Any) -> System:
    if isinstance(model, Model):
        return model()
    if isinstance(model, System):
        return model
    raise UsageError(
        f"check() was given {model!r}, which is no model: give a @model function, or what it "
        "returns"
    )


def _budget(states: int | None, seconds: float | None, memory_mib: float | None) -> Budget:
    for name, value in [
        ("max_states", states),
        ("timeout_s", seconds),
        ("max_memory_mib", memory_mib),
    ]:
        if value is not None and not (hasattr(value, "__float__") and value > 0):
            raise UsageError(f"{name} is {value!r}; a budget is a number greater than 0")
    return Budget(states, seconds, memory_mib)


def _look_at_expectation(system: System, memory: str) -> None:
    """Raise `ModelError` for a mistake in what is expected: better now than after a search."""
    system.expects(memory)
    if system.stated is not None:
        known = (*MODELS, *AXIOMATIC)
        for name in sorted(system.stated.memory_models() - set(known)):
            if not is_axiomatic(name):
                raise system.stated.unknown_memory(name, ", ".join(known))


def _with_restarts(
    system: System, model: MemoryModel, max_values: int, work: Callable[[Learner], T]
) -> T:
    """Do `work` with a learner; again with a new one whenever the shape of the state has grown."""
    shape = Shape()
    while True:
        learner = Learner(system, model, shape, max_values)
        try:
            return work(learner)
        except Restart:
            continue
        except Fails as fails:
            raise _fails_at_start(learner, fails) from None
        finally:
            learner.forget_runs()


def _fails_at_start(learner: Learner, fails: Fails) -> FailsAtStart:
    failure, who = fails.failure, learner.process_name(fails.agent)
    return FailsAtStart(
        f"process {who} of model {learner.system.name} fails before its first step: "
        f"{failure.message}",
        "There is no state to begin with; `modelcheck check` tells it as a violation.",
        file=failure.file,
        line=failure.line,
    )


def tables_of(
    model: Model | System,
    memory: str,
    work: Callable[[Learner, Tables], T],
    buffer: int | None = None,
) -> T:
    """Do `work` with fresh tables of a model; for state graphs and other explorations."""
    return _with_restarts(
        _system(model),
        memory_model(memory, buffer),
        MAX_VALUES,
        lambda learner: work(learner, learner.tables()),
    )


__all__ = ["check", "replay", "simulate", "tables_of"]
