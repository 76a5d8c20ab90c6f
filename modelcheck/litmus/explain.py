"""Why a model forbids an outcome, in words and as a graph: the axiom, and the cycle that breaks it.

A cycle of a model's relation is taken apart into steps of program order and communication, which
are what a reader can see in the test.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from modelcheck.axiomatic.constraints import Constraint
from modelcheck.axiomatic.execution import Event, Execution, Skeleton
from modelcheck.axiomatic.relations import Relation, union
from modelcheck.show.execution import EventEdge, EventGraph, EventNode

KINDS = {
    "acyclic": "has a cycle",
    "irreflexive": "relates an event to itself",
    "empty": "is not empty",
}
SHOWN_TAGS_HIDDEN = {"IW", "RMW", "X"}


@frozen
class Step:
    """A pair of the relation that must not be: its name there, and the visible steps it takes."""

    source: int
    target: int
    relation: str
    through: tuple[tuple[int, str, int], ...]


@frozen
class Explanation:
    """The axiom that forbids an execution, and the steps that break it."""

    axiom: str
    kind: str
    steps: tuple[Step, ...]


def event_text(event: Event) -> str:
    """Return an event in a few signs.

    Examples
    --------
    >>> event_text(Event("W", "x", 1, frozenset({"once"})))
    'W[once] x=1'
    """
    tags = ",".join(sorted(event.tags - SHOWN_TAGS_HIDDEN))
    if event.kind == "F":
        return f"F[{tags}]" + (f" {event.loc}" if event.loc else "")
    if tags in ("LKR", "LKW", "UL", "LF", "RU"):
        return f"{tags} {event.loc}"
    return f"{event.kind}{f'[{tags}]' if tags else ''} {event.loc}={event.value}"


def explain(execution: Execution, broken: Constraint) -> Explanation:
    """Return why the axiom does not hold."""
    events = broken.witness()
    if broken.kind == "empty":
        pairs = [(events[0], events[-1])]
    else:
        pairs = list(zip(events, events[1:] + events[:1], strict=True))
    steps = tuple(_step(execution, broken, a, b) for a, b in pairs)
    return Explanation(broken.name, broken.kind, steps)


def _step(execution: Execution, broken: Constraint, a: int, b: int) -> Step:
    names = [name for name, relation in broken.parts.items() if (a, b) in relation]
    through = tuple(_visible(execution, a, b, broken.parts.get("rcu_order")))
    return Step(a, b, names[0] if names else broken.name, through)


def _visible(
    execution: Execution, a: int, b: int, rcu_order: Relation | None
) -> list[tuple[int, str, int]]:
    """Return a shortest way from `a` to `b` along program order and communication.

    The order that grace periods impose can lead back in program order, from the end of a critical
    section to its beginning; it is a step of its own where nothing else leads there.
    """
    named = _primitives(execution)
    path = _union(execution, named).path(a, b)
    if path is None and rcu_order is not None:
        named["rcu-order"] = rcu_order
        path = _union(execution, named).path(a, b)
    if path is None:
        return [(a, "?", b)]
    return [
        (x, next(name for name, relation in named.items() if (x, y) in relation), y)
        for x, y in zip(path, path[1:], strict=False)
    ]


def _union(execution: Execution, named: dict[str, Relation]) -> Relation:
    return union([execution.skeleton.empty(), *named.values()])


def _primitives(execution: Execution) -> dict[str, Relation]:
    s = execution.skeleton
    return {
        "rf": execution.rf, "co": execution.co, "fr": execution.fr, "rmw": s.rmw,
        "addr": s.addr, "data": s.data, "ctrl": s.ctrl, "po": s.po,
    }  # fmt: skip


def explanation_text(
    execution: Execution, explanation: Explanation, names: Sequence[str] = ()
) -> str:
    """Return the explanation in lines: the axiom, then each step of the cycle.

    `names` are the threads'; P0, P1, ... where there are none.
    """
    s = execution.skeleton
    what = KINDS[explanation.kind]
    lines = [f"forbidden by {explanation.axiom}, which {what}:"]
    for step in explanation.steps:
        through = " ; ".join(name for _, name, _ in step.through)
        shown = step.relation if step.relation == through else f"{step.relation} ({through})"
        source, target = (_place(s, end, names) for end in (step.source, step.target))
        lines.append(f"  {source}  --{shown}-->  {target}")
    return "\n".join(lines)


def _place(s: Skeleton, number: int, names: Sequence[str]) -> str:
    event = s.events[number]
    if event.proc is None:
        return f"initially {event.loc}={event.value}"
    who = names[event.proc] if names else f"P{event.proc}"
    return f"{who} {event_text(event)} (line {event.line})"


def graph(
    title: str, execution: Execution, explanation: Explanation | None, note: str = ""
) -> EventGraph:
    """Return an execution as a graph to draw, its forbidding cycle marked."""
    s = execution.skeleton
    marked = {edge for step in explanation.steps for edge in step.through} if explanation else set()
    on_cycle = {end for a, _, b in marked for end in (a, b)}
    edges = dict.fromkeys(_drawn(execution), False)
    edges.update(dict.fromkeys(marked, True))
    used = {end for a, _, b in edges for end in (a, b)}
    nodes = [
        EventNode(i, event.proc, event_text(event), i in on_cycle)
        for i, event in enumerate(s.events)
        if event.proc is not None or i in used
    ]
    return EventGraph(
        title,
        tuple(nodes),
        tuple(EventEdge(a, b, n, bad) for (a, n, b), bad in edges.items()),
        note,
    )


def _drawn(execution: Execution) -> list[tuple[int, str, int]]:
    """Return what pictures show: next in po and co, rf, fr to the next write, dependencies."""
    s = execution.skeleton
    po = s.po - (s.po >> s.po)
    co = execution.co - (execution.co >> execution.co)
    fr = execution.rf.inverse() >> co
    shown = {"po": po, "rf": execution.rf, "co": co, "fr": fr, "rmw": s.rmw}
    shown |= {"addr": s.addr, "data": s.data, "ctrl": s.ctrl - (s.ctrl >> s.po)}
    initial = (1 << len(s.events)) - 1 & s.IW
    edges = []
    for name, relation in shown.items():
        for a, b in relation.pairs():
            if name == "co" and initial >> a & 1:
                continue  # every write comes after the initial one
            edges.append((a, name, b))
    return edges


__all__ = ["Explanation", "Step", "event_text", "explain", "explanation_text", "graph"]
