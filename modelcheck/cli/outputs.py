"""What the command line writes to files: results as JSON, counterexamples as SVG, graphs as DOT.

A file is either the whole new one or the old one: it is written beside its place and then moved
there, so that two runs may write into one folder. Neighbours: `cli` says what to write and where.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from modelcheck.errors import ModelcheckError, UsageError
from modelcheck.language.model import Model
from modelcheck.results.result import Result
from modelcheck.show.engines import svg_converter
from modelcheck.show.text import clean
from modelcheck.show.trace import Trace
from modelcheck.show.words import counted
from modelcheck.verdict import ExitCode, Verdict
from modelcheck.watchdog import INTERRUPTED


@frozen
class Outcome:
    """What checking one model came to: a result, or the error that prevented it.

    `title` names the model in its run: with its file where another model has the same name. A file
    that could not be loaded has no model.
    """

    model: Model | None
    title: str
    result: Result | None = None
    error: ModelcheckError | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM ended the search."""
        return self.result is not None and self.result.reason == INTERRUPTED

    @property
    def exit_code(self) -> ExitCode:
        """What this model alone would make the command exit with."""
        if self.result is None:
            return ExitCode.ERROR
        return ExitCode.INCOMPLETE if self.interrupted else self.result.exit_code


def titles(models: Sequence[Model]) -> list[str]:
    """Return a name for each model: its own, with its file where several have the same."""
    names = Counter(model.name for model in models)
    return [
        model.name if names[model.name] == 1 else f"{shown_path(model.file)}:{model.name}"
        for model in models
    ]


def shown_path(file: str) -> str:
    """Return a path as seen from the working directory, where that is shorter."""
    try:
        return min(os.path.relpath(file), file, key=len)
    except (ValueError, OSError):  # another drive; a working directory that is gone
        return file


# JSON


def json_text(outcomes: Sequence[Outcome], several: bool) -> str:
    """Return an object for one model, a list for several; ASCII only, so any encoding takes it."""
    content = [_json_of(outcome) for outcome in outcomes]
    return json.dumps(content if several else content[0], indent=2)


def json_error(error: BaseException) -> str:
    """Return the object that stands for a command that could not be carried out."""
    return json.dumps(_error_fields(error), indent=2)


def _json_of(outcome: Outcome) -> dict[str, Any]:
    if outcome.result is not None:
        return outcome.result.to_dict()
    assert outcome.error is not None
    name = None if outcome.model is None else clean(outcome.model.name)
    file = outcome.title if outcome.model is None else outcome.model.file
    fields = _error_fields(outcome.error)
    return {**fields, "model": name, "file": fields["file"] or clean(file)}


def _error_fields(error: BaseException) -> dict[str, Any]:
    """Return the fields of a result, so that a script may read them without asking first."""
    fields = (
        "model", "parameters", "verdict", "expected", "as_expected", "property", "kind", "states",
        "transitions", "depth", "seconds", "memory_model", "engine", "trace", "token",
    )  # fmt: skip
    where = {"file": getattr(error, "file", None), "line": getattr(error, "line", None)}
    interrupted = isinstance(error, KeyboardInterrupt)
    said = INTERRUPTED if interrupted else str(error).encode("utf-8", "backslashreplace").decode()
    verdict = str(Verdict.INCOMPLETE) if interrupted else "error"
    return {**dict.fromkeys(fields), **where, "verdict": verdict, "error": said}


# Files


#: The suffixes that pictures of traces, texts of graphs, and graphs of either kind may have.
PICTURES, DOTS = (".svg", ".png", ".pdf"), (".dot", ".gv")
GRAPHS = (*DOTS, *PICTURES)


