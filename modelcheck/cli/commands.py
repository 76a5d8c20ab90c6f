"""The command line: ``modelcheck check | list | simulate | replay | graph``.

Exit status: 0 all as expected (or holds), 1 violated (or not as expected), 2 usage or model error
(and bugs of ours), 3 incomplete. Scripts rely on it, and on the JSON that `Result.to_dict`
describes: an object where one model was found, a list where several were. Standard output is ours
alone: what a model prints goes to standard error. Neighbours: `outputs` writes the files,
`printing` the text.
"""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from modelcheck.check import check, replay, simulate
from modelcheck.cli.outputs import (
    Outcome,
    json_error,
    json_text,
    refuse_unwritable,
    titles,
    write,
    write_counterexamples,
    write_graphs,
)
from modelcheck.cli.printing import print_outcomes, say, say_replay
from modelcheck.cli.progress import on_terminal
from modelcheck.cli.streams import kept_ours, prepare, until_closed
from modelcheck.errors import ModelcheckError, ModelError, UsageError
from modelcheck.explore.auto import ENGINES
from modelcheck.language.context import is_ours
from modelcheck.language.model import Model
from modelcheck.loading import beside, find
from modelcheck.memory import memory_model
from modelcheck.results.result import Result
from modelcheck.show.summary import (
    parameters_text,
    plain_table,
    safe_lines,
    title_of,
)
from modelcheck.show.text import clean
from modelcheck.verdict import ExitCode, Verdict
from modelcheck.watchdog import INTERRUPTED, interrupt, interruption

