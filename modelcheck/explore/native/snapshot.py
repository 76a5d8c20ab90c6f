"""A native search as numbers, for a checkpoint; and the search that goes on from them.

Between two calls of the kernel a search is: the states in the order of finding, where each level
begins, how far the last one is expanded, and a few counters. The hash table is made anew.
Neighbours: `modelcheck.explore.checkpoint` has the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelcheck.errors import UsageError
from modelcheck.explore.checkpoint import Reader
from modelcheck.explore.native import shapes
from modelcheck.explore.native.layout import Packing
from modelcheck.explore.native.shapes import CURSOR, SPARE, SUBS, TRANSITIONS

if TYPE_CHECKING:
    from modelcheck.explore.native.engine import NativeSearch

#: What a worker notes of a violation: the first of all workers' is kept. The second field is -1
#: where there is none.
_STUCK = (shapes.STUCK_STATE, shapes.STUCK_STATE, shapes.STUCK_PROPERTY)
_FAILED = (shapes.FAIL_STATE, shapes.FAIL_AT, shapes.FAIL_AGENT, shapes.FAIL_WHICH)


def take(search: NativeSearch) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a search as JSON-ready numbers and arrays. Cost: copies no states."""
    storage, found = search.storage, search.search
    search.flat.give_back_visits()
    assert search.keeper is not None
    leaves = search.keeper.history.leaves
    numbers = {
        "widths": storage.packing.widths,
        "groups": storage.packing.groups,
        "cursor": int(storage.shared[CURSOR]),
        "bounds": search.bounds,
        "levels": found.levels,
        "transitions": search.transitions(),
        # A violation is not kept: it is found again, by going over its level once more.
        "checked": int(storage.mine[0][shapes.CHECKED]) if found.found is None
        else search.bounds[-1],
        "stuck": _first(storage.mine, _STUCK),
        "failed": _first(storage.mine, _FAILED),
        "witnesses": [[i, [list(m) for m in path]] for i, path in found.witnesses.items()],
        "dead": [*storage.dead, *(int(m[SPARE]) for m in storage.mine if m[SPARE] >= 0)],
    }  # fmt: skip
    arrays = {
        "visits": np.array([leaf.visits if leaf else 0 for leaf in leaves], np.int64),
        "left": search.left,
        "states": storage.store.states[: storage.used],
        "subs": storage.store.subs[: int(storage.shared[SUBS])],
    }
    return numbers, arrays


def _first(mine: Any, fields: tuple[int, ...]) -> list[int] | None:
    """Return the note of the worker whose state comes first, if any has one."""
    notes = [[int(m[f]) for f in fields] for m in mine]
    return min((note for note in notes if min(note[:2]) >= 0), default=None)


def restore(search: NativeSearch, reader: Reader) -> None:
    """Make a new search one that goes on where that of a checkpoint was.

    Raises `UsageError` where the numbers cannot be those of a search of this model.
    """
    assert search.keeper is not None
    try:
        numbers = reader.header["search"]
        _restore_states(search, reader, numbers)
        _restore_counters(search, numbers)
        search.left = reader.array("left")
        visits = reader.array("visits")
        for leaf, count in zip(search.keeper.history.leaves, visits, strict=True):
            if leaf is not None:
                leaf.visits = int(count)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UsageError(
            f"the checkpoint {reader.path} is damaged: it is not that of a search ({error})"
        ) from error


def _restore_states(search: NativeSearch, reader: Reader, numbers: Any) -> None:
    storage, used = search.storage, reader.count("states")
    widths = [int(w) for w in numbers["widths"]]
    groups = [[int(slot) for slot in group] for group in numbers["groups"]]
    if groups and sorted(sum(groups, [])) != list(range(len(widths))):
        raise ValueError("its states have other slots")
    packing = Packing(widths, groups)
    room = max(int(used * 1.2), 1 << 14)
    subs = max(int(reader.count("subs") * 1.5), 1 << 10)
    storage.refill(
        packing, reader.array("states", room), used, reader.array("subs", subs),
        reader.count("subs"), [int(d) for d in numbers["dead"]],
    )  # fmt: skip
    if not storage.fits():
        raise ValueError("its states have other widths")
    search.flat.use_layout(storage.packing.arrays)
    search.flat.add_everything()


def _restore_counters(search: NativeSearch, numbers: Any) -> None:
    storage, mine = search.storage, search.storage.mine[0]
    search.bounds = [int(b) for b in numbers["bounds"]]
    search.search.levels = [int(n) for n in numbers["levels"]]
    cursor = int(numbers["cursor"])
    if (
        search.bounds != sorted(search.bounds)
        or search.bounds[-1] > storage.used
        or len(search.bounds) != len(search.search.levels) + 1
        or not 0 <= cursor <= storage.used
    ):
        raise ValueError("its levels do not fit its states")
    storage.shared[CURSOR] = cursor
    search.taken_before = int(numbers["transitions"])
    mine[TRANSITIONS] = 0
    mine[shapes.CHECKED] = int(numbers["checked"])
    for fields, note in ((_STUCK, numbers["stuck"]), (_FAILED, numbers["failed"])):
        if note is not None:
            for field, value in zip(fields, note, strict=True):
                mine[field] = int(value)
    search.search.witnesses = {
        int(i): tuple((int(a), int(w)) for a, w in path) for i, path in numbers["witnesses"]
    }
