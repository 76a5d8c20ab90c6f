"""A queue shared with a softirq: verdicts under each memory model, and counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelcheck import check
from modelcheck.loading import load
from modelcheck.memory import MODELS

SPEC = Path(__file__).resolve().parents[2] / "specs" / "softirq"

# What is violated; states and transitions of the whole search under sc where it holds.
ROWS = {
    "receive_queue": ("", (258, 290)),
    "receive_queue_plain_lock": ("deadlock", None),
    "receive_queue_no_lock": ("no_packet_is_lost", None),
    "receive_queue_polled": ("", (220, 246)),
    "receive_queue_filled_by_irq": ("", (54, 54)),
    "receive_queue_filled_by_irq_bh": ("deadlock", None),
}
FOUND = {model.name: model for model in load(SPEC)}


def test_the_table_has_every_model():
    """No row is left out."""
    assert set(ROWS) == set(FOUND)


@pytest.mark.parametrize("memory", list(MODELS))
@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_verdict_and_counts(row, memory):
    """Store buffers belong to CPUs: on one CPU they change no verdict."""
    broken, counts = ROWS[row]
    result = check(FOUND[row], memory=memory)
    assert result.ok
    assert (result.violation.property if broken else result.violation) == (broken or None)
    if memory == "sc":
        assert counts in (None, (result.states, result.transitions))
