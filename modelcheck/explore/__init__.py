"""Explorers: they see integers, tries and a call that learns, and nothing else."""
