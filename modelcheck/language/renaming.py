"""What renaming processes does to a model: to its state, its processes, and every value.

A generator of the group exchanges two names, or turns a ring by one place. It takes cells indexed
by names to other cells, processes to those with the renamed arguments, and a value to the same
value with each name in it renamed. A local state goes where the renamed process comes to when it is
given the renamed results. Neighbours: `modelcheck.tables.symmetry` keeps what is found out here,
`modelcheck.tables.closing` checks that the model does not change.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator
from typing import Any, NoReturn

from attrs import evolve, frozen

from modelcheck.errors import ModelError
from modelcheck.language.cells import Cells, children_of, is_part
from modelcheck.language.channels import Channel
from modelcheck.language.learner import Learner, Spawned
from modelcheck.language.local import Fails, LocalState
from modelcheck.language.model import System
from modelcheck.language.names import MOVED, RENAMING, Name, Names
from modelcheck.language.process import Process
from modelcheck.language.refs import model_error
from modelcheck.language.source import shown
from modelcheck.tables.symmetry import ALL, RING, Factor, Symmetry
from modelcheck.tables.tables import Restart
from modelcheck.tables.tries import View
from modelcheck.tables.values import Unfreezable, key_of

#: What observes a local state and names no process.
_NAMELESS = {"status", "empty", "held", "newest"}


@frozen
class Turning:
    """One generator: which names it takes where, and what a text calls that."""

    names: Names
    to: tuple[int, ...]
    said: str

    def rename(self, name: Name) -> Name:
        """Return what a name becomes."""
        return name.of[self.to[name.index]] if name.of == self.names else name

    def back(self) -> Turning:
        """Return the generator's inverse."""
        to = [0] * len(self.to)
        for index, after in enumerate(self.to):
            to[after] = index
        return Turning(self.names, tuple(to), self.said)


def symmetry_of(learner: Learner) -> Symmetry | None:
    """Return the symmetry that a system was declared to have; None where it has none.

    Raises
    ------
    ModelError
        Where the processes or the state are not as alike as was said.
    Restart
        Where a process has been spawned whose images have no slot yet.
    """
    system = learner.system
    alike = [p for p in system.processes if p.symmetric]
    if not alike:
        return None
    above = _names_above(system)
    sets = list(
        dict.fromkeys(n for p in alike for n in _names_in((p.args, p.kwargs, p.cpu), above))
    )
    anonymous = _anonymous(system.processes)
    _check_told_apart(alike, above)
    turnings = [_turnings(names) for names in sets]
    renamer = Renaming(learner, [t for of in turnings for t in of], [*anonymous.values()])
    first = 0
    named, equal = [], []
    for names, of in zip(sets, turnings, strict=True):
        generators = tuple(range(first, first + len(of)))
        first += len(of)
        kind = RING if names.ring else ALL
        named.append((kind, len(names), generators))
    for members in anonymous.values():
        generators = tuple(range(first, first + len(members) - 1))
        first += len(generators)
        equal.append((ALL, len(members), generators))
    # Renaming moves equal processes, not the other way: `Canonical` wants these first.
    factors = [factor for factor in (*equal, *named) if factor[2]]
    slots = renamer.slots
    if not slots:
        return None
    rows = [[learner.slot_of(agent) for agent in members] for members in anonymous.values()]
    return Symmetry(
        learner.result,
        slots,
        [Factor(*factor, _owned(factor, slots, rows)) for factor in factors],
        renamer,
    )


def _names_in(thing: Any, above: dict[int, list[Names]]) -> Iterator[Names]:
    """Go over the sets of the names within a process's arguments.

    A part of the state counts with the names that lead to it (`above`), not with those below it.
    """
    if isinstance(thing, Name):
        yield thing.of
    elif isinstance(thing, Names):
        yield thing
    elif isinstance(thing, dict):
        for part in (*thing.keys(), *thing.values()):
            yield from _names_in(part, above)
    elif isinstance(thing, (tuple, list, set, frozenset)):
        for part in thing:
            yield from _names_in(part, above)
    else:
        yield from above.get(id(thing), ())


def _names_above(system: System) -> dict[int, list[Names]]:
    """Return the sets of names on the way to each node of the state, by the node's identity."""
    found: dict[int, list[Names]] = {}
    waiting: list[tuple[Any, list[Names]]] = [(root, []) for root in _roots(system)]
    while waiting:
        node, above = waiting.pop()
        found[id(node)] = above
        for key, child in _below(node).items():
            waiting.append((child, [*above, *_names_in(key, {})]))
    return found


