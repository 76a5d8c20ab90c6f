"""Models: functions with parameters that return a system, and what makes up a system."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from typing import Any

from modelcheck.errors import ModelError, UsageError
from modelcheck.language.cells import bind, is_location, is_part
from modelcheck.language.process import Process, ProcessFunction
from modelcheck.language.properties import PropertyFunction
from modelcheck.language.refs import Binder, Ref, model_error
from modelcheck.verdict import Kind, Verdict


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
    """

    def __init__(
        self,
        state: Any,
        processes: Iterable[Process],
        properties: Iterable[PropertyFunction] = (),
        *,
        deadlock: bool = True,
    ):
        self.state = state
        # Set by the model that builds it; a system built by hand has no name to replay by.
        self.name, self.file, self.expect_by = "system", "", ""
        self.parameters: dict[str, Any] = {}
        self.expect = Verdict.HOLDS
        self.expect_under: Mapping[str, Verdict] = {}
        self._by = ""
        self.names: dict[str, Any] = {}
        self.refs = self._bind(state)
        self.processes = [_checked_process(p) for p in _iterate(processes, "processes")]
        self.properties = [_checked_property(p) for p in _iterate(properties, "properties")]
        self.deadlock = deadlock
        self._check_names()

    def expected(self, memory: str) -> tuple[Verdict, str]:
        """Return the verdict expected under a memory model, and by what it is to be violated.

        A weaker model allows all that a stronger one does: what is said of one holds for weaker
        ones, until something else is said.
        """
        verdict = self.expect
        known = MEMORY_MODELS.index(memory) if memory in MEMORY_MODELS else 0
        for name in MEMORY_MODELS[: known + 1]:
            verdict = self.expect_under.get(name, verdict)
        return verdict, self._by if verdict is Verdict.VIOLATED else ""

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


#: Memory models by name, from the strongest to the weakest.
MEMORY_MODELS = ("sc", "tso", "pso", "wmm")

#: A verdict, or one for each memory model: ``{"sc": "holds", "tso": "violated"}``.
Verdicts = str | Verdict | Mapping[str, str | Verdict]

#: What a model expects: verdicts, or a function of its parameters that returns them.
Expect = Verdicts | Callable[..., Verdicts]


class Model:
    """A function that builds a `System`, with its parameters and its expected verdict."""

    def __init__(self, function: Callable[..., System], expect: Expect, by: str):
        self.function, self.expect, self.by = function, expect, by
        self.name = function.__name__
        self.file = function.__code__.co_filename
        self.line = function.__code__.co_firstlineno
        update_wrapper(self, function)

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
        """What the model expects under its defaults, as text."""
        try:
            first, *others = self._expected(self.parameters).items()
        except Exception:  # a function of a parameter that has no default
            return "?"
        return "; ".join([str(first[1]), *(f"{name}: {verdict}" for name, verdict in others)])

    def __call__(self, **parameters: Any) -> System:
        known = inspect.signature(self.function).parameters
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
        system.expect_under = self._expected(system.parameters)
        system._by = self.by
        system.expect, system.expect_by = system.expected("sc")
        causes = [*Kind, *(p.name for p in system.properties)]
        if self.by.isidentifier() and self.by not in causes:
            raise ModelError(
                f"model {self.name} expects to be violated by {self.by!r}",
                f"That is neither a property nor a kind; there is {', '.join(causes)}.",
                file=self.file,
                line=self.line,
            )
        return system

    def _expected(self, parameters: Mapping[str, Any]) -> dict[str, Verdict]:
        """Return the verdicts expected under these parameters, by memory model."""
        try:
            expect = self.expect(**parameters) if callable(self.expect) else self.expect
        except Exception as error:
            raise ModelError(
                f"the expect= of model {self.name} raised {type(error).__name__}: {error}",
                "It is called with the model's parameters by name, all of them.",
                file=self.file,
                line=self.line,
            ) from error
        given = expect if isinstance(expect, Mapping) else {"sc": expect}
        try:
            found = {"sc": Verdict.HOLDS} | {name: Verdict(v) for name, v in given.items()}
            return {name: found[name] for name in sorted(found, key=MEMORY_MODELS.index)}
        except ValueError:
            raise ModelError(
                f"model {self.name} expects {expect!r}",
                f"It can expect {', '.join(v.value for v in Verdict)}; or, for different memory "
                f"models, a dict of {', '.join(MEMORY_MODELS)} to these.",
                file=self.file,
                line=self.line,
            ) from None

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


def model(function: Any = None, *, expect: Expect = "holds", by: str = "") -> Any:
    """Make a function that returns a `System` a model.

    Parameters
    ----------
    expect : "holds", "violated", "incomplete", a dict, or a function of the parameters
        The verdict that the model must have; a deliberately broken twin says ``expect="violated"``.
        A dict has verdicts by memory model, ``{"tso": "violated"}``: one that is not named is as
        the next stronger one that is, ``"sc"`` holds if it is not. A function returns any of these.
    by : str
        Which property, or which kind of violation (``"deadlock"``), a broken twin must violate.

    Examples
    --------
    >>> @model
    ... def nothing(n: int = 2):
    ...     '''A model of nothing.'''
    ...     return System({}, [])
    >>> nothing.parameters, nothing.summary
    ({'n': 2}, 'A model of nothing.')
    """
    if function is None:
        return lambda f: model(f, expect=expect, by=by)
    if not inspect.isfunction(function):
        raise model_error(f"@model was given {function!r}", "Decorate a function.")
    if by and isinstance(expect, str) and expect in (Verdict.HOLDS, Verdict.INCOMPLETE):
        raise ModelError(
            f"model {function.__name__} expects {str(expect)!r}, but says by what it is violated",
            f'Write expect="violated" beside by={by!r}.',
            file=function.__code__.co_filename,
            line=function.__code__.co_firstlineno,
        )
    made = Model(function, expect, by)
    if not callable(expect):
        made._expected({})
    return made
