"""Models: functions with parameters that return a system, and what makes up a system."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial, update_wrapper
from html import escape
from typing import Any, ClassVar

from modelcheck.errors import ModelError, UsageError
from modelcheck.language.cells import bind, is_location, is_part
from modelcheck.language.expectation import Said, Stated, causes_of, changed
from modelcheck.language.process import Process, ProcessFunction
from modelcheck.language.properties import PropertyFunction
from modelcheck.language.refs import Binder, Ref, model_error
from modelcheck.language.toggles import Toggle, Toggles, toggles_of
from modelcheck.verdict import Expectation, Verdict


class System:
    """State, processes and properties: everything that is checked together.

    Parameters
    ----------
    state : an instance of a @state class, or a mapping from names to parts, arrays and channels
        With one part its fields are names of their own (``s.count``); with a mapping the parts are
        (``s.mm.count``).
    processes : iterable of Process
        Calls of `@process` functions.
    properties : iterable of properties
        Functions decorated with `always`, `sometimes` or `at_end`.
    deadlock : bool
        Whether it is a violation that nobody can step while a process has not ended properly.

    Raises
    ------
    ModelError
        Where something is not what it should be, or two things share a name.
    UsageError
        Where Python was started with ``-O``.
    """

    def __init__(
        self,
        state: Any,
        processes: Iterable[Process],
        properties: Iterable[PropertyFunction] = (),
        *,
        deadlock: bool = True,
    ):
        _refuse_dropped_asserts()
        self.state = state
        # Set by the model that builds it; a system built by hand has no name to replay by.
        self.name, self.file = "system", ""
        self.parameters: dict[str, Any] = {}
        self.stated: Stated | None = None
        #: What is expected, by memory model.
        self.expects: Callable[[str], Expectation] = lambda memory: Expectation(Verdict.HOLDS)
        self.names: dict[str, Any] = {}
        self.refs = self._bind(state)
        self.processes = [_checked_process(p) for p in _iterate(processes, "processes")]
        self.properties = [_checked_property(p) for p in _iterate(properties, "properties")]
        self.deadlock = deadlock
        self._check_names()

    def _bind(self, state: Any) -> list[Ref]:
        binder = Binder()
        if is_part(state):
            bind(state, "", binder)
            self.names = dict.fromkeys(type(state).__modelcheck_fields__)
            self.names[""] = state
        elif isinstance(state, Mapping):
            for name, node in state.items():
                if not is_location(node) or isinstance(node, Ref):
                    raise model_error(
                        f"the state's {name!r} is {node!r}, no part, array or channel",
                        "Give instances of @state classes, cells(...) or Channel(...).",
                    )
                bind(node, str(name), binder)
                self.names[str(name)] = node
        else:
            raise model_error(
                f"System(...) was given the state {state!r}",
                "Give an instance of a @state class, or a dict of names to such instances.",
            )
        return binder.refs

    def _check_names(self) -> None:
        groups = {p.group for p in self.processes}
        clash = groups & set(self.names)
        if clash:
            raise model_error(
                f"{', '.join(sorted(clash))!r} is both a process and a name of the state",
                "Properties could not tell them apart: rename one, or use walker(...).named('w').",
            )
        seen: set[str] = set()
        for prop in self.properties:
            if prop.name in seen:
                raise model_error(f"two properties are called {prop.name!r}", "Rename one of them.")
            seen.add(prop.name)


def _iterate(things: Any, what: str) -> list[Any]:
    if isinstance(things, (Process, PropertyFunction)):
        return [things]
    try:
        return list(things)
    except TypeError:
        raise model_error(f"System(...): {what} is {things!r}", "Give a list.") from None


def _refuse_dropped_asserts() -> None:
    """Raise `UsageError` under ``python -O``: a model's failing `assert` would not be found."""
    if sys.flags.optimize:
        raise UsageError(
            "Python was started with -O (or PYTHONOPTIMIZE), which drops every `assert`: one that "
            "fails in a process would never be found. Run without it"
        )


def _checked_process(process: Any) -> Process:
    if isinstance(process, ProcessFunction):
        name = process.name
        raise model_error(f"{name} is not called", f"Give an instance of it: `{name}(...)`.")
    if inspect.isgenerator(process):
        name = process.gi_code.co_name
        raise model_error(
            f"{name}(...) is a running generator, not a process",
            f"Decorate the function: write @process above `def {name}`.",
        )
    if not isinstance(process, Process):
        raise model_error(f"{process!r} is not a process", "Call a @process function.")
    return process


def _checked_property(prop: Any) -> PropertyFunction:
    if not isinstance(prop, PropertyFunction):
        raise model_error(
            f"{prop!r} is not a property",
            "Decorate the function with @always, @sometimes or @at_end.",
        )
    return prop


