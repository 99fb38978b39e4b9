"""Runs the commands of the sync engine against a cluster, and stores what must survive."""
