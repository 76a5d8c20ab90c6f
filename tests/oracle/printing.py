"""Programs of `oracle.programs` as Python source for modelcheck, and as models.

Neighbours: `generate` draws them, `interpreter` gives them their meaning without modelcheck.
"""

from __future__ import annotations

import itertools
import linecache
from typing import Any

from oracle import programs as P


class Printer:
    """Writes a program as source; `lines` maps the id of each `Yield` to its line."""

    def __init__(self, program: P.Program):
        self.program = program
        self.out: list[str] = []
        self.lines: dict[int, int] = {}
        self._functions = itertools.count()
        self._print()

    @property
    def source(self) -> str:
        return "\n".join(self.out) + "\n"

    def line(self, depth: int, text: str) -> None:
        self.out.append("    " * depth + text)

    def _print(self) -> None:
        self.out += [
            "from modelcheck import (Channel, System, always, at_end, atomic, cells, choose,",
            "    either, fence, label, model, process, sometimes, spawn, state, until)",
            "from oracle.programs import Mode",
            "",
        ]
        for part in self.program.shared:
            if isinstance(part, P.Part):
                self._state(part.name.capitalize(), part.fields)
        self._state("Shared", self.program.shared)
        for function in self.program.subroutines:
            self._function(function)
        for function in self.program.functions:
            self.line(0, "@process(daemon=True)" if function.daemon else "@process")
            self._function(function)
        for prop in self.program.properties:
            self.out += [f"@{prop.kind}", f"def {prop.name}(s):", f"    return {prop.cond}", ""]
        started = ", ".join(f"{name}(s, {arg})" for name, arg in self.program.instances)
        names = ", ".join(p.name for p in self.program.properties)
        self.out += [
            "@model",
            "def program():",
            "    s = Shared()",
            f"    return System(s, [{started}], [{names}], deadlock={self.program.deadlock})",
        ]

    def _state(self, name: str, fields: Any) -> None:
        self.out += ["@state", f"class {name}:"]
        for one in fields:
            if isinstance(one, P.Scalar):
                self.line(1, f"{one.name}: object = {one.initial}")
            elif isinstance(one, P.Array):
                self.line(1, f"{one.name} = cells({list(one.initial)})")
            elif isinstance(one, P.Part):
                self.line(1, f"{one.name} = {one.name.capitalize()}()")
            else:
                self.line(1, f"{one.name} = Channel({one.capacity}, {list(one.initial)})")
        self.line(1, "pass")
        self.line(0, "")

    def _function(self, function: P.Function) -> None:
        self.line(0, f"def {function.name}(s, me):")
        self._block(function.body, 1)
        if not any(_yields(statement) for statement in function.body):
            self.line(1, "if False: yield")
        self.line(0, "")

    def _block(self, body: tuple[Any, ...], depth: int) -> None:
        for statement in body:
            self._statement(statement, depth)
        if not body:
            self.line(depth, "pass")

    def _statement(self, it: Any, depth: int) -> None:
        match it:
            case P.Yield(step, to):
                text = self._step(step, depth)
                self.line(depth, f"{to} = yield {text}" if to else f"yield {text}")
                self.lines[id(it)] = len(self.out)
            case P.Do(text):
                self.line(depth, text)
            case P.Remember(to, cond, bound):
                given = ", ".join(f"{n}={n}" for n in bound)
                self.line(depth, f"{to}.append(lambda {given}: {cond})")
            case P.If(cond, then, other):
                self.line(depth, f"if {cond}:")
                self._block(then, depth + 1)
                if other:
                    self.line(depth, "else:")
                    self._block(other, depth + 1)
            case P.While(cond, body):
                self.line(depth, f"while {cond}:")
                self._block(body, depth + 1)
            case P.For(var, over, body):
                self.line(depth, f"for {var} in {over}:")
                self._block(body, depth + 1)
            case P.Break() | P.Continue():
                self.line(depth, type(it).__name__.lower())
            case P.Try(body, handlers, last):
                self.line(depth, "try:")
                self._block(body, depth + 1)
                for classes, var, inner in handlers:
                    self.line(depth, f"except {classes} as {var}:" if var else f"except {classes}:")
                    self._block(inner, depth + 1)
                if last:
                    self.line(depth, "finally:")
                    self._block(last, depth + 1)
            case P.Raise(error):
                self.line(depth, f"raise {error}".rstrip())
            case P.Assert(cond, name):
                self.line(depth, f"assert {cond}, {name!r}")
            case P.WithLabel(name, body, end):
                self.line(depth, f"with label({name!r}, end={end}):")
                self._block(body, depth + 1)
            case P.Call(sub, arg, to):
                call = f"yield from {sub}(s, {arg})"
                self.line(depth, f"{to} = {call}" if to else call)
            case P.Return(value):
                self.line(depth, f"return {value}")
            case _:  # a kind that `programs` has and this does not print: a slip of ours
                raise NotImplementedError(it)

    def _step(self, step: Any, depth: int) -> str:
        match step:
            case P.Load(ref):
                return ref
            case P.Store(ref, value):
                return f"{ref}.set({value})"
            case P.Rmw(op, ref, value):
                return f"{ref}.{op}({value})"
            case P.Cas(ref, expected, new):
                return f"{ref}.cas({expected}, {new})"
            case P.Update(ref, body, result):
                more = f".results_in({result!r})" if result != "old" else ""
                return f"{ref}.update(lambda old: {body}){more}"
            case P.Until(cond, end):
                return f"until(lambda: {cond}, end=True)" if end else f"until(lambda: {cond})"
            case P.UntilStored(stored):
                return f"until({stored})"
            case P.Choose(options):
                return f"choose({', '.join(options)})"
            case P.Atomic(body, result, when):
                name = f"f{next(self._functions)}"
                self.line(depth, f"def {name}():")
                self._block(tuple(map(P.Do, body)), depth + 1)
                self.line(depth + 1, f"return {result}")
                return f"atomic({name}, when=lambda: {when})" if when else f"atomic({name})"
            case P.Send(channel, value):
                return f"{channel}.send({value})"
            case P.Recv(channel):
                return f"{channel}.recv()"
            case P.TryRecv(channel):
                return f"{channel}.try_recv()"
            case P.AtLabel(name, end):
                return f"label({name!r}, end={end})"
            case P.Fence(kind):
                return f"fence({kind!r})"
            case P.Either(options):
                return f"either({', '.join(self._step(o, depth) for o in options)})"
            case P.Spawn(process, arg, detached):
                return f"spawn({process}(s, {arg}), detached={detached})"
            case P.Join(child):
                return f"{child}.join()"
        raise NotImplementedError(step)  # as above


def _yields(it: Any) -> bool:
    """Whether a statement takes a step, so that its function is a generator function."""
    if isinstance(it, (P.Yield, P.Call)):
        return True
    if isinstance(it, P.Try):
        parts = [it.body, it.last, *(h[2] for h in it.handlers)]
    else:
        parts = [getattr(it, n, ()) for n in ("then", "other", "body")]
    return any(_yields(one) for part in parts for one in part)


_files = itertools.count()


def load(program: P.Program) -> tuple[Any, dict[int, int], str]:
    """The program as a modelcheck model, the lines of its yields, and its source."""
    printed = Printer(program)
    file = f"<random program {next(_files)}>"
    source = printed.source
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space: dict[str, Any] = {"__name__": "random_program"}
    exec(compile(source, file, "exec"), space)
    return space["program"], printed.lines, source


def unload(model: Any) -> None:
    """Forget a model's source, so that thousands of programs do not pile up."""
    linecache.cache.pop(model.file, None)
