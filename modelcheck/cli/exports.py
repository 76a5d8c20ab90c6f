"""``--export FORMAT:FILE``: every format that results can be written in, and how.

A format is of a trace (a file for each model that has one), of a model (a file each), or of the
whole run (one file). Of several models `FILE` is a folder, or a name to be extended, as for
``--svg``. Neighbours: `outputs` names and writes the files; `modelcheck.show` makes the texts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from modelcheck.cli.outputs import (
    Outcome,
    json_text,
    paths,
    refuse_unwritable,
    told_places,
    told_together,
    write,
)
from modelcheck.cli.targets import users_code
from modelcheck.errors import ModelcheckError, UsageError
from modelcheck.show.trace import Trace
from modelcheck.show.words import counted

if TYPE_CHECKING:
    from modelcheck.show.stategraph import StateGraph

#: Of an outcome and the file to be written: the text, or None where there is nothing to tell.
Maker = Callable[[Outcome, Path], str | None]


@frozen
class Format:
    """One format: the suffix of its files, and what makes their text.

    Exactly one of the three: `trace` of a trace alone, `model` of an outcome, `run` of them all.
    """

    suffix: str
    prefix: str = ""  # of a file in a folder: what a test runner looks for
    trace: Callable[[Trace], str] | None = None
    model: Maker | None = None
    run: Callable[[Sequence[Outcome]], str] | None = None


@frozen
class Export:
    """What was asked for: a format by name, and where to write it.

    `states` is how many states the graph of a page has at most; None: all, where they are few.
    """

    name: str
    file: str
    states: int | None = None

    @property
    def format(self) -> Format:
        """The format itself; of a page, with the states that its graph is to have."""
        if self.name != "html":
            return FORMATS[self.name]
        return evolve(FORMATS["html"], model=partial(_html, states=self.states))


def _svg(trace: Trace) -> str:
    from modelcheck.show.lanes import lanes_svg

    return lanes_svg(trace)


def _text(trace: Trace) -> str:
    from modelcheck.show.narrative import narrative

    return narrative(trace)


def _mermaid(trace: Trace) -> str:
    from modelcheck.show.mermaid import mermaid

    return mermaid(trace)


def _trace(trace: Trace) -> str:
    from modelcheck.show.jsonform import trace_document

    return json.dumps(trace_document(trace), indent=1) + "\n"


def _itf(trace: Trace) -> str:
    from modelcheck.show.itf import itf_text

    return itf_text(trace)


def _html(outcome: Outcome, path: Path, states: int | None = None) -> str | None:
    result = outcome.result
    if result is None:
        return None
    if outcome.interrupted or states == 0:
        return result.to_html()
    try:
        return result.to_html(_state_graph(outcome, states))
    except UsageError as error:  # a package that is missing costs the graph, not the page
        return result.to_html(f"There is no state graph: {error}")


def _state_graph(outcome: Outcome, states: int | None) -> StateGraph | str:
    """Return what a page shows as the state graph: of so many states, or of a small model."""
    from modelcheck.results.graph import graph_of
    from modelcheck.show.engines import program
    from modelcheck.show.graphdata import SHOWN
    from modelcheck.show.stategraph import neighbourhood

    result, model = outcome.result, outcome.model
    assert result is not None
    assert model is not None
    large = (
        f"The state graph has more than {SHOWN} states: --html-states N draws N of a larger one."
    )
    if states is None and result.states > SHOWN:
        return large
    if program() is None:
        return "No Graphviz was found to lay out the state graph: pip install 'modelcheck[graph]'."
    try:
        system, memory = model(**result.parameters), result.memory_model
        if states is not None:
            return neighbourhood(graph_of(system, memory=memory, result=result), states)
        graph = graph_of(system, memory=memory, result=result, limit=SHOWN)
    except ModelcheckError as error:  # in a part of the model that the search did not come to
        return f"There is no state graph: {error}"
    return large if graph.note else graph


def _test(outcome: Outcome, path: Path) -> str | None:
    from modelcheck.show.regression import regression_test

    result = outcome.result
    if result is None or result.violation is None or not result.token:
        return None
    return regression_test(result, Path(os.path.relpath(result.file, path.parent)).as_posix())


def _graphml(outcome: Outcome, path: Path) -> str | None:
    from modelcheck.results.graph import graph_of
    from modelcheck.show.stategraph import graphml

    result = outcome.result
    if outcome.model is None or result is None or outcome.interrupted:
        return None
    system = outcome.model(**result.parameters)
    return graphml(graph_of(system, memory=result.memory_model, result=result))


def _json(outcomes: Sequence[Outcome]) -> str:
    return json_text(outcomes, len(outcomes) > 1) + "\n"


def _junit(outcomes: Sequence[Outcome]) -> str:
    from modelcheck.show.reports import junit

    return junit(outcomes)


def _sarif(outcomes: Sequence[Outcome]) -> str:
    from modelcheck import __version__
    from modelcheck.show.reports import sarif

    return sarif(outcomes, __version__)


FORMATS = {
    "html": Format(".html", model=_html),
    "svg": Format(".svg", trace=_svg),
    "text": Format(".txt", trace=_text),
    "mermaid": Format(".mmd", trace=_mermaid),
    "trace": Format(".json", trace=_trace),
    "itf": Format(".itf.json", trace=_itf),
    "test": Format(".py", "test_", model=_test),
    "graphml": Format(".graphml", model=_graphml),
    "json": Format(".json", run=_json),
    "junit": Format(".xml", run=_junit),
    "sarif": Format(".sarif", run=_sarif),
}


def parse(given: Sequence[str], html: str | None = None, states: int | None = None) -> list[Export]:
    """Return what ``--export`` and ``--html`` ask for, pages with so many states.

    Raises `UsageError` where a format is unknown, or a file could not be written.
    """
    if html == "":
        raise UsageError("--html wants the name of a file or folder")
    exports = [Export("html", html, states)] if html else []
    for text in given:
        name, colon, file = text.partition(":")
        if not colon or not file:
            raise UsageError(f"--export {text}: write FORMAT:FILE")
        if name not in FORMATS:
            raise UsageError(
                f"--export {text}: there is no format {name!r}; there is {', '.join(FORMATS)}"
            )
        exports.append(Export(name, file, states))
    told_together(
        *[partial(refuse_unwritable, e.file, folder=e.format.run is None) for e in exports]
    )
    for export in exports:
        if export.name == "graphml":
            from modelcheck.show.stategraph import package

            package("networkx")  # better missed now than after the search
    return exports


def of_traces(exports: Sequence[Export], command: str) -> list[Export]:
    """Return the exports again; raise `UsageError` where one is not of a single trace."""
    for export in exports:
        if export.format.trace is None and export.name != "html":
            known = [n for n, f in FORMATS.items() if f.trace is not None or n == "html"]
            raise UsageError(
                f"--export {export.name}: {command} shows one trace, and a trace can be written "
                f"as {', '.join(known)}"
            )
        refuse_unwritable(export.file, folder=False)
    return list(exports)


def write_trace(exports: Sequence[Export], trace: Trace) -> None:
    """Write one trace in each form asked for."""
    for export in exports:
        make = export.format.trace
        text = make(trace) if make is not None else trace.to_html()
        write(Path(export.file), text)


def write_exports(
    exports: Sequence[Export], outcomes: Sequence[Outcome], several: bool
) -> list[str]:
    """Write all that was asked for; return a line about each export."""
    said = []
    for export in exports:
        if export.format.run is not None:
            write(Path(export.file), export.format.run(outcomes))
            said.append(f"the run written as {export.name}: {export.file}")
            continue
        written = _write_each(export, outcomes, several)
        many = counted(len(written), "model", "models")
        where = told_places(export.file, written)
        told = f"{many} written as {export.name}: {where}"
        said.append(told if written else f"nothing to write as {export.name}")
    return said


def _write_each(export: Export, outcomes: Sequence[Outcome], several: bool) -> list[Path]:
    places = paths(export.file, outcomes, export.format.suffix, several)
    written = []
    for place, outcome in zip(places, outcomes, strict=True):
        if outcome.model is None or outcome.result is None:
            continue
        named = str(place) == export.file
        path = place if named else place.with_name(export.format.prefix + place.name)
        with users_code(outcome.model, "written"):
            text = _of_one(export.format, outcome, path)
        if text is not None:
            write(path, text)
            written.append(path)
    return written


def _of_one(form: Format, outcome: Outcome, path: Path) -> str | None:
    if form.model is not None:
        return form.model(outcome, path)
    result = outcome.result
    trace = None if result is None else result.trace or next(
        filter(None, result.witnesses.values()), None
    )  # fmt: skip
    return None if trace is None or form.trace is None else form.trace(trace)


__all__ = ["FORMATS", "Export", "of_traces", "parse", "write_exports", "write_trace"]
