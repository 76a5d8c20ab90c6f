"""Lesson 3: deadlock. Two locks taken in two orders; then the same with an order that all keep.

    modelcheck check examples/03_deadlock.py:crossed --svg crossed.svg

Nothing has to be asked: a state in which nobody can step, although somebody is not done, is a
violation. The last lines of the story say who waits for what.
"""

from modelcheck import System, atomic, cells, check, model, process, state


@state
class Accounts:
    locked = cells(2, False)
    balance = cells([100, 100])


def acquire(s, account):
    """Return the step that waits for an account's lock and takes it."""

    def take():
        s.locked[account] = True

    return atomic(take, when=lambda: not s.locked[account]).named(f"lock account {account}")


@process
def transfer(s, source, target, amount, order):
    for account in order:
        yield acquire(s, account)
    yield s.balance[source].add(-amount)
    yield s.balance[target].add(amount)
    for account in order:
        yield s.locked[account].set(False)


@model(expect="violated", by="deadlock")
def crossed():
    """Each takes its own account first."""
    s = Accounts()
    return System(s, [transfer(s, 0, 1, 10, (0, 1)), transfer(s, 1, 0, 20, (1, 0))])


@model
def in_order():
    """Both take account 0 first."""
    s = Accounts()
    return System(s, [transfer(s, 0, 1, 10, (0, 1)), transfer(s, 1, 0, 20, (0, 1))])


if __name__ == "__main__":
    print(check(crossed))
    print(check(in_order))
