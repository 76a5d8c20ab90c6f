"""Visited sets that may miss states: what they are called, and what they say of what they missed.

They are for what fits no memory. Such a search is never more than *incomplete*, unless it finds a
violation: that one is real, whatever the set forgot. The set itself is in
`modelcheck.explore.native.compact`.
"""

from __future__ import annotations

import math

from attrs import frozen

from modelcheck.errors import UsageError

#: Bits of a hash that can be stored.
HASH_BITS = (40, 48, 64)

#: Bits that a bitstate search sets for each state.
PROBES = 3


@frozen
class Lossy:
    """An inexact visited set: hashes of so many bits, or (0) an array of bits alone."""

    bits: int

    def __attrs_post_init__(self) -> None:
        if self.bits and self.bits not in HASH_BITS:
            known = ", ".join(map(str, HASH_BITS))
            raise UsageError(f"hash compaction stores {known} bits a state, not {self.bits}")

    @property
    def name(self) -> str:
        """What this way to search is called."""
        return f"hash compaction to {self.bits} bits" if self.bits else "a bitstate search"

    def told(self, states: int, missed: float) -> str:
        """Return in words why such a search proves nothing, and how near it comes.

        Parameters
        ----------
        missed : float
            How many states are expected to have been taken for others, of those that were met.

        Examples
        --------
        >>> Lossy(40).told(1000, 2e-7)
        'hash compaction to 40 bits: nothing was found; it missed a state with probability 2e-07'
        >>> Lossy(0).told(900, 100.0)
        'a bitstate search: nothing was found; it met about 90% of the states next to those stored'
        """
        if self.bits:
            chance = probability(missed)
            return (
                f"{self.name}: nothing was found; it missed a state with probability {chance:.2g}"
            )
        share = states / (states + missed)
        shown = f"{share:.0%}" if share < 0.995 else f"{min(share, 0.999999):.4%}"
        return (
            f"{self.name}: nothing was found; it met about {shown} of the states next to those "
            "stored"
        )


def probability(missed: float) -> float:
    """Return the probability that anything was missed, from the expected number.

    Examples
    --------
    >>> probability(0.0), round(probability(1.0), 3)
    (0.0, 0.632)
    """
    return -math.expm1(-missed)
