"""The Armv8 model, other-multi-copy-atomic, for ordinary memory.

Sources: Pulte, Flur, Deacon, French, Sarkar, Sewell, "Simplifying ARM Concurrency", POPL 2018, and
section B2.3 of the Arm Architecture Reference Manual: external visibility as one acyclic relation,
`ob`, of observation, dependencies, atomics and barriers.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.axiomatic.constraints import Constraint, Model, acyclic, empty
from modelcheck.axiomatic.execution import Execution, Skeleton
from modelcheck.axiomatic.relations import Relation


def prepare(s: Skeleton) -> Relation:
    """Return what barriers, acquire and release order: `bob`, and ctrl and addr before ISB."""
    po, R, W, M = s.po, s.R, s.W, s.M
    A, Q, L = s.tagged("A") & R, s.tagged("Q") & R, s.tagged("L") & W
    ISB = s.tagged("ISB")
    full = s.fencerel(s.tagged("dmb.full", "dsb.full")).between(M, M)
    # The read of an atomic without a result (STADD) is none to DMB LD.
    load = s.fencerel(s.tagged("dmb.ld", "dsb.ld")).between(R & ~s.tagged("noret"), M)
    store = s.fencerel(s.tagged("dmb.st", "dsb.st")).between(W, W)
    swapped = s.rmw.between(A, L).range()
    bob = full | load | store | po.between(L, A) | po.between(A | Q, M) | po.between(M, L)
    bob |= po.between(swapped, M)
    before_isb = (s.ctrl | s.addr >> po).end(ISB) >> po.end(R)
    dob = s.addr | s.data | s.ctrl.end(W) | (s.addr >> po).end(W) | before_isb
    return bob | dob.between(M, M)


def constraints(x: Execution, lob: Relation) -> Iterator[Constraint]:
    """Return the axioms of an execution."""
    s = x.skeleton
    yield acyclic("internal", s.po_loc | x.com, po_loc=s.po_loc, rf=x.rf, co=x.co, fr=x.fr)
    yield empty("atomic", s.rmw & (x.fre >> x.coe))
    acquires = s.tagged("A", "Q") & s.R
    dob = (s.addr | s.data) >> x.rfi
    aob = s.rmw | (x.rfi.start(s.rmw.range())).end(acquires)
    obs = x.rfe | x.fre | x.coe
    ob = obs | lob | dob | aob
    yield acyclic("external", ob, obs=obs, lob=lob, dob=dob, aob=aob)


ARMV8 = Model("armv8", constraints, prepare, architectures=("AArch64",))

__all__ = ["ARMV8"]
