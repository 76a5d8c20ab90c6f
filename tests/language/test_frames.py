"""The local state of a suspended generator: exact enough to be sound, and loops close."""

from __future__ import annotations

import contextlib
import gc
import textwrap
from fractions import Fraction

import pytest

from modelcheck.errors import ModelError
from modelcheck.language import frames
from modelcheck.language.frames import suspend, yields_of
from modelcheck.tables.values import Same

# A generator that yields in a `finally` objects to being closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def states(generator, sends=(), limit=50):
    """Run a generator and return its keys, one a yield."""
    keys, sends = [], iter(sends)
    try:
        generator.send(None)
        while len(keys) < limit:
            keys.append(suspend(generator).key())
            generator.send(next(sends, 0))
    except StopIteration:
        pass
    return keys


def started(generator):
    next(generator)
    return generator


def key_after(function, *sends):
    generator = started(function())
    for value in sends:
        generator.send(value)
    return suspend(generator).key()


def test_position_in_a_list_is_part_of_the_state():
    """The iterator of a `for` tells two turns over equal elements apart."""

    def p():
        for _ in [7, 7]:
            yield 1

    assert len(set(states(p()))) == 2


def test_a_loop_closes():
    """A loop whose only changing variable is dead comes back to the same state."""

    def q():
        while True:
            x = yield 1
            yield x

    assert len(set(states(q(), range(100, 200)))) == 2


def test_a_handled_exception_leaves_no_trace():
    """A state after an exception was handled equals the state before any was."""

    def p():
        while True:
            got = yield 1
            with contextlib.suppress(ValueError):
                raise ValueError(got)
            try:
                raise KeyError(got)
            except KeyError:
                pass

    assert len(set(states(p()))) == 1


def test_local_variables_by_name_and_place():
    """A frame shows live variables in their order, cells by content, and the line of its yield."""

    def p(a, b, c):
        f = lambda: b  # noqa: E731 a cell is the point
        yield a
        return f(), c

    state = suspend(started(p(1, 2, 3)))
    (frame,) = state.frames
    assert list(frame.locals) == ["c", "f"]
    first = p.__code__.co_firstlineno
    assert (state.line, state.file, state.function) == (first + 2, __file__, "p")
    assert frame.offset in [offset for offset, _ in yields_of(p.__code__)]
    watched = suspend(started(p(1, 2, 3)), {p.__code__: ("a", "b")}).frames[0].locals
    assert {name: watched[name] for name in "abc"} == {"a": 1, "b": 2, "c": 3}


def test_stack_of_half_evaluated_expressions():
    """What an expression holds while it waits is part of the state: operands, callees."""
    bodies = [
        "return a + (yield 0)",
        "return max(a, (yield 0))",
        "return [a, (yield 0), 2]",
        "return max(*[a, 1], (yield 0))",
        "return f'{a}{(yield 0)}'",
        "return 0 <= a < (yield 0)",
        "return [a].index((yield 0))",
        "return {a: (yield 0)}",
        "return dict(k=a, j=(yield 0))",
        "return ((x := a), (yield 0), x)",
        "match [a, 1]:\n        case [x, y]:\n            z = yield 0\n            return x, y, z",
        "try:\n        raise ValueError(a)\n    except ValueError as e:\n        yield; raise",
        "try:\n        raise ValueError(a)\n    finally:\n        yield 0",
        "with W(a):\n        yield 0",
        "yield from [a, a]",
        "yield from g(a)",
        "for x in (i + a for i in range(2)):\n        yield 0",
        "for x in g(a):\n        yield 0",
        "for x in [[j + a for j in range(2)] for i in range(2)]:\n        yield 0",
    ]
    for body in bodies:
        space = {"W": contextlib.nullcontext}
        exec(f"def g(a):\n    yield a\n    yield a\ndef p(a):\n    {body}\n", space)
        one, same, other = (suspend(started(space["p"](a))).key() for a in (1, 1, 2))
        assert one == same != other, body


