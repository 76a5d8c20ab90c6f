"""Sequential consistency: program order and communication have no cycle.

Source: Shasha and Snir, "Efficient and Correct Execution of Parallel Programs that Share Memory",
TOPLAS 1988; Alglave, Maranget, Tautschnig, "Herding Cats", TOPLAS 2014, figure 21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelcheck.axiomatic.constraints import GRACE, Constraint, Model, acyclic, empty
from modelcheck.axiomatic.execution import Execution


def constraints(x: Execution, _: Any) -> Iterator[Constraint]:
    """Return the axioms of an execution."""
    s = x.skeleton
    yield acyclic("sc", s.po | x.com, po=s.po, rf=x.rf, co=x.co, fr=x.fr)
    yield empty("atomicity", s.rmw & (x.fre >> x.coe))


SC = Model("sc", constraints, meaningless=GRACE)

__all__ = ["SC"]
