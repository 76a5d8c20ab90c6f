"""What a command does without, to be quick: garbage collection again and again, idle threads.

numba and a model's tables are some hundred thousand objects that stay: going through them again and
again, and once more at exit, took a fifth of a check of some seconds, and found nothing. What is
not in a cycle is freed at once in any case.

numpy's linear algebra starts a thread for each core when it is imported, which takes longer than
the rest of numpy, and nothing here multiplies matrices. In a program of the user's, that is the
user's to decide: a command has its process for itself.
"""

from __future__ import annotations

import atexit
import gc
import os
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


#: What the libraries of linear algebra that numpy comes with read when they are loaded.
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def without_algebra_threads() -> Iterator[None]:
    """While inside, what is imported starts no threads, unless the environment says so."""
    unset = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)