def test_delegation_shows_every_frame():
    """A process within a `yield from` has a frame a generator, and a list is part of the stack."""

    def inner(n):
        got = yield n
        yield from [got, n]

    def outer():
        x = yield from inner(5)
        return x

    p = started(outer())
    assert [f.code.co_name for f in suspend(p).frames] == ["outer", "inner"]
    assert suspend(p).frames[0].stack == ()
    p.send(3)
    (iterator,) = suspend(p).frames[1].stack
    assert iterator.__reduce__()[2] == 1


def test_a_named_delegate_is_an_alias():
    """A generator that is waited for, and named by a variable as well, is one object."""

    def inner(g):
        yield 1
        return g

    def outer(alias):
        box = []
        g, other = inner(box), inner(box)
        box.append(g if alias else other)
        yield from g
        return other, g

    started_keys = [suspend(started(outer(alias))).key() for alias in (True, True, False)]
    assert started_keys[0] == started_keys[1] != started_keys[2]


def test_aliases_are_part_of_the_state():
    """Two names of one list differ from two equal lists, also across frames and the step."""

    def p(a, b):
        yield 1
        a.append(1)
        return a, b

    one, two = [0], [0]
    assert suspend(started(p(one, one))).key() != suspend(started(p(one, two))).key()
    assert suspend(started(p(two, one))).key() == suspend(started(p(one, two))).key()
    q = suspend(started(p(one, two)))
    assert q.key([one]) == q.key([one]) != q.key([[0]])
    assert q.key([one]) != q.key([two])


def test_a_captured_variable_is_seen_through_the_function():
    """A cell that is dead in its frame counts if a live function shows it, or is shown it later."""

    def p(f, own):
        x = 1
        yield 0
        g = (lambda: x) if own else f
        x = 0
        yield 1  # x is dead here: only set again, unless g sees it
        x = 2
        yield g()

    make = started(p(None, True))
    make.send(None)
    f = suspend(make).frames[0].locals["g"]
    other = started(p(f, False))
    other.send(None)
    assert suspend(make).key() != suspend(other).key()
    assert (next(other), next(make)) == (0, 2)


def test_generators_not_started_finished_and_running():
    """A variable may hold a generator in any state but running, which is told."""

    def sub(x):
        yield x

    def p(x, run):
        g = sub(x)
        yield 0
        next(g)
        yield 1
        next(g, None)
        yield g

    assert key_after(lambda: p(1, 0)) != key_after(lambda: p(2, 0))
    assert key_after(lambda: p(1, 0), 0) != key_after(lambda: p(1, 0), 0, 0)
    assert key_after(lambda: p(1, 0), 0, 0) == key_after(lambda: p(1, 0), 0, 0)

    def ill():
        me = box[0]
        seen = started(p2(me))
        with pytest.raises(ModelError, match="running"):
            suspend(seen).key()
        with pytest.raises(ModelError, match="running, not suspended"):
            suspend(me)
        yield 1

    def p2(g):
        yield 1
        return g

    box = []
    box.append(ill())
    next(box[0])


def test_a_finished_generator_is_told():
    """Asking for the state of a finished generator is an error with its place."""

    def p():
        yield 1

    g = p()
    list(g)
    with pytest.raises(ModelError, match="finished, not suspended") as caught:
        suspend(g)
    assert caught.value.file == __file__


class Sulky:
    """Hides its state, and fails to show itself."""

    def __init__(self):
        self.file = memoryview(b"")

    def __repr__(self):
        raise ValueError


def test_what_cannot_be_frozen_is_named():
    """The error names the variable, the value, the line, and the way out."""

    def p(handle):
        yield 1
        return handle

    with pytest.raises(ModelError) as caught:
        suspend(started(p([memoryview(b"")]))).key()
    text = str(caught.value)
    assert all(word in text for word in ("variable 'handle'", "memory", "__modelcheck_key__"))
    assert caught.value.line == p.__code__.co_firstlineno + 1

    with pytest.raises(ModelError, match="<Sulky"):
        suspend(started(p(Sulky()))).key()

    def q():
        for _ in (x for x in memoryview(b"a")):
            yield 1

    with pytest.raises(ModelError, match=r"unfinished expression|variable"):
        suspend(started(q())).key()
    with pytest.raises(ModelError, match="the step"):
        suspend(started(p(1))).key([memoryview(b"")])


