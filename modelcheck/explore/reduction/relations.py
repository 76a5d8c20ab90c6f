"""How steps can disturb and enable each other, read off what was learned.

A *local step* is an agent at one of its local states: ``(agent, local id)``. Its trie says exactly
what it reads and writes, so nothing is declared: a footprint is that of one path, down to the cell
of an array. Everything here is a statement about known paths. A search that learns a path on its
way must `note` it, and a search is complete only when its last run learned nothing
(`modelcheck.explore.reduction.search` sees to that).

Neighbours: `modelcheck.tables.tries` has the tries; `stubborn` closes sets of steps under these
relations. The argument why it is sound is in docs/reduction.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from modelcheck.explore.reduction.ignoring import bits, components
from modelcheck.tables.tables import Property, State, Tables
from modelcheck.tables.tries import Branch, Leaf, Node

#: An agent at one of its local states.
LocalStep = tuple[int, int]

#: A path through a trie: each branch, the child that it goes on to, and the one value for which it
#: does so; None where a view makes several values look alike.
Path = tuple[tuple[Branch, Node, int | None], ...]


class Relations:
    """Which local steps conflict with a path, and which could enable one that is blocked.

    Lists are computed when first asked for, and again once something was learned that they rest
    on. `watched` are the properties whose answers must not be disturbed unseen.
    """

    def __init__(self, tables: Tables, watched: Iterable[Property] = ()):
        self.tables = tables
        self.slot = [agent.slot for agent in tables.agents]
        self.agent = {slot: number for number, slot in enumerate(self.slot)}
        self._values = [domain.values for domain in tables.domains]
        count = len(tables.slots)
        #: For each slot: the local steps that read it, with the branches where they do.
        self._readers: list[dict[LocalStep, list[Branch]]] = [{} for _ in range(count)]
        #: For each slot: the local steps that write it, with the values that they write.
        self._writers: list[dict[LocalStep, set[int]]] = [{} for _ in range(count)]
        self._touched: dict[LocalStep, set[int]] = defaultdict(set)
        self._paths: dict[Leaf, tuple[LocalStep, Path]] = {}
        self._seen: set[Node] = set()
        self.version = 0
        self._stamp = [0] * count
        self._conflicts: dict[Leaf, tuple[int, list[LocalStep]]] = {}
        self._enablers: dict[Leaf, tuple[int, list[LocalStep]]] = {}
        self._reachable: dict[int, list[int]] = {}
        for agent, who in enumerate(tables.agents):
            for local, trie in enumerate(who.tries):
                self._scan((agent, local), trie.root)
        self._visible: dict[Leaf, bool] = {}
        self._visible_steps: list[LocalStep] | None = None
        self.watch(watched)

    # What was learned.

    def note(self, agent: int, state: State) -> None:
        """Take in the path that the agent's step takes in `state`, which was learned just now."""
        step = agent, state[self.slot[agent]]
        self.version += 1
        node: Any = self.tables.agents[agent].tries[step[1]].root
        path: Path = ()
        while isinstance(node, Branch):
            self._add_branch(step, node)
            value = state[node.slot]
            path = (*path, (node, node.children[value], None if node.view else value))
            node = node.children[value]
        self._add_leaf(step, node, path)
        for slot in self._touched[step]:
            self._stamp[slot] = self.version
        self._reachable.clear()
        self._visible.clear()
        self._visible_steps = None

    def watch(self, watched: Iterable[Property]) -> None:
        """Say which properties must not be disturbed unseen; call again when one has learned."""
        self.watched = list(watched)
        self._watching: dict[int, list[Branch]] = {}
        for prop in self.watched:
            for node in _branches(prop.trie.root):
                self._watching.setdefault(node.slot, []).append(node)
        self.version += 1
        self._visible.clear()
        self._visible_steps = None

    def _scan(self, step: LocalStep, root: Node | None) -> None:
        """Take in a whole trie."""
        waiting: list[tuple[Node | None, Path]] = [(root, ())]
        while waiting:
            node, path = waiting.pop()
            if isinstance(node, Branch):
                self._add_branch(step, node)
                values = {id(child): value for value, child in node.children.items()}
                children = {id(child): child for child in node.children.values()}
                waiting += [
                    (child, (*path, (node, child, None if node.view else values[key])))
                    for key, child in children.items()
                ]
            elif isinstance(node, Leaf):
                self._add_leaf(step, node, path)

    def _add_branch(self, step: LocalStep, node: Branch) -> None:
        if node not in self._seen:
            self._seen.add(node)
            self._readers[node.slot].setdefault(step, []).append(node)
            self._touched[step].add(node.slot)

    def _add_leaf(self, step: LocalStep, leaf: Leaf, path: Path) -> None:
        if leaf in self._paths:
            return
        self._paths[leaf] = step, path
        for outcome in leaf.outcomes:
            for slot, value in outcome.writes:
                self._writers[slot].setdefault(step, set()).add(value)
                self._touched[step].add(slot)

    # Values as branches see them.

    def _child(self, branch: Branch, value: int) -> Node | None:
        """Return where a branch goes on with a value, None if that was never learned."""
        child = branch.children.get(value)
        if child is None and branch.view is not None:
            observed = branch.view.observe(self._values[branch.slot][value])
            return branch.seen.get(observed)
        return child

    def _alike(self, branch: Branch, value: int, other: int) -> bool:
        """Tell whether a branch cannot tell two values apart."""
        if value == other:
            return True
        if branch.view is None:
            return False
        values = self._values[branch.slot]
        return bool(branch.view.observe(values[value]) == branch.view.observe(values[other]))

    # Conflicts.

    def conflicts(self, leaf: Leaf) -> list[LocalStep]:
        """Return the local steps of others that may disturb an enabled path, or be disturbed by it.

        Any other known step can be taken before or after it with the same result, and leaves it
        enabled on the same path.
        """
        kept = self._conflicts.get(leaf)
        if kept is not None and not self._outdated(leaf, kept[0]):
            return kept[1]
        found = sorted(self._disturbing(leaf))
        self._conflicts[leaf] = self.version, found
        return found

    def _outdated(self, leaf: Leaf, version: int) -> bool:
        (agent, _), path = self._paths[leaf]
        slots = {self.slot[agent], *(branch.slot for branch, _, _ in path)}
        slots.update(slot for outcome in leaf.outcomes for slot, _ in outcome.writes)
        return any(self._stamp[slot] > version for slot in slots)

    def _disturbing(self, leaf: Leaf) -> set[LocalStep]:
        step, path = self._paths[leaf]
        writes = _writes(leaf)
        before = self._before(step, path)
        found = self._breaking(step, path)
        for slot, values in writes.items():
            for other, branches in self._readers[slot].items():
                if other[0] != step[0] and not self._unseen(before.get(slot), values, branches):
                    found.add(other)
            for other, theirs in self._writers[slot].items():
                if other[0] != step[0] and not (len(values) == 1 and theirs == values):
                    found.add(other)
            owner = self.agent.get(slot, step[0])
            if owner != step[0]:  # it moves another agent: none of whose steps may come between
                found.update((owner, m) for m in range(len(self.tables.agents[owner].tries)))
        return {other for other in found if not self._never_together(step, path, writes, other)}

    def _breaking(self, step: LocalStep, path: Path) -> set[LocalStep]:
        """Return the steps of others that can lead the step away from its path."""
        agent, local = step
        found = {
            other
            for branch, child, _ in path
            for other, values in self._writers[branch.slot].items()
            if other[0] != agent and any(self._child(branch, v) is not child for v in values)
        }
        for other, values in self._writers[self.slot[agent]].items():
            if other[0] != agent and values != {local}:
                found.add(other)
        return found

    def _before(self, step: LocalStep, path: Path) -> dict[int, int]:
        """Return the values that slots are known to have when the path is taken."""
        known = {branch.slot: value for branch, _, value in path if value is not None}
        return known | {self.slot[step[0]]: step[1]}

    def _unseen(self, before: int | None, after: set[int], branches: Iterable[Branch]) -> bool:
        """Tell whether no branch can tell the values after a write from the one before it."""
        return before is not None and all(
            self._alike(branch, before, value) for branch in branches for value in after
        )

    def _never_together(
        self, step: LocalStep, path: Path, writes: dict[int, set[int]], other: LocalStep
    ) -> bool:
        """Tell whether `other` is never enabled where `step` is on its path, and stays so after it.

        A branch of `other` that was never learned counts as enabled wherever a slot on the way to
        it is written by `step`: it might be learned only where `step` has not been taken.
        """
        fixed = {turn[0].slot: turn for turn in path}
        own = self.slot[other[0]]
        if own in fixed:
            branch, child, _ = fixed[own]
            if self._child(branch, other[1]) is not child:
                return True
        waiting: list[tuple[Node | None, bool]] = [
            (self.tables.agents[other[0]].tries[other[1]].root, own in writes)
        ]
        while waiting:
            node, touched = waiting.pop()
            if not isinstance(node, Branch):
                if node is None:  # its step was never performed at all
                    if touched:
                        return False
                elif node.outcomes:  # type: ignore[attr-defined] # a step's leaves are Leaf objects
                    return False
                continue
            touched = touched or node.slot in writes
            ways = self._ways(node, fixed, step)
            if touched and None in ways:
                return False
            waiting += [(way, touched) for way in ways if way is not None]
        return True

    def _ways(
        self, node: Branch, fixed: dict[int, tuple[Branch, Node, int | None]], step: LocalStep
    ) -> set[Node | None]:
        """Return where a branch can go on while the step is on its path; None for "not learned"."""
        if node.slot == self.slot[step[0]]:
            return {self._child(node, step[1])}
        if node.slot in fixed:
            branch, child, value = fixed[node.slot]
            if value is not None:
                return {self._child(node, value)}
            values = range(len(self._values[node.slot]))
            return {self._child(node, v) for v in values if self._child(branch, v) is child}
        return {*node.children.values(), None}

    # What enables.

    def enablers(self, leaf: Leaf) -> list[LocalStep]:
        """Return the local steps one of which must be taken before a blocked path is left."""
        kept = self._enablers.get(leaf)
        if kept is not None and not self._outdated(leaf, kept[0]):
            return kept[1]
        found = sorted({
            other
            for branch, child, _ in self._paths[leaf][1]
            for other, values in self._writers[branch.slot].items()
            if any(self._child(branch, v) is not child for v in values)
        })  # fmt: skip
        self._enablers[leaf] = self.version, found
        return found

    def predecessors(self, step: LocalStep) -> list[LocalStep]:
        """Return the local steps that bring the agent to where the local step can be taken."""
        agent, local = step
        return sorted(w for w, values in self._writers[self.slot[agent]].items() if local in values)

    def is_moved(self, agent: int) -> bool:
        """Tell whether others write the agent's local state."""
        return any(other != agent for other, _ in self._writers[self.slot[agent]])

    def reachable(self, agent: int, here: int) -> int:
        """Return the local states that the agent can come to from one, as bits."""
        return self.reachable_masks(agent)[here]

    def reachable_masks(self, agent: int) -> list[int]:
        """Return, for each local state of an agent, those that it can come to, as bits."""
        found = self._reachable.get(agent)
        if found is None:
            found = self._reachable[agent] = self._onward(agent)
        return found

    def _onward(self, agent: int) -> list[int]:
        """Close the agent's local graph; what others write into its slot may happen at any time."""
        writers = self._writers[self.slot[agent]]
        count = len(self.tables.agents[agent].tries)
        foreign = 0
        edges: list[list[int]] = [[] for _ in range(count)]
        for (other, local), values in writers.items():
            if other == agent:
                edges[local] = sorted(values)
            else:
                foreign |= sum(1 << value for value in values)
        parts = components(edges)
        # A part is numbered after all that it leads to.
        masks = [foreign] * (max(parts, default=-1) + 1)
        members: list[list[int]] = [[] for _ in masks]
        for local, part in enumerate(parts):
            masks[part] |= 1 << local
            members[part].append(local)
        for part, locals_ in enumerate(members):
            for local in locals_:
                for after in edges[local]:
                    masks[part] |= masks[parts[after]]
        by_state = [masks[part] for part in parts]
        for local in bits(foreign):
            foreign |= by_state[local]
        return [mask | foreign for mask in by_state]

    # What properties see.

    def visible(self, leaf: Leaf) -> bool:
        """Tell whether a path may change the answer of a watched property."""
        found = self._visible.get(leaf)
        if found is None:
            step, path = self._paths[leaf]
            before = self._before(step, path)
            found = self._visible[leaf] = any(
                not self._unseen(before.get(slot), values, self._watching.get(slot, ()))
                for slot, values in _writes(leaf).items()
                if slot in self._watching
            )
        return found

    def visible_steps(self) -> list[LocalStep]:
        """Return all known local steps with a path that may change a watched property's answer."""
        if self._visible_steps is None:
            self._visible_steps = sorted(
                {s for leaf, (s, _) in self._paths.items() if leaf.outcomes and self.visible(leaf)}
            )
        return self._visible_steps


def _writes(leaf: Leaf) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for outcome in leaf.outcomes:
        for slot, value in outcome.writes:
            found.setdefault(slot, set()).add(value)
    return found


def _branches(root: Any) -> list[Branch]:
    """Return all branches of a trie, each once."""
    found: dict[int, Branch] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Branch) and id(node) not in found:
            found[id(node)] = node
            waiting += node.children.values()
    return list(found.values())
