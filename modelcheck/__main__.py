"""``python -m modelcheck`` is the command line."""

from modelcheck.cli import main

main()
