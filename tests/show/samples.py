"""Traces as a run would make them: small ones, two from the kernel, a long and a hostile one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import evolve, frozen

from modelcheck.show.trace import (
    ABSENT,
    Change,
    ProcessStatus,
    Read,
    Trace,
    TraceStep,
    Violation,
)
from modelcheck.verdict import Kind
from show.weak import stale_load, store_buffering


class Pmd(Enum):
    """What a page-middle directory entry holds."""

    NONE = 0
    HUGE = 1
    TABLE = 2


class Page(Enum):
    """What became of the page-table page."""

    LIVE = 0
    FREED = 1


@frozen
class Vma:
    """A value with parts, to show nested changes."""

    start: int
    flags: frozenset[str]
    owners: tuple[str, ...]


class Script:
    """Writes a trace step by step, keeping the shared state and the old values right."""

    def __init__(self, file: str, initial: Mapping[str, Any]):
        self.file, self.states, self.steps = file, [dict(initial)], []

    def step(self, process: str, line: int, label: str, function: str = "", **more: Any) -> None:
        """Add a step; `reads` are names, `writes` and `locals` map names to new values."""
        state = self.states[-1]
        writes, kept = more.pop("writes", {}), more.pop("locals", {})
        self.steps.append(
            TraceStep(
                index=len(self.steps) + 1,
                process=process,
                label=label,
                function=function or process.split("[")[0],
                file=more.pop("file", self.file),
                line=line,
                reads=tuple(Read(name, state[name]) for name in more.pop("reads", ())),
                writes=tuple(Change(name, state[name], new) for name, new in writes.items()),
                locals=tuple(Change(name, ABSENT, new) for name, new in kept.items()),
                **more,
            )
        )
        self.states.append({**state, **writes})

    def trace(self, model: str, final: tuple[ProcessStatus, ...], **more: Any) -> Trace:
        """The trace written so far."""
        return Trace(
            model=model,
            parameters=more.pop("parameters", {}),
            memory_model="sc",
            processes=tuple(status.process for status in final),
            states=tuple(self.states),
            steps=tuple(self.steps),
            final=final,
            violation=more.pop("violation", None),
            token=more.pop("token", ""),
        )


def lost_update() -> Trace:
    """Two processes read the same count; one increment is lost."""
    file = "specs/classic/lost_update.py"
    s = Script(file, {"count": 0})
    s.step("worker[0]", 14, "seen = count", reads=["count"], locals={"seen": 0})
    s.step("worker[1]", 14, "seen = count", reads=["count"], locals={"seen": 0})
    s.step("worker[0]", 15, "count := seen + 1", writes={"count": 1})
    s.step("worker[1]", 15, "count := seen + 1", writes={"count": 1})
    final = tuple(ProcessStatus(f"worker[{i}]", "finished") for i in range(2))
    violation = Violation(Kind.FINAL, "every_increment_counts", "count == 2", file, 22)
    return s.trace("lost_update", final, parameters={"n": 2}, violation=violation)


def lockless_walk() -> Trace:
    """Catalogue row 5: counting instead of interrupts off; the IPI is answered in mid-walk."""
    file = "specs/lockless_walk/counting.py"
    ipi = "modelcheck/kernel/ipi.py"
    s = Script(
        file,
        {
            "mm.nr_walkers": 0,
            "mm.pmd": Pmd.TABLE,
            "mm.table": Page.LIVE,
            "mm.ptes": (7, 0, 0, 0),
            "page.count": 1,
            "cpu[0].ipi": 0,
            "cpu[1].ipi": 0,
            "cpu[0].irqs_on": True,
            "cpu[1].irqs_on": True,
        },
    )
    w0, w1, sp = "walker[0]", "walker[1]", "splitter"
    s.step(
        w0, 31, "atomic_inc(mm.nr_walkers)", reads=["mm.nr_walkers"], writes={"mm.nr_walkers": 1}
    )
    s.step(w0, 32, "smp_mb()")
    s.step(w0, 33, "READ_ONCE(mm.pmd)", reads=["mm.pmd"], locals={"pmd": Pmd.TABLE})
    s.step(sp, 52, "pmdp_invalidate(mm.pmd)", reads=["mm.pmd"], writes={"mm.pmd": Pmd.NONE})
    s.step(sp, 53, "smp_mb()")
    s.step(
        w1, 31, "atomic_inc(mm.nr_walkers)", reads=["mm.nr_walkers"], writes={"mm.nr_walkers": 2}
    )
    s.step(w1, 32, "smp_mb()")
    s.step(sp, 54, "atomic_read(mm.nr_walkers)", reads=["mm.nr_walkers"], locals={"running": 2})
    call = "smp_call_function_many"
    posted = {"cpu[0].ipi": 1, "cpu[1].ipi": 1}
    s.step(sp, 18, "post IPI to {0, 1}", call, file=ipi, reads=[*posted], writes=posted)
    for cpu in (0, 1):
        reads = [f"cpu[{cpu}].irqs_on", f"cpu[{cpu}].ipi"]
        s.step(f"irq[{cpu}]", 29, "do_nothing()", file=ipi, reads=reads, writes={reads[1]: 0})
    s.step(sp, 22, "until not any(ipi)", call, file=ipi, reads=[*posted], locals={"waited": True})
    s.step(w1, 33, "READ_ONCE(mm.pmd)", reads=["mm.pmd"], locals={"pmd": Pmd.NONE})
    s.step(sp, 58, "pte_free(mm.table)", writes={"mm.table": Page.FREED})
    s.step(w0, 36, "READ_ONCE(mm.ptes[0])", "walk_table", reads=["mm.ptes", "mm.table"])
    final = (
        ProcessStatus(w0, "ready", "try_get_page(page)", file, 37),
        ProcessStatus(w1, "ready", "smp_mb()", file, 40),
        ProcessStatus(sp, "finished"),
        ProcessStatus("irq[0]", "blocked", "until ipi", ipi, 28, (Read("cpu[0].ipi", 0),), True),
        ProcessStatus("irq[1]", "blocked", "until ipi", ipi, 28, (Read("cpu[1].ipi", 0),), True),
    )
    message = "walker[0] reads a pte in a page-table page that was freed"
    return s.trace(
        "counting_only",
        final,
        parameters={"walkers": 2, "flush": "broadcast"},
        violation=Violation(Kind.INVARIANT, "no_use_after_free", message, file, 71),
        token="mc1-7Qk2xV",
    )


def two_serializers() -> Trace:
    """Catalogue row 15: two splitters send an IPI with interrupts off and wait for each other."""
    file = "specs/lockless_walk/serialize.py"
    s = Script(
        file, {f"cpu[{i}].{name}": v for i in (0, 1) for name, v in (("irqs", 1), ("ipi", 0))}
    )
    for i in (0, 1):
        s.step(f"splitter[{i}]", 20, "local_irq_disable()", writes={f"cpu[{i}].irqs": 0})
    for i in (0, 1):
        s.step(f"splitter[{i}]", 21, f"post IPI to cpu[{1 - i}]", writes={f"cpu[{1 - i}].ipi": 1})
    final = tuple(
        ProcessStatus(
            f"splitter[{i}]",
            "blocked",
            f"until cpu[{1 - i}].ipi == 0",
            file,
            22,
            (Read(f"cpu[{1 - i}].ipi", 1),),
        )
        for i in (0, 1)
    )
    return s.trace("two_serializers", final, violation=Violation(Kind.DEADLOCK, "deadlock"))


def long_values(steps: int = 80, processes: int = 6) -> Trace:
    """Many steps with big values, long labels and a rendezvous now and then."""
    file = "specs/" + "very_long_directory_name/" * 4 + "a_rather_long_file_name_for_a_spec.py"
    vma = Vma(0x7F00_0000_0000, frozenset({"VM_READ", "VM_WRITE"}), tuple("abcdef"))
    queue: tuple[Any, ...] = ()
    cells = tuple(range(30))
    s = Script(file, {"mm.vma": vma, "queue": queue, "mm.cells": cells, "note": "x" * 90, "seq": 0})
    for i in range(steps):
        process = f"process[{(i * i // 3) % processes}]"
        match i % 5:
            case 0:
                vma = evolve(vma, flags=vma.flags ^ {"VM_HUGEPAGE"})
                label = "mm.vma.flags := mm.vma.flags ^ frozenset({'VM_HUGEPAGE'})"
                s.step(process, 100 + i, label, reads=["mm.vma", "seq"], writes={"mm.vma": vma})
            case 1:
                cells = (*cells[:7], cells[7] + i, *cells[8:])
                s.step(process, 100 + i, "mm.cells[7].add(i)", writes={"mm.cells": cells})
            case 2:
                queue = (*queue, ("message", i))[-6:]
                other = (f"process[{(i + 1) % processes}]",)
                s.step(process, 100 + i, "send(queue)", writes={"queue": queue}, others=other)
            case 3:
                note = {"note": "x" * 80 + str(i)}
                s.step(process, 100 + i, "note := describe()", "describe_it_all", writes=note)
            case _:
                kept = {"snapshot": cells, "seq": i}
                names = ["mm.cells", "queue", "note", "seq"]
                s.step(process, 100 + i, "atomic(compare_all_of_it)", reads=names, locals=kept)
    final = tuple(
        ProcessStatus(f"process[{i}]", "ready", "mm.cells[7].add(i)", file, 101)
        for i in range(processes)
    )
    long = (
        "the cells stay within their bounds while nobody holds the lock of the vma that owns them"
    )
    violation = Violation(Kind.ASSERTION, long, "mm.cells[7] was 1234\nexpected < 1000", file, 9)
    return s.trace("long_values", final, parameters={"n": processes}, violation=violation)


HOSTILE = (
    "<script>alert(1)</script>",
    "\"'`&amp;&#35;]]>",
    "line\nbreak\r\n\ttab",
    "\0\x07\x1b[31m\x7f\u202e\ufffe\ud800",
    "\N{PILE OF POO}\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED}\u200d漢字e\u0301",
    "--> ; # %%{init}%% \\n \\G \\N </svg> end -->> box",
    "",
)


def hostile() -> Trace:
    """Every text that a user controls is an attack on some output format."""
    names = [f"{text}{i}" for i, text in enumerate(HOSTILE)]
    s = Script("<b>&\"'.py", dict.fromkeys(names, ""))
    for i, text in enumerate(HOSTILE):
        kept = {text: text}
        s.step(text, i, text, text, reads=[names[i]], writes={names[i]: text}, locals=kept)
    final = tuple(
        ProcessStatus(t, "blocked", t, t, 1, (Read(n, t),))
        for t, n in zip(HOSTILE, names, strict=False)
    )
    violation = Violation(Kind.EXCEPTION, HOSTILE[0], "\n".join(HOSTILE), HOSTILE[1], 3)
    given = {text: text for text in HOSTILE}
    return s.trace(HOSTILE[0], final, parameters=given, violation=violation, token=HOSTILE[1])


def witness() -> Trace:
    """A witness: nothing is violated."""
    return evolve(lost_update(), violation=None)


ALL = {
    "lost_update": lost_update,
    "lockless_walk": lockless_walk,
    "two_serializers": two_serializers,
    "long_values": long_values,
    "hostile": hostile,
    "witness": witness,
    "store_buffering": store_buffering,
    "stale_load": stale_load,
}
