"""``python -m modelcheck`` is the command line."""

from _modelcheck_main import main

main()
