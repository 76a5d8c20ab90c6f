"""The litmus targets in one table: `python benchmarks/litmus.py --litmus DIR`.

DIR holds the test folders (`lkmm/visible`, `lkmm/catalogue`, `lkmm/extra`, `x86_64`, `power`) with
their known answers. `--cat FILE` also holds a cat file (the kernel's linux-kernel.cat) against the
built-in model on the LKMM tests. The exit status is 1 if any row is not complete.
"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from modelcheck.axiomatic.models import MODELS
from modelcheck.litmus.cat import load
from modelcheck.litmus.herd import herd_text
from modelcheck.litmus.run import Outcome, run
from modelcheck.litmus.test import read
from modelcheck.show.summary import plain_table

LKMM = MODELS["lkmm"]
Row = tuple[str, str, str, str]


class Tally:
    """How many tests of a row are right, and their times."""

    def __init__(self, what: str):
        self.what, self.right, self.wrong = what, 0, []
        self.seconds: list[float] = []

    def add(self, name: str, right: bool, seconds: float) -> None:
        self.right += right
        self.seconds.append(seconds)
        if not right:
            self.wrong.append(name)

    def row(self) -> Row:
        number = len(self.seconds)
        median = f"{1000 * statistics.median(self.seconds):.1f} ms" if number else ""
        return (self.what, f"{self.right} of {number}", median, " ".join(self.wrong[:5]))


def timed(path: Path, model: str, *, verdict_only: bool = False) -> tuple[Outcome, float]:
    """Read and run one test; the time is that of this process alone."""
    start = time.process_time()
    outcome = run(read(path), MODELS[model], verdict_only=verdict_only)
    return outcome, time.process_time() - start


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def visible(folder: Path) -> Tally:
    tally = Tally("lkmm/visible: verdicts and race flags")
    for row in table_of(folder / "visible.tsv"):
        outcome, seconds = timed(folder / "visible" / row["path"], "lkmm", verdict_only=True)
        wanted = (row["verdict"].split()[0], row["race"] == "True")
        tally.add(row["path"], (outcome.verdict, outcome.race) == wanted, seconds)
    return tally


def normalized(text: str) -> list[str]:
    """Return herd7's lines without times and hashes, its states in a fixed order."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("Time", "Hash"))]
    first = next(i for i, line in enumerate(lines) if line.startswith("States")) + 1
    last = first + int(lines[first - 1].split()[1])
    return lines[:first] + sorted(lines[first:last]) + lines[last:]


def catalogue(folder: Path) -> Tally:
    tally = Tally("lkmm/catalogue: states, counts, flags")
    for path in sorted((folder / "catalogue").glob("*.litmus")):
        outcome, seconds = timed(path, "lkmm")
        wanted = Path(f"{path}.expected").read_text(encoding="utf-8")
        tally.add(path.name, normalized(herd_text(outcome)) == normalized(wanted), seconds)
    return tally


def extra(folder: Path) -> Tally:
    tally = Tally("lkmm/extra: verdicts")
    for path in sorted((folder / "extra").glob("*.litmus")):
        outcome, seconds = timed(path, "lkmm")
        tally.add(path.name, outcome.verdict == outcome.test.expected, seconds)
    return tally


def x86(folder: Path) -> Tally:
    tally = Tally("x86_64: allowed or forbidden")
    for line in (folder / "kinds.txt").read_text(encoding="utf-8").splitlines():
        if line.strip():
            name, kind = line.split()
            outcome, seconds = timed(folder / f"{name}.litmus", "x86-tso")
            tally.add(name, (outcome.positive > 0) == (kind == "Allow"), seconds)
    return tally


def power(folder: Path, every: int = 1) -> Iterator[Tally]:
    allowed, counts = Tally("power: allowed or forbidden"), Tally("power under sc: rf, (rf, co)")
    for row in table_of(folder / "expected.tsv")[::every]:
        path = folder / f"{row['test']}.litmus"
        outcome, seconds = timed(path, "power", verdict_only=True)
        allowed.add(row["test"], (outcome.positive > 0) == (row["power_allows"] == "yes"), seconds)
        outcome, seconds = timed(path, "sc")
        found = (len(outcome.reads_from), outcome.positive + outcome.negative)
        wanted = (int(row["sc_reads_from_classes"]), int(row["sc_rf_co_graphs"]))
        counts.add(row["test"], found == wanted, seconds)
    yield allowed
    yield counts


def against_cat(folder: Path, cat: str) -> Tally:
    model = load(cat, "C")
    tally = Tally(f"{Path(cat).name} and the built-in lkmm agree")
    for path in sorted(folder.rglob("*.litmus")):
        test = read(path)
        start = time.process_time()
        theirs = run(test, model, verdict_only=True)
        seconds = time.process_time() - start
        ours = run(test, LKMM, verdict_only=True)
        same = (theirs.verdict, theirs.race) == (ours.verdict, ours.race)
        tally.add(path.name, same, seconds)
    return tally


def tallies(folder: Path, cat: str | None) -> Iterable[Tally]:
    yield visible(folder / "lkmm")
    yield catalogue(folder / "lkmm")
    yield extra(folder / "lkmm")
    yield x86(folder / "x86_64")
    yield from power(folder / "power")
    if cat:
        yield against_cat(folder / "lkmm", cat)


@click.command()
@click.option("--litmus", "folder", required=True, help="The folder with the tests.")
@click.option("--cat", help="A cat file to hold against the built-in lkmm.")
def main(folder: str, cat: str | None) -> None:
    """Print the table."""
    found = list(tallies(Path(folder), cat))
    print(plain_table([("what", "right", "median", "wrong"), *(t.row() for t in found)]))
    sys.exit(any(tally.wrong for tally in found))


if __name__ == "__main__":
    main()
