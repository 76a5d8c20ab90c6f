"""Run the same models here and in other tools, in alternation, and print a table.

    python benchmarks/run.py                    the default pairs
    python benchmarks/run.py --runs 5 phils:13  some of them, more often
    python benchmarks/run.py --out benchmarks/RESULTS.md

Whole processes are timed, from outside: Python's start and the learning of the tables included, the
compilation of SPIN's verifier and of our kernel not. State counts must agree; a mismatch fails.
What is not installed is named and left out. Compare ratios within one run: absolute times move with
the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"

#: name: (our file and model, SPIN's file, the name in pymodels.py)
MODELS = {
    "filter_fine": (HERE / "filter_fine.py", "filter_fine.pml", "filter_fine"),
    "filter_coarse": (HERE.parent / "specs/classic/filter_lock.py:filter_lock", "filter_coarse.pml",
                      "filter_coarse"),
    "phils": (HERE.parent / "specs/classic/philosophers.py:philosophers", "phils.pml", "phils"),
    "leader": (HERE.parent / "specs/classic/leader.py:leader", "leader.pml", "leader"),
}  # fmt: skip
DEFAULT = ["filter_fine:4", "phils:13", "phils:14", "leader:12"]


def measured(command: list[str], folder: Path | None = None) -> tuple[float, float, str]:
    """Run a command; return wall seconds, peak MiB and what it printed."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return seconds, usage.ru_maxrss / 1024, output.read()


class Ours:
    """modelcheck, as a user runs it."""

    def __init__(self, name: str, n: int, workers: int):
        self.name = f"modelcheck native, {workers} worker" + "s" * (workers > 1)
        target = str(MODELS[name][0])
        self.command = [
            sys.executable, "-m", "modelcheck", "check", target, "-p", f"n={n}", "--json", "-",
            "--engine", "native", "--workers", str(workers),
        ]  # fmt: skip

    def run(self) -> tuple[float, float, int, int]:
        seconds, mib, text = measured(self.command)
        found = json.loads(text)
        if found["verdict"] != "holds":
            raise SystemExit(f"{self.name}: {found['verdict']}")
        return seconds, mib, found["states"], found["transitions"]


class Spin:
    """SPIN's verifier, compiled beforehand; one of its two searches."""

    def __init__(self, name: str, n: int, search: str, folder: Path):
        self.name = f"SPIN {search} -DSAFETY -DNOREDUCE"
        self.folder = folder / f"{name}-{n}-{search}"
        self.folder.mkdir()
        model = PEERS / MODELS[name][1]
        subprocess.run(["spin", f"-DN={n}", "-a", str(model)], cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        flags = ["-O2", "-DSAFETY", "-DNOREDUCE"] + ["-DBFS"] * (search == "BFS")
        subprocess.run(["gcc", *flags, "-w", "-o", "pan", "pan.c"], cwd=self.folder, check=True)

    def run(self) -> tuple[float, float, int, int]:
        seconds, mib, text = measured([str(self.folder / "pan"), "-m10000000"], self.folder)
        states = int(re.search(r"(\d+) states, stored", text)[1])  # type: ignore[index] # always printed
        transitions = int(re.search(r"(\d+) transitions", text)[1])  # type: ignore[index] # likewise
        return seconds, mib, states, transitions - 1  # it counts the initial state as one


class Minicheck:
    """minicheck on a hand-written next-state function."""

    name = "minicheck"

    def __init__(self, name: str, n: int):
        self.command = [sys.executable, "run_minicheck.py", MODELS[name][2], str(n)]

    def run(self) -> tuple[float, float, int, int]:
        seconds, mib, text = measured(self.command, PEERS)
        return seconds, mib, int(re.search(r"states (\d+)", text)[1]), 0  # type: ignore[index] # printed


def tools(name: str, n: int, folder: Path, missing: set[str]) -> list:
    """Return what can be run here."""
    found: list = [Ours(name, n, 1), Ours(name, n, 2)]
    if shutil.which("spin") and shutil.which("gcc"):
        found += [Spin(name, n, "BFS", folder), Spin(name, n, "DFS", folder)]
    else:
        missing.add("SPIN (Debian's packages spin and gcc)")
    if (
        subprocess.run(
            [sys.executable, "-c", "import minicheck"], stderr=subprocess.DEVNULL
        ).returncode
        == 0
    ):
        found.append(Minicheck(name, n))
    else:
        missing.add("minicheck (pip install minicheck)")
    return found


def compare(pair: str, runs: int, folder: Path, missing: set[str]) -> list[str]:
    """Run one model in every tool, in turn; return the rows of the table."""
    name, _, n = pair.partition(":")
    present = tools(name, int(n), folder, missing)
    taken: dict[str, list[tuple[float, float, int, int]]] = {tool.name: [] for tool in present}
    for tool in present:  # a warm-up: file caches, compiled code
        tool.run()
    for _ in range(runs):
        for tool in present:
            taken[tool.name].append(tool.run())
    counts = {rows[0][2] for rows in taken.values()}
    if len(counts) != 1:
        raise SystemExit(f"{pair}: the tools do not agree: {sorted(counts)} states")
    ours = [row[0] for row in taken[present[0].name]]
    table = []
    for tool in present:
        rows = taken[tool.name]
        seconds = statistics.median(row[0] for row in rows)
        mib = max(row[1] for row in rows)
        states, transitions = rows[0][2], rows[0][3]
        ratios = sorted(theirs[0] / mine for theirs, mine in zip(rows, ours, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        table.append(
            f"| {pair} | {tool.name} | {states:,} | {transitions or '':,} | {seconds:.2f} "
            f"| {states / seconds / 1e6:.2f} | {mib:,.0f} | {mib * 2**20 / states:.0f} | {spread} |"
            if transitions
            else f"| {pair} | {tool.name} | {states:,} | | {seconds:.2f} "
            f"| {states / seconds / 1e6:.2f} | {mib:,.0f} | {mib * 2**20 / states:.0f} | {spread} |"
        )
    return table


def main() -> None:
    """Run the pairs and print the table."""
    parser = argparse.ArgumentParser(description="Compare with other tools.")
    parser.add_argument(
        "pairs", nargs="*", default=DEFAULT, help="MODEL:N, of " + ", ".join(MODELS)
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the table here too")
    arguments = parser.parse_args()
    missing: set[str] = set()
    rows: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for pair in arguments.pairs:
            if pair.partition(":")[0] not in MODELS or not pair.partition(":")[2].isdigit():
                parser.error(f"{pair}: write MODEL:N, with MODEL one of {', '.join(MODELS)}")
            print(f"{pair} ...", file=sys.stderr, flush=True)
            rows += compare(pair, arguments.runs, Path(folder), missing)
    text = "\n".join(
        [
            f"`python benchmarks/run.py --runs {arguments.runs} {' '.join(arguments.pairs)}`, "
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}:",
            "",
            "| model | tool | states | transitions | seconds (median) | million states/s | MiB "
            "| bytes/state | time over ours: median (least to most) |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            *(f"Not found here: {tool}." for tool in sorted(missing)),
        ]
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(
            "# Results\n\nThe last run, kept as it was printed.\n\n" + text + "\n"
        )


if __name__ == "__main__":
    main()
