"""What each kind of step does under the memory models, and whose buffer it uses."""

from __future__ import annotations

import inspect

import pytest

from modelcheck import (
    Channel,
    ModelError,
    System,
    UsageError,
    at_end,
    atomic,
    check,
    fence,
    model,
    process,
    replay,
    spawn,
    state,
    until,
)
from modelcheck.kernel import (
    READ_ONCE,
    cpus,
    interrupt,
    rcu_assign_pointer,
    rcu_dereference,
    smp_rmb,
    smp_store_mb,
    spin_lock,
    spin_unlock,
    synchronize_sched,
)
from modelcheck.language.steps import Step
from modelcheck.memory import MODELS
from modelcheck.show.lanes import lanes_svg
from modelcheck.verdict import Verdict

WEAK = ["tso", "pso", "wmm"]


@state
class Shared:
    x: int = 0
    y: int = 0
    seen: int = -1
    raised: bool = False
    cpu = cpus(2)
    ready = Channel(1)
    meet = Channel(0)


class Register(Step):
    """A change that no buffer delays: a result, or a device's request."""

    def __init__(self, ref, value):
        super().__init__(f"{ref.name} gets {value}")
        self.ref, self.value = ref, value

    def perform(self, turn):
        turn.store(self.ref, self.value)


@at_end
def the_store_was_seen(s):
    return s.seen == 1


def broken(s, processes, memory, **options):
    """Check that the store to x was seen at the end; return what is violated, or None."""
    result = check(System(s, processes, [the_store_was_seen]), memory=memory, **options)
    return result.violation.property if result.violation else None


@pytest.mark.parametrize("memory", WEAK)
@pytest.mark.parametrize("here", [0, 1])
def test_a_handler_shares_the_buffer_of_its_cpu(memory, here):
    """It sees what the task that it preempts has stored; on another CPU it need not."""
    s = Shared()

    @process
    def task(s):
        yield s.x.set(1)
        yield Register(s.raised, True)

    def handler(cpu, found):
        seen = yield s.x
        yield Register(s.seen, seen)

    device = interrupt(s.cpu[here], "device", handler, lambda: s.raised, clears=s.raised)
    found = broken(s, [task(s).on(s.cpu[0]), device], memory)
    assert found == (None if here == 0 else "the_store_was_seen")


# A process stores x and tells another one, in some way; does that one see the store?


def by_store(s):
    yield s.y.set(1)


def until_stored(s):
    yield until(lambda: s.y == 1)


def by_atomic(s):
    yield atomic(lambda: setattr(s, "y", 1))


def when_stored(s):
    yield atomic(lambda: None, when=lambda: s.y == 1)


def by_message(s):
    yield s.ready.send(1)


def received(s):
    yield s.ready.recv()


def by_rendezvous(s):
    yield s.meet.send(1)


def met(s):
    yield s.meet.recv()


def by_swap(s):
    yield s.y.swap(1)


def by_release(s):
    yield rcu_assign_pointer(s.y, 1)


def through_pointer(s):
    while (yield rcu_dereference(s.y, s.x)) == 0:
        pass


def through_no_pointer(s):
    while (yield rcu_dereference(s.y)) == 0:
        pass


def read_through(s):
    while (yield READ_ONCE(s.y, s)) == 0:
        pass


def fully(s):
    yield fence("wmb")
    yield from smp_store_mb(s.y, 1)


TELLING = [
    (by_store, until_stored, "pso"),
    (by_atomic, until_stored, "wmm"),
    (by_store, when_stored, "pso"),
    (by_atomic, when_stored, None),
    (by_message, received, None),
    (by_rendezvous, met, None),
    (by_swap, when_stored, "pso"),
    (by_release, until_stored, "wmm"),
    (by_release, through_pointer, None),
    (by_release, through_no_pointer, "wmm"),
    (by_release, read_through, None),
    (fully, when_stored, None),
]


@pytest.mark.parametrize("memory", list(MODELS))
@pytest.mark.parametrize(("tell", "wait", "first"), TELLING)
def test_who_is_told_sees_what_was_stored_before(tell, wait, first, memory):
    """`atomic` steps, messages and releases order; plain stores do not, from some model on."""

    @process
    def sender(s):
        yield s.x.set(1)
        yield from tell(s)

    @process
    def receiver(s):
        before = yield s.x
        yield from wait(s)
        seen = yield s.x
        yield Register(s.seen, seen)
        del before

    s = Shared()
    missed = first is not None and list(MODELS).index(memory) >= list(MODELS).index(first)
    found = broken(s, [sender(s), receiver(s)], memory)
    assert found == ("the_store_was_seen" if missed else None)


