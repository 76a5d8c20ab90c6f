"""The README's two commands are the ones that CI runs and that this tree can carry out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def commands(readme: str) -> list[str]:
    """The commands in the fenced blocks below the heading "Two commands", one a line."""
    section = re.search(r"^(#+) Two commands *$(.*?)(?=^\1 |\Z)", readme, re.M | re.S)
    assert section, 'README.md needs a heading "Two commands" with the two commands below it'
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", section[2], re.M | re.S)
    lines = "".join(fenced).replace("\\\n", "").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def readme_commands() -> list[str]:
    """The commands of the README as it stands."""
    return commands((ROOT / "README.md").read_text("utf-8"))


def test_ci_runs_the_second_command():
    """`.ci/run` contains, word for word, the command with which the README runs the tests."""
    _, second = readme_commands()
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert second in [line.strip() for line in script]


def test_the_commands_name_what_is_there():
    """Both commands use the same environment, and the specs that the first one checks exist."""
    first, second = readme_commands()
    assert first.startswith("python3 -m venv .venv && ")
    assert second.startswith(".venv/bin/")
    specs = re.findall(r"specs/\S*", first)
    assert specs
    assert [path for path in specs if not (ROOT / path).exists()] == []


def test_commands_are_found_by_their_heading():
    """Only the fences below the heading count; comments and joined lines are understood."""
    readme = """# Title
```sh
not this
```
## Two commands
Words.
```sh
# a comment
one && \\
two
```
### Below
```
three
```
## Next
```sh
nor this
```
"""
    assert commands(readme) == ["one && two", "three"]
