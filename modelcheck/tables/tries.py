"""Learned tries: what a step or a property does, as a decision tree over slot values.

A step reads some slots, in an order that depends on what it reads, and then is blocked or has
outcomes. Each path that was ever taken is one path in a trie: inner nodes (`Branch`) name the slot
read next, leaves (`Leaf`, `Answer`) say what happens. A path is learned once and never computed
again.

A read may go through a *view*: a function of the slot's value that the step really asked for (is
this process at its critical section?). Values with the same observation share one subtree, so a
property over places does not multiply by all the local states that look alike to it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from attrs import define, field, frozen

from modelcheck.errors import ModelError
from modelcheck.tables.orders import turned
from modelcheck.verdict import Kind


@frozen
class View:
    """A named function of a slot's value; two views with the same `key` are the same view.

    A step that reads through it is blocked wherever it sees one of `blocks`, known or not.
    """

    key: Hashable
    observe: Callable[[Any], Hashable] = field(eq=False)
    blocks: frozenset[Hashable] = field(default=frozenset(), eq=False)


@frozen
class Read:
    """One read on a path: the slot, the id of its value, and the view it was read through."""

    slot: int
    value: int
    view: View | None = None
    observation: Hashable = None


@frozen
class Failure:
    """A step that ends in an assertion or an exception: part of the model's behaviour."""

    kind: Kind
    message: str
    file: str
    line: int


@frozen(eq=False)
class Outcome:
    """One way a step can go: the slots it writes (the process's own among them), or a failure.

    `writes` are (slot, value id) pairs, each slot once. `result` is what the step sent back into
    the process. `operations` tells of some of the writes what they are, with any operand
    (`modelcheck.tables.operations`). For display only: `note`, what a trace should say besides, and
    `seen`, what loads saw that memory did not answer: (slot, value, where from: ``"buffer"`` or
    ``"stale"``).
    """

    writes: tuple[tuple[int, int], ...]
    result: Any = None
    failure: Failure | None = None
    note: str = ""
    operations: tuple[tuple[int, str, Hashable], ...] = ()
    seen: tuple[tuple[int, Any, str], ...] = ()


class Node:
    """What a path leads to; `slot` is -1 at a leaf, so that a walk tests one integer."""

    __slots__ = ("slot",)
    slot: int


class Branch(Node):
    """An inner node: read `slot`, go on at ``children[value id]``.

    With a view, ids of the same observation lead to the same child; `seen` maps observations to
    children, and `children` remembers the ids already looked at.
    """

    __slots__ = ("children", "seen", "view")

    def __init__(self, slot: int, view: View | None):
        self.slot = slot
        self.view = view
        self.children: dict[int, Node] = {}
        self.seen: dict[Hashable, Node] = {}


class Leaf(Node):
    """Where a step's path ends: its outcomes, none if it is blocked.

    `visits` counts the states expanded through this leaf: coverage. `form` is what the step needed
    of what it read, where that is less: a value that it only operated on (`Recorder.form`).
    """

    __slots__ = ("form", "outcomes", "visits")

    def __init__(self, outcomes: tuple[Outcome, ...], form: tuple[Read, ...] | None = None):
        self.slot = -1
        self.outcomes = outcomes
        self.visits = 0
        self.form = form


class Answer(Node):
    """Where a property's path ends: does it hold, and if it failed by an assertion, why."""

    __slots__ = ("holds", "message")

    def __init__(self, holds: bool, message: str = ""):
        self.slot = -1
        self.holds = holds
        self.message = message


