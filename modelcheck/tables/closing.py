"""Tables whose paths are held against all their images: how symmetry is checked.

A step's path is learned in one state and stands for all states that agree with it on the slots that
it read. Its image may read others: a loop over processes that stops early looks at them in the same
order, whichever way they are renamed. So a path is *closed*: all its images are performed, and what
they read is put on it, renamed back. All states on a closed path then have images that take the
same paths, and each image was seen to come out as the renamed original. So whatever a search rests
on has been checked, whatever it learns and whenever; a path that is not symmetric is refused as
soon as any of its images is met.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NoReturn

from attrs import define, evolve, field

from modelcheck.errors import ModelError
from modelcheck.tables.symmetry import Symmetry
from modelcheck.tables.tables import Agent, Property, State, Tables
from modelcheck.tables.tries import Answer, Leaf, Outcome, Recorder, Trie, View

#: What a step or a property reads: slots, each with the view that it is read through.
Reads = tuple[tuple[int, View | None], ...]

#: What a path comes to, in a form to compare.
Came = Hashable


@define(eq=False)
class ClosedTables(Tables):
    """Tables that learn the images of a step's path with it, where that is asked for.

    `learned_too` lists these, until somebody takes them out: agents, each with a state.
    """

    learned_too: list[tuple[int, State]] = field(factory=list)

    def learn_step(self, agent: int, state: State) -> Leaf:
        leaf = Tables.learn_step(self, agent, state)
        learner: Any = self.learner
        while learner.images:
            other, image = learner.images.pop()
            if not self.knows(other, image) and (other, image) != (agent, state):
                Tables.learn_step(self, other, image)
                self.learned_too.append((other, image))
        return leaf

    def images(self, slot: int, values: tuple[int, ...]) -> list[tuple[int, tuple[int, ...]]]:
        learner: Any = self.learner
        symmetry: Symmetry = learner.symmetry
        symmetry.catch_up()
        found = [(slot, values)]
        for at, known in found:
            for to, images in zip(symmetry.slots, symmetry.images, strict=True):
                image = to[at], tuple(images[at][value] for value in known)
                if image not in found:
                    found.append(image)
        return found


def closed(symmetry: Symmetry, everywhere: bool = False) -> ClosedTables:
    """Return tables of the same model, with the same ids, all of whose paths are closed.

    With `everywhere`, a path is learned with all its images: who asks what any process may do later
    asks of all of them.

    Raises
    ------
    ModelError
        Where the initial state is not its own image.
    """
    plain = symmetry.tables
    learner = _Closing(symmetry, everywhere)
    symmetry.catch_up()
    _check_initial(symmetry)
    learner.closed = ClosedTables(
        plain.slots,
        [Agent(a.name, a.slot, [], a.may_rest, a.late) for a in plain.agents],
        [Property(p.name, p.kind, p.file, p.line) for p in plain.properties],
        plain.initial,
        learner,
        plain.check_deadlock,
    )
    learner.make_room()
    return learner.closed


def _check_initial(symmetry: Symmetry) -> None:
    tables = symmetry.tables
    for generator in range(len(symmetry.slots)):
        image = symmetry.image(generator, tables.initial)
        for slot, (now, then) in enumerate(zip(tables.initial, image, strict=True)):
            if now != then and not tables.slots[slot].process:
                values = tables.domains[slot].values
                raise ModelError(
                    f"the initial state is not symmetric: {tables.slots[slot].name} is "
                    f"{values[now]!r}, and after {symmetry.renamer.name_of(generator)} it would be "
                    f"{values[then]!r}",
                    "Begin with a value that favors nobody (None), or leave out symmetric(...).",
                )


@define(eq=False)
class _Image:
    """A question about an image of a state: which step or property, and what it came to.

    `forward` says where each slot of the recorder's state went; `word` lists the generators.
    """

    who: int
    state: State
    forward: list[int]
    word: tuple[int, ...]
    came: Came


class _Closing:
    """What learns closed paths (a `modelcheck.tables.tables.Learner`)."""

    closed: ClosedTables

    def __init__(self, symmetry: Symmetry, everywhere: bool):
        self.symmetry, self.plain = symmetry, symmetry.tables
        self.everywhere = everywhere
        self.images: list[tuple[int, State]] = []  # of steps, to be learned too

    def make_room(self) -> None:
        """Let the closed tables have room for all local states that are known."""
        for agent, plain in zip(self.closed.agents, self.plain.agents, strict=True):
            agent.tries += [Trie() for _ in range(len(plain.tries) - len(agent.tries))]

    def step(self, agent: int, recorder: Recorder) -> tuple[Outcome, ...]:
        """Return the outcomes of a step, all of whose images come out alike.

        Which of their writes are operations is left out, as is the path's form: only paths were
        held against their images. All are then ordinary reads and writes.
        """
        self._close(recorder, agent, self._perform, self._renamed)
        self.make_room()
        outcomes = self.plain.leaf(agent, recorder.state).outcomes
        return tuple(evolve(outcome, operations=()) for outcome in outcomes)

    def property(self, index: int, recorder: Recorder) -> Answer:
        """Return a property's answer, which is that for all images of the state."""
        ask = self._ask
        self._close(recorder, -1 - index, ask, lambda generator, came: came)
        return self.plain.holds(self.plain.properties[index], recorder.state)

    def guard_slots(self, agent: int, recorder: Recorder) -> frozenset[int]:
        """Return the slots that only decide whether the agent may step."""
        return self.plain.learner.guard_slots(agent, recorder)

    def waits_for(self, agent: int, recorder: Recorder) -> frozenset[int]:
        """Return the slots for whose values a step is blocked."""
        return self.plain.learner.waits_for(agent, recorder)

    def place(self, agent: int, local: int) -> tuple[str, int]:
        """Return file and line of a local state's pending step."""
        return self.plain.learner.place(agent, local)

    # What is performed.

    def _perform(self, agent: int, state: State) -> tuple[Reads, Came]:
        """Return what a step reads, and what it comes to."""
        tables = self.plain
        leaf = tables.leaf(agent, state)
        self.symmetry.catch_up()
        local = state[tables.agents[agent].slot]
        return _path(tables.agents[agent].tries[local], state), _came(leaf)

    def _renamed(self, generator: int, came: Any) -> Came:
        """Return the image of what a step comes to."""
        to, images = self.symmetry.slots[generator], self.symmetry.images[generator]
        return frozenset(
            (frozenset((to[slot], images[slot][value]) for slot, value in writes), failure)
            for writes, failure in came
        )

    def _ask(self, which: int, state: State) -> tuple[Reads, Came]:
        """Return what a property reads, and its answer."""
        prop = self.plain.properties[-1 - which]
        answer = self.plain.holds(prop, state)
        return _path(prop.trie, state), answer.holds

    # Closing.

    def _close(
        self,
        recorder: Recorder,
        who: int,
        perform: Callable[[int, State], tuple[Reads, Came]],
        renamed: Callable[[int, Came], Came],
    ) -> None:
        """Read, with the recorder, all that any image of a step or property reads, renamed back.

        Images that agree in all that was read are one. Reading more tells more of them apart, so
        they are gone through again until nothing more is read.
        """
        reads, came = perform(who, recorder.state)
        closure = dict.fromkeys(reads)
        for slot, view in reads:
            recorder.read(slot, view)
        while not self._gone_through(recorder, (who, came), closure, perform, renamed):
            pass

    def _gone_through(
        self, recorder: Recorder, begun: tuple[int, Came], closure: Any, perform: Any, renamed: Any
    ) -> bool:
        """Go through all images; tell whether none read more than is in the closure."""
        symmetry = self.symmetry
        first = _Image(begun[0], recorder.state, list(range(len(recorder.state))), (), begun[1])
        seen = {self._mark(first, closure): first}
        waiting = [first]
        for image in waiting:
            for generator in range(len(symmetry.slots)):
                other = self._image(generator, image)
                mark = self._mark(other, closure)
                known = seen.get(mark)
                if known is None:
                    reads, other.came = perform(other.who, other.state)
                    if self._reads_more(recorder, other, reads, closure):
                        return False
                    seen[mark] = known = other
                    waiting.append(other)
                if renamed(generator, image.came) != known.came:
                    self._refuse(generator, image, known)
        if self.everywhere and first.who >= 0:
            self.images += [(image.who, image.state) for image in waiting[1:]]
        return True

    def _image(self, generator: int, image: _Image) -> _Image:
        symmetry, to = self.symmetry, self.symmetry.slots[generator]
        who = symmetry.agents[generator][image.who] if image.who >= 0 else image.who
        forward = [to[slot] for slot in image.forward]
        state = symmetry.image(generator, image.state)
        return _Image(who, state, forward, (*image.word, generator), None)

    def _mark(self, image: _Image, closure: Any) -> Hashable:
        """Return what tells an image from others, as far as the closure reads it."""
        domains, state = self.plain.domains, image.state
        parts: list[Hashable] = []
        for slot, view in closure:
            at = image.forward[slot]
            if view is None:
                parts.append((at, None, state[at]))
            else:
                seen = self.symmetry.forward(image.word, view)
                parts.append((at, seen, seen.observe(domains[at].values[state[at]])))
        own = state[self.plain.agents[image.who].slot] if image.who >= 0 else 0
        return image.who, own, frozenset(parts)

    def _reads_more(self, recorder: Recorder, image: _Image, reads: Reads, closure: Any) -> bool:
        """Read what an image reads, renamed back; tell whether anything was not read before."""
        origin = {after: slot for slot, after in enumerate(image.forward)}
        more = False
        for after, seen in reads:
            slot = origin[after]
            view = None if seen is None else self.symmetry.back(image.word, seen)
            if (slot, None) not in closure and (slot, view) not in closure:
                closure[slot, view] = None
                recorder.read(slot, view)
                more = True
        return more

    # Refusing.

    def _refuse(self, generator: int, first: _Image, second: _Image) -> NoReturn:
        said = self.symmetry.renamer.name_of(generator)
        if first.who < 0:
            raise self._unequal_answers(said, first, second)
        raise self._unequal_steps(generator, said, first, second)

    def _unequal_answers(self, said: str, first: _Image, second: _Image) -> ModelError:
        prop = self.plain.properties[-1 - first.who]
        reads, _ = self._ask(first.who, first.state)
        where = ", ".join(dict.fromkeys(self._value(s, first.state[s]) for s, _ in reads))
        return ModelError(
            f"the property {prop.name} breaks the symmetry: it is {first.came} where {where}, and "
            f"{second.came} after {said}",
            "A property of symmetric processes speaks of all or of any of them, never of one by "
            "its number: `all(... for p in s.user)`. Or leave out symmetric(...), or check with "
            "--no-symmetry.",
            file=prop.file,
            line=prop.line,
        )

    def _unequal_steps(
        self, generator: int, said: str, first: _Image, second: _Image
    ) -> ModelError:
        agent, state = first.who, first.state
        tables, renamer = self.plain, self.symmetry.renamer
        slot = tables.agents[agent].slot
        local = tables.domains[slot].values[state[slot]]
        file, line = self.place(agent, state[slot])
        why = renamer.explain(generator, slot, state[slot])
        own = self._told(tables.agents[agent].name, first.came)
        its = self._told(tables.agents[second.who].name, second.came)
        return ModelError(
            f"the step `{local.label}` breaks the symmetry: {own}; after {said}, {its}, which is "
            f"not the same with the names changed{f' ({why})' if why else ''}",
            "A process that goes over the others in a fixed order, or treats one of them "
            "otherwise, is not symmetric: look at all of them in one step "
            "(`until(lambda: all(...))`), or take them in any order (`choose`). Or leave out "
            "symmetric(...), or check with --no-symmetry.",
            file=file,
            line=line,
        )

    def _told(self, name: str, came: Any) -> str:
        """Return in words what a step comes to."""
        if not came:
            return f"{name} is blocked"
        every = []
        for writes, failure in came:
            changes = [self._value(slot, value) for slot, value in sorted(writes)]
            every.append(f"fails ({failure})" if failure else f"goes on: {', '.join(changes)}")
        return f"{name} {' or '.join(sorted(every))}"

    def _value(self, slot: int, value: int) -> str:
        tables = self.plain
        kept = tables.domains[slot].values[value]
        if tables.slots[slot].process:
            label = getattr(kept, "label", "")
            at = f"is at `{label}`" if label else f"is {getattr(kept, 'status', 'elsewhere')}"
            return f"{tables.slots[slot].name} {at}"
        return f"{tables.slots[slot].name} = {kept!r}"


def _path(trie: Trie, state: State) -> Reads:
    """Return what the path of a state through a trie reads."""
    node: Any = trie.root
    reads = []
    while node.slot >= 0:
        reads.append((node.slot, node.view))
        node = node.children[state[node.slot]]
    return tuple(reads)


def _came(leaf: Leaf) -> Came:
    """Return the outcomes of a leaf as a set: what they write, or the kind of their failure."""
    return frozenset(
        (frozenset(() if o.failure else o.writes), o.failure.kind.value if o.failure else "")
        for o in leaf.outcomes
    )
