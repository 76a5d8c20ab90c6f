"""The command line: ``modelcheck check | list | simulate | replay | graph | new | doctor``."""

from modelcheck.cli import beginnings  # noqa: F401  it adds commands to main
from modelcheck.cli.commands import main

__all__ = ["main"]
