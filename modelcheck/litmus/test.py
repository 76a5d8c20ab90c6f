"""A litmus test as read from its file: architecture, initial state, programs, question.

`read` is the way in: it finds the parts of the file, and leaves the program to the reader of its
language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from attrs import define, evolve, field, frozen

from modelcheck.axiomatic.execution import Value
from modelcheck.litmus.condition import (
    Array,
    ConditionReader,
    Place,
    Question,
    known_register,
)
from modelcheck.litmus.errors import LitmusError
from modelcheck.litmus.machine import Machine
from modelcheck.litmus.scan import Cursor, Source, number, without_comments
from modelcheck.litmus.widths import Kind, Memory, kind_of

Execute = Callable[[Machine], None]


@frozen(eq=False)
class Litmus:
    """A litmus test, ready to run.

    ``init`` has the values of the locations that do not begin with 0, ``threads`` what each process
    does, ``expected`` the word of a ``Result:`` comment, such as ``Never``.
    """

    arch: str
    name: str
    file: str
    source: Source
    init: dict[str, Value]
    threads: tuple[Execute, ...]
    question: Question
    expected: str | None
    code: tuple[object, ...] = ()  # the syntax trees of a C test
    registers: Mapping[int, Mapping[str, Value]] = {}  # their initial values


@define
class Parts:
    """The parts of a file: positions in its text."""

    source: Source
    arch: str
    name: str
    clean: str  # the text without ``(* *)`` comments; in C, right outside process bodies only
    init: tuple[int, int]
    program: int


ARCHITECTURES = ("C", "PPC", "X86_64", "AArch64")

#: The default number of rounds of a loop.
UNROLL = 2


def read(path: str | Path, *, unroll: int = UNROLL) -> Litmus:
    """Return the litmus test of a file.

    Raises
    ------
    LitmusError
        If it cannot be read; with file, line and column.
    """
    text = Path(path).read_bytes().decode("utf-8", errors="replace")
    return parse(text, str(path), unroll=unroll)


def parse(text: str, file: str = "<litmus>", *, unroll: int = UNROLL) -> Litmus:
    """Return the litmus test of a text; `file` names it in errors.

    Examples
    --------
    >>> test = parse('''C MP
    ... {}
    ... P0(int *x) { WRITE_ONCE(*x, 1); }
    ... exists (x=1)''')
    >>> test.arch, test.name, test.question.text()
    ('C', 'MP', 'exists ([x]=1)')
    """
    source = Source(text, file)
    parts = _split(source)
    if parts.arch == "C":
        from modelcheck.litmus.clang import read_program
    else:
        from modelcheck.litmus.assembly import read_program
    try:
        return read_program(parts, unroll)
    except RecursionError:
        source.fail(0, "brackets or statements stand too deep in each other in this test")


def _split(source: Source) -> Parts:
    text = source.text
    clean = without_comments(text)
    first = re.compile(r"\s*(\w+)[ \t]+(\S[^\n]*?)[ \t\r]*(?:\n|$)").match(clean)
    if first is None:
        source.fail(
            0, "this is no litmus test", "Its first line is an architecture and a name: `C MP`."
        )
    arch = first.group(1)
    if arch not in ARCHITECTURES:
        source.fail(
            first.start(1),
            f"unknown architecture `{arch}`",
            f"These can be read: {', '.join(ARCHITECTURES)}.",
        )
    opened = _outside_strings(clean, "{", first.end())
    if opened is None:
        source.fail(len(text), "no initial state", "Write `{}` before the program.")
    closed = _matching(clean, opened)
    if closed is None:
        source.fail(opened, "`{` is never closed", "The initial state ends with `}`.")
    name = first.group(2).removesuffix(".litmus")  # some authors write the file's name
    return Parts(source, arch, name, clean, (opened + 1, closed), closed + 1)


def _outside_strings(text: str, wanted: str, at: int) -> int | None:
    for match in re.compile(r'"[^"\n]*"|' + re.escape(wanted)).finditer(text, at):
        if match.group() == wanted:
            return match.start()
    return None


def _matching(text: str, opened: int) -> int | None:
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, opened):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return None


@define
class Init:
    """The initial state: locations, and registers of each process."""

    locations: dict[str, Value]
    registers: dict[int, dict[str, Value]]
    named: set[str]  # every location that the section names, also without a value
    arrays: dict[str, Array] = field(factory=dict)
    kinds: dict[str, Kind] = field(factory=dict)  # of the locations; an array has that of its cells
    register_kinds: dict[int, dict[str, Kind]] = field(factory=dict)

    def kind(self, name: str) -> Kind:
        """Return the type of a location, or of an array's cells."""
        return self.kinds.get(name.partition("+")[0], Kind())

    def memory(self, file: str) -> Memory:
        """Return what an instruction set needs to know of the locations."""
        lengths = {name: array.size * array.stride for name, array in self.arrays.items()}
        return Memory(file, self.kinds, lengths)

    def settle(self, typed: bool) -> None:
        """Let pointers to cells lead to them, and in assembly every number fit its type."""
        for name, value in self.locations.items():
            value = self._pointer(value)
            self.locations[name] = self.kind(name).fit(value) if typed else value
        for registers in self.registers.values():
            for name, value in registers.items():
                registers[name] = self._pointer(value)

    def _pointer(self, value: Value) -> Value:
        if not isinstance(value, str) or "[" not in value:
            return value
        name, _, index = value.rstrip("]").partition("[")
        return self.arrays.get(name, Array(0)).cell(name, int(index))


