"""The whole state in one location: no two states have anything in common that could be learned."""

from modelcheck import System, atomic, model, process, state


@state
class Board:
    row: object


@process
def swapper(s, i):
    """Swap places i and i + 1, for ever."""

    def swap():
        row = list(s.row)
        row[i], row[i + 1] = row[i + 1], row[i]
        s.row = tuple(row)

    while True:
        yield atomic(swap)


@model
def one_slot(n: int = 6):
    """All n! orders of a row, each step a path of its own that Python has to be asked for."""
    s = Board(row=tuple(range(n)))
    return System(s, [swapper(s, i) for i in range(n - 1)])