def refuse_unwritable(
    given: str | None, suffixes: Sequence[str] = (), *, folder: bool = False
) -> None:
    """Raise `UsageError` where nothing could be written to `given`: better now than after a search.

    Parameters
    ----------
    suffixes : sequence of str
        What a file's name may end in, if not in anything.
    folder : bool
        Whether it may also be a folder, to write several files into.
    """
    if not given:
        return
    path = Path(given)
    if (os.path.isdir(path) or given.endswith(SLASHES)) and not folder:
        raise UsageError(f"{given} cannot be written: it is a folder, and a file is needed")
    if suffixes and not (folder and _is_folder(given)):
        _refuse_suffix(path, suffixes, folder)
    reason = _obstacle(path)
    if reason:
        raise UsageError(f"{given} cannot be written: {reason}")


def _obstacle(path: Path) -> str:
    """Return why nothing can be written to a path, empty where something can.

    Nothing is left behind, and nothing that is there is changed or opened: a pipe would wait.
    """
    try:
        there = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        there = None
    except OSError as error:  # a name that is too long, a loop of links
        return _reason(error)
    if there is not None and os.path.exists(path) and not os.access(path, os.W_OK):
        return "no permission"
    if there is not None and _is_written_in_place(path):
        target = path.resolve()
        return "" if target.exists() or target.parent.is_dir() else f"it leads to {target}"
    return _no_room(path if path.is_dir() else path.parent)


def _no_room(folder: Path) -> str:
    """Return why no new file can be made in a folder, or in the one that it would be made in."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is no folder"
    import tempfile  # most commands write no file

    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return _reason(error)


def _reason(error: OSError) -> str:
    return "no permission" if isinstance(error, PermissionError) else str(error.strerror)


def _is_written_in_place(path: Path) -> bool:
    """Tell whether a path is a device, a pipe or a link: moving a file there would replace it."""
    return (path.exists() and not path.is_file()) or path.is_symlink()


def told_together(*attempts: Callable[[], object]) -> None:
    """Make all attempts; raise one `UsageError` that tells of each of theirs, if there are any."""
    said = []
    for attempt in attempts:
        try:
            attempt()
        except UsageError as error:
            said.append(str(error))
    if said:
        raise UsageError("\n".join(said))


SLASHES = tuple({"/", os.sep})


def _is_folder(given: str) -> bool:
    """Tell whether a name stands for a folder: it is one, or has no suffix and is not there yet."""
    path = Path(given)
    new = not os.path.lexists(path) and not path.suffix
    return os.path.isdir(path) or given.endswith(SLASHES) or new


def _refuse_suffix(path: Path, suffixes: Sequence[str], folder: bool) -> None:
    """Raise `UsageError` for a suffix that is none of these, or that nothing here can write."""
    if os.path.exists(path) and not path.is_file():  # a device or a pipe has no suffix
        return
    if path.suffix.lower() not in suffixes:
        known = ", ".join(suffixes)
        other = ", or a folder" if folder else ""
        which = f"as {path.suffix}" if path.suffix else "without a suffix"
        raise UsageError(f"{path} cannot be written {which}: use {known}{other}")


def refuse_undrawable(given: str | None, *, folder: bool = False) -> None:
    """Raise `UsageError` where no trace can be drawn to `given`."""
    refuse_unwritable(given, PICTURES, folder=folder)
    if given and not (folder and _is_folder(given)):
        _converter(Path(given))


def _converter(path: Path) -> Callable[[str], str | bytes]:
    """Return what makes of an SVG the format that a file's suffix names."""
    suffix = path.suffix.lower()
    return svg_converter(suffix[1:]) if suffix in (".png", ".pdf") else str


def picture(trace: Trace, path: Path) -> str | bytes:
    """Return a trace's picture in the format of a file's suffix; SVG where it has no other."""
    return _converter(path)(trace.to_svg())


