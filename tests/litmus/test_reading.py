"""What the readers of litmus files take, and where they say a mistake is."""

from __future__ import annotations

import pytest

from modelcheck.axiomatic.models import MODELS
from modelcheck.litmus.errors import LitmusError
from modelcheck.litmus.herd import herd_text, state_text
from modelcheck.litmus.primitives import PRIMITIVES
from modelcheck.litmus.run import run
from modelcheck.litmus.test import expected_result, parse

ODD = """C odd
"diy's own words, with a { in them"
Prefetch=0:x=F
(* nested (* comment *) with {} braces *)
{ int x = 1; atomic_t v = ATOMIC_INIT(3); 0:r9=x; spinlock_t s; int *p=&x; [y]=2;
  int a[2] = {4,5}; }
// between the parts
P0(int *x, atomic_t *v, volatile int* y, int *a)
{
	int r0, r1 = 5; int *r2 = x; /* (* not nested here */
	intptr_t r3 = (intptr_t)READ_ONCE(*(int **)r2);
	if (atomic_dec_and_test(v)) { WRITE_ONCE(*y, 7); }
	else if (r1 != 5) WRITE_ONCE(*y, 8);
	else { r0 = 2; }
	do { r1 = r1 - 1; } while (r1 > 3);
	(void) atomic_fetch_add(2, v);
	r0 += 1;
	int r5 = atomic_xchg_release(v, 9) + 1;
	r4 = READ_ONCE(*r9);
	r6 = READ_ONCE(a[1]);
	r7 = READ_ONCE(*(a + (r0 ^ r0)));
}
(* also between processes *)
void P1(struct srcu_struct *ss, int *x) {
	int idx = srcu_read_lock(ss); srcu_read_unlock(ss, idx); smp_store_mb(*x, 3); barrier();
}
locations [0:r0; 0:r1; v; x int; 0:r6; 0:r7;] filter (0:r3=1 \\/ P0:r3=3)
exists (0:r1=3 /\\ 0:r5=5 /\\ ~(x=1 \\/ y=3) => true) (* the end *)
"""


def test_odd_syntax():
    """Comments, declarations, casts, arrays, else-if, loops and all parts of a file are read."""
    found = run(parse(ODD), MODELS["lkmm"])
    assert [state_text(s) for s in found.states] == [
        "0:r0=3; 0:r1=3; 0:r5=5; 0:r6=5; 0:r7=4; [v]=9; [x]=3; [y]=2;"
    ]
    assert found.observation == "Always"


def test_a_name_with_the_suffix_of_a_file():
    """As herd7 does it: scripts look a test's name up in what is printed."""
    named = parse("C MP+o.litmus\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nexists (x=1)\n")
    assert named.name == "MP+o"


def test_a_cell_of_an_array_in_the_condition():
    """`a[1]` in a condition is the cell of a process; `locations` takes all cells."""
    body = "{ int a[2]; }\nP0(int *a) { WRITE_ONCE(a[1], 1); }\nlocations [a;] exists (a[1]=1)"
    found = run(parse(f"C cells\n{body}"), MODELS["lkmm"])
    assert [state_text(s) for s in found.states] == ["a[0]=0; a[1]=1;"]
    assert found.observation == "Always"


@pytest.mark.parametrize(
    ("condition", "what"),
    [("a[2]=1", "`a` has 2 cells"), ("x[0]=1", "`x` is no array"), ("a=1", "`a` is an array")],
)
def test_a_cell_that_is_not_there(condition, what):
    """A condition over a cell that no array has is a mistake, not a location that stays 0."""
    with pytest.raises(LitmusError, match=what):
        parse(f"C cells\n{{ int a[2]; }}\nP0(int *a) {{ a[1] = 1; }}\nexists ({condition})")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("C t\n{}\nP0(int *x) { }\nexists (7:r1=0)", "t:4:9: there is no process 7"),
        ("AArch64 t\n{}\nP0 ;\nNOP ;\nexists (0:rax=0)", "t:5:11: `rax` is no register"),
        ("X86_64 t\n{ 0:X1=x; }\nP0 ;\nmfence ;\nexists (x=0)", "t:2:5: `X1` is no register"),
        ("PPC t\n{}\nP0 ;\nsync ;\nexists (0:x1=0)", "t:5:11: `x1` is no register"),
        ("X86 t\n{}\nP0 ;\nMOV EAX,[x] ;\nexists (x=0)", "t:1:1: unknown architecture `X86`"),
        ("C t\n{ int a[99999999]; }\nP0(int *a) { }\nexists (true)", "t:2:3: an array of"),
        (f"C t\n{{}}\nP0(int *x) {{ }}\nexists {'(' * 9999}", "t:1:1: brackets"),
    ],
)
def test_what_no_test_can_mean(text, what):
    """Processes and registers that are not there, and sizes beyond reason, are mistakes."""
    with pytest.raises(LitmusError, match=what):
        parse(text, "t")


