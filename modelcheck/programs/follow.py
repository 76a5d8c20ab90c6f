"""Control dependencies: what a rewritten process calls where it tests, joins, indexes or calls.

A branch on a loaded value makes what stands inside it depend on that value, up to the join, as the
kernel's model has it; a variable that was assigned inside carries the value along to later
conditions only. In *free* mode of a `Machine` conditions go both ways, whatever the values are.
Neighbours: `rewrite` puts the calls in, `threads` runs the result.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import Enum
from types import FunctionType, MethodType, NoneType
from typing import Any

from modelcheck.language import context
from modelcheck.language.cells import Cells, is_location
from modelcheck.language.refs import Ref, model_error
from modelcheck.language.steps import Step
from modelcheck.litmus.machine import Datum, Machine
from modelcheck.programs.rewrite import rewritten
from modelcheck.programs.tracked import Tracked, cdeps_of, combine, deps_of, plain, refused
from modelcheck.tables.tries import Failure
from modelcheck.verdict import Kind

#: How often a loop goes round whose condition depends on a load.
ROUNDS = 4
#: How often any other loop may.
MANY = 1000


class Stop(BaseException):
    """The run of this thread ends here. It passes through the user's ``except Exception``."""


#: Functions of Python that only compute: what they return depends on what they were given.
_PURE: tuple[Any, ...] = (int, bool, abs, isinstance, float, divmod)
#: Functions that take a loaded value as it is: text loses what it depends on, which is no harm.
_SHOWING: tuple[Any, ...] = (print, str, repr, format)

#: What a variable may hold that a later condition tests.
_VALUES: tuple[Any, ...] = (Tracked, int, float, str, bytes, tuple, frozenset, Enum, NoneType)


