"""Random mutants of the catalogue, the examples and of models in which faults have hidden.

``cd tests && python -m oracle.mutants --programs 1000 --seed 1``. A model has a few small things
changed: a number, a comparison, a place, the order of statements, one more step or one less. Each
is searched with reduction, and up to symmetry where its processes are alike, and held against
searches of everything. What a fault needs by chance a model often has on purpose: from programs
drawn from nothing, a fault that one change brings out of such a model may take ten thousands.
"""

from __future__ import annotations

import argparse
import ast
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NoReturn
from unittest import mock

from attrs import define

from modelcheck import ModelcheckError
from modelcheck.check import tables_of
from modelcheck.language.local import Fails
from modelcheck.language.renaming import symmetry_of
from modelcheck.loading import load
from oracle import reduced, symmetric
from oracle.alike import space_of
from oracle.compare import Mismatch
from oracle.printing import unload
from oracle.run import BLOCK, quiet
from oracle.scale import in_small

ROOT = Path(__file__).parents[2]

#: Folders with models to change.
CORPUS = (
    "tests/oracle/hard",
    "specs/symmetric",
    "specs/classic",
    "specs/lockless_walk",
    "specs/softirq",
    "specs/tlb",
    "examples",
)

#: Memory models to draw from; up to symmetry there is one.
MODELS = ("sc", "sc", "sc", "tso", "wmm")

#: A mutant that takes longer is too large; one may well spin without a step.
SECONDS = 20

#: Mutants of more states, or orbits, are too large.
LIMIT = 3_000


@define(frozen=True)
class Origin:
    """A model that is to be changed, and the file to change: its own, or one that this imports."""

    model: str
    file: Path
    part: Path

    @property
    def hard(self) -> bool:
        """Whether a fault has hidden in it."""
        return self.file.parent.name == "hard"

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.model}, {self.part.name} changed"


@cache
def corpus() -> list[Origin]:
    """All models with each file of theirs that has something to change."""
    found = []
    for folder in CORPUS:
        for model in load(ROOT / folder):
            file = Path(model.file)
            for part in [file, *_imported(file)]:
                if _functions(ast.parse(part.read_text())):
                    found.append(Origin(model.name, file, part))
    return found


