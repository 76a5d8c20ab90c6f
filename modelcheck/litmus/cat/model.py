"""Cat files as models: reading them with what they include, and their bell file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from modelcheck.axiomatic.constraints import Constraint, Judgement, Model
from modelcheck.axiomatic.execution import Execution
from modelcheck.errors import UsageError
from modelcheck.litmus.cat.interpret import Interpreter, Placed, Program
from modelcheck.litmus.cat.library import STANDARD
from modelcheck.litmus.cat.parse import parse_cat
from modelcheck.litmus.cat.syntax import Check, Enum, Exp, IfIns, Include, Ins, Let, Op, Var
from modelcheck.litmus.scan import Source

#: Variants that hold unless the caller says otherwise: herd7's for the kernel's current model.
DEFAULT_VARIANTS = ("lkmmv2", "cos-opt")


def load(path: str | Path, arch: str, variants: Iterable[str] = ()) -> Model:
    """Return the model of a cat file.

    A bell file of the same name beside it is read first, as herd7's configuration of the kernel's
    model asks. Files that it includes are looked for beside it; herd7's own library is built in.

    Raises
    ------
    LitmusError
        If a file cannot be read; with file, line and column.
    UsageError
        If a file is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    bell = path.with_suffix(".bell")
    sources = [Source(p.read_text(encoding="utf-8"), str(p)) for p in (bell, path) if p.is_file()]
    return _model(path.stem, sources, path.parent, variants)


def load_text(text: str, name: str = "<cat>", variants: Iterable[str] = ()) -> Model:
    """Return the model of a text in the cat language.

    Examples
    --------
    >>> load_text('acyclic po | rf | co | (rf^-1 ; co) as sc').name
    '<cat>'
    """
    return _model(name, [Source(text, name)], None, variants)


def _model(
    name: str, sources: Sequence[Source], folder: Path | None, variants: Iterable[str]
) -> Model:
    includes: dict[tuple[Source, str], tuple[Placed, ...]] = {}
    body: list[Placed] = []
    for source in sources:
        body += _read(source, folder, includes, ())
    flat = list(_flat(body, includes))
    if not any(isinstance(ins, Include) and ins.file.startswith("cos") for _, ins in flat) and not (
        any(getattr(ins, "name", "") == "co" for _, ins in flat)
    ):
        # A model that does not generate coherence orders finds them generated.
        source = Source(STANDARD["cos.cat"], "cos.cat")
        body = [*_read(source, None, includes, ()), *body]
    tags = frozenset(t for _, ins in flat if isinstance(ins, Enum) for t in ins.tags)
    own_locks = any(_defines(ins, "lk-rmw") for _, ins in flat)
    settings = frozenset({*DEFAULT_VARIANTS, *variants})
    program = Program(tuple(body), includes, settings, tags, own_locks)
    old_kernel = own_locks and not any("lkmmv2" in s.text for s in sources)

    def judgements(execution: Execution, _: Any) -> list[Judgement]:
        if old_kernel:
            _refuse_old(sources[-1], execution)
        return Interpreter(program, execution).judgements()

    def constraints(execution: Execution, _: Any) -> Any:
        raise NotImplementedError

    return Model(
        name, constraints, coherent=_is_coherent([ins for _, ins in flat]), judgements=judgements,
        own_locks=own_locks,
    )  # fmt: skip


def _refuse_old(source: Source, execution: Execution) -> None:
    """Refuse what models of Linux before 6.15 mean by other events than those there are here."""
    s = execution.skeleton
    if s.tagged("RMW"):
        raise UsageError(
            f"{source.file}: the kernel's model before Linux 6.15 expects barriers around a "
            "read-modify-write as events of their own; use that of 6.15 or later for this test"
        )


def _defines(instruction: Ins, name: str) -> bool:
    bindings = instruction.bindings if isinstance(instruction, Let) else ()
    return any(name in binding.names for binding in bindings)


def _read(
    source: Source,
    folder: Path | None,
    includes: dict[tuple[Source, str], tuple[Placed, ...]],
    above: tuple[str, ...],
) -> list[Placed]:
    """Return the instructions of a file, and read what they include."""
    body = parse_cat(source)
    for include in _includes(body):
        if include.file in above:
            source.fail(include.at, f"{include.file} includes itself")
        inner, where = _included(source, include, folder)
        includes[source, include.file] = tuple(
            _read(inner, where, includes, (*above, include.file))
        )
    return [(source, instruction) for instruction in body]


def _includes(body: Iterable[Ins]) -> Iterable[Include]:
    for instruction in body:
        if isinstance(instruction, Include):
            yield instruction
        elif isinstance(instruction, IfIns):
            yield from _includes(instruction.then)
            yield from _includes(instruction.otherwise)


def _included(source: Source, include: Include, folder: Path | None) -> tuple[Source, Path | None]:
    path = folder / include.file if folder is not None else None
    name = Path(include.file).name
    # The library's own files define coherence orders by search; the built-in ones are quicker.
    built_in = name in STANDARD and (name.startswith(("cos", "cross", "stdlib")) or path is None)
    if path is not None and path.is_file() and not built_in:
        return Source(path.read_text(encoding="utf-8"), str(path)), path.parent
    if name in STANDARD:
        return Source(STANDARD[name], name), None
    return source.fail(
        include.at,
        f"there is no file {include.file}",
        "It is looked for beside the file that includes it.",
    )


def _flat(
    body: Iterable[Placed], includes: dict[tuple[Source, str], tuple[Placed, ...]]
) -> Iterable[Placed]:
    for source, instruction in body:
        yield source, instruction
        if isinstance(instruction, Include):
            yield from _flat(includes[source, instruction.file], includes)
        elif isinstance(instruction, IfIns):
            inner = (*instruction.then, *instruction.otherwise)
            yield from _flat(((source, ins) for ins in inner), includes)


def _is_coherent(body: Iterable[Ins]) -> bool:
    """Return whether a check of the model forbids incoherence of a location and broken atomicity.

    Recognized are unions that hold ``po-loc`` (or ``po``), ``rf``, ``co`` and ``fr``, by whatever
    names. Where none is found, the enumeration leaves nothing out.
    """
    bindings: dict[str, Exp] = {}
    coherent = atomic = False
    for instruction in body:
        if isinstance(instruction, Let) and not instruction.recursive:
            for binding in instruction.bindings:
                if len(binding.names) == 1 and binding.names[0]:
                    bindings.setdefault(binding.names[0], binding.value)
        elif isinstance(instruction, Check) and not instruction.mode and not instruction.negated:
            words = _union(instruction.value, bindings, 0)
            if instruction.kind == "acyclic" and words & {"po-loc", "po"}:
                coherent |= {"rf", "co", "fr"} <= words
            atomic |= instruction.kind == "empty" and _names(instruction.value) >= {"rmw", "fre"}
    return coherent and atomic


def _union(expression: Exp, bindings: dict[str, Exp], depth: int) -> set[str]:
    """Return the names that a union is made of."""
    if isinstance(expression, Op) and expression.operator == "|":
        return set().union(*(_union(arg, bindings, depth) for arg in expression.args))
    if isinstance(expression, Var):
        words = {expression.name}
        inner = bindings.get(expression.name)
        if inner is not None and depth < 20 and expression.name not in ("rf", "co", "fr", "po-loc"):
            words |= _union(inner, bindings, depth + 1)
        return words
    return set()


def _names(expression: Exp) -> set[str]:
    if isinstance(expression, Op):
        return set().union(*(_names(arg) for arg in expression.args))
    return {expression.name} if isinstance(expression, Var) else set()


__all__ = ["Constraint", "load", "load_text"]