def _check_told_apart(alike: list[Process], above: dict[int, list[Names]]) -> None:
    """Raise `ModelError` where processes said to be alike differ, and by no name."""
    nameless = [p for p in alike if not any(_names_in((p.args, p.kwargs, p.cpu), above))]
    kinds: dict[str, dict[Hashable, Process]] = {}
    for process in nameless:
        kinds.setdefault(process.group, {})[key_of(process)] = process
    for different in kinds.values():
        if len(different) > 1:
            one, other, *_ = different.values()
            raise _not_alike(f"{one.describe()} and {other.describe()} differ by no name", one)


def _not_alike(what: str, process: Process) -> ModelError:
    code = process.function.__code__
    return ModelError(
        f"the processes are not symmetric: {what}",
        "Processes said to be symmetric differ by names alone, one for each name: "
        "`symmetric(user(s, me) for me in names(n))`. Numbers are no names; arrays with a cell "
        "for each process are cells(names, ...).",
        file=code.co_filename,
        line=code.co_firstlineno,
    )


def _anonymous(processes: list[Process]) -> dict[Hashable, list[int]]:
    """Return the processes said to be alike that have equal arguments, by these; two or more."""
    found: dict[Hashable, list[int]] = {}
    for agent, process in enumerate(processes):
        if process.symmetric:
            found.setdefault(key_of(process), []).append(agent)
    return {key: agents for key, agents in found.items() if len(agents) > 1}


def _turnings(names: Names) -> list[Turning]:
    """Return the generators for a set of names."""
    count = len(names)
    if count == 1:
        return []
    if names.ring:
        to = tuple((index + 1) % count for index in range(count))
        return [Turning(names, to, f"turning {names.kind}0..{names.kind}{count - 1} by one place")]
    found = []
    for index in range(count - 1):
        order = list(range(count))
        order[index], order[index + 1] = index + 1, index
        said = f"exchanging {names[index]!r} and {names[index + 1]!r}"
        found.append(Turning(names, tuple(order), said))
    return found


def _owned(
    factor: tuple[str, int, tuple[int, ...]], slots: list[list[int]], equal: list[list[int]]
) -> tuple[tuple[int, ...], ...]:
    """Return, for each name, the slots that belong to it alone.

    They are those that go from one to the next name as the names do, and nowhere else. No other
    factor moves them: a cell for each pair of two kinds of names belongs to none. But equal
    processes, whose slots are in `equal`, may all become others in their order: where each such row
    is sorted, each still is.
    """
    kind, size, generators = factor
    if kind == RING:
        return ((),) * size
    rows: list[list[int]] = [[] for _ in range(size)]
    for start in range(len(slots[0])):
        row = [start]
        for generator in generators:
            row.append(slots[generator][row[-1]])
        others = [to for generator, to in enumerate(slots) if generator not in generators]
        stays = equal if row in equal else [row]
        if any([to[at] for at in row] not in stays for to in others):
            continue
        if len(set(row)) == size and all(
            slots[g][at] == (row[i + 1] if i == n else row[i - 1] if i == n + 1 else at)
            for n, g in enumerate(generators)
            for i, at in enumerate(row)
        ):
            for index, slot in enumerate(row):
                if slot not in rows[index]:
                    rows[index].append(slot)
    return tuple(map(tuple, rows))


