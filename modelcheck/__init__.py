"""Check concurrent protocols, written as plain Python generators, in every interleaving.

    from modelcheck import System, always, cells, check, model, process, state, until

A process is a generator function that yields atomic steps over shared state; `check` explores all
interleavings and returns a verdict, with a shortest counterexample where one exists.
"""

from modelcheck.check import check, replay, simulate
from modelcheck.costs import costs
from modelcheck.errors import ModelcheckError, ModelError, UsageError
from modelcheck.explore.budget import Progress
from modelcheck.language.cells import cells
from modelcheck.language.channels import Channel
from modelcheck.language.children import spawn
from modelcheck.language.model import Model, System, model
from modelcheck.language.names import names
from modelcheck.language.process import Process, process
from modelcheck.language.properties import always, at_end, sometimes
from modelcheck.language.state import state
from modelcheck.language.steps import atomic, choose, either, fence, label, until
from modelcheck.language.symmetric import symmetric
from modelcheck.repair import repair
from modelcheck.results.graph import graph_of
from modelcheck.results.result import Result
from modelcheck.show.trace import Trace
from modelcheck.testing import assert_holds
from modelcheck.verdict import ExitCode, Kind, Verdict

__all__ = [
    "Channel",
    "ExitCode",
    "Kind",
    "Model",
    "ModelError",
    "ModelcheckError",
    "Process",
    "Progress",
    "Result",
    "System",
    "Trace",
    "UsageError",
    "Verdict",
    "always",
    "assert_holds",
    "at_end",
    "atomic",
    "cells",
    "check",
    "choose",
    "costs",
    "either",
    "fence",
    "graph_of",
    "label",
    "model",
    "names",
    "process",
    "repair",
    "replay",
    "simulate",
    "sometimes",
    "spawn",
    "state",
    "symmetric",
    "until",
]

__version__ = "0.1.0"
