"""Every block of code in the reference runs, and the tables of specs are what a run gives."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from commandline import ROOT, run
from documents import blocks, matches, message_of, run_console, run_page, sessions

import modelcheck
from modelcheck import kernel
from modelcheck.check import check
from modelcheck.cli import main
from modelcheck.loading import load
from modelcheck.verdict import ExitCode, Kind

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference.md"


#: Pages all of whose code runs, each with the least number of blocks that must have run.
PAGES = {
    "reference.md": 6,
    "tutorial.md": 14,
    "howto/invariant.md": 4,
    "howto/interrupt.md": 2,
    "howto/debug.md": 5,
    "howto/big-models.md": 2,
    "howto/ci.md": 3,
    "axiomatic.md": 2,
    "../README.md": 3,
    "explorer.md": 2,
    "long-runs.md": 2,
    "memory-models.md": 2,
    "outputs.md": 1,
    "pytest.md": 4,
    "repair.md": 3,
    "side-by-side.md": 4,
    "from-promela.md": 2,
    "from-pluscal.md": 2,
    "symmetry.md": 4,
}


#: Pages whose code is run, or held against what is run, by other tests, and by which.
ELSEWHERE = {
    "../CONTRIBUTING.md": ".ci/run, which the commands describe",
    "architecture.md": "fragments in three styles; styles.md has them whole",
    "comparison.md": "benchmarks, minutes each",
    "errors.md": "test_every_error_of_the_page_comes_as_it_is_shown",
    "lockless-walk.md": "the tables' own tests, below",
    "paging.md": "tests/specs/test_paging.py, which holds the tables against runs",
    "styles.md": "the tests of styles, below",
}


def pages() -> list[Path]:
    """Every page of prose."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def named(page: Path) -> str:
    """A page as `PAGES` names it."""
    return os.path.relpath(page, DOCS).replace(os.sep, "/")


def test_every_page_with_code_is_run_somewhere():
    """A page with code is in `PAGES`, or a test of its own is named; neither names one without."""
    run_as = {"python", "pycon", "console", "sh", "diff"}
    with_code = {named(p) for p in pages() if run_as & {block.language for block in blocks(p)}}
    assert with_code == {*PAGES, *ELSEWHERE}


#: Commands of others, which set up a machine or run our tools.
OTHERS = re.compile(
    r"python3 -m venv|\S*pip install|\.venv/bin/|\.ci/run|cd tests && python -m|python benchmarks/"
)
#: A command in the text: between backquotes, or a line of a block.
INLINE = re.compile(r"`(modelcheck [a-z][^`\n]*)`")


def shown_commands() -> list[tuple[str, str]]:
    """Every command of ours on any page, with the page."""
    found = []
    for page in pages():
        for block in blocks(page):
            if block.language == "sh":
                lines = block.text.splitlines()
                found += [(named(page), line) for line in lines if not OTHERS.match(line)]
            elif block.language == "console":
                found += [(named(page), command) for command, _ in sessions(block.text)]
        found += [(named(page), command) for command in INLINE.findall(page.read_text("utf-8"))]
    return [(page, line) for page, line in found if line.strip() and not line.startswith("pytest")]


def test_every_command_that_is_shown_can_be_given():
    """Also those that nobody runs here: the subcommand is one, and its options are its own."""
    commands = shown_commands()
    assert len(commands) >= 60
    for page, line in commands:
        program, name, *arguments = shlex.split(line.partition(" #")[0].replace("...", ""))
        assert program == "modelcheck", (page, line)
        assert name in main.commands, (page, line)
        known = {opt for p in main.commands[name].params for opt in (*p.opts, *p.secondary_opts)}
        options = [word.partition("=")[0] for word in arguments if re.match(r"--?[a-z]", word)]
        assert set(options) <= {*known, "--help"}, (page, line)


