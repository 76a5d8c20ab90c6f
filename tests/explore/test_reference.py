"""The reference explorer on tiny models: counts, order and verdicts worked out by hand."""

from __future__ import annotations

import pytest

from modelcheck import (
    Kind,
    System,
    Verdict,
    always,
    at_end,
    cells,
    check,
    choose,
    label,
    process,
    sometimes,
    state,
    until,
)


@state
class Shared:
    x: object = 0
    y: object = 0
    a = cells(2, 0)


@process
def add(s):
    yield s.x.add(1)


@process
def load_then_store(s):
    seen = yield s.x
    yield s.x.set(seen + 1)


@process
def store(s, value):
    yield s.x.set(value)


@process
def stuck(s):
    yield until(lambda: s.x == 99)


@process
def stuck_or_step(s, options, waits):
    """Choose; then wait for ever if `waits` was chosen, else set x."""
    v = yield choose(options)
    if v == waits:
        yield until(lambda: s.x == 99)
    yield s.x.set(1)


@always
def x_is_0(s):
    return s.x == 0


@at_end
def ends_at_2(s):
    return s.x == 2


@sometimes
def x_is_1(s):
    return s.x == 1


@sometimes
def x_is_7(s):
    return s.x == 7


def system(*processes, properties=(), **options):
    """A system of processes over one `Shared`; each is a function of the state."""
    s = Shared()
    return System(s, [p(s) for p in processes], properties, **options)


def order_of(*processes, look):
    """What a property sees in each new state, in the order in which states are examined."""
    seen = {}

    @always
    def recorded(s):
        seen[look(s)] = None  # a property runs twice in a state
        return True

    result = check(system(*processes, properties=[recorded]))
    assert result.verdict is Verdict.HOLDS
    assert len(seen) == result.states
    return list(seen)


def test_no_process_is_one_state():
    """Nothing steps: the initial state is the only one, at distance 0, and all is at rest."""
    result = check(system(properties=[x_is_0]))
    assert (result.states, result.transitions, result.levels, result.depth) == (1, 0, (1,), 0)
    assert result.verdict is Verdict.HOLDS


def test_two_adders():
    """(x, p, q): 0PQ; 1.Q 1P.; 2..: four states, four transitions, a diamond."""
    result = check(system(add, add))
    assert (result.states, result.transitions, result.levels) == (4, 4, (1, 2, 1))
    assert result.depth == 2


def test_lost_update_by_hand():
    """(x; p; q), L before the load, Sn before storing n, F finished.

    0LL; 0SL 0LS; 1FL 0SS 1LF; 1FS2 1FS1 1S1F 1S2F; 2FF 1FF. Successors: 2; 2+2; 1+2+1; 1+1+1+1.
    """
    result = check(system(load_then_store, load_then_store))
    assert (result.states, result.transitions, result.levels) == (12, 14, (1, 2, 3, 4, 2))


def test_lost_update_shortest_trace():
    """Both load before either stores: the final state is wrong after all four steps."""
    result = check(system(load_then_store, load_then_store, properties=[ends_at_2]))
    assert (result.violation.kind, result.violation.property) == (Kind.FINAL, "ends_at_2")
    assert len(result.trace) == 4
    assert [s["x"] for s in result.trace.states] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("n", "states", "transitions"), [(1, 2, 1), (2, 4, 4), (3, 8, 12), (4, 16, 32)]
)
def test_independent_writers_make_a_cube(n, states, transitions):
    """N processes of one step each reach 2^n states by n 2^(n-1) transitions."""
    result = check(system(*[add] * n))
    # x is the number of those that are done: it adds no states.
    assert (result.states, result.transitions) == (states, transitions)
    assert result.depth == n


def test_a_loop_closes():
    """The value goes 0, 1, 0 for ever: two states, two transitions."""

    @process
    def flip(s):
        while True:
            yield s.x.update(lambda old: 1 - old)

    result = check(system(flip))
    assert (result.states, result.transitions, result.levels) == (2, 2, (1, 1))


def test_equal_outcomes_are_transitions_of_their_own():
    """choose(1, 1) is two transitions to one state; then one store."""

    @process
    def p(s):
        v = yield choose(1, 1)
        yield s.x.set(v)

    result = check(system(p))
    assert (result.states, result.transitions, result.levels) == (3, 3, (1, 1, 1))


