"""How the native search asks Python for what it does not know."""

import pytest
from commandline import ROOT

from modelcheck import check
from modelcheck.loading import load

numba = pytest.importorskip("numba")

from modelcheck.explore import auto, native  # noqa: E402  it is of no use without numba

#: All orders of a row in one location: no path is ever met again.
[one_slot] = load(ROOT / "benchmarks" / "one_slot.py")


def test_one_stop_learns_all_that_a_state_needs(monkeypatch):
    """With 24 states of 3 unknown paths each, the kernel comes back once a state, not thrice."""
    engine = native.load()
    calls, kernel = [], engine.NativeSearch._kernel

    def counted(self, work, mine):
        calls.append(1)
        return kernel(self, work, mine)

    monkeypatch.setattr(engine.NativeSearch, "_kernel", counted)
    result = check(one_slot(n=4), engine="native")
    assert (result.states, result.transitions) == (24, 72)
    assert len(calls) <= 24 + 2 * len(result.levels)


def test_the_order_of_learning_is_the_reference_explorers():
    """Both engines find the same states and transitions at the same depths."""
    found, wanted = (check(one_slot(n=4), engine=e) for e in ("native", "reference"))
    assert (found.states, found.transitions, found.levels) == (
        wanted.states,
        wanted.transitions,
        wanted.levels,
    )


def test_a_search_that_only_learns_stays_in_python(monkeypatch):
    """Whoever learns, it is Python that does: native code would only be on the way."""
    monkeypatch.setattr(auto, "LOADING_S", -1.0)
    monkeypatch.setattr(native, "compiled", lambda kernel: True)
    assert check(one_slot(n=5)).engine == "reference"
    monkeypatch.setattr(auto, "LEARNING", 0)
    assert check(one_slot(n=5)).engine == "native"
