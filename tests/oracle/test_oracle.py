"""modelcheck against an independent interpreter, on random programs."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracle import programs as P
from oracle.compare import compare
from oracle.generate import random_program
from oracle.printing import Printer, load
from oracle.run import numbered, one, what_is_wrong
from oracle.shrink import shrink

# A `finally` that yields cannot be left when its generator is dropped, and Python says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

#: Programs as hypothesis draws and shrinks them.
PROGRAMS = st.builds(random_program, st.randoms(use_true_random=False))


def agree(first, count):
    """Compare some programs; return how often each verdict came."""
    verdicts = Counter()
    for seed in range(first, first + count):
        _, outcome, wrong = one(seed)
        assert not wrong, f"{numbered(random_program(Random(seed)))}\n\nseed {seed}: {wrong}"
        verdicts[outcome.verdict] += 1
    return verdicts


@pytest.mark.parametrize("block", range(10))
def test_random_programs(block):
    """States, places, failures, answers, verdict, shortest trace, replay and walks agree."""
    verdicts = agree(5_000_000 + 40 * block, 40)
    assert verdicts["too big"] < 10
    assert verdicts["holds"] > 3
    assert verdicts["deadlock"] > 2


@pytest.mark.long
@pytest.mark.parametrize("block", range(100))
def test_ten_thousand_random_programs(block):
    """The same on ten thousand programs, and every kind of verdict comes up."""
    verdicts = agree(6_000_000 + 100 * block, 100)
    assert len(verdicts) > 4


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(PROGRAMS)
def test_programs_that_hypothesis_draws(program):
    """The same, on programs that hypothesis makes smaller where the answers differ."""
    _, wrong = what_is_wrong(program)
    assert not wrong, f"{numbered(program)}\n\n{wrong}"


def test_a_seed_is_a_program():
    """The same seed gives the same source; seeds differ."""
    sources = [Printer(random_program(Random(seed))).source for seed in (1, 1, 2)]
    assert sources[0] == sources[1] != sources[2]


def test_the_generator_uses_every_feature():
    """Three hundred programs hold every statement, step and kind of property there is."""
    used = Counter()

    def visit(node):
        used[type(node).__name__] += 1
        for value in vars(node).values():
            todo = [value]
            while todo:
                item = todo.pop()
                if isinstance(item, tuple):
                    todo += item
                elif hasattr(item, "__dataclass_fields__"):
                    visit(item)
                elif isinstance(item, str):
                    used[item] += 1

    for seed in range(300):
        visit(random_program(Random(seed)))
    classes = {name for name, it in vars(P).items() if hasattr(it, "__dataclass_fields__")}
    assert not classes - used.keys()
    assert all(used[kind] for kind in ("always", "sometimes", "at_end", "[7, 7]"))


def lost_update(added="v + 1"):
    """Two processes that load and store."""
    body = (P.Yield(P.Load("s.x"), "v"), P.Yield(P.Store("s.x", added)))
    return P.Program(
        (P.Scalar("x", 0),),
        (P.Function("p", body),),
        (),
        (("p", 0), ("p", 1)),
        (P.Property("at_end", "both", "s.x == 2"),),
    )


def test_a_program_known_by_hand():
    """The lost update: 12 states, and a final violation after all four steps."""
    outcome = compare(lost_update())
    assert (outcome.verdict, outcome.states, outcome.steps) == ("final", 12, 4)
    assert outcome.bounds == (12, 12, 12)


def test_a_planted_fault_is_found_and_made_small(monkeypatch):
    """An explorer that forgets the second outcome of a step is caught, in a small program."""
    from modelcheck.language.learner import Learner

    step = Learner.step
    monkeypatch.setattr(Learner, "step", lambda *args: step(*args)[:1])
    seeds = (seed for seed in range(200) if one(seed)[2])
    program = random_program(Random(next(seeds)))
    small = shrink(program, lambda p: bool(what_is_wrong(p)[1]), tries=400)
    assert what_is_wrong(small)[1]
    assert len(Printer(small).source) < len(Printer(program).source)


def test_the_source_reads_as_python():
    """What the generator prints is a model that can be loaded, with the lines of its yields."""
    model, lines, source = load(lost_update())
    assert model.name == "program"
    text = source.splitlines()
    yields = [text[line - 1].strip() for line in lines.values()]
    assert yields == ["v = yield s.x", "yield s.x.set(v + 1)"]
