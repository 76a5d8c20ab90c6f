"""The tables of the documentation name what there is: options, settings, formats, keys."""

from __future__ import annotations

import json
import re
from importlib.resources import files

from commandline import ROOT, run

from _modelcheck_pytest import FILES, SETTINGS
from modelcheck.cli.exports import FORMATS


def cells(name: str, column: int) -> list[str]:
    """What stands in backquotes in one column of the tables of a document, in order."""
    text = (ROOT / "docs" / name).read_text("utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row[column])]


def test_the_plugin_has_the_options_that_are_documented():
    """Each option and setting of the plugin is in its table, and no other."""
    options = [f"--modelcheck-{name.replace('_', '-')} {unit}" for name, _, unit, _ in SETTINGS]
    assert cells("pytest.md", 0) == options
    assert cells("pytest.md", 1) == ["modelcheck_files", *(f"modelcheck_{s[0]}" for s in SETTINGS)]
    assert " ".join(FILES) in cells("pytest.md", 2)


def test_every_format_is_documented():
    """The formats of `--export` are those of the table, in its order."""
    assert cells("outputs.md", 0) == list(FORMATS)


def words(text: str) -> set[str]:
    """The keys that a cell names: what stands between blanks, but for the word that joins them."""
    return set(text.split()) - {"or"}


def test_every_key_is_documented():
    """The keys that the page's own list has are those of the table."""
    script = (files("modelcheck.show") / "page" / "main.js").read_text("utf-8")
    [listed] = re.findall(r"const KEYS = \[(.*?)\];", script, re.S)
    keys = [json.loads(f'"{key}"') for key in re.findall(r'\["([^"]*)",', listed)]
    text = (ROOT / "docs" / "outputs.md").read_text("utf-8")
    [table] = re.findall(r"^\| keys \|.*?\n\n", text, re.S | re.M)
    rows = [row.strip("|").split("|")[0] for row in table.splitlines()[2:] if row]
    assert words(" ".join(rows)) == words(" ".join(keys))


def test_the_documented_commands_are_there():
    """Each subcommand in the README's table is one, and each one is in the table."""
    readme = (ROOT / "README.md").read_text("utf-8")
    told = set(re.findall(r"^\| `modelcheck (\w+)", readme, re.M))
    listed = run("--help").stdout.partition("Commands:")[2]
    assert told == set(re.findall(r"^  (\w+)", listed, re.M))
