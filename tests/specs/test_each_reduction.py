"""Every spec and example has the same verdict with each subset of the reductions."""

from __future__ import annotations

import pytest
from commandline import ROOT

from modelcheck import check
from modelcheck.loading import load

MODELS = [model for folder in ("specs", "examples") for model in load(ROOT / folder)]

#: What tells one from the other; `walk_executions` has models of the same names.
NAMES = [f"{model.file}:{model.name}".rsplit("/", 1)[-1] for model in MODELS]


def told(result):
    """What must not depend on how a model was searched."""
    kind = result.violation and result.violation.kind
    missing = {name for name, witness in result.witnesses.items() if witness is None}
    return result.verdict, kind, len(result.trace or ()), missing if kind is None else None


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_a_spec_has_the_same_verdict_with_each_subset(model):
    """With reduction, with symmetry where it is declared, with both, and with neither."""
    bound = model()
    plain = check(bound, reduction=False, symmetry=False)
    assert told(check(bound, reduction=True, symmetry=False)) == told(plain)
    if check(bound, reduction=False).orbits is None:
        return
    assert told(check(bound, reduction=False)) == told(plain)
    assert told(check(bound, reduction=True)) == told(plain)
