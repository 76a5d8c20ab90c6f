"""The command line: what all commands share, and ``modelcheck check | list | simulate``.

Exit status: 0 all as expected (or holds), 1 violated (or not as expected), 2 usage or model error
(and bugs of ours), 3 incomplete. Scripts rely on it, and on the JSON that `Result.to_dict`
describes: an object where one model was found, a list where several were. Standard output is ours
alone: what a model prints goes to standard error. Neighbours: `options` has what several commands
take, `outputs` writes the files, `printing` the text; each other command is a file of its own.
"""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from modelcheck.check import check, simulate
from modelcheck.cli.completion import TARGET
from modelcheck.cli.exports import Export, parse, write_exports
from modelcheck.cli.lean import seldom_collected, without_algebra_threads
from modelcheck.cli.options import (
    BUFFER,
    DOT,
    EXPORT,
    HTML,
    HTML_STATES,
    JSON,
    MEMORY,
    PARAMETERS,
    QUIET,
    SVG,
    Positive,
    memories,
)
from modelcheck.cli.outputs import (
    DOTS,
    Outcome,
    json_error,
    json_text,
    refuse_undrawable,
    refuse_unwritable,
    shown_path,
    titles,
    told_together,
    write,
    write_graphs,
    write_pictures,
)
from modelcheck.cli.printing import print_outcomes, print_walk, say
from modelcheck.cli.streams import prepare, until_closed
from modelcheck.cli.targets import find_all, find_one, system_of, users_code, with_parameters
from modelcheck.errors import ModelcheckError, UsageError
from modelcheck.explore.checkpoint import EVERY_S
from modelcheck.explore.lossy import HASH_BITS
from modelcheck.explore.plan import ENGINES
from modelcheck.language.model import Model
from modelcheck.progress import on_terminal
from modelcheck.results.findings import nothing_searched
from modelcheck.results.result import Result
from modelcheck.show.summary import parameters_text, plain_table, safe_lines
from modelcheck.show.text import clean
from modelcheck.verdict import ExitCode, Expectation, Verdict
from modelcheck.watchdog import INTERRUPTED, interrupt, interruption, reason_of


class Commands(click.Group):
    """A group whose commands report errors as text and exit with 2, or 3 when interrupted."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run as `click.Group.main`, which would end with 1 where Ctrl-C comes before a command."""
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            status = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            _complain(INTERRUPTED)
            status = ExitCode.INCOMPLETE
        sys.exit(status)

    def invoke(self, ctx: click.Context) -> Any:
        prepare()
        try:
            with seldom_collected(), without_algebra_threads(), _ended_as_interrupted():
                super().invoke(ctx)
                ctx.exit()
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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelcheck", message="modelcheck %(version)s")
def main() -> None:
    """Check concurrent protocols in every interleaving.

    PATH is a Python file or a folder of them; PATH:NAME one model.

    Exit status: 0 all as expected (or holds), 1 violated (or not as expected), 2 usage or model
    error, 3 incomplete.
    """


@main.command("check")
@click.argument("targets", nargs=-1, required=True, type=TARGET, metavar="PATH[:NAME]...")
@PARAMETERS
@click.option("--max-states", type=click.IntRange(min=1), help="Stop after so many states.")
@click.option(
    "--timeout", type=Positive(), metavar="S", help="Stop each model after so many seconds."
)
@click.option(
    "--max-memory", type=Positive(), metavar="MIB", help="Stop at so much resident memory."
)
@JSON
@SVG
@DOT
@HTML
@HTML_STATES
@EXPORT
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
@click.option(
    "--checkpoint", metavar="FILE", help="Write the search there from time to time, and at its end."
)
@click.option(
    "--resume",
    metavar="FILE",
    help="Go on with the search of a checkpoint, and keep on writing it (or --checkpoint FILE).",
)
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(min=0),
    metavar="S",
    default=EVERY_S,
    show_default=True,
    help="Seconds between two checkpoints.",
)
@click.option(
    "--hash-compact",
    type=click.Choice([str(bits) for bits in HASH_BITS]),
    help="Store so many bits of a hash of each state; never more than incomplete.",
)
@click.option(
    "--bitstate", is_flag=True, help="Store three bits a state; never more than incomplete."
)
@click.option(
    "--reduction/--no-reduction",
    default=None,
    help="Leave out interleavings that show nothing new (partial-order reduction): from the start, "
    "or never. By default in large searches, as long as it is worth its while.",
)
@click.option("--audit", is_flag=True, help="Look again at what the reduction took for granted.")
@click.option(
    "--trace",
    type=click.Choice(["shortest", "first"]),
    default="shortest",
    show_default=True,
    help="Under reduction: look for a shortest counterexample, or take the first.",
)
@click.option(
    "--symmetry/--no-symmetry",
    default=True,
    show_default=True,
    help="Explore once what differs by the names of symmetric(...) processes.",
)
@MEMORY
@BUFFER
@QUIET
def check_command(
    targets: Sequence[str], params: Sequence[str], quiet: bool, **options: Any
) -> None:
    """Explore every interleaving of the models and hold each against what it expects.

    Files are written whole or not at all, and the folders on their way are made.
    """
    to_stdout = options["json_file"] == "-"
    quiet = quiet or to_stdout
    try:
        asked_for = memories(options["memory"])
        options["exports"] = _exports(options)
        found = find_all(targets)
        built = with_parameters(found.models, params)
        _one_checkpoint(built, asked_for, options)
        broken = [Outcome(None, shown_path(str(f)), error=e) for f, e in found.unloadable]
        outcomes = _check_all(built, asked_for, options, quiet)
    except (Exception, KeyboardInterrupt) as error:
        if to_stdout:
            say(json_error(error))
        raise
    asked = len(built) * len(asked_for) + len(broken)
    several, outcomes = asked > 1, outcomes + broken
    with until_closed():
        if to_stdout:
            say(json_text(outcomes, several))
        elif not quiet:
            print_outcomes(outcomes, asked)
    for outcome in outcomes:
        if outcome.error is not None:
            _complain(f"{outcome.title}: {outcome.error}" if several else str(outcome.error))
    _write_files(outcomes, options, quiet, several)
    sys.exit(_worst(outcomes))


