"""Snapshots: output is API, so it is compared with a file.

`UPDATE_SNAPSHOTS=1 pytest tests/show` writes them anew; look at the difference before committing.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "snapshots"


def check(name: str, found: str) -> None:
    """Compare `found` with the snapshot of that name, or write it where asked to."""
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8", newline="\n")
    assert path.exists(), f"no snapshot {name}: run UPDATE_SNAPSHOTS=1 pytest tests/show"
    assert found == path.read_text(encoding="utf-8")
