"""Results: verdict against expectation, exit codes, and the JSON that scripts read."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from commandline import CLASSIC, FAILS_AT_ONCE, models

from modelcheck import System, always, process, state
from modelcheck.check import check, simulate
from modelcheck.errors import FailsAtStart, UsageError
from modelcheck.loading import find, load
from modelcheck.postponed import explain_reduction
from modelcheck.results.exploring import Explorer
from modelcheck.results.result import Result
from modelcheck.show.trace import Trace, Violation
from modelcheck.verdict import ExitCode, Kind, Verdict

FIXED = {
    "model", "parameters", "verdict", "expected", "property", "kind", "states", "transitions",
    "depth", "seconds", "memory_model", "engine", "trace", "token",
}  # fmt: skip
STEP = {"process", "label", "file", "line", "reads", "writes"}
MODELS = {model.name: model for model in load(CLASSIC)}


def result(verdict: str, expected: str, by: str = "", reason: str = "") -> Result:
    """A result with nothing else in it; a violated one violates the invariant `safe`."""
    violated = Violation(Kind.INVARIANT, "safe") if verdict == "violated" else None
    return Result(
        "m", {}, Verdict(verdict), Verdict(expected), 1, 0, (1,), 0.0, "sc", "reference",
        expected_by=by, violation=violated, reason=reason,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "expected", "by", "code"),
    [
        ("holds", "holds", "", 0),
        ("violated", "violated", "", 0),
        ("violated", "violated", "safe", 0),
        ("violated", "violated", "invariant", 0),
        ("incomplete", "incomplete", "", 0),
        ("violated", "holds", "", 1),
        ("holds", "violated", "", 1),
        ("violated", "violated", "deadlock", 1),
        ("holds", "incomplete", "", 1),
        ("incomplete", "holds", "", 3),
        ("incomplete", "violated", "safe", 3),
    ],
)
def test_an_exit_code_compares_verdict_and_expectation(verdict, expected, by, code):
    """Zero only where all is as expected, and a search that was cut is never a pass."""
    found = result(verdict, expected, by)
    assert found.exit_code == code
    assert found.ok == (found.exit_code is ExitCode.OK)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_json_has_its_fixed_fields(name):
    """Every result can be written as JSON and read back, with the fields that scripts rely on."""
    found = check(MODELS[name])
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(read) >= FIXED
    assert read["verdict"] == found.verdict.value
    assert read["depth"] == len(read["levels"]) - 1
    assert (read["trace"] is None) == (read["token"] is None) == found.holds
    for step in read["trace"] or []:
        assert set(step) >= STEP
        assert step["file"] == MODELS[name].file


def test_a_violated_initial_state_has_a_trace_and_a_token(tmp_path):
    """A counterexample without a step is one all the same."""
    body = """
    @model
    def at_once():
        s = S(x=5)
        return System(s, [adder(s)], [small])
    """
    [model] = find(str(models(tmp_path / "m.py", body)))
    found = check(model)
    assert found.token
    assert found.to_dict()["trace"] == []
    assert found.to_dict()["token"] == found.token


def test_a_process_that_fails_before_its_first_step_has_a_trace_but_no_token(tmp_path):
    """There is nothing to replay, since there is no first state."""
    [model] = find(str(models(tmp_path / "m.py", FAILS_AT_ONCE)))
    found = check(model)
    assert (found.verdict, found.violation.kind) == (Verdict.VIOLATED, Kind.ASSERTION)
    assert found.to_dict()["trace"] == []
    assert found.to_dict()["token"] is None


@pytest.mark.parametrize("look", [explain_reduction, lambda model: Explorer(model, {}).view(())])
def test_what_needs_a_first_state_refuses_a_process_that_fails_before_it(tmp_path, look):
    """The refusal names the user's line; `check` tells the failure as a violation."""
    [model] = find(str(models(tmp_path / "m.py", FAILS_AT_ONCE)))
    with pytest.raises(FailsAtStart, match="before its first step: at once") as refused:
        look(model)
    assert refused.value.file.endswith("m.py")


def test_an_unreachable_witness_has_no_trace():
    """What cannot be shown has neither trace nor token, and its JSON says so."""
    found = result("violated", "holds").to_dict()
    assert (found["trace"], found["token"]) == (None, None)
    assert (found["property"], found["kind"]) == ("safe", "invariant")