def _one_checkpoint(built: Sequence[Any], memories: Sequence[str], options: Any) -> None:
    """Raise `UsageError` where several searches would share one checkpoint."""
    for name in ("checkpoint", "resume"):
        if options[name] == "":
            raise UsageError(f"--{name} wants the name of a file")
        if options[name] and len(built) > 1:
            raise UsageError(
                f"--{name} is for one model, and there are {len(built)} here: say which one, "
                "PATH:NAME"
            )
        if options[name] and len(memories) > 1:
            raise UsageError(
                f"--{name} is for one search, and each memory model is one: name one, as in "
                f"--memory {memories[0]}"
            )


def _exports(options: Any) -> list[Export]:
    """Return the exports asked for; raise `UsageError` where any file cannot be written."""
    exports: list[Export] = []
    to_stdout = options["json_file"] == "-"
    told_together(
        lambda: refuse_unwritable(None if to_stdout else options["json_file"]),
        lambda: refuse_undrawable(options["svg"], folder=True),
        lambda: refuse_unwritable(options["dot"], DOTS, folder=True),
        lambda: exports.extend(
            parse(options["exports"], options["html"], options.get("html_states"))
        ),
    )
    return exports


def _check_all(
    built: Sequence[tuple[Model, dict[str, Any]]],
    under: Sequence[str],
    options: Any,
    quiet: bool,
) -> list[Outcome]:
    """Check models one after the other, each under the memory models, until one is interrupted."""
    outcomes = []
    names = titles([model for model, _ in built])
    for name, (model, parameters) in zip(names, built, strict=True):
        for memory in under:
            title = f"{name}, {memory}" if len(under) > 1 else name
            here = {**options, "memory": memory}
            try:
                outcomes.append(_check_one(model, title, parameters, here, quiet))
            except KeyboardInterrupt as stop:  # outside the search itself, which handles it better
                nothing = _nothing_of(model, parameters, here, reason_of(stop))
                outcomes.append(Outcome(model, title, nothing))
            if outcomes[-1].interrupted:
                return outcomes
    return outcomes


def _check_one(
    model: Model, title: str, parameters: dict[str, Any], options: Any, quiet: bool
) -> Outcome:
    """Check one model; a model error does not lose the results of the others."""
    try:
        with users_code(model, "built"):
            system = model(**parameters)
        with on_terminal(title, silent=quiet) as progress, users_code(model, "checked"):
            result = check(
                system,
                memory=options["memory"],
                buffer=options["buffer"],
                engine=options["engine"],
                workers=options["workers"],
                reduction=options["reduction"],
                audit=options["audit"],
                trace=options["trace"],
                symmetry=options["symmetry"],
                max_states=options["max_states"],
                timeout_s=options["timeout"],
                max_memory_mib=options["max_memory"],
                checkpoint=options["checkpoint"],
                resume=options["resume"],
                checkpoint_every_s=options["checkpoint_every"],
                hash_compact=int(options["hash_compact"]) if options["hash_compact"] else None,
                bitstate=options["bitstate"],
                progress=progress,
                say=_complain if sys.stderr.isatty() and not quiet else None,
            )
    except ModelcheckError as error:
        return Outcome(model, title, error=error)
    return Outcome(model, title, result)


