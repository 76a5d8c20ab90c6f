"""The limits that the README states, one test each: what lies beyond is refused, or said."""

from __future__ import annotations

import sys

import pytest

import modelcheck
from modelcheck import ModelError, System, check, process, state, until


@state
class Shared:
    x: int = 0
    y: int = 0


def run(*functions, **options):
    """Check one instance of each function."""
    s = Shared()
    return check(System(s, [process(f)(s) for f in functions]), **options)


def left(s):
    yield s.x.set(1)
    seen = yield s.y
    if seen == 0:
        yield s.x.set(2)


def right(s):
    yield s.y.set(1)
    seen = yield s.x
    if seen == 0:
        yield s.y.set(2)


def test_memory_models_are_store_buffers_and_stale_values():
    """Store buffering is seen from tso on; a load passes a later store under axioms alone."""

    def loads_first(s):
        seen = yield s.x
        yield s.y.set(2 + seen)

    def loads_other_first(s):
        seen = yield s.y
        yield s.x.set(2 if seen else 1)

    @modelcheck.sometimes
    def both_read_zero(s):
        return s.x == 2 and s.y == 2

    @modelcheck.sometimes
    def both_read_what_comes_later(s):
        return s.x == 2 and s.y > 2

    def found(first, second, witness, memory):
        s = Shared()
        return check(System(s, [process(first)(s), process(second)(s)], [witness]), memory=memory)

    assert not found(left, right, both_read_zero, "sc").holds
    for memory in ("tso", "pso", "wmm"):
        assert found(left, right, both_read_zero, memory).holds
        late = found(loads_first, loads_other_first, both_read_what_comes_later, memory)
        assert late.violation.kind == "unreachable"
    late = found(loads_first, loads_other_first, both_read_what_comes_later, "power")
    assert late.holds


def test_axiomatic_models_know_no_states_in_between():
    """Under them a property is asked at the end alone, and a step has one location."""

    def both_at_once(s):
        yield modelcheck.atomic(lambda: s.x + s.y)

    @modelcheck.always
    def fine(s):
        return s.x < 3

    s = Shared()
    with pytest.raises(ModelError, match="@always fine asks about every state"):
        check(System(s, [process(left)(s)], [fine]), memory="lkmm")
    with pytest.raises(ModelError, match="step over several locations"):
        run(both_at_once, memory="lkmm")


def test_safety_not_liveness():
    """A process that may spin for ever is no violation; there is no `eventually` to ask with."""

    def spins(s):
        while (yield s.x) == 0:
            pass

    assert run(spins).holds
    assert not hasattr(modelcheck, "eventually")


def test_finite_state_spaces():
    """A counter that only grows is refused, naming its location and the line."""

    def counts(s):
        while True:
            yield s.x.add(1)

    with pytest.raises(ModelError, match="x has taken 300 different values") as error:
        run(counts, max_values=300)
    assert (error.value.file, error.value.line) == (__file__, counts.__code__.co_firstlineno + 2)


def test_processes_are_functions_of_what_they_read():
    """A second run that differs is refused; so is a global object that changed."""
    log: list[int] = []

    def remembers(s):
        log.append(1)
        yield s.x.set(len(log))
        yield s.x

    with pytest.raises(ModelError, match="not a function of what it read"):
        run(remembers)


def test_a_set_is_gone_over_in_one_order():
    """Steps in a loop over strings are refused; numbers, and what is popped, have one order."""

    def goes_over(s):
        for word in {"one", "two", "three"}:
            yield s.x.set(len(word))

    with pytest.raises(ModelError, match="sorted"):
        run(goes_over)

    def takes_any(s):
        yield s.x.set({1, 2}.pop())

    assert run(takes_any).states == 2  # not three, one for each that it might have taken


def test_a_local_variable_must_be_plain_data():
    """An open file in a live variable is refused by name; itertools' iterators are from 3.14 on."""

    def holds_a_file(s):
        with open(__file__) as file:
            yield s.x
            file.read()

    with pytest.raises(ModelError, match="cannot be part of a state"):
        run(holds_a_file)

    def holds_an_iterator(s):
        import itertools

        for n in itertools.chain([1], [2]):
            yield s.x.set(n)

    if sys.version_info >= (3, 14):
        with pytest.raises(ModelError, match="cannot be part of a state"):
            run(holds_an_iterator)
    elif sys.version_info < (3, 12):  # in between, looking into them warns
        assert run(holds_an_iterator).holds


def test_mistakes_that_python_lets_nobody_intercept():
    """Without source, `is` on a reference is not found; with it, it is."""
    text = "def compares(s):\n    yield s.x\n    if s.x is None:\n        yield s.x.set(1)\n"
    names: dict[str, object] = {}
    exec(compile(text, "<no source>", "exec"), names)
    assert run(names["compares"]).states == 2

    def compares(s):
        yield s.x
        if s.x is None:
            yield s.x.set(1)

    with pytest.raises(ModelError, match="compared with `is`"):
        run(compares)

    def compares_what_a_list_holds(s):
        held = [s.x]
        yield s.y
        if held[0] is None:
            yield s.x.set(1)

    assert run(compares_what_a_list_holds).states == 2


def test_a_process_that_has_finished_has_no_local_variables():
    """A final-state assertion that asks for one is refused."""

    def counts(s):
        seen = yield s.x
        yield s.x.set(seen)

    s = Shared()
    kept = modelcheck.at_end(lambda s: s.counts.local.seen == 0)
    with pytest.raises(ModelError, match="has finished"):
        check(System(s, [process(counts)(s)], [kept]))


def test_an_exception_inside_a_step_is_a_violation():
    """`try` around a `yield` catches what the process raises, not what a step's function raises."""

    def tries(s):
        try:
            yield until(lambda: 1 / s.x > 0)
        except ZeroDivisionError:
            yield s.y.set(1)

    assert run(tries).violation.kind == "exception"


def test_code_that_never_returns_is_ended_by_a_budget():
    """A loop without a `yield`: the search is incomplete, and says which line ran."""

    def spins(s):
        yield s.x
        while True:
            sum(range(10))

    result = run(spins, timeout_s=0.6)
    assert result.verdict == "incomplete"
    loop = spins.__code__.co_firstlineno + 2
    assert any(f"{__file__}:{line} had run for" in result.reason for line in (loop, loop + 1))
