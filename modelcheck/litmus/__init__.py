"""Litmus tests in herd7's format: reading them, running them, printing what herd7 prints."""
