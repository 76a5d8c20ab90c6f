"""A receive queue shared by a task and a softirq: which locks, and what each wrong one does.

A device's interrupt raises net_rx and returns; the softirq puts a packet into the queue, a task
takes packets out. The softirq preempts the task on its CPU: the task takes the lock with softirqs
disabled (``Documentation/kernel-hacking/locking.rst``, "Locking Between User Context and
Softirqs"). An interrupt handler that takes the lock itself needs interrupts disabled as well.
"""

from modelcheck import System, at_end, label, model, process, sometimes, state
from modelcheck.kernel import (
    READ_ONCE,
    WRITE_ONCE,
    Cpu,
    interrupt,
    local_bh_disable,
    local_bh_enable,
    raise_softirq,
    softirq,
    spin_lock,
    spin_lock_bh,
    spin_lock_irqsave,
    spin_unlock,
    spin_unlock_bh,
    spin_unlock_irqrestore,
)


@state
class Device:
    """A device: how many packets came, how many wait in its ring, in the queue, or were taken."""

    cpu: object = Cpu
    lock: bool = False
    came: int = 0
    ring: int = 0
    queue: int = 0
    taken: int = 0


def adds(device, n):
    queue = yield READ_ONCE(device.queue)
    yield WRITE_ONCE(device.queue, queue + n)


def net_rx(device):
    """Put all packets of the ring into the queue."""

    def handler(cpu, name):
        packets = yield device.ring.swap(0)
        yield spin_lock(device.lock)
        yield from adds(device, packets)
        yield spin_unlock(device.lock)

    return softirq(device.cpu, "net_rx", handler)


def irq(device, most, puts):
    """The device's interrupt; one that `puts` the packet into the queue leaves no work."""

    def handler(cpu, found):
        yield device.came.add(1)
        if puts:
            yield spin_lock(device.lock)
            yield from adds(device, 1)
            yield spin_unlock(device.lock)
        else:
            yield device.ring.add(1)
            yield raise_softirq(cpu, "net_rx")

    return interrupt(device.cpu, "irq", handler, pending=lambda: device.came < most)


def takes(device):
    """Take a packet, where one is there."""
    queue = yield READ_ONCE(device.queue)
    if queue:
        yield WRITE_ONCE(device.queue, queue - 1)
        yield WRITE_ONCE(device.taken, 1)


@process
def receives(device, lock):
    """recvmsg(), once, with one kind of lock or none."""
    cpu, flags = device.cpu, None
    if lock == "bh":
        yield from spin_lock_bh(cpu, device.lock)
    elif lock == "irq":
        flags = yield from spin_lock_irqsave(cpu, device.lock)
    elif lock == "plain":
        yield spin_lock(device.lock)
    with label("takes"):
        yield from takes(device)
    if lock == "bh":
        yield from spin_unlock_bh(cpu, device.lock)
    elif lock == "irq":
        yield from spin_unlock_irqrestore(cpu, device.lock, flags)
    elif lock == "plain":
        yield spin_unlock(device.lock)


@process
def polls(device):
    """Take a packet on the CPU where alone packets come in: softirqs disabled are enough."""
    yield local_bh_disable(device.cpu)
    with label("takes"):
        yield from takes(device)
    yield local_bh_enable(device.cpu)


@at_end
def no_packet_is_lost(s):
    return s.queue + s.taken == s.came and s.ring == 0


@sometimes
def a_packet_is_taken(s):
    return s.taken == 1


@sometimes
def the_device_interrupts_the_softirq(s):
    return s.cpu.handlers == ("net_rx", "irq")


def system(device, task, packets, puts=False):
    """A device, and a task of its CPU."""
    processes = [task.on(device.cpu), irq(device, packets, puts), net_rx(device)]
    seen = [] if puts else [the_device_interrupts_the_softirq]
    return System(device, processes, [no_packet_is_lost, a_packet_is_taken, *seen])


@model(expect="holds")
def receive_queue(packets=2):
    """The task takes the lock with softirqs disabled."""
    device = Device()
    return system(device, receives(device, "bh"), packets)


@model(expect="violated", by="deadlock")
def receive_queue_plain_lock(packets=2):
    """The softirq spins on a lock that the task it preempted holds."""
    device = Device()
    return system(device, receives(device, "plain"), packets)


@model(expect="violated", by=no_packet_is_lost)
def receive_queue_no_lock(packets=2):
    """The softirq comes between the task's load and its store."""
    device = Device()
    return system(device, receives(device, "none"), packets)


@model(expect="holds")
def receive_queue_polled(packets=2):
    """No lock, softirqs disabled: right on one CPU."""
    device = Device()
    return system(device, polls(device).named("receives"), packets)


@model(expect="holds")
def receive_queue_filled_by_irq(packets=2):
    """The interrupt handler takes the lock: the task takes it with interrupts disabled."""
    device = Device()
    return system(device, receives(device, "irq"), packets, puts=True)


@model(expect="violated", by="deadlock")
def receive_queue_filled_by_irq_bh(packets=2):
    """The interrupt handler takes the lock, and the task has disabled softirqs alone."""
    device = Device()
    return system(device, receives(device, "bh"), packets, puts=True)
