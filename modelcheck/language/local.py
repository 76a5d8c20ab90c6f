"""Local states: what a process is between two of its steps, and how to get there again.

A generator cannot be copied, so a local state keeps the results that were sent into one run that
reached it; to go on from it, a new generator is run through that history (`Run.replay`). The replay
is also the check that the process is a function of what it read: it must arrive at the same key.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Generator, Hashable, Mapping
from types import CodeType, GeneratorType, MethodType
from typing import Any

from attrs import define, field, frozen

from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.frames import Frame, Suspension, suspend
from modelcheck.language.lint import lint
from modelcheck.language.process import Process
from modelcheck.language.source import text_of
from modelcheck.language.steps import AtLabel, Label, Step, Until, as_step
from modelcheck.tables.tables import Restart
from modelcheck.tables.tries import Failure
from modelcheck.tables.values import is_immutable
from modelcheck.verdict import Kind

#: Local variables that properties read, by the code that they belong to: kept even where dead.
Observed = Mapping[CodeType, frozenset[str]]


@frozen(eq=False)
class Kept:
    """The variables that one function on a process's call chain holds, copied."""

    code: CodeType
    locals: dict[str, Any]


@define(eq=False)
class LocalState:
    """One local state of one process; a value of the process's slot.

    `status` is ``"running"``, ``"finished"`` or ``"absent"`` (not spawned yet, or joined). `places` are
    the names that `at` answers to: labels in force and functions on the call chain.
    """

    key: Hashable
    status: str
    parent: LocalState | None = None
    sent: Any = None
    depth: int = 0
    label: str = ""
    file: str = ""
    line: int = 0
    function: str = ""
    spot: tuple[CodeType, int] | None = None
    places: frozenset[str] = frozenset()
    end: bool = False
    frames: tuple[Kept, ...] = ()
    receives: Mapping[str, int | None] = field(factory=dict)

    def history(self) -> list[Any]:
        """Return the results to send, in order, to bring a new generator here."""
        sent: list[Any] = []
        here: LocalState = self
        while here.parent is not None:
            sent.append(here.sent)
            here = here.parent
        return sent[::-1]

    def variables(self) -> dict[str, Any]:
        """Return the live local variables by name; the outermost frame's win a clash of names."""
        shown: dict[str, Any] = {}
        for frame in self.frames:
            for name, value in frame.locals.items():
                shown.setdefault(name, value)
        return shown

    def __repr__(self) -> str:
        return f"{self.function}:{self.line} {self.label}" if self.function else self.status


FINISHED = LocalState(("finished",), "finished")
ABSENT = LocalState(("absent",), "absent")


class Fails(Exception):
    """The user's code failed: carries the `Failure`."""

    def __init__(self, failure: Failure):
        super().__init__(failure.message)
        self.failure = failure


def failure_of(error: Exception, fallback: tuple[str, int]) -> Failure:
    """Return what an exception of the user's code means: an assertion or an exception, and where."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not context.is_ours(f.filename)]
    where = frames[-1] if frames else None
    file, line = (where.filename, where.lineno or 0) if where else fallback
    if isinstance(error, AssertionError):
        text = str(error) or (where.line if where else "") or "assert"
        return Failure(Kind.ASSERTION, text, file, line)
    message = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, AttributeError) and getattr(error, "name", "") in _REF_METHODS:
        message += " (inside a step names are plain values: assign, or use operators)"
    return Failure(Kind.EXCEPTION, message, file, line)


_REF_METHODS = {"set", "add", "swap", "cas", "update"}


class Run:
    """One run of a process's generator, stopped at its pending step or ended."""

    def __init__(self, process: Process, observed: Observed):
        self.process, self.observed = process, observed
        self._run = context.Run()
        self._taken: dict[int, Step] = {}
        self.generator: Generator[Any, Any, Any] = process.start()
        self.step: Step | None = None
        self.ended = False

    @classmethod
    def replay(cls, process: Process, local: LocalState, observed: Observed) -> Run:
        """Return a run that has come to `local`; raise `ModelError` if it arrives elsewhere."""
        run = cls(process, observed)
        run.send(None)
        for result in local.history():
            if run.ended:
                break
            run.send(result)
        if run.ended or run.key() != local.key:
            raise _nondeterministic(process, local, run)
        return run

    def send(self, result: Any) -> None:
        """Run the process's code to its next step, or to its end. Raises `Fails`."""
        if not is_immutable(result):
            result = copy.deepcopy(result)  # the process may change what it got
        self._run.made.clear()
        try:
            with context.running_process(self._run):
                yielded = self.generator.send(result)
        except StopIteration:
            self.step, self.ended = None, True
        except (ModelError, Restart):
            raise
        except Exception as error:
            code = self.process.function.__code__
            fallback = (code.co_filename, code.co_firstlineno)
            raise Fails(failure_of(error, fallback)) from None
        else:
            self._lint()
            self.step = self._accept(yielded)
        self._check_forgotten()

    def _lint(self) -> None:
        """Look at the source of every generator on the chain that was not seen before."""
        inner: Any = self.generator
        while isinstance(inner, GeneratorType):
            lint(inner)
            inner = inner.gi_yieldfrom

    def _accept(self, yielded: Any) -> Step:
        """Return the yielded step, or raise a `ModelError` that says what was wrong with it."""
        step = as_step(yielded)
        if step is None:
            raise self._error(f"{self._name()} yielded {yielded!r}, which is no step", _remedy(yielded))
        if id(step) in self._taken:
            raise self._error(
                f"{self._name()} yielded the same step object twice: `{step.text}`",
                "A step describes one use. Build it where you yield it: `yield x.add(1)`.",
            )
        self._taken[id(step)] = step
        return step

    def _check_forgotten(self) -> None:
        """Find steps that were made and dropped: somebody forgot a `yield`."""
        for made, file, line, text in self._run.made:
            if made() is None:
                raise ModelError(
                    f"the step `{text}` was made but never yielded",
                    f"A step does nothing until it is yielded: write `yield {text}`.",
                    file=file,
                    line=line,
                )

    def suspension(self) -> Suspension:
        """Return where the generator stands."""
        return suspend(self.generator, self.observed)  # type: ignore[arg-type] # a GeneratorType

    def key(self) -> Hashable:
        """Return what makes this local state differ from every other one of the process."""
        return self.suspension().key((self.step,))

    def local(self, parent: LocalState | None, sent: Any) -> LocalState:
        """Return the local state that this run has reached."""
        if self.ended:
            return FINISHED
        assert self.step is not None
        where = self.suspension()
        frame = _shown_frame(where)
        labels = [held for f in where.frames for held in map(_label_of, f.stack) if held]
        if isinstance(self.step, AtLabel):
            labels.append(self.step.label)
        return LocalState(
            key=where.key((self.step,)),
            status="running",
            parent=parent,
            sent=sent,
            depth=parent.depth + 1 if parent else 0,
            label=self.step.text,
            file=frame.code.co_filename,
            line=frame.line,
            function=where.frames[-1].code.co_name,
            spot=(frame.code, frame.offset),
            places=frozenset([x.name for x in labels] + [f.code.co_name for f in where.frames]),
            end=any(x.end for x in labels) or (isinstance(self.step, Until) and self.step.end),
            frames=tuple(_keep(f) for f in where.frames),
            receives=_receives(self.step),
        )

    def _name(self) -> str:
        return self.process.group

    def _error(self, what: str, remedy: str) -> ModelError:
        frame: Any = self.generator
        while isinstance(frame.gi_yieldfrom, GeneratorType):
            frame = frame.gi_yieldfrom
        here = frame.gi_frame
        return ModelError(what, remedy, file=here.f_code.co_filename, line=here.f_lineno)


