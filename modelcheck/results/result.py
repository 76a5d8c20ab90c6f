"""Results: what a check found out, as one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from modelcheck.errors import UsageError
from modelcheck.explore.search import Orbits, Reduction
from modelcheck.show.trace import Trace, Violation
from modelcheck.verdict import ExitCode, Expectation, Verdict

if TYPE_CHECKING:
    from modelcheck.show.execution import Evidence
    from modelcheck.show.stategraph import StateGraph


@frozen
class StepCoverage:
    """How often the steps of one `yield` were taken.

    `states` counts global states in which it could be taken, summed over processes; `taken` counts
    transitions. Both are 0 for a `yield` that never was.
    """

    file: str
    line: int
    function: str
    label: str
    states: int
    taken: int


@frozen(repr=False)
class Result:
    """The outcome of a check.

    `ok` compares `verdict` with what the model expects: ``"violated"`` alone means by an invariant,
    an assertion, a deadlock or a false final state; an exception, or a witness that is never
    reached, only where `by` says so. `expected` is None where nothing is expected with these
    parameters under this memory model: what holds is then `ok`, anything else is not.
    `depth` is the greatest distance of a state from the initial one, `levels` the number of states
    at each distance; `states` are distinct global states stored, `transitions` outcomes generated.
    `reason` tells why an incomplete search was cut. `witnesses` maps each ``sometimes`` property to
    its shortest trace, or None where there is none (yet). `trace_is_shortest` is false where there
    is no counterexample, and where the search was cut before it could tell: then one a step shorter
    may exist, of a reduced search one of any length. `reduction` says what partial-order reduction
    left out, None where it was off; a witness's trace is then not promised to be shortest. `orbits`
    says how many states the stored ones stand for, by symmetry, None where each stands for itself.
    `storage` names the visited set: ``"exact"``, or one that may miss states, and then `omission`
    is the probability that it missed any that it met. An incomplete search that was kept in a file
    can be gone on with from `checkpoint`, which has `checkpoint_bytes` on the disk. Under an
    axiomatic memory model `states` are final states, `transitions` candidate executions, and
    `evidence` has the rest.

    Printed, it tells its story; in a notebook it draws its counterexample as well.

    Examples
    --------
    >>> from modelcheck import System, at_end, check, process, state
    >>> @state
    ... class Shared:
    ...     count: int = 0
    >>> @process
    ... def increment(s):
    ...     seen = yield s.count
    ...     yield s.count.set(seen + 1)
    >>> @at_end
    ... def nothing_lost(s):
    ...     return s.count == 2
    >>> s = Shared()
    >>> result = check(System(s, [increment(s), increment(s)], [nothing_lost]))
    >>> result.verdict.value, len(result.trace), result.to_svg()[:4]
    ('violated', 4, '<svg')
    >>> result.trace.states[-1]
    {'count': 1}
    >>> [step.label for step in result.trace.steps]
    ['count', 'count', 'count := 1', 'count := 1']
    >>> print(result.to_text().splitlines()[0])
    system: violated: final nothing_lost, after 4 steps (expected: holds)
    """

    model: str
    parameters: Mapping[str, Any]
    verdict: Verdict
    expected: Verdict | None
    states: int
    transitions: int
    levels: tuple[int, ...]
    seconds: float
    memory_model: str
    engine: str
    file: str = ""
    expected_by: str = ""
    violation: Violation | None = None
    trace: Trace | None = None
    witnesses: Mapping[str, Trace | None] = field(factory=dict)
    coverage: tuple[StepCoverage, ...] = ()
    warnings: tuple[str, ...] = ()
    reason: str = ""
    trace_is_shortest: bool = False
    reduction: Reduction | None = None
    orbits: Orbits | None = None
    storage: str = "exact"
    omission: float | None = None
    checkpoint: str = ""
    checkpoint_bytes: int = 0
    evidence: Evidence | None = None

    @property
    def depth(self) -> int:
        """The greatest distance of a state from the initial one."""
        return max(len(self.levels) - 1, 0)

    @property
    def holds(self) -> bool:
        """Whether every property holds: the search was complete and found nothing."""
        return self.verdict is Verdict.HOLDS

    @property
    def ok(self) -> bool:
        """Whether the verdict is the expected one, and violated by what was expected."""
        found = self.violation
        expected = Expectation(self.expected or Verdict.HOLDS, self.expected_by)
        if found is None:
            return expected.met_by(self.verdict)
        return expected.met_by(self.verdict, found.kind, found.property)

    @property
    def exit_code(self) -> ExitCode:
        """What the command line exits with for this result alone."""
        if self.verdict is Verdict.INCOMPLETE and self.expected is not Verdict.INCOMPLETE:
            return ExitCode.INCOMPLETE
        return ExitCode.OK if self.ok else ExitCode.VIOLATED

    @property
    def token(self) -> str:
        """The replay token of the counterexample; empty where there is none."""
        return self.trace.token if self.trace is not None else ""

    def to_text(self) -> str:
        """Return the verdict, the counts and, where there is one, the counterexample in words."""
        from modelcheck.show.summary import summary_text

        return summary_text(self)

    def to_svg(self) -> str:
        """Return the picture of the counterexample. Raises `UsageError` where there is none.

        It shows the trace in lanes, or, under an axiomatic memory model, the execution as a graph.
        """
        if self.evidence is not None and self.evidence.graph is not None:
            from modelcheck.show.execution import execution_svg

            return execution_svg(self.evidence.graph)
        return self._shown_trace("draw").to_svg()

    def to_mermaid(self) -> str:
        """Return the trace as a Mermaid sequence diagram. Raises as `to_svg` does."""
        return self._shown_trace("draw").to_mermaid()

    def _shown_trace(self, what: str) -> Trace:
        if self.trace is None:
            raise UsageError(
                f"{self.model}: {self.verdict}, so there is no counterexample to {what}; "
                "a witness has a trace of its own: result.witnesses[name]"
            )
        return self.trace

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready data."""
        from modelcheck.show.jsonform import evidence_json, json_text, json_value, trace_json

        violation = self.violation
        witnesses = {k: None if v is None else len(v) for k, v in self.witnesses.items()}
        return {
            "model": json_text(self.model),
            "file": json_text(self.file),
            "parameters": {k: json_value(v) for k, v in self.parameters.items()},
            "verdict": self.verdict.value,
            "expected": self.expected.value if self.expected else None,
            "as_expected": self.ok if self.expected else None,
            "property": json_text(violation.property) if violation else None,
            "kind": violation.kind.value if violation else None,
            "message": json_text(violation.message) if violation else None,
            "reason": self.reason,
            "storage": self.storage,
            "omission": self.omission,
            "checkpoint": json_text(self.checkpoint) or None,
            "states": self.states,
            "transitions": self.transitions,
            "depth": self.depth,
            "levels": list(self.levels),
            "seconds": round(self.seconds, 6),
            "memory_model": self.memory_model,
            "engine": self.engine,
            "trace_is_shortest": self.trace_is_shortest,
            "reduction": None if self.reduction is None else asdict(self.reduction),
            "orbits": None if self.orbits is None else asdict(self.orbits),
            "trace": None if self.trace is None else trace_json(self.trace),
            "token": self.token or None,
            "witnesses": {json_text(k): v for k, v in witnesses.items()},
            "coverage": [
                {
                    "file": json_text(c.file), "line": c.line, "function": json_text(c.function),
                    "label": json_text(c.label), "states": c.states, "taken": c.taken,
                }
                for c in self.coverage
            ],
            "warnings": list(map(json_text, self.warnings)),
            **evidence_json(self.evidence),
        }  # fmt: skip

    def to_html(self, graph: StateGraph | str | None = None) -> str:
        """Return a stand-alone page about the result; see `modelcheck.show.html.page`.

        Parameters
        ----------
        graph : StateGraph or str, optional
            Its state graph, ``graph_of(model, result=result)``, to be a view of the page; a large
            one is cut. A text stands there instead.
        """
        from modelcheck.show.html import result_page

        return result_page(self, graph)

    def _repr_html_(self) -> str:
        from modelcheck.show.notebook import result_html

        return result_html(self)

    def __repr__(self) -> str:
        return f"<Result {self.model}: {self.verdict}>"

    def __str__(self) -> str:
        return self.to_text()
