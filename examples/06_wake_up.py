"""Lesson 6: weak memory. A worker that goes to sleep, and a wake-up that is lost on real hardware.

    modelcheck check examples/06_wake_up.py --memory sc,tso,pso,wmm

The worker says that it sleeps and then looks for work once more; the user queues work and then
looks whether somebody sleeps. One step after another, one of the two must see the other. But a
store waits in its CPU's store buffer while the load behind it goes ahead, also on x86: both look
too early, and the worker sleeps for ever beside its work. `smp_mb` between the two steps is what
the kernel's `set_current_state` and `wake_up_process` have for it.
"""

from modelcheck import System, at_end, check, model, process, sometimes, state, until
from modelcheck.kernel import READ_ONCE, WRITE_ONCE, smp_mb


@state
class Queue:
    work: bool = False
    asleep: bool = False
    done: bool = False


@process
def worker(queue, fenced):
    yield WRITE_ONCE(queue.asleep, True)
    if fenced:
        yield smp_mb()
    if not (yield READ_ONCE(queue.work)):
        yield until(lambda: not queue.asleep)
    yield WRITE_ONCE(queue.done, True)


@process
def user(queue, fenced):
    yield WRITE_ONCE(queue.work, True)
    if fenced:
        yield smp_mb()
    if (yield READ_ONCE(queue.asleep)):
        yield WRITE_ONCE(queue.asleep, False)


@at_end
def work_is_done(s):
    return s.done


@sometimes
def the_worker_is_woken(s):
    return s.work and s.asleep


@model
def wake_up():
    """With the barriers no wake-up is lost, under any memory model."""
    queue = Queue()
    processes = [worker(queue, True), user(queue, True)]
    return System(queue, processes, [work_is_done, the_worker_is_woken])


@model(expect={"sc": "holds", "else": "deadlock"})
def lost_wake_up():
    """Without them it is, on every machine that has store buffers."""
    queue = Queue()
    return System(queue, [worker(queue, False), user(queue, False)], [work_is_done])


if __name__ == "__main__":
    print(check(lost_wake_up, memory="tso"))
