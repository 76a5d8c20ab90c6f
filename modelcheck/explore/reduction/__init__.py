"""Partial-order reduction: which of the enabled steps of a state are enough."""