def test_breadth_first_in_the_order_of_the_model():
    """Process p stores 1, q stores 2: p's successor comes first, then q's, then theirs in turn."""
    seen = order_of(
        lambda s: store(s, 1).named("p"),
        lambda s: store(s, 2).named("q"),
        look=lambda s: (s.x.__index__(), s.p.done, s.q.done),
    )
    assert seen == [
        (0, False, False), (1, True, False), (2, False, True), (2, True, True), (1, True, True),
    ]  # fmt: skip


def test_outcomes_come_in_the_order_of_the_step():
    """choose(2, 0, 1) is explored as written."""

    @process
    def p(s):
        v = yield choose(2, 0, 1)
        yield s.x.set(v)
        yield label("end")

    seen = order_of(p, look=lambda s: (s.x, s.p.at("end"), s.p.done, s.p.local.get("v", "none")))
    assert [v for _, _, _, v in seen[:4]] == ["none", 2, 0, 1]
    assert [x for x, at, _, _ in seen if at] == [2, 0, 1]
    assert [x for x, _, done, _ in seen if done] == [2, 0, 1]


def lost_update_with_budget(n):
    return check(system(load_then_store, load_then_store), max_states=n)


@pytest.mark.parametrize("budget", range(1, 12))
def test_a_budget_below_the_number_of_states_is_incomplete(budget):
    """With room for fewer than all 12 states the search stops with exactly as many, undecided."""
    result = lost_update_with_budget(budget)
    assert result.verdict is Verdict.INCOMPLETE
    assert result.states == budget
    assert f"{budget} states" in result.reason


@pytest.mark.parametrize("budget", [12, 13, 1000])
def test_a_budget_of_all_states_is_enough(budget):
    """Room for exactly all states completes the search."""
    result = lost_update_with_budget(budget)
    assert (result.verdict, result.states, result.reason) == (Verdict.HOLDS, 12, "")


def test_an_unreached_witness_of_a_cut_search_is_no_violation():
    """What was not found yet may still come: incomplete, not unreachable."""
    result = check(system(add, add, properties=[x_is_7]), max_states=3)
    assert (result.verdict, result.violation) == (Verdict.INCOMPLETE, None)
    assert result.witnesses == {"x_is_7": None}


def test_a_violation_before_the_cut_stays_a_violation():
    """A budget that bites later takes nothing back."""
    result = check(system(add, add, properties=[x_is_0]), max_states=2)
    assert (result.verdict, len(result.trace)) == (Verdict.VIOLATED, 1)


def test_no_time_is_incomplete():
    """A timeout of nothing ends the search at once, and says so."""
    result = check(system(add, add), timeout_s=1e-9)
    assert result.verdict is Verdict.INCOMPLETE
    assert "seconds" in result.reason
    assert result.states <= 4


def test_no_memory_is_incomplete():
    """Python alone takes more than one MiB."""
    result = check(system(add, add), max_memory_mib=1)
    assert result.verdict is Verdict.INCOMPLETE
    assert "memory" in result.reason


def test_a_long_search_is_cut_by_time():
    """A counter to 80,000 takes longer than a tenth of a second; the cut is at a depth below."""

    @process
    def count(s):
        while True:
            yield s.x.update(lambda old: (old + 1) % 80_000)

    result = check(system(count), timeout_s=0.1)
    assert result.verdict is Verdict.INCOMPLETE
    assert 0 < result.states < 80_000


@pytest.mark.parametrize("options", [(0, 1), (1, 0)])
def test_a_deadlock_wins_over_an_invariant_one_step_later(options):
    """Deadlock at distance 1, invariant at 2: the deadlock, in whatever order they are found."""
    waits = 1
    result = check(system(lambda s: stuck_or_step(s, options, waits), properties=[x_is_0]))
    assert (result.violation.kind, len(result.trace)) == (Kind.DEADLOCK, 1)


@pytest.mark.parametrize("options", [(0, 1), (1, 0)])
def test_a_deadlock_wins_over_an_assertion_one_step_later(options):
    """An assertion that fails in the second step is found while expanding the deadlock's level."""

    @process
    def p(s):
        v = yield choose(options)
        if v:
            yield until(lambda: s.x == 99)
        yield s.y
        raise AssertionError("late")

    result = check(system(p))
    assert (result.violation.kind, len(result.trace)) == (Kind.DEADLOCK, 1)


