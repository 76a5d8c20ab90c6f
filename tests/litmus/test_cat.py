"""Models in the cat language agree with the built-in ones; a cat file's mistakes have a place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from litmus.suites import own

from modelcheck.axiomatic.models import MODELS, NATIVE
from modelcheck.errors import UsageError
from modelcheck.litmus.cat import load, load_text
from modelcheck.litmus.errors import LitmusError
from modelcheck.litmus.run import run
from modelcheck.litmus.test import parse, read

SC = """"SC"
include "cos.cat"
let com = rf | co | fr
acyclic po | com as sc
empty rmw & (fre ; coe) as atomic
"""
TSO = """X86 TSO
include "x86fences.cat"
include "filters.cat"
include "cos.cat"
let com = rf | fr | co
acyclic po-loc | com as uniproc
empty rmw & (fre ; coe) as atomic
(* Program order, but for a write and a later read, (* unless *) one is locked. *)
let ppo = po \\ (W * R)
let implied = [W & A] ; po ; [R] | [W] ; po ; [R & A]
acyclic (ppo & M * M) | mfence | implied | rfe | fr | co as tso
"""
POWER = """PPC
include "cos.cat"
include "fences.cat"
acyclic po-loc | rf | fr | co as coherence
empty rmw & (fre;coe) as atomic
let dp = addr | data
let rdw = po-loc & (fre ; rfe)
let detour = po-loc & (coe ; rfe)
let rec ii = dp | rdw | rfi | ci | (ic ; ci) | (ii ; ii)
and ci = ctrlisync | detour | (ci ; ii) | (cc ; ci)
and cc = dp | po-loc | ctrl | (addr ; po) | ci | (ci ; ic) | (cc ; cc)
and ic = ii | cc | (ic ; cc) | (ii ; ic)
let ppo = ii & (R * R) | ic & (R * W)
let light = (lwsync \\ (W * R)) | (eieio & (W * W))
let fence = sync | light
let hb = ppo | fence | rfe
acyclic hb as thin-air
procedure observed(p) =
  irreflexive fre ; p ; hb* as observation
end
let base = (fence | rfe ; fence) ; hb*
let chapo = rfe | fre | coe | (fre ; rfe) | (coe ; rfe)
let prop = base & (W * W) | chapo? ; base* ; sync ; hb*
call observed(prop)
acyclic co | prop as propagation
"""
BELL = """
enum Barriers = 'mb || 'wmb || 'rmb
instructions F[Barriers]
let fence-of t = match t with || 'mb -> Mb || 'wmb -> Wmb || _ -> Rmb end
let between t = [M] ; fencerel(fence-of t) ; [M]
let strong = between 'mb
acyclic po-loc | rf | co | (rf^-1 ; co) as coherence
acyclic strong | rf | co | (rf^-1 ; co) as strong-sc
flag ~empty (if "loud" then strong else 0) as has-strong-fence
"""


def outcome(test, model):
    found = run(test, model)
    return found.positive, found.negative, found.states, found.flags


@pytest.mark.parametrize("path", own("X86_64-") + own("PPC-"), ids=lambda path: path.stem)
def test_cat_models_agree_with_built_in_ones(path):
    """SC, TSO and Power written in cat count the same executions as the built-in models."""
    test = read(path)
    texts = {"sc": SC, "power": POWER} if test.arch == "PPC" else {"sc": SC, "x86-tso": TSO}
    for name, text in texts.items():
        assert outcome(test, load_text(text, name)) == outcome(test, MODELS[name])


KERNEL = os.environ.get("MODELCHECK_LINUX_CAT", "")


@pytest.mark.skipif(not KERNEL, reason="MODELCHECK_LINUX_CAT does not name a linux-kernel.cat")
@pytest.mark.parametrize("path", own("C-"), ids=lambda path: path.stem)
def test_the_kernels_own_file_agrees_with_the_built_in_model(path):
    """The kernel's cat file and the built-in model give equal states, counts and flags."""
    test = read(path)
    assert outcome(test, load(KERNEL, "C")) == outcome(test, MODELS[NATIVE["C"]])


