"""The tree of the shared state, and arrays of locations in it.

Inner nodes are parts (instances of `@state` classes: `modelcheck.language.state`) and `Cells`; the
leaves are references (`modelcheck.language.refs`), each of which becomes one slot.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.names import Names
from modelcheck.language.refs import Binder, Location, Ref, check_value, model_error
from modelcheck.language.source import shown


class Cells(Location):
    """An array (or a map with fixed keys) whose cells are separate locations.

    In process code ``level[i]`` is a reference; in steps and properties it is a plain value, and
    the whole behaves as a sequence (a mapping has `keys`, `values` and `items`).
    """

    def __init__(self, children: dict[Any, Any], keyed: bool):
        self._children = children
        self._keyed = keyed
        self.name = "?"

    def fresh(self) -> Cells:
        return Cells({k: fresh(c) for k, c in self._children.items()}, self._keyed)

    def bind(self, name: str, binder: Binder) -> None:
        self.name = name
        for key, child in self._children.items():
            bind(child, f"{name}[{key if isinstance(key, int) else _key_text(key)}]", binder)

    def __modelcheck_key__(self) -> Hashable:
        return ("cells", self.name)

    def __deepcopy__(self, memo: Any) -> Cells:
        return self

    def __len__(self) -> int:
        return len(self._children)

    def children(self) -> dict[Any, Any]:
        """Return the nodes below, by key."""
        return self._children

    def _child(self, key: Any) -> Any:
        if isinstance(key, Ref):
            key = key.plain("indexing")
        if not self._keyed:
            if isinstance(key, slice):
                return [self[i] for i in range(*key.indices(len(self)))]
            index = operator.index(key)
            if not -len(self) <= index < len(self):
                raise IndexError(f"{self.name}[{index}]: it has {len(self)} cells")
            key = index % len(self)
        elif key not in self._children:
            raise KeyError(
                f"{self.name}[{key!r}]: its keys are {', '.join(map(repr, self._children))}"
            )
        return self._children[key]

    def __getitem__(self, key: Any) -> Any:
        child = self._child(key)
        return plain_of(child)

    def __setitem__(self, key: Any, value: Any) -> None:
        assign(self._child(key), f"{self.name}[{key!r}]", value)

    def __delitem__(self, key: Any) -> NoReturn:
        raise no_deletion(f"{self.name}[{key!r}]")

    def __iter__(self) -> Iterator[Any]:
        # Lazily: in a step, what is not reached is not read. No generator, for `yield from`.
        return iter(self._children) if self._keyed else map(plain_of, self._children.values())

    def __contains__(self, item: Any) -> bool:
        return item in self._children if self._keyed else item in list(self)

    def keys(self) -> Iterable[Any]:
        """Return the fixed keys (the indices of an array)."""
        return self._children.keys()

    def values(self) -> list[Any]:
        """Return all cells, in order: references or plain values."""
        return [plain_of(child) for child in self._children.values()]

    def items(self) -> list[tuple[Any, Any]]:
        """Return all keys with their cells, in order."""
        return [(key, plain_of(child)) for key, child in self._children.items()]

    def count(self, value: Any) -> int:
        """Return how many cells hold `value` (in a step or property)."""
        return self.values().count(value)

    def index(self, value: Any) -> int:
        """Return the first index whose cell holds `value` (in a step or property)."""
        return self.values().index(value)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if context.active() is None:
            return whole_compared(self.name)
        if self._keyed:
            theirs = dict(other.items()) if isinstance(other, (Cells, Mapping)) else other
            return dict(self.items()) == theirs
        return isinstance(other, (Cells, list, tuple)) and list(self) == list(other)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        if context.active() is None:
            return self.name
        return repr(dict(self.items()) if self._keyed else self.values())


def _key_text(key: Any) -> str:
    return getattr(key, "name", None) or repr(key)


def whole_compared(name: str) -> bool:
    """Return `NotImplemented`; or, in process code, raise `ModelError`: it cannot see a whole."""
    if context.running() is None:
        return NotImplemented  # type: ignore[no-any-return] # as `__eq__` may, which returns this
    raise model_error(
        f"`==` was applied to {name}, which is a part of the state here, not a value",
        f"A step over several locations is atomic(f): `v = yield atomic(lambda: {name} == ...)`.",
    )


def cells(shape: int | Iterable[Any] | Mapping[Any, Any], initial: Any = 0) -> Any:
    """Return an array whose cells are separate locations.

    Parameters
    ----------
    shape : int, names, iterable or mapping
        How many cells; or `modelcheck.names`, for a cell each; or the initial value of each; or the
        fixed keys with the initial value of each.
    initial : value, part or cells
        What each cell holds at first, where `shape` is a number or names. A `@state` class or
        instance gives each cell a part of its own.

    Examples
    --------
    >>> len(cells(3)), len(cells([True, False])), list(cells({"a": 0, "b": 0}).keys())
    (3, 2, ['a', 'b'])
    """
    if isinstance(shape, bool) or (isinstance(shape, int) and shape < 0):
        raise model_error(f"cells({shape!r}) has no size", "Give the number of cells, 0 or more.")
    if isinstance(shape, int):
        return Cells({i: child_of(initial, "a cell") for i in range(shape)}, keyed=False)
    if isinstance(shape, Names):
        return Cells({k: child_of(initial, "a cell") for k in shape}, keyed=True)
    if isinstance(shape, Mapping):
        return Cells({k: child_of(v, f"the cell {k!r}") for k, v in shape.items()}, keyed=True)
    if not isinstance(shape, Iterable):
        raise model_error(f"cells({shape!r}) has no size", "Give a whole number, or the values.")
    return Cells({i: child_of(v, f"cell {i}") for i, v in enumerate(shape)}, keyed=False)


def is_part(thing: Any) -> bool:
    """Tell whether `thing` is an instance of a `@state` class."""
    return hasattr(type(thing), "__modelcheck_fields__")


def children_of(part: Any) -> dict[str, Any]:
    """Return the nodes below a part, by field."""
    children: dict[str, Any] = part.__dict__.get("_children", {})
    return children


def is_location(thing: Any) -> bool:
    """Tell whether `thing` is a node of a state tree."""
    return isinstance(thing, Location) or is_part(thing)


def fresh(node: Any) -> Any:
    """Return a copy of a state tree that belongs to nobody yet."""
    if isinstance(node, Location):
        return node.fresh()
    copy = object.__new__(type(node))
    copy.__dict__["_children"] = {n: fresh(c) for n, c in children_of(node).items()}
    copy.__dict__["_name"] = "?"
    return copy


def bind(node: Any, name: str, binder: Binder) -> None:
    """Name a tree and number its leaves, in the order of declaration."""
    if isinstance(node, Location):
        node.bind(name, binder)
        return
    node.__dict__["_name"] = name
    for field_name, child in children_of(node).items():
        bind(child, f"{name}.{field_name}" if name else field_name, binder)


def leaves(node: Any) -> list[Ref]:
    """Return the locations at or below a node of a state tree."""
    if isinstance(node, Ref):
        return [node]
    if isinstance(node, Cells):
        return [leaf for child in node._children.values() for leaf in leaves(child)]
    if is_part(node):
        return [leaf for child in children_of(node).values() for leaf in leaves(child)]
    queue = getattr(node, "queue", None)
    if isinstance(queue, Ref):
        return [queue]
    raise model_error(f"{node!r} is no location of the state", "Name fields, parts or arrays.")


def child_of(value: Any, what: str) -> Any:
    """Return the tree node for an initial value: a leaf, or a part, array or channel of its own."""
    if isinstance(value, type) and hasattr(value, "__modelcheck_fields__"):
        return value()
    if isinstance(value, Ref):
        raise model_error(f"{what} was given the reference {value}", "Give it a plain value.")
    if is_location(value):
        return fresh(value)
    return Ref(check_value(value, what), what)  # the name until `bind` gives it one


def plain_of(child: Any) -> Any:
    """Return what a name stands for: the value where names are values, else the node itself."""
    if type(child) is Ref:
        evaluation = context.active()
        if evaluation is not None:
            return evaluation.load(child)
    return child


def no_deletion(name: str) -> ModelError:
    """Return the error for `del` of a location."""
    return model_error(
        f"`del` was applied to {name}, a location of the state: locations stay",
        "Store a value that means that nothing is there: `yield x.set(None)`; in atomic(f), "
        "`s.x = None`.",
    )


def assign(child: Any, name: str, value: Any) -> None:
    """Store in a location, or set its initial value; raise `ModelError` where that is no step."""
    if not isinstance(child, Ref):
        raise model_error(
            f"{name} is a {type(child).__name__}, a part of the state that stays where it is",
            "Assign to its fields or cells one by one.",
        )
    evaluation = context.active()
    if evaluation is not None:
        plain = evaluation.load(value) if type(value) is Ref else value
        evaluation.store(child, check_value(plain, name))
    elif context.running() is not None:
        raise model_error(
            f"{name} was assigned to in process code, where it is a reference",
            f"Write `yield {name}.set({shown(value)})`: a store is a step. (Inside atomic(f), "
            "plain assignment is right.)",
        )
    else:
        child.initial = check_value(value, name)