PARAMETERS = click.option(
    "-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the model."
)
MEMORY = click.option(
    "--memory",
    default="sc",
    show_default=True,
    metavar="MODEL",
    help="The memory model: sc, tso, pso or wmm; for `check` also several, `sc,tso`.",
)
BUFFER = click.option(
    "--buffer",
    type=click.IntRange(min=1),
    help="How many stores a store buffer holds, and stale values of a location a CPU keeps.",
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")


class Positive(click.FloatRange):
    """A number greater than 0."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        number = float(super().convert(value, param, ctx))
        if number != number:  # not a number compares with nothing, so it is in every range
            self.fail(f"{value!r} is no number", param, ctx)
        return number


class Commands(click.Group):
    """A group whose commands report errors as text and exit with 2, or 3 when interrupted."""

    def invoke(self, ctx: click.Context) -> Any:
        prepare()
        try:
            with _ended_as_interrupted():
                return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except KeyboardInterrupt:
            _complain(INTERRUPTED)
            raise click.exceptions.Exit(ExitCode.INCOMPLETE) from None
        except (ModelcheckError, OSError) as error:
            _complain(str(error))
        except Exception:  # status 1 would say that a model is violated
            _complain(f"this is a bug in modelcheck, please report it\n{traceback.format_exc()}")
        raise click.exceptions.Exit(ExitCode.ERROR)


@contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """While inside, SIGTERM is taken as Ctrl-C: what was found so far is still told.

    Both also set a flag that searches look at: the exception alone can be lost on its way.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    # A shell starts what runs in its background with SIGINT ignored, and means it.
    wanted = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) != signal.SIG_IGN]
    before = {s: signal.signal(s, interrupt) for s in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        interruption.clear()


def _complain(text: str) -> None:
    """Print an error, which may quote anything, to standard error."""
    with until_closed():
        pass  # what was said before comes first
    sys.stderr.write(f"modelcheck: {safe_lines(text)}\n")


@contextmanager
def _users_code(model: Model, doing: str) -> Iterator[None]:
    """While inside, the user's code prints to standard error, and its faults are named."""
    try:
        with kept_ours(), beside(Path(model.file)):
            yield
    except (ModelcheckError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _users_error(model, doing, error) from error


def _users_error(model: Model, doing: str, error: BaseException) -> ModelError:
    """Return what went wrong in the user's code, or raise again what is our own fault."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not is_ours(f.filename) and not f.filename.startswith("<")]
    theirs = [f for f in theirs if f.filename == model.file] or theirs
    fault_is_ours = is_ours(frames[-1].filename) and not isinstance(error, SystemExit)
    if fault_is_ours or not theirs:
        raise error
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    remedy = (
        "A model function makes the state, the processes and the properties, and returns a System."
    )
    if doing != "built":
        remedy = "The code of processes and properties must not end the program."
    return ModelError(
        f"the model {model.name} cannot be {doing}: {said}",
        remedy,
        file=theirs[-1].filename,
        line=theirs[-1].lineno,
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelcheck", message="modelcheck %(version)s")
def main() -> None:
    """Check concurrent protocols in every interleaving.

    PATH is a Python file or a folder of them; PATH:NAME one model.

    Exit status: 0 all as expected (or holds), 1 violated (or not as expected), 2 usage or model
    error, 3 incomplete.
    """


@main.command("check")
@click.argument("targets", nargs=-1, required=True, metavar="PATH[:NAME]...")
@PARAMETERS
@click.option("--max-states", type=click.IntRange(min=1), help="Stop after so many states.")
@click.option(
    "--timeout", type=Positive(), metavar="S", help="Stop each model after so many seconds."
)
@click.option(
    "--max-memory", type=Positive(), metavar="MIB", help="Stop at so much resident memory."
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the results as JSON: an object for one model, a list for several.",
)
@click.option("--svg", metavar="FILE", help="Write counterexamples as SVG (a folder for several).")
@click.option("--dot", metavar="FILE", help="Write state graphs as DOT (a folder for several).")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="Plain Python, compiled code, or first the one and then the other.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads of the native engine.",
)
@MEMORY
@BUFFER
@QUIET
def check_command(
    targets: Sequence[str], params: Sequence[str], quiet: bool, **options: Any
) -> None:
    """Explore every interleaving of the models and hold each against what it expects."""
    json_file = options["json_file"]
    to_stdout = json_file == "-"
    quiet = quiet or to_stdout
    try:
        memories = _memories(options["memory"])
        refuse_unwritable(None if to_stdout else json_file, folder=False)
        refuse_unwritable(options["svg"])
        refuse_unwritable(options["dot"])
        built = _with_parameters(_find(targets), params)
        outcomes = _check_all(built, memories, options, quiet)
    except (Exception, KeyboardInterrupt) as error:
        if to_stdout:
            say(json_error(error))
        raise
    asked = len(built) * len(memories)
    several = asked > 1
    with until_closed():
        if to_stdout:
            say(json_text(outcomes, several))
        elif not quiet:
            print_outcomes(outcomes, asked)
    for outcome in outcomes:
        if outcome.error is not None:
            _complain(f"{outcome.title}: {outcome.error}" if several else str(outcome.error))
    if json_file and not to_stdout:
        write(Path(json_file), json_text(outcomes, several) + "\n")
    _write_pictures(outcomes, options, quiet, several)
    sys.exit(_worst(outcomes))


def _find(targets: Sequence[str]) -> list[Model]:
    with kept_ours():
        models = [model for target in targets for model in find(target)]
    if not models:
        raise UsageError(f"there is no model in {', '.join(targets)}")
    return models


def _memories(given: str) -> list[str]:
    """Return the memory models that were asked for. Raises `UsageError` for an unknown one."""
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        memory_model(name)
    return names


def _check_all(
    built: Sequence[tuple[Model, dict[str, Any]]],
    memories: Sequence[str],
    options: Any,
    quiet: bool,
) -> list[Outcome]:
    """Check models one after the other, each under the memory models, until one is interrupted."""
    outcomes = []
    names = titles([model for model, _ in built])
    for name, (model, parameters) in zip(names, built, strict=True):
        for memory in memories:
            title = f"{name}, {memory}" if len(memories) > 1 else name
            here = {**options, "memory": memory}
            try:
                outcomes.append(_check_one(model, title, parameters, here, quiet))
            except KeyboardInterrupt:  # outside the search itself, which handles it better
                outcomes.append(Outcome(model, title, _nothing_of(model, parameters, here)))
            if outcomes[-1].interrupted:
                return outcomes
    return outcomes


def _check_one(
    model: Model, title: str, parameters: dict[str, Any], options: Any, quiet: bool
) -> Outcome:
    """Check one model; a model error does not lose the results of the others."""
    try:
        with _users_code(model, "built"):
            system = model(**parameters)
        with on_terminal(title, silent=quiet) as progress, _users_code(model, "checked"):
            result = check(
                system,
                memory=options["memory"],
                buffer=options["buffer"],
                engine=options["engine"],
                workers=options["workers"],
                max_states=options["max_states"],
                timeout_s=options["timeout"],
                max_memory_mib=options["max_memory"],
                progress=progress,
                say=_complain if sys.stderr.isatty() and not quiet else None,
            )
    except ModelcheckError as error:
        return Outcome(model, title, error=error)
    return Outcome(model, title, result)


def _nothing_of(model: Model, parameters: dict[str, Any], options: Any) -> Result:
    """Return the result of a model that was interrupted before its search began."""
    return Result(
        model=model.name,
        parameters={**model.parameters, **parameters},
        verdict=Verdict.INCOMPLETE,
        expected=Verdict(model.expectation)
        if model.expectation in list(Verdict)
        else Verdict.HOLDS,
        states=0,
        transitions=0,
        levels=(),
        seconds=0.0,
        memory_model=options["memory"],
        engine="reference",
        file=model.file,
        reason=INTERRUPTED,
    )


def _write_pictures(outcomes: Sequence[Outcome], options: Any, quiet: bool, several: bool) -> None:
    """Write what `--svg` and `--dot` ask for."""
    written = []
    if options["svg"]:
        written.append(write_counterexamples(options["svg"], outcomes, several))
    if options["dot"]:
        from modelcheck.results.graph import graph_of

        def graph(outcome: Outcome) -> Any:
            assert outcome.result is not None
            with _users_code(outcome.model, "drawn"):
                system = outcome.model(**outcome.result.parameters)
                memory = outcome.result.memory_model
                return graph_of(system, memory=memory, buffer=options["buffer"])

        written.append(write_graphs(options["dot"], outcomes, several, graph))
    if not quiet:
        with until_closed():
            for line in written:
                say(clean(line))


def _worst(outcomes: Sequence[Outcome]) -> ExitCode:
    """Return the exit code of several results: errors first, then violations, then incomplete."""
    codes = {outcome.exit_code for outcome in outcomes}
    for code in (ExitCode.ERROR, ExitCode.VIOLATED, ExitCode.INCOMPLETE):
        if code in codes:
            return code
    return ExitCode.OK


def _with_parameters(
    models: Sequence[Model], params: Sequence[str]
) -> list[tuple[Model, dict[str, Any]]]:
    """Pair each model with the parameters that it has; a parameter that none has is an error."""
    pairs = []
    for param in params:
        name, equals, value = param.partition("=")
        if not equals:
            raise UsageError(f"-p {param}: write NAME=VALUE")
        pairs.append((name, value))
    for name, _ in pairs:
        if not any(name in model.parameters for model in models):
            known = sorted({p for model in models for p in model.parameters})
            there_is = ", ".join(known) or "none"
            raise UsageError(f"no model here has a parameter {name!r}; there is {there_is}")
    return [
        (model, {n: _value(model, n, v) for n, v in pairs if n in model.parameters})
        for model in models
    ]


def _value(model: Model, name: str, text: str) -> Any:
    try:
        return model.parse(name, text)
    except (RecursionError, MemoryError):  # from Python's own parser
        raise UsageError(
            f"parameter {name} of {model.name}: the value is nested too deeply"
        ) from None


@main.command("list")
@click.argument("target", metavar="PATH")
def list_command(target: str) -> None:
    """List the models of a file or folder, with their parameters and what they expect."""
    models = _find([target])
    rows = [("model", "expects", "parameters", "what it is")]
    for title, model in zip(titles(models), models, strict=True):
        shown = parameters_text(model.parameters)
        rows.append((clean(title), model.expectation, shown, clean(model.summary)))
    with until_closed():
        say(plain_table(rows))


def _one(target: str) -> Model:
    models = _find([target])
    if len(models) != 1:
        names = ", ".join(m.name for m in models)
        raise UsageError(f"{target} has {len(models)} models; say which one, PATH:NAME, of {names}")
    return models[0]


def _system(model: Model, params: Sequence[str]) -> Any:
    [(_, parameters)] = _with_parameters([model], params)
    with _users_code(model, "built"):
        return model(**parameters)


@main.command("simulate")
@click.argument("target", metavar="PATH[:NAME]")
@PARAMETERS
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same walk.")
@click.option(
    "--steps", type=click.IntRange(min=0), default=1000, show_default=True, help="At most."
)
@MEMORY
@BUFFER
@QUIET
def simulate_command(
    target: str,
    params: Sequence[str],
    seed: int,
    steps: int,
    memory: str,
    buffer: int | None,
    quiet: bool,
) -> None:
    """Take one random walk: for models too large to search. It never says that a model holds.

    So the exit status is 3 unless the walk met a violation.
    """
    from modelcheck.show.table import write_table

    model = _one(target)
    system = _system(model, params)
    with _users_code(model, "simulated"):
        result = simulate(system, seed=seed, steps=steps, memory=memory, buffer=buffer)
    if not quiet:
        assert result.trace is not None
        with until_closed():
            told = f": {clean(result.reason)}" * bool(result.reason)
            say(f"{title_of(result)}: {result.verdict}{told}")
            sys.stdout.flush()
            write_table(evolve(result.trace, token=""), sys.stdout)
            say_replay(result)
    sys.exit(result.exit_code)


@main.command("replay")
@click.argument("target", metavar="PATH:NAME")
@click.argument("token")
@click.option("--svg", metavar="FILE", help="Write the trace as SVG.")
def replay_command(target: str, token: str, svg: str | None) -> None:
    """Show the trace of a token again; a changed model is refused, at the first step that differs.

    A token `-` is read from standard input: a long one is more than a shell passes on.
    """
    from modelcheck.show.lanes import lanes_svg
    from modelcheck.show.narrative import narrative
    from modelcheck.show.table import write_table

    refuse_unwritable(svg, folder=False)
    model = _one(target)
    text = sys.stdin.read() if token == "-" else token
    with _users_code(model, "replayed"):
        trace = replay(model, text.strip())
    shown = evolve(trace, token="")
    with until_closed():
        say(narrative(shown))
        sys.stdout.flush()
        write_table(shown, sys.stdout)
    if svg:
        write(Path(svg), lanes_svg(trace))


@main.command("graph")
@click.argument("target", metavar="PATH:NAME")
@click.option("-o", "output", required=True, metavar="FILE", help=".dot, .svg, .png or .pdf")
@PARAMETERS
@click.option("--limit", type=click.IntRange(min=1), help="Draw at most so many states.")
@MEMORY
@BUFFER
def graph_command(
    target: str,
    output: str,
    params: Sequence[str],
    limit: int | None,
    memory: str,
    buffer: int | None,
) -> None:
    """Draw the state graph, with the counterexample on it where there is one."""
    from modelcheck.results.graph import LIMIT, graph_of
    from modelcheck.show.stategraph import render

    refuse_unwritable(output, folder=False)
    model = _one(target)
    system = _system(model, params)
    with _users_code(model, "drawn"):
        graph = graph_of(system, memory=memory, buffer=buffer)
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        drawn = render(graph, output, limit or LIMIT)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    with until_closed():
        say(clean(f"{len(drawn.nodes)} states, {len(drawn.edges)} transitions: {output}"))
        if drawn.note:
            say(clean(drawn.note))


__all__ = ["main"]

if __name__ == "__main__":
    main()
