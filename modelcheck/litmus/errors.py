"""The error of a litmus or cat file: what is wrong, and where in the file."""

from __future__ import annotations

from modelcheck.errors import ModelcheckError


class LitmusError(ModelcheckError):
    """A litmus test or cat model that cannot be read, with file, line and column.

    Examples
    --------
    >>> print(LitmusError("`)` expected, found `;`", "close the call", ("MP.litmus", 9, 14)))
    MP.litmus:9:14: `)` expected, found `;`
      close the call
    """

    def __init__(self, what: str, remedy: str = "", place: tuple[str, int, int] = ("", 0, 0)):
        super().__init__(what, remedy, place)
        self.what, self.remedy = what, remedy
        self.file, self.line, self.column = place

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.file else ""
        return f"{place}{self.what}" + (f"\n  {self.remedy}" if self.remedy else "")


__all__ = ["LitmusError"]
