"""Run many random programs: ``cd tests && python -m oracle.run --programs 10000 --seed 1``.

Each is checked by modelcheck and by the oracle's interpreter. On a mismatch the program, made
smaller, and both answers are printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pool
from random import Random
from typing import Any

from oracle import programs as P
from oracle.compare import Mismatch, Outcome, compare
from oracle.generate import random_program
from oracle.printing import Printer
from oracle.shrink import shrink

#: Programs of one `--seed` are numbered from here.
BLOCK = 10_000_000


@contextmanager
def quiet() -> Iterator[None]:
    """While inside, nothing is printed of a `finally` that yields when its generator is dropped."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def what_is_wrong(program: P.Program) -> tuple[Outcome | None, str]:
    """Compare a program; return its outcome, or what was wrong."""
    try:
        return compare(program), ""
    except Mismatch as mismatch:
        return None, str(mismatch)
    except Exception:
        return None, traceback.format_exc()


def one(seed: int) -> tuple[int, Outcome | None, str]:
    """Compare the program of a seed."""
    with quiet():
        return seed, *what_is_wrong(random_program(Random(seed)))


def numbered(program: P.Program) -> str:
    """A program's source with line numbers."""
    source = Printer(program).source
    return "\n".join(f"{n:3} {line}" for n, line in enumerate(source.splitlines(), 1))


def explained(seed: int, wrong: str) -> str:
    """A mismatch with the smallest program found that shows the like."""

    def kind(text: str) -> str:
        """The first line of a mismatch, without names and numbers of files and lines."""
        return re.sub(r"<[^>]*>:\d+|\d+", "", text.split("\n")[0])

    def alike(variant: P.Program) -> bool:
        try:
            return kind(what_is_wrong(variant)[1]) == kind(wrong)
        except Exception:
            return False

    with quiet():
        program = shrink(random_program(Random(seed)), alike)
        return f"{numbered(program)}\n\nseed {seed}: {what_is_wrong(program)[1]}"


class Summary:
    """Counts what became of the programs."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.verdicts: Counter[str] = Counter()
        self.sizes: list[int] = []
        self.steps = self.inexact = 0
        self.bad: list[int] = []

    def add(self, seed: int, outcome: Outcome | None) -> None:
        if outcome is None:
            self.bad.append(seed)
            return
        self.verdicts[outcome.verdict] += 1
        if outcome.verdict != "too big":
            self.sizes.append(outcome.states)
            self.steps = max(self.steps, outcome.steps)
        self.inexact += not outcome.exact

    def __str__(self) -> str:
        sizes = sorted(self.sizes) or [0]
        verdicts = ", ".join(f"{name} {n}" for name, n in self.verdicts.most_common())
        return (
            f"{sum(self.verdicts.values())} programs in {time.perf_counter() - self.began:.0f} s: "
            f"{verdicts}; states: {sum(sizes)} in all, quartiles {sizes[len(sizes) // 4]}, "
            f"{sizes[len(sizes) // 2]}, {sizes[3 * len(sizes) // 4]}, largest {sizes[-1]}; longest "
            f"trace {self.steps}; {self.inexact} counts that liveness does not explain; "
            f"{len(self.bad)} mismatches {self.bad[:20] or ''}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep-going", action="store_true", help="go on after a mismatch")
    args = parser.parse_args()
    summary = Summary()
    seeds = range(args.seed * BLOCK, args.seed * BLOCK + args.programs)
    pool: Any = Pool(args.workers) if args.workers > 1 else None
    for seed, outcome, wrong in pool.imap_unordered(one, seeds, 20) if pool else map(one, seeds):
        summary.add(seed, outcome)
        if outcome is None:
            print(explained(seed, wrong), flush=True)
            if not args.keep_going:
                break
        elif not outcome.exact:
            print(f"seed {seed}: states (fewest, modelcheck, most) {outcome.bounds}", flush=True)
    if pool:
        pool.terminate()
    print(summary)
    return 1 if summary.bad else 0


if __name__ == "__main__":
    sys.exit(main())
