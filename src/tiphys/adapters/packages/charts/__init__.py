"""Chart repositories with an index."""
