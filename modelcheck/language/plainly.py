"""Captured references, exchanged for their values while a user's function runs in a step.

Inside a step names are plain values, also those that a function captured (`x = s.x`). A reference
does what its value does, but cannot know that it was compared with ``is``, and a copy of it would
follow later stores. So for as long as a step's function, or a property, runs, the plain value
stands in every place that it can reach (`modelcheck.language.holders`), and follows the stores made
through the state. Left alone are:

* a name of which the function asks ``.value``, and does not use otherwise;
* what lies within collections and objects, where the function only looks and has no way to tell a
  reference from its value: it then reads only what it reaches.
"""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelcheck.errors import ModelError
from modelcheck.language import context
from modelcheck.language.context import is_ours
from modelcheck.language.holders import ATOMS, Found, Place, holds_reference, stands_for
from modelcheck.language.refs import Ref, model_error
from modelcheck.language.source import shown

if TYPE_CHECKING:
    from modelcheck.language.learner import Learner

_STEPS = frozenset({"set", "add", "swap", "cas", "update"})
_REMEDY = "Inside a step names are plain values, captured ones too: leave out `.value` here."


class Plainly:
    """While inside, what a function reaches are plain values.

    Entering raises `ModelError` where a reference cannot be exchanged, or must be and must not.

    Parameters
    ----------
    function : function
        The user's, which is going to be called.
    evaluation : Evaluation
        The one in force: it loads the values.
    writes : bool
        Whether the function may assign to the state.
    """

    def __init__(
        self, function: Any, evaluation: context.Evaluation, learner: Learner, writes: bool = False
    ):
        self._function, self._writes = function, writes
        self._evaluation, self._learner = evaluation, learner
        self._put: list[list[Any]] = []  # place, what stood there, what stands there now
        self._loaded: list[Any] = []
        self._seen: dict[int, object] = {}
        self._left: set[int] = set()  # slots of references that stay where they are

    def __enter__(self) -> Plainly:
        try:
            self._exchange(self._learner.reach.of(self._function), self._writes)
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._restore()
        if not isinstance(error, AttributeError) or error.name not in _STEPS:
            return
        if any(error.obj is value for value in self._loaded):
            raise _no_step(error) from None

    def _exchange(self, found: Found, writes: bool) -> None:
        """Put plain values into the places found, but for those that stay."""
        if found.stuck:
            ref, holder = found.stuck[0]
            raise model_error(
                f"a step's function can reach the reference {ref.name} in {holder}",
                "There it cannot stand for its value. Keep references in variables, lists or "
                "dicts' values; or use the state itself, `s.x`.",
            )
        for place in found.places:
            held = place.get()
            if not stands_for(held):
                continue
            if place.names and any(name in w.valued for name, w in place.names):
                self._keep_valued(held, place, found, writes)
            elif place.names or found.tells or writes:
                self._into(place, held, found)

    def _keep_valued(self, held: Any, place: Place, found: Found, writes: bool) -> None:
        """Leave a name of which ``.value`` is asked; refuse one that is used otherwise too."""
        bare = any(name in wording.bare for name, wording in place.names)
        if bare and (found.tells or writes):
            name = place.names[0][0]
            raise model_error(
                f"`.value` is asked of {name}, and {name} is also used without it",
                f"{_REMEDY} (Or write `{name}.value` each time.)",
            )

    def _into(self, place: Place, held: Any, found: Found) -> None:
        if found.asks and not place.names:
            if found.tells:
                raise model_error(
                    f"{_names(held)} is held by {place.holder}, and a function that this step "
                    f"reaches asks for `.value` ({found.asks}), another for `is`, `match` or a "
                    "type: one of them would be wrong",
                    _REMEDY,
                )
            self._left.update(ref.slot for ref in _references(held))
            return
        if not all(map(self._learner.owns, _references(held))) and not (
            place.names and found.tells
        ):
            return  # of another system: using it is refused
        plain = self._plain(held)
        asked = found.asks_parameter
        if asked and inspect.getattr_static(plain, "value", None) is not None:
            raise model_error(
                f"{_names(held)} is captured, and `.value` is asked of a parameter ({asked}): of "
                f"{_names(held)}, or of {plain!r}?",
                _REMEDY,
            )
        self._put.append([place, held, plain])
        place.put(plain)

    def _plain(self, held: Any) -> Any:
        if type(held) is Ref:
            return self._evaluation.load(held)
        if stands_for(held):
            made = tuple.__new__(type(held), map(self._plain, tuple.__iter__(held)))
            if hasattr(made, "__dict__"):
                made.__dict__.update(held.__dict__)
            return made
        return held

    def also(self, value: Any) -> None:
        """Exchange what a value reaches that the function loads as it goes."""
        self._loaded.append(value)
        simple = all(isinstance(v, ATOMS) for v in (value if type(value) is tuple else (value,)))
        if not simple and id(value) not in self._seen:
            self._seen[id(value)] = value
            self._exchange(self._learner.reach.of(value), self._writes)

    def stored(self, ref: Ref) -> None:
        """Let the places follow a store."""
        if ref.slot in self._left:
            raise model_error(
                f"{ref.name} is assigned to where a collection or object holds it as a reference, "
                "and `.value` is asked",
                _REMEDY,
            )
        for entry in self._put:
            place, held, plain = entry
            if any(r is ref for r in _references(held)) and place.get() is plain:
                entry[2] = self._plain(held)
                place.put(entry[2])

    def own(self, value: Any) -> Any:
        """Return a result or a value to be stored: what holds no reference, also afterwards."""
        if isinstance(value, ATOMS) or not (self._put or holds_reference(value)):
            return value
        if type(value) is Ref:
            return self._evaluation.load(value)
        try:
            return copy.deepcopy(value)  # in a step a reference is copied as its value
        except Exception:
            return value  # what cannot be copied is refused as a result

    def _restore(self) -> None:
        """Put back what stood there, but where the function itself has put something else."""
        for place, held, plain in reversed(self._put):
            if place.get() is plain:
                place.put(held)
        self._put.clear()


def _no_step(error: AttributeError) -> ModelError:
    """Return what to say where a step was to be made of a plain value."""
    calls = [f for f in traceback.extract_tb(error.__traceback__) if not is_ours(f.filename)]
    return context.note(
        ModelError(
            f"`.{error.name}` was asked of {shown(error.obj)}: inside a step names are plain "
            "values, and make no steps",
            "Assign (`s.x = 1`, in an atomic function) or use operators; yield steps in the "
            "process's own code.",
            file=calls[-1].filename if calls else None,
            line=calls[-1].lineno if calls else None,
        )
    )


def _references(held: Any) -> Iterator[Ref]:
    if type(held) is Ref:
        yield held
    elif isinstance(held, tuple):
        for part in tuple.__iter__(held):
            yield from _references(part)


def _names(held: Any) -> str:
    return " and ".join(ref.name for ref in _references(held))