def read_init(parts: Parts, register: Callable[[str], str | None] = str) -> Init:
    """Return the initial state of a file."""
    cursor = Cursor(parts.source, *parts.init, text=parts.clean)
    init = Init({}, {}, set())
    while cursor.token.kind != "end":
        if cursor.accept(";"):
            continue
        _item(cursor, init, register, parts.arch != "C")
        if cursor.token.kind != "end":
            cursor.expect(";", "Initial values are separated by `;`.")
    init.settle(parts.arch != "C")
    return init


def _item(
    cursor: Cursor, init: Init, register: Callable[[str], str | None], addressed: bool
) -> None:
    """Read ``x=1``, ``int *x = &y``, ``0:r1=x``, ``int x[2] = {1, 2}``, or a mere declaration."""
    start = cursor.token
    words = []
    brackets = 0
    while cursor.token.kind != "end" and not cursor.at("=", ";"):
        if cursor.at("["):
            brackets += 1
        words.append(cursor.advance())
    size: int | None = None
    if len(words) >= 3 and words[-1].text == "]" and words[-3].text == "[":
        size = number(words[-2].text) if words[-2].kind == "number" else None
        words = words[:-3] if size is not None else [w for w in words if w.text not in "[]"]
    if not words or words[-1].kind != "name":
        cursor.fail("a location or register expected", "Write `x=1;` or `0:r1=x;`.", start)
    name = words[-1].text
    kind = kind_of([word.text for word in words[:-1]])
    values: list[Value] | None = None
    if cursor.accept("="):
        values = _values(cursor)
    if len(words) >= 3 and words[-2].text == ":":
        digits = words[-3].text.removeprefix("P")
        if not digits.isdigit():
            cursor.fail(f"`{words[-3].text}` is no process", "", words[-3])
        known = known_register(cursor, register, words[-1], name)
        init.registers.setdefault(int(digits), {})[known] = values[0] if values else 0
        init.register_kinds.setdefault(int(digits), {})[known] = kind
    elif size is not None:
        if size > LARGEST:
            cursor.fail(f"an array of {size} cells is too large", f"At most {LARGEST}.", start)
        array = init.arrays[name] = Array(size, kind.size if addressed else 1)
        init.kinds[name] = kind
        for i, value in enumerate((values or []) + [0] * (size - len(values or []))):
            init.locations[array.cell(name, i)] = value
        init.named.add(name)
    else:
        init.named.add(name)
        init.kinds[name] = kind
        init.locations[name] = values[0] if values else 0


def _values(cursor: Cursor) -> list[Value]:
    if cursor.accept("{"):
        values = [_value(cursor)]
        while cursor.accept(","):
            values.append(_value(cursor))
        cursor.expect("}")
        return values
    return [_value(cursor)]


def _value(cursor: Cursor) -> Value:
    if cursor.token.text in ("ATOMIC_INIT", "ATOMIC64_INIT") and cursor.peek().text == "(":
        cursor.advance()
        cursor.advance()
        value = _value(cursor)
        cursor.expect(")")
        return value
    if cursor.accept("("):
        value = _value(cursor)
        cursor.expect(")")
        return value
    cursor.accept("&", "*")
    sign = -1 if cursor.accept("-") else 1
    token = cursor.advance()
    if token.kind == "number":
        return sign * number(token.text)
    if token.kind == "name":
        if cursor.accept("["):
            index = number(cursor.advance().text)
            cursor.expect("]")
            return f"{token.text}[{index}]"
        return token.text
    return cursor.fail(
        f"a value expected, found `{token.text}`", "A number, or a location's name.", token
    )


def read_question(
    parts: Parts,
    at: int,
    init: Init,
    processes: int,
    register: Callable[[str], str | None] = str,
) -> Question:
    """Return the question, which begins at a position of the file."""
    text = parts.source.text[:at] + without_comments(parts.source.text[at:])
    cursor = Cursor(parts.source, at, len(text), text=text)
    question = ConditionReader(cursor, register, init.arrays, processes).question()
    return question if parts.arch == "C" else fitted(question, init)


def fitted(question: Question, init: Init) -> Question:
    """Return a question whose numbers are as the types of their places have them."""

    def kind(place: Place) -> Kind:
        if place.proc is None:
            return init.kind(place.name)
        return init.register_kinds.get(place.proc, {}).get(place.name, Kind())

    def fit(place: Place, value: Value) -> Value:
        return kind(place).fit(value)

    wanted = question.filter and question.filter.with_values(fit)
    return evolve(question, proposition=question.proposition.with_values(fit), filter=wanted)


LARGEST = 4096  # cells of an array
RESULT = re.compile(r"Result:\s*([A-Za-z-]+)(?:[ \t]+(DATARACE|RACE)\b)?", re.IGNORECASE)


def expected_result(text: str) -> str | None:
    """Return what a ``Result:`` comment promises: ``Never``, ``Sometimes DATARACE``, or None.

    Examples
    --------
    >>> expected_result("(* Result: Sometimes DATARACE *)"), expected_result("C MP")
    ('Sometimes DATARACE', None)
    """
    found = RESULT.search(text)
    if found is None:
        return None
    words = {w.lower(): w for w in ("Never", "Sometimes", "Always", "DEADLOCK", "DATARACE")}
    first = words.get(found.group(1).lower())
    if first is None:
        return None
    return f"{first} DATARACE" if found.group(2) else first


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return the litmus files that the paths name, those in folders sorted.

    Raises
    ------
    LitmusError
        If a path does not exist, or a folder has no litmus file.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        found = sorted(path.rglob("*.litmus")) if path.is_dir() else [path]
        if not found or not path.exists():
            what = "has no file *.litmus" if path.is_dir() else "does not exist"
            raise LitmusError(f"{path} {what}", "Name a litmus file, or a folder of them.")
        files += found
    return files


__all__ = ["Litmus", "Parts", "expected_result", "find_files", "parse", "read", "read_init"]