def _remedy(yielded: Any) -> str:
    if isinstance(yielded, GeneratorType):
        name = yielded.gi_code.co_name
        return f"{name} is a generator: its steps are taken with `yield from {name}(...)`."
    if yielded is None:
        return "A bare `yield` names no step; use label('...') for a step that does nothing."
    if isinstance(yielded, Process):
        return "To start a process write `yield spawn(...)`."
    if hasattr(type(yielded), "__modelcheck_fields__") or hasattr(yielded, "bind"):
        return "It is a whole part of the state; a step names one location of it, `yield part.field`."
    if callable(yielded):
        return f"It is a function: `yield until({text_of(yielded)})`, or `yield atomic(...)`?"
    return "Yield a step: a reference (a load), x.set(v), x.add(1), until(...), choose(...), ..."


def _label_of(item: Any) -> Label | None:
    if isinstance(item, MethodType):
        item = item.__self__
    return item if isinstance(item, Label) else None


def _shown_frame(where: Suspension) -> Frame:
    """Return the deepest frame of the user's own code: the line that a trace names."""
    for frame in reversed(where.frames):
        if not context.is_ours(frame.code.co_filename):
            return frame
    return where.frames[-1]


@frozen
class Opaque:
    """A local variable that cannot be kept for display (an iterator, a generator): its text."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _keep(frame: Frame) -> Kept:
    """Return copies of a frame's variables, for properties and traces."""
    return Kept(frame.code, {name: _copy(value) for name, value in frame.locals.items()})


def _copy(value: Any) -> Any:
    if is_immutable(value):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:
        return Opaque(f"<{type(value).__name__}>")


def _receives(step: Step) -> dict[str, int | None]:
    """Return the rendezvous channels that `step` waits on, with the index in an `either`."""
    found: dict[str, int | None] = {}
    for index, one in enumerate(getattr(step, "options", ())):
        if isinstance(one, Step):
            found.update({name: index for name in _receives(one)})
    channel = getattr(step, "channel", None)
    if channel is not None and type(step).__name__ == "Receive" and channel.capacity == 0:
        found[channel.name] = None
    return found


def _nondeterministic(process: Process, local: LocalState, run: Run) -> ModelError:
    arrived = "ended" if run.ended else f"was at line {run.local(None, None).line}: {run.step}"
    detail = "" if run.ended else _difference(local, run.local(None, None))
    return ModelError(
        f"{process.group} is not a function of what it read: with the same results it was first at "
        f"`{local.label}` and then {arrived}{detail}",
        "It depends on something outside the model: a clock, a random number, a global list, the order "
        "of a set. Put that into the state, or use choose().",
        file=local.file,
        line=local.line,
    )


def _difference(first: LocalState, second: LocalState) -> str:
    before, after = first.variables(), second.variables()
    for name in before:
        if repr(before[name]) != repr(after.get(name)):
            return f" ({name} was {before[name]!r}, then {after.get(name)!r})"
    return ""
