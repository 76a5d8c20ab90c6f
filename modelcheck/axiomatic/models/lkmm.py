"""The Linux-kernel memory model, as of Linux 6.15.

Sources: Alglave, Maranget, McKenney, Parri, Stern, "Frightening Small Children and Disconcerting
Grown-ups", ASPLOS 2018; `tools/memory-model/Documentation/explanation.txt` of the Linux kernel for
what came later: plain accesses and data races, SRCU by the flow of its cookie, ordering by unlock
and lock on one CPU, dependencies carried through memory. Names are theirs, with `_` for `-`.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from modelcheck.axiomatic.constraints import Constraint, Model, acyclic, empty, flag, irreflexive
from modelcheck.axiomatic.execution import LOCKS, Execution, Skeleton
from modelcheck.axiomatic.relations import Relation, members


@define(eq=False)
class Base:
    """What does not depend on who reads from whom."""

    Marked: int
    Plain: int
    Acquire: int
    Release: int
    Mb: int
    Noreturn: int
    acq_po: Relation
    po_rel: Relation
    rmb: Relation
    wmb: Relation
    mb: Relation
    gp: Relation
    rcu_rscs: Relation
    with_locks: bool


def prepare(s: Skeleton) -> Base:
    """Return the sets and relations that the instructions alone determine."""
    po, M, R, W = s.po, s.M, s.R, s.W
    # A read-modify-write that fails (a compare-and-exchange that finds another value) is one read
    # that orders nothing.
    failed = s.tagged("RMW") & ~(s.rmw.domain() | s.rmw.range())
    Acquire = s.tagged("acquire") & R & ~failed | s.tagged("LKR")
    Release = s.tagged("release") & W | s.tagged("UL")
    Mb = s.tagged("mb") & ~failed
    Noreturn = s.tagged("noreturn") & R
    Plain = M & ~s.tagged(*s.tags())
    R4rmb = R & ~Noreturn
    return Base(
        Marked=s.every & ~Plain,
        Plain=Plain,
        Acquire=Acquire,
        Release=Release,
        Mb=Mb,
        Noreturn=Noreturn,
        acq_po=po.between(Acquire, M),
        po_rel=po.between(M, Release),
        rmb=s.fencerel(s.tagged("rmb")).between(R4rmb, R4rmb),
        wmb=s.fencerel(s.tagged("wmb")).between(W, W),
        mb=_mb(s, Mb),
        gp=po.end(s.tagged("sync-rcu", "sync-srcu")) >> po.opt(),
        rcu_rscs=_matched(s, s.tagged("rcu-lock"), s.tagged("rcu-unlock")),
        with_locks=bool(s.tagged("UL")),
    )


def _mb(s: Skeleton, Mb: int) -> Relation:
    """Return the accesses with a full barrier between them.

    One that returns a value and has no suffix acts as if it stood between two barriers.
    """
    po, M = s.po, s.M
    RMW = s.tagged("RMW")
    mb = s.fencerel(Mb).between(M, M) | po.between(M, Mb & s.R) | po.between(Mb & s.W, M)
    if before := s.tagged("before-atomic"):
        mb |= s.fencerel(before).between(M, RMW) >> po.opt().end(M)
    if after := s.tagged("after-atomic"):
        mb |= po.opt().between(M, RMW) >> s.fencerel(after).end(M)
    if after := s.tagged("after-spinlock"):
        mb |= po.opt().between(M, s.tagged("LKW")) >> s.fencerel(after).end(M)
    if after := s.tagged("after-srcu-read-unlock"):
        mb |= po.opt().between(M, s.tagged("srcu-unlock")) >> s.fencerel(after).end(M)
    return mb


def _matched(s: Skeleton, locks: int, unlocks: int) -> Relation:
    """Return the pairs of lock and unlock, matched like brackets in each thread."""
    pairs = []
    opened: dict[int | None, list[int]] = {}
    for i, event in enumerate(s.events):
        if locks >> i & 1:
            opened.setdefault(event.proc, []).append(i)
        elif unlocks >> i & 1 and opened.get(event.proc):
            pairs.append((opened[event.proc].pop(), i))
    return Relation.of(s.n, pairs)


def constraints(x: Execution, b: Base) -> Iterator[Constraint]:
    """Return the axioms and flags of an execution."""
    s = x.skeleton
    po, Marked, Plain = s.po, b.Marked, b.Plain
    rf, co, fr, rfe = x.rf, x.co, x.fr, x.rfe

    yield acyclic("coherence", s.po_loc | x.com, po_loc=s.po_loc, rf=rf, co=co, fr=fr)
    yield empty("atomicity", s.rmw & (x.fre >> x.coe))

    addr, data, ctrl = _dependencies(x)
    dep = addr | data

    mb = b.mb
    pul = s.empty()  # po-unlock-lock-po
    if b.with_locks:
        pul = po.end(s.tagged("UL")) >> (po | rf).end(s.tagged("LKR")) >> po
        mb |= pul.start(s.M).end(s.tagged("after-unlock-lock")) >> po.end(s.M)
    strong_fence = mb | b.gp
    nonrw_fence = strong_fence | b.po_rel | b.acq_po
    fence = nonrw_fence | b.wmb | b.rmb

    overwrite = co | fr
    rwdep = (dep | ctrl).end(s.W)
    to_w = rwdep | overwrite & s.internal | addr.end(Plain) >> b.wmb
    to_r = addr.end(s.R) | dep.end(Marked) >> x.rfi
    ppo = to_r | to_w | (fence | pul) & s.internal

    cumulative = strong_fence | b.po_rel
    a_cumul = cumulative | rfe.end(Marked) >> cumulative
    rmw_sequence = (rf >> s.rmw).star()
    cumul_fence = (a_cumul | b.wmb | pul).between(Marked, Marked) >> rmw_sequence
    cumuls = cumul_fence.star()
    prop = (overwrite & s.external).opt().start(Marked) >> cumuls.end(Marked) >> rfe.opt()
    prop = prop.end(Marked)

    hb = (ppo | rfe | prop.without_identity() & s.internal).between(Marked, Marked)
    yield acyclic("happens-before", hb, ppo=ppo, rfe=rfe, prop=prop)
    hbs = hb.star()
    pb = prop >> strong_fence >> hbs.end(Marked)
    yield acyclic("propagation", pb, pb=pb)

    srcu_rscs = _srcu_rscs(x, data)
    order = s.empty()
    rb = s.empty()
    pbs = pb.star()
    if s.tagged("sync-rcu", "sync-srcu"):
        link = po.opt() >> hbs >> pbs >> prop >> po
        order = _rcu_order(s, link, b.rcu_rscs.inverse(), srcu_rscs.inverse())
        rcu_fence = po >> order >> po.opt()
        fence |= rcu_fence
        strong_fence |= rcu_fence
        rb = prop >> rcu_fence >> hbs >> pbs.end(Marked)
        yield irreflexive("rcu", rb, rb=rb, rcu_order=order)

    yield from _rcu_flags(s, b, srcu_rscs)
    yield from _lock_flags(s)
    if not Plain:
        return

    xbstar = (hb | pb | rb).star()
    yield from _races(
        x, b, Order(fence, strong_fence, nonrw_fence, addr, cumuls, xbstar, rmw_sequence)
    )


def _dependencies(x: Execution) -> tuple[Relation, Relation, Relation]:
    """Return addr, data and ctrl; they go on through a location as through a register."""
    s = x.skeleton
    addr, data, ctrl = s.addr, s.data, s.ctrl
    carry = data.end(~s.tagged("srcu-unlock")) >> x.rfi
    if carry:
        carry = carry.star()
        addr, data, ctrl = carry >> addr, carry >> data, carry >> ctrl
    return addr, data, ctrl


def _srcu_rscs(x: Execution, data: Relation) -> Relation:
    """Return the SRCU read-side critical sections: the cookie flows from the lock to the unlock."""
    s = x.skeleton
    lock, unlock = s.tagged("srcu-lock"), s.tagged("srcu-unlock")
    if not lock or not unlock:
        return s.empty()
    carry = (data.end(~unlock) >> x.rf).star()
    return (carry.start(lock) >> data.end(unlock)) & s.same_loc


def _rcu_order(s: Skeleton, link: Relation, rcu: Relation, srcu: Relation) -> Relation:
    """Return the pairs between which there are at least as many grace periods as critical sections.

    ``rcu`` and ``srcu`` lead from the unlock of a critical section back to its lock.
    """
    loc = s.same_loc
    gp, srcu_gp = s.identity(s.tagged("sync-rcu")), s.identity(s.tagged("sync-srcu"))

    def around(inner: Relation) -> Relation:
        return (
            gp >> inner >> rcu
            | rcu >> inner >> gp
            | (srcu_gp >> inner >> srcu) & loc
            | (srcu >> inner >> srcu_gp) & loc
        )

    order = gp | srcu_gp | around(link)
    while True:
        linked = link >> order >> link
        grown = order | around(linked) | order >> link >> order
        if grown == order:
            return order
        order = grown


def _rcu_flags(s: Skeleton, b: Base, srcu_rscs: Relation) -> Iterator[Constraint]:
    lock, unlock = s.tagged("rcu-lock"), s.tagged("rcu-unlock")
    if lock | unlock:
        yield flag("unmatched-rcu-lock", s.identity(lock & ~b.rcu_rscs.domain()))
        yield flag("unmatched-rcu-unlock", s.identity(unlock & ~b.rcu_rscs.range()))
        sleeps = s.po.end(s.tagged("sync-srcu")) >> s.po
        yield flag("invalid-sleep", b.rcu_rscs & sleeps)
    lock, unlock = s.tagged("srcu-lock"), s.tagged("srcu-unlock")
    if lock | unlock:
        yield flag("unmatched-srcu-lock", s.identity(lock & ~srcu_rscs.domain()))
        yield flag("unmatched-srcu-unlock", s.identity(unlock & ~srcu_rscs.range()))
        twice = (srcu_rscs.inverse() >> srcu_rscs).without_identity()
        yield flag("multiple-srcu-matches", twice)
        differ = [p for p in srcu_rscs.pairs() if s.events[p[0]].value != s.events[p[1]].value]
        yield flag("srcu-bad-value-match", Relation.of(s.n, differ))


def _lock_flags(s: Skeleton) -> Iterator[Constraint]:
    special = s.tagged(*LOCKS, "srcu-lock", "srcu-unlock", "sync-srcu")
    if special:
        ordinary = s.same_loc.between(s.M & ~s.IW & ~special, special)
        yield flag("mixed-lock-accesses", ordinary)
        tested = sum(1 << i for i in members(special) if s.events[i].loc in s.observed)
        yield flag("lock-final", s.identity(tested))
    if unlock := s.tagged("UL"):
        critical = _critical(s)
        yield flag("unmatched-unlock", s.identity(unlock & ~critical.range()))


def _critical(s: Skeleton) -> Relation:
    lock, unlock = s.tagged("LKW"), s.tagged("UL")
    return s.po_loc.between(lock, unlock) - (s.po_loc.end(lock | unlock) >> s.po_loc)


@define(eq=False)
class Order:
    """The relations that plain accesses are measured by, grace periods included."""

    fence: Relation
    strong_fence: Relation
    nonrw_fence: Relation
    addr: Relation
    cumuls: Relation
    xbstar: Relation
    rmw_sequence: Relation


def _races(x: Execution, b: Base, o: Order) -> Iterator[Constraint]:
    """Return the axiom and the flags about plain accesses."""
    s = x.skeleton
    Marked, Plain, rf, co, fr = b.Marked, b.Plain, x.rf, x.co, x.fr
    every = s.every
    not_noreturn = every & ~b.Noreturn
    R4rmb = s.R & not_noreturn
    Rmb = s.fencerel(s.tagged("rmb"))

    yield flag("mixed-accesses", _mixed(s, b))

    fence, strong = o.fence, o.strong_fence >> o.xbstar
    vis = o.cumuls >> x.rfe.opt().end(Marked)
    vis >>= o.strong_fence.end(Marked) >> o.xbstar | o.xbstar & s.internal

    w_pre = (o.addr | fence).opt().start(Marked)
    r_pre = (o.addr | o.nonrw_fence | Rmb.between(R4rmb, not_noreturn)).opt().start(Marked)
    w_post = fence.opt().end(Marked) >> o.rmw_sequence
    r_post = (o.nonrw_fence | Rmb.between(not_noreturn, R4rmb)).opt().end(Marked)

    ww_vis = fence | strong >> w_pre | w_post >> vis >> w_pre
    wr_vis = fence | strong >> r_pre | w_post >> vis >> r_pre
    rw_xbstar = fence | r_post >> o.xbstar >> w_pre

    conflict = s.external & (s.product(Plain, s.M) | s.product(s.M & ~s.IW, Plain))
    incoherent = (
        conflict & rf & rw_xbstar.inverse()
        | conflict & fr & wr_vis.inverse()
        | conflict & co & ww_vis.inverse()
    )
    yield empty("plain-coherence", incoherent)

    ww_nonrace = ww_vis & (s.product(Marked, s.W) | rw_xbstar) & (s.product(s.W, Marked) | wr_vis)
    ww_race = (conflict & co) - ww_nonrace
    wr_race = (conflict & (co.opt() >> rf)) - wr_vis - rw_xbstar.inverse()
    rw_race = (conflict & fr) - rw_xbstar
    yield flag("data-race", ww_race | wr_race | rw_race)


def _mixed(s: Skeleton, b: Base) -> Relation:
    """Return plain writes and marked accesses of one location with no barrier between them."""
    po, po_loc = s.po, s.po_loc
    barriers = s.tagged(
        "barrier", "rmb", "wmb", "sync-rcu", "sync-srcu", "before-atomic", "after-atomic",
        "rcu-lock", "rcu-unlock", "srcu-lock", "srcu-unlock",
    )  # fmt: skip
    barrier = s.fencerel(barriers | b.Mb | b.Acquire | b.Release)
    apart = po_loc - (barrier | po.end(b.Release) | po.start(b.Acquire))
    plain = b.Plain & s.W
    return apart.between(plain, b.Marked) | apart.between(b.Marked, plain)


LKMM = Model("lkmm", constraints, prepare, architectures=("C",))

__all__ = ["LKMM"]
