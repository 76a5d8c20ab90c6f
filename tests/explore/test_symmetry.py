"""Symmetry: fewer states, and the same answers.

Neighbours: `alike` compares the searches, `test_asymmetry` has what is refused.
"""

from __future__ import annotations

from math import factorial

import pytest
from commandline import ROOT, run
from explore.alike import ALIKE, ENGINES, SPECS, Shared, alike

from modelcheck import (
    Channel,
    ModelError,
    System,
    always,
    at_end,
    cells,
    check,
    choose,
    either,
    label,
    names,
    process,
    replay,
    sometimes,
    spawn,
    state,
    symmetric,
    until,
)
from modelcheck.check import tables_of
from modelcheck.explore.search import successor
from modelcheck.language.renaming import symmetry_of
from modelcheck.loading import load
from modelcheck.tables.closing import closed

TURNS = load(ROOT / "tests" / "oracle" / "hard" / "turns.py")

# How many orbits there are.


def test_states_that_differ_by_names_are_explored_once():
    """Three processes of one step each: how many have stepped, not which: 4 of 2 ** 3."""

    def p(s, me, users):
        yield s.a[me].set(1)

    result, full = alike(p)
    assert (result.states, full.states, result.orbits.group) == (4, 8, 6)


def test_a_ring_can_only_be_turned():
    """Necklaces of 6 beads in 2 colors that may be turned, not turned over (13): 14 of 2 ** 6."""

    def p(s, me, users):
        yield s.a[me].set(1)

    result, full = alike(p, 6, ring=True)
    assert (result.states, full.states, result.orbits.group) == (14, 64, 6)


def test_processes_without_names_are_counted():
    """Four equal processes of one step: 5 of 2 ** 4; no names are needed."""

    def p(s):
        yield s.x.update(lambda x: x + 1)

    def system():
        s = Shared(a=cells(1, 0))
        return System(s, symmetric(process(p)(s) for _ in range(4)))

    assert [check(system(), engine=engine).states for engine in ENGINES] == [5, 5]
    assert check(system(), symmetry=False).states == 16


def test_a_value_that_names_a_process_is_renamed_with_it():
    """Who owns the thing is no matter, but that the owner has stepped is: the rest has not."""

    def p(s, me, users):
        yield s.owner.cas(None, me)

    result, full = alike(p)
    # Nobody has stepped; then one, two, three have, and the owner is one of them.
    assert (result.states, full.states) == (4, 1 + 3 + 3 * 2 + 3)


def test_two_kinds_of_names_are_renamed_apart_from_each_other():
    """Two readers and two writers of one step each: 3 * 3 of 2 ** 4."""

    def system():
        readers, writers = names(2, "r"), names(2, "w")
        s = Shared(a=cells(dict.fromkeys([*readers, *writers], 0)))

        def p(s, me):
            yield s.a[me].set(1)

        both = [process(p)(s, me) for me in [*readers, *writers]]
        return System(s, symmetric(both))

    results = [check(system(), engine=engine) for engine in ENGINES]
    assert [(r.states, r.orbits.group, r.orbits.stand_for) for r in results] == [(9, 4, 16)] * 2


def grid(ring=False, turns=2):
    """Three processes write into cells for pairs of names, of which all kinds move each cell."""

    @state
    class Grid:
        m: object

    @process
    def left(s, me, others):
        todo = frozenset(others)
        for _ in range(turns):
            k = yield choose(todo)
            todo = todo - {k}
            yield s.m[me, k].set(1)

    @sometimes
    def each_line_has_two(s):
        rows, columns = {}, {}
        for (i, j), v in s.m.items():
            rows[i] = rows.get(i, 0) + v
            columns[j] = columns.get(j, 0) + v
        return {*rows.values(), *columns.values()} == {2}

    a, b = names(3, "a"), names(3, "b", ring=ring)
    s = Grid(m=cells({(i, j): 0 for i in a for j in b}))
    return System(s, symmetric(left(s, me, b) for me in a), [each_line_has_two])


def twins():
    """Two equal processes for each of two names."""
    users = names(2, "u")
    s = Shared(a=cells(users, 0))

    def p(s, me):
        yield choose(0, 1)
        yield s.a[me].add(1)
        yield label("added")

    return System(s, symmetric(process(p)(s, me) for me in users for _ in range(2)))


