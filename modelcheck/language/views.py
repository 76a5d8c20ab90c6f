"""What a property sees: plain values by their names, and processes by their functions' names."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from modelcheck.errors import ModelError
from modelcheck.language.holders import holds_reference
from modelcheck.language.local import RAISED, LocalState
from modelcheck.language.plainly import Plainly
from modelcheck.language.process import names_in, variables_of
from modelcheck.language.refs import Ref, model_error
from modelcheck.language.source import shown
from modelcheck.language.turn import STATUS
from modelcheck.tables.immutable import is_immutable
from modelcheck.tables.orders import turned
from modelcheck.tables.tries import Recorder, View
from modelcheck.tables.values import key_of

if TYPE_CHECKING:
    from modelcheck.language.learner import Learner


class Looking:
    """The evaluation in force while a property runs: names are plain values, and only that."""

    def __init__(self, learner: Learner, recorder: Recorder, index: int):
        asked = learner.system.properties[index]
        self.learner, self.recorder = learner, recorder
        self.code = asked.function.__code__
        self.lent: list[tuple[str, Any, Hashable]] = []  # mutable local variables, with their keys
        self.captured: Plainly | None = None

    def lend(self, name: str, value: Any) -> Any:
        """Return a local variable's value for the property to look at."""
        if type(value) is Ref:
            return self.load(value)
        if not is_immutable(value) or holds_reference(value):
            value = copy.deepcopy(value)
        assert self.captured is not None  # a property runs
        self.captured.also(value)
        if not is_immutable(value):
            self.lent.append((name, value, key_of(value)))
        return turned(value) if self.recorder.turned else value

    def take_back(self) -> None:
        """Raise `ModelError` where the property changed a local variable."""
        for name, value, key in self.lent:
            if key_of(value) != key:
                raise model_error(
                    f"a property changed the local variable {name}, a {type(value).__name__}",
                    "A property only looks: copy it first, or use sorted(...) and the like.",
                )

    def load(self, ref: Ref) -> Any:
        if not self.learner.owns(ref):
            raise model_error(
                f"a property reads {ref.name}, which is not part of this model's state",
                "Use the snapshot that it is given: `def safe(s): return s.x == 0`.",
            )
        value = self.recorder.read(ref.slot)
        if self.captured is not None:
            self.captured.also(value)
        return value

    def store(self, ref: Ref, value: Any) -> NoReturn:
        raise model_error(
            f"a property assigned to {ref.name}",
            "A property only looks: it returns True or False (did you mean `==`?).",
        )

    def within(self, step: Any) -> NoReturn:
        raise model_error(f"a property called {step.text}", "A property only looks: len(channel).")


class Locals:
    """The local variables of a process, by name: ``s.walker[0].local.pmd``."""

    _process: ProcessView

    def __init__(self, process: ProcessView):
        object.__setattr__(self, "_process", process)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._process.variable(name)
        if found is _NOWHERE:
            raise self._process.no_variable(name)
        return self._process.lend(name, found.value)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the variable, or `default` where the process has none of that name now.

        A process that has finished has none at all. A name that none of its functions has is
        refused at the end of the search.
        """
        found = self._process.variable(name)
        if found is _NOWHERE:
            self._process.check_variable(name)
        return default if found is _NOWHERE else self._process.lend(name, found.value)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise model_error(f"a property assigned to the local variable {name}", "It only looks.")


class _Value:
    """A local variable's value as an observation: two are equal if their typed keys are."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any):
        self.value, self.key = value, key_of(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Value) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


_NOWHERE = _Value("nowhere")


