"""Each model with one thing wrong gives another verdict on one of the project's own tests.

A mutant is a change of the model's source: a relation dropped, a fence weakened. One that no test
noticed would be a part of the model that nothing tests. Not listed is what a model says twice: in
LKMM a grace period is a strong fence and again an `rcu-fence`, and unlock;lock on one CPU is in
`ppo` and again in `prop`; dropping one of the two changes nothing.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from litmus.suites import own

from modelcheck.axiomatic.constraints import Model
from modelcheck.litmus.run import result_of, run
from modelcheck.litmus.test import Litmus, read

#: The module, the name of the model in it, the tests it is for, and changes: old text, new text.
LKMM = [
    ("s.po_loc | x.com, po_loc", "s.po_loc | rf, po_loc"),
    ('empty("atomicity", s.rmw & (x.fre >> x.coe))', 'empty("atomicity", s.empty())'),
    ("& R & ~failed", "& R & s.empty().domain()"),
    ('Release = s.tagged("release") & W | s.tagged("UL")', "Release = 0"),
    ('Mb = s.tagged("mb") & ~failed', 'Mb = s.tagged("mb")'),
    ('Mb = s.tagged("mb") & ~failed', "Mb = 0"),
    ('Noreturn = s.tagged("noreturn") & R', "Noreturn = 0"),
    ('s.fencerel(s.tagged("rmb")).between(R4rmb, R4rmb)', "s.empty()"),
    ('s.fencerel(s.tagged("wmb")).between(W, W)', "s.empty()"),
    ('s.fencerel(s.tagged("wmb")).between(W, W)', 's.fencerel(s.tagged("wmb")).between(M, M)'),
    ("mb |= s.fencerel(before)", "mb |= s.empty() & s.fencerel(before)"),
    ("mb |= po.opt().between(M, RMW)", "mb |= s.empty() & po.opt().between(M, RMW)"),
    ('mb |= po.opt().between(M, s.tagged("LKW"))', "mb |= s.empty()"),
    ("opened[event.proc].pop()", "opened[event.proc].pop(0)"),
    ("if carry:", "if False:"),
    ("        mb |= pul.start(s.M)", "        mb |= s.empty() & pul.start(s.M)"),
    ("rwdep = (dep | ctrl).end(s.W)", "rwdep = dep.end(s.W)"),
    ("rwdep = (dep | ctrl).end(s.W)", "rwdep = ctrl.end(s.W)"),
    ("addr.end(s.R)", "s.empty()"),
    ("a_cumul = cumulative | rfe.end(Marked) >> cumulative", "a_cumul = cumulative"),
    ("rmw_sequence = (rf >> s.rmw).star()", "rmw_sequence = s.identity()"),
    ("(a_cumul | b.wmb | pul)", "(a_cumul | pul)"),
    ("(a_cumul | b.wmb | pul)", "(a_cumul | b.wmb)"),
    ("cumuls.end(Marked) >> rfe.opt()", "cumuls.end(Marked)"),
    ('yield acyclic("happens-before", hb,', 'yield acyclic("happens-before", rfe,'),
    ('yield acyclic("propagation", pb,', 'yield acyclic("propagation", s.empty(),'),
    ('yield irreflexive("rcu", rb,', 'yield irreflexive("rcu", s.empty(),'),
    ("(data.end(~unlock) >> x.rf).star()", "s.identity()"),
    ("& s.same_loc\n\n\ndef _rcu_order", "\n\n\ndef _rcu_order"),
    ("| rcu >> inner >> gp", ""),
    ("| (srcu_gp >> inner >> srcu) & loc", "| srcu_gp >> inner >> srcu"),
    ("grown = order | around(linked) | order >> link >> order", "grown = order"),
    ("        fence |= rcu_fence", "        pass"),
    ("w_pre = (o.addr | fence).opt()", "w_pre = fence.opt()"),
    ("w_post = fence.opt()", "w_post = s.identity()"),
    ("r_post = (o.nonrw_fence | Rmb.between(not_noreturn, R4rmb)).opt()", "r_post = s.identity()"),
    ("(conflict & co) - ww_nonrace", "s.empty()"),
    ("wr_race = (conflict & (co.opt() >> rf))", "wr_race = s.empty()"),
    ("rw_race = (conflict & fr) - rw_xbstar", "rw_race = s.empty()"),
    ("rw_race = (conflict & fr) - rw_xbstar", "rw_race = conflict & fr"),
]
TSO = [
    ("- s.product(W, R)", ""),
    ("- s.product(W, R)", "- s.product(R, R)"),
    ("- s.product(W, R)", "- s.product(M, W)"),
    ("| mfence.between(M, M)", ""),
    ("po.between(W & locked, R) | po.between(W, R & locked) | ", ""),
    ("s.rmw & (x.fre >> x.coe)", "s.empty()"),
    ("ppo | x.rfe | x.co | x.fr", "ppo | x.co | x.fr"),
    ("ppo | x.rfe | x.co | x.fr", "ppo | x.rfe | x.co"),
    ("ppo | x.rfe | x.co | x.fr", "ppo | x.rf | x.co | x.fr"),
]
POWER = [
    ("dp = s.addr | s.data", "dp = s.data"),
    ("dp = s.addr | s.data", "dp = s.addr"),
    ('s.fencerel(s.tagged("lwsync")).between(M, M)', "s.empty()"),
    ('s.fencerel(s.tagged("eieio")).between(W, W)', "s.empty()"),
    ('s.fencerel(s.tagged("sync")).between(M, M)', "s.empty()"),
    ('s.ctrl.end(s.tagged("isync"))', "s.empty()"),
    ("s.ctrl.end(s.tagged", "s.ctrl.end(s.every) if True else (s.tagged"),
    ("s.rmw & (fre >> coe)", "s.empty()"),
    ("hb = ppo | fence | rfe", "hb = fence | rfe"),
    ("prop_base = (fence | rfe >> fence) >> hbs", "prop_base = fence >> hbs"),
    ("prop_base.star() >> b.sync >> hbs", "prop_base.star() >> b.sync.start(0) >> hbs"),
    ("fre >> prop >> hbs", "s.empty()"),
    ('yield acyclic("propagation", x.co | prop,', 'yield acyclic("propagation", x.co,'),
]
ARMV8 = [
    ('s.fencerel(s.tagged("dmb.full", "dsb.full")).between(M, M)', "s.empty()"),
    ('s.fencerel(s.tagged("dmb.ld", "dsb.ld")).between(R & ~s.tagged("noret"), M)', "s.empty()"),
    ('R & ~s.tagged("noret")', "R"),
    ('s.fencerel(s.tagged("dmb.st")).between(W, W)', "s.empty()"),
    (
        's.fencerel(s.tagged("dmb.st")).between(W, W)',
        's.fencerel(s.tagged("dmb.st")).between(M, M)',
    ),
    (
        's.fencerel(s.tagged("dsb.st")).between(W, M)',
        's.fencerel(s.tagged("dsb.st")).between(W, W)',
    ),
    ("po.between(L, A)", "po.between(L, A & 0)"),
    ("po.between(L, A)", "po.between(L, A | Q)"),
    ("| po.between(A | Q, M)", ""),
    ("| po.between(M, L)", ""),
    (" | po.between(swapped, M)", ""),
    ('A & s.tagged("RMW"), L', "A, L"),
    ("ordered(s, s.addr, s.data) | s.addr |", "ordered(s, s.addr, s.data) |"),
    ("return (addr | data | decided)", "return (addr | decided)"),
    (" | before_isb", ""),
    ("(addr | data | decided).end(s.W)", "(addr | data | decided)"),
    ("s.rmw & (x.fre >> x.coe)", "s.empty()"),
    ("(s.addr | s.data) >> successor", "s.empty()"),
    ("successor.end(acquires)", "successor"),
    ("s.rmw >> successor.end(acquires)", "s.empty()"),
    ("s.addr | s.picked_addr, data)", "s.addr, data)"),
    ("data = s.data | s.picked_data", "data = s.data"),
    ("(data >> successor).star()", "(data >> successor).opt().start(0)"),
    ("(carried >> lob.plus()).end(W)", "s.empty()"),
    ("(carried >> lob.plus()).end(W)", "(carried >> lob.plus())"),
    ("obs = x.rfe | x.fre | x.coe", "obs = x.rfe | x.coe"),
    ("obs = x.rfe | x.fre | x.coe", "obs = x.fre | x.coe"),
    ("obs = x.rfe | x.fre | x.coe", "obs = x.rfe | x.fre"),
]
SC = [("s.po | x.com", "x.com"), ("s.rmw & (x.fre >> x.coe)", "s.empty()")]
CASES = [
    (module, attribute, prefix, old, new)
    for module, attribute, prefix, mutants in (
        ("lkmm", "LKMM", "C-", LKMM),
        ("tso", "TSO", "X86_64-", TSO),
        ("power", "POWER", "PPC-", POWER),
        ("armv8", "ARMV8", "AArch64-", ARMV8),
        ("sc", "SC", "C-", SC),
    )
    for old, new in mutants
]


def source_of(module: str) -> str:
    spec = find_spec(f"modelcheck.axiomatic.models.{module}")
    return Path(spec.origin).read_text(encoding="utf-8")


def built(source: str, attribute: str) -> Model:
    """The model of a changed source."""
    module = ModuleType("mutant")
    exec(compile(source, "<mutant>", "exec"), module.__dict__)
    return module.__dict__[attribute]


@cache
def read_all(prefix: str) -> tuple[Litmus, ...]:
    """The own tests of an architecture; small ones, without locks, for sequential consistency."""
    return tuple(read(path) for path in own(prefix))


@cache
def verdicts(module: str, attribute: str, prefix: str) -> tuple[str, ...]:
    return tuple(results(built(source_of(module), attribute), prefix))


def results(model: Model, prefix: str):
    for test in read_all(prefix):
        if model.meaningless and "synchronize" in test.source.text:
            yield ""
        else:
            outcome = run(test, incoherent(model), verdict_only=True)
            yield result_of(outcome) + " ".join(sorted(outcome.flags))


def incoherent(model: Model) -> Model:
    """The model, with every candidate enumerated."""
    from attrs import evolve

    return evolve(model, coherent=False)


@pytest.mark.parametrize(("module", "attribute", "prefix", "old", "new"), CASES)
def test_mutants_are_caught(module, attribute, prefix, old, new):
    """At least one test has another verdict under the mutant than under the model."""
    source = source_of(module)
    assert old in source, f"{module} no longer says {old!r}"
    mutant = built(source.replace(old, new), attribute)
    right = verdicts(module, attribute, prefix)
    assert any(a != b for a, b in zip(right, results(mutant, prefix), strict=True))
