"""The last part of a litmus file: `locations`, `filter`, and the condition on final states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from modelcheck.axiomatic.execution import Value
from modelcheck.litmus.scan import Cursor, Token, number


@frozen
class Array:
    """An array of a test: its number of cells, and how far apart their addresses are."""

    size: int
    stride: int = 1

    def cell(self, name: str, index: int) -> str:
        """Return the name in memory of a cell, which is also the value of a pointer to it."""
        return f"{name}+{index * self.stride}" if index else name


@frozen(order=True)
class Place:
    """Where a final value is found: a register of a thread, or a memory location (`proc` None).

    ``name`` is the location's name in memory; a cell of an array has its number in ``index``.
    """

    proc: int | None
    name: str
    index: int | None = None

    def text(self, brackets: bool = False) -> str:
        """Return the place as herd7 writes it: ``0:r1``, ``x``, or ``[x]`` with brackets."""
        if self.proc is not None:
            return f"{self.proc}:{self.name}"
        if self.index is not None:
            return f"{self.name.partition('+')[0]}[{self.index}]"
        return f"[{self.name}]" if brackets else self.name


State = Mapping[Place, Value]


class Proposition:
    """A statement about a final state."""

    def holds(self, state: State) -> bool | None:
        """Return whether it is true; None if places that the state lacks decide it."""
        raise NotImplementedError

    def places(self) -> Iterator[Place]:
        """Return the places that it reads."""
        raise NotImplementedError

    def text(self, above: str = "top") -> str:
        """Return it as herd7 prints it inside an operator."""
        raise NotImplementedError

    def with_values(self, fit: Callable[[Place, Value], Value]) -> Proposition:
        """Return it with other values for the places."""
        raise NotImplementedError


@frozen
class Equal(Proposition):
    """A place has a value, or the value of another place."""

    place: Place
    value: Value | Place

    def holds(self, state: State) -> bool | None:
        left = state.get(self.place)
        right = state.get(self.value) if isinstance(self.value, Place) else self.value
        return None if left is None or right is None else left == right

    def places(self) -> Iterator[Place]:
        yield self.place
        if isinstance(self.value, Place):
            yield self.value

    def text(self, above: str = "top") -> str:
        value = self.value.text(True) if isinstance(self.value, Place) else str(self.value)
        return f"{self.place.text(True)}={value}"

    def with_values(self, fit: Callable[[Place, Value], Value]) -> Proposition:
        if isinstance(self.value, Place):
            return self
        return Equal(self.place, fit(self.place, self.value))


@frozen
class Not(Proposition):
    """A negation."""

    body: Proposition

    def holds(self, state: State) -> bool | None:
        value = self.body.holds(state)
        return None if value is None else not value

    def places(self) -> Iterator[Place]:
        return self.body.places()

    def text(self, above: str = "top") -> str:
        return f"not ({self.body.text()})"

    def with_values(self, fit: Callable[[Place, Value], Value]) -> Proposition:
        return Not(self.body.with_values(fit))


@frozen
class And(Proposition):
    """A conjunction; of nothing it is true."""

    parts: tuple[Proposition, ...]

    def holds(self, state: State) -> bool | None:
        values = [part.holds(state) for part in self.parts]
        return False if False in values else None if None in values else True

    def places(self) -> Iterator[Place]:
        for part in self.parts:
            yield from part.places()

    def text(self, above: str = "top") -> str:
        if not self.parts:
            return "true"
        inner = " /\\ ".join(part.text("and") for part in self.parts)
        return f"({inner})" if above == "implies" else inner

    def with_values(self, fit: Callable[[Place, Value], Value]) -> Proposition:
        return And(tuple(part.with_values(fit) for part in self.parts))


@frozen
class Or(Proposition):
    """A disjunction; of nothing it is false."""

    parts: tuple[Proposition, ...]

    def holds(self, state: State) -> bool | None:
        values = [part.holds(state) for part in self.parts]
        return True if True in values else None if None in values else False

    def places(self) -> Iterator[Place]:
        for part in self.parts:
            yield from part.places()

    def text(self, above: str = "top") -> str:
        if not self.parts:
            return "false"
        inner = " \\/ ".join(part.text("or") for part in self.parts)
        return f"({inner})" if above in ("and", "implies") else inner

    def with_values(self, fit: Callable[[Place, Value], Value]) -> Proposition:
        return Or(tuple(part.with_values(fit) for part in self.parts))


@frozen
class Implies(Proposition):
    """An implication."""

    first: Proposition
    second: Proposition

    def holds(self, state: State) -> bool | None:
        return Or((Not(self.first), self.second)).holds(state)

    def places(self) -> Iterator[Place]:
        yield from self.first.places()
        yield from self.second.places()

    def text(self, above: str = "top") -> str:
        inner = f"{self.first.text('implies')} => {self.second.text('implies')}"
        return f"({inner})" if above in ("and", "or") else inner

    def with_values(self, fit: Callable[[Place, Value], Value]) -> Proposition:
        return Implies(self.first.with_values(fit), self.second.with_values(fit))


#: What the condition asks: whether some, no, or every final state satisfies it.
QUANTIFIERS = ("exists", "~exists", "forall")


@frozen
class Question:
    """The condition of a test with its quantifier, what it prints besides, and its filter."""

    quantifier: str
    proposition: Proposition
    locations: tuple[Place, ...] = ()
    filter: Proposition | None = None

    def text(self) -> str:
        """Return the condition as herd7 prints it."""
        return f"{self.quantifier} ({self.proposition.text()})"

    def observed(self) -> list[Place]:
        """Return the places that a printed state shows, registers first."""
        places = {*self.proposition.places(), *self.locations}
        return sorted(places, key=lambda p: (p.proc is None, p.proc or 0, p.name))


class ConditionReader:
    """Reads what follows the program.

    Parameters
    ----------
    cursor : Cursor
        At the first word after the program.
    register : function of a name
        Returns the canonical name of a register as the program's language writes it, None for none.
    arrays : mapping, optional
        The arrays of the test.
    processes : int, optional
        How many processes there are.
    """

    def __init__(
        self,
        cursor: Cursor,
        register: Callable[[str], str | None] = str,
        arrays: Mapping[str, Array] | None = None,
        processes: int | None = None,
    ):
        self.cursor, self.register = cursor, register
        self.arrays, self.processes = arrays or {}, processes

    def question(self) -> Question:
        """Return all of it; an absent condition is ``forall (true)``."""
        cursor = self.cursor
        locations: list[Place] = []
        wanted = None
        while cursor.at("locations", "filter"):
            if cursor.accept("locations"):
                locations += self._locations()
            else:
                cursor.advance()
                wanted = self.proposition()
        quantifier, proposition = self._condition()
        cursor.accept(";")
        if cursor.accept("with"):
            while cursor.token.kind != "end":
                cursor.advance()
        if cursor.token.kind != "end":
            cursor.fail(
                f"the end of the test expected, found {cursor.found()}",
                "After the condition nothing else may stand.",
            )
        return Question(quantifier, proposition, tuple(locations), wanted)

    def _condition(self) -> tuple[str, Proposition]:
        cursor = self.cursor
        if cursor.accept("exists", "final"):
            return "exists", self.proposition()
        if cursor.accept("forall"):
            return "forall", self.proposition()
        if cursor.accept("~", "not"):
            cursor.expect("exists")
            return "~exists", self.proposition()
        if cursor.at("("):
            return "exists", self.proposition()
        if cursor.token.kind == "end":
            return "forall", And(())
        return cursor.fail(
            f"a condition expected, found {cursor.found()}",
            "It begins with `exists`, `~exists` or `forall`.",
        )

    def _locations(self) -> Iterator[Place]:
        cursor = self.cursor
        cursor.expect("[")
        while not cursor.accept("]"):
            if cursor.accept(";", ","):
                continue
            name = cursor.token.text
            if name in self.arrays and cursor.peek().text != "[":
                cursor.advance()
                array = self.arrays[name]
                yield from (Place(None, array.cell(name, i), i) for i in range(array.size))
            else:
                yield self._place()
            while cursor.at("*") or cursor.token.kind == "name":  # its type
                cursor.advance()

    def proposition(self) -> Proposition:
        """Return a statement: implications of disjunctions of conjunctions."""
        left = self._or()
        if self.cursor.accept("=>"):
            return Implies(left, self.proposition())
        return left

    def _or(self) -> Proposition:
        parts = [self._and()]
        while self.cursor.accept("\\/", "||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Proposition:
        parts = [self._not()]
        while self.cursor.accept("/\\", "&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Proposition:
        cursor = self.cursor
        if cursor.accept("~", "not", "!"):
            return Not(self._not())
        if cursor.accept("("):
            inner = self.proposition()
            cursor.expect(")", "A bracket is open.")
            return inner
        if cursor.accept("true"):
            return And(())
        if cursor.accept("false"):
            return Or(())
        return self._atom()

    def _atom(self) -> Proposition:
        cursor = self.cursor
        place = self._place()
        if cursor.accept("!="):
            return Not(Equal(place, self._value()))
        if not cursor.accept("=", "=="):
            cursor.fail(
                f"`=` expected, found {cursor.found()}", "Write `0:r1=1` for a register, `x=1`."
            )
        return Equal(place, self._value())

    def _place(self) -> Place:
        """Return ``0:r1``, ``P0:r1``, ``x``, ``*x``, ``[x]`` or ``x[1]``."""
        cursor = self.cursor
        if cursor.accept("["):
            place = self._place()
            cursor.expect("]")
            return place
        if cursor.accept("*"):
            return self._place()
        token = cursor.advance()
        if token.kind not in ("number", "name"):
            cursor.fail(
                f"a register or location expected, found `{token.text}`",
                "Write `0:r1` for a register, `x` for a location.",
                token,
            )
        if cursor.at(":"):
            cursor.advance()
            proc = _proc(token.text, cursor, token)
            if self.processes is not None and proc >= self.processes:
                cursor.fail(
                    f"there is no process {proc}", "They are numbered from 0, as P0, P1.", token
                )
            name = cursor.name("a register")
            return Place(proc, known_register(cursor, self.register, name, name.text))
        if token.kind == "number":
            cursor.fail(f"`:` expected after the process {token.text}, found {cursor.found()}")
        if cursor.at("[") and cursor.peek().kind == "number":
            index = self._index(token)
            return Place(None, self.arrays[token.text].cell(token.text, index), index)
        if token.text in self.arrays:
            cursor.fail(
                f"`{token.text}` is an array", f"Write `{token.text}[0]` for a cell.", token
            )
        return Place(None, token.text)

    def _index(self, name: Token) -> int:
        """Return the number in brackets that follows an array's name."""
        cursor = self.cursor
        cursor.advance()
        token = cursor.advance()
        cursor.expect("]")
        array = self.arrays.get(name.text)
        if array is None:
            cursor.fail(f"`{name.text}` is no array", f"Declare it: `int {name.text}[2];`.", name)
        index = number(token.text)
        if index >= array.size:
            cursor.fail(f"`{name.text}` has {array.size} cells", "They are numbered from 0.", token)
        return index

    def _value(self) -> Value | Place:
        cursor = self.cursor
        if cursor.at("[", "*"):
            return self._place()
        cursor.accept("&")
        sign = -1 if cursor.accept("-") else 1
        if cursor.peek().text == ":" and cursor.token.kind in ("number", "name"):
            return self._place()
        if cursor.token.kind == "number":
            return sign * number(cursor.advance().text)
        if cursor.token.kind == "name":
            token = cursor.advance()
            if cursor.at("[") and cursor.peek().kind == "number":
                index = self._index(token)
                return self.arrays[token.text].cell(token.text, index)
            return token.text
        return cursor.fail(f"a value expected, found {cursor.found()}")


def known_register(
    cursor: Cursor, register: Callable[[str], str | None], token: Token, name: str
) -> str:
    """Return the canonical name of a register, which a token ends in."""
    known = register(name)
    if known is None:
        cursor.fail(f"`{name}` is no register of this architecture", "", token)
    return known


def _proc(text: str, cursor: Cursor, token: Any) -> int:
    digits = text[1:] if text[:1] == "P" else text
    if not digits.isdigit():
        cursor.fail(f"`{text}` is no process", "Write its number: `0:r1`.", token)
    return int(digits)


__all__ = [
    "And",
    "Array",
    "ConditionReader",
    "Equal",
    "Not",
    "Or",
    "Place",
    "Proposition",
    "Question",
    "known_register",
]
