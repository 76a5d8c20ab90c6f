"""Forms: what a local step needs of a state, and what it then does.

A *local step* is an agent at one of its local states: ``(agent, local id)``. Its trie says exactly
what it reads and writes, value by value. Where it only operates on a location (sends to a channel,
say), that is more than it needs: its *form* has of that location what the operation sees of it (is
there room?), and which operation it is (`modelcheck.tables.operations`). So one form stands for
paths under many values, those that no search has met among them.

Forms of one step make a trie of their own. A search that learns a path must `note` it. Neighbours:
`relations` tells which forms disturb each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Any

from modelcheck.errors import ModelError
from modelcheck.tables.tables import State, Tables
from modelcheck.tables.tries import Branch, Leaf, Node, Outcome, Read, Trie

#: An agent at one of its local states.
LocalStep = tuple[int, int]

#: One turn of a path: the branch, the child that it goes on to, and what it saw there: a value,
#: or through a view what that shows.
Turning = tuple[Branch, Node, Hashable]


class Form(Node):
    """Where a path of needs ends: what a step does there.

    `writes` maps slots to the values that some outcome puts there, `operations` slots to the
    kinds of operations that some outcome does there. `reads` maps the slots of the path to its
    turnings there.
    """

    __slots__ = ("does", "enabled", "operations", "path", "reads", "step", "writes")

    def __init__(self, step: LocalStep, outcomes: tuple[Outcome, ...]):
        self.slot = -1
        self.step = step
        self.enabled = bool(outcomes)
        self.does = [done(outcome) for outcome in outcomes]
        self.path: tuple[Turning, ...] = ()
        self.reads: dict[int, list[Turning]] = {}
        self.writes: dict[int, set[int]] = {}
        self.operations: dict[int, set[str]] = {}
        for outcome in outcomes:
            operated = {slot: kind for slot, kind, _ in outcome.operations}
            for slot, kind in operated.items():
                self.operations.setdefault(slot, set()).add(kind)
            for slot, value in outcome.writes:
                if slot not in operated:
                    self.writes.setdefault(slot, set()).add(value)

    @property
    def changes(self) -> set[int]:
        """The slots that it writes or operates on."""
        return {*self.writes, *self.operations}

    def lead_through(self, trie: Trie, reads: list[Read]) -> None:
        """Say on which path of its trie it lies."""
        node: Any = trie.root
        path = []
        for read in reads:
            child = child_of(node, read)
            path.append((node, child, read.observation if read.view else read.value))
            node = child
        self.path = tuple(path)
        for turning in path:
            self.reads.setdefault(turning[0].slot, []).append(turning)


def done(outcome: Outcome) -> Any:
    """Return what an outcome comes to, but for what its operations made of the values there."""
    operated = {slot for slot, _, _ in outcome.operations}
    writes = tuple((s, v) for s, v in outcome.writes if s not in operated)
    failure = outcome.failure
    failed = failure and (failure.kind, failure.message, failure.file)
    return frozenset(writes), frozenset(outcome.operations), failed


def child_of(node: Any, read: Read) -> Any:
    """Return where a branch goes on, None where that was never learned."""
    if not isinstance(node, Branch):
        return None
    return node.seen.get(read.observation) if read.view else node.children.get(read.value)


class Forms:
    """All forms of a model's steps that are known."""

    def __init__(self, tables: Tables):
        self.tables = tables
        self.tries: list[dict[int, Trie]] = [defaultdict(Trie) for _ in tables.agents]
        self.of: dict[Leaf, Form] = {}
        count = len(tables.slots)
        #: For each slot: the local steps that read it; that change it; that write which values.
        self.readers: list[set[LocalStep]] = [set() for _ in range(count)]
        self.changers: list[set[LocalStep]] = [set() for _ in range(count)]
        self.writers: list[dict[LocalStep, set[int]]] = [{} for _ in range(count)]
        #: For each local step, the slots of all of its forms.
        self.touched: dict[LocalStep, set[int]] = defaultdict(set)
        #: The local steps that were met blocked.
        self.blockable: set[LocalStep] = set()
        #: Slots that some step operates on: they may have values that were never met.
        self.operated: set[int] = set()
        self._values = [domain.values for domain in tables.domains]
        for agent, who in enumerate(tables.agents):
            for local, trie in enumerate(who.tries):
                for leaf, path in _leaves(trie.root):
                    self._add((agent, local), leaf, path)

    def note(self, agent: int, state: State) -> Form | None:
        """Take in the path that the agent's step takes in a state; return its form if it is new."""
        local = state[self.tables.agents[agent].slot]
        node: Any = self.tables.agents[agent].tries[local].root
        path = []
        while isinstance(node, Branch):
            value = state[node.slot]
            path.append((node, value))
            node = node.children[value]
        return self._add((agent, local), node, path)

    def _add(self, step: LocalStep, leaf: Leaf, path: list[tuple[Branch, int]]) -> Form | None:
        if leaf in self.of:
            return None
        reads = list(leaf.form) if leaf.form is not None else [*map(self._read, path)]
        trie = self.tries[step[0]][step[1]]
        form = Form(step, leaf.outcomes)
        node: Any = trie.root
        for read in reads:
            node = child_of(node, read)
        if isinstance(node, Form):
            self._check_same(node, form)
            self.of[leaf] = node
            return None
        trie.insert(reads, form)
        form.lead_through(trie, reads)
        self.of[leaf] = form
        self._register(form)
        return form

    def _read(self, turn: tuple[Branch, int]) -> Read:
        branch, value = turn
        if branch.view is None:
            return Read(branch.slot, value)
        observed = branch.view.observe(self._values[branch.slot][value])
        return Read(branch.slot, value, branch.view, observed)

    def _check_same(self, known: Form, form: Form) -> None:
        if known.does != form.does:
            agent, local = form.step
            file, line = self.tables.learner.place(agent, local)
            raise ModelError(
                "a step did different things although all that it needed was the same",
                "It depends on something outside the model's state: a clock, a random number, a "
                "global variable, the order of a set. Put that into the state, or use choose().",
                file=file,
                line=line,
            )

    def _register(self, form: Form) -> None:
        for slot in form.reads:
            self.readers[slot].add(form.step)
        for slot in form.changes:
            self.changers[slot].add(form.step)
        for slot, values in form.writes.items():
            self.writers[slot].setdefault(form.step, set()).update(values)
        self.operated.update(form.operations)
        if not form.enabled:
            self.blockable.add(form.step)
        own = self.tables.agents[form.step[0]].slot
        self.touched[form.step].update({own, *form.reads, *form.changes})

    def child(self, branch: Branch, value: int) -> Node | None:
        """Return where a branch goes on with a value, None if that was never learned."""
        child = branch.children.get(value)
        if child is None and branch.view is not None:
            child = branch.seen.get(branch.view.observe(self._values[branch.slot][value]))
            if child is not None:
                branch.children[value] = child
        return child


def _leaves(root: Node | None) -> Iterator[tuple[Leaf, list[tuple[Branch, int]]]]:
    """Go over the leaves of a trie, each with a path that leads there."""
    waiting: list[tuple[Node | None, list[tuple[Branch, int]]]] = [(root, [])]
    while waiting:
        node, path = waiting.pop()
        if isinstance(node, Branch):
            values = {id(child): value for value, child in node.children.items()}
            children = {id(child): child for child in node.children.values()}
            waiting += [(c, [*path, (node, values[key])]) for key, c in children.items()]
        elif isinstance(node, Leaf):
            yield node, path
