"""One stand-alone page about a result: open it from a mail, walk through the counterexample.

The page is one file: style and script stand in it (from `modelcheck/show/page/`), and all that it
knows as JSON. It loads nothing and sends nothing, and its content security policy says so: style
and script are admitted by their hash, and the script has no way to make markup of a text.
Neighbours: `pagedata` says what the page knows; `palette` has the colours.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from modelcheck.show import words
from modelcheck.show.listing import Listings
from modelcheck.show.narrative import narrative
from modelcheck.show.pagedata import trace_data
from modelcheck.show.palette import page_colors
from modelcheck.show.summary import (
    counts_line,
    expectation,
    never_taken,
    summary_text,
    title_of,
    verdict_line,
)
from modelcheck.show.text import clean

if TYPE_CHECKING:
    from modelcheck.show.stategraph import StateGraph
    from modelcheck.show.trace import Trace

#: In this order: the later ones use the earlier ones.
SCRIPTS = (
    "dom.js",
    "data.js",
    "lanes.js",
    "arcs.js",
    "state.js",
    "source.js",
    "story.js",
    "graph.js",
    "beside.js",
    "explore.js",
    "main.js",
)
#: Only a page that is served has it: it is the one that asks a server.
SERVED = "explore.js"

STYLES = ("base.css", "lanes.css", "panels.css", "graph.css", "media.css")


def result_page(result: Any, graph: StateGraph | str | None = None) -> str:
    """Return a page about a result: its verdict, its counterexample, or else its witnesses.

    `graph` is its state graph, or in words why it has none.
    """
    if result.evidence is not None:
        from modelcheck.show.executionpage import execution_page

        return execution_page(result)
    traces = [] if result.trace is None else [(_name(result.trace), result.trace)]
    traces += [(f"Witness: {clean(n)}", t) for n, t in result.witnesses.items() if t is not None]
    about = {
        "verdict": str(result.verdict),
        "ok": result.ok,
        "expectation": expectation(result),
        "said": verdict_line(result),
        "counts": counts_line(result),
        "notes": [
            *(f"warning: {clean(warning)}" for warning in result.warnings),
            *(f"never taken: {line}" for line in never_taken(result)),
        ],
    }
    return page(title_of(result), about, traces, summary_text(result), graph=_placed(graph))


def _placed(graph: StateGraph | str | None) -> dict[str, Any] | None:
    """Return a graph as the page has it; None for none."""
    if graph is None:
        return None
    from modelcheck.show.graphdata import graph_data, no_graph
    from modelcheck.show.stategraph import neighbourhood

    if isinstance(graph, str):
        return no_graph(graph)
    return graph_data(neighbourhood(graph))


def beside_page(result: Any, other: Trace, at: Sequence[int], parted: Sequence[str]) -> str:
    """Return a page about a result's trace, with another model's walk on its schedule beside it."""
    about = {
        "verdict": str(result.verdict),
        "ok": result.ok,
        "expectation": expectation(result),
        "said": verdict_line(result),
        "counts": counts_line(result),
        "notes": [],
        "beside": beside_data(at, parted),
    }
    traces = [(_name(result.trace), result.trace), (words.title(other), other)]
    return page(title_of(result), about, traces, summary_text(result))


def beside_data(at: Sequence[int], parted: Sequence[str]) -> dict[str, Any]:
    """Return what the page knows of a walk beside another: see `modelcheck.results.beside`."""
    return {"at": list(at), "parted": list(parted)}


def trace_page(trace: Trace) -> str:
    """Return a page about one trace."""
    bad = trace.violation is not None
    about: dict[str, Any] = {
        "verdict": "violated" if bad else "trace",
        "ok": not bad,
        "expectation": "",
        "said": words.headline(trace),
        "counts": f"{words.steps_text(len(trace))} (memory model {clean(trace.memory_model)})",
        "notes": [],
    }
    return page(words.title(trace), about, [(_name(trace), trace)], narrative(trace))


def page(  # noqa: PLR0913  what a page shows, part by part
    title: str,
    about: dict[str, Any],
    traces: list[tuple[str, Trace]],
    text: str,
    live: dict[str, Any] | None = None,
    graph: dict[str, Any] | None = None,
) -> str:
    """Return the page as text.

    Parameters
    ----------
    title : str
        The model with its parameters.
    about : dict
        The verdict and what belongs to it, as the two functions above make it.
    traces : list of (name, Trace)
        What can be walked through; the first one is shown first.
    text : str
        What a browser without script shows.
    live : dict, optional
        For a page that is served: what it knows besides. It may then ask its own server, no other.
    graph : dict, optional
        The state graph, as `modelcheck.show.graphdata` makes it.

    Returns
    -------
    str
        ASCII only, so that no way of sending it can spoil it. The same for the same arguments and
        source files.
    """
    data = page_data(title, about, traces, live, graph)
    style = page_colors() + "".join(map(_read, STYLES))
    script = "".join(_read(name) for name in SCRIPTS if live is not None or name != SERVED)
    connect = "connect-src 'self'; " if live is not None else ""
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        f"{connect}base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(f"{title}: {about['said']}" if about["said"] else title),
        "style": style,
        "data": _json(data),
        "script": script,
        "text": escape(text),
    }
    made = _read("page.html")
    # In one pass: what is put in is not looked at again, whatever it holds.
    head, *rest = made.split("{{")
    filled = [head]
    for piece in rest:
        name, _, tail = piece.partition("}}")
        filled += [parts[name], tail]
    return "".join(filled).encode("ascii", "xmlcharrefreplace").decode()


def page_data(
    title: str,
    about: dict[str, Any],
    traces: list[tuple[str, Trace]],
    live: dict[str, Any] | None = None,
    graph: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a page knows, for `json.dumps`; a served page asks for it anew at each step."""
    listings = Listings()
    told = [trace_data(trace, name, listings) for name, trace in traces]
    if live is not None:  # neither a counterexample nor a witness: it is not over
        here = "Here the walk stands"
        told = [{**trace, "headline": here, "opening": [here, here]} for trace in told]
    return {
        "title": title,
        "about": about,
        "traces": told,
        "files": listings.data(),
        "live": live,
        "graph": graph,
    }


def _name(trace: Trace) -> str:
    return "Trace" if trace.violation is None else "Counterexample"


def _read(name: str) -> str:
    return (files("modelcheck.show") / "page" / name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the source expression that admits an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(data: Any) -> str:
    """Return JSON that may stand in a script element: nothing in it ends the element."""
    text = json.dumps(data, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


__all__ = ["page", "page_data", "result_page", "trace_page"]
