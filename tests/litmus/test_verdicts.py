"""Litmus tests have the verdicts that their `Result:` comments, and the public suites, state."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from litmus.suites import OWN, ROOT, SUITES, own

from modelcheck.axiomatic.models import MODELS, NATIVE
from modelcheck.litmus.run import result_of, run
from modelcheck.litmus.test import read


@pytest.mark.parametrize("path", own(), ids=lambda path: path.stem)
def test_own_tests_have_their_verdicts(path):
    """Each of the project's own tests has its verdict, counted in full and by the quick search."""
    test = read(path)
    model = MODELS[NATIVE[test.arch]]
    whole, quick = run(test, model), run(test, model, verdict_only=True)
    assert result_of(whole) == test.expected
    assert result_of(quick) == test.expected


@pytest.mark.parametrize("path", own("C-"), ids=lambda path: path.stem)
def test_stronger_models_allow_less(path):
    """What SC allows TSO allows, what TSO allows LKMM allows; RCU only the kernel's model knows."""
    test = read(path)
    text = test.source.text
    if "synchronize" in text or "DEADLOCK" in (test.expected or ""):
        pytest.skip("only the kernel's model gives grace periods a meaning")
    sc, tso, lkmm = (run(test, MODELS[name]) for name in ("sc", "x86-tso", "lkmm"))
    assert sc.states <= tso.states
    # A failed read-modify-write is a barrier on x86, not in the kernel's model, which allows more.
    assert tso.states <= lkmm.states


@pytest.mark.skipif(not SUITES.is_dir(), reason="the public litmus suites are not beside the clone")
@pytest.mark.parametrize("suite", ["visible", "catalogue", "extra", "x86", "power"])
def test_public_suites(suite):
    """Every test of the public suites is right; of the Power suite, every eighth one."""
    bench = _benchmark()
    if suite == "x86":
        tallies = [bench.x86(SUITES / "x86_64")]
    elif suite == "power":
        tallies = list(bench.power(SUITES / "power", every=8))
    else:
        tallies = [getattr(bench, suite)(SUITES / "lkmm")]
    for tally in tallies:
        assert not tally.wrong
        assert tally.right > 0


def _benchmark():
    """The program that prints the table of targets."""
    from importlib.util import module_from_spec, spec_from_file_location

    path = Path(ROOT) / "benchmarks" / "litmus.py"
    spec = spec_from_file_location("benchmark_litmus", path)
    module = module_from_spec(spec)
    sys.modules["benchmark_litmus"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["C-SB+inc-after-atomic", "C-lock-after-spinlock"])
def test_a_barrier_beside_an_atomic_or_a_lock_is_one_in_c11(name):
    """`smp_mb__after_atomic` and its kin are full fences under rc11, as `smp_mb` is."""
    assert run(read(OWN / f"{name}.litmus"), MODELS["rc11"]).verdict == "Never"
