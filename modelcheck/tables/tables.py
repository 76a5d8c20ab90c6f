"""The waist: everything an explorer knows of a model, and all that a language must supply.

An explorer sees integers: an initial state, agents whose pending steps are tries, properties that
are tries, and a call that learns a path that is missing. It knows nothing of generators. A language
fills in a `Learner`; it knows nothing of searches.
"""

from __future__ import annotations

from typing import Any, Protocol

from attrs import define, field, frozen

from modelcheck.errors import ModelError
from modelcheck.tables.slots import Domain, Slot
from modelcheck.tables.tries import Answer, Leaf, Outcome, Read, Recorder, Trie

State = tuple[int, ...]


class Restart(BaseException):
    """Learning changed the shape of the state: a new slot, or a local variable that matters.

    A `BaseException`: it passes through the user's code, which may catch any `Exception`.
    The tables that raised it are stale; build new ones and search again. Only finitely many
    restarts can happen: each adds a slot or a variable that stays.
    """


class Learner(Protocol):
    """What a language supplies: the meaning of a step and of a property, in Python."""

    def step(self, agent: int, recorder: Recorder) -> tuple[Outcome, ...]:
        """Return what the agent's pending step can do in the recorder's state, none if blocked."""

    def property(self, index: int, recorder: Recorder) -> Answer:
        """Return whether the property holds in the recorder's state."""

    def waits_for(self, agent: int, recorder: Recorder) -> frozenset[int]:
        """Return the slots for whose values the agent's pending step is blocked."""

    def guard_slots(self, agent: int, recorder: Recorder) -> frozenset[int]:
        """Return the slots that only decide whether the agent may step at all, for traces."""

    def place(self, agent: int, local: int) -> tuple[str, int]:
        """Return file and line of a local state's pending step, for errors."""


class Log(Protocol):
    """What listens to tables that learn (`modelcheck.tables.history`)."""

    def asked(self, which: int, state: State) -> None:
        """Take note of a question, before it is answered: an agent, or property -1 - which."""

    def answered(self, path: list[Read] | None, node: Any) -> None:
        """Take note of its answer: the path, or None where a view led to a known one."""


@define(eq=False)
class Agent:
    """Something that steps: a process (later also a store buffer that drains).

    `slot` holds its local state; ``tries[local id]`` is what its pending step does.
    ``may_rest[local id]`` tells whether it is fine for the system to end there (finished, a daemon,
    a declared end state). `late` names, in the same way in every run, an agent that was found only
    during the search; agents that are there from the start come first and have none.
    """

    name: str
    slot: int
    tries: list[Trie] = field(factory=list)
    may_rest: list[bool] = field(factory=list)
    late: str = ""


@frozen(eq=False)
class Property:
    """A property as an explorer sees it: its kind of quantification and its trie.

    `kind` is ``"always"``, ``"sometimes"`` or ``"at_end"``.
    """

    name: str
    kind: str
    file: str
    line: int
    trie: Trie = field(factory=Trie)


@define(eq=False)
class Tables:
    """A model as learned so far.

    Guarantees: ids never change; a path once learned stays. Not promised: that the tables are
    complete at any time. `check_deadlock` says whether resting agents matter at all.
    """

    slots: list[Slot]
    agents: list[Agent]
    properties: list[Property]
    initial: State
    learner: Learner
    check_deadlock: bool = True
    learned: int = 0  # paths learned: calls into Python
    log: Log | None = None
    domains: list[Domain] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.domains = [slot.domain for slot in self.slots]

    def images(self, slot: int, values: tuple[int, ...]) -> list[tuple[int, tuple[int, ...]]]:
        """Return a slot with some of its values, and all that a symmetry makes of them."""
        return [(slot, values)]

    def knows(self, agent: int, state: State) -> bool:
        """Tell whether the path that `state` takes through the agent's pending step is learned."""
        who = self.agents[agent]
        return who.tries[state[who.slot]].find(state) is not None

    def leaf(self, agent: int, state: State) -> Leaf:
        """Return what the agent's step does in `state`, learning it if need be."""
        who = self.agents[agent]
        local = state[who.slot]
        trie = who.tries[local]
        found: Leaf | None = trie.find(state)
        return self.learn_step(agent, state) if found is None else found

    def learn_step(self, agent: int, state: State) -> Leaf:
        """Learn the path that `state` takes through the agent's pending step; return its leaf."""
        who = self.agents[agent]
        trie = who.tries[state[who.slot]]
        if self.log is not None:
            self.log.asked(agent, state)
        aliased = self._known_through_view(trie, state)
        if aliased is not None:
            self._answered(None, aliased)
            return aliased  # type: ignore[no-any-return] # a step's leaves are Leaf objects
        recorder = Recorder(self.domains, state)
        try:
            outcomes = self.learner.step(agent, recorder)
            leaf = Leaf(outcomes, tuple(recorder.form) if recorder.operated else None)
            trie.insert(recorder.path, leaf)
        except ModelError as error:
            if error.file is None:
                error.file, error.line = self.learner.place(agent, state[who.slot])
            raise
        self.learned += 1
        self._answered(recorder.path, leaf)
        return leaf

    def holds(self, prop: Property, state: State) -> Answer:
        """Return the property's answer in `state`, learning it if need be."""
        found: Answer | None = prop.trie.find(state)
        if found is not None:
            return found
        index = self.properties.index(prop)
        if self.log is not None:
            self.log.asked(-1 - index, state)
        aliased = self._known_through_view(prop.trie, state)
        if aliased is not None:
            self._answered(None, aliased)
            return aliased  # type: ignore[no-any-return] # a property's leaves are Answer objects
        recorder = Recorder(self.domains, state)
        answer = self.learner.property(index, recorder)
        try:
            prop.trie.insert(recorder.path, answer)
        except ModelError as error:
            error.file, error.line = prop.file, prop.line
            raise
        self.learned += 1
        self._answered(recorder.path, answer)
        return answer

    def _answered(self, path: list[Read] | None, node: Any) -> None:
        if self.log is not None:
            self.log.answered(path, node)

    def _known_through_view(self, trie: Trie, state: State) -> Any:
        """Follow views for value ids not seen at a node before; None if the path is really new."""
        node: Any = trie.root
        while node is not None and node.slot >= 0:
            ident = state[node.slot]
            child = node.children.get(ident)
            if child is None and node.view is not None:
                value = self.domains[node.slot].values[ident]
                child = node.seen.get(node.view.observe(value))
                if child is not None:
                    node.children[ident] = child
            node = child
        return node

    def value(self, slot: int, state: State) -> Any:
        """Return the plain value that `state` has in `slot`."""
        return self.domains[slot].values[state[slot]]

    def path(self, agent: int, state: State) -> list[int]:
        """Return the slots that the agent's step reads in `state`, in order."""
        self.leaf(agent, state)
        node: Any = self.agents[agent].tries[state[self.agents[agent].slot]].root
        slots = []
        while node.slot >= 0:
            slots.append(node.slot)
            node = node.children[state[node.slot]]
        return slots
