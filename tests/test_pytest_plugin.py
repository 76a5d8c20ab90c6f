"""The pytest plugin: which models are tests, what a failure tells, and what it leaves alone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from textwrap import dedent

import pytest
from commandline import COMMAND, HEAD, ROOT, environment

from modelcheck import System, assert_holds, at_end, model, process, state

MODELS = HEAD + dedent("""
@model
def alone():
    s = S()
    return System(s, [adder(s)], [small])

@model(expect="violated", by="small")
def broken_on_purpose():
    s = S()
    return System(s, [adder(s, by=2)], [small])
""")

BROKEN = HEAD + dedent("""
@model
def crowded(by: int = 1):
    s = S()
    return System(s, [adder(s, by), adder(s, by)], [small])
""")


def write(pytester: pytest.Pytester, name: str, text: str) -> None:
    """Write a file into the test's own project."""
    path = pytester.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_models_are_tests_in_spec_and_test_files(pytester):
    """Each model of a spec_ or test_ file is a test, held against what it expects."""
    write(pytester, "spec_adder.py", MODELS)
    write(pytester, "test_adder.py", MODELS + "\ndef test_plain():\n    assert True\n")
    write(pytester, "adder.py", MODELS)
    done = pytester.runpytest("-v")
    done.assert_outcomes(passed=5)
    done.stdout.fnmatch_lines_random(
        [
            "spec_adder.py::alone PASSED*",
            "spec_adder.py::broken_on_purpose PASSED*",
            "test_adder.py::alone PASSED*",
            "test_adder.py::test_plain PASSED*",
        ]
    )


def test_a_failure_tells_the_counterexample_and_its_token(pytester):
    """A model that is not as expected fails with the story, and with a command that replays it."""
    write(pytester, "spec_adder.py", BROKEN)
    done = pytester.runpytest()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "crowded(by=1): violated: invariant small, after 4 steps (expected: holds)",
            "Turn 1. adder[[]0[]] starts.",
            "*1. It runs `x` at spec_adder.py:*and reads x = 0.",
            "Replay it: modelcheck replay spec_adder.py:crowded mc1.*",
        ]
    )
    done.stdout.no_fnmatch_line("*Traceback*")
    command = re.search(r"Replay it: modelcheck (.*)", done.stdout.str())[1].split()
    again = subprocess.run(
        [*COMMAND, *command], env=environment(), capture_output=True, text=True, check=True
    )
    assert "Invariant violated: small, after 4 steps." in again.stdout


def test_a_model_that_is_not_broken_as_it_should_be_fails(pytester):
    """A twin that expects to be violated and holds is a failure as well."""
    write(pytester, "spec_adder.py", MODELS.replace("by=2", "by=1"))
    done = pytester.runpytest()
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["broken_on_purpose: holds (expected: violated by small)"])


def test_a_budget_that_ran_out_is_no_pass(pytester):
    """An incomplete search fails, and says so; from the command line as from the ini file."""
    write(pytester, "spec_adder.py", BROKEN.replace("[small]", "[]"))
    pytester.runpytest().assert_outcomes(passed=1)
    done = pytester.runpytest("--modelcheck-max-states", "3")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        ["*incomplete: the budget of 3 states was used up*", "Not every state was visited*"]
    )
    pytester.makeini("[pytest]\nmodelcheck_max_states = 4")
    done = pytester.runpytest()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*the budget of 4 states was used up*"])
    pytester.runpytest("--modelcheck-max-states", "100").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--modelcheck-memory", "nonsense"), "there is no memory model 'nonsense'*"),
        (("--modelcheck-workers", "0"), "*workers*"),
        (("--modelcheck-engine", "steam"), "*engine*steam*"),
        (("--modelcheck-timeout", "-1"), "timeout_s is -1.0; a budget is a number greater than 0"),
    ],
)
def test_every_option_comes_through(pytester, option, said):
    """What `check` refuses is refused, in one line: so the option has arrived there."""
    write(pytester, "spec_adder.py", MODELS)
    done = pytester.runpytest(*option)
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines([said])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_an_ini_file_without_a_number_is_refused(pytester):
    """A setting that should be a number says so where it is none."""
    write(pytester, "spec_adder.py", MODELS)
    pytester.makeini("[pytest]\nmodelcheck_workers = many")
    done = pytester.runpytest()
    done.stdout.fnmatch_lines(["*modelcheck_workers in * is 'many', which is no number"])


def test_the_files_can_be_chosen(pytester):
    """`modelcheck_files` says whose models are tests, folders too; others' are not then."""
    write(pytester, "specs/adder.py", MODELS)
    write(pytester, "test_adder.py", MODELS)
    pytester.makeini("[pytest]\nmodelcheck_files = specs/*.py")
    done = pytester.runpytest("--collect-only", "-q")
    assert [line for line in done.stdout.lines if "::" in line] == [
        "specs/adder.py::alone",
        "specs/adder.py::broken_on_purpose",
    ]


