"""The kernel's primitives that litmus tests may use, as data: what each is, and its ordering.

After `tools/memory-model/linux-kernel.def` and `Documentation/atomic_t.txt` of the Linux kernel.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Primitive:
    """What a call means.

    ``kind`` is load, store, fence, op (a read-modify-write that computes), xchg, cmpxchg, unless,
    lock, unlock, trylock, islocked or sync. ``order`` is the annotation of its events.
    """

    kind: str
    arity: int
    order: str = "once"
    lvalue: bool = False  # the first argument is the variable, `*x`, not its address
    operator: str = "+"
    result: str = ""  # of an op: "" none, "return" the new value, "fetch" the old one
    operand: int | None = None  # the position of the operand; None: it is 1
    address: int = 0  # the position of the address
    test: str = ""  # the result is compared with 0
    then: str = ""  # a fence that follows


SUFFIXES = {"": "mb", "_relaxed": "once", "_acquire": "acquire", "_release": "release"}
FENCES = {
    "smp_mb": "mb",
    "smp_rmb": "rmb",
    "smp_wmb": "wmb",
    "smp_mb__before_atomic": "before-atomic",
    "smp_mb__after_atomic": "after-atomic",
    "smp_mb__after_spinlock": "after-spinlock",
    "smp_mb__after_unlock_lock": "after-unlock-lock",
    "smp_mb__after_srcu_read_unlock": "after-srcu-read-unlock",
    "barrier": "barrier",
    "rcu_read_lock": "rcu-lock",
    "rcu_read_unlock": "rcu-unlock",
    "synchronize_rcu": "sync-rcu",
    "synchronize_rcu_expedited": "sync-rcu",
}
#: Of the arithmetic ones, which have a form that returns the new value.
OPERATORS = {"add": "+", "sub": "-", "and": "&", "or": "|", "xor": "^", "andnot": "&~"}
RETURNING = ("add", "sub")


def _plain_accesses() -> dict[str, Primitive]:
    return {
        "READ_ONCE": Primitive("load", 1, "once", lvalue=True),
        "rcu_dereference": Primitive("load", 1, "once", lvalue=True),
        "smp_load_acquire": Primitive("load", 1, "acquire"),
        "atomic_read": Primitive("load", 1, "once"),
        "atomic_read_acquire": Primitive("load", 1, "acquire"),
        "srcu_read_lock": Primitive("load", 1, "srcu-lock"),
        "srcu_down_read": Primitive("load", 1, "srcu-lock"),
        "WRITE_ONCE": Primitive("store", 2, "once", lvalue=True),
        "rcu_assign_pointer": Primitive("store", 2, "release", lvalue=True),
        "smp_store_release": Primitive("store", 2, "release"),
        "smp_store_mb": Primitive("store", 2, "once", lvalue=True, then="mb"),
        "atomic_set": Primitive("store", 2, "once"),
        "atomic_set_release": Primitive("store", 2, "release"),
        "srcu_read_unlock": Primitive("store", 2, "srcu-unlock"),
        "srcu_up_read": Primitive("store", 2, "srcu-unlock"),
        "synchronize_srcu": Primitive("sync", 1, "sync-srcu"),
        "synchronize_srcu_expedited": Primitive("sync", 1, "sync-srcu"),
        "spin_lock": Primitive("lock", 1),
        "spin_unlock": Primitive("unlock", 1),
        "spin_trylock": Primitive("trylock", 1),
        "spin_is_locked": Primitive("islocked", 1),
        "atomic_add_unless": Primitive("unless", 3, "mb"),
    }


def _exchanges() -> dict[str, Primitive]:
    table = {}
    for suffix, order in SUFFIXES.items():
        for prefix in ("", "atomic_"):
            table[f"{prefix}xchg{suffix}"] = Primitive("xchg", 2, order)
            table[f"{prefix}cmpxchg{suffix}"] = Primitive("cmpxchg", 3, order)
    return table


def _arithmetic() -> dict[str, Primitive]:
    table = {}
    for name, operator in OPERATORS.items():
        table[f"atomic_{name}"] = _op(operator, "noreturn", "", True)
        for suffix, order in SUFFIXES.items():
            table[f"atomic_fetch_{name}{suffix}"] = _op(operator, order, "fetch", True)
            if name in RETURNING:
                table[f"atomic_{name}_return{suffix}"] = _op(operator, order, "return", True)
    for name, operator in (("inc", "+"), ("dec", "-")):
        table[f"atomic_{name}"] = _op(operator, "noreturn", "", False)
        for suffix, order in SUFFIXES.items():
            table[f"atomic_fetch_{name}{suffix}"] = _op(operator, order, "fetch", False)
            table[f"atomic_{name}_return{suffix}"] = _op(operator, order, "return", False)
        table[f"atomic_{name}_and_test"] = _op(operator, "mb", "return", False, "==")
    table["atomic_sub_and_test"] = _op("-", "mb", "return", True, "==")
    for suffix, order in SUFFIXES.items():
        table[f"atomic_add_negative{suffix}"] = _op("+", order, "return", True, "<")
    return table


def _op(operator: str, order: str, result: str, operand: bool, test: str = "") -> Primitive:
    address = 1 if operand else 0
    return Primitive(
        "op", 1 + operand, order, operator=operator, result=result,
        operand=0 if operand else None, address=address, test=test,
    )  # fmt: skip


PRIMITIVES: dict[str, Primitive] = {
    **{name: Primitive("fence", 0, tag) for name, tag in FENCES.items()},
    **_plain_accesses(),
    **_exchanges(),
    **_arithmetic(),
}

#: herd7's own primitives, as ``__load{once}(*x)``: kind, arity, lvalue.
INTERNAL = {
    "__load": ("load", 1, True),
    "__store": ("store", 2, True),
    "__fence": ("fence", 0, False),
    "__xchg": ("xchg", 2, False),
    "__cmpxchg": ("cmpxchg", 3, False),
    "__atomic_add_unless": ("unless", 3, False),
    "__lock": ("lock", 1, False),
    "__unlock": ("unlock", 1, False),
    "__trylock": ("trylock", 1, False),
    "__islocked": ("islocked", 1, False),
}

#: Primitives that the kernel or its model no longer has, and what to write instead.
GONE = {
    "smp_read_barrier_depends": "Address dependencies order loads since Linux 4.15: leave it out.",
    "lockless_dereference": "Write rcu_dereference() or READ_ONCE().",
    "ACCESS_ONCE": "Write READ_ONCE() or WRITE_ONCE().",
    "spin_unlock_wait": "It left Linux in 2017: write spin_lock() and spin_unlock().",
    "synchronize_sched": "Write synchronize_rcu().",
    "rcu_read_lock_sched": "Write rcu_read_lock().",
    "rcu_read_unlock_sched": "Write rcu_read_unlock().",
}


def find(name: str) -> Primitive | None:
    """Return what a function name means, herd7's annotated primitives included.

    Examples
    --------
    >>> find("atomic_fetch_add_release").order, find("__load{acquire}").kind, find("kfree")
    ('release', 'load', None)
    """
    if name in PRIMITIVES:
        return PRIMITIVES[name]
    base, _, order = name.partition("{")
    if base in INTERNAL:
        kind, arity, lvalue = INTERNAL[base]
        return Primitive(kind, arity, order.rstrip("}") or "once", lvalue=lvalue)
    return None


__all__ = ["GONE", "Primitive", "find"]