class ProcessView:
    """One process, as a property sees it."""

    def __init__(self, looking: Looking, agent: int):
        self._looking, self._agent = looking, agent
        self._slot = looking.learner.slot_of(agent)
        self.name = looking.learner.name_of(agent)

    def look(self, key: tuple[Any, ...], observe: Callable[[LocalState], Any]) -> Any:
        """Read the process's slot through a view."""
        return self._looking.recorder.read(self._slot, View(key, observe))

    def lend(self, name: str, value: Any) -> Any:
        """Return a local variable's value for the property to look at."""
        return self._looking.lend(f"{name} of {self.name}", value)

    def variable(self, name: str) -> _Value:
        """Return a local variable as an observation; the outermost frame that has it wins."""
        keep = self._looking.learner.keep_variable

        def observe(local: LocalState) -> _Value:
            for frame in local.frames:
                if name in frame.locals:
                    return _Value(frame.locals[name])
                keep(frame.code, name)
            return _NOWHERE

        found: _Value = self.look(("local", name), observe)
        return found

    def no_variable(self, name: str) -> ModelError:
        """Return the error for a variable that the process has not where it is now."""
        self.check_variable(name)
        local = self._local()
        if local.status != "running":
            where = "has finished" if local.status == "finished" else "is not there"
            return model_error(
                f"{self.name} {where}, and has no local variable {name!r} any more",
                "Ask only while it runs: `s.p.running and s.p.local.v`. What the end is to show, "
                "store in the state.",
            )
        here = ", ".join(local.variables()) or "none"
        return model_error(
            f"{self.name} has no local variable {name!r} where it is now, at `{local.label}` "
            f"(line {local.line}); there it has {here}",
            "Ask only where it has one: `s.p.at('...') and s.p.local.v`, or "
            "`s.p.local.get('v', default)`.",
        )

    def check_variable(self, name: str) -> None:
        """Note a variable that the process may never have: the end of the search tells."""
        learner = self._looking.learner
        process = learner.process(self._agent)
        if name not in variables_of(process):  # else a subroutine may have it, which no name tells
            learner.asked_variables.add((self._agent, name))

    def _local(self) -> LocalState:
        local: LocalState = self._looking.recorder.peek(self._slot)
        return local

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise model_error(
            f"{self.name} has no {name!r} for a property",
            "A process has at(...), done, running and local (`local.v`, `local.get('v')`).",
        )

    def at(self, *places: str | int) -> bool:
        """Tell whether the process is at one of the labels, in one of the functions, or on a line.

        It is *at* a step while that step is pending.
        """
        if not places:
            raise model_error(
                f"{self.name}.at() was given no place", 'Name a label: `at("critical")`.'
            )
        learner = self._looking.learner
        for place in places:
            if not isinstance(place, (str, int)):
                raise model_error(
                    f"{self.name}.at() was given {shown(place)}, which names no place",
                    'Give the text of a label, a function\'s name, or a line: `at("critical")`.',
                )
            learner.asked.add((self._agent, place))

        def observe(local: LocalState) -> bool:
            return any(p in local.places if isinstance(p, str) else p == local.line for p in places)

        return bool(self.look(("at", *places), observe))

    @property
    def local(self) -> Any:
        """The local variables by name."""
        return Locals(self)

    @property
    def done(self) -> bool:
        """Whether the process has finished."""
        return bool(self._looking.recorder.read(self._slot, STATUS) == "finished")

    @property
    def running(self) -> bool:
        """Whether the process is there and has not finished."""
        return bool(self._looking.recorder.read(self._slot, STATUS) == "running")

    def __repr__(self) -> str:
        return self.name


class ProcessGroup:
    """All instances of one process function; with a single instance, also that one itself."""

    def __init__(self, name: str, members: list[ProcessView]):
        self._name, self._members = name, members

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[ProcessView]:
        return iter(self._members)

    def __getitem__(self, index: Any) -> Any:
        try:
            return self._members[index]
        except IndexError:
            count = len(self._members)
            raise model_error(
                f"s.{self._name}[{index}]: there {'is' if count == 1 else 'are'} {count} "
                f"process{'es' * (count != 1)} {self._name}",
                f"Count from 0, or go over them with a loop: `for p in s.{self._name}`.",
            ) from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self._members:
            raise model_error(
                f"s.{self._name}.{name}: no process {self._name} has been spawned yet",
                f"Go over them with a loop: `any(p.{name} ... for p in s.{self._name})`.",
            )
        if len(self._members) != 1:
            raise model_error(
                f"s.{self._name}.{name}: there are {len(self._members)} processes {self._name}",
                f"Say which: `s.{self._name}[0].{name}`, or go over them with a loop.",
            )
        return getattr(self._members[0], name)