def test_every_file_that_a_command_names_is_there():
    """A command about `specs/...` names a file, and a model in it; our tools are where it says."""
    text = "\n".join(page.read_text("utf-8") for page in pages())
    for module in re.findall(r"cd tests && python -m ([\w.]+)", text):
        assert (ROOT / "tests" / module.replace(".", "/")).with_suffix(".py").exists()
    for tool in re.findall(r"python (benchmarks/\w+\.py)", text):
        assert (ROOT / tool).exists()
    for page, line in shown_commands():
        for path, name in re.findall(r"\b((?:specs|examples|benchmarks)/[\w/.]+)(?::(\w+))?", line):
            if path == "specs/NAME":
                continue
            assert (ROOT / path).exists(), (page, line)
            assert not name or re.search(rf"def {name}\b", (ROOT / path).read_text("utf-8")), line


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs(page, tmp_path, monkeypatch):
    """Files are written, scripts run, examples and commands show what the page says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    try:
        assert run_page(DOCS / page, tmp_path) >= PAGES[page]
    finally:
        # A page's files import one another; another page may have one of the same name.
        for name in set(sys.modules) - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]


def test_every_error_of_the_page_comes_as_it_is_shown(tmp_path, monkeypatch):
    """Each piece of process code gives the message below it, and each command prints its own."""
    monkeypatch.chdir(tmp_path)
    shared, *rest = blocks(DOCS / "errors.md")
    compared = 0
    code = ""
    for block in rest:
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            code = block.text
        elif block.language == "text":
            got = message_of(code, shared.text, tmp_path)
            assert matches(block.text, got + "\n"), (code, got)
            compared += 1
        else:
            run_console(block.text)
    assert compared >= 30


def test_the_glossary_is_in_order_and_has_every_kind_and_verdict():
    """A word is found where the alphabet puts it; the words of a verdict are among them."""
    text = (DOCS / "glossary.md").read_text("utf-8")
    terms = re.findall(r"^(\w.*)\n  \w", text, re.M)
    assert terms == sorted(terms)
    assert len(terms) >= 50
    words = [*(kind.value for kind in Kind), *(verdict.value for verdict in modelcheck.Verdict)]
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("page", "peer"),
    [
        ("from-promela.md", "phils.pml"),
        ("from-pluscal.md", "Phils.tla"),
        ("side-by-side.md", "phils.pml"),
        ("side-by-side.md", "Phils.tla"),
        ("side-by-side.md", "phils.hny"),
        ("side-by-side.md", "phils.rs"),
        ("side-by-side.md", "../../tests/litmus/tests/C-MP+wmb+rmb.litmus"),
    ],
)
def test_a_peer_s_model_is_shown_as_it_is_measured(page, peer):
    """What a page quotes is the file that the benchmarks run."""
    text = (ROOT / "benchmarks" / "peers" / peer).read_text("utf-8")
    assert text in [block.text for block in blocks(DOCS / page)]


def test_the_names_are_all_in_the_reference_of_names():
    """Each name that `modelcheck` exports has its entry, once."""
    text = (DOCS / "api.rst").read_text("utf-8")
    assert sorted(re.findall(r"^\.\. auto(?:function|class):: (\w+)", text, re.M)) == sorted(
        modelcheck.__all__
    )


def test_the_reference_names_the_whole_vocabulary():
    """Each public name of the kernel's words, each kind and each exit status is on the page."""
    text = REFERENCE.read_text("utf-8")
    words = [*kernel.__all__, *(kind.value for kind in Kind)]
    assert [word for word in words if not re.search(rf"`{word}\b", text)] == []
    assert all(f"| {code.value} |" in text for code in ExitCode)


def test_the_reference_names_every_field_of_the_json():
    """A field that is written is described, also those of a step."""
    text = REFERENCE.read_text("utf-8")
    [lost] = [m for m in load(ROOT / "specs/classic/lost_update.py") if m.name == "lost_update"]
    found = check(lost).to_dict()
    fields = {*found, *found["trace"][0], *found["coverage"][0]}
    assert [field for field in sorted(fields) if f"`{field}`" not in text] == []


def test_the_readme_or_the_reference_names_every_public_name():
    """What `modelcheck` exports is told of somewhere a user looks."""
    text = REFERENCE.read_text("utf-8") + (ROOT / "README.md").read_text("utf-8")
    missing = [name for name in modelcheck.__all__ if not re.search(rf"\b{name}\b", text)]
    assert missing == []


WALK = ROOT / "specs" / "lockless_walk"
ROW = re.compile(
    r"^\| `(row\w+)` \|[^|]*\| \**(violated|holds)\b[^|]*\| *(\d*) *\| ([\d,]+) \|$", re.M
)


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[str, str, str]]:
    """The rows of the page: verdict, steps and states by model."""
    text = (DOCS / "lockless-walk.md").read_text("utf-8")
    return {row[1]: (row[2], row[3], row[4]) for row in ROW.finditer(text)}


def test_the_table_of_the_walk_is_what_a_run_gives(told):
    """Each model in the folder has its row, in order, with verdict, steps and states."""
    found = {}
    for model in load(WALK):
        result = check(model)
        steps = str(len(result.trace)) if result.trace else ""
        found[model.name] = (result.verdict.value, steps, f"{result.states:,}")
    assert told == found
    assert list(told) == list(found)


def repair_tables(text: str) -> list[str]:
    """The rows of the tables of minimal repairs that a text has."""
    return re.findall(
        r"^\| (?:sc|tso|pso|wmm) \| .*(?:irqs_off|splitter_mb|walker_mb).*\|$", text, re.M
    )