def _nothing_of(model: Model, parameters: dict[str, Any], options: Any, reason: str) -> Result:
    """Return the result of a model whose search was ended before it began."""
    expected = Expectation(
        Verdict(model.expectation) if model.expectation in list(Verdict) else None
    )
    result = nothing_searched(model, options["memory"], expected)
    return evolve(result, parameters={**model.parameters, **parameters}, reason=reason)


def _write_files(outcomes: Sequence[Outcome], options: Any, quiet: bool, several: bool) -> None:
    """Write what `--json`, `--svg`, `--dot`, `--html` and `--export` ask for."""
    written: list[str] = []
    try:
        told_together(
            lambda: _write_json(outcomes, options["json_file"], several),
            lambda: _draw(outcomes, options, several, written),
            *[
                partial(_export, export, outcomes, several, written)
                for export in options["exports"]
            ],
        )
    finally:
        if not quiet:
            with until_closed():
                for line in written:
                    say(clean(line))


def _write_json(outcomes: Sequence[Outcome], file: str | None, several: bool) -> None:
    if file and file != "-":
        write(Path(file), json_text(outcomes, several) + "\n")


def _draw(outcomes: Sequence[Outcome], options: Any, several: bool, written: list[str]) -> None:
    """Write the pictures and the state graphs; add a line about each to `written`."""

    def graph(outcome: Outcome) -> Any:
        from modelcheck.results.graph import graph_of

        assert outcome.result is not None
        assert outcome.model is not None
        with users_code(outcome.model, "drawn"):
            system = outcome.model(**outcome.result.parameters)
            memory, found = outcome.result.memory_model, outcome.result
            return graph_of(system, memory=memory, buffer=options["buffer"], result=found)

    def pictures() -> None:
        if options["svg"]:
            written.append(write_pictures(options["svg"], outcomes, several))

    def graphs() -> None:
        if options["dot"]:
            written.append(write_graphs(options["dot"], outcomes, several, graph))

    told_together(pictures, graphs)


def _export(export: Export, outcomes: Sequence[Outcome], several: bool, written: list[str]) -> None:
    written += write_exports([export], outcomes, several)


def _worst(outcomes: Sequence[Outcome]) -> ExitCode:
    """Return the exit code of several results: errors first, then violations, then incomplete."""
    codes = {outcome.exit_code for outcome in outcomes}
    for code in (ExitCode.ERROR, ExitCode.VIOLATED, ExitCode.INCOMPLETE):
        if code in codes:
            return code
    return ExitCode.OK


@main.command("list")
@click.argument("target", type=TARGET, metavar="PATH")
def list_command(target: str) -> None:
    """List the models of a file or folder, with their parameters and what they expect."""
    found = find_all([target])
    models = found.models
    rows = [("model", "expects", "parameters", "what it is")]
    for title, model in zip(titles(models), models, strict=True):
        shown = parameters_text(model.parameters)
        rows.append((clean(title), model.expectation, shown, clean(model.summary)))
    with until_closed():
        say(plain_table(rows))
    for _, error in found.unloadable:
        _complain(str(error))
    sys.exit(ExitCode.ERROR if found.unloadable else ExitCode.OK)


@main.command("simulate")
@click.argument("target", type=TARGET, metavar="PATH[:NAME]")
@PARAMETERS
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same walk.")
@click.option(
    "--steps", type=click.IntRange(min=0), default=1000, show_default=True, help="At most."
)
@JSON
@SVG
@DOT
@HTML
@EXPORT
@MEMORY
@BUFFER
@QUIET
def simulate_command(
    target: str, params: Sequence[str], seed: int, steps: int, quiet: bool, **options: Any
) -> None:
    """Take one random walk: for models too large to search. It never says that a model holds.

    So the exit status is 3 unless the walk met a violation. The pictures show the walk, also where
    it met none.
    """
    to_stdout = options["json_file"] == "-"
    try:
        options["exports"] = _exports(options)
        model = find_one(target)
        system = system_of(model, params)
        with users_code(model, "simulated"):
            result = simulate(
                system, seed=seed, steps=steps, memory=options["memory"], buffer=options["buffer"]
            )
    except (Exception, KeyboardInterrupt) as error:
        if to_stdout:
            say(json_error(error))
        raise
    outcomes = [Outcome(model, model.name, result)]
    if to_stdout:
        with until_closed():
            say(json_text(outcomes, several=False))
    elif not quiet:
        with until_closed():
            print_walk(result)
    _write_files(outcomes, options, quiet=quiet or to_stdout, several=False)
    sys.exit(result.exit_code)


__all__ = ["main"]

if __name__ == "__main__":  # this file alone would be a program that does nothing, and succeeds
    from modelcheck.cli import main as every_command

    every_command()
