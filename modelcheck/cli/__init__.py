"""The command line: ``check | list | simulate | replay | graph | new | litmus | repair ...``."""

from modelcheck.cli import beginnings  # noqa: F401  it adds commands to main
from modelcheck.cli.commands import main
from modelcheck.cli.litmus import litmus_command
from modelcheck.cli.repair import repair_command

main.add_command(litmus_command)
main.add_command(repair_command)

__all__ = ["main"]
