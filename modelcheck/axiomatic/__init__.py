"""Axiomatic memory models: relations over events, candidate executions, models, cat files."""
