"""Replay tokens: a path as a short text that shows the same trace again.

A token holds the model's name and parameters, the moves, and a checksum of each step (who, what, what
it wrote). A changed model is refused at the first step that differs, by name, never misreplayed.
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

PREFIX = "mc1."


@frozen
class Token:
    """A token's content: what to run, the moves, and what each of them looked like."""

    model: str
    parameters: Mapping[str, str]
    memory_model: str
    kind: str
    property: str
    moves: tuple[Move, ...]
    checksums: tuple[int, ...]

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
            list(self.checksums),
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
        content = json.loads(inflater.decompress(packed, 2**24))
        model, parameters, memory, kind, prop, moves, checksums = content
        pairs = tuple(zip(map(int, moves[::2]), map(int, moves[1::2]), strict=True))
        if len(pairs) != len(checksums) or not isinstance(model, str):
            raise ValueError(text)
        named = {str(k): str(v) for k, v in parameters.items()}
        return Token(model, named, str(memory), str(kind), str(prop), pairs, tuple(map(int, checksums)))
    except (ValueError, TypeError, AttributeError, binascii.Error, zlib.error, RecursionError):
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
    """Return 16 bits of what a step is: who does what, and what it writes."""
    who = tables.agents[agent]
    local: LocalState = tables.value(who.slot, state)
    wrote = [
        f"{tables.slots[s].name}={show_value(tables.domains[s].values[v])}"
        for s, v in outcome.writes
        if not tables.slots[s].process
    ]
    failed = outcome.failure.message if outcome.failure else ""
    return zlib.crc32("|".join([who.name, local.label, *wrote, failed]).encode()) & 0xFFFF


def checksums(tables: Tables, moves: Sequence[Move]) -> tuple[int, ...]:
    """Return the checksum of each step of a path."""
    state, sums = tables.initial, []
    for agent, which in moves:
        outcome = tables.leaf(agent, state).outcomes[which]
        sums.append(checksum(tables, agent, outcome, state))
        state = successor(state, outcome.writes)
    return tuple(sums)


def check_moves(tables: Tables, token: Token) -> None:
    """Run a token's moves; raise `UsageError` at the first step that is not what it was."""
    state = tables.initial
    for index, ((agent, which), sum_then) in enumerate(
        zip(token.moves, token.checksums, strict=True), 1
    ):
        if not 0 <= agent < len(tables.agents):
            raise _changed(token, index, f"there is no process number {agent} any more")
        who = tables.agents[agent]
        local: LocalState = tables.value(who.slot, state)
        outcomes = tables.leaf(agent, state).outcomes
        now = f"{who.name} at `{local.label or local.status}`"
        if not 0 <= which < len(outcomes):
            raise _changed(token, index, f"{now} cannot take it")
        if checksum(tables, agent, outcomes[which], state) != sum_then:
            raise _changed(token, index, f"{now} now reads, writes or is called something else")
        state = successor(state, outcomes[which].writes)


def _changed(token: Token, index: int, why: str) -> UsageError:
    return UsageError(
        f"the model {token.model} has changed since this token was made: step {index} of "
        f"{len(token.moves)} differs: {why}. Check the model again for a new token."
    )
