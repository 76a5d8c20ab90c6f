"""The program `modelcheck`: fixes Python's hash seed, then runs the command line.

A module of its own beside the package: fixing the seed starts Python anew, and what was imported
before that would be imported twice. And importing takes a while, in which Ctrl-C is already what it
is later: an end with status 3, and no traceback.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable

#: The seed, unless ``PYTHONHASHSEED`` says otherwise.
SEED = "0"

#: `modelcheck.ExitCode.INCOMPLETE`, which is not to be imported yet.
INCOMPLETE = 3


def main() -> None:
    """Run the command line; Ctrl-C while it is being imported ends it as at any later time."""
    try:
        fix_seed()
        _hold_interrupts(False)
        _command_line()()
    except KeyboardInterrupt:
        sys.stderr.write("modelcheck: interrupted\n")
        sys.exit(INCOMPLETE)


def _command_line() -> Callable[[], None]:
    """Import the command line.

    Meanwhile nobody looks for garbage: classes are made that stay, and it took a tenth of the time.
    """
    gc.disable()
    try:
        from modelcheck.cli import main as command_line

        return command_line
    finally:
        gc.enable()


def fix_seed() -> None:
    """Start this program anew with a fixed hash seed, if it is ours and has none.

    Python's own changes from run to run, and the order of a set of strings follows it. What visibly
    depends on such an order is refused; what is left then at least gives the same verdict each
    time, and a token replays.
    """
    if os.name != "posix" or "PYTHONHASHSEED" in os.environ or not _is_our_program():
        return
    if not sys.flags.hash_randomization or sys.flags.ignore_environment:
        return
    os.environ["PYTHONHASHSEED"] = SEED
    # A new interpreter would answer Ctrl-C with a traceback of its own start.
    _hold_interrupts(True)
    try:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    except OSError:
        return  # an interpreter that may not be started again: run with the seed that it has


def _hold_interrupts(held: bool) -> None:
    """Let Ctrl-C wait, also over the start of a new program; or let what has waited come."""
    if os.name == "posix":
        signal.pthread_sigmask(signal.SIG_BLOCK if held else signal.SIG_UNBLOCK, {signal.SIGINT})


def _is_our_program() -> bool:
    """Tell whether the command line is what this interpreter was started for, and nothing else."""
    given = sys.orig_argv[1:]
    return given[:2] in (["-m", "modelcheck"], ["-m", "modelcheck.cli"]) or (
        bool(given) and os.path.basename(given[0].rstrip(os.sep)) == "modelcheck"
    )
