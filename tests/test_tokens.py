"""Replay tokens: each shows its own trace again and no other, whatever was done to it."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import suppress

import pytest
from attrs import evolve
from commandline import ROOT, counting_to, models
from hypothesis import given
from hypothesis import strategies as st

from modelcheck import System, model, process, spawn, state
from modelcheck.check import check, replay, simulate
from modelcheck.errors import ModelcheckError, UsageError
from modelcheck.loading import find, load
from modelcheck.results.tokens import PREFIX, Token, decode
from modelcheck.show.jsonform import trace_json
from modelcheck.show.narrative import narrative
from modelcheck.verdict import Kind

ALL = load(ROOT / "specs")
BROKEN = [model for model in ALL if model.expectation == "violated"]

BODY = """
@process
def worker(s):
    seen = yield s.x.add(0).named("look at x")
    yield s.y.set(seen + 1)
    yield label("between")
    yield s.x.set(seen + 2)

@always
def fine(s):
    return s.x < 4

@model
def m(start: int = 0):
    s = S(x=start)
    return System(s, [worker(s), worker(s)], [fine])
"""


def told(trace) -> tuple:
    """What people and programs are told of a trace; its values need not be the same objects."""
    return narrative(trace), trace_json(trace)


@pytest.mark.parametrize("model", BROKEN, ids=lambda model: model.name)
def test_the_token_of_every_broken_spec_shows_its_trace_again(model):
    """The same steps with the same values, ending in the same violation."""
    result = check(model)
    if result.violation.kind is Kind.UNREACHABLE:
        assert not result.token
        return
    assert result.token
    assert told(replay(model, result.token)) == told(result.trace)


@pytest.mark.parametrize("memory", ["tso", "pso", "wmm"])
@pytest.mark.parametrize("name", ["peterson", "row08_walker_without_mb", "row20_split_without_wmb"])
def test_tokens_under_weak_memory_replay_too(name, memory):
    """Buffers that a search met in another order than a replay does change nothing."""
    folder = "classic" if name == "peterson" else "lockless_walk"
    [model] = find(str(ROOT / f"specs/{folder}") + f":{name}")
    result = check(model, memory=memory)
    traces = [result.trace, *result.witnesses.values()]
    for trace in filter(None, traces):
        assert trace_json(replay(model, trace.token)) == trace_json(trace)


def test_the_tokens_of_witnesses_and_walks_replay_too():
    """A trace without a violation is a trace; shown again it is a path, whoever found it."""
    [model] = find(str(ROOT / "specs/classic/peterson.py") + ":peterson")
    for trace in (*check(model).witnesses.values(), simulate(model, seed=5, steps=40).trace):
        assert told(replay(model, trace.token)) == told(evolve(trace, shows="path"))


@pytest.mark.parametrize(
    "parameters", [{"n": 3}, {"n": 2, "kind": "b=c, d"}, {"pair": (3, "x")}, {"color": "BLUE"}]
)
def test_a_token_carries_the_parameters(parameters, tmp_path):
    """What the model was checked with is part of its name: text, tuples, enums and numbers."""
    body = """
    from enum import Enum

    class Color(Enum):
        RED = 1
        BLUE = 2

    @model
    def m(n: int = 2, kind: str = "a", pair: tuple = (1, 2), color: Color = Color.RED):
        s = S()
        return System(s, [adder(s) for _ in range(n)], [always(never)])

    def never(s):
        return s.x == 0
    """
    [model] = load(models(tmp_path / "m.py", body))
    if "color" in parameters:
        parameters = {"color": model.parse("color", "BLUE")}
    result = check(model(**parameters))
    again = replay(model, result.token)
    assert again.parameters == result.parameters
    assert told(again) == told(result.trace)


@pytest.fixture(scope="module")
def token(tmp_path_factory) -> str:
    """The token of `BODY`'s model as it stands."""
    [model] = load(models(tmp_path_factory.mktemp("original") / "m.py", BODY))
    return check(model(start=1)).token


