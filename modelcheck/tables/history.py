"""What was learned, in order, so that another run of Python can learn the same again and compare.

Ids of values and local states are given in the order of learning, and learning is a function of the
model. So the questions that were asked (which step or property, in which state) are enough to make
the same tables again, with the same ids; and a digest of all answers tells whether they really are
the same. Nothing of a file is ever executed: it holds numbers and text. Neighbours:
`modelcheck.explore.checkpoint` writes it down.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Callable
from itertools import islice
from typing import Any

from attrs import define, field

from modelcheck.errors import ModelError, UsageError
from modelcheck.tables.portable import text_of
from modelcheck.tables.tables import Agent, Restart, State, Tables
from modelcheck.tables.tries import Answer, Leaf, Read

#: Where an object lies in memory, in its text.
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")

#: What is asked about a property stands below 0: property number -1 - which.
Which = int


@define(eq=False)
class Segment:
    """What was learned between two restarts: all questions with their states, and sums of answers.

    `requests` has, for each question, which step or property, and then the state, slot by slot. The
    last one of a segment that ended in a restart has no sum. `shape` says in words what the tables
    were at first: it tells in which way a model differs.
    """

    width: int
    shape: dict[str, list[str]]
    requests: array[int] = field(factory=lambda: array("i"))
    sums: array[int] = field(factory=lambda: array("I"))
    digest: str = ""

    def __len__(self) -> int:
        return len(self.requests) // (1 + self.width)

    def request(self, index: int) -> tuple[Which, State]:
        """Return one question: which step or property, and the state."""
        row = self.requests[index * (1 + self.width) : (index + 1) * (1 + self.width)]
        return row[0], tuple(row[1:])


class History:
    """All that was learned for one model, in segments; told of it by the tables (`Tables.log`)."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.leaves: list[Leaf | None] = []  # of the last segment, by question
        self._open = False

    def begin(self, tables: Tables) -> None:
        """Start a segment with new tables, and listen to what they learn."""
        self.segments.append(Segment(len(tables.slots), shape_of(tables)))
        self.leaves = []
        self._numbers: dict[int, int] = {}
        self._known = [0] * len(tables.domains)
        self._chain = hashlib.blake2b(digest_size=16)
        self._open = False
        self._tables = tables
        self._tell(self._new_values())
        self.segments[-1].digest = self._chain.hexdigest()
        tables.log = self

    @property
    def complete(self) -> bool:
        """Whether every question was answered: else something was learned only in part."""
        return not self._open

    def asked(self, which: Which, state: State) -> None:
        """Note a question, before the answer is looked for."""
        self._open = True
        self.segments[-1].requests.extend((which, *state))

    def answered(self, path: list[Read] | None, node: Any) -> None:
        """Note the answer: the path that it takes, or None where a view led to a known one."""
        new = path is not None
        said = "alias" if path is None else ",".join(map(_read_text, path))
        number = self._numbers.setdefault(id(node), len(self.leaves))
        self._tell(f"{said};{number};{_node_text(node) if new else ''};{self._new_values()}")
        self.segments[-1].sums.append(int.from_bytes(self._chain.digest()[:4], "little"))
        self.segments[-1].digest = self._chain.hexdigest()
        self.leaves.append(node if isinstance(node, Leaf) and new else None)
        self._open = False

    def _tell(self, text: str) -> None:
        self._chain.update(text.encode("utf-8", "backslashreplace"))

    def _new_values(self) -> str:
        """Return the values that got an id since the last answer."""
        said = []
        for slot, domain in enumerate(self._tables.domains):
            before, now = self._known[slot], len(domain.ids)
            if now > before:
                new = islice(domain.ids, before, None)
                said.append(f"{slot}={','.join(map(text_of, new))}")
                self._known[slot] = now
        return ";".join(said)


def _read_text(read: Read) -> str:
    seen = f":{text_of(read.view.key)}:{text_of(read.observation)}" if read.view else ""
    return f"{read.slot}:{read.value}{seen}"


