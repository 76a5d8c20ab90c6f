"""Memory models: what a load, a store and a fence mean.

Each is a class that fills in `modelcheck.language.turn.MemoryModel`. It rewrites steps in terms of
slots and agents that it adds to the state; no search knows of it. What each allows is told in
``docs/memory-models.md``.
"""

from modelcheck.errors import UsageError
from modelcheck.language.turn import MemoryModel
from modelcheck.memory.buffers import BUFFER, StoreBuffers
from modelcheck.memory.pso import PartialStoreOrder
from modelcheck.memory.sc import SequentialConsistency
from modelcheck.memory.tso import TotalStoreOrder
from modelcheck.memory.wmm import WeakMemoryModel

#: The memory models by name, from the strongest to the weakest: each allows all that one before it
#: does.
MODELS: dict[str, type[SequentialConsistency]] = {
    "sc": SequentialConsistency,
    "tso": TotalStoreOrder,
    "pso": PartialStoreOrder,
    "wmm": WeakMemoryModel,
}

#: The axiomatic models, which `check` and `repair` know: `modelcheck.programs` explores executions
#: under them. ``FILE.cat`` names one too. The explorer's own `sc` is not the one of axioms.
AXIOMATIC = ("lkmm", "x86-tso", "power", "armv8", "ra", "rc11", "axiomatic-sc")


def is_axiomatic(name: str) -> bool:
    """Return whether a memory model is one of axioms, over executions.

    Examples
    --------
    >>> is_axiomatic("lkmm"), is_axiomatic("linux-kernel.cat"), is_axiomatic("tso")
    (True, True, False)
    """
    return name in AXIOMATIC or name.endswith(".cat")


def check_name(name: str, buffer: int | None = None) -> None:
    """Raise `UsageError` where there is no such memory model of either kind."""
    if not is_axiomatic(name):
        memory_model(name, buffer)


def memory_model(name: str, buffer: int | None = None) -> MemoryModel:
    """Return the memory model of a name.

    Parameters
    ----------
    buffer : int, optional
        How many stores a buffer holds, and how many stale values a CPU keeps of one location.

    Raises
    ------
    UsageError
        Where there is no such model, or the bound is none.
    """
    if is_axiomatic(name):
        raise UsageError(
            f"{name} is an axiomatic memory model: it knows executions, not states; only `check` "
            f"and `repair` take one. Here there is {', '.join(MODELS)}"
        )
    if name not in MODELS:
        known = ", ".join((*MODELS, *AXIOMATIC))
        raise UsageError(f"there is no memory model {name!r}; there is {known}, or FILE.cat")
    made = MODELS[name]
    if issubclass(made, StoreBuffers):
        return made(BUFFER if buffer is None else buffer)
    return made()


__all__ = ["AXIOMATIC", "BUFFER", "MODELS", "check_name", "is_axiomatic", "memory_model"]
