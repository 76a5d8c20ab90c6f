"""The IBM Power model.

Source: Alglave, Maranget, Tautschnig, "Herding Cats: Modelling, Simulation, Testing, and
Data-Mining for Weak Memory", TOPLAS 2014, figures 18, 21 and 25. `eieio` orders writes, like
`lwsync`; a read of the same location twice (`rdw`) and a write seen back (`detour`) are in ppo.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from modelcheck.axiomatic.constraints import Constraint, Model, acyclic, empty, irreflexive
from modelcheck.axiomatic.execution import Execution, Skeleton
from modelcheck.axiomatic.relations import Relation


@define(eq=False)
class Base:
    """What does not depend on who reads from whom."""

    sync: Relation
    light: Relation
    ctrl_isync: Relation
    dp: Relation
    cc0: Relation
    exclusives: Relation


def prepare(s: Skeleton) -> Base:
    """Return fences and dependencies."""
    po, R, W, M = s.po, s.R, s.W, s.M
    dp = s.addr | s.data
    lwsync = s.fencerel(s.tagged("lwsync")).between(M, M) - s.product(W, R)
    eieio = s.fencerel(s.tagged("eieio")).between(W, W)
    return Base(
        sync=s.fencerel(s.tagged("sync")).between(M, M),
        light=lwsync | eieio,
        ctrl_isync=(s.ctrl.end(s.tagged("isync")) >> po).end(M),
        dp=dp,
        cc0=(dp | s.po_loc | s.ctrl | s.addr >> po).between(M, M),
        exclusives=po.between(s.tagged("X"), s.tagged("X")),
    )


def preserved(x: Execution, b: Base) -> Relation:
    """Return preserved program order: a least fixpoint over the halves of each access.

    ``ii`` relates beginnings, ``cc`` ends, ``ic`` beginning and end, ``ci`` end and beginning.
    """
    s = x.skeleton
    rdw = s.po_loc & (x.fre >> x.rfe)
    detour = s.po_loc & (x.coe >> x.rfe)
    ii0 = b.dp | rdw | x.rfi
    ci0 = b.ctrl_isync | detour
    cc0 = b.cc0
    ii, ci, cc, ic = ii0, ci0, cc0, s.empty()
    while True:
        new_ii = ii0 | ci | ic >> ci | ii >> ii
        new_ic = new_ii | cc | ic >> cc | ii >> ic
        new_ci = ci0 | ci >> ii | cc >> ci
        new_cc = cc0 | ci | ci >> ic | cc >> cc
        if (new_ii, new_ic, new_ci, new_cc) == (ii, ic, ci, cc):
            break
        ii, ic, ci, cc = new_ii, new_ic, new_ci, new_cc
    return ii.between(s.R, s.R) | ic.between(s.R, s.W)


def constraints(x: Execution, b: Base) -> Iterator[Constraint]:
    """Return the axioms of an execution."""
    s = x.skeleton
    rfe, fre, coe = x.rfe, x.fre, x.coe
    yield acyclic("sc-per-location", s.po_loc | x.com, po_loc=s.po_loc, rf=x.rf, co=x.co, fr=x.fr)
    yield empty("atomicity", s.rmw & (fre >> coe))

    ppo = preserved(x, b)
    fence = b.sync | b.light
    hb = ppo | fence | rfe
    yield acyclic("no-thin-air", hb, ppo=ppo, fence=fence, rfe=rfe)

    hbs = hb.star()
    prop_base = (fence | rfe >> fence) >> hbs
    com = rfe | fre | coe
    strong = (com | fre >> rfe | coe >> rfe).opt() >> prop_base.star() >> b.sync >> hbs
    prop = prop_base.between(s.W, s.W) | strong
    yield irreflexive("observation", fre >> prop >> hbs)
    yield acyclic("propagation", x.co | prop, co=x.co, prop=prop)
    yield acyclic("exclusives", x.co | b.exclusives, co=x.co, po=b.exclusives)


POWER = Model("power", constraints, prepare, architectures=("PPC",))

__all__ = ["POWER"]
