"""Hypothesis strategies for values and traces that no sane model has."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

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

from .samples import HOSTILE, Page, Vma

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=12),
)

_hashable = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.binary(max_size=6),
    st.sampled_from([Page.LIVE, ABSENT, Vma(1, frozenset("a"), ("b",))]),
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_hashable, inner, max_size=3),
        st.frozensets(_hashable, max_size=4),
    )


values = st.recursive(_hashable, _containers, max_leaves=12)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """A trace of up to four steps in which every text and value is arbitrary."""
    processes = tuple(draw(st.lists(texts, min_size=1, max_size=3, unique=True)))
    names = draw(st.lists(texts, min_size=1, max_size=3, unique=True))
    states = [{name: draw(values) for name in names}]
    steps = []
    for index in range(1, draw(st.integers(0, 4)) + 1):
        written = {name: draw(values) for name in names if draw(st.booleans())}
        step = TraceStep(
            index=index,
            process=draw(st.sampled_from(processes)),
            label=draw(texts),
            function=draw(texts),
            file=draw(texts),
            line=index,
            reads=tuple(Read(name, states[-1][name]) for name in names if draw(st.booleans())),
            writes=tuple(Change(n, states[-1][n], new) for n, new in written.items()),
            locals=tuple(Change(draw(texts), draw(values), draw(values)) for _ in range(2)),
            others=tuple(draw(st.lists(st.sampled_from(processes), max_size=2))),
        )
        steps.append(step)
        states.append({**states[-1], **written})
    kinds = ["finished", "ready", "blocked", "failed", "not started"]
    final = tuple(
        ProcessStatus(
            process,
            draw(st.sampled_from(kinds)),
            draw(texts),
            draw(texts),
            1,
            daemon=draw(st.booleans()),
        )
        for process in processes
    )
    violation = draw(
        st.none() | st.builds(Violation, st.sampled_from(list(Kind)), texts, texts, texts)
    )
    given = draw(st.dictionaries(texts, values, max_size=2))
    return Trace(
        model=draw(texts),
        parameters=given,
        memory_model="sc",
        processes=processes,
        states=tuple(states),
        steps=tuple(steps),
        final=final,
        violation=violation,
        token=draw(texts),
    )