def test_one_model_can_be_run_by_its_id(pytester):
    """A file named on the command line is collected once, and a model by its id."""
    write(pytester, "spec_adder.py", MODELS)
    pytester.runpytest("spec_adder.py").assert_outcomes(passed=2)
    pytester.runpytest("spec_adder.py::alone").assert_outcomes(passed=1)
    pytester.runpytest("-k", "purpose").assert_outcomes(passed=1, deselected=1)
    write(pytester, "other.py", MODELS)
    pytester.runpytest("other.py").assert_outcomes(passed=2)


def test_a_model_that_is_imported_is_no_test(pytester):
    """A test file that imports models checks what it says, and not each of them once more."""
    write(pytester, "adders.py", MODELS)
    test = "from adders import alone\nfrom modelcheck import assert_holds\n"
    write(pytester, "test_it.py", test + "def test_it():\n    assert_holds(alone)\n")
    pytester.makeini("[pytest]\npythonpath = .")
    pytester.runpytest().assert_outcomes(passed=1)


def test_neighbours_are_imported_as_by_check(pytester):
    """A file of models finds the file beside it, and another folder's of the same name too."""
    for name in ("a", "b"):
        write(pytester, f"{name}/common.py", MODELS)
        model = f"@model\ndef {name}():\n    s = S()\n    return System(s, [adder(s)], [small])\n"
        write(pytester, f"{name}/spec_it.py", "from common import *\nimport modelcheck\n" + model)
    done = pytester.runpytest("-v")
    done.assert_outcomes(passed=2)


def test_marks_count(pytester):
    """The marks that pytest has put on a model are those of its test."""
    text = HEAD + dedent("""
        import pytest

        @pytest.mark.skip(reason="too large for today")
        @model
        def large():
            raise AssertionError

        @pytest.mark.xfail(strict=True)
        @model
        def crowded():
            s = S()
            return System(s, [adder(s), adder(s)], [small])

        @model
        def wanting(n):
            raise AssertionError
        """)
    write(pytester, "spec_adder.py", text)
    done = pytester.runpytest("-rs")
    done.assert_outcomes(skipped=2, xfailed=1)
    done.stdout.fnmatch_lines_random(["*too large for today*", "*wanting needs a value for n*"])


def test_a_mistake_in_a_model_is_told_in_words(pytester):
    """A broken rule, and a file that cannot be loaded, name the user's line without a traceback."""
    rule = HEAD + "@process\ndef wrong(s):\n    yield 7\n\n"
    rule += "@model\ndef m():\n    s = S()\n    return System(s, [wrong(s)])\n"
    write(pytester, "spec_rule.py", rule)
    done = pytester.runpytest()
    done.stdout.fnmatch_lines(["*spec_rule.py:*: *7*"])
    done.stdout.no_fnmatch_line("*Traceback*")
    write(pytester, "spec_rule.py", "import modelcheck\n1 / 0\n")
    done = pytester.runpytest()
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*spec_rule.py:2: the file cannot be loaded: ZeroDivisionError*"])


def test_assert_holds_fails_with_the_story(pytester):
    """In any test: the narrative, the token, and of the traceback only the test's own line."""
    write(pytester, "models.py", BROKEN)
    test = dedent("""
        from models import crowded
        from modelcheck import assert_holds

        def test_it():
            assert_holds(crowded(by=3))
        """)
    write(pytester, "test_it.py", test)
    pytester.makeini("[pytest]\npythonpath = .")
    done = pytester.runpytest()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            ">       assert_holds(crowded(by=3))",
            "E       AssertionError: crowded(by=3): violated: invariant small, after 2 steps*",
            "E       Replay it: modelcheck replay models.py:crowded mc1.*",
        ]
    )
    done.stdout.no_fnmatch_line("*in assert_holds*")


def test_assert_holds_takes_the_settings_of_the_run(pytester):
    """A budget of the run is its default, and its own argument comes first."""
    write(pytester, "models.py", BROKEN.replace("[small]", "[]"))
    test = dedent("""
        from models import crowded
        from modelcheck import assert_holds

        def test_default():
            assert_holds(crowded)

        def test_own():
            assert_holds(crowded, max_states=100)
        """)
    write(pytester, "test_it.py", test)
    pytester.makeini("[pytest]\npythonpath = .")
    done = pytester.runpytest("--modelcheck-max-states=2")
    done.assert_outcomes(passed=1, failed=1)


