"""Tries settings before they are used, and on single objects."""
