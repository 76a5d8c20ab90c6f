"""A trace: the steps from the initial state to a violation, or to any other, as plain data.

Everything that renders (terminal, narrative, lanes, state graph, JSON, Mermaid) reads these objects
and nothing else; nobody here knows of generators, tables or searches. Values are the user's own
plain values, as the model holds them; a renderer shows them through
`modelcheck.show.text.show_value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from attrs import field, frozen

from modelcheck.verdict import Kind


@frozen
class Read:
    """One location that a step read: its name (``mm.pmd``, ``level[2]``) and the value seen.

    `source` is where the value came from: memory (empty), the CPU's own store ``"buffer"``, or
    ``"stale"``: memory as it was before the last store that became visible.
    """

    name: str
    value: Any
    source: str = ""


@frozen
class Waiting:
    """A store in a buffer: to which location, the value, and the step that stored it."""

    name: str
    value: Any
    step: int


@frozen
class Change:
    """One location or local variable that a step changed, old and new.

    For a local variable that did not exist before (or is no longer of use after), `old` (or `new`)
    is `ABSENT`.
    """

    name: str
    old: Any
    new: Any


class _Absent:
    """The value of a local variable that is not there."""

    def __repr__(self) -> str:
        return "-"


ABSENT = _Absent()


@frozen
class TraceStep:
    """One atomic step of one process.

    `writes` holds every location written, also where old and new are the same; `locals` only the
    local variables that changed. `others` names the processes that this step moved besides its own
    (the receiver of a rendezvous, a spawned process).
    """

    index: int  # 1 for the first step
    process: str  # "walker[0]"
    label: str  # "atomic_inc(mm.nr_walkers)", "level[0] := 1", "until mm.count == 0"
    function: str  # the generator function whose yield this is ("smp_call_function_many")
    file: str
    line: int
    reads: tuple[Read, ...] = ()
    writes: tuple[Change, ...] = ()
    locals: tuple[Change, ...] = ()
    result: Any = None  # what the step sent back into the process
    others: tuple[str, ...] = ()
    note: str = ""  # what else there is to say: where a loaded value came from


@frozen
class ProcessStatus:
    """Where a process stands at the end of a trace, and, if it cannot step, why.

    `status` is "finished", "ready", "blocked", "failed" or "not started"; that of a store buffer
    "ready", "blocked" or "empty". `label`, `file` and
    `line` are those of its pending step (empty and 0 where it has none); `reads` are the values
    that block it.
    """

    process: str
    status: str
    label: str = ""
    file: str = ""
    line: int = 0
    reads: tuple[Read, ...] = ()
    daemon: bool = False


@frozen
class Violation:
    """What was violated and where: the kind; the property, "deadlock" or the assertion's text."""

    kind: Kind
    property: str
    message: str = ""
    file: str = ""
    line: int = 0


@frozen
class Property:
    """One property of the model: its name, kind (``"always"``...), place, and what it says."""

    name: str
    kind: str
    file: str = ""
    line: int = 0
    summary: str = ""


@frozen
class Moment:
    """One state of a trace seen from within: where each process is and what the properties say.

    `standing` and `locals` (the local variables by process) are of the same processes. `answers`
    maps a property's name to whether it holds; one that is not asked in this state, as an
    ``at_end`` before the end, is not in it.
    """

    standing: tuple[ProcessStatus, ...]
    locals: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, bool]


@frozen
class Trace:
    """A path from the initial state.

    `states[i]` is the whole shared state after step *i* (so ``states[0]`` is the initial one, and
    there is one more state than steps): a mapping from location name to plain value, in the order
    of declaration. `violation` is None where nothing is violated; `shows` then says what it is: a
    ``"witness"``, a ``"random walk"``, or a ``"path"`` that somebody asked for. `moments` has one
    for each state, or is empty where nobody looked; two traces are equal whatever it holds, since a
    replay, which asks every property in every state, may keep a variable that the search could
    forget. `buffers` maps the names of those processes that are store buffers to what pictures call
    their lane (``"cpu[0]'s store buffer"``; several may share one), and `waiting` tells for each
    state what each of them holds, oldest first. In a notebook it draws itself.
    """

    model: str
    parameters: Mapping[str, Any]
    memory_model: str
    processes: tuple[str, ...]
    states: tuple[Mapping[str, Any], ...]
    steps: tuple[TraceStep, ...]
    final: tuple[ProcessStatus, ...]
    violation: Violation | None
    token: str = ""
    shows: str = field(default="witness", eq=False)  # how it came about, not what happens in it
    properties: tuple[Property, ...] = ()
    moments: tuple[Moment, ...] = field(default=(), eq=False, repr=False)
    buffers: Mapping[str, str] = field(factory=dict)
    waiting: tuple[Mapping[str, tuple[Waiting, ...]], ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def switches(self) -> int:
        """How often another process goes on than the one that stepped before."""
        who = [step.process for step in self.steps]
        return sum(one != other for one, other in pairwise(who))

    def to_html(self) -> str:
        """Return a stand-alone page about the trace; see `modelcheck.show.html.page`."""
        from modelcheck.show.html import trace_page

        return trace_page(self)

    def _repr_html_(self) -> str:
        from modelcheck.show.notebook import trace_html

        return trace_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """A notebook's line of text: `repr` has everything, a line for each step and more."""
        printer.text(f"<Trace {self.model}: {len(self)} step{'s' * (len(self) != 1)}>")

    def __str__(self) -> str:
        return self.to_text()

    def to_text(self) -> str:
        """Return the trace told in words, as lines of text."""
        from modelcheck.show.narrative import narrative

        return narrative(self)

    def to_table(self) -> str:
        """Return the trace as a table of plain text, a line or more for each step."""
        from modelcheck.show.table import table_text

        return table_text(self)

    def to_svg(self) -> str:
        """Return the lanes picture: the text of an SVG document that needs nothing else."""
        from modelcheck.show.lanes import lanes_svg

        return lanes_svg(self)

    def to_mermaid(self) -> str:
        """Return the text of a Mermaid sequence diagram, for wikis and code hosts."""
        from modelcheck.show.mermaid import mermaid

        return mermaid(self)

    def to_list(self) -> list[dict[str, Any]]:
        """Return an object for each step, ready for ``json.dumps``."""
        from modelcheck.show.jsonform import trace_json

        return trace_json(self)

    def _repr_svg_(self) -> str:
        return self.to_svg()
