"""Spawned processes: their names, places and locals, joining them, and how many there can be."""

from __future__ import annotations

import pytest
from language.small import count, marked, message, run

from modelcheck import ModelError, always, at_end, either, process, sometimes, spawn, state, until


@state
class Shared:
    x: int = 0
    y: int = 0


@process
def worker(s, by=1):
    """Add, in two steps, with a local variable."""
    seen = yield s.x
    yield s.x.set(seen + by)


def test_a_spawned_process_runs_and_can_be_joined():
    """Spawn, two steps of the child, join: one path of five states."""

    def p(s):
        child = yield spawn(worker(s))
        assert repr(child) == "worker"
        yield child.join()
        assert (yield s.x) == 1

    assert count(run(Shared(), p)) == (6, 5)


def test_a_child_runs_beside_its_parent():
    """Counted by hand: after the spawn the child's 2 steps interleave with the parent's 1."""

    def p(s):
        yield spawn(worker(s), detached=True)
        yield s.y.set(1)

    assert count(run(Shared(), p)) == (1 + 2 * 3, 1 + 2 * 2 + 3)


def test_a_loop_of_spawn_and_join_closes():
    """The child's place is free again after the join, so the state space is finite."""

    def p(s):
        while True:
            child = yield spawn(worker(s, 0))
            yield child.join()

    assert count(run(Shared(), p)) == (4, 4)


def test_a_loop_of_detached_children_closes_where_it_waits():
    """A detached child's place is free when it has ended."""

    @always
    def few(s):
        return sum(w.running for w in s.worker) <= 1

    def p(s):
        while True:
            yield spawn(worker(s), detached=True)
            yield until(lambda: s.x == 1)
            yield s.x.set(0)

    assert run(Shared(), p, properties=[few]).states == 5


def test_too_many_spawned_processes_are_told():
    """A loop that spawns and never joins has no end; the error names the process."""

    @process
    def waits(s):
        yield until(lambda: False)

    def p(s):
        while True:
            yield spawn(waits(s))

    with pytest.raises(ModelError, match="32 processes waits") as caught:
        run(Shared(), p)
    assert "join" in caught.value.remedy
    assert caught.value.line == waits.function.__code__.co_firstlineno


def test_children_of_one_kind_have_numbered_names():
    """Two at once: worker[0] and worker[1]; arguments tell kinds apart, and the group holds all."""
    names = set()

    @always
    def note(s):
        names.update(w.name for w in s.worker)
        return len(s.worker) <= 3

    def p(s):
        one = yield spawn(worker(s))
        two = yield spawn(worker(s))
        three = yield spawn(worker(s, by=5))
        for child in (one, two, three):
            yield child.join()

    result = run(Shared(), p, properties=[note])
    assert result.holds
    assert names == {"worker", "worker[0]", "worker[1]", "worker[2]"}


def test_a_property_may_ask_before_anything_was_spawned():
    """Until the first spawn the group is empty; after that it has places and locals."""

    @sometimes
    def in_the_middle(s):
        return any(w.at("worker") and w.local.get("seen") == 0 for w in s.worker)

    @always
    def small(s):
        return all(w.local.get("seen", 0) == 0 and not (w.done and s.x == 0) for w in s.worker)

    def p(s):
        child = yield spawn(worker(s))
        yield child.join()

    result = run(Shared(), p, properties=[in_the_middle, small])
    assert result.holds
    assert len(result.witnesses["in_the_middle"]) == 2


def test_a_child_with_a_name_of_its_own():
    """`named` works for spawned processes, also in a subroutine and for a method."""

    @state
    class Pool:
        n: int = 0

        @process
        def task(self):
            yield self.n.add(1)

        def start(self):
            child = yield spawn(self.task().named("helper"))
            yield child.join()

    def p(s):
        yield from s.start()
        yield spawn(s.task(), detached=True)

    @always
    def named(s):
        return all(h.running or h.done or True for h in s.helper) and len(s.task) <= 1

    assert run(Pool(), p, properties=[named]).states == 6


def test_a_name_that_no_process_can_have_is_an_error():
    """A typing mistake is told, though processes may be spawned later."""

    @always
    def typo(s):
        return not s.wroker

    def p(s):
        yield spawn(worker(s))

    with pytest.raises(ModelError, match="the snapshot has no 'wroker'"):
        run(Shared(), p, properties=[typo])


def test_asking_an_empty_group_for_a_place_is_told():
    """`s.worker.at(...)` means one process: before the first spawn there is none."""

    @always
    def asks(s):
        return not s.worker.at("x")

    def p(s):
        yield spawn(worker(s))

    with pytest.raises(ModelError, match="no process worker has been spawned yet"):
        run(Shared(), p, properties=[asks])


def test_a_spawned_process_may_fail():
    """Before its first step, the spawn fails; after it, the child's own step does."""

    @process
    def broken(s, early):
        if early:
            raise ValueError("early")
        yield s.x
        raise ValueError("late")

    def early(s):
        yield spawn(broken(s, True))

    def late(s):
        yield spawn(broken(s, False))

    assert message(run(Shared(), early)) == "exception: ValueError: early"
    result = run(Shared(), late)
    assert message(result) == "exception: ValueError: late"
    assert [t.process for t in result.trace.steps] == ["late", "broken"]
    assert result.trace.steps[0].others == ("broken",)


def test_a_child_that_never_ends_makes_its_joiner_wait():
    """A deadlock names both; a daemon may stay."""

    @process
    def stays(s):
        yield until(lambda: s.x == 9)

    @process(daemon=True)
    def serves(s):
        yield until(lambda: s.x == 9)

    def waits(s):
        child = yield spawn(stays(s))
        yield child.join()

    def leaves(s):
        yield spawn(serves(s), detached=True)

    assert message(run(Shared(), waits)) == "deadlock: waits, stays can never go on"
    assert count(run(Shared(), leaves)) == (2, 1)


def test_spawn_and_join_inside_either():
    """Both are steps like any other."""

    @at_end
    def one_way(s):
        return s.x in (0, 1)

    def p(s):
        i, child = yield either(spawn(worker(s)), s.y)
        if i == 0:
            yield either(child.join(), until(lambda: False))

    assert run(Shared(), p, properties=[one_way]).holds


def test_spawning_what_is_no_process_or_clashes_is_told():
    """An uncalled function, a generator, a name of the state, the join of a detached child."""

    def x(s):
        yield s.y

    def uncalled(s):
        yield spawn(worker)  # here

    def generator(s):
        yield spawn(x(s))  # here

    def reference(s):
        yield spawn(s.x)  # here

    def clash(s):
        yield spawn(process(x)(s))  # here

    def detached(s):
        child = yield spawn(worker(s), detached=True)
        yield child.join()  # here

    for p, words in [
        (uncalled, "which is no process"),
        (generator, "which is no process"),
        (reference, "which is no process"),
        (clash, "both a spawned process and a name of the state"),
        (detached, "was spawned detached"),
    ]:
        with pytest.raises(ModelError, match=words) as caught:
            run(Shared(), p)
        assert caught.value.line == marked(p)
        assert caught.value.remedy