@pytest.mark.parametrize(
    "memory", ["sc", pytest.param("sc,tso,pso,wmm", marks=pytest.mark.long, id="all")]
)
def test_the_barriers_that_are_needed_are_what_the_command_prints(memory):
    """The page's two tables are, row by row, what its command prints."""
    text = (DOCS / "lockless-walk.md").read_text("utf-8")
    [command] = re.findall(r"^modelcheck (repair .*)$", text, re.M)
    arguments = command.replace("sc,tso,pso,wmm", memory).replace("specs/", f"{ROOT}/specs/")
    done = run(*arguments.split())
    assert done.exit_code == 0
    asked = tuple(f"| {name} " for name in memory.split(","))
    told = [row for row in repair_tables(text) if row.startswith(asked)]
    assert told == repair_tables(done.stdout)
    assert len(told) >= 2


COST = re.compile(r"^\| (\d) \| (true|false) \| (\d) \| (\d) \|$", re.M)


@pytest.mark.parametrize(
    "walkers", ["1", "2", pytest.param("3", marks=pytest.mark.long, id="three")]
)
def test_what_the_patch_buys_is_what_the_command_prints(walkers):
    """Least and most IPIs, with the count and without, are those of the page."""
    text = (DOCS / "lockless-walk.md").read_text("utf-8")
    [command] = re.findall(r"^modelcheck (cost .*)$", text, re.M)
    rows = [row for row in COST.findall(text) if row[0] == walkers]
    assert [row[1] for row in rows] == ["false", "true"]
    for _, counting, least, most in rows:
        arguments = command.replace("walkers=2", f"walkers={walkers}")
        arguments = arguments.replace("counting=true", f"counting={counting}")
        done = run(*arguments.replace("specs/", f"{ROOT}/specs/").split(), "--json")
        assert done.exit_code == 0
        found = json.loads(done.stdout)
        assert (str(found["least"]), str(found["most"])) == (least, most)


STYLES = DOCS / "styles.md"
CHANGES = ["add a barrier", "add a second mm", "break all four"]


def applied(base: str, diff: str) -> str:
    """A text with a unified diff without context applied to it."""
    old, new, at = base.splitlines(), [], 0
    for line in diff.splitlines():
        hunk = re.match(r"@@ -(\d+)(?:,(\d+))? ", line)
        if hunk:
            # Without lines to remove, the hunk follows the line that it names.
            start = int(hunk[1]) - (hunk[2] != "0")
            new, at = [*new, *old[at:start]], start
        elif line.startswith("-"):
            assert old[at] == line[1:]
            at += 1
        else:
            new.append(line[1:])
    return "\n".join([*new, *old[at:]]) + "\n"


@pytest.fixture(scope="module")
def styles() -> dict[str, tuple[str, dict[str, str]]]:
    """By letter: the text of each style, and its changes as diffs."""
    found = blocks(STYLES)
    assert [block.language for block in found] == ["python", *["diff"] * len(CHANGES)] * 4
    per = [found[i : i + 1 + len(CHANGES)] for i in range(0, len(found), 1 + len(CHANGES))]
    return {
        letter: (base.text, dict(zip(CHANGES, [c.text for c in changes], strict=True)))
        for letter, (base, *changes) in zip("ABCD", per, strict=True)
    }


def test_the_table_of_styles_counts_the_lines_of_the_changes(styles):
    """What it took is counted from the changes shown, each of which applies and is Python."""
    text = STYLES.read_text("utf-8")
    for change in CHANGES:
        cells = []
        for base, diffs in styles.values():
            compile(applied(base, diffs[change]), change, "exec")
            signs = [line[0] for line in diffs[change].splitlines()]
            cells.append(f"+{signs.count('+')} −{signs.count('-')}")
        assert f"| {change} | {' | '.join(cells)} |" in text


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("", [None] * 4),
        ("add a barrier", [None] * 4),
        ("add a second mm", [None] * 4),
        ("break all four", ["assertion", "deadlock", "invariant", "deadlock"]),
    ],
)
def test_the_chosen_style_runs(change, kinds, styles, tmp_path):
    """A's protocols hold, also with each change, and are broken by what breaks them."""
    base, diffs = styles["A"]
    path = tmp_path / "a.py"
    path.write_text(applied(base, diffs[change]) if change else base, encoding="utf-8")
    found = [check(model).violation for model in load(path)]
    assert [violation and violation.kind.value for violation in found] == kinds


@pytest.mark.parametrize(
    ("there", "instead", "said"),
    [
        ("pmd = yield mm.pmd", "pmd = mm.pmd", "is compared with `is`"),
        ("    yield mm.nr_walkers.add(1)", "    mm.nr_walkers.add(1)", "never yielded"),
        ("yield from use(mm)", "use(mm)", "makes a generator and drops it"),
        ("live = yield mm.table_live", "live = mm.table_live", "which is a reference here"),
    ],
)
def test_a_slip_in_the_chosen_style_is_refused(there, instead, said, styles, tmp_path):
    """A word that is left out is an error with its line, not another protocol."""
    base, _ = styles["A"]
    assert there in base
    path = tmp_path / "a.py"
    path.write_text(base.replace(there, instead), encoding="utf-8")
    with pytest.raises(modelcheck.ModelError, match=said):
        check(load(path)[0])
