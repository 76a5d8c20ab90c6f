"""What the learner makes of processes: exact local states, ends, failures, restarts, threads."""

from __future__ import annotations

import inspect
import sys
import threading

import pytest
from language.small import count, message, run

from modelcheck import (
    ModelError,
    System,
    Verdict,
    always,
    atomic,
    cells,
    check,
    choose,
    either,
    process,
    state,
    until,
)


@state
class Shared:
    x: object = 0
    y: int = 0
    a = cells(2, 0)


def test_the_position_in_a_loop_is_part_of_the_local_state():
    """Two turns over equal elements are two steps: x ends at 2."""

    def p(s):
        for _ in [7, 7]:
            yield s.x.add(1)

    @always
    def at_most_two(s):
        return s.x <= 2 and (not s.p.done or s.x == 2)

    assert count(run(Shared(), p, properties=[at_most_two])) == (3, 2)


def test_dead_locals_do_not_multiply_states():
    """After its last use a variable is forgotten: n choices meet again."""

    def p(s):
        v = yield choose(range(5))
        yield s.a[0].set(v % 1)
        yield s.a[1].set(1)

    def q(s):
        v = yield choose(range(5))
        yield s.a[0].set(0)
        yield s.a[1].set(v)

    assert count(run(Shared(), p)) == (1 + 1 + 1 + 1, 5 + 1 + 1)
    assert count(run(Shared(), q)) == (1 + 5 + 5 + 5, 5 + 5 + 5)


def test_two_histories_that_end_alike_are_one_state():
    """What a process read and forgot does not matter."""

    def p(s):
        if (yield choose(1, 2)) == 1:
            yield s.y.add(1)
            yield s.y.add(-1)
        while True:
            yield s.y

    assert count(run(Shared(), p)) == (4, 5)


def test_a_failure_before_the_first_step_has_a_trace_too():
    """A process that fails at once: violated, no state, an empty trace."""

    def p(s):
        assert s is None, "nothing to do"
        yield s.x

    result = run(Shared(), p)
    assert message(result).startswith("assertion: nothing to do")
    assert (result.states, len(result.trace), result.trace.final[0].status) == (0, 0, "failed")
    assert result.violation.line == p.__code__.co_firstlineno + 1


class Mean(Exception):
    """An exception whose text cannot be had."""

    def __str__(self):
        raise KeyError


def bottomless(s):
    yield from bottomless(s)


class Bad:
    """Equality raises; it is hashable."""

    def __init__(self, when):
        self.when = when

    def __eq__(self, other):
        if self.when == "eq":
            raise ValueError("no equality")
        return self is other

    def __hash__(self):
        if self.when == "hash":
            raise ValueError("no hash")
        return 1


def stop(s):
    yield s.y
    raise StopIteration


def stop_in_atomic(s):
    yield atomic(lambda: next(iter(())))


def leave(s):
    yield s.y
    sys.exit(3)


def close(s):
    yield s.y
    raise GeneratorExit


def leave_in_guard(s):
    yield until(lambda: sys.exit(0))


def mean(s):
    yield s.y
    raise Mean


def too_deep(s):
    yield s.y
    yield from bottomless(s)


def add_text(s):
    yield s.y.add("a")


def compare_badly(s):
    yield s.x.swap(Bad("eq"))
    yield s.x.cas(3, 4)


def hash_badly(s):
    yield s.x.set(Bad("hash"))


def no_message(s):
    yield s.y
    assert (yield s.y)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (stop, "exception: RuntimeError: generator raised StopIteration"),
        (stop_in_atomic, "exception: StopIteration"),
        (leave, "exception: SystemExit: 3"),
        (close, "exception: GeneratorExit"),
        (leave_in_guard, "exception: SystemExit: 0"),
        (mean, "exception: Mean: <no text: KeyError>"),
        (too_deep, "exception: RecursionError"),
        (add_text, "exception: TypeError"),
        (compare_badly, "exception: ValueError: no equality"),
        (hash_badly, "exception: ValueError: no hash"),
        (no_message, "assertion: assert "),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_whatever_a_process_raises_is_a_violation(function, words):
    """No exception of the user's code escapes from the check as itself."""
    result = run(Shared(), function)
    assert words in message(result)
    assert result.violation.file == __file__
    assert result.verdict is Verdict.VIOLATED


