"""A brute-force interpreter of `oracle.programs`, with neither modelcheck nor generators.

Each function is compiled to a flat list of operations; a process is a stack of frames (program
counter, environment, evaluation stack) run to its next `Yield`. States keep *every* local variable,
so verdicts rest on no liveness analysis; how many states remain once dead variables are dropped is
a projection, worked out afterwards by a liveness analysis of its own, over these operations.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from oracle import programs as P

FUEL = 5_000


class TooBig(Exception):
    """The program has more states than the comparison is worth."""


class Failed(Exception):
    """The program's own code failed: ("assertion", name) or ("exception", class name)."""


class _Blocked(Exception):
    pass


@cache
def _compiled(text: str, how: str) -> Any:
    return compile(text, "<oracle>", how)


@cache
def names_of(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a statement or expression uses, and those that it sets."""
    uses, kills = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            uses.add(node.target.id)
        if isinstance(node, ast.Name):
            (kills if isinstance(node.ctx, ast.Store) else uses).add(node.id)
    return frozenset(uses), frozenset(kills)


# Values as keys: typed, with aliases of mutable objects.


class Lam:
    """A lambda that a list holds: its text, and what it captured by value."""

    def __init__(self, text: str, bound: dict[str, Any]):
        self.text, self.bound = text, bound


class Child(tuple):
    """A handle of a spawned process: (slot key, index)."""

    join = True  # what process code looks up on it


def freeze(value: Any, memo: dict[int, int], env: dict[str, Any]) -> Any:
    """A hashable, typed key; `env` is the frame that lambdas look into."""
    if isinstance(value, (bool, float)):
        return (type(value).__name__, value)
    if value is None or isinstance(value, (int, str, P.Mode, range)):
        return value
    if isinstance(value, Child):
        return ("child", *value)
    if isinstance(value, (tuple, frozenset)):
        return (type(value).__name__, *(freeze(v, memo, env) for v in value))
    if isinstance(value, BaseException):
        return ("exc", type(value).__name__, tuple(map(repr, value.args)))
    if id(value) in memo:
        return ("back", memo[id(value)])
    number = memo[id(value)] = len(memo)
    if isinstance(value, Lam):
        late = sorted(names_of(value.text)[0] - value.bound.keys() - {"s"})
        held = [("cell", n, _cell(n, memo, env)) for n in late if n in env]
        bound = [(n, freeze(v, memo, env)) for n, v in sorted(value.bound.items())]
        return ("lam", number, value.text, tuple(bound), tuple(held))
    if isinstance(value, list):
        return ("list", number, *(freeze(v, memo, env) for v in value))
    if isinstance(value, dict):
        pairs = [(freeze(k, memo, env), freeze(v, memo, env)) for k, v in value.items()]
        return ("dict", number, *pairs)
    if isinstance(value, set):
        return ("set", number, frozenset(freeze(v, memo, env) for v in value))
    if isinstance(value, Iteration):
        return ("iter", value.index, freeze(value.over, memo, env))
    raise TypeError(value)


def _cell(name: str, memo: dict[Any, int], env: dict[str, Any]) -> Any:
    if ("cell", name) in memo:  # a function that holds itself
        return "again"
    memo["cell", name] = 0
    try:
        return freeze(env[name], memo, env)
    finally:
        del memo["cell", name]


class Iteration:
    """A `for` loop's iterator: over a range or a list that may grow."""

    def __init__(self, over: Any):
        self.over, self.index = over, 0


# Compilation.


@dataclass
class Op:
    kind: str
    args: tuple[Any, ...] = ()
    handler: tuple[Any, int] | None = None  # where an exception goes, and the stack's depth there
    labels: tuple[tuple[str, bool], ...] = ()
    #: Where Python believes it may go on, should a `with` swallow an exception: for liveness alone.
    soft: tuple[Any, ...] = ()
    uses: frozenset[str] = frozenset()
    kills: frozenset[str] = frozenset()


class Target:
    """A place to jump to, fixed later."""

    at = -1


@dataclass
class Code:
    name: str
    ops: list[Op] = field(default_factory=list)
    live: list[frozenset[str]] = field(default_factory=list)
    #: At each operation that can suspend: what is needed afterwards.
    kept: list[frozenset[str]] = field(default_factory=list)


class Compiler:
    """Compiles one function. `blocks` are what `break`, `continue` and `return` must leave."""

    def __init__(self, function: P.Function):
        self.code = Code(function.name)
        self.blocks: list[tuple[Any, ...]] = []
        self.labels: tuple[tuple[str, bool], ...] = ()
        self.handler: tuple[Any, int] | None = None
        self.depth = 0
        self.soft: tuple[Any, ...] = ()
        self.block(function.body)
        self.emit("value", "None")
        self.emit("return")
        for op in self.code.ops:
            op.args = tuple(a.at if isinstance(a, Target) else a for a in op.args)
            if op.handler:
                op.handler = (op.handler[0].at, op.handler[1])
            op.soft = tuple(target.at for target in op.soft)
        _liveness(self.code)

    def emit(
        self, kind: str, *args: Any, texts: tuple[str, ...] = (), sets: tuple[str, ...] = ()
    ) -> None:
        uses, kills = set(), set(filter(None, sets))
        for text in texts:
            more, less = names_of(text)
            uses |= more
            kills |= less
        op = Op(kind, args, self.handler, self.labels, self.soft, frozenset(uses), frozenset(kills))
        self.code.ops.append(op)

    def place(self, target: Target) -> None:
        target.at = len(self.code.ops)

    def block(self, body: tuple[Any, ...]) -> None:
        for statement in body:
            getattr(self, "on_" + type(statement).__name__.lower())(statement)

    def on_yield(self, it: P.Yield) -> None:
        self.emit("yield", it, texts=step_texts(it.step), sets=(it.to,))

    def on_do(self, it: P.Do) -> None:
        self.emit("do", it.text, texts=(it.text,))

    def on_remember(self, it: P.Remember) -> None:
        late = names_of(it.cond)[0] - set(it.bound)
        self.emit("remember", it, texts=(it.to, *it.bound, *sorted(late)))

    def on_if(self, it: P.If) -> None:
        other, end = Target(), Target()
        self.emit("unless", it.cond, other, texts=(it.cond,))
        self.block(it.then)
        self.emit("jump", end)
        self.place(other)
        self.block(it.other)
        self.place(end)

    def on_while(self, it: P.While) -> None:
        top, end = Target(), Target()
        self.place(top)
        if it.cond != "True":
            self.emit("unless", it.cond, end, texts=(it.cond,))
        self.blocks.append(("loop", end, top, self.depth))
        self.block(it.body)
        self.blocks.pop()
        self.emit("jump", top)
        self.place(end)

    def on_for(self, it: P.For) -> None:
        top, done, end = Target(), Target(), Target()
        self.emit("iterate", it.over, texts=(it.over,))
        self.depth += 1
        self.place(top)
        self.emit("next", it.var, done)
        self.emit("store", it.var, sets=(it.var,))
        self.blocks.append(("iterator", self.depth - 1))
        self.blocks.append(("loop", end, top, self.depth))
        self.block(it.body)
        del self.blocks[-2:]
        self.emit("jump", top)
        self.depth -= 1
        self.place(done)
        self.place(end)

    def leave(self, upto: int, is_break: bool = False) -> None:
        """Emit what has to be done on the way out of the blocks above `upto`."""
        blocks, handler, depth = self.blocks, self.handler, self.depth
        labels, soft = self.labels, self.soft
        for level in range(len(blocks) - 1, upto - 1, -1):
            block = blocks[level]
            if block[0] == "iterator":
                self.emit("drop", block[1])
                self.depth -= 1
            elif block[0] == "handling":
                self.handler = block[3]
                self.emit("drop", block[1])
                self.depth -= 1
                if block[2]:
                    self.emit("forget", block[2], sets=(block[2],))
            elif block[0] == "finally":
                self.blocks, self.handler, self.labels = blocks[:level], block[2], block[3]
                self.block(block[1])
            elif block[0] == "body":
                self.handler = block[1]
            elif block[0] == "with":
                self.labels, self.soft = block[1], block[2]
        self.blocks, self.handler, self.depth = blocks, handler, depth
        self.labels, self.soft = labels, soft

    def _loop(self) -> int:
        return max(i for i, b in enumerate(self.blocks) if b[0] == "loop")

    def on_break(self, it: P.Break) -> None:
        loop = self._loop()
        is_for = loop > 0 and self.blocks[loop - 1][0] == "iterator"
        self.leave(loop - is_for)
        self.emit("jump", self.blocks[loop][1])

    def on_continue(self, it: P.Continue) -> None:
        loop = self._loop()
        self.leave(loop)
        self.emit("jump", self.blocks[loop][2])

    def on_return(self, it: P.Return) -> None:
        self.emit("value", it.value, texts=(it.value,))
        depth, self.depth = self.depth, self.depth + 1
        self.leave(0)
        self.depth = depth
        self.emit("return")

    def on_try(self, it: P.Try) -> None:
        if it.last:
            outer, caught, end = self.handler, Target(), Target()
            self.handler = (caught, self.depth)
            self.blocks.append(("finally", it.last, outer, self.labels))
            self._try_except(it)
            self.blocks.pop()
            self.handler = outer
            self.block(it.last)
            self.emit("jump", end)
            self.place(caught)
            self._handling("", outer, lambda: self.block(it.last), None)
            self.place(end)
        else:
            self._try_except(it)

    def _handling(self, var: str, outer: Any, body: Any, end: Target | None) -> None:
        """Emit a handler's body: with the exception on the stack, leave properly or raise again."""
        at = self.depth
        self.depth += 1
        again = Target()
        self.blocks.append(("handling", at, var, outer))
        self.handler = (again, self.depth)
        body()
        self.handler = outer
        self.blocks.pop()
        if end is None:
            self.emit("reraise", at)
        else:
            self.emit("drop", at)
            if var:
                self.emit("forget", var, sets=(var,))
            self.emit("jump", end)
        self.place(again)
        if var:
            self.emit("forget", var, sets=(var,))
        self.emit("reraise", at + 1)
        self.depth -= 1

    def _try_except(self, it: P.Try) -> None:
        if not it.handlers:
            self.block(it.body)
            return
        outer, caught, end = self.handler, Target(), Target()
        self.handler = (caught, self.depth)
        self.blocks.append(("body", outer))
        self.block(it.body)
        self.blocks.pop()
        self.handler = outer
        self.emit("jump", end)
        self.place(caught)
        for classes, var, body in it.handlers:
            following = Target()
            self.depth += 1
            self.emit("unmatched", classes, following)
            if var:
                self.emit("bind", var, sets=(var,))
            self.depth -= 1
            self._handling(var, outer, lambda body=body: self.block(body), end)
            self.place(following)
        self.emit("reraise", self.depth)
        self.place(end)

    def on_raise(self, it: P.Raise) -> None:
        if it.error:
            self.emit("raise", it.error, texts=(it.error,))
        else:
            at = max(b[1] for b in self.blocks if b[0] == "handling")
            self.emit("reraise", at)

    def on_assert(self, it: P.Assert) -> None:
        self.emit("assert", it.cond, it.name, texts=(it.cond,))

    def on_withlabel(self, it: P.WithLabel) -> None:
        before, soft, end = self.labels, self.soft, Target()
        self.blocks.append(("with", before, soft))
        self.labels = (*before, (it.name, it.end))
        self.soft = (*soft, end)
        self.block(it.body)
        self.labels, self.soft = before, soft
        self.blocks.pop()
        self.place(end)

    def on_call(self, it: P.Call) -> None:
        self.emit("call", it, texts=(it.arg,), sets=(it.to,))


def step_texts(step: Any) -> tuple[str, ...]:
    """All texts of a step whose names are local variables (or `s`)."""
    match step:
        case P.Load(ref) | P.Recv(ref) | P.TryRecv(ref):
            return (ref,)
        case P.Store(a, b) | P.Rmw(_, a, b) | P.Send(a, b):
            return (a, b)
        case P.Cas(a, b, c):
            return (a, b, c)
        case P.Update(ref, body):
            return (ref, *(names_of(body)[0] - {"old"}))
        case P.Until(cond):
            return (cond,)
        case P.UntilStored(text) | P.Join(text) | P.Spawn(_, text):
            return (text,)
        case P.Choose(options):
            return options
        case P.Atomic():
            return tuple(captured(step))
        case P.Either(options):
            return tuple(t for o in options for t in step_texts(o))
    return ()


def captured(step: P.Atomic) -> frozenset[str]:
    """The names that an atomic step's functions take from outside."""
    uses, kills = set(), set()
    for text in (*step.body, step.result):
        more, less = names_of(text)
        uses |= more
        kills |= less
    uses -= kills
    if step.when:
        uses |= names_of(step.when)[0]
    return frozenset(uses)


def _successors(code: Code, i: int) -> list[int]:
    op = code.ops[i]
    if op.kind == "jump":
        return [op.args[0]]
    if op.kind in ("unless", "unmatched", "next"):
        return [i + 1, op.args[1]]
    if op.kind in ("return", "reraise", "raise"):
        return []
    return [i + 1]


def _liveness(code: Code) -> None:
    """Fill in which variables are live before each operation, and kept while it is suspended."""
    live: list[frozenset[str]] = [frozenset()] * (len(code.ops) + 1)
    changed = True
    while changed:
        changed = False
        for i in range(len(code.ops) - 1, -1, -1):
            op = code.ops[i]
            after = frozenset().union(*(live[j] for j in _successors(code, i)))
            before = (after - op.kills) | op.uses
            for j in (*op.soft, *(op.handler or ())[:1]):
                before |= live[j]
            if before != live[i]:
                live[i], changed = before, True
    code.live = live
    for i, op in enumerate(code.ops):
        kept = live[i + 1] - op.kills
        for j in (*op.soft, *(op.handler or ())[:1]):
            kept |= live[j]
        code.kept.append(kept)


# Processes.


class Frame:
    __slots__ = ("code", "env", "pc", "stack")

    def __init__(self, code: Code, env: dict[str, Any]):
        self.code, self.pc, self.env, self.stack = code, 0, env, []

    def __deepcopy__(self, memo: Any) -> Frame:
        new = Frame(self.code, copy.deepcopy(self.env, memo))
        new.pc, new.stack = self.pc, copy.deepcopy(self.stack, memo)
        return new


class Local:
    """A process's local state: "running" with frames and a pending step, "finished" or "absent"."""

    def __init__(self, status: str, frames: list[Frame], pending: Any, full: Any):
        self.status, self.frames, self.pending, self.full = status, frames, pending, full

    @property
    def op(self) -> Op:
        return self.frames[-1].code.ops[self.frames[-1].pc]

    def labels(self) -> list[tuple[str, bool]]:
        found = [label for f in self.frames for label in f.code.ops[f.pc].labels]
        if self.pending[0] == "label":
            found.append(self.pending[1:])
        return found

    def places(self) -> frozenset[str]:
        return frozenset([n for n, _ in self.labels()] + [f.code.name for f in self.frames])

    def variable(self, name: str, default: Any) -> Any:
        for frame in self.frames:
            if name in frame.env:
                return frame.env[name]
        return default

    def projected(self, observed: frozenset[str]) -> Any:
        """The key of this local state without dead variables, save observed ones."""
        if self.status != "running":
            return self.status
        return freeze_frames(self.frames, self.pending, observed)


FINISHED = Local("finished", [], None, "finished")
ABSENT = Local("absent", [], None, "absent")


def freeze_frames(frames: list[Frame], pending: Any, observed: frozenset[str] | None) -> Any:
    """The key of a running process; with `observed`, only of what is live or in it."""
    memo: dict[Any, int] = {}
    parts = []
    for frame in frames:
        kept = frame.code.kept[frame.pc]
        env = frame.env
        if observed is not None:
            env = {n: v for n, v in env.items() if n in kept or n in observed}
        names = tuple((n, freeze(v, memo, frame.env)) for n, v in sorted(env.items()))
        stack = tuple(freeze(v, memo, frame.env) for v in frame.stack)
        parts.append((frame.code.name, frame.pc, names, stack))
    return tuple(parts), _freeze_pending(pending, memo, frames[-1].env)


def _freeze_pending(pending: Any, memo: dict[Any, int], env: dict[str, Any]) -> Any:
    if pending[0] == "either":
        return ("either", *(_freeze_pending(p, memo, env) for p in pending[1]))
    key = [pending[0]]
    for part in pending[1:]:
        if isinstance(part, Capture):
            held = [(n, freeze(env[n], memo, env)) for n in part.names if n in env]
            key.append((part.text, tuple(held)))
        else:
            key.append(freeze(part, memo, env))
    return tuple(key)


class Capture:
    """Text in a pending step that looks at local variables when it is performed."""

    def __init__(self, text: Any, names: Any):
        self.text, self.names = text, tuple(sorted(names - {"s", "old"}))


class ChanView:
    """A channel as a condition, an atomic function or a property sees it."""

    def __init__(self, held: tuple[Any, ...], capacity: int):
        self.held, self.capacity = held, capacity

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, index: Any) -> Any:
        return self.held[index]

    def __iter__(self) -> Any:
        return iter(self.held)

    def __contains__(self, item: Any) -> bool:
        return item in self.held

    @property
    def full(self) -> bool:
        return len(self.held) >= self.capacity

    def send(self, message: Any) -> None:
        if self.full:
            raise _Blocked
        self.held = (*self.held, message)

    def recv(self) -> Any:
        if not self.held:
            raise _Blocked
        first, *rest = self.held
        self.held = tuple(rest)
        return first

    def try_recv(self) -> Any:
        return self.recv() if self.held else None