class Follower:
    """The hooks of all processes of a model; one thread at a time uses them."""

    def __init__(self) -> None:
        self.machine: Machine = None  # type: ignore[assignment] # set before each run
        self.levels: list[int] = []
        self.rounds: dict[int, int] = {}
        self.failures: list[Failure] = []
        self.stopped_at: tuple[str, int] | None = None  # the loop that was cut
        #: Address dependencies of the references that `item` returned: kept alive by being here.
        self.indexed: dict[int, tuple[Ref, int]] = {}
        #: Steps that were made in a branch, perhaps to be yielded behind it.
        self.chosen: dict[int, tuple[Step, int]] = {}

    def begin_run(self, machine: Machine) -> None:
        """Forget the last run."""
        self.machine = machine
        self.levels, self.rounds, self.failures = [], {}, []
        self.indexed, self.chosen = {}, {}
        self.stopped_at = None

    def addr_of(self, ref: Ref) -> int:
        """Return the reads that the address of a reference was computed from."""
        return self.indexed.get(id(ref), (ref, 0))[1]

    def ctrl_of(self, step: Step) -> int:
        """Return the reads that decided that a step was made, besides those in force now."""
        return self.chosen.get(id(step), (step, 0))[1]

    # Branches

    def base(self) -> int:
        """Return the depth at which a function begins."""
        return len(self.levels)

    def branch(self, value: Any, depth: int) -> bool:
        """Return whether the condition is true, and enter its branch."""
        taken = self._decide(value)
        self.join(depth)
        self.levels.append(self.machine.ctrl)
        self.machine.ctrl |= deps_of(value) | cdeps_of(value)
        return taken

    def join(self, depth: int) -> None:
        """Leave what is deeper than `depth`."""
        if len(self.levels) > depth:
            self.machine.ctrl = self.levels[depth]
            del self.levels[depth:]

    def leave(self, depth: int, value: Any) -> Any:
        """Return a value that was made in a branch, and leave that."""
        tainted = self.assigned(value)
        self.join(depth)
        return tainted

    def begin(self, depth: int) -> None:
        """Come before a loop."""
        self.rounds[depth] = 0

    def again(self, value: Any, depth: int, place: tuple[str, int]) -> bool:
        """Return whether a loop goes round once more, and enter its body."""
        if len(self.levels) > depth + 1:
            self.machine.ctrl = self.levels[depth + 1]
            del self.levels[depth + 1 :]
        taken = self._decide(value)
        if len(self.levels) <= depth:
            self.levels.append(self.machine.ctrl)
        self.machine.ctrl |= deps_of(value) | cdeps_of(value)
        if not taken:
            return False
        self.rounds[depth] += 1
        if self.rounds[depth] > (ROUNDS if type(value) is Tracked else MANY):
            self.stopped_at = place
            raise Stop
        return True

    def _decide(self, value: Any) -> bool:
        if type(value) is not Tracked:
            return bool(value)
        return self.machine.decide(Datum(int(bool(value.value))))

    def check(self, value: Any, said: Any, place: tuple[str, int]) -> None:
        """Note an assertion that fails; the thread stops there, or goes on as if it only looked."""
        if bool(plain(value)) or self.machine.free:
            return
        message = str(said() if isinstance(said, FunctionType) else said)
        self.failures.append(Failure(Kind.ASSERTION, message, *place))
        if self.machine.choose(2) == 0:
            raise Stop

    # Values

    def assigned(self, value: Any) -> Any:
        """Return a value as a variable gets it that is assigned in a branch."""
        ctrl = self.machine.ctrl
        if isinstance(value, Step):
            self.chosen[id(value)] = (value, ctrl)
        if not ctrl or not isinstance(value, _VALUES):
            return value
        return Tracked(plain(value), deps_of(value), cdeps_of(value) | ctrl)

    def both(self, first: Any, second: Callable[[], Any]) -> Any:
        """Return ``first and second``."""
        return self.joined(first, second()) if self._decide(first) else first

    def either(self, first: Any, second: Callable[[], Any]) -> Any:
        """Return ``first or second``."""
        return first if self._decide(first) else self.joined(first, second())

    def joined(self, first: Any, second: Any) -> Any:
        """Return the second operand, which depends on the first one too."""
        if type(first) is not Tracked or not isinstance(second, _VALUES):
            return second
        deps, cdeps = first.deps | deps_of(second), first.cdeps | cdeps_of(second)
        return Tracked(plain(second), deps, cdeps)

    def negate(self, value: Any) -> Any:
        """Return ``not value``."""
        return combine(operator.not_, value) if type(value) is Tracked else not value

    def same(self, left: Any, right: Any) -> Any:
        """Return ``left is right``."""
        if type(left) is not Tracked and type(right) is not Tracked:
            return left is right
        return combine(operator.is_, left, right)

    def within(self, item: Any, items: Any) -> Any:
        """Return ``item in items``."""
        if type(items) is Tracked:
            return combine(lambda x, xs: x in xs, item, items)
        if isinstance(items, tuple | list | set | frozenset):
            found = any(plain(item) == plain(x) for x in items)
        elif type(item) is Tracked:
            found = item.value in items
        else:
            return item in items
        return Tracked(found, deps_of(item), cdeps_of(item))

    def item(self, holder: Any, key: Any) -> Any:
        """Return ``holder[key]``; an index that was loaded makes an address dependency."""
        if type(key) is not Tracked:
            return holder[key]
        found = holder[key.value]
        if isinstance(holder, Cells) and type(found) is Ref:
            copy = Ref(found.initial, found.name)
            copy.slot = found.slot
            self.indexed[id(copy)] = (copy, key.deps)
            return copy
        if is_location(found):
            raise model_error(
                f"a loaded value picks {found!r}, which is more than one location",
                "Keep what it points to in a cells(...) array of single locations.",
            )
        # A table in local memory: that it was looked up is not claimed to order anything.
        return Tracked(plain(found), deps_of(found), cdeps_of(found))

    def callee(self, function: Any) -> Any:
        """Return what stands for a function that process code calls."""
        if isinstance(function, MethodType) and type(function.__self__) is not Tracked:
            followed = self.callee(function.__func__)
            bound = isinstance(followed, FunctionType)
            return MethodType(followed, function.__self__) if bound else function
        if isinstance(function, FunctionType):
            ours = context.is_ours(function.__code__.co_filename)
            if not ours or function.__code__.co_flags & 0x20:  # a generator
                return self.followed(function)
            return function
        if function in _PURE:
            return lambda *a, **k: combine(function, *a) if _any_tracked(a) else function(*a, **k)
        if getattr(function, "__module__", None) == "builtins" and function not in _SHOWING:
            return lambda *a, **k: _refusing(function, a, k)
        return function

    def followed(self, function: FunctionType) -> FunctionType:
        """Return a function with the hooks in it; as it is where there is no source (a lambda)."""
        if function.__name__ == "<lambda>":
            return function
        made = rewritten(function, self)
        if made is None:
            raise model_error(
                f"there is no source of {function.__name__}, which process code calls",
                "Under an axiomatic memory model functions of a process are looked at: keep them "
                "in a file.",
            )
        return made


def _any_tracked(arguments: Any) -> bool:
    return any(type(a) is Tracked for a in arguments)


def _refusing(function: Any, arguments: Any, named: Any) -> Any:
    if _any_tracked(arguments) or _any_tracked(named.values()):
        raise refused(f"given to {function.__name__}()", "Compute with operators and `if`.")
    return function(*arguments, **named)


__all__ = ["MANY", "ROUNDS", "Follower", "Stop"]
