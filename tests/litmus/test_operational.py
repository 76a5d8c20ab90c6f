"""SC and TSO against machines that run the threads step by step, on random programs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from modelcheck.axiomatic.models import MODELS
from modelcheck.litmus.run import run
from modelcheck.litmus.test import parse

#: (kind, location, value): a read, a write, a full barrier, or an exchange.
INSTRUCTION = st.tuples(st.sampled_from("RWFX"), st.sampled_from("xy"), st.integers(1, 2))
PROGRAM = st.lists(st.lists(INSTRUCTION, min_size=1, max_size=3), min_size=2, max_size=3)

Thread = list[tuple[str, str, int]]
C_TEXT = {
    "R": "int r{k} = READ_ONCE(*{loc});",
    "W": "WRITE_ONCE(*{loc}, {value});",
    "F": "smp_mb();",
    "X": "int r{k} = xchg({loc}, {value});",
}


def litmus(program: list[Thread]) -> str:
    """The program as a C litmus test that shows every register and location."""
    shown = ["x", "y"]
    lines = ["C random", "{}"]
    for p, thread in enumerate(program):
        body = [
            C_TEXT[kind].format(k=k, loc=loc, value=v) for k, (kind, loc, v) in enumerate(thread)
        ]
        lines.append(f"P{p}(int *x, int *y) {{ {' '.join(body)} }}")
        shown += [f"{p}:r{k}" for k, (kind, _, _) in enumerate(thread) if kind in "RX"]
    return "\n".join([*lines, f"locations [{';'.join(shown)}]", "exists (x=1)"])


def machine(program: list[Thread], *, buffered: bool) -> set[frozenset[tuple[str, int]]]:
    """The final states of a machine with a store buffer for each thread, or with none."""
    start = ((("x", 0), ("y", 0)), tuple((0, (), ()) for _ in program))
    seen, stack, final = {start}, [start], set()
    while stack:
        memory, threads = stack.pop()
        moves = list(successors(program, dict(memory), threads, buffered))
        if not moves:
            registers = [
                (f"{p}:r{k}", value) for p, (_, _, regs) in enumerate(threads) for k, value in regs
            ]
            final.add(frozenset([*memory, *registers]))
        for state in moves:
            if state not in seen:
                seen.add(state)
                stack.append(state)
    return final


def successors(program, memory, threads, buffered):
    for p, (at, buffer, registers) in enumerate(threads):

        def after(memory, *local, p=p):
            return tuple(sorted(memory.items())), (*threads[:p], local, *threads[p + 1 :])

        if buffer:
            (loc, value), rest = buffer[0], buffer[1:]
            yield after({**memory, loc: value}, at, rest, registers)
        if at == len(program[p]):
            continue
        kind, loc, value = program[p][at]
        if kind == "R":
            own = [v for where, v in buffer if where == loc]
            read = own[-1] if own else memory[loc]
            yield after(memory, at + 1, buffer, (*registers, (at, read)))
        elif kind == "W" and buffered:
            yield after(memory, at + 1, (*buffer, (loc, value)), registers)
        elif kind == "W":
            yield after({**memory, loc: value}, at + 1, buffer, registers)
        elif not buffer:
            old = (at, memory[loc])
            if kind == "F":
                yield after(memory, at + 1, buffer, registers)
            else:
                yield after({**memory, loc: value}, at + 1, buffer, (*registers, old))


def executions(program: list[Thread], model: str) -> set[frozenset[tuple[str, int]]]:
    found = run(parse(litmus(program)), MODELS[model])
    return {frozenset((place.text(), value) for place, value in state) for state in found.states}


@settings(max_examples=120, deadline=None)
@given(PROGRAM)
def test_sc_has_the_final_states_of_interleavings(program):
    """The executions that SC allows end in exactly the states that interleavings end in."""
    assert executions(program, "sc") == machine(program, buffered=False)


@settings(max_examples=120, deadline=None)
@given(PROGRAM)
def test_tso_has_the_final_states_of_store_buffers(program):
    """The executions that TSO allows end in exactly the states of a machine with store buffers."""
    assert executions(program, "x86-tso") == machine(program, buffered=True)


@settings(max_examples=60, deadline=None)
@given(PROGRAM)
def test_models_from_strong_to_weak(program):
    """SC allows no more than RA, TSO no more than the kernel's model."""
    sc, tso, ra, lkmm = (executions(program, name) for name in ("sc", "x86-tso", "ra", "lkmm"))
    assert sc <= tso <= lkmm
    assert sc <= ra
