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
    if name not in MODELS:
        raise UsageError(f"there is no memory model {name!r}; there is {', '.join(MODELS)}")
    made = MODELS[name]
    if issubclass(made, StoreBuffers):
        return made(BUFFER if buffer is None else buffer)
    return made()


__all__ = ["BUFFER", "MODELS", "memory_model"]
