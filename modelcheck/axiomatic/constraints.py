"""What a model says of an execution: axioms, which forbid it, and flags, which only mark it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import field, frozen

from modelcheck.axiomatic.execution import Execution, Skeleton
from modelcheck.axiomatic.relations import Relation


@frozen(eq=False)
class Constraint:
    """An axiom or flag: a relation that must be acyclic, irreflexive or empty.

    ``parts`` names what the relation is made of, for the explanation of a cycle.
    """

    kind: str  # "acyclic", "irreflexive" or "empty"
    name: str
    relation: Relation
    parts: dict[str, Relation] = field(factory=dict)
    flag: bool = False

    def holds(self) -> bool:
        """Return whether the relation is as it must be."""
        if self.kind == "acyclic":
            return self.relation.is_acyclic()
        if self.kind == "irreflexive":
            return self.relation.is_irreflexive()
        return not self.relation

    def witness(self) -> list[int]:
        """Return events that show why it does not hold: a shortest cycle, or an edge."""
        if self.kind == "acyclic":
            return self.relation.cycle()
        if self.kind == "irreflexive":
            return [i for i, row in enumerate(self.relation.rows) if row >> i & 1][:1]
        return list(self.relation.pairs()[0]) if self.relation else []


def acyclic(name: str, relation: Relation, **parts: Relation) -> Constraint:
    """Return the axiom that a relation has no cycle."""
    return Constraint("acyclic", name, relation, parts)


def irreflexive(name: str, relation: Relation, **parts: Relation) -> Constraint:
    """Return the axiom that no event is related to itself."""
    return Constraint("irreflexive", name, relation, parts)


def empty(name: str, relation: Relation, **parts: Relation) -> Constraint:
    """Return the axiom that a relation holds nowhere."""
    return Constraint("empty", name, relation, parts)


def flag(name: str, relation: Relation) -> Constraint:
    """Return the flag that is raised where a relation holds somewhere."""
    return Constraint("empty", name, relation, flag=True)


@frozen(eq=False)
class Judgement:
    """What a model says of one execution: the axiom that forbids it, if any, and the flags."""

    broken: Constraint | None
    flags: Sequence[str] = ()


#: What only the kernel's model knows: waiting for a grace period is more than a barrier.
GRACE = frozenset({"sync-rcu", "sync-srcu"})


@frozen(eq=False)
class Model:
    """A memory model.

    ``prepare`` computes once for each skeleton what does not depend on rf and co; ``constraints``
    gives axioms and flags, lazily: nothing after the first axiom that fails is computed. A model
    whose first axioms are coherence and atomicity of each location says so by ``coherent``: the
    enumeration then leaves out what they forbid.
    """

    name: str
    constraints: Callable[[Execution, Any], Iterator[Constraint]]
    prepare: Callable[[Skeleton], Any] = lambda skeleton: None
    coherent: bool = True
    architectures: tuple[str, ...] = ()  # of litmus tests that it is about; empty: any
    meaningless: frozenset[str] = frozenset()  # tags of events that it says nothing about
    # A model may judge as a whole, and then several times: it can have choices of its own, such as
    # which lock a failed attempt has seen (`own_locks`: rf of locks is not enumerated then).
    judgements: Callable[[Execution, Any], Sequence[Judgement]] | None = None
    own_locks: bool = False


def judge(model: Model, execution: Execution, prepared: Any) -> Sequence[Judgement]:
    """Return what the model says of the execution: a judgement for each of its own choices."""
    if model.judgements is not None:
        return model.judgements(execution, prepared)
    flags = []
    for constraint in model.constraints(execution, prepared):
        if not constraint.holds():
            if not constraint.flag:
                return [Judgement(constraint)]
            flags.append(constraint.name)
    return [Judgement(None, flags)]


__all__ = [
    "GRACE",
    "Constraint",
    "Judgement",
    "Model",
    "acyclic",
    "empty",
    "flag",
    "irreflexive",
    "judge",
]
