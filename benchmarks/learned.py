"""How often a search called Python: `python benchmarks/learned.py FILE[:MODEL] NAME=VALUE...`.

Prints a line of JSON: paths learned, and transitions taken.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

from modelcheck.cli.targets import find_one, system_of


def main() -> None:
    """Check the model with the native engine; print what its tables learned."""
    learned = []
    check = import_module("modelcheck.check")  # the package's attribute is the function
    explore = check.explore

    def noted(tables: Any, meter: Any, plan: Any) -> Any:
        search = explore(tables, meter, plan)
        learned.append(tables.learned)
        return search

    check.explore = noted  # type: ignore[attr-defined] # the one place where it is called
    model = find_one(sys.argv[1])
    system = system_of(model, sys.argv[2:])
    result = check.check(system, engine="native", reduction=False)
    print(json.dumps({"learned": sum(learned), "transitions": result.transitions}))


if __name__ == "__main__":
    main()
