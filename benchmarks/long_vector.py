"""A long vector: each process sets the cells of a row of its own and clears them again."""

from modelcheck import System, cells, model, process, state


@state
class Rows:
    cell: object


@process
def writer(s, me, width):
    """2 * width states, each different from the next in one cell of a long vector."""
    while True:
        for i in range(width):
            yield s.cell[me * width + i].set(1)
        for i in range(width):
            yield s.cell[me * width + i].set(0)


@model
def long_vector(n: int = 4, width: int = 24):
    """Nothing to go wrong: (2 * width) ** n states of n * width cells."""
    s = Rows(cell=cells(n * width, 0))
    return System(s, [writer(s, me, width) for me in range(n)])
