"""``modelcheck litmus``: litmus tests under axiomatic memory models.

One file prints what herd7 prints; several, a table. Exit status: 0 all as expected, 1 some not, 2
an error, 3 incomplete. Neighbours: `modelcheck.litmus.report` does the work.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelcheck.cli.options import Positive
from modelcheck.cli.outputs import refuse_unwritable, write
from modelcheck.cli.printing import say
from modelcheck.cli.streams import until_closed
from modelcheck.errors import UsageError
from modelcheck.show.summary import plain_table, safe_lines
from modelcheck.show.text import clean
from modelcheck.verdict import ExitCode

if TYPE_CHECKING:  # other commands do not wait for this
    from modelcheck.litmus.report import Report, Wanted

HEADINGS = ("test", "verdict", "expected", "positive", "negative", "seconds", "flags")


@click.command("litmus")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--model",
    metavar="NAME|FILE.cat",
    help="lkmm, x86-tso, power, armv8, sc, ra, rc11, or a cat file; else that of the architecture.",
)
@click.option("--timeout", type=Positive(), default=60.0, show_default=True, metavar="S",
              help="Stop each test after so many seconds.")  # fmt: skip
@click.option("--verdict", is_flag=True, help="Find the verdict only: large tests are quick.")
@click.option("--herd", is_flag=True, help="Print what herd7 prints for several files, too.")
@click.option("--why", is_flag=True, help="Say why an outcome is forbidden: the axiom, the cycle.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON.")
@click.option("--svg", metavar="FILE", help="Draw an execution (a folder for several files).")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True,
              help="Processes for several files.")  # fmt: skip
@click.option("--unroll", type=click.IntRange(min=0), default=2, show_default=True,
              help="Rounds of a loop.")  # fmt: skip
@click.option("--variant", "variants", multiple=True, help="A variant that a cat file asks for.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def litmus_command(paths: Sequence[str], quiet: bool, **options: Any) -> None:
    """Run litmus tests (C, X86_64, PPC, AArch64) under an axiomatic memory model.

    A `Result:` comment in a test is compared with what was found.
    """
    from modelcheck.litmus.report import Wanted
    from modelcheck.litmus.test import find_files

    json_file, svg = options["json_file"], options["svg"]
    to_stdout = json_file == "-"
    refuse_unwritable(None if to_stdout else json_file)
    refuse_unwritable(svg, (".svg",), folder=True)
    files = [str(path) for path in find_files(paths)]
    several = len(files) > 1
    if several and svg and svg.endswith(".svg"):
        raise UsageError(
            f"--svg {svg} is one file, and there are {len(files)} tests: name a folder"
        )
    wanted = Wanted(
        model=options["model"],
        timeout_s=options["timeout"],
        whole=not options["verdict"] and (not several or options["herd"] or bool(json_file)),
        svg=bool(svg),
        why=options["why"],
        unroll=options["unroll"],
        variants=options["variants"],
    )
    reports = _collect(files, wanted, options, quiet or to_stdout)
    _finish(reports, options, quiet, several)
    sys.exit(_worst(reports))


def _collect(files: Sequence[str], wanted: Wanted, options: Any, quiet: bool) -> list[Report]:
    """Return the reports in the order of the files; each is printed as soon as it is there."""
    blocks = len(files) == 1 or options["herd"]
    reports = []
    progress = _Progress(len(files), silent=quiet)
    for found in _run(files, wanted, options["workers"]):
        reports.append(found)
        progress.tell(reports)
        for note in found.notes:
            sys.stderr.write(f"modelcheck: {safe_lines(note)}\n")
        if blocks and not quiet and not found.error:
            with until_closed():
                say(safe_lines(found.text))
                if found.why and options["why"]:
                    say(safe_lines(found.why) + "\n")
    progress.end()
    return reports


def _run(files: Sequence[str], wanted: Wanted, workers: int) -> Iterator[Report]:
    from modelcheck.litmus.report import report

    if workers == 1 or len(files) == 1:
        for file in files:
            yield report(file, wanted)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(workers, len(files))) as pool:
        try:
            yield from pool.map(report, files, [wanted] * len(files))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Progress:
    """One line on a terminal that says how many files are done."""

    def __init__(self, files: int, *, silent: bool):
        self.files = files
        self.on = not silent and files > 1 and sys.stderr.isatty()

    def tell(self, reports: Sequence[Report]) -> None:
        """Write the line anew."""
        if self.on:
            wrong = sum(r.exit_code is not ExitCode.OK for r in reports)
            said = f"{len(reports)} of {self.files} tests" + (
                f", {wrong} not fine" if wrong else ""
            )
            sys.stderr.write(f"\r\x1b[2K{said}")
            sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self.on:
            sys.stderr.write("\r\x1b[2K")


def _finish(reports: Sequence[Report], options: Any, quiet: bool, several: bool) -> None:
    json_file, svg = options["json_file"], options["svg"]
    dicts = [found.to_dict() for found in reports]
    text = json.dumps(dicts if several else dicts[0], indent=2)
    with until_closed():
        if json_file == "-":
            say(text)
        elif several and not quiet and not options["herd"]:
            say(plain_table([HEADINGS, *map(_row, reports)]))
            say("\n" + _tally(reports))
    for found in reports:
        if found.error:
            sys.stderr.write(f"modelcheck: {safe_lines(found.error)}\n")
        elif found.as_expected is False and not several:
            sys.stderr.write(
                f"modelcheck: {clean(found.file)}: {found.verdict}, expected {found.expected}\n"
            )
    if json_file and json_file != "-":
        write(Path(json_file), text + "\n")
    if svg:
        _write_pictures(svg, reports, several)


def _write_pictures(svg: str, reports: Sequence[Report], several: bool) -> None:
    used: set[Path] = set()
    for found in reports:
        if not found.svg:
            continue
        path = Path(svg)
        if path.suffix != ".svg" or path.is_dir():
            stem = Path(found.file).stem
            path = Path(svg) / f"{stem}.svg"
            number = 2
            while path in used:
                path = Path(svg) / f"{stem}-{number}.svg"
                number += 1
            used.add(path)
        write(path, found.svg)


def _row(found: Report) -> tuple[str, ...]:
    if found.error:
        return (clean(found.file), "error", "", "", "", "", "")
    counts = (str(found.positive), str(found.negative)) if found.whole else ("", "")
    mark = " (!)" if found.as_expected is False else ""
    expected = (found.expected or "") + mark
    seconds = f"{found.seconds:.2f}"
    return (clean(found.name), found.verdict, expected, *counts, seconds, " ".join(found.flags))


def _tally(reports: Sequence[Report]) -> str:
    """Return the last line: how many tests are as expected."""
    codes = [found.exit_code for found in reports]
    said = f"{codes.count(ExitCode.OK)} of {len(codes)} tests as expected"
    for code, what in (
        (ExitCode.VIOLATED, "not as expected"),
        (ExitCode.ERROR, "with an error"),
        (ExitCode.INCOMPLETE, "incomplete"),
    ):
        if number := codes.count(code):
            said += f", {number} {what}"
    return said


def _worst(reports: Sequence[Report]) -> ExitCode:
    codes = {found.exit_code for found in reports}
    for code in (ExitCode.ERROR, ExitCode.VIOLATED, ExitCode.INCOMPLETE):
        if code in codes:
            return code
    return ExitCode.OK


__all__ = ["litmus_command"]
