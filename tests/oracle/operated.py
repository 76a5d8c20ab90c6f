"""Random programs that send, receive and count: where steps on one location may commute.

Small, and of little else: so that whatever is wrong with an operation shows soon.
"""

from __future__ import annotations

from random import Random
from typing import Any

from attrs import frozen

from modelcheck import (
    Channel,
    System,
    always,
    at_end,
    atomic,
    cells,
    either,
    process,
    sometimes,
    state,
    until,
)

#: A step: what it does, to which of the channels or counters, with which number; whether its result
#: is kept.
Op = tuple[str, int, int, bool]

KINDS = (
    "send", "send", "send", "recv", "recv", "recv", "try", "add", "add", "add", "load", "set",
    "pass", "pass", "twice", "count", "full", "either", "wait", "one", "mine", "back", "caught",
)  # fmt: skip


PROPERTIES = ("always", "sometimes", "at_end")


@frozen
class Operated:
    """What each process does; the channels' capacities and first messages; what is asked."""

    scripts: tuple[tuple[Op, ...], ...]
    rounds: tuple[bool, ...]  # which processes begin anew
    capacities: tuple[int, ...]
    messages: tuple[tuple[int, ...], ...]
    bad: int  # what a process must not have received in all
    properties: tuple[tuple[str, int, int], ...]
    deadlock: bool


def random_operated(chance: Random) -> Operated:
    """Return a random program."""
    number = chance.randint(2, 4)
    capacities = tuple(chance.choice([1, 1, 2, 3]) for _ in range(2))
    pick = lambda: (  # noqa: E731  a name for a row
        chance.choice(KINDS), chance.randrange(2), chance.randrange(3), chance.random() < 0.4
    )  # fmt: skip
    return Operated(
        tuple(tuple(pick() for _ in range(chance.randint(1, 4))) for _ in range(number)),
        tuple(chance.random() < 0.1 for _ in range(number)),
        capacities,
        tuple(tuple(range(chance.randint(0, c))) for c in capacities),
        chance.randint(1, 12),
        tuple(
            (chance.choice(PROPERTIES), chance.randrange(4), chance.randrange(4))
            for _ in range(chance.choice([0, 0, 1, 2]))
        ),
        chance.random() < 0.7,
    )  # fmt: skip


def step(s: Any, me: int, op: Op) -> Any:
    """Return the step of an operation."""
    kind, which, n, _ = op
    here, there, x = s.c[which], s.c[1 - which], s.x[which]

    def passes() -> Any:
        m = here.recv()
        there.send(m)
        return m

    def caught() -> Any:
        try:
            return here.recv()
        except BaseException:
            return 7

    def looks_back() -> Any:
        m = here.recv()
        s.y = len(here)
        return m

    made = {
        "send": lambda: here.send(n),
        "recv": here.recv,
        "try": here.try_recv,
        "add": lambda: x.add(n - 1),
        "load": lambda: x,
        "set": lambda: x.set(n),
        "pass": lambda: atomic(passes),
        "twice": lambda: atomic(lambda: (here.recv(), here.recv())[1]),
        "count": lambda: atomic(lambda: len(here)),
        "full": lambda: atomic(lambda: int(here.full)),
        "either": lambda: either(here.send(n), there.recv(), x.add(1)),
        "wait": lambda: until(lambda: x >= n),
        "one": lambda: atomic(lambda: here.send(n), when=lambda: s.x[which] < 2),
        "mine": lambda: s.mine[me].add(1),
        "back": lambda: atomic(looks_back),
        "caught": lambda: atomic(caught),
    }
    return made[kind]()


def system_of_operated(program: Operated) -> System:
    """Return the model of a program."""

    @state
    class Shared:
        c: Any
        x = cells(2, 0)
        mine = cells(len(program.scripts), 0)
        y: int = 0

    @process
    def runs(s: Any, me: int) -> Any:
        got = 0
        while True:
            for op in program.scripts[me]:
                if op[3]:
                    result = yield step(s, me, op)
                    got += result[1] or 0 if isinstance(result, tuple) else result or 0
                    assert got < program.bad
                else:
                    yield step(s, me, op)
            if not program.rounds[me] or got:
                return

    channels = [Channel(c, m) for c, m in zip(program.capacities, program.messages, strict=True)]
    s = Shared(c=cells(channels))
    asked = [_property(number, *one) for number, one in enumerate(program.properties)]
    processes = [runs(s, me) for me in range(len(program.scripts))]
    return System(s, processes, asked, deadlock=program.deadlock)


def _property(number: int, kind: str, which: int, n: int) -> Any:
    """Return the property that bounds a counter, or how much a channel holds; or looks for more."""

    def asks(s: Any) -> bool:
        held = s.x[which] if which < 2 else len(s.c[which - 2])
        return bool(held <= n) != (kind == "sometimes")

    asks.__name__ = f"asks{number}"
    return {"always": always, "sometimes": sometimes, "at_end": at_end}[kind](asks)