class Renaming:
    """What generators do to one model (a `modelcheck.tables.symmetry.Renamer`).

    The first generators rename; those after them exchange two processes that have equal arguments.
    """

    def __init__(self, learner: Learner, turnings: list[Turning], anonymous: list[list[int]]):
        self.learner, self.turnings = learner, turnings
        self._exchanged = [
            (one, other)
            for agents in anonymous
            for one, other in zip(agents, agents[1:], strict=False)
        ]
        self._nodes = [Nodes(learner.system, turning) for turning in turnings]
        self._memos: list[dict[Any, Any]] = [nodes.memo() for nodes in self._nodes]
        self.slots = [self._slots(g) for g in range(len(turnings) + len(self._exchanged))]
        for memo, to in zip(self._memos, self.slots, strict=False):
            memo[MOVED] = {
                learner.slot_of(a): (learner.name_of(learner.agent_of(after)), after)
                for a in learner.processes()
                for after in [to[learner.slot_of(a)]]
            }
        self._locals: dict[tuple[int, int], LocalState] = {}
        #: Variables whose value is not the renamed one in some image, and where; which were asked
        #: for by a property.
        self._crooked: dict[str, tuple[int, int, int]] = {}
        self._asked: set[str] = set()

    # Slots.

    def _slots(self, generator: int) -> list[int]:
        """Return where each slot goes."""
        learner = self.learner
        to = list(range(len(learner.result.slots)))
        if generator >= len(self.turnings):
            one, other = self._exchanged[generator - len(self.turnings)]
            first, second = learner.slot_of(one), learner.slot_of(other)
            to[first], to[second] = second, first
            return to
        for ref in learner.system.refs:
            to[ref.slot] = self._nodes[generator].image(ref).slot
        for agent, image in self._agents(generator).items():
            to[learner.slot_of(agent)] = learner.slot_of(image)
        return to

    def _agents(self, generator: int) -> dict[int, int]:
        """Return which process each one becomes: the one with the renamed arguments.

        Of several with equal arguments the first becomes the first.
        """
        places: dict[Hashable, list[int]] = {}
        for agent in self.learner.processes():
            places.setdefault(self._mark(agent), []).append(agent)
        found = {}
        for agent in self.learner.processes():
            process = self._process(generator, self.learner.process(agent))
            rank = places[self._mark(agent)].index(agent)
            others = places.get((self._detached(agent), key_of(process)), [])
            if rank >= len(others):
                self._make_room(generator, agent, process)
            found[agent] = others[rank]
        return found

    def _mark(self, agent: int) -> Hashable:
        return self._detached(agent), key_of(self.learner.process(agent))

    def _detached(self, agent: int) -> bool | None:
        """Return how a process is spawned, None for one that is there from the start."""
        extra = agent - len(self.learner.system.processes)
        return None if extra < 0 else self.learner.shape.spawned[extra].detached

    def _process(self, generator: int, process: Process) -> Process:
        """Return a process with its arguments renamed."""
        function, args, kwargs, cpu, guard = (
            self._renamed(generator, part)
            for part in (process.function, process.args, process.kwargs, process.cpu, process.guard)
        )
        return evolve(process, function=function, args=args, kwargs=kwargs, cpu=cpu, guard=guard)

    def _make_room(self, generator: int, agent: int, process: Process) -> NoReturn:
        """Give the image of a spawned process a slot, in new tables; refuse any other."""
        detached = self._detached(agent)
        if detached is not None:
            key = key_of((process, detached))
            self.learner.shape.spawned.append(Spawned(key, process, detached))
            raise Restart
        name = self.learner.process_name(agent)
        would = f"{name} would be {process.describe()}, and there is no such process"
        raise _not_alike(f"after {self.name_of(generator)}, {would}", process)

    # Values.

    def _renamed(self, generator: int, value: Any) -> Any:
        """Return a value with each name in it renamed, and each part of the state."""
        if generator >= len(self.turnings):
            return value
        return copy.deepcopy(value, dict(self._memos[generator]))

    def image(self, generator: int, slot: int, ident: int) -> int:
        """Return the id, in the image of the slot, of what a generator makes of a value."""
        learner, to = self.learner, self.slots[generator][slot]
        domain = learner.domain(to)
        value = learner.domain(slot).values[ident]
        if slot < len(learner.system.refs):
            return domain.intern(self._renamed(generator, value))
        if value.status == "absent":
            return learner.absent(to)
        if value.status == "finished":
            return learner.finished(to)
        image = self._locals[generator, id(value)] = self._local(generator, slot, value)
        if (image.status, image.spot, image.end, image.places) != (
            value.status, value.spot, value.end, value.places,
        ):  # fmt: skip
            name = learner.result.slots[to].name
            where = f"`{image.label}` (line {image.line})" if image.line else "its end"
            raise self.broken(generator, slot, ident, f"{name} comes to {where} instead")
        for name in self._differing(generator, value, image):
            self._note_crooked(name, generator, slot, ident)
        return domain.ids[image.key]

    def _local(self, generator: int, slot: int, local: LocalState) -> LocalState:
        """Return the local state that the renamed process comes to by the renamed results."""
        learner, to = self.learner, self.slots[generator][slot]
        try:
            if local.parent is None:
                ident = learner.start(to)
            else:
                before = self._locals[generator, id(local.parent)]
                sent = self._renamed(generator, local.sent)
                ident = learner.advance(learner.agent_of(to), before, sent)
        except Fails as fails:
            own = learner.domain(slot).ids[local.key]
            raise self.broken(generator, slot, own, f"it fails: {fails}") from None
        return learner.domain(to).values[ident]  # type: ignore[no-any-return] # a LocalState

    def _differing(self, generator: int, local: LocalState, image: LocalState) -> Iterator[str]:
        """Go over the variables whose values in the image are not the renamed ones."""
        for frame, other in zip(local.frames, image.frames, strict=False):
            for name, value in frame.locals.items():
                if name not in other.locals or not self._alike(
                    generator, value, other.locals[name]
                ):
                    yield name

    def _alike(self, generator: int, value: Any, image: Any) -> bool:
        try:
            return key_of(self._renamed(generator, value)) == key_of(image)
        except (Unfreezable, TypeError):
            return False

    def _note_crooked(self, name: str, generator: int, slot: int, ident: int) -> None:
        self._crooked.setdefault(name, (generator, slot, ident))
        if name in self._asked:
            raise self._not_renamed(name)

    def _not_renamed(self, name: str) -> ModelError:
        generator, slot, ident = self._crooked[name]
        why = f"the variable {name!r}, which a property reads, is not the renamed one"
        return self.broken(generator, slot, ident, why)

    # Views.

    def view(self, generator: int, view: View, back: bool) -> View | None:
        """Return the view of an image that sees what `view` sees of the value; or the reverse."""
        key: Any = view.key
        if key in _NAMELESS or key[0] == "at":
            return view
        if key[0] == "local":
            self._asked.add(key[1])
            if key[1] in self._crooked:
                raise self._not_renamed(key[1])
            return view
        if key[0] == "receives":
            name = key[1]
            if generator < len(self.turnings):
                name = self._nodes[generator].channel(name, back)
            return View(("receives", name), lambda local: name in local.receives)
        return None

    # Words.

    def name_of(self, generator: int) -> str:
        """Return in words what a generator does."""
        if generator < len(self.turnings):
            return self.turnings[generator].said
        names = map(self.learner.process_name, self._exchanged[generator - len(self.turnings)])
        return f"exchanging {' and '.join(names)}"

    def broken(self, generator: int, slot: int, ident: int, why: str) -> ModelError:
        """Return the error for a value that cannot be renamed."""
        learner = self.learner
        value = learner.domain(slot).values[ident]
        name = learner.result.slots[slot].name
        local: Any = value if isinstance(value, LocalState) else None
        at = f"{name} at `{local.label}`" if local is not None else f"{name} = {value!r}"
        explained = self.explain(generator, slot, ident)
        return ModelError(
            f"{at} breaks the symmetry: after {self.name_of(generator)}, {why}"
            f"{f' ({explained})' if explained else ''}",
            "Symmetric processes do the same with the names changed: no one of them is treated "
            "otherwise, none has a number of its own. Or leave out symmetric(...), or check with "
            "--no-symmetry.",
            file=(local and local.file) or None,
            line=(local and local.line) or None,
        )

    def explain(self, generator: int, slot: int, ident: int) -> str:
        """Return in words which variables of an image are not the renamed ones; empty if none."""
        local = self.learner.domain(slot).values[ident]
        image = isinstance(local, LocalState) and self._locals.get((generator, id(local)))
        if not image:
            return ""
        said = []
        for name in dict.fromkeys(self._differing(generator, local, image)):
            here, there = local.variables().get(name), image.variables().get(name)
            said.append(f"its variable {name!r} is {shown(here)}, and stays {shown(there)}")
        return "; ".join(said)


