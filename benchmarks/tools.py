"""The tools that are compared: how each is built, run, and asked what it counted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from attrs import frozen

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
CLASSIC = HERE.parent / "specs" / "classic"
LOCK = CLASSIC / "filter_lock.py"

#: A tool that takes longer than this is run once.
LONG_S = 30.0

#: name: (our file and model, SPIN's file, the name in pymodels.py or None)
MODELS: dict[str, tuple[str, str, str | None]] = {
    "filter_fine": (f"{HERE}/filter_fine.py", "filter_fine.pml", "filter_fine"),
    "filter_coarse": (f"{LOCK}:filter_lock", "filter_coarse.pml", "filter_coarse"),
    "phils": (f"{CLASSIC}/philosophers.py:philosophers", "phils.pml", "phils"),
    "leader": (f"{CLASSIC}/leader.py:leader", "leader.pml", "leader"),
    "long_vector": (f"{HERE}/long_vector.py", "long_vector.pml", None),
}


@frozen
class Run:
    """One run of one tool: a whole process, seen from outside, and what it counted."""

    wall_s: float
    cpu_s: float
    mib: float
    states: int
    transitions: int | None


def measured(command: list[str], folder: Path | None = None) -> tuple[float, float, float, str]:
    """Run a command; return wall and processor seconds, peak MiB, and what it printed.

    Python may write its compiled modules, as it does for a user: without them, each start compiles
    all of numba's sources anew.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read()


def counted(name: str, pattern: str, text: str) -> int:
    """Return the number that a tool printed; end the benchmark where it did not."""
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"{name} printed no count; it printed:\n{text[-2000:]}")
    return int(found[1])


class Ours:
    """modelcheck as a user runs it; by default natively from the start, and without reduction."""

    slow = False

    def __init__(self, target: str, parameters: list[str], *options: str, name: str = ""):
        self.name = name or f"modelcheck {' '.join(options)}".strip()
        engine = [] if "--engine" in options else ["--engine", "native"]
        program = Path(sys.executable).with_name("modelcheck")  # `-m` imports the package twice
        self.command = [str(program), "check", target, "--json", "-"]
        self.command += [*(f"-p{p}" for p in parameters), *engine, "--no-reduction", *options]

    def run(self) -> Run:
        return self.told()[0]

    def told(self) -> tuple[Run, dict[str, Any]]:
        """Return a run with all that our JSON says."""
        wall, cpu, mib, text = measured(self.command)
        found = json.loads(text)
        if found["verdict"] != "holds":
            raise SystemExit(f"{self.name}: {found['verdict']} {found['reason']}")
        return Run(wall, cpu, mib, found["states"], found["transitions"]), found


class Spin:
    """SPIN's verifier, compiled beforehand; one of its two searches. Long ones run once."""

    def __init__(self, name: str, n: int, search: str, folder: Path):
        self.name = f"SPIN {search}"
        self.folder = folder / f"{name}-{n}-{search}"
        self.folder.mkdir()
        spin = ["spin", f"-DN={n}", "-a", str(PEERS / MODELS[name][1])]
        subprocess.run(spin, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        flags = ["-O2", "-DSAFETY", "-DNOREDUCE"] + ["-DBFS"] * (search == "BFS")
        subprocess.run(["gcc", *flags, "-w", "-o", "pan", "pan.c"], cwd=self.folder, check=True)
        # Its default depth bound of 10,000 would cut the search with one line of warning; a bound
        # far beyond what it needs makes it clear hundreds of MiB first.
        self.bound = 10_000_000
        wall, _, _, text = self._searched()
        while "max search depth too small" in text:
            self.bound *= 2
            wall, _, _, text = self._searched()
        self.bound = counted(self.name, r"depth reached (\d+)", text) + 1_000
        self.slow = wall > LONG_S

    def _searched(self) -> tuple[float, float, float, str]:
        return measured([str(self.folder / "pan"), f"-m{self.bound}"], self.folder)

    def run(self) -> Run:
        wall, cpu, mib, text = self._searched()
        cut = "search not completed" in text.lower() or "max search depth too small" in text
        if cut or counted(self.name, r"errors: (\d+)", text):
            raise SystemExit(f"{self.name}: {text}")
        states = counted(self.name, r"(\d+) states, stored", text)
        # It counts the initial state as a transition; a hundred million it writes as 1.0e+08, which
        # is no count to compare.
        exact = re.search(r"\s(\d+) transitions", text)
        return Run(wall, cpu, mib, states, int(exact[1]) - 1 if exact else None)


class InPython:
    """minicheck or musil, on a hand-written next-state function."""

    slow = True

    def __init__(self, tool: str, python: str, name: str, n: int):
        self.name = tool
        self.command = [python, f"run_{tool}.py", str(MODELS[name][2]), str(n), "1"]

    def run(self) -> Run:
        wall, cpu, mib, text = measured(self.command, PEERS)
        return Run(wall, cpu, mib, counted(self.name, r"states (\d+)", text), None)


def python_with(tool: str) -> str | None:
    """Return a Python that has a package: ``$MINICHECK_PYTHON``, ``$MUSIL_PYTHON``, or this one."""
    python = os.environ.get(f"{tool.upper()}_PYTHON", sys.executable)
    there = subprocess.run([python, "-c", f"import {tool}"], stderr=subprocess.DEVNULL, check=False)
    return python if there.returncode == 0 else None


def present(name: str, n: int, folder: Path, missing: set[str], in_python: bool) -> list[Any]:
    """Return what can run a model here, ours first; add to `missing` what cannot."""
    target = MODELS[name][0]
    tools: list[Any] = [
        Ours(target, [f"n={n}"], name="modelcheck"),
        Ours(target, [f"n={n}"], "--workers", "2", name="modelcheck, 2 workers"),
    ]
    if shutil.which("spin") and shutil.which("gcc"):
        tools += [Spin(name, n, "BFS", folder), Spin(name, n, "DFS", folder)]
    else:
        missing.add("SPIN (Debian's packages spin and gcc)")
    for tool in ("minicheck", "musil") if in_python and MODELS[name][2] else ():
        python = python_with(tool)
        if python:
            tools.append(InPython(tool, python, name, n))
        else:
            missing.add(f"{tool} (pip install {tool}; another Python: ${tool.upper()}_PYTHON)")
    return tools
