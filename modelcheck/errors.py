"""The errors that every layer shares.

An error says what is wrong, with the value; the usual cause; what to do; and, where it lies in the
user's own code, the file and line. A violated property is never an error: it is a result.
"""

from __future__ import annotations


class ModelcheckError(Exception):
    """The base of every error that modelcheck raises on purpose."""


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
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{place}{self.what}" + (f"\n  {self.remedy}" if self.remedy else "")
