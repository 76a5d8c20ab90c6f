"""Release-acquire and the repaired C11 model, over the annotations of the kernel's primitives.

`READ_ONCE` and its kin are relaxed, acquire and release are themselves, `smp_mb` and the barriers
that stand beside an atomic or a lock (`smp_mb__after_atomic`) are seq_cst fences, a value-returning
atomic without suffix is a seq_cst access, `smp_rmb` an acquire and `smp_wmb` a release fence; plain
accesses are non-atomic. Under ``ra`` every access is acquire or release.

Source: Lahav, Vafeiadis, Kang, Hur, Dreyer, "Repairing Sequential Consistency in C/C++11", PLDI
2017, figure 1; Lahav, Giannarakis, Vafeiadis, "Taming Release-Acquire Consistency", POPL 2016.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from modelcheck.axiomatic.constraints import (
    GRACE,
    Constraint,
    Model,
    acyclic,
    empty,
    flag,
    irreflexive,
)
from modelcheck.axiomatic.execution import Execution, Skeleton
from modelcheck.axiomatic.relations import Relation

#: Barriers that stand beside an atomic or a lock.
BESIDE = (
    "before-atomic", "after-atomic", "after-spinlock", "after-unlock-lock",
    "after-srcu-read-unlock",
)  # fmt: skip


@define(eq=False)
class Base:
    """The sets of accesses and fences of each strength."""

    plain: int
    acquires: int
    releases: int
    acquire_fences: int
    release_fences: int
    sc: int
    sc_fences: int


def prepare(s: Skeleton) -> Base:
    """Return the sets that the annotations determine."""
    fences = s.every & ~s.M
    mb = s.tagged("mb", *BESIDE)
    locks = s.tagged("LKR"), s.tagged("UL")
    return Base(
        plain=s.M & ~s.tagged(*s.tags()),
        acquires=s.R & (s.tagged("acquire") | mb | locks[0]),
        releases=s.W & (s.tagged("release") | mb | locks[1]),
        acquire_fences=fences & (mb | s.tagged("rmb")),
        release_fences=fences & (mb | s.tagged("wmb")),
        sc=s.M & mb,
        sc_fences=fences & mb,
    )


def happens_before(x: Execution, b: Base) -> Relation:
    """Return happens-before: program order and synchronizes-with."""
    s = x.skeleton
    po, IW = s.po, s.IW
    atomic = s.M & ~b.plain
    release = s.identity(b.releases) | po.start(b.release_fences).end(s.W)
    acquire = s.identity(b.acquires) | po.start(s.R).end(b.acquire_fences)
    same_location = (po & s.same_loc).between(s.W, s.W).opt().end(s.W & atomic)
    sequence = same_location >> (x.rf >> s.rmw).star()
    sw = release >> sequence >> x.rf.end(s.R & atomic) >> acquire
    return (po | sw | s.product(IW, s.every & ~IW)).plus()


def constraints(x: Execution, b: Base) -> Iterator[Constraint]:
    """Return the axioms of an execution under RC11."""
    s = x.skeleton
    hb = happens_before(x, b)
    eco = x.com.plus()
    yield irreflexive("coherence", hb >> eco.opt(), hb=hb, eco=eco)
    yield empty("atomicity", s.rmw & (x.fre >> x.coe))
    yield acyclic("no-thin-air", s.po | x.rf, po=s.po, rf=x.rf)
    outside = s.po - s.same_loc
    scb = s.po | outside >> hb >> outside | hb & s.same_loc | x.co | x.fr
    before = s.identity(b.sc) | hb.opt().start(b.sc_fences)
    after = s.identity(b.sc) | hb.opt().end(b.sc_fences)
    psc = before >> scb >> after
    fences = (hb | hb >> eco >> hb).between(b.sc_fences, b.sc_fences)
    yield acyclic("sc", psc | fences, psc=psc, fences=fences)
    conflict = s.external & s.same_loc & (s.product(b.plain, s.M) | s.product(s.M, b.plain))
    conflict = conflict & (s.product(s.W, s.M) | s.product(s.R, s.W))
    yield flag("data-race", conflict - hb - hb.inverse())


def release_acquire(x: Execution, _: None) -> Iterator[Constraint]:
    """Return the axioms of an execution where every access is acquire or release."""
    s = x.skeleton
    hb = (s.po | x.rf).plus()
    yield acyclic("no-thin-air", s.po | x.rf, po=s.po, rf=x.rf)
    local = hb & s.same_loc
    yield acyclic("coherence", local | x.co | x.fr, hb=local, co=x.co, fr=x.fr)
    yield empty("atomicity", s.rmw & (x.fre >> x.coe))


RC11 = Model("rc11", constraints, prepare, architectures=("C",), meaningless=GRACE)
RA = Model("ra", release_acquire, meaningless=GRACE)

__all__ = ["RA", "RC11"]