@pytest.mark.parametrize("options", [(0, 1), (1, 0)])
def test_a_wrong_end_wins_over_an_invariant_one_step_later(options):
    """A final state is judged where it is, not when its level has been expanded."""

    @process
    def p(s):
        v = yield choose(options)
        if v:
            yield s.x.set(1)

    result = check(system(p, properties=[x_is_0, ends_at_2]))
    assert (result.violation.kind, len(result.trace)) == (Kind.FINAL, 1)


def test_an_invariant_wins_over_a_deadlock_one_step_later():
    """The store comes at distance 1, the deadlock at distance 2."""

    @process
    def p(s):
        yield s.x.set(1)
        yield s.y.set(1)
        yield until(lambda: s.x == 99)

    result = check(system(p, properties=[x_is_0]))
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 1)


def test_a_violation_in_the_initial_state():
    """An empty trace: the first state itself is wrong."""

    @always
    def x_is_1_always(s):
        return s.x == 1

    result = check(system(add, properties=[x_is_1_always]))
    assert (result.violation.kind, len(result.trace)) == (Kind.INVARIANT, 0)
    assert len(result.trace.states) == 1


def test_an_initial_deadlock():
    """Nobody can step at all."""
    result = check(system(stuck, stuck))
    assert (result.violation.kind, len(result.trace), result.states) == (Kind.DEADLOCK, 0, 1)


def test_deadlock_can_be_switched_off():
    """With ``deadlock=False`` to be stuck is fine."""
    result = check(system(stuck, add, deadlock=False))
    assert (result.verdict, result.states) == (Verdict.HOLDS, 2)


def test_at_end_is_not_judged_in_a_deadlock():
    """A process that waits has not ended, whether or not deadlocks count."""
    result = check(system(stuck, add, properties=[ends_at_2], deadlock=False))
    assert result.verdict is Verdict.HOLDS


@pytest.mark.parametrize("how", ["daemon", "until", "label", "with"])
def test_proper_ends(how):
    """A daemon, an end condition and end labels may stay; then `at_end` is judged."""

    @process(daemon=how == "daemon")
    def server(s):
        if how == "label":
            yield s.x.add(0)
            yield until(lambda: s.x == 99, end=True)
        elif how == "with":
            with label("idle", end=True):
                yield until(lambda: s.x == 99)
        else:
            yield until(lambda: s.x == 99, end=how == "until")

    assert check(system(server)).verdict is Verdict.HOLDS
    wrong = check(system(server, properties=[ends_at_2]))
    assert wrong.violation.kind is Kind.FINAL


def test_a_witness_is_a_shortest_trace():
    """The value is 1 after one step of either process; the trace is that step."""
    result = check(system(add, add, properties=[x_is_1]))
    assert result.verdict is Verdict.HOLDS
    assert len(result.witnesses["x_is_1"]) == 1
    assert result.witnesses["x_is_1"].states[-1]["x"] == 1


def test_no_witness_is_a_violation():
    """A complete search that never saw it says `unreachable`, and names the property."""
    result = check(system(add, add, properties=[x_is_1, x_is_7]))
    assert (result.violation.kind, result.violation.property) == (Kind.UNREACHABLE, "x_is_7")
    assert (result.verdict, result.trace) == (Verdict.VIOLATED, None)
    assert result.states == 4


def test_a_failing_step_leads_nowhere():
    """The outcome that fails is a transition to no state."""

    @process
    def p(s):
        yield s.x.set(1)
        raise KeyError("gone")

    result = check(system(p))
    assert (result.states, result.transitions, len(result.trace)) == (1, 1, 1)
    assert (result.violation.kind, result.violation.message) == (Kind.EXCEPTION, "KeyError: 'gone'")
    assert result.trace.states[-1]["x"] == 1


def test_the_same_search_twice():
    """Everything but the time is the same."""
    model = system(load_then_store, load_then_store, properties=[ends_at_2])
    first, second = check(model), check(model)
    for part in ("verdict", "states", "transitions", "levels", "violation", "trace", "coverage"):
        assert getattr(first, part) == getattr(second, part), part
