"""Operations: changes of a location that commute although both touch it.

A table shows what a step did with the values that were seen. That two steps commute for *every*
value, those that a search leaves out among them, no table shows: it is what the operation is. A
step that changes a location by one of these, and looks at nothing else of it, says so:

* `APPEND` a message to a queue: it sees whether there is room.
* `TAKE` the first message of a queue: it sees that message.
* `SHIFT` a whole number by a constant: it sees nothing.

Two of them of which neither can change what the other sees commute: for every value with which both
are possible, both orders end with the same value and give the same results.
`modelcheck.explore.reduction` builds on that; the search itself does not.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any

from modelcheck.tables.tries import View
from modelcheck.tables.values import key_of

APPEND, TAKE, SHIFT = "append", "take", "shift"

#: The operand of a change that is no operation, for the value that was there.
OTHER: Hashable = object()

#: What `head` sees of an empty queue.
NOTHING = ("nothing",)


def _first(queue: tuple[Any, ...]) -> Hashable:
    return ("first", key_of(queue[0])) if queue else NOTHING


#: The first message of a queue. The second: where there is none, the step is known to be blocked.
HEAD = View(("head", False), _first)
AWAITED_HEAD = View(("head", True), _first, frozenset([NOTHING]))

#: Whether a location holds a whole number.
NUMBER = View(("number",), lambda value: type(value) is int)


@cache
def room(capacity: int, awaited: bool) -> View:
    """Return the view of whether a queue has room; `awaited` if without it the step is blocked."""
    blocks = frozenset([False]) if awaited else frozenset[Hashable]()
    return View(("room", capacity, awaited), lambda queue: len(queue) < capacity, blocks)


def disturbed(view: View | None, operation: str) -> frozenset[Hashable] | None:
    """Return the observations that an operation may change; None if it may change any.

    Examples
    --------
    A message at the end of a queue is first only if there was none.

    >>> disturbed(HEAD, APPEND) == {NOTHING}, disturbed(HEAD, TAKE)
    (True, None)
    """
    name = view.key[0] if view is not None and isinstance(view.key, tuple) else ""
    return _DISTURBED.get((name, operation))


_DISTURBED: dict[tuple[Hashable, str], frozenset[Hashable]] = {
    ("head", APPEND): frozenset([NOTHING]),
    ("room", TAKE): frozenset([False]),
    ("number", SHIFT): frozenset(),
}
