"""The hash tables of the native search: entries with a tag above the index."""

import numpy as np
import pytest
from commandline import CLASSIC

from modelcheck import check
from modelcheck.explore import auto
from modelcheck.loading import load

numba = pytest.importorskip("numba")

from modelcheck.explore.native import visited  # noqa: E402  it is of no use without numba

philosophers = load(CLASSIC / "philosophers.py")[0]


@numba.njit
def bits_and_probe(h, size):
    """What an entry has its index in, and where a hash is looked for."""
    bits = visited.index_bits(numba.uint64(size))
    return bits, visited.probe(numba.uint64(h), numba.uint64(size), bits)


@pytest.mark.parametrize(
    "size", [1, 2, 3, 64, 65, 2**20, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 32, 2**32 - 1, 2**32]
)
def test_an_index_and_a_tag_share_no_bit(size):
    """Any index + 1 up to the size fits below any tag; a place is one of the table's."""
    for h in (0, 1, 2**64 - 1, 0x9E3779B97F4A7C15):
        bits, probe = map(int, bits_and_probe(np.uint64(h), np.uint64(size)))
        assert min(size, 2**32 - 1) & ~bits == 0
        assert bits & (bits + 1) == 0
        place, tag = probe >> 32, probe & 0xFFFFFFFF
        assert place < size
        assert tag & bits == 0


def test_an_interruption_when_reduction_begins_keeps_what_was_found(monkeypatch):
    """Ctrl-C there ends the search of everything, with its counts."""
    monkeypatch.setattr(auto, "LARGE", 20)

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(auto.native, "load_reduced", interrupted)
    result = check(philosophers(n=5), engine="native")
    assert (result.verdict, result.states >= 20) == ("incomplete", True)
    assert "interrupt" in result.reason