def test_a_model_that_no_file_has_is_replayed_by_a_call():
    """A notebook's cell has a file name, and no file that a command could read."""
    names = {"__name__": "cell"}
    exec(compile(BROKEN, "/nowhere/1234.py", "exec"), names)
    with pytest.raises(
        AssertionError, match=r"Replay it: modelcheck\.replay\(crowded, 'mc1"
    ) as told:
        assert_holds(names["crowded"])
    assert "modelcheck replay" not in str(told.value)


def test_assert_holds_needs_no_pytest():
    """Without a plugin around it raises or returns all the same."""

    @state
    class Shared:
        count: int = 0

    @process
    def increment(s):
        seen = yield s.count
        yield s.count.set(seen + 1)

    @at_end
    def nothing_lost(s):
        return s.count == 2

    @model
    def lost_update(n: int = 2):
        s = Shared()
        return System(s, [increment(s) for _ in range(n)], [nothing_lost])

    program = "import modelcheck, sys; print('pytest' in sys.modules, modelcheck.assert_holds)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("False <function assert_holds")
    with pytest.raises(AssertionError, match="final nothing_lost, after 4 steps"):
        assert_holds(lost_update)


def test_xdist_runs_them_too(pytester):
    """Two workers run the models between them, with the same settings and outcomes."""
    pytest.importorskip("xdist")
    write(pytester, "spec_adder.py", MODELS)
    write(pytester, "spec_broken.py", BROKEN)
    done = pytester.runpytest_subprocess("-n", "2")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["*Replay it: modelcheck replay spec_broken.py:crowded mc1.*"])
    done = pytester.runpytest_subprocess("-n", "2", "--modelcheck-memory=nonsense")
    done.assert_outcomes(failed=3)


def test_a_project_without_models_loads_nothing(pytester):
    """Where only pytest's own tests and foreign spec files are, the package is not imported."""
    write(pytester, "spec_foreign.py", "raise RuntimeError('nobody asked for this')\n")
    test = dedent("""
        import sys

        def test_it():
            assert "_modelcheck_pytest" in sys.modules
            assert [m for m in sys.modules if m.partition(".")[0] == "modelcheck"] == []
        """)
    write(pytester, "test_it.py", test)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_every_spec_and_example_here_is_a_test():
    """The plugin collects as many of the repository's own models as the command line lists."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "specs", "examples"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    collected = [line for line in run.stdout.splitlines() if "::" in line]
    program = "import json, modelcheck.loading as l; print(json.dumps([len(l.load(f)) for f in "
    program += "('specs', 'examples')]))"
    listed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert len(collected) == sum(json.loads(listed.stdout)) > 20


def test_pages_are_written_where_asked(pytester):
    """Each failure has a page of its own, named by its test; from options and from the ini file."""
    write(pytester, "spec_adder.py", BROKEN)
    write(pytester, "models.py", BROKEN)
    test = "from models import crowded\nfrom modelcheck import assert_holds\n"
    write(pytester, "test_it.py", test + "def test_it():\n    assert_holds(crowded)\n")
    pytester.makeini("[pytest]\npythonpath = .")
    done = pytester.runpytest("--modelcheck-html", "pages")
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines_random(["*A page about it: *spec_adder.py_crowded-*.html"])
    pages = sorted(path.name for path in (pytester.path / "pages").iterdir())
    assert [name.rpartition("-")[0] for name in pages] == [
        "spec_adder.py_crowded",
        "test_it.py_test_it",
    ]
    assert all("violated" in (pytester.path / "pages" / name).read_text() for name in pages)
    pytester.makeini("[pytest]\npythonpath = .\nmodelcheck_html = out")
    pytester.runpytest("spec_adder.py").assert_outcomes(failed=1)
    assert len(list((pytester.path / "out").iterdir())) == 1


def test_workers_of_xdist_write_pages(pytester):
    """The folder is the same one whatever the worker's own is."""
    pytest.importorskip("xdist")
    write(pytester, "spec_adder.py", BROKEN)
    done = pytester.runpytest_subprocess("-n", "2", "--modelcheck-html", "pages")
    done.assert_outcomes(failed=1)
    assert len(list((pytester.path / "pages").iterdir())) == 1


def test_ctrl_c_ends_the_test_run(pytester):
    """An interrupted search is not one failed test among others: the run ends, as pytest's do."""
    large = HEAD + dedent("""
        from modelcheck import cells

        @state
        class Wide:
            bit = cells(40, False)

        @process
        def flip(s, i):
            print("flipping", flush=True)
            while True:
                yield s.bit[i].update(lambda bit: not bit)

        @model
        def wide():
            s = Wide()
            return System(s, [flip(s, i) for i in range(40)])
        """)
    write(pytester, "spec_wide.py", large)
    write(pytester, "test_after.py", "def test_it():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-s", "-v"]
    run = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, text=True)
    while "flipping" not in run.stdout.readline():
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    told = run.communicate(timeout=60)[0]
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in told
    assert "test_after.py::test_it" not in told