@pytest.mark.parametrize(("model", "orbits"), [
    (grid, 160), (lambda: grid(ring=True), 276), (lambda: grid(turns=1), 23), (twins, 55),
])  # fmt: skip
def test_what_several_kinds_of_names_move_is_told_apart_exactly(model, orbits):
    """Cells for pairs of names; equal processes for each name: each orbit once, of its size."""
    full = check(model(), symmetry=False)
    for engine in ENGINES:
        result = check(model(), engine=engine)
        assert (result.states, result.orbits.stand_for) == (orbits, full.states)
        reduced = check(model(), engine=engine, reduction=True)
        assert {result.verdict, reduced.verdict} == {full.verdict}
        lengths = [{n: t and len(t) for n, t in r.witnesses.items()} for r in (result, full)]
        assert lengths[0] == lengths[1]


@pytest.mark.parametrize("n", [20, 21, 66])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_group_may_have_more_elements_than_64_bits_can_count(n, engine):
    """Equal processes of one step: one more orbit than there are processes, of 2 ** n states."""

    def p(s):
        yield s.x.update(lambda x: 1 - x)

    def system():
        s = Shared(a=cells(1, 0))
        return System(s, symmetric(process(p)(s) for _ in range(n)))

    result = check(system(), engine=engine)
    assert (result.states, result.orbits.group) == (n + 1, factorial(n))
    assert result.orbits.stand_for == 2**n


@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_a_search_that_was_cut_tells_what_its_own_orbits_stand_for(most):
    """Both engines; and not what those stand for that came after."""
    results = [check(grid(), engine=e, max_states=most, reduction=False) for e in ENGINES]
    assert [r.states for r in results] == [most, most]
    assert results[0].orbits == results[1].orbits
    assert check(grid(), max_states=1, reduction=False).orbits.stand_for == 1


@pytest.mark.parametrize(("n", "orbits", "full"), [(2, 22, 42), (3, 130, 668), (4, 680, 12_960)])
def test_the_filter_lock_needs_few_orbits(n, orbits, full):
    """Fewer than the states divided by half of the ways to rename."""
    result = check(SPECS["filter_lock_alike"](n=n))
    assert (result.verdict, result.states, result.orbits.stand_for) == ("holds", orbits, full)
    assert result.states <= max(full / (factorial(n) / 2), orbits * (n == 2))


@pytest.mark.parametrize("name", sorted(SPECS))
@pytest.mark.parametrize("engine", ENGINES)
def test_a_spec_has_the_same_verdict_up_to_symmetry(name, engine):
    """And what is violated, after as many steps."""
    found = check(SPECS[name](), engine=engine)
    full = check(SPECS[name](), engine=engine, symmetry=False)
    assert found.ok
    assert found.verdict == full.verdict
    assert (found.violation and found.violation.message) == (
        full.violation and full.violation.message
    )
    assert found.depth == full.depth
    assert found.states < full.states
    assert found.orbits.stand_for == full.states


# What is found.


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trace_names_real_processes_and_replays(engine):
    """Each step of it can be taken from the state before, by the process that it names."""
    model = SPECS["filter_lock_alike_short"]
    result = check(model(), engine=engine)
    trace = result.trace
    for before, step, after in zip(trace.states, trace.steps, trace.states[1:], strict=False):
        expected = dict(before)
        for change in step.writes:
            assert before[change.name] == change.old
            expected[change.name] = change.new
        assert expected == after
    again = replay(model, result.token)
    assert [(s.process, s.label) for s in again.steps] == [
        (s.process, s.label) for s in trace.steps
    ]


def test_witnesses_are_found_and_have_real_traces():
    """A witness of a path through forms is one of the processes themselves."""

    def p(s, me, users):
        yield s.owner.cas(None, me)
        yield s.a[me].set(1)

    @sometimes
    def another_than_the_owner_is_done(s):
        return s.owner is not None and any(s.a[i] == 1 for i in s.a if i != s.owner)

    result, full = alike(p, properties=[another_than_the_owner_is_done])
    (witness,), (other,) = result.witnesses.values(), full.witnesses.values()
    assert len(witness) == len(other) == 3