def changed(tmp_path, *replacements: tuple[str, str]):
    """`BODY`'s model with some of its text replaced."""
    body = BODY
    for old, new in replacements:
        assert old in body
        body = body.replace(old, new, 1)
    return load(models(tmp_path / "m.py", body))[0]


@pytest.mark.parametrize(
    "replacement",
    [
        ("@process", "# a comment\n\n@process"),
        ("def fine(s):", 'def fine(s):\n    """It has a docstring now."""'),
        ("seen + 2)", "seen + 2)  # a remark"),
        ("seen + 2)", "2 + seen)"),
        ("seen", "found"),
    ],
)
def test_what_does_not_change_the_steps_does_not_void_a_token(replacement, token, tmp_path):
    """Comments, lines that move, and other words for the same values are no change."""
    body = BODY.replace(*replacement)
    [model] = load(models(tmp_path / "m.py", body))
    assert replay(model, token).violation.property == "fine"


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        ('named("look at x")', 'named("look")', 1),
        ("s.y.set(seen + 1)", "s.y.set(seen + 7)", 2),
        ("s.y.set(seen + 1)", "s.x.set(seen + 1)", 2),
        ('label("between")', 'label("amid")', 3),
        ("S(x=start)", "S(x=start + 1)", 1),
        ("def worker", "def laborer", 1),
    ],
)
def test_a_changed_model_is_refused_at_the_first_step_that_differs(old, new, step, token, tmp_path):
    """A renamed label, another value written or read, another process: each is named."""
    replacements = [(old, new)] + [("worker(s), worker(s)", "laborer(s), laborer(s)")] * (
        "def" in new
    )
    model = changed(tmp_path, *replacements)
    with pytest.raises(UsageError, match=rf"has changed .*: step {step} of \d+ differs"):
        replay(model, token)


def test_two_lines_swapped_are_refused(token, tmp_path):
    """The same steps in another order are another protocol."""
    lines = ('    yield s.y.set(seen + 1)\n    yield label("between")\n',
             '    yield label("between")\n    yield s.y.set(seen + 1)\n')  # fmt: skip
    with pytest.raises(UsageError, match="step 2 of .* differs: worker.* at `between`"):
        replay(changed(tmp_path, lines), token)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("s.x < 4", "s.x < 40", "fine holds at the end"),
        ("def fine", "def good", "no property 'fine'"),
        ("start: int", "begin: int", "no parameter 'start'"),
        ("def m(", "def other(", "for the model 'm'"),
        ("worker(s), worker(s)", "worker(s)", "holds at the end|no process|differs"),
    ],
)
def test_a_model_changed_elsewhere_is_refused_too(old, new, said, token, tmp_path):
    """Properties, parameters, names and the number of processes are part of what a token means."""
    more = [("[fine]", "[good]")] if "good" in new else []
    more += [("x=start", "x=begin")] if "begin" in new else []
    with pytest.raises(UsageError, match=said):
        replay(changed(tmp_path, (old, new), *more), token)


@pytest.mark.parametrize("extra", ["adder(s)", "stuck(s), adder(s)"])
def test_a_deadlock_that_is_none_any_more_is_refused(extra, tmp_path):
    """Every step is as it was, but at the end somebody can go on now."""
    body = """
    @process
    def stuck(s):
        yield s.y.set(1)
        yield until(lambda: s.x == 7)

    @model
    def m():
        s = S()
        return System(s, [stuck(s), EXTRA])
    """
    [before] = load(models(tmp_path / "a" / "m.py", body.replace(", EXTRA", "")))
    [after] = load(models(tmp_path / "b" / "m.py", body.replace("EXTRA", extra)))
    result = check(before)
    assert result.violation.kind == "deadlock"
    with pytest.raises(UsageError, match="has changed"):
        replay(after, result.token)


