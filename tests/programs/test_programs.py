"""Generator programs under axiomatic models: verdicts, dependencies, deadlocks, refusals."""

from __future__ import annotations

import json

import pytest
from commandline import run
from programs import shapes
from programs.agreement import difference

from modelcheck import ModelError, System, UsageError, always, check, process, repair, state
from modelcheck.axiomatic.models import MODELS
from modelcheck.cli.litmus import litmus_command
from modelcheck.memory import AXIOMATIC
from modelcheck.programs.search import ProgramSearch

EVERY = ("axiomatic-sc", "x86-tso", "ra", "rc11", "armv8", "power", "lkmm")


def under(model, memory: str = "lkmm", **parameters) -> str:
    """The verdict, and what violated it."""
    result = check(model(**parameters), memory=memory)
    return f"{result.verdict}" + (f" {result.violation.kind}" if result.violation else "")


def allowing(model, **parameters) -> set[str]:
    """The models under which the property is violated."""
    return {m for m in EVERY if under(model, m, **parameters) == "violated final"}


def test_the_registry_has_every_model():
    """Each built-in model of litmus tests is one for programs, by its own name."""
    assert {name.removeprefix("axiomatic-") for name in AXIOMATIC} == set(MODELS)
    assert litmus_command.name == "litmus"


#: By which dependency a store stays behind a load: the models that let it pass nevertheless.
WEAK = {"lkmm", "power", "armv8"}
LOAD_BUFFERING = {
    "none": WEAK,
    "data": set(),
    "ctrl": set(),
    "ctrl-else": set(),
    "ternary": set(),
    "is": set(),
    "and": set(),
    "assigned": set(),
    "helper": set(),
    "release": set(),
    "join": WEAK,
    "addr": {"lkmm"},
    "early return": WEAK,
}


@pytest.mark.parametrize("how", LOAD_BUFFERING)
def test_what_a_store_depends_on_comes_before_it(how):
    """Load buffering is seen where nothing orders the store, and where a branch has ended."""
    assert allowing(shapes.load_buffering, how=how) == LOAD_BUFFERING[how]


MESSAGE_PASSING = {
    ("none", "none"): {"rc11", "armv8", "power", "lkmm"},
    ("wmb", "none"): {"rc11", "armv8", "power", "lkmm"},
    ("none", "rmb"): {"rc11", "armv8", "power", "lkmm"},
    ("wmb", "rmb"): set(),
    ("release", "acquire"): set(),
    ("wmb", "reached"): {"rc11"},
}


@pytest.mark.parametrize(("writer", "reader"), MESSAGE_PASSING)
def test_messages_pass_in_order_where_both_sides_order(writer, reader):
    """A flag and its data: each model wants what its barriers are for."""
    found = allowing(shapes.message_passing, writer=writer, reader=reader)
    assert found == MESSAGE_PASSING[writer, reader]


def test_an_index_that_was_loaded_is_an_address_dependency():
    """A table reached through a loaded index is read after it; a fixed cell need not be."""
    assert allowing(shapes.through_a_pointer, tracked=True) == {"rc11"}
    assert allowing(shapes.through_a_pointer, tracked=False) == {"rc11", "armv8", "power", "lkmm"}


def test_store_buffering_wants_a_full_barrier():
    """Stores are passed by later loads everywhere but under sc, unless a full barrier stands."""
    assert allowing(shapes.store_buffering) == set(EVERY) - {"axiomatic-sc"}
    assert allowing(shapes.store_buffering, how="mb") == {"ra"}
    weak = {"ra", "rc11", "armv8", "power", "lkmm"}
    assert allowing(shapes.store_buffering, how="atomic alone") == weak
    assert under(shapes.store_buffering, how="atomic") == "holds"


@pytest.mark.parametrize(
    ("order", "weak"),
    [("relaxed", {"armv8", "power"}), ("full", {"armv8", "power"}), ("acquire", {"power"})],
)
def test_a_compare_and_swap_that_fails_orders_what_the_machine_does(order, weak):
    """Nothing; but `casa`, and `ldaxr` where Armv8.1's atomics are not there, still acquire."""
    allowed = {
        name
        for name in ("armv8", "power")
        if under(shapes.failing_cas, name, order=order) != "holds"
    }
    assert allowed == weak


