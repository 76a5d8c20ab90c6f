"""Names of processes that are alike: values that can be told apart, and that is all.

A *scalarset* (Ip and Dill 1996): a name can be stored, compared for equality, and used as the key
of an array. It has no order and no arithmetic, so a model cannot treat one process in another way
than the next by mistake. What a model does with names all the same is checked when it is explored
(`modelcheck.tables.symmetry`).

Source: C. N. Ip, D. L. Dill, Better Verification Through Symmetry (Formal Methods in System Design
9, 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from modelcheck.language.refs import model_error, use_of

#: Where a copy is told to rename: the key of a function of a name in `copy.deepcopy`'s memo.
RENAMING = "modelcheck: rename"
#: There too: name and slot of the process that the one in a slot becomes, by its slot.
MOVED = "modelcheck: moved"


class Names:
    """A fixed set of names; goes like a tuple of them. Made by `names`."""

    def __init__(self, count: int, kind: str, ring: bool):
        self.count, self.kind, self.ring = count, kind, ring
        self._members = tuple(Name(self, index) for index in range(count))

    def __iter__(self) -> Iterator[Name]:
        return iter(self._members)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Name:
        return self._members[index]

    def __contains__(self, item: object) -> bool:
        return isinstance(item, Name) and item.of == self

    def __modelcheck_key__(self) -> Hashable:
        return ("names", self.kind, self.count, self.ring)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Names) and self.__modelcheck_key__() == other.__modelcheck_key__()

    def __hash__(self) -> int:
        return hash(self.__modelcheck_key__())

    def __deepcopy__(self, memo: Any) -> Names:
        return self  # as a set it stays what it is, whichever way its members are renamed

    def __repr__(self) -> str:
        return f"names({', '.join(map(repr, self._members))})"


class Name:
    """One name; equal to itself alone."""

    __slots__ = ("index", "of")

    def __init__(self, of: Names, index: int):
        self.of, self.index = of, index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and self.index == other.index and self.of == other.of

    def __hash__(self) -> int:
        return self.index

    def __modelcheck_key__(self) -> Hashable:
        return ("name", self.of.kind, self.of.count, self.of.ring, self.index)

    def __deepcopy__(self, memo: Any) -> Name:
        rename: Callable[[Name], Name] | None = memo.get(RENAMING)
        return self if rename is None else rename(self)

    def __repr__(self) -> str:
        return f"{self.of.kind}{self.index}"

    def __add__(self, steps: int) -> Name:
        """Return the name so many places further round the ring."""
        if not self.of.ring or not isinstance(steps, int):
            raise self._no_number("+")
        return self.of[(self.index + steps) % self.of.count]

    def __sub__(self, steps: int) -> Name:
        """Return the name so many places back round the ring."""
        if not self.of.ring or not isinstance(steps, int):
            raise self._no_number("-")
        return self.of[(self.index - steps) % self.of.count]

    def _no_number(self, use: str) -> Exception:
        remedy = (
            "Names can be stored, compared with == and used as keys of cells(names, ...). To go "
            "round a ring of processes, make them with names(n, ring=True): there `me + 1` is the "
            "next one."
        )
        if self.of.ring:
            remedy = "On a ring, `me + 1` and `me - 1` are neighbours; names have no first."
        return model_error(
            f"{use} was applied to {self!r}, which names a process: names are not numbers, and "
            "none of them is before another",
            remedy,
        )


def _refused(name: str, use: str) -> Callable[..., Any]:
    def method(self: Name, *others: Any) -> Any:
        raise self._no_number(use)

    method.__name__ = name
    return method


for _name in ["lt", "le", "gt", "ge", "mul", "mod", "floordiv", "radd", "rsub", "neg"]:
    setattr(Name, f"__{_name}__", _refused(f"__{_name}__", use_of(f"__{_name}__")))
for _name in ["index", "int"]:
    setattr(Name, f"__{_name}__", _refused(f"__{_name}__", f"{_name}()"))


def names(count: int, kind: str = "p", *, ring: bool = False) -> Names:
    """Return `count` names for processes that are alike.

    Parameters
    ----------
    count : int
        How many.
    kind : str
        What their texts begin with; two sets of names of one model need two kinds.
    ring : bool
        Whether they stand in a ring: ``me + 1`` is the next one, and only turning the ring leaves
        the model as it is. Otherwise any two may be exchanged.

    Raises
    ------
    ModelError
        For a count that is no whole number, 1 or more.

    Examples
    --------
    >>> users = names(3)
    >>> list(users), users[0] == users[1], len(users)
    ([p0, p1, p2], False, 3)
    >>> names(3, "seat", ring=True)[2] + 1
    seat0
    """
    given: Any = count
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise model_error(f"names({count!r}) has no size", "Give a whole number, 1 or more.")
    word: Any = kind
    if not isinstance(word, str) or not word.isidentifier():
        raise model_error(f"names(..., {kind!r}): that is no word", 'Give one, like "p".')
    return Names(count, kind, ring)
