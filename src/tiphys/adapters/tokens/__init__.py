"""Logins exchanged for a token first: GitHub Apps, accounts of Google and of Azure."""

from tiphys.adapters.tokens.tokens import TokenLogins, TokenSettings

__all__ = ["TokenLogins", "TokenSettings"]
