"""The kernels of exact searches as functions to call, with no numba imported.

Neighbours: `kernel`, `passes`, `closure` and `ignoring` have their code, `objects` brings it here.
"""

from __future__ import annotations

from modelcheck.explore.native.objects import Entry

expand = Entry("kernel", "expand")
move = Entry("passes", "move")
examine = Entry("passes", "examine")
predecessor = Entry("passes", "predecessor")
aim = Entry("passes", "aim")
predecessors = Entry("passes", "predecessors")
violating = Entry("passes", "violating")
endings = Entry("passes", "endings")
rehash = Entry("passes", "rehash")
add_vectors = Entry("passes", "add_vectors")
vectors_of = Entry("passes", "vectors_of")
repack = Entry("passes", "repack")
choose = Entry("closure", "choose")
settle = Entry("ignoring", "settle")
ignored = Entry("ignoring", "ignored")
