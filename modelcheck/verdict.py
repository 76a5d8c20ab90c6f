"""The three verdicts, the kinds of violation, the exit codes: the words that all layers share.

A search that was cut is never a pass: it is *incomplete*.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


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
    UNREACHABLE = "unreachable"  # a `sometimes` property has no witness


class ExitCode(IntEnum):
    """What the command line exits with; scripts rely on it."""

    OK = 0  # holds, or everything as expected
    VIOLATED = 1  # violated, or not as expected
    ERROR = 2  # usage or model error
    INCOMPLETE = 3  # a budget ended the search
