"""Total store order, the model of x86: only a write may be passed by a later read.

Source: Owens, Sarkar, Sewell, "A Better x86 Memory Model: x86-TSO", TPHOLs 2009; in the form of
Alglave, Maranget, Tautschnig, "Herding Cats", TOPLAS 2014, figure 21. A locked instruction acts as
a barrier. In C tests `smp_mb` is an `mfence`, and every read-modify-write and lock is a locked
instruction.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.axiomatic.constraints import GRACE, Constraint, Model, acyclic, empty
from modelcheck.axiomatic.execution import Execution, Skeleton
from modelcheck.axiomatic.relations import Relation


def prepare(s: Skeleton) -> Relation:
    """Return program order as far as the processor keeps it."""
    po, R, W, M = s.po, s.R, s.W, s.M
    locked = s.tagged("X", "RMW", "LKR", "LKW") & (s.rmw.domain() | s.rmw.range() | R)
    mfence = s.fencerel(s.tagged("mfence", "mb") & ~s.M)
    kept = po.between(M, M) - s.product(W, R)
    return kept | po.between(W & locked, R) | po.between(W, R & locked) | mfence.between(M, M)


def constraints(x: Execution, ppo: Relation) -> Iterator[Constraint]:
    """Return the axioms of an execution."""
    s = x.skeleton
    yield acyclic("coherence", s.po_loc | x.com, po_loc=s.po_loc, rf=x.rf, co=x.co, fr=x.fr)
    yield empty("atomicity", s.rmw & (x.fre >> x.coe))
    ghb = ppo | x.rfe | x.co | x.fr
    yield acyclic("tso", ghb, ppo=ppo, rfe=x.rfe, co=x.co, fr=x.fr)


TSO = Model("x86-tso", constraints, prepare, architectures=("X86_64", "C"), meaningless=GRACE)

__all__ = ["TSO"]
