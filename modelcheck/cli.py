"""The command line: ``modelcheck check | list | simulate | replay | graph``.

Exit status: 0 all as expected (or holds), 1 violated (or not as expected), 2 usage or model error,
3 incomplete. Scripts rely on it, and on the JSON that `Result.to_dict` describes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from modelcheck.check import check, replay, simulate
from modelcheck.errors import ModelcheckError, ModelError, UsageError
from modelcheck.explore.reference import INTERRUPTED
from modelcheck.language.model import Model
from modelcheck.loading import find
from modelcheck.progress import on_terminal
from modelcheck.result import Result
from modelcheck.show.summary import HEADINGS, plain_table, summary_text, table_row, title_of
from modelcheck.verdict import ExitCode, Verdict

PARAMETERS = click.option(
    "-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the model."
)


@frozen
class Outcome:
    """What checking one model came to: a result, or the error that prevented it."""

    model: Model
    result: Result | None = None
    error: ModelcheckError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What this model alone would make the command exit with."""
        return self.result.exit_code if self.result else ExitCode.ERROR


class Commands(click.Group):
    """A group whose commands report our errors as text, and exit with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModelcheckError as error:
            click.echo(f"modelcheck: {error}", err=True)
            ctx.exit(ExitCode.ERROR)
        except BrokenPipeError:  # `modelcheck ... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(ExitCode.OK)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelcheck", message="modelcheck %(version)s")
def main() -> None:
    """Check concurrent protocols in every interleaving.

    PATH is a Python file or a folder of them; PATH:NAME one model.
    """


@main.command("check")
@click.argument("targets", nargs=-1, required=True, metavar="PATH[:NAME]...")
@PARAMETERS
@click.option("--max-states", type=click.IntRange(min=1), help="Stop after so many states.")
@click.option("--timeout", type=float, metavar="S", help="Stop each model after so many seconds.")
@click.option("--max-memory", type=float, metavar="MIB", help="Stop at so much resident memory.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON.")
@click.option("--svg", metavar="FILE", help="Write counterexamples as SVG (a folder for several).")
@click.option("--dot", metavar="FILE", help="Write state graphs as DOT (a folder for several).")
@click.option("--memory", default="sc", show_default=True, help="The memory model.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def check_command(targets: Sequence[str], params: Sequence[str], quiet: bool, **options: Any) -> None:
    """Explore every interleaving of the models and hold each against what it expects."""
    models = [model for target in targets for model in find(target)]
    if not models:
        raise UsageError(f"there is no model in {', '.join(targets)}")
    built = _with_parameters(models, params)
    quiet = quiet or options["json_file"] == "-"
    outcomes = []
    for model, parameters in built:
        outcomes.append(_check_one(model, parameters, options, quiet))
        last = outcomes[-1].result
        if last is not None and last.reason == INTERRUPTED:
            break
    written = _write_files(outcomes, options, several=len(built) > 1)
    if not quiet:
        _print(outcomes, len(built), written)
    for outcome in outcomes:
        if outcome.error is not None and (quiet or len(built) > 1):
            click.echo(f"modelcheck: {outcome.model.name}: {outcome.error}", err=True)
    sys.exit(_worst(outcomes))


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
            raise UsageError(f"no model here has a parameter {name!r}; there is {', '.join(known) or 'none'}")
    return [
        (model, {n: model.parse(n, v) for n, v in pairs if n in model.parameters})
        for model in models
    ]


def _check_one(model: Model, parameters: dict[str, Any], options: Any, quiet: bool) -> Outcome:
    """Check one model; a model error does not lose the results of the others."""
    try:
        with on_terminal(model.name, silent=quiet) as progress:
            result = check(
                model(**parameters),
                memory=options["memory"],
                max_states=options["max_states"],
                timeout_s=options["timeout"],
                max_memory_mib=options["max_memory"],
                progress=progress,
            )
    except ModelcheckError as error:
        return Outcome(model, error=error)
    except Exception as error:  # the user's code, while the system was built
        return Outcome(model, error=_building_error(model, error))
    return Outcome(model, result)


def _building_error(model: Model, error: Exception) -> ModelError:
    """Return what went wrong in a model function, or raise again what is our own fault."""
    import traceback

    from modelcheck.language.context import is_ours

    frames = traceback.extract_tb(error.__traceback__)
    if is_ours(frames[-1].filename):
        raise error
    theirs = [f for f in frames if not is_ours(f.filename)]
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return ModelError(
        f"the model {model.name} cannot be built: {said}",
        "A model function makes the state, the processes and the properties, and returns a System.",
        file=theirs[-1].filename,
        line=theirs[-1].lineno,
    )


def _print(outcomes: Sequence[Outcome], asked: int, written: Sequence[str]) -> None:
    """Print one result at length, or several as a table with what was not expected below."""
    if asked == 1:
        _print_one(outcomes[0])
    else:
        rows = [HEADINGS]
        for outcome in outcomes:
            rows.append(_row(outcome))
        click.echo(plain_table(rows))
        for outcome in outcomes:
            if outcome.result is not None and not outcome.result.ok:
                click.echo("\n" + summary_text(outcome.result))
        click.echo("\n" + _tally(outcomes, asked))
    for line in written:
        click.echo(line)


def _print_one(outcome: Outcome) -> None:
    from modelcheck.show.table import write_table

    if outcome.error is not None:
        click.echo(f"modelcheck: {outcome.error}", err=True)
        return
    result = outcome.result
    assert result is not None
    click.echo(summary_text(result))
    if result.trace is not None and result.violation is not None:
        click.echo()
        sys.stdout.flush()
        write_table(result.trace, sys.stdout)
        if result.token:
            click.echo(f"\nreplay it: modelcheck replay {_target(result)} {result.token}")


def _target(result: Result) -> str:
    path = os.path.relpath(result.file) if result.file else ""
    return f"{path}:{result.model}"


def _row(outcome: Outcome) -> tuple[str, ...]:
    if outcome.result is None:
        return (outcome.model.name, "error", "", "", "", "", "", outcome.error.what)  # type: ignore[union-attr] # an outcome without a result has an error
    return table_row(outcome.result)


def _tally(outcomes: Sequence[Outcome], asked: int) -> str:
    """Return the last line: how many models are as expected."""
    results = [o.result for o in outcomes if o.result is not None]
    good = sum(r.ok for r in results)
    said = f"{good} of {asked} models as expected"
    errors = sum(o.error is not None for o in outcomes)
    cut = sum(r.verdict is Verdict.INCOMPLETE for r in results)
    left = asked - len(outcomes)
    for number, what in ((errors, "with an error"), (cut, "incomplete"), (left, "not checked")):
        if number:
            said += f", {number} {what}"
    return said


def _write_files(outcomes: Sequence[Outcome], options: Any, several: bool) -> list[str]:
    """Write what `--json`, `--svg` and `--dot` ask for; return a line about each file group."""
    said = []
    results = [o.result for o in outcomes if o.result is not None]
    if options["json_file"]:
        content = [_json_of(o) for o in outcomes]
        text = json.dumps(content if several else content[0], indent=2)
        if options["json_file"] == "-":
            click.echo(text)
        else:
            _write(Path(options["json_file"]), text + "\n")
    traces = [r for r in results if r.trace is not None and r.violation is not None]
    if options["svg"]:
        from modelcheck.show.lanes import lanes_svg
        from modelcheck.show.narrative import narrative

        for result in traces:
            path = _path(options["svg"], result.model, ".svg", several)
            _write(path, lanes_svg(result.trace))  # type: ignore[arg-type] # filtered above
            _write(path.with_suffix(".txt"), narrative(result.trace))  # type: ignore[arg-type] # filtered above
        if traces:
            where = Path(options["svg"]) if several else path
            said.append(f"{len(traces)} counterexample(s) written as SVG and text: {where}")
        else:
            said.append("no counterexample to draw")
    if options["dot"]:
        from modelcheck.graphing import graph_of
        from modelcheck.show.stategraph import neighbourhood, to_dot

        for outcome in outcomes:
            if outcome.result is not None:
                system = outcome.model(**outcome.result.parameters)
                graph = neighbourhood(graph_of(system, memory=options["memory"]))
                _write(_path(options["dot"], outcome.model.name, ".dot", several), to_dot(graph))
    return said


def _json_of(outcome: Outcome) -> dict[str, Any]:
    if outcome.result is not None:
        return outcome.result.to_dict()
    error = outcome.error
    assert error is not None
    where = {"file": getattr(error, "file", None), "line": getattr(error, "line", None)}
    return {"model": outcome.model.name, "verdict": "error", "error": str(error), **where}


def _path(given: str, name: str, suffix: str, several: bool) -> Path:
    """Return where to write one model's file: the path given, or a file in it as a folder."""
    path = Path(given)
    if path.is_dir() or given.endswith(("/", os.sep)) or (several and not path.suffix):
        return path / f"{name}{suffix}"
    return path.with_name(f"{path.stem}-{name}{path.suffix}") if several else path


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


