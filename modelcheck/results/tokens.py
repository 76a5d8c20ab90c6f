"""Replay tokens: a path as a short text that shows the same trace again.

A token holds the model's name and parameters, the moves, and a checksum of each step (who, what,
what it read and wrote). A changed model is refused at the first step that differs, by name, never
misreplayed.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from attrs import frozen

from modelcheck.errors import UsageError
from modelcheck.explore.search import Move, successor
from modelcheck.language.local import LocalState
from modelcheck.show.text import show_value
from modelcheck.tables.tables import State, Tables
from modelcheck.tables.tries import Outcome
from modelcheck.verdict import Kind

PREFIX = "mc1."

#: Characters of a value that a checksum is of.
LONGEST = 2_000


@frozen
class Token:
    """A token's content: what to run, the moves, and what each of them looked like.

    Agents that were there from the start have their number in `moves`; one that was spawned has
    theirs, counted on, plus its place in `spawned`: its number in a search depends on what was met
    first.
    """

    model: str
    parameters: Mapping[str, str]
    memory_model: str
    kind: str
    property: str
    moves: tuple[Move, ...]
    checksums: tuple[int, ...]
    spawned: tuple[str, ...] = ()

    def encode(self) -> str:
        """Return the token as text.

        Examples
        --------
        >>> token = Token("m", {"n": "2"}, "sc", "deadlock", "", ((0, 0),), (7,))
        >>> decode(token.encode()) == token
        True
        """
        moves = [n for move in self.moves for n in move]
        content = [
            self.model, dict(self.parameters), self.memory_model, self.kind, self.property, moves,
            list(self.checksums), list(self.spawned),
        ]  # fmt: skip
        packed = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
        return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str) -> Token:
    """Return the content of a token. Raises `UsageError` where the text is none."""
    try:
        if not text.startswith(PREFIX):
            raise ValueError(text)
        body = text[len(PREFIX) :]
        packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        inflater = zlib.decompressobj()
        inflated = inflater.decompress(packed, 2**24)
        if not inflater.eof or inflater.unused_data:
            raise ValueError(text)
        content = json.loads(inflated)
        model, parameters, memory, kind, prop, moves, checksums, spawned = content
        pairs = tuple(zip(map(int, moves[::2]), map(int, moves[1::2]), strict=True))
        if len(pairs) != len(checksums) or not isinstance(model, str):
            raise ValueError(text)
        named = {str(k): str(v) for k, v in parameters.items()}
        sums = tuple(map(int, checksums))
        kind = Kind(kind).value if kind else ""
        late = tuple(map(str, spawned))
        return Token(model, named, str(memory), kind, str(prop), pairs, sums, late)
    except (
        ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError,
        binascii.Error, zlib.error,
    ):  # fmt: skip
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise UsageError(
            f"{shown!r} is no replay token: it begins with {PREFIX!r} and is copied whole from a "
            "violation's last lines"
        ) from None


def parameter_text(value: Any) -> str:
    """Return a parameter's value as the command line takes it."""
    if isinstance(value, Enum):
        return value.name
    return value if isinstance(value, str) else repr(value)


def checksum(tables: Tables, agent: int, outcome: Outcome, state: State) -> int:
    """Return 16 bits of what a step is: who does what, and what it reads and writes."""
    who = tables.agents[agent]
    local: LocalState = tables.value(who.slot, state)
    read = [(s, state[s]) for s in dict.fromkeys(tables.path(agent, state))]
    seen, wrote = (
        [
            f"{tables.slots[s].name}={show_value(tables.domains[s].values[v], LONGEST)}"
            for s, v in pairs
            if not (tables.slots[s].process or tables.slots[s].memory)
        ]
        for pairs in (read, outcome.writes)
    )
    failed = outcome.failure.message if outcome.failure else ""
    # A child has an index where others like it were met, which a replay need not meet.
    joined = {f"join {a.name}": f"join {a.late}" for a in tables.agents if a.late}
    label = joined.get(local.label, local.label)
    told = "|".join([who.late or who.name, label, *seen, "", *wrote, failed])
    return zlib.crc32(told.encode("utf-8", "backslashreplace")) & 0xFFFF


def checksums(tables: Tables, moves: Sequence[Move]) -> tuple[int, ...]:
    """Return the checksum of each step of a path."""
    state, sums = tables.initial, []
    for agent, which in moves:
        outcome = tables.leaf(agent, state).outcomes[which]
        sums.append(checksum(tables, agent, outcome, state))
        state = successor(state, outcome.writes)
    return tuple(sums)


def portable(tables: Tables, moves: Sequence[Move]) -> tuple[tuple[Move, ...], tuple[str, ...]]:
    """Return moves with agents numbered as `Token` numbers them, and its `spawned`."""
    first = sum(not agent.late for agent in tables.agents)
    spawned: dict[str, int] = {}
    made = []
    for agent, which in moves:
        late = tables.agents[agent].late
        made.append((first + spawned.setdefault(late, len(spawned)) if late else agent, which))
    return tuple(made), tuple(spawned)


def check_moves(tables: Tables, token: Token) -> tuple[Move, ...]:
    """Run a token's moves; raise `UsageError` at the first step that is not what it was.

    Returns
    -------
    tuple of moves
        With the agents' numbers of these tables.
    """
    state = tables.initial
    numbers = [n for n, agent in enumerate(tables.agents) if not agent.late]
    late = {agent.late: n for n, agent in enumerate(tables.agents) if agent.late}
    numbers += [late.get(name, -1) for name in token.spawned]
    made = []
    for index, ((number, which), sum_then) in enumerate(
        zip(token.moves, token.checksums, strict=True), 1
    ):
        agent = numbers[number] if 0 <= number < len(numbers) else -1
        if agent < 0:
            raise _changed(token, index, f"there is no process number {number} any more")
        made.append((agent, which))
        who = tables.agents[agent]
        local: LocalState = tables.value(who.slot, state)
        outcomes = tables.leaf(agent, state).outcomes
        now = f"{who.name} at `{local.label or local.status}`"
        if not 0 <= which < len(outcomes):
            raise _changed(token, index, f"{now} cannot take it")
        if checksum(tables, agent, outcomes[which], state) != sum_then:
            raise _changed(token, index, f"{now} now reads, writes or is called something else")
        state = successor(state, outcomes[which].writes)
    if token.kind in (Kind.DEADLOCK, Kind.FINAL):
        for agent, who in enumerate(tables.agents):
            if tables.leaf(agent, state).outcomes:
                raise UsageError(
                    f"the model {token.model} has changed since this token was made: at the end of "
                    f"the trace {who.name} can go on now. Check the model again for a new token."
                )
    return tuple(made)


def _changed(token: Token, index: int, why: str) -> UsageError:
    return UsageError(
        f"the model {token.model} has changed since this token was made: step {index} of "
        f"{len(token.moves)} differs: {why}. Check the model again for a new token."
    )