class Snapshot:
    """The argument of a property: the state's names and the processes' names as attributes."""

    def __init__(self, looking: Looking, names: dict[str, Any], groups: dict[str, list[int]]):
        self.__dict__.update(_looking=looking, _names=names, _groups=groups)

    def __getattr__(self, name: str) -> Any:
        if name in self._groups:
            return ProcessGroup(name, [ProcessView(self._looking, a) for a in self._groups[name]])
        if name in self._names:
            owner = self._names[name]
            if owner is None:
                return getattr(self._names[""], name)
            return self._looking.load(owner) if type(owner) is Ref else owner
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._looking.learner.unborn:
            return ProcessGroup(name, [])
        if "" in self._names and hasattr(type(self._names[""]), name):
            return getattr(self._names[""], name)  # a method or property of the state class
        known = [n for n in self._names if n] + list(self._groups)
        raise model_error(
            f"the snapshot has no {name!r}", f"It has {', '.join(known)} (state, then processes)."
        )

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise model_error(f"a property assigned to {name}", "A property only looks.")

    def __repr__(self) -> str:
        return "the snapshot"


def check_property(learner: Learner, index: int, recorder: Recorder) -> tuple[bool, str]:
    """Run a property once; return whether it holds, and the text of an assertion that failed."""
    from modelcheck.language import context
    from modelcheck.language.local import failure_of

    function = learner.system.properties[index].function
    looking = Looking(learner, recorder, index)
    snapshot = Snapshot(looking, learner.system.names, learner.groups)
    code = function.__code__
    place = (code.co_filename, code.co_firstlineno)
    try:
        with (
            context.evaluating(looking),
            Plainly(function, looking, learner) as looking.captured,
        ):
            answer = function(snapshot)
            looking.take_back()
    except ModelError as error:
        if error.file is None:
            error.file, error.line = place
        raise
    except AssertionError as error:
        return False, failure_of(error, place).message
    except RAISED as error:
        failure = failure_of(error, place)
        raise ModelError(
            f"the property {function.__name__} raised {failure.message}",
            "A property returns True or False in every state; test for what may be missing first.",
            file=failure.file,
            line=failure.line,
        ) from error
    if not isinstance(answer, bool):
        raise ModelError(
            f"the property {function.__name__} returned {shown(answer)}, not True or False",
            "Did you forget `return`? Wrap other values: `return bool(...)`.",
            file=place[0],
            line=place[1],
        )
    return answer, ""


# What a property asked for and never got: a typing mistake, it may be.


def never_there(learner: Learner) -> list[str]:
    """Return a warning for each place and each variable that a property asked for in vain."""
    return [*_never_at(learner), *_never_had(learner)]


def _never_at(learner: Learner) -> list[str]:
    missing = sorted({str(place) for _, place in learner.asked - learner.seen_places} -
                     {str(place) for _, place in learner.seen_places})  # fmt: skip
    return [f"no process was ever at {place!r}: a typing mistake?" for place in missing]


def _never_had(learner: Learner) -> list[str]:
    missing = []
    for agent, name in learner.asked_variables:
        states = learner.domain(learner.slot_of(agent)).values
        ran = {frame.code: None for local in states for frame in local.frames}
        known = variables_of(learner.process(agent)) | names_in(ran)
        if ran and name not in known:
            there = f"There {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}."
            missing.append(
                f"no function of {learner.name_of(agent)} has a local variable {name!r}: a typing "
                f"mistake? {there}"
            )
    return sorted(missing)