MP = """C MP
{}
P0(int *x, int *y) { WRITE_ONCE(*x, 1); smp_mb(); WRITE_ONCE(*y, 1); }
P1(int *x, int *y) { int r0 = READ_ONCE(*y); smp_mb(); int r1 = READ_ONCE(*x); }
exists (1:r0=1 /\\ 1:r1=0)
"""


def test_tags_functions_and_variants():
    """Tags name sets, a match takes one apart, a variant turns a flag on."""
    test = parse(MP)
    quiet = run(test, load_text(BELL))
    loud = run(test, load_text(BELL, variants=["loud"]))
    assert (quiet.observation, quiet.flags) == ("Never", set())
    assert (loud.observation, loud.flags) == ("Never", {"has-strong-fence"})


def test_with_enumerates():
    """Each value that `with` may take is an execution of its own."""
    test = parse("C two\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nexists (x=1)")
    text = "with order from linearisations(F | W, 0)\nempty order \\ po \\ (IW * _) as in-order"
    assert run(test, load_text(text)).positive == 1
    assert run(test, load_text("with order from linearisations(W, 0)")).positive == 2


def test_a_recursive_function_over_a_set():
    """`map` and a function that calls itself go through a set event by event."""
    text = """
let rec pairs S = match S with || {} -> 0 || e ++ S -> ({e} * {e}) | pairs S end
flag ~empty (pairs W) \\ id as not-the-identity
flag ~empty ([W] \\ pairs W) as incomplete
let singles = map (fun e -> {e}) W
flag empty singles as nothing-mapped
"""
    found = run(parse("C t\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nexists (x=1)"), load_text(text))
    assert found.flags == set()


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("acyclic po |", (1, 13), "an expression expected"),
        ("let x = po\nacyclic x ; (", (2, 14), "an expression expected"),
        ("let = po", (1, 5), "a name expected"),
        ("acyclic nowhere", (1, 1), "`nowhere` is not defined"),
        ("acyclic po ; W", (1, 1), "a relation is wanted, this is a set"),
        ('include "missing.cat"', (1, 1), "there is no file missing.cat"),
        ("acyclic po $", (1, 12), "unexpected character '$'"),
        ('"Arm" catdep acyclic po', (1, 7), "computes dependencies from register events"),
    ],
)
def test_mistakes_have_a_place(text, place, what):
    """An error in a cat file names file, line and column, also one found while it runs."""
    with pytest.raises(LitmusError) as caught:
        run(parse(MP), load_text(text, "wrong.cat"))
    assert (caught.value.line, caught.value.column) == place
    assert what in str(caught.value)
    assert str(caught.value).startswith("wrong.cat:")


def test_a_file_with_a_bell_file_beside_it(tmp_path):
    """The bell file of the same name is read first; includes are looked for beside the file."""
    (tmp_path / "m.bell").write_text("let strong = [M] ; fencerel(Mb) ; [M]")
    (tmp_path / "inner.cat").write_text("let com = rf | co | fr")
    (tmp_path / "m.cat").write_text(
        'include "cos.cat"\ninclude "inner.cat"\nacyclic po-loc | com as coherence\n'
        "acyclic strong | com as strong-sc\n"
    )
    assert run(parse(MP), load(tmp_path / "m.cat", "C")).observation == "Never"
    with pytest.raises(UsageError, match="there is no file"):
        load(Path(tmp_path / "n.cat"), "C")


def test_models_of_old_kernels_refuse_read_modify_writes(tmp_path):
    """Before Linux 6.15 barriers of atomics were events of their own: such tests are refused."""
    (tmp_path / "old.cat").write_text(
        'let lk-rmw = [LKR] ; po ; [LKW]\ninclude "cos.cat"\nacyclic po-loc | rf | co | fr as c\n'
    )
    model = load(tmp_path / "old.cat", "C")
    assert run(parse(MP), model).observation == "Sometimes"
    with pytest.raises(UsageError, match="before Linux 6.15"):
        run(parse("C t\n{}\nP0(int *x) { atomic_inc(x); }\nexists (x=1)"), model)
