"""Litmus tests imported as generator programs: the same states, flags and observation under lkmm.

`python tests/programs/roundtrip.py FOLDER` compares every C test below a folder and says which
cannot be imported, and why.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from programs.agreement import build

from modelcheck.axiomatic.models import MODELS
from modelcheck.errors import ModelcheckError
from modelcheck.litmus.condition import Place
from modelcheck.litmus.run import Outcome, run
from modelcheck.litmus.test import Litmus, read
from modelcheck.programs.importing import Importer, python_source
from modelcheck.programs.search import Executions, ProgramSearch

LKMM = MODELS["lkmm"]

#: Seconds for a test: larger ones are compared by nobody.
SECONDS = 5.0


def program_of(test: Litmus) -> Any:
    """Return the model that a test is imported as."""
    source = python_source(test)
    namespace = build(source, f"<{test.name}>", whole=True)
    [model] = [v for v in namespace.values() if type(v).__name__ == "Model"]
    return model


def states_of(test: Litmus, found: Executions) -> set[Any]:
    """Return the final states of a program, as the test names them."""
    importer = Importer(test)
    wanted = test.question.filter
    states = set()
    for end in found.ends.values():
        if end.stuck:
            continue
        values = {place: value_of(importer, place, end.values) for place in importer.observed_all()}
        if wanted is None or wanted.holds(values):
            states.add(tuple((place, values[place]) for place in test.question.observed()))
    return states


def value_of(importer: Importer, place: Place, values: dict[str, Any]) -> Any:
    """Return what a place holds in the end; a lock that is held is 1."""
    if place.proc is None and place.name not in importer.shared:
        return 0
    name = importer.place(place).removeprefix("s.")
    found = values[name]
    return int(found) if isinstance(found, bool) else found


def compared(path: Path) -> str:
    """Return how the import of a test compares: "same", "too long", or what is wrong."""
    test = read(path)
    outcome = run(test, LKMM, timeout_s=SECONDS)
    if not outcome.complete:
        return "too long"
    try:
        model = program_of(test)
    except ModelcheckError as error:
        return f"refused: {str(error).splitlines()[0].partition(': ')[2]}"
    found = ProgramSearch(model(), LKMM).run()
    return difference(test, outcome, found) or "same"


def difference(test: Litmus, outcome: Outcome, found: Executions) -> str:
    """Return in words what differs between a test and its program; empty if nothing does."""
    if found.cut_at is not None or outcome.cut:
        return "" if bool(found.cut_at) == outcome.cut else "one is cut, the other is not"
    states = states_of(test, found)
    if states != outcome.states:
        return f"states: {states ^ outcome.states}"
    # A filter keeps executions from being flagged; a program has none.
    flags = outcome.flags if test.question.filter is None else outcome.flags & set(found.flags)
    if (set(found.flags) if test.question.filter is None else flags) != outcome.flags:
        return f"flags: {set(found.flags)} {outcome.flags}"
    truths = {bool(test.question.proposition.holds(dict(state))) for state in states}
    observed = "Never" if True not in truths else "Sometimes" if False in truths else "Always"
    return "" if observed == outcome.observation else f"observation: {observed}"


def main() -> None:
    """Compare all tests; the exit status is 1 if one differs."""
    tally: Counter[str] = Counter()
    for path in sorted(Path(sys.argv[1]).rglob("*.litmus")):
        try:
            said = compared(path)
        except ModelcheckError as error:
            said = f"error: {error}"
        tally[said.partition(":")[0]] += 1
        if said not in ("same", "too long"):
            print(f"{path.name}: {said}", flush=True)
    print(dict(tally))
    sys.exit(any(key not in ("same", "too long", "refused") for key in tally))


if __name__ == "__main__":
    main()
