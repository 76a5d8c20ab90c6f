"""The command line: ``check | list | simulate | replay | graph | new | doctor | litmus``."""

from modelcheck.cli import beginnings  # noqa: F401  it adds commands to main
from modelcheck.cli.commands import main
from modelcheck.cli.litmus import litmus_command

main.add_command(litmus_command)

__all__ = ["main"]
