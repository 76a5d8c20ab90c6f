"""The command line under test: in this process (fast) or in its own (signals, pipes, encodings)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from click.testing import CliRunner, Result

from modelcheck.cli.commands import main

ROOT = Path(__file__).resolve().parents[1]
CLASSIC = ROOT / "specs" / "classic"
COMMAND = [sys.executable, "-m", "modelcheck"]

HEAD = """
from modelcheck import *

@state
class S:
    x: int = 0
    y: int = 0

@process
def adder(s, by=1):
    seen = yield s.x
    yield s.x.set(seen + by)

@always
def small(s):
    return s.x < 2

"""

#: A model of each outcome.
KINDS = """
@model
def good():
    s = S()
    return System(s, [adder(s)], [small])

@model(expect="violated", by="small")
def broken():
    s = S()
    return System(s, [adder(s, 2)], [small])

@model
def surprising():
    s = S()
    return System(s, [adder(s, 2)], [small])

@model(expect="violated")
def disappointing():
    s = S()
    return System(s, [adder(s)], [small])

@model
def cannot_be_built():
    raise KeyError("oh")
"""

#: Models with a parameter of each type that the command line reads.
PARAMETERS = """
from enum import Enum

class Color(Enum):
    RED = 1
    BLUE = 2

@model
def par(n: int = 2, b: bool = True, t: str = "abc", c: Color = Color.RED, f: float = 1.5,
        pair: tuple = (1, 2), free=None):
    s = S()
    return System(s, [adder(s) for _ in range(n)])

@model
def needs(m, n: int = 2):
    s = S()
    return System(s, [adder(s) for _ in range(m)])
"""

#: A model whose only process fails before its first step.
FAILS_AT_ONCE = """
@process
def fails(s):
    assert False, "at once"
    yield s.x

@model
def at_once():
    s = S()
    return System(s, [fails(s)])
"""


def run(*args: Any, input: str | None = None) -> Result:
    """Run a command in this process; it must not let an exception through."""
    done = CliRunner().invoke(main, [str(arg) for arg in args], input=input)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


def run_json(*args: Any) -> Any:
    """Run `check` with `--json -` and return what it says."""
    return json.loads(run("check", *args, "--json", "-").stdout)


def environment(**more: str) -> dict[str, str]:
    """Return the environment with some variables set, and none that changes the output."""
    drop = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONPATH")
    kept = {k: v for k, v in os.environ.items() if k not in drop}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def execute(*args: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    options.setdefault("env", environment())
    command = [*COMMAND, *map(str, args)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False, **options)


def models(path: Path, body: str, head: str = HEAD) -> Path:
    """Write a file of models: `body` below the usual state, process and invariant."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + dedent(body), encoding="utf-8")
    return path


def counting_to(limit: int) -> str:
    """Return the text of a model `m` whose counterexample has `limit` steps."""
    return f"""
@process
def counter(s):
    while True:
        yield s.x.add(1)

@always
def below(s):
    return s.x < {limit}

@model
def m():
    s = S()
    return System(s, [counter(s)], [below])
"""
