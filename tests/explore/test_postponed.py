"""Why a state was reduced, in words; the audit; the first counterexample or a shortest."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from click.testing import CliRunner
from commandline import CLASSIC
from language.small import run

from modelcheck import System, UsageError, always, cells, check, process, state
from modelcheck.cli import main
from modelcheck.explore.reduction.audit import Audit, Unsound
from modelcheck.explore.reduction.relations import Relations, Steps
from modelcheck.explore.reduction.stubborn import Closure
from modelcheck.loading import load
from modelcheck.postponed import explain_reduction

PHILOSOPHERS = CLASSIC / "philosophers.py"


def philosophers(name="philosophers"):
    (model,) = (m for m in load(PHILOSOPHERS) if m.name == name)
    return model


def system(shared, *functions, properties=()):
    return System(shared, [process(f)(shared) for f in functions], properties)


def test_the_first_state_of_the_philosophers_is_explained():
    """Two begin with the same fork; the others wait, since nothing of theirs matters there."""
    first = explain_reduction(philosophers()(n=4))[0]
    assert [one.split()[0] for one in first.taken] == ["philosopher[0]", "philosopher[1]"]
    assert [one.split()[0] for one in first.postponed] == ["philosopher[2]", "philosopher[3]"]
    (reason,) = first.reasons
    assert "do not commute: both touch taken[1]" in reason


def test_a_trace_is_followed_where_the_reduced_search_does_not_go():
    """A counterexample of the full search, with its token: some step of it is postponed."""
    model = philosophers("greedy_philosophers")
    result = check(model(n=4), engine="reference")
    told = explain_reduction(model, result.trace.token)
    assert len(told) == len(result.trace) + 1
    assert told[-1].taken == ()
    assert all(one.step for one in told[:-1])


def test_the_command_says_it():
    """As text and as JSON."""
    target = f"{PHILOSOPHERS}:philosophers"
    text = CliRunner().invoke(main, ["explain-reduction", target, "-p", "n=3"])
    assert text.exit_code == 0
    assert text.output.startswith("at first: takes philosopher[0]")
    assert "postponed" in text.output
    told = CliRunner().invoke(main, ["explain-reduction", target, "-p", "n=3", "--json"])
    assert json.loads(told.output)[0]["postponed"]


def test_a_property_is_named_as_a_reason():
    """Two writes that a property sees are taken in both orders."""

    @state
    class Shared:
        x: int = 0
        y: int = 0

    @always
    def small(s):
        return s.x + s.y < 3

    def writes(name):
        def p(s):
            yield getattr(s, name).set(1)

        return p

    first = explain_reduction(system(Shared(), writes("x"), writes("y"), properties=[small]))[0]
    assert "may change what a property sees" in first.reasons[0]


def test_ignored_steps_are_named_as_such():
    """One goes round for ever; the other, once it is ahead of it, would never be asked again."""

    @state
    class Shared:
        x: int = 0
        y: int = 0

    def round_and_round(s):
        while True:
            yield s.x.set(1)
            yield s.x.set(0)

    def counts(s):
        for i in range(3):
            yield s.y.set(i)

    told = explain_reduction(system(Shared(), round_and_round, counts))
    assert any("otherwise every state" in reason for one in told for reason in one.reasons)


@state
class Cells:
    x: int = 0
    a = cells(3, 0)


def counts(i):
    def p(s):
        x = yield s.x
        yield s.x.set(x + 1)
        yield s.a[i].set(1)

    return p


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_the_audit_notices_steps_that_do_not_commute(engine):
    """With conflicts left out the search would be wrong: the audit says so."""
    fault = mock.patch.object(Relations, "_disturbing", return_value=set())
    with fault, pytest.raises(Unsound, match="audit of the reduction found"):
        run(Cells(), counts(0), counts(1), engine=engine, reduction=True, audit=True)


def test_the_audit_notices_sets_that_lack_what_must_come_first():
    """A member that something outside enables."""

    def waits(s):
        yield s.x.cas(1, 2)
        yield s.a[0].set(1)

    fault = mock.patch.object(Closure, "_necessary", return_value=Steps())
    with fault, pytest.raises(Unsound):
        run(Cells(), waits, counts(1), counts(2), engine="reference", reduction=True, audit=True)


def test_the_audit_notices_a_step_that_is_not_what_its_table_says():
    """A footprint is derived again by running Python."""
    result = run(Cells(), counts(0), counts(1), engine="reference", reduction=True, audit=True)
    assert result.reduction.audited > 0
    assert "audited in" in result.to_text()
    done = "modelcheck.explore.reduction.audit._came_to"
    with (
        mock.patch(done, side_effect=range(10_000)),
        pytest.raises(Unsound, match="something else"),
    ):
        run(Cells(), counts(0), counts(1), engine="reference", reduction=True, audit=True)


def test_the_audit_belongs_to_a_reduction():
    """Alone it has nothing to look at."""
    with pytest.raises(UsageError, match="audit"):
        run(Cells(), counts(0), audit=True, reduction=False)
    assert Audit.__doc__


def test_the_first_counterexample_costs_no_second_search():
    """It is told that a shorter one may exist."""

    @always
    def small(s):
        return s.x < 2

    options = {"properties": [small], "reduction": True, "engine": "reference"}
    first = run(Cells(), counts(0), counts(1), counts(2), trace="first", **options)
    shortest = run(Cells(), counts(0), counts(1), counts(2), **options)
    assert len(first.trace) >= len(shortest.trace) == 4
    assert not first.trace_is_shortest
    assert shortest.trace_is_shortest
    assert "a shorter one may exist" in first.warnings[0]
    with pytest.raises(UsageError, match="'longest'"):
        run(Cells(), counts(0), trace="longest")


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_second_search_that_was_cut_promises_nothing(engine):
    """A budget ends the search for a shorter counterexample: by how much one is shorter is open."""
    model = philosophers("greedy_philosophers")
    result = check(model(n=8), reduction=True, max_states=1000, engine=engine)
    assert result.verdict == "violated"
    assert not result.trace_is_shortest
    assert result.warnings == (
        "the search for a shorter counterexample was cut: a shorter one may exist",
    )
