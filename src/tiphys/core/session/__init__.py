"""Accounts of our own, their tokens, and when somebody may not try again."""