def test_an_unknown_interpreter_is_refused(monkeypatch):
    """Where the stack is not as deep as the bytecode says, nothing is guessed."""

    def p():
        for _ in [1]:
            yield 1

    g = started(p())
    real = gc.get_referents
    monkeypatch.setattr(frames.gc, "get_referents", lambda x: [*real(x), 1, 2, 3])
    with pytest.raises(ModelError, match="cannot be read on Python"):
        suspend(g)
    monkeypatch.setattr(frames, "_BORROWS", False)
    monkeypatch.setattr(frames.gc, "get_referents", lambda x: real(x)[:-1])
    with pytest.raises(ModelError, match="cannot be read on Python"):
        suspend(g)

    def q(a):
        yield from p()
        return a

    d = started(q(1))
    monkeypatch.setattr(frames.gc, "get_referents", lambda x: [*real(x)[:-1], 5])
    with pytest.raises(ModelError, match="cannot be read on Python"):
        suspend(d)
    wrong = [*real(d)]
    at = frames._header(wrong, q.__code__)
    wrong[at] = object()
    monkeypatch.setattr(frames.gc, "get_referents", lambda x: wrong)
    with pytest.raises(ModelError, match="cannot be read on Python"):
        suspend(d)


def test_a_borrowed_slot_keeps_all_variables(monkeypatch):
    """If the collector hides a stack slot, which 3.14 may borrow from a variable, all are kept."""

    def p(a, b):
        return b + (yield 1)

    g = started(p(1, 2))
    assert suspend(g).frames[0].locals == {}
    real = gc.get_referents
    monkeypatch.setattr(frames, "_BORROWS", True)
    monkeypatch.setattr(frames.gc, "get_referents", lambda x: real(x)[:-1])
    assert suspend(g).frames[0].locals == {"a": 1, "b": 2}


def test_reading_changes_nothing():
    """Asking for the state, again and again, leaves the generator's run as it was."""

    def p():
        for i in map(str, reversed([1, 2, 3])):
            for pair in zip(i, "ab", strict=False):
                got = yield pair
                locals()["x"] = got

    plain, watched = p(), p()
    seen = []
    for value in watched:
        assert suspend(watched).key() == suspend(watched).key()
        seen.append(value)
    assert seen == list(plain)


def test_comprehensions_that_run_inline_capture_nothing_at_a_yield():
    """A comprehension's own cells (inline since 3.12) do not disturb the reading of the frame."""

    def p(x):
        y = [1]
        fs = [lambda: z for z in y]  # noqa: B023  the cell is what the test is about
        gs = [lambda: x for x in y]  # noqa: B023  likewise
        yield 0
        return fs, gs, x, y

    assert suspend(started(p(5))).key() == suspend(started(p(5))).key()
    assert suspend(started(p(5))).frames[0].locals["x"] == 5
    assert suspend(started(p(5))).key() != suspend(started(p(6))).key()


def test_shared_code_different_closures():
    """Generators of one code differ by what they capture."""

    def make(n):
        def p():
            yield 0
            return n

        return p()

    assert suspend(started(make(1))).key() != suspend(started(make(2))).key()
    assert suspend(started(make(Fraction(1)))).key() != suspend(started(make(1))).key()


def test_dead_variables_that_vary_close_loops():
    """A program with unbounded inputs into dead variables has finitely many states."""
    source = textwrap.dedent("""
        def p():
            n = 0
            while True:
                for i in range(3):
                    x = yield n
                    y = x * 2
                    try:
                        z = y + (yield 1)
                    finally:
                        w = yield 2
                n = (n + 1) % 2
    """)
    space = {}
    exec(source, space)
    keys = states(space["p"](), range(1000), limit=400)
    alive = {k for i, k in enumerate(keys) if i % 3 != 1}  # y stands on the stack at the second
    assert len(alive) == 2 * 3 * 2


def test_same_is_by_identity():
    """Code in a key is told apart by identity, for equal code may stand at two places."""
    assert Same(test_same_is_by_identity.__code__) != Same(states.__code__)
