"""Arrays that grow at their end: numpy's, doubled when full; and one that need not be copied."""

from __future__ import annotations

import contextlib
import mmap
from typing import Any

import numpy as np

#: Entries that the 32-bit numbers in these arrays can name.
MOST = 2**31 - 1


class Full(Exception):
    """Something outgrew the numbers that name it: the search cannot go on, and says so."""


class Growing:
    """An array with a length of its own below its capacity; `data` is what a kernel gets.

    Examples
    --------
    >>> numbers = Growing(np.int32)
    >>> [numbers.append(n) for n in (5, 6)], numbers.data[:2].tolist()
    ([0, 1], [5, 6])
    """

    def __init__(self, dtype: Any, capacity: int = 1024):
        self.data = np.zeros(capacity, dtype)
        self.used = 0

    def append(self, value: Any) -> int:
        """Add a value; return its index."""
        self.reserve(1)
        self.data[self.used] = value
        self.used += 1
        return self.used - 1

    def extend(self, count: int) -> int:
        """Add `count` zeros; return the index of the first."""
        self.reserve(count)
        first = self.used
        self.used += count
        return first

    def reserve(self, count: int) -> None:
        """Make room for `count` more. Raises `Full` beyond `MOST`."""
        if self.used + count > MOST:
            raise Full(f"the learned tables have more than {MOST:,} entries")
        if self.used + count > len(self.data):
            grown = np.zeros(max(2 * len(self.data), self.used + count), self.data.dtype)
            grown[: self.used] = self.data[: self.used]
            self.data = grown


def reserved(count: int) -> Any:
    """Return so many 64-bit zeros, of which those never written to take no memory.

    None where addresses are not free: there is a limit on them (``ulimit -v``), or the system
    promises no more memory than it has, or does not tell.

    Examples
    --------
    >>> zeros = reserved(1 << 20)
    >>> zeros is None or (zeros.dtype, int(zeros[-1])) == (np.uint64, 0)
    True
    """
    if not _addresses_are_free():
        return None
    try:
        space = mmap.mmap(-1, 8 * count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError, ValueError):
        return None
    with contextlib.suppress(AttributeError, OSError):
        space.madvise(mmap.MADV_HUGEPAGE)  # reading at random is mostly looking pages up
    return np.frombuffer(space, np.uint64)


def _addresses_are_free() -> bool:
    """Tell whether this process may have addresses that nobody has memory for."""
    try:
        import resource

        unlimited = resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
        with open("/proc/sys/vm/overcommit_memory") as file:
            return unlimited and file.read().strip() in {"0", "1"}
    except (ImportError, OSError):
        return False
