"""What steps become on a machine: the tags of accesses, and the fences beside them.

Under the models of C programs (`lkmm`, `rc11`, `ra`, `sc`, `x86-tso`) an access bears the kernel's
annotation. Under `power` and `armv8` it becomes what the kernel's own headers make of it:
``arch/powerpc/include/asm/{barrier,atomic,synch}.h`` and ``arch/arm64/include/asm/{barrier.h,
atomic_lse.h}`` (the atomics of Armv8.1). Where there is a choice the weaker reading is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from modelcheck.language.steps import FENCES

Tags = frozenset[str]
NONE: Tags = frozenset()


@frozen
class Access:
    """How an access is made: fences before it, tags of the read and of the write, fences after."""

    read: Tags = NONE
    write: Tags = NONE
    before: str = ""
    after: str = ""


@frozen
class Target:
    """What a kind of machine makes of loads, stores, read-modify-writes and fences.

    Orders are those of `modelcheck.language.turn.MemoryModel`, ``"plain"`` for an access without
    annotation, and ``"noreturn"`` for a read-modify-write without a result. ``kernel`` says that
    spinlocks and read-copy-update are known by name.
    """

    loads: Mapping[str, Access]
    stores: Mapping[str, Access]
    updates: Mapping[str, Access]
    fences: Mapping[str, str]
    kernel: bool = False
    waits_order: bool = False  # what follows `until` depends on it, as on any branch of a machine


def _tags(*names: str) -> Tags:
    return frozenset(name for name in names if name)


def _c(*names: str) -> Access:
    return Access(_tags(*names), _tags(*names))


C = Target(
    loads={"plain": _c(), "relaxed": _c("once"), "acquire": _c("acquire")},
    stores={"plain": _c(), "relaxed": _c("once"), "release": _c("release")},
    updates={
        "relaxed": _c("once", "RMW"),
        "noreturn": _c("noreturn", "RMW"),
        "acquire": _c("acquire", "RMW"),
        "release": _c("release", "RMW"),
        "full": _c("mb", "RMW"),
    },
    fences={kind: kind.replace("_", "-") for kind in FENCES},
)
KERNEL = evolve(C, kernel=True)

_PLAIN = {"plain": Access(), "relaxed": Access()}
_X = _tags("X", "RMW")
POWER = Target(
    loads={**_PLAIN, "acquire": Access(after="lwsync")},
    stores={**_PLAIN, "release": Access(before="lwsync")},
    updates={
        "relaxed": Access(_X, _X),
        "noreturn": Access(_X, _X),
        "acquire": Access(_X, _X, after="lwsync"),
        "release": Access(_X, _X, before="lwsync"),
        "full": Access(_X, _X, before="sync", after="sync"),
    },
    fences={
        "mb": "sync", "rmb": "lwsync", "wmb": "lwsync", "before_atomic": "sync",
        "after_atomic": "sync", "barrier": "",
    },
    waits_order=True,
)  # fmt: skip
ARMV8 = Target(
    loads={**_PLAIN, "acquire": Access(_tags("A"))},
    stores={**_PLAIN, "release": Access(write=_tags("L"))},
    updates={
        "relaxed": Access(_X, _X),
        "noreturn": Access(_X | {"noret"}, _X),
        "acquire": Access(_X | {"A"}, _X),
        "release": Access(_X, _X | {"L"}),
        "full": Access(_X | {"A"}, _X | {"L"}),
    },
    fences={
        "mb": "dmb.full", "rmb": "dmb.ld", "wmb": "dmb.st", "before_atomic": "dmb.full",
        "after_atomic": "dmb.full", "barrier": "",
    },
    waits_order=True,
)  # fmt: skip


def target_of(model: str, architectures: tuple[str, ...]) -> Target | None:
    """Return what programs become under a model; None where there is no translation for it."""
    if model == "power":
        return POWER
    if model == "armv8":
        return ARMV8
    if architectures and "C" not in architectures:
        return None
    return C if model in ("sc", "x86-tso", "ra", "rc11") else KERNEL


__all__ = ["ARMV8", "KERNEL", "POWER", "Access", "C", "Target", "target_of"]