@main.command("list")
@click.argument("target", metavar="PATH")
def list_command(target: str) -> None:
    """List the models of a file or folder, with their parameters and what they expect."""
    rows = [("model", "expects", "parameters", "what it is")]
    for model in find(target):
        shown = ", ".join(f"{k}={getattr(v, 'name', v)}" for k, v in model.parameters.items())
        rows.append((model.name, model.expectation, shown, model.summary))
    click.echo(plain_table(rows))


def _one(target: str) -> Model:
    models = find(target)
    if len(models) != 1:
        names = ", ".join(m.name for m in models)
        raise UsageError(f"{target} has {len(models)} models; say which one, PATH:NAME, of {names}")
    return models[0]


def _system(model: Model, params: Sequence[str]) -> Any:
    [(_, parameters)] = _with_parameters([model], params)
    try:
        return model(**parameters)
    except ModelcheckError:
        raise
    except Exception as error:  # the user's code
        raise _building_error(model, error) from error


@main.command("simulate")
@click.argument("target", metavar="PATH[:NAME]")
@PARAMETERS
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same walk.")
@click.option("--steps", type=click.IntRange(min=0), default=1000, show_default=True, help="At most.")
@click.option("--memory", default="sc", show_default=True, help="The memory model.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def simulate_command(
    target: str, params: Sequence[str], seed: int, steps: int, memory: str, quiet: bool
) -> None:
    """Take one random walk: for models too large to search. It never says that a model holds."""
    from modelcheck.show.table import write_table

    result = simulate(_system(_one(target), params), seed=seed, steps=steps, memory=memory)
    if not quiet:
        assert result.trace is not None
        click.echo(f"{title_of(result)}: {result.verdict}" + f": {result.reason}" * bool(result.reason))
        sys.stdout.flush()
        write_table(result.trace, sys.stdout)
    sys.exit(result.exit_code)


