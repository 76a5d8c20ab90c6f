"""Strongly connected components of a graph whose edges are stored: those of reduced orbits.

Neighbours: `ignoring` walks a reduced graph of states without storing its edges.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def components(begin, edges, count):
    """Return the strongly connected component of each state; see `reduction.ignoring`."""
    number = np.full(count, -1, np.int64)
    low = np.zeros(count, np.int64)
    part = np.full(count, -1, np.int64)
    at = np.zeros(count, np.int64)
    stack = np.empty(count, np.int64)
    path = np.empty(count, np.int64)
    height = met = parts = 0
    for root in range(count):
        if number[root] >= 0:
            continue
        depth = 1
        path[0] = root
        number[root] = low[root] = met
        met += 1
        stack[height] = root
        height += 1
        at[root] = begin[root]
        while depth > 0:
            state = path[depth - 1]
            if at[state] < begin[state + 1]:
                after = edges[at[state]]
                at[state] += 1
                if number[after] < 0:
                    number[after] = low[after] = met
                    met += 1
                    stack[height] = after
                    height += 1
                    at[after] = begin[after]
                    path[depth] = after
                    depth += 1
                elif part[after] < 0:
                    low[state] = min(low[state], number[after])
                continue
            depth -= 1
            if depth > 0:
                low[path[depth - 1]] = min(low[path[depth - 1]], low[state])
            if low[state] == number[state]:
                while part[state] < 0:
                    height -= 1
                    part[stack[height]] = parts
                parts += 1
    return part
