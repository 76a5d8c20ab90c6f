"""The watchdog ends the user's code and nobody else's."""

from __future__ import annotations

import gc
import sys
import time
from collections import namedtuple

from modelcheck import System, Verdict, always, check, process, state, watchdog
from modelcheck.watchdog import _PACKAGE, Guard, users_frame


def called_by(file: str, code: str, **names):
    """The innermost user's frame, seen from a call that code of such a file makes."""
    seen = []
    names["look"] = lambda: seen.append(users_frame(sys._getframe(1)))
    exec(compile(code, file, "exec"), names)
    return seen[0] and seen[0].f_code.co_filename


def test_the_users_frame_is_the_one_that_our_language_calls():
    """A function of the user's that a layer of ours runs, and none where an explorer runs."""
    space: dict = {}
    exec(compile("def step(look): look()", "user.py", "exec"), space)
    run = "step(look)"
    assert called_by(f"{_PACKAGE}language/turn.py", run, **space) == "user.py"
    assert called_by(f"{_PACKAGE}explore/reference.py", run, **space) is None
    assert called_by("caller.py", run, **space) is None


def test_code_that_the_standard_library_generates_is_nobodys():
    """The class of a named tuple is made of generated code, which ours may be in at any moment."""
    assert namedtuple("Pair", "a b").__new__.__code__.co_filename.startswith("<string>")
    space: dict = {}
    exec(compile("def new(look): look()", "<string>", "exec"), space)
    assert called_by(f"{_PACKAGE}language/liveness.py", "new(look)", **space) is None


def test_what_the_garbage_collector_calls_is_nobodys():
    """It calls in the midst of anything; some tools have it call them."""
    space: dict = {}
    exec(compile("def callback(look, info=None): info or look()", "tool.py", "exec"), space)
    run = "callback(look)"
    assert called_by(f"{_PACKAGE}language/turn.py", run, **space) == "tool.py"
    gc.callbacks.append(space["callback"])
    try:
        assert called_by(f"{_PACKAGE}language/turn.py", run, **space) is None
    finally:
        gc.callbacks.remove(space["callback"])


def test_a_new_guard_has_all_its_patience():
    """The user's code cannot have run since before there was a search."""
    first, second = Guard(lambda: ""), Guard(lambda: "")
    assert 0 < first.entered <= second.entered


@state
class Shared:
    x: int = 0


def test_a_budget_holds_before_the_first_step():
    """A process that does not come to it is ended, and the line where it was is named."""

    @process
    def busy(s):
        while s is not None:
            pass
        yield s.x.set(1)

    s = Shared()
    result = check(System(s, [busy(s)]), timeout_s=0.3)
    assert (result.verdict, result.states) == (Verdict.INCOMPLETE, 0)
    assert "the budget of 0.3 seconds was used up; " in result.reason
    assert "test_watchdog.py" in result.reason


def test_the_audit_has_the_patience_of_the_search(monkeypatch):
    """A property that takes its time is asked once more at the end, for as long as it takes."""
    monkeypatch.setattr(watchdog, "PATIENCE_S", 0.01)

    @process
    def one(s):
        yield s.x.set(1)

    @always
    def slow(s):
        end = time.perf_counter() + 3 * watchdog.TICK_S
        while time.perf_counter() < end:
            pass
        return s.x < 2

    s = Shared()
    assert check(System(s, [one(s)], [slow])).verdict is Verdict.HOLDS
