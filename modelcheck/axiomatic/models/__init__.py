"""The built-in memory models, by name, and which one a litmus test is meant for."""

from __future__ import annotations

from modelcheck.axiomatic.constraints import Model
from modelcheck.axiomatic.models.armv8 import ARMV8
from modelcheck.axiomatic.models.lkmm import LKMM
from modelcheck.axiomatic.models.power import POWER
from modelcheck.axiomatic.models.rc11 import RA, RC11
from modelcheck.axiomatic.models.sc import SC
from modelcheck.axiomatic.models.tso import TSO

MODELS: dict[str, Model] = {m.name: m for m in (LKMM, TSO, POWER, ARMV8, SC, RA, RC11)}

#: The model of each architecture's own machines; of C, the kernel's.
NATIVE = {"C": "lkmm", "X86_64": "x86-tso", "PPC": "power", "AArch64": "armv8"}

__all__ = ["MODELS", "NATIVE"]