def test_every_process_is_in_the_coverage():
    """Lines count, whoever is at them: no step of the code was never taken."""
    covered = check(SPECS["filter_lock_alike"]()).coverage
    assert covered
    assert all(c.states > 0 for c in covered if c.function in ("user", "wait_for_all"))


def test_deadlocks_and_final_states_are_those_of_the_full_search():
    """All wait for each other on the ring: a deadlock, with as short a trace."""
    found, full = (check(SPECS["round_table"](n=6), symmetry=s) for s in (True, False))
    assert found.violation.kind == full.violation.kind == "deadlock"
    assert len(found.trace) == len(full.trace) == 6


def test_the_result_tells_of_orbits():
    """In text and in JSON."""
    result = check(SPECS["filter_lock_alike"](n=3))
    assert "symmetry: they stand for 668 states" in result.to_text()
    assert result.to_dict()["orbits"] == {"group": 6, "stand_for": 668}
    assert check(SPECS["filter_lock_alike"](n=3), symmetry=False).to_dict()["orbits"] is None


def test_the_command_line_can_leave_it_out():
    """``--no-symmetry`` explores every state."""
    target = f"{ALIKE}:filter_lock_alike"
    said = [run("check", target, "-p", "n=3", *more) for more in ([], ["--no-symmetry"])]
    assert "130 states" in said[0].output
    assert "668 states" in said[1].output


# What else processes can do.


def test_choosing_a_name_and_sets_of_names_are_symmetric():
    """The way to look at all others one by one: in any order."""

    def p(s, me, users):
        left = frozenset(users) - {me}
        while left:
            j = yield choose(left)
            yield s.a[j].update(lambda a: min(a + 1, 2))
            left = left - {j}

    result, full = alike(p)
    assert result.states < full.states / 4


def test_neighbours_on_a_ring():
    """Each adds to its right neighbour's cell."""

    def p(s, me, users):
        yield s.a[me + 1].set(1)
        yield until(lambda: s.a[me] == 1)
        yield s.a[me - 1].set(2)

    result, full = alike(p, ring=True)
    assert result.orbits.group == 3


def test_steps_with_several_outcomes_and_spawned_children():
    """Children of children alike are renamed with their arguments."""

    @process
    def child(s, me):
        yield s.owner.set(me)

    def p(s, me, users):
        kid = yield spawn(child(s, me))
        yield either(s.a[me].set(1), s.a[me].set(2))
        yield kid.join()

    result, full = alike(p, n=2)
    assert result.orbits.stand_for == full.states > result.states


def test_properties_of_local_variables_that_hold_names():
    """A variable that names a process is renamed like all else."""

    def p(s, me, users):
        j = yield choose(users)
        yield s.owner.set(j)
        yield label("here")
        del j

    @always
    def only_names(s):
        return all(p.local.get("j") in (None, *s.a.keys()) for p in s.p)

    result, _ = alike(p, n=2, properties=[only_names])
    assert result.holds


# Together with partial-order reduction.


@pytest.mark.parametrize("model", TURNS, ids=lambda model: model.name)
def test_what_a_property_looks_at_in_one_process_it_looks_at_in_all(model):
    """Of forms with y == 1 it has asked the other process alone: the first one is never at a."""
    assert check(model, symmetry=False).violation
    for engine in ENGINES:
        result = check(model, reduction=True, engine=engine)
        assert result.violation
        assert result.orbits is not None


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_spec_has_the_same_verdict_with_reduction_too(name):
    """For both engines and two workers, with no more orbits, and a shortest counterexample."""
    alone = check(SPECS[name]())
    for options in ({"engine": "reference"}, {"engine": "native"}, {"workers": 2}):
        both = check(SPECS[name](), reduction=True, **options)
        assert both.ok
        assert both.verdict == alone.verdict
        assert both.orbits is not None
        assert len(both.trace or ()) == len(alone.trace or ())
        if alone.holds:
            assert both.states <= alone.states
        else:
            assert both.trace_is_shortest
            assert replay(SPECS[name], both.token)


