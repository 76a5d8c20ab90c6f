"""What continuous integration reads of a whole run: JUnit's XML, and SARIF for code review pages.

Both hold each model against what it expects: a broken twin that is broken as it should be is fine.
Neighbours: the command line gives the outcomes, `summary` the words.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from modelcheck.show.buffering import buffering
from modelcheck.show.jsonform import json_text
from modelcheck.show.narrative import told_turns
from modelcheck.show.summary import (
    safe_lines,
    summary_text,
    title_of,
    verdict_line,
    what_is_violated,
)
from modelcheck.show.text import clean

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

STEPS = 200
"""Steps told in SARIF's flow: readers of it load no more."""

_RULES = {
    "invariant": "An `always` property is false in a reachable state.",
    "assertion": "An `assert` in a process fails.",
    "exception": "A process raises an exception.",
    "deadlock": "Nobody can step although somebody should.",
    "final": "An `at_end` property is false when everything has ended.",
    "unreachable": "A `sometimes` property has no witness.",
    "unexpected": "The verdict is not the one that the model expects.",
    "incomplete": "A budget ended the search.",
    "error": "The model breaks a rule of the language.",
}


def junit(outcomes: Sequence[Any]) -> str:
    """A run as JUnit's XML: a test case for each model.

    Not as expected is a *failure*, incomplete too; a model that cannot be checked is an *error*.

    Parameters
    ----------
    outcomes : sequence of Outcome
        With `title`, `model`, and either `result` or `error`.
    """
    suite = ElementTree.Element("testsuite", name="modelcheck", tests=str(len(outcomes)))
    for outcome in outcomes:
        case = ElementTree.SubElement(
            suite, "testcase", name=clean(outcome.title), classname=_uri(_file(outcome))
        )
        result = outcome.result
        if result is None:
            _problem(case, "error", "model error", safe_lines(str(outcome.error)))
            continue
        case.set("time", f"{result.seconds:.3f}")
        if not result.ok:
            _problem(case, "failure", clean(verdict_line(result)), summary_text(result))
    for kind in ("failure", "error"):
        suite.set(f"{kind}s", str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("time", f"{sum(o.result.seconds for o in outcomes if o.result is not None):.3f}")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _problem(case: ElementTree.Element, tag: str, message: str, text: str) -> None:
    found = ElementTree.SubElement(case, tag, message=message, type=message.split(":")[0])
    found.text = text


def sarif(outcomes: Sequence[Any], version: str) -> str:
    """A run in SARIF 2.1.0: a result for each model that is not as expected.

    Its place is that of the property or of the failing line; its flow is the counterexample, step
    by step. Paths are relative to the working directory, as code review pages want them. The
    fingerprint is of the model and of what is violated, so that an alert stays the same one while
    lines move.
    """
    results = [_sarif_result(outcome) for outcome in outcomes if not _fine(outcome)]
    used = list(dict.fromkeys(result["ruleId"] for result in results))
    driver = {
        "name": "modelcheck",
        "version": version,
        "rules": [
            {"id": rule, "shortDescription": {"text": _RULES[rule.split("/")[1]]}} for rule in used
        ],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1) + "\n"


def _fine(outcome: Any) -> bool:
    return outcome.result is not None and outcome.result.ok


def _sarif_result(outcome: Any) -> dict[str, Any]:
    result = outcome.result
    if result is None:
        file, line = getattr(outcome.error, "file", None), getattr(outcome.error, "line", None)
        file = file or _file(outcome)
        return _finding("error", "error", safe_lines(str(outcome.error)), file, line, outcome)
    violation = result.violation
    if violation is None:
        rule = "incomplete" if result.verdict == "incomplete" else "unexpected"
        level = "warning" if rule == "incomplete" else "error"
        said, model = verdict_line(result), outcome.model
        return _finding(rule, level, said, model.file, model.line, outcome)
    file, line = violation.file or outcome.model.file, violation.line or outcome.model.line
    said, more = f"{title_of(result)}: {what_is_violated(violation)}.", clean(violation.message)
    said += f" {more}" if more and more not in said else ""
    found = _finding(violation.kind.value, "error", said, file, line, outcome)
    if result.trace is not None and result.trace.steps:
        found["codeFlows"] = [{"threadFlows": [{"locations": _flow(result.trace)}]}]
    return found


def _finding(  # noqa: PLR0913  the parts of a finding
    rule: str, level: str, said: str, file: str, line: int | None, outcome: Any
) -> dict[str, Any]:
    what = outcome.result.violation.property if _violated(outcome) else ""
    told = f"{_uri(_file(outcome))}:{outcome.title.rpartition(':')[2]}:{rule}:{what}"
    mark = hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:32]
    return {
        "ruleId": f"modelcheck/{rule}",
        "level": level,
        "message": {"text": said},
        "locations": [_location(file, line or 1)],
        "partialFingerprints": {"modelcheck/v1": mark},
    }


def _file(outcome: Any) -> str:
    """Return the file of an outcome; one that could not be loaded has its own as its title."""
    return str(outcome.title if outcome.model is None else outcome.model.file)


def _violated(outcome: Any) -> bool:
    return outcome.result is not None and outcome.result.violation is not None


def _flow(trace: Any) -> list[dict[str, Any]]:
    sentences = [text for told in told_turns(trace) for text in told.sentences]
    places = [  # what a store buffer makes visible was stored at a line of the user's
        step if one.leaves is None else trace.steps[one.leaves.store.step - 1]
        for step, one in zip(trace.steps, buffering(trace), strict=True)
    ]
    return [
        {
            "executionOrder": step.index,
            "location": _location(place.file, place.line)
            | {"message": {"text": f"{clean(step.process)}: {sentence}"}},
        }
        for step, place, sentence in list(zip(trace.steps, places, sentences, strict=True))[-STEPS:]
    ]


def _location(file: str, line: int) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": max(line, 1)}}
    return {"physicalLocation": place}


def _uri(file: str) -> str:
    """A file as a reference that is relative to the working directory, where that is above it."""
    try:
        near = os.path.relpath(file)
    except (ValueError, OSError):
        near = file
    path = PurePath(file if near.startswith("..") else near)
    return quote(json_text(path.as_posix()))


__all__ = ["junit", "sarif"]
