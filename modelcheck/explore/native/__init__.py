"""The native explorer: packed states, tries as arrays, and a search compiled by numba.

numba takes seconds to compile, once. What it compiles is kept as object code in a folder of its own
(`objects`), one for each version of the sources, in a place that can be written to even where
modelcheck is installed read-only; after that no exact search imports numba. The kernels of other
searches are kept there by numba itself. Nothing here is imported before it is needed.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

#: What compiled code is made of: a change in one of these files asks for other code.
COMPILED = (
    "shapes",
    "kernel",
    "visited",
    "passes",
    "closure",
    "ignoring",
    "compact",
    "orbits",
    "components",
    "emit",
    "objects",
)


def available() -> bool:
    """Tell whether the native explorer can run here: whether there is a numba."""
    return importlib.util.find_spec("numba") is not None


def compiled(kernel: str = "expand") -> bool:
    """Tell whether a kernel has been compiled before, for this version of it.

    One that is called through `calls` goes by its name, another one by its module's name too.
    """
    tag = f"py{sys.version_info.major}{sys.version_info.minor}"
    by_numba = f"**/{kernel}-*{tag}*.nbi"
    return any(folder().glob(by_numba if "." in kernel else f"{kernel}_*.object"))


def load() -> Any:
    """Return the module that searches, compiling nothing yet, and importing no numba."""
    return importlib.import_module(f"{__name__}.engine")


def load_reduced() -> Any:
    """Return the module that searches with partial-order reduction; imports no numba either."""
    return importlib.import_module(f"{__name__}.reduced")


def load_symmetric() -> Any:
    """Return the module that searches up to symmetry. Cost: imports numba."""
    return _with_numba("symmetric")


def load_symmetric_reduced() -> Any:
    """Return the module that searches up to symmetry with reduction. Cost: imports numba."""
    return _with_numba("symmetric_reduced")


def load_lossy() -> Any:
    """Return the module of searches that may miss states. Cost: imports numba."""
    return _with_numba("lossy")


def _with_numba(name: str) -> Any:
    import numba

    config: Any = numba.config  # it makes its attributes when it is imported
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder())
    try:
        return importlib.import_module(f"{__name__}.{name}")
    finally:
        config.CACHE_DIR = before


def folder() -> Path:
    """Return the folder for compiled code; it exists and can be written to.

    There is one for each version of the sources, since numba's own cache does not notice a change
    in another file that a kernel inlines.
    """
    here = Path(__file__).parent
    sources = [(here / f"{name}.py").read_bytes() for name in COMPILED]
    name = f"kernel-{hashlib.sha256(b''.join(sources)).hexdigest()[:12]}"
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "modelcheck"
    if _is_ours(base / name):
        return base / name
    import tempfile

    place = Path(tempfile.gettempdir()) / f"modelcheck-{_user()}" / name
    return place if _is_ours(place) else Path(tempfile.mkdtemp(prefix="modelcheck-"))


def _is_ours(place: Path) -> bool:
    """Tell whether a folder is there by now, can be written to, and is not somebody else's.

    It holds code to be run.
    """
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError):
        return False
    return os.access(place, os.W_OK) and place.stat().st_uid == _user()


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
