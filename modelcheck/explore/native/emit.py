"""Makes object code of a kernel: numba compiles it, LLVM writes it down.

What a kernel is made of is compiled as one piece, so that LLVM sees every call and drops arguments
that nobody reads. The code must stand alone: one that needs anything of numba's at run time is not
written. Neighbours: `objects` loads and calls what is made here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding as llvm
from numba import cfunc, from_dtype, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

#: What code may call without bringing it along: every process has these.
COMMON = {"memset", "memcpy", "memmove"}


def object_code(function: Any, arguments: Any, symbol: str, machine: Any) -> bytes | None:
    """Return a kernel's code for arguments of such types, to be found as `symbol`.

    None where it cannot stand alone.
    """
    unpacked = _unpacked(types.Tuple([_type_of(argument) for argument in arguments]))

    @cfunc(types.int64(types.int64))
    def enter(block):
        return function(*unpacked(block))

    module = llvm.parse_assembly(enter.inspect_llvm())
    _make_one(module, enter.native_name, symbol)
    _optimize(module, machine)
    needed = {f.name for f in module.functions if f.is_declaration}
    if any(name not in COMMON and not name.startswith("llvm.") for name in needed):
        return None
    return bytes(machine.emit_object(module))


def _type_of(argument: Any) -> Any:
    """Return numba's type of an argument."""
    if isinstance(argument, np.ndarray):
        return types.Array(from_dtype(argument.dtype), argument.ndim, "C")
    if isinstance(argument, tuple):
        return types.NamedTuple([_type_of(part) for part in argument], type(argument))
    return types.boolean if isinstance(argument, bool) else types.int64


def _unpacked(wanted: Any) -> Any:
    """Return a function that makes values of the types wanted from a block's address."""

    @intrinsic
    def unpacked(typing_context, block):
        def generate(context, builder, signature, arguments):
            return _Reader(context, builder, arguments[0]).value(wanted)

        return wanted(types.int64), generate

    return unpacked


class _Reader:
    """Writes the code that reads a block, number by number."""

    def __init__(self, context: Any, builder: Any, block: Any):
        self.context, self.builder = context, builder
        self.block = builder.inttoptr(block, cgutils.intp_t.as_pointer())
        self.place = 0

    def number(self) -> Any:
        """Return the next number."""
        at = self.builder.gep(self.block, [self.context.get_constant(types.intp, self.place)])
        self.place += 1
        return self.builder.load(at)

    def value(self, wanted: Any) -> Any:
        """Return a value of a type."""
        if isinstance(wanted, types.Array):
            return self.array(wanted)
        if isinstance(wanted, types.BaseTuple):
            fields = wanted.types  # type: ignore[attr-defined]  # numba's stub leaves it out
            parts = [self.value(part) for part in fields]
            return self.context.make_tuple(self.builder, wanted, parts)
        return self.context.cast(self.builder, self.number(), types.int64, wanted)

    def array(self, wanted: Any) -> Any:
        """Return an array that owns nothing."""
        context, builder = self.context, self.builder
        made = context.make_array(wanted)(context, builder)
        width = context.get_abi_sizeof(context.get_data_type(wanted.dtype))
        size = context.get_constant(types.intp, width)
        data = builder.inttoptr(self.number(), made.data.type)
        shape = [self.number() for _ in range(wanted.ndim)]
        strides = [size]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        populate_array(made, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
        return made._getvalue()


def _make_one(module: Any, entry: str, symbol: str) -> None:
    """Let nothing of a module be seen from outside but its entry, under another name."""
    for part in (*module.functions, *module.global_variables):
        if part.is_declaration:
            continue
        if part.name == entry:
            part.name, part.linkage = symbol, "external"
        else:
            part.linkage = "internal"


def _optimize(module: Any, machine: Any) -> None:
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