@pytest.mark.parametrize("flavour", ["rcu", "srcu"])
def test_a_grace_period_waits_for_readers_of_its_flavour(flavour):
    """A reader that sees what came after the grace period sees what came before it."""
    assert under(shapes.grace_period, flavour=flavour, wait=flavour) == "holds"
    assert under(shapes.grace_period, flavour=flavour, wait="") == "violated final"
    other = "srcu" if flavour == "rcu" else "rcu"
    assert under(shapes.grace_period, flavour=flavour, wait=other) != "holds"


@pytest.mark.parametrize("memory", EVERY)
def test_locks_exclude(memory):
    """Two increments under a lock are two; a lock that is kept lets nobody else in."""
    for how in ("spin", "mutex"):
        assert under(shapes.counter, memory, how=how) == "holds"
    assert under(shapes.counter, memory, how="try") == "holds"
    assert under(shapes.counter, memory, how="none") == "violated final"
    assert under(shapes.lock_never_given_back, memory) == "violated deadlock"


def test_plain_accesses_that_race_are_flagged():
    """Where nothing else is wrong, a data race of plain accesses is a violation of its own."""
    system = shapes.counter(how="none")
    system.properties = []
    result = check(system, memory="lkmm")
    assert (result.violation.kind, result.violation.property) == ("flag", "data-race")
    assert check(system, memory="armv8").holds


def test_processes_that_wait_for_each_other_are_stuck():
    """Two awaits that could only serve each other end in a deadlock under every model."""
    for memory in EVERY:
        assert under(shapes.each_waits, memory) == "violated deadlock"


def test_an_assertion_tells_what_it_saw():
    """A stale load fails the assertion, and the story names the line, the value and its origin."""
    assert under(shapes.asserted) == "holds"
    result = check(shapes.asserted(how="none"), memory="lkmm")
    assert result.violation.kind == "assertion"
    assert result.violation.property == "saw 0"
    text = str(result)
    assert "reads x = 0, the initial value, although step 1 came before" in text
    assert "asserts fails: saw 0 (shapes.py:" in text


def test_the_result_is_data():
    """JSON has executions, flags, story and graph; the picture is the execution."""
    result = check(shapes.load_buffering(), memory="lkmm")
    data = json.loads(json.dumps(result.to_dict()))
    assert (data["states"], data["executions"], data["memory_model"]) == (4, 4, "lkmm")
    assert data["graph"]["threads"] == ["load_store[0]", "load_store[1]"]
    relations = {edge["relation"] for edge in data["graph"]["edges"]}
    assert {"po", "rf"} <= relations
    pytest.importorskip("graphviz")
    assert "load_store[1]" in result.to_svg()


def test_a_property_that_holds_says_why():
    """What would break it is named with the axiom and the cycle that forbid it; pages do it too."""
    result = check(shapes.message_passing(), memory="lkmm")
    [found] = result.evidence.forbidden
    assert found.property == "not_stale"
    assert found.why.startswith("forbidden by happens-before, which has a cycle:")
    assert any(edge.on_cycle for edge in found.graph.edges)
    assert "What would break not_stale is forbidden by happens-before" in str(result)
    assert "Why not_stale is not broken" in result.to_html()


def test_the_page_shows_the_execution_and_runs_nothing():
    """The page has the story and, where Graphviz is there, the picture; scripts are forbidden."""
    page = check(shapes.load_buffering(), memory="lkmm").to_html()
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert "<script" not in page
    assert "No order of these steps explains the values" in page
    assert "data:image/svg+xml;base64," in page or "No picture" in page


def test_parts_can_be_repaired_under_the_kernels_model():
    """`repair` finds which barriers are needed by executions as well as by states."""
    from modelcheck import model

    @model(toggles=["wmb", "rmb"])
    def passing(wmb: bool = True, rmb: bool = True):
        return shapes.message_passing(writer="wmb" if wmb else "none", reader="rmb" * rmb)

    found = repair(passing, memory="lkmm")
    assert [set(parts) for parts in found["lkmm"].minimal] == [{"wmb", "rmb"}]