def _node_text(node: Any) -> str:
    if isinstance(node, Answer):
        return f"{node.holds}"
    failures = [o.failure and (o.failure.kind.value, o.failure.message) for o in node.outcomes]
    return _ADDRESS.sub("0x", repr(([o.writes for o in node.outcomes], failures)))


def shape_of(tables: Tables) -> dict[str, list[str]]:
    """Return in words what tables are at first: locations with initial values, and what runs."""
    shared = [(i, s) for i, s in enumerate(tables.slots) if not s.process]
    return {
        "locations": [s.name for _, s in shared],
        "initial values": [
            f"{s.name} = {text_of(next(iter(s.domain.ids)))}"[:200] for _, s in shared
        ],
        "processes": [agent.late or agent.name for agent in tables.agents],
        "first steps": [_start_text(tables, agent) for agent in tables.agents],
        "properties": [f"{p.kind} {p.name}" for p in tables.properties],
        "deadlock check": [str(tables.check_deadlock)],
    }


def _start_text(tables: Tables, agent: Agent) -> str:
    """Return a process's name with a digest of where it stands at first."""
    key = next(iter(tables.domains[agent.slot].ids))
    digest = hashlib.blake2b(text_of(key).encode("utf-8", "replace"), digest_size=4)
    return f"{agent.late or agent.name} {digest.hexdigest()}"


# Learning again.


def learn_again(
    tables: Tables, history: History, then: Segment, last: bool, tell: Callable[[int], None]
) -> None:
    """Ask new tables all that was asked before, and hold the answers against those of then.

    Parameters
    ----------
    history : History
        What listens to `tables`; its last segment has just begun.
    last : bool
        Whether the segment was still open; any other one ended in a restart, and does so again.
    tell : function of int
        Told now and then how many questions were asked.

    Raises
    ------
    UsageError
        At the first answer that differs, with the step or property by name.
    Restart
        At the end of a segment that was not the last.
    """
    now = history.segments[-1]
    compare_shapes(then.shape, now.shape)
    for index in range(len(then)):
        if index % 1000 == 0:
            tell(index)
        which, state = then.request(index)
        ends = not last and index == len(then) - 1
        try:
            _ask(tables, which, state)
        except Restart:
            if ends:
                raise
            raise changed(_name(tables, which, state), "finds something new") from None
        except (IndexError, ModelError, TypeError) as error:
            why = str(error) if isinstance(error, ModelError) else "its state is not known any more"
            raise changed(_name(tables, which, state), f"differs: {why}") from error
        if ends or len(now.sums) != index + 1 or now.sums[index] != then.sums[index]:
            raise changed(_name(tables, which, state), "reads, writes or decides otherwise")
    if now.digest != then.digest:
        raise changed("something", "in it: the digests of what was learned differ")


def _ask(tables: Tables, which: Which, state: State) -> None:
    if which < 0:
        tables.holds(tables.properties[-1 - which], state)
    else:
        tables.leaf(which, state)


def _name(tables: Tables, which: Which, state: State) -> str:
    """Return what a question was about, with file and line where they are known."""
    try:
        if which < 0:
            prop = tables.properties[-1 - which]
            return f"the property {prop.name} ({prop.file}:{prop.line})"
        agent = tables.agents[which]
        file, line = tables.learner.place(which, state[agent.slot])
    except IndexError:
        return "a process"
    return f"the process {agent.name} at {file}:{line}" if file else f"the process {agent.name}"


def compare_shapes(then: dict[str, list[str]], now: dict[str, list[str]]) -> None:
    """Raise `UsageError` where what a model is made of differs."""
    for what, before in then.items():
        after = now.get(what, [])
        if before == after:
            continue
        gone, new = [n for n in before if n not in after], [n for n in after if n not in before]
        told = [f"{name!r} is new" for name in new[:3]] + [
            f"{name!r} was there" for name in gone[:3]
        ]
        raise changed(f"the {what}", f"differ: {'; '.join(told) or 'their order'}")


def changed(what: str, why: str) -> UsageError:
    """Return the error that says in which way the model is not the one of the checkpoint."""
    return UsageError(f"the model has changed since the checkpoint was written: {what} {why}")
