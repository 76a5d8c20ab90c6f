"""Random programs.

`random_program` draws from a `random.Random`, hypothesis' own included, so one generator serves
fast seeded runs and shrinking. Programs are finite: shared values stay small by `%`, lists grow
only in bounded loops outside endless ones, every turn of an endless loop takes a step. Neighbours:
`programs` has what they are made of, `printing` makes Python of them.
"""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

from oracle import programs as P


class Draw:
    """Draws one program. `room` bounds how many steps are still to be handed out."""

    def __init__(self, chance: Random):
        self.chance = chance
        self.assertions = itertools.count()
        self.labels = itertools.count()

    def often(self, probability: float) -> bool:
        return self.chance.random() < probability

    def pick(self, *options: Any) -> Any:
        return self.chance.choice(options)

    def weighted(self, table: dict[str, float]) -> str:
        """One key, with the probability of its weight."""
        names = list(table)
        return self.chance.choices(names, [table[n] for n in names])[0]

    # The whole.

    def program(self) -> P.Program:
        chance = self.chance
        self.cells = self.pick(2, 2, 3)
        self.channel = self.pick(None, None, 0, 1, 1, 2)
        self.modes, self.flags, self.part = self.often(0.4), self.often(0.5), self.often(0.4)
        self.spawns = self.often(0.2)
        self.lambdas = self.often(0.2)
        self.lists = self.often(0.35)
        count = self.pick(1, 2, 2)
        self.subroutines = ["sub0"] if self.often(0.35) else []
        self.locals = ["v", "w"]
        self.used_labels: list[str] = []
        self.steps = self.pick(3, 4, 5, 6, 7)
        functions = []
        for index in range(count):
            functions.append(self.function(f"p{index}", self.often(0.12)))
        instances = [(f.name, 0) for f in functions]
        for _ in range(self.pick(0, 1, 1, 1)):
            name = chance.choice(functions).name
            instances.append((name, sum(n == name for n, _ in instances)))
        if len(instances) == 1:
            instances.append((functions[0].name, 1))
        if self.spawns:
            steps, self.spawns, self.steps = self.steps, False, 2
            functions.append(self.function("child", self.often(0.15)))
            self.spawns, self.steps = True, steps
        subs = [self.subroutine(name) for name in self.subroutines]
        properties, observed = self.properties(instances)
        return P.Program(
            self.shared(), tuple(functions), tuple(subs), tuple(instances), properties,
            deadlock=self.often(0.85), observed=observed,
        )  # fmt: skip

    def shared(self) -> tuple[Any, ...]:
        found: list[Any] = [P.Scalar("x", self.pick(0, 0, 1)), P.Scalar("y", 0)]
        found.append(P.Array("a", tuple(self.pick(0, 0, 0, 1) for _ in range(self.cells))))
        if self.flags:
            found.append(P.Scalar("flag", self.often(0.3)))
        if self.modes:
            found.append(P.Scalar("mode", P.Mode.IDLE))
        if self.part:
            fields = (P.Scalar("z", 0), P.Array("b", (0, 0)))
            found.append(P.Part("part", fields))
        if self.channel is not None:
            held = (0,) if self.channel and self.often(0.3) else ()
            found.append(P.Chan("c", self.channel, held))
        return tuple(found)

    def function(self, name: str, daemon: bool) -> P.Function:
        self.room, self.has_child = self.steps, False
        self.endless = daemon or self.often(0.25)
        self.in_loop = self.in_try = self.in_handler = self.in_finally = False
        self.in_sub = False
        start = [] if self.often(0.03) else [P.Do("v = me"), P.Do("w = 0")]
        if self.lists:
            start.append(P.Do(self.pick("xs = []", "xs = [0]", "xs = [1, 1]", "xs = [me]")))
            start.append(P.Do(self.pick("ys = xs", "ys = [0]")))
            start.append(P.Do("q, d = set(), {}"))
        if self.lambdas:
            start.append(P.Do("fs = []"))
            start += self.remember()
        if self.spawns:
            start.append(P.Do("h = None"))
        if self.endless:
            first = self.yielded()
            loop = P.While("True", (first, *self.body(2)))
            lead = (self.yielded(),) if self.often(0.4) else ()
            return P.Function(name, (*start, *lead, loop), daemon)
        body: list[Any] = []
        while self.room > 0:
            body += self.statement(3)
        return P.Function(name, (*start, *body), daemon)

    def subroutine(self, name: str) -> P.Function:
        self.room, self.endless = 2, True  # it may be called in an endless loop
        self.in_loop = self.in_try = self.in_handler = self.in_finally = False
        self.in_sub = True
        spawns, lists, lambdas = self.spawns, self.lists, self.lambdas
        self.spawns = self.lists = self.lambdas = False
        body = (P.Do("v = me"), P.Do("w = 1"), self.yielded(), *self.body(1))
        self.spawns, self.lists, self.lambdas = spawns, lists, lambdas
        return P.Function(name, (*body, P.Return(self.value())))

    def remember(self) -> list[Any]:
        cond = self.pick("s.a[i] == 0", "s.x != i", "s.a[i] < 2", "s.x + i < 3")
        bound = ("i",) if self.often(0.5) else ()
        return [P.For("i", "range(2)", (P.Remember("fs", cond, bound),))]

    # Statements.

    def body(self, depth: int) -> tuple[Any, ...]:
        found: list[Any] = []
        for _ in range(self.pick(1, 2, 2, 3)):
            if self.room <= 0:
                break
            found += self.statement(depth)
        return tuple(found) or (self.yielded(),)

    def statement(self, depth: int) -> list[Any]:
        table = {"yield": 10.0, "assign": 2.0, "assert": 0.5, "raise": 0.05}
        if depth:
            table |= {"if": 2.0, "for": 1.6, "while": 0.8, "try": 1.5, "label": 1.2}
        if self.subroutines and not self.in_sub:
            table["call"] = 1.5
        if self.in_loop and not self.in_finally:
            table |= {"break": 0.6, "continue": 0.5}
        if self.in_try:
            table["raise"] = 1.5
        if not self.in_finally:
            table["return"] = 0.25
        if self.lists:
            table["list"] = 2.5
        kind = self.weighted(table)
        made = getattr(self, "make_" + kind)(depth)
        return made if isinstance(made, list) else [made]

    def make_yield(self, depth: int) -> Any:
        return self.yielded()

    def yielded(self) -> Any:
        self.room -= 1
        step, to = self.step()
        return P.Yield(step, to)

    def make_assign(self, depth: int) -> Any:
        name = self.chance.choice(self.locals)
        if self.often(0.06):
            return P.Do(f"del {name}")
        if self.often(0.2):
            return P.Do("v, w = w, v")
        return P.Do(f"{name} = {self.value()}")

    def make_list(self, depth: int) -> Any:
        if self.often(0.35):
            return P.Do(self.pick("q.add(v)", "q.discard(w)", "w = len(q)", "d[v] = w", "d[0] = d",
                                  "v = d.get(w, 0) if d.get(w) is not d else 1", "d.pop(v, None)",
                                  "w = 1 if v in q else 0", "q, d = {v}, {w: 0}"))  # fmt: skip
        if self.endless or self.in_loop:
            return P.Do(self.pick("xs = [v]", "xs[:] = [w]", "xs = xs[:1]", "w = len(xs) % 3"))
        return P.Do(
            self.pick("xs.append(v)", "xs.append(0)", "w = len(xs) % 3", "v = sum(xs) % 3",
                      "xs = [v, w]", "xs.sort()", "ys = xs", "ys.append(1)",
                      "xs.pop()" if self.often(0.2) else "w = 0")
        )  # fmt: skip

    def make_assert(self, depth: int) -> Any:
        return P.Assert(self.claim(), f"assertion {next(self.assertions)}")

    def make_raise(self, depth: int) -> Any:
        if self.in_handler and self.often(0.3):
            return P.Raise("")
        raised = P.Raise(self.pick("KeyError(v)", "ValueError(1)", "IndexError()"))
        return P.If(self.test(), (raised,)) if self.often(0.7) else raised

    def make_if(self, depth: int) -> Any:
        other = self.body(depth - 1) if self.often(0.4) else ()
        return P.If(self.test(), self.body(depth - 1), other)

    def make_for(self, depth: int) -> Any:
        over = self.pick("range(2)", "[7, 7]", "range(me + 1)", "[w, 1]", "(0, 0)", "range(v % 3)")
        if self.lists and not self.endless and self.often(0.5):
            over = self.pick("xs", "list(xs)", "sorted(xs)", "range(len(xs))")
        outer, self.in_loop = self.in_loop, True
        body = self.body(depth - 1)
        if over == "xs" and not outer and self.often(0.4):
            body = (P.If("len(xs) < 3", (P.Do("xs.append(v)"),)), *body)
        self.in_loop = outer
        return P.For(self.pick("i", "v", "_"), over, body)

    def make_while(self, depth: int) -> list[Any]:
        outer, self.in_loop = self.in_loop, True
        counter = f"n{depth}"
        body = self.body(depth - 1)
        self.in_loop = outer
        grow = P.Do(f"{counter} += 1")
        return [P.Do(f"{counter} = 0"), P.While(f"{counter} < 2", (grow, *body))]

    def make_break(self, depth: int) -> Any:
        return P.If(self.test(), (P.Break(),))

    def make_continue(self, depth: int) -> Any:
        return P.If(self.test(), (P.Continue(),))

    def make_return(self, depth: int) -> Any:
        return P.If(self.test(), (P.Return(self.value()),))

    def make_try(self, depth: int) -> Any:
        flags = self.in_try, self.in_handler, self.in_finally
        has_last = self.often(0.5)
        self.in_try = True
        body = self.body(depth - 1)
        self.in_try, handlers = flags[0], []
        if not has_last or self.often(0.5):
            self.in_handler = True
            classes = self.pick("KeyError", "ValueError", "Exception", "(KeyError, IndexError)")
            var = self.pick("", "error")
            inner = self.body(depth - 1) if self.often(0.8) else (P.Do("w = 2"),)
            handlers.append((classes, var, inner))
        self.in_handler, self.in_finally = False, True
        last = ()
        if has_last:
            last = self.body(0) if self.often(0.8) else (P.Do("w = 1"),)
        self.in_try, self.in_handler, self.in_finally = flags
        return P.Try(body, tuple(handlers), last)

    def make_label(self, depth: int) -> Any:
        return P.WithLabel(self.label_name(), self.body(depth - 1), self.often(0.2))

    def make_call(self, depth: int) -> Any:
        self.room -= 2
        return P.Call(self.subroutines[0], self.value(), self.pick("", "v", "w"))

    # Steps.

    def label_name(self) -> str:
        name = f"L{next(self.labels) % 4}"
        self.used_labels.append(name)
        return name

    def step(self, simple: bool = False) -> tuple[Any, str]:
        """A step and where its result goes."""
        table = {"load": 3.0, "store": 4.0, "update": 1.5, "swap": 0.8, "cas": 1.2, "until": 1.5}
        if not simple:
            table |= {"choose": 1.0, "atomic": 2.5, "label": 0.8, "either": 0.9, "fence": 0.3}
            if self.lambdas:
                table["stored"] = 2.0
            if self.spawns and not self.in_sub:
                table |= {"spawn": 2.0, "join": 3.0 if self.has_child else 0.1}
        if not self.endless:
            table["add"] = 1.5
        if self.channel is not None:
            table |= {"send": 2.2, "recv": 2.0}
            if self.channel:
                table["try_recv"] = 1.0
        kind = self.weighted(table)
        made = getattr(self, "step_" + kind)()
        if kind == "spawn":  # modelcheck refuses to join a detached process
            self.has_child = self.has_child or not made.detached
            return made, "" if made.detached else "h"
        keeps = kind in ("load", "swap", "cas", "choose", "recv", "try_recv", "add")
        return made, self.chance.choice([*self.locals, *self.locals, ""]) if keeps else ""

    def step_load(self) -> Any:
        return P.Load(self.ref())

    def step_store(self) -> Any:
        if self.flags and self.often(0.25):
            return P.Store("s.flag", self.pick("True", "False", "v == 0"))
        if self.modes and self.often(0.25):
            return P.Store("s.mode", self.pick("Mode.IDLE", "Mode.BUSY", "Mode.GONE"))
        return P.Store(self.ref(), self.value())

    def step_add(self) -> Any:
        return P.Rmw("add", self.ref(), self.pick("1", "1", "2", "-1"))

    def step_swap(self) -> Any:
        return P.Rmw("swap", self.ref(), self.value())

    def step_cas(self) -> Any:
        return P.Cas(self.ref(), self.pick("0", "0", "1", "v"), self.pick("1", "me + 1", "0", "2"))

    def step_update(self) -> Any:
        body = self.pick("(old + 1) % 3", "(old + w0) % 3", "1 - old % 2", "old and 1",
                         "max(old, 1)")  # fmt: skip
        body = body.replace("w0", "1" if self.often(0.5) else "me")
        return P.Update(self.ref(), body, self.pick("old", "old", "new", "none"))

    def step_until(self) -> Any:
        return P.Until(self.guard(), self.often(0.12))

    def step_stored(self) -> Any:
        return P.UntilStored(self.pick("fs[0]", "fs[-1]", "fs[me % 2]"))

    def step_choose(self) -> Any:
        return P.Choose(self.pick(("0", "1"), ("0", "1", "2"), ("v", "1"), ("1", "1"), ("me", "2")))

    def step_atomic(self) -> Any:
        body = [self.assignment() for _ in range(self.pick(1, 1, 2, 2, 3))]
        result = self.pick("None", "s.x", "0", f"s.a[s.x % {self.cells}]", "(s.x, s.y)")
        if self.often(0.12):
            body.append("t = s.x if s.y else 0")
            result = "t"
        when = self.guard() if self.often(0.4) else ""
        return P.Atomic(tuple(body), result, when)

    def assignment(self) -> str:
        n = self.cells
        options = [
            "s.x = (s.x + 1) % 3", "s.y = s.x", "s.x, s.y = s.y, s.x", f"s.a[s.x % {n}] = s.y % 3",
            f"s.a[me % {n}] = (s.a[me % {n}] + 1) % 3", "s.y = (s.y + v) % 3", "s.x = 0",
            f"s.x = s.a[(s.y + me) % {n}]", "s.a[0], s.a[1] = s.a[1], s.x", "s.y = sum(s.a) % 3",
            f"s.a[s.a[s.x % {n}] % {n}] = 1", "s.a[v] = 0" if self.often(0.2) else "s.x = 1",
        ]  # fmt: skip
        if self.flags:
            options += ["s.flag = not s.flag", "s.flag = s.x == s.y"]
        if self.modes:
            options += ["s.mode = Mode.BUSY if s.mode is Mode.IDLE else Mode.GONE"]
        if self.part:
            options += ["s.part.z = (s.part.z + 1) % 2", "s.part.b[s.part.z % 2] = s.x % 3"]
        if self.channel:
            options += ["s.c.send(s.x % 3)", "s.x = s.c.recv()", "s.y = s.c.try_recv() or 0"]
        return self.chance.choice(options)

    def step_label(self) -> Any:
        return P.AtLabel(self.label_name(), self.often(0.25))

    def step_fence(self) -> Any:
        return P.Fence(self.pick("mb", "rmb"))

    def step_either(self) -> Any:
        options = tuple(self.step(simple=True)[0] for _ in range(self.pick(1, 2, 2, 3)))
        rendezvous = [o for o in options if isinstance(o, P.Recv)] if self.channel == 0 else []
        if len(rendezvous) > 1:
            options = tuple(o for o in options if not isinstance(o, P.Recv)) + (rendezvous[0],)
        return P.Either(options)

    def step_send(self) -> Any:
        return P.Send("s.c", self.value())

    def step_recv(self) -> Any:
        return P.Recv("s.c")

    def step_try_recv(self) -> Any:
        return P.TryRecv("s.c")

    def step_spawn(self) -> Any:
        # In an endless loop only what is gone when it ends; the guard keeps the number small.
        return P.Spawn("child", self.pick("0", "0", "me"), self.often(0.3))

    def step_join(self) -> Any:
        return P.Join("h")

    # Expressions.

    def index(self) -> str:
        n = self.cells
        safe = ["0", "1", f"me % {n}", f"(me + 1) % {n}", f"v % {n}", f"(v + w) % {n}"]
        return self.pick("v", "w") if self.often(0.015) else self.chance.choice(safe)

    def ref(self) -> str:
        if self.part and self.often(0.2):
            return self.pick("s.part.z", "s.part.b[0]", "s.part.b[me % 2]")
        return self.pick("s.x", "s.x", "s.y", f"s.a[{self.index()}]", f"s.a[{self.index()}]")

    def value(self) -> str:
        """A local expression with a small value."""
        return self.pick("0", "1", "2", "me", "v", "(v + 1) % 3", "(v + w) % 3", "w", "1")

    def test(self) -> str:
        """A condition over local variables."""
        return self.pick("v == 0", "w == 1", "v != w", "v == me", "v", "not w", "v < 2", "me == 0")

    def claim(self) -> str:
        """What a process asserts: false now and then."""
        return self.pick("v < 2", "v + w < 3", "v != 2 or w", "w != 2", "v == me or w < 2")

    def guard(self) -> str:
        """A condition over shared values and local variables."""
        n = self.cells
        atoms = [
            "s.x == 0", "s.x != 1", "s.y == s.x", f"s.a[me % {n}] == 0",
            f"s.a[(me + 1) % {n}] == 0",
            f"s.a[s.x % {n}] != 1", "s.x == v", "s.y != w", f"s.a[v % {n}] == s.y", "sum(s.a) < 2",
            "any(c == 1 for c in s.a)", "s.x in (0, me)", "0 <= s.y < 2", "s.a[0] is not None",
            "s.x",
        ]  # fmt: skip
        if self.flags:
            atoms += ["s.flag", "not s.flag", "s.flag is (me == 0)"]
        if self.modes:
            atoms += ["s.mode is Mode.IDLE", "s.mode is not Mode.BUSY", "s.mode == Mode.GONE"]
        if self.part:
            atoms += ["s.part.z == 0", "s.part.b[s.x % 2] == 0"]
        if self.channel is not None:
            atoms += ["not s.c", "len(s.c) < 1", "s.c.full", "1 in s.c", "len(s.c) and s.c[0] == 0"]
        one, other = self.chance.choice(atoms), self.chance.choice(atoms)
        return self.pick(one, one, f"{one} or {other}", f"{one} and {other}", f"not ({one})")

    # Properties.

    def properties(self, instances: Any) -> tuple[tuple[P.Property, ...], tuple[str, ...]]:
        found, observed = [], set()
        for index in range(self.pick(0, 1, 2, 2, 3)):
            kind = self.pick("always", "always", "always", "sometimes", "at_end")
            atoms = []
            for _ in range(self.pick(1, 2) if kind == "sometimes" else self.pick(2, 3)):
                atom, names = self.observation(instances, kind)
                observed |= names
                atoms.append(f"({atom})")
            cond = (" or " if kind == "always" else " and ").join(atoms)
            if kind == "at_end":
                cond = " or ".join(atoms[:2])
            found.append(P.Property(kind, f"{kind}_{index}", f"bool({cond})"))
        return tuple(found), tuple(sorted(observed))

    def observation(self, instances: Any, kind: str) -> tuple[str, set[str]]:
        n = self.cells
        negative = kind == "always"
        index = self.chance.randrange(len(instances))
        name = instances[index][0]
        member = sum(m == name for m, _ in instances[:index])
        alone = sum(m == name for m, _ in instances) == 1
        who = f"s.{name}" if alone and self.often(0.5) else f"s.{name}[{member}]"
        table = {"shared": 4.0, "at": 1.5, "done": 1.0, "local": 1.5}
        what = self.weighted(table)
        if what == "at" and self.used_labels:
            place = self.chance.choice([*self.used_labels, "sub0"])
            return (f"not {who}.at({place!r})" if negative else f"{who}.at({place!r})"), set()
        if what == "done":
            return (f"not {who}.done" if negative else f"{who}.done"), set()
        if what == "local":
            variable = self.pick("v", "w", "me", "i", "v")
            test = self.pick("!= 2", "!= 1", "in (0, 9)") if negative else self.pick("== 1", "== 2")
            return f"{who}.local.get({variable!r}, 9) {test}", {variable}
        atoms = ["s.x == 0", "s.y == 0", f"s.a[{self.chance.randrange(n)}] == 1", "s.x == s.y",
                 "sum(s.a) == 2", "s.x == 2", "s.a[0] == s.a[1]", "s.y == 1"]  # fmt: skip
        if self.flags:
            atoms.append("s.flag")
        if self.modes:
            atoms.append("s.mode is Mode.GONE")
        if self.part:
            atoms.append("s.part.b[0] == 1")
        if self.channel:
            atoms.append("s.c.full")
        atom = self.chance.choice(atoms)
        return (f"not ({atom})" if negative else atom), set()


def random_program(chance: Random) -> P.Program:
    """One random program; the same one for the same state of `chance`."""
    return Draw(chance).program()
