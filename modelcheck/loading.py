"""Load the models of a Python file or of all files in a folder."""

from __future__ import annotations

import importlib.util
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from modelcheck.errors import ModelcheckError, ModelError, UsageError
from modelcheck.language.model import Model

#: What a file that defines a model must say somewhere.
_IMPORTS_US = re.compile(rb"^\s*(?:from|import)\s+modelcheck\b|\bimport\b.*\bmodelcheck\b", re.M)

#: Neighbouring modules by folder: two folders may each have a `protocol.py` of their own.
_neighbours: dict[Path, dict[str, ModuleType]] = {}


#: Told of a file in a folder that cannot be loaded, so that the others are.
Failed = Callable[[Path, ModelcheckError], None]


def load(path: str | Path, failed: Failed | None = None) -> list[Model]:
    """Return the models that a file defines, or all files of a folder, in order of definition.

    Models that a file merely imports are not its own. While a file is loaded its folder comes first
    on the import path, so that neighbouring files can be imported by name. In a folder only files
    that import modelcheck are looked into, and each once, however many links lead to it.

    Parameters
    ----------
    failed : function of a Path and a ModelcheckError, optional
        Told of each file in a folder that cannot be loaded, instead of an error that loses the
        models of all others.

    Raises
    ------
    UsageError
        Where there is no such file or folder, or no model in the one file named.
    ModelError
        Where a file cannot be loaded; names its line.
    """
    root = Path(path)
    if os.path.isdir(path):  # unlike Path.is_dir it takes any text; the empty one is no folder
        return [found for file in files(root, failed) for found in _models_or(file, failed)]
    if not os.path.exists(path):
        raise UsageError(f"there is no file or folder {str(path)!r}")
    if root.suffix != ".py" or not os.path.isfile(root):
        raise UsageError(f"{str(path)!r} is not a Python file")
    found = models_in(root)
    if not found:
        raise UsageError(f"{path} defines no model: decorate a function with @model")
    return found


def files(folder: Path, failed: Failed | None = None) -> list[Path]:
    """Return the Python files below a folder that may define models, in order.

    Raises `UsageError` where one cannot be read, unless `failed` is there to be told.
    """
    found: dict[Path, Path] = {}
    for file in sorted(folder.rglob("*.py")):
        hidden = any(p.startswith((".", "__pycache__")) for p in file.relative_to(folder).parts)
        if hidden or not file.is_file():
            continue
        try:
            if _IMPORTS_US.search(_content(file)):
                found.setdefault(file.resolve(), file)
        except UsageError as error:
            _tell(failed, file, error)
    return list(found.values())


def _models_or(file: Path, failed: Failed | None) -> list[Model]:
    """Return a file's models; none where it cannot be loaded and `failed` is told so."""
    try:
        return models_in(file)
    except ModelcheckError as error:
        _tell(failed, file, error)
        return []


def _tell(failed: Failed | None, file: Path, error: ModelcheckError) -> None:
    if failed is None:
        raise error
    failed(file, error)


def find(target: str, failed: Failed | None = None) -> list[Model]:
    """Return the models that ``PATH`` or ``PATH:NAME`` names. Raises, or tells, as `load` does."""
    path, name = split(target)
    broken: list[tuple[Path, ModelcheckError]] = []
    found = load(path, failed and (lambda *file_and_error: broken.append(file_and_error)))
    if name is not None and broken and name not in [m.name for m in found]:
        raise broken[0][1]  # it may stand there
    for file, error in broken:
        _tell(failed, file, error)
    if name is None:
        return found
    named = [m for m in found if m.name == name]
    if not named:
        known = ", ".join(m.name for m in found) or "none"
        raise UsageError(f"{path} has no model {name!r}; it has {known}")
    return named


