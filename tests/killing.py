"""Kill a search at random moments, go on with it, and hold its end against one left alone.

As a command: ``python tests/killing.py --kills 50``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILTER = ROOT / "specs" / "classic" / "filter_lock.py"

#: What must be the same in the end.
PARTS = ("verdict", "states", "transitions", "levels", "depth", "coverage", "witnesses", "token")

#: Searches to kill: one that holds, and one with a long trace.
TARGETS = {
    "holds": (f"{FILTER}:filter_lock", "-p", "n=4"),
    "violated": (f"{FILTER}:filter_lock_short", "-p", "n=5"),
}


def command(target: tuple[str, ...], *more: Any) -> list[str]:
    """Return the command line that checks a target."""
    words = [sys.executable, "-m", "modelcheck", "check", *target, "--json", "-", *map(str, more)]
    return [*words, "--checkpoint-every", "0"]


def undisturbed(target: tuple[str, ...], workers: int) -> tuple[Any, float]:
    """Return what a search left alone says, and its seconds."""
    begun = time.monotonic()
    words = command(target, "--engine", "native", "--workers", workers)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return json.loads(done.stdout), time.monotonic() - begun


def start(target: tuple[str, ...], file: Path, workers: int) -> subprocess.Popen[str]:
    """Start a search, or go on with it where there is a checkpoint."""
    how = ("--resume" if file.exists() else "--checkpoint", file)
    return subprocess.Popen(
        command(target, *how, "--workers", workers),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_amid(process: subprocess.Popen[str], file: Path, moment: float, writing: bool) -> bool:
    """Kill a search after so many seconds, or then amid its next writing; tell whether it lived."""
    begun, beside = time.monotonic(), file.with_name(file.name + ".part")
    while process.poll() is None:
        late = time.monotonic() - begun > moment
        if late and (not writing or beside.exists() or time.monotonic() - begun > moment + 2):
            process.kill()
            process.communicate()
            return True
        time.sleep(0.0005)
    return False


def torment(
    name: str, kills: int, seed: int, *, workers: int = 1, amid_writing: bool = False
) -> int:
    """Kill and resume until so many kills were survived; return how often a search came to its end.

    Whenever one comes to its end before it is killed, it must say what an undisturbed one says.
    """
    chance = random.Random(seed)
    truth, seconds = undisturbed(TARGETS[name], workers)
    ends = done = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "search.checkpoint"
        while done < kills or not ends:
            begun = time.monotonic()
            process = start(TARGETS[name], file, workers)
            longest = seconds * 1.2 if done < kills else 1000.0
            moment = chance.uniform(0.3 * seconds, longest) if done < kills else longest
            if kill_amid(process, file, moment, amid_writing and done < kills):
                done += 1
                continue
            said, complaint = process.communicate()
            # The first search of all may have been slow: it compiles. Kill sooner, if so.
            seconds = min(seconds, time.monotonic() - begun)
            assert not complaint, complaint
            found = json.loads(said)
            differ = [p for p in PARTS if found[p] != truth[p] and (p != "token" or workers == 1)]
            assert not differ, {p: (truth[p], found[p]) for p in differ}
            ends += 1
            file.unlink()  # from the beginning
            assert os.listdir(folder) == []
    return ends


def main() -> None:
    """Kill each target so many times, with one worker and with two, at rest and amid writing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name in TARGETS:
        for workers in (1, 2):
            for writing in (False, True):
                ends = torment(
                    name, options.kills, options.seed, workers=workers, amid_writing=writing
                )
                told = "amid writing" if writing else "at random moments"
                print(
                    f"{name}, {workers} workers: {options.kills} kills {told}, {ends} ends, same",
                    flush=True,
                )


if __name__ == "__main__":
    main()
