"""The native explorer: packed states, tries as arrays, and a search compiled by numba.

numba takes seconds to compile, once, and a fraction of a second to load what it compiled. So
nothing here is imported before it is needed, and the compiled code is kept in a folder of its own:
one for each version of the kernel's source, since numba would not notice every change, and in a
place that can be written to even where modelcheck is installed read-only.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def available() -> bool:
    """Tell whether the native explorer can run here: whether there is a numba."""
    return importlib.util.find_spec("numba") is not None


def compiled(kernel: str = "kernel.expand") -> bool:
    """Tell whether a kernel has been compiled before, for this version of it and of Python."""
    tag = f"py{sys.version_info.major}{sys.version_info.minor}"
    return any(folder().rglob(f"{kernel}-*{tag}*.nbi"))


def load() -> Any:
    """Return the module that searches, compiling nothing yet. Cost: imports numba, about 0.3 s."""
    return _load("engine")


def load_reduced() -> Any:
    """Return the module that searches with partial-order reduction."""
    return _load("reduced")


def load_symmetric() -> Any:
    """Return the module that searches up to symmetry."""
    return _load("symmetric")


def load_symmetric_reduced() -> Any:
    """Return the module that searches up to symmetry with partial-order reduction."""
    return _load("symmetric_reduced")


def _load(name: str) -> Any:
    import numba

    config: Any = numba.config  # it makes its attributes when it is imported
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder())
    try:
        return importlib.import_module(f"{__name__}.{name}")
    finally:
        config.CACHE_DIR = before


def folder() -> Path:
    """Return the folder for compiled code; it exists and can be written to."""
    # numba's cache does not notice a change in another file that a kernel inlines.
    here = Path(__file__).parent
    sources = [
        (here / f"{name}.py").read_bytes() for name in ("kernel", "closure", "compact", "orbits")
    ]
    name = f"kernel-{hashlib.sha256(b''.join(sources)).hexdigest()[:12]}"
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "modelcheck"
    for folder in (base / name, Path(tempfile.gettempdir()) / f"modelcheck-{_user()}" / name):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except (OSError, RuntimeError):
            continue
        if os.access(folder, os.W_OK) and folder.stat().st_uid == _user():
            return folder  # not one that somebody else prepared: it holds code to be run
    return Path(tempfile.mkdtemp(prefix="modelcheck-"))


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