def test_a_process_that_is_never_asked_is_not_lost_on_the_way_round():
    """Processes go round for ever and exchange their parts meanwhile: one must get its step."""

    def p(s, me, users):
        while True:
            yield s.a[me].update(lambda a: (a + 1) % 2)
            if (yield choose(False, True)):
                yield s.x.set(1)

    @sometimes
    def x_is_set(s):
        return s.x == 1

    def system():
        users = names(3, "u")
        s = Shared(a=cells(users, 0))
        every = symmetric(process(p)(s, me, users) for me in users)
        return System(s, every, [x_is_set])

    for engine in ENGINES:
        result = check(system(), engine=engine, reduction=True)
        assert result.holds
        assert len(result.witnesses["x_is_set"]) >= 3


def sends_and_counts(n=3):
    """Processes that send through one channel and count, until somebody has received all."""

    @state
    class Mailed:
        a: object
        done: int = 0
        got: int = 0
        box: object = Channel(capacity=2)

    def p(s, me):
        yield s.a[me].set(1)
        yield s.box.send(1)
        yield s.done.add(1)

    def receives(s):
        for _ in range(n):
            yield s.box.recv()
            yield s.got.add(1)

    @at_end
    def all_arrived(s):
        return s.got == n == s.done

    users = names(n, "u")
    s = Mailed(a=cells(users, 0))
    every = symmetric(process(p)(s, me) for me in users)
    return System(s, [*every, process(receives)(s)], [all_arrived])


def test_operations_are_ordinary_writes_up_to_symmetry():
    """No path that a search of orbits rests on says more than was held against its images."""
    system = sends_and_counts()
    plain = check(system, symmetry=False)
    for engine in ENGINES:
        for workers in (1, 2):
            both = check(sends_and_counts(), reduction=True, engine=engine, workers=workers)
            assert (both.verdict, both.orbits is None) == (plain.verdict, False)
            assert both.states < check(sends_and_counts(), engine=engine).states

    def look(learner, tables):
        symmetric_tables = closed(symmetry_of(learner), everywhere=True)
        full, orbits = [], []
        for kept, found in ((tables, full), (symmetric_tables, orbits)):
            waiting, seen = [kept.initial], {kept.initial}
            for at in waiting:
                for agent in range(len(kept.agents)):
                    leaf = kept.leaf(agent, at)
                    found.append(leaf)
                    reached = {successor(at, o.writes) for o in leaf.outcomes}
                    waiting += sorted(reached - seen)
                    seen |= reached
        return full, orbits

    full, orbits = tables_of(system, "sc", look)
    assert any(leaf.form is not None for leaf in full)
    assert any(o.operations for leaf in full for o in leaf.outcomes)
    assert all(leaf.form is None for leaf in orbits)
    assert not any(o.operations for leaf in orbits for o in leaf.outcomes)


# What it does not go with.


def test_an_audit_looks_at_every_state_and_says_so():
    """A limit: it steps real states, so with it there are no orbits."""
    result = check(sends_and_counts(), reduction=True, audit=True)
    assert "symmetry was not used: it does not go with an audit" in "".join(result.warnings)
    assert result.orbits is None
    assert result.reduction.audited > 0
    assert result.holds


def test_other_memory_models_and_checkpoints_search_every_state_and_say_so(tmp_path):
    """A limit: no symmetry there."""
    model = SPECS["filter_lock_alike"]
    for options, said in [
        *(({"memory": m}, f"the memory model {m}") for m in ("tso", "pso", "wmm")),
        ({"checkpoint": tmp_path / "file"}, "checkpoints"),
        ({"hash_compact": 64}, "hash compaction"),
    ]:
        result = check(model(n=2), **options)
        assert f"symmetry was not used: it does not go with {said}" in "".join(result.warnings)
        assert result.orbits is None


@pytest.mark.xfail(raises=ModelError, reason="the index that `either` results in is not renamed")
def test_either_over_processes():
    """A limit: the place of a step among those of `either` is a number."""

    def p(s, me, users):
        left = tuple(u for u in users if u != me)
        which, _ = yield either(*[until(lambda j=j: s.a[j] < 2) for j in left])
        yield s.owner.set(left[which])

    result, full = alike(p)
    assert result.states < full.states
