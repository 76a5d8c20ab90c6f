"""Shared state: classes, cells, parts, names, and values seen from steps and properties."""

from __future__ import annotations

import enum
from typing import Any, ClassVar

import attrs
import pytest
from language.small import count, message, run

from modelcheck import (
    Channel,
    ModelError,
    System,
    always,
    atomic,
    cells,
    check,
    process,
    state,
    until,
)
from modelcheck.language.cells import is_location, is_part
from modelcheck.language.refs import Ref


class Color(enum.Enum):
    """Two of them."""

    RED = 1
    BLUE = 2


@state
class Lock:
    owner: object = None
    tries: int = 0

    @property
    def free(self):
        return self.owner is None

    def acquire(self, me):
        """Wait until the lock is free and take it."""

        def take():
            self.owner = me
            self.tries += 1

        yield atomic(take, when=lambda: self.free)


@state
class Shared:
    count: int = 0
    color: Color = Color.RED
    flags = cells(3, False)
    named = cells({"a": 1, "b": 2})
    grid = cells(2, cells([10, 20]))
    locks = cells(2, Lock)
    lock: Lock = Lock()
    box = Channel(2)
    limit: ClassVar[int] = 7


def evaluate(function, shared=None):
    """Return what `function(shared)` gives inside a step."""
    shared = shared or Shared()

    def p(s):
        got = yield atomic(lambda: repr(function(s)))
        raise RuntimeError(got)

    return message(run(shared, p)).removeprefix("exception: RuntimeError: ")


@state
class Empty:
    pass


def test_a_state_without_fields():
    """A model may have no shared state at all."""

    def p(s):
        return
        yield

    assert count(run(Empty(), p)) == (1, 0)


def test_names_are_paths_from_the_root_in_the_order_of_declaration():
    """Each leaf is a slot with a name; arrays and parts contribute theirs in place."""
    names = [r.name for r in System(Shared(), []).refs]
    assert names == [
        "count",
        "color",
        "lock.owner",
        "lock.tries",
        "flags[0]",
        "flags[1]",
        "flags[2]",
        "named['a']",
        "named['b']",
        "grid[0][0]",
        "grid[0][1]",
        "grid[1][0]",
        "grid[1][1]",
        "locks[0].owner",
        "locks[0].tries",
        "locks[1].owner",
        "locks[1].tries",
        "box",
    ]


def test_names_in_a_mapping_of_parts_start_with_the_key():
    """A system of several parts names each by its key, enum keys of cells by their names."""
    both = {"mm": Lock(), "by": cells({Color.RED: 0, 3: 1}), "ch": Channel(1)}
    names = [r.name for r in System(both, []).refs]
    assert names == ["mm.owner", "mm.tries", "by[RED]", "by[3]", "ch"]


def test_trace_names_and_states_use_these_paths():
    """The states of a trace map names to plain values; writes name the location."""

    def p(s):
        yield s.locks[1].owner.set("me")
        yield s.grid[-1][-2].set(5)
        raise ValueError

    trace = run(Shared(), p).trace
    assert [w.name for step in trace.steps for w in step.writes] == ["locks[1].owner", "grid[1][0]"]
    assert trace.states[-1]["grid[1][0]"] == 5
    assert trace.states[0]["locks[1].owner"] is None


def test_each_instance_has_arrays_and_parts_of_its_own():
    """Two instances of a class share nothing."""
    one, two = Shared(), Shared(count=3)
    assert one.lock is not two.lock
    assert one.flags is not two.flags
    assert one.box is not two.box
    assert one.locks[0] is not one.locks[1]
    assert (one.count.initial, two.count.initial) == (0, 3)
    one.flags[0] = True
    assert two.flags[0].initial is False


def test_initial_values_can_be_assigned_before_the_run():
    """Outside of a run assignment sets the initial value, checked as everywhere."""
    s = Shared()
    s.count, s.lock.owner, s.grid[1][0] = 4, "x", 9
    assert (s.count.initial, s.lock.owner.initial, s.grid[1][0].initial) == (4, "x", 9)
    with pytest.raises(ModelError, match="it can change"):
        s.count = []


def test_class_variables_and_methods_are_no_fields():
    """A ClassVar stays an attribute of the class; a method too."""
    assert Shared.limit == 7
    assert "limit" not in Shared.__modelcheck_fields__
    assert is_part(Shared())
    assert is_location(cells(1))
    assert not is_location(3)


def test_required_fields_and_factories():
    """A field without a default must be given; attrs fields and factories work as in attrs."""

    @state
    class Needs:
        must: int
        made: tuple = attrs.field(factory=tuple)
        kept: int = attrs.field(default=4, kw_only=True)

    with pytest.raises(TypeError, match="must"):
        Needs()
    s = Needs(2)
    assert (s.must.initial, s.made.initial, s.kept.initial) == (2, (), 4)


