"""What steps become on a machine: the tags of accesses, and the fences beside them.

Under the models of C programs (`lkmm`, `rc11`, `ra`, `sc`, `x86-tso`) an access bears the kernel's
annotation. Under `power` and `armv8` it becomes what the kernel's own headers make of it, held
against their text; where they leave a choice, the weaker one is taken:

* ``arch/powerpc/include/asm/barrier.h``: ``sync``, ``lwsync``; release and acquire by ``lwsync``.
  ``synch.h``, ``atomic.h``: a read-modify-write with a result stands between two ``sync``. Behind
  an acquire form is ``PPC_ACQUIRE_BARRIER``, an ``isync`` that ``do_lwsync_fixups``
  (``arch/powerpc/lib/feature-fixups.c``) makes a ``lwsync`` where the CPU has it, as here.
* ``arch/arm64/include/asm/barrier.h``: ``dmb ish``, ``ishld``, ``ishst``, ``ldar``, ``stlr``.
  ``atomic_lse.h`` (Armv8.1): the suffixes ``a``, ``l``, ``al``; without a result ``stadd``, no load
  to ``dmb ishld``. Without these instructions (``cmpxchg.h``) a full one is ``stlxr``, ``dmb ish``:
  the same order where the store is done, and none where it is not.
* ``include/asm-generic/barrier.h``: before and after an atomic, ``__smp_mb``.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from modelcheck.language.steps import FENCES

Tags = frozenset[str]
NONE: Tags = frozenset()


@frozen
class Access:
    """How an access is made: fences before it, tags of the read and of the write, fences after.

    `failed` are the tags of a read-modify-write's read whose write is not done, if they are others.
    """

    read: Tags = NONE
    write: Tags = NONE
    before: str = ""
    after: str = ""
    failed: Tags | None = None


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
        "full": Access(_X | {"A"}, _X | {"L"}, failed=_X),
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