@state
class One:
    x: int = 0


@always
def fine(s):
    return s.x >= 0


@process
def uses(s, how):
    seen = yield READ(s)
    if how == "hash":
        seen = {seen: 1}[0]
    elif how == "range":
        for _ in range(seen):
            pass
    elif how == "min":
        seen = min(seen, 1)
    yield s.x.set(seen)


def READ(s):
    return s.x.add(0)


@process
def matches(s):
    seen = yield s.x.add(0)
    match seen:
        case 0:
            yield s.x.set(1)


@process
def catches(s):
    try:
        yield s.x.add(0)
    except ValueError:
        yield s.x.set(1)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda s: uses(s, "hash"), "a look-up in a set or dictionary|`hash`"),
        (lambda s: uses(s, "range"), r"given to range\(\)"),
        (lambda s: uses(s, "min"), r"given to min\(\)"),
        (lambda s: matches(s), "`match` cannot be followed"),
        (lambda s: catches(s), "`except` cannot be followed"),
    ],
)
def test_what_loses_track_is_refused_by_name(made, said):
    """What would make a dependency vanish names the line and what to write."""
    s = One()
    with pytest.raises(ModelError, match=said) as error:
        check(System(s, [made(s)]), memory="lkmm")
    assert error.value.file.endswith("test_programs.py")
    assert error.value.line


def test_what_axioms_do_not_know_is_refused():
    """A step over several locations, an invariant over states, an unknown name: each is told."""
    with pytest.raises(ModelError, match="step over several locations") as error:
        check(shapes.several_at_once, memory="lkmm")
    assert error.value.file.endswith("shapes.py")
    s = One()
    with pytest.raises(ModelError, match="@always fine asks about every state"):
        check(System(s, [uses(s, "")], [fine]), memory="power")
    with pytest.raises(UsageError, match="there is no memory model 'lkm'"):
        check(shapes.several_at_once, memory="lkm")
    with pytest.raises(UsageError, match="no set of states"):
        check(shapes.several_at_once, memory="lkmm", bitstate=True)
    with pytest.raises(ModelError, match="gives `synchronize_rcu"):
        check(shapes.grace_period(), memory="power")
    with pytest.raises(ModelError, match="is for axiomatic models"):
        check(shapes.grace_period())


@process
def polls(s):
    while (yield s.x.add(0)) == 0:
        pass


@process
def sets(s):
    yield s.x.set(1)


def test_a_loop_without_a_bound_is_incomplete():
    """A loop that a load may keep going for ever is looked at so far, and the verdict says so."""
    s = One()
    result = check(System(s, [polls(s), sets(s)]), memory="armv8")
    assert result.verdict == "incomplete"
    assert "wait with until" in result.reason
    assert result.exit_code == 3


def test_a_budget_ends_a_search_as_incomplete():
    """Seconds that are too few never say that anything holds."""
    result = check(shapes.counter(), memory="lkmm", timeout_s=1e-9)
    assert result.verdict in ("incomplete", "holds")
    many = ProgramSearch(shapes.counter(), MODELS["lkmm"], lambda states: "enough").run()
    assert many.reason in ("enough", "")


def test_the_command_line_takes_both_kinds(tmp_path):
    """`--memory sc,lkmm` gives a row for each, and the exit status is the worse of the two."""
    done = run("check", f"{shapes.__file__}:lock_never_given_back", "--memory", "sc,lkmm")
    assert done.exit_code == 0
    assert "lock_never_given_back, lkmm  violated  as expected" in done.stdout
    done = run("check", f"{shapes.__file__}:load_buffering", "--memory", "lkmm")
    assert done.exit_code == 1
    assert "No order of these steps explains the values" in done.stdout


@pytest.mark.parametrize("part", range(2))
def test_executions_and_states_agree_on_random_programs(part):
    """The final states of random programs under sc and tso are those of the axioms."""
    for seed in range(part * 60, part * 60 + 60):
        assert difference(seed) == ""


@pytest.mark.long
def test_executions_and_states_agree_on_thousands_of_programs():
    """The same for more programs than a quick run has time for."""
    for seed in range(10_000, 13_000):
        assert difference(seed) == ""
