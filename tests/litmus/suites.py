"""Where litmus tests are: this project's own, and the public suites beside a clone."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
OWN = HERE / "tests"
ROOT = HERE.parents[1]

#: Public suites with known answers; they are no part of the project, and tests that want them skip
#: where they are not.
SUITES = Path(os.environ.get("MODELCHECK_LITMUS", ROOT.parent / "shared" / "litmus"))


def own(prefix: str = "") -> list[Path]:
    """The project's own tests whose file name begins so, sorted."""
    return sorted(OWN.glob(f"{prefix}*.litmus"))
