"""Memory models written in herd's cat language: `load` makes a `Model` of a file."""

from modelcheck.litmus.cat.model import load, load_text

__all__ = ["load", "load_text"]
