"""The pytest plugin's hooks: options, and which files hold models.

A module of its own beside the package: pytest imports every plugin that is installed, into every
project's test run, and this one costs a file's time there. Nothing of modelcheck is imported until
there is a model to check; then `modelcheck.pytest_plugin` does the rest.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

#: What a file that defines a model must say somewhere.
_IMPORTS_US = re.compile(rb"\bimport\b.*\bmodelcheck\b|\bmodelcheck\b.*\bimport\b")

#: The files whose models are tests, where the ini file does not say.
FILES = ("spec_*.py", "test_*.py")

#: name, type, metavar, help: each is an option ``--modelcheck-name`` and a setting of the ini file.
SETTINGS = (
    ("memory", str, "MODEL", "The memory model (default: sc)."),
    ("engine", str, "ENGINE", "auto, reference or native (default: auto)."),
    ("workers", int, "N", "Threads of the native engine (default: 1)."),
    ("max_states", int, "N", "Stop a search after so many states: it is then incomplete."),
    ("timeout", float, "S", "Stop a search after so many seconds: it is then incomplete."),
    ("max_memory", float, "MIB", "Stop a search at so much resident memory: incomplete."),
    ("html", str, "DIR", "Write a page about each model that is not as expected to this folder."),
)

#: The run that is going on in this process, for `modelcheck.assert_holds`.
_running: list[pytest.Config] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the settings of the ini file."""
    group = parser.getgroup("modelcheck", "concurrent protocols (modelcheck)")
    for name, kind, metavar, told in SETTINGS:
        dashed = f"--modelcheck-{name.replace('_', '-')}"
        group.addoption(dashed, type=kind, metavar=metavar, default=None, help=told)
        parser.addini(f"modelcheck_{name}", f"{told} As {dashed}.", default="")
    told = f"Files whose models are tests, as patterns (default: {' '.join(FILES)})."
    parser.addini("modelcheck_files", told, type="args", default=list(FILES))


def pytest_configure(config: pytest.Config) -> None:
    """Take up the settings; the marker is what pytest needs to know of."""
    _running.append(config)
    if config.option.modelcheck_html:  # an absolute one is the same to the workers of xdist
        base = config.invocation_params.dir
        config.option.modelcheck_html = str(base / config.option.modelcheck_html)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget the settings."""
    if config in _running:
        _running.remove(config)


def settings() -> dict[str, Any]:
    """Return what the command line, or else the ini file, of the running tests says, by name.

    Only what they say is in it. Raises `pytest.UsageError` where the ini file has no number.
    """
    if not _running:
        return {}
    config, said = _running[-1], {}
    for name, kind, _, _ in SETTINGS:
        value = getattr(config.option, f"modelcheck_{name}")
        written = config.getini(f"modelcheck_{name}")
        if value is None and written:
            try:
                value = kind(written)
            except ValueError:
                raise pytest.UsageError(
                    f"modelcheck_{name} in {config.inipath} is {written!r}, which is no number"
                ) from None
            if name == "html":
                value = str(config.rootpath / value)
        if value is not None:
            said[name] = value
    return said


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Any:
    """Collect a file of models that is no test module of pytest's own."""
    if parent.session.isinitpath(file_path):
        return None  # pytest makes a test module of whatever its command line names: see below
    return _spec_file(file_path, parent)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    """Collect a file of models that the command line names, instead of a test module."""
    return _spec_file(module_path, parent)


def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> Any:
    """Make a test of a model that a test module defines."""
    language = sys.modules.get("modelcheck.language.model")
    if language is None or not isinstance(obj, language.Model):
        return None
    path, module = collector.path, getattr(collector, "module", None)
    named = _matches(path, collector.config.getini("modelcheck_files"))
    if obj.__module__ != getattr(module, "__name__", None):
        return []  # it is merely imported
    if not (named or collector.session.isinitpath(path)):
        return []
    from modelcheck.pytest_plugin import ModelItem

    return ModelItem.from_parent(collector, name=name, model=obj)


def _spec_file(path: Path, parent: pytest.Collector) -> Any:
    if not _is_ours(path, parent):
        return None
    from modelcheck.pytest_plugin import SpecFile

    return SpecFile.from_parent(parent, path=path)


def _is_ours(path: Path, parent: pytest.Collector) -> bool:
    """Tell whether a file is one of models, and not one that pytest takes for a test module."""
    if path.suffix != ".py" or not _matches(path, parent.config.getini("modelcheck_files")):
        return False
    if _matches(path, parent.config.getini("python_files")):
        return False
    try:
        return _IMPORTS_US.search(path.read_bytes()) is not None
    except OSError:
        return False


def _matches(path: Path, patterns: list[str]) -> bool:
    return any(path.match(pattern) for pattern in patterns)
