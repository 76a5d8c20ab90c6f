"""Every reachable state of a program, by the interpreter: what checks are held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from oracle import programs as P
from oracle.interpreter import (
    ABSENT,
    FINISHED,
    Child,
    Failed,
    Interpreter,
    Local,
    TooBig,
    _Blocked,
    failed,
    freeze,
)

#: (shared values, local states of the lasting processes, spawned ones by their slots).
Global = tuple[tuple[Any, ...], tuple[Local, ...], tuple[tuple[Any, Local], ...]]


def typed(value: Any) -> Any:
    """A key under which True, 1 and 1.0 differ."""
    return freeze(value, {}, {})


@dataclass
class Truth:
    """What a program does. A *spot* is what an observer sees of a process: status, line, places."""

    states: int = 0  # with all local variables
    fewest: int = 0  # without dead ones
    most: int = 0  # without dead ones, save those that properties read
    levels: tuple[int, ...] = ()
    fewest_transitions: int = 0
    most_transitions: int = 0
    shared: set[Any] = field(default_factory=set)
    spots: set[Any] = field(default_factory=set)
    deadlocks: set[Any] = field(default_factory=set)
    failures: set[Any] = field(default_factory=set)
    answers: dict[str, set[Any]] = field(default_factory=dict)
    #: (distance, kind, name) of everything that is violated.
    violations: set[tuple[int, str, str]] = field(default_factory=set)
    witnesses: dict[str, int | None] = field(default_factory=dict)

    @property
    def shortest(self) -> set[tuple[int, str, str]]:
        """The violations that a breadth-first search may report."""
        least = min((v[0] for v in self.violations), default=None)
        return {v for v in self.violations if v[0] == least}


class Explorer:
    """Breadth-first search over the full states of a program."""

    def __init__(self, program: P.Program, lines: dict[int, int], limit: int):
        self.program, self.lines, self.limit = program, lines, limit
        self.run = Interpreter(program)
        self.truth = Truth()
        self.observed = frozenset(program.observed)
        self._projected: dict[Any, tuple[Any, Any]] = {}
        self._known: dict[Any, Local] = {}

    # One step.

    def intern(self, local: Local) -> Local:
        """One object for equal local states, so that identity is equality."""
        return self._known.setdefault(local.full, local)

    def landed(self, pid: Any, local: Local) -> Local:
        """What stands in a slot: a detached process that has finished is gone."""
        if local is FINISHED and not isinstance(pid, int) and pid[0][2]:
            return ABSENT
        return self.intern(local)

    def perform(self, step: Any, pid: Any, state: Global) -> list[Any]:
        """All (result, shared, moved processes) of a pending step; a `Failed` where it fails."""
        shared, base, spawned = state
        run = self.run
        kind = step[0]
        if kind == "either":
            return [
                o if isinstance(o, Failed) else ((i, o[0]), o[1], o[2])
                for i, option in enumerate(step[1])
                for o in self.perform(option, pid, state)
            ]
        env = self.local(state, pid).frames[-1].env

        def put(name: str, value: Any) -> tuple[Any, ...]:
            changed = list(shared)
            changed[run.index[name]] = value
            return tuple(changed)

        def at(name: str) -> Any:
            return shared[run.index[name]]

        try:
            if kind == "load":
                return [(at(step[1]), shared, {})]
            if kind == "store":
                return [(None, put(step[1], step[2]), {})]
            if kind == "swap":
                return [(at(step[1]), put(step[1], step[2]), {})]
            if kind == "add":
                return [(at(step[1]), put(step[1], at(step[1]) + step[2]), {})]
            if kind == "cas":
                old = at(step[1])
                return [(old, put(step[1], step[3]) if old == step[2] else shared, {})]
            if kind == "update":
                old = at(step[1])
                new = run.evaluate(step[2].text, {**env, "old": old}, None)
                return [({"old": old, "new": new, "none": None}[step[3]], put(step[1], new), {})]
            if kind == "until":
                value = run.evaluate(step[1].text, env, run.view(shared))
                return [(value, shared, {})] if value else []
            if kind == "stored":
                value = run.evaluate(step[1].text, {**env, **step[1].bound}, run.view(shared))
                return [(value, shared, {})] if value else []
            if kind == "choose":
                return [(option, shared, {}) for option in step[1]]
            if kind in ("label", "fence"):
                return [(None, shared, {})]
            if kind == "atomic":
                return self.atomic(step[1].text, env, shared)
            if kind == "send":
                return self.send(step, pid, state, put)
            if kind == "recv":
                held = at(step[1])
                return [(held[0], put(step[1], held[1:]), {})] if held else []
            if kind == "try_recv":
                held = at(step[1])
                return [(held[0], put(step[1], held[1:]), {})] if held else [(None, shared, {})]
            if kind == "spawn":
                slot, taken = (step[1], typed(step[2]), step[3]), dict(spawned)
                index = next(i for i in range(99) if taken.get((slot, i), ABSENT) is ABSENT)
                if index > 30:  # modelcheck refuses so many
                    raise TooBig("more than 30 processes of a kind at once")
                child = (slot, index)
                first = self.landed(child, run.start(step[1], step[2]))
                return [(Child(child), shared, {child: first})]
            if kind == "join":
                there = dict(spawned).get(tuple(step[1]), ABSENT)
                return [(None, shared, {tuple(step[1]): ABSENT})] if there is FINISHED else []
        except _Blocked:
            return []
        except Failed as error:
            return [error]
        except TooBig:
            raise
        except Exception as error:
            return [failed(error)]
        raise NotImplementedError(kind)

    def atomic(self, step: P.Atomic, env: dict[str, Any], shared: tuple[Any, ...]) -> list[Any]:
        """The outcome of an atomic function."""
        if step.when and not self.run.evaluate(step.when, env, self.run.view(shared)):
            return []
        view = self.run.view(shared, fresh=True)
        space = {"Mode": P.Mode, **env, "s": view}
        for line in step.body:
            exec(compile(line, "<oracle>", "exec"), space)
        result = eval(compile(step.result, "<oracle>", "eval"), space)
        return [(result, self.run.unview(view), {})]

    def send(self, step: Any, pid: Any, state: Global, put: Any) -> list[Any]:
        """The outcomes of a send: into the queue, or to one of those who wait at a rendezvous."""
        _, channel, message = step
        capacity = self.run.capacity[channel]
        if capacity:
            held = state[0][self.run.index[channel]]
            return [(None, put(channel, (*held, message)), {})] if len(held) < capacity else []
        found: list[Any] = []
        for other, local in self.processes(state):
            if other == pid or local.status != "running":
                continue
            received = []
            if local.pending == ("recv", channel):
                received.append(message)
            elif local.pending[0] == "either":
                options = enumerate(local.pending[1])
                received += [(i, message) for i, o in options if o == ("recv", channel)]
            for result in received:
                try:
                    then = self.landed(other, self.run.advance(local, result))
                    found.append((None, state[0], {other: then}))
                except Failed as error:
                    found.append(error)
        return found

    # States.

    def processes(self, state: Global) -> list[tuple[Any, Local]]:
        """All processes by id: a number, or the slot of a spawned one."""
        return [*enumerate(state[1]), *state[2]]

    def local(self, state: Global, pid: Any) -> Local:
        return state[1][pid] if isinstance(pid, int) else dict(state[2])[pid]

    def moved(self, state: Global, shared: tuple[Any, ...], changes: dict[Any, Local]) -> Global:
        """The state with other shared values and some processes moved."""
        base, spawned = list(state[1]), dict(state[2])
        for pid, local in changes.items():
            if isinstance(pid, int):
                base[pid] = local
            elif local is ABSENT:
                spawned.pop(pid, None)
            else:
                spawned[pid] = local
        there = sorted(spawned.items(), key=lambda item: repr(item[0]))
        return shared, tuple(base), tuple(there)

    def key(self, state: Global) -> Any:
        shared = tuple(map(typed, state[0]))
        return shared, tuple(map(id, state[1])), tuple((p, id(x)) for p, x in state[2])

    def successors(self, state: Global) -> list[Any]:
        """For each outcome the state it leads to, or its failure."""
        found: list[Any] = []
        for pid, local in self.processes(state):
            if local.status != "running":
                continue
            for outcome in self.perform(local.pending, pid, state):
                if isinstance(outcome, Failed):
                    found.append(outcome)
                    continue
                result, shared, changes = outcome
                try:
                    changes.setdefault(pid, self.landed(pid, self.run.advance(local, result)))
                    found.append(self.moved(state, shared, changes))
                except Failed as error:
                    found.append(error)
        return found

    def spot(self, local: Local) -> Any:
        """What an observer sees of a process."""
        if local.status != "running":
            return (local.status,)
        return (local.status, self.lines[id(local.op.args[0])], local.places())

    def group_spots(self, state: Global) -> Any:
        """The spots of all processes; spawned ones as a multiset by function."""
        spawned = sorted((p[0][0], repr(_ordered(self.spot(x)))) for p, x in state[2])
        return tuple(self.spot(x) for x in state[1]), tuple(spawned)

    def may_rest(self, pid: Any, local: Local) -> bool:
        name = self.program.instances[pid][0] if isinstance(pid, int) else pid[0][0]
        if local.status != "running" or name in self.run.daemons:
            return True
        return any(end for _, end in local.labels()) or (
            local.pending[0] == "until" and local.pending[2]
        )

    def snapshot(self, state: Global) -> Any:
        """What a property sees."""
        view = self.run.view(state[0])
        seen = SimpleNamespace(**vars(view))
        groups: dict[str, list[Any]] = {}
        for (name, _), local in zip(self.program.instances, state[1], strict=True):
            groups.setdefault(name, Group()).append(Seen(local))
        vars(seen).update(groups)
        return seen

    # The search.

    def explore(self) -> Truth:
        """Visit everything reachable, also beyond violations."""
        truth = self.truth
        truth.answers = {p.name: set() for p in self.program.properties}
        truth.witnesses = {p.name: None for p in self.program.properties if p.kind == "sometimes"}
        base = []
        for name, arg in self.program.instances:
            try:
                base.append(self.intern(self.run.start(name, arg)))
            except Failed as error:
                truth.violations.add((0, *error.args))
                return truth
        initial: Global = (tuple(v for _, v in P.locations(self.program)), tuple(base), ())
        seen = {self.key(initial)}
        few: dict[Any, int] = {}
        many: dict[Any, int] = {}
        frontier, depth, levels = [initial], 0, []
        while frontier:
            following = []
            fresh = 0
            for state in frontier:
                found = self.successors(state)
                small, large = self.projections(state)
                few.setdefault(small, len(found))
                if large not in many:
                    many[large] = len(found)
                    fresh += 1
                self.judge(state, found, depth)
                for one in found:
                    if isinstance(one, Failed):
                        continue
                    key = self.key(one)
                    if key not in seen:
                        seen.add(key)
                        following.append(one)
                        if len(seen) > self.limit:
                            raise TooBig(f"more than {self.limit} states")
            if fresh:
                levels.append(fresh)
            frontier, depth = following, depth + 1
        truth.states, truth.fewest, truth.most = len(seen), len(few), len(many)
        truth.levels = tuple(levels)
        truth.fewest_transitions, truth.most_transitions = sum(few.values()), sum(many.values())
        for name, distance in truth.witnesses.items():
            if distance is None:
                truth.violations.add((10**9, "unreachable", name))
        return truth

    def projections(self, state: Global) -> tuple[Any, Any]:
        """The state's keys without dead variables: strictly, and with observed ones kept."""
        shared = tuple(map(typed, state[0]))
        parts: tuple[list[Any], list[Any]] = ([], [])
        for pid, local in self.processes(state):
            if local.full not in self._projected:
                self._projected[local.full] = (
                    local.projected(frozenset()),
                    local.projected(self.observed),
                )
            for into, part in zip(parts, self._projected[local.full], strict=True):
                into.append((pid, part))
        return (shared, *parts[0]), (shared, *parts[1])

    def judge(self, state: Global, found: list[Any], depth: int) -> None:
        """Note what is seen and violated in a state at a distance."""
        truth = self.truth
        where = (tuple(map(typed, state[0])), self.group_spots(state))
        truth.shared.add(where[0])
        truth.spots.add(where)
        for one in found:
            if isinstance(one, Failed):
                truth.failures.add((*where, one.args))
                truth.violations.add((depth + 1, *one.args))
        resting = all(self.may_rest(pid, local) for pid, local in self.processes(state))
        if not found and not resting:
            truth.deadlocks.add(where)
            if self.program.deadlock:
                truth.violations.add((depth, "deadlock", "deadlock"))
        view = self.snapshot(state)
        for prop in self.program.properties:
            if prop.kind == "at_end" and (found or not resting):
                continue
            answer = self.run.evaluate(prop.cond, {}, view)
            assert isinstance(answer, bool), prop
            truth.answers[prop.name].add((where, answer))
            if prop.kind == "sometimes":
                if answer and truth.witnesses[prop.name] is None:
                    truth.witnesses[prop.name] = depth
            elif not answer:
                kind = "invariant" if prop.kind == "always" else "final"
                truth.violations.add((depth, kind, prop.name))


def _ordered(spot: Any) -> Any:
    return (*spot[:2], sorted(spot[2])) if len(spot) > 2 else spot


class Seen:
    """A process as a property sees it."""

    def __init__(self, local: Local):
        self._local = local

    def at(self, *places: str) -> bool:
        return self._local.status == "running" and not self._local.places().isdisjoint(places)

    @property
    def done(self) -> bool:
        return self._local.status == "finished"

    @property
    def running(self) -> bool:
        return self._local.status == "running"

    @property
    def local(self) -> Any:
        return SimpleNamespace(get=self._local.variable)


class Group(list):
    """All instances of a process function; with a single one also that itself."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self[0], name)


def truth_of(program: P.Program, lines: dict[int, int], limit: int = 6_000) -> Truth:
    """What a program does; raises `TooBig` beyond `limit` states."""
    return Explorer(program, lines, limit).explore()
