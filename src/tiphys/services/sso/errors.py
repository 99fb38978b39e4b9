"""LoginError: a login did not come about."""

from __future__ import annotations


class LoginError(Exception):
    """`status` is HTTP's. The text may hold what a stranger wrote: it is shown as text alone."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
