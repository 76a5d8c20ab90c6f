"""What the words of a command line name: models, their parameters, and files that cannot be loaded.

A file that cannot be loaded is an error of its own: the models of the others are there all the
same. Neighbours: `modelcheck.loading` runs the files, `commands` checks what is found here.
"""

from __future__ import annotations

import site
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from attrs import field, frozen

from modelcheck.cli.streams import kept_ours
from modelcheck.errors import ModelcheckError, ModelError, UsageError
from modelcheck.language.context import is_ours
from modelcheck.language.model import Model
from modelcheck.loading import beside, find, split

#: What the user's code may cause although the last line that ran was ours.
ENDS_ANYWHERE = (SystemExit, RecursionError, MemoryError)


@frozen
class Found:
    """The models that targets name, and the files that could not be loaded."""

    models: list[Model] = field(factory=list)
    unloadable: list[tuple[Path, ModelcheckError]] = field(factory=list)


def find_all(targets: Sequence[str]) -> Found:
    """Return what targets name. Raises where that is nothing, or a single file that is broken."""
    found = Found()

    def failed(file: Path, error: ModelcheckError) -> None:
        found.unloadable.append((file, error))

    with kept_ours():
        for target in targets:
            try:
                found.models.extend(find(target, failed))
            except ModelError as error:
                failed(Path(split(target)[0]), error)
    if not found.models and len(found.unloadable) == 1:
        raise found.unloadable[0][1]
    if not found.models and not found.unloadable:
        raise UsageError(f"there is no model in {', '.join(targets)}")
    return found


def find_one(target: str) -> Model:
    """Return the one model that a target names; every other number of them is an error."""
    with kept_ours():
        models = find(target)
    if not models:
        raise UsageError(f"there is no model in {target}")
    if len(models) != 1:
        names = ", ".join(m.name for m in models)
        raise UsageError(f"{target} has {len(models)} models; say which one, PATH:NAME, of {names}")
    return models[0]


def with_parameters(
    models: Sequence[Model], params: Sequence[str]
) -> list[tuple[Model, dict[str, Any]]]:
    """Pair each model with the parameters that it has; a parameter that none has is an error."""
    pairs: list[tuple[str, str]] = []
    for param in params:
        name, equals, value = param.partition("=")
        if not equals:
            raise UsageError(f"-p {param}: write NAME=VALUE")
        if any(name == before for before, _ in pairs):
            raise UsageError(f"-p {param}: {name} has a value already; give each parameter one")
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


def system_of(model: Model, params: Sequence[str]) -> Any:
    """Return the system that a model builds with parameters from the command line."""
    [(_, parameters)] = with_parameters([model], params)
    with users_code(model, "built"):
        return model(**parameters)


@contextmanager
def users_code(model: Model, doing: str) -> Iterator[None]:
    """While inside, the user's code prints to standard error, and its faults are named."""
    try:
        with kept_ours(each_line_once=doing != "built"), beside(Path(model.file)):
            yield
    except (ModelcheckError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _users_error(model, doing, error) from error


def _users_error(model: Model, doing: str, error: BaseException) -> ModelError:
    """Return what went wrong in the user's code, or raise again what is our own fault.

    Libraries fail in the name of whoever called them: us or the user.
    """
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename == model.file or not _is_installed(f.filename)
    ]
    theirs = [f for f in frames if not is_ours(f.filename)]
    theirs = [f for f in theirs if f.filename == model.file] or theirs
    last_is_ours = is_ours(frames[-1].filename) and not isinstance(error, ENDS_ANYWHERE)
    if last_is_ours or not theirs:
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


def _is_installed(file: str) -> bool:
    """Tell whether a file is neither ours nor the user's: Python's own, or an installed package."""
    return not is_ours(file) and file.startswith(("<", *_installed_folders()))


@cache
def _installed_folders() -> tuple[str, ...]:
    """Return the folders of the standard library and of packages that pip installs."""
    named = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_path(name) for name in named}
    return tuple(folders | {*site.getsitepackages(), site.getusersitepackages()})


__all__ = ["Found", "find_all", "find_one", "system_of", "users_code", "with_parameters"]
