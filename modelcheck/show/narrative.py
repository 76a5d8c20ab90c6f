"""A trace told in words: turn by turn, who ran, what it read and changed, who was preempted where.

Plain text, for a terminal, a mail or a failed test: no markup, short sentences, numbered steps.
Neighbours: `words` cuts the trace into turns; `table` has the same as columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import TextWrapper

from attrs import frozen

from modelcheck.show import words
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
    sources = words.writers(trace)
    functions: dict[str, str] = {}
    told = []
    for turn in words.turns(trace):
        again = turn.process in functions
        heading = f"{clean(turn.process)} {'goes on' if again else 'starts'}."
        sentences = []
        for step in turn.steps:
            entered = functions.get(turn.process) != step.function
            functions[turn.process] = step.function
            sentences.append(_step(step, sources[step.index - 1], entered and again))
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


def _step(step: TraceStep, sources: dict[str, TraceStep], entered: bool) -> str:
    place = short_place(step.file, step.line)
    where = f" at {place}" * bool(place)
    where += f" in {clean(step.function)}" * bool(entered and step.function)
    where += f" ({clean(step.note)})" * bool(step.note)
    ran = f"runs {_code(step.label)}{where}"
    sentence = f"It {_listed([ran, *_read_clause(step, sources), *_write_clause(step)])}."
    kept = words.kept_locals(step)
    if kept:
        sentence += f" It now has {_listed(kept, SOME)}."
    if step.others:
        moved = _listed([clean(name) for name in step.others], SOME)
        sentence += f" This moves {moved} too."
    return sentence


def _code(label: str) -> str:
    return f"`{cut(clean(label), LABEL)}`"


def _read_clause(step: TraceStep, sources: dict[str, TraceStep]) -> list[str]:
    pairs, told = words.plain_reads(step), []
    for (name, _), text in zip(pairs, words.values(pairs), strict=True):
        source = sources.get(name)
        if source is not None and source.process != step.process:
            text += f" (from {clean(source.process)}, step {source.index})"
        told.append(text)
    return [f"reads {_listed(told, SOME)}"] if told else []


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
    found = [(read.name, read.value) for read in following.reads]
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
    return [_standing(status) for status in trace.final]


def _ending(trace: Trace) -> Iterable[str]:
    yield f"{words.headline(trace)}."
    for line in words.details(trace.violation):
        yield _wrapped(line, "  ")
    yield ""
    yield "Where each process stands:"
    for status in trace.final:
        yield _wrapped(_standing(status), "  ", "    ")
    changed = words.values(words.moved_values(trace))
    if changed:
        yield _wrapped(f"In memory, {_listed(changed, 12)}.")
    if trace.token:
        yield f"Replay token: {clean(trace.token)}"


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
