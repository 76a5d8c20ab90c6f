"""The command line: ``modelcheck check | list | simulate | replay | graph``."""

from modelcheck.cli.commands import main

__all__ = ["main"]
