"""Prometheus: counters that services fill, and figures that are read at a scrape."""