class Nodes:
    """Where the nodes of the state's tree go under a generator."""

    def __init__(self, system: System, turning: Turning):
        self._turning = turning
        self._kept: list[tuple[Any, Any]] = []
        self._images: dict[int, Any] = {}
        for root in _roots(system):
            self._add(root, root)
        self._channels = {a.name: b.name for a, b in self._kept if isinstance(a, Channel)}
        self._channels_back = {b: a for a, b in self._channels.items()}

    def _add(self, node: Any, image: Any) -> None:
        if self._images.setdefault(id(node), image) is not image or type(node) is not type(image):
            raise self._unlike(node)
        self._kept.append((node, image))
        below, there = _below(node), _below(image)
        rename: dict[Any, Any] = {RENAMING: self._turning.rename}
        for key, child in below.items():
            after = copy.deepcopy(key, dict(rename))
            if after not in there:
                raise self._unlike(node)
            self._add(child, there[after])

    def _unlike(self, node: Any) -> ModelError:
        return model_error(
            f"the state is not symmetric: {self._turning.said} has no meaning for {node!r}",
            "An array with a cell for each of several names has one for all of them, "
            "`cells(users, ...)`, all alike; and it stands in one place.",
        )

    def image(self, node: Any) -> Any:
        """Return where a node goes."""
        return self._images[id(node)]

    def channel(self, name: str, back: bool) -> str:
        """Return the name of the channel that a channel becomes, or that becomes it."""
        return (self._channels_back if back else self._channels).get(name, name)

    def memo(self) -> dict[Any, Any]:
        """Return what tells `copy.deepcopy` to rename."""
        memo: dict[Any, Any] = dict(self._images)
        memo[RENAMING] = self._turning.rename
        return memo


def _roots(system: System) -> list[Any]:
    return [node for node in system.names.values() if node is not None]


def _below(node: Any) -> dict[Any, Any]:
    """Return the nodes below one, by what leads to them."""
    if isinstance(node, Cells):
        return node.children()
    if is_part(node):
        return children_of(node)
    if isinstance(node, Channel):
        return {"queue": node.queue}
    return {}