def _imported(file: Path) -> list[Path]:
    """The files beside a file that it imports."""
    beside = [
        file.with_name(f"{node.module}.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ImportFrom)
    ]
    return [part for part in beside if part.exists()]


# What may be changed.


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """All functions but those that build the system; of these, the ones inside."""
    found: list[ast.FunctionDef] = []
    waiting = list(tree.body)
    for statement in waiting:
        if isinstance(statement, ast.FunctionDef):
            said = [ast.unparse(d).split("(")[0] for d in statement.decorator_list]
            if "model" in said or "System(" in ast.unparse(statement):
                waiting += statement.body
            else:
                found.append(statement)
    return found


def _nodes(tree: ast.Module, *kinds: type) -> list[Any]:
    return [node for f in _functions(tree) for node in ast.walk(f) if isinstance(node, kinds)]


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """All lists of statements."""
    for node in _nodes(tree, ast.FunctionDef, ast.If, ast.While, ast.For, ast.With):
        yield node.body
        if getattr(node, "orelse", None):
            yield node.orelse


def _statements(tree: ast.Module) -> list[tuple[list[ast.stmt], int]]:
    """All places of statements, but those of documentation."""
    return [
        (body, at)
        for body in _bodies(tree)
        for at, one in enumerate(body)
        if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
    ]


Change = Callable[[ast.Module, Random], bool]


def other_number(tree: ast.Module, chance: Random) -> bool:
    """Another number."""
    found = [n for n in _nodes(tree, ast.Constant) if type(n.value) is int]
    if not found:
        return False
    one = chance.choice(found)
    one.value = chance.choice([0, 1, 2, 3, one.value + 1, max(0, one.value - 1)])
    return True


def other_place(tree: ast.Module, chance: Random) -> bool:
    """Another name of a place."""
    labels = [
        call.args[0]
        for call in _nodes(tree, ast.Call)
        if ast.unparse(call.func).split(".")[-1] in ("label", "at")
        if call.args and isinstance(call.args[0], ast.Constant)
    ]
    if not labels:
        return False
    chance.choice(labels).value = chance.choice(labels).value
    return True


def other_variable(tree: ast.Module, chance: Random) -> bool:
    """Another field of the shared state."""
    found = [
        n for n in _nodes(tree, ast.Attribute)
        if isinstance(n.value, ast.Name) and n.value.id == "s"
    ]  # fmt: skip
    if not found:
        return False
    chance.choice(found).attr = chance.choice(found).attr
    return True


def other_local(tree: ast.Module, chance: Random) -> bool:
    """Another variable of the same function."""
    function = chance.choice(_functions(tree))
    found = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
    own = [n.id for n in found if isinstance(n.ctx, ast.Store)]
    found = [n for n in found if n.id in own]
    if not found:
        return False
    chance.choice(found).id = chance.choice(own)
    return True


def other_comparison(tree: ast.Module, chance: Random) -> bool:
    """Another comparison."""
    found = _nodes(tree, ast.Compare)
    if not found:
        return False
    one = chance.choice(found)
    if isinstance(one.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn):
        turned = {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
        one.ops[0] = turned[type(one.ops[0])]()
    else:
        one.ops[0] = chance.choice([ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt])()
    return True


def other_connective(tree: ast.Module, chance: Random) -> bool:
    """`and` for `or`, `any` for `all`, and the other way round."""
    found = _nodes(tree, ast.BoolOp)
    found += [n for n in _nodes(tree, ast.Name) if n.id in ("any", "all")]
    if not found:
        return False
    one = chance.choice(found)
    if isinstance(one, ast.Name):
        one.id = "all" if one.id == "any" else "any"
    else:
        one.op = ast.Or() if isinstance(one.op, ast.And) else ast.And()
    return True


def negated(tree: ast.Module, chance: Random) -> bool:
    """The opposite of a condition."""
    found = _nodes(tree, ast.If, ast.IfExp)
    if not found:
        return False
    one = chance.choice(found)
    one.test = ast.UnaryOp(ast.Not(), one.test)
    return True


def one_less(tree: ast.Module, chance: Random) -> bool:
    """One statement less."""
    found = _statements(tree)
    if not found:
        return False
    body, at = chance.choice(found)
    body[at : at + 1] = [] if len(body) > 1 else [ast.Pass()]
    return True


def once_more(tree: ast.Module, chance: Random) -> bool:
    """One statement twice, or somewhere else again."""
    found = [one for one in _statements(tree) if not isinstance(one[0][one[1]], ast.Return)]
    if not found:
        return False
    body, at = chance.choice(found)
    if chance.random() < 0.5:
        body.insert(at, deepcopy(body[at]))
    else:
        into, where = chance.choice(found)
        into.insert(where, deepcopy(body[at]))
    return True


def other_order(tree: ast.Module, chance: Random) -> bool:
    """Two neighbouring statements the other way round."""
    found = [(body, at) for body, at in _statements(tree) if at + 1 < len(body)]
    if not found:
        return False
    body, at = chance.choice(found)
    body[at], body[at + 1] = body[at + 1], body[at]
    return True


def _processes(tree: ast.Module) -> list[ast.FunctionDef]:
    return [f for f in _functions(tree) if any(isinstance(n, ast.Yield) for n in ast.walk(f))]


def one_more(tree: ast.Module, chance: Random) -> bool:
    """A step that does nothing, or a place of its own for one."""
    processes = _processes(tree)
    if not processes:
        return False
    process = chance.choice(processes)
    bodies = [
        n.body for n in ast.walk(process)
        if isinstance(n, ast.FunctionDef | ast.While | ast.For | ast.With | ast.If)
        if any(isinstance(inner, ast.Yield) for inner in ast.walk(n))
    ]  # fmt: skip
    body = chance.choice(bodies)
    at = chance.randrange(len(body) + 1)
    more = chance.choice(["yield atomic(lambda: None)", "yield label('more')"])
    body[at:at] = ast.parse(more).body
    return True


def one_place(tree: ast.Module, chance: Random) -> bool:
    """A statement at a place, or at none any longer."""
    found = [
        (body, at) for body, at in _statements(tree)
        if isinstance(body[at], ast.With)
        or any(isinstance(inner, ast.Yield) for inner in ast.walk(body[at]))
        if not isinstance(body[at], ast.FunctionDef)
    ]  # fmt: skip
    if not found:
        return False
    body, at = chance.choice(found)
    one = body[at]
    if isinstance(one, ast.With):
        body[at : at + 1] = one.body
    else:
        place: Any = ast.parse("with label('inside'): pass").body[0]
        place.body = [one]
        body[at] = place
    return True


CHANGES: list[Change] = [
    other_number, other_number, other_place, other_variable, other_local, other_comparison,
    other_connective, negated, one_less, once_more, other_order, other_order, one_more, one_place,
]  # fmt: skip


def changed(source: str, chance: Random) -> str:
    """A source with some changes."""
    tree = ast.parse(source)
    most = chance.choice((1, 1, 2, 3, 5))
    done = 0
    while done < most:
        done += chance.choice(CHANGES)(tree, chance)
    words = {alias.asname or alias.name for n in tree.body if isinstance(n, ast.ImportFrom)
             for alias in n.names}  # fmt: skip
    more = [word for word in ("atomic", "label") if word not in words]
    text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return text if not more else f"from modelcheck import {', '.join(more)}\n{text}"


def case(seed: int) -> tuple[Origin, str, str]:
    """The origin and the source of the mutant of a seed, and the memory model to run it under."""
    chance = Random(seed)
    every = corpus()
    hard = [one for one in every if one.hard]
    origin = chance.choice(hard if chance.random() < 0.4 else every)
    return origin, changed(origin.part.read_text(), chance), chance.choice(MODELS)


# How it is compared.


class _Late(BaseException):
    """The mutant took too long; not an Exception, which its own code might catch."""


@contextmanager
def _in_time() -> Iterator[None]:
    def late(*_: Any) -> NoReturn:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def beside(origin: Origin) -> Iterator[None]:
    """While inside, files beside the origin can be imported; what was is forgotten."""
    names = {file.stem for file in origin.file.parent.glob("*.py")}
    with mock.patch.object(sys, "path", [str(origin.file.parent), *sys.path]):
        try:
            yield
        finally:
            for name in names & set(sys.modules):
                del sys.modules[name]


def compare(
    origin: Origin, source: str, memory: str, natively: bool, turn: int | None
) -> reduced.Outcome:
    """Hold searches of a mutant with all reductions against those without. Raises `Mismatch`."""
    with beside(origin):
        if origin.part != origin.file:
            sys.modules[origin.part.stem] = part = ModuleType(origin.part.stem)
            vars(part).update(space_of(source))
            source = origin.file.read_text()
        model = space_of(source)[origin.model]
        try:
            if memory != "sc" or not tables_of(model, "sc", lambda one, _: symmetry_of(one)):
                return reduced.compare_model(model, memory, natively, turn, LIMIT)
            found = symmetric.compare_model(model, natively=natively)
            return reduced.Outcome(found.verdict, found.full, found.reduced)
        finally:
            unload(model)


def what_is_wrong(
    origin: Origin, source: str, memory: str, natively: bool, turn: int | None = None
) -> tuple[reduced.Outcome | None, str]:
    """Compare a mutant; return its outcome, or what was wrong."""
    try:
        with _in_time():
            return compare(origin, source, memory, natively, turn), ""
    except Mismatch as mismatch:
        return None, str(mismatch)
    except _Late:
        return reduced.Outcome("too large"), ""
    except (ModelcheckError, Fails, SyntaxError, NameError, TypeError, AttributeError, ValueError,
            KeyError, IndexError):  # fmt: skip
        return reduced.Outcome("not a program"), ""
    except Exception:
        return None, traceback.format_exc()


def one(job: tuple[int, bool]) -> tuple[int, reduced.Outcome | None, str]:
    """Compare the mutant of a seed."""
    seed, natively = job
    with quiet(), in_small(9 if seed % 3 == 0 else 64, mended=seed % 2 == 0, few=1 << 13):
        return seed, *what_is_wrong(*case(seed), natively, seed // 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--reference", action="store_true", help="the reference engine alone")
    args = parser.parse_args()
    began, verdicts, bad = time.perf_counter(), Counter[str](), list[int]()
    full = fewer = 0
    first = args.seed * BLOCK
    jobs = [(seed, not args.reference) for seed in range(first, first + args.programs)]
    pool: Any = Pool(args.workers) if args.workers > 1 else None
    for seed, outcome, wrong in pool.imap_unordered(one, jobs, 20) if pool else map(one, jobs):
        if outcome is None:
            bad.append(seed)
            origin, source, memory = case(seed)
            print(f"{source}\n\nseed {seed}, {memory}, of {origin}: {wrong}", flush=True)
            continue
        verdicts[outcome.verdict] += 1
        full, fewer = full + outcome.full, fewer + outcome.reduced
    print(
        f"{args.programs} mutants in {time.perf_counter() - began:.0f} s: "
        f"{', '.join(f'{name} {n}' for name, n in verdicts.most_common())}; "
        f"{fewer} states of {full}; {len(bad)} mismatches {bad[:20] or ''}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
