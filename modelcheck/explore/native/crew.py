"""Workers of one search: threads that are started once, and take their parts again and again.

A level may be a few thousand states, done in less time than it takes to start a thread. Compiled
kernels release the interpreter's lock, so the parts run at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Crew:
    """The caller and `workers` - 1 threads, which end with the crew.

    Examples
    --------
    >>> Crew(2).each(lambda part: 10 * part, [1, 2])
    [10, 20]
    """

    def __init__(self, workers: int):
        self.workers = workers
        self._pool: Any = None

    def each(self, work: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        """Return what `work` gives for each part, of at most as many as there are workers.

        All have ended when this returns or raises, Ctrl-C included: they share their arrays.
        """
        if len(parts) > 1 and self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.workers - 1)
        try:
            others = [self._pool.submit(work, part) for part in parts[1:]]
            own = [work(part) for part in parts[:1]]
            return own + [other.result() for other in others]
        except BaseException:
            pool, self._pool = self._pool, None
            if pool is not None:
                _end(pool)
            raise


def _end(pool: Any) -> None:
    """Wait until all that a pool has begun has ended, however often Ctrl-C comes."""
    while True:
        try:
            pool.shutdown(cancel_futures=True)
        except KeyboardInterrupt:
            continue
        return
