"""SessionError: a token that proves nothing (any more). The text is for its bearer."""

from __future__ import annotations


class SessionError(ValueError):
    pass
