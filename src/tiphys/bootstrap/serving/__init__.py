"""Wires the API server: one module a group of methods."""