def test_every_cut_of_a_token_is_refused(token):
    """A token copied in part is no token, wherever it was cut."""
    for length in range(len(token)):
        with pytest.raises(UsageError, match="is no replay token"):
            decode(token[:length])


def test_a_token_with_more_behind_it_is_refused(token):
    """Neither is one with another one stuck to it."""
    for more in ("A" * 8, token[4:]):
        with pytest.raises(UsageError, match="is no replay token"):
            decode(token + more)


@given(st.data())
def test_a_garbled_token_never_replays_as_another(token, data):
    """One wrong character: the token is refused, or it was a character that means nothing."""
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    garbled = token[:place] + letter + token[place + 1 :]
    with suppress(UsageError):
        assert decode(garbled) == decode(token)


@given(st.text() | st.binary().map(lambda b: PREFIX + base64.urlsafe_b64encode(b).decode()))
def test_any_text_is_refused_as_a_token(text):
    """Not one of them gets through as anything but our own error."""
    with pytest.raises(UsageError, match="is no replay token"):
        decode(text)


@pytest.mark.parametrize(
    "content",
    [
        7, [], {}, [1, 2, 3, 4, 5, 6, 7], ["m", {}, "sc", "", "", [0], [1]],
        ["m", {}, "sc", "no kind", "", [], []], ["m", [], "sc", "", "", [], []],
        ["m", {}, "sc", "", "", [0, 0], [float("inf")]], ["m", {}, "sc", "", "", [0, "a"], [1]],
        ["m", {}, "sc", "", "", {}, []], [None, {}, "sc", "", "", [], []],
    ],
)  # fmt: skip
def test_a_token_of_the_wrong_content_is_refused(content):
    """What unpacks well may still be no token."""
    packed = zlib.compress(json.dumps(content).encode())
    with pytest.raises(UsageError, match="is no replay token"):
        decode(PREFIX + base64.urlsafe_b64encode(packed).decode())


def test_a_token_that_unpacks_without_end_is_refused():
    """A few kilobytes that would become gigabytes do not."""
    bomb = zlib.compress(b"[" + b" " * 2**26, 9)
    with pytest.raises(UsageError, match="is no replay token"):
        decode(PREFIX + base64.urlsafe_b64encode(bomb).decode())


@given(
    st.lists(st.tuples(st.integers(-2, 9), st.integers(-2, 9)), max_size=5),
    st.sampled_from(["", "deadlock", "final", "invariant", "exception", "unreachable"]),
)
def test_made_up_moves_are_refused_with_our_own_error(moves, kind):
    """A token by hand can name any move; it gets a trace or a UsageError, nothing else."""
    [model] = find(str(ROOT / "specs/classic/peterson.py") + ":peterson")
    made = Token("peterson", {}, "sc", kind, "mutual_exclusion", tuple(moves), (1,) * len(moves))
    with suppress(ModelcheckError):
        replay(model, made.encode())


def test_a_long_token_is_no_larger_than_a_few_characters_a_step(tmp_path):
    """Thousands of steps make a token that a shell still takes."""
    [model] = load(models(tmp_path / "m.py", counting_to(5_000)))
    result = check(model)
    assert len(result.trace) == 5_000
    assert len(result.token) < 5 * 5_000
    assert len(replay(model, result.token)) == 5_000


def test_a_child_that_is_alone_in_the_replay():
    """Two parents have a child each, `child[0]` and `child[1]`; on the way shown there is one."""

    @state
    class Shared:
        x: int = 0

    @process
    def child(s):
        yield s.x.add(1)

    @process
    def parent(s):
        mine = yield spawn(child(s))
        yield mine.join()
        raise ValueError

    @model
    def family():
        s = Shared()
        return System(s, [parent(s), parent(s)])

    result = check(family)
    again = replay(family, result.token)
    assert [step.process for step in again.steps] == ["parent[0]", "child", "parent[0]"]
    assert len(result.trace.steps) == 3