def split(target: str) -> tuple[str, str | None]:
    """Return path and model name of a target.

    Examples
    --------
    >>> split("specs/lock.py:mutex"), split("specs")
    (('specs/lock.py', 'mutex'), ('specs', None))
    """
    path, colon, name = target.rpartition(":")
    names_a_model = name.isidentifier() or os.path.exists(path)
    if colon and names_a_model and not os.path.exists(target):
        return path, name
    return target, None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{str(file)!r} cannot be read: {error.strerror}") from None


def models_in(file: Path) -> list[Model]:
    """Return the models that one file defines, perhaps none. Raises `ModelError` as `load` does."""
    module = _execute(file.resolve())
    here = str(file.resolve())
    own = {id(m): m for m in vars(module).values() if isinstance(m, Model) and m.file == here}
    return sorted(own.values(), key=lambda m: m.line)


def _remedy(error: SyntaxError) -> str:
    """Return what to do about a syntax error; one that processes invite has its own answer."""
    if "'yield' inside" in str(error.msg):
        return "Write a loop, in which each step is a statement: `for ...: v = yield x`."
    return "Mend the file."


def _execute(file: Path) -> ModuleType:
    *package, _ = _package(file)
    name = ".".join([*package, f"modelcheck_spec_{file.stem}"])
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    source = _content(file)
    linecache.checkcache(str(file))
    with beside(file):
        sys.modules[spec.name] = module  # attrs and dataclasses look their module up
        try:
            # Not by the loader: it takes a file for unchanged that changed within one second.
            exec(compile(source, str(file), "exec", dont_inherit=True), vars(module))
        except (ModelcheckError, KeyboardInterrupt):
            raise
        except SyntaxError as error:
            raise ModelError(
                f"syntax error: {error.msg}",
                _remedy(error),
                file=error.filename or str(file),
                line=error.lineno or 1,
            ) from error
        except BaseException as error:  # SystemExit too
            raise _load_error(file, error) from error
        finally:
            sys.modules.pop(spec.name, None)
    return module


def _package(file: Path) -> list[str]:
    """Return the names of the packages that a file lies in, and its own: for relative imports."""
    names, folder = [file.stem], file.parent
    while folder.name.isidentifier() and (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return names


def _load_error(file: Path, error: BaseException) -> ModelError:
    """Return what went wrong while a file ran, at the line of the user's that did it."""
    lines = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if not f.filename.startswith("<") and f.filename != __file__
    ]
    near = [f for f in lines if Path(f.filename).parent == file.parent] or lines
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return ModelError(
        f"the file cannot be loaded: {said}",
        "A file of models is imported as any Python file; only that folder is added to the path.",
        file=near[-1].filename if near else str(file),
        line=(near[-1].lineno or 1) if near else 1,
    )


@contextmanager
def beside(file: Path) -> Iterator[None]:
    """While inside, imports look into the file's folder first, and see only its own neighbours.

    For when a file is loaded, and when its code runs. It leaves no compiled files there. For a file
    in a package, the folder around the package comes second.
    """
    file = file.resolve()
    deep = len(_package(file))
    folder, around, top = file.parent, file.parents[deep - 1], file.parents[max(deep - 2, 0)]
    known = _neighbours.setdefault(top, {})
    shadowed = {name: sys.modules.get(name) for name in known}
    sys.modules.update(known)
    path, unwritten = list(sys.path), sys.dont_write_bytecode
    sys.path[:0] = dict.fromkeys([str(folder), str(around)])
    sys.dont_write_bytecode = True
    before = set(sys.modules)
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, unwritten
        for name in [n for n in sys.modules if n not in before]:
            # A part of a package that was there before belongs to that one, wherever it lies.
            if name.partition(".")[0] not in before and _lies_in(sys.modules[name], top):
                known[name] = sys.modules.pop(name)
        for name, module in shadowed.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _lies_in(module: ModuleType, folder: Path) -> bool:
    """Tell whether a module comes from a folder, and not from an environment installed in it."""
    origin = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if not origin:
        return False
    file = Path(origin).resolve()
    if not file.is_relative_to(folder):
        return False
    parts = file.relative_to(folder).parts
    return "site-packages" not in parts and not any(part.startswith(".") for part in parts)
