"""Local states: what a process is between two of its steps, and how to get there again.

A generator cannot be copied, so a local state keeps the results that were sent into one run that
reached it; to go on from it, a new generator is run through that history (`Run.replay`). The replay
is also the check that the process is a function of what it read: it must arrive at the same key.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping
from types import CodeType, GeneratorType, MethodType
from typing import Any

from attrs import define, field, frozen

from modelcheck.errors import ModelError
from modelcheck.language import context, letting_go
from modelcheck.language.channels import Receive
from modelcheck.language.children import Join, note_joined
from modelcheck.language.endless import too_deep
from modelcheck.language.frames import Frame, Suspension, drops_result, held_in_vain, suspend
from modelcheck.language.lint import lint
from modelcheck.language.process import Place, Process
from modelcheck.language.source import shown, text_of
from modelcheck.language.steps import AtLabel, Either, Label, Step, as_step
from modelcheck.tables.immutable import is_immutable
from modelcheck.tables.tables import Restart
from modelcheck.tables.tries import Failure
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

    `status` is ``"running"``, ``"finished"`` or ``"absent"`` (not spawned yet, or joined). `places`
    are the names that `at` answers to: labels in force and functions on the call chain. `waiting`
    is what a store buffer holds, oldest first: (slot, value id). `telling` tells by the pending
    step's result which of several ways it went.
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
    waiting: tuple[tuple[int, int], ...] = ()
    receives: Mapping[str, tuple[tuple[int, ...], ...]] = field(factory=dict)
    telling: Callable[[Any], str] | None = None

    def history(self) -> list[Any]:
        """Return the results to send, in order, to bring a new generator here."""
        sent: list[Any] = []
        here: LocalState = self
        while here.parent is not None:
            sent.append(here.sent)
            here = here.parent
        return sent[::-1]

    def variables(self) -> dict[str, Any]:
        """Return the live local variables of the user's functions, by name.

        The outermost function's win a clash of names; those of modelcheck's own subroutines are
        left out.
        """
        shown: dict[str, Any] = {}
        for frame in self.frames:
            if context.is_ours(frame.code.co_filename):
                continue
            for name, value in frame.locals.items():
                shown.setdefault(name, value)
        return shown

    def __repr__(self) -> str:
        return f"{self.function}:{self.line} {self.label}" if self.function else self.status


FINISHED = LocalState(("finished",), "finished")
ABSENT = LocalState(("absent",), "absent")


class Fails(Exception):
    """The user's code failed: carries the `Failure`; before a first step, the agent too."""

    def __init__(self, failure: Failure, agent: int = -1):
        super().__init__(failure.message)
        self.failure, self.agent = failure, agent


#: What process code may raise that is the model's behaviour: all but Ctrl-C.
RAISED = (Exception, SystemExit, GeneratorExit)


def failure_of(error: BaseException, fallback: tuple[str, int]) -> Failure:
    """Return what an exception of the user's code means: an assertion or another one, and where."""
    every = traceback.extract_tb(_raised(error).__traceback__)
    if every and context.is_ours(every[-1].filename) and isinstance(error, _OUR_MISTAKES):
        raise error  # never shown as a violation of the user's model
    frames = [f for f in every if not context.is_ours(f.filename)]
    where = frames[-1] if frames else None
    file, line = (where.filename, where.lineno or 0) if where else fallback
    if isinstance(error, AssertionError):
        text = said(error) or (where.line if where else "") or "assert"
        return Failure(Kind.ASSERTION, text, file, line)
    message = f"{type(error).__name__}: {said(error)}".rstrip(": ")
    return Failure(Kind.EXCEPTION, message, file, line)


def _raised(error: BaseException) -> BaseException:
    """Return what the user's code raised: Python lets no StopIteration out of a generator."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration):
        return error.__cause__ if said(error) == "generator raised StopIteration" else error
    return error


def said(error: BaseException) -> str:
    """Return an exception's text, also where its class fails to make it."""
    try:
        return str(error)
    except Exception as another:
        return f"<no text: {type(another).__name__}>"


#: What only a defect of modelcheck itself raises in its own code.
_OUR_MISTAKES = (NameError, AttributeError, ImportError)


