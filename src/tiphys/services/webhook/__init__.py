"""Deliveries of webhooks, from the moment they are read until the applications are refreshed."""
