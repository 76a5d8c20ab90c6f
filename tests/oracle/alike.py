"""Random programs of processes that are alike, as source: `source_of` draws one.

They use names in every way that the language has: as keys of cells, stored, compared, sent, chosen
from, in sets, tuples and local variables, on a ring. With `crooked`, one statement treats a process
otherwise than the others, or might. `Wide` draws those of two kinds of names, with cells for each
pair of them, and of several equal processes for each name.
"""

from __future__ import annotations

import itertools
import linecache
from random import Random
from typing import Any

HEAD = """\
from modelcheck import (Channel, System, always, at_end, atomic, cells, choose, either, fence,
    label, model, names, process, sometimes, spawn, state, symmetric, until)

@state
class Shared:
    a: object
    b: object
    pair: object
    x: int = 0
    owner: object = None
    seen: object = frozenset()
    q = Channel({capacity})

@process
def child(s, me):
{child}

@process
def p(s, me, users):
    j, v, w = me, 0, 0
    left = frozenset(users)
    kids = []
{body}

@process
def other(s, users):
    j, v, w, me = None, 0, 0, None
    left = frozenset(users)
    kids = []
{other}

"""

TAIL = """
@model
def program():
    users = names({count}, "u", ring={ring})
    pairs = {{(i, j): 0 for i in users for j in users}}
    s = Shared(a=cells(users, 0), b=cells(users, None), pair=cells(pairs))
    return System(s, [*symmetric(p(s, me, users) for me in users){more}],
                  [{properties}], deadlock={deadlock})
"""

PROPERTIES = """\
always   s.owner is None or s.a[s.owner] < 3
always   sum(p.at("inside") for p in s.p) <= 1
always   all(p.local.get("v", 0) != 1 for p in s.p)
always   s.x != 2 or any(v == 1 for v in s.a.values())
always   s.x != 1 or not any(p.at("inside") and p.local.get("v", 0) == 1 for p in s.p)
always   s.x == 0 or not any(not p.at("inside") and p.local.get("w", 0) == 2 for p in s.p)
always   len(s.seen) <= 2
always   all(s.b[i] != i for i in s.b.keys())
sometimes all(p.done for p in s.p)
sometimes s.owner is not None and s.owner in s.seen
sometimes any(v == 2 for v in s.a.values())
sometimes any(p.local.get("j") == s.owner for p in s.p)
at_end   sum(v == 1 for v in s.a.values()) <= 1
at_end   s.owner is None
at_end   len(s.q) == 0
"""

CROOKED = [
    "if me == users[0]: yield s.x.set(1)",
    "for k in users: yield s.a[k].add(0)",
    "for k in users: yield until(lambda: k == me or s.a[k] < 2 or s.x > 0)",
    "yield s.x.set(list(users).index(me))",
    "j = yield until(lambda: next((k for k in users if s.a[k] < 2), None))",
    "yield atomic(lambda: [s.a.values()][0][0])",
    "v = min(len(repr(k)) for k in users if repr(k) >= repr(me))",
    "yield until(lambda: s.a[users[1]] < 2)",
    "yield s.owner.set(users[0])",
    "j = next(iter(left), me)",
]