class Run:
    """One run of a process's generator, stopped at its pending step or ended."""

    def __init__(self, process: Process, observed: Observed):
        letting_go.close_left()
        self.process, self.observed = process, observed
        self._run = context.Run()
        self._taken: dict[int, Step] = {}
        self.generator: Generator[Any, Any, Any] = process.start()
        letting_go.hold(self, self.generator)
        self.step: Step | None = None
        self.ended = False
        self._lint()

    def __del__(self) -> None:
        letting_go.let_go(self)

    @classmethod
    def replay(cls, process: Process, local: LocalState, observed: Observed) -> Run:
        """Return a run that has come to `local`; raise `ModelError` if it arrives elsewhere."""
        run = cls(process, observed)
        run.go_on(local, [None, *local.history()])
        return run

    def go_on(self, local: LocalState, results: list[Any]) -> None:
        """Send results that lead to `local`; raise `ModelError` if the run arrives elsewhere."""
        try:
            self._pass_through(results[:-1])
            if results and not self.ended:
                self.send(results[-1])
        except Fails as fails:
            raise _nondeterministic(self.process, local, self, fails.failure.message) from None
        if self.ended or self.key() != local.key:
            raise _nondeterministic(self.process, local, self)

    def _pass_through(self, history: list[Any]) -> None:
        """Send results one after the other; what they lead to was looked at when first met."""
        send, taken = self.generator.send, self._taken
        try:
            with context.running_process(self._run):
                step: Any = self.step
                for result in history:
                    if type(step) is Join or type(step) is Either:
                        note_joined(step, result)
                    step = send(result if is_immutable(result) else copy.deepcopy(result))
                    taken[id(step)] = step
                self.step = step
            made = self._run.made  # one that is still held may be dropped later
            made[:] = [entry for entry in made if entry[0]() is not None]
        except StopIteration:
            self.ended = True
        except (ModelError, Restart):
            raise
        except RAISED as error:
            code = self.process.function.__code__
            raise Fails(failure_of(error, (code.co_filename, code.co_firstlineno))) from None

    def send(self, result: Any) -> None:
        """Run the process's code to its next step, or to its end. Raises `Fails`."""
        result = self.own(result)
        note_joined(self.step, result)
        try:
            with context.running_process(self._run):
                yielded = self.generator.send(result)
        except StopIteration:
            self.step, self.ended = None, True
        except (ModelError, Restart):
            raise
        except RAISED as error:
            code = self.process.function.__code__
            fallback = (code.co_filename, code.co_firstlineno)
            raise Fails(failure_of(error, fallback)) from None
        else:
            self._lint()
            self.step = self._accept(yielded)
        self._check_forgotten()

    def own(self, result: Any) -> Any:
        """Return what the process gets for `result`: a copy, if it could change it."""
        try:
            return result if is_immutable(result) else copy.deepcopy(result)
        except Exception as error:
            raise self._error(
                f"the result of `{self.step}` is {shown(result)}, which cannot be copied: "
                f"{said(error)}",
                "It is handed out in many interleavings, to each its own: let the function return "
                "plain values (numbers, strings, tuples, lists, dicts, ...).",
            ) from None

    def chain(self) -> Iterator[GeneratorType[Any, Any, Any]]:
        """Go over the generators from the process's own down to the one that is suspended."""
        inner: Any = self.generator
        while isinstance(inner, GeneratorType):
            yield inner
            inner = inner.gi_yieldfrom

    @property
    def discards(self) -> bool:
        """Whether the process drops the result of its pending step, as a bare ``yield x`` does."""
        *_, inner = self.chain()
        frame = inner.gi_frame
        return frame is not None and drops_result(inner.gi_code, frame.f_lasti)

    def _lint(self) -> None:
        """Look at the source of every generator on the chain that was not seen before."""
        for generator in self.chain():
            lint(generator)

    def _accept(self, yielded: Any) -> Step:
        """Return the yielded step, or raise a `ModelError` that says what was wrong with it."""
        self._check_delegate()
        step = as_step(yielded)
        if step is None:
            what = f"{self._name()} yielded {shown(yielded)}, which is no step"
            raise self._error(what, _remedy(yielded))
        if id(step) in self._taken:
            raise self._error(
                f"{self._name()} yielded the same step object twice: `{step.text}`",
                "A step describes one use. Build it where you yield it: `yield x.add(1)`.",
            )
        self._taken[id(step)] = step
        return step

    def _check_delegate(self) -> None:
        """Refuse `yield from` of a collection: nothing there takes the steps' results."""
        *_, inner = self.chain()
        walked = inner.gi_yieldfrom
        if walked is not None and not hasattr(walked, "send"):
            raise self._error(
                f"{self._name()} says `yield from` of a collection (a {type(walked).__name__}), "
                "which cannot take a step's result",
                "`yield from` is for subroutines. Take the steps one by one: "
                "`for x in ...: v = yield x`.",
            )

    def _check_forgotten(self) -> None:
        """Find steps that were made and dropped: somebody forgot a `yield`."""
        waiting = []
        for entry in self._run.made:
            made, file, line, text = entry
            step = made()
            if step is None or (id(step) not in self._taken and held_in_vain(step, self.chain())):
                raise ModelError(
                    f"the step `{text}` was made but never yielded",
                    "A step does nothing until it is yielded: write `yield` before it.",
                    file=file,
                    line=line,
                )
            if id(step) not in self._taken:
                waiting.append(entry)
        self._run.made[:] = waiting

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
        place = self._place(frame.code, frame.line)
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
            file=place.file,
            line=place.line,
            function=_shown_function(where) or self._name(),
            spot=(frame.code, frame.offset),
            places=frozenset([x.name for x in labels] + [f.code.co_name for f in where.frames]),
            end=any(x.end for x in labels) or self.step.end,
            frames=tuple(_keep(f) for f in where.frames),
            receives=_receives(self.step),
            telling=self.step.telling(),
        )

    def _name(self) -> str:
        return self.process.group

    def _error(self, what: str, remedy: str) -> ModelError:
        *_, innermost = chain = [g.gi_frame for g in self.chain() if g.gi_frame is not None]
        theirs = [f for f in chain if not context.is_ours(f.f_code.co_filename)]
        frame = theirs[-1] if theirs else innermost
        place = self._place(frame.f_code, frame.f_lineno)
        return ModelError(what, remedy, file=place.file, line=place.line)

    def _place(self, code: CodeType, line: int) -> Place:
        """Return a line of the user's as it is; for one of ours, the line that called for it."""
        made = self.process.made
        return (
            made
            if made.file and context.is_ours(code.co_filename)
            else Place(code.co_filename, line)
        )