def test_a_subclass_has_the_fields_of_its_base():
    """A @state class may extend another, and may change a default."""

    @state
    class Base:
        x: int = 1
        y: int = 2

        def double(self):
            return self.x * 2

    @state
    class Derived(Base):
        z: int = 3
        y: int = 20

    s = Derived()
    assert {r.name: r.initial for r in System(s, []).refs} == {"x": 1, "z": 3, "y": 20}
    assert [r.name for r in System(Base(), []).refs] == ["x", "y"]

    def p(s):
        yield s.z.set(s.z.initial + 1)
        assert (yield atomic(s.double)) == 2

    assert run(s, p).holds


def test_one_part_known_by_two_names_is_one_location():
    """Two pointers to one part: a store through one is seen through the other."""

    @state
    class Two:
        first: Lock
        second: Lock

    lock = Lock()
    s = Two(lock, lock)
    assert [r.name for r in System(s, []).refs] == ["first.owner", "first.tries"]

    def p(s):
        yield s.first.owner.set(1)
        assert (yield s.second.owner) == 1

    assert count(run(s, p)) == (3, 2)


def test_an_object_belongs_to_the_last_system_made_of_it():
    """A state used in a second system is bound to that one; the first then says so."""

    def p(s):
        yield s.tries.add(1)

    lock = Lock()
    first = System({"lock": lock}, [process(p)(lock)])
    second = System({"other": Lock(), "lock": lock}, [process(p)(lock)])
    assert check(second).holds
    with pytest.raises(ModelError, match="is not part of the model's state") as caught:
        check(first)
    assert "last System" in caught.value.remedy
    assert caught.value.line == p.__code__.co_firstlineno + 1


def test_methods_are_subroutines_and_helpers():
    """A generator method is a subroutine; a property helps guards and properties."""

    def p(s):
        yield from s.lock.acquire("p")
        yield s.lock.owner.set(None)

    @always
    def counted(s):
        return s.lock.tries <= 2 and (s.lock.free or s.lock.owner == "p")

    assert count(run(Shared(), p, p, properties=[counted])) == (8, 8)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda s: s.count, "0"),
        (lambda s: s.color is Color.RED, "True"),
        (lambda s: s.flags, "[False, False, False]"),
        (lambda s: s.flags[-1], "False"),
        (lambda s: s.flags[1:], "[False, False]"),
        (lambda s: s.flags[s.count], "False"),
        (lambda s: list(s.flags), "[False, False, False]"),
        (lambda s: len(s.flags), "3"),
        (lambda s: s.flags == [False] * 3, "True"),
        (lambda s: s.flags == (False, True, False), "False"),
        (lambda s: s.flags == 3, "False"),
        (lambda s: s.flags.count(False), "3"),
        (lambda s: s.flags.index(False), "0"),
        (lambda s: True in s.flags, "False"),
        (lambda s: any(s.flags), "False"),
        (lambda s: list(reversed(s.grid[0])), "[20, 10]"),
        (lambda s: s.named, "{'a': 1, 'b': 2}"),
        (lambda s: s.named["b"], "2"),
        (lambda s: list(s.named), "['a', 'b']"),
        (lambda s: s.named.items(), "[('a', 1), ('b', 2)]"),
        (lambda s: "a" in s.named, "True"),
        (lambda s: 1 in s.named, "False"),
        (lambda s: s.named == {"b": 2, "a": 1}, "True"),
        (lambda s: s.named == s.named, "True"),
        (lambda s: s.grid == [[10, 20], [10, 20]], "True"),
        (lambda s: sum(map(sum, s.grid)), "60"),
        (lambda s: [lock.owner for lock in s.locks], "[None, None]"),
        (lambda s: s.locks[0].free, "True"),
        (lambda s: s.lock, "Lock(owner=None, tries=0)"),
        (lambda s: s.box, "[]"),
        (lambda s: s.box == [], "True"),
    ],
)
def test_inside_a_step_names_are_plain_values(function, expected):
    """Cells behave as a sequence or a mapping, parts have fields, all with plain values."""
    assert evaluate(function) == expected