class Draw:
    """Draws one program."""

    def __init__(self, chance: Random):
        self.chance = chance
        self.ring = chance.random() < 0.3
        self.count = chance.choice((2, 3, 3, 4) if not self.ring else (2, 3, 3, 4))
        self.lines: list[str] = []
        self.steps = 0
        self.functions = itertools.count()

    def pick(self, *options: Any) -> Any:
        return self.chance.choice(options)

    def name(self) -> str:
        """An expression for a name that is certainly one."""
        options = ["me", "me", "me", "j"]
        if self.ring:
            options += ["(me + 1)", "(me - 1)", "(j + 1)"]
        return str(self.pick(*options))

    def number(self) -> str:
        return str(self.pick("0", "1", "2", "(v + 1) % 3", "v", "w"))

    def cond(self) -> str:
        """A condition over the state and the local variables."""
        options = [
            "s.owner is None",
            f"s.owner == {self.name()}",
            f"s.owner != {self.name()}",
            f"s.x == {self.pick('0', '1', '2', 'v')}",
            f"s.a[{self.name()}] < {self.pick('1', '2')}",
            f"s.b[{self.name()}] is None",
            f"s.pair[me, {self.name()}] == 0",
            f"all(s.a[k] < {self.pick('1', '2')} for k in users if k != me)",
            f"any(s.a[k] == {self.pick('1', '2')} for k in users)",
            "sum(s.a[k] for k in users) < 3",
            f"{self.name()} in s.seen",
            "len(s.seen) < 2",
            "all(s.b[k] != me for k in users)",
        ]
        return str(self.pick(*options))

    def local_cond(self) -> str:
        return str(
            self.pick("v == 1", "w == 0", "j == me", "j != me", "me in left", "len(left) > 1")
        )

    def atomic_body(self) -> list[str]:
        return [
            self.pick(
                f"s.a[{self.name()}] = {self.number()}",
                f"s.owner = {self.pick('me', 'None', 'j')}",
                "s.seen = s.seen | {me}",
                "s.seen = s.seen - {j}",
                f"s.b[me] = {self.name()}",
                "s.x = (s.x + 1) % 3",
                f"s.pair[me, {self.name()}] = s.x",
                "s.a[me], s.x = s.x, s.a[me]",
                "for k in users: s.a[k] = 0",
            )
            for _ in range(self.pick(1, 2))
        ]

    def statement(self, depth: int, inner: int) -> None:
        pad = "    " * depth
        add = self.lines.append
        kind = self.chance.random()
        if inner < 2 and kind < 0.16:
            add(f"{pad}if {self.local_cond()}:")
            self.block(depth + 1, inner + 1)
            if self.pick(True, False):
                add(f"{pad}else:")
                self.block(depth + 1, inner + 1)
            return
        if inner < 1 and kind < 0.22:
            add(f"{pad}for w in range(2):")
            self.block(depth + 1, inner + 1)
            return
        if inner < 1 and kind < 0.26:
            add(f"{pad}while left:")
            add(f"{pad}    j = yield choose(left)")
            add(f"{pad}    left = left - {{j}}")
            self.block(depth + 1, inner + 1)
            self.steps += 2
            return
        if kind < 0.30:
            add(f"{pad}with label('inside'):")
            self.block(depth + 1, inner + 1)
            return
        self.steps += 1
        if kind < 0.38:
            f = f"f{next(self.functions)}"
            add(f"{pad}def {f}():")
            for line in self.atomic_body():
                add(f"{pad}    {line}")
            add(f"{pad}    return {self.pick('None', 's.x', 's.owner', 's.a[me]')}")
            when = f", when=lambda: {self.cond()}" if self.pick(True, False) else ""
            add(f"{pad}yield atomic({f}{when})")
            return
        add(pad + str(self.simple()))

    def simple(self) -> str:
        name = self.name
        return str(
            self.pick(
                f"yield s.a[{name()}].set({self.number()})",
                f"yield s.a[{name()}].set({self.number()})",
                f"v = yield s.a[{name()}]",
                "v = yield s.x",
                f"yield s.x.set({self.number()})",
                "yield s.x.update(lambda x: (x + 1) % 3)",
                f"yield s.owner.set({self.pick('me', 'None', name())})",
                f"yield s.owner.cas(None, {name()})",
                "j = (yield s.owner) or me",
                f"yield s.b[{name()}].set({self.pick('me', 'j', 'None')})",
                f"j = (yield s.b[{name()}]) or me",
                f"yield until(lambda: {self.cond()})",
                f"yield until(lambda: {self.cond()})",
                f"yield until(lambda: {self.cond()}, end=True)",
                "j = yield choose(users)",
                "v = yield choose(0, 1)",
                "left = left - {j}",
                "left = frozenset(users) - {me}",
                f"yield s.q.send({self.pick('me', 'j', '(me, v)')})",
                "m = yield s.q.recv()",
                "m = yield s.q.recv(); j = m if m in users else m[0]",
                f"yield s.pair[me, {name()}].set({self.number()})",
                f"assert {self.local_cond()}, 'wrong'",
                "kids.append((yield spawn(child(s, me))))",
                "yield from [k.join() for k in ()] or ()" if False else "yield fence('mb')",
                "if kids: yield kids.pop().join()",
                "i, _ = yield either(s.x.add(0), s.a[me].set(1))",
                "yield label('here')",
            )
        )

    def block(self, depth: int, inner: int) -> None:
        for _ in range(self.pick(1, 1, 2)):
            self.statement(depth, inner)

    def body(self, crooked: bool, most: int) -> str:
        self.lines, self.steps = [], 0
        loops = self.pick(True, False, False)
        depth = 2 if loops else 1
        while self.steps < most:
            self.statement(depth, 0)
        if crooked:
            at = self.chance.choice(
                [n for n, x in enumerate([*self.lines, ""]) if x.strip() not in ("else:",)]
            )
            pads = [*(len(x) - len(x.lstrip()) for x in self.lines), 4 * depth]
            before = self.lines[at - 1] if at else ""
            pad = pads[at] if not before.endswith(":") else len(before) - len(before.lstrip()) + 4
            self.lines.insert(at, " " * pad + str(self.pick(*CROOKED)))
        if loops:
            self.lines.insert(0, "    while True:")
            self.lines.append("        yield label('again')")
        return "\n".join(self.lines or ["    yield label('idle')"])

    def source(self, crooked: bool) -> str:
        body = self.body(crooked, self.pick(2, 3, 4) if self.count > 2 else self.pick(3, 4, 6))
        child = self.pick(
            "    yield s.x.set(1)",
            "    yield s.a[me].set(2)\n    yield s.owner.set(me)",
            "    yield until(lambda: s.owner != me)",
        )
        more = self.pick("", "", "", ", other(s, users)", ", other(s, users), other(s, users)")
        if more.count("other") == 2:
            more = ", *symmetric([other(s, users), other(s, users)])"
        head = HEAD.format(capacity=self.pick(0, 1, 2), child=child, body=body, other=self.others())
        kept = [line.split(None, 1) for line in PROPERTIES.splitlines()]
        kept = [one for one in kept if self.chance.random() < 0.25]
        found, texts = [], []
        for number, (kind, text) in enumerate(kept):
            found.append(f"prop{number}")
            texts.append(f"@{kind}\ndef prop{number}(s):\n    return {text}\n")
        tail = TAIL.format(
            count=self.count, ring=self.ring, more=more, properties=", ".join(found),
            deadlock=self.pick(True, False),
        )  # fmt: skip
        return head + "\n".join(texts) + tail

    def others(self) -> str:
        """The body of a process that has no name."""
        return str(
            self.pick(
                "    yield s.x.update(lambda x: (x + 1) % 3)",
                "    j = yield choose(users)\n    yield s.a[j].set(1)",
                "    m = yield s.q.recv()\n    yield s.x.set(2)",
                "    yield until(lambda: s.owner is not None)\n    yield s.owner.set(None)",
                "    while True:\n        yield until(lambda: any(s.a[k] for k in users))\n"
                "        yield s.x.set(0)",
            )
        )


