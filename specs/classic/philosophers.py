"""Dining philosophers (Dijkstra 1971): each takes two forks, one after the other."""

from modelcheck import System, atomic, cells, model, process, state


@state
class Table:
    taken: object


def take(s, fork):
    """Return the step that waits for a fork and takes it."""

    def pick_up():
        s.taken[fork] = True

    return atomic(pick_up, when=lambda: not s.taken[fork]).named(f"take fork {fork}")


@process
def philosopher(s, first, second, left, right):
    """Take one fork, then the other; put both down, left one first."""
    while True:
        yield take(s, first)
        yield take(s, second)
        yield s.taken[left].set(False)
        yield s.taken[right].set(False)


@model(expect=lambda ordered: "holds" if ordered else "deadlock")
def philosophers(n: int = 5, ordered: bool = True):
    """Nobody starves together: philosopher 0 takes the forks in the other order."""
    s = Table(taken=cells(n, False))
    seats = []
    for i in range(n):
        left, right = i, (i + 1) % n
        first, second = (right, left) if ordered and i == 0 else (left, right)
        seats.append(philosopher(s, first, second, left, right))
    return System(s, seats)


@model(expect="violated", by="deadlock")
def greedy_philosophers(n: int = 5):
    """All take the left fork first: all can wait for ever."""
    return philosophers(n=n, ordered=False)
