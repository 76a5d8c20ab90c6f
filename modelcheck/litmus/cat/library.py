"""What a cat file finds defined: sets and relations of an execution, functions, standard includes.

herd7's own library files (`cos.cat`, `cross.cat`, `fences.cat` and so on) need not be there: where
a model's folder has no such file, what they define is defined here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from modelcheck.axiomatic.execution import LOCKS, Execution, Skeleton
from modelcheck.axiomatic.relations import Relation, members
from modelcheck.litmus.cat.values import NOTHING, Mistake, Value, as_relation, as_set, as_values

#: The instruction sets' fences, which are there even where a test has none of them.
FENCES = [
    "SYNC",
    "LWSYNC",
    "EIEIO",
    "ISYNC",
    "MFENCE",
    "LFENCE",
    "SFENCE",
    "ISB",
    "DMB.SY",
    "DMB.LD",
    "DMB.ST",
    "DMB.ISH",
    "DMB.ISHLD",
    "DMB.ISHST",
    "DMB.OSH",
    "DMB.OSHLD",
    "DMB.OSHST",
    "DMB.NSH",
    "DMB.NSHLD",
    "DMB.NSHST",
    "DSB.SY",
    "DSB.LD",
    "DSB.ST",
    "DSB.ISH",
    "DSB.ISHLD",
    "DSB.ISHST",
    "DSB.OSH",
    "DSB.OSHLD",
    "DSB.OSHST",
    "DSB.NSH",
    "DSB.NSHLD",
    "DSB.NSHST",
]

#: Sets of events that hardware models ask for and that ordinary tests have none of.
NEVER = [
    "EXC-ENTRY",
    "EXC-RET",
    "SVC",
    "TLBI",
    "DC",
    "IC",
    "DC.CVAU",
    "IC.IVAU",
    "IC.IALLU",
    "IC.IALLUIS",
    "FAULT",
    "MMU",
    "T",
    "TagCheck",
    "PTE",
    "PTEV",
    "PTEINV",
    "PTEAF0",
    "D-PTE",
    "I-PTE",
    "AF",
    "DB",
    "NExp",
    "SPURIOUS",
    "Instr",
    "Restricted-CMODX",
    "TLBInXS",
    "PTEXS",
    "TLBIIS",
    "Translation",
    "AccessFlag",
    "PODWW",
]


def sets(s: Skeleton, x: Execution) -> dict[str, Value]:
    """Return the predefined sets of events."""
    locks = s.tagged(*LOCKS)
    final = observed = 0
    for i, row in enumerate(x.co.rows):
        if s.W >> i & 1 and not row and not locks >> i & 1:
            final |= 1 << i
            observed |= (1 << i) if s.events[i].loc in s.observed else 0
    atomic = s.tagged("RMW", "X")
    fences = s.every & ~s.M
    found = {
        "_": s.every, "R": s.R & ~locks, "W": s.W & ~locks, "M": s.M & ~locks, "F": fences,
        "IW": s.IW, "FW": observed, "RMW": atomic, "X": atomic, "EX": _exclusive(s), "B": 0,
        "Exp": s.every, "I": s.every & ~s.IW, "emptyset": 0, "BCC": 0, "Rreg": 0, "Wreg": 0,
        "RL": 0, "LS": s.tagged("LKR"), "LK": s.tagged("LKR", "LKW"), "ADDR": 0, "DATA": 0,
    }  # fmt: skip
    found.update((tag, s.tagged(tag)) for tag in LOCKS)
    found.update((tag, s.tagged(tag)) for tag in ("A", "L", "Q"))
    found.update((name, 0) for name in NEVER)
    found["NoRet"] = s.tagged("noret")
    for name in FENCES:
        found[name] = s.tagged(name) | s.tagged(name.lower()) & fences
    return found


def _exclusive(s: Skeleton) -> int:
    """Return the halves of load-reserve and store-conditional; atomic instructions are not."""
    return s.tagged("X") & ~s.tagged("RMW")


def relations(s: Skeleton, x: Execution) -> dict[str, Value]:
    """Return the predefined relations."""
    n = s.n
    identity = Relation.identity(n)
    plain = s.M & ~s.tagged(*LOCKS)
    W = s.W & ~s.tagged(*LOCKS)
    found = sets(s, x)
    final = found["FW"]
    co0 = s.product(s.IW, W & ~s.IW) | s.product(W & ~final, final)
    exclusive = s.rmw.start(_exclusive(s)).between(plain, plain)
    amo = s.rmw.between(plain, plain) - exclusive
    return {
        "id": identity, "po": s.po, "addr": s.addr, "data": s.data, "ctrl": s.ctrl,
        "loc": s.same_loc, "int": s.internal | s.product(s.IW, s.IW), "ext": s.external,
        "rf": x.rf, "rfe": x.rfe, "rfi": x.rfi, "co0": s.same_loc & co0,
        "po-loc": s.po & s.same_loc, "rmw": s.rmw.between(plain, plain), "amo": amo,
        "lxsx": exclusive, "sm": identity, "si": identity, "same-instance": identity,
        "iico_data": s.empty(), "iico_ctrl": s.empty(), "iico_order": s.empty(),
        "inv-domain": s.empty(), "same-low-order-bits": s.empty(), "instr": identity,
        "fromto": s.empty(), "unv": s.product(s.every, s.every), "tst": s.empty(),
    }  # fmt: skip


class Functions:
    """The predefined functions of one execution."""

    def __init__(
        self,
        s: Skeleton,
        x: Execution,
        apply: Callable[[Value, Value], Value],
        own_locks: bool,
    ):
        self.s, self.x, self.apply = s, x, apply
        # A model with rules of its own for locks orders the taking, and adds the unlocks.
        self.writes = s.W & ~s.tagged("UL") if own_locks else s.W

    def table(self) -> dict[str, Callable[[Value], Value]]:
        """Return them by name."""
        return {
            "domain": lambda r: as_relation(r, self.s.n).domain(),
            "range": lambda r: as_relation(r, self.s.n).range(),
            "udr": lambda r: self._both(as_relation(r, self.s.n)),
            "toid": lambda events: Relation.identity(self.s.n, as_set(events)),
            "fencerel": lambda fences: self.s.fencerel(as_set(fences)),
            "ctrlcfence": self._ctrlcfence,
            "imply": self._imply,
            "nodetour": self._nodetour,
            "singlestep": lambda r: self._nodetour((r, r, r)),
            "noid": lambda r: as_relation(r, self.s.n).without_identity(),
            "partition": self._partition,
            "classes-loc": self._partition,
            "classes": self._classes,
            "linearisations": self._linearisations,
            "generate_orders": lambda pair: self._orders(*pair),
            "generate_cos": lambda pco: self._orders(self.writes, pco),
            "cross": self._cross,
            "map": self._map,
            "different-values": self._different_values,
        }

    def _both(self, r: Relation) -> int:
        return r.domain() | r.range()

    def _ctrlcfence(self, pair: Any) -> Relation:
        ctrl, fence = pair
        return as_relation(ctrl, self.s.n).end(as_set(fence)) >> self.s.po

    def _imply(self, pair: Any) -> Value:
        n = self.s.n
        if isinstance(pair[0], int):
            return self.s.every & ~as_set(pair[0]) | as_set(pair[1])
        return as_relation(pair[0], n).complement() | as_relation(pair[1], n)

    def _nodetour(self, triple: Any) -> Relation:
        first, second, third = (as_relation(r, self.s.n) for r in triple)
        return first - (second >> third)

    def _partition(self, events: Value) -> frozenset[Value]:
        """Return the events by location."""
        classes: dict[str | None, int] = {}
        for i in members(as_set(events)):
            loc = self.s.events[i].loc
            if loc is not None:
                classes[loc] = classes.get(loc, 0) | 1 << i
        return frozenset(classes.values())

    def _classes(self, r: Value) -> frozenset[Value]:
        """Return the classes of an equivalence relation."""
        return frozenset(row for row in as_relation(r, self.s.n).rows if row)

    def _linearisations(self, pair: Any) -> frozenset[Value]:
        """Return the total orders of a set that extend a partial one."""
        events, order = as_set(pair[0]), as_relation(pair[1], self.s.n)
        inside = order.between(events, events).plus()
        return frozenset(_orders_of(list(members(events)), inside, self.s.n))

    def _orders(self, events: Value, order: Value) -> frozenset[Value]:
        """Return the coherence order of this candidate, if it extends the partial order.

        The enumeration goes over every coherence order, so that together these are all of them.
        """
        wanted = as_set(events)
        co = self.x.co.between(wanted, wanted)
        partial = as_relation(order, self.s.n).between(wanted, wanted) & self.s.same_loc
        return frozenset([co]) if (co | partial.plus()).is_acyclic() else frozenset()

    def _cross(self, families: Value) -> frozenset[Value]:
        """Return every union of one member of each set."""
        choices = [sorted(as_values(family), key=repr) for family in as_values(families)]
        unions = []
        for chosen in product(*choices):
            whole = self.s.empty()
            for relation in chosen:
                whole |= as_relation(relation, self.s.n)
            unions.append(whole)
        return frozenset(unions)

    def _map(self, function: Value) -> Callable[[Value], Value]:
        def mapped(values: Value) -> Value:
            from modelcheck.litmus.cat.values import set_of

            found = [self.apply(function, v) for v in sorted(as_values(values), key=repr)]
            return set_of(found, self.s.n)

        return mapped

    def _different_values(self, r: Value) -> Relation:
        events = self.s.events
        pairs = as_relation(r, self.s.n).pairs()
        return Relation.of(self.s.n, [p for p in pairs if _differ(events[p[0]], events[p[1]])])


def _differ(a: Any, b: Any) -> bool:
    return bool(a.value != b.value)


def _orders_of(events: list[int], order: Relation, n: int) -> Iterator[Relation]:
    def extend(placed: list[int], left: list[int]) -> Iterator[Relation]:
        if not left:
            pairs = [(a, b) for i, a in enumerate(placed) for b in placed[i + 1 :]]
            yield Relation.of(n, pairs)
        for event in left:
            if not any((other, event) in order for other in left):
                yield from extend([*placed, event], [e for e in left if e != event])

    yield from extend([], events)


COS = """
with co from generate_cos(co0)
let coi = co & int
let coe = co \\ coi
let fr = (rf^-1 ; co) \\ id
let fri = fr & int
let fre = fr \\ fri
let ca = fr | co
"""

FILTERS = """
let A = (try X with {}) | (try A with {})
let P = M \\ A
let WW(r) = r & (W * W)
let WR(r) = r & (W * R)
let RW(r) = r & (R * W)
let RR(r) = r & (R * R)
let RM(r) = r & (R * M)
let MR(r) = r & (M * R)
let WM(r) = r & (W * M)
let MW(r) = r & (M * W)
let MM(r) = r & (M * M)
let AA(r) = r & (A * A)
let AP(r) = r & (A * P)
let PA(r) = r & (P * A)
let PP(r) = r & (P * P)
let AM(r) = r & (A * M)
let MA(r) = r & (M * A)
"""

FENCE_RELATIONS = """
let mfence = fencerel(MFENCE)
let lfence = fencerel(LFENCE)
let sfence = fencerel(SFENCE)
let sync = fencerel(SYNC)
let lwsync = fencerel(LWSYNC)
let eieio = fencerel(EIEIO)
let isync = fencerel(ISYNC)
let ctrlisync = ctrlcfence(ctrl, ISYNC)
let isb = fencerel(ISB)
let ctrlisb = ctrlcfence(ctrl, ISB)
let dmb.full = DMB.SY | DMB.ISH | DMB.OSH | DMB.NSH
let dmb.ld = DMB.LD | DMB.ISHLD | DMB.OSHLD | DMB.NSHLD
let dmb.st = DMB.ST | DMB.ISHST | DMB.OSHST | DMB.NSHST
let dsb.full = DSB.SY | DSB.ISH | DSB.OSH | DSB.NSH
let dsb.ld = DSB.LD | DSB.ISHLD | DSB.OSHLD | DSB.NSHLD
let dsb.st = DSB.ST | DSB.ISHST | DSB.OSHST | DSB.NSHST
"""

#: Files that a model may include without having them.
STANDARD = {
    "stdlib.cat": "",
    "cross.cat": "",
    "cos.cat": COS,
    "cos-opt.cat": COS,
    "cos-no-opt.cat": COS,
    "coscat.cat": COS,
    "filters.cat": FILTERS,
    "fences.cat": FENCE_RELATIONS,
    "x86fences.cat": FENCE_RELATIONS,
    "ppcfences.cat": FENCE_RELATIONS,
    "armfences.cat": FENCE_RELATIONS,
    "aarch64fences.cat": FENCE_RELATIONS,
}

__all__ = ["STANDARD", "Functions", "Mistake", "NOTHING", "relations", "sets"]
