"""Garbage collection while a command runs."""

import gc

from modelcheck.cli.collector import YOUNG, seldom_collected


def test_cycles_are_looked_for_seldom_and_afterwards_as_before():
    """A command's thresholds are its own, and collection stays on."""
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold()[0] == YOUNG
        assert gc.isenabled()
    assert gc.get_threshold() == before
