"""How fast this machine inserts: `python benchmarks/insertions.py`.

Prints a line of JSON: random states put into a table of 512 MiB, with prefetch, a processor second.
A transition is at least one look-up, so this bounds what any search with such a table can do.
"""

from __future__ import annotations

import json
import time

import numpy as np

from modelcheck.explore.native import calls

PLACES, KEYS = 1 << 27, 80_000_000


def main() -> None:
    """Fill the table to three fifths with the explorer's own kernel."""
    states = np.random.default_rng(1).integers(0, 2**64, KEYS, np.uint64)
    table, nothing = np.zeros(PLACES, np.uint32), np.zeros(0, np.int64)
    table[:] = 0  # its pages are there before the clock runs
    calls.rehash(states, 0, 0, table, nothing)  # loaded, or compiled
    begun = time.process_time()
    calls.rehash(states, 0, KEYS, table, nothing)
    print(json.dumps({"insertions_per_s": KEYS / (time.process_time() - begun)}))


if __name__ == "__main__":
    main()