def _remedy(yielded: Any) -> str:
    if isinstance(yielded, GeneratorType):
        name = yielded.gi_code.co_name
        return f"{name} is a generator: its steps are taken with `yield from {name}(...)`."
    if yielded is None:
        return "A bare `yield` names no step; use label('...') for a step that does nothing."
    if isinstance(yielded, Process):
        return "To start a process write `yield spawn(...)`."
    if hasattr(type(yielded), "__modelcheck_fields__") or hasattr(yielded, "bind"):
        return (
            "It is a whole part of the state; a step names one location of it, `yield part.field`."
        )
    if callable(yielded):
        given = text_of(yielded)
        given = f"lambda: {given}" if getattr(yielded, "__name__", "") == "<lambda>" else given
        waits = f"`yield until({given})` waits for it"
        return f"It is a function: {waits}, `v = yield atomic(...)` runs it."
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


def _shown_function(where: Suspension) -> str:
    """Return the name of the innermost function that a user may know; empty where there is none."""
    for frame in reversed(where.frames):
        name: str = frame.code.co_name
        if not (name.startswith("_") and context.is_ours(frame.code.co_filename)):
            return name
    return ""


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


def _receives(step: Step) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return the rendezvous channels that `step` waits on, each with its indices in an `either`."""
    if isinstance(step, Receive) and step.channel.capacity == 0:
        return {step.channel.name: ((),)}
    found: dict[str, tuple[tuple[int, ...], ...]] = {}
    if isinstance(step, Either):
        for index, one in enumerate(step.options):
            for name, paths in _receives(one).items():
                found[name] = (*found.get(name, ()), *((index, *path) for path in paths))
    return found


def _nondeterministic(
    process: Process, local: LocalState, run: Run, raised: str = ""
) -> ModelError:
    if raised.startswith(RecursionError.__name__):
        return too_deep(process, local)
    if raised:
        arrived, detail = f"failed: {raised}", ""
    else:
        arrived, detail = _arrival(local, run)
    return ModelError(
        f"{process.group} is not a function of what it read: with the same results it was first at "
        f"`{local.label}` and then {arrived}{detail}",
        "It depends on something outside the model: a clock, a random number, a global list, the "
        "order of a set. Put that into the state, or use choose().",
        file=local.file,
        line=local.line,
    )


def _arrival(local: LocalState, run: Run) -> tuple[str, str]:
    """Return where a run came to, and which variable differs from that of `local`."""
    if run.ended:
        return "ended", ""
    here = run.local(None, None)
    return f"was at line {here.line}: {run.step}", _difference(local, here)


def _difference(first: LocalState, second: LocalState) -> str:
    before, after = first.variables(), second.variables()
    for name in before:
        old, new = shown(before[name]), shown(after.get(name))
        if old != new:
            return f" ({name} was {old}, then {new})"
    return ""