class Interpreter:
    """Runs the processes of one program."""

    def __init__(self, program: P.Program):
        self.program = program
        self.codes = {f.name: Compiler(f).code for f in (*program.functions, *program.subroutines)}
        self.daemons = {f.name for f in program.functions if f.daemon}
        self.names = [n for n, _ in P.locations(program)]
        self.index = {n: i for i, n in enumerate(self.names)}
        self.capacity = {d.name: d.capacity for d in program.shared if isinstance(d, P.Chan)}
        self.refs = self._tree(lambda name: name)
        self._views: dict[Any, Any] = {}
        self._advanced: dict[Any, Any] = {}

    def _tree(self, leaf: Any) -> Any:
        root = SimpleNamespace()

        def add(into: Any, declared: Any, prefix: str) -> None:
            name = prefix + declared.name
            if isinstance(declared, P.Part):
                part = SimpleNamespace()
                for one in declared.fields:
                    add(part, one, name + ".")
                setattr(into, declared.name, part)
            elif isinstance(declared, P.Array):
                cells = [leaf(f"{name}[{i}]") for i in range(len(declared.initial))]
                setattr(into, declared.name, cells)
            else:
                setattr(into, declared.name, leaf(name))

        for declared in self.program.shared:
            add(root, declared, "")
        return root

    def view(self, shared: tuple[Any, ...], fresh: bool = False) -> Any:
        """The shared state as plain values; a fresh one may be written to."""
        key = tuple((type(v), v) for v in shared)
        if not fresh and key in self._views:
            return self._views[key]

        def leaf(name: str) -> Any:
            value = shared[self.index[name]]
            return ChanView(value, self.capacity[name]) if name in self.capacity else value

        made = self._tree(leaf)
        if not fresh:
            self._views[key] = made
        return made

    def unview(self, view: Any) -> tuple[Any, ...]:
        """The values that a written view now holds."""
        found: list[Any] = []

        def read(node: Any, declared: Any) -> None:
            value = getattr(node, declared.name)
            if isinstance(declared, P.Part):
                for one in declared.fields:
                    read(value, one)
            elif isinstance(declared, P.Array):
                found.extend(value)
            elif isinstance(declared, P.Chan):
                found.append(value.held)
            else:
                found.append(value)

        for declared in self.program.shared:
            read(view, declared)
        return tuple(found)

    # Local code.

    def start(self, name: str, arg: Any) -> Local:
        """A new process, run to its first step. Raises `Failed`."""
        frame = Frame(self.codes[name], {"me": arg})
        return self._run([frame])

    def advance(self, local: Local, result: Any) -> Local:
        """The local state after the pending step resulted in `result`. Raises `Failed`."""
        key = (local.full, freeze(result, {}, {}))
        if key not in self._advanced:
            frames = copy.deepcopy(local.frames)
            top = frames[-1]
            to = top.code.ops[top.pc].args[0].to
            if to:
                top.env[to] = result
            top.pc += 1
            try:
                self._advanced[key] = self._run(frames)
            except Failed as failed:
                self._advanced[key] = failed
        found = self._advanced[key]
        if isinstance(found, Failed):
            raise found
        return found

    def evaluate(self, text: str, env: dict[str, Any], s: Any) -> Any:
        return eval(_compiled(text, "eval"), {"Mode": P.Mode, **env, "s": s})

    def _run(self, frames: list[Frame]) -> Local:
        for _ in range(FUEL):
            frame = frames[-1]
            op = frame.code.ops[frame.pc]
            try:
                if op.kind == "yield":
                    pending = self._prepare(op.args[0].step, frame.env)
                    return Local("running", frames, pending, freeze_frames(frames, pending, None))
                if op.kind == "return":
                    value = frame.stack.pop()
                    frames.pop()
                    if not frames:
                        return FINISHED
                    caller = frames[-1]
                    to = caller.code.ops[caller.pc].args[0].to
                    if to:
                        caller.env[to] = value
                    caller.pc += 1
                else:
                    self._execute(op, frame, frames)
            except TooBig:
                raise
            except Exception as error:
                self._unwind(frames, error)
        raise TooBig("a process runs without end between two steps")

    def _unwind(self, frames: list[Frame], error: Exception) -> None:
        while frames:
            frame = frames[-1]
            handler = frame.code.ops[frame.pc].handler
            if handler:
                frame.pc = handler[0]
                del frame.stack[handler[1] :]
                frame.stack.append(error)
                return
            frames.pop()
        raise failed(error) from None

    def _execute(self, op: Op, frame: Frame, frames: list[Frame]) -> None:
        env, stack, args = frame.env, frame.stack, op.args
        following = frame.pc + 1
        match op.kind:
            case "do":
                space = {"Mode": P.Mode, **env, "s": self.refs}
                exec(_compiled(args[0], "exec"), space)
                for name in names_of(args[0])[1] | env.keys():
                    if name in space:
                        env[name] = space[name]
                    else:
                        env.pop(name, None)
            case "remember":
                it = args[0]
                bound = {n: env[n] for n in it.bound}
                env[it.to].append(Lam(it.cond, bound))
            case "jump":
                following = args[0]
            case "unless":
                if not self.evaluate(args[0], env, self.refs):
                    following = args[1]
            case "iterate":
                stack.append(Iteration(self.evaluate(args[0], env, self.refs)))
            case "next":
                walk = stack[-1]
                if walk.index < len(walk.over):
                    stack.append(walk.over[walk.index])
                    walk.index += 1
                else:
                    stack.pop()
                    following = args[1]
            case "store":
                env[args[0]] = stack.pop()
            case "drop":
                del stack[args[0]]
            case "forget":
                env.pop(args[0], None)
            case "bind":
                env[args[0]] = stack[-1]
            case "unmatched":
                classes = self.evaluate(args[0], {}, None)
                if not isinstance(stack[-1], classes):
                    following = args[1]
            case "value":
                stack.append(self.evaluate(args[0], env, self.refs))
            case "raise":
                raise self.evaluate(args[0], env, self.refs)
            case "reraise":
                raise stack[args[0]]
            case "assert":
                if not self.evaluate(args[0], env, self.refs):
                    raise AssertionError(args[1])
            case "call":
                value = self.evaluate(args[0].arg, env, self.refs)
                frames.append(Frame(self.codes[args[0].sub], {"me": value}))
                return
            case _:
                raise NotImplementedError(op.kind)
        frame.pc = following

    def _prepare(self, step: Any, env: dict[str, Any]) -> tuple[Any, ...]:
        """The step with its operands worked out, as process code does where it makes it."""

        def local(text: str) -> Any:
            return self.evaluate(text, env, self.refs)

        match step:
            case P.Load(ref):
                return ("load", local(ref))
            case P.Store(ref, value):
                return ("store", local(ref), local(value))
            case P.Rmw(op, ref, value):
                return (op, local(ref), local(value))
            case P.Cas(ref, expected, new):
                return ("cas", local(ref), local(expected), local(new))
            case P.Update(ref, body, result):
                return ("update", local(ref), Capture(body, names_of(body)[0]), result)
            case P.Until(cond, end):
                return ("until", Capture(cond, names_of(cond)[0]), end)
            case P.UntilStored(stored):
                return ("stored", local(stored))
            case P.Choose(options):
                return ("choose", tuple(map(local, options)))
            case P.Atomic():
                return ("atomic", Capture(step, captured(step)))
            case P.Send(channel, value):
                return ("send", local(channel), local(value))
            case P.Recv(channel):
                return ("recv", local(channel))
            case P.TryRecv(channel):
                return ("try_recv", local(channel))
            case P.AtLabel(name, end):
                return ("label", name, end)
            case P.Fence(kind):
                return ("fence", kind)
            case P.Either(options):
                return ("either", tuple(self._prepare(o, env) for o in options))
            case P.Spawn(process, arg, detached):
                return ("spawn", process, local(arg), detached)
            case P.Join(child):
                local(f"{child}.join")
                return ("join", local(child))
        raise NotImplementedError(step)


def failed(error: BaseException) -> Failed:
    """What an exception of the program means."""
    if isinstance(error, AssertionError):
        return Failed("assertion", str(error))
    kind = "NameError" if isinstance(error, NameError) else type(error).__name__
    return Failed("exception", kind)