class Model:
    """A function that builds a `System`, with its parameters and its expected verdict."""

    def __init__(
        self, function: Callable[..., System], expect: Said, by: Said, toggles: Toggles = ()
    ):
        self.function = function
        self.name = function.__name__
        self.file = function.__code__.co_filename
        self.line = function.__code__.co_firstlineno
        self.stated = Stated(self.name, self.file, self.line, expect, by)
        update_wrapper(self, function)
        self.toggles = self._declared(toggles)

    def _declared(self, toggles: Toggles) -> tuple[Toggle, ...]:
        try:
            return toggles_of(toggles, self.parameters, self.name)
        except UsageError as error:
            raise ModelError(str(error), file=self.file, line=self.line) from None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters with their defaults."""
        return {
            name: (None if p.default is p.empty else p.default)
            for name, p in inspect.signature(self.function).parameters.items()
        }

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]

    @property
    def expectation(self) -> str:
        """What the model expects with its defaults, as a word: a verdict, ``"none"`` or ``"?"``."""
        return self.stated.word(self.parameters)

    def __call__(self, *unnamed: Any, **parameters: Any) -> System:
        known = inspect.signature(self.function).parameters
        if unnamed:
            example = ", ".join(f"{n}={v!r}" for n, v in zip(known, unnamed, strict=False))
            raise UsageError(
                f"model {self.name} was given {', '.join(map(repr, unnamed))} without a name; "
                f"name its parameters: {self.name}({example})"
            )
        for name in parameters:
            if name not in known:
                raise UsageError(
                    f"model {self.name} has no parameter {name!r}; "
                    f"it has {', '.join(known) or 'none'}"
                )
        missing = [n for n, p in known.items() if p.default is p.empty and n not in parameters]
        if missing:
            raise UsageError(f"model {self.name} needs a value for {', '.join(missing)}")
        system = self.function(**parameters)
        if not isinstance(system, System):
            raise ModelError(
                f"model {self.name} returned {system!r}",
                "A model returns a System: `return System(state, processes, properties)`.",
                file=self.file,
                line=self.line,
            )
        system.name, system.file = self.name, self.file
        system.parameters = {**self.parameters, **parameters}
        differs = changed(system.parameters, self.parameters)
        system.stated = self.stated
        system.expects = partial(
            self.stated.under,
            parameters=system.parameters,
            changed=differs,
            causes=causes_of(system.properties),
        )
        system.expects("sc")  # a mistake in it is told before the search
        return system

    #: Draws a model for a notebook; `modelcheck.check`, which can explore one, fills it in.
    picture: ClassVar[Callable[[Model], str]] = staticmethod(lambda model: "")

    def __repr__(self) -> str:
        return f"<Model {self.name}: expects {self.expectation}>"

    def _repr_html_(self) -> str:
        """The model for a notebook: what it is, what it expects, its parameters, its states."""
        rows = [("expects", self.expectation), *((n, repr(v)) for n, v in self.parameters.items())]
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(text)}</td></tr>"
            for name, text in rows
        )
        told = f"<b>{escape(self.name)}</b>: {escape(self.summary)}<table>{cells}</table>"
        return told + Model.picture(self)

    def parse(self, name: str, text: str) -> Any:
        """Return a parameter's value from the command line, after the type of its default.

        Raises
        ------
        UsageError
            Where there is no such parameter, or the text is no value of its type.
        """
        known = inspect.signature(self.function).parameters
        if name not in known:
            raise UsageError(
                f"model {self.name} has no parameter {name!r}; it has {', '.join(known) or 'none'}"
            )
        return _parse(text, known[name].default, f"parameter {name} of {self.name}")


def _parse(text: str, default: Any, what: str) -> Any:
    """Read `text` as a value of the type of `default`."""
    import ast
    from enum import Enum

    if isinstance(default, bool):
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in words:
            raise UsageError(f"{what}: {text!r} is neither true nor false")
        return words[text.lower()]
    if isinstance(default, str):
        return text
    if isinstance(default, Enum):
        members = type(default).__members__
        if text not in members:
            raise UsageError(f"{what}: {text!r} is none of {', '.join(members)}")
        return members[text]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        value = text
    if isinstance(default, int) and type(value) is not int:
        raise UsageError(f"{what}: {text!r} is not a whole number")
    return value


def model(
    function: Any = None, *, expect: Said = "holds", by: Said = "", toggles: Toggles = ()
) -> Any:
    """Make a function that returns a `System` a model.

    Parameters
    ----------
    expect : "holds", "violated", "incomplete", or a property, or its name, or a kind of violation
        What a check must find. ``"holds"``, the default, is said of all parameters; any other word
        of the defaults alone: with others it may be found too, and where it is not there is *no
        expectation*. Or a function of those of the model's parameters that it names (``memory`` is
        the memory model) that returns such a word, or None where nothing is expected. Or a mapping
        from memory models to such words and functions; its entry ``"else"`` speaks for the others.
    by : str
        Which property, or which kind of violation (``"deadlock"``), a model that is expected to be
        violated must violate. Without it, an exception or a witness that is never reached is not
        as expected. In the same forms as `expect`.
    toggles : names, or a mapping from names to pairs of values, optional
        Parameters that put a part in or leave it out, for `modelcheck.repair`: boolean ones, or
        ones with two values, first the one without the part.

    Examples
    --------
    >>> @model
    ... def nothing(n: int = 2):
    ...     '''A model of nothing.'''
    ...     return System({}, [])
    >>> nothing.parameters, nothing.summary
    ({'n': 2}, 'A model of nothing.')
    >>> @model(expect=lambda n: "holds" if n < 2 else "deadlock")
    ... def crowd(n: int = 1):
    ...     return System({}, [])
    >>> crowd(n=2).expects("sc")
    Expectation(verdict=<Verdict.VIOLATED: 'violated'>, by='deadlock', firm=True)
    """
    if function is None:
        return lambda f: model(f, expect=expect, by=by, toggles=toggles)
    if not inspect.isfunction(function):
        raise model_error(f"@model was given {function!r}", "Decorate a function.")
    if by and isinstance(expect, str) and expect in (Verdict.HOLDS, Verdict.INCOMPLETE):
        raise ModelError(
            f"model {function.__name__} expects {str(expect)!r}, but says by what it is violated",
            f'Write expect="violated" beside by={by!r}.',
            file=function.__code__.co_filename,
            line=function.__code__.co_firstlineno,
        )
    return Model(function, expect, by, toggles)
