"""Liveness: what a resumed generator may still read, and where it can be suspended."""

from __future__ import annotations

import dis
import types

import pytest

from modelcheck.language import liveness
from modelcheck.language.liveness import live_at, points_of, yields_of


def live(source):
    """Return, for each yield of the function `p` in `source`, its line and what is live there."""
    space = {}
    exec(compile(source, "p.py", "exec"), space)
    code = space["p"].__code__
    return [(line, "".join(sorted(live_at(code, at)))) for at, line in yields_of(code)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("yield a", [""]),
        ("yield a; return b", ["b"]),
        ("b = yield a; return b", [""]),
        ("yield a; b = 1; return b", [""]),
        ("yield a; b, c = c, b; return b", ["bc"]),
        ("yield a; a, b = b, 1; return a", ["b"]),
        ("b = c; yield b; c = b; return c", ["b"]),
        ("yield 1; del a", ["a"]),
        ("yield 1; return [a for a in b]", ["ab", "b"]),
        ("yield 1; return f'{a}' if b else c", ["abc"]),
        ("yield (x := a); return x", ["x"]),
    ],
)
def test_straight_lines(body, expected):
    """A variable is live from a yield to its next reading, unless it is set before."""
    (found,) = [names for _, names in live(f"def p(a, b, c):\n  {body}")]
    assert found in expected


def test_branches_and_loops():
    """What any path reads is live, around a loop as well."""
    source = "def p(a, b):\n while a:\n  yield 1\n  if b: return 1\n  b = yield 2\n return b"
    assert live(source) == [(3, "ab"), (5, "a")]


def test_exception_edges():
    """A covered instruction may reach its handler before or after it took effect."""
    source = """def p(a, b, c):
 try:
  yield 1
  a = f()
  yield 2
  b = f()
  yield 3
 except E:
  yield a, b
 finally:
  g(c)
"""
    found = live(source)
    assert found[0] == (3, "abc")
    assert found[1:3] == [(5, "abc"), (7, "abc")]
    assert found[3] == (9, "c")


def test_a_yield_in_a_try_may_be_resumed_by_throw():
    """The handler's variables are live although the way on does not read them."""
    source = "def p(a):\n try:\n  yield 1\n except E:\n  return a\n a = 1\n return a"
    assert live(source) == [(3, "a")]


def test_cells():
    """Setting a cell kills its content; a function made later reads it."""
    assert live("def p(a):\n yield 1\n return lambda: a") == [(2, "a")]
    assert live("def p(a):\n yield 1\n a = 1\n return lambda: a") == [(2, "")]
    assert live("def p(a):\n f = lambda: a\n yield 1\n del a\n return f") == [(3, "af")]


@pytest.mark.parametrize("call", ["locals()", "eval('a')", "sys._getframe()", "(lambda: vars())()"])
def test_introspection_keeps_everything(call):
    """A function that may look at frames has all its variables live."""
    assert live(f"def p(a, b):\n yield 1\n {call}") == [(2, "ab")]


def test_super_reads_without_naming():
    """A bare `super()` reads the first argument and the class cell."""
    source = """class P:
 def p(self, a):
  yield 1
  s = super()
  return s
p = P.p
"""
    space = {}
    exec(source, space)
    code = space["p"].__code__
    ((offset, _),) = yields_of(code)
    assert live_at(code, offset) >= {"self", "__class__"}


def test_yields_are_the_genuine_ones():
    """The waiting of a `yield from` is a place, but no yield."""
    source = "def p(a):\n yield from a\n x = yield (\n  a)\n yield\n"
    assert [line for line, _ in live(source)] == [3, 5]


def test_a_place_not_yet_started_is_known():
    """A generator that was only created has a place, with an empty stack."""

    def p(a, b):
        b = 1
        yield a, b

    g = p(1, 2)
    point = points_of(p.__code__)[g.gi_frame.f_lasti]
    assert (point.live, point.depth) == ({"a"}, 0)


def test_places_are_computed_once():
    """The analysis of a code object is kept."""
    code = test_places_are_computed_once.__code__
    assert points_of(code) is points_of(code)


def instruction(opname, argval):
    return types.SimpleNamespace(opname=opname, argval=argval)


def test_effects_of_superinstructions():
    """Instructions that join two take effect in order; unknown ones use all that they may name."""
    code = test_straight_lines.__code__
    effect = liveness._effect
    a, b, none = frozenset("a"), frozenset("b"), frozenset()
    assert effect(instruction("STORE_FAST_LOAD_FAST", ("a", "b")), code) == (b, a)
    assert effect(instruction("STORE_FAST_LOAD_FAST", ("a", "a")), code) == (none, a)
    assert effect(instruction("STORE_FAST_STORE_FAST", ("a", "b")), code) == (none, a | b)
    assert effect(instruction("LOAD_FAST_BORROW_LOAD_FAST_BORROW", ("a", "b")), code)[0] == a | b
    assert effect(instruction("SPIN_FAST", "a"), code) == (a, none)
    assert effect(instruction("SPIN_FAST", 7), code)[0] == {"body", "expected", "found"} | set(
        code.co_varnames
    )
    assert effect(instruction("COPY_FREE_VARS", 1), code) == (none, none)
    assert effect(instruction("LOAD_CONST", "a"), code) == (none, none)


def test_every_opcode_that_names_variables_is_known():
    """A new Python's opcodes are looked at before they are trusted: see `_EFFECTS`."""
    known = {
        "COPY_FREE_VARS", "DELETE_DEREF", "DELETE_FAST", "LOAD_CLASSDEREF", "LOAD_CLOSURE",
        "LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_AND_CLEAR", "LOAD_FAST_BORROW",
        "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST",
        "LOAD_FROM_DICT_OR_DEREF", "MAKE_CELL", "STORE_DEREF", "STORE_FAST",
        "STORE_FAST_LOAD_FAST", "STORE_FAST_MAYBE_NULL", "STORE_FAST_STORE_FAST",
    }  # fmt: skip
    local = {dis.opname[op] for op in [*dis.haslocal, *dis.hasfree]}
    assert {name for name in local if not name.startswith("<")} <= known
