"""Lesson 2: invariants and places. A lock, and a lock that tests and sets in two steps.

    modelcheck check examples/02_spin_lock.py

An invariant sees where each process is: `at("critical")` is true while a process stands inside the
`with`. `sometimes` asks for a witness, so that "nobody is ever inside" cannot pass for mutual
exclusion.
"""

from modelcheck import System, always, check, label, model, process, sometimes, state, until


@state
class SpinLock:
    locked: bool = False

    def lock(self):
        """Wait until it is free and take it, in one step."""
        while (yield self.locked.swap(True)):
            yield until(lambda: not self.locked)

    def careless_lock(self):
        """Wait until it is free, and then take it: somebody else may be quicker."""
        yield until(lambda: not self.locked)
        yield self.locked.set(True)

    def unlock(self):
        yield self.locked.set(False)


@state
class Shared:
    mutex: SpinLock = SpinLock()
    work: int = 0


@process
def worker(s, lock):
    yield from lock()
    with label("critical"):
        seen = yield s.work
        yield s.work.set(seen + 1)
    yield from s.mutex.unlock()


@always
def mutual_exclusion(s):
    return sum(w.at("critical") for w in s.worker) <= 1


@sometimes
def somebody_waits(s):
    return any(w.at("lock") for w in s.worker) and any(w.at("critical") for w in s.worker)


@model
def spin_lock(n: int = 3):
    """Test-and-test-and-set."""
    s = Shared()
    return System(
        s, [worker(s, s.mutex.lock) for _ in range(n)], [mutual_exclusion, somebody_waits]
    )


@model(expect="violated", by="mutual_exclusion")
def careless_spin_lock(n: int = 3):
    """Test, then set: two steps."""
    s = Shared()
    return System(s, [worker(s, s.mutex.careless_lock) for _ in range(n)], [mutual_exclusion])


if __name__ == "__main__":
    print(check(spin_lock))
    print(check(careless_spin_lock))
