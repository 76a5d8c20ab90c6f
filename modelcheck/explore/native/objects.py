"""Calls compiled kernels without numba: as object code, kept in a folder and loaded by LLVM.

Importing numba and having it find a kernel in its own cache takes longer than a search of a million
states. So each kernel is compiled once (`emit`), for the kinds of its arguments, and what is kept
is the machine code itself. All arguments are handed over in one block of 64-bit numbers: of an
array its address and its length, of a named tuple its fields. Calls release the interpreter's lock.

Code that some other processor, LLVM or numba made is never loaded: the name of a file tells which
it was, and its first bytes are the digest of the rest. Where there is a numba but no such file can
be made, numba calls the kernel itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import importlib.util
import os
import threading
from array import array
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from modelcheck.explore.native import folder
from modelcheck.explore.native.shapes import Agents, Closing, Layout, Relating, Scratch, Tries

#: What a kernel is called with: the address of a block.
_Kernel = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)

#: The digest before the object code in a file.
DIGEST = hashlib.sha256().digest_size

#: One kernel is loaded at a time, and each once, however many threads want it.
_LOADING = threading.Lock()


#: Tuples that often are the same from call to call, and hold little memory while they are kept.
KEPT = {Layout, Tries, Agents, Relating, Closing, Scratch}


class Entry:
    """A kernel of a module beside this one; calling it loads it, or compiles it the first time.

    Arguments are integers, booleans, writable arrays in C order, and named tuples of these; what is
    returned is an integer. Cost of a call: a third of a microsecond for each array, but for those
    in tuples that are `KEPT` from the last call.
    """

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name
        self._loaded: dict[str, Callable[..., int]] = {}
        self._flat: dict[type, tuple[Any, list[int], str]] = {}

    def __call__(self, *arguments: Any) -> int:
        """Run the kernel."""
        numbers: list[int] = []
        kinds: list[str] = []
        for argument in arguments:
            self._flatten(argument, numbers, kinds)
        told = "".join(kinds)
        run = self._loaded.get(told)
        if run is None:
            with _LOADING:
                run = self._loaded[told] = self._loaded.get(told) or self._find(told, arguments)
        if not isinstance(run, _Kernel):  # numba's
            return int(run(*arguments))
        block = array("q", numbers)
        return int(run(block.buffer_info()[0]))

    def _flatten(self, argument: Any, numbers: list[int], kinds: list[str]) -> None:
        """Put an argument's numbers, and what kind it is, at the end of the lists."""
        if isinstance(argument, np.ndarray):
            kinds.append(_KINDS[argument.dtype.char, argument.ndim])
            # An array's own `ctypes.data` takes six times as long.
            numbers.append(ctypes.addressof(_at(argument)))  # type: ignore[arg-type]  # a buffer
            numbers += argument.shape
        elif type(argument) in KEPT:
            self._flatten_once(argument, numbers, kinds)
        elif isinstance(argument, tuple):
            kinds.append("(")
            for part in argument:
                self._flatten(part, numbers, kinds)
            kinds.append(")")
        else:
            kinds.append("01"[isinstance(argument, bool)])
            numbers.append(argument)

    def _flatten_once(self, argument: Any, numbers: list[int], kinds: list[str]) -> None:
        """Flatten a tuple, unless it is that of the last call: tuples and arrays stay in place."""
        known = self._flat.get(type(argument))
        if known is None or known[0] is not argument:
            own: list[int] = []
            told: list[str] = []
            self._flatten(tuple(argument), own, told)
            known = self._flat[type(argument)] = argument, own, "".join(told)
        numbers += known[1]
        kinds.append(known[2])

    def _find(self, kinds: str, arguments: Any) -> Callable[..., int]:
        """Return the code for arguments of these kinds, or a function that numba calls."""
        symbol = f"{self.name}_{_tag(kinds)}"
        file = folder() / f"{symbol}.object"
        code = _read(file)
        if code is None:
            module = importlib.import_module(f"{__package__}.{self.module}")
            emit = importlib.import_module(f"{__package__}.emit")
            function = getattr(module, self.name)
            code = emit.object_code(function, arguments, symbol, machine())
            if code is None:
                return function  # type: ignore[no-any-return]  # of numba's own making
            _write(file, code)
        return _load(code, symbol)


#: The address of an array that can be written to.
_at = (ctypes.c_char * 0).from_buffer

#: What kinds of arrays there are, in words.
_KINDS = {(char, ndim): f"{char}{ndim}" for char in "?bBhHiIlLqQd" for ndim in (1, 2)}


def _read(file: Path) -> bytes | None:
    """Return the object code of a file, None where there is none, or where it is damaged."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, code = content[:DIGEST], content[DIGEST:]
    return code if hashlib.sha256(code).digest() == digest else None


def _write(file: Path, code: bytes) -> None:
    """Keep object code; other processes see all of it or nothing. No room is no error."""
    part = file.with_suffix(f".{os.getpid()}")
    try:
        part.write_bytes(hashlib.sha256(code).digest() + code)
        part.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()


def _tag(kinds: str) -> str:
    """Return a name for what makes code what it is, beside its source."""
    import llvmlite

    llvm = _llvm()
    parts = [kinds, llvmlite.__version__, llvm.get_process_triple(), *_processor(), _numba()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _numba() -> str:
    """Return the version of numba as it says itself, without importing it."""
    found = importlib.util.find_spec("numba")
    origin = found.origin if found is not None else None
    try:
        return (Path(origin).parent / "_version.py").read_text("utf-8") if origin else ""
    except OSError:
        return ""


@cache
def _llvm() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def _processor() -> tuple[str, str]:
    """Return the processor's name and what it can do, in LLVM's words."""
    llvm = _llvm()
    try:
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM does not know
        return "", ""


def machine() -> Any:
    """Return what LLVM makes code for; each has one owner."""
    llvm = _llvm()
    name, features = _processor()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=name, features=features, opt=3, codemodel="jitdefault", jit=True
    )


@cache
def _engine() -> Any:
    """Return what holds all object code in use; it owns its machine."""
    llvm = _llvm()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())


def _load(code: bytes, symbol: str) -> Callable[..., int]:
    """Return the kernel in object code."""
    engine = _engine()
    engine.add_object_file(_llvm().ObjectFileRef.from_data(code))
    engine.finalize_object()
    return _Kernel(engine.get_function_address(symbol))
