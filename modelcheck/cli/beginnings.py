"""The commands around checking: ``modelcheck new | explore | doctor | completion``."""

from __future__ import annotations

import builtins
import keyword
import os
import platform
import re
import shlex
import sys
from importlib.resources import files
from pathlib import Path

import click

from modelcheck.cli.commands import main
from modelcheck.cli.completion import TARGET
from modelcheck.cli.options import MEMORY, PARAMETERS
from modelcheck.cli.outputs import refuse_unwritable, write
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.cli.targets import find_one, with_parameters
from modelcheck.errors import UsageError
from modelcheck.memory import memory_model
from modelcheck.show.summary import plain_table
from modelcheck.show.text import clean

SHELLS = ("bash", "zsh", "fish")

#: What `doctor` looks for, and what each is good for.
PACKAGES = (
    ("attrs", "needed"),
    ("click", "needed"),
    ("rich", "needed"),
    ("numba", "the native engine"),
    ("networkx", "state graphs as GraphML"),
    ("graphviz", "state graphs"),
    ("graphviz-pure", "pictures of state graphs where there is no dot"),
    ("svg2pdf-py", "PDF"),
    ("werkzeug", "the explorer"),
    ("ipykernel", "notebooks"),
    ("pytest", "models as tests"),
)


@main.command("new")
@click.argument("file")
def new_command(file: str) -> None:
    """Write a small commented model that runs, to begin with.

    FILE is a new Python file; an existing one is never overwritten.
    """
    path = Path(file)
    if path.suffix != ".py":
        raise UsageError(f"{file} is no name for a file of models: end it with .py")
    if os.path.lexists(path):
        raise UsageError(f"{file} is there already: choose another name, or delete it")
    refuse_unwritable(file, folder=False)
    name = re.sub(r"\W+", "_", path.stem, flags=re.ASCII).strip("_").lower()
    if not name.isidentifier() or keyword.iskeyword(name) or hasattr(builtins, name):
        name = "flight"
    template = (files("modelcheck.cli") / "first_model.txt").read_text("utf-8")
    write(path, template.replace("{file}", file).replace("{name}", name))
    with until_closed():
        say(clean(f"{file} has two models, one of them broken on purpose. Next:"))
        say(f"  modelcheck check {shlex.quote(clean(file))}")
        say(f"  modelcheck check {shlex.quote(clean(f'{file}:{name}_broken'))} --html page.html")


@main.command("explore")
@click.argument("target", type=TARGET, metavar="PATH:NAME")
@PARAMETERS
@MEMORY
@click.option(
    "--beside", type=TARGET, metavar="PATH:NAME", help="A model that walks along, beside it."
)
@click.option("--port", default=0, show_default=True, help="The port; 0 is any that is free.")
@click.option("--browser/--no-browser", default=True, help="Whether to open a browser.")
def explore_command(
    target: str,
    params: tuple[str, ...],
    memory: str,
    beside: str | None,
    port: int,
    browser: bool,
) -> None:
    """Walk through a model by hand, in a browser: choose each next step, or search from anywhere.

    The page is served on this machine alone, under an address with a random key, until Ctrl-C.
    """
    from modelcheck.cli.explorer import Service, serve

    memory_model(memory)
    model = find_one(target)
    models = [model, find_one(beside)] if beside else [model]
    (_, parameters), *twins = with_parameters(models, params)
    twin = twins[0] if twins else None

    def ready(address: str) -> None:
        with until_closed():
            say(f"exploring {clean(model.name)} at {address}  (Ctrl-C ends it)")
        sys.stdout.flush()
        if browser:
            import webbrowser  # a start of any command is quicker without

            webbrowser.open(address)

    try:
        serve(Service(model, parameters, memory, twin), port, ready)
    except KeyboardInterrupt:
        return


@main.command("doctor")
def doctor_command() -> None:
    """Tell what is installed here, and what each part that is missing would be good for."""
    with until_closed():
        say(plain_table([(name, clean(found), clean(told)) for name, found, told in _findings()]))


def _findings() -> list[tuple[str, str, str]]:
    from modelcheck.explore import native
    from modelcheck.explore.budget import available_mib
    from modelcheck.show.engines import program

    rows = [
        ("modelcheck", _version("modelcheck"), ""),
        ("Python", platform.python_version(), sys.executable),
        *((name, _version(name), use) for name, use in PACKAGES),
        ("Graphviz", program() or "missing", "draws state graphs as pictures"),
    ]
    if native.available():
        compiled = "compiled" if native.compiled() else "not compiled yet"
        rows.append(("native engine", compiled, f"kept in {native.folder()}"))
    rows.append(("cores", str(_cores()), "for --workers"))
    rows.append(("free memory", f"{available_mib():,.0f} MiB", "a search takes four fifths of it"))
    return rows


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@main.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> None:
    """Print what makes a shell complete commands, options, files and models.

    For bash: modelcheck completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    with until_closed():
        say(made(main, {}, "modelcheck", "_MODELCHECK_COMPLETE").source())