WIDE = """\
from modelcheck import (System, always, at_end, atomic, cells, choose, label, model, names,
    process, sometimes, state, symmetric, until)

@state
class Shared:
    a: object
    c: object
    grid: object
    mark: object = None
    x: int = 0

@process
def p(s, me, ws):
    k, v = (yield choose(ws)), 0
    todo = frozenset(ws)
{body}

@process
def q(s, me, users):
    i, v = (yield choose(users)), 0
{other}

{properties}

@model
def program():
    users, ws = names({count}, "u"), names({others}, "w", ring={ring})
    grid = {{(i, k): 0 for i in users for k in ws}}
    s = Shared(a=cells(users, 0), c=cells(ws, 0), grid=cells(grid))
    return System(s, [*symmetric(p(s, me, ws) for me in users for _ in range({twins})){more}],
                  [{kept}], deadlock={deadlock})
"""

WIDE_PROPERTIES = """\
always    sum(s.grid[i, k] for i, k in s.grid.keys()) < {number}
always    s.mark is None or s.grid[s.mark] < 2
always    all(s.a[i] < 2 or any(s.grid[i, k] for k in s.c.keys()) for i in s.a.keys())
sometimes all(sum(s.grid[i, k] for k in s.c.keys()) == 1 for i in s.a.keys())
sometimes all(sum(s.grid[i, k] for i in s.a.keys()) == 2 for k in s.c.keys())
sometimes all(p.done for p in s.p)
sometimes s.x == 2
at_end    sum(s.c[k] for k in s.c.keys()) <= 1
"""


