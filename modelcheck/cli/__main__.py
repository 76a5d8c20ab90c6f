"""``python -m modelcheck.cli`` is the command line, as ``python -m modelcheck`` is."""

from _modelcheck_main import main

main()