def test_an_iteration_that_ended_is_told_at_its_own_line():
    """Python makes a RuntimeError of it, whose own line is the function's first one."""
    result = run(Shared(), stop)
    stands = inspect.getsourcelines(stop)[1] + 2
    assert (result.violation.file, result.violation.line) == (__file__, stands)


def without_end(s):
    """Call itself in each step."""
    yield s.y
    yield from without_end(s)


def test_a_subroutine_that_calls_itself_without_end_is_told_as_that():
    """It is no chance that Python's stack ends a little sooner when the process runs again."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 200)
    try:
        with pytest.raises(ModelError, match="Python's stack ends") as found:
            run(Shared(), without_end)
    finally:
        sys.setrecursionlimit(limit)
    assert found.value.line == inspect.getsourcelines(without_end)[1] + 2


def test_ctrl_c_in_a_process_interrupts_the_search():
    """KeyboardInterrupt is the person's, not the model's: the search is incomplete."""

    def p(s):
        yield s.x
        raise KeyboardInterrupt

    result = run(Shared(), p)
    assert (result.verdict, result.reason) == (Verdict.INCOMPLETE, "interrupted")


def test_an_argument_that_a_process_changes_is_told():
    """A list among the arguments is no part of the state: its change shows in the next run."""

    @process
    def p(s, todo):
        while todo:
            yield s.x.set(todo.pop())

    s = Shared()
    with pytest.raises(ModelError, match="is not a function of what it read"):
        run(s, p(s, [1, 2, 3]))


def test_a_system_can_be_checked_twice():
    """The second check finds what the first one found."""

    def p(s):
        got = yield choose(1, 2)
        yield s.x.add(got)

    s = Shared()
    system = System(s, [process(p)(s), process(p)(s)])
    one, two = check(system), check(system)
    assert (one.states, one.transitions, one.levels) == (two.states, two.transitions, two.levels)


def test_checks_in_threads_do_not_meet():
    """Many at once, each with its own state and evaluation."""
    results = {}

    def work(n):
        def p(s):
            for _ in range(n):
                yield atomic(lambda: setattr(s, "x", s.x + 1))
                yield until(lambda: s.x is not None and s.y == 0)

        results[n] = count(run(Shared(), p, p))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: count_of(n) for n in range(1, 7)}


def count_of(n):
    """Two chains of 2n steps side by side: x counts what both have added."""
    side = 2 * n + 1
    return side * side, 2 * side * (side - 1)


def test_a_check_inside_an_invariant_and_inside_a_process():
    """Another model may be checked by the way; the one outside is not disturbed."""

    def small(s):
        yield s.x.add(1)
        yield atomic(lambda: s.a.count(0))
        yield either(s.x, s.y)

    def p(s):
        yield s.x.add(1)
        assert run(Shared(), small).holds
        yield s.x.add(1)

    @always
    def checks(s):
        return run(Shared(), small).states == 4 and s.x in (0, 1, 2)

    assert count(run(Shared(), p, properties=[checks])) == (3, 2)


def test_a_limit_on_values_is_an_error_that_names_the_variable():
    """`max_values` bounds the values of a location and the local states of a process."""

    def grows(s):
        items = []
        while True:
            items.append(1)
            yield s.y

    def loops(s):
        while True:
            yield s.x.update(lambda v: v + 1)

    for function, words in [(grows, "its variable 'items' alone took"), (loops, "x has taken 50")]:
        with pytest.raises(ModelError, match=words) as caught:
            run(Shared(), function, max_values=50)
        assert (caught.value.file, caught.value.line) == (
            __file__, function.__code__.co_firstlineno + (4 if function is grows else 2),
        )  # fmt: skip


def test_the_error_of_a_process_that_ends_by_chance():
    """Ending or not, failing or not, must be a function of what was read."""
    calls = []

    def ends(s):
        yield s.x
        calls.append(1)
        if len(calls) % 2:
            return
        yield s.y

    def fails(s):
        yield s.x
        calls.append(1)
        assert len(calls) % 2

    for function in (ends, fails):
        calls.clear()
        with pytest.raises(
            ModelError, match="is not a function of what it read|two different ways"
        ):
            run(Shared(), function, function)


def test_a_difference_names_the_variable():
    """The error of a process that is no function of what it read shows which variable differs."""
    calls = []

    def p(s):
        calls.append(1)
        mine = len(calls)
        yield s.x
        yield s.x.set(mine)

    with pytest.raises(ModelError, match=r"\(mine was 1, then 2\)") as caught:
        run(Shared(), p)
    assert caught.value.line == p.__code__.co_firstlineno + 3
