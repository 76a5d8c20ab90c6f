"""A trace as a Mermaid sequence diagram, for what draws Mermaid: code hosts, wikis, notebooks.

Participants have ids of our own (``p0``, ``memory``) and the user's names only as escaped labels:
Mermaid has no quoting, so whatever may mean something to it is written as an entity code.
Neighbours: `lanes` draws the same picture better and needs no Mermaid.
"""

from __future__ import annotations

from modelcheck.show import words
from modelcheck.show.buffering import Buffering, buffering, held, remarks
from modelcheck.show.layout import sides
from modelcheck.show.text import clean, cut, short_place
from modelcheck.show.trace import Trace, TraceStep

LABEL = 60
SOME = 4  # reads and changes told of one step
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,_()[]=+*/!?→…")


def mermaid(trace: Trace) -> str:
    """The text of a ``sequenceDiagram``.

    A solid arrow from a process to ``memory`` is a step that changes it, a dotted one back is a
    step that only reads, an arrow to itself touches nothing shared. A store buffer is a participant
    of its own, between the process that stores and memory.
    """
    left, right = sides(trace)
    ids = {name: f"p{i}" for i, name in enumerate([*left, *right])}
    lines = ["sequenceDiagram", "    autonumber"]
    people = [f"    participant {id} as {escaped(name) or '#160;'}" for name, id in ids.items()]
    here = len(left)
    lines += [*people[:here], "    participant memory as shared memory", *people[here:]]
    initial = words.values(words.touched(trace, 0))
    if initial:
        lines.append(f"    Note over memory: initially<br/>{_broken(initial, 8)}")
    for step, buffers in zip(trace.steps, buffering(trace), strict=True):
        lines += _step(trace, step, buffers, ids)
    return "\n".join([*lines, *_ending(trace, ids)]) + "\n"


def escaped(text: str, limit: int = LABEL) -> str:
    """`text` as Mermaid shows it literally: all but letters, digits and harmless marks as codes.

    Examples
    --------
    >>> escaped("<b> #1; end")
    '#60;b#62; #35;1#59; #101;nd'
    """
    shown = cut(clean(text), limit)
    coded = "".join(c if c in _SAFE else f"#{ord(c)};" for c in shown)
    # `end` closes a block, wherever Mermaid finds the word.
    return coded.replace("end", "#101;nd").replace("End", "#69;nd").replace("END", "#69;ND")


def _step(trace: Trace, step: TraceStep, buffers: Buffering, ids: dict[str, str]) -> list[str]:
    me = ids[trace.buffers.get(step.process, step.process)]
    reads = words.told_reads(trace, step)
    shown = [c for change in step.writes for c in words.shown_changes(change)]
    writes = [f"{c.name}: {c.value}" if c.sort else c.name for c in shown]
    place = short_place(step.file, step.line)
    label = escaped(step.label) or "#160;"
    text = f"{label}<br/>{escaped(place)}" if place else label
    if buffers.puts:
        stores = [one.text for one in buffers.puts]
        lines = [f"    {me}->>{ids[buffers.puts[0].lane]}: {text}<br/>{_broken(stores, SOME)}"]
    elif writes:
        lines = [f"    {me}->>memory: {text}<br/>{_broken([*reads, *writes], 2 * SOME)}"]
    elif reads:
        source = ids[buffers.own[0].lane] if buffers.own else "memory"
        lines = [f"    {source}-->>{me}: {text}<br/>{_broken(reads, SOME)}"]
    else:
        lines = [f"    {me}->>{me}: {text}"]
    lines += [f"    Note over {me}: {escaped(said, 90)}" for said in remarks(buffers)]
    kept = words.kept_locals(step)
    if kept:
        lines.append(f"    Note over {me}: {_broken(kept, SOME)}")
    others = [f"    Note over {ids[name]}: moves too" for name in step.others if name in ids]
    return [*lines, *others]


def _ending(trace: Trace, ids: dict[str, str]) -> list[str]:
    first, last = (list(ids.values()) or ["memory"])[0], (list(ids.values()) or ["memory"])[-1]
    over = first if first == last else f"{first},{last}"
    told = [words.headline(trace), *words.details(trace.violation)]
    lines = [f"    Note over {over}: {_broken(told, 8)}"]
    for one in held(trace, len(trace)):
        lines.append(f"    Note over {ids[one.lane]}: still waits<br/>{escaped(one.text)}")
    for status in trace.final:
        if status.process in ids:
            seen = words.values([(read.name, read.value) for read in status.reads])
            stands = [words.standing(status), *filter(None, [words.pending(status)]), *seen]
            lines.append(f"    Note over {ids[status.process]}: {_broken(stands, 6)}")
    return lines


def _broken(texts: list[str], most: int) -> str:
    """The texts, escaped, each on a line of its own."""
    more = len(texts) - most
    shown = texts if more <= 0 else [*texts[: most - 1], f"… {more + 1} more"]
    return "<br/>".join(escaped(text, 90) or "#160;" for text in shown)
