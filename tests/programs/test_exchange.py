"""Litmus tests as programs, programs as litmus tests: what the one says, the other says too."""

from __future__ import annotations

import pytest
from commandline import run as command
from litmus.suites import SUITES, own
from programs import shapes
from programs.agreement import build
from programs.roundtrip import compared

from modelcheck import ModelError, UsageError, check
from modelcheck.axiomatic.models import MODELS
from modelcheck.litmus.run import run
from modelcheck.litmus.test import parse, read
from modelcheck.programs.exporting import litmus_source
from modelcheck.programs.importing import python_source

LKMM = MODELS["lkmm"]


#: What has no step in Python, by the test's name.
REFUSED = {"C-sub-and-test": "`atomic_sub_and_test`"}


@pytest.mark.parametrize("path", own("C-"), ids=lambda path: path.stem)
def test_an_imported_test_has_the_states_of_the_file(path):
    """States, flags and observation of each of the project's own C tests are its program's."""
    if path.stem in REFUSED:
        assert compared(path).startswith(f"refused: {REFUSED[path.stem]}")
    else:
        assert compared(path) == "same"


@pytest.mark.skipif(not SUITES.is_dir(), reason="the public litmus suites are not beside the clone")
@pytest.mark.parametrize("folder", ["catalogue", "extra", "visible/manual"])
def test_the_public_tests_come_back_from_a_program(folder):
    """Each C test of the public suites is the same as a program, or refused by name."""
    found = {p.name: compared(p) for p in sorted((SUITES / "lkmm" / folder).rglob("*.litmus"))}
    assert found
    odd = {n: s for n, s in found.items() if s not in ("same", "too long")}
    assert {n: s for n, s in odd.items() if not s.startswith("refused")} == {}
    assert len(odd) <= 1


@pytest.mark.long
@pytest.mark.skipif(not SUITES.is_dir(), reason="the public litmus suites are not beside the clone")
def test_every_public_test_comes_back_from_a_program():
    """The same of all of them: one computes with addresses in registers, and is refused."""
    found = [compared(path) for path in sorted((SUITES / "lkmm").rglob("*.litmus"))]
    assert found.count("same") >= 235
    assert [said for said in found if said not in ("same", "too long")] == [
        "refused: an address that no variable has has no step in Python"
    ]


EXPORTED = [
    ("load_buffering", {"how": how})
    for how in ("none", "data", "ctrl", "ctrl-else", "join", "and", "release")
] + [
    ("message_passing", {"writer": "wmb", "reader": "rmb"}),
    ("message_passing", {"writer": "none", "reader": "rmb"}),
    ("message_passing", {"writer": "release", "reader": "acquire"}),
    ("grace_period", {"flavour": "rcu", "wait": "rcu"}),
    ("grace_period", {"flavour": "srcu", "wait": "srcu"}),
    ("grace_period", {"flavour": "rcu", "wait": ""}),
    ("counter", {"how": "spin"}),
    ("counter", {"how": "none"}),
    ("store_buffering", {"how": "mb"}),
    ("store_buffering", {"how": "atomic"}),
    ("store_buffering", {"how": "none"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), EXPORTED)
def test_an_exported_model_asks_what_the_model_asks(name, parameters):
    """The condition is met in the file where the model is violated, also when it is imported."""
    system = getattr(shapes, name)(**parameters)
    test = parse(litmus_source(system))
    holds = check(getattr(shapes, name)(**parameters), memory="lkmm").holds
    assert (run(test, LKMM).positive == 0) == holds
    again = build(python_source(test), f"<again {name} {parameters}>", whole=True)
    [model] = [v for v in again.values() if type(v).__name__ == "Model"]
    assert check(model, memory="lkmm").holds == holds


def test_a_wait_becomes_a_filter():
    """A process that waits is a load whose value the filter asks for."""
    text = litmus_source(shapes.each_waits())
    assert "filter (0:w0=1 /\\ 1:w0=1)" in text
    assert parse(text).question.filter is not None


def test_what_cannot_be_said_is_refused_by_line():
    """An assertion and a loaded index have no form in C litmus tests; assembly has none here."""
    with pytest.raises(ModelError, match="`assert seen == 1") as error:
        litmus_source(shapes.asserted())
    assert error.value.file.endswith("shapes.py")
    with pytest.raises(ModelError, match="an index that was loaded"):
        litmus_source(shapes.through_a_pointer())
    with pytest.raises(UsageError, match="a X86_64 test has no Python program"):
        python_source(read(own("X86_64-")[0] if own("X86_64-") else own("x86")[0]))


def test_the_commands_write_what_can_be_run(tmp_path):
    """`export` writes a file for `litmus`, `import` one for `check`; both exit with 0."""
    there = tmp_path / "mp.litmus"
    target = f"{shapes.__file__}:message_passing"
    assert command("export", target, "--litmus", "-o", str(there)).exit_code == 0
    done = command("litmus", str(there))
    assert (done.exit_code, "Observation message_passing Never" in done.stdout) == (0, True)
    back = tmp_path / "mp.py"
    assert command("import", str(there), "-o", str(back)).exit_code == 0
    done = command("check", str(back), "--memory", "lkmm")
    assert (done.exit_code, "holds" in done.stdout) == (0, True)
    assert "smp_wmb()" in command("import", str(there)).stdout
