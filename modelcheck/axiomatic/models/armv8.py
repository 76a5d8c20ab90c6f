"""The Armv8 model, other-multi-copy-atomic, for ordinary memory.

Sources: Pulte, Flur, Deacon, French, Sarkar, Sewell, "Simplifying ARM Concurrency", POPL 2018, and
section B2.3 of the Arm Architecture Reference Manual: external visibility as one acyclic relation,
`ob`, of observation, dependencies, atomics and barriers; with the later clarifications of what a
conditional select and a compare-and-swap pass on (pick dependencies: they order later writes).
"""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.axiomatic.constraints import Constraint, Model, acyclic, empty
from modelcheck.axiomatic.execution import Execution, Skeleton
from modelcheck.axiomatic.relations import Relation


def prepare(s: Skeleton) -> Relation:
    """Return what is ordered within each thread, whoever reads from whom: `lob`."""
    W, M = s.W, s.M
    acquires = s.tagged("A", "Q") & s.R
    successor = local_read_successor(s)
    lob = ordered(s, s.addr, s.data) | s.addr | (s.addr | s.data) >> successor
    lob |= s.rmw | s.rmw >> successor.end(acquires) | s.po_loc.between(M, W) | barriers(s)
    if not (s.picked_addr or s.picked_data):
        return lob
    # A value that was picked goes through memory: what it leads to orders later writes only.
    data = s.data | s.picked_data
    carried = (data >> successor).star().start(s.R)
    lob |= carried >> ordered(s, s.addr | s.picked_addr, data)
    return lob | (carried >> lob.plus()).end(W)


def local_read_successor(s: Skeleton) -> Relation:
    """Return the reads after each write, up to the next write to the same location."""
    between = s.po_loc.between(s.W, s.W)
    return s.po_loc.between(s.W, s.R) - (between >> s.po_loc)


def ordered(s: Skeleton, addr: Relation, data: Relation) -> Relation:
    """Return what dependencies order: later writes, and what follows an ISB."""
    decided = s.ctrl | addr >> s.po
    before_isb = decided.end(s.tagged("ISB")) >> s.po.end(s.R)
    return (addr | data | decided).end(s.W) | before_isb


def barriers(s: Skeleton) -> Relation:
    """Return what barriers, acquire and release order: `bob`. A DSB lets nothing pass."""
    po, R, W, M = s.po, s.R, s.W, s.M
    A, Q, L = s.tagged("A") & R, s.tagged("Q") & R, s.tagged("L") & W
    full = s.fencerel(s.tagged("dmb.full", "dsb.full")).between(M, M)
    # The read of an atomic without a result (STADD) is none to DMB LD.
    load = s.fencerel(s.tagged("dmb.ld", "dsb.ld")).between(R & ~s.tagged("noret"), M)
    store = s.fencerel(s.tagged("dmb.st")).between(W, W)
    store |= s.fencerel(s.tagged("dsb.st")).between(W, M)
    # An atomic instruction with both orders is a barrier to its write; two exclusives are not.
    swapped = s.rmw.between(A & s.tagged("RMW"), L).range()
    bob = full | load | store | po.between(L, A) | po.between(A | Q, M) | po.between(M, L)
    return bob | po.between(swapped, M)


def constraints(x: Execution, lob: Relation) -> Iterator[Constraint]:
    """Return the axioms of an execution."""
    s = x.skeleton
    yield acyclic("internal", s.po_loc | x.com, po_loc=s.po_loc, rf=x.rf, co=x.co, fr=x.fr)
    yield empty("atomic", s.rmw & (x.fre >> x.coe))
    obs = x.rfe | x.fre | x.coe
    yield acyclic("external", obs | lob, obs=obs, lob=lob)


ARMV8 = Model("armv8", constraints, prepare, architectures=("AArch64",))

__all__ = ["ARMV8"]
