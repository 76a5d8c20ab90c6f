"""Renderings of traces, results and state graphs; they see plain data and nothing else."""
