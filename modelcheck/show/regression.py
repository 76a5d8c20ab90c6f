"""A counterexample as a test in Python: it says that this schedule is gone, or still there.

The test stands alone but for modelcheck and the model's file, which it finds from its own place.
"""

from __future__ import annotations

import re
from typing import Any

from modelcheck.show import words
from modelcheck.show.summary import title_of, what_is_violated

_GONE = '''
def test_{name}():
    """The schedule that violated {title} is no longer there."""
    model = find(f"{{FILE}}:{model}")[0]
    parameters = {{name: model.parse(name, text) for name, text in PARAMETERS.items()}}
    try:
        trace = replay(model, TOKEN)
    except UsageError:  # the model has changed since: not this schedule, but perhaps another one
        result = check(model(**parameters), memory={memory!r})
        found = result.violation
        assert found is None or (found.kind, found.property) != VIOLATED, str(result)
        assert result.verdict != "incomplete", str(result)
    else:
        raise AssertionError(str(trace))
'''

_THERE = '''
def test_{name}():
    """The broken twin {title} is still broken in the same way, step by step."""
    model = find(f"{{FILE}}:{model}")[0]
    trace = replay(model, TOKEN)
    assert (trace.violation.kind, trace.violation.property) == VIOLATED
    assert [(step.process, step.label) for step in trace.steps] == STEPS
'''


def regression_test(result: Any, file: str) -> str:
    """The source of a test that replays a result's counterexample.

    Where the model should hold, the test passes when the counterexample is gone: a token that the
    changed model refuses makes it check the whole model for the same violation. Of a twin that is
    meant to be broken, the test asks for the same steps to the same violation.

    Parameters
    ----------
    result : Result
        With a counterexample that has a token.
    file : str
        The model's file as seen from the test's folder.
    """
    violation, trace = result.violation, result.trace
    title = title_of(result)
    head = [
        f'"""{_safe(title)}: {_safe(what_is_violated(violation))}, '
        f'after {words.steps_text(len(trace))}."""',
        "",
        "from pathlib import Path",
        "",
        "from modelcheck import UsageError, check, replay" if not result.ok
        else "from modelcheck import replay",
        "from modelcheck.loading import find",
        "",
        f"FILE = (Path(__file__).parent / {file!r}).resolve()",
        f"VIOLATED = ({violation.kind.value!r}, {violation.property!r})",
        "TOKEN = (",
        *(f"    {result.token[i : i + 88]!r}" for i in range(0, len(result.token), 88)),
        ")",
    ]  # fmt: skip
    if result.ok:
        head += ["STEPS = [", *(f"    ({s.process!r}, {s.label!r})," for s in trace.steps), "]"]
    else:
        head += [f"PARAMETERS = {_parameters(result)!r}"]
    body = (_THERE if result.ok else _GONE).format(
        name=re.sub(r"\W+", "_", f"{result.model}_{violation.property}").strip("_"),
        title=_safe(title),
        model=result.model,
        memory=result.memory_model,
    )
    return "\n".join([*head, "", body])


def _parameters(result: Any) -> dict[str, str]:
    """The parameters as texts that the model's `parse` reads."""
    return {
        name: value.name if hasattr(value, "name") else value if isinstance(value, str)
        else repr(value)
        for name, value in result.parameters.items()
    }  # fmt: skip


def _safe(text: str) -> str:
    """Text for a docstring."""
    return text.replace("\\", "\\\\").replace('"', "'")


__all__ = ["regression_test"]