def test_a_shift_too_far_has_no_meaning():
    """As in C; the number would be larger than memory."""
    found = run(parse(c("int r0 = 1 << 99999999999;")), MODELS["lkmm"])
    assert found.faults == {"1 is shifted by 99999999999"}


def c(body: str, condition: str = "exists (x=1)") -> str:
    return f"C t\n{{}}\nP0(int *x, int *y) {{ {body} }}\n{condition}\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("", 1, 1, "this is no litmus test"),
        ("Z80 t\n{}\n", 1, 1, "unknown architecture `Z80`"),
        ("C t\nP0(int *x) ;", 2, 13, "no initial state"),
        ("C t\n{ x=1; ", 2, 1, "`{` is never closed"),
        ("C t\n{ x=; }\nP0() {}\nexists (x=1)", 2, 5, "a value expected, found `;`"),
        ("C t\n{}\nexists (x=1)", 2, 3, "no process"),
        ("C t\n{}\nP1(int *x) {}\nexists (x=1)", 3, 1, "P1 stands where P0 should"),
        ("C t\n{}\nP0(int *x) { smp_mb();\nexists (x=1)", 3, 1, "this process is never closed"),
        (c("WRITE_ONCE(x, 1);"), 3, 33, "`WRITE_ONCE` wants a variable, not its address"),
        ("LISA t\n{}\n", 1, 1, "unknown architecture `LISA`"),
        (c("spin_unlock_wait(x);"), 3, 22, "unknown function `spin_unlock_wait`"),
        (c("smp_memb();"), 3, 22, "unknown function `smp_memb`"),
        (c("kfree(x);"), 3, 22, "unknown function `kfree`"),
        (c("r1 = ACCESS_ONCE(*x);"), 3, 27, "unknown function `ACCESS_ONCE`"),
        (c("r1 = READ_ONCE(*x, 1);"), 3, 27, "`READ_ONCE` takes 1 arguments, not 2"),
        (c("r1 = smp_mb();"), 3, 27, "`smp_mb` returns nothing"),
        (c("r1 = READ_ONCE(*x)"), 3, 41, "`;` expected, found `}`"),
        (c("return;"), 3, 22, "`return` has no place in a litmus test"),
        (c("if (r1 && READ_ONCE(*x)) { }"), 3, 32, "an access on the right of `&&`"),
        (c("5 = r1;"), 3, 22, "this cannot be assigned to"),
        (c("smp_mb();", "exists (0:r1=1 /\\ )"), 4, 19, "a register or location expected"),
        (c("smp_mb();", "exists (x=1) exists"), 4, 14, "the end of the test expected"),
        (c("smp_mb();", "always (x=1)"), 4, 1, "a condition expected, found `always`"),
        ("PPC t\n{}\n P0 | P1 ;\n li r1,1 | frob r1 ;\nexists (x=1)", 4, 12, "unknown instruction"),
        ("PPC t\n{}\n P0 ;\n stw r1 ;\nexists (x=1)", 4, 2, "stw takes a register and an address"),
        ("PPC t\n{}\n P0 ;\n li r1,1\nexists (x=1)", 4, 2, "this row never ends"),
        ("PPC t\n{}\n Q0 ;\n li r1,1 ;\nexists (x=1)", 3, 2, "`Q0` stands where P0 should"),
        ("PPC t\n{}\n P0 ;\n li r1,1 | li r2,1 ;\nexists (x=1)", 4, 12, "more columns"),
        ("X86_64 t\n{}\n P0 ;\n movl $1,%foo ;\nexists (x=1)", 4, 2, "`%foo` is no register"),
        ("AArch64 t\n{}\n P0 ;\n DMB XY ;\nexists (x=1)", 4, 2, "DMB takes one of"),
    ],
)
def test_mistakes_have_file_line_and_column(text, line, column, what):
    """A syntax error names where it is and what is wrong."""
    with pytest.raises(LitmusError) as caught:
        parse(text, "t.litmus")
    assert str(caught.value).startswith(f"t.litmus:{line}:{column}: ")
    assert what in str(caught.value)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_primitive_runs(name):
    """Each primitive of the kernel's model can be called, and gives an execution."""
    primitive = PRIMITIVES[name]
    args = ["1"] * primitive.arity
    if primitive.arity:
        args[primitive.address] = "*x" if primitive.lvalue else "x"
    call = f"{name}({', '.join(args)})"
    returns = primitive.kind in ("load", "xchg", "cmpxchg", "unless", "trylock", "islocked")
    returns |= primitive.kind == "op" and bool(primitive.result)
    before = "rcu_read_lock(); " if name == "rcu_read_unlock" else ""
    before += "spin_lock(x); " if name == "spin_unlock" else ""
    found = run(parse(c(f"{before}{'r1 = ' if returns else ''}{call};")), MODELS["lkmm"])
    assert found.positive + found.negative > 0