@pytest.mark.parametrize("memory", list(MODELS))
def test_a_child_sees_its_parents_stores_and_is_seen_by_who_joins_it(memory):
    """`spawn` and `join` order as those of threads do."""

    @process
    def child(s):
        seen = yield s.x
        yield s.y.set(seen)

    @process
    def parent(s):
        yield s.y
        yield s.x.set(1)
        started = yield spawn(child(s))
        yield started.join()
        seen = yield s.y
        yield Register(s.seen, seen)

    s = Shared()
    assert broken(s, [parent(s)], memory) is None


@pytest.mark.parametrize("memory", list(MODELS))
def test_a_grace_period_is_a_barrier_on_every_cpu(memory):
    """Who stores before `synchronize_sched` is seen by each CPU after it, with no barrier there."""

    @process
    def updater(s):
        yield s.x.set(1)
        yield from synchronize_sched(s.cpu[0], s.cpu.values())
        yield Register(s.raised, True)

    @process
    def reader(s):
        yield s.x
        yield Raised(s.raised)
        seen = yield s.x
        yield Register(s.seen, seen)

    s = Shared()
    found = broken(s, [updater(s).on(s.cpu[0]), reader(s).on(s.cpu[1])], memory)
    assert found is None


class Raised(Step):
    """Wait for a register."""

    def __init__(self, ref):
        super().__init__(f"wait for {ref.name}")
        self.ref = ref

    def perform(self, turn):
        return turn.load(self.ref) or turn.block()


@pytest.mark.parametrize("memory", list(MODELS))
def test_nothing_ends_before_its_stores_are_visible(memory):
    """`at_end` sees memory after all stores, and a store that waits is no deadlock."""

    @process
    def stores(s):
        yield s.x.set(1)

    @at_end
    def stored(s):
        return s.x == 1

    s = Shared()
    result = check(System(s, [stores(s)], [stored]), memory=memory)
    assert result.holds
    assert result.states == (2 if memory == "sc" else 3)


# Bounds.


def stores_often(times):
    @process
    def stores(s):
        for n in range(times):
            yield s.x.set(n % 2)

    s = Shared()
    return System(s, [stores(s)])


@pytest.mark.parametrize("memory", WEAK)
def test_a_full_buffer_makes_the_search_incomplete(memory):
    """It says which bound was reached and how to raise it; with a larger one it holds."""
    result = check(stores_often(3), memory=memory, buffer=2)
    assert result.verdict is Verdict.INCOMPLETE
    assert "buffer" in result.reason
    assert "--buffer 4" in result.reason
    line = inspect.getsourcelines(stores_often)[1] + 4
    assert "was reached by `x := " in result.reason
    assert f"at test_steps.py:{line}" in result.reason
    assert "to x" in result.reason
    assert "in the buffer of stores" in result.reason
    assert "give it so many rounds" in result.reason
    assert check(stores_often(3), memory=memory, buffer=3).holds
    assert check(stores_often(8), memory=memory).holds
    assert not check(stores_often(9), memory=memory).holds


def test_too_many_stale_values_make_the_search_incomplete():
    """A CPU that could still see more old values than the bound is told."""

    @process
    def reader(s):
        yield s.x
        yield s.x

    def system(times):
        s = Shared()
        [stores] = stores_often(times).processes
        return System(s, [type(stores)(stores.function, (s,)), reader(s)])

    result = check(system(3), memory="wmm", buffer=2)
    assert result.verdict is Verdict.INCOMPLETE
    assert check(system(3), memory="wmm", buffer=3).holds


@process
def counts_under_a_lock(s):
    while True:
        yield spin_lock(s.y)
        seen = yield s.x
        yield s.x.set(1 - seen)
        del seen
        yield spin_unlock(s.y)


@process
def looks_behind_a_barrier(s):
    while True:
        yield smp_rmb()
        seen = yield s.x
        del seen


def test_stale_values_that_no_load_could_see_reach_no_bound():
    """They pile up at a CPU that is idle, for ever, and taking the lock drops them."""
    s = Shared(y=False)
    system = System(s, [counts_under_a_lock(s), counts_under_a_lock(s)])
    assert check(system, memory="wmm", buffer=2).holds


def test_stale_values_that_a_load_could_see_make_the_search_incomplete():
    """Between a barrier and the load behind it, another CPU stores any number of times."""
    s = Shared(y=False)
    system = System(s, [counts_under_a_lock(s), looks_behind_a_barrier(s)])
    result = check(system, memory="wmm", buffer=2)
    assert result.verdict is Verdict.INCOMPLETE
    assert "stale values of x at looks_behind_a_barrier" in result.reason
    assert "reached by `x` at test_steps.py:" in result.reason


