"""Random generators: when two local states have equal keys, they go on alike.

Neighbour: `test_frames` has what a key must hold, case by case.
"""

from __future__ import annotations

import random

import pytest

from modelcheck.language.frames import suspend
from modelcheck.tables.values import key_of

# A random program may yield in a `finally`, and so object to being closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PRELUDE = """
def sub(a, l):
    for i in range(a + 1):
        a = (a + (yield ('s', a, i))) % 3
        l[0] = a
    return a
class Box:
    pass
class Guard:
    def __init__(self, l): self.l = l
    def __enter__(self): return self.l
    def __exit__(self, *args): self.l[0] = 1; return args[0] is ValueError
"""
HEAD = """
def program():
    x = y = z = 0
    l = [0]
    m = [0]
    b = Box(); b.v = 0
    f = g = lambda: 0
"""
SIMPLE = [
    "{u} = yield {v}",
    "{u} = ({v} + (yield {u})) % 3",
    "{u} = max({v}, (yield l[0]))",
    "l = [{u}, (yield 4)]",
    "l = [{u}]",
    "m = l",
    "l[0] = {u}",
    "m = [{v}]",
    "{u} = l[0] + 0",
    "{u} = (m[0] + {v}) % 3",
    "f = lambda: {u}",
    "f = lambda q={u}: (q + {v}) % 3",
    "g = f",
    "f, g = g, f",
    "{u} = f() % 3",
    "{u} = (g() + {v}) % 3",
    "{u} = yield from sub({v}, l)",
    "{u} = yield from sub({v}, [0])",
    "{u} = {v}",
    "del {u}",
    "yield ({u}, {v})",
    "yield (l, m)",
    "{u} = sum([{v} for {v} in range({v})]) % 3",
    "l = [(lambda: {u})() for {u} in (1, {v})]",
    "b.v = {u}",
    "{u} = b.v",
    "c = b; c.v = {u}",
    "b = Box(); b.v = {u}",
    "h = sub({u}, l); next(h, 0)",
    "{u} = next(h, (0, 0, 0))[1]",
    "yield from [{u}, {v}]",
    "raise ValueError({u})",
    "if {u}: raise KeyError({v})",
    "yield {u} < {v} < (yield 1)",
    "l.append((yield {u})); del l[1:]",
    "{u} = ({v} := (yield 2))",
    "m = l if {u} else [l[0]]",
    "l = m if {u} else m[:]",
    "l[0] = {u}; {v} = m[0]",
    "m[0] = ({u} + 1) % 3; {v} = l[0]",
    "l[0] = yield; {u} = m[0]",
    "g = f if {u} else g",
    "yield 5; raise",
]
BLOCKS = [
    "if {u}:",
    "for {u} in range(2):",
    "for i in [1, 1, 2]:",
    "for i in l[:2]:",
    "for {u} in (k + {v} for k in range(2)):",
    "for {u} in sub({v}, m):",
    "for n, {u} in enumerate(zip([1, 2], [{v}, 0])):",
    "for i in {{{u}: 1, 7: {v}}}:",
    "while (yield {u}) == 1:",
    "while True:",
    "with Guard(l):",
    "with Guard(m) as l:",
    "try:",
]


def random_block(rng, depth, indent):
    lines = []
    for _ in range(rng.randint(1, 4)):
        names = dict(zip("uv", rng.choices("xyz", k=2), strict=True))
        if depth and rng.random() < 0.45:
            head = rng.choice(BLOCKS)
            lines += [indent + head.format(**names)]
            if head.startswith("while"):
                lines += [indent + "    yield 'w'"]
            lines += random_block(rng, depth - 1, indent + "    ")
            if head == "while True:":
                lines += [indent + "    if (yield 9) == 2: break"]
            if head == "try:":
                kinds = rng.choice(
                    [["except ValueError as e:"], ["finally:"], ["except Exception:", "finally:"]]
                )
                for kind in kinds:
                    lines += [indent + kind, *random_block(rng, depth - 1, indent + "    ")]
        else:
            lines += [indent + rng.choice(SIMPLE).format(**names)]
    return lines


def random_program(rng):
    lines = random_block(rng, 3, "        ")
    nested = ""
    if rng.random() < 0.4:
        nested = "    def f(q=0):\n        nonlocal x\n        x = (x + 1) % 3\n        return x\n"
    source = HEAD + nested + "    while True:\n        yield 'top'\n" + "\n".join(lines) + "\n"
    space = {}
    exec(compile(PRELUDE + source, "<random>", "exec"), space)
    return space["program"], source


def run(program, history):
    """Return the generator after `history`, its trace of yields and keys, and whether it lives."""
    generator, trace = program(), []
    value = None
    for i in range(len(history) + 1):
        try:
            given = generator.send(value)
        except AttributeError as error:  # a value sent to the iterator of a `yield from [...]`
            trace.append(str(error))
            return trace
        except (
            StopIteration,
            ValueError,
            KeyError,
            UnboundLocalError,
            RuntimeError,
            NameError,
            IndexError,
            TypeError,
        ) as error:
            trace.append((type(error).__name__, str(error)))
            return trace
        trace.append((key_of(given), suspend(generator).key([given])))
        value = history[i] if i < len(history) else None
    return trace


def check_program(program, source, rng, walks=25, ahead=5):
    """Check, for all pairs of runs with equal keys, that they have equal futures."""
    seen, checked = {}, 0
    for _ in range(walks):
        history = [rng.choice([0, 1, 2]) for _ in range(rng.randint(1, 10))]
        trace = run(program, history)
        for i, entry in enumerate(trace):
            if len(entry) != 2 or isinstance(entry[0], str) and entry[0][:1].isupper():
                break
            prefix = history[:i]
            first = seen.setdefault(entry[1], prefix)
            if first == prefix:
                continue
            checked += 1
            future = [rng.choice([0, 1, 2]) for _ in range(ahead)]
            one = run(program, first + future)[len(first) :]
            two = run(program, prefix + future)[len(prefix) :]
            assert one == two, f"{source}\n{first} and {prefix} then {future}"
    return checked


@pytest.mark.parametrize("block", range(10))
def test_equal_keys_mean_equal_futures(block):
    """Whenever two runs of a random program have equal keys, they go on alike."""
    checked = 0
    for seed in range(block * 30, block * 30 + 30):
        rng = random.Random(seed)
        program, source = random_program(rng)
        checked += check_program(program, source, rng)
    assert checked > 300
