"""Verdicts, what is expected, kinds of violation, exit codes: the words that all layers share.

A search that was cut is never a pass: it is *incomplete*.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from attrs import frozen


class Verdict(StrEnum):
    """What a check found out."""

    HOLDS = "holds"
    VIOLATED = "violated"
    INCOMPLETE = "incomplete"


class Kind(StrEnum):
    """How a model was violated."""

    INVARIANT = "invariant"  # an `always` property is false in a reachable state
    ASSERTION = "assertion"  # an `assert` in a process failed
    EXCEPTION = "exception"  # a process raised anything else
    DEADLOCK = "deadlock"  # nobody can step and somebody should
    FINAL = "final"  # an `at_end` property is false when everything has ended
    FLAG = "flag"  # an axiomatic memory model flags an execution: a data race, say
    UNREACHABLE = "unreachable"  # a `sometimes` property has no witness


@frozen
class Expectation:
    """What a model says of its own verdict: which, and by what it is violated.

    `verdict` is None where it says nothing. `by` is a property, or a kind of violation. One that
    is not `firm` was said of other parameters: it may be confirmed, but not refuted.
    """

    verdict: Verdict | None = None
    by: str = ""
    firm: bool = True

    def met_by(self, verdict: Verdict, kind: Kind | None = None, property: str = "") -> bool:
        """Tell whether a verdict, and what was violated, are what was expected."""
        if verdict is not self.verdict:
            return False
        if kind is None:
            return True
        if not self.by:
            # A twin that is broken by a typing mistake, or never gets there, is not what was meant.
            return kind not in (Kind.EXCEPTION, Kind.UNREACHABLE)
        return self.by in (property, kind.value)

    def held_against(
        self, verdict: Verdict, kind: Kind | None = None, property: str = ""
    ) -> Expectation:
        """Return the expectation to hold a verdict against: none, where this one does not fit it.

        A search that was cut refutes nothing.
        """
        fits = self.firm or verdict is Verdict.INCOMPLETE or self.met_by(verdict, kind, property)
        return self if fits else Expectation()


class ExitCode(IntEnum):
    """What the command line exits with; scripts rely on it."""

    OK = 0  # holds, or everything as expected
    VIOLATED = 1  # violated, or not as expected
    ERROR = 2  # usage or model error
    INCOMPLETE = 3  # a budget ended the search
