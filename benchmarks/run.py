"""Run the same models here and in other tools, in alternation, and print tables.

    python benchmarks/run.py                    all of it: about a quarter of an hour
    python benchmarks/run.py --runs 5 phils:13  some pairs, more often
    python benchmarks/run.py --only pairs large one kind of table, or several
    python benchmarks/run.py --out benchmarks/RESULTS.md

Whole processes are timed, from outside: Python's start and the learning of the tables included,
the compilation of SPIN's verifier and of our kernel not. Counts must agree: a mismatch ends the run
with status 1. What is not installed is named and left out. Compare ratios within one run: absolute
times move with the machine, and wall time with whatever else it does; processor time less.

The models beside the peers' have exactly their granularity: each file says which step is which.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tools import CLASSIC, HERE, MODELS, Ours, Run, measured, present

PAIRS = ["filter_fine:4", "phils:13", "phils:14", "phils:15", "leader:12", "long_vector:4"]

#: Tools in Python take minutes beyond this many processes of these models: left out.
IN_PYTHON = {"filter_fine": 4, "filter_coarse": 4, "phils": 13, "leader": 12, "long_vector": 0}


def alternated(tools: Sequence[Any], runs: int) -> dict[str, list[Run]]:
    """Run the tools in turn after a warm-up each, slow ones once; their counts must agree."""
    taken: dict[str, list[Run]] = {}
    for tool in tools:  # file caches, compiled code
        print(f"{tool.name} ...", file=sys.stderr, flush=True)
        first = tool.run()
        taken[tool.name] = [first] if tool.slow else []
    for _ in range(runs):
        for tool in tools:
            if not tool.slow:
                taken[tool.name].append(tool.run())
    everything = [run for rows in taken.values() for run in rows]
    states = {run.states for run in everything}
    transitions = {run.transitions for run in everything} - {None}
    if len(states) > 1 or len(transitions) > 1:
        for name, rows in taken.items():
            print(name, rows[0].states, rows[0].transitions, file=sys.stderr)
        raise SystemExit("the tools do not agree on the counts")
    return taken


def spread(theirs: list[Run], ours: list[Run], what: Callable[[Run], float]) -> str:
    """Return the ratio of their times to ours, of runs side by side: median, least, most."""
    ratios = sorted(what(t) / what(o) for t, o in zip(theirs, ours, strict=False))
    middle = f"{statistics.median(ratios):.2f}"
    return middle if len(ratios) == 1 else f"{middle} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def row(label: str, name: str, rows: list[Run], ours: list[Run]) -> str:
    """Return one row of a table."""
    wall = statistics.median(run.wall_s for run in rows)
    cpu = statistics.median(run.cpu_s for run in rows)
    mib = max(run.mib for run in rows)
    states, transitions = rows[0].states, rows[0].transitions
    cells = [
        label, name, f"{states:,}", "" if transitions is None else f"{transitions:,}",
        f"{wall:.2f}", f"{cpu:.2f}", f"{states / cpu / 1e6:.2f}", f"{mib:,.0f}",
        f"{mib * 2**20 / states:.1f}", spread(rows, ours, lambda r: r.wall_s),
        spread(rows, ours, lambda r: r.cpu_s),
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


HEAD = """\
| model | tool | states | transitions | wall s | processor s | million states / processor s \
| peak MiB | bytes/state, all in | wall over ours | processor over ours |
|---|---|---|---|---|---|---|---|---|---|---|"""


def pairs(arguments: argparse.Namespace, missing: set[str]) -> Iterator[str]:
    """Ours against the peers."""
    yield HEAD
    with tempfile.TemporaryDirectory() as folder:
        for pair in arguments.pairs:
            name, _, n = pair.partition(":")
            in_python = not arguments.no_python and int(n) <= IN_PYTHON[name]
            tools = present(name, int(n), Path(folder), missing, in_python)
            taken = alternated(tools, arguments.runs)
            ours = taken[tools[0].name]
            for tool, rows in taken.items():
                yield row(pair, tool, rows, ours)


def large(arguments: argparse.Namespace, missing: set[str]) -> Iterator[str]:
    """What a state costs when there are many: once each, one worker."""
    yield HEAD
    for n in arguments.large:
        tool = Ours(f"{CLASSIC}/philosophers.py:philosophers", [f"n={n}"], name="modelcheck")
        found = tool.run()
        if found.states != 3**n - 1:
            raise SystemExit(f"phils:{n} has {found.states} states, not 3^{n} - 1")
        yield row(f"phils:{n}", tool.name, [found], [found])


def engines(arguments: argparse.Namespace, missing: set[str]) -> Iterator[str]:
    """All of the state in one location, so that nothing is learned but what is asked once."""
    yield HEAD
    target = str(HERE / "one_slot.py")
    tools = [Ours(target, ["n=6"], "--engine", e, name=e) for e in ("reference", "native")]
    taken = alternated(tools, arguments.runs)
    for tool, rows in taken.items():
        yield row("one_slot:6", tool, rows, taken["reference"])


def small(arguments: argparse.Namespace, missing: set[str]) -> Iterator[str]:
    """The verdict on a small model from a cold shell, as `modelcheck check` gives it."""
    yield HEAD
    tool = Ours(f"{CLASSIC}/philosophers.py:philosophers", ["n=6"], "--engine", "auto", name="auto")
    rows = alternated([tool], max(arguments.runs, 5))[tool.name]
    yield row("phils:6", "modelcheck, engine auto", rows, rows)


def learned(arguments: argparse.Namespace, missing: set[str]) -> Iterator[str]:
    """How many transitions needed Python."""
    yield "| model | transitions | paths learned in Python | share |\n|---|---|---|---|"
    for pair in arguments.pairs:
        name, _, n = pair.partition(":")
        text = measured([sys.executable, str(HERE / "learned.py"), MODELS[name][0], f"n={n}"])[3]
        found = json.loads(text)
        share = found["learned"] / found["transitions"]
        yield f"| {pair} | {found['transitions']:,} | {found['learned']:,} | {share:.5%} |"


def reduction(arguments: argparse.Namespace, missing: set[str]) -> Iterator[str]:
    """Searches with partial-order reduction against full ones."""
    yield (
        "| model | states, full | states, reduced | wall s, full | wall s, reduced "
        "| processor s, full | processor s, reduced |\n|---|---|---|---|---|---|---|"
    )
    for pair in ("filter_fine:4", "phils:13", "leader:12", "long_vector:4"):
        name, _, n = pair.partition(":")
        full, reduced = (
            Ours(MODELS[name][0], [f"n={n}", *extra], *options).run()
            for extra, options in (([], ()), ([], ("--reduction",)))
        )
        yield (
            f"| {pair} | {full.states:,} | {reduced.states:,} | {full.wall_s:.2f} "
            f"| {reduced.wall_s:.2f} | {full.cpu_s:.2f} | {reduced.cpu_s:.2f} |"
        )


def bound(arguments: argparse.Namespace, missing: set[str]) -> Iterator[str]:
    """How near the search comes to what the memory of this machine allows."""
    yield (
        "| model | million transitions / processor s of the process | million insertions "
        "/ processor s, 512 MiB | share |\n|---|---|---|---|"
    )
    for pair in arguments.pairs:
        text = measured([sys.executable, str(HERE / "insertions.py")])[3]
        most = json.loads(text)["insertions_per_s"] / 1e6
        name, _, n = pair.partition(":")
        found = Ours(MODELS[name][0], [f"n={n}"]).run()
        reached = (found.transitions or 0) / found.cpu_s / 1e6
        yield f"| {pair} | {reached:.1f} | {most:.1f} | {reached / most:.0%} |"


TABLES = {
    "pairs": (pairs, "The same model in each tool"),
    "large": (large, "Many states"),
    "small": (small, "A small model from a cold shell"),
    "engines": (engines, "The whole state in one location: reference against native"),
    "bound": (bound, "Transitions against the bound that memory sets"),
    "learned": (learned, "Calls into Python"),
    "reduction": (reduction, "Reduction against full search"),
}


def machine() -> str:
    """Say what the figures were measured on, and how busy it was."""
    model = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    return (
        f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {sys.platform}; "
        f"processes that ran at the start (1, 5, 15 minutes): {load}"
    )


def arguments_of(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, or end with what is wrong with it."""
    parser = argparse.ArgumentParser(description="Compare with other tools.")
    parser.add_argument("pairs", nargs="*", help="MODEL:N, of " + ", ".join(MODELS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument(
        "--large", type=int, nargs="+", default=[17], metavar="N",
        help="philosophers in the table of that name: 17 have 129 million states, 19 have 1,162",
    )  # fmt: skip
    parser.add_argument("--no-python", action="store_true", help="leave out peers in Python")
    parser.add_argument("--out", type=Path, help="write the tables here too, as they come")
    found = parser.parse_args(words)
    found.pairs = found.pairs or PAIRS
    for pair in found.pairs:
        if pair.partition(":")[0] not in MODELS or not pair.partition(":")[2].isdigit():
            parser.error(f"{pair}: write MODEL:N, with MODEL one of {', '.join(MODELS)}")
    return found


def main() -> None:
    """Run what is asked for; print each table when it is there, and write all of them."""
    arguments = arguments_of()
    missing: set[str] = set()
    words = ["--no-python"] * arguments.no_python
    words += ["--large", *map(str, arguments.large)] if arguments.large != [17] else []
    words += [f"--runs {arguments.runs}", "--only", *arguments.only, "--", *arguments.pairs]
    parts = [f"`python benchmarks/run.py {' '.join(words)}`\n\n{machine()}.\n"]
    print(parts[0], flush=True)
    for name in arguments.only:
        table, title = TABLES[name]
        lines = [f"## {title}", ""]
        for line in table(arguments, missing):
            print(line, flush=True)
            lines.append(line)
        parts.append("\n".join(lines) + "\n")
        if arguments.out:
            notes = (HERE / "NOTES.md").read_text("utf-8")
            absent = "".join(f"Not found here: {tool}.\n" for tool in sorted(missing))
            arguments.out.write_text("\n".join(["# Results\n", notes, *parts, absent]), "utf-8")


if __name__ == "__main__":
    main()
