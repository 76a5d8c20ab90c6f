"""What a command does without: garbage collection again and again, idle threads."""

import gc
import os

from modelcheck.cli.lean import THREADS, YOUNG, seldom_collected, without_algebra_threads


def test_cycles_are_looked_for_seldom_and_afterwards_as_before():
    """A command's thresholds are its own, and collection stays on."""
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold()[0] == YOUNG
        assert gc.isenabled()
    assert gc.get_threshold() == before


def test_libraries_start_no_threads_but_those_asked_for(monkeypatch):
    """What the environment says counts, and what a command adds goes with it."""
    asked, silent = THREADS
    monkeypatch.setenv(asked, "4")
    monkeypatch.delenv(silent, raising=False)
    with without_algebra_threads():
        assert (os.environ[asked], os.environ[silent]) == ("4", "1")
    assert os.environ[asked] == "4"
    assert silent not in os.environ
