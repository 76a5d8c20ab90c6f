"""Runs that are let go of in their middle: generators that object to being closed make no noise.

Neighbour: `test_process` has what process code does while it runs.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from textwrap import dedent

from language.small import count, run

from modelcheck import Verdict, state
from modelcheck.language import letting_go


@state
class Shared:
    x: object = 0
    y: int = 0
    lock: bool = False


def test_a_finally_that_yields_is_quiet_when_a_run_is_dropped(recwarn, capfd):
    """Runs of a process are dropped in its middle; its `finally` then makes no noise."""

    def p(s):
        while True:
            try:
                yield s.y
                yield s.lock.set(True)
            finally:
                yield s.lock.set(False)
                yield s.x.set(1)

    assert count(run(Shared(), p)) == (8, 8)
    assert (capfd.readouterr(), list(recwarn)) == (("", ""), [])


def test_a_process_that_can_never_be_closed_is_left_alone(capfd):
    """Also one that swallows whatever closes it."""

    def p(s):
        while True:
            try:
                yield s.x.set(1)
            except BaseException:
                continue

    assert count(run(Shared(), p)) == (2, 2)
    assert capfd.readouterr().err == ""


def test_a_process_suspended_amid_an_exception_is_let_go(recwarn, capfd):
    """It stands in a cycle with that exception, which only the garbage collector finds."""

    def p(s):
        try:
            yield s.x.set(1)
            raise KeyError
        except KeyError as error:
            yield s.y.set(1)
            yield s.x.set(len(error.args))
        finally:
            yield s.lock.set(True)

    before = len(letting_go._OPEN)
    assert run(Shared(), p).verdict is Verdict.HOLDS
    gc.collect()
    assert len(letting_go._OPEN) <= before
    assert (capfd.readouterr(), list(recwarn)) == (("", ""), [])


def test_a_program_ends_though_its_processes_can_never_be_closed(tmp_path):
    """The interpreter drops them when modules are gone already and every call in them fails."""
    program = tmp_path / "greedy.py"
    program.write_text(
        dedent(
            """\
            import sys

            from modelcheck import System, check, process, state
            from modelcheck.language.local import Run

            @state
            class Shared:
                x: int = 0

            @process
            def p(s):
                while True:
                    try:
                        yield s.x.set(1)
                    except BaseException:
                        continue

            s = Shared()
            system = System(s, [p(s)])
            assert check(system).states == 2
            run = Run(system.processes[0], {})
            run.send(None)
            sys.modules["modelcheck.language.refs"].forever = run
            """
        )
    )
    done = subprocess.run([sys.executable, program], timeout=30, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
