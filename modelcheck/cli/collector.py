"""How often Python looks for garbage in cycles while a command runs.

numba and a model's tables are some hundred thousand objects that stay: going through them again and
again, and once more at exit, took a fifth of a check of some seconds, and found nothing. What is
not in a cycle is freed at once in any case.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Objects made, less those freed, before the youngest are looked at; and how many such looks make
#: one of the older ones.
YOUNG, OLDER = 20_000, 50


@contextmanager
def seldom_collected() -> Iterator[None]:
    """While inside, look for cycles more seldom; at exit not at all."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, OLDER, OLDER)
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*before)
