"""Memory models by brute force: all outcomes of small straight-line programs.

Written from the papers and the kernel's documents, apart from `modelcheck.memory`, in another form:
a CPU's buffered stores are one list in program order, with markers for ``smp_wmb``, and which of
them may become visible next is decided by looking at the whole list; stale values are kept for
every CPU and location, without leaving any out.

Sources: P. Sewell et al., x86-TSO (CACM 2010); SPARC Architecture Manual, version 8; S. Zhang et
al., Weak Memory Models (PACT 2017); ``Documentation/atomic_t.txt`` of Linux.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

MODELS = ("sc", "tso", "pso", "wmm")


class Op(NamedTuple):
    """One instruction.

    `kind` is load, store, add, swap, cas, fence, until or copy (an atomic step: the location takes
    the value of the location `value`); `order` that of the access, or the kind of the fence.
    """

    kind: str
    location: str = ""
    value: Any = 0
    order: str = "relaxed"
    new: int = 0


class Program(NamedTuple):
    """Threads, and the CPU that each runs on."""

    threads: tuple[tuple[Op, ...], ...]
    cpus: tuple[int, ...]


#: What all threads read, then what memory holds at the end; and, where some wait for ever, which
#: threads are through.
Outcome = tuple[tuple[tuple[Any, ...], ...], tuple[int, ...]]
Stuck = tuple[Outcome, tuple[bool, ...]]


class State(NamedTuple):
    """A state of the machine; buffers and stale values by CPU."""

    positions: tuple[int, ...]
    results: tuple[tuple[Any, ...], ...]
    memory: tuple[int, ...]
    buffers: tuple[tuple[Any, ...], ...]  # of ("wmb",) and (location, value, released)
    stale: tuple[tuple[tuple[int, ...], ...], ...]  # by CPU, then location


def put(row: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    """A tuple with one element changed."""
    return (*row[:index], value, *row[index + 1 :])


class Machine:
    """One program under one memory model."""

    def __init__(self, program: Program, model: str):
        self.program, self.model = program, model
        names = {op.location for t in program.threads for op in t if op.location}
        names |= {op.value for t in program.threads for op in t if op.kind == "copy"}
        self.names = sorted(names)

    def initial(self) -> State:
        threads, cpus = len(self.program.threads), max(self.program.cpus) + 1
        none = ((),) * len(self.names)
        return State(
            (0,) * threads, ((),) * threads, (0,) * len(self.names), ((),) * cpus, (none,) * cpus
        )

    def ends(self) -> tuple[set[Outcome], set[Stuck]]:
        """All outcomes, of states with nothing left to do; and where threads wait for ever."""
        seen, waiting = {self.initial()}, [self.initial()]
        found: set[Outcome] = set()
        stuck: set[Stuck] = set()
        while waiting:
            state = waiting.pop()
            following = {*self.thread_steps(state), *self.drains(state), *self.looks(state)}
            through = tuple(
                p == len(t) for p, t in zip(state.positions, self.program.threads, strict=True)
            )
            if all(through) and not any(state.buffers):
                found.add((state.results, state.memory))
            elif following <= {state}:
                stuck.add(((state.results, state.memory), through))
            for after in following - seen:
                seen.add(after)
                waiting.append(after)
        return found, stuck

    def looks(self, state: State) -> Iterator[State]:
        """Loads of threads that wait, and see what they do not wait for."""
        for thread, position in enumerate(state.positions):
            ops = self.program.threads[thread]
            if position < len(ops) and ops[position].kind == "until":
                op, cpu = ops[position], self.program.cpus[thread]
                for after, value in self.loads(state, cpu, self.names.index(op.location)):
                    if value != op.value:
                        yield after

    # Stores becoming visible.

    def drains(self, state: State) -> Iterator[State]:
        for cpu, buffer in enumerate(state.buffers):
            for index, item in enumerate(buffer):
                if len(item) == 3 and self.may_leave(buffer, index):
                    left = (*buffer[:index], *buffer[index + 1 :])
                    while left and left[0] == ("wmb",):
                        left = left[1:]
                    after = state._replace(buffers=put(state.buffers, cpu, left))
                    yield self.visible(after, cpu, item[0], item[1])

    def may_leave(self, buffer: tuple[Any, ...], index: int) -> bool:
        if self.model == "tso":
            return index == 0
        location, _, released = buffer[index]
        earlier = buffer[:index]
        stores = [i for i, item in enumerate(earlier) if len(item) == 3]
        markers = [i for i, item in enumerate(earlier) if item == ("wmb",)]
        if any(earlier[i][0] == location for i in stores):
            return False
        if released and stores:
            return False
        return not any(i < marker for i in stores for marker in markers)

    def visible(self, state: State, cpu: int, location: int, value: int) -> State:
        """Memory changed; in wmm, the old value goes to others who have no store there."""
        stale = list(state.stale)
        if self.model == "wmm":
            for other in range(len(stale)):
                own = any(len(i) == 3 and i[0] == location for i in state.buffers[other])
                if other != cpu and not own:
                    kept = (*stale[other][location], state.memory[location])
                    stale[other] = put(stale[other], location, kept)
        return state._replace(memory=put(state.memory, location, value), stale=tuple(stale))

    # Threads.

    def thread_steps(self, state: State) -> Iterator[State]:
        for thread, position in enumerate(state.positions):
            ops = self.program.threads[thread]
            if position == len(ops):
                continue
            for after, result in self.perform(state, self.program.cpus[thread], ops[position]):
                results = after.results
                if result is not None:
                    results = put(results, thread, (*results[thread], result))
                yield after._replace(
                    positions=put(state.positions, thread, position + 1), results=results
                )

    def perform(self, state: State, cpu: int, op: Op) -> Iterator[tuple[State, Any]]:
        where = self.names.index(op.location) if op.location else -1
        if op.kind == "fence":
            yield from ((s, None) for s in self.fence(state, cpu, op.order))
        elif op.kind == "load":
            for after, value in self.loads(state, cpu, where):
                after = self.reconciled(after, cpu) if op.order == "acquire" else after
                yield after, value
        elif op.kind == "until":
            yield from ((s, v) for s, v in self.loads(state, cpu, where) if v == op.value)
        elif op.kind == "store":
            yield self.stored(state, cpu, where, op), None
        elif op.kind == "copy":
            if not state.buffers[cpu]:
                source = self.names.index(op.value)
                after = self.reconciled(state, cpu)
                yield self.visible(after, cpu, where, state.memory[source]), None
        else:
            yield from self.modified(state, cpu, where, op)

    def loads(self, state: State, cpu: int, where: int) -> Iterator[tuple[State, int]]:
        own = [item[1] for item in state.buffers[cpu] if len(item) == 3 and item[0] == where]
        if own:
            yield state, own[-1]
            return
        stale = state.stale[cpu][where]
        yield self.stale_of(state, cpu, where, ()), state.memory[where]
        for index, value in enumerate(stale):
            yield self.stale_of(state, cpu, where, stale[index:]), value

    def stale_of(self, state: State, cpu: int, where: int, kept: tuple[int, ...]) -> State:
        return state._replace(stale=put(state.stale, cpu, put(state.stale[cpu], where, kept)))

    def stored(self, state: State, cpu: int, where: int, op: Op) -> State:
        if self.model == "sc":
            return self.visible(state, cpu, where, op.value)
        item = (where, op.value, op.order == "release" and self.model != "tso")
        buffer = (*state.buffers[cpu], item)
        after = state._replace(buffers=put(state.buffers, cpu, buffer))
        return self.stale_of(after, cpu, where, ())

    def reconciled(self, state: State, cpu: int) -> State:
        return state._replace(stale=put(state.stale, cpu, ((),) * len(self.names)))

    def fence(self, state: State, cpu: int, kind: str) -> Iterator[State]:
        atomic = kind in ("before_atomic", "after_atomic")
        if self.model == "sc" or kind == "barrier" or (self.model == "tso" and atomic):
            yield state
        elif kind == "mb" or atomic:
            if not state.buffers[cpu]:
                yield self.reconciled(state, cpu)
        elif kind == "rmb":
            yield self.reconciled(state, cpu)
        else:
            buffer = state.buffers[cpu]
            if self.model != "tso" and buffer:
                buffer = (*buffer, ("wmb",))
            yield state._replace(buffers=put(state.buffers, cpu, buffer))

    def modified(self, state: State, cpu: int, where: int, op: Op) -> Iterator[tuple[State, Any]]:
        if op.kind == "cas" and self.model in ("pso", "wmm"):
            for after, value in self.loads(state, cpu, where):
                if value != op.value:
                    yield after, value
        if not self.may_act(state.buffers[cpu], where, op.order):
            return
        old = state.memory[where]
        if op.kind == "cas" and old != op.value:
            if self.model in ("sc", "tso"):
                yield state, old
            return
        new = {"add": old + op.value, "swap": op.value, "cas": op.new}[op.kind]
        after = self.stale_of(self.visible(state, cpu, where, new), cpu, where, ())
        if op.order in ("acquire", "full"):
            after = self.reconciled(after, cpu)
        yield after, old

    def may_act(self, buffer: tuple[Any, ...], where: int, order: str) -> bool:
        """Whether a read-modify-write may act on memory now."""
        if self.model == "tso" or order in ("full", "release"):
            return not buffer
        own = any(len(item) == 3 and item[0] == where for item in buffer)
        return not own and ("wmb",) not in buffer


def outcomes(program: Program, model: str) -> set[Outcome]:
    """All outcomes of a program under a memory model."""
    return ends(program, model)[0]


def ends(program: Program, model: str) -> tuple[set[Outcome], set[Stuck]]:
    """All outcomes of a program under a memory model, and the states in which threads are stuck."""
    return Machine(program, model).ends()
