"""Costs: the least and the most of a counter, exact or said not to be."""

from __future__ import annotations

import json

import pytest
from commandline import models, run

from modelcheck import System, UsageError, choose, costs, process, state, until
from modelcheck.verdict import ExitCode, Verdict


@state
class Shop:
    paid: int = 0
    name: str = "shop"


@process
def buyer(s, prices):
    """Pay one of the prices, whichever."""
    price = yield choose(*prices)
    yield s.paid.add(price)


@process
def waiter(s, enough):
    yield until(lambda: s.paid >= enough)


def shop(*buyers, enough=0):
    s = Shop()
    return System(s, [*(buyer(s, prices) for prices in buyers), waiter(s, enough)])


def test_least_and_most_are_exact():
    """Two buyers who choose of 2, 3, 7 and of 1, 5 pay 3 to 12, and each figure has its run."""
    found = costs(shop((3, 2, 7), (5, 1)), "paid")
    assert (found.least, found.most, found.verdict) == (3, 12, Verdict.HOLDS)
    assert found.least_trace.states[-1]["paid"] == 3
    assert found.most_trace.states[-1]["paid"] == 12
    assert found.exit_code is ExitCode.OK


@pytest.mark.parametrize("memory", ["tso", "pso", "wmm"])
def test_costs_under_weak_memory(memory):
    """Additions are atomic under every model: the same figures."""
    found = costs(shop((3, 2, 7), (5, 1)), "paid", memory=memory)
    assert (found.least, found.most, found.memory_model) == (3, 12, memory)


def test_a_run_that_deadlocks_is_no_cost():
    """Where some run cannot end, that is told."""
    found = costs(shop((3, 2, 7), (5, 1), enough=4), "paid")
    assert found.verdict is Verdict.VIOLATED
    assert "waiter" in found.reason
    assert found.exit_code is ExitCode.VIOLATED


def test_a_budget_makes_costs_incomplete():
    """What was met before the budget was used up is not called exact."""
    found = costs(shop((3, 2, 7), (5, 1)), "paid", max_states=20)
    assert found.verdict is Verdict.INCOMPLETE
    assert "20 states" in found.reason
    assert found.exit_code is ExitCode.INCOMPLETE


def test_what_is_no_counter_is_refused():
    """A name that is none, a location without a number, a model whose runs never end."""
    with pytest.raises(UsageError, match="no shared location 'gold'; it has paid, name"):
        costs(shop((1,)), "gold")
    with pytest.raises(UsageError, match="name is 'shop' at the end of a run"):
        costs(shop((1,)), "name")

    @process
    def forever(s):
        while True:
            yield s.paid.set(1)

    s = Shop()
    with pytest.raises(UsageError, match="no run of system comes to its end"):
        costs(System(s, [forever(s)]), "paid")


def test_the_command(tmp_path, monkeypatch):
    """It prints both figures with their runs' lengths, or all of it as JSON."""
    monkeypatch.chdir(tmp_path)
    models(
        tmp_path / "adds.py",
        """
        @process
        def either(s):
            way = yield choose(1, 4)
            yield s.y.set(way)

        @model
        def adds(n: int = 1):
            s = S()
            return System(s, [either(s), *(adder(s) for _ in range(n))], [small])
        """,
    )
    done = run("cost", "adds.py", "--of", "y", "-p", "n=2")
    assert done.exit_code == 0
    assert done.stdout == "adds(n=2): y: least 1 (after 6 steps), most 4 (after 6 steps)\n"
    assert json.loads(run("cost", "adds.py", "--of", "y", "--json").stdout)["most"] == 4
    assert run("cost", "adds.py", "--of", "y", "--max-states", "2").exit_code == 3
    assert run("cost", "adds.py", "--of", "z").exit_code == 2