@pytest.mark.parametrize(
    ("call", "result", "memory"),
    [
        ("atomic_add_return(2, x)", 5, 5),
        ("atomic_fetch_add(2, x)", 3, 5),
        ("atomic_sub_return(2, x)", 1, 1),
        ("atomic_fetch_or(4, x)", 3, 7),
        ("atomic_fetch_and(6, x)", 3, 2),
        ("atomic_fetch_xor(1, x)", 3, 2),
        ("atomic_fetch_andnot(1, x)", 3, 2),
        ("atomic_inc_return(x)", 4, 4),
        ("atomic_fetch_dec(x)", 3, 2),
        ("atomic_dec_and_test(x)", 0, 2),
        ("atomic_sub_and_test(3, x)", 1, 0),
        ("atomic_add_negative(-4, x)", 1, -1),
        ("atomic_xchg(x, 9)", 3, 9),
        ("cmpxchg(x, 3, 9)", 3, 9),
        ("cmpxchg(x, 4, 9)", 3, 3),
        ("atomic_add_unless(x, 2, 4)", 1, 5),
        ("atomic_add_unless(x, 2, 3)", 0, 3),
        ("__load{once}(*x)", 3, 3),
        ("__atomic_add_unless{mb}(x, 1, 3)", 0, 3),
    ],
)
def test_what_read_modify_writes_return(call, result, memory):
    """Each returns the kernel's value and leaves the right one in memory, starting from 3."""
    text = (
        f"C t\n{{ x=3; }}\nP0(int *x) {{ int r1 = {call}; }}\nforall (0:r1={result} /\\ x={memory})"
    )
    found = run(parse(text), MODELS["lkmm"])
    assert found.observation == "Always"
    assert found.ok


def test_expected_results_in_comments():
    """`Result:` comments are read with their race flag; other words are none."""
    assert expected_result("(* Result: Never *)") == "Never"
    assert expected_result("(*\n * Result: sometimes\n *)") == "Sometimes"
    assert expected_result("(* Result: Never DATARACE *)") == "Never DATARACE"
    assert expected_result("(* Result: DEADLOCK *)") == "DEADLOCK"
    assert expected_result("(* Result: perhaps *)") is None


def test_the_text_is_herds():
    """The whole text of a test, states, witnesses, flags and observation, as herd7 prints it."""
    text = """C text
{}
P0(int *x, int *y) { *x = 1; rcu_read_lock(); smp_store_release(y, 1); }
P1(int *x, int *y) { int r0 = smp_load_acquire(y); int r1 = *x; }
~exists (1:r0=1 /\\ ~(1:r1=1 \\/ x=2))
"""
    assert herd_text(run(parse(text), MODELS["lkmm"])) == (
        "Test text Forbidden\n"
        "States 3\n"
        "1:r0=0; 1:r1=0; [x]=1;\n"
        "1:r0=0; 1:r1=1; [x]=1;\n"
        "1:r0=1; 1:r1=1; [x]=1;\n"
        "Ok\n"
        "Witnesses\n"
        "Positive: 3 Negative: 0\n"
        "Flag data-race\n"
        "Flag unmatched-rcu-lock\n"
        "Condition ~exists (1:r0=1 /\\ not (1:r1=1 \\/ [x]=2))\n"
        "Observation text Never 0 3\n"
    )


def test_a_loop_is_cut_and_says_so():
    """A loop that goes round too often is left out, and the text says `Loop`."""
    text = c("while (READ_ONCE(*x) == 0) { }", "exists (x=0)")
    found = run(parse(text), MODELS["lkmm"])
    assert (found.cut, found.positive) == (True, 0)
    assert "\nLoop No\n" in herd_text(found)


def test_what_has_no_meaning_is_left_out_and_told():
    """An allowed execution that uses a number as an address does not count, and is named."""
    text = "C t\n{}\nP0(int *x) { r1 = READ_ONCE(*x); r2 = READ_ONCE(*r1); }\nexists (0:r2=0)"
    found = run(parse(text), MODELS["lkmm"])
    assert found.faults == {"0 is used as an address"}
    assert found.positive + found.negative == 0
