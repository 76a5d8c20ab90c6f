"""What a model says of its own verdict: a word, one for each memory model, or a function.

`@model(expect=..., by=...)` is written once and asked for each run: which verdict, by which
property, with these parameters, under this memory model? Neighbours: `model` keeps what was
written; `modelcheck.verdict.Expectation` is one answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from modelcheck.errors import ModelError
from modelcheck.language.properties import PropertyFunction
from modelcheck.verdict import Expectation, Kind, Verdict

#: The entry of a mapping that speaks for each memory model not named.
OTHERWISE = "else"

#: What `expect` and `by` may be: a word or a property, a mapping from memory models to one, or a
#: function that returns one.
Said = str | Verdict | PropertyFunction | None | Mapping[str, Any] | Callable[..., Any]


@frozen
class Stated:
    """What stands in ``@model(expect=..., by=...)``, and where."""

    model: str
    file: str
    line: int
    expect: Said
    by: Said

    def under(
        self, memory: str, parameters: Mapping[str, Any], changed: bool, causes: list[str]
    ) -> Expectation:
        """Return what is expected under a memory model, with these parameters.

        Parameters
        ----------
        changed : bool
            Whether a parameter has another value than its default: a word speaks of the defaults.
        causes : list of str
            What the model can be violated by: kinds and names of properties.

        Raises
        ------
        ModelError
            Where a function fails, or a word is neither a verdict nor a cause.
        """
        word = self._resolved(self.expect, memory, parameters)
        by = self._resolved(self.by, memory, parameters) or ""
        if word is None:
            return Expectation()
        verdict, cause = self._read(word, causes)
        if verdict is Verdict.VIOLATED and isinstance(by, str) and by.isidentifier():
            cause = cause or by
        if cause and cause not in causes:
            raise self._error(
                f"model {self.model} expects to be violated by {cause!r}",
                f"That is neither a property nor a kind; there is {', '.join(causes)}.",
            )
        by = cause or (by if verdict is Verdict.VIOLATED else "")
        firm = verdict is Verdict.HOLDS or not changed or self._knows(parameters)
        return Expectation(verdict, by, firm)

    def word(self, parameters: Mapping[str, Any]) -> str:
        """Return the verdict expected under ``sc`` without building the model: ``"none"``, ``"?"``.

        A question mark stands for a function that fails, as for a parameter without a default.
        """
        try:
            said = self._resolved(self.expect, "sc", parameters)
        except ModelError:
            return "?"
        if said is None:
            return "none"
        return str(said if said in list(Verdict) else Verdict.VIOLATED)

    def memory_models(self) -> set[str]:
        """Return the names of the memory models that are spoken of one by one."""
        mappings = [said for said in (self.expect, self.by) if isinstance(said, Mapping)]
        return {name for mapping in mappings for name in mapping} - {OTHERWISE}

    def unknown_memory(self, name: str, known: str) -> ModelError:
        """Return the error that says that there is no such memory model."""
        return self._error(
            f"model {self.model} expects something under the memory model {name!r}, which is none",
            f"There is {known}; {OTHERWISE!r} stands for all that are not named.",
        )

    def _read(self, word: Any, causes: list[str]) -> tuple[Verdict, str]:
        """Return a word as a verdict, and by what it is to be violated."""
        if word in list(Verdict):
            return Verdict(word), ""
        if word in causes:
            return Verdict.VIOLATED, str(word)
        raise self._error(
            f"model {self.model} expects {word!r}",
            f"It can expect {', '.join(v.value for v in Verdict)}, or what violates it: "
            f"{', '.join(causes)}.",
        )

    def _resolved(self, said: Any, memory: str, parameters: Mapping[str, Any]) -> Any:
        """Return the word that `said` comes to."""
        if isinstance(said, Mapping):
            said = said.get(memory, said.get(OTHERWISE))
            return self._resolved(said, memory, parameters)
        if isinstance(said, PropertyFunction):
            return said.name
        if not callable(said):
            return said
        try:
            answer = said(**_named(said, parameters, memory=memory))
        except Exception as error:
            raise self._error(
                f"the expect= or by= of model {self.model} raised {type(error).__name__}: {error}",
                "It is called with those of the model's parameters that it names, by name; "
                "`memory` is the memory model.",
            ) from error
        return self._resolved(answer, memory, parameters)

    def _knows(self, parameters: Mapping[str, Any]) -> bool:
        """Tell whether the expectation is a function of any of the parameters."""
        every = self.expect.values() if isinstance(self.expect, Mapping) else [self.expect]
        return any(
            callable(said) and not isinstance(said, PropertyFunction) and _named(said, parameters)
            for said in every
        )

    def _error(self, what: str, remedy: str) -> ModelError:
        return ModelError(what, remedy, file=self.file, line=self.line)


def _named(function: Any, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return those of the arguments that a function names; all parameters for ``**others``.

    A parameter of the model comes before one of `more` of the same name.
    """
    asked = inspect.signature(function).parameters
    others = any(p.kind is p.VAR_KEYWORD for p in asked.values())
    given = {**more, **parameters}
    return {n: v for n, v in given.items() if n in asked or (others and n in parameters)}


def changed(parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Tell whether a parameter differs from its default; what cannot be compared does."""
    try:
        return any(bool(parameters[name] != defaults[name]) for name in defaults)
    except Exception:  # a comparison of the user's own
        return True


def causes_of(properties: list[Any]) -> list[str]:
    """Return what a model can be violated by: each kind, and each property by name."""
    return [*(kind.value for kind in Kind), *(p.name for p in properties)]


__all__ = ["Said", "Stated", "causes_of", "changed"]