class Wide:
    """Draws one program of two kinds of names."""

    def __init__(self, chance: Random):
        self.chance = chance

    def lines(self, *options: str) -> str:
        chosen = [self.chance.choice(options) for _ in range(self.chance.choice((1, 2, 2)))]
        return "\n".join(f"    {line}" for line in chosen)

    def source(self) -> str:
        pick = self.chance.choice
        count, others = pick(((2, 2), (2, 3), (3, 2)))
        body = self.lines(
            "yield s.grid[me, k].set(1)",
            "yield s.grid[me, k].update(lambda v: (v + 1) % 3)",
            "v = yield s.grid[me, k]",
            "yield s.a[me].set(v + 1)",
            "v = yield choose(0, 1)",
            "yield s.c[k].set(1)",
            "yield until(lambda: s.c[k] == 0)",
            "yield until(lambda: any(s.grid[me, j] for j in ws))",
            "yield s.mark.set((me, k))",
            "k = ((yield s.mark) or (me, k))[1]",
            "todo = todo - {k}; k = (yield choose(todo)) if todo else k",
            "yield s.x.update(lambda x: (x + 1) % 3)",
        )
        other = self.lines(
            "yield s.grid[i, me].set(2)",
            "yield s.c[me].set(1)",
            "yield until(lambda: any(s.grid[j, me] for j in users), end=True)",
            "v = yield s.a[i]",
            "yield s.mark.set((i, me))",
        )
        kept = [line.split(None, 1) for line in WIDE_PROPERTIES.splitlines()]
        kept = [one for one in kept if self.chance.random() < 0.3]
        texts = [
            f"@{kind}\ndef prop{n}(s):\n    return {text.format(number=pick((2, 3, 4)))}\n"
            for n, (kind, text) in enumerate(kept)
        ]
        return WIDE.format(
            body=body, other=other, properties="\n".join(texts), count=count, others=others,
            ring=pick((False, False, True)), twins=pick((1, 1, 2)) if count == 2 else 1,
            more=pick(("", "", ", *symmetric(q(s, me, users) for me in ws)")),
            kept=", ".join(f"prop{n}" for n in range(len(kept))), deadlock=pick((True, False)),
        )  # fmt: skip


def source_of(chance: Random, crooked: bool = False) -> str:
    """The source of a random program, whose model is called ``program``."""
    source = Draw(chance).source(crooked)
    return Wide(chance).source() if not crooked and chance.random() < 0.3 else source


_files = itertools.count()


def load_source(source: str) -> Any:
    """The model of a source."""
    return space_of(source)["program"]


def space_of(source: str) -> dict[str, Any]:
    """What a source defines."""
    file = f"<alike program {next(_files)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space: dict[str, Any] = {"__name__": "alike_program"}
    exec(compile(source, file, "exec"), space)
    return space
