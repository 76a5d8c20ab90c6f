"""Processes: generator functions, and the instances of them that a model is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from functools import partial, update_wrapper
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import Any, overload

import attr
from attrs import evolve, field, frozen

from modelcheck.errors import ModelError
from modelcheck.language.cells import Cells, children_of, is_part
from modelcheck.language.context import is_ours, user_line
from modelcheck.language.refs import model_error
from modelcheck.language.source import shown


@frozen
class Place:
    """A file and a line that are shown and nothing else: no two values differ by them."""

    file: str = ""
    line: int = 0

    def __modelcheck_key__(self) -> Hashable:
        return ()


@frozen
class Process:
    """One instance of a process: which function, with which arguments.

    Made by calling a `@process` function. `daemon`: it may be suspended when everything else has
    ended, without that being a deadlock. `cpu`: the CPU that it runs on; `guard`: a condition that
    every step of it waits for besides its own. `symmetric`: it was said to be like others. `made`:
    where the user's code called for it, which places the steps of an interrupt or a callback that
    modelcheck's own code takes.
    """

    function: Callable[..., Generator[Any, Any, Any]]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(factory=dict)
    daemon: bool = False
    name: str = ""
    cpu: Any = None
    guard: Callable[[], Any] | None = None
    symmetric: bool = False
    made: Place = field(factory=Place, eq=False, repr=False)

    def start(self) -> Generator[Any, Any, Any]:
        """Return a new generator, not yet started."""
        return self.function(*self.args, **self.kwargs)

    def __iter__(self) -> Any:
        raise model_error(
            f"{self.describe()} was used with `yield from`, but it is a process",
            "To start it write `yield spawn(...)`; to call it as a subroutine, take @process away.",
        )

    def named(self, name: str) -> Process:
        """Return this process under a name of its own (the function's name is the default)."""
        if not _is_identifier(name):
            raise model_error(
                f"a process cannot be named {name!r}",
                "Properties reach it as an attribute, `s.name`: use a Python identifier.",
            )
        return evolve(self, name=name)

    def on(self, cpu: Any) -> Process:
        """Return this process bound to a CPU: it steps only while its kind of code runs there.

        Parameters
        ----------
        cpu : modelcheck.kernel.Cpu
            Anything with a method ``task_may_run()``, which every step of the process waits for.
        """
        guard = getattr(cpu, "task_may_run", None)
        if guard is None:
            raise model_error(f"on({cpu!r}): that is not a CPU", "Use a modelcheck.kernel.Cpu.")
        return evolve(self, cpu=cpu, guard=guard)

    def waiting_for(self, guard: Callable[[], Any], cpu: Any = None) -> Process:
        """Return this process with a condition that every step of it waits for."""
        return evolve(self, guard=guard, cpu=cpu)

    @property
    def group(self) -> str:
        """The name that instances of one function share."""
        return self.name or self.function.__name__

    def describe(self) -> str:
        """Return the call as text: ``walker(mm, 0)``."""
        given = [shown(a) for a in self.args] + [f"{k}={shown(v)}" for k, v in self.kwargs.items()]
        return f"{self.group}({', '.join(given)})"


class ProcessFunction:
    """A generator function decorated with `@process`: calling it makes a `Process`."""

    def __init__(self, function: Callable[..., Any], daemon: bool):
        self.function, self.daemon = function, daemon
        update_wrapper(self, function)
        self.name = getattr(function, "__name__", "") or innermost(function).__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Process:
        try:
            inspect.signature(self.function).bind(*args, **kwargs)
        except TypeError as error:
            raise model_error(
                f"{self.name}{inspect.signature(self.function)} cannot be called so: {error}",
                "Give the process the arguments that its function names.",
            ) from None
        function = self.function
        while isinstance(function, partial):
            args, kwargs = (*function.args, *args), {**function.keywords, **kwargs}
            function = function.func
        made = Place(*user_line()) if is_ours(function.__code__.co_filename) else Place()
        return Process(function, args, kwargs, self.daemon, made=made)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method of a `@state` class: the part is the first argument."""
        if instance is None:
            return self
        bound = self.function.__get__(instance, owner)
        return ProcessFunction(bound, self.daemon)


@overload
def process(function: Callable[..., Any]) -> ProcessFunction: ...
@overload
def process(*, daemon: bool = False) -> Callable[[Callable[..., Any]], ProcessFunction]: ...
def process(function: Any = None, *, daemon: bool = False) -> Any:
    """Make a generator function a process; calling it then makes an instance.

    Parameters
    ----------
    daemon : bool
        Instances may be suspended at the end without that being a deadlock.

    Raises
    ------
    ModelError
        Where the function is no generator function.

    Examples
    --------
    >>> @process
    ... def increment(counter):
    ...     seen = yield counter
    ...     yield counter.set(seen + 1)
    >>> increment("c").describe()
    "increment('c')"
    """
    if function is None:
        return lambda f: process_function(f, daemon)
    return process_function(function, daemon)


def _is_identifier(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def innermost(function: Any) -> Any:
    """Return the function within any number of partials."""
    return innermost(function.func) if isinstance(function, partial) else function


def process_function(function: Any, daemon: bool) -> ProcessFunction:
    """Return the decorated function, or raise `ModelError` for what cannot be a process."""
    if isinstance(function, ProcessFunction):
        return ProcessFunction(function.function, daemon)
    code = getattr(function, "__code__", None)
    if inspect.isgeneratorfunction(function):
        return ProcessFunction(function, daemon)
    name = getattr(function, "__name__", repr(function))
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        what, remedy = f"{name} is async", "A process is a plain generator: use def and yield."
    else:
        what = f"{name} is not a generator function: there is no `yield` in it"
        remedy = "A process yields each of its steps: `v = yield x`, `yield x.set(1)`."
    if code is None:
        raise model_error(what, remedy)
    raise ModelError(what, remedy, file=code.co_filename, line=code.co_firstlineno)


def started_by(processes: Iterable[Process]) -> frozenset[str]:
    """Return the names of the processes that `processes` may spawn, as far as one can tell.

    A property may ask for one before it has been spawned. What is looked at: the process functions,
    and the names given by `named`, that the code and the functions that it names mention.
    """
    names: set[str] = set()
    for thing in _functions_of(processes, names):
        if isinstance(thing, ProcessFunction):
            names.add(thing.name)
    return frozenset(names)


#: What attrs puts into the class of a state: files, and what it compiles.
_ATTRS = (str(Path(attr.__file__).parent), "<attrs ")


def variables_of(process: Process) -> set[str]:
    """Return the local variables of a process's function and of what it may call.

    That is: of all functions that one can tell, as `started_by` does.
    """
    functions = [f for f in _functions_of([process], set()) if inspect.isfunction(f)]
    # What attrs puts into a class of a state is no function of the user's.
    codes = [f.__code__ for f in functions if not is_ours(f.__code__.co_filename)]
    return names_in(c for c in codes if not c.co_filename.startswith(_ATTRS))


def names_in(codes: Iterable[CodeType]) -> set[str]:
    """Return the local variables of code, and of functions inside it."""
    found: set[str] = set()
    waiting = list(codes)
    for code in waiting:
        found.update(code.co_varnames, code.co_cellvars, code.co_freevars)
        waiting += [c for c in code.co_consts if isinstance(c, CodeType)]
    return {name for name in found if name.isidentifier()}


def _functions_of(processes: Iterable[Process], names: set[str]) -> Iterator[Any]:
    """Go over the functions that processes reach by name; add to `names` what `named` gives."""
    seen: set[int] = set()
    waiting: list[Any] = [thing for p in processes for thing in (p.function, *p.args)]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, ProcessFunction):
            thing = thing.function
        elif is_part(thing):
            waiting += [*vars(type(thing)).values(), *children_of(thing).values()]
        elif isinstance(thing, Cells):
            waiting += thing._children.values()
        thing = getattr(thing, "__func__", thing)
        if inspect.isfunction(thing):
            yield thing
            waiting += _mentioned(thing, names)


def _mentioned(function: FunctionType, names: set[str]) -> list[Any]:
    """Return what a function's code names and captures; add the names that it gives to `names`."""
    found: list[Any] = [c.cell_contents for c in function.__closure__ or () if c != CellType()]
    codes = [function.__code__]
    for code in codes:
        found += map(function.__globals__.get, code.co_names)
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
        if "named" in code.co_names:
            names.update(c for c in code.co_consts if isinstance(c, str) and c.isidentifier())
    return found
