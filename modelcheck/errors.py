"""The errors that every layer shares.

An error says what is wrong, with the value; the usual cause; what to do; and, where it lies in the
user's own code, the file and line. A violated property is never an error: it is a result.
"""

from __future__ import annotations

import sys


def cell_name(file: str) -> str:
    """The name that a notebook shows for a cell, given the file that it compiles the cell as.

    Empty for a real file, and outside a notebook.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    named = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(file)
    return str(named[1]) if named else ""


class ModelcheckError(Exception):
    """The base of every error that modelcheck raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the text, which names the user's line, and no calls of ours."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(ModelcheckError):
    """A call or a command line that cannot be carried out as it stands."""


class ModelError(ModelcheckError):
    """A model that breaks a rule of the language.

    Parameters
    ----------
    what : str
        What is wrong, with the value, in one sentence.
    remedy : str
        The usual cause and what to write instead.
    file, line : str and int, optional
        Where in the user's code.

    Examples
    --------
    >>> print(ModelError("the step is no step", "yield a step", file="lock.py", line=7))
    lock.py:7: the step is no step
      yield a step
    """

    def __init__(
        self, what: str, remedy: str = "", *, file: str | None = None, line: int | None = None
    ):
        super().__init__(what, remedy)
        self.what, self.remedy, self.file, self.line = what, remedy, file, line

    def __str__(self) -> str:
        file = cell_name(self.file or "") or self.file
        place = f"{file}:{self.line}: " if file else ""
        return f"{place}{self.what}" + (f"\n  {self.remedy}" if self.remedy else "")


class FailsAtStart(ModelError):
    """A process failed before its first step: there is no state to explore from.

    A search tells it as a violation; what needs a state to begin with refuses the model by this.
    """