@main.command("replay")
@click.argument("target", metavar="PATH:NAME")
@click.argument("token")
@click.option("--svg", metavar="FILE", help="Write the trace as SVG.")
def replay_command(target: str, token: str, svg: str | None) -> None:
    """Show the trace of a token again; a changed model is refused at the first step that differs."""
    from modelcheck.show.lanes import lanes_svg
    from modelcheck.show.narrative import narrative
    from modelcheck.show.table import write_table

    trace = replay(_one(target), token)
    click.echo(narrative(trace))
    sys.stdout.flush()
    write_table(trace, sys.stdout)
    if svg:
        _write(Path(svg), lanes_svg(trace))


@main.command("graph")
@click.argument("target", metavar="PATH:NAME")
@click.option("-o", "output", required=True, metavar="FILE", help=".dot, .svg, .png or .pdf")
@PARAMETERS
@click.option("--limit", type=click.IntRange(min=1), help="Draw at most so many states.")
@click.option("--memory", default="sc", show_default=True, help="The memory model.")
def graph_command(
    target: str, output: str, params: Sequence[str], limit: int | None, memory: str
) -> None:
    """Draw the state graph, with the counterexample on it where there is one."""
    from modelcheck.graphing import LIMIT, graph_of
    from modelcheck.show.stategraph import render

    graph = graph_of(_system(_one(target), params), memory=memory)
    drawn = render(graph, output, limit or LIMIT)
    click.echo(f"{len(drawn.nodes)} states, {len(drawn.edges)} transitions: {output}")
    if drawn.note:
        click.echo(drawn.note)



__all__ = ["main"]

if __name__ == "__main__":
    main()
