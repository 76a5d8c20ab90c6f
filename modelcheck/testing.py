"""Models as tests: `assert_holds`, and what a test says when a model is not as expected.

It needs no pytest: any test framework that knows `AssertionError` will do. Under pytest its options
and settings are the defaults. Neighbours: `pytest_plugin` makes tests of models.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import zlib
from pathlib import Path
from typing import Any

from attrs import evolve

from modelcheck.check import check
from modelcheck.language.model import Model, System
from modelcheck.results.result import Result
from modelcheck.show.summary import safe_lines, summary_text
from modelcheck.verdict import Verdict
from modelcheck.watchdog import INTERRUPTED

#: The names of a test run's settings, and the arguments of `check` that they are.
_ARGUMENTS = {
    "memory": "memory",
    "engine": "engine",
    "workers": "workers",
    "max_states": "max_states",
    "timeout": "timeout_s",
    "max_memory": "max_memory_mib",
}


def assert_holds(model: Model | System, **options: Any) -> Result:
    """Check a model and return the result; raise `AssertionError` unless it *holds*.

    What the model expects plays no part: this asks for *holds*. A search that a budget cut is not
    enough.

    Parameters
    ----------
    model : Model or System
        As for `modelcheck.check`.
    **options
        As for `modelcheck.check`. Under pytest, what its command line or ini file says
        (``--modelcheck-memory`` and the like) stands for what is not given.

    Raises
    ------
    AssertionError
        With the counterexample in words and the token that replays it; where the run asks for pages
        (``--modelcheck-html``) with the place of the page too.
    ModelError, UsageError
        As `modelcheck.check`.

    Examples
    --------
    >>> from modelcheck import at_end, process, state
    >>> @state
    ... class Shared:
    ...     count: int = 0
    >>> @process
    ... def increment(s):
    ...     yield s.count.add(1)
    >>> @at_end
    ... def nothing_lost(s):
    ...     return s.count == 2
    >>> s = Shared()
    >>> assert_holds(System(s, [increment(s), increment(s)], [nothing_lost]))
    <Result system: holds>
    """
    __tracebackhide__ = True
    result = run(model, options)
    if not result.holds:
        where = write_page(result, os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0])
        raise AssertionError(failure_text(result, where))
    return result


def run(model: Model | System, options: dict[str, Any]) -> Result:
    """Check a model under the test run's settings, where `options` does not say otherwise.

    Raises `KeyboardInterrupt` where Ctrl-C ended the search: it is meant for the test run.
    """
    said = settings()
    given = {_ARGUMENTS[name]: value for name, value in said.items() if name in _ARGUMENTS}
    result = check(model, **{**given, **options})
    if result.reason.startswith(INTERRUPTED):
        raise KeyboardInterrupt
    return result


def settings() -> dict[str, Any]:
    """Return the settings of the test run that goes on; empty outside of pytest."""
    plugin = sys.modules.get("_modelcheck_pytest")
    return plugin.settings() if plugin is not None else {}


def failure_text(result: Result, page: str = "") -> str:
    """Return why a test fails: the verdict, the counterexample in words, and how to see it again.

    Parameters
    ----------
    page : str
        Where a page about it was written.
    """
    trace = result.trace
    told = result if trace is None else evolve(result, trace=evolve(trace, token=""))
    lines = [summary_text(told)]
    if result.verdict is Verdict.INCOMPLETE:
        lines += ["", "Not every state was visited: allow it more, or make the model smaller."]
    if result.token:
        lines += ["", safe_lines(f"Replay it: {replay_command(result)}")]
    if page:
        lines += ["" * (not result.token), f"A page about it: {page}"]
    return "\n".join(lines)


def replay_command(result: Result) -> str:
    """Return the command that shows a result's counterexample again."""
    if not result.file:
        return f"modelcheck.replay(system, {result.token!r})"
    if not os.path.exists(result.file):  # a notebook's cell, or a prompt
        return f"modelcheck.replay({result.model}, {result.token!r})"
    target = shlex.quote(f"{os.path.relpath(result.file)}:{result.model}")
    dashes = "-- " if target.startswith("-") else ""
    return f"modelcheck replay {dashes}{target} {result.token}"


def write_page(result: Result, test: str) -> str:
    """Write the page about a result where the test run asks for pages; return its path, or nothing.

    Parameters
    ----------
    test : str
        The test's id. Its page is always the same file, and no other test's.
    """
    folder = settings().get("html")
    if not folder:
        return ""
    name = re.sub(r"[^\w.-]+", "_", test or result.model).strip("_.")[-80:]
    path = Path(folder) / f"{name}-{zlib.crc32(test.encode()):08x}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(result.to_html(), encoding="utf-8")
    return str(path)


__all__ = ["assert_holds", "failure_text", "run", "settings", "write_page"]
