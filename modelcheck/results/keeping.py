"""Checkpoints of a check: which file, whose search it may be, and what a result says of it.

Neighbours: `modelcheck.explore.checkpoint` writes and reads the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve

from modelcheck.errors import UsageError
from modelcheck.explore.checkpoint import Keeper, locked
from modelcheck.language.fingerprint import fingerprints
from modelcheck.language.model import System
from modelcheck.results.result import Result
from modelcheck.results.tokens import parameter_text
from modelcheck.verdict import Verdict

#: Where an object lies in memory, in its text.
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


@contextmanager
def keeping(
    system: System,
    memory: str,
    checkpoint: str | Path | None,
    resume: str | Path | None,
    how: tuple[float, Callable[[str], None] | None],
) -> Iterator[Keeper | None]:
    """Give what writes checkpoints and goes on from one; None where neither is asked for."""
    path = checkpoint or resume
    if not path:
        yield None
        return
    if not how[0] >= 0:
        raise UsageError(f"checkpoint_every_s is {how[0]!r}; give a number of seconds, 0 or more")
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        raise UsageError(f"the checkpoint {path} cannot be written: it is no regular file")
    identity = {
        "model": system.name,
        "parameter": {
            k: _ADDRESS.sub("0x", parameter_text(v)) for k, v in system.parameters.items()
        },
        "memory model": memory,
        **fingerprints(system),
    }
    with locked(place):
        yield Keeper(place, identity, Path(resume) if resume else None, *how)


def with_checkpoint(result: Result, keeper: Keeper | None) -> Result:
    """Return the result with where its search can be gone on with, and what went wrong there."""
    if keeper is None:
        return result
    if keeper.failure:
        said = f"{keeper.failure}: what is there is the last one that was"
        return evolve(result, warnings=(*result.warnings, said))
    if result.verdict is not Verdict.INCOMPLETE:
        return result
    return evolve(result, checkpoint=str(keeper.path), checkpoint_bytes=keeper.bytes)
