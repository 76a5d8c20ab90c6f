"""The renderings of a trace in text: table, narrative, Mermaid and JSON."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings

from modelcheck.show.jsonform import json_value, trace_json
from modelcheck.show.mermaid import mermaid
from modelcheck.show.narrative import WIDTH, narrative
from modelcheck.show.table import table_text, trace_table, write_table

from . import samples, snapshot
from .strategies import traces, values


@pytest.mark.parametrize("name", samples.ALL)
def test_text_renderings_are_as_they_were(name):
    """Narrative, table, Mermaid and JSON of each sample equal their snapshots."""
    trace = samples.ALL[name]()
    snapshot.check(f"{name}.narrative.txt", narrative(trace))
    snapshot.check(f"{name}.table.txt", table_text(trace))
    snapshot.check(f"{name}.mmd", mermaid(trace))
    snapshot.check(f"{name}.json", json.dumps(trace_json(trace), indent=1) + "\n")


def test_the_narrative_tells_who_was_preempted_about_to_do_what():
    """A turn that ends before its process does says what comes next and what changes before."""
    told = " ".join(narrative(samples.lockless_walk()).split())
    assert "walker[0] stops here, about to run `READ_ONCE(mm.ptes[0])` (counting.py:36)." in told
    assert "Before it does, mm.table changes." in told
    assert "walker[1] is preempted, about to run `READ_ONCE(mm.pmd)` (counting.py:33)." in told
    assert "reads mm.pmd = NONE (from splitter, step 4)" in told


def test_a_store_becomes_visible_once_in_each_rendering():
    """Neither a heading nor a remark says again what the step says."""
    trace = samples.ALL["store_buffering"]()
    drains = [step for step in trace.steps if step.process in trace.buffers]
    for told in (narrative(trace), table_text(trace), mermaid(trace)):
        assert told.count("visible") == len(drains) == 1


def test_the_narrative_tells_why_a_process_is_blocked():
    """A deadlock names each waiting process, its guard and the values that block it."""
    told = narrative(samples.two_serializers())
    assert "splitter[0] is blocked at `until cpu[1].ipi == 0`" in told
    assert "because cpu[1].ipi = 1." in told


def test_the_narrative_numbers_every_step_once():
    """Each step of a long trace has its line, in order."""
    told = narrative(samples.long_values(200, 6))
    numbers = [int(n) for n in re.findall(r"^ *(\d+)\. It runs", told, re.MULTILINE)]
    assert numbers == list(range(1, 201))


def test_plain_table_is_ascii_on_request():
    """For a pipe in an old encoding arrows are spelled and other letters escaped."""
    for make in samples.ALL.values():
        text = table_text(make(), ascii_only=True)
        assert text.isascii()
    assert "0 -> 1" in table_text(samples.lost_update(), ascii_only=True)


def test_the_table_for_a_terminal_shows_values_not_markup():
    """Square brackets in names and values are not taken for rich's markup."""
    from rich.console import Console

    stream = io.StringIO()
    console = Console(file=stream, width=200, color_system=None)
    console.print(trace_table(samples.lockless_walk()))
    assert "walker[0]" in stream.getvalue()
    assert "Invariant violated: no_use_after_free" in stream.getvalue()
    console.print(trace_table(samples.hostile()))


def test_a_pipe_gets_plain_text():
    """What is no terminal gets no escape sequence, and ASCII where it can take no more."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", newline="\n")
    write_table(samples.lost_update(), stream)
    stream.flush()
    assert raw.getvalue().decode("latin-1") == table_text(samples.lost_update(), ascii_only=True)


def test_renderers_import_nothing_heavy():
    """rich, graphviz and networkx are loaded only by the functions that need them."""
    modules = ["lanes", "narrative", "table", "mermaid", "jsonform", "stategraph"]
    code = "import sys, " + ", ".join(f"modelcheck.show.{name}" for name in modules)
    code += "; print(sorted({'rich', 'graphviz', 'networkx', 'numba'} & set(sys.modules)))"
    code = code.replace(
        "import sys", "import sys; sys.path[:] = " + repr(sys.path) + "; import sys", 1
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_json_has_natives_where_json_has_them():
    """Numbers, text, None and lists stay what they are; all else is text."""
    (first, *_) = trace_json(samples.lockless_walk())
    assert first["writes"] == [{"name": "mm.nr_walkers", "old": 0, "new": 1}]
    assert json_value([1, None, True, "x", samples.Pmd.HUGE]) == [1, None, True, "x", "HUGE"]


def test_json_leaves_out_what_is_not_there():
    """A local variable that is new has no old value, not a null that could be None."""
    step = trace_json(samples.lost_update())[0]
    assert step["locals"] == [{"name": "seen", "new": 0}]


def strict_json(found):
    """JSON that every reader takes: no "NaN", no lone surrogates."""
    return json.dumps(found, allow_nan=False, ensure_ascii=False).encode("utf-8")


@given(values)
def test_any_value_has_a_json_form(value):
    """Strict JSON, in UTF-8, whatever the value."""
    found = json_value(value)
    assert json.loads(strict_json(found)) == found


@settings(deadline=None)
@given(traces())
def test_any_trace_has_text_renderings(trace):
    """No name, label, message or value breaks a line of the narrative, the table or Mermaid."""
    for text in (narrative(trace), table_text(trace), mermaid(trace)):
        assert all(line.isprintable() for line in text.split("\n"))
    found = trace_json(trace)
    assert json.loads(strict_json(found)) == found


MERMAID_LINE = re.compile(
    r"sequenceDiagram|    autonumber|    participant (?:p\d+|memory) as [^:;%<>{}]*(?:[^<>{}%]*)"
    r"|    (?:p\d+|memory)-?->>(?:p\d+|memory): .*|    Note over (?:p\d+|memory)(?:,p\d+)?: .*"
)


@settings(deadline=None)
@given(traces())
def test_any_trace_is_safe_mermaid(trace):
    """Every line has a known form; `;`, `#` and markup occur only as entity codes and <br/>."""
    for line in mermaid(trace).splitlines():
        assert MERMAID_LINE.fullmatch(line), line
        text = re.sub(r"#\d+;|<br/>|-?->>", "", line)
        assert not set(text) & set(";#<>%{}\"'`&\\"), line
        assert "end" not in text.partition(": ")[2]


def test_narrative_lines_are_short():
    """Sentences are wrapped for a mail, except that one long word stays whole."""
    text = narrative(samples.lockless_walk())
    assert max(len(line) for line in text.splitlines()) <= WIDTH
