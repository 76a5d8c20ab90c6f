"""Numbers of executions that are known in closed form, under several models."""

from __future__ import annotations

from math import factorial

import pytest

from modelcheck.axiomatic.models import MODELS
from modelcheck.litmus.run import run
from modelcheck.litmus.test import parse


def litmus(*processes: str) -> str:
    params = "int *x, int *y, int *a, int *b, int *c, int *d, int *e, spinlock_t *s"
    bodies = [f"P{i}({params}) {{ {body} }}" for i, body in enumerate(processes)]
    return "\n".join(["C counted", "{}", *bodies, "exists (x=0)"])


def count(model: str, *processes: str) -> int:
    found = run(parse(litmus(*processes)), MODELS[model])
    return found.positive + found.negative


@pytest.mark.parametrize("model", ["sc", "x86-tso", "ra", "rc11", "lkmm"])
@pytest.mark.parametrize("n", [2, 3])
def test_increments_and_locks_come_in_every_order(model, n):
    """N atomic increments, or N critical sections that increment, have N! executions."""
    assert count(model, *["atomic_inc(x);"] * n) == factorial(n)
    locked = "spin_lock(s); int r = READ_ONCE(*x); WRITE_ONCE(*x, r + 1); spin_unlock(s);"
    if model != "ra":  # locks are no part of it
        assert count(model, *[locked] * n) == factorial(n)


def test_two_increments_each():
    """Two threads that increment two variables have (2!)^2 executions."""
    assert count("lkmm", *["atomic_inc(x); atomic_inc(y);"] * 2) == 4


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_store_buffering_in_a_ring(n):
    """N threads write their variable and read the next: 2^N executions, under SC all but one."""
    names = "abcde"[:n]
    threads = [
        f"WRITE_ONCE(*{names[i]}, 1); int r = READ_ONCE(*{names[(i + 1) % n]});" for i in range(n)
    ]
    assert count("sc", *threads) == 2**n - 1
    assert count("x86-tso", *threads) == 2**n


@pytest.mark.parametrize("n", [2, 5, 8])
def test_readers_of_one_write(n):
    """N readers of one write see it or not: 2^N executions, under every model."""
    threads = ["WRITE_ONCE(*x, 1);"] + ["int r = READ_ONCE(*x);"] * n
    assert count("sc", *threads) == count("lkmm", *threads) == 2**n


@pytest.mark.parametrize("n", [2, 3])
def test_writers_and_readers(n):
    """N threads that write and then read one variable: (N!)^2 under SC."""
    threads = [f"WRITE_ONCE(*x, {i + 1}); int r = READ_ONCE(*x);" for i in range(n)]
    expected = {2: 4, 3: 36}[n]
    assert count("sc", *threads) == expected
