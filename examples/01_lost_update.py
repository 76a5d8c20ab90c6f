"""Lesson 1: a race. Two processes add one to a counter, by a load and a store.

    modelcheck check examples/01_lost_update.py:lost_update

Each `yield` is one atomic step; between two of them anybody may step in. Look at the narrative: who
was preempted, about to do what? The second model repairs it with an indivisible step.
"""

from modelcheck import System, at_end, check, model, process, state


@state
class Shared:
    count: int = 0


@process
def increment(s):
    seen = yield s.count
    yield s.count.set(seen + 1)


@process
def increment_at_once(s):
    yield s.count.add(1)


@at_end
def nothing_lost(s):
    return s.count == 2


@model(expect="violated", by="nothing_lost")
def lost_update():
    """A load and a store are two steps."""
    s = Shared()
    return System(s, [increment(s), increment(s)], [nothing_lost])


@model
def no_update_lost():
    """A read-modify-write is one step."""
    s = Shared()
    return System(s, [increment_at_once(s), increment_at_once(s)], [nothing_lost])


if __name__ == "__main__":
    print(check(lost_update))
    print(check(no_update_lost))
