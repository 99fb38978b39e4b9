"""Whose turn it is: what is slow keeps those waiting that share it, and nobody else."""