def test_in_process_code_names_are_references():
    """Outside of steps a name shows where it is, and cells are indexed like lists."""
    s = Shared()
    System(s, [])
    assert type(s.count) is Ref
    assert (repr(s.count), str(s.flags[-1]), f"{s.count}") == ("count", "flags[2]", "count")
    assert (repr(s.flags), repr(s.lock), repr(s.box)) == ("flags", "lock", "box")
    assert s.flags[-1] is s.flags[2]
    assert [r.name for r in s.flags[1:]] == ["flags[1]", "flags[2]"]
    assert [r.name for r in s.named.values()] == ["named['a']", "named['b']"]
    assert (s.flags == s.flags, s.flags == [1], s.box == s.box, s.box == []) == (True, False) * 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda s: s.flags[3], "IndexError: flags[3]: it has 3 cells"),
        (lambda s: s.flags[-4], "IndexError: flags[-4]: it has 3 cells"),
        (lambda s: s.named["c"], "keys are 'a', 'b'"),
        (lambda s: s.flags["a"], "TypeError"),
    ],
)
def test_a_cell_that_is_not_there_is_an_exception_of_the_process(make, words):
    """An index out of range is a bug of the protocol: a violation with a trace."""

    def p(s):
        yield make(s)

    assert words in message(run(Shared(), p))


def test_a_reference_behaves_as_its_value_in_a_guard():
    """A reference that a guard captured by name takes every operator of its value."""

    @state
    class Numbers:
        x: int = 7
        t: tuple = (1, 2)
        f: float = 2.5

    def p(s):
        x, t, f = s.x, s.t, s.f
        yield until(
            lambda: (
                (
                    x + 1,
                    1 + x,
                    x - 1,
                    1 - x,
                    x * 2,
                    2**x,
                    x // 2,
                    15 // x,
                    x % 4,
                    -x,
                    +x,
                    ~x,
                    abs(x),
                )
                == (8, 8, 6, -6, 14, 128, 3, 2, 3, -7, 7, -8, 7)
            )
        )
        yield until(
            lambda: (
                (x & 3, 3 | x, x ^ 1, x << 1, 100 >> x, divmod(x, 2)) == (3, 7, 6, 14, 0, (3, 1))
            )
        )
        yield until(
            lambda: x == 7 and x != 6 and x < 8 and x <= 7 and x > 6 and x >= 7 and not (x >= 8)
        )
        yield until(lambda: x in {7} and {7: 1}[x] == 1 and [0] * 8 and range(9)[x] == 7)
        yield until(
            lambda: (int(x), float(x), str(x), f"{x:03}", bool(x)) == (7, 7.0, "7", "007", True)
        )
        yield until(
            lambda: (len(t), t[1], 2 in t, [*t], [*reversed(t)]) == (2, 2, True, [1, 2], [2, 1])
        )
        yield until(lambda: t + (3,) == (1, 2, 3) and t.index(2) == 1 and round(f) == 2)
        yield until(lambda: x.bit_length() == 3 and x == s.x and x.value == 7 and x > f and f < x)

    assert count(run(Numbers(), p)) == (9, 8)


def test_values_may_be_parts_cells_and_channels():
    """A location may point to a part: it is then that very part."""

    def p(s):
        yield s.lock.owner.set(s.locks[1])
        held = yield s.lock.owner
        yield held.tries.add(1)
        assert (yield s.locks[1].tries) == 1

    assert run(Shared(), p).holds


def test_cells_come_from_numbers_lists_and_mappings():
    """The three forms of `cells`, with parts and cells inside."""
    assert [r.initial for r in System({"c": cells(2, 5)}, []).refs] == [5, 5]
    assert [r.initial for r in System({"c": cells(x * x for x in range(3))}, []).refs] == [0, 1, 4]
    assert [r.name for r in System({"c": cells({"l": Lock()})}, []).refs] == [
        "c['l'].owner",
        "c['l'].tries",
    ]
    assert System({"c": cells(0)}, []).refs == []


def test_a_snapshot_of_a_property_has_a_plain_text():
    """What a failing assertion in a property shows is the same at every run."""

    @always
    def wrong(s):
        assert s is None, repr(s)
        return True

    assert "invariant: the snapshot" in message(run(Shared(), properties=[wrong]))


class Frozen:
    """Equal by value: it counts as immutable."""

    def __eq__(self, other: Any) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize(
    "value", [(), (1, (2,)), frozenset({1}), "é", Color.RED, None, 1.5, Frozen(), len]
)
def test_immutable_values_stand_in_locations(value):
    """Numbers, strings, enum members, tuples, frozen sets, functions, classes equal by value."""

    def p(s):
        yield s.owner.set(value)
        assert (yield s.owner) is value or (yield s.owner) == value

    assert run(Lock(), p).holds


def test_nan_equals_itself_as_a_state():
    """Two stores of nan lead to one state, though nan is not equal to nan."""

    def p(s):
        while True:
            yield s.owner.set(float("nan"))

    assert count(run(Lock(), p)) == (2, 2)
