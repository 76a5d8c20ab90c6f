"""``modelcheck explore``: the page about a walk, served here, with the next step to choose.

It listens on the loopback interface alone, answers only requests that carry the random key of this
run in their path and name this server as their host, and lets no other page read its answers. A
typed predicate is Python, run as the model's own code is: so the key is all that stands between a
process on this machine and that code. Neighbours: `results.exploring` has the answers, `show.html`
the page.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modelcheck.errors import ModelcheckError, UsageError
from modelcheck.explore.nearest import Nearest
from modelcheck.explore.search import Move
from modelcheck.language.model import Model
from modelcheck.loading import beside, find
from modelcheck.results.beside import follow
from modelcheck.results.exploring import Choice, Explorer, View
from modelcheck.show import words
from modelcheck.show.graphdata import graph_data, no_graph
from modelcheck.show.html import beside_data, page, page_data
from modelcheck.show.narrative import narrative
from modelcheck.show.summary import safe_lines
from modelcheck.show.text import clean, short_place

#: Bytes of a question.
LONGEST = 1_000_000

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Service:
    """One model, served: a WSGI application. Questions are answered one at a time."""

    def __init__(
        self,
        model: Model,
        parameters: dict[str, Any],
        memory: str,
        twin: tuple[Model, dict[str, Any]] | None = None,
    ):
        self.model, self.parameters, self.memory = model, parameters, memory
        self.twin = twin  # walks beside it, with parameters of its own
        self.key = secrets.token_urlsafe(24)
        self.hosts: tuple[str, ...] = ()  # known once the port is
        self._read = self._stamp()
        self._one_at_a_time = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer one request."""
        from werkzeug.wrappers import Request, Response

        request = Request(environ)
        request.max_content_length = LONGEST
        response = Response("not found\n", status=404, content_type="text/plain")
        if self._is_meant(request):
            with self._one_at_a_time:
                response = self._answer(request)
        response.headers.extend(HEADERS)
        return response(environ, start_response)

    def _is_meant(self, request: Any) -> bool:
        """Tell whether a request knows the key, and comes from nowhere but our own page.

        The host: a name that an attacker lets point to this machine is not ours. The site: browsers
        say where a request comes from; one that was typed comes from nowhere.
        """
        key = request.path.split("/")[1] if request.path.count("/") >= 2 else ""
        if not secrets.compare_digest(key.encode(), self.key.encode()):
            return False
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "none")
        return (
            request.host in self.hosts
            and origin in (None, *(f"http://{host}" for host in self.hosts))
            and (site in ("none", "same-origin") or request.method == "GET")
        )

    def _answer(self, request: Any) -> Any:
        from werkzeug.wrappers import Response

        question = request.path.split("/", 2)[2]
        try:
            self._reload()
            with beside(Path(self.model.file)):
                if request.method == "GET" and not question:
                    return Response(self._page(request.args.get("walk")), mimetype="text/html")
                if request.method == "POST":
                    told = self._told(question, json.loads(request.get_data()))
                    return Response(json.dumps(told), mimetype="application/json")
        except (ModelcheckError, ValueError, KeyError, TypeError) as error:
            said = safe_lines(str(error)) or type(error).__name__
            if request.method == "GET":
                return Response(said + "\n", status=400, content_type="text/plain; charset=utf-8")
            return Response(json.dumps({"error": said}), status=400, mimetype="application/json")
        return Response("not found\n", status=404, content_type="text/plain")

    def _page(self, walk: str | None) -> str:
        view = self._explorer().of_token(walk) if walk else self._explorer().view(())
        return page(*self._parts(view), narrative(view.trace), _live(view))

    def _parts(self, view: View) -> tuple[str, dict[str, Any], list[tuple[str, Any]]]:
        """Return title, verdict line and traces, as `page` takes them."""
        steps = words.steps_text(len(view.trace))
        said = f"{steps} (memory model {clean(view.trace.memory_model)})"
        about: dict[str, Any] = {
            "verdict": "explorer",
            "ok": True,
            "expectation": "",
            "said": "",
            "counts": said,
        }
        traces = [("Walk", view.trace)]
        if self.twin is not None:
            model, parameters = self.twin
            other = follow(view.trace, model(**parameters), self.memory)
            about["beside"] = beside_data(other.at, other.parted)
            traces.append((words.title(other.trace), other.trace))
        return words.title(view.trace), {**about, "notes": []}, traces

    def _told(self, question: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a question: a walk, and a word about it."""
        told = self._answered(question, asked)
        if asked.get("reduction") and told["data"] is not None:
            live = told["data"]["live"]
            live["choices"], live["pruned"] = self._pruned(live["moves"], live["choices"])
        if asked.get("graph") and told["data"] is not None:
            moves = [(agent, which) for agent, which in told["data"]["live"]["moves"]]
            told["data"]["graph"] = self._graph(moves)
        return told

    def _pruned(
        self, moves: Sequence[Move], choices: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], str]:
        """Return the choices, those that reduction leaves out marked, and a word about it."""
        found = self._explorer().pruning([(agent, which) for agent, which in moves])
        if found.reason:
            return choices, f"What reduction leaves out is not known: {found.reason}."
        marked = [{**c, "pruned": c["move"][0] in found.postponed} for c in choices]
        if not found.postponed:
            return marked, "Reduction leaves out nothing here: each step may matter to another one."
        enough = [c["process"] for c in choices if c["move"][0] in found.enough]
        one = "steps of" if len(set(enough)) > 1 else "step of"
        return marked, (
            f"Partial-order reduction takes only the {one} {', '.join(dict.fromkeys(enough))} here "
            "(a strong stubborn set): no step that others can take first reads what it writes or "
            "writes what it reads, and none of it is seen by a property out of order. The steps "
            "left out are taken later, on every path."
        )

    def _graph(self, moves: Sequence[Move]) -> dict[str, Any]:
        """Return the state graph for the page, or why there is none."""
        try:
            return graph_data(self._explorer().graph(moves))
        except ModelcheckError as error:
            return no_graph(str(error))

    def _answered(self, question: str, asked: dict[str, Any]) -> dict[str, Any]:
        explorer = self._explorer()
        moves = tuple((int(agent), int(which)) for agent, which in asked["moves"])
        if question == "view":
            return self._walk(explorer.view(moves), "")
        if question == "violation":
            return self._found(moves, explorer.violation(moves), "violation")
        if question == "satisfying":
            predicate = str(asked["predicate"])
            return self._found(moves, explorer.satisfying(moves, predicate), "such state")
        raise UsageError(f"there is no question {question!r}")

    def _found(self, moves: tuple[Any, ...], found: Nearest, what: str) -> dict[str, Any]:
        if found.moves is None:
            many = words.counted(found.states, "state", "states")
            why = (
                f"none was found before {found.reason}" if found.reason else f"no {what} from here"
            )
            return {"said": f"{why} ({many} visited)", "data": None}
        steps = words.steps_text(len(found.moves) - len(moves))
        return self._walk(self._explorer().view(found.moves), f"the nearest {what}, {steps} on")

    def _walk(self, view: View, said: str) -> dict[str, Any]:
        return {"said": said, "data": page_data(*self._parts(view), _live(view))}

    def _explorer(self) -> Explorer:
        return Explorer(self.model, self.parameters, self.memory)

    def _stamp(self) -> tuple[int, ...]:
        """Return what changes when a model's folder does."""
        models = [self.model] if self.twin is None else [self.model, self.twin[0]]
        folders = sorted({Path(model.file).parent for model in models})
        files = [file for folder in folders for file in sorted(folder.glob("*.py"))]
        return tuple(n for f in files for n in (f.stat().st_mtime_ns, f.stat().st_size))

    def _reload(self) -> None:
        """Take the model as its file has it now."""
        now = self._stamp()
        if now != self._read:
            [self.model] = find(f"{self.model.file}:{self.model.name}")
            if self.twin is not None:
                model, parameters = self.twin
                [model] = find(f"{model.file}:{model.name}")
                self.twin = model, parameters
            self._read = now


def _live(view: View) -> dict[str, Any]:
    return {
        "moves": view.moves,
        "choices": [_choice(choice) for choice in view.choices],
        "waiting": [
            {
                "process": clean(status.process),
                "label": clean(status.label),
                "place": short_place(status.file, status.line),
                "sees": words.values([(read.name, read.value) for read in status.reads]),
            }
            for status in view.waiting
        ],
    }


def _choice(choice: Choice) -> dict[str, Any]:
    shown = [c for change in choice.writes for c in words.shown_changes(change)]
    return {
        "move": choice.move,
        "process": clean(choice.process),
        "label": clean(choice.label),
        "place": short_place(choice.file, choice.line),
        "writes": [f"{c.name}: {c.value}" for c in shown],
        "fails": clean(choice.fails),
    }


def serve(service: Service, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C. `ready` is told the address, which holds the key.

    Raises `UsageError` where the server library is missing or the port is taken.
    """
    try:
        from werkzeug.serving import WSGIRequestHandler, make_server
    except ImportError:
        raise UsageError(
            "the explorer needs a package: pip install 'modelcheck[explore]'"
        ) from None

    class Quiet(WSGIRequestHandler):
        """Logs nothing: the key stands in every line."""

        def log(self, type: str, message: str, *args: Any) -> None:
            """Say nothing."""

    try:
        server = make_server("127.0.0.1", port, service, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit):
        raise UsageError(f"port {port} is taken: choose another, or 0 for any") from None
    service.hosts = (f"127.0.0.1:{server.port}", f"localhost:{server.port}")
    ready(f"http://127.0.0.1:{server.port}/{service.key}/")
    try:
        server.serve_forever()
    finally:
        server.server_close()


__all__ = ["Service", "serve"]
