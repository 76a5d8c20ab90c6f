"""`modelcheck litmus`: what it prints, writes and exits with; explanations and pictures."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from litmus.suites import OWN

from modelcheck.axiomatic.models import MODELS
from modelcheck.cli import main
from modelcheck.litmus.explain import explain, explanation_text, graph
from modelcheck.litmus.run import run, why_forbidden
from modelcheck.litmus.test import parse, read
from modelcheck.show.engines import program
from modelcheck.show.execution import execution_dot, execution_svg


def litmus(*args: object):
    return CliRunner().invoke(main, ["litmus", *map(str, args)])


def own(name: str):
    return OWN / f"{name}.litmus"


def test_one_file_prints_what_herd_prints():
    """The block of one test goes to standard output, and 0 says that it is as expected."""
    done = litmus(own("C-MP"))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:3] == ["Test MP Allowed", "States 4", "1:r0=0; 1:r1=0;"]
    assert "Observation MP Sometimes 1 3" in done.stdout


def test_a_folder_is_a_table():
    """Several files make a table, their tally its last line."""
    done = litmus(OWN)
    number = len(list(OWN.glob("*.litmus")))
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].split()[:3] == ["test", "verdict", "expected"]
    assert done.stdout.splitlines()[-1] == f"{number} of {number} tests as expected"


def test_workers_find_the_same():
    """Two processes give the same reports as one, in the same order."""
    args = [own("C-SB"), own("C-MP"), own("PPC-LB"), "--json", "-"]
    one, two = litmus(*args), litmus(*args, "--workers", 2)
    reports = [
        [{k: v for k, v in report.items() if k != "seconds"} for report in json.loads(done.stdout)]
        for done in (one, two)
    ]
    assert reports[0] == reports[1]
    assert [r["name"] for r in reports[0]] == ["SB", "MP", "LB"]


def test_json_of_one_file(tmp_path):
    """One file makes an object, with states, counts, flags and what was expected."""
    done = litmus(own("C-race"), "--json", tmp_path / "out.json", "-q")
    report = json.loads((tmp_path / "out.json").read_text())
    assert (done.exit_code, done.stdout) == (0, "")
    assert report["verdict"] == report["expected"] == "Sometimes DATARACE"
    assert report["states"] == ["1:r0=0;", "1:r0=1;"]
    assert (report["positive"], report["negative"], report["flags"]) == (1, 1, ["data-race"])


def changed(tmp_path, name: str, old: str, new: str):
    text = own(name).read_text()
    assert old in text
    path = tmp_path / "changed.litmus"
    path.write_text(text.replace(old, new))
    return path


def test_not_as_expected_exits_with_1(tmp_path):
    """A `Result:` comment that is wrong gives 1, and says what was found."""
    done = litmus(changed(tmp_path, "C-MP", "Result: Sometimes", "Result: Never"))
    assert done.exit_code == 1
    assert "Sometimes, expected Never" in done.stderr


@pytest.mark.parametrize(("quantifier", "code"), [("exists", 0), ("~exists", 1), ("forall", 1)])
def test_without_a_comment_the_quantifier_tells(tmp_path, quantifier, code):
    """Without a `Result:`, `exists` only asks; `~exists` and `forall` claim."""
    path = changed(tmp_path, "C-MP", "Result: Sometimes", "")
    path.write_text(path.read_text().replace("\nexists", f"\n{quantifier}"))
    assert litmus(path).exit_code == code


def test_errors_exit_with_2(tmp_path):
    """A syntax error, a missing file, and a model that says nothing of the test give 2."""
    wrong = litmus(changed(tmp_path, "C-MP", "WRITE_ONCE(*x, 1);", "WRITE_ONCE(*x, 1)"))
    assert wrong.exit_code == 2
    assert "changed.litmus:11:2: `;` expected" in wrong.stderr
    assert litmus(tmp_path / "none.litmus").exit_code == 2
    assert litmus(own("C-MP"), "--model", "power").exit_code == 2
    assert litmus(own("C-MP"), "--model", "z80").exit_code == 2
    refused = litmus(own("C-RCU+sync+read"), "--model", "sc")
    assert refused.exit_code == 2
    assert "the model sc gives sync-rcu no meaning" in refused.stderr


@pytest.mark.parametrize(
    ("result", "condition", "code"),
    [
        ("(* Result: Never *)", "exists (x=5)", 3),
        ("(* Result: Sometimes *)", "exists (x=5)", 3),
        ("(* Result: Always *)", "exists (x=5)", 1),
        ("", "~exists (x=5)", 3),
        ("(* Result: Never *)", "exists (y=1)", 1),
        ("", "~exists (y=1)", 1),
    ],
)
def test_what_a_cut_loop_leaves_out_shows_nothing(tmp_path, result, condition, code):
    """Where a loop was cut, only an execution that was found can be against what is expected."""
    path = tmp_path / "cut.litmus"
    path.write_text(
        f"C cut {result}\n{{}}\nP0(int *x, int *y) {{ int r0 = READ_ONCE(*y);\n"
        "int r1 = 3 - 3 * r0;\n"
        "while (r1 > 0) { r1 = r1 - 1; } if (r0 == 0) { WRITE_ONCE(*x, 5); } }\n"
        f"P1(int *y) {{ WRITE_ONCE(*y, 1); }}\n{condition}\n"
    )
    assert litmus(path).exit_code == code


def test_an_execution_without_meaning_is_no_success(tmp_path):
    """A claim about executions of which some load from address 0 is left open, with a note."""
    path = tmp_path / "fault.litmus"
    path.write_text(
        "C fault\n{ int *p = 0; }\n"
        "P0(int **p) { int *r0 = READ_ONCE(*p); int r1 = READ_ONCE(*r0); WRITE_ONCE(*p, 5); }\n"
        "~exists (p=5)\n"
    )
    done = litmus(path)
    assert done.exit_code == 3
    assert "left out executions in which 0 is used as an address" in done.stderr


def large(n: int) -> str:
    """A test with so many threads that counting its executions takes long; its verdict does not."""
    threads = [
        f"P{i}(int *x{i}, int *x{(i + 1) % n}) {{ WRITE_ONCE(*x{i}, 1); smp_mb(); "
        f"int r0 = READ_ONCE(*x{(i + 1) % n}); }}"
        for i in range(n)
    ]
    condition = " /\\ ".join(f"{i}:r0=0" for i in range(n))
    return "\n".join(["C large (* Result: Never *)", "{}", *threads, f"exists ({condition})"])


def test_a_budget_ends_the_count_but_not_the_verdict(tmp_path):
    """A test too large to count has its verdict, and a note says that only this was found."""
    path = tmp_path / "large.litmus"
    path.write_text(large(14))
    done = litmus(path, "--timeout", 1)
    assert done.exit_code == 0
    assert "Observation large Never 0 1" in done.stdout
    assert "only the verdict was found" in done.stderr


def test_out_of_time_is_incomplete(tmp_path):
    """A search that a budget ends before there is a verdict exits with 3 and claims nothing."""
    path = tmp_path / "large.litmus"
    path.write_text(large(14))
    done = litmus(path, "--timeout", 0.0001, "--json", "-")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["verdict"] == "incomplete"


def test_why_names_axiom_and_cycle():
    """A forbidden outcome is explained by the axiom and a cycle in steps that a reader can see."""
    done = litmus(own("C-MP+wmb+rmb"), "--why")
    assert "forbidden by happens-before, which has a cycle:" in done.stdout
    assert "--prop (fr ; po ; rf)-->" in done.stdout
    assert "allows it" in litmus(own("C-MP"), "--why").stdout


def test_why_incoherent_outcomes_are_forbidden():
    """What the enumeration leaves out as incoherent is enumerated to explain it."""
    execution, broken = why_forbidden(read(own("C-CoRR")), MODELS["lkmm"])
    text = explanation_text(execution, explain(execution, broken))
    assert text.startswith("forbidden by coherence, which has a cycle:")


def test_every_forbidden_own_test_is_explained():
    """The steps of each explanation of a forbidden outcome make a closed cycle."""
    for path in sorted(OWN.glob("C-*.litmus")):
        test = read(path)
        if test.expected is None or not test.expected.startswith("Never"):
            continue
        forbidden = why_forbidden(test, MODELS["lkmm"])
        if forbidden is None:
            continue
        steps = explain(*forbidden).steps
        assert steps
        if forbidden[1].kind != "empty":
            ends = [(a.target, b.source) for a, b in zip(steps, steps[1:] + steps[:1], strict=True)]
            assert all(a == b for a, b in ends)
        for step in steps:
            walked = [step.source, *(target for _, _, target in step.through)]
            assert walked[-1] == step.target
            assert "?" not in [name for _, name, _ in step.through]


def test_the_columns_of_an_execution_stand_in_the_order_of_the_threads():
    """Drawn by the Graphviz that is there, events below the heading of their thread."""
    pytest.importorskip("graphviz")
    if program() is None:
        pytest.skip("no Graphviz")
    for name in ("C-IRIW+mbs", "C-MP+wmb+rmb", "C-SB+mbs"):
        execution, broken = why_forbidden(read(own(name)), MODELS["lkmm"])
        drawn = execution_svg(graph(name, execution, explain(execution, broken), "why"))
        heads = re.findall(r'<text [^>]*?x="([\d.]+)"[^>]*>P(\d)</text>', drawn)
        across = [float(x) for x, _ in sorted(heads, key=lambda head: head[1])]
        assert len(across) > 1
        assert across == sorted(across)


def test_an_execution_graph_has_a_column_for_each_thread():
    """The DOT of a forbidden execution: a heading for each thread, the cycle thick."""
    pytest.importorskip("graphviz")
    execution, broken = why_forbidden(read(own("C-SB+mbs")), MODELS["lkmm"])
    dot = execution_dot(graph("SB+mbs", execution, explain(execution, broken), "why"))
    assert "p0 -> p1" in dot
    assert 'label="W[once] x=1"' in dot
    assert "penwidth=2.4" in dot
    hostile = run(
        parse('C "a\\N<b>\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nexists (x=1)'), MODELS["sc"]
    )
    drawn = execution_dot(graph(hostile.test.name, hostile.positive_witness, None))
    assert '\\"a\\\\N<b>' in drawn


def test_svg(tmp_path):
    """`--svg` writes one picture, or a folder of them."""
    pytest.importorskip("graphviz")
    done = litmus(own("C-LB"), "--svg", tmp_path / "lb.svg")
    if "no Graphviz" in done.stderr:
        pytest.skip("no Graphviz here")
    assert (tmp_path / "lb.svg").read_text().count("<svg") == 1
    litmus(own("C-LB"), own("C-SB+mbs"), "--svg", tmp_path / "folder")
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == ["C-LB.svg", "C-SB+mbs.svg"]


def test_a_cat_file_as_model(tmp_path):
    """`--model FILE.cat` runs the file; a mistake in it has its place."""
    model = tmp_path / "weak.cat"
    model.write_text('include "cos.cat"\nacyclic po-loc | rf | co | fr as coherence\n')
    assert "Sometimes" in litmus(own("C-SB"), "--model", model).stdout
    model.write_text("acyclic po | (\n")
    done = litmus(own("C-SB"), "--model", model)
    assert done.exit_code == 2
    assert "weak.cat:2:1: an expression expected" in done.stderr
