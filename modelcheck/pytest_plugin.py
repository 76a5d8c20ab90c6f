"""Models as pytest's tests: a file of models, and a test for each of them.

A file of models is loaded as ``modelcheck check`` loads it, so that it means the same here and
there (pytest would rewrite its assertions). Neighbours: `_modelcheck_pytest` finds the files and
holds the options; `modelcheck.testing` checks and tells.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelcheck.errors import ModelcheckError
from modelcheck.language.model import Model
from modelcheck.loading import beside, models_in
from modelcheck.results.result import Result
from modelcheck.show.summary import safe_lines
from modelcheck.testing import failure_text, run, write_page


class NotAsExpected(Exception):
    """A model's verdict is not the one that it expects: carries the result."""

    def __init__(self, result: Result, page: str):
        super().__init__(result, page)
        self.result, self.page = result, page


class ModelItem(pytest.Item):
    """The test that a model, with its defaults, is as it expects to be.

    pytest's marks on the model (skip, xfail, your own) count as on a test function.
    """

    def __init__(self, *, model: Model, **more: Any):
        super().__init__(**more)
        self.model = model
        for mark in getattr(model, "pytestmark", []):
            self.add_marker(getattr(pytest.mark, mark.name).with_args(*mark.args, **mark.kwargs))

    def runtest(self) -> None:
        """Check the model; raise `NotAsExpected` where the verdict is not what it expects."""
        wanted = _without_defaults(self.model)
        if wanted:
            pytest.skip(f"the model {self.model.name} needs a value for {', '.join(wanted)}")
        with beside(Path(self.model.file)):
            result = run(self.model, {})
        self.user_properties += [
            ("modelcheck_verdict", str(result.verdict)),
            ("modelcheck_states", result.states),
            ("modelcheck_transitions", result.transitions),
        ]
        if not result.ok:
            raise NotAsExpected(result, write_page(result, self.nodeid))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the counterexample in words; a traceback only where the fault is ours."""
        return _told(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return Path(self.model.file), self.model.line - 1, f"model {self.name}"


class SpecFile(pytest.File):
    """A file whose models are tests."""

    def collect(self) -> Iterator[ModelItem]:
        for model in models_in(self.path):
            yield ModelItem.from_parent(self, name=model.name, model=model)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return _told(excinfo) or super().repr_failure(excinfo)


def _told(excinfo: pytest.ExceptionInfo[BaseException]) -> str:
    """Return an error that is told without a traceback; empty for any other."""
    error = excinfo.value
    if isinstance(error, NotAsExpected):
        return failure_text(error.result, error.page)
    return safe_lines(str(error)) if isinstance(error, ModelcheckError) else ""


def _without_defaults(model: Model) -> list[str]:
    parameters = inspect.signature(model.function).parameters.values()
    return [p.name for p in parameters if p.default is p.empty]


__all__ = ["ModelItem", "NotAsExpected", "SpecFile"]
