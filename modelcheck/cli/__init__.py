"""The command line: ``check | list | simulate | replay | graph | litmus | repair ...``."""

from modelcheck.cli import beginnings  # noqa: F401  it adds commands to main
from modelcheck.cli.commands import main
from modelcheck.cli.compare import compare_command
from modelcheck.cli.cost import cost_command
from modelcheck.cli.exchange import export_command, import_command
from modelcheck.cli.explain import explain_command
from modelcheck.cli.graph import graph_command
from modelcheck.cli.litmus import litmus_command
from modelcheck.cli.repair import repair_command
from modelcheck.cli.replay import replay_command

main.add_command(replay_command)
main.add_command(graph_command)
main.add_command(litmus_command)
main.add_command(import_command)
main.add_command(export_command)
main.add_command(repair_command)
main.add_command(cost_command)
main.add_command(compare_command)
main.add_command(explain_command)

__all__ = ["main"]