def write(path: Path, content: str | bytes) -> None:
    """Write a file, with the folders on its way. Raises `UsageError` where that fails."""
    beside = path.parent / f".modelcheck-{os.getpid()}.part"
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is_written_in_place(path):
            path.write_bytes(data)
            return
        try:
            beside.write_bytes(data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def write_pictures(given: str, outcomes: Sequence[Outcome], several: bool) -> str:
    """Draw each trace, with its text beside it; return a line about that."""
    asked = list(zip(paths(given, outcomes, ".svg", several), outcomes, strict=True))
    executions = [(p, o.result) for p, o in asked if o.result is not None and _has_graph(o.result)]
    for path, result in executions:
        _write_with_text(path, _converter(path)(result.to_svg()), result)
    traces = [
        (path, outcome.result.trace)
        for path, outcome in asked
        if outcome.result is not None and outcome.result.trace is not None
    ]
    for path, trace in traces:
        _write_with_text(path, picture(trace, path), trace)
    if executions and not traces:
        many = counted(len(executions), "execution", "executions")
        return f"{many} drawn, with a text each: {told_places(given, [p for p, _ in executions])}"
    if not traces:
        return "no counterexample to draw"
    one = "trace" if any(trace.violation is None for _, trace in traces) else "counterexample"
    format = traces[0][0].suffix[1:].upper() or "SVG"
    many = counted(len(traces), one, f"{one}s")
    where = told_places(given, [path for path, _ in traces])
    return f"{many} written as {format} and text: {where}"


def _write_with_text(path: Path, drawn: str | bytes, of: Result | Trace) -> None:
    """Write a picture, and its text beside it; beside a device there is no place for that."""
    write(path, drawn)
    if path.is_file():
        write(path.with_suffix(".txt"), of.to_text())


def _has_graph(result: Result) -> bool:
    return result.evidence is not None and result.evidence.graph is not None


def write_graphs(
    given: str, outcomes: Sequence[Outcome], several: bool, graph: Callable[[Outcome], Any]
) -> str:
    """Write the state graph of each model as DOT; return a line about that."""
    from modelcheck.show.stategraph import neighbourhood, to_dot

    written = []
    for path, outcome in zip(paths(given, outcomes, ".dot", several), outcomes, strict=True):
        if outcome.result is not None and not outcome.interrupted:
            write(path, to_dot(neighbourhood(graph(outcome))))
            written.append(path)
    many = counted(len(written), "state graph", "state graphs")
    return f"{many} written as DOT: {told_places(given, written)}"


def paths(given: str, outcomes: Sequence[Outcome], suffix: str, several: bool) -> list[Path]:
    """Return where to write each model's file: the path given, or files named after the models.

    Several models' files go into `given` as a folder, or, where it has a suffix, beside it.
    """
    path = Path(given)
    if _is_folder(given):
        return [path / f"{name}{suffix}" for name in _file_names(outcomes)]
    if several:
        return [path.with_name(f"{path.stem}-{n}{path.suffix}") for n in _file_names(outcomes)]
    return [path]


def told_places(given: str, written: Sequence[Path]) -> str:
    """Return how to say where files are: the only one, the folder, or a pattern that fits all."""
    if len(written) == 1:
        return str(written[0])
    path = Path(given)
    return given if _is_folder(given) else str(path.with_name(f"{path.stem}-*{path.suffix}"))


def _file_names(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a different, harmless file name for each model, without a suffix."""
    names: dict[str, None] = {}
    numbers: Counter[str] = Counter()
    for outcome in outcomes:
        title = outcome.title.replace(".py:", "-")
        plain = name = re.sub(r"[^\w-]+", "_", title).strip("_")[-80:] or "model"
        while name in names:
            numbers[plain] += 1
            name = f"{plain}-{numbers[plain] + 1}"
        names[name] = None
    return list(names)


__all__ = [
    "DOTS",
    "GRAPHS",
    "Outcome",
    "json_error",
    "json_text",
    "paths",
    "picture",
    "refuse_undrawable",
    "refuse_unwritable",
    "shown_path",
    "titles",
    "told_places",
    "told_together",
    "write",
    "write_graphs",
    "write_pictures",
]
