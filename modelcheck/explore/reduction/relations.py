"""How local steps can disturb and enable each other, read off what was learned.

Nothing is declared: a footprint is that of one form (`forms`), down to the cell of an array.
Everything here is a statement about known forms. A search that learns a path on its way must `note`
it, and a search is complete only when nothing was learned that its choices rest on
(`modelcheck.explore.reduction.search` sees to that).

Neighbours: `forms` has what steps need and do; `stubborn` closes sets of steps under these
relations. The argument why it is sound is in docs/reduction.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator

from attrs import frozen

from modelcheck.explore.reduction.forms import Form, Forms, LocalStep
from modelcheck.explore.reduction.ignoring import bits, components
from modelcheck.explore.reduction.watching import Watching
from modelcheck.tables.operations import disturbed
from modelcheck.tables.tables import Property, State, Tables
from modelcheck.tables.tries import Branch, Leaf, Node

__all__ = ["LocalStep", "Relations", "Steps"]

#: Where a branch goes on, None if that was never learned; and whether a change can bring it there.
Way = tuple[Node | None, bool]


class Steps(tuple[LocalStep, ...]):
    """Local steps in order; `masks` has them by agent, as bits.

    Examples
    --------
    >>> Steps([(1, 0), (0, 3), (1, 2)]).masks
    ((0, 8), (1, 5))
    """

    masks: tuple[tuple[int, int], ...]

    def __new__(cls, steps: Iterable[LocalStep] = ()) -> Steps:
        made = super().__new__(cls, sorted(steps))
        masks: dict[int, int] = {}
        for agent, local in made:
            masks[agent] = masks.get(agent, 0) | 1 << local
        made.masks = tuple(masks.items())
        return made


@frozen
class _Conflicts:
    """The steps that conflict with a form, of those that it was held against; as of a version."""

    version: int
    near: set[LocalStep]
    steps: Steps


class Relations:
    """Which local steps conflict with a path, and which could enable one that is blocked.

    Lists are computed when first asked for, and again once something was learned that they rest
    on. `watched` are the properties whose answers must not be disturbed unseen. `grown` counts how
    often something was learned that a list may rest on.
    """

    def __init__(self, tables: Tables, watched: Iterable[Property] = ()):
        self.tables = tables
        self.forms = Forms(tables)
        self.slot = [agent.slot for agent in tables.agents]
        self.agent = {slot: number for number, slot in enumerate(self.slot)}
        self._values = [domain.values for domain in tables.domains]
        self.version = self.grown = 0
        self._stamp = [0] * len(tables.slots)
        self._grew = defaultdict[LocalStep, int](int)  # the version that brought its last form
        self._operated = 0  # and that in which a slot was first operated on
        self._conflicts: dict[Form, _Conflicts] = {}
        self._enablers: dict[Form, tuple[int, Steps]] = {}
        self._reachable: dict[int, list[int]] = {}
        self._entrances: dict[LocalStep, tuple[Steps, int]] = {}
        self._into: dict[int, dict[int, list[LocalStep]]] = {}
        self._visible: dict[Form, bool] = {}
        self._visible_steps: Steps | None = None
        self._watching = Watching(tables)
        self.watch(watched)
        self.grown = 0

    # What was learned.

    def note(self, agent: int, state: State) -> bool:
        """Take in the path that the agent's step takes in `state`, which was learned just now.

        Return whether it is of a form that was not known: otherwise nothing changes.
        """
        operated = len(self.forms.operated)
        form = self.forms.note(agent, state)
        if form is None:
            return False
        self.version += 1
        self.grown += 1
        self._grew[form.step] = self.version
        if len(self.forms.operated) > operated:
            self._operated = self.version
        for slot in self.forms.touched[form.step]:
            self._stamp[slot] = self.version
        self._reachable.clear()
        self._entrances.clear()
        self._into.clear()
        self._visible_steps = None
        return True

    @property
    def watched(self) -> list[Property]:
        """The properties whose answers must not be disturbed unseen."""
        return self._watching.properties

    def watch(self, watched: Iterable[Property]) -> None:
        """Say which properties must not be disturbed unseen; call again when one has learned."""
        watching = Watching(self.tables, list(watched))
        if watching.asks_as(self._watching):
            return  # what was learned of them is no new question
        self._watching = watching
        self.version += 1
        self.grown += 1
        self._visible.clear()
        self._visible_steps = None

    # Conflicts.

    def conflicts(self, leaf: Leaf) -> Steps:
        """Return the local steps of others that may disturb an enabled path, or be disturbed by it.

        Any other known step can be taken before or after it with the same result, and leaves it
        enabled in the same form.
        """
        form = self.forms.of[leaf]
        kept = self._conflicts.get(form)
        if kept is None or self._outdated(form, kept.version):
            near = self._near(form)
            steps = Steps(self._disturbing(form, near, kept))
            kept = self._conflicts[form] = _Conflicts(self.version, near, steps)
        return kept.steps

    def _outdated(self, form: Form, version: int) -> bool:
        slots = {self.slot[form.step[0]], *form.reads, *form.changes}
        return any(self._stamp[slot] > version for slot in slots)

    def _near(self, form: Form) -> set[LocalStep]:
        """Return the steps of others that have a slot in common with a form, one changing it."""
        forms, agent = self.forms, form.step[0]
        near = set(forms.changers[self.slot[agent]])
        for slot in form.reads:
            near |= forms.changers[slot]
        for slot in form.changes:
            near |= forms.readers[slot] | forms.changers[slot]
            owner = self.agent.get(slot, agent)
            if owner != agent:  # it moves another agent
                count = len(self.tables.agents[owner].tries)
                near.update((owner, local) for local in range(count))
        return {other for other in near if other[0] != agent}

    def _disturbing(
        self, form: Form, near: set[LocalStep], kept: _Conflicts | None
    ) -> set[LocalStep]:
        """Return those of some steps that conflict with a form.

        What was found before holds of a step that has learned nothing since, unless it rests on all
        values of a slot, or on what is operated on.
        """
        asked, found = near, set[LocalStep]()
        if kept is not None and not self._rests_on_more(form, kept.version):
            asked = {s for s in near if s not in kept.near or self._grew[s] > kept.version}
            found.update(step for step in kept.steps if step not in asked)
        return found.union(other for other in asked if self._conflict(form, other))

    def _rests_on_more(self, form: Form, version: int) -> bool:
        """Tell whether what conflicts with a form may differ for all steps: see `_ways`."""
        return self._operated > version or any(
            self._stamp[slot] > version
            for slot, turnings in form.reads.items()
            if any(branch.view is not None for branch, _, _ in turnings)
        )

    def _conflict(self, form: Form, other: LocalStep) -> bool:
        """Tell whether a step can be taken together with a form so that one disturbs the other.

        A branch of it that was never learned counts as such where a slot on the way to it is
        changed by the form: it might be learned only where the form has not been taken.
        """
        return any(
            node is None or (node.enabled and self._disturb(form, node))
            for node in self._together(form, other, form.step[1])
        )

    def _disturb(self, one: Form, other: Form) -> bool:
        """Tell whether two enabled forms do not commute, or one leads the other off its path."""
        return (
            self._leads_off(one, other)
            or self._leads_off(other, one)
            or any(self._clash(one, other, slot) for slot in one.changes & other.changes)
        )

    def _leads_off(self, form: Form, other: Form) -> bool:
        """Tell whether `form` can lead `other` off its path."""
        agent, local = other.step
        if form.writes.get(self.slot[agent], {local}) != {local}:
            return True
        for branch, child, seen in other.path:
            values = form.writes.get(branch.slot, ())
            if any(self.forms.child(branch, value) is not child for value in values):
                return True
            for kind in form.operations.get(branch.slot, ()):
                changed = disturbed(branch.view, kind)
                if changed is None or seen in changed:
                    return True
        return False

    def _clash(self, one: Form, other: Form, slot: int) -> bool:
        """Tell whether changes of a slot may come to something else in the other order.

        Two operations do not, where neither leads the other off its path.
        """
        mine, theirs = one.writes.get(slot), other.writes.get(slot)
        if mine is None and theirs is None:
            return False
        operated = slot in one.operations or slot in other.operations
        return operated or mine != theirs or len(mine or ()) != 1

    def _together(self, form: Form, other: LocalStep, own: int | None) -> Iterator[Form | None]:
        """Go over the forms of a step that are possible where `form` is, and stay so after it.

        `own` is where the form's agent is known to be. None stands for a branch that was never
        learned and that a change by the form may hide.
        """
        theirs = self.slot[other[0]]
        for branch, child, _ in form.reads.get(theirs, ()):
            if self.forms.child(branch, other[1]) is not child:
                return
        trie = self.forms.tries[other[0]].get(other[1])
        root = trie.root if trie is not None else None
        waiting: list[Way] = [(root, theirs in form.changes)]
        while waiting:
            node, touched = waiting.pop()
            if isinstance(node, Form):
                yield node
            elif isinstance(node, Branch):
                waiting += self._ways(form, node, own, touched)
            elif touched:
                yield None

    def _ways(self, form: Form, node: Branch, own: int | None, touched: bool) -> list[Way]:
        """Return where a branch can go on while `form` is on its path."""
        slot = node.slot
        value = own if own is not None and slot == self.slot[form.step[0]] else None
        turnings = form.reads.get(slot, [])
        for branch, _, seen in turnings:
            if branch.view is None:
                value = seen  # type: ignore[assignment] # without a view, what it saw is a value
            elif branch.view == node.view:
                return self._seeing(form, node, [seen], touched)
        if value is not None:
            return self._valued(form, node, [value], touched)
        if turnings and slot not in self.forms.operated:
            every = range(len(self._values[slot]))
            alike = (v for v in every if all(self.forms.child(b, v) is c for b, c, _ in turnings))
            return self._valued(form, node, alike, touched)
        if node.view is not None:
            return self._seeing(form, node, [*node.seen], touched) + self._unseen(
                form, node, touched
            )
        now = touched or slot in form.changes
        return [(child, now) for child in {*node.children.values()}] + [(None, now)]

    def _valued(self, form: Form, node: Branch, values: Iterable[int], touched: bool) -> list[Way]:
        """Return where a branch goes on with some values."""
        if node.view is not None:
            whole = self._values[node.slot]
            seen = {node.view.observe(whole[value]) for value in values}
            return self._seeing(form, node, seen, touched)
        now = touched or node.slot in form.changes
        return [(node.children.get(value), now) for value in values]

    def _seeing(
        self, form: Form, node: Branch, seen: Iterable[Hashable], touched: bool
    ) -> list[Way]:
        """Return where a branch with a view goes on with what it may see."""
        assert node.view is not None
        return [
            (node.seen.get(one), touched or self._may_change(form, node, one))
            for one in seen
            if one in node.seen or one not in node.view.blocks
        ]

    def _unseen(self, form: Form, node: Branch, touched: bool) -> list[Way]:
        """Return that a branch with a view may see what it never saw."""
        assert node.view is not None
        known = {*node.seen, *node.view.blocks}
        if node.slot in form.writes:
            return [(None, True)]
        changes = [disturbed(node.view, kind) for kind in form.operations.get(node.slot, ())]
        return [(None, touched or any(c is None or not c <= known for c in changes))]

    def _may_change(self, form: Form, node: Branch, seen: Hashable) -> bool:
        """Tell whether a form may change what a branch with a view sees."""
        if node.slot in form.writes:
            return True
        changes = [disturbed(node.view, kind) for kind in form.operations.get(node.slot, ())]
        return any(c is None or seen in c for c in changes)

    # What enables.

    def enablers(self, leaf: Leaf) -> Steps:
        """Return the local steps one of which must be taken before a blocked path is left."""
        form = self.forms.of[leaf]
        kept = self._enablers.get(form)
        if kept is None or self._outdated(form, kept[0]):
            near = {step for slot in form.reads for step in self.forms.changers[slot]}
            found = Steps(step for step in near if self._may_unblock(form, step))
            kept = self._enablers[form] = self.version, found
        return kept[1]

    def _may_unblock(self, form: Form, other: LocalStep) -> bool:
        """Tell whether a step, possible where a form is blocked, can lead off its path.

        The form's agent may be elsewhere: so nothing is said of where it is.
        """
        return any(
            node is not None and node.enabled and self._leads_off_path(node, form)
            for node in self._together(form, other, None)
        )

    def _leads_off_path(self, form: Form, blocked: Form) -> bool:
        return any(
            any(self.forms.child(branch, v) is not child for v in form.writes.get(branch.slot, ()))
            or any(
                changed is None or seen in changed
                for kind in form.operations.get(branch.slot, ())
                for changed in [disturbed(branch.view, kind)]
            )
            for branch, child, seen in blocked.path
        )

    def shared(self, leaf: Leaf, other: LocalStep, blocked: bool = False) -> tuple[int, ...]:
        """Return the slots that a path has in common with a step, one of the two changing them."""
        forms, form = self.forms, self.forms.of[leaf]
        slots = {slot for slot in {*form.reads, *form.changes} if other in forms.changers[slot]}
        if not blocked:
            slots |= {slot for slot in form.changes if other in forms.readers[slot]}
        return tuple(sorted(slots))

    def entrances(self, step: LocalStep) -> tuple[Steps, int]:
        """Return how an agent can come to a local state: steps, and local states of its own.

        One of the steps must be taken first, unless the agent is at one of the local states, which
        are returned as bits: then the step from there must. The agent's own way is followed back to
        steps that were met blocked: to wait for one of these may be less than to wait for what
        comes before it.
        """
        found = self._entrances.get(step)
        if found is None:
            found = self._entrances[step] = self._back_from(step)
        return found

    def _back_from(self, step: LocalStep) -> tuple[Steps, int]:
        agent, blockable = step[0], self.forms.blockable
        into = self._into.get(agent)
        if into is None:
            into = self._into[agent] = self._entries(agent)
        steps: set[LocalStep] = set()
        passed, seen, waiting = 0, {step[1]}, [step[1]]
        while waiting:
            for before in into.get(waiting.pop(), ()):
                if before[0] != agent or before in blockable:
                    steps.add(before)
                else:
                    passed |= 1 << before[1]
                    if before[1] not in seen:
                        seen.add(before[1])
                        waiting.append(before[1])
        return Steps(steps), passed

    def _entries(self, agent: int) -> dict[int, list[LocalStep]]:
        """Return for each local state of an agent the steps that bring it there."""
        found: dict[int, list[LocalStep]] = {}
        for step, values in self.forms.writers[self.slot[agent]].items():
            for value in values:
                found.setdefault(value, []).append(step)
        return found

    def is_moved(self, agent: int) -> bool:
        """Tell whether others write the agent's local state."""
        return any(other != agent for other, _ in self.forms.writers[self.slot[agent]])

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
        writers = self.forms.writers[self.slot[agent]]
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
        return self._is_visible(self.forms.of[leaf])

    def _is_visible(self, form: Form) -> bool:
        found = self._visible.get(form)
        if found is None:
            found = self._visible[form] = any(
                slot in form.operations or not self._looks_alike(form, slot)
                for slot in form.changes
                if slot in self._watching.slots
            )
        return found

    def _looks_alike(self, form: Form, slot: int) -> bool:
        """Tell whether no property can tell what a form writes from what was there."""
        before = {seen for branch, _, seen in form.reads.get(slot, ()) if branch.view is None}
        if slot == self.slot[form.step[0]]:
            before = {form.step[1]}
        return bool(before) and all(
            self._watching.alike(slot, one, value)  # type: ignore[arg-type] # values, without a view
            for one in before
            for value in form.writes[slot]
        )

    def visible_steps(self) -> Steps:
        """Return all known local steps with a path that may change a watched property's answer."""
        if self._visible_steps is None:
            every = dict.fromkeys(self.forms.of.values())
            self._visible_steps = Steps(
                {form.step for form in every if form.enabled and self._is_visible(form)}
            )
        return self._visible_steps