def test_a_process_that_waits_for_its_buffer_says_so():
    """What blocks a barrier is what the store buffer holds."""

    @process
    def waits(s):
        yield s.x.set(1)
        yield Register(s.raised, True)
        yield fence("mb")

    @process
    def fails(s):
        yield until(lambda: s.raised)
        yield s.y
        assert s is None

    s = Shared()
    trace = check(System(s, [waits(s), fails(s)]), memory="tso").trace
    [standing] = [status for status in trace.final if status.process == "waits"]
    assert standing.status == "blocked"
    assert [read.name for read in standing.reads] == ["waits's store buffer"]
    assert "waits's store buffer = (x := 1,)" in " ".join(trace.to_text().split())


def test_a_violation_within_the_bound_stands():
    """What is found is real, however short the buffers are."""
    s = Shared()

    @process
    def fails(s):
        seen = yield s.x
        assert seen == 0

    [stores] = stores_often(3).processes
    system = System(s, [type(stores)(stores.function, (s,)), fails(s)])
    assert check(system, memory="tso", buffer=1).violation is not None


@pytest.mark.parametrize("buffer", [0, -1])
def test_a_buffer_has_room(buffer):
    """A bound below 1 is refused."""
    with pytest.raises(UsageError, match="1 or more"):
        check(stores_often(1), memory="tso", buffer=buffer)


def test_a_fence_that_no_model_knows_is_refused():
    """It would order nothing, silently."""

    @process
    def fences(s):
        yield fence("sync")

    s = Shared()
    with pytest.raises(ModelError, match="no memory model knows that kind"):
        check(System(s, [fences(s)]))


# Traces.


@model(expect={"wmm": "violated", "else": "holds"}, by="assertion")
def message_passing():
    """X is the data, y the flag."""
    s = Shared()

    @process
    def sender(s):
        yield s.x.set(1)
        yield fence("wmb")
        yield s.y.set(1)

    @process
    def receiver(s):
        yield until(lambda: s.y == 1)
        seen = yield s.x
        assert seen == 1

    return System(s, [sender(s), receiver(s)])


def test_a_trace_tells_where_values_come_from():
    """A store goes to a buffer and becomes visible as a step of it; a stale value is said to be."""
    result = check(message_passing, memory="wmm")
    told = [(step.process, step.label, step.note) for step in result.trace.steps]
    buffered = "waits in the store buffer"
    assert told == [
        ("sender", "x := 1", buffered),
        ("sender", "fence('wmb')", ""),
        ("sender", "y := 1", buffered),
        ("sender's stores to x", "x := 1 becomes visible", ""),
        ("sender's stores to y", "y := 1 becomes visible", ""),
        ("receiver", "until s.y == 1", ""),
        ("receiver", "x", "stale: x = 0"),
    ]
    assert "reads x = 0 (stale: memory has 1)" in str(result)
    assert "stale: x = 0" in lanes_svg(result.trace)
    assert result.memory_model == result.to_dict()["memory_model"] == "wmm"


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_trace_under_weak_memory_replays(engine):
    """The token names the memory model, and shows the same steps again."""
    result = check(message_passing, memory="wmm", engine=engine)
    told, again = (
        [(step.process, step.label, step.writes, step.note) for step in trace.steps]
        for trace in (result.trace, replay(message_passing, result.token))
    )
    assert again == told


def test_own_stores_are_said_to_be_seen_in_the_buffer():
    """A load that finds its CPU's own store says so."""

    @process
    def forwards(s):
        yield s.x.set(1)
        seen = yield s.x
        assert seen == 0

    for memory in WEAK:
        s = Shared()
        steps = check(System(s, [forwards(s)]), memory=memory).trace.steps
        assert steps[-1].note == "x = 1 from its own store buffer"


# Expectations.


@pytest.mark.parametrize(
    ("memory", "expected"),
    [("sc", "holds"), ("tso", "holds"), ("pso", "holds"), ("wmm", "violated")],
)
def test_an_expectation_may_depend_on_the_memory_model(memory, expected):
    """A verdict by memory model; ``else`` speaks for those not named."""
    result = check(message_passing, memory=memory)
    assert (result.expected, result.ok) == (expected, True)
    assert result.expected_by == ("assertion" if expected == "violated" else "")


def test_a_violation_beyond_a_bound_is_not_said_to_be_the_shortest():
    """Where a store had to wait for room, a shorter way may have been cut off."""
    s = Shared()

    @process
    def fails(s):
        for n in range(4):
            yield s.x.set(n % 2)
        raise AssertionError

    result = check(System(s, [fails(s)]), memory="tso", buffer=2)
    assert not result.trace_is_shortest
    assert "a shorter counterexample may exist" in result.warnings[0]
    assert check(System(s, [fails(s)]), memory="tso").trace_is_shortest
