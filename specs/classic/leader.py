"""Leader election in a unidirectional ring.

Dolev, Klawe and Rodeh, An O(n log n) unidirectional distributed algorithm for extrema finding in a
circle, J. Algorithms 3, 1982.
"""

from modelcheck import Channel, System, always, atomic, cells, model, process, sometimes, state

ONE, TWO, WINNER = "one", "two", "winner"


@state
class Ring:
    link: object
    leaders: int = 0


@process(daemon=True)
def node(s, me, n, number):
    """React to one message at a time; a reaction is one step."""
    inbox, outbox = s.link[me], s.link[(me + 1) % n]
    active, know, best, neighbour = True, False, number, 0
    yield outbox.send((ONE, number))

    def react():
        kind, nr = inbox.recv()
        if kind == ONE:
            if not active:
                outbox.send((ONE, nr))
            elif nr != best:
                outbox.send((TWO, nr))
                return active, know, best, nr
            else:
                outbox.send((WINNER, nr))
                return active, True, best, neighbour
        elif kind == TWO:
            if not active:
                outbox.send((TWO, nr))
            elif neighbour > nr and neighbour > best:
                outbox.send((ONE, neighbour))
                return active, know, neighbour, neighbour
            else:
                return False, know, best, neighbour
        else:
            if nr == number:
                s.leaders += 1
            if not know:
                outbox.send((WINNER, nr))
        return active, know, best, neighbour

    while True:
        active, know, best, neighbour = yield atomic(react)


@always
def one_leader(s):
    return s.leaders <= 1


@sometimes
def elected(s):
    return s.leaders == 1


@model
def leader(n: int = 5):
    """At most one node becomes the leader, and some run elects one."""
    s = Ring(link=cells(n, Channel(2 * n)))
    nodes = [node(s, me, n, (n + 3 - (me + 1)) % n + 1) for me in range(n)]
    return System(s, nodes, [one_leader, elected])