@define(eq=False)
class Trie:
    """A decision tree that starts empty and grows a path at a time.

    Examples
    --------
    >>> trie = Trie()
    >>> trie.find((4, 9)) is None
    True
    >>> trie.insert([Read(1, 9)], Answer(True))
    >>> trie.find((4, 9)).holds, trie.find((5, 9)).holds, trie.find((4, 8))
    (True, True, None)
    """

    root: Node | None = None

    def find(self, state: tuple[int, ...]) -> Any:
        """Return the leaf that `state` leads to, or None where no such path was learned yet."""
        node = self.root
        while node is not None and node.slot >= 0:
            node = node.children.get(state[node.slot])  # type: ignore[attr-defined] # a Branch
        return node

    def insert(self, path: list[Read], leaf: Node) -> None:
        """Add a path; raise `ModelError` where an earlier one read something else at one point.

        A step is a function of what it read, so up to the first differing value two paths read the
        same slots; if they do not, the step depends on something that is not in the state.
        """
        if not path:
            self._check_same(self.root, None)
            self.root = leaf
            return
        if self.root is None:
            self.root = Branch(path[0].slot, path[0].view)
        node = self.root
        for read, after in zip(path, [*path[1:], None], strict=True):
            self._check_same(node, read)
            assert isinstance(node, Branch)
            child = node.seen.get(read.observation) if read.view else node.children.get(read.value)
            if after is None:
                self._check_same(child, None)
                child = leaf
            elif child is None:
                child = Branch(after.slot, after.view)
            node.children[read.value] = child
            if read.view:
                node.seen[read.observation] = child
            node = child

    @staticmethod
    def _check_same(node: Node | None, read: Read | None) -> None:
        if node is None:
            return
        expected = (node.slot, node.view) if isinstance(node, Branch) else None
        if expected != ((read.slot, read.view) if read else None):
            raise ModelError(
                "a step or property read different locations although everything it read before "
                "was the same",
                "It depends on something outside the model's state: a clock, a random number, a "
                "global variable, the order of a set. Put that into the state, or use choose().",
            )


class Recorder:
    """Reads slots of one state and remembers the path, for `Trie.insert`.

    A slot read twice the same way is on the path once. `turned` hands out sets whose order is a
    chance in another order than the one that they have (`modelcheck.tables.orders`). `form` is a
    second path: it has only what was needed of values that were operated on.
    """

    def __init__(self, domains: list[Any], state: tuple[int, ...], turned: bool = False):
        self._domains = domains
        self._state = state
        self.turned = turned
        self._known: set[tuple[int, Hashable]] = set()
        self.path: list[Read] = []
        self._needed: set[tuple[int, Hashable]] = set()
        self.form: list[Read] = []
        self.operated = False  # whether the form is another than the path

    @property
    def state(self) -> tuple[int, ...]:
        """The state that is read."""
        return self._state

    def anew(self, turned: bool = True) -> Recorder:
        """Return a recorder of the same state with an empty path; see the class for `turned`."""
        return Recorder(self._domains, self._state, turned)

    def peek(self, slot: int) -> Any:
        """Return the value of `slot` without putting a read on the path.

        Only for the agent's own local state, which selects the trie.
        """
        return self._domains[slot].values[self._state[slot]]

    def read(self, slot: int, view: View | None = None) -> Any:
        """Return the value of `slot` (or what `view` sees of it), and put the read on the path."""
        ident = self._state[slot]
        value = self._domains[slot].values[ident]
        if self.turned and view is None:
            value = turned(value)
        self._note(self._needed, self.form, slot, view)
        self._note(self._known, self.path, slot, view)
        return view.observe(value) if view else value

    def read_to_operate(self, slot: int, view: View) -> Any:
        """Return the value of `slot` to one who needs no more of it than `view` sees."""
        self.operated = True
        self._note(self._needed, self.form, slot, view)
        self._note(self._known, self.path, slot, None)
        return self.peek(slot)

    def need(self, slot: int) -> None:
        """Say that all of a slot's value was needed after all."""
        self._note(self._needed, self.form, slot, None)

    def _note(
        self, known: set[tuple[int, Hashable]], path: list[Read], slot: int, view: View | None
    ) -> None:
        """Put a read on a path that does not have it yet."""
        mark = (slot, view.key if view else None)
        if mark in known or (slot, None) in known:
            return
        known.add(mark)
        ident = self._state[slot]
        seen = view.observe(self._domains[slot].values[ident]) if view else None
        path.append(Read(slot, ident, view, seen))
