"""Sets whose order is a chance.

Python goes over a set in the order of its members' hashes. Those of strings, of enum members (they
hash their names) and of objects told apart by identity change from one run of Python to the next,
so what depends on such an order is no function of the state.
"""

from __future__ import annotations

import sys
import types
from typing import Any

#: Classes whose hashes are the same in each run.
_FIXED = {int, bool, float, complex, type(...)}
if sys.version_info >= (3, 12):
    _FIXED.add(types.NoneType)


def by_chance(members: Any) -> bool:
    """Tell whether a set of `members` is gone over in an order that changes from run to run.

    Examples
    --------
    >>> by_chance({1, 2}), by_chance({"a"}), by_chance({"a", "b"}), by_chance({(1, "a"), (2, "b")})
    (False, False, True, True)
    """
    return len(members) > 1 and not all(map(_is_fixed, members))


def _is_fixed(member: Any) -> bool:
    if isinstance(member, (tuple, frozenset)):
        return all(map(_is_fixed, member))
    hashes: Any = type(member).__hash__
    return type(member) in _FIXED or hashes is int.__hash__
