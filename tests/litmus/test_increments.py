"""Several increments of several variables: what they can read is found without trying it all."""

from __future__ import annotations

import pytest

from modelcheck.axiomatic.models import MODELS
from modelcheck.litmus.run import run
from modelcheck.litmus.test import parse


def increments(threads: int, times: int, variables: str) -> str:
    """A test in which each thread increments each variable so many times."""
    parameters = ", ".join(f"atomic_t *{v}" for v in variables)
    body = "".join(
        f"  r{i}{v} = atomic_fetch_inc_relaxed({v});\n" for i in range(times) for v in variables
    )
    processes = "".join(f"P{n}({parameters})\n{{\n{body}}}\n" for n in range(threads))
    wanted = " /\\ ".join(f"{v}={threads * times}" for v in variables)
    return f"C increments\n{{}}\n{processes}forall ({wanted})\n"


@pytest.mark.parametrize(("threads", "executions"), [(2, 4), (3, 36)])
def test_every_order_of_the_increments_is_an_execution(threads, executions):
    """With one increment of x and y in each thread there are n! orders of either."""
    outcome = run(parse(increments(threads, 1, "xy")), MODELS["lkmm"], timeout_s=60)
    assert outcome.complete
    assert (outcome.positive, outcome.negative) == (executions, 0)


def test_two_increments_each_of_two_variables_by_three_threads():
    """The verdict is found: no increment is lost."""
    outcome = run(parse(increments(3, 2, "xy")), MODELS["lkmm"], verdict_only=True, timeout_s=120)
    assert outcome.complete
    assert (outcome.positive, outcome.negative) == (1, 0)


def test_three_increments_of_one_variable():
    """Two threads with three increments each: as many executions as ways to interleave them."""
    outcome = run(parse(increments(2, 3, "x")), MODELS["lkmm"], timeout_s=60)
    assert (outcome.positive, outcome.negative) == (20, 0)
