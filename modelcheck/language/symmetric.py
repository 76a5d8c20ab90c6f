"""The declaration that processes are alike."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from modelcheck.language.process import Process
from modelcheck.language.refs import model_error


def symmetric(processes: Iterable[Process]) -> list[Process]:
    """Return the processes, said to be alike: renaming them changes nothing that matters.

    States that differ by nothing but which process is which are then explored once. That is
    checked, not believed: each step and each property is held against its renamed images when it is
    learned, and a model that tells its processes apart is refused.

    Parameters
    ----------
    processes : iterable of Process
        Processes whose arguments differ by `names` alone, one for each name; or processes with
        equal arguments, which need no names.

    Raises
    ------
    ModelError
        For what is no process.

    Examples
    --------
    >>> from modelcheck import names, process
    >>> @process
    ... def user(me):
    ...     yield from ()
    >>> [p.describe() for p in symmetric(user(me) for me in names(2))]
    ['user(p0)', 'user(p1)']
    """
    if isinstance(processes, Process):
        processes = [processes]
    found = list(processes)
    for one in found:
        if not isinstance(one, Process):
            raise model_error(
                f"symmetric(...) was given {one!r}, which is no process",
                "Give calls of @process functions: `symmetric(user(s, me) for me in users)`.",
            )
    return [evolve(one, symmetric=True) for one in found]
