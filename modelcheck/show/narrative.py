"""A trace told in words: turn by turn, who ran, what it read and changed, who was preempted where.

Plain text, for a terminal, a mail or a failed test: no markup, short sentences, numbered steps.
Neighbours: `words` cuts the trace into turns; `table` has the same as columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import TextWrapper

from attrs import frozen

from modelcheck.show import words
from modelcheck.show.buffering import Buffering, buffering, held
from modelcheck.show.text import clean, cut, same, short_place
from modelcheck.show.trace import ProcessStatus, Trace, TraceStep

WIDTH = 96
BLANK = "\N{NO-BREAK SPACE}"
LABEL = 72  # characters of a label
SOME = 6  # reads, changes or locals told of one step


def narrative(trace: Trace) -> str:
    """The story of a trace, as lines of text.

    Guarantees: deterministic; one line a step, and more where it is long; printable text only.
    """
    lines = [*opening(trace), ""]
    initial = words.values(words.touched(trace, 0))
    if initial:
        lines += [_wrapped(f"At first, {_listed(initial, 12)}."), ""]
    for number, told in enumerate(told_turns(trace), 1):
        lines.append(f"Turn {number}. {told.heading}")
        for step, sentence in zip(told.turn.steps, told.sentences, strict=True):
            lines.append(_wrapped(sentence, f"{step.index:>5}. ", " " * 7))
        lines += [_wrapped(told.leaving, " " * 7)] * bool(told.leaving)
        lines.append("")
    return "\n".join([*lines, *_ending(trace)]) + "\n"


@frozen
class Told:
    """One turn in sentences: who runs, one for each step, how the process leaves (or nothing)."""

    turn: words.Turn
    heading: str
    sentences: tuple[str, ...]
    leaving: str


def told_turns(trace: Trace) -> list[Told]:
    """The turns of a trace in sentences, not yet wrapped."""
    sources, buffers = words.writers(trace), buffering(trace)
    functions: dict[str, str] = {}
    told = []
    for turn in words.turns(trace):
        again = turn.process in functions
        heading = _heading(trace, turn, again)
        sentences = []
        for step in turn.steps:
            entered = functions.get(turn.process) != step.function
            functions[turn.process] = step.function
            told_step = _Sentence(trace, step, sources[step.index - 1], buffers[step.index - 1])
            sentences.append(told_step.text(entered and again))
            again = True
        told.append(Told(turn, heading, tuple(sentences), _leaving(trace, turn)))
    return told


def opening(trace: Trace) -> list[str]:
    """The model, and what the trace shows."""
    after = f"after {words.steps_text(len(trace))}" if len(trace) else "in the initial state"
    return [
        f"{words.title(trace)}, memory model {clean(trace.memory_model)}",
        f"{words.headline(trace)}, {after}.",
    ]


def _heading(trace: Trace, turn: words.Turn, again: bool) -> str:
    if turn.steps[0].process in trace.buffers:
        return f"{clean(turn.process)} writes to memory."
    return f"{clean(turn.process)} {'goes on' if again else 'starts'}."


@frozen
class _Sentence:
    """What a step is told from: the trace, the step, who wrote what it reads, its buffers."""

    trace: Trace
    step: TraceStep
    sources: dict[str, TraceStep]
    buffers: Buffering

    def text(self, entered: bool) -> str:
        """The step in a sentence or more; the function is told where it was `entered`."""
        step = self.step
        clauses = [self._ran(entered), *self._reads(), *_write_clause(step)]
        subject = "" if self.buffers.leaves is not None else "It "
        sentence = f"{subject}{_listed(clauses)}."
        for newer in self.buffers.newer[:SOME]:
            sentence += f" The newer {_code(newer.text)} of step {newer.store.step}"
            sentence += f" still waits in {clean(newer.lane)}."
        kept = words.kept_locals(step)
        if kept:
            sentence += f" It now has {_listed(kept, SOME)}."
        if step.others:
            moved = _listed([clean(name) for name in step.others], SOME)
            sentence += f" This moves {moved} too."
        return sentence

    def _ran(self, entered: bool) -> str:
        step, leaves = self.step, self.buffers.leaves
        if leaves is not None:
            stored = f"stored by {clean(leaves.process)} in step {leaves.store.step}"
            return f"{_code(leaves.text)}, {stored}, becomes visible"
        place = short_place(step.file, step.line)
        where = f" at {place}" * bool(place)
        where += f" in {clean(step.function)}" * bool(entered and step.function)
        if step.note and not any(read.source for read in step.reads):  # told with the read
            where += f" ({clean(step.note)})"
        return f"runs {_code(step.label)}{where}"

    def _reads(self) -> list[str]:
        pairs, told = words.plain_reads(self.step), []
        elsewhere = words.not_memory(self.trace, self.step)
        for (name, _), text in zip(pairs, words.values(pairs), strict=True):
            about = [elsewhere[name]] if name in elsewhere else []
            source = self.sources.get(name)
            if source is not None and source.process != self.step.process:
                about.append(f"from {clean(source.process)}, step {source.index}")
            elif source is not None and about:
                about.append(f"step {source.index}")
            told.append(text + f" ({', '.join(about)})" * bool(about))
        return [f"reads {_listed(told, SOME)}"] if told else []


def _code(label: str) -> str:
    return f"`{cut(clean(label), LABEL)}`"


def _write_clause(step: TraceStep) -> list[str]:
    shown = [c for change in step.writes for c in words.shown_changes(change)]
    changed = [f"{c.name}: {c.value}" if c.sort else c.name for c in shown if c.sort != "stays"]
    kept = [f"{c.name} = {c.new}" for c in shown if c.sort == "stays"]
    clauses = [f"changes {_listed(changed, SOME)}"] if changed else []
    return [*clauses, f"writes {_listed(kept, SOME)} again"] if kept else clauses


def _leaving(trace: Trace, turn: words.Turn) -> str:
    """What the process of a turn is about to do when another one takes over; empty at the end."""
    last = turn.steps[-1]
    if last is trace.steps[-1]:
        return ""
    if last.process in trace.buffers:
        left = [one.text for one in held(trace, last.index) if one.lane == turn.process]
        return f"{clean(turn.process)} still holds {_listed(left)}." if left else ""
    name = clean(turn.process)
    if turn.next is None:
        status = next((s for s in trace.final if s.process == turn.process), None)
        return _stopping(name, status) if status else ""
    place = short_place(turn.next.file, turn.next.line)
    about = f"about to run {_code(turn.next.label)}" + f" ({place})" * bool(place)
    moved = _moved_meanwhile(trace, last, turn.next)
    if not moved:
        return f"{name} is preempted, {about}."
    # It may have had to wait for this change, so it is not told to have been preempted.
    change = "changes" if len(moved) == 1 else "change"
    return f"{name} stops here, {about}. Before it does, {_listed(moved, SOME)} {change}."


def _moved_meanwhile(trace: Trace, last: TraceStep, following: TraceStep) -> list[str]:
    """What `following` reads or overwrites and others changed since `last`, its predecessor."""
    then = trace.states[last.index]
    found = [(read.name, read.value) for read in following.reads if not read.source]
    found += [(change.name, change.old) for change in following.writes]
    moved = [clean(n) for n, value in found if n in then and not same(then[n], value)]
    return list(dict.fromkeys(moved))


def _stopping(name: str, status: ProcessStatus) -> str:
    if status.status == "finished":
        return f"{name} has finished."
    about = words.pending(status, quote="`")
    return f"{name} takes no further step" + f"; it stands at {about}" * bool(about) + "."


def ending(trace: Trace) -> list[str]:
    """Where each process stands at the end, in a sentence each."""
    return [_standing(status) for status in trace.final if _is_told(trace, status)]


def _ending(trace: Trace) -> Iterable[str]:
    yield f"{words.headline(trace)}."
    for line in words.details(trace.violation):
        yield _wrapped(line, "  ")
    yield ""
    if trace.final:
        yield "Where each process stands:"
    for status in trace.final:
        if not _is_told(trace, status):
            continue
        yield _wrapped(_standing(status), "  ", "    ")
    for one in held(trace, len(trace)):
        yield _wrapped(f"{one.where}.", "  ", "    ")
    changed = words.values(words.moved_values(trace))
    if changed:
        yield _wrapped(f"In memory, {_listed(changed, 12)}.")
    if trace.token:
        yield f"Replay token: {clean(trace.token)}"


def _is_told(trace: Trace, status: ProcessStatus) -> bool:
    """Whether a process stands anywhere: of a store buffer what it holds is told."""
    return status.process not in trace.buffers


def _standing(status: ProcessStatus) -> str:
    name, about = clean(status.process), words.pending(status, quote="`")
    seen = words.values([(read.name, read.value) for read in status.reads])
    sees = f", because {_listed(seen, SOME)}" if seen else ""
    match status.status:
        case "finished":
            return f"{name} has finished."
        case "empty":
            return f"{name}: empty."
        case "blocked" if status.daemon:
            return f"{name} waits at {about or 'its next step'}{sees}; as a daemon it may."
        case "blocked":
            return f"{name} is blocked at {about or 'its next step'}{sees}."
        case "failed":
            return f"{name} has failed" + f" at {about}" * bool(about) + "."
        case "ready":
            return f"{name} is about to run {about or 'its next step'}."
        case _:
            return f"{name}: {clean(status.status)}" + f", at {about}" * bool(about) + "."


def _listed(texts: list[str], most: int = SOME) -> str:
    """``a``, ``a and b``, ``a, b and c``, ``a, b and 7 more``."""
    if len(texts) > most:
        texts = [*texts[: most - 1], f"{len(texts) - most + 1} more"]
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    """The text on lines of `WIDTH`, none of which ends at ``=`` or an arrow."""
    for sign in ("=", "→"):
        text = text.replace(f" {sign} ", f"{BLANK}{sign}{BLANK}")
    wrapper = TextWrapper(WIDTH, first, rest or first, break_on_hyphens=False)
    return wrapper.fill(text).replace(BLANK, " ")
