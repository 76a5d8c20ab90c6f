"""What pytest collects here: in the folders of models, the models and nothing else."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent
MODELS = (ROOT / "specs", ROOT / "examples")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Keep `--doctest-modules` from importing a file of models as a module: it has no doctest."""
    collectors = yield
    if not any(file_path.is_relative_to(folder) for folder in MODELS):
        return collectors
    return [made for made in collectors if not isinstance(made, pytest.Module)]


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As a shell's background job: tests that press Ctrl-C would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