def test_words_that_are_no_unicode_become_json():
    """Lone surrogates in names, messages and warnings are escaped: UTF-8 has no room for them."""
    bad = "a\ud800"
    violation = Violation(Kind.ASSERTION, bad, bad)
    trace = Trace(bad, {bad: bad}, "sc", (), ({},), (), (), violation)
    found = Result(
        bad, {"p": bad}, Verdict.VIOLATED, Verdict.HOLDS, 1, 0, (1,), 0.0, "sc", "reference",
        file=bad, violation=violation, trace=trace, warnings=(bad,), witnesses={bad: None},
    )  # fmt: skip
    text = json.dumps(found.to_dict(), ensure_ascii=False)
    assert "a\\\\ud800" in text
    text.encode("utf-8")


def test_a_walk_never_holds():
    """A random walk that finds nothing is incomplete, and says how far it went."""
    found = simulate(MODELS["peterson"], seed=3, steps=20)
    assert (found.verdict, found.exit_code, found.transitions) == ("incomplete", 3, 20)
    assert found.to_dict()["trace"] is not None


def test_a_result_as_text_has_verdict_counts_and_story():
    """`print(check(model))` is enough to see what happened, token included."""
    text = str(check(MODELS["lost_update"]))
    assert text.startswith("lost_update(n=2): violated: final all_counted, after 4 steps")
    assert "12 states" in text
    assert "Replay token: mc1." in text


def test_a_result_renders_its_trace():
    """SVG, Mermaid and text are those of its trace; a notebook gets the verdict and the picture."""
    found = check(MODELS["lost_update"])
    trace = found.trace
    assert found.to_svg() == trace.to_svg() == trace._repr_svg_()
    assert found.to_mermaid() == trace.to_mermaid()
    assert found.to_text() == str(found)
    assert trace.to_text() == str(trace)
    assert trace.to_table().startswith("lost_update(n=2) - 4 steps")
    assert trace.to_list() == found.to_dict()["trace"]
    page = found._repr_html_()
    assert page.startswith("<pre style='white-space:pre-wrap'>lost_update(n=2): violated")
    assert found.to_svg() in page


def test_a_result_without_a_trace_says_so():
    """What holds has nothing to draw; its page in a notebook is its text, escaped."""
    found = check(MODELS["peterson"])
    for render in (found.to_svg, found.to_mermaid):
        with pytest.raises(UsageError, match="peterson: holds, so there is no counterexample"):
            render()
    page = found._repr_html_()
    assert page.startswith(f"<pre style='white-space:pre-wrap'>{found}</pre>\n<details>")
    assert found.witnesses
    assert all(trace.to_svg().startswith("<svg") for trace in found.witnesses.values())
    hostile = evolve(found, reason="<b>&")
    assert "&lt;b&gt;&amp;" in hostile._repr_html_()
    assert "<b>" not in hostile._repr_html_()


def test_a_trace_tells_no_names_as_variables(tmp_path):
    """A part that a function was handed, and a function, come and go with calls: they hold no data.

    What a process has got from a step, or chose, is told, also where it is a part of the state.
    """
    body = """
    @state
    class Lock:
        taken: bool = False

        def lock(self):
            def condition():
                return not self.taken
            yield until(condition)
            mine = self
            yield self.taken.set(True)
            return mine

    @state
    class Two:
        one: Lock = Lock()

    @process
    def user(s, lock):
        held = yield from lock.lock()
        seen = yield held.taken
        yield held.taken.set(not seen)

    @at_end
    def never(s):
        return False

    @model
    def m():
        s = Two()
        return System(s, [user(s, s.one)], [never])
    """
    [model] = find(str(models(tmp_path / "m.py", body)))
    told = [(c.name, str(c.new)) for step in check(model).trace.steps for c in step.locals]
    assert not {name for name, _ in told} & {"self", "s", "lock", "condition"}
    assert [name for name, _ in told] == ["mine", "held", "mine", "held"]


def test_a_witness_that_is_missing_was_not_found_so_far():
    """Where a violation or a budget ended the search, it may exist all the same."""
    cut = check(MODELS["peterson"], max_states=2)
    assert "none found so far" in str(cut)


@state
class Counter:
    n: int = 0


@process
def counts(s):
    yield s.n.add(1)


@process
def fails_at_once(s):
    raise ValueError("before the first step")
    yield s.n


@always
def counted(s):
    return s.n > 0


@pytest.mark.parametrize(
    "how",
    [{}, {"engine": "native"}, {"reduction": True, "trace": "first"}, {"bitstate": True}],
)
@pytest.mark.parametrize(("body", "kind"), [(counts, "invariant"), (fails_at_once, "exception")])
def test_nothing_is_shorter_than_no_step(body, kind, how):
    """What is wrong in the initial state has a shortest trace, whatever search found it."""
    s = Counter()
    found = check(System(s, [body(s)], [counted]), **how)
    assert (found.violation.kind.value, len(found.trace)) == (kind, 0)
    assert (found.trace_is_shortest, found.warnings) == (True, ())
